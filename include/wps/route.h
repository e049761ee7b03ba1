/* SPDX-License-Identifier: MIT */
/*
 * Routes: HTTP paths that a plugin serves.
 *
 * The host has read the whole request, within its limits (wps.conf(5)), before the
 * plugin hears of it; paths of the client endpoint never come here.
 */
#ifndef WPS_ROUTE_H
#define WPS_ROUTE_H

#include <wps/handshake.h>

struct wps_request; /* one HTTP request, whole with its body; lives until
			host->respond */

/* The host makes it; it lives as long as the request. */
struct wps_request_view {
	struct wps_span method; /* upper case */
	struct wps_span path;   /* still percent-encoded; begins with '/'; without
				   the base path (wps.conf(5)) */
	struct wps_span query;  /* raw, without "?"; absent without one */
	struct wps_span host;   /* the Host header */
	const struct wps_header *headers; /* in order, original spelling */
	size_t header_count;
	struct wps_span body;   /* without its chunk framing; may be empty */
	bool secure;            /* it came over TLS */
};

/* The plugin makes it; borrowed during the call. */
struct wps_response {
	int status; /* 200 to 599 (RFC 9110, section 15) */

	/* Beside Date, Content-Length and Transfer-Encoding, which are the
	 * host's. Given ones of these are left out, and so is a field whose name
	 * is no token or whose value holds a line end or another control
	 * character. Above 4 KiB in all the caller gets 500 instead. NULL if
	 * there are none. */
	const struct wps_header *headers;
	size_t header_count;
	struct wps_span body; /* not sent to HEAD, with 204 and with 304 */
};

#define WPS_REFUSAL_HEADERS 4
#define WPS_REFUSAL_ROOM 512

/* An answer of the host's own; the host makes it, with the upper part filled. */
struct wps_refusal {
	int status;
	struct wps_span reason; /* a short text without control characters */

	/* The plugin's words; without headers the host uses its own. */
	struct wps_header headers[WPS_REFUSAL_HEADERS];
	size_t header_count;
	struct wps_span body;
	char room[WPS_REFUSAL_ROOM]; /* where texts may be made */
};

struct wps_route {
	uint32_t struct_size;

	/* Paths that begin with it, byte for byte and before any decoding, are
	 * served; the longest prefix wins. Begins and ends with '/'. Mandatory;
	 * borrowed until fini returns. */
	const char *prefix;

	/*
	 * [loop] Serves the request: host->respond is called exactly once, before
	 * or after this returns, on this worker. The request stays valid until
	 * then, even when its caller has gone; but not beyond the end of the
	 * worker: worker_stop must not answer any more. Mandatory.
	 */
	void (*serve)(void *worker_state, struct wps_request *request);

	/*
	 * [loop] Words what the host answers to a request that it does not give
	 * to the plugin, because it is malformed, too long or too slow: of the
	 * route's paths, or of an unknown path, when this is the first route that
	 * can do it. May be NULL.
	 */
	void (*refuse)(void *worker_state, struct wps_refusal *refusal);
};

#endif
