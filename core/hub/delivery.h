/* SPDX-License-Identifier: MIT */
/*
 * A message on its way to connections of one worker.
 *
 * The first receiver of each subprotocol makes the body; all others of this
 * worker share it. What differs per receiver is inserted by the subprotocol.
 */
#ifndef HUB_DELIVERY_H
#define HUB_DELIVERY_H

#include "hub/points.h"

struct body;
struct worker;
struct wps_conn;

enum delivery_body {
	DELIVERY_UNMADE = 0,
	DELIVERY_MADE,
	DELIVERY_DECLINED, /* such clients do not get it, or it failed */
};

struct delivery {
	struct worker *worker;
	const struct wps_msg_view *msg;
	uint64_t expires_ms;                   /* of its bodies; 0: never */
	struct body *bodies[SUBPROTOCOLS_MAX]; /* owned */
	uint8_t states[SUBPROTOCOLS_MAX];      /* enum delivery_body */
};

void delivery_init(struct delivery *delivery, struct worker *worker,
    const struct wps_msg_view *msg, uint64_t expires_ms);
void delivery_fini(struct delivery *delivery);

/* WPS_OK; WPS_DECLINED; WPS_FULL: it is being closed as a slow client. */
int delivery_push(struct delivery *delivery, struct wps_conn *conn);

/* What encode calls, see host.body_make and host.body_insert. */
char *delivery_body_make(struct wps_body *body, enum wps_frame frame,
    size_t len);
void delivery_body_insert(struct wps_body *body, unsigned slot, size_t offset);

/* Bytes for one connection alone, see host.conn_send. */
int delivery_send(struct wps_conn *conn, enum wps_frame frame,
    struct wps_span data);

/* A message for one connection alone, see host.conn_deliver. */
int delivery_deliver(struct wps_conn *conn, const struct wps_msg_view *msg);

/* Sends again what a recovered client has not acknowledged. */
void delivery_replay(struct wps_conn *conn);

#endif
