/* SPDX-License-Identifier: MIT */
/*
 * The whole rest plugin: a line with method and target, lines of headers, an empty
 * line, the body. Whatever comes, it is answered once, with a status and a body
 * that can be read, and what is submitted is valid.
 */
#include "fuzz.h"

#include <wps/wps.h>

#include "lib/jscan.h"
#include "lib/names.h"
#include "lib/utf8.h"

#define HEADERS_MAX 64

struct wps_request {
	struct wps_request_view view;
	struct wps_header headers[HEADERS_MAX];
	int status; /* of the answer; 0: none yet */
};

struct wps_msg {
	struct wps_msg_view view;
};

extern const struct wps_plugin wps_plugin_v1;

static const struct wps_route *route;

/* --- the host ------------------------------------------------------------------- */

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
	(void)self;
	return NULL;
}

static bool
host_conf_bool(const struct wps_conf *conf, const char *name)
{
	(void)conf;
	(void)name;
	return false;
}

static struct wps_span
host_conf_span(const struct wps_conf *conf, const char *name)
{
	(void)conf;
	(void)name;
	return WPS_SPAN_NONE;
}

static size_t
host_conf_count(const struct wps_conf *conf, const char *name)
{
	(void)conf;
	(void)name;
	return 0;
}

static int
host_add_route(struct wps_self *self, const struct wps_route *ops)
{
	(void)self;
	route = ops;
	return WPS_OK;
}

static uint64_t
host_now_ms(const struct wps_worker *worker)
{
	(void)worker;
	return 1;
}

static struct wps_msg *
host_msg_create(const struct wps_msg_view *view)
{
	struct wps_msg *msg = malloc(sizeof(*msg));

	PROMISE(msg != NULL && view->payload.data && view->ttl_s <= 300);
	PROMISE(view->type == WPS_DATA_BINARY || utf8_valid(view->payload));
	PROMISE(view->type != WPS_DATA_JSON || jscan_valid(view->payload));
	msg->view = *view;
	return msg;
}

static void
host_msg_unref(struct wps_msg *msg)
{
	free(msg);
}

static bool
in_group(const struct wps_conn_facts *facts, struct wps_span group)
{
	(void)facts;
	return group.len > 3;
}

static void
check_command(const struct wps_command *command)
{
	static const struct wps_conn_facts facts = {
		.id = { "c", 1 }, .user = { "u", 1 }, .in_group = in_group,
	};

	PROMISE(name_hub_valid(command->hub));
	PROMISE(utf8_valid(command->reason) && command->reason.len <= 123);
	for (size_t i = 0; i < command->group_count; i++)
		PROMISE(name_group_valid(command->groups[i]));
	if (command->match)
		(void)command->match->test(command->match, &facts);
}

static void
host_submit(struct wps_worker *worker, const struct wps_command *command,
    wps_done_fn done, void *data)
{
	(void)worker;
	PROMISE(command->op != WPS_OP_LIST);
	PROMISE((command->op == WPS_OP_SEND) == (command->msg != NULL));
	check_command(command);
	if (done)
		done(&(struct wps_outcome){ .matched = 1 }, data);
}

static void
host_submit_list(struct wps_worker *worker, const struct wps_command *command,
    wps_list_fn done, void *data)
{
	static const struct wps_listed item = {
		.name = { "a\"b", 3 }, .user = { "\xc3\xbc", 2 },
	};
	static const struct wps_listed *const items[] = { &item };

	(void)worker;
	PROMISE(command->op == WPS_OP_LIST && command->list > 0);
	PROMISE(command->limit >= 1 && command->limit <= WPS_LIST_MAX);
	check_command(command);
	done(&(struct wps_page){ .items = items, .count = 1, .more = true },
	    data);
}

static int
host_sign(const struct wps_self *self, unsigned key, struct wps_span bytes,
    uint8_t mac_out[32])
{
	(void)self;
	(void)bytes;
	memset(mac_out, 'm', 32);
	return key == 0 ? WPS_OK : WPS_NOT_FOUND;
}

static int
host_issue(const struct wps_self *self, const struct wps_claims *claims,
    char *dst, size_t cap, size_t *len_out)
{
	(void)self;
	PROMISE(claims->audience.len > 0 && claims->lifetime_s >= 60 && cap > 0);
	dst[0] = 't';
	*len_out = 1;
	return WPS_OK;
}

static const struct wps_request_view *
host_request_view(const struct wps_request *request)
{
	return &request->view;
}

static void
host_request_authenticate(struct wps_request *request, struct wps_span hub,
    wps_identity_fn done, void *data)
{
	static const struct wps_identity nobody = { .role_count = 0 };

	(void)hub;
	done(request, WPS_OK, &nobody, data);
}

static void
host_respond(struct wps_request *request, const struct wps_response *response)
{
	bool json = false;

	PROMISE(request->status == 0);
	request->status = response->status;
	PROMISE(response->status >= 200 && response->status <= 503);
	for (size_t i = 0; i < response->header_count; i++)
		json |= wps_span_eq(response->headers[i].value,
		    WPS_SPAN("application/json"));
	PROMISE(json == (response->body.len > 0));
	PROMISE(!json || jscan_valid(response->body));
	PROMISE(!json || utf8_valid(response->body));
}

static bool
host_stopping(const struct wps_self *self)
{
	(void)self;
	return false;
}

static const struct wps_host host = {
	.struct_size = sizeof(host),
	.abi_minor = WPS_ABI_MINOR,
	.log = host_log,
	.conf = host_conf,
	.conf_core = host_conf,
	.conf_bool = host_conf_bool,
	.conf_span = host_conf_span,
	.conf_count = host_conf_count,
	.add_route = host_add_route,
	.now_ms = host_now_ms,
	.msg_create = host_msg_create,
	.msg_unref = host_msg_unref,
	.submit = host_submit,
	.submit_list = host_submit_list,
	.sign = host_sign,
	.issue = host_issue,
	.request_view = host_request_view,
	.request_authenticate = host_request_authenticate,
	.respond = host_respond,
	.stopping = host_stopping,
};

/* --- the input -------------------------------------------------------------------- */

static void
read_input(struct wps_request *request, struct wps_span text)
{
	struct wps_span line = fuzz_cut(&text, '\n');

	memset(request, 0, sizeof(*request));
	request->view.headers = request->headers;
	request->view.host = WPS_SPAN("a.example");
	request->view.method = fuzz_cut(&line, ' ');
	request->view.path = fuzz_cut(&line, '?');
	request->view.query = line;
	while (text.len > 0) {
		line = fuzz_cut(&text, '\n');
		if (line.len == 0)
			break;
		if (request->view.header_count == HEADERS_MAX)
			continue;
		struct wps_header *header =
		    &request->headers[request->view.header_count++];
		header->name = fuzz_cut(&line, ':');
		header->value = line;
	}
	request->view.body = text;
}

bool
fuzz_accepts(struct wps_span text)
{
	struct wps_request request;
	void *state, *worker_state;

	PROMISE(wps_plugin_v1.init(&host, NULL, &state) == WPS_OK);
	PROMISE(wps_plugin_v1.worker_start(state, NULL, &worker_state) == WPS_OK);
	read_input(&request, text);
	route->serve(worker_state, &request);
	PROMISE(request.status != 0);
	wps_plugin_v1.worker_stop(worker_state);
	wps_plugin_v1.fini(state);
	return request.status < 300;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		(void)fuzz_accepts((struct wps_span){ (const char *)data, size });
	return 0;
}
