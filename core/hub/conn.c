/* SPDX-License-Identifier: MIT */
#include "hub/conn.h"

#include "hub/delivery.h"
#include "hub/event.h"
#include "hub/groupstate.h"
#include "hub/invoke.h"
#include "hub/presence.h"
#include "hub/server.h"
#include "lib/base64.h"
#include "lib/names.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/log.h"
#include "util/rand.h"

#include <stdlib.h>

#define CLOSE_SLOW 1008 /* client-protocols.md, section 19.1 */

/* From the close on. */
struct conn_closing {
	struct mail mail; /* brings the last words */
	struct wps_conn *conn;
	uint16_t code;
	bool slow; /* its queue is full: no last words */
	size_t len;
	char reason[];
};

/* --- states ------------------------------------------------------------------- */

#define TO(name) (1u << CONN_##name)
static const struct {
	const char *text;
	unsigned moves;
} states[CONN_STATES] = {
#define CONN_STATE(name, text, moves) [CONN_##name] = { text, moves },
#include "tbl/conn_state.h"
};
#undef TO

const char *
conn_state_name(enum conn_state state)
{
	return states[state].text;
}

bool
conn_state_may(enum conn_state from, enum conn_state to)
{
	return (states[from].moves & 1u << to) != 0;
}

void
conn_set_state(struct wps_conn *conn, enum conn_state state)
{
	wps_assert(conn_state_may(conn->state, state));
	if (log_enabled(WPS_LOG_DEBUG))
		log_debug("core", "connection hub=%s conn=%.*s from=%s to=%s",
		    conn->shard->hub->name, CONN_ID_SIZE, conn->id,
		    states[conn->state].text, states[state].text);
	conn->state = (uint8_t)state;
}

/* --- ids ------------------------------------------------------------------------ */

/* 128 random bits, a byte for the worker, and one that is kept for a node. */
#define ID_BYTES 18
#define ID_WORKER 16

static void
make_id(struct wps_conn *conn)
{
	unsigned char bytes[ID_BYTES];

	rand_bytes(bytes, ID_WORKER);
	bytes[ID_WORKER] = (unsigned char)conn->worker->index;
	bytes[ID_WORKER + 1] = 0;
	base64url_encode(conn->id,
	    (struct wps_span){ (const char *)bytes, sizeof(bytes) });
}

int
conn_id_worker(struct wps_span id, unsigned worker_count, unsigned *index_out)
{
	char bytes[CONN_ID_SIZE];
	size_t len;

	if (id.len != CONN_ID_SIZE || !base64url_decode(bytes, id, &len) ||
	    len != ID_BYTES)
		return WPS_NOT_FOUND;
	unsigned index = (unsigned char)bytes[ID_WORKER];
	if (index >= worker_count || bytes[ID_WORKER + 1] != 0)
		return WPS_NOT_FOUND;
	*index_out = index;
	return WPS_OK;
}

/* --- life ------------------------------------------------------------------------ */

struct wps_conn *
conn_new(struct worker *worker, struct hub *hub)
{
	struct wps_conn *conn = xcalloc(1, sizeof(*conn));

	conn->magic = CONN_MAGIC;
	conn->refs = 1;
	conn->state = CONN_AUTH;
	conn->worker = worker;
	conn->shard = shard_get(hub, worker);
	make_id(conn);
	conn->view.id = (struct wps_span){ conn->id, CONN_ID_SIZE };
	conn->view.hub = hub_name(hub);
	return conn;
}

struct wps_conn *
conn_ref(struct wps_conn *conn)
{
	conn->refs++;
	return conn;
}

static void
forget_slots(struct wps_conn *conn)
{
	const struct points *points = &worker_server(conn->worker)->points;

	if (conn->slots == NULL)
		return;
	for (unsigned i = 0; i < points->upstream_count; i++) {
		const struct upstream *upstream = &points->upstreams[i];
		void *slot = conn->slots[upstream->self->index];
		if (slot && upstream->ops.forget)
			upstream->ops.forget(
			    plugin_state(conn->worker, upstream->self), slot);
	}
	free(conn->slots);
}

static void
free_text(struct wps_span text)
{
	free((char *)(uintptr_t)text.data);
}

/* Whether the name is its own copy, because the client spells it otherwise. */
static bool
spelled_otherwise(const struct wps_conn *conn)
{
	return conn->view.subprotocol.data &&
	    conn->view.subprotocol.data != conn->sub->ops.name;
}

void
conn_unref(struct wps_conn **ref)
{
	struct wps_conn *conn = *ref;

	*ref = NULL;
	if (conn == NULL || --conn->refs > 0)
		return;
	wps_assert(conn->magic == CONN_MAGIC && conn->ws == NULL);
	forget_slots(conn);
	invoke_free(conn);
	groupstate_free(conn);
	perms_fini(&conn->perms);
	if (spelled_otherwise(conn))
		free_text(conn->view.subprotocol);
	free_text(conn->view.user);
	if (conn->replay)
		replay_fini(conn->replay);
	free(conn->replay);
	free(conn->closing);
	free(conn->data);
	conn->magic = 0;
	free(conn);
}

void
conn_set_user(struct wps_conn *conn, struct wps_span user)
{
	free_text(conn->view.user);
	conn->view.user = (struct wps_span){
		.data = user.len ? xdup(user) : NULL,
		.len = user.len,
	};
}

void **
conn_slot(struct wps_conn *conn, const struct wps_self *self)
{
	if (conn->slots == NULL)
		conn->slots = xcalloc(
		    worker_server(conn->worker)->points.plugin_count,
		    sizeof(void *));
	return &conn->slots[self->index];
}

/* --- the transport ------------------------------------------------------------------ */

static void
on_message(void *owner, enum wps_frame frame, struct wps_span data)
{
	struct wps_conn *conn = owner;

	if (!conn_is_open(conn))
		return;
	conn_ref(conn);
	conn->sub->ops.recv(conn_sub_state(conn), conn, frame, data);
	conn_unref(&conn);
}

static void
on_violated(void *owner, uint16_t code, const char *reason)
{
	conn_close(owner, code, wps_span_str(reason));
}

/* What the application hears as the reason. */
static struct wps_span
end_reason(const struct wps_conn *conn, const struct ws_end *end)
{
	const struct conn_closing *closing = conn->closing;

	if (closing)
		return (struct wps_span){ closing->reason, closing->len };
	return end->code == WS_ABNORMAL ? WPS_SPAN("connection lost") :
	    WPS_SPAN("");
}

/* The end: nobody has it any more but who holds a reference. */
static void
finish(struct wps_conn *conn, struct wps_span reason)
{
	if (conn_is_live(conn))
		shard_leave(conn->shard, conn);
	if (conn->replay)
		worker_timer_stop(conn->worker, &conn->replay->window);
	conn_set_state(conn, CONN_GONE);
	event_cancel(conn);
	if (conn->sub->ops.close)
		conn->sub->ops.close(conn_sub_state(conn), conn);
	event_disconnected(conn, reason);
	ws_free(&conn->ws);
	conn_unref(&conn);
}

static void
on_window_over(struct wheel_timer *timer)
{
	struct replay *replay = container_of(timer, struct replay, window);

	finish(replay->owner, WPS_SPAN("recovery timed out"));
}

static void
start_window(struct wps_conn *conn, uint64_t window_ms)
{
	conn->replay->window_end_ms = worker_now_ms(conn->worker) + window_ms;
	worker_timer_start(conn->worker, &conn->replay->window, window_ms);
}

/* Which ends of a transport leave a reliable connection: client-protocols.md,
 * section 13.6. */
static bool
is_recoverable(const struct wps_conn *conn, const struct ws_end *end)
{
	return conn->replay && conn_is_open(conn) &&
	    !conn->worker->draining && end->by_peer && end->code != WS_NORMAL;
}

static void
on_ended(void *owner, const struct ws_end *end)
{
	struct wps_conn *conn = owner;

	if (!is_recoverable(conn, end)) {
		finish(conn, end_reason(conn, end));
		return;
	}
	conn_set_state(conn, CONN_DETACHED);
	ws_free(&conn->ws);
	start_window(conn, conn->shard->hub->options.recovery_window_ms);
}

/* While messages wait: some need not. */
static bool
on_urgent(void *owner, enum wps_frame frame, struct wps_span data)
{
	struct wps_conn *conn = owner;

	if (!conn_is_open(conn) || conn->sub->ops.urgent == NULL)
		return false;
	conn_ref(conn);
	bool taken = conn->sub->ops.urgent(conn_sub_state(conn), conn, frame,
	    data);
	conn_unref(&conn);
	return taken;
}

static size_t
on_insert(void *owner, const struct body *body, unsigned i, uint64_t sequence,
    char *dst)
{
	struct wps_conn *conn = owner;

	return conn->sub->ops.insert(conn_sub_state(conn), conn,
	    body->insert_slot[i], sequence, body->len, dst);
}

static const struct ws_ops ws_ops = {
	.message = on_message,
	.urgent = on_urgent,
	.insert = on_insert,
	.violated = on_violated,
	.ended = on_ended,
};

static struct wps_span
intern_spelling(const struct subprotocol *sub, struct wps_span spelled)
{
	struct wps_span name = wps_span_str(sub->ops.name);

	if (spelled.data == NULL || wps_span_eq(spelled, name))
		return spelled.data ? name : spelled;
	return (struct wps_span){ xdup(spelled), spelled.len };
}

static void
join_first_groups(struct wps_conn *conn, const struct conn_opening *opening)
{
	for (size_t i = 0; i < opening->group_count; i++) {
		if (shard_join(conn->shard, conn, opening->groups[i]) == WPS_OK)
			continue;
		log_debug("core", "too many groups conn=%.*s", CONN_ID_SIZE,
		    conn->id);
		break;
	}
}

static void
take_transport(struct wps_conn *conn, struct stream *stream,
    struct sender *first)
{
	const struct hub_options *options = &conn->shard->hub->options;

	conn->ws = ws_new(stream, first, &ws_ops,
	    conn->replay ? &options->reliable_ws : &options->ws, conn);
}

void
conn_agree(struct wps_conn *conn, const struct subprotocol *sub,
    struct wps_span spelled)
{
	conn->sub = sub;
	conn->view.subprotocol = intern_spelling(sub, spelled);
	conn->view.nameless =
	    (sub->ops.flags & WPS_SUBPROTOCOL_NAMELESS) != 0;
	if (sub->ops.conn_size > 0)
		conn->data = xcalloc(1, sub->ops.conn_size);
	if (sub->ops.flags & WPS_SUBPROTOCOL_RELIABLE) {
		conn->replay = xcalloc(1, sizeof(*conn->replay));
		replay_init(conn->replay, conn, on_window_over);
	}
}

void
conn_open(const struct conn_opening *opening, struct stream *stream,
    struct sender *first, struct wps_span early)
{
	struct wps_conn *conn = conn_ref(opening->conn);
	const struct wps_subprotocol *ops = &opening->sub->ops;

	conn_agree(conn, opening->sub, opening->spelled);
	/* This reference is its life, until finish. */
	take_transport(conn_ref(conn), stream, first);
	conn_set_state(conn, CONN_OPEN);
	conn->opened_ms = worker_now_ms(conn->worker);
	shard_enter(conn->shard, conn);
	presence_ask(conn->shard);
	join_first_groups(conn, opening);
	if (ops->open)
		ops->open(conn_sub_state(conn), conn, opening->handshake);
	event_connected(conn);
	ws_feed_early(conn->ws, early);
	conn_unref(&conn);
}

void
conn_revive(struct wps_conn *conn, uint64_t window_ms)
{
	(void)conn_ref(conn); /* its life, until finish */
	conn_set_state(conn, CONN_DETACHED);
	shard_enter(conn->shard, conn);
	presence_ask(conn->shard);
	if (conn->replay)
		start_window(conn, window_ms);
}

void
conn_recover(struct wps_conn *conn, struct stream *stream,
    struct sender *first, struct wps_span early)
{
	struct ws *old = conn->ws;

	conn_ref(conn);
	take_transport(conn, stream, first);
	if (old)
		ws_inherit(conn->ws, old);
	ws_disown(&old);
	if (conn->state == CONN_DETACHED)
		conn_set_state(conn, CONN_OPEN);
	if (conn->replay)
		worker_timer_stop(conn->worker, &conn->replay->window);
	if (conn->sub->ops.resume)
		conn->sub->ops.resume(conn_sub_state(conn), conn);
	if (conn->replay)
		delivery_replay(conn);
	event_hold(conn);
	ws_feed_early(conn->ws, early);
	conn_unref(&conn);
}

/* --- closing --------------------------------------------------------------------------- */

static void
say_goodbye(struct worker *worker, struct mail *mail)
{
	struct conn_closing *closing =
	    container_of(mail, struct conn_closing, mail);
	struct wps_conn *conn = closing->conn;
	struct wps_span reason = { closing->reason, closing->len };

	(void)worker;
	event_cancel(conn);
	if (conn->state == CONN_CLOSING && conn->ws == NULL) {
		finish(conn, reason);
	} else if (conn->state == CONN_CLOSING) {
		if (closing->slow)
			ws_drop_unsent(conn->ws);
		else if (conn->sub->ops.goodbye)
			conn->sub->ops.goodbye(conn_sub_state(conn), conn,
			    reason);
		ws_close(conn->ws, closing->code, reason);
		/* Not when the client has answered, which may take its time. */
		event_disconnected(conn, reason);
	}
	conn_unref(&conn);
}

static void
begin_closing(struct wps_conn *conn, uint16_t code, struct wps_span reason,
    bool slow)
{
	struct conn_closing *closing = xcalloc(1, sizeof(*closing) + reason.len);

	closing->mail.run = say_goodbye;
	closing->conn = conn_ref(conn);
	closing->code = code;
	closing->slow = slow;
	closing->len = reason.len;
	if (reason.len > 0)
		memcpy(closing->reason, reason.data, reason.len);
	conn->closing = closing;
	conn_set_state(conn, CONN_CLOSING);
	worker_later(conn->worker, &closing->mail);
}

void
conn_close(struct wps_conn *conn, uint16_t code, struct wps_span reason)
{
	if (!conn_is_live(conn))
		return;
	log_debug("core", "client closed hub=%s conn=%.*s code=%u",
	    conn->shard->hub->name, CONN_ID_SIZE, conn->id, code);
	begin_closing(conn, code, reason, false);
	shard_leave(conn->shard, conn);
}

/* --- sending ----------------------------------------------------------------------------- */

/* It leaves its sets at once: the walk of a fan-out, which may stand on it, goes on
 * when the one that it visits leaves (members.h). */
void
conn_overflow(struct wps_conn *conn, const char *reason)
{
	if (!conn_is_live(conn))
		return;
	log_info("core", "client closed hub=%s conn=%.*s reason=slow_consumer",
	    conn->shard->hub->name, CONN_ID_SIZE, conn->id);
	begin_closing(conn, CLOSE_SLOW, wps_span_str(reason), true);
	shard_leave(conn->shard, conn);
}

int
conn_push(struct wps_conn *conn, struct body *body, uint64_t sequence)
{
	if (conn->ws == NULL || ws_push(conn->ws, body, sequence) == WPS_OK)
		return WPS_OK;
	conn_overflow(conn, "slow consumer");
	return WPS_FULL;
}

/* --- groups ------------------------------------------------------------------------------- */

/*
 * What others have sent before stands in the mailbox and is for the groups as
 * they were then.
 */
int
conn_join(struct wps_conn *conn, struct wps_span group)
{
	worker_drain(conn->worker);
	if (!conn_is_open(conn))
		return WPS_OK;
	return shard_join(conn->shard, conn, group);
}

void
conn_leave(struct wps_conn *conn, struct wps_span group)
{
	worker_drain(conn->worker);
	if (conn_is_open(conn))
		(void)shard_part(conn->shard, conn, group);
}
