/* SPDX-License-Identifier: MIT */
/*
 * A coarse timer wheel, one per worker.
 *
 * Waits here are long and mostly cancelled (deadlines, closes), so adding and
 * removing is O(1) and a timer may be up to one tick late, never early. The
 * owner embeds the timer; one that is not running costs nothing. The wheel
 * itself asks for ticks only while a timer is in it.
 */
#ifndef NET_WHEEL_H
#define NET_WHEEL_H

#include "util/list.h"

#include <stdbool.h>
#include <stdint.h>

#define WHEEL_TICK_MS 50
#define WHEEL_SLOTS 512

struct wheel_timer {
	struct list link; /* in a slot; to itself while not running */
	uint64_t due_tick;
	void (*fire)(struct wheel_timer *timer);
};

struct wheel {
	struct list slots[WHEEL_SLOTS];
	uint64_t tick; /* the last one that was run */
	size_t count;
};

void wheel_init(struct wheel *wheel, uint64_t now_ms);

void wheel_timer_init(struct wheel_timer *timer,
    void (*fire)(struct wheel_timer *timer));

/* Starts it, or starts it anew. */
void wheel_start(struct wheel *wheel, struct wheel_timer *timer,
    uint64_t now_ms, uint64_t after_ms);

/* Harmless when it is not running. */
void wheel_stop(struct wheel *wheel, struct wheel_timer *timer);

bool wheel_running(const struct wheel_timer *timer);

/* Fires all that is due; a timer that fires has been stopped before. */
void wheel_run(struct wheel *wheel, uint64_t now_ms);

#endif
