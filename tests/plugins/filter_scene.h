/* SPDX-License-Identifier: MIT */
/*
 * Connections, as filters see them, for the tests of filters.
 */
#ifndef PLUGINS_FILTER_SCENE_H
#define PLUGINS_FILTER_SCENE_H

#include "support/check.h"

#include "plugins/rest/filter.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct who {
	const char *user, *id, *protocol;
	const char *groups[4]; /* ends with NULL */
};

/* Reads a copy of the text without a byte to spare. */
struct filter *parse(const char *text, struct error *error);

bool holds(const struct filter *filter, const struct who *who);

/* Runs the tests as one suite, with the letters of C.UTF-8; the exit code. */
int run_filter_tests(const char *suite, const struct named_test *tests,
    size_t count);

#endif
