/* SPDX-License-Identifier: MIT */
/*
 * The REST API: what applications call to send messages and to manage
 * connections (rest-api.md).
 *
 * This file ties the plugin to the host and carries a call through its life.
 * router.c says which operation a request is, params.c what it names; send.c,
 * many.c, groups.c, list.c, manage.c, permissions.c and token.c run it; reply.c
 * answers, error.c says what went wrong.
 */
#include "rest.h"

#include "params.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#ifndef PACKAGE_VERSION
#error "PACKAGE_VERSION is not defined: the build defines it"
#endif

#define SPARE_CALLS_MAX 64

static const struct wps_option section_options[] = {
	{ .name = "permissions_without_target", .type = WPS_OPT_BOOL,
	  .fallback = "false",
	  .help = "Whether a permission without targetName means all groups." },
	{ .name = "legacy_path_decoding", .type = WPS_OPT_BOOL,
	  .fallback = "false",
	  .help = "Whether %2F in groups and user ids of a path stays as it is." },
	{ .name = "access_log", .type = WPS_OPT_BOOL, .fallback = "false",
	  .help = "Whether each answer is a line of the log." },
	WPS_OPTION_END,
};

static void *
must_calloc(size_t size)
{
	void *memory = calloc(1, size);

	if (memory == NULL) {
		fputs("rest: out of memory\n", stderr);
		abort();
	}
	return memory;
}

struct wps_span
header_find(const struct wps_request_view *view, struct wps_span name)
{
	for (size_t i = 0; i < view->header_count; i++) {
		if (name_eq_nocase(view->headers[i].name, name))
			return view->headers[i].value;
	}
	return WPS_SPAN_NONE;
}

/* --- a call's life ------------------------------------------------------- */

static struct call *
call_new(struct rest_worker *worker, struct wps_request *request)
{
	struct call *call = LIST_FIRST(&worker->spare);

	if (call) {
		LIST_REMOVE(call, link);
		worker->spare_count--;
	} else {
		call = must_calloc(sizeof(*call));
	}
	call->worker = worker;
	call->request = request;
	call->view = worker->rest->host->request_view(request);
	call->hub = WPS_SPAN_NONE;
	call->state = CALL_RUNNING;
	call->started_ms = worker->rest->host->now_ms(worker->worker);
	call->page = (struct page_request){ .size = 0 };
	call->answer = (struct text){ .data = NULL };
	call->many = NULL;
	LIST_INSERT_HEAD(&worker->calls, call, link);
	return call;
}

void
call_end(struct call *call)
{
	struct rest_worker *worker = call->worker;

	LIST_REMOVE(call, link);
	page_fini(&call->page);
	text_fini(&call->answer);
	many_free(&call->many);
	if (worker->spare_count == SPARE_CALLS_MAX) {
		free(call);
		return;
	}
	worker->spare_count++;
	LIST_INSERT_HEAD(&worker->spare, call, link);
}

/* Whether the answer came inside the question, whose asker goes on then. */
static bool
heard_inside(struct call *call)
{
	bool inside = call->state == CALL_ASKING;

	call->state = inside ? CALL_HEARD : CALL_RUNNING;
	return inside;
}

/* Back from the question: whether the answer is there. */
static bool
has_heard(struct call *call)
{
	bool heard = call->state == CALL_HEARD;

	call->state = heard ? CALL_RUNNING : CALL_WAITING;
	return heard;
}

/* --- commands ------------------------------------------------------------ */

static void
answer_count(struct call *call)
{
	char body[40];
	int len = snprintf(body, sizeof(body), "{\"count\":%llu}",
	    (unsigned long long)call->outcome.matched);

	reply_json(call, (struct wps_span){ body, (size_t)len });
}

static void
answer_outcome(struct call *call)
{
	const struct operation *operation = call->route.operation;

	if (operation->op == WPS_OP_COUNT)
		answer_count(call);
	else if (call->outcome.full > 0)
		reply_error(call, &(struct error){
			.code = ERROR_CONFLICT,
			.message = "a limit of the connection is reached",
		});
	else if (operation->must_match && call->outcome.matched == 0)
		reply_error(call, &(struct error){
			.code = ERROR_NOT_FOUND,
			.message = "there is no such connection",
		});
	else
		reply_empty(call, operation->success);
}

static void
on_done(const struct wps_outcome *outcome, void *data)
{
	struct call *call = data;

	call->outcome = *outcome;
	if (!heard_inside(call))
		answer_outcome(call);
}

void
call_submit(struct call *call, const struct wps_command *command)
{
	struct rest_worker *worker = call->worker;

	call->state = CALL_ASKING;
	worker->rest->host->submit(worker->worker, command, on_done, call);
	if (has_heard(call))
		answer_outcome(call);
}

static void
answer_list(struct call *call)
{
	struct error error = {
		.code = ERROR_NOT_FOUND,
		.message = "there is no such connection",
	};

	if (call->answer.failed)
		error_no_memory(&error);
	if (call->answer.failed || call->answer.len == 0)
		reply_error(call, &error);
	else
		reply_json(call, text_span(&call->answer));
}

static void
on_listed(const struct wps_page *page, void *data)
{
	struct call *call = data;

	list_write(call, page);
	if (!heard_inside(call))
		answer_list(call);
}

void
call_submit_list(struct call *call, const struct wps_command *command)
{
	struct rest_worker *worker = call->worker;

	call->state = CALL_ASKING;
	worker->rest->host->submit_list(worker->worker, command, on_listed,
	    call);
	if (has_heard(call))
		answer_list(call);
}

struct wps_command
call_command(const struct call *call, const struct params *params)
{
	static const enum route_param named_by[] = {
		[WPS_TO_ALL] = 0,
		[WPS_TO_GROUP] = ROUTE_GROUP,
		[WPS_TO_USER] = ROUTE_USER,
		[WPS_TO_CONN] = ROUTE_CONN,
	};
	const struct operation *operation = call->route.operation;

	return (struct wps_command){
		.op = operation->op,
		.whom = operation->whom,
		.hub = call->hub,
		.name = params->path[named_by[operation->whom]],
	};
}

/* --- the way to the operation -------------------------------------------- */

static void
run(struct call *call)
{
	const struct route *route = &call->route;
	struct params params;
	struct error error;

	if (route->params[ROUTE_HUB].data && call->hub.data == NULL) {
		error_bad(&error, "hub", "this is no valid name of a hub");
		reply_error(call, &error);
		return;
	}
	if (params_read(&params, route, call->view->query,
	    call->worker->rest->legacy_path_decoding, &error))
		route->operation->run(call, &params);
	else
		reply_error(call, &error);
	params_fini(&params);
}

static void
judge(struct call *call)
{
	if (call->identified == WPS_OK)
		run(call);
	else
		reply_error(call, &(struct error){
			.code = ERROR_UNAUTHORIZED,
			.message = "a valid token is needed",
		});
}

static void
on_identity(struct wps_request *request, int result,
    const struct wps_identity *identity, void *data)
{
	struct call *call = data;

	(void)request;
	(void)identity;
	call->identified = result;
	if (!heard_inside(call))
		judge(call);
}

static void
authenticate(struct call *call)
{
	call->hub = params_hub(&call->route, call->hub_text);
	call->state = CALL_ASKING;
	call->worker->rest->host->request_authenticate(call->request, call->hub,
	    on_identity, call);
	if (has_heard(call))
		judge(call);
}

static void
on_serve(void *worker_state, struct wps_request *request)
{
	struct call *call = call_new(worker_state, request);

	switch (route_find(call->view->method, call->view->path, &call->route)) {
	case ROUTE_FOUND:
		if (call->route.operation->open)
			run(call);
		else
			authenticate(call);
		return;
	case ROUTE_OTHER_METHOD:
		reply_error(call, &(struct error){
			.code = ERROR_METHOD,
			.message = "the method is not known here",
		});
		return;
	case ROUTE_UNKNOWN:
		reply_error(call, &(struct error){
			.code = ERROR_NOT_FOUND,
			.message = "there is nothing here",
		});
		return;
	}
}

static void
on_refuse(void *worker_state, struct wps_refusal *refusal)
{
	(void)worker_state;
	reply_refusal(refusal);
}

static const struct wps_route api_route = {
	.struct_size = sizeof(struct wps_route),
	.prefix = ROUTE_PREFIX,
	.serve = on_serve,
	.refuse = on_refuse,
};

/* --- the plugin's life --------------------------------------------------- */

static void
plugin_fini(void *state)
{
	struct rest *rest = state;

	if (rest->letters != (locale_t)0)
		freelocale(rest->letters);
	free(rest);
}

static int
plugin_init(const struct wps_host *host, struct wps_self *self, void **state_out)
{
	const struct wps_conf *conf = host->conf(self);
	struct rest *rest = must_calloc(sizeof(*rest));

	*rest = (struct rest){
		.host = host,
		.self = self,
		.permissions_without_target =
		    host->conf_bool(conf, "permissions_without_target"),
		.legacy_path_decoding =
		    host->conf_bool(conf, "legacy_path_decoding"),
		.access_log = host->conf_bool(conf, "access_log"),
		.letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0),
	};
	if (rest->letters == (locale_t)0)
		host->log(self, WPS_LOG_WARN, "the locale C.UTF-8 is missing: "
		    "filters map the case of ASCII letters alone");
	int rc = host->add_route(self, &api_route);
	if (rc != WPS_OK) {
		plugin_fini(rest);
		return rc < 0 ? rc : WPS_EINVAL;
	}
	*state_out = rest;
	return WPS_OK;
}

static int
plugin_worker_start(void *state, struct wps_worker *worker,
    void **worker_state_out)
{
	struct rest_worker *own = must_calloc(sizeof(*own));

	own->rest = state;
	own->worker = worker;
	LIST_INIT(&own->calls);
	LIST_INIT(&own->spare);
	if (getrandom(&own->id_base, sizeof(own->id_base), 0) !=
	    (ssize_t)sizeof(own->id_base)) {
		free(own);
		return WPS_ESYS;
	}
	*worker_state_out = own;
	return WPS_OK;
}

static void
plugin_worker_stop(void *worker_state)
{
	struct rest_worker *own = worker_state;
	struct call *call;

	while ((call = LIST_FIRST(&own->calls)) != NULL)
		call_end(call);
	while ((call = LIST_FIRST(&own->spare)) != NULL) {
		LIST_REMOVE(call, link);
		free(call);
	}
	free(own);
}

WPS_PLUGIN_DEFINE("rest",
	.version = PACKAGE_VERSION,
	.options = section_options,
	.init = plugin_init,
	.worker_start = plugin_worker_start,
	.worker_stop = plugin_worker_stop,
	.fini = plugin_fini);
