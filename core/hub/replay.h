/* SPDX-License-Identifier: MIT */
/*
 * Replay buffers: what a reliable connection was sent and has not acknowledged
 * (client-protocols.md, section 13).
 *
 * Every message gets the next sequence id, whether there is a transport or not,
 * and is kept until the client acknowledges it. A kept message is a reference to
 * the body that all receivers share, and its id. The ring grows from nothing.
 */
#ifndef HUB_REPLAY_H
#define HUB_REPLAY_H

#include "net/wheel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct body;

struct replay_limits {
	uint32_t messages;
	size_t bytes;
};

struct replay_entry {
	struct body *body; /* counted */
	uint64_t sequence;
};

struct replay {
	struct replay_entry *ring; /* owned */
	uint32_t cap; /* a power of two */
	uint32_t first, count;
	size_t bytes;
	uint64_t last; /* the newest sequence id; 0: none yet */
	struct wheel_timer window; /* runs while there is no transport */
	uint64_t window_end_ms;    /* while it runs */
	void *owner;
};

void replay_init(struct replay *replay, void *owner,
    void (*expired)(struct wheel_timer *timer));
void replay_fini(struct replay *replay);

/*
 * Keeps a body under the next sequence id. Returns WPS_OK, or WPS_FULL at a
 * limit: nothing is kept. An empty buffer takes any one.
 */
int replay_add(struct replay *replay, struct body *body,
    const struct replay_limits *limits, uint64_t *sequence_out);

/* Keeps a body under an id of before, above those that are kept; the caller knows
 * `last`. Limits and results as above. */
int replay_restore(struct replay *replay, struct body *body,
    const struct replay_limits *limits, uint64_t sequence);

/* Forgets those whose time is over: they would not be sent again. */
void replay_drop_expired(struct replay *replay, uint64_t now_ms);

/* Forgets all up to this id; one that was never sent acknowledges everything. */
void replay_ack(struct replay *replay, uint64_t sequence);

/* The i-th kept one, from the oldest; i < count. */
const struct replay_entry *replay_at(const struct replay *replay, uint32_t i);

#endif
