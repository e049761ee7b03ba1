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

#define STATE_MAX 8192 /* of ce-connectionState: it must fit into a header again */

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
	unsigned cookie_changes; /* how often they were replaced */
	/* Events without a reply, in their order; only the first is on its way. */
	struct delivery_queue chain;
};

/* One reference to the caller. */
struct conn_state *state_new(void);

/* Makes it for the connection's first event; a borrowed reference. */
struct conn_state *state_get(const struct wps_host *host,
    const struct wps_self *self, struct wps_conn *conn);

struct conn_state *state_ref(struct conn_state *state);
void state_unref(struct conn_state **state); /* leaves NULL */

/* Whether a value may stand in a header line, from which it came. */
bool state_is_ascii(struct wps_span value);

/* Replaces the value; an empty one clears it. Returns WPS_OK or WPS_ENOMEM. */
int state_set(struct conn_state *state, struct wps_span value);

/* Replaces the cookies; takes the list, which may be NULL. */
void state_set_cookies(struct conn_state *state, struct curl_slist *cookies);

/* The same when others have replaced them while an answer with that head was on
 * its way: of the list, which it takes too, only what the head sets is news. */
void state_merge_cookies(struct conn_state *state, struct curl_slist *cookies,
    struct wps_span head);

/* See wps_upstream.save. WPS_PENDING while events that nobody waits for are on
 * their way: who reads the connection back must not overtake them. */
int state_save(const struct wps_host *host, const struct conn_state *state,
    struct wps_record *record);

/* See wps_upstream.restore; WPS_OK and a state with one reference. */
int state_restore(struct wps_span bytes, struct conn_state **state_out);

#endif
