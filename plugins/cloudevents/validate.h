/* SPDX-License-Identifier: MIT */
/*
 * The validation handshake: no event goes to a URL that has not agreed.
 *
 * Asked lazily and remembered per validation URL, by each worker. Those who ask
 * while an attempt runs share it. A URL in use is asked again every minute in
 * the background; while it refuses, after 1, 2, 4 ... 60 seconds. One that was
 * not used in between is forgotten instead.
 */
#ifndef CLOUDEVENTS_VALIDATE_H
#define CLOUDEVENTS_VALIDATE_H

#include "handlers.h"
#include "origin.h"
#include "tally.h"
#include "transport.h"

#define VALIDATION_BUCKETS 256
#define VALIDATION_MAX 16384 /* remembered URLs of one worker */

/* How long things take; the defaults are upstream-events.md, 2 and 8.2. */
struct validate_times {
	uint64_t answer_ms;     /* for one request */
	uint64_t check_ms;      /* between checks of a URL that agrees */
	uint64_t backoff_ms;    /* the first pause after a refusal; doubled up to check_ms */
	uint64_t repeat_ms[3];  /* pauses before repetitions within an attempt */
};

extern const struct validate_times validate_times_default;

/* What is asked; `url` is copied, the rest outlives the validator. */
struct validate_request {
	const char *url;
	const struct handler *handler; /* its TLS; what the log shows */
	bool early; /* no event needs it yet: a refusal is told and forgotten */
};

/* Someone who waits for an attempt; embedded, called once unless removed. */
struct waiter {
	TAILQ_ENTRY(waiter) link;
	void (*ready)(struct waiter *waiter, bool good);
	struct waiters *list; /* NULL: does not wait */
};
TAILQ_HEAD(waiters, waiter);

LIST_HEAD(validation_list, validation);

struct validator {
	const struct wps_host *host;
	const struct wps_self *self;
	struct wps_worker *worker;
	struct transport *transport; /* borrowed: outlives the validator */
	const struct origin *origin; /* borrowed */
	const struct tally *tally;   /* borrowed */
	const struct validate_times *times;
	struct curl_slist *headers; /* owned */
	struct validation_list buckets[VALIDATION_BUCKETS];
	size_t count;
};

void validator_init(struct validator *validator, const struct wps_host *host,
    const struct wps_self *self, struct wps_worker *worker,
    struct transport *transport, const struct origin *origin,
    const char *user_agent);
void validator_fini(struct validator *validator);

/*
 * Whether the URL agrees. Returns WPS_OK; WPS_DECLINED: it does
 * not; WPS_PENDING: the waiter will hear; WPS_FULL: too many URLs.
 */
int validator_ask(struct validator *validator,
    const struct validate_request *request, struct waiter *waiter);

/* Another worker has heard that it agrees. */
void validator_learn(struct validator *validator,
    const struct validate_request *request);

/* The header lines of a handshake, to be freed. */
struct curl_slist *handshake_headers(const struct origin *origin,
    const char *user_agent);

void waiter_add(struct waiters *list, struct waiter *waiter);
/* Harmless for one that does not wait. */
void waiter_remove(struct waiter *waiter);
/* Removes and calls all of them. */
void waiters_wake(struct waiters *list, bool good);

#endif
