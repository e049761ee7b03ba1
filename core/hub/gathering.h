/* SPDX-License-Identifier: MIT */
/*
 * Snapshots of a group's states, gathered from all workers.
 *
 * Each worker that may have members is asked, the own one too, by mail; its
 * answer comes back behind all changes that it has made before. So until the
 * answer of a worker is there its changes are dropped, and what comes behind it,
 * or from a worker that was not asked, is held. When all have answered, the
 * snapshot goes out and then what is held: a watcher gets every change once, in
 * the snapshot or behind it.
 */
#ifndef HUB_GATHERING_H
#define HUB_GATHERING_H

struct state_entry;
struct wps_msg;

#define GATHERING_STATES 200 /* of a snapshot at most */

/* For an entry that has none. */
void gathering_begin(struct state_entry *entry);

/* A change that a worker tells of. At the limits of the client's queue the
 * connection is closed, and the entry is gone. */
void gathering_hold(struct state_entry *entry, struct wps_msg *msg,
    unsigned from);

/* Nobody waits for it any more. Accepts an entry without one. */
void gathering_drop(struct state_entry *entry);

#endif
