/* SPDX-License-Identifier: MIT */
/*
 * What must be true: who is in which group, and which messages each client has
 * yet to get.
 *
 * A strand is one caller who awaits each answer. Its groups are its own, so it
 * knows their members exactly at any time, and every client must get exactly the
 * messages of the strand that were sent while it was a member, in their order.
 * How the messages of different strands mix is left open.
 */
#ifndef ORDER_WORLD_H
#define ORDER_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENTS 24
#define USERS 6 /* client c is one of user c % USERS */
#define STRANDS 8
#define GROUPS 4 /* of each strand */

/* Numbers of messages to come, oldest first. */
struct expected {
	uint32_t *numbers; /* owned */
	size_t first, len, cap;
};

struct world {
	bool member[STRANDS][GROUPS][CLIENTS];
	struct expected expected[CLIENTS][STRANDS];
	uint64_t outstanding; /* in all of them */
	uint64_t delivered;
};

void world_free(struct world *world);

bool world_has_member(const struct world *world, unsigned strand,
    unsigned group);

/* A client will get a message. */
void world_expect(struct world *world, unsigned client, unsigned strand,
    uint32_t number);

/* A client got one: it must be the next of that strand. */
void world_delivered(struct world *world, unsigned client, unsigned strand,
    uint32_t number);

/* Prints what is missing. */
void world_print_missing(const struct world *world);

#endif
