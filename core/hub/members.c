/* SPDX-License-Identifier: MIT */
#include "hub/members.h"

#include "util/alloc.h"
#include "util/attr.h"

#include <stdlib.h>

static void
resize(struct members *set, uint32_t cap)
{
	set->items = xrealloc(set->items, cap, sizeof(*set->items));
	set->cap = cap;
}

uint32_t
members_add(struct members *set, struct wps_conn *conn, uint32_t back)
{
	if (set->count == set->cap)
		resize(set, set->cap ? set->cap * 2 : 1);
	set->items[set->count] = (struct member){ conn, back };
	return set->count++;
}

const struct member *
members_remove(struct members *set, uint32_t at)
{
	wps_assert(at < set->count);
	set->count--;
	if (set->cap > 16 && set->count < set->cap / 4)
		resize(set, set->cap / 2);
	if (at == set->count)
		return NULL;
	/* The array only shrinks behind its last item. */
	set->items[at] = set->items[set->count];
	return &set->items[at];
}

void
members_fini(struct members *set)
{
	wps_assert(set->count == 0);
	free(set->items);
	*set = (struct members){ 0 };
}
