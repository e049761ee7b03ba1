/* SPDX-License-Identifier: MIT */
/*
 * Events: what upstream plugins hear of a connection, and their answers.
 *
 * A blocking event has a pending answer, which is completed exactly once or
 * cancelled. While a user event is pending no further message of the connection
 * is taken (upstream-events.md, section 7).
 */
#ifndef HUB_EVENT_H
#define HUB_EVENT_H

#include <wps/host.h>

struct upstream;
struct worker;

/* A blocking event without its answer; plugins know it as their reply. */
struct wps_reply {
	struct wps_conn *conn; /* counted */
	const struct upstream *upstream;
	/* Takes the answer, and frees the reply. */
	void (*complete)(struct wps_reply *reply, const struct wps_answer *answer);
};

/* Hears the answer to a connect event; the spans live during the call. */
typedef void (*event_connect_fn)(struct wps_conn *conn,
    const struct wps_answer *answer, void *data);

/*
 * Asks whether the client may come in; `done` may run before this returns.
 * WPS_NOT_FOUND: nobody wants to be asked, `done` is not called.
 */
int event_connect(struct wps_conn *conn, const struct wps_handshake *handshake,
    event_connect_fn done, void *data);

/* Tells that it came, and that it went: the second only after the first or an
 * accepted connect. */
void event_connected(struct wps_conn *conn);
void event_disconnected(struct wps_conn *conn, struct wps_span reason);

/* Tells of a change of membership: hub/presence.h. */
void event_presence(struct wps_conn *conn, bool joined, struct wps_span group);

/* See host.conn_event. */
int event_user(struct wps_conn *conn, const struct wps_event *event,
    wps_event_fn done);

/* The answers are not wanted any more, those to invocations neither. Harmless
 * without one. */
void event_cancel(struct wps_conn *conn);

/* Whether no message of the connection may be taken now. */
bool event_holds(const struct wps_conn *conn);
/* Says so to its transport. */
void event_hold(struct wps_conn *conn);

/* Of a user event: the upstream that wants it, NULL for none; and giving it. */
const struct upstream *event_wanted(const struct wps_event *event);
void event_deliver(const struct upstream *upstream,
    const struct wps_event *event, struct wps_reply *reply);

/* The worker that a reply belongs to. */
struct worker *event_worker(const struct wps_reply *reply);

/* See host.answer. */
void event_answer(struct wps_reply *reply, const struct wps_answer *answer);

#endif
