/* SPDX-License-Identifier: MIT */
/*
 * The request that asks for a WebSocket (RFC 6455, section 4.1), as plugins see it.
 *
 * The host makes it; a plugin reads it.
 */
#ifndef WPS_HANDSHAKE_H
#define WPS_HANDSHAKE_H

#include <wps/abi.h>

/* A header field (RFC 9110, section 5). An element of arrays: it never grows. */
struct wps_header {
	struct wps_span name, value;
};

/* All of it is borrowed until the call that it was given to returns. */
struct wps_handshake {
	struct wps_span claims; /* JSON text of the token's payload; absent without
				   token, and except in the event connect */
	struct wps_span query;  /* raw, without "?"; absent without one; it may hold
				   the token, so it is never logged */
	const struct wps_header *headers; /* in order, original spelling, secrets too */
	size_t header_count;
	const struct wps_span *subprotocols; /* as offered, in order; 32 at most */
	size_t subprotocol_count;
};

#endif
