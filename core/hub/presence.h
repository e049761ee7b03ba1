/* SPDX-License-Identifier: MIT */
/*
 * Presence: the application hears who joins and leaves a group.
 *
 * Membership changes wherever commands run, where no plugin may be called: the
 * changes of a connection are noted in their order and told at the end of the
 * turn, or before whatever else the application hears of the connection.
 *
 * A hub in which nobody wants them pays one look at a flag for each change.
 */
#ifndef HUB_PRESENCE_H
#define HUB_PRESENCE_H

#include <wps/span.h>

#include <stdbool.h>

struct shard;
struct wps_conn;

/* Asks the upstreams, once for each shard. Before its first connection joins. */
void presence_ask(struct shard *shard);

/* The connection is in a group in which it was not before, or was until now. */
void presence_note(struct wps_conn *conn, bool joined, struct wps_span group);

/* Tells what is noted, now. */
void presence_flush(struct wps_conn *conn);

#endif
