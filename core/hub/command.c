/* SPDX-License-Identifier: MIT */
#include "hub/command.h"

#include "hub/conn.h"
#include "hub/list.h"
#include "hub/msg.h"
#include "hub/server.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/bits.h"
#include "util/hash.h"

#include <stdlib.h>

/* What every predicate has. */
#define MATCH_1_0                                                              \
	(offsetof(struct wps_match, unref) +                                   \
	 sizeof(void (*)(const struct wps_match *)))

/* Who hears the end: one of the two, or nobody. */
struct hearer {
	wps_done_fn done;
	wps_list_fn list_done;
	void *data;
};

/* What is still awaited of a command that others run too. */
struct tally {
	struct hearer hearer;
	unsigned awaited;
	uint32_t limit; /* of the page */
	struct command_result result;
};

/* A command in another worker's mailbox, with its own copy of all its texts;
 * it comes back with the outcome when somebody waits for that. */
struct parcel {
	struct mail mail;
	struct hub *hub;
	uint64_t name_hash;
	struct wps_command command;
	struct worker *origin;
	struct tally *tally; /* of the origin; NULL: nobody waits */
	struct command_result result;
	struct wps_span spans[]; /* excluded, then groups */
};

/* --- routing ------------------------------------------------------------------------ */

uint64_t
command_workers(const struct hub *hub, const struct wps_command *command,
    uint64_t name_hash, unsigned worker_count)
{
	unsigned index;

	switch (command->whom) {
	case WPS_TO_ALL:
		return atomic_load(&hub->present);
	case WPS_TO_GROUP:
		return hub_hint_group(hub, name_hash);
	case WPS_TO_USER:
		return hub_hint_user(hub, name_hash);
	case WPS_TO_CONN:
		if (conn_id_worker(command->name, worker_count, &index) !=
		    WPS_OK)
			return 0;
		return atomic_load(&hub->present) & UINT64_C(1) << index;
	}
	return 0;
}

/* --- parcels ------------------------------------------------------------------------- */

static bool
is_heard(const struct hearer *hearer)
{
	return hearer->done != NULL || hearer->list_done != NULL;
}

/* Frees the pages. */
static void
tell(const struct hearer *hearer, struct command_result *result, uint32_t limit)
{
	if (hearer->done)
		hearer->done(&result->outcome, hearer->data);
	else if (hearer->list_done)
		list_tell(result, limit, hearer->list_done, hearer->data);
	list_free(&result->pages);
}

static void
finish(struct tally *tally)
{
	tell(&tally->hearer, &tally->result, tally->limit);
	free(tally);
}

static void
add_result(struct command_result *sum, struct command_result *more)
{
	sum->outcome.matched += more->outcome.matched;
	sum->outcome.full += more->outcome.full;
	sum->no_memory |= more->no_memory;
	list_append(&sum->pages, &more->pages);
}

static void
parcel_free(struct parcel *parcel)
{
	msg_unref(parcel->command.msg);
	if (parcel->command.match)
		parcel->command.match->unref(parcel->command.match);
	list_free(&parcel->result.pages);
	free(parcel);
}

/* Back on the worker that submitted. */
static void
take_outcome(struct worker *worker, struct mail *mail)
{
	struct parcel *parcel = container_of(mail, struct parcel, mail);
	struct tally *tally = parcel->tally;

	add_result(&tally->result, &parcel->result);
	parcel_free(parcel);
	if (--tally->awaited > 0)
		return;
	if (worker->stopped)
		tally->hearer = (struct hearer){ NULL, NULL, NULL };
	finish(tally);
}

static void
run_parcel(struct worker *worker, struct mail *mail)
{
	struct parcel *parcel = container_of(mail, struct parcel, mail);
	struct shard *shard = shard_find(parcel->hub, worker);

	if (shard && !worker->stopped)
		command_run(shard, &parcel->command, parcel->name_hash,
		    &parcel->result);
	if (parcel->tally == NULL) {
		parcel_free(parcel);
		return;
	}
	parcel->mail.run = take_outcome;
	parcel->mail.call = true;
	parcel->mail.bytes = 0;
	worker_post(parcel->origin, &parcel->mail);
}

static size_t
texts_size(const struct wps_command *command)
{
	size_t sum = command->name.len + command->group.len +
	    command->reason.len + command->after.len;

	for (size_t i = 0; i < command->group_count; i++)
		sum += command->groups[i].len;
	for (size_t i = 0; i < command->excluded_count; i++)
		sum += command->excluded[i].len;
	return sum;
}

static void
move_in(struct wps_span *span, char **dst)
{
	if (span->data == NULL)
		return;
	if (span->len > 0)
		memcpy(*dst, span->data, span->len);
	span->data = *dst;
	*dst += span->len;
}

static void
move_list(struct wps_span *to, const struct wps_span *from, size_t count,
    char **dst)
{
	for (size_t i = 0; i < count; i++) {
		to[i] = from[i];
		move_in(&to[i], dst);
	}
}

/* References of its own to what is counted. */
static void
hold_shared(struct parcel *parcel)
{
	const struct wps_command *command = &parcel->command;

	if (command->msg) {
		msg_ref(command->msg);
		parcel->mail.bytes += msg_size(command->msg);
	}
	if (command->match)
		command->match->ref(command->match);
}

static struct parcel *
parcel_new(const struct wps_command *command)
{
	size_t count = command->excluded_count + command->group_count;
	size_t size = sizeof(struct parcel) + count * sizeof(struct wps_span) +
	    texts_size(command);
	struct parcel *parcel = xmalloc(size);

	*parcel = (struct parcel){
		.mail = { .run = run_parcel, .bytes = size },
		.command = *command,
	};
	char *dst = (char *)&parcel->spans[count];
	move_in(&parcel->command.name, &dst);
	move_in(&parcel->command.group, &dst);
	move_in(&parcel->command.reason, &dst);
	move_in(&parcel->command.after, &dst);
	struct wps_span *groups = parcel->spans + command->excluded_count;
	move_list(parcel->spans, command->excluded, command->excluded_count,
	    &dst);
	move_list(groups, command->groups, command->group_count, &dst);
	parcel->command.excluded = parcel->spans;
	parcel->command.groups = groups;
	parcel->command.except = NULL; /* it is the origin's */
	hold_shared(parcel);
	return parcel;
}

/* --- submitting ------------------------------------------------------------------------ */

/* One submitted command: what all its parcels have in common. */
struct submission {
	struct worker *worker;
	struct hub *hub;
	const struct wps_command *command;
	uint64_t name_hash;
};

static void
post_to_others(const struct submission *sub, uint64_t workers,
    struct tally *tally)
{
	while (workers) {
		struct worker *worker = sub->worker->peers[bits_take(&workers)];
		struct parcel *parcel = parcel_new(sub->command);
		parcel->hub = sub->hub;
		parcel->name_hash = sub->name_hash;
		parcel->origin = sub->worker;
		parcel->tally = tally;
		worker_post(worker, &parcel->mail);
	}
}

static void
run_here(const struct submission *sub, struct command_result *result)
{
	struct shard *shard = shard_find(sub->hub, sub->worker);

	if (shard)
		command_run(shard, sub->command, sub->name_hash, result);
}

static struct tally *
tally_new(const struct hearer *hearer, uint32_t limit, uint64_t workers)
{
	struct tally *tally = xcalloc(1, sizeof(*tally));

	tally->hearer = *hearer;
	tally->limit = limit;
	tally->awaited = (unsigned)__builtin_popcountll(workers);
	return tally;
}

static void
submit_to(const struct submission *sub, const struct hearer *hearer)
{
	struct worker *worker = sub->worker;
	uint64_t own = UINT64_C(1) << worker->index;
	uint64_t workers = command_workers(sub->hub, sub->command,
	    sub->name_hash, worker->peer_count);
	uint64_t others = workers & ~own;
	uint32_t limit = sub->command->limit;
	struct command_result result = { .pages = NULL };
	struct tally *tally = is_heard(hearer) && others ?
	    tally_new(hearer, limit, others) : NULL;

	post_to_others(sub, others, tally);
	if (workers & own)
		run_here(sub, tally ? &tally->result : &result);
	if (!tally)
		tell(hearer, &result, limit);
}

static void
submit(struct worker *worker, const struct wps_command *command,
    const struct hearer *hearer)
{
	struct command_result nobody = { .pages = NULL };
	struct hub *hub = hub_find(&worker_server(worker)->hubs, command->hub);

	wps_assert(command->match == NULL ||
	    command->match->struct_size >= MATCH_1_0);
	worker_drain(worker);
	if (hub) {
		submit_to(&(struct submission){
		    .worker = worker,
		    .hub = hub,
		    .command = command,
		    .name_hash = hash_bytes(command->name),
		}, hearer);
	} else {
		tell(hearer, &nobody, command->limit);
	}
}

void
command_submit(struct worker *worker, const struct wps_command *command,
    wps_done_fn done, void *data)
{
	wps_assert(command->op != WPS_OP_LIST);
	submit(worker, command, &(struct hearer){ .done = done, .data = data });
}

void
command_submit_list(struct worker *worker, const struct wps_command *command,
    wps_list_fn done, void *data)
{
	wps_assert(command->op == WPS_OP_LIST && done != NULL);
	wps_assert(command->limit >= 1 && command->limit <= WPS_LIST_MAX);
	submit(worker, command,
	    &(struct hearer){ .list_done = done, .data = data });
}
