/* SPDX-License-Identifier: MIT */
/*
 * Routes: HTTP paths that a plugin serves.
 */
#ifndef WPS_ROUTE_H
#define WPS_ROUTE_H

#include <wps/handshake.h>

struct wps_request; /* one HTTP request, whole with its body */

struct wps_request_view {
	struct wps_span method; /* upper case */
	struct wps_span path;   /* still percent-encoded */
	struct wps_span query;  /* raw; absent without one */
	struct wps_span host;   /* the Host header */
	const struct wps_header *headers;
	size_t header_count;
	struct wps_span body;
};

struct wps_response {
	int status;
	const struct wps_header *headers; /* beside Date, Content-Length, Connection */
	size_t header_count;
	struct wps_span body;
};

struct wps_route {
	uint32_t struct_size;

	/* Paths that begin with it are served; the longest prefix wins. Ends in '/'. */
	const char *prefix;

	/*
	 * [loop] Serves the request: host->respond is called exactly once, before
	 * or after this returns. The request stays valid until then, even when
	 * its caller has gone, or the server has come to
	 * its end: worker_stop must not answer any more. Mandatory.
	 */
	void (*serve)(void *worker_state, struct wps_request *request);
};

#endif
