/* SPDX-License-Identifier: MIT */
/*
 * Invocations: user events whose answers have names, so that several of one
 * connection may be on their way at once.
 *
 * Up to INVOKE_RUNNING of them are. Further ones wait, as copies, and go in their
 * order; behind the hub's limits of waiting messages the connection's messages
 * wait in its transport.
 */
#ifndef HUB_INVOKE_H
#define HUB_INVOKE_H

#include <wps/host.h>

#define INVOKE_RUNNING 16

/* See host.conn_invoke and host.conn_cancel. */
int invoke_start(struct wps_conn *conn, struct wps_span id,
    const struct wps_event *event, wps_invoke_fn done);
int invoke_cancel(struct wps_conn *conn, struct wps_span id);

/* All of the connection. */
void invoke_cancel_all(struct wps_conn *conn);

/* Whether there is one without its answer. */
bool invoke_is_busy(const struct wps_conn *conn);

/* Whether no more may wait. */
bool invoke_is_full(const struct wps_conn *conn);

/* What the connection keeps for them; there are none any more. */
void invoke_free(struct wps_conn *conn);

#endif
