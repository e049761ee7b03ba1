/* SPDX-License-Identifier: MIT */
/*
 * Connections: id, user, permissions and groups of a client, and its transport.
 *
 * A connection exists from its upgrade request on, so that auth and upstream
 * plugins can speak of it; it enters the tables of its shard when it opens. A
 * close takes it out of every table at once; the last words, the close handshake
 * and the events follow from the loop. It is counted: whoever calls a plugin
 * with it holds a reference across the call.
 *
 * One worker owns it; only its thread touches it.
 */
#ifndef HUB_CONN_H
#define HUB_CONN_H

#include "hub/perm.h"
#include "hub/points.h"
#include "hub/replay.h"
#include "hub/shard.h"
#include "net/loop.h"
#include "net/ws.h"

#include <wps/host.h>

enum conn_state {
	CONN_NONE = 0,
#define CONN_STATE(name, text, moves) CONN_##name,
#include "tbl/conn_state.h"
	CONN_STATES,
};

#define CONN_MAGIC 0x77637370u
#define CONN_ID_SIZE 24 /* characters */

struct conn_closing;
struct conn_states;
struct invocations;
struct presence;

struct wps_conn {
	uint32_t magic;
	uint32_t refs;
	uint8_t state; /* enum conn_state; moved by conn_set_state alone */
	bool announced; /* the application was told, and hears the end */
	struct worker *worker; /* borrowed */
	struct shard *shard;   /* borrowed */
	const struct subprotocol *sub; /* from OPEN on */
	struct ws *ws;                 /* owned; its transport, NULL without one */
	struct replay *replay;         /* owned; of a reliable subprotocol */
	void *data;                    /* owned; conn_size bytes of the subprotocol */
	void **slots;                  /* owned; by plugin; NULL until one is used */
	struct wps_reply *pending;     /* a user event without its answer yet */
	struct invocations *invocations; /* owned; NULL until the first */
	struct presence *presence;     /* changes that are not told yet; its own */
	struct conn_closing *closing;  /* owned; from the close on */

	uint64_t opened_ms;
	struct htab_node by_id;
	uint32_t all_at, user_at;
	uint32_t left_out; /* the shard's epoch that leaves it out */
	uint32_t group_count, group_cap;
	struct named *user;
	struct membership *groups; /* owned */
	struct conn_states *states; /* owned; NULL until the first */
	struct perms perms;
	struct wps_conn_view view; /* user and an odd spelling of the subprotocol
				      are owned */
	char id[CONN_ID_SIZE];
};

/* In state AUTH, one reference to the caller; in no table. */
struct wps_conn *conn_new(struct worker *worker, struct hub *hub);

struct wps_conn *conn_ref(struct wps_conn *conn);
/* Leaves NULL. The last one tells upstream plugins to forget their slots. */
void conn_unref(struct wps_conn **conn);

void conn_set_state(struct wps_conn *conn, enum conn_state state);
const char *conn_state_name(enum conn_state state);
/* Whether the table allows the move. */
bool conn_state_may(enum conn_state from, enum conn_state to);

/* The worker that an id names, if it is one of ours; WPS_NOT_FOUND, and index_out
 * is left alone. */
int conn_id_worker(struct wps_span id, unsigned worker_count,
    unsigned *index_out);

void conn_set_user(struct wps_conn *conn, struct wps_span user);

/* The place of a plugin's own pointer. */
void **conn_slot(struct wps_conn *conn, const struct wps_self *self);

/* What was agreed on, with the zeroed state that it brings; `spelled` is as the
 * client wrote it, absent without any. */
void conn_agree(struct wps_conn *conn, const struct subprotocol *sub,
    struct wps_span spelled);

/* Takes the stream of an answered upgrade: enters the tables, joins, opens. */
struct conn_opening {
	struct wps_conn *conn;
	const struct subprotocol *sub;
	struct wps_span spelled; /* the subprotocol as the client wrote it; absent: none */
	const struct wps_span *groups;
	size_t group_count;
	const struct wps_handshake *handshake;
};
void conn_open(const struct conn_opening *opening, struct stream *stream,
    struct sender *first, struct wps_span early);

/*
 * Queues a sealed body, under its sequence id if messages are numbered; a full
 * queue closes the connection (the spec's slow client). WPS_OK, also without a
 * transport, or WPS_FULL.
 */
int conn_push(struct wps_conn *conn, struct body *body, uint64_t sequence);

/*
 * A connection that was read from a record enters the tables of its shard, in
 * no group yet. It is DETACHED, and hears nothing until conn_recover gives it a
 * transport. A reliable one ends after so many milliseconds without; any other
 * waits: who brings it back gives it a transport in the same turn, or closes it.
 */
void conn_revive(struct wps_conn *conn, uint64_t window_ms);

/*
 * A transport for a connection that may have one already, which is cut: the
 * first words, then what is not acknowledged, then all else.
 */
void conn_recover(struct wps_conn *conn, struct stream *stream,
    struct sender *first, struct wps_span early);

/* A buffer of the client is full: closed with 1008, without last words. */
void conn_overflow(struct wps_conn *conn, const char *reason);

/* Only the first call counts, and only of a live connection. */
void conn_close(struct wps_conn *conn, uint16_t code, struct wps_span reason);

/* conn_join gives WPS_FULL at the limit; of one that is not open nothing changes. */
int conn_join(struct wps_conn *conn, struct wps_span group);
void conn_leave(struct wps_conn *conn, struct wps_span group);

static inline bool
conn_is_open(const struct wps_conn *conn)
{
	return conn->state == CONN_OPEN;
}

/* It is in the tables of its shard. */
static inline bool
conn_is_live(const struct wps_conn *conn)
{
	return conn->state == CONN_OPEN || conn->state == CONN_DETACHED;
}

static inline void *
conn_sub_state(const struct wps_conn *conn)
{
	return plugin_state(conn->worker, conn->sub->self);
}

#endif
