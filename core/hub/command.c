/* SPDX-License-Identifier: MIT */
#include "hub/command.h"

#include "hub/conn.h"
#include "hub/msg.h"
#include "hub/server.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/hash.h"

#include <stdlib.h>

/* What is still awaited of a command that others run too. */
struct tally {
	wps_done_fn done;
	void *data;
	unsigned awaited;
	struct wps_outcome outcome;
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
	struct wps_outcome outcome;
	struct wps_span excluded[];
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

static void
finish(struct tally *tally)
{
	if (tally->done)
		tally->done(&tally->outcome, tally->data);
	free(tally);
}

static void
parcel_free(struct parcel *parcel)
{
	msg_unref(parcel->command.msg);
	free(parcel);
}

/* Back on the worker that submitted. */
static void
take_outcome(struct worker *worker, struct mail *mail)
{
	struct parcel *parcel = container_of(mail, struct parcel, mail);
	struct tally *tally = parcel->tally;

	tally->outcome.matched += parcel->outcome.matched;
	tally->outcome.full += parcel->outcome.full;
	parcel_free(parcel);
	if (--tally->awaited > 0)
		return;
	if (worker->stopped)
		tally->done = NULL;
	finish(tally);
}

static void
run_parcel(struct worker *worker, struct mail *mail)
{
	struct parcel *parcel = container_of(mail, struct parcel, mail);
	struct shard *shard = shard_find(parcel->hub, worker);

	if (shard && !worker->stopped)
		command_run(shard, &parcel->command, parcel->name_hash,
		    &parcel->outcome);
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
	    command->reason.len;

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

static struct parcel *
parcel_new(const struct wps_command *command)
{
	size_t lists = command->excluded_count * sizeof(struct wps_span);
	size_t size = sizeof(struct parcel) + lists + texts_size(command);
	struct parcel *parcel = xmalloc(size);

	*parcel = (struct parcel){
		.mail = { .run = run_parcel, .bytes = size },
		.command = *command,
	};
	char *dst = (char *)&parcel->excluded[command->excluded_count];
	move_in(&parcel->command.name, &dst);
	move_in(&parcel->command.group, &dst);
	move_in(&parcel->command.reason, &dst);
	for (size_t i = 0; i < command->excluded_count; i++) {
		parcel->excluded[i] = command->excluded[i];
		move_in(&parcel->excluded[i], &dst);
	}
	parcel->command.excluded = parcel->excluded;
	parcel->command.except = NULL; /* it is the origin's */
	if (command->msg) {
		msg_ref(command->msg);
		parcel->mail.bytes += msg_size(command->msg);
	}
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
	for (unsigned i = 0; workers >> i; i++) {
		if (!(workers >> i & 1))
			continue;
		struct parcel *parcel = parcel_new(sub->command);
		parcel->hub = sub->hub;
		parcel->name_hash = sub->name_hash;
		parcel->origin = sub->worker;
		parcel->tally = tally;
		worker_post(sub->worker->peers[i], &parcel->mail);
	}
}

static void
run_here(const struct submission *sub, struct wps_outcome *outcome)
{
	struct shard *shard = shard_find(sub->hub, sub->worker);

	if (shard)
		command_run(shard, sub->command, sub->name_hash, outcome);
}

static struct tally *
tally_new(wps_done_fn done, void *data, uint64_t workers)
{
	struct tally *tally = xcalloc(1, sizeof(*tally));

	tally->done = done;
	tally->data = data;
	tally->awaited = (unsigned)__builtin_popcountll(workers);
	return tally;
}

static void
submit_to(const struct submission *sub, wps_done_fn done, void *data)
{
	struct worker *worker = sub->worker;
	uint64_t own = UINT64_C(1) << worker->index;
	uint64_t workers = command_workers(sub->hub, sub->command,
	    sub->name_hash, worker->peer_count);
	uint64_t others = workers & ~own;
	struct wps_outcome outcome = { 0 };
	struct tally *tally =
	    done && others ? tally_new(done, data, others) : NULL;

	post_to_others(sub, others, tally);
	if (workers & own)
		run_here(sub, tally ? &tally->outcome : &outcome);
	if (done && !tally)
		done(&outcome, data);
}

void
command_submit(struct worker *worker, const struct wps_command *command,
    wps_done_fn done, void *data)
{
	const struct wps_outcome nobody = { 0 };
	struct hub *hub = hub_find(&worker_server(worker)->hubs, command->hub);

	worker_drain(worker);
	if (hub) {
		submit_to(&(struct submission){
		    .worker = worker,
		    .hub = hub,
		    .command = command,
		    .name_hash = hash_bytes(command->name),
		}, done, data);
	} else if (done) {
		done(&nobody, data);
	}
}
