/* SPDX-License-Identifier: MIT */
/*
 * The reading side of a WebSocket: bytes to frames (wslay) to messages.
 *
 * The context of wslay copies at most 4 KiB ahead, so most messages are whole
 * inside it and are given from there; others are put together in a buffer whose
 * size is checked against the limit before it is taken.
 */
#ifndef NET_WSINPUT_H
#define NET_WSINPUT_H

#include "net/ws.h"

/*
 * Parses; calls the functions below. Returns what it left when it had to pause,
 * else nothing.
 */
struct wps_span wsinput_feed(struct ws *ws, struct wps_span bytes);

/* Gives up an unfinished frame or message. */
void wsinput_detach(struct ws *ws);

/* Frees the contexts that a worker keeps. */
void wsinput_pool_fini(struct worker *worker);

/* What ws.c does with what was found. */
void wsinput_message(struct ws *ws, enum wps_frame frame, struct wps_span data);
void wsinput_ping(struct ws *ws, struct wps_span payload);
void wsinput_closed(struct ws *ws, uint16_t code);
void wsinput_fail(struct ws *ws, uint16_t code, const char *reason);
bool wsinput_pauses(const struct ws *ws);

#endif
