/* SPDX-License-Identifier: MIT */
#include "wellknown.h"

#include "worker.h"

#define PREFIX "/.well-known/"

static const struct wps_header json_headers[] = {
	{ { "Content-Type", 12 }, { "application/json", 16 } },
	{ { "Cache-Control", 13 }, { "max-age=3600", 12 } },
};
static const struct wps_header allow[] = {
	{ { "Allow", 5 }, { "GET, HEAD", 9 } },
};

/* NULL: there is no such document. */
static const struct text *
find_document(const struct jwt_key *key, struct wps_span path)
{
	if (wps_span_eq(path, WPS_SPAN(PREFIX "openid-configuration")))
		return &key->discovery;
	if (wps_span_eq(path, WPS_SPAN(PREFIX "jwks.json")))
		return &key->jwks;
	return NULL;
}

static void
on_serve(void *worker_state, struct wps_request *request)
{
	const struct cloudevents *plugin =
	    ((struct events_worker *)worker_state)->plugin;
	const struct wps_request_view *view = plugin->host->request_view(request);
	const struct text *document = find_document(&plugin->jwt, view->path);
	struct wps_response response = { .status = 404 };

	if (document && !wps_span_eq(view->method, WPS_SPAN("GET")) &&
	    !wps_span_eq(view->method, WPS_SPAN("HEAD")))
		response = (struct wps_response){ .status = 405,
			.headers = allow, .header_count = 1 };
	else if (document)
		response = (struct wps_response){ .status = 200,
			.headers = json_headers, .header_count = 2,
			.body = text_span(document) };
	plugin->host->respond(request, &response);
}

const struct wps_route wellknown_route = {
	.struct_size = sizeof(struct wps_route),
	.prefix = PREFIX,
	.serve = on_serve,
};
