/* SPDX-License-Identifier: MIT */
/*
 * Connections of the fake host: see fakeconn.h.
 */
#include "support/fakeconn.h"

#include <stdarg.h>

struct wps_body {
	struct fakeconn_host *host;
	enum wps_frame frame;
	char *data;
	size_t len;
	bool made, inserted;
	unsigned slot;
	size_t insert_at;
};

/* --- text ----------------------------------------------------------------- */

static void *
need(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

static void
add(struct fakeconn_text *text, struct wps_span bytes)
{
	if (text->cap - text->len <= bytes.len) {
		text->cap = 2 * text->cap + bytes.len + 64;
		text->data = need(realloc(text->data, text->cap));
	}
	if (bytes.len > 0)
		memcpy(text->data + text->len, bytes.data, bytes.len);
	text->len += bytes.len;
	text->data[text->len] = '\0';
}

static void
add_str(struct fakeconn_text *text, const char *str)
{
	add(text, wps_span_str(str));
}

static void WPS_PRINTF(2, 3)
add_format(struct fakeconn_text *text, const char *format, ...)
{
	char line[256];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	add_str(text, line);
}

static void
add_hex(struct fakeconn_text *text, struct wps_span bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		add_format(text, "%02x", (uint8_t)bytes.data[i]);
}

static const char *
take(struct fakeconn_text *from, struct fakeconn_text *taken)
{
	free(taken->data);
	*taken = *from;
	*from = (struct fakeconn_text){ .data = NULL };
	return taken->data ? taken->data : "";
}

static void
text_fini(struct fakeconn_text *text)
{
	free(text->data);
	*text = (struct fakeconn_text){ .data = NULL };
}

/* Type, payload and metadata: "text hello key=value". */
static void
add_content(struct fakeconn_text *text, enum wps_data type,
    struct wps_span payload, const struct wps_pair *metadata, size_t count)
{
	static const char *const types[] = {
		[WPS_DATA_TEXT] = "text ",
		[WPS_DATA_JSON] = "json ",
		[WPS_DATA_BINARY] = "binary ",
		[WPS_DATA_PROTOBUF] = "protobuf ",
	};

	add_str(text, types[type]);
	if (type == WPS_DATA_BINARY || type == WPS_DATA_PROTOBUF)
		add_hex(text, payload);
	else
		add(text, payload);
	for (size_t i = 0; i < count; i++) {
		add_str(text, " ");
		add(text, metadata[i].key);
		add_str(text, "=");
		add(text, metadata[i].value);
	}
	add_str(text, "\n");
}

static void
hear(struct wps_conn *conn, enum wps_frame frame, struct wps_span data)
{
	if (frame == WPS_FRAME_BINARY) {
		add_str(&conn->heard, "binary ");
		add_hex(&conn->heard, data);
	} else {
		add(&conn->heard, data);
	}
	add_str(&conn->heard, "\n");
}

/* --- messages and commands ------------------------------------------------ */

static struct fakeconn_host *
host_of(const struct wps_worker *worker)
{
	return fakehost_of(worker)->data;
}

/* msg_create is not told on which host it is called: it is the one that was
 * started last. */
static struct fakeconn_host *running;
static struct wps_msg *(*make_msg)(const struct wps_msg_view *view);

static struct wps_msg *
host_msg_create(const struct wps_msg_view *view)
{
	return running->no_memory ? NULL : make_msg(view);
}

static char *
host_body_make(struct wps_body *body, enum wps_frame frame, size_t len)
{
	if (body->made)
		abort();
	if (body->host->no_memory)
		return NULL;
	body->made = true;
	body->frame = frame;
	body->len = len;
	body->data = need(malloc(len ? len : 1));
	return body->data;
}

static void
host_body_insert(struct wps_body *body, unsigned slot, size_t offset)
{
	if (!body->made || slot >= WPS_SLOTS || body->inserted ||
	    offset > body->len)
		abort();
	body->slot = slot;
	body->inserted = true;
	body->insert_at = offset;
}

/* " stream s 1", at its end also "end" and the parts of an error. */
static void
add_stream(struct fakeconn_text *text, const struct wps_stream *stream)
{
	if (stream == NULL)
		return;
	add_str(text, " stream ");
	add(text, stream->id);
	add_format(text, " %llu", (unsigned long long)stream->sequence);
	if (stream->end)
		add_str(text, " end");
	for (int i = 0; i < 3; i++) {
		const struct wps_span parts[] = { stream->error_name,
			stream->error_message, stream->error_code };
		if (parts[i].data == NULL)
			continue;
		add_str(text, " '");
		add(text, parts[i]);
		add_str(text, "'");
	}
}

static void
log_command(struct fakeconn_host *host, const struct wps_command *command)
{
	struct fakeconn_text *log = &host->log;

	if (command->op != WPS_OP_SEND || command->whom != WPS_TO_GROUP)
		abort();
	const struct wps_msg_view *view = host->fake.host.msg_view(command->msg);
	add_str(log, "send ");
	add(log, command->hub);
	add_str(log, "/");
	add(log, command->name);
	if (!wps_span_eq(command->name, view->group) ||
	    view->from != WPS_FROM_GROUP)
		add_str(log, " of another group");
	if (view->from_user.data) {
		add_str(log, " from ");
		add(log, view->from_user);
	}
	if (command->except)
		add_format(log, " except %s", command->except->id);
	if (view->ttl_s)
		add_format(log, " ttl %u", view->ttl_s);
	add_stream(log, view->stream);
	add_str(log, " ");
	add_content(log, view->type, view->payload, view->metadata,
	    view->metadata_count);
}

static bool
is_member(const struct wps_conn *conn, struct wps_span group)
{
	struct fakeconn_text line = { .data = NULL };

	add_str(&line, "\n");
	add(&line, group);
	add_str(&line, "\n");
	bool found = conn->groups.data && memmem(conn->groups.data,
	    conn->groups.len, line.data, line.len);
	text_fini(&line);
	return found;
}

static void
encode(struct fakeconn_host *host, const struct wps_subprotocol *ops,
    const struct wps_msg_view *view, struct wps_body *body)
{
	*body = (struct wps_body){ .host = host };
	if (view->states && !(ops->flags & WPS_SUBPROTOCOL_STATES))
		return;
	host->encodes++;
	if (ops->encode(host->fake.worker_state, view, body) != WPS_OK) {
		free(body->data);
		body->made = false;
	}
}

/* One receiver's frame: the shared body with its own insert. */
static void
hear_body(struct wps_conn *conn, const struct wps_body *body)
{
	char insert[WPS_INSERT_MAX];
	struct fakeconn_text text = { .data = NULL };

	if (!body->inserted) {
		hear(conn, body->frame,
		    (struct wps_span){ body->data, body->len });
		return;
	}
	size_t len = conn->ops->insert(conn->host->fake.worker_state, conn,
	    body->slot, ++conn->sequence, body->len, insert);
	add(&text, (struct wps_span){ body->data, body->insert_at });
	add(&text, (struct wps_span){ insert, len });
	add(&text, (struct wps_span){ body->data + body->insert_at,
	    body->len - body->insert_at });
	hear(conn, body->frame, (struct wps_span){ text.data, text.len });
	text_fini(&text);
}

/* Once for all members of a subprotocol. */
static void
deliver_to_group(struct fakeconn_host *host, const struct wps_command *command)
{
	for (size_t i = 0; i < host->fake.subprotocol_count; i++) {
		struct wps_body body = { .host = NULL };
		for (struct wps_conn *conn = host->conns; conn; conn = conn->next) {
			if (conn->ops != &host->fake.subprotocols[i] || conn == command->except ||
			    !is_member(conn, command->name))
				continue;
			if (body.host == NULL)
				encode(host, conn->ops,
				    host->fake.host.msg_view(command->msg),
				    &body);
			if (body.made)
				hear_body(conn, &body);
		}
		free(body.data);
	}
}

static void
host_submit(struct wps_worker *worker, const struct wps_command *command,
    wps_done_fn done, void *data)
{
	struct fakeconn_host *host = host_of(worker);

	if (done || data)
		abort();
	log_command(host, command);
	deliver_to_group(host, command);
}

/* --- connections ---------------------------------------------------------- */

static const struct wps_conn_view *
host_conn_view(const struct wps_conn *conn)
{
	return &conn->view;
}

static struct wps_worker *
host_conn_worker(const struct wps_conn *conn)
{
	return fakehost_worker(&conn->host->fake);
}

static void *
host_conn_data(const struct wps_conn *conn)
{
	return conn->data;
}

static int
host_conn_send(struct wps_conn *conn, enum wps_frame frame, struct wps_span data)
{
	hear(conn, frame, data);
	return WPS_OK;
}

static int
host_conn_deliver(struct wps_conn *conn, const struct wps_msg_view *msg)
{
	fakeconn_deliver(conn, msg);
	return WPS_OK;
}

static void
host_conn_acked(struct wps_conn *conn, uint64_t sequence)
{
	conn->acked = sequence;
}

/* Enough to tell texts apart. */
static int
host_sign(const struct wps_self *self, unsigned key, struct wps_span bytes,
    uint8_t mac_out[32])
{
	uint64_t hash = key;

	(void)self;
	if (running->no_key)
		return WPS_NOT_FOUND;
	for (size_t i = 0; i < bytes.len; i++)
		hash = (hash ^ (unsigned char)bytes.data[i]) *
		    UINT64_C(1099511628211);
	for (int i = 0; i < 32; i++)
		mac_out[i] = (uint8_t)(hash >> (i % 8 * 8));
	return WPS_OK;
}

static void
host_conn_close(struct wps_conn *conn, uint16_t code, struct wps_span reason)
{
	if (conn->closing)
		return;
	conn->closing = true;
	if (conn->ops->goodbye)
		conn->ops->goodbye(conn->host->fake.worker_state, conn, reason);
	add_format(&conn->heard, "close %u ", code);
	add(&conn->heard, reason);
	add_str(&conn->heard, "\n");
}

static bool
host_conn_may(const struct wps_conn *conn, enum wps_perm perm,
    struct wps_span group)
{
	const char *const allowances[] = {
		[WPS_PERM_JOIN_LEAVE] = conn->may_join,
		[WPS_PERM_SEND] = conn->may_send,
		[WPS_PERM_SET_STATE] = conn->may_set_state,
		[WPS_PERM_GET_STATE] = conn->may_get_state,
	};
	const char *allowed = allowances[perm];

	return allowed && (strcmp(allowed, "*") == 0 ||
	    wps_span_eq(wps_span_str(allowed), group));
}

static int
host_conn_join(struct wps_conn *conn, struct wps_span group)
{
	if (conn->join_result != WPS_OK || is_member(conn, group))
		return conn->join_result;
	add_str(&conn->groups, "\n");
	add(&conn->groups, group);
	add_str(&conn->groups, "\n");
	return WPS_OK;
}

static int
host_conn_leave(struct wps_conn *conn, struct wps_span group)
{
	struct fakeconn_text rest = { .data = NULL };

	if (conn->join_result != WPS_OK || !is_member(conn, group))
		return conn->join_result;
	char *at = need(memmem(conn->groups.data, conn->groups.len, group.data,
	    group.len));
	add(&rest, (struct wps_span){ conn->groups.data,
	    (size_t)(at - 1 - conn->groups.data) });
	add_str(&rest, at + group.len + 1);
	text_fini(&conn->groups);
	conn->groups = rest;
	return WPS_OK;
}

static int
host_conn_event(struct wps_conn *conn, const struct wps_event *event,
    wps_event_fn done)
{
	struct fakeconn_host *host = conn->host;

	if (conn->done)
		abort();
	add_str(&host->log, "event ");
	add(&host->log, event->name);
	add_str(&host->log, " ");
	add_content(&host->log, event->type, event->payload, event->metadata,
	    event->metadata_count);
	if (host->event_result != WPS_OK)
		return host->event_result;
	if (host->event_answer)
		done(host->fake.worker_state, conn, host->event_answer);
	else
		conn->done = done;
	return WPS_OK;
}

static int
host_conn_invoke(struct wps_conn *conn, struct wps_span id,
    const struct wps_event *event, wps_invoke_fn done)
{
	struct fakeconn_host *host = conn->host;

	add_str(&host->log, "invoke ");
	add(&host->log, id);
	add_str(&host->log, " ");
	add(&host->log, event->name);
	add_str(&host->log, " ");
	add_content(&host->log, event->type, event->payload, event->metadata,
	    event->metadata_count);
	conn->invoked = done;
	return host->event_result;
}

static int
host_conn_cancel(struct wps_conn *conn, struct wps_span id)
{
	struct fakeconn_host *host = conn->host;

	add_str(&host->log, "cancel ");
	add(&host->log, id);
	add_str(&host->log, "\n");
	return host->cancel_result;
}

/* A line "WHAT GROUP"; the result. */
static int
log_state(const struct wps_conn *conn, const char *what, struct wps_span group)
{
	struct fakeconn_text *log = &conn->host->log;

	if (!is_member(conn, group))
		return WPS_NOT_FOUND;
	add_str(log, what);
	add(log, group);
	add_str(log, "\n");
	return conn->state_result;
}

static int
host_conn_state_set(struct wps_conn *conn, struct wps_span group,
    const struct wps_pair *entries, size_t count)
{
	struct fakeconn_text *log = &conn->host->log;
	int rc = log_state(conn, "state set ", group);

	for (size_t i = 0; rc == WPS_OK && i < count; i++) {
		add(log, entries[i].key);
		add_str(log, "=");
		add(log, entries[i].value);
		add_str(log, "\n");
	}
	return rc;
}

static int
host_conn_state_clear(struct wps_conn *conn, struct wps_span group)
{
	return log_state(conn, "state clear ", group);
}

static int
host_conn_state_watch(struct wps_conn *conn, struct wps_span group)
{
	return log_state(conn, "state watch ", group);
}

static void
host_conn_state_unwatch(struct wps_conn *conn, struct wps_span group)
{
	(void)log_state(conn, "state unwatch ", group);
}

static void
fill(struct wps_host *table)
{
	make_msg = table->msg_create;
	table->msg_create = host_msg_create;
	table->submit = host_submit;
	table->body_make = host_body_make;
	table->conn_view = host_conn_view;
	table->conn_worker = host_conn_worker;
	table->conn_data = host_conn_data;
	table->conn_send = host_conn_send;
	table->conn_deliver = host_conn_deliver;
	table->conn_acked = host_conn_acked;
	table->sign = host_sign;
	table->body_insert = host_body_insert;
	table->conn_close = host_conn_close;
	table->conn_may = host_conn_may;
	table->conn_join = host_conn_join;
	table->conn_leave = host_conn_leave;
	table->conn_event = host_conn_event;
	table->conn_invoke = host_conn_invoke;
	table->conn_cancel = host_conn_cancel;
	table->conn_state_set = host_conn_state_set;
	table->conn_state_clear = host_conn_state_clear;
	table->conn_state_watch = host_conn_state_watch;
	table->conn_state_unwatch = host_conn_state_unwatch;
}

/* --- for tests ------------------------------------------------------------ */

void
fakeconn_start(struct fakeconn_host *host, const struct fakehost_value *options)
{
	static const struct fakehost_value hub[] = {
		{ .name = "recovery_window", .number = FAKECONN_WINDOW_MS },
		{ .name = NULL },
	};
	static const struct fakehost_hub hubs[] = {
		{ .name = "*", .values = hub }, { .name = NULL },
	};

	memset(host, 0, sizeof(*host));
	fakehost_init(&host->fake,
	    &(struct fakehost_conf){ .own = options, .hubs = hubs });
	host->fake.data = host;
	fill(&host->fake.host);
	running = host;
	if (fakehost_start(&host->fake) != WPS_OK)
		abort();
}

void
fakeconn_stop(struct fakeconn_host *host)
{
	while (host->conns)
		fakeconn_close(host->conns);
	text_fini(&host->log);
	text_fini(&host->taken);
	fakehost_fini(&host->fake);
}

const struct wps_subprotocol *
fakeconn_ops(const struct fakeconn_host *host, const char *name)
{
	return host->fake.host.find_subprotocol(&host->fake.self,
	    wps_span_str(name));
}

const char *
fakeconn_check(struct fakeconn_host *host, const char *name, const char *query)
{
	const struct wps_subprotocol *ops = need((void *)(uintptr_t)
	    fakeconn_ops(host, name));
	struct wps_handshake handshake = { .query = wps_span_str(query) };
	static struct wps_err err;

	err.text[0] = '\0';
	int rc = ops->check(host->fake.worker_state, &handshake, &err);
	if ((rc == WPS_OK) != (err.text[0] == '\0'))
		abort();
	return err.text;
}

struct wps_conn *
fakeconn_open(struct fakeconn_host *host, const char *name, const char *query,
    const char *user)
{
	struct wps_conn *conn = need(calloc(1, sizeof(*conn)));
	struct wps_handshake handshake = { .query = wps_span_str(query) };

	conn->host = host;
	conn->ops = need((void *)(uintptr_t)fakeconn_ops(host, name));
	conn->data = need(calloc(1, conn->ops->conn_size + 1));
	snprintf(conn->id, sizeof(conn->id), "c%u", ++host->conn_count);
	conn->view = (struct wps_conn_view){
		.id = wps_span_str(conn->id),
		.hub = WPS_SPAN("chat"),
		.user = wps_span_str(user),
		.subprotocol = wps_span_str(name),
	};
	conn->next = host->conns;
	host->conns = conn;
	if (conn->ops->open)
		conn->ops->open(host->fake.worker_state, conn, &handshake);
	return conn;
}

/* In memory of its own, so that a reach beyond it is noticed. */
static struct wps_span
dup(struct wps_span span)
{
	char *copy = need(malloc(span.len ? span.len : 1));

	if (span.len > 0)
		memcpy(copy, span.data, span.len);
	return (struct wps_span){ copy, span.len };
}

void
fakeconn_recv(struct wps_conn *conn, enum wps_frame frame, struct wps_span data)
{
	struct wps_span copy = dup(data);

	conn->ops->recv(conn->host->fake.worker_state, conn, frame, copy);
	free((void *)(uintptr_t)copy.data);
}

void
fakeconn_say(struct wps_conn *conn, const char *text)
{
	fakeconn_recv(conn, WPS_FRAME_TEXT, wps_span_str(text));
}

void
fakeconn_answer(struct wps_conn *conn, const struct wps_answer *answer)
{
	wps_event_fn done = conn->done;

	conn->done = NULL;
	if (done == NULL)
		abort();
	done(conn->host->fake.worker_state, conn, answer);
}

void
fakeconn_answer_invocation(struct wps_conn *conn, const char *id,
    const struct wps_answer *answer)
{
	conn->invoked(conn->host->fake.worker_state, conn, wps_span_str(id),
	    answer);
}

bool
fakeconn_say_urgently(struct wps_conn *conn, const char *text)
{
	struct wps_span copy = dup(wps_span_str(text));
	bool done = conn->ops->urgent(conn->host->fake.worker_state, conn,
	    WPS_FRAME_TEXT, copy);

	free((void *)(uintptr_t)copy.data);
	return done;
}

void
fakeconn_deliver(struct wps_conn *conn, const struct wps_msg_view *view)
{
	struct wps_body body;

	encode(conn->host, conn->ops, view, &body);
	if (body.made) {
		hear_body(conn, &body);
		free(body.data);
	}
}

int
fakeconn_recover(struct wps_conn *conn, const char *query)
{
	const struct wps_handshake handshake = { .query = wps_span_str(query) };

	return conn->ops->recover(conn->host->fake.worker_state, conn,
	    &handshake);
}

void
fakeconn_resume(struct wps_conn *conn)
{
	conn->ops->resume(conn->host->fake.worker_state, conn);
}

void
fakeconn_kick(struct wps_conn *conn, uint16_t code, const char *reason)
{
	host_conn_close(conn, code, wps_span_str(reason));
}

void
fakeconn_close(struct wps_conn *conn)
{
	struct wps_conn **link = &conn->host->conns;

	while (*link != conn)
		link = &(*link)->next;
	*link = conn->next;
	if (conn->ops->close)
		conn->ops->close(conn->host->fake.worker_state, conn);
	text_fini(&conn->heard);
	text_fini(&conn->taken);
	text_fini(&conn->groups);
	free(conn->data);
	free(conn);
}

const char *
fakeconn_heard(struct wps_conn *conn)
{
	return take(&conn->heard, &conn->taken);
}

const char *
fakeconn_log(struct fakeconn_host *host)
{
	return take(&host->log, &host->taken);
}
