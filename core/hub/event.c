/* SPDX-License-Identifier: MIT */
#include "hub/event.h"

#include "hub/conn.h"
#include "hub/presence.h"
#include "hub/server.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/log.h"

#include <stdlib.h>

/* A blocking event without its answer; plugins know it as their reply. */
struct wps_reply {
	struct wps_conn *conn; /* counted */
	const struct upstream *upstream;
	wps_event_fn user_done; /* of a user event */
	event_connect_fn connect_done;
	void *data;
};

static const struct upstream *
who_wants(const struct wps_conn *conn, const struct wps_event *event)
{
	const struct points *points = &worker_server(conn->worker)->points;

	for (unsigned i = 0; i < points->upstream_count; i++) {
		const struct upstream *upstream = &points->upstreams[i];
		if (upstream->ops.wants(
		    plugin_state(conn->worker, upstream->self), event))
			return upstream;
	}
	return NULL;
}

static void
deliver(const struct upstream *upstream, const struct wps_event *event,
    struct wps_reply *reply)
{
	upstream->ops.deliver(
	    plugin_state(event->conn->worker, upstream->self), event, reply);
}

static struct wps_reply *
pending_new(struct wps_conn *conn, const struct upstream *upstream)
{
	struct wps_reply *reply = xcalloc(1, sizeof(*reply));

	wps_assert(conn->pending == NULL);
	reply->conn = conn_ref(conn);
	reply->upstream = upstream;
	conn->pending = reply;
	return reply;
}

static void
pending_free(struct wps_reply *reply)
{
	struct wps_conn *conn = reply->conn;

	conn->pending = NULL;
	free(reply);
	conn_unref(&conn);
}

/* --- connect ------------------------------------------------------------------ */

int
event_connect(struct wps_conn *conn, const struct wps_handshake *handshake,
    event_connect_fn done, void *data)
{
	struct wps_event event = {
		.kind = WPS_EVENT_CONNECT,
		.conn = conn,
		.name = WPS_SPAN("connect"),
		.handshake = handshake,
	};
	const struct upstream *upstream = who_wants(conn, &event);

	if (upstream == NULL)
		return WPS_NOT_FOUND;
	struct wps_reply *reply = pending_new(conn, upstream);
	reply->connect_done = done;
	reply->data = data;
	deliver(upstream, &event, reply);
	return WPS_OK;
}

/* --- system events that nobody waits for ---------------------------------------- */

static void
tell(struct wps_event *event)
{
	const struct upstream *upstream = who_wants(event->conn, event);

	if (upstream)
		deliver(upstream, event, NULL);
}

void
event_connected(struct wps_conn *conn)
{
	struct wps_event event = {
		.kind = WPS_EVENT_CONNECTED,
		.conn = conn,
		.name = WPS_SPAN("connected"),
	};

	conn->announced = true;
	tell(&event);
}

void
event_disconnected(struct wps_conn *conn, struct wps_span reason)
{
	struct wps_event event = {
		.kind = WPS_EVENT_DISCONNECTED,
		.conn = conn,
		.name = WPS_SPAN("disconnected"),
		.reason = reason,
	};

	if (!conn->announced)
		return;
	presence_flush(conn);
	conn->announced = false;
	tell(&event);
}

void
event_presence(struct wps_conn *conn, bool joined, struct wps_span group)
{
	struct wps_event event = {
		.kind = joined ? WPS_EVENT_JOINED : WPS_EVENT_LEFT,
		.conn = conn,
		.name = joined ? WPS_SPAN("joined") : WPS_SPAN("left"),
		.group = group,
	};

	if (conn->announced)
		tell(&event);
}

/* --- user events ------------------------------------------------------------------ */

static const struct upstream *
find_for_user(const struct wps_event *event)
{
	const struct wps_conn *conn = event->conn;
	const struct upstream *upstream = who_wants(conn, event);

	if (upstream == NULL)
		log_debug("core", "EventHandlerNotFound hub=%s conn=%.*s "
		    "event=%.*s", conn->shard->hub->name, CONN_ID_SIZE, conn->id,
		    (int)event->name.len, event->name.data);
	return upstream;
}

int
event_user(struct wps_conn *conn, const struct wps_event *given,
    wps_event_fn done)
{
	struct wps_event event = *given;

	event.kind = WPS_EVENT_USER;
	event.conn = conn;
	if (!conn_is_open(conn))
		return WPS_OK; /* the connection ends: nobody will hear */
	const struct upstream *upstream = find_for_user(&event);
	if (upstream == NULL)
		return WPS_NOT_FOUND;
	presence_flush(conn);
	struct wps_reply *reply = pending_new(conn, upstream);
	reply->user_done = done;
	ws_hold(conn->ws, true);
	deliver(upstream, &event, reply);
	return WPS_OK;
}

void
event_cancel(struct wps_conn *conn)
{
	struct wps_reply *reply = conn->pending;

	if (reply == NULL)
		return;
	reply->upstream->ops.cancel(
	    plugin_state(conn->worker, reply->upstream->self), reply);
	pending_free(reply);
}

/* --- answers ------------------------------------------------------------------------ */

struct worker *
event_worker(const struct wps_reply *reply)
{
	return reply->conn->worker;
}

void
event_answer(struct wps_reply *reply, const struct wps_answer *answer)
{
	struct wps_reply copy = *reply;
	struct wps_conn *conn = conn_ref(reply->conn);

	/* The next event may be given from inside `done`. */
	pending_free(reply);
	if (copy.connect_done) {
		copy.connect_done(conn, answer, copy.data);
	} else if (conn_is_live(conn)) {
		if (conn->ws)
			ws_hold(conn->ws, false);
		copy.user_done(conn_sub_state(conn), conn, answer);
	}
	conn_unref(&conn);
}
