/* SPDX-License-Identifier: MIT */
#include "hub/shard.h"

#include "hub/conn.h"
#include "hub/groupstate.h"
#include "hub/presence.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/hash.h"

#include <stdlib.h>

/* --- life ------------------------------------------------------------------ */

struct shard *
shard_find(const struct hub *hub, const struct worker *worker)
{
	return hub->shards[worker->index];
}

struct shard *
shard_get(struct hub *hub, struct worker *worker)
{
	struct shard **shard = &hub->shards[worker->index];

	if (*shard == NULL) {
		*shard = xcalloc(1, sizeof(**shard));
		(*shard)->hub = hub;
		(*shard)->worker = worker;
	}
	return *shard;
}

void
shard_free(struct shard **shard)
{
	struct shard *s = *shard;

	if (s == NULL)
		return;
	members_fini(&s->all);
	htab_fini(&s->by_id);
	htab_fini(&s->groups);
	htab_fini(&s->users);
	free(s);
	*shard = NULL;
}

/* --- named sets ------------------------------------------------------------- */

static uint64_t
bit_of(const struct shard *shard)
{
	return UINT64_C(1) << shard->worker->index;
}

static void
hint_set(struct shard *shard, unsigned bucket)
{
	if (shard->named[bucket]++ == 0)
		atomic_fetch_or(&shard->hub->hints[bucket], bit_of(shard));
}

static void
hint_clear(struct shard *shard, unsigned bucket)
{
	if (--shard->named[bucket] == 0)
		atomic_fetch_and(&shard->hub->hints[bucket], ~bit_of(shard));
}

static struct named *
named_find(const struct htab *tab, struct wps_span name, uint64_t hash)
{
	struct htab_node *node = htab_first(tab, hash);

	for (; node; node = htab_next(node)) {
		struct named *named = container_of(node, struct named, node);
		if (wps_span_eq(name,
		    (struct wps_span){ named->name, named->len }))
			return named;
	}
	return NULL;
}

static struct named *
named_new(struct htab *tab, struct wps_span name, uint64_t hash)
{
	struct named *named = xcalloc(1, sizeof(*named) + name.len);

	named->len = name.len;
	if (name.len > 0)
		memcpy(named->name, name.data, name.len);
	htab_add(tab, &named->node, hash);
	return named;
}

static void
named_free(struct htab *tab, struct named *named)
{
	htab_remove(tab, &named->node);
	members_fini(&named->members);
	free(named);
}

struct named *
shard_group(const struct shard *shard, struct wps_span name, uint64_t hash)
{
	return named_find(&shard->groups, name, hash);
}

struct named *
shard_user(const struct shard *shard, struct wps_span id, uint64_t hash)
{
	return named_find(&shard->users, id, hash);
}

/* --- connections -------------------------------------------------------------- */

struct wps_conn *
shard_conn(const struct shard *shard, struct wps_span id)
{
	struct htab_node *node = htab_first(&shard->by_id, hash_bytes(id));

	for (; node; node = htab_next(node)) {
		struct wps_conn *conn =
		    container_of(node, struct wps_conn, by_id);
		if (wps_span_eq(id, conn->view.id))
			return conn;
	}
	return NULL;
}

static void
enter_user(struct shard *shard, struct wps_conn *conn)
{
	uint64_t hash = hash_bytes(conn->view.user);
	struct named *user = shard_user(shard, conn->view.user, hash);

	if (user == NULL) {
		user = named_new(&shard->users, conn->view.user, hash);
		hint_set(shard, hub_bucket_user(hash));
	}
	conn->user = user;
	conn->user_at = members_add(&user->members, conn, 0);
}

static void
leave_user(struct shard *shard, struct wps_conn *conn)
{
	struct named *user = conn->user;
	const struct member *moved =
	    members_remove(&user->members, conn->user_at);

	if (moved)
		moved->conn->user_at = conn->user_at;
	conn->user = NULL;
	if (user->members.count > 0)
		return;
	hint_clear(shard, hub_bucket_user(user->node.hash));
	named_free(&shard->users, user);
}

void
shard_enter(struct shard *shard, struct wps_conn *conn)
{
	htab_add(&shard->by_id, &conn->by_id, hash_bytes(conn->view.id));
	conn->all_at = members_add(&shard->all, conn, 0);
	if (shard->all.count == 1)
		atomic_fetch_or(&shard->hub->present, bit_of(shard));
	if (conn->view.user.data)
		enter_user(shard, conn);
}

void
shard_leave(struct shard *shard, struct wps_conn *conn)
{
	shard_part_all(shard, conn);
	if (conn->user)
		leave_user(shard, conn);
	htab_remove(&shard->by_id, &conn->by_id);
	const struct member *moved = members_remove(&shard->all, conn->all_at);
	if (moved)
		moved->conn->all_at = conn->all_at;
	if (shard->all.count == 0)
		atomic_fetch_and(&shard->hub->present, ~bit_of(shard));
}

/* --- groups -------------------------------------------------------------------- */

/* The place in the connection's list: the shorter of the two lists is searched. */
static struct membership *
membership_find(const struct wps_conn *conn, const struct named *group)
{
	const struct members *members = &group->members;

	if (members->count < conn->group_count) {
		for (uint32_t i = 0; i < members->count; i++)
			if (members->items[i].conn == conn)
				return &conn->groups[members->items[i].back];
		return NULL;
	}
	for (uint32_t i = 0; i < conn->group_count; i++)
		if (conn->groups[i].group == group)
			return &conn->groups[i];
	return NULL;
}

static void
membership_add(struct wps_conn *conn, struct named *group)
{
	size_t cap = conn->group_cap;

	conn->groups = xgrow(conn->groups, conn->group_count, &cap,
	    sizeof(*conn->groups));
	conn->group_cap = (uint32_t)cap;
	conn->groups[conn->group_count] = (struct membership){
		.group = group,
		.at = members_add(&group->members, conn, conn->group_count),
	};
	conn->group_count++;
}

/* The last one takes its place, in both lists. */
static void
membership_remove(struct shard *shard, struct wps_conn *conn,
    struct membership *membership)
{
	struct named *group = membership->group;

	groupstate_leave(conn, membership);
	const struct member *moved =
	    members_remove(&group->members, membership->at);

	presence_note(conn, false,
	    (struct wps_span){ group->name, group->len });
	if (moved)
		moved->conn->groups[moved->back].at = membership->at;
	struct membership *last = &conn->groups[--conn->group_count];
	if (membership != last) {
		*membership = *last;
		membership->group->members.items[membership->at].back =
		    (uint32_t)(membership - conn->groups);
		groupstate_moved(conn, membership);
	}
	if (group->members.count > 0)
		return;
	hint_clear(shard, hub_bucket_group(group->node.hash));
	named_free(&shard->groups, group);
}

int
shard_join(struct shard *shard, struct wps_conn *conn, struct wps_span name)
{
	uint64_t hash = hash_bytes(name);
	struct named *group = shard_group(shard, name, hash);

	if (group && membership_find(conn, group))
		return WPS_OK;
	if (conn->group_count >= shard->hub->options.groups_per_conn)
		return WPS_FULL;
	if (group == NULL) {
		group = named_new(&shard->groups, name, hash);
		hint_set(shard, hub_bucket_group(hash));
	}
	membership_add(conn, group);
	presence_note(conn, true, name);
	return WPS_OK;
}

int
shard_part(struct shard *shard, struct wps_conn *conn, struct wps_span name)
{
	struct named *group = shard_group(shard, name, hash_bytes(name));
	struct membership *membership =
	    group ? membership_find(conn, group) : NULL;

	if (membership == NULL)
		return WPS_NOT_FOUND;
	membership_remove(shard, conn, membership);
	return WPS_OK;
}

struct membership *
shard_membership(const struct wps_conn *conn, struct wps_span name)
{
	const struct named *group =
	    shard_group(conn->shard, name, hash_bytes(name));

	return group ? membership_find(conn, group) : NULL;
}

bool
shard_is_member(const struct shard *shard, const struct wps_conn *conn,
    struct wps_span name)
{
	const struct named *group = shard_group(shard, name, hash_bytes(name));

	return group && membership_find(conn, group);
}

void
shard_part_all(struct shard *shard, struct wps_conn *conn)
{
	while (conn->group_count > 0)
		membership_remove(shard, conn,
		    &conn->groups[conn->group_count - 1]);
	free(conn->groups);
	conn->groups = NULL;
	conn->group_cap = 0;
}
