/* SPDX-License-Identifier: MIT */
/*
 * The first taking of a request makes room for all that it may take: nothing
 * moves afterwards.
 */
#include "scratch.h"

#include <stdlib.h>

#define FIRST_PAIRS 16
#define STEP 4096 /* bytes are taken in multiples of it */

void
scratch_begin(struct scratch *scratch, size_t limit)
{
	scratch->used = 0;
	scratch->limit = limit;
}

char *
scratch_take(struct scratch *scratch, size_t len)
{
	if (len > scratch->limit - scratch->used)
		return NULL;
	if (scratch->cap < scratch->limit) {
		size_t cap = (scratch->limit + STEP - 1) / STEP * STEP;
		free(scratch->bytes);
		scratch->bytes = malloc(cap);
		scratch->cap = scratch->bytes ? cap : 0;
	}
	if (scratch->bytes == NULL)
		return NULL;
	char *taken = scratch->bytes + scratch->used;
	scratch->used += len;
	return taken;
}

struct wps_pair *
scratch_pairs(struct scratch *scratch, size_t count)
{
	if (count > scratch->pair_cap) {
		size_t cap = scratch->pair_cap ? scratch->pair_cap : FIRST_PAIRS;
		while (cap < count)
			cap *= 2;
		struct wps_pair *pairs =
		    realloc(scratch->pairs, cap * sizeof(*pairs));
		if (pairs == NULL)
			return NULL;
		scratch->pairs = pairs;
		scratch->pair_cap = cap;
	}
	return scratch->pairs;
}

static void
drop_bytes(struct scratch *scratch)
{
	free(scratch->bytes);
	scratch->bytes = NULL;
	scratch->cap = 0;
}

static void
drop_pairs(struct scratch *scratch)
{
	free(scratch->pairs);
	scratch->pairs = NULL;
	scratch->pair_cap = 0;
}

void
scratch_end(struct scratch *scratch)
{
	if (scratch->cap > SCRATCH_KEEP)
		drop_bytes(scratch);
	if (scratch->pair_cap * sizeof(*scratch->pairs) > SCRATCH_KEEP)
		drop_pairs(scratch);
}

void
scratch_fini(struct scratch *scratch)
{
	drop_bytes(scratch);
	drop_pairs(scratch);
}
