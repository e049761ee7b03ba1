/* SPDX-License-Identifier: MIT */
/*
 * An intrusive hash table with chains.
 *
 * The owner embeds a node in each object and compares keys itself: it walks the
 * chain of a hash with htab_first and htab_next. The table owns no object.
 */
#ifndef UTIL_HTAB_H
#define UTIL_HTAB_H

#include <stddef.h>
#include <stdint.h>

struct htab_node {
	struct htab_node *next; /* in the chain of its slot */
	uint64_t hash;
};

struct htab {
	struct htab_node **slots; /* owned; NULL while the table is empty */
	size_t mask;              /* slots - 1 */
	size_t count;
};

void htab_fini(struct htab *tab);
void htab_add(struct htab *tab, struct htab_node *node, uint64_t hash);
void htab_remove(struct htab *tab, struct htab_node *node);

/* The first node with this hash, and the next one behind it; NULL at the end. */
struct htab_node *htab_first(const struct htab *tab, uint64_t hash);
struct htab_node *htab_next(const struct htab_node *node);

/* Calls `visit` for each node, in no order; it must not change the table. */
void htab_walk(const struct htab *tab,
    void (*visit)(struct htab_node *node, void *data), void *data);

#endif
