/* SPDX-License-Identifier: MIT */
/*
 * The request that asks for a WebSocket, as plugins see it.
 */
#ifndef WPS_HANDSHAKE_H
#define WPS_HANDSHAKE_H

#include <wps/abi.h>

struct wps_header {
	struct wps_span name, value;
};

/* All of it is borrowed until the call that it was given to returns. */
struct wps_handshake {
	struct wps_span claims; /* JSON text of the token's payload; absent without token */
	struct wps_span query;  /* raw; absent without one */
	const struct wps_header *headers; /* in order, original spelling */
	size_t header_count;
	const struct wps_span *subprotocols; /* as offered, in order */
	size_t subprotocol_count;
};

#endif
