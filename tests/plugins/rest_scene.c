/* SPDX-License-Identifier: MIT */
/*
 * The host's side of a request: see rest_scene.h.
 *
 * What is borrowed until a host function returns is read once more after the
 * plugin has heard its answer and may have ended the call.
 */
#include "plugins/rest_scene.h"

#include <stdarg.h>

#define VERSIONS "2021-10-01, 2022-11-01, 2023-07-01, 2024-01-01, 2024-12-01"

static struct scene *
scene_of(const struct wps_worker *worker)
{
	return fakehost_of(worker)->data;
}

static void WPS_PRINTF(2, 3)
say(struct scene *scene, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(scene->text + scene->text_len,
	    TEXT_MAX - scene->text_len, format, args);
	va_end(args);
	CU_ASSERT_FATAL(len >= 0 && scene->text_len + (size_t)len < TEXT_MAX);
	scene->text_len += (size_t)len;
}

static void
say_span(struct scene *scene, const char *name, struct wps_span span)
{
	if (span.data)
		say(scene, " %s=%.*s", name, (int)span.len, span.data);
}

static void
say_list(struct scene *scene, const char *name, const struct wps_span *items,
    size_t count)
{
	for (size_t i = 0; i < count; i++)
		say_span(scene, name, items[i]);
}

/* --- requests ------------------------------------------------------------ */

struct wps_span
copy(struct wps_span span)
{
	char *data = span.data ? malloc(span.len ? span.len : 1) : NULL;

	if (span.len)
		memcpy(data, span.data, span.len);
	return (struct wps_span){ data, span.len };
}

static struct wps_span
cut(const char **rest, char separator)
{
	const char *end = strchr(*rest, separator);
	struct wps_span part = { *rest, end ? (size_t)(end - *rest) :
		strlen(*rest) };

	*rest = end ? end + 1 : *rest + part.len;
	return part;
}

void
drop(struct wps_span span)
{
	free((void *)(uintptr_t)span.data);
}

struct wps_request *
request_new(struct scene *scene, const char *line, const char *headers,
    struct wps_span body)
{
	struct wps_request *request = calloc(1, sizeof(*request));

	CU_ASSERT_FATAL(request != NULL);
	request->scene = scene;
	request->view.headers = request->headers;
	request->view.method = copy(cut(&line, ' '));
	const char *query = strchr(line, '?');
	request->view.path = copy(cut(&line, '?'));
	request->view.query = copy(query ? wps_span_str(line) : WPS_SPAN_NONE);
	request->view.host = copy(WPS_SPAN("rt.example:8080"));
	request->view.body = copy(body);
	while (headers && *headers) {
		struct wps_header *header =
		    &request->headers[request->view.header_count++];
		header->name = copy(cut(&headers, ':'));
		headers++;
		header->value = copy(cut(&headers, '\n'));
	}
	LIST_INSERT_HEAD(&scene->requests, request, link);
	return request;
}

static void
request_free(struct wps_request *request)
{
	drop(request->view.method);
	drop(request->view.path);
	drop(request->view.query);
	drop(request->view.host);
	drop(request->view.body);
	for (size_t i = 0; i < request->view.header_count; i++) {
		drop(request->headers[i].name);
		drop(request->headers[i].value);
	}
	LIST_REMOVE(request, link);
	free(request);
}

/* --- the host ------------------------------------------------------------ */

static const struct wps_request_view *
host_request_view(const struct wps_request *request)
{
	return &request->view;
}

void
answer_identity(struct wps_request *request)
{
	struct scene *scene = request->scene;
	wps_identity_fn on_identity = request->on_identity;
	static const struct wps_identity nobody = { .user = { NULL, 0 } };

	request->on_identity = NULL;
	scene->current = request;
	on_identity(request, scene->identity,
	    scene->identity == WPS_OK ? &nobody : NULL, request->data);
}

static void
host_request_authenticate(struct wps_request *request, struct wps_span hub,
    wps_identity_fn done, void *data)
{
	struct scene *scene = request->scene;

	CU_ASSERT(request->on_identity == NULL);
	request->on_identity = done;
	request->data = data;
	if (!scene->later)
		answer_identity(request);
	/* It is used after the answer, as it is borrowed until the return. */
	snprintf(scene->hub, sizeof(scene->hub), "%.*s", (int)hub.len,
	    hub.data ? hub.data : "");
}

static const char *const op_names[] = {
	[WPS_OP_SEND] = "send", [WPS_OP_JOIN] = "join",
	[WPS_OP_LEAVE] = "leave", [WPS_OP_LEAVE_ALL] = "leave-all",
	[WPS_OP_CLOSE] = "close", [WPS_OP_GRANT] = "grant",
	[WPS_OP_REVOKE] = "revoke", [WPS_OP_CHECK] = "check",
	[WPS_OP_EXISTS] = "exists", [WPS_OP_COUNT] = "count",
	[WPS_OP_LIST] = "list",
};

static const char *const whom_names[] = {
	[WPS_TO_ALL] = "all", [WPS_TO_GROUP] = "group", [WPS_TO_USER] = "user",
	[WPS_TO_CONN] = "conn",
};

static const char *const list_names[] = {
	[WPS_LIST_CONNS] = "conns", [WPS_LIST_USERS] = "users",
	[WPS_LIST_GROUPS] = "groups",
};

static const char *const perm_names[] = {
	[WPS_PERM_JOIN_LEAVE] = "joinLeave", [WPS_PERM_SEND] = "send",
};

static const char *const data_names[] = {
	[WPS_DATA_TEXT] = "text", [WPS_DATA_JSON] = "json",
	[WPS_DATA_BINARY] = "binary",
};

static void
say_msg(struct scene *scene, const struct wps_msg_view *msg)
{
	say_span(scene, data_names[msg->type], msg->payload);
	CU_ASSERT(msg->payload.data != NULL);
	say(scene, " from=%s", msg->from == WPS_FROM_GROUP ? "group" : "server");
	say_span(scene, "from-group", msg->group);
	say_span(scene, "from-user", msg->from_user);
	if (msg->ttl_s)
		say(scene, " ttl=%u", (unsigned)msg->ttl_s);
	for (size_t i = 0; i < msg->metadata_count; i++)
		say(scene, " [%.*s:%.*s]", (int)msg->metadata[i].key.len,
		    msg->metadata[i].key.data,
		    (int)msg->metadata[i].value.len,
		    msg->metadata[i].value.data);
}

static void
say_command(struct scene *scene, const struct wps_command *command)
{
	say(scene, "%s %s", op_names[command->op], whom_names[command->whom]);
	say_span(scene, "hub", command->hub);
	say_span(scene, "name", command->name);
	say_span(scene, "group", command->group);
	if (command->perm)
		say(scene, " perm=%s", perm_names[command->perm]);
	if (command->code)
		say(scene, " code=%u", (unsigned)command->code);
	say_span(scene, "reason", command->reason);
	say_list(scene, "excluded", command->excluded, command->excluded_count);
	say_list(scene, "group", command->groups, command->group_count);
	if (command->match)
		say(scene, " match");
	if (command->list)
		say(scene, " %s limit=%u", list_names[command->list],
		    command->limit);
	say_span(scene, "after", command->after);
	if (command->detail)
		say(scene, " detail");
	if (command->msg)
		say_msg(scene, scene->fake.host.msg_view(command->msg));
	CU_ASSERT(command->except == NULL);
	say(scene, " ");
}

void
answer_done(struct wps_request *request)
{
	wps_done_fn on_done = request->on_done;

	request->on_done = NULL;
	on_done(&request->scene->outcome, request->data);
}

static void
host_submit(struct wps_worker *worker, const struct wps_command *command,
    wps_done_fn done, void *data)
{
	struct scene *scene = scene_of(worker);
	struct wps_request *request = scene->current;

	CU_ASSERT_FATAL(request != NULL);
	CU_ASSERT((command->op == WPS_OP_SEND) == (done == NULL));
	say_command(scene, command);
	if (done == NULL) {
		scene->fake.loop.now_ms += scene->send_ms;
		return;
	}
	request->on_done = done;
	request->data = data;
	if (scene->later)
		return;
	answer_done(request);
	/* It is read after the answer, as it is borrowed until the return. */
	size_t before = scene->text_len;
	say_command(scene, command);
	scene->text[scene->text_len = before] = '\0';
}

void
answer_list(struct wps_request *request)
{
	wps_list_fn on_list = request->on_list;

	request->on_list = NULL;
	on_list(&request->scene->page, request->data);
}

static void
host_submit_list(struct wps_worker *worker, const struct wps_command *command,
    wps_list_fn done, void *data)
{
	struct scene *scene = scene_of(worker);
	struct wps_request *request = scene->current;

	CU_ASSERT_FATAL(request != NULL && command->op == WPS_OP_LIST);
	say_command(scene, command);
	request->on_list = done;
	request->data = data;
	if (!scene->later)
		answer_list(request);
}

/* The key's number and the sum of the bytes: enough to tell texts apart. */
static int
host_sign(const struct wps_self *self, unsigned key, struct wps_span bytes,
    uint8_t mac_out[32])
{
	const struct scene *scene = self->fake->data;
	unsigned sum = 1 + key + scene->first_key;

	if (key >= scene->keys)
		return WPS_NOT_FOUND;
	for (size_t i = 0; i < bytes.len; i++)
		sum = sum * 31 + (unsigned char)bytes.data[i];
	for (unsigned i = 0; i < 32; i++)
		mac_out[i] = (uint8_t)(sum >> i % 4 * 8);
	return WPS_OK;
}

static bool
host_stopping(const struct wps_self *self)
{
	const struct scene *scene = self->fake->data;

	return scene->stopping;
}

static int
host_issue(const struct wps_self *self, const struct wps_claims *claims,
    char *dst, size_t cap, size_t *len_out)
{
	struct scene *scene = self->fake->data;

	say(scene, "issue");
	say_span(scene, "aud", claims->audience);
	say_span(scene, "sub", claims->user);
	say_list(scene, "role", claims->roles, claims->role_count);
	say_list(scene, "group", claims->groups, claims->group_count);
	say(scene, " %llus ", (unsigned long long)claims->lifetime_s);
	if (scene->issue_result != WPS_OK)
		return scene->issue_result;
	CU_ASSERT(cap >= 256 * 1024); /* of any max_token */
	memset(dst, 'x', cap);
	*len_out = 8;
	return WPS_OK;
}

/* The two headers of all answers are checked, the others are said. */
static void
say_headers(struct scene *scene, const struct wps_response *response)
{
	unsigned versions = 0, ids = 0;

	for (size_t i = 0; i < response->header_count; i++) {
		struct wps_span name = response->headers[i].name;
		struct wps_span value = response->headers[i].value;
		if (wps_span_eq(name, WPS_SPAN("api-supported-versions"))) {
			versions += wps_span_eq(value, WPS_SPAN(VERSIONS));
		} else if (wps_span_eq(name, WPS_SPAN("x-ms-request-id"))) {
			CU_ASSERT(value.len == 32 && !wps_span_eq(value,
			    wps_span_str(scene->last_id)));
			snprintf(scene->last_id, sizeof(scene->last_id), "%.*s",
			    (int)value.len, value.data);
			ids++;
		} else {
			say(scene, " %.*s=%.*s", (int)name.len, name.data,
			    (int)value.len, value.data);
		}
	}
	check_number("api-supported-versions", versions, 1);
	check_number("x-ms-request-id", ids, 1);
}

static void
host_respond(struct wps_request *request, const struct wps_response *response)
{
	struct scene *scene = request->scene;

	say(scene, "-> %d", response->status);
	say_headers(scene, response);
	if (response->body.len)
		say(scene, " %.*s", (int)response->body.len,
		    response->body.data);
	scene->answers++;
	request_free(request);
}

/* --- scenes -------------------------------------------------------------- */

struct scene *
scene_new(const struct fakehost_conf *conf)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	CU_ASSERT_FATAL(scene != NULL);
	LIST_INIT(&scene->requests);
	scene->outcome.matched = 1;
	scene->keys = 2;
	fakehost_init(&scene->fake, conf ? conf :
	    &(struct fakehost_conf){ .own = NULL });
	scene->fake.data = scene;
	scene->fake.host.request_view = host_request_view;
	scene->fake.host.request_authenticate = host_request_authenticate;
	scene->fake.host.submit = host_submit;
	scene->fake.host.submit_list = host_submit_list;
	scene->fake.host.sign = host_sign;
	scene->fake.host.stopping = host_stopping;
	scene->fake.host.issue = host_issue;
	scene->fake.host.respond = host_respond;
	CU_ASSERT_FATAL(fakehost_start(&scene->fake) == WPS_OK);
	CU_ASSERT_FATAL(scene->fake.route_count == 1);
	check_text("prefix", scene->fake.routes[0].prefix, "/api/");
	return scene;
}

void
scene_free(struct scene *scene)
{
	struct wps_request *request;

	fakehost_fini(&scene->fake);
	while ((request = LIST_FIRST(&scene->requests)) != NULL)
		request_free(request);
	free(scene);
}

void
serve_request(struct scene *scene, struct wps_request *request)
{
	scene->text[scene->text_len = 0] = '\0';
	scene->current = request;
	scene->fake.routes[0].serve(scene->fake.worker_state, request);
}

struct wps_request *
serve(struct scene *scene, const char *line, const char *headers,
    struct wps_span body)
{
	struct wps_request *request = request_new(scene, line, headers, body);

	serve_request(scene, request);
	return request;
}

const char *
happens(struct scene *scene, const char *line, const char *headers,
    struct wps_span body)
{
	unsigned answers = scene->answers;
	struct wps_request *request = serve(scene, line, headers, body);

	if (scene->answers == answers && request->on_identity)
		answer_identity(request);
	if (scene->answers == answers && request->on_done)
		answer_done(request);
	if (scene->answers == answers && request->on_list)
		answer_list(request);
	check_number("answers", scene->answers, answers + 1);
	return scene->text;
}
