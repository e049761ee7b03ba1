/* SPDX-License-Identifier: MIT */
/*
 * Commands: routed to the workers that may be concerned, run on each shard,
 * their outcomes merged.
 *
 * Before a worker runs a command it drains its mailbox; when submit returns, the
 * command stands in every mailbox that it needs. So whoever hears of it then is
 * never overtaken by it (ARCHITECTURE.md, Order).
 */
#ifndef HUB_COMMAND_H
#define HUB_COMMAND_H

#include <wps/command.h>

#include <stdint.h>

struct hub;
struct page;
struct shard;
struct worker;

/* See host.submit. */
void command_submit(struct worker *worker, const struct wps_command *command,
    wps_done_fn done, void *data);

/* See host.submit_list. */
void command_submit_list(struct worker *worker,
    const struct wps_command *command, wps_list_fn done, void *data);

/* What came of a command on one shard, or on several. */
struct command_result {
	struct wps_outcome outcome;
	struct page *pages; /* owned; of a listing, see list.h */
	bool no_memory;     /* a page is missing */
};

/* The workers that may have such connections, a bit each. */
uint64_t command_workers(const struct hub *hub,
    const struct wps_command *command, uint64_t name_hash,
    unsigned worker_count);

/* Runs it on the connections of one worker; adds to the result. */
void command_run(struct shard *shard, const struct wps_command *command,
    uint64_t name_hash, struct command_result *result);

#endif
