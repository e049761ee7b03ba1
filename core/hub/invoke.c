/* SPDX-License-Identifier: MIT */
#include "hub/invoke.h"

#include "hub/conn.h"
#include "hub/event.h"
#include "hub/presence.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/list.h"

#include <stdlib.h>

struct invocations {
	struct list running, waiting;
	uint32_t running_count, waiting_count;
	size_t waiting_bytes;
};

struct invocation {
	struct wps_reply reply;
	struct list link; /* running or waiting */
	wps_invoke_fn done;
	struct wps_span id;
	struct wps_event *event; /* owned with all that it holds; while it waits */
	size_t event_bytes;
	char id_bytes[];
};

/* --- copies of events ------------------------------------------------------- */

static size_t
size_of(const struct wps_event *event)
{
	size_t size = sizeof(*event) + event->name.len + event->payload.len +
	    event->metadata_count * sizeof(struct wps_pair);

	for (size_t i = 0; i < event->metadata_count; i++)
		size += event->metadata[i].key.len + event->metadata[i].value.len;
	return size;
}

static struct wps_span
put(char **room, struct wps_span bytes)
{
	struct wps_span copy = { *room, bytes.len };

	if (bytes.len > 0)
		memcpy(*room, bytes.data, bytes.len);
	*room += bytes.len;
	return bytes.data ? copy : bytes;
}

/* In one piece; NULL without memory. */
static struct wps_event *
dup_event(const struct wps_event *event)
{
	struct wps_event *copy = malloc(size_of(event));

	if (copy == NULL)
		return NULL;
	struct wps_pair *pairs = (struct wps_pair *)(copy + 1);
	char *room = (char *)(pairs + event->metadata_count);
	*copy = *event;
	copy->name = put(&room, event->name);
	copy->payload = put(&room, event->payload);
	copy->metadata = pairs;
	for (size_t i = 0; i < event->metadata_count; i++)
		pairs[i] = (struct wps_pair){
			.key = put(&room, event->metadata[i].key),
			.value = put(&room, event->metadata[i].value),
		};
	return copy;
}

/* --- one invocation ----------------------------------------------------------- */

static struct invocations *
invocations_of(struct wps_conn *conn)
{
	if (conn->invocations == NULL) {
		conn->invocations = xcalloc(1, sizeof(*conn->invocations));
		list_init(&conn->invocations->running);
		list_init(&conn->invocations->waiting);
	}
	return conn->invocations;
}

static struct invocation *
find_in(struct list *head, struct wps_span id)
{
	for (struct list *link = head->next; link != head; link = link->next) {
		struct invocation *invocation =
		    container_of(link, struct invocation, link);
		if (wps_span_eq(invocation->id, id))
			return invocation;
	}
	return NULL;
}

static struct invocation *
find(const struct wps_conn *conn, struct wps_span id)
{
	struct invocations *all = conn->invocations;
	struct invocation *found = all ? find_in(&all->running, id) : NULL;

	return found || all == NULL ? found : find_in(&all->waiting, id);
}

/* Takes it out of its list; its reference to the connection goes with it. */
static void
invocation_free(struct invocation *invocation)
{
	struct wps_conn *conn = invocation->reply.conn;
	struct invocations *all = conn->invocations;

	if (invocation->event) {
		all->waiting_count--;
		all->waiting_bytes -= invocation->event_bytes;
	} else if (!list_empty(&invocation->link)) {
		all->running_count--;
	}
	list_remove(&invocation->link);
	free(invocation->event);
	free(invocation);
	conn_unref(&conn);
}

static void run_waiting(struct wps_conn *conn);

/* From inside `done` the next one may be given, which waits behind the others;
 * this one has its answer and cannot be found any more. */
static void
complete(struct wps_reply *reply, const struct wps_answer *answer)
{
	struct invocation *invocation =
	    container_of(reply, struct invocation, reply);
	struct wps_conn *conn = conn_ref(reply->conn);

	list_remove(&invocation->link);
	conn->invocations->running_count--;
	if (conn_is_live(conn))
		invocation->done(conn_sub_state(conn), conn, invocation->id,
		    answer);
	invocation_free(invocation);
	run_waiting(conn);
	conn_unref(&conn);
}

static void
run(struct invocation *invocation, const struct wps_event *event)
{
	struct invocations *all = invocation->reply.conn->invocations;

	list_add(&all->running, &invocation->link);
	all->running_count++;
	event_deliver(invocation->reply.upstream, event, &invocation->reply);
}

/* Whose turn it is now. */
static void
run_waiting(struct wps_conn *conn)
{
	struct invocations *all = conn->invocations;

	while (all->running_count < INVOKE_RUNNING && conn_is_live(conn) &&
	    !list_empty(&all->waiting)) {
		struct invocation *invocation = container_of(
		    list_take(&all->waiting), struct invocation, link);
		struct wps_event *event = invocation->event;
		invocation->event = NULL;
		all->waiting_count--;
		all->waiting_bytes -= invocation->event_bytes;
		run(invocation, event);
		free(event);
	}
	event_hold(conn);
}

static struct invocation *
invocation_new(struct wps_conn *conn, struct wps_span id, wps_invoke_fn done,
    const struct upstream *upstream)
{
	struct invocation *invocation =
	    xcalloc(1, sizeof(*invocation) + id.len);

	invocation->reply = (struct wps_reply){
		.conn = conn_ref(conn),
		.upstream = upstream,
		.complete = complete,
	};
	invocation->done = done;
	list_init(&invocation->link);
	if (id.len > 0)
		memcpy(invocation->id_bytes, id.data, id.len);
	invocation->id = (struct wps_span){ invocation->id_bytes, id.len };
	return invocation;
}

static int
wait(struct invocation *invocation, const struct wps_event *event)
{
	struct wps_conn *conn = invocation->reply.conn;
	struct invocations *all = conn->invocations;

	invocation->event = dup_event(event);
	if (invocation->event == NULL) {
		invocation_free(invocation);
		return WPS_ENOMEM;
	}
	invocation->event_bytes = size_of(event);
	list_add(&all->waiting, &invocation->link);
	all->waiting_count++;
	all->waiting_bytes += invocation->event_bytes;
	event_hold(conn);
	return WPS_OK;
}

/* --- all of a connection --------------------------------------------------------- */

int
invoke_start(struct wps_conn *conn, struct wps_span id,
    const struct wps_event *given, wps_invoke_fn done)
{
	struct wps_event event = *given;

	event.kind = WPS_EVENT_USER;
	event.conn = conn;
	if (!conn_is_open(conn))
		return WPS_OK; /* the connection ends: nobody will hear */
	if (find(conn, id))
		return WPS_DUPLICATE;
	const struct upstream *upstream = event_wanted(&event);
	if (upstream == NULL)
		return WPS_NOT_FOUND;
	presence_flush(conn);
	struct invocations *all = invocations_of(conn);
	struct invocation *invocation =
	    invocation_new(conn, id, done, upstream);
	if (all->running_count >= INVOKE_RUNNING || !list_empty(&all->waiting))
		return wait(invocation, &event);
	run(invocation, &event);
	return WPS_OK;
}

static void
drop(struct invocation *invocation)
{
	const struct upstream *upstream = invocation->reply.upstream;

	if (invocation->event == NULL)
		upstream->ops.cancel(plugin_state(
		    invocation->reply.conn->worker, upstream->self),
		    &invocation->reply);
	invocation_free(invocation);
}

int
invoke_cancel(struct wps_conn *conn, struct wps_span id)
{
	struct invocation *invocation = find(conn, id);

	if (invocation == NULL)
		return WPS_NOT_FOUND;
	conn_ref(conn);
	drop(invocation);
	run_waiting(conn);
	conn_unref(&conn);
	return WPS_OK;
}

void
invoke_cancel_all(struct wps_conn *conn)
{
	struct invocations *all = conn->invocations;

	if (all == NULL)
		return;
	conn_ref(conn);
	while (!list_empty(&all->waiting))
		drop(container_of(all->waiting.next, struct invocation, link));
	while (!list_empty(&all->running))
		drop(container_of(all->running.next, struct invocation, link));
	conn_unref(&conn);
}

bool
invoke_is_busy(const struct wps_conn *conn)
{
	const struct invocations *all = conn->invocations;

	return all && !(list_empty(&all->running) && list_empty(&all->waiting));
}

bool
invoke_is_full(const struct wps_conn *conn)
{
	const struct invocations *all = conn->invocations;
	const struct ws_limits *limits = &conn->shard->hub->options.ws;

	return all && (all->waiting_count >= limits->held_items ||
	    all->waiting_bytes >= limits->held_bytes);
}

void
invoke_free(struct wps_conn *conn)
{
	free(conn->invocations);
	conn->invocations = NULL;
}
