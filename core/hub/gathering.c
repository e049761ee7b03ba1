/* SPDX-License-Identifier: MIT */
#include "hub/gathering.h"

#include "hub/conn.h"
#include "hub/delivery.h"
#include "hub/groupstate.h"
#include "hub/list.h"
#include "hub/msg.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/bits.h"

#include <stdlib.h>

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

/* --- what is held -------------------------------------------------------------- */

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

/* What the worker said before its answer is in the answer. */
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

/* As many as may wait for the client's socket may wait here. */
void
gathering_hold(struct state_entry *entry, struct wps_msg *msg, unsigned from)
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

/* --- ends ----------------------------------------------------------------------- */

static void
forget_all(struct gathering *gathering)
{
	free_parts(gathering);
	for (struct held *held; (held = first_held(gathering));)
		held_free(gathering, held);
}

/* The answers that are still to come free it. */
void
gathering_drop(struct state_entry *entry)
{
	struct gathering *gathering = entry->gathering;

	if (gathering == NULL)
		return;
	gathering->entry = NULL;
	entry->gathering = NULL;
	forget_all(gathering);
}

/* --- questions and answers ------------------------------------------------------- */

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

static void
offer_states(struct listing *listing, const struct state_list *entries)
{
	const struct state_entry *entry;

	LIST_FOREACH(entry, entries, link)
		if (entry->state)
			list_offer(listing, entry->conn->view.id, entry->state);
}

/* The first ones by their ids. */
static struct part *
part_new(const struct shard *shard, const struct named *group)
{
	const struct wps_command command = { .limit = GATHERING_STATES };
	struct listing listing;

	list_begin(&listing, shard, &command);
	wps_assert(listing.picks != NULL); /* some KiB */
	if (group && group->states) {
		offer_states(&listing, &group->states->watchers);
		offer_states(&listing, &group->states->others);
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

void
gathering_begin(struct state_entry *entry)
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
	while (workers) {
		struct worker *peer = worker->peers[bits_take(&workers)];
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
		worker_post(peer, &question->mail);
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
	if (count > GATHERING_STATES)
		count = GATHERING_STATES;
	for (size_t i = 0; i < count; i++)
		items[i] = *(const struct wps_state *)picks[i].object;
	free(picks);
	return count;
}

static void
send_snapshot(const struct gathering *gathering, struct wps_conn *conn,
    const struct named *group)
{
	struct wps_state *items = xcalloc(GATHERING_STATES, sizeof(*items));
	const struct wps_states states = {
		.snapshot = true,
		.items = items,
		.count = merge(gathering, items),
	};

	(void)delivery_deliver(conn, &(struct wps_msg_view){
		.from = WPS_FROM_GROUP,
		.group = { group->name, group->len },
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
		gathering_begin(entry);
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
	forget_all(gathering);
	free(gathering);
}
