/* SPDX-License-Identifier: MIT */
/*
 * Senders: what waits to be written to one socket.
 *
 * A body is written once and shared by all its receivers on a worker. An item of
 * a queue is a reference to it, and, where receivers differ, a mark (a sequence
 * id, say) from which the owner makes the few bytes that are inserted for this
 * one when they are written. The WebSocket header of a body without inserts is
 * part of the body. Items stand in blocks, so that those of one receiver are
 * neighbours in memory though they were queued among those of all others.
 *
 * Nothing is written when it is pushed: the sender goes on its worker's dirty
 * list, which is flushed once per turn, one writev for all that piled up. An
 * item that would cross a limit flushes first, so only what the kernel refuses
 * counts; an empty queue takes any one item.
 *
 * A body may expire: an item of it that still waits then, and of which nothing
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

struct out_block;
struct sender;

/* Of the owner. */
struct sender_ops {
	/* From a flush: the queue is empty, or the socket broken. */
	void (*flushed)(struct sender *sender);

	/* Writes insert i of a body for this mark, at most WPS_INSERT_MAX bytes,
	 * whose number it returns: the same ones whenever it is asked. NULL where
	 * no body has inserts. */
	size_t (*insert)(struct sender *sender, const struct body *body,
	    unsigned i, uint64_t mark, char *dst);
};

struct sender_limits {
	size_t bytes;
	uint32_t items;
};

struct sender {
	struct stream *stream; /* borrowed */
	struct worker *worker; /* borrowed */
	const struct sender_limits *limits;
	struct list dirty; /* in the worker's list while there is news */
	const struct sender_ops *ops;
	struct out_block *head, *tail;
	size_t bytes;   /* of items that are not wholly sent, without inserts */
	size_t offset;  /* bytes of the first item that are sent */
	uint32_t items;
	uint32_t mortal; /* items that may expire */
	bool failed;    /* the socket is broken: nothing is taken any more */
};

void sender_init(struct sender *sender, struct stream *stream,
    const struct sender_limits *limits, const struct sender_ops *ops);
void sender_fini(struct sender *sender);

/*
 * Puts the body behind what waits; takes a reference of its own. The mark is for
 * the inserts, if it has any. Returns WPS_OK, or WPS_FULL: a limit is reached,
 * nothing was queued.
 */
int sender_push(struct sender *sender, struct body *body, uint64_t mark);

/* The last words of a connection: they pass, whatever waits before them. */
void sender_push_last(struct sender *sender, struct body *body);

/* Forgets all that is not partly sent or bound to be the next to go: makes room
 * for last words. */
void sender_drop_unsent(struct sender *sender);

/* Nobody reads any more: as if the socket were broken, without news of it. */
void sender_give_up(struct sender *sender);

/* Writes what the kernel takes, watches for more, and tells `flushed`. */
void sender_flush(struct sender *sender);

/* Moves the queue of one sender to an empty other one (an upgrade). */
void sender_move(struct sender *to, struct sender *from);

/* Frees the worker's spare blocks. */
void out_pool_fini(struct worker *worker);

#endif
