/* SPDX-License-Identifier: MIT */
/*
 * Shards: what one worker owns of one hub.
 *
 * Connections by id, groups and users by name, each a set of connections of
 * this worker. Only the worker touches it, so nothing is locked. A group or user
 * exists while it has members: the first join creates it, the last leave frees
 * it, and with it goes the worker's bit in the hub's hint of that name.
 */
#ifndef HUB_SHARD_H
#define HUB_SHARD_H

#include "hub/hub.h"
#include "hub/members.h"
#include "util/htab.h"

#include <wps/span.h>

struct group_states;
struct worker;
struct wps_conn;

/* A named set of connections: a group, or all connections of a user. */
struct named {
	struct htab_node node; /* in `groups` or `users` */
	struct members members;
	struct group_states *states; /* of a group; NULL: none, see groupstate.h */
	size_t len;
	char name[];
};

/* A connection's membership in one group. */
struct membership {
	struct named *group;
	uint32_t at; /* its place there */
	uint32_t state; /* of its entry, see groupstate.h, from 1; 0: none */
};

struct shard {
	struct hub *hub;
	struct worker *worker;
	struct members all;
	struct htab by_id, groups, users;
	uint32_t named[HUB_HINTS]; /* groups and users by bucket of the hint */
	uint32_t epoch; /* of the marks of left-out connections */
	bool presence_asked, presence; /* whether the application may want it */
	bool unhandled; /* an event that no upstream wants has been logged */
};

/* The worker's shard of a hub; made at the first call. */
struct shard *shard_get(struct hub *hub, struct worker *worker);

/* NULL when this worker has none of that hub. */
struct shard *shard_find(const struct hub *hub, const struct worker *worker);

/* All its connections must have left. Accepts NULL, leaves NULL. */
void shard_free(struct shard **shard);

struct wps_conn *shard_conn(const struct shard *shard, struct wps_span id);

/* NULL when there is no member here. */
struct named *shard_group(const struct shard *shard, struct wps_span name,
    uint64_t hash);
struct named *shard_user(const struct shard *shard, struct wps_span id,
    uint64_t hash);

/* A connection enters (with its id and user), and leaves with all its groups. */
void shard_enter(struct shard *shard, struct wps_conn *conn);
void shard_leave(struct shard *shard, struct wps_conn *conn);

/* WPS_OK, also for a member; WPS_FULL at the connection's limit of groups. */
int shard_join(struct shard *shard, struct wps_conn *conn,
    struct wps_span group);
/* WPS_OK; WPS_NOT_FOUND when it is no member. */
int shard_part(struct shard *shard, struct wps_conn *conn,
    struct wps_span group);
/* NULL when it is no member; until the connection next joins or leaves. */
struct membership *shard_membership(const struct wps_conn *conn,
    struct wps_span group);
bool shard_is_member(const struct shard *shard, const struct wps_conn *conn,
    struct wps_span group);
void shard_part_all(struct shard *shard, struct wps_conn *conn);

#endif
