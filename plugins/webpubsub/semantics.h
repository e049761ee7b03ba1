/* SPDX-License-Identifier: MIT */
/*
 * What a PubSub client's requests do, whatever they are written in
 * (client-protocols.md, sections 6 to 9, 12 and 17).
 */
#ifndef WEBPUBSUB_SEMANTICS_H
#define WEBPUBSUB_SEMANTICS_H

#include "ackmem.h"
#include "reply.h"
#include "streams.h"

/* The state of a PubSub connection: conn_data. An idle one holds nothing else. */
struct session {
	const struct codec *codec;
	struct ackmem *acks; /* owned; NULL: no id is remembered */
	struct streams streams; /* owned */

	/* The event that the application has not answered yet. */
	uint64_t event_ack_id;
	bool event_has_ack;

	uint16_t stream_count;
};

/* Sets the session up and sends `connected`. */
void semantics_open(struct worker *worker, struct wps_conn *conn,
    const struct codec *codec);

/* These are ops of a subprotocol; worker_state is a struct worker. */
void semantics_recv(void *worker_state, struct wps_conn *conn,
    enum wps_frame frame, struct wps_span data);
void semantics_goodbye(void *worker_state, struct wps_conn *conn,
    struct wps_span reason);
void semantics_close(void *worker_state, struct wps_conn *conn);
int semantics_recover(void *worker_state, struct wps_conn *conn,
    const struct wps_handshake *handshake);
/* Pings, acknowledgements and cancels need not wait behind an event. */
bool semantics_urgent(void *worker_state, struct wps_conn *conn,
    enum wps_frame frame, struct wps_span data);
void semantics_resume(void *worker_state, struct wps_conn *conn);

#endif
