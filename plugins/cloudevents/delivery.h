/* SPDX-License-Identifier: MIT */
/*
 * Deliveries: one event on its way to one handler.
 *
 * A delivery waits for a place in its handler's lane (lane.h), then for the URL to
 * agree, for a token, and for the answer. Events that nobody waits for go out one
 * after the other for each connection, and are repeated after a pause, without a
 * place. All of it ends within the handler's timeout. A blocking event ends by
 * exactly one answer, or by a cancel.
 */
#ifndef CLOUDEVENTS_DELIVERY_H
#define CLOUDEVENTS_DELIVERY_H

#include "request.h"
#include "state.h"
#include "worker.h"

enum delivery_state {
	DELIVERY_NONE = 0,
#define DELIVERY_STATE(name, text, moves) DELIVERY_##name,
#include "delivery_state.h"
};

struct delivery {
	LIST_ENTRY(delivery) link;     /* of all */
	LIST_ENTRY(delivery) answers;  /* blocking: by its reply */
	TAILQ_ENTRY(delivery) queued;  /* QUEUED, READY: in the lane; ENDING */
	TAILQ_ENTRY(delivery) chained; /* nobody waits: in its connection's chain */
	struct events_worker *worker;
	const struct handler *handler;
	enum wps_event_kind kind;
	bool nameless;             /* its client is: see wps_conn_view */
	enum delivery_state state;
	struct request request;

	struct wps_reply *reply;    /* NULL: nobody waits */
	struct conn_state *of_conn; /* counted */

	uint64_t deadline_ms;
	uint64_t sent_ms;          /* SENDING: since when */
	unsigned repeats;
	bool probe;                /* it tries an origin that was down */
	bool answering;            /* the status and all headers are there */
	int result;                /* ENDING */
	struct wps_timer *timer;   /* runs, but for ENDING and a waiting disconnected */
	struct waiter waiter;
	enum failure awaits;       /* AWAITING: what a refusal will be */
	struct text authorization; /* a header line, or empty */
	struct curl_slist head;    /* that line, in front of the request's */
	struct transfer *transfer; /* SENDING */
	unsigned cookie_changes;   /* of its connection when it was sent */
};

/* Takes an event that the handler wants; `reply` is NULL where nobody waits. */
void delivery_start(struct events_worker *worker, const struct handler *handler,
    const struct wps_event *event, struct wps_reply *reply);

/* Ends the delivery of that reply without an answer. */
void delivery_cancel(struct events_worker *worker,
    const struct wps_reply *reply);

/* The moves of the table; keeps the counts of the lane. */
void delivery_set_state(struct delivery *delivery, enum delivery_state state);

/* It has a place, in state PLACED: sends it, or waits for what it needs. */
void delivery_begin(struct delivery *delivery);

/* ENDING: says so to whom it concerns, and frees it. */
void delivery_conclude(struct delivery *delivery,
    const struct wps_answer *answer);

/* Takes it out of everything and frees it, without an answer. */
void delivery_drop(struct delivery *delivery);

#endif
