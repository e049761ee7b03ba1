/* SPDX-License-Identifier: MIT */
/*
 * The tally: which requests were sent, and what has failed, as counters of the
 * host. What is in the log at all is counted, whether its line is shown or not.
 */
#ifndef CLOUDEVENTS_TALLY_H
#define CLOUDEVENTS_TALLY_H

#include <wps/host.h>

enum failure {
	FAILURE_NONE = 0,
#define FAILURE(name, kind, event) FAILURE_##name,
#include "failure_kind.h"
	FAILURE_COUNT,
};

enum request_kind {
	REQUEST_EVENT = 0,
	REQUEST_HANDSHAKE,
	REQUEST_TOKEN,
	REQUEST_COUNT,
};

struct tally {
	const struct wps_host *host;
	unsigned failures[FAILURE_COUNT]; /* ids of counters */
	unsigned requests[REQUEST_COUNT];
};

/* [init] Registers the counters; results as host->add_counter. */
int tally_init(struct tally *tally, const struct wps_host *host,
    struct wps_self *self);

void tally_failure(const struct tally *tally, struct wps_worker *worker,
    enum failure failure);
void tally_request(const struct tally *tally, struct wps_worker *worker,
    enum request_kind kind);

/* The vendor's name of it. */
const char *failure_event(enum failure failure);

#endif
