/* SPDX-License-Identifier: MIT */
/*
 * A request is read, held against the memory of ack ids, run, and answered if it
 * wants an answer. An id is remembered when its request has succeeded: what
 * failed may be tried again under the same id.
 */
#include "semantics.h"

#include "any.h"
#include "publish.h"
#include "retoken.h"

#include "lib/names.h"
#include "lib/pct.h"

#include <inttypes.h>

#define URGENT_MAX 512 /* bytes of a message that may overtake others */
#define ACTION_MAX 64 /* what a failure says besides a group's name */

/* A request that is being run. */
struct task {
	struct worker *worker;
	const struct wps_host *host;
	struct wps_conn *conn;
	struct session *session;
	const struct request *request;
	struct failure failure; /* why it was not done */
	char text[NAME_GROUP_MAX_BYTES + ACTION_MAX];
};

static const struct failure internal_error = {
	{ "InternalServerError", 19 },
	{ "Internal server error", 21 },
};

static const struct wps_host *
host_of(const struct worker *worker)
{
	return worker->plugin->host;
}

static struct session *
session_of(const struct worker *worker, const struct wps_conn *conn)
{
	return host_of(worker)->conn_data(conn);
}

/* --- answers -------------------------------------------------------------- */

static void
send_ack(struct worker *worker, struct wps_conn *conn, uint64_t id,
    const struct failure *failure)
{
	reply_send(worker, conn, session_of(worker, conn)->codec,
	    &(struct reply){ .kind = REPLY_ACK, .ack_id = id, .failure = failure });
}

static void
succeed(struct worker *worker, struct wps_conn *conn, uint64_t ack_id)
{
	ackmem_add(&session_of(worker, conn)->acks, ack_id,
	    worker->plugin->ack_ids);
	send_ack(worker, conn, ack_id, NULL);
}

static int
fail(struct task *task, struct wps_span name, const char *before,
    struct wps_span subject, const char *after)
{
	int len = snprintf(task->text, sizeof(task->text), "%s%.*s%s", before,
	    (int)subject.len, subject.data, after);

	task->failure = (struct failure){ name, { task->text, (size_t)len } };
	return WPS_DECLINED;
}

static int
fail_internally(struct task *task)
{
	task->failure = internal_error;
	return WPS_DECLINED;
}

/* --- requests ------------------------------------------------------------- */

static int
need_permission(struct task *task, enum wps_perm perm, const char *before)
{
	if (task->host->conn_may(task->conn, perm, task->request->name))
		return WPS_OK;
	return fail(task, WPS_SPAN("Forbidden"), before, task->request->name, "'");
}

/* At the limit of groups the request cannot be executed as it is: BadRequest. */
static int
run_join(struct task *task)
{
	if (need_permission(task, WPS_PERM_JOIN_LEAVE,
	    "no permission to join group '") != WPS_OK)
		return WPS_DECLINED;
	int rc = task->host->conn_join(task->conn, task->request->name);
	if (rc == WPS_FULL)
		return fail(task, WPS_SPAN("BadRequest"),
		    "too many groups to join group '", task->request->name, "'");
	return rc == WPS_OK ? WPS_OK : fail_internally(task);
}

static int
run_leave(struct task *task)
{
	if (need_permission(task, WPS_PERM_JOIN_LEAVE,
	    "no permission to leave group '") != WPS_OK)
		return WPS_DECLINED;
	return task->host->conn_leave(task->conn, task->request->name) == WPS_OK ?
	    WPS_OK : fail_internally(task);
}

static int
run_send(struct task *task)
{
	const struct request *request = task->request;

	if (need_permission(task, WPS_PERM_SEND,
	    "no permission to send to group '") != WPS_OK)
		return WPS_DECLINED;
	struct wps_msg_view draft = {
		.type = request->type,
		.group = request->name,
		.payload = request->payload,
		.metadata = request->metadata,
		.metadata_count = request->metadata_count,
		.ttl_s = request->ttl_s,
	};
	return publish(task->worker, task->conn, draft, request->no_echo) == WPS_OK ?
	    WPS_OK : fail_internally(task);
}

/* The event of an event request or an invocation. */
static struct wps_event
event_of(const struct request *request)
{
	return (struct wps_event){
		.name = request->name,
		.type = request->type,
		.payload = request->payload,
		.metadata = request->metadata,
		.metadata_count = request->metadata_count,
	};
}

/* An Any becomes a part of what is sent: one that cannot be read would spoil all
 * of it (client-protocols.md, section 10.1). */
static int
judge_answer(const struct wps_answer *answer)
{
	if (answer->result == WPS_OK && answer->has_message &&
	    answer->type == WPS_DATA_PROTOBUF && !any_valid(answer->payload))
		return WPS_EPROTO;
	return answer->result;
}

/* Of JSON values no other begins so. */
static bool
is_null(const struct wps_answer *answer)
{
	struct wps_span text = answer->payload;

	while (text.len > 0 && memchr(" \t\r\n", *text.data, 4)) {
		text.data++;
		text.len--;
	}
	return answer->type == WPS_DATA_JSON && text.len > 0 && *text.data == 'n';
}

/*
 * The message of an answer; false: there is none. JSON null is no data: clients
 * drop what says so, and the caller of an invocation would wait for ever.
 */
static bool
read_answer(const struct wps_answer *answer, struct wps_msg_view *out)
{
	*out = (struct wps_msg_view){
		.type = answer->type,
		.from = WPS_FROM_SERVER,
		.payload = answer->payload,
		.metadata = answer->metadata,
		.metadata_count = answer->metadata_count,
	};
	if (!answer->has_message || !is_null(answer))
		return answer->has_message;
	out->type = WPS_DATA_TEXT;
	out->payload = WPS_SPAN("");
	return answer->metadata_count > 0;
}

static void
fail_event(struct worker *worker, struct wps_conn *conn)
{
	const struct session *session = session_of(worker, conn);

	if (session->event_has_ack)
		send_ack(worker, conn, session->event_ack_id, &internal_error);
	if (worker->plugin->drops)
		host_of(worker)->conn_close(conn, 1011,
		    WPS_SPAN("Internal server error"));
}

static void
on_answer(void *worker_state, struct wps_conn *conn,
    const struct wps_answer *answer)
{
	struct worker *worker = worker_state;
	const struct session *session = session_of(worker, conn);
	struct wps_msg_view view;

	if (judge_answer(answer) != WPS_OK) {
		fail_event(worker, conn);
		return;
	}
	if (read_answer(answer, &view))
		host_of(worker)->conn_deliver(conn, &view);
	if (session->event_has_ack)
		succeed(worker, conn, session->event_ack_id);
}

/* The application's answer ends it, which may come before conn_event returns. */
static int
run_event(struct task *task)
{
	const struct request *request = task->request;
	struct wps_event event = event_of(request);

	task->session->event_has_ack = request->has_ack;
	task->session->event_ack_id = request->ack_id;
	if (task->host->conn_event(task->conn, &event, on_answer) != WPS_OK)
		fail_event(task->worker, task->conn);
	return WPS_PENDING;
}

/* --- invocations ------------------------------------------------------------ */

static const struct failure not_found = {
	{ "NotFound", 8 },
	{ "No event handler", 16 },
};

static const struct failure duplicate = {
	{ "BadRequest", 10 },
	{ "The invocation is running", 25 },
};

static const struct failure bad_target = {
	{ "BadRequest", 10 },
	{ "Only events can be invoked", 26 },
};

static void
send_failed(struct worker *worker, struct wps_conn *conn, struct wps_span id,
    const struct failure *failure)
{
	reply_send(worker, conn, session_of(worker, conn)->codec,
	    &(struct reply){ .kind = REPLY_INVOKED, .invocation = id,
		.failure = failure });
}

static void
on_invoked(void *worker_state, struct wps_conn *conn, struct wps_span id,
    const struct wps_answer *answer)
{
	struct worker *worker = worker_state;
	struct wps_msg_view view;
	int rc = judge_answer(answer);

	if (rc != WPS_OK) {
		send_failed(worker, conn, id, rc == WPS_NOT_FOUND ?
		    &not_found : &internal_error);
		return;
	}
	reply_send(worker, conn, session_of(worker, conn)->codec,
	    &(struct reply){ .kind = REPLY_INVOKED, .invocation = id,
		.msg = read_answer(answer, &view) ? &view : NULL });
}

/* There is no ack: the response, of success or failure, is the answer. */
static int
run_invoke(struct task *task)
{
	const struct request *request = task->request;
	struct wps_event event = event_of(request);
	const struct failure *failure = &bad_target;
	int rc = WPS_EINVAL;

	if (!request->bad_target) {
		rc = task->host->conn_invoke(task->conn, request->invocation,
		    &event, on_invoked);
		failure = rc == WPS_NOT_FOUND ? &not_found :
		    rc == WPS_DUPLICATE ? &duplicate : &internal_error;
	}
	if (rc != WPS_OK)
		send_failed(task->worker, task->conn, request->invocation,
		    failure);
	return WPS_OK;
}

static int
run_cancel(struct task *task)
{
	(void)task->host->conn_cancel(task->conn, task->request->invocation);
	return WPS_OK;
}

/* --- group state ------------------------------------------------------------ */

/* The result of the host: WPS_OK, WPS_NOT_FOUND, or a failure. */
static int
need_member(struct task *task, int rc)
{
	if (rc == WPS_NOT_FOUND)
		return fail(task, WPS_SPAN("Forbidden"), "not a member of group '",
		    task->request->name, "'");
	return rc == WPS_OK ? WPS_OK : fail_internally(task);
}

static int
run_state_set(struct task *task)
{
	const struct request *request = task->request;
	size_t max = task->worker->plugin->state_size;
	char too_large[ACTION_MAX];

	if (need_permission(task, WPS_PERM_SET_STATE,
	    "no permission to set state in group '") != WPS_OK)
		return WPS_DECLINED;
	if (request->state.size > max) {
		snprintf(too_large, sizeof(too_large),
		    "a state of more than %zu bytes for group '", max);
		return fail(task, WPS_SPAN("BadRequest"), too_large,
		    request->name, "'");
	}
	return need_member(task, request->state.cleared ?
	    task->host->conn_state_clear(task->conn, request->name) :
	    task->host->conn_state_set(task->conn, request->name,
	    request->state.entries, request->state.count));
}

/* The snapshot comes behind the ack. */
static int
run_state_watch(struct task *task)
{
	if (need_permission(task, WPS_PERM_GET_STATE,
	    "no permission to get states of group '") != WPS_OK)
		return WPS_DECLINED;
	return need_member(task,
	    task->host->conn_state_watch(task->conn, task->request->name));
}

static int
run_state_unwatch(struct task *task)
{
	task->host->conn_state_unwatch(task->conn, task->request->name);
	return WPS_OK;
}

/* --- the rest --------------------------------------------------------------- */

static int
run_ping(struct task *task)
{
	reply_send(task->worker, task->conn, task->session->codec,
	    &(struct reply){ .kind = REPLY_PONG });
	return WPS_OK;
}

/* Harmless where nothing is numbered. */
static int
run_sequence_ack(struct task *task)
{
	task->host->conn_acked(task->conn, task->request->sequence_id);
	return WPS_OK;
}

/* Nothing asks a client for a response: one is accepted and changes nothing. */
static int
run_nothing(struct task *task)
{
	(void)task;
	return WPS_OK;
}

/* It has answers of its own. */
static int
run_stream(struct task *task)
{
	streams_run(task->worker, task->conn, task->request);
	return WPS_OK;
}

/* WPS_OK; WPS_PENDING: the answer follows; WPS_DECLINED: failed, as written in
 * the task. */
static int (*const runners[])(struct task *task) = {
	[REQUEST_JOIN] = run_join,
	[REQUEST_LEAVE] = run_leave,
	[REQUEST_SEND] = run_send,
	[REQUEST_EVENT] = run_event,
	[REQUEST_PING] = run_ping,
	[REQUEST_SEQUENCE_ACK] = run_sequence_ack,
	[REQUEST_INVOKE_RESPONSE] = run_nothing,
	[REQUEST_INVOKE] = run_invoke,
	[REQUEST_CANCEL] = run_cancel,
	[REQUEST_STREAM_START] = run_stream,
	[REQUEST_STREAM_DATA] = run_stream,
	[REQUEST_STREAM_KEEP_ALIVE] = run_stream,
	[REQUEST_STREAM_END] = run_stream,
	[REQUEST_STATE_SET] = run_state_set,
	[REQUEST_STATE_WATCH] = run_state_watch,
	[REQUEST_STATE_UNWATCH] = run_state_unwatch,
};

static int
run(struct task *task)
{
	const struct request *request = task->request;
	char id[21];

	if (request->has_ack && ackmem_has(task->session->acks, request->ack_id)) {
		snprintf(id, sizeof(id), "%" PRIu64, request->ack_id);
		return fail(task, WPS_SPAN("Duplicate"), "Message with ack-id: ",
		    wps_span_str(id), " has been processed");
	}
	return runners[request->kind](task);
}

static void
run_and_answer(struct worker *worker, struct wps_conn *conn,
    const struct request *request)
{
	struct task task;

	task.worker = worker;
	task.host = host_of(worker);
	task.conn = conn;
	task.session = session_of(worker, conn);
	task.request = request;
	int rc = run(&task);
	if (!request->has_ack || rc == WPS_PENDING)
		return;
	if (rc == WPS_OK)
		succeed(worker, conn, request->ack_id);
	else
		send_ack(worker, conn, request->ack_id, &task.failure);
}

/* --- the life of a connection --------------------------------------------- */

static void
send_connected(struct worker *worker, struct wps_conn *conn)
{
	const struct codec *codec = session_of(worker, conn)->codec;
	struct reply reply = {
		.kind = REPLY_CONNECTED,
		.conn = host_of(worker)->conn_view(conn),
	};
	char token[RETOKEN_LEN];

	if (codec->reliable && retoken_make(worker->plugin, reply.conn, token))
		reply.token = (struct wps_span){ token, sizeof(token) };
	reply_send(worker, conn, codec, &reply);
}

void
semantics_open(struct worker *worker, struct wps_conn *conn,
    const struct codec *codec)
{
	session_of(worker, conn)->codec = codec;
	send_connected(worker, conn);
}

/* The last one counts, as of every parameter. */
int
semantics_recover(void *worker_state, struct wps_conn *conn,
    const struct wps_handshake *handshake)
{
	const struct worker *worker = worker_state;
	struct wps_span query = handshake->query;
	struct wps_span name, value, token = WPS_SPAN_NONE;

	while (query_next(&query, &name, &value))
		if (wps_span_eq(name, WPS_SPAN("awps_reconnection_token")))
			token = value;
	return retoken_valid(worker->plugin, host_of(worker)->conn_view(conn),
	    token) ? WPS_OK : WPS_DECLINED;
}

/* A fresh token, and the sign for clients that their streams may go on. */
void
semantics_resume(void *worker_state, struct wps_conn *conn)
{
	send_connected(worker_state, conn);
}

static void
recv_request(struct worker *worker, struct wps_conn *conn, struct wps_span data)
{
	struct request request;
	int rc = session_of(worker, conn)->codec->parse(&worker->requests, data,
	    &request);

	if (rc == WPS_OK)
		run_and_answer(worker, conn, &request);
	else if (rc == WPS_EPROTO)
		host_of(worker)->conn_close(conn, 1007,
		    WPS_SPAN("Invalid message"));
	else if (request.has_ack)
		send_ack(worker, conn, request.ack_id, &internal_error);
	scratch_end(&worker->requests);
}

void
semantics_recv(void *worker_state, struct wps_conn *conn, enum wps_frame frame,
    struct wps_span data)
{
	struct worker *worker = worker_state;

	if (frame == session_of(worker, conn)->codec->frame)
		recv_request(worker, conn, data);
	else
		host_of(worker)->conn_close(conn, 1003,
		    frame == WPS_FRAME_BINARY ?
		    WPS_SPAN("Binary messages are not supported") :
		    WPS_SPAN("Text messages are not supported"));
}

/* What does not depend on the messages before it. A cancel of what is not known
 * has to wait for it. */
static bool
run_urgent(struct worker *worker, struct wps_conn *conn,
    const struct request *request)
{
	switch (request->kind) {
	case REQUEST_PING:
	case REQUEST_SEQUENCE_ACK:
		run_and_answer(worker, conn, request);
		return true;
	case REQUEST_CANCEL:
		return host_of(worker)->conn_cancel(conn,
		    request->invocation) == WPS_OK;
	case REQUEST_JOIN:
	case REQUEST_LEAVE:
	case REQUEST_SEND:
	case REQUEST_EVENT:
	case REQUEST_INVOKE_RESPONSE:
	case REQUEST_INVOKE:
	case REQUEST_STREAM_START:
	case REQUEST_STREAM_DATA:
	case REQUEST_STREAM_KEEP_ALIVE:
	case REQUEST_STREAM_END:
	case REQUEST_STATE_SET:
	case REQUEST_STATE_WATCH:
	case REQUEST_STATE_UNWATCH:
		break;
	}
	return false;
}

bool
semantics_urgent(void *worker_state, struct wps_conn *conn,
    enum wps_frame frame, struct wps_span data)
{
	struct worker *worker = worker_state;
	const struct codec *codec = session_of(worker, conn)->codec;
	struct request request;

	if (frame != codec->frame || data.len > URGENT_MAX)
		return false;
	bool done = codec->parse(&worker->requests, data, &request) == WPS_OK &&
	    run_urgent(worker, conn, &request);
	scratch_end(&worker->requests);
	return done;
}

void
semantics_goodbye(void *worker_state, struct wps_conn *conn,
    struct wps_span reason)
{
	struct worker *worker = worker_state;

	/* Not when the client has answered the close, which may take its time. */
	streams_cancel(worker, conn);
	reply_send(worker, conn, session_of(worker, conn)->codec,
	    &(struct reply){ .kind = REPLY_DISCONNECTED, .reason = reason });
}

void
semantics_close(void *worker_state, struct wps_conn *conn)
{
	streams_cancel(worker_state, conn);
	ackmem_free(&session_of(worker_state, conn)->acks);
}
