/* SPDX-License-Identifier: MIT */
/*
 * The early check: when the server starts, every handler that the file names is
 * asked whether it agrees, in the background and a few at a time. A mistake is in
 * the log before the first client comes, and the first client of a handler that
 * agrees does not wait for the handshake.
 *
 * A URL with {hub} is asked for each hub that the file names; one of the hub "*"
 * is not: its hubs are not known. {event} is "validate" in every handshake.
 *
 * One worker asks, so that an application is not asked by each of them at once and
 * a mistake is told once; what it hears is an agreement of the others too. What it
 * does not agree to is the business of nobody: each worker's first event asks.
 */
#ifndef CLOUDEVENTS_EARLY_H
#define CLOUDEVENTS_EARLY_H

#include "handlers.h"
#include "validate.h"

#define EARLY_AT_ONCE 4

struct events_worker;
struct cloudevents;
struct early;

/* One URL. */
struct early_url {
	struct cloudevents *plugin; /* borrowed */
	const struct handler *handler; /* borrowed */
	struct text url;
};

/* One of those that are asked at the same time. */
struct early_turn {
	struct waiter waiter;
	struct early *early;
	struct early_url *url;
};

struct early {
	struct early_url *urls; /* owned; not changed after early_init */
	size_t count;

	/* These are the asking worker's. */
	struct events_worker *worker;
	size_t next;
	struct early_turn turns[EARLY_AT_ONCE];
};

/* Lists what is to be asked; the handlers must have been read. */
void early_init(struct early *early, struct cloudevents *plugin);
void early_fini(struct early *early);

/* The worker asks once it runs. */
void early_start(struct early *early, struct events_worker *worker);

#endif
