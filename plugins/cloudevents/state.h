/* SPDX-License-Identifier: MIT */
/*
 * What the plugin keeps with a connection: how many events it has had, the opaque
 * text that the application gave it (ce-connectionState), its cookies, and the
 * order of those events that nobody waits for.
 *
 * 0 is the id of the connect event, whether somebody hears it or not.
 *
 * Counted: the connection's slot holds it, and each of its events on their way,
 * which may outlive the connection.
 */
#ifndef CLOUDEVENTS_STATE_H
#define CLOUDEVENTS_STATE_H

#include "text.h"

#include <wps/host.h>

#include <curl/curl.h>
#include <sys/queue.h>

/* Of one connection; an answer that brings more keeps its first ones. */
#define COOKIES_MAX 20
#define COOKIES_BYTES_MAX 8192

struct delivery;
TAILQ_HEAD(delivery_queue, delivery);

/* The HMACs of the connection's id that sign its events, by access key. */
struct signature {
	bool made;
	bool has[2]; /* there is such a key */
	uint8_t mac[2][32];
};

struct conn_state {
	unsigned refs;
	uint64_t last_id;
	struct text value;
	struct signature signature;
	struct curl_slist *cookies; /* owned; as libcurl writes them */
	/* Events without a reply, in their order; only the first is on its way. */
	struct delivery_queue chain;
};

/* Makes it for the connection's first event; a borrowed reference. */
struct conn_state *state_get(const struct wps_host *host,
    const struct wps_self *self, struct wps_conn *conn);

struct conn_state *state_ref(struct conn_state *state);
void state_unref(struct conn_state **state); /* leaves NULL */

/* Replaces the value; an empty one clears it. Returns WPS_OK or WPS_ENOMEM. */
int state_set(struct conn_state *state, struct wps_span value);

/* Replaces the cookies; takes the list, which may be NULL. */
void state_set_cookies(struct conn_state *state, struct curl_slist *cookies);

#endif
