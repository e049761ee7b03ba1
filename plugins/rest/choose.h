/* SPDX-License-Identifier: MIT */
/*
 * Filters of commands: parsed, put into the command, and where the filter names
 * whom it means, the command goes to these alone.
 */
#ifndef REST_CHOOSE_H
#define REST_CHOOSE_H

#include "filter.h"
#include "rest.h"

/* What a command borrows until it is submitted. */
struct choice {
	struct filter *filter; /* counted; NULL: there is none */
};

/* An absent or empty filter changes nothing. False with the error filled: there
 * is nothing to be freed then. */
bool choose(const struct rest *rest, struct choice *choice,
    struct wps_command *command, struct wps_span filter, size_t max,
    struct error *error_out);
void choice_fini(struct choice *choice);

#endif
