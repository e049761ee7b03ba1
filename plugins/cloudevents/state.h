/* SPDX-License-Identifier: MIT */
/*
 * What the plugin keeps with a connection, in its slot: how many events it has
 * had, and the opaque text that the application gave it (ce-connectionState).
 *
 * 0 is the id of the connect event, whether somebody hears it or not.
 */
#ifndef CLOUDEVENTS_STATE_H
#define CLOUDEVENTS_STATE_H

#include "text.h"

#include <wps/host.h>

struct conn_state {
	uint64_t last_id;
	struct text value;
};

/* Makes it for the connection's first event. */
struct conn_state *state_get(const struct wps_host *host,
    const struct wps_self *self, struct wps_conn *conn);

/* Replaces the value; an empty one clears it. Returns WPS_OK or WPS_ENOMEM. */
int state_set(struct conn_state *state, struct wps_span value);

void state_free(struct conn_state **state);

#endif
