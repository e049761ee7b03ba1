/* SPDX-License-Identifier: MIT */
#include "hub/event.h"

#include "hub/conn.h"
#include "hub/invoke.h"
#include "hub/presence.h"
#include "hub/server.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/log.h"

#include <stdlib.h>

/* A connect or user event without its answer. */
struct pending {
	struct wps_reply reply;
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

void
event_deliver(const struct upstream *upstream, const struct wps_event *event,
    struct wps_reply *reply)
{
	upstream->ops.deliver(
	    plugin_state(event->conn->worker, upstream->self), event, reply);
}

static void
pending_free(struct pending *pending)
{
	struct wps_conn *conn = pending->reply.conn;

	conn->pending = NULL;
	free(pending);
	conn_unref(&conn);
}

static void
complete_connect(struct wps_reply *reply, const struct wps_answer *answer)
{
	struct pending *pending = container_of(reply, struct pending, reply);
	struct pending copy = *pending;
	struct wps_conn *conn = conn_ref(reply->conn);

	pending_free(pending);
	copy.connect_done(conn, answer, copy.data);
	conn_unref(&conn);
}

/* The next event may be given from inside `done`. */
static void
complete_user(struct wps_reply *reply, const struct wps_answer *answer)
{
	struct pending *pending = container_of(reply, struct pending, reply);
	wps_event_fn done = pending->user_done;
	struct wps_conn *conn = conn_ref(reply->conn);

	pending_free(pending);
	if (conn_is_live(conn)) {
		event_hold(conn);
		done(conn_sub_state(conn), conn, answer);
	}
	conn_unref(&conn);
}

static struct pending *
pending_new(struct wps_conn *conn, const struct upstream *upstream)
{
	struct pending *pending = xcalloc(1, sizeof(*pending));

	wps_assert(conn->pending == NULL);
	pending->reply.conn = conn_ref(conn);
	pending->reply.upstream = upstream;
	conn->pending = &pending->reply;
	return pending;
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
	struct pending *pending = pending_new(conn, upstream);
	pending->reply.complete = complete_connect;
	pending->connect_done = done;
	pending->data = data;
	event_deliver(upstream, &event, &pending->reply);
	return WPS_OK;
}

/* --- system events that nobody waits for ---------------------------------------- */

static void
tell(struct wps_event *event)
{
	const struct upstream *upstream = who_wants(event->conn, event);

	if (upstream)
		event_deliver(upstream, event, NULL);
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

bool
event_holds(const struct wps_conn *conn)
{
	return conn->pending != NULL || invoke_is_full(conn);
}

void
event_hold(struct wps_conn *conn)
{
	if (conn->ws)
		ws_hold(conn->ws, event_holds(conn));
}

/* Clients can cause it at will: the operator is told of the first one of a hub, by
 * each worker. */
static void
log_unhandled(struct wps_conn *conn, struct wps_span name)
{
	struct shard *shard = conn->shard;
	void (*say)(const char *, const char *, ...) =
	    shard->unhandled ? log_debug : log_warnx;

	shard->unhandled = true;
	say("core", "EventHandlerNotFound hub=%s conn=%.*s event=%.*s",
	    shard->hub->name, CONN_ID_SIZE, conn->id, (int)name.len, name.data);
}

const struct upstream *
event_wanted(const struct wps_event *event)
{
	const struct upstream *upstream = who_wants(event->conn, event);

	if (upstream == NULL)
		log_unhandled(event->conn, event->name);
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
	const struct upstream *upstream = event_wanted(&event);
	if (upstream == NULL)
		return WPS_NOT_FOUND;
	presence_flush(conn);
	struct pending *pending = pending_new(conn, upstream);
	pending->reply.complete = complete_user;
	pending->user_done = done;
	event_hold(conn);
	event_deliver(upstream, &event, &pending->reply);
	return WPS_OK;
}

void
event_cancel(struct wps_conn *conn)
{
	struct wps_reply *reply = conn->pending;

	invoke_cancel_all(conn);
	if (reply == NULL)
		return;
	reply->upstream->ops.cancel(
	    plugin_state(conn->worker, reply->upstream->self), reply);
	pending_free(container_of(reply, struct pending, reply));
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
	reply->complete(reply, answer);
}
