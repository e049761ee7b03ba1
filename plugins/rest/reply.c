/* SPDX-License-Identifier: MIT */
/*
 * Answers: the headers that all of them have, and the line in the log.
 */
#include "rest.h"

#include <inttypes.h>
#include <stdio.h>

#define VERSIONS "2021-10-01, 2022-11-01, 2023-07-01, 2024-01-01, 2024-12-01"
#define HEADERS_MAX 8
#define CLIENT_ID_MAX 128
#define LOGGED_PATH_MAX 256

struct reply {
	int status;
	struct wps_header headers[HEADERS_MAX];
	size_t header_count;
	char id[33];
	struct wps_span client_id; /* absent: none that can be repeated */
};

static void
add_header(struct reply *reply, struct wps_span name, struct wps_span value)
{
	reply->headers[reply->header_count++] =
	    (struct wps_header){ .name = name, .value = value };
}

/* The caller's id goes into a header and the log: only what is harmless there. */
static struct wps_span
client_id(const struct wps_request_view *view)
{
	struct wps_span id =
	    header_find(view, WPS_SPAN("x-ms-client-request-id"));

	if (id.len == 0 || id.len > CLIENT_ID_MAX)
		return WPS_SPAN_NONE;
	for (size_t i = 0; i < id.len; i++) {
		if (id.data[i] < ' ' || id.data[i] > '~')
			return WPS_SPAN_NONE;
	}
	return id;
}

static void
reply_init(struct reply *reply, struct call *call, int status)
{
	struct rest_worker *worker = call->worker;

	reply->status = status;
	reply->header_count = 0;
	reply->client_id = client_id(call->view);
	snprintf(reply->id, sizeof(reply->id), "%016" PRIx64 "%016" PRIx64,
	    worker->id_base, worker->id_next++);
	add_header(reply, WPS_SPAN("api-supported-versions"), WPS_SPAN(VERSIONS));
	add_header(reply, WPS_SPAN("x-ms-request-id"),
	    (struct wps_span){ reply->id, sizeof(reply->id) - 1 });
	if (reply->client_id.data)
		add_header(reply, WPS_SPAN("x-ms-client-request-id"),
		    reply->client_id);
}

static void
log_reply(const struct call *call, const struct reply *reply, size_t out)
{
	const struct rest *rest = call->worker->rest;
	const struct wps_request_view *view = call->view;
	const struct operation *operation = call->route.operation;
	size_t path = view->path.len < LOGGED_PATH_MAX ? view->path.len :
	    LOGGED_PATH_MAX;

	uint64_t now_ms = rest->host->now_ms(call->worker->worker);
	rest->host->log(rest->self,
	    rest->access_log ? WPS_LOG_INFO : WPS_LOG_DEBUG,
	    "request answered status=%d operation=%s method=%.*s path=%.*s "
	    "bytes_in=%zu bytes_out=%zu ms=%llu id=%s client_id=%.*s",
	    reply->status, operation ? operation->name : "none",
	    (int)view->method.len, view->method.data, (int)path,
	    view->path.data, view->body.len, out,
	    (unsigned long long)(now_ms - call->started_ms), reply->id,
	    (int)reply->client_id.len,
	    reply->client_id.data ? reply->client_id.data : "");
}

static bool
is_head(const struct call *call)
{
	return wps_span_eq(call->view->method, WPS_SPAN("HEAD"));
}

/* A body is JSON; HEAD has none. */
static void
send_reply(struct call *call, struct reply *reply, struct wps_span body)
{
	if (is_head(call))
		body = WPS_SPAN_NONE;
	if (body.len > 0)
		add_header(reply, WPS_SPAN("Content-Type"),
		    WPS_SPAN("application/json"));
	log_reply(call, reply, body.len);
	call->worker->rest->host->respond(call->request, &(struct wps_response){
		.status = reply->status,
		.headers = reply->headers,
		.header_count = reply->header_count,
		.body = body,
	});
	call_end(call);
}

void
reply_empty(struct call *call, int status)
{
	struct reply reply;

	reply_init(&reply, call, status);
	send_reply(call, &reply, WPS_SPAN_NONE);
}

void
reply_json(struct call *call, struct wps_span body)
{
	struct reply reply;

	reply_init(&reply, call, 200);
	send_reply(call, &reply, body);
}

void
reply_error(struct call *call, const struct error *error)
{
	char body[ERROR_BODY_MAX], allow[ROUTE_ALLOW_MAX];
	struct reply reply;

	reply_init(&reply, call, error_status(error));
	add_header(&reply, WPS_SPAN("x-ms-error-code"),
	    wps_span_str(error_name(error)));
	if (error->code == ERROR_UNAUTHORIZED)
		add_header(&reply, WPS_SPAN("WWW-Authenticate"),
		    WPS_SPAN("Bearer error=\"invalid_token\""));
	if (error->code == ERROR_METHOD)
		add_header(&reply, WPS_SPAN("Allow"), (struct wps_span){ allow,
		    route_allow(call->route.methods, allow) });
	if (error->code == ERROR_UNAVAILABLE)
		add_header(&reply, WPS_SPAN("Retry-After"), WPS_SPAN("1"));
	send_reply(call, &reply,
	    (struct wps_span){ body, error_body(error, body) });
}

/* --- the host's refusals ------------------------------------------------- */

static const char *
refusal_code(int status)
{
	static const struct {
		int status;
		const char *code;
	} codes[] = {
		{ 400, "Error.BadRequest" },
		{ 408, "RequestTimeout" },
		{ 413, "PayloadTooLarge" },
		{ 414, "UriTooLong" },
		{ 417, "ExpectationFailed" },
		{ 431, "RequestHeaderFieldsTooLarge" },
		{ 501, "NotImplemented" },
		{ 503, "ServiceUnavailable" },
		{ 505, "HttpVersionNotSupported" },
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i].status == status)
			return codes[i].code;
	}
	return "Error.BadRequest";
}

static void
refusal_header(struct wps_refusal *refusal, struct wps_span name,
    struct wps_span value)
{
	refusal->headers[refusal->header_count++] =
	    (struct wps_header){ .name = name, .value = value };
}

void
reply_refusal(struct wps_refusal *refusal)
{
	const char *code = refusal_code(refusal->status);
	int len = snprintf(refusal->room, sizeof(refusal->room),
	    "{\"code\":\"%s\",\"message\":\"%.*s\",\"target\":\"Request\"}",
	    code, (int)refusal->reason.len, refusal->reason.data);

	if (len < 0 || (size_t)len >= sizeof(refusal->room))
		return;
	refusal->body = (struct wps_span){ refusal->room, (size_t)len };
	refusal_header(refusal, WPS_SPAN("Content-Type"),
	    WPS_SPAN("application/json"));
	refusal_header(refusal, WPS_SPAN("x-ms-error-code"),
	    wps_span_str(code));
	if (refusal->status == 503)
		refusal_header(refusal, WPS_SPAN("Retry-After"), WPS_SPAN("1"));
}
