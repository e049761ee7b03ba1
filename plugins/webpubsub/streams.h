/* SPDX-License-Identifier: MIT */
/*
 * Streams of a group: an ordered sequence of fragments from one publisher, with
 * acknowledgements of its own (client-protocols.md, section 15).
 *
 * A connection has a list of its streams. A reliable one remembers those that
 * are closed for a while, so that a publisher who missed the last word and
 * repeats its end after a recovery hears it again.
 */
#ifndef WEBPUBSUB_STREAMS_H
#define WEBPUBSUB_STREAMS_H

#include "worker.h"

#include <sys/queue.h>

#define STREAMS_MAX 128 /* of a connection, closed ones that are remembered too */

LIST_HEAD(streams, stream); /* the newest first */

/* Runs a request of one of the kinds REQUEST_STREAM_*. */
void streams_run(struct worker *worker, struct wps_conn *conn,
    const struct request *request);

/* The connection has ended: so have its streams. */
void streams_cancel(struct worker *worker, struct wps_conn *conn);

#endif
