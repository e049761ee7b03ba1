/* SPDX-License-Identifier: MIT */
/*
 * The body of the two operations on many connections and groups at once
 * (rest-api.md, section 6).
 */
#ifndef REST_GROUP_BODY_H
#define REST_GROUP_BODY_H

#include "error.h"

#include <wps/span.h>

struct group_body {
	struct wps_span *groups; /* owned, with their texts and the filter's */
	size_t group_count;
	struct wps_span filter; /* absent or empty: none */
};

/* False with the error filled; group_body_fini follows in either case. */
bool group_body_read(struct group_body *body, struct wps_span text,
    struct error *error_out);
void group_body_fini(struct group_body *body);

#endif
