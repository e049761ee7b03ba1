/* SPDX-License-Identifier: MIT */
/*
 * Deliveries: see delivery.h.
 */
#include "delivery.h"

#include "answer.h"
#include "request.h"
#include "state.h"
#include "template.h"

#include <stdlib.h>
#include <sys/random.h>

#define REPEATS 3
#define LOG_PER_SECOND 16

enum delivery_state {
	DELIVERY_NONE = 0,
#define DELIVERY_STATE(name, text, moves) DELIVERY_##name,
#include "delivery_state.h"
};

#define TO(name) (1u << DELIVERY_##name)
static const struct {
	const char *text;
	unsigned moves;
} states[] = {
	[DELIVERY_NONE] = { "none", TO(QUEUED) },
#define DELIVERY_STATE(name, text, moves) [DELIVERY_##name] = { text, moves },
#include "delivery_state.h"
};
#undef TO

struct delivery {
	LIST_ENTRY(delivery) link;    /* of all */
	LIST_ENTRY(delivery) answers; /* blocking: by its reply */
	TAILQ_ENTRY(delivery) queued; /* QUEUED: in the lane */
	struct events_worker *worker;
	const struct handler *handler;
	enum wps_event_kind kind;
	enum delivery_state state;
	struct request request;

	struct wps_reply *reply; /* NULL: nobody waits */
	struct wps_conn *conn;   /* borrowed, blocking only: it lives while the reply does */

	uint64_t deadline_ms;
	unsigned repeats;
	struct wps_timer *timer; /* always runs */
	struct waiter waiter;
	struct transfer *transfer; /* SENDING */
};

static void send_request(struct delivery *delivery);

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

static bool
has_place(const struct delivery *delivery)
{
	return delivery->state == DELIVERY_PLACED ||
	    delivery->state == DELIVERY_VALIDATING ||
	    delivery->state == DELIVERY_SENDING;
}

/* Which of its lane's counts it stands in. */
static size_t *
count_of(const struct delivery *delivery)
{
	struct lane *lane = lane_of(delivery);

	if (has_place(delivery))
		return &lane->active;
	return delivery->reply ? &lane->blocking : &lane->nonblocking;
}

static void
set_state(struct delivery *delivery, enum delivery_state state)
{
	const struct events_worker *worker = delivery->worker;

	if (!(states[delivery->state].moves & 1u << state)) {
		worker->plugin->host->log(worker->plugin->self, WPS_LOG_ERR,
		    "a delivery may not go from %s to %s",
		    states[delivery->state].text, states[state].text);
		abort();
	}
	if (delivery->state != DELIVERY_NONE)
		--*count_of(delivery);
	delivery->state = state;
	++*count_of(delivery);
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
	uint64_t now = host_of(delivery)->now_ms(delivery->worker->worker);

	return delivery->deadline_ms > now ? delivery->deadline_ms - now : 0;
}

/* --- log ------------------------------------------------------------------------- */

/* The value of one of our own header lines; "" without it. */
static const char *
header(const struct delivery *delivery, const char *name)
{
	size_t len = strlen(name);

	for (const struct curl_slist *line = delivery->request.headers; line;
	    line = line->next) {
		if (strncmp(line->data, name, len) == 0 &&
		    strncmp(line->data + len, ": ", 2) == 0)
			return line->data + len + 2;
	}
	return "";
}

/* Clients can cause failures at will: beyond a few per second they are debug. */
static enum wps_log_level
failure_level(struct events_worker *worker)
{
	uint64_t second = worker->plugin->host->now_ms(worker->worker) / 1000;

	if (second != worker->log_second) {
		worker->log_second = second;
		worker->log_count = 0;
	}
	if (worker->log_count >= LOG_PER_SECOND)
		return WPS_LOG_DEBUG;
	worker->log_count++;
	return WPS_LOG_WARN;
}

static void
log_failure(struct delivery *delivery, int status, const char *problem)
{
	struct events_worker *worker = delivery->worker;
	struct wps_span url = url_without_query(text_span(&delivery->request.url));

	if (url.len > 0 && url.data[url.len - 1] == '\0')
		url.len--;
	worker->plugin->host->log(worker->plugin->self, failure_level(worker),
	    "HttpHandlerUnexpectedResponse hub=%.128s conn=%.64s event=%.128s "
	    "kind=%s status=%d problem=\"%s\" url=%.*s",
	    header(delivery, "ce-hub"), header(delivery, "ce-connectionId"),
	    header(delivery, "ce-eventName"), event_kind_name(delivery->kind),
	    status, problem ? problem : "", (int)url.len, url.data);
}

/* --- the end ---------------------------------------------------------------------- */

static void lane_pump(struct events_worker *worker,
    const struct handler *handler);

/* Takes it out of everything; what it holds stays readable until it is freed. */
static void
leave(struct delivery *delivery)
{
	if (delivery->state == DELIVERY_QUEUED)
		TAILQ_REMOVE(&lane_of(delivery)->queue, delivery, queued);
	if (delivery->state != DELIVERY_NONE)
		--*count_of(delivery);
	delivery->state = DELIVERY_NONE;
	if (delivery->reply)
		LIST_REMOVE(delivery, answers);
	LIST_REMOVE(delivery, link);
	waiter_remove(&delivery->waiter);
	transfer_cancel(&delivery->transfer);
	host_of(delivery)->timer_stop(delivery->timer);
	delivery->timer = NULL;
}

static void
delivery_free(struct delivery *delivery)
{
	request_free(&delivery->request);
	free(delivery);
}

static void
conclude(struct delivery *delivery, const struct wps_answer *answer)
{
	struct events_worker *worker = delivery->worker;
	const struct handler *handler = delivery->handler;

	leave(delivery);
	if (delivery->reply)
		worker->plugin->host->answer(delivery->reply, answer);
	delivery_free(delivery);
	lane_pump(worker, handler);
}

static void
conclude_failed(struct delivery *delivery, int result)
{
	conclude(delivery, &(struct wps_answer){ .result = result });
}

static void
on_late(void *data)
{
	struct delivery *delivery = data;

	delivery->timer = NULL;
	log_failure(delivery, 0, "timeout");
	conclude_failed(delivery, WPS_ESYS);
}

/* --- lanes ------------------------------------------------------------------------- */

static void
enqueue(struct delivery *delivery)
{
	set_state(delivery, DELIVERY_QUEUED);
	TAILQ_INSERT_TAIL(&lane_of(delivery)->queue, delivery, queued);
	set_timer(delivery, left_ms(delivery), on_late);
}

static void
on_ready(struct waiter *waiter, bool agreed)
{
	struct delivery *delivery = (struct delivery *)(void *)
	    ((char *)waiter - offsetof(struct delivery, waiter));

	if (agreed)
		send_request(delivery);
	else
		conclude_failed(delivery, WPS_EPROTO);
}

/* It has a place: asks whether the URL agrees. The refusal is in the log. */
static void
begin(struct delivery *delivery)
{
	int rc = WPS_OK;

	if (delivery->handler->validation)
		rc = validator_ask(&delivery->worker->validator,
		    delivery->request.check.data, &delivery->waiter);
	if (rc == WPS_OK) {
		send_request(delivery);
	} else if (rc == WPS_PENDING) {
		set_state(delivery, DELIVERY_VALIDATING);
	} else {
		conclude_failed(delivery, WPS_EPROTO);
	}
}

/* Gives free places to those that wait; endings in here come back to the loop. */
static void
lane_pump(struct events_worker *worker, const struct handler *handler)
{
	struct lane *lane = &worker->lanes[handler->index];
	struct delivery *delivery;

	if (lane->pumping)
		return;
	lane->pumping = true;
	while (lane->active < handler->concurrency &&
	    (delivery = TAILQ_FIRST(&lane->queue))) {
		TAILQ_REMOVE(&lane->queue, delivery, queued);
		set_state(delivery, DELIVERY_PLACED);
		begin(delivery);
	}
	lane->pumping = false;
}

/* --- requests ------------------------------------------------------------------------ */

static void
on_head(void *data)
{
	struct delivery *delivery = data;

	set_timer(delivery, delivery->handler->body_timeout_ms, on_late);
}

static void
on_pause_end(void *data)
{
	struct delivery *delivery = data;

	delivery->timer = NULL;
	enqueue(delivery);
	lane_pump(delivery->worker, delivery->handler);
}

/* Whether it is tried once more, after a pause. */
static bool
repeat(struct delivery *delivery, const struct transfer_answer *from)
{
	bool worth = from->end == TRANSFER_FAILED ||
	    (from->end == TRANSFER_ANSWERED &&
	    (from->status == 408 || from->status >= 500));

	if (!worth || delivery->reply || delivery->repeats >= REPEATS)
		return false;
	uint64_t pause = delivery->worker->repeat_ms[delivery->repeats];
	if (pause >= left_ms(delivery))
		return false;
	delivery->repeats++;
	set_state(delivery, DELIVERY_PAUSED);
	set_timer(delivery, pause, on_pause_end);
	lane_pump(delivery->worker, delivery->handler);
	return true;
}

static void
apply_state(struct delivery *delivery, struct answer *answer)
{
	const struct cloudevents *plugin = delivery->worker->plugin;

	if (!answer->has_state || delivery->conn == NULL)
		return;
	if (state_set(state_get(plugin->host, plugin->self, delivery->conn),
	    answer->state) != WPS_OK) {
		answer->out = (struct wps_answer){ .result = WPS_ENOMEM };
		answer->problem = "no memory for ce-connectionState";
	}
}

static void
on_answer(void *data, const struct transfer_answer *from)
{
	struct delivery *delivery = data;
	struct answer answer;

	delivery->transfer = NULL;
	if (repeat(delivery, from))
		return;
	answer_read(&answer, delivery->kind, from);
	apply_state(delivery, &answer);
	if (answer.out.result != WPS_OK)
		log_failure(delivery, from->status, answer.problem);
	conclude(delivery, &answer.out);
	answer_free(&answer);
}

static void
send_request(struct delivery *delivery)
{
	set_state(delivery, DELIVERY_SENDING);
	delivery->transfer = transport_start(&delivery->worker->transport,
	    &(struct transfer_request){
		.method = "POST",
		.url = delivery->request.url.data,
		.headers = delivery->request.headers,
		.body = text_span(&delivery->request.body),
		.max_body = delivery->handler->max_answer,
		.once = delivery->reply != NULL,
		.head = on_head,
		.done = on_answer,
		.data = delivery,
	});
	if (delivery->transfer == NULL) {
		log_failure(delivery, 0, "the request could not be started");
		conclude_failed(delivery, WPS_ESYS);
	}
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
	struct conn_state *state =
	    state_get(plugin->host, plugin->self, event->conn);

	return request_make(&delivery->request, &(struct request_facts){
		.host = plugin->host,
		.self = plugin->self,
		.handler = delivery->handler,
		.origin = text_span(&plugin->origin.hosts),
		.user_agent = plugin->user_agent,
		.event_id = event->kind == WPS_EVENT_CONNECT ? 0 : ++state->last_id,
		.state = text_span(&state->value),
		.series = worker->series,
		.number = ++worker->number,
	}, event);
}

static bool
lane_is_full(const struct delivery *delivery)
{
	const struct lane *lane = lane_of(delivery);

	if (delivery->reply == NULL)
		return lane->nonblocking >= LANE_NONBLOCKING_MAX;
	return lane->active >= delivery->handler->concurrency &&
	    lane->blocking >= delivery->handler->queue;
}

static struct delivery *
add(struct events_worker *worker, const struct handler *handler,
    const struct wps_event *event, struct wps_reply *reply)
{
	struct delivery *delivery = must_calloc(1, sizeof(*delivery));

	delivery->worker = worker;
	delivery->handler = handler;
	delivery->kind = event->kind;
	delivery->reply = reply;
	delivery->conn = reply ? event->conn : NULL;
	delivery->waiter.ready = on_ready;
	delivery->deadline_ms =
	    worker->plugin->host->now_ms(worker->worker) + handler->timeout_ms;
	LIST_INSERT_HEAD(&worker->all, delivery, link);
	if (reply)
		LIST_INSERT_HEAD(bucket_of(worker, reply), delivery, answers);
	return delivery;
}

void
delivery_start(struct events_worker *worker, const struct handler *handler,
    const struct wps_event *event, struct wps_reply *reply)
{
	struct delivery *delivery = add(worker, handler, event, reply);
	bool full = lane_is_full(delivery);
	int rc = full ? WPS_ESYS : make_request(delivery, event);

	if (rc != WPS_OK) {
		log_failure(delivery, 0, full ? "the queue is full" :
		    "the event cannot be sent");
		conclude_failed(delivery, rc);
		return;
	}
	enqueue(delivery);
	lane_pump(worker, handler);
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
	const struct handler *handler = delivery->handler;
	leave(delivery);
	delivery_free(delivery);
	lane_pump(worker, handler);
}

/* --- workers ----------------------------------------------------------------------------- */

int
events_worker_init(struct events_worker *worker, struct cloudevents *plugin,
    struct wps_worker *of)
{
	const struct wps_host *host = plugin->host;

	*worker = (struct events_worker){
		.plugin = plugin,
		.worker = of,
		.repeat_ms = validate_times_default.repeat_ms,
	};
	if (getentropy(&worker->series, sizeof(worker->series)) != 0)
		return WPS_ESYS;
	int rc = transport_init(&worker->transport, host, of, &plugin->transport);
	if (rc != WPS_OK)
		return rc;
	validator_init(&worker->validator, host, plugin->self, of,
	    &worker->transport, &plugin->origin, plugin->user_agent);
	worker->lanes = must_calloc(plugin->handlers.handler_count,
	    sizeof(*worker->lanes));
	for (unsigned i = 0; i < plugin->handlers.handler_count; i++)
		TAILQ_INIT(&worker->lanes[i].queue);
	LIST_INIT(&worker->all);
	for (size_t i = 0; i < REPLY_BUCKETS; i++)
		LIST_INIT(&worker->by_reply[i]);
	return WPS_OK;
}

void
events_worker_fini(struct events_worker *worker)
{
	struct delivery *delivery;
	size_t lost = 0;

	while ((delivery = LIST_FIRST(&worker->all))) {
		lost++;
		leave(delivery);
		delivery_free(delivery);
	}
	if (lost > 0)
		worker->plugin->host->log(worker->plugin->self, WPS_LOG_WARN,
		    "events were not delivered before the end count=%zu", lost);
	validator_fini(&worker->validator);
	transport_fini(&worker->transport);
	free(worker->lanes);
	worker->lanes = NULL;
}
