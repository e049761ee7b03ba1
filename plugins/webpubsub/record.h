/* SPDX-License-Identifier: MIT */
/*
 * Sessions and streams as bytes: the subprotocols' part of a connection's record.
 *
 *   version
 *   count of ack ids, ack id...      the oldest first
 *   stream...                        the newest first
 *
 * A stream is id, group, state, no_echo, idle time, what is left of it (of one
 * that is closed: of the memory of it), expected fragment, outcome. Numbers and
 * lengths are as lib/pack.h writes them. The answer to an event is not in it: a
 * connection is not written down while one is pending.
 */
#ifndef WEBPUBSUB_RECORD_H
#define WEBPUBSUB_RECORD_H

#include "reply.h"

/* See wps_subprotocol.save; worker_state is a struct worker. WPS_PENDING while
 * fragments of this turn are to be acknowledged. */
int session_save(void *worker_state, struct wps_conn *conn,
    struct wps_record *record);

/* See wps_subprotocol.restore. */
int session_restore(struct worker *worker, struct wps_conn *conn,
    const struct codec *codec, struct wps_span bytes);

#endif
