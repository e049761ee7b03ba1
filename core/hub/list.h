/* SPDX-License-Identifier: MIT */
/*
 * Listings: pages of names, in the order of their bytes.
 *
 * Each shard selects the first names behind the cursor with a heap of the page's
 * size, so a page costs O(n log page) and no memory per member. The pages of all
 * shards are merged by the worker that asked. A name in the merged page is within
 * the first ones of every shard that has it, so the numbers of its members add
 * up. A cursor is a name, not a place: whatever comes and goes meanwhile, a name
 * that stays is listed exactly once.
 */
#ifndef HUB_LIST_H
#define HUB_LIST_H

#include <wps/command.h>

struct command_result;
struct shard;

/* One that may be in the page. */
struct list_pick {
	struct wps_span name;
	const void *object; /* struct wps_conn or struct named */
};

/* The order of names, for qsort. */
int list_pick_order(const void *a, const void *b);

/* A listing on one shard. */
struct listing {
	const struct shard *shard;
	const struct wps_command *command;
	struct list_pick *picks; /* owned; a heap, the last name on top; NULL:
				    no memory */
	size_t count;
	bool more; /* some did not fit */
};

/* One shard's part; its texts are its own. */
struct page {
	struct page *next;
	size_t count;
	bool more;
	struct wps_listed items[];
};

void list_begin(struct listing *listing, const struct shard *shard,
    const struct wps_command *command);

/* Whether it names users or groups: list_end finds these itself. */
bool list_of_names(const struct listing *listing);

/* One more that is meant. */
void list_offer(struct listing *listing, struct wps_span name,
    const void *object);

/* Adds a page to the result; it does not point into the shard. */
void list_end(struct listing *listing, struct command_result *result);

/* Merges the pages of a result into one of at most `limit` names. */
void list_tell(const struct command_result *result, uint32_t limit,
    wps_list_fn done, void *data);

/* Moves the pages of one list to the front of another. */
void list_append(struct page **to, struct page **from);

/* Leaves NULL. */
void list_free(struct page **pages);

#endif
