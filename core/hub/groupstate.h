/* SPDX-License-Identifier: MIT */
/*
 * Group state: what members say about themselves, and who wants to hear it
 * (client-protocols.md, section 17).
 *
 * A connection has an entry for each group in which it has a state, watches, or
 * both. The entry goes with the membership. A state is the message that told of
 * it, so nothing is copied for those who ask later.
 *
 * A change is mail to every worker that may have members, the own one included:
 * nothing is pushed in the midst of the command that has caused it.
 *
 * Who begins to watch asks each of these workers for its states, by mail that
 * comes back behind all changes that the answer has seen. So until the answer of
 * a worker is there its changes are dropped, and those behind it wait for the
 * snapshot: a watcher gets every change once, in the snapshot or after it.
 */
#ifndef HUB_GROUPSTATE_H
#define HUB_GROUPSTATE_H

#include <wps/msg.h>

#include <stdint.h>

struct membership;
struct wps_conn;

#define GROUPSTATE_SNAPSHOT 200 /* states of a snapshot at most */

/* See host.conn_state_set and the functions behind it. */
int groupstate_set(struct wps_conn *conn, struct wps_span group,
    const struct wps_pair *entries, size_t count);
int groupstate_clear(struct wps_conn *conn, struct wps_span group);
int groupstate_watch(struct wps_conn *conn, struct wps_span group);
void groupstate_unwatch(struct wps_conn *conn, struct wps_span group);

/* The membership ends, while the group is still hinted; the membership has moved
 * in the connection's list. */
void groupstate_leave(struct wps_conn *conn, const struct membership *membership);
void groupstate_moved(struct wps_conn *conn, const struct membership *membership);

/* What a record knows of a membership. */
struct groupstate_entry {
	struct wps_span group;
	struct wps_msg *state; /* NULL: none */
	bool watches;
};

/* All that there are; borrowed. */
size_t groupstate_count(const struct wps_conn *conn);
struct groupstate_entry groupstate_at(const struct wps_conn *conn, size_t i);
/* When the connection changed a state last; 0: never. */
uint64_t groupstate_updated_ms(const struct wps_conn *conn);
/* Whether a snapshot is on its way. */
bool groupstate_awaits(const struct wps_conn *conn);

/* A member is as it was: nobody hears of it. Takes the reference to the state. */
void groupstate_restore(struct wps_conn *conn,
    const struct groupstate_entry *entry);
void groupstate_restore_updated_ms(struct wps_conn *conn, uint64_t updated_ms);

/* Of a connection that is in no group any more. */
void groupstate_free(struct wps_conn *conn);

#endif
