/* SPDX-License-Identifier: MIT */
/*
 * WebSocket connections of a server (RFC 6455), on streams.
 *
 * Frames are parsed by wslay's frame layer; its context and the buffer of an
 * unfinished message are attached only while a frame or a message is incomplete.
 * Fragments, UTF-8, limits, control answers and the close handshake are here.
 *
 * Life: OPEN until either side says close, then CLOSING until the other side has
 * answered, the wait is over or the socket is gone; then `ended` is called, and
 * the owner frees it.
 */
#ifndef NET_WS_H
#define NET_WS_H

#include "net/keepalive.h"
#include "net/loop.h"
#include "net/sender.h"

#include <wps/subprotocol.h>

struct ws;
struct ws_input;
struct ws_closing;
struct ws_rest;

#define WS_NORMAL 1000
#define WS_NO_STATUS 1005 /* the peer's close frame had no code */
#define WS_ABNORMAL 1006  /* there was no close frame */

/* How a connection ended. */
struct ws_end {
	uint16_t code; /* what the peer said */
	bool by_peer;  /* the peer began */
};

struct ws_ops {
	/* A whole data message; text is valid UTF-8. */
	void (*message)(void *owner, enum wps_frame frame, struct wps_span data);
	/* The same while it would have to wait: true when it is done with.
	 * NULL: nothing is. */
	bool (*urgent)(void *owner, enum wps_frame frame, struct wps_span data);
	/* The peer broke the protocol or a limit: the owner closes with this. */
	void (*violated)(void *owner, uint16_t code, const char *reason);
	/* Insert i of a body that was pushed, see struct sender_ops; NULL: no
	 * body has any. */
	size_t (*insert)(void *owner, const struct body *body, unsigned i,
	    uint64_t mark, char *dst);
	/* It is over; the last call, from the end of a turn. */
	void (*ended)(void *owner, const struct ws_end *end);
};

struct ws_limits {
	size_t message;         /* bytes of a message from the peer */
	uint64_t ping_ms;       /* between pings */
	uint64_t close_wait_ms; /* for the peer's answer to a close */
	uint32_t held_items;    /* messages read while the owner takes none, */
	size_t held_bytes;      /* and their bytes */
	struct sender_limits out;
};

struct ws {
	struct stream *stream; /* owned */
	struct list link;      /* of the worker's */
	struct pulse pulse;
	struct sender sender;
	struct ws_input *input; /* owned; only inside a frame or message */
	const struct ws_ops *ops;
	const struct ws_limits *limits;
	void *owner;
	struct ws_closing *closing; /* owned; from the first close on */
	struct ws_rest *rest;       /* owned; while messages or bytes wait */
	bool deaf;                  /* what comes in is thrown away */
	bool held;                  /* the owner takes no messages now */
	uint16_t peer_code; /* of the peer's close; 0: it has not ended */
};

/*
 * Takes the stream after a 101 was pushed to `first`, whose queue moves here.
 */
struct ws *ws_new(struct stream *stream, struct sender *first,
    const struct ws_ops *ops, const struct ws_limits *limits, void *owner);
void ws_free(struct ws **ws);

/* Bytes that were read behind the upgrade request; before the first read. */
void ws_feed_early(struct ws *ws, struct wps_span bytes);

/* Queues a sealed body: WPS_OK or WPS_FULL. Behind a close nothing is queued. */
int ws_push(struct ws *ws, struct body *body, uint64_t mark);

/*
 * Says close with code and reason (UTF-8, cut to 123 bytes) behind what is
 * queued, and gives no message any more. Only the first call counts.
 */
void ws_close(struct ws *ws, uint16_t code, struct wps_span reason);

/* Sends a ping, unless a close was said. */
void ws_ping(struct ws *ws);

/* Whether the peer is heard now: signs of life would be seen. */
bool ws_listens(const struct ws *ws);

/* Gives the socket up without a handshake; `ended` follows. */
void ws_cut(struct ws *ws);

/* The peer is gone, and reads nothing more. What it said before goes to the owner
 * yet, then it ends. */
void ws_lost(struct ws *ws);

/* Like ws_cut for an owner that hears nothing of it any more: it frees itself at the
 * end of the turn. Accepts NULL, leaves NULL. */
void ws_disown(struct ws **ws);

/* Of a WebSocket without an owner (which is itself): it ends by itself. */
extern const struct ws_ops ws_orphan_ops;

/* At the end of the server: cuts all of a worker. */
void ws_cut_all(struct worker *worker);

/* Forgets what is not partly sent, so that a close is the next to go. */
void ws_drop_unsent(struct ws *ws);

/*
 * While held, messages wait, within limits, behind which the socket is not
 * read, and so does a close behind them or the loss of the peer; pings are
 * answered as ever.
 */
void ws_hold(struct ws *ws, bool on);

/* Whether messages wait. */
bool ws_keeps(const struct ws *ws);

/* Messages that wait at another WebSocket wait here, in front of all others; from
 * ws_new on, before anything comes. */
void ws_inherit(struct ws *ws, struct ws *from);

#endif
