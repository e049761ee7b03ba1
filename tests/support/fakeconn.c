/* SPDX-License-Identifier: MIT */
/*
 * Connections of the fake host: see fakeconn.h.
 */
#include "support/fakeconn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct wps_msg {
	struct fakeconn_host *host;
	unsigned refs;
	struct wps_msg_view view;
};

struct wps_body {
	struct fakeconn_host *host;
	enum wps_frame frame;
	char *data;
	size_t len;
	bool made;
};

/* --- text ----------------------------------------------------------------------- */

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

/* --- the plugin itself ------------------------------------------------------------ */

static void WPS_PRINTF(3, 4)
host_log(const struct wps_self *self, enum wps_log_level level,
    const char *format, ...)
{
	(void)self;
	(void)level;
	(void)format;
}

static const struct wps_conf *
host_conf(const struct wps_self *self)
{
	return (const struct wps_conf *)(const void *)self;
}

/* The host is an option's only home: its value, or the fallback of its row. */
static int64_t
host_conf_int(const struct wps_conf *conf, const char *name)
{
	const struct fakeconn_host *host =
	    ((const struct wps_self *)(const void *)conf)->host;
	const struct wps_option *row = host->plugin->options;

	if (host->option && strcmp(host->option, name) == 0)
		return host->option_value;
	while (row->name && strcmp(row->name, name) != 0)
		row++;
	if (row->name == NULL)
		abort();
	return strtoll(row->fallback, NULL, 10);
}

static int
host_add_subprotocol(struct wps_self *self, const struct wps_subprotocol *ops)
{
	struct fakeconn_host *host = self->host;

	if (host->ops_count == FAKECONN_SUBPROTOCOLS || ops->name == NULL ||
	    ops->recv == NULL || ops->encode == NULL)
		return WPS_EINVAL;
	host->ops[host->ops_count++] = *ops;
	return WPS_OK;
}

/* --- messages and commands -------------------------------------------------------- */

static struct wps_span
dup(struct wps_span span)
{
	if (span.data == NULL)
		return span;
	char *copy = need(malloc(span.len ? span.len : 1));
	if (span.len > 0)
		memcpy(copy, span.data, span.len);
	return (struct wps_span){ copy, span.len };
}

static void
drop(struct wps_span span)
{
	free((void *)(uintptr_t)span.data);
}

static struct wps_msg *
msg_make(struct fakeconn_host *host, const struct wps_msg_view *view)
{
	struct wps_msg *msg = need(calloc(1, sizeof(*msg)));
	struct wps_pair *pairs =
	    need(calloc(view->metadata_count + 1, sizeof(*pairs)));

	msg->host = host;
	msg->refs = 1;
	msg->view = *view;
	msg->view.group = dup(view->group);
	msg->view.from_user = dup(view->from_user);
	msg->view.payload = dup(view->payload);
	for (size_t i = 0; i < view->metadata_count; i++) {
		pairs[i].key = dup(view->metadata[i].key);
		pairs[i].value = dup(view->metadata[i].value);
	}
	msg->view.metadata = pairs;
	host->messages++;
	return msg;
}

/* msg_create is not told whose the message is: the host that runs. */
static struct fakeconn_host *running;

static struct wps_msg *
host_msg_create(const struct wps_msg_view *view)
{
	return running->no_memory ? NULL : msg_make(running, view);
}

static struct wps_msg *
host_msg_ref(struct wps_msg *msg)
{
	msg->refs++;
	return msg;
}

static void
host_msg_unref(struct wps_msg *msg)
{
	if (msg == NULL || --msg->refs > 0)
		return;
	for (size_t i = 0; i < msg->view.metadata_count; i++) {
		drop(msg->view.metadata[i].key);
		drop(msg->view.metadata[i].value);
	}
	free((void *)(uintptr_t)msg->view.metadata);
	drop(msg->view.group);
	drop(msg->view.from_user);
	drop(msg->view.payload);
	msg->host->messages--;
	free(msg);
}

static const struct wps_msg_view *
host_msg_view(const struct wps_msg *msg)
{
	return &msg->view;
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
log_command(struct fakeconn_host *host, const struct wps_command *command)
{
	struct fakeconn_text *log = &host->log;

	if (command->op != WPS_OP_SEND || command->whom != WPS_TO_GROUP)
		abort();
	const struct wps_msg_view *view = &command->msg->view;
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
	host->encodes++;
	if (ops->encode(host->worker_state, view, body) != WPS_OK) {
		free(body->data);
		body->made = false;
	}
}

/* Once for all members of a subprotocol. */
static void
deliver_to_group(struct fakeconn_host *host, const struct wps_command *command)
{
	for (size_t i = 0; i < host->ops_count; i++) {
		struct wps_body body = { .host = NULL };
		for (struct wps_conn *conn = host->conns; conn; conn = conn->next) {
			if (conn->ops != &host->ops[i] || conn == command->except ||
			    !is_member(conn, command->name))
				continue;
			if (body.host == NULL)
				encode(host, conn->ops, &command->msg->view, &body);
			if (body.made)
				hear(conn, body.frame,
				    (struct wps_span){ body.data, body.len });
		}
		free(body.data);
	}
}

static void
host_submit(struct wps_worker *worker, const struct wps_command *command,
    wps_done_fn done, void *data)
{
	struct fakeconn_host *host = (struct fakeconn_host *)(void *)worker;

	if (done || data)
		abort();
	log_command(host, command);
	deliver_to_group(host, command);
}

/* --- connections ----------------------------------------------------------------------- */

static const struct wps_conn_view *
host_conn_view(const struct wps_conn *conn)
{
	return &conn->view;
}

static struct wps_worker *
host_conn_worker(const struct wps_conn *conn)
{
	return (struct wps_worker *)(void *)conn->host;
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

static void
host_conn_close(struct wps_conn *conn, uint16_t code, struct wps_span reason)
{
	if (conn->closing)
		return;
	conn->closing = true;
	if (conn->ops->goodbye)
		conn->ops->goodbye(conn->host->worker_state, conn, reason);
	add_format(&conn->heard, "close %u ", code);
	add(&conn->heard, reason);
	add_str(&conn->heard, "\n");
}

static bool
host_conn_may(const struct wps_conn *conn, enum wps_perm perm,
    struct wps_span group)
{
	const char *allowed = perm == WPS_PERM_SEND ?
	    conn->may_send : conn->may_join;

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
		done(host->worker_state, conn, host->event_answer);
	else
		conn->done = done;
	return WPS_OK;
}

static const struct wps_host table = {
	.struct_size = sizeof(struct wps_host),
	.abi_minor = WPS_ABI_MINOR,
	.log = host_log,
	.conf = host_conf,
	.conf_int = host_conf_int,
	.add_subprotocol = host_add_subprotocol,
	.msg_create = host_msg_create,
	.msg_ref = host_msg_ref,
	.msg_unref = host_msg_unref,
	.msg_view = host_msg_view,
	.submit = host_submit,
	.body_make = host_body_make,
	.conn_view = host_conn_view,
	.conn_worker = host_conn_worker,
	.conn_data = host_conn_data,
	.conn_send = host_conn_send,
	.conn_close = host_conn_close,
	.conn_may = host_conn_may,
	.conn_join = host_conn_join,
	.conn_leave = host_conn_leave,
	.conn_event = host_conn_event,
};

/* --- for tests --------------------------------------------------------------------------- */

void
fakeconn_start(struct fakeconn_host *host, const struct wps_plugin *plugin)
{
	host->table = table;
	host->self.host = host;
	host->plugin = plugin;
	running = host;
	if (plugin->init(&host->table, &host->self, &host->state) != WPS_OK)
		abort();
	host->worker_state = host->state;
	if (plugin->worker_start && plugin->worker_start(host->state,
	    (struct wps_worker *)(void *)host, &host->worker_state) != WPS_OK)
		abort();
}

long
fakeconn_stop(struct fakeconn_host *host)
{
	while (host->conns)
		fakeconn_close(host->conns);
	if (host->plugin->worker_stop)
		host->plugin->worker_stop(host->worker_state);
	if (host->plugin->fini)
		host->plugin->fini(host->state);
	text_fini(&host->log);
	text_fini(&host->taken);
	return host->messages;
}

const struct wps_subprotocol *
fakeconn_ops(const struct fakeconn_host *host, const char *name)
{
	for (size_t i = 0; i < host->ops_count; i++) {
		if (strcasecmp(host->ops[i].name, name) == 0)
			return &host->ops[i];
	}
	return NULL;
}

const char *
fakeconn_check(struct fakeconn_host *host, const char *name, const char *query)
{
	const struct wps_subprotocol *ops = need((void *)(uintptr_t)
	    fakeconn_ops(host, name));
	struct wps_handshake handshake = { .query = wps_span_str(query) };
	static struct wps_err err;

	err.text[0] = '\0';
	int rc = ops->check(host->worker_state, &handshake, &err);
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
		conn->ops->open(host->worker_state, conn, &handshake);
	return conn;
}

void
fakeconn_recv(struct wps_conn *conn, enum wps_frame frame, struct wps_span data)
{
	struct wps_span copy = dup(data);

	conn->ops->recv(conn->host->worker_state, conn, frame, copy);
	drop(copy);
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
	done(conn->host->worker_state, conn, answer);
}

void
fakeconn_deliver(struct wps_conn *conn, const struct wps_msg_view *view)
{
	struct wps_body body;

	encode(conn->host, conn->ops, view, &body);
	if (body.made) {
		hear(conn, body.frame, (struct wps_span){ body.data, body.len });
		free(body.data);
	}
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
		conn->ops->close(conn->host->worker_state, conn);
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
