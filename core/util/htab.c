/* SPDX-License-Identifier: MIT */
#include "util/htab.h"

#include "util/alloc.h"
#include "util/attr.h"

#include <stdlib.h>

#define FIRST_SLOTS 8

void
htab_fini(struct htab *tab)
{
	wps_assert(tab->count == 0);
	free(tab->slots);
	*tab = (struct htab){ 0 };
}

static void
put(struct htab *tab, struct htab_node *node)
{
	struct htab_node **slot = &tab->slots[node->hash & tab->mask];

	node->next = *slot;
	*slot = node;
}

static void
resize(struct htab *tab, size_t nslots)
{
	struct htab old = *tab;

	tab->slots = xcalloc(nslots, sizeof(struct htab_node *));
	tab->mask = nslots - 1;
	for (size_t i = 0; old.slots && i <= old.mask; i++) {
		struct htab_node *node = old.slots[i];
		while (node) {
			struct htab_node *next = node->next;
			put(tab, node);
			node = next;
		}
	}
	free(old.slots);
}

void
htab_add(struct htab *tab, struct htab_node *node, uint64_t hash)
{
	if (tab->slots == NULL)
		resize(tab, FIRST_SLOTS);
	else if (tab->count > tab->mask)
		resize(tab, (tab->mask + 1) * 2);
	node->hash = hash;
	put(tab, node);
	tab->count++;
}

static void
shrink(struct htab *tab)
{
	if (tab->count == 0) {
		free(tab->slots);
		tab->slots = NULL;
	} else if (tab->mask + 1 > FIRST_SLOTS && tab->count < tab->mask / 8) {
		resize(tab, (tab->mask + 1) / 4);
	}
}

void
htab_remove(struct htab *tab, struct htab_node *node)
{
	struct htab_node **link = &tab->slots[node->hash & tab->mask];

	while (*link != node) {
		wps_assert(*link != NULL);
		link = &(*link)->next;
	}
	*link = node->next;
	node->next = NULL;
	tab->count--;
	shrink(tab);
}

static struct htab_node *
same_hash(struct htab_node *node, uint64_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct htab_node *
htab_first(const struct htab *tab, uint64_t hash)
{
	if (tab->slots == NULL)
		return NULL;
	return same_hash(tab->slots[hash & tab->mask], hash);
}

struct htab_node *
htab_next(const struct htab_node *node)
{
	return same_hash(node->next, node->hash);
}

void
htab_walk(const struct htab *tab,
    void (*visit)(struct htab_node *node, void *data), void *data)
{
	for (size_t i = 0; tab->slots && i <= tab->mask; i++)
		for (struct htab_node *node = tab->slots[i]; node;
		    node = node->next)
			visit(node, data);
}
