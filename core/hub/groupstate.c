/* SPDX-License-Identifier: MIT */
#include "hub/groupstate.h"

#include "hub/conn.h"
#include "hub/delivery.h"
#include "hub/list.h"
#include "hub/msg.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/clock.h"

#include <stdlib.h>

struct gathering;

/* A member that has a state, watches, or both. */
struct state_entry {
	LIST_ENTRY(state_entry) in_group;
	struct wps_conn *conn;       /* borrowed */
	struct named *group;         /* borrowed */
	struct wps_msg *state;       /* counted; the update that told of it */
	struct gathering *gathering; /* a snapshot is awaited */
	uint32_t at;         /* its place in the connection's entries */
	uint32_t membership; /* and in the connection's groups */
	bool watches;
	bool again; /* behind the awaited snapshot comes another one */
};

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

static struct state_entry *
entry_get(struct wps_conn *conn, struct membership *membership)
{
	struct state_entry *entry = entry_find(conn, membership);
	struct conn_states *states = states_of(conn);

	if (entry)
		return entry;
	entry = xcalloc(1, sizeof(*entry));
	entry->conn = conn;
	entry->group = membership->group;
	entry->membership = (uint32_t)(membership - conn->groups);
	entry->at = (uint32_t)states->count;
	LIST_INSERT_HEAD(&membership->group->states, entry, in_group);
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
	LIST_REMOVE(entry, in_group);
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

/* --- gatherings --------------------------------------------------------------- */

/* The states of one worker's members. */
struct part {
	struct mail mail;
	struct list link;
	struct gathering *gathering;
	unsigned from; /* worker */
	size_t count;
	struct wps_msg *states[]; /* counted */
};

/* A change that came while the snapshot is awaited. */
struct held {
	struct list link;
	struct wps_msg *msg; /* counted */
	unsigned from;       /* worker */
};

/* A snapshot on its way; it lives until every worker has answered. */
struct gathering {
	struct state_entry *entry; /* NULL: nobody waits for it any more */
	uint64_t awaited;  /* workers, a bit each */
	struct list parts; /* owned */
	struct list held;  /* owned */
	struct sender_limits used; /* by what is held */
};

static void
part_free(struct part *part)
{
	for (size_t i = 0; i < part->count; i++)
		msg_unref(part->states[i]);
	free(part);
}

static void
free_parts(struct gathering *gathering)
{
	for (struct list *link; (link = list_take(&gathering->parts));)
		part_free(container_of(link, struct part, link));
}

static void
held_free(struct gathering *gathering, struct held *held)
{
	list_remove(&held->link);
	gathering->used.items--;
	gathering->used.bytes -= msg_size(held->msg);
	msg_unref(held->msg);
	free(held);
}

static struct held *
first_held(const struct gathering *gathering)
{
	return list_empty(&gathering->held) ? NULL :
	    container_of(gathering->held.next, struct held, link);
}

/* What this worker said before its answer is in the answer. */
static void
drop_held_from(struct gathering *gathering, unsigned from)
{
	struct list *link = gathering->held.next;

	while (link != &gathering->held) {
		struct held *held = container_of(link, struct held, link);
		link = link->next;
		if (held->from == from)
			held_free(gathering, held);
	}
}

/* Nobody waits for it; the answers that are still to come free it. */
static void
gathering_drop(struct gathering *gathering)
{
	gathering->entry = NULL;
	free_parts(gathering);
	for (struct held *held; (held = first_held(gathering));)
		held_free(gathering, held);
}

/* As many as may wait for the client's socket may wait here. */
static void
hold(struct state_entry *entry, struct wps_msg *msg, unsigned from)
{
	const struct sender_limits *limits =
	    &entry->conn->shard->hub->options.ws.out;
	struct gathering *gathering = entry->gathering;

	if (gathering->used.items >= limits->items ||
	    gathering->used.bytes >= limits->bytes) {
		conn_overflow(entry->conn, "slow consumer");
		return;
	}
	struct held *held = xcalloc(1, sizeof(*held));
	held->msg = msg_ref(msg);
	held->from = from;
	list_add(&gathering->held, &held->link);
	gathering->used.items++;
	gathering->used.bytes += msg_size(msg);
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
	struct state_entry *entry = LIST_FIRST(&group->states), *next;
	struct delivery delivery;

	delivery_init(&delivery, worker, msg_view(change->msg), 0);
	for (; entry; entry = next) {
		next = LIST_NEXT(entry, in_group);
		if (entry->gathering)
			hold(entry, change->msg, change->from);
		else if (entry->watches)
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

	if (group)
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

	for (unsigned i = 0; workers >> i; i++) {
		if (!(workers >> i & 1))
			continue;
		struct change *change = xcalloc(1, sizeof(*change));
		change->mail.run = take_change;
		change->mail.bytes = sizeof(*change) + msg_size(msg);
		change->hub = hub;
		change->name_hash = hash;
		change->from = worker->index;
		change->msg = msg_ref(msg);
		worker_post(worker->peers[i], &change->mail);
	}
}

static struct wps_span
name_of(const struct named *group)
{
	return (struct wps_span){ group->name, group->len };
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
		.group = name_of(group),
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

/* --- the workers' answers -------------------------------------------------------- */

/* To each worker that may have members. */
struct question {
	struct mail mail;
	struct hub *hub;
	uint64_t name_hash;
	struct worker *asker;
	struct gathering *gathering; /* the asker's */
	size_t len;
	char name[];
};

/* The first ones by their ids. */
static struct part *
part_new(const struct shard *shard, const struct named *group)
{
	const struct wps_command command = { .limit = GROUPSTATE_SNAPSHOT };
	const struct state_entry *entry;
	struct listing listing;

	list_begin(&listing, shard, &command);
	wps_assert(listing.picks != NULL);
	if (group) {
		LIST_FOREACH(entry, &group->states, in_group)
			if (entry->state)
				list_offer(&listing, entry->conn->view.id,
				    entry->state);
	}
	struct part *part = xcalloc(1, sizeof(*part) +
	    listing.count * sizeof(struct wps_msg *));
	part->count = listing.count;
	for (size_t i = 0; i < listing.count; i++) {
		part->states[i] = msg_ref(
		    (struct wps_msg *)(uintptr_t)listing.picks[i].object);
		part->mail.bytes += msg_size(part->states[i]);
	}
	free(listing.picks);
	return part;
}

static void take_part(struct worker *worker, struct mail *mail);

/* The answer goes the way of the changes, to the own worker too. */
static void
answer_question(struct worker *worker, struct mail *mail)
{
	struct question *question = container_of(mail, struct question, mail);
	const struct shard *shard = shard_find(question->hub, worker);
	const struct named *group = shard ? shard_group(shard,
	    (struct wps_span){ question->name, question->len },
	    question->name_hash) : NULL;
	struct part *part = part_new(shard, group);

	part->mail.run = take_part;
	part->gathering = question->gathering;
	part->from = worker->index;
	worker_post(question->asker, &part->mail);
	free(question);
}

static void
ask(struct state_entry *entry)
{
	const struct named *group = entry->group;
	struct worker *worker = entry->conn->worker;
	struct hub *hub = entry->conn->shard->hub;
	uint64_t workers = hub_hint_group(hub, group->node.hash);
	struct gathering *gathering = xcalloc(1, sizeof(*gathering));

	entry->gathering = gathering;
	gathering->entry = entry;
	gathering->awaited = workers;
	list_init(&gathering->parts);
	list_init(&gathering->held);
	for (unsigned i = 0; workers >> i; i++) {
		if (!(workers >> i & 1))
			continue;
		struct question *question =
		    xcalloc(1, sizeof(*question) + group->len);
		question->mail.run = answer_question;
		question->mail.bytes = sizeof(*question) + group->len +
		    sizeof(*gathering);
		question->hub = hub;
		question->name_hash = group->node.hash;
		question->asker = worker;
		question->gathering = gathering;
		question->len = group->len;
		memcpy(question->name, group->name, group->len);
		worker_post(worker->peers[i], &question->mail);
	}
}

/* --- snapshots --------------------------------------------------------------------- */

static size_t
count_states(const struct gathering *gathering)
{
	size_t count = 0;

	for (struct list *link = gathering->parts.next;
	    link != &gathering->parts; link = link->next)
		count += container_of(link, struct part, link)->count;
	return count;
}

/* All that came, in the order of ids; how many are in `items`. */
static size_t
merge(const struct gathering *gathering, struct wps_state *items)
{
	size_t count = count_states(gathering), at = 0;
	struct list_pick *picks = xcalloc(count, sizeof(*picks));

	for (struct list *link = gathering->parts.next;
	    link != &gathering->parts; link = link->next) {
		const struct part *part = container_of(link, struct part, link);
		for (size_t i = 0; i < part->count; i++) {
			const struct wps_state *state =
			    msg_view(part->states[i])->states->items;
			picks[at++] = (struct list_pick){ state->conn, state };
		}
	}
	qsort(picks, count, sizeof(*picks), list_pick_order);
	if (count > GROUPSTATE_SNAPSHOT)
		count = GROUPSTATE_SNAPSHOT;
	for (size_t i = 0; i < count; i++)
		items[i] = *(const struct wps_state *)picks[i].object;
	free(picks);
	return count;
}

static void
send_snapshot(const struct gathering *gathering, struct wps_conn *conn,
    const struct named *group)
{
	struct wps_state *items = xcalloc(GROUPSTATE_SNAPSHOT, sizeof(*items));
	const struct wps_states states = {
		.snapshot = true,
		.items = items,
		.count = merge(gathering, items),
	};

	(void)delivery_deliver(conn, &(struct wps_msg_view){
		.from = WPS_FROM_GROUP,
		.group = name_of(group),
		.states = &states,
	});
	free(items);
}

/* Each push may close the connection, and then its entry is gone. */
static void
finish(struct gathering *gathering, struct state_entry *entry)
{
	struct wps_conn *conn = conn_ref(entry->conn);

	send_snapshot(gathering, conn, entry->group);
	for (struct held *held; (held = first_held(gathering));) {
		if (conn_is_live(conn))
			(void)delivery_deliver(conn, msg_view(held->msg));
		held_free(gathering, held);
	}
	if (conn_is_live(conn) && entry->again) {
		entry->again = false;
		ask(entry);
	}
	conn_unref(&conn);
}

static void
take_part(struct worker *worker, struct mail *mail)
{
	struct part *part = container_of(mail, struct part, mail);
	struct gathering *gathering = part->gathering;

	gathering->awaited &= ~(UINT64_C(1) << part->from);
	if (gathering->entry && !worker->stopped) {
		drop_held_from(gathering, part->from);
		list_add(&gathering->parts, &part->link);
	} else {
		part_free(part);
	}
	if (gathering->awaited != 0)
		return;
	struct state_entry *entry = gathering->entry;
	if (entry)
		entry->gathering = NULL;
	if (entry && !worker->stopped)
		finish(gathering, entry);
	gathering_drop(gathering);
	free(gathering);
}

/* --- watching ---------------------------------------------------------------------- */

int
groupstate_watch(struct wps_conn *conn, struct wps_span group)
{
	worker_drain(conn->worker);
	struct membership *membership = shard_membership(conn, group);
	if (membership == NULL)
		return WPS_NOT_FOUND;
	struct state_entry *entry = entry_get(conn, membership);
	entry->watches = true;
	if (entry->gathering)
		entry->again = true;
	else
		ask(entry);
	return WPS_OK;
}

static void
unwatch(struct state_entry *entry)
{
	entry->watches = entry->again = false;
	if (entry->gathering)
		gathering_drop(entry->gathering);
	entry->gathering = NULL;
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
