/* SPDX-License-Identifier: MIT */
/*
 * Deliveries: see delivery.h.
 */
#include "delivery.h"

#include "answer.h"
#include "template.h"

#include <stdlib.h>

#define REPEATS 3
#define PATIENCE_MS 1000 /* for an answer, before an origin seems to be down */

#define TO(name) (1u << DELIVERY_##name)
static const struct {
	const char *text;
	unsigned moves;
} states[] = {
	[DELIVERY_NONE] = { "none", TO(WAITING) | TO(QUEUED) | TO(ENDING) },
#define DELIVERY_STATE(name, text, moves) [DELIVERY_##name] = { text, moves },
#include "delivery_state.h"
};
#undef TO

static const struct wps_host *
host_of(const struct delivery *delivery)
{
	return delivery->worker->plugin->host;
}

static struct lane *
lane_of(const struct delivery *delivery)
{
	return &delivery->worker->lanes[delivery->handler->index];
}

static struct breaker *
breaker_of(const struct delivery *delivery)
{
	return &delivery->worker->breakers[delivery->handler->origin];
}

static uint64_t
now_ms(const struct delivery *delivery)
{
	return host_of(delivery)->now_ms(delivery->worker->worker);
}

/* Which of its lane's counts a state stands in; NULL: in none. */
static size_t *
count_of(const struct delivery *delivery)
{
	struct lane *lane = lane_of(delivery);

	switch (delivery->state) {
	case DELIVERY_NONE:
	case DELIVERY_ENDING:
		return NULL;
	case DELIVERY_PLACED:
	case DELIVERY_AWAITING:
	case DELIVERY_READY:
	case DELIVERY_SENDING:
		return &lane->active;
	case DELIVERY_WAITING:
	case DELIVERY_QUEUED:
	case DELIVERY_PAUSED:
		break;
	}
	return delivery->reply ? &lane->blocking : &lane->nonblocking;
}

static void
count(const struct delivery *delivery, int by)
{
	size_t *counter = count_of(delivery);

	if (counter)
		*counter += (size_t)by;
}

void
delivery_set_state(struct delivery *delivery, enum delivery_state state)
{
	const struct events_worker *worker = delivery->worker;

	if (!(states[delivery->state].moves & 1u << state)) {
		worker->plugin->host->log(worker->plugin->self, WPS_LOG_ERR,
		    "a delivery may not go from %s to %s",
		    states[delivery->state].text, states[state].text);
		abort();
	}
	count(delivery, -1);
	delivery->state = state;
	count(delivery, 1);
}

static void
set_timer(struct delivery *delivery, uint64_t after_ms, wps_timer_fn fn)
{
	host_of(delivery)->timer_stop(delivery->timer);
	delivery->timer = host_of(delivery)->timer_start(
	    delivery->worker->worker, after_ms, fn, delivery);
}

static uint64_t
left_ms(const struct delivery *delivery)
{
	uint64_t now = now_ms(delivery);

	return delivery->deadline_ms > now ? delivery->deadline_ms - now : 0;
}

/* --- log ------------------------------------------------------------------------- */

/* Arguments for %.*s: at most so many bytes of it. */
#define SHOWN(span, max) \
	(int)((span).len < (max) ? (span).len : (max)), (span).data

/* Some failures are told elsewhere, once for many events. */
static void
count_failure(const struct delivery *delivery, enum failure failure)
{
	const struct events_worker *worker = delivery->worker;

	tally_failure(&worker->plugin->tally, worker->worker, failure);
}

static void
log_failure(struct delivery *delivery, enum failure failure, int status,
    const char *problem)
{
	struct events_worker *worker = delivery->worker;
	const struct request *request = &delivery->request;
	struct wps_span url = delivery->handler->shown;

	count_failure(delivery, failure);
	worker->plugin->host->log(worker->plugin->self,
	    events_worker_level(worker),
	    "%s hub=%.*s conn=%.*s event=%.*s kind=%s status=%d "
	    "problem=\"%s\" url=%.*s", failure_event(failure),
	    SHOWN(request->hub, 128), SHOWN(request->conn, 64),
	    SHOWN(request->event, 128), event_kind_name(delivery->kind),
	    status, problem ? problem : "", (int)url.len, url.data);
}

/* It has no request that could say what it is. */
static void
log_unsent(struct delivery *delivery, const struct wps_event *event,
    enum failure failure, const char *problem)
{
	const struct wps_conn_view *conn =
	    host_of(delivery)->conn_view(event->conn);
	struct request *request = &delivery->request;

	request->hub = conn->hub;
	request->conn = conn->id;
	request->event = event->name;
	log_failure(delivery, failure, 0, problem);
	request->hub = request->conn = request->event = WPS_SPAN_NONE;
}

/* Whether the origin answers is news only when it has changed. */
static void
report(struct delivery *delivery, bool answered)
{
	const struct cloudevents *plugin = delivery->worker->plugin;
	struct wps_span origin =
	    plugin->handlers.origins[delivery->handler->origin];

	delivery->probe = false;
	if (!breaker_report(breaker_of(delivery), &(struct breaker_result){
		.answered = answered,
		.sent_ms = delivery->sent_ms,
		.now_ms = now_ms(delivery),
		.limit = plugin->breaker_failures,
	}))
		return;
	plugin->host->log(plugin->self, answered ? WPS_LOG_INFO : WPS_LOG_WARN,
	    answered ? "upstream answers again origin=%.*s" :
	    "upstream does not answer, its events fail at once until it does "
	    "origin=%.*s", (int)origin.len, origin.data);
}

/* --- the end ---------------------------------------------------------------------- */

/* Out of the list that its state is kept in. */
static void
unlist(struct delivery *delivery)
{
	switch (delivery->state) {
	case DELIVERY_QUEUED:
		TAILQ_REMOVE(&lane_of(delivery)->queue, delivery, queued);
		break;
	case DELIVERY_READY:
		TAILQ_REMOVE(&lane_of(delivery)->ready, delivery, queued);
		break;
	case DELIVERY_ENDING:
		TAILQ_REMOVE(&delivery->worker->endings, delivery, queued);
		break;
	case DELIVERY_NONE:
	case DELIVERY_WAITING:
	case DELIVERY_PLACED:
	case DELIVERY_AWAITING:
	case DELIVERY_SENDING:
	case DELIVERY_PAUSED:
		break;
	}
}

/* Stops all that runs for it. */
static void
still(struct delivery *delivery)
{
	waiter_remove(&delivery->waiter);
	transfer_cancel(&delivery->transfer);
	host_of(delivery)->timer_stop(delivery->timer);
	delivery->timer = NULL;
	if (delivery->probe)
		breaker_give_back(breaker_of(delivery));
	delivery->probe = false;
}

/* Takes it out of everything; what it holds stays readable until it is freed. */
static void
leave(struct delivery *delivery)
{
	unlist(delivery);
	count(delivery, -1);
	delivery->state = DELIVERY_NONE;
	if (delivery->reply)
		LIST_REMOVE(delivery, answers);
	else
		TAILQ_REMOVE(&delivery->of_conn->chain, delivery, chained);
	LIST_REMOVE(delivery, link);
	still(delivery);
}

static void
delivery_free(struct delivery *delivery)
{
	request_free(&delivery->request);
	text_free(&delivery->authorization);
	state_unref(&delivery->of_conn);
	free(delivery);
}

void
delivery_drop(struct delivery *delivery)
{
	leave(delivery);
	delivery_free(delivery);
}

static void enqueue(struct delivery *delivery);

/* The next event of the connection's chain may go, if it has not. */
static void
release_next(struct conn_state *of_conn)
{
	struct delivery *next = TAILQ_FIRST(&of_conn->chain);

	if (next == NULL || next->state != DELIVERY_WAITING)
		return;
	/* The last word is said whatever was before. */
	if (next->kind == WPS_EVENT_DISCONNECTED)
		next->deadline_ms = now_ms(next) + next->handler->timeout_ms;
	enqueue(next);
	lane_pump_later(lane_of(next));
}

void
delivery_conclude(struct delivery *delivery, const struct wps_answer *answer)
{
	struct lane *lane = lane_of(delivery);

	leave(delivery);
	if (delivery->reply)
		host_of(delivery)->answer(delivery->reply, answer);
	else
		release_next(delivery->of_conn);
	delivery_free(delivery);
	lane_pump_later(lane);
}

static void
fail(struct delivery *delivery, int result)
{
	unlist(delivery);
	still(delivery);
	lane_end(delivery, result);
}

static void
on_late(void *data)
{
	struct delivery *delivery = data;

	delivery->timer = NULL;
	/* One that was sent a moment before its end says nothing. */
	if (delivery->state == DELIVERY_SENDING && !delivery->answering &&
	    now_ms(delivery) >= delivery->sent_ms + PATIENCE_MS)
		report(delivery, false);
	log_failure(delivery, FAILURE_TIMEOUT, 0, "timeout");
	fail(delivery, WPS_ESYS);
}

/* --- on its way -------------------------------------------------------------------- */

static void
enqueue(struct delivery *delivery)
{
	delivery_set_state(delivery, DELIVERY_QUEUED);
	TAILQ_INSERT_TAIL(&lane_of(delivery)->queue, delivery, queued);
	set_timer(delivery, left_ms(delivery), on_late);
}

static void
on_ready(struct waiter *waiter, bool agreed)
{
	struct delivery *delivery = (struct delivery *)(void *)
	    ((char *)waiter - offsetof(struct delivery, waiter));

	if (!agreed) {
		count_failure(delivery, delivery->awaits);
		fail(delivery, WPS_EPROTO);
		return;
	}
	delivery_set_state(delivery, DELIVERY_READY);
	TAILQ_INSERT_TAIL(&lane_of(delivery)->ready, delivery, queued);
	lane_pump_later(lane_of(delivery));
}

static void
on_pause_end(void *data)
{
	struct delivery *delivery = data;

	delivery->timer = NULL;
	enqueue(delivery);
	lane_pump_later(lane_of(delivery));
}

/* Gives its place away for a while; false when that would be too long. */
static bool
pause_for(struct delivery *delivery, uint64_t ms)
{
	if (ms >= left_ms(delivery))
		return false;
	delivery_set_state(delivery, DELIVERY_PAUSED);
	set_timer(delivery, ms, on_pause_end);
	lane_pump_later(lane_of(delivery));
	return true;
}

static void send_request(struct delivery *delivery);

/* An origin that is down is asked by one event at a time; those that somebody
 * waits for do not wait for it. */
static void
pass_breaker(struct delivery *delivery)
{
	uint64_t pause = breaker_ask(breaker_of(delivery), now_ms(delivery),
	    &delivery->probe);

	if (pause == 0) {
		send_request(delivery);
	} else if (delivery->reply || !pause_for(delivery, pause)) {
		count_failure(delivery, FAILURE_DOWN);
		fail(delivery, WPS_ESYS);
	}
}

/* Whether the URL agrees, and there is a token; a refusal is in the log. */
void
delivery_begin(struct delivery *delivery)
{
	const struct handler *handler = delivery->handler;
	int rc = WPS_OK;

	delivery->awaits = FAILURE_NOT_AGREED;
	if (handler->validation)
		rc = validator_ask(&delivery->worker->validator,
		    &(struct validate_request){
			.url = delivery->request.check,
			.handler = handler,
		    }, &delivery->waiter);
	if (rc == WPS_OK) {
		delivery->awaits = FAILURE_NO_TOKEN;
		rc = authorizer_ask(&delivery->worker->authorizer, handler,
		    delivery->request.hub, &delivery->waiter,
		    &delivery->authorization);
	}
	if (rc == WPS_OK) {
		pass_breaker(delivery);
	} else if (rc == WPS_PENDING) {
		delivery_set_state(delivery, DELIVERY_AWAITING);
	} else {
		if (rc == WPS_FULL)
			log_failure(delivery, delivery->awaits, 0,
			    "too many URLs are remembered");
		else
			count_failure(delivery, delivery->awaits);
		fail(delivery, WPS_EPROTO);
	}
}

/* --- requests ------------------------------------------------------------------------ */

static void
on_head(void *data)
{
	struct delivery *delivery = data;

	delivery->answering = true;
	set_timer(delivery, delivery->handler->body_timeout_ms, on_late);
}

static bool
may_repeat(const struct delivery *delivery)
{
	switch (delivery->handler->retry) {
	case RETRY_NONBLOCKING:
		return delivery->reply == NULL;
	case RETRY_ALL:
		return true;
	case RETRY_NONE:
		break;
	}
	return false;
}

/* Whether it is tried once more, after a pause. */
static bool
repeat(struct delivery *delivery, const struct transfer_answer *from)
{
	bool worth = from->end == TRANSFER_FAILED ||
	    (from->end == TRANSFER_ANSWERED &&
	    (from->status == 408 || from->status >= 500));

	if (!worth || !may_repeat(delivery) || delivery->repeats >= REPEATS ||
	    !pause_for(delivery, delivery->worker->repeat_ms[delivery->repeats]))
		return false;
	delivery->repeats++;
	return true;
}

/* It succeeds, but the application may have meant another one. */
static void
log_several_states(const struct delivery *delivery)
{
	struct events_worker *worker = delivery->worker;
	const struct request *request = &delivery->request;
	struct wps_span url = delivery->handler->shown;

	worker->plugin->host->log(worker->plugin->self,
	    events_worker_level(worker), "an answer has several lines of "
	    "ce-connectionState, the last counts hub=%.*s conn=%.*s event=%.*s "
	    "url=%.*s", SHOWN(request->hub, 128), SHOWN(request->conn, 64),
	    SHOWN(request->event, 128), (int)url.len, url.data);
}

static void
apply_state(struct delivery *delivery, struct answer *answer)
{
	if (!answer->has_state || delivery->reply == NULL)
		return;
	if (answer->several_states)
		log_several_states(delivery);
	if (state_set(delivery->of_conn, answer->state) != WPS_OK) {
		answer->out = (struct wps_answer){ .result = WPS_ENOMEM };
		answer->problem = "no memory for ce-connectionState";
	}
}

/* Invocations, and events that nobody waits for, are answered side by side. */
static void
take_cookies(struct delivery *delivery, const struct transfer_answer *from)
{
	struct conn_state *state = delivery->of_conn;
	struct curl_slist *cookies = transfer_cookies(from->transfer);

	if (state->cookie_changes == delivery->cookie_changes)
		state_set_cookies(state, cookies);
	else
		state_merge_cookies(state, cookies, from->head);
}

/* What kind of failure it is, if it is one. */
static enum failure
failure_of(const struct transfer_answer *from)
{
	switch (from->end) {
	case TRANSFER_FAILED:
		return FAILURE_CONNECTION;
	case TRANSFER_TOO_LARGE:
		return FAILURE_TOO_LARGE;
	case TRANSFER_FORBIDDEN:
		return FAILURE_ADDRESS;
	case TRANSFER_ANSWERED:
		break;
	}
	return status_is_success(from->status) ? FAILURE_ANSWER :
	    FAILURE_STATUS;
}

static void
on_answer(void *data, const struct transfer_answer *from)
{
	struct delivery *delivery = data;
	struct answer answer;

	delivery->transfer = NULL;
	report(delivery, from->end != TRANSFER_FAILED || delivery->answering);
	if (from->status == 401)
		authorizer_refused(&delivery->worker->authorizer,
		    delivery->handler);
	if (repeat(delivery, from))
		return;
	answer_read(&answer, delivery->kind, delivery->nameless, from);
	apply_state(delivery, &answer);
	if (from->has_cookies)
		take_cookies(delivery, from);
	if (answer.out.result != WPS_OK)
		log_failure(delivery, failure_of(from), from->status,
		    answer.problem);
	delivery_conclude(delivery, &answer.out);
	answer_free(&answer);
}

static struct curl_slist *
headers_of(struct delivery *delivery)
{
	if (delivery->authorization.len == 0)
		return delivery->request.headers;
	delivery->head = (struct curl_slist){
		.data = delivery->authorization.data,
		.next = delivery->request.headers,
	};
	return &delivery->head;
}

static void
send_request(struct delivery *delivery)
{
	const struct handler *handler = delivery->handler;

	delivery_set_state(delivery, DELIVERY_SENDING);
	delivery->answering = false;
	delivery->sent_ms = now_ms(delivery);
	delivery->cookie_changes = delivery->of_conn->cookie_changes;
	delivery->transfer = transport_start(&delivery->worker->transport,
	    &(struct transfer_request){
		.method = "POST",
		.url = delivery->request.url,
		.headers = headers_of(delivery),
		.body = delivery->request.body,
		.max_body = delivery->kind == WPS_EVENT_CONNECT &&
		    handler->max_answer > ANSWER_CONNECT_MAX ?
		    ANSWER_CONNECT_MAX : handler->max_answer,
		.tls = &handler->tls,
		.with_cookies = handler->cookies,
		.cookies = delivery->of_conn->cookies,
		.once = !may_repeat(delivery),
		.head = on_head,
		.done = on_answer,
		.data = delivery,
	});
	if (delivery->transfer) {
		tally_request(&delivery->worker->plugin->tally,
		    delivery->worker->worker, REQUEST_EVENT);
		return;
	}
	log_failure(delivery, FAILURE_UNSENDABLE, 0,
	    "the request could not be started");
	fail(delivery, WPS_ESYS);
}

/* --- start and cancel ------------------------------------------------------------------ */

static struct delivery_list *
bucket_of(struct events_worker *worker, const struct wps_reply *reply)
{
	/* Neighbours in memory are at least 16 bytes apart. */
	return &worker->by_reply[((uintptr_t)reply >> 4) % REPLY_BUCKETS];
}

static int
make_request(struct delivery *delivery, const struct wps_event *event)
{
	struct events_worker *worker = delivery->worker;
	const struct cloudevents *plugin = worker->plugin;
	struct conn_state *state = delivery->of_conn;

	return request_make(&delivery->request, &(struct request_facts){
		.host = plugin->host,
		.self = plugin->self,
		.handler = delivery->handler,
		.scratch = &worker->scratch,
		.origin = text_span(&plugin->origin.hosts),
		.user_agent = plugin->user_agent,
		.event_id = event->kind == WPS_EVENT_CONNECT ? 0 : ++state->last_id,
		.state = text_span(&state->value),
		.signature = &state->signature,
		.time = events_worker_time(worker),
		.series = { worker->series, SERIES_LEN },
		.number = ++worker->number,
	}, event);
}

static struct delivery *
add(struct events_worker *worker, const struct handler *handler,
    const struct wps_event *event, struct wps_reply *reply)
{
	const struct cloudevents *plugin = worker->plugin;
	struct delivery *delivery = must_calloc(1, sizeof(*delivery));

	delivery->worker = worker;
	delivery->handler = handler;
	delivery->kind = event->kind;
	delivery->nameless = plugin->host->conn_view(event->conn)->nameless;
	delivery->reply = reply;
	delivery->of_conn =
	    state_ref(state_get(plugin->host, plugin->self, event->conn));
	delivery->waiter.ready = on_ready;
	delivery->deadline_ms = now_ms(delivery) + handler->timeout_ms;
	LIST_INSERT_HEAD(&worker->all, delivery, link);
	if (reply)
		LIST_INSERT_HEAD(bucket_of(worker, reply), delivery, answers);
	else
		TAILQ_INSERT_TAIL(&delivery->of_conn->chain, delivery, chained);
	return delivery;
}

/* Behind earlier ones of its connection. */
static void
wait_in_chain(struct delivery *delivery)
{
	delivery_set_state(delivery, DELIVERY_WAITING);
	if (delivery->kind != WPS_EVENT_DISCONNECTED)
		set_timer(delivery, left_ms(delivery), on_late);
}

void
delivery_start(struct events_worker *worker, const struct handler *handler,
    const struct wps_event *event, struct wps_reply *reply)
{
	struct lane *lane = &worker->lanes[handler->index];
	bool full = !lane_has_room(lane, event->kind, reply != NULL);
	struct delivery *delivery = add(worker, handler, event, reply);
	int rc = full ? WPS_ESYS : make_request(delivery, event);

	if (rc != WPS_OK) {
		if (full)
			log_unsent(delivery, event, FAILURE_QUEUE,
			    "the queue is full");
		else
			log_unsent(delivery, event, FAILURE_UNSENDABLE,
			    "the event cannot be sent");
		lane_end(delivery, rc);
	} else if (reply == NULL &&
	    TAILQ_FIRST(&delivery->of_conn->chain) != delivery) {
		wait_in_chain(delivery);
	} else {
		enqueue(delivery);
		lane_pump(lane);
	}
}

void
delivery_cancel(struct events_worker *worker, const struct wps_reply *reply)
{
	struct delivery *delivery;

	LIST_FOREACH(delivery, bucket_of(worker, reply), answers) {
		if (delivery->reply == reply)
			break;
	}
	if (delivery == NULL)
		return;
	struct lane *lane = lane_of(delivery);
	delivery_drop(delivery);
	lane_pump_later(lane);
}
