/* SPDX-License-Identifier: MIT */
/*
 * Intrusive doubly linked lists with a head of the same type. A link that is in
 * no list points to itself.
 */
#ifndef UTIL_LIST_H
#define UTIL_LIST_H

#include "util/attr.h"

#include <stdbool.h>

struct list {
	struct list *next, *prev;
};

static inline void
list_init(struct list *link)
{
	link->next = link->prev = link;
}

static inline bool
list_empty(const struct list *link)
{
	return link->next == link;
}

/* At the end of the list. */
static inline void
list_add(struct list *head, struct list *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

/* A link that is in no list may be removed. */
static inline void
list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

/* Takes the first link out, NULL when there is none. */
static inline struct list *
list_take(struct list *head)
{
	if (list_empty(head))
		return NULL;
	struct list *link = head->next;
	list_remove(link);
	return link;
}

/* Moves all of `from` behind the last of `to`. */
static inline void
list_splice(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#endif
