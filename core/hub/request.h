/* SPDX-License-Identifier: MIT */
/*
 * HTTP requests that plugins serve.
 */
#ifndef HUB_REQUEST_H
#define HUB_REQUEST_H

#include <wps/host.h>

struct http;

/* Gives a whole request to its route, or answers 404. */
void request_serve(struct http *http);

/* Answers a request that was not read to its end, in the words of its route. */
void request_refuse(struct http *http, int status, const char *reason);

/* See the functions of the same name in the host table. */
const struct wps_request_view *request_view(const struct wps_request *request);
struct worker *request_worker(const struct wps_request *request);
void request_authenticate(struct wps_request *request, struct wps_span hub,
    wps_identity_fn done, void *data);
void request_respond(struct wps_request *request,
    const struct wps_response *response);

#endif
