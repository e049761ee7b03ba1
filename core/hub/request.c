/* SPDX-License-Identifier: MIT */
#include "hub/request.h"

#include "hub/identity.h"
#include "hub/server.h"
#include "util/alloc.h"
#include "util/attr.h"

#include <stdlib.h>

#define REQUEST_MAGIC 0x77707271u

struct wps_request {
	uint32_t magic;
	struct http *http; /* its answer frees or reuses it */
	struct wps_request_view view;
	struct wps_auth_reply auth;
	wps_identity_fn identified;
	void *data;
};

static void
abandon(struct http *http)
{
	struct wps_request *request = http->exchange;

	request->magic = 0;
	free(request);
}

static struct wps_request *
request_new(struct http *http)
{
	const struct http_request *from = http_request(http);
	struct wps_request *request = xcalloc(1, sizeof(*request));

	request->magic = REQUEST_MAGIC;
	request->http = http;
	http->exchange = request;
	http->abandon = abandon;
	request->view = (struct wps_request_view){
		.method = from->method_text,
		.path = from->path,
		.query = from->query,
		.host = from->host,
		.headers = from->headers,
		.header_count = from->header_count,
		.body = from->body,
		.secure = http_is_secure(http),
	};
	return request;
}

void
request_serve(struct http *http)
{
	struct worker *worker = http_worker(http);
	const struct route *route = points_route(
	    &worker_server(worker)->points, http_request(http)->path);

	if (route == NULL) {
		http_refuse(http, 404, "there is nothing here");
		return;
	}
	route->ops.serve(plugin_state(worker, route->self),
	    request_new(http));
}

/* The route that words a refusal; a path that is not known is any route's. */
static const struct route *
refusing_route(const struct points *points, struct wps_span path)
{
	const struct route *route =
	    path.len ? points_route(points, path) : NULL;

	for (unsigned i = 0; path.len == 0 && i < points->route_count; i++)
		if (route == NULL && points->routes[i].ops.refuse)
			route = &points->routes[i];
	return route && route->ops.refuse ? route : NULL;
}

void
request_refuse(struct http *http, int status, const char *reason)
{
	struct worker *worker = http_worker(http);
	const struct route *route = refusing_route(
	    &worker_server(worker)->points, http_request(http)->path);
	struct wps_refusal refusal;

	memset(&refusal, 0, sizeof(refusal));
	refusal.status = status;
	refusal.reason = wps_span_str(reason);
	if (route)
		route->ops.refuse(plugin_state(worker, route->self), &refusal);
	if (refusal.header_count == 0)
		http_refuse(http, status, reason);
	else
		http_respond(http, status, refusal.headers,
		    refusal.header_count, refusal.body);
}

const struct wps_request_view *
request_view(const struct wps_request *request)
{
	wps_assert(request->magic == REQUEST_MAGIC);
	return &request->view;
}

struct worker *
request_worker(const struct wps_request *request)
{
	wps_assert(request->magic == REQUEST_MAGIC);
	return http_worker(request->http);
}

static void
on_identity(struct wps_auth_reply *reply, int result,
    const struct wps_identity *identity)
{
	struct wps_request *request =
	    container_of(reply, struct wps_request, auth);

	request->identified(request, result, identity, request->data);
}

void
request_authenticate(struct wps_request *request, struct wps_span hub,
    wps_identity_fn done, void *data)
{
	wps_assert(request->magic == REQUEST_MAGIC);
	request->identified = done;
	request->data = data;
	request->auth.done = on_identity;
	identity_ask(http_worker(request->http), &(struct wps_auth_request){
	    .caller = WPS_CALLER_SERVER,
	    .token = identity_bearer(http_request(request->http)),
	    .host = request->view.host,
	    .path = request->view.path,
	    .hub = hub,
	}, &request->auth);
}

void
request_respond(struct wps_request *request,
    const struct wps_response *response)
{
	struct http *http = request->http;

	wps_assert(request->magic == REQUEST_MAGIC);
	http_respond(http, response->status, response->headers,
	    response->header_count, response->body);
	request->magic = 0;
	free(request);
}
