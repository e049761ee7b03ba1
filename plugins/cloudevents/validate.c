/* SPDX-License-Identifier: MIT */
/*
 * Validation: the life of what is known about one URL.
 *
 * An attempt is one OPTIONS request (and GET where that is not found), repeated
 * a few times when the application is down. While a URL is known to agree or
 * to refuse, attempts run in the background and nobody waits.
 */
#include "validate.h"

#include "verdict.h"

#include <stdlib.h>

#define REPEATS 3
#define ANSWER_MAX (64 * 1024)

const struct validate_times validate_times_default = {
	.answer_ms = 10 * 1000,
	.check_ms = 60 * 1000,
	.backoff_ms = 1000,
	.repeat_ms = { 1000, 3000, 5000 },
};

enum opinion {
	OPINION_NONE = 0, /* the first attempt runs */
	OPINION_AGREES,
	OPINION_REFUSES,
};

struct validation {
	LIST_ENTRY(validation) link;
	struct validator *validator;
	char *url; /* owned */
	const struct handler *handler; /* borrowed */
	enum opinion opinion;
	bool early;         /* no event has asked for it yet */
	bool used;          /* asked for since the last attempt */
	bool with_get;      /* OPTIONS was not found */
	unsigned repeats;   /* within this attempt */
	uint64_t backoff_ms;
	struct transfer *transfer; /* while a request runs */
	struct wps_timer *timer;   /* its end, or the next request */
	struct waiters waiters;
};

static void start_request(struct validation *validation);
static void on_next(void *data);

void
waiter_add(struct waiters *list, struct waiter *waiter)
{
	waiter->list = list;
	TAILQ_INSERT_TAIL(list, waiter, link);
}

void
waiter_remove(struct waiter *waiter)
{
	if (waiter->list == NULL)
		return;
	TAILQ_REMOVE(waiter->list, waiter, link);
	waiter->list = NULL;
}

void
waiters_wake(struct waiters *list, bool good)
{
	struct waiter *waiter;

	while ((waiter = TAILQ_FIRST(list))) {
		waiter_remove(waiter);
		waiter->ready(waiter, good);
	}
}

static void
set_timer(struct validation *validation, uint64_t after_ms, wps_timer_fn fn)
{
	const struct validator *validator = validation->validator;

	validator->host->timer_stop(validation->timer);
	validation->timer = validator->host->timer_start(validator->worker,
	    after_ms, fn, validation);
}

static void
validation_free(struct validation *validation)
{
	struct waiter *waiter;

	while ((waiter = TAILQ_FIRST(&validation->waiters)))
		waiter_remove(waiter);
	transfer_cancel(&validation->transfer);
	validation->validator->host->timer_stop(validation->timer);
	validation->validator->count--;
	LIST_REMOVE(validation, link);
	explicit_bzero(validation->url, strlen(validation->url));
	free(validation->url);
	free(validation);
}

/* --- the end of an attempt ---------------------------------------------------- */

static void
agree(struct validation *validation)
{
	const struct validator *validator = validation->validator;
	const struct handler *handler = validation->handler;

	if (validation->opinion != OPINION_AGREES)
		validator->host->log(validator->self, WPS_LOG_INFO,
		    "event handler agrees hub=%.*s url=%.*s",
		    (int)handler->hub.len, handler->hub.data,
		    (int)handler->shown.len, handler->shown.data);
	validation->opinion = OPINION_AGREES;
	validation->backoff_ms = 0;
	validation->used = false;
	set_timer(validation, validator->times->check_ms, on_next);
	waiters_wake(&validation->waiters, true);
}

/* Told once, until the URL agrees. */
static void
log_refusal(const struct validation *validation, enum failure failure,
    int status, const struct wps_err *why)
{
	const struct validator *validator = validation->validator;
	const struct handler *handler = validation->handler;

	validator->host->log(validator->self,
	    validation->opinion == OPINION_REFUSES ? WPS_LOG_DEBUG : WPS_LOG_WARN,
	    "%s hub=%.*s url=%.*s status=%d: %s", failure_event(failure),
	    (int)handler->hub.len, handler->hub.data, (int)handler->shown.len,
	    handler->shown.data, status, why->text);
}

static void
refuse(struct validation *validation, enum failure failure, int status,
    const struct wps_err *why)
{
	const struct validator *validator = validation->validator;
	const struct validate_times *times = validator->times;

	tally_failure(validator->tally, validator->worker, failure);
	log_refusal(validation, failure, status, why);
	validation->opinion = OPINION_REFUSES;
	validation->backoff_ms = validation->backoff_ms ?
	    validation->backoff_ms * 2 : times->backoff_ms;
	if (validation->backoff_ms > times->check_ms)
		validation->backoff_ms = times->check_ms;
	validation->used = false;
	set_timer(validation, validation->backoff_ms, on_next);
	waiters_wake(&validation->waiters, false);
	/* The first event asks anew: the application may just be starting. */
	if (validation->early)
		validation_free(validation);
}

/* --- requests -------------------------------------------------------------------- */

static void
on_repeat(void *data)
{
	struct validation *validation = data;

	validation->timer = NULL;
	start_request(validation);
}

static bool
repeat(struct validation *validation, const struct transfer_answer *answer)
{
	bool worth = answer->end == TRANSFER_FAILED || answer->status == 408 ||
	    answer->status >= 500;

	if (!worth || validation->repeats >= REPEATS)
		return false;
	set_timer(validation,
	    validation->validator->times->repeat_ms[validation->repeats++],
	    on_repeat);
	return true;
}

/* FAILURE_NONE when it agrees; else `why` has the words. */
static enum failure
judge(const struct validation *validation, const struct transfer_answer *answer,
    struct wps_err *why)
{
	const struct origin *origin = validation->validator->origin;

	if (answer->end == TRANSFER_FORBIDDEN)
		verdict_forbidden(why);
	else if (answer->end != TRANSFER_ANSWERED)
		verdict_failure(why, answer->code, "");
	else if (!status_is_success(answer->status))
		verdict_status(why, answer->status);
	else
		return verdict_origin(why, origin, answer->head) == WPS_OK ?
		    FAILURE_NONE : FAILURE_HANDSHAKE_ORIGIN;
	return FAILURE_HANDSHAKE_STATUS;
}

static void
on_answer(void *data, const struct transfer_answer *answer)
{
	struct validation *validation = data;
	struct wps_err why;

	validation->transfer = NULL;
	if (repeat(validation, answer))
		return;
	if (answer->end == TRANSFER_ANSWERED && answer->status == 404 &&
	    !validation->with_get) {
		validation->with_get = true;
		start_request(validation);
		return;
	}
	enum failure failure = judge(validation, answer, &why);
	if (failure != FAILURE_NONE)
		refuse(validation, failure, answer->status, &why);
	else
		agree(validation);
}

static void
on_late(void *data)
{
	struct validation *validation = data;
	struct wps_err why;

	validation->timer = NULL;
	transfer_cancel(&validation->transfer);
	verdict_late(&why,
	    (unsigned)(validation->validator->times->answer_ms / 1000));
	refuse(validation, FAILURE_HANDSHAKE_STATUS, 0, &why);
}

static void
start_request(struct validation *validation)
{
	const struct validator *validator = validation->validator;

	validation->transfer = transport_start(validator->transport,
	    &(struct transfer_request){
		.method = validation->with_get ? "GET" : "OPTIONS",
		.url = validation->url,
		.headers = validator->headers,
		.tls = &validation->handler->tls,
		.max_body = ANSWER_MAX,
		.done = on_answer,
		.data = validation,
	});
	if (validation->transfer)
		tally_request(validator->tally, validator->worker,
		    REQUEST_HANDSHAKE);
	/* Without one, the timer alone ends the attempt: nobody is called
	 * before validator_ask has returned. */
	set_timer(validation,
	    validation->transfer ? validator->times->answer_ms : 0, on_late);
}

static void
start_attempt(struct validation *validation)
{
	validation->with_get = false;
	validation->repeats = 0;
	start_request(validation);
}

static void
on_next(void *data)
{
	struct validation *validation = data;

	validation->timer = NULL;
	if (validation->used)
		start_attempt(validation);
	else
		validation_free(validation);
}

/* --- the validator ----------------------------------------------------------------- */

/* FNV-1a. */
static unsigned
bucket_of(const char *url)
{
	uint32_t hash = 2166136261u;

	for (; *url; url++)
		hash = (hash ^ (unsigned char)*url) * 16777619u;
	return hash % VALIDATION_BUCKETS;
}

static struct validation *
find(const struct validator *validator, const char *url)
{
	struct validation *validation;

	LIST_FOREACH(validation, &validator->buckets[bucket_of(url)], link) {
		if (strcmp(validation->url, url) == 0)
			return validation;
	}
	return NULL;
}

static struct validation *
add(struct validator *validator, const struct validate_request *request)
{
	struct validation *validation = must_calloc(1, sizeof(*validation));
	size_t size = strlen(request->url) + 1;

	validation->validator = validator;
	validation->url = must_calloc(1, size);
	memcpy(validation->url, request->url, size);
	validation->handler = request->handler;
	validation->early = request->early;
	TAILQ_INIT(&validation->waiters);
	LIST_INSERT_HEAD(&validator->buckets[bucket_of(request->url)],
	    validation, link);
	validator->count++;
	return validation;
}

/* Nobody waits for a pause of the early check. */
static void
use(struct validation *validation)
{
	bool paused = validation->opinion == OPINION_NONE &&
	    validation->transfer == NULL;

	if (validation->early && paused)
		start_attempt(validation);
	validation->early = false;
	validation->used = true;
}

int
validator_ask(struct validator *validator,
    const struct validate_request *request, struct waiter *waiter)
{
	struct validation *validation = find(validator, request->url);

	if (validation == NULL) {
		if (validator->count >= VALIDATION_MAX)
			return WPS_FULL;
		validation = add(validator, request);
		start_attempt(validation);
	}
	if (!request->early)
		use(validation);
	switch (validation->opinion) {
	case OPINION_AGREES:
		return WPS_OK;
	case OPINION_REFUSES:
		return WPS_DECLINED;
	case OPINION_NONE:
		break;
	}
	waiter_add(&validation->waiters, waiter);
	return WPS_PENDING;
}

void
validator_learn(struct validator *validator,
    const struct validate_request *request)
{
	if (validator->count >= VALIDATION_MAX || find(validator, request->url))
		return;
	struct validation *validation = add(validator, request);
	validation->opinion = OPINION_AGREES;
	set_timer(validation, validator->times->check_ms, on_next);
}

struct curl_slist *
handshake_headers(const struct origin *origin, const char *user_agent)
{
	struct text line = { .data = NULL };
	struct curl_slist *headers = NULL;

	text_add(&line, WPS_SPAN("WebHook-Request-Origin: "));
	text_add(&line, text_span(&origin->hosts));
	text_add_char(&line, '\0');
	if (!line.failed)
		headers = curl_slist_append(headers, line.data);
	text_free(&line);
	headers = curl_slist_append(headers, "ce-awpsversion: 1.0");
	headers = curl_slist_append(headers, user_agent);
	return curl_slist_append(headers, "Accept:");
}

void
validator_init(struct validator *validator, const struct wps_host *host,
    const struct wps_self *self, struct wps_worker *worker,
    struct transport *transport, const struct origin *origin,
    const char *user_agent)
{
	*validator = (struct validator){
		.host = host,
		.self = self,
		.worker = worker,
		.transport = transport,
		.origin = origin,
		.times = &validate_times_default,
	};
	for (size_t i = 0; i < VALIDATION_BUCKETS; i++)
		LIST_INIT(&validator->buckets[i]);
	validator->headers = handshake_headers(origin, user_agent);
}

void
validator_fini(struct validator *validator)
{
	struct validation *validation;

	for (size_t i = 0; i < VALIDATION_BUCKETS; i++) {
		while ((validation = LIST_FIRST(&validator->buckets[i])))
			validation_free(validation);
	}
	curl_slist_free_all(validator->headers);
	validator->headers = NULL;
}
