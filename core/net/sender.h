/* SPDX-License-Identifier: MIT */
/*
 * Senders: what waits to be written to one socket.
 *
 * A body is written once and shared by all its receivers on a worker. An entry
 * of a queue is a reference to it, and, where receivers differ, the few bytes
 * that are inserted for this one (a sequence id, say). The WebSocket header of a
 * body without inserts is part of the body; with inserts it is of the entry.
 *
 * Nothing is written when it is pushed: the sender goes on its worker's dirty
 * list, which is flushed once per turn, one writev for all that piled up. An
 * entry that would cross a limit flushes first, so only what the kernel refuses
 * counts; an empty queue takes any one entry.
 *
 * A body may expire: an entry of it that still waits then, and of which nothing
 * was sent, is dropped before the next write.
 */
#ifndef NET_SENDER_H
#define NET_SENDER_H

#include "util/list.h"

#include <wps/subprotocol.h>

#include <stdint.h>

struct worker;
struct stream;

#define BODY_HEAD 10 /* bytes of the longest WebSocket header of a server */

struct body {
	uint32_t refs;  /* of this worker only */
	uint8_t opcode; /* of the WebSocket frame; 0: bytes without a frame */
	uint8_t insert_count;
	uint8_t head_len; /* of the header, which ends where data begins */
	uint8_t insert_slot[WPS_INSERTS];
	uint32_t insert_at[WPS_INSERTS];
	uint64_t expires_ms; /* of clock_ms; 0: never */
	size_t len;
	char room[]; /* BODY_HEAD bytes for the header, then the data */
};

static inline char *
body_data(struct body *body)
{
	return body->room + BODY_HEAD;
}

/* NULL when memory for it is not to be had. */
struct body *body_new(uint8_t opcode, size_t len);
void body_unref(struct body *body);

/* Writes the header in front of the data, once the inserts are known. */
void body_seal(struct body *body);

/* The bytes of one receiver at the inserts of a body. */
struct inserts {
	uint8_t len[WPS_INSERTS];
	char text[WPS_INSERTS][WPS_INSERT_MAX];
};

struct out_entry;

struct sender_limits {
	size_t bytes;
	uint32_t items;
};

struct sender {
	struct stream *stream; /* borrowed */
	struct worker *worker; /* borrowed */
	const struct sender_limits *limits;
	struct list dirty; /* in the worker's list while there is news */
	struct out_entry *head, *tail;
	size_t bytes;   /* unsent */
	size_t offset;  /* bytes of the head entry that are sent */
	uint32_t items;
	uint32_t mortal; /* items that may expire */
	bool failed;    /* the socket is broken: nothing is taken any more */
	/* Hears from a flush that the queue is empty, or the socket broken. */
	void (*flushed)(struct sender *sender);
};

void sender_init(struct sender *sender, struct stream *stream,
    const struct sender_limits *limits,
    void (*flushed)(struct sender *sender));
void sender_fini(struct sender *sender);

/*
 * Puts the body behind what waits; takes a reference of its own. `inserts` is
 * NULL for a body without inserts. Returns WPS_OK, or WPS_FULL: a limit is
 * reached, nothing was queued.
 */
int sender_push(struct sender *sender, struct body *body,
    const struct inserts *inserts);

/* The last words of a connection: they pass, whatever waits before them. */
void sender_push_last(struct sender *sender, struct body *body);

/* Forgets all that is not partly sent or bound to be the next to go: makes room
 * for last words. */
void sender_drop_unsent(struct sender *sender);

/* Writes what the kernel takes, watches for more, and tells `flushed`. */
void sender_flush(struct sender *sender);

/* Moves the queue of one sender to an empty other one (an upgrade). */
void sender_move(struct sender *to, struct sender *from);

/* Frees the worker's spare entries. */
void out_pool_fini(struct worker *worker);

#endif
