/* SPDX-License-Identifier: MIT */
/*
 * Lanes: a handler on one worker. So many requests at a time, and a queue.
 *
 * What happens to many at once (an application has gone, a minute is over for ten
 * thousand clients) is done in batches, a turn of the loop for each: all other
 * connections of the worker are served in between.
 */
#ifndef CLOUDEVENTS_LANE_H
#define CLOUDEVENTS_LANE_H

#include "handlers.h"
#include "state.h"

/* Begun or ended in one turn at most. */
#define LANE_BATCH 64

/* Events that nobody waits for are not refused at the queue's limit; this is
 * what one lane holds of them at most. */
#define LANE_NONBLOCKING_MAX (256 * 1024)

struct events_worker;
struct delivery;

struct lane {
	struct events_worker *worker; /* borrowed */
	const struct handler *handler; /* borrowed */
	struct delivery_queue queue;
	struct delivery_queue ready; /* have a place, and what they waited for */
	size_t active;               /* deliveries with a place */
	size_t blocking, nonblocking; /* that have none */
	bool pumping, posted;
};

void lane_init(struct lane *lane, struct events_worker *worker,
    const struct handler *handler);

/* Whether there is room for one more event of that kind. */
bool lane_has_room(const struct lane *lane, enum wps_event_kind kind,
    bool blocking);

/* Gives free places to those that wait, now or in the next turns. */
void lane_pump(struct lane *lane);
void lane_pump_later(struct lane *lane);

/* It has failed: takes its place, and ends it in one of the next turns. */
void lane_end(struct delivery *delivery, int result);

#endif
