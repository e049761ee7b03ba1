/* SPDX-License-Identifier: MIT */
/*
 * Keep-alive: pings to WebSockets, and the end of those that are dead
 * (client-protocols.md, section 18).
 *
 * A worker has one list per interval in use, in the order in which pings are
 * due: whoever was pinged goes to its end. So one timer per interval serves any
 * number of connections, and a sign of life is only a time that is noted. A peer
 * that gave none for three intervals is cut, without a close frame. While its
 * socket is not read, its clock stands still; a ping that goes out late, because
 * there are very many or the process was stopped, takes no time from it either.
 */
#ifndef NET_KEEPALIVE_H
#define NET_KEEPALIVE_H

#include "net/wheel.h"
#include "util/list.h"

#include <stdint.h>

struct worker;
struct ws;
struct keepalive;

#define KEEPALIVE_DEAD 3 /* intervals without a sign of life */
#define KEEPALIVE_BATCH 512 /* pings of one tick, so that a turn stays short */

/* In each WebSocket. */
struct pulse {
	struct list link; /* of the list of its interval */
	uint64_t due_ms;  /* the next ping */
	uint64_t seen_ms; /* the last sign of life */
};

/* Enters the list of that interval. */
void keepalive_enter(struct worker *worker, struct pulse *pulse,
    uint64_t interval_ms);
void keepalive_leave(struct pulse *pulse);

/* Frees the worker's lists, all empty. */
void keepalive_fini(struct worker *worker);

#endif
