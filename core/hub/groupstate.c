/* SPDX-License-Identifier: MIT */
#include "hub/groupstate.h"

#include "hub/conn.h"
#include "hub/delivery.h"
#include "hub/gathering.h"
#include "hub/msg.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/bits.h"
#include "util/clock.h"

#include <stdlib.h>

struct conn_states {
	uint64_t updated_ms; /* of its last change, in any group */
	struct state_entry **entries; /* owned */
	size_t count, cap;
};

/* --- entries ---------------------------------------------------------------- */

static struct conn_states *
states_of(struct wps_conn *conn)
{
	if (conn->states == NULL)
		conn->states = xcalloc(1, sizeof(*conn->states));
	return conn->states;
}

/* NULL when there is none. */
static struct state_entry *
entry_find(const struct wps_conn *conn, const struct membership *membership)
{
	return membership && membership->state ?
	    conn->states->entries[membership->state - 1] : NULL;
}

static void
group_add(struct state_entry *entry)
{
	struct named *group = entry->group;

	if (group->states == NULL)
		group->states = xcalloc(1, sizeof(*group->states));
	LIST_INSERT_HEAD(entry->watches ? &group->states->watchers :
	    &group->states->others, entry, link);
}

static void
group_remove(struct state_entry *entry)
{
	struct named *group = entry->group;

	LIST_REMOVE(entry, link);
	if (!LIST_EMPTY(&group->states->watchers) ||
	    !LIST_EMPTY(&group->states->others))
		return;
	free(group->states);
	group->states = NULL;
}

static struct state_entry *
entry_get(struct wps_conn *conn, struct membership *membership)
{
	struct state_entry *entry = entry_find(conn, membership);

	if (entry)
		return entry;
	struct conn_states *states = states_of(conn);
	entry = xcalloc(1, sizeof(*entry));
	entry->conn = conn;
	entry->group = membership->group;
	entry->membership = (uint32_t)(membership - conn->groups);
	entry->at = (uint32_t)states->count;
	group_add(entry);
	states->entries = xgrow(states->entries, states->count, &states->cap,
	    sizeof(struct state_entry *));
	states->entries[states->count++] = entry;
	membership->state = (uint32_t)states->count;
	return entry;
}

/* The connection's last one takes its place. */
static void
entry_free(struct state_entry *entry)
{
	struct wps_conn *conn = entry->conn;
	struct conn_states *states = conn->states;
	struct state_entry *last = states->entries[--states->count];

	states->entries[entry->at] = last;
	last->at = entry->at;
	conn->groups[last->membership].state = last->at + 1;
	conn->groups[entry->membership].state = 0;
	group_remove(entry);
	free(entry);
}

static void
entry_free_if_idle(struct state_entry *entry)
{
	if (entry->state == NULL && !entry->watches)
		entry_free(entry);
}

void
groupstate_moved(struct wps_conn *conn, const struct membership *membership)
{
	struct state_entry *entry = entry_find(conn, membership);

	if (entry)
		entry->membership = (uint32_t)(membership - conn->groups);
}

void
groupstate_free(struct wps_conn *conn)
{
	if (conn->states == NULL)
		return;
	wps_assert(conn->states->count == 0);
	free(conn->states->entries);
	free(conn->states);
	conn->states = NULL;
}

/* --- changes ------------------------------------------------------------------ */

/* A change on its way to the watchers of one worker. */
struct change {
	struct mail mail;
	struct hub *hub;
	uint64_t name_hash; /* of the group */
	unsigned from;      /* worker */
	struct wps_msg *msg; /* counted */
};

/* A push may close its receiver, which is then in no list any more. */
static void
tell_watchers(struct worker *worker, const struct named *group,
    const struct change *change)
{
	struct state_entry *entry = LIST_FIRST(&group->states->watchers), *next;
	struct delivery delivery;

	delivery_init(&delivery, worker, msg_view(change->msg), 0);
	for (; entry; entry = next) {
		next = LIST_NEXT(entry, link);
		if (entry->gathering)
			gathering_hold(entry, change->msg, change->from);
		else
			(void)delivery_push(&delivery, entry->conn);
	}
	delivery_fini(&delivery);
}

static void
take_change(struct worker *worker, struct mail *mail)
{
	struct change *change = container_of(mail, struct change, mail);
	const struct shard *shard = shard_find(change->hub, worker);
	const struct named *group = shard && !worker->stopped ?
	    shard_group(shard, msg_view(change->msg)->group,
	    change->name_hash) : NULL;

	if (group && group->states)
		tell_watchers(worker, group, change);
	msg_unref(change->msg);
	free(change);
}

static void
announce(const struct state_entry *entry, struct wps_msg *msg)
{
	const struct worker *worker = entry->conn->worker;
	struct hub *hub = entry->conn->shard->hub;
	uint64_t hash = entry->group->node.hash;
	uint64_t workers = hub_hint_group(hub, hash);

	while (workers) {
		struct worker *peer = worker->peers[bits_take(&workers)];
		struct change *change = xcalloc(1, sizeof(*change));
		change->mail.run = take_change;
		change->mail.bytes = sizeof(*change) + msg_size(msg);
		change->hub = hub;
		change->name_hash = hash;
		change->from = worker->index;
		change->msg = msg_ref(msg);
		worker_post(peer, &change->mail);
	}
}

/* Strictly growing, whatever is done to the clock. */
static uint64_t
next_update_ms(struct conn_states *states)
{
	uint64_t now_ms = clock_wall_ms();

	states->updated_ms = now_ms > states->updated_ms ? now_ms :
	    states->updated_ms + 1;
	return states->updated_ms;
}

static struct wps_msg *
update_new(struct wps_conn *conn, const struct named *group,
    const struct wps_state *what)
{
	struct wps_state item = *what;
	const struct wps_states states = { .items = &item, .count = 1 };

	item.conn = conn->view.id;
	item.user = conn->view.user;
	item.updated_ms = next_update_ms(states_of(conn));
	return msg_new(&(struct wps_msg_view){
		.from = WPS_FROM_GROUP,
		.group = { group->name, group->len },
		.states = &states,
	});
}

int
groupstate_set(struct wps_conn *conn, struct wps_span group,
    const struct wps_pair *entries, size_t count)
{
	worker_drain(conn->worker);
	struct membership *membership = shard_membership(conn, group);
	if (membership == NULL)
		return WPS_NOT_FOUND;
	struct wps_msg *msg = update_new(conn, membership->group,
	    &(struct wps_state){ .entries = entries, .entry_count = count });
	if (msg == NULL)
		return WPS_ENOMEM;
	struct state_entry *entry = entry_get(conn, membership);
	msg_unref(entry->state);
	entry->state = msg;
	announce(entry, msg);
	return WPS_OK;
}

static void
clear(struct state_entry *entry)
{
	if (entry->state == NULL)
		return;
	struct wps_msg *msg = update_new(entry->conn, entry->group,
	    &(struct wps_state){ .cleared = true });
	wps_assert(msg != NULL); /* some names */
	announce(entry, msg);
	msg_unref(msg);
	msg_unref(entry->state);
	entry->state = NULL;
}

int
groupstate_clear(struct wps_conn *conn, struct wps_span group)
{
	worker_drain(conn->worker);
	const struct membership *membership = shard_membership(conn, group);
	struct state_entry *entry = entry_find(conn, membership);
	if (entry) {
		clear(entry);
		entry_free_if_idle(entry);
	}
	return membership ? WPS_OK : WPS_NOT_FOUND;
}

/* --- watching ---------------------------------------------------------------------- */

static void
set_watching(struct state_entry *entry, bool on)
{
	if (entry->watches == on)
		return;
	LIST_REMOVE(entry, link);
	entry->watches = on;
	group_add(entry);
}

int
groupstate_watch(struct wps_conn *conn, struct wps_span group)
{
	worker_drain(conn->worker);
	struct membership *membership = shard_membership(conn, group);
	if (membership == NULL)
		return WPS_NOT_FOUND;
	struct state_entry *entry = entry_get(conn, membership);
	set_watching(entry, true);
	if (entry->gathering)
		entry->again = true;
	else
		gathering_begin(entry);
	return WPS_OK;
}

static void
unwatch(struct state_entry *entry)
{
	set_watching(entry, false);
	entry->again = false;
	gathering_drop(entry);
}

void
groupstate_unwatch(struct wps_conn *conn, struct wps_span group)
{
	worker_drain(conn->worker);
	struct state_entry *entry =
	    entry_find(conn, shard_membership(conn, group));
	if (entry) {
		unwatch(entry);
		entry_free_if_idle(entry);
	}
}

void
groupstate_leave(struct wps_conn *conn, const struct membership *membership)
{
	struct state_entry *entry = entry_find(conn, membership);

	if (entry == NULL)
		return;
	unwatch(entry);
	clear(entry);
	entry_free(entry);
}

/* --- records ----------------------------------------------------------------------- */

size_t
groupstate_count(const struct wps_conn *conn)
{
	return conn->states ? conn->states->count : 0;
}

struct groupstate_entry
groupstate_at(const struct wps_conn *conn, size_t i)
{
	const struct state_entry *entry = conn->states->entries[i];

	return (struct groupstate_entry){
		.group = { entry->group->name, entry->group->len },
		.state = entry->state,
		.watches = entry->watches,
	};
}

uint64_t
groupstate_updated_ms(const struct wps_conn *conn)
{
	return conn->states ? conn->states->updated_ms : 0;
}

bool
groupstate_awaits(const struct wps_conn *conn)
{
	for (size_t i = 0; i < groupstate_count(conn); i++)
		if (conn->states->entries[i]->gathering)
			return true;
	return false;
}

void
groupstate_restore(struct wps_conn *conn, const struct groupstate_entry *given)
{
	struct membership *membership = shard_membership(conn, given->group);

	wps_assert(membership != NULL);
	struct state_entry *entry = entry_get(conn, membership);
	entry->state = given->state;
	set_watching(entry, given->watches);
}

void
groupstate_restore_updated_ms(struct wps_conn *conn, uint64_t updated_ms)
{
	if (updated_ms > 0)
		states_of(conn)->updated_ms = updated_ms;
}
