/* SPDX-License-Identifier: MIT */
/*
 * Deliveries: one event on its way to one handler.
 *
 * A delivery waits for a place in its handler's lane, then for the URL to agree,
 * then for the answer; events that nobody waits for are repeated after a pause,
 * without a place. All of it ends within the handler's timeout. A blocking event
 * ends by exactly one answer, or by a cancel.
 *
 * A lane is a handler on one worker: so many requests at a time, and a queue.
 */
#ifndef CLOUDEVENTS_DELIVERY_H
#define CLOUDEVENTS_DELIVERY_H

#include "handlers.h"
#include "origin.h"
#include "transport.h"
#include "validate.h"

#include <sys/queue.h>

#define REPLY_BUCKETS 1024
/* Events that nobody waits for are not refused at the queue's limit; this is
 * what one lane holds of them at most. */
#define LANE_NONBLOCKING_MAX (256 * 1024)

struct delivery;
TAILQ_HEAD(delivery_queue, delivery);
LIST_HEAD(delivery_list, delivery);

struct lane {
	struct delivery_queue queue;
	size_t active;            /* deliveries with a place */
	size_t blocking, nonblocking; /* that have none: queued or paused */
	bool pumping;
};

/* What all workers share; made at init. */
struct cloudevents {
	const struct wps_host *host;
	struct wps_self *self;
	struct handlers handlers;
	struct origin origin;
	struct transport_options transport;
	char user_agent[64]; /* a header line */
};

/* The state of one worker. */
struct events_worker {
	struct cloudevents *plugin; /* borrowed: outlives the workers */
	struct wps_worker *worker;
	struct transport transport;
	struct validator validator;
	struct lane *lanes; /* owned; one for each handler */
	struct delivery_list all;
	struct delivery_list by_reply[REPLY_BUCKETS];
	uint64_t series, number; /* of request ids */
	uint64_t log_second;     /* failures that were logged in it */
	unsigned log_count;
	const uint64_t *repeat_ms; /* pauses before repetitions */
};

/* Returns WPS_OK or WPS_ESYS. */
int events_worker_init(struct events_worker *worker, struct cloudevents *plugin,
    struct wps_worker *of);
void events_worker_fini(struct events_worker *worker);

/* Takes an event that the handler wants; `reply` is NULL where nobody waits. */
void delivery_start(struct events_worker *worker, const struct handler *handler,
    const struct wps_event *event, struct wps_reply *reply);

/* Ends the delivery of that reply without an answer. */
void delivery_cancel(struct events_worker *worker,
    const struct wps_reply *reply);

#endif
