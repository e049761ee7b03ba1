/* SPDX-License-Identifier: MIT */
/*
 * What the plugin keeps: once, and once for each worker.
 */
#ifndef CLOUDEVENTS_WORKER_H
#define CLOUDEVENTS_WORKER_H

#include "authorize.h"
#include "breaker.h"
#include "early.h"
#include "handlers.h"
#include "lane.h"
#include "origin.h"
#include "tally.h"
#include "transport.h"
#include "validate.h"

#include <time.h>

#define REPLY_BUCKETS 1024
#define SERIES_LEN 16

LIST_HEAD(delivery_list, delivery);

/* What all workers share; made at init. */
struct cloudevents {
	const struct wps_host *host;
	struct wps_self *self;
	struct handlers handlers;
	struct origin origin;
	struct transport_options transport;
	struct jwt_key jwt;
	struct tally tally;
	unsigned breaker_failures;
	struct early early;
	struct events_worker **workers; /* owned; by index */
	char user_agent[64]; /* a header line */
};

/* The state of one worker. */
struct events_worker {
	struct cloudevents *plugin; /* borrowed: outlives the workers */
	struct wps_worker *worker;
	struct transport transport;
	struct validator validator;
	struct authorizer authorizer;
	struct lane *lanes;       /* owned; one for each handler */
	struct breaker *breakers; /* owned; one for each origin */
	struct delivery_list all;
	struct delivery_list by_reply[REPLY_BUCKETS];
	struct delivery_queue endings; /* failed, not yet told */
	bool endings_posted;
	struct text scratch;     /* requests are written here first */
	char series[SERIES_LEN + 1]; /* of request ids, in hex digits */
	uint64_t number;         /* of the last one */
	time_t second;           /* of the text of ce-time */
	char time[24];
	uint64_t log_second;     /* failures that were logged in it */
	unsigned log_count;
	const uint64_t *repeat_ms; /* pauses before repetitions */
};

/* Returns WPS_OK or WPS_ESYS. */
int events_worker_init(struct events_worker *worker, struct cloudevents *plugin,
    struct wps_worker *of);
void events_worker_fini(struct events_worker *worker);

/* The time of now as in RFC 3339, in seconds; borrowed until the next call. */
struct wps_span events_worker_time(struct events_worker *worker);

/* The level of one more failure: clients can cause them at will, so that beyond
 * a few per second they are debug. */
enum wps_log_level events_worker_level(struct events_worker *worker);

#endif
