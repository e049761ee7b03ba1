/* SPDX-License-Identifier: MIT */
/*
 * Sets of connections: all of a shard, those of a group, those of a user.
 *
 * A set is an array of pointers, so that a fan-out is a linear walk. Each
 * connection remembers its place in each set it is in (`back` says where), so
 * leaving is O(1): the last one takes the place of the one that leaves. A walk
 * from the end to the start stays valid when the visited connection leaves.
 */
#ifndef HUB_MEMBERS_H
#define HUB_MEMBERS_H

#include <stdint.h>

struct wps_conn;

struct member {
	struct wps_conn *conn; /* borrowed: it leaves before it is freed */
	uint32_t back;         /* of a group: index in the connection's list */
};

struct members {
	struct member *items; /* owned */
	uint32_t count, cap;
};

/* Returns the place. */
uint32_t members_add(struct members *set, struct wps_conn *conn, uint32_t back);

/* Takes out the one at a place; the one that took its place, or NULL. */
const struct member *members_remove(struct members *set, uint32_t at);

void members_fini(struct members *set);

#endif
