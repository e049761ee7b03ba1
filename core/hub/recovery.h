/* SPDX-License-Identifier: MIT */
/*
 * Recovery: a client that lost its transport asks for its connection again
 * (client-protocols.md, section 13.5).
 *
 * The worker that the connection id names decides; the transport is handed to
 * it. A refused client must see close code 1008 on an upgraded connection.
 */
#ifndef HUB_RECOVERY_H
#define HUB_RECOVERY_H

#include <wps/span.h>

struct http;

/* `id` and `fallback`, the subprotocol of a refusal, live in the request. */
void recovery_begin(struct http *http, struct wps_span hub, struct wps_span id,
    struct wps_span fallback);

#endif
