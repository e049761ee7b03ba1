/* SPDX-License-Identifier: MIT */
/*
 * Filters: which connections an operation is done to (filter.md).
 *
 * A filter is parsed once, checked for the types of all its operands, and made
 * into a small program for a stack machine. It is immutable from then on and may
 * run on several workers at once.
 */
#ifndef REST_FILTER_H
#define REST_FILTER_H

#include "error.h"

#include <wps/command.h>

#include <locale.h>

#define FILTER_QUERY_MAX 8192  /* bytes of one in a URL */
#define FILTER_BODY_MAX 65536  /* of one in a body */
#define FILTER_NODES_MAX 1000  /* literals, identifiers, operators, calls */
#define FILTER_DEPTH_MAX 100   /* parentheses, calls and `not` in each other */
#define FILTER_STACK_MAX 320   /* values that wait at once */
#define FILTER_MADE_MAX 262144 /* bytes of text that functions may make for one
				  connection; beyond it is not meant */

struct filter;

/*
 * Parses a filter; one reference is the caller's. NULL with the error filled:
 * it is no filter, or there is no memory for it. `locale` maps the case of
 * letters (0: of ASCII alone) and outlives the filter.
 */
struct filter *filter_parse(struct wps_span text, locale_t locale,
    struct error *error_out);

/* Accepts NULL. */
void filter_unref(struct filter *filter);

const struct wps_match *filter_match(const struct filter *filter);

/*
 * Whether the filter is true only for connections of one id, user or group: then
 * a command to all may go to these alone. `*whole_out`: this is all that the
 * filter says. The name lives as long as the filter.
 */
bool filter_narrows(const struct filter *filter, enum wps_whom *whom_out,
    struct wps_span *name_out, bool *whole_out);

#endif
