/* SPDX-License-Identifier: MIT */
/*
 * A table says what each input does in each state of a stream; an id that no
 * stream of the connection has is a state, too.
 *
 * Fragments are acknowledged at the end of the turn, once for all that were
 * read. An idle timer is not moved by each fragment: when it runs out it looks
 * whether it has to go on.
 */
#include "stream.h"

#include "publish.h"
#include "semantics.h"

#define UNNOTICED_MS 60000 /* a transport may be lost as long before it is cut */

enum input {
	INPUT_START,
	INPUT_NEXT, /* the fragment that is expected */
	INPUT_OLD,
	INPUT_GAP,
	INPUT_KEEP_ALIVE,
	INPUT_END,
	INPUT_BAD, /* a request that is not valid */
	INPUT_TIME,
	INPUT_GONE, /* the connection has ended */
	INPUTS,
};

/* What an action works on. */
struct act {
	struct worker *worker;
	const struct wps_host *host;
	struct wps_conn *conn;
	struct session *session;
	struct stream *stream;         /* NULL: unknown */
	const struct request *request; /* NULL: it is no request */
};

#define FAILURE(name, text) { { name, sizeof(name) - 1 }, { text, sizeof(text) - 1 } }
static const struct failure not_found = FAILURE("StreamNotFound", "No such stream");
const struct failure stream_forbidden =
    FAILURE("Forbidden", "No permission to send to the group");
const struct failure stream_bad_request =
    FAILURE("BadRequest", "The request is not valid for this stream");
static const struct failure too_many = FAILURE("BadRequest", "Too many streams");
static const struct failure internal_error =
    FAILURE("InternalServerError", "Internal server error");
const struct failure stream_idle_timeout =
    FAILURE("IdleTimeout", "The stream was idle for too long");
static const struct failure cancelled =
    FAILURE("Cancelled", "The publisher has gone");
static const struct failure gap =
    FAILURE("InvalidSequenceId", "A fragment before this one is missing");
static const struct failure transient =
    FAILURE("TransientError", "The fragment could not be delivered");

/* --- words to the publisher -------------------------------------------------- */

static void
say(const struct act *act, struct reply reply)
{
	reply.stream = act->stream ? act->stream->id : act->request->stream.id;
	reply.expected = act->stream ? act->stream->expected : 0;
	reply_send(act->worker, act->conn, act->session->codec, &reply);
}

static void
not_due(struct stream *stream)
{
	if (stream->is_due)
		LIST_REMOVE(stream, due);
	stream->is_due = false;
}

static void
acknowledge(struct act *act)
{
	not_due(act->stream);
	say(act, (struct reply){ .kind = REPLY_STREAM_ACK });
}

static void
refuse_fragment(struct act *act, const struct failure *failure)
{
	not_due(act->stream);
	say(act, (struct reply){ .kind = REPLY_STREAM_NACK, .failure = failure });
}

static void
say_closed(struct act *act, const struct failure *failure)
{
	say(act, (struct reply){ .kind = REPLY_STREAM_CLOSED,
	    .failure = failure });
}

static struct act
act_of(struct stream *stream)
{
	const struct wps_host *host = stream->worker->plugin->host;

	return (struct act){
		.worker = stream->worker,
		.host = host,
		.conn = stream->conn,
		.session = host->conn_data(stream->conn),
		.stream = stream,
	};
}

/* At the end of a turn. */
static void
acknowledge_due(struct wps_worker *host_worker, void *data)
{
	struct worker *worker = data;

	(void)host_worker;
	worker->acks_posted = false;
	while (!LIST_EMPTY(&worker->due)) {
		struct act act = act_of(LIST_FIRST(&worker->due));
		acknowledge(&act);
	}
}

static void
acknowledge_soon(struct act *act)
{
	struct worker *worker = act->worker;

	if (!act->stream->is_due)
		LIST_INSERT_HEAD(&worker->due, act->stream, due);
	act->stream->is_due = true;
	if (!worker->acks_posted)
		act->host->post(act->host->conn_worker(act->conn),
		    acknowledge_due, worker);
	worker->acks_posted = true;
}

/* --- life ------------------------------------------------------------------------ */

static void on_time(void *data);

void
stream_wake_after(struct stream *stream, uint64_t ms)
{
	const struct wps_host *host = stream->worker->plugin->host;

	host->timer_stop(stream->timer);
	stream->timer = host->timer_start(host->conn_worker(stream->conn), ms,
	    on_time, stream);
}

/* As long as its client may come back and repeat the end. */
uint64_t
stream_memory_ms(const struct stream *stream)
{
	const struct plugin *plugin = stream->worker->plugin;
	const struct wps_host *host = plugin->host;
	const struct wps_conf *conf = host->conf_hub(plugin->self,
	    host->conn_view(stream->conn)->hub);

	return UNNOTICED_MS + (uint64_t)host->conf_int(conf, "recovery_window");
}

static uint64_t
now_ms(const struct act *act)
{
	return act->host->now_ms(act->host->conn_worker(act->conn));
}

static void
keep_alive(struct act *act)
{
	act->stream->deadline_ms = now_ms(act) + act->stream->idle_ms;
}

void
stream_free(struct stream *stream)
{
	not_due(stream);
	stream->worker->plugin->host->timer_stop(stream->timer);
	LIST_REMOVE(stream, link);
	free(stream);
}

static void
forget(struct act *act)
{
	stream_free(act->stream);
	act->stream = NULL;
	act->session->stream_count--;
}

/* The last word; a reliable client may ask for it again. */
static void
close_stream(struct act *act, const struct failure *failure)
{
	struct stream *stream = act->stream;

	if (stream->is_due)
		acknowledge(act);
	say_closed(act, failure);
	if (!act->session->codec->reliable) {
		forget(act);
		return;
	}
	uint64_t memory_ms = stream_memory_ms(stream);
	stream->state = STREAM_CLOSED;
	stream->outcome = failure;
	stream->deadline_ms = now_ms(act) + memory_ms;
	stream_wake_after(stream, memory_ms);
}

/* Room for one more: a closed stream makes place, the oldest first. */
static bool
make_room(struct act *act)
{
	struct stream *stream, *oldest = NULL;

	if (act->session->stream_count < STREAMS_MAX)
		return true;
	LIST_FOREACH(stream, &act->session->streams, link) {
		if (stream->state == STREAM_CLOSED)
			oldest = stream;
	}
	if (oldest == NULL)
		return false;
	forget(&(struct act){ .host = act->host, .session = act->session,
	    .stream = oldest });
	return true;
}

struct stream *
stream_make(struct worker *worker, struct wps_conn *conn, struct wps_span group,
    struct wps_span id)
{
	struct stream *stream = calloc(1, sizeof(*stream) + group.len + id.len);

	if (stream == NULL)
		return NULL;
	char *bytes = stream->bytes;
	memcpy(bytes, group.data, group.len);
	stream->group = (struct wps_span){ bytes, group.len };
	bytes += group.len;
	memcpy(bytes, id.data, id.len);
	stream->id = (struct wps_span){ bytes, id.len };
	stream->worker = worker;
	stream->conn = conn;
	return stream;
}

static struct stream *
stream_new(const struct act *act)
{
	const struct request *request = act->request;
	struct stream *stream = stream_make(act->worker, act->conn,
	    request->name, request->stream.id);

	if (stream == NULL)
		return NULL;
	stream->state = STREAM_ACTIVE;
	stream->no_echo = request->no_echo;
	stream->idle_ms = request->stream.idle_ms;
	stream->expected = 1;
	return stream;
}

static void
begin(struct act *act)
{
	if (!act->host->conn_may(act->conn, WPS_PERM_SEND, act->request->name)) {
		say_closed(act, &stream_forbidden);
		return;
	}
	if (!make_room(act)) {
		say_closed(act, &too_many);
		return;
	}
	act->stream = stream_new(act);
	if (act->stream == NULL) {
		say_closed(act, &internal_error);
		return;
	}
	LIST_INSERT_HEAD(&act->session->streams, act->stream, link);
	act->session->stream_count++;
	keep_alive(act);
	stream_wake_after(act->stream, act->stream->idle_ms);
	acknowledge(act);
}

static void
begin_again(struct act *act)
{
	forget(act);
	begin(act);
}

/* --- words to the group ------------------------------------------------------------ */

static int
send(const struct act *act, struct wps_msg_view draft,
    struct wps_stream place)
{
	const struct stream *stream = act->stream;

	place.id = stream->id;
	place.sequence = stream->expected;
	draft.group = stream->group;
	draft.stream = &place;
	return publish(act->worker, act->conn, draft, stream->no_echo);
}

static void
send_end(const struct act *act, struct wps_stream place)
{
	place.end = true;
	(void)send(act, (struct wps_msg_view){
	    .type = WPS_DATA_TEXT,
	    .payload = WPS_SPAN(""),
	}, place);
}

static void
send_failed(const struct act *act, const struct failure *failure)
{
	send_end(act, (struct wps_stream){
	    .error_name = failure->name,
	    .error_message = failure->text,
	});
}

/* --- actions ------------------------------------------------------------------------- */

static void
accept(struct act *act)
{
	const struct request *request = act->request;
	struct wps_msg_view draft = {
		.type = request->type,
		.payload = request->payload,
	};

	if (!act->host->conn_may(act->conn, WPS_PERM_SEND, act->stream->group)) {
		send_failed(act, &stream_forbidden);
		close_stream(act, &stream_forbidden);
		return;
	}
	if (send(act, draft, (struct wps_stream){ .end = false }) != WPS_OK) {
		refuse_fragment(act, &transient);
		return;
	}
	act->stream->expected++;
	keep_alive(act);
	acknowledge_soon(act);
}

static void
report_gap(struct act *act)
{
	refuse_fragment(act, &gap);
}

/* The publisher's own error is for the group; to itself the end is in order. */
static void
end(struct act *act)
{
	const struct request *request = act->request;
	struct wps_stream place = { .end = true };

	if (request->stream.has_error) {
		place.error_name = WPS_SPAN("UserError");
		place.error_message = request->stream.error_message;
		place.error_code = request->stream.error_code;
	}
	send_end(act, place);
	close_stream(act, NULL);
}

static void
unknown(struct act *act)
{
	say_closed(act, &not_found);
}

static void
refuse(struct act *act)
{
	say_closed(act, &stream_bad_request);
}

/* The publisher drops its state of the id when it hears of the refusal. */
static void
refuse_and_end(struct act *act)
{
	send_failed(act, &cancelled);
	close_stream(act, &stream_bad_request);
}

static void
say_again(struct act *act)
{
	say_closed(act, act->stream->outcome);
}

static void
time_out(struct act *act)
{
	uint64_t now = now_ms(act);

	if (now < act->stream->deadline_ms) {
		stream_wake_after(act->stream,
		    act->stream->deadline_ms - now);
		return;
	}
	send_failed(act, &stream_idle_timeout);
	close_stream(act, &stream_idle_timeout);
}

static void
cancel(struct act *act)
{
	send_failed(act, &cancelled);
	forget(act);
}

static void (*const moves[STREAM_STATES][INPUTS])(struct act *act) = {
	[STREAM_UNKNOWN] = {
		[INPUT_START] = begin,
		[INPUT_NEXT] = unknown,
		[INPUT_OLD] = unknown,
		[INPUT_GAP] = unknown,
		[INPUT_KEEP_ALIVE] = unknown,
		[INPUT_END] = unknown,
		[INPUT_BAD] = refuse,
	},
	[STREAM_ACTIVE] = {
		[INPUT_START] = refuse_and_end,
		[INPUT_NEXT] = accept,
		[INPUT_OLD] = acknowledge_soon,
		[INPUT_GAP] = report_gap,
		[INPUT_KEEP_ALIVE] = keep_alive,
		[INPUT_END] = end,
		[INPUT_BAD] = refuse_and_end,
		[INPUT_TIME] = time_out,
		[INPUT_GONE] = cancel,
	},
	[STREAM_CLOSED] = {
		[INPUT_START] = begin_again,
		[INPUT_NEXT] = say_again,
		[INPUT_OLD] = say_again,
		[INPUT_GAP] = say_again,
		[INPUT_KEEP_ALIVE] = say_again,
		[INPUT_END] = say_again,
		[INPUT_BAD] = refuse,
		[INPUT_TIME] = forget,
		[INPUT_GONE] = forget,
	},
};

static void
run(struct act *act, enum input input)
{
	moves[act->stream ? act->stream->state : STREAM_UNKNOWN][input](act);
}

/* --- inputs -------------------------------------------------------------------------- */

static void
on_time(void *data)
{
	struct act act = act_of(data);

	act.stream->timer = NULL; /* it is gone */
	run(&act, INPUT_TIME);
}

static enum input
fragment_input(const struct stream *stream, uint64_t sequence)
{
	if (stream == NULL || sequence == stream->expected)
		return INPUT_NEXT;
	return sequence < stream->expected ? INPUT_OLD : INPUT_GAP;
}

static enum input
input_of(const struct act *act)
{
	const struct request *request = act->request;

	if (request->stream.invalid)
		return INPUT_BAD;
	switch (request->kind) {
	case REQUEST_STREAM_START:
		return INPUT_START;
	case REQUEST_STREAM_DATA:
		return fragment_input(act->stream, request->stream.sequence);
	case REQUEST_STREAM_KEEP_ALIVE:
		return INPUT_KEEP_ALIVE;
	case REQUEST_STREAM_END:
		return INPUT_END;
	default:
		return INPUT_BAD;
	}
}

void
streams_append(struct streams *streams, struct stream *stream)
{
	struct stream *last = LIST_FIRST(streams);

	while (last && LIST_NEXT(last, link))
		last = LIST_NEXT(last, link);
	if (last)
		LIST_INSERT_AFTER(last, stream, link);
	else
		LIST_INSERT_HEAD(streams, stream, link);
}

struct stream *
stream_find(const struct streams *streams, struct wps_span id)
{
	struct stream *stream;

	LIST_FOREACH(stream, streams, link) {
		if (wps_span_eq(stream->id, id))
			return stream;
	}
	return NULL;
}

void
streams_run(struct worker *worker, struct wps_conn *conn,
    const struct request *request)
{
	const struct wps_host *host = worker->plugin->host;
	struct session *session = host->conn_data(conn);
	struct act act = {
		.worker = worker,
		.host = host,
		.conn = conn,
		.session = session,
		.stream = stream_find(&session->streams, request->stream.id),
		.request = request,
	};

	run(&act, input_of(&act));
}

void
streams_cancel(struct worker *worker, struct wps_conn *conn)
{
	struct session *session = worker->plugin->host->conn_data(conn);

	while (!LIST_EMPTY(&session->streams)) {
		struct act act = act_of(LIST_FIRST(&session->streams));
		run(&act, INPUT_GONE);
	}
}
