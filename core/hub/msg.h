/* SPDX-License-Identifier: MIT */
/*
 * Messages: one immutable, counted copy of what was sent. Only this count is
 * shared by threads.
 */
#ifndef HUB_MSG_H
#define HUB_MSG_H

#include <wps/msg.h>

struct wps_msg *msg_new(const struct wps_msg_view *view);
struct wps_msg *msg_ref(struct wps_msg *msg);
void msg_unref(struct wps_msg *msg);
const struct wps_msg_view *msg_view(const struct wps_msg *msg);

/* When it expires, of clock_ms; 0: never. The time begins when it is made. */
uint64_t msg_expires_ms(const struct wps_msg *msg);

/* Bytes that it holds. */
size_t msg_size(const struct wps_msg *msg);

#endif
