/* SPDX-License-Identifier: MIT */
/*
 * One send, from its parts to the submitted command.
 */
#ifndef REST_SEND_H
#define REST_SEND_H

#include "rest.h"

#define TTL_MAX 300 /* seconds */

struct send {
	struct wps_command command; /* with hub, whom, name and excluded */
	struct wps_msg_view view;   /* whole */
	struct wps_span filter;     /* absent or empty: none */
	size_t filter_max;          /* bytes of one, by where it stood */
};

/* True: it is accepted, and nothing can be said against it any more. */
bool send_submit(const struct rest_worker *worker, struct send *send,
    struct error *error_out);

#endif
