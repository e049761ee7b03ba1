/* SPDX-License-Identifier: MIT */
#include "world.h"

#include "link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
world_free(struct world *world)
{
	for (unsigned c = 0; c < CLIENTS; c++) {
		for (unsigned s = 0; s < STRANDS; s++)
			free(world->expected[c][s].numbers);
	}
}

bool
world_has_member(const struct world *world, unsigned strand, unsigned group)
{
	for (unsigned c = 0; c < CLIENTS; c++) {
		if (world->member[strand][group][c])
			return true;
	}
	return false;
}

static void
make_room(struct expected *expected)
{
	if (expected->first > 0) {
		memmove(expected->numbers, expected->numbers + expected->first,
		    expected->len * sizeof(*expected->numbers));
		expected->first = 0;
	}
	if (expected->len < expected->cap)
		return;
	expected->cap = expected->cap ? expected->cap * 2 : 64;
	expected->numbers = realloc(expected->numbers,
	    expected->cap * sizeof(*expected->numbers));
	if (expected->numbers == NULL)
		fail("out of memory");
}

void
world_expect(struct world *world, unsigned client, unsigned strand,
    uint32_t number)
{
	struct expected *expected = &world->expected[client][strand];

	if (expected->first + expected->len == expected->cap)
		make_room(expected);
	expected->numbers[expected->first + expected->len++] = number;
	world->outstanding++;
}

void
world_delivered(struct world *world, unsigned client, unsigned strand,
    uint32_t number)
{
	struct expected *expected = &world->expected[client][strand];

	if (expected->len == 0)
		fail("client %u got message %u of strand %u, expected none",
		    client, number, strand);
	if (expected->numbers[expected->first] != number)
		fail("client %u got message %u of strand %u, expected %u",
		    client, number, strand,
		    expected->numbers[expected->first]);
	expected->first++;
	if (--expected->len == 0)
		expected->first = 0;
	world->outstanding--;
	world->delivered++;
}

void
world_print_missing(const struct world *world)
{
	for (unsigned c = 0; c < CLIENTS; c++) {
		for (unsigned s = 0; s < STRANDS; s++) {
			const struct expected *expected =
			    &world->expected[c][s];
			if (expected->len > 0)
				fprintf(stderr, "order: client %u misses "
				    "%zu messages of strand %u, the first "
				    "is %u\n", c, expected->len, s,
				    expected->numbers[expected->first]);
		}
	}
}
