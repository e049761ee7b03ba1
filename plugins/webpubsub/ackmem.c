/* SPDX-License-Identifier: MIT */
/*
 * A ring of ids in order of insertion, and behind it a table of ring places
 * with open addressing, at most half full. A removal shifts back what follows,
 * so that no tombstones gather.
 *
 * The hash is not keyed: who makes ids collide slows down only his own requests,
 * by the walk over one ring.
 */
#include "ackmem.h"

#include <stddef.h>
#include <stdlib.h>

#define FIRST_CAPACITY 8

struct ackmem {
	uint16_t size;   /* places of the ring */
	uint16_t count;
	uint16_t oldest; /* its place */
	uint16_t mask;   /* slots of the table - 1 */
	uint64_t ids[];  /* the ring; then uint16_t slots: place + 1, 0 is free */
};

static uint16_t *
slots_of(const struct ackmem *memory)
{
	return (uint16_t *)(uintptr_t)&memory->ids[memory->size];
}

static uint32_t
home_of(const struct ackmem *memory, uint64_t id)
{
	id ^= id >> 32;
	id *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(id >> 40) & memory->mask;
}

/* The slot that holds the id, or the free one where it belongs. */
static uint32_t
slot_of(const struct ackmem *memory, uint64_t id)
{
	const uint16_t *slots = slots_of(memory);
	uint32_t at = home_of(memory, id);

	while (slots[at] && memory->ids[slots[at] - 1] != id)
		at = (at + 1) & memory->mask;
	return at;
}

static void
insert(struct ackmem *memory, uint64_t id)
{
	uint32_t place = ((uint32_t)memory->oldest + memory->count) % memory->size;

	memory->ids[place] = id;
	slots_of(memory)[slot_of(memory, id)] = (uint16_t)(place + 1);
	memory->count++;
}

/* Frees a slot and moves back each follower that may stand there. */
static void
clear_slot(struct ackmem *memory, uint32_t hole)
{
	uint16_t *slots = slots_of(memory);
	uint32_t at = hole;

	for (;;) {
		at = (at + 1) & memory->mask;
		if (slots[at] == 0)
			break;
		uint32_t home = home_of(memory, memory->ids[slots[at] - 1]);
		if (((at - home) & memory->mask) < ((at - hole) & memory->mask))
			continue;
		slots[hole] = slots[at];
		hole = at;
	}
	slots[hole] = 0;
}

static void
forget_oldest(struct ackmem *memory)
{
	clear_slot(memory, slot_of(memory, memory->ids[memory->oldest]));
	memory->oldest = (uint16_t)((memory->oldest + 1u) % memory->size);
	memory->count--;
}

static struct ackmem *
make(uint32_t size)
{
	uint32_t slots = 16;

	while (slots < 2 * size)
		slots *= 2;
	struct ackmem *memory = calloc(1, sizeof(*memory) +
	    size * sizeof(uint64_t) + slots * sizeof(uint16_t));
	if (memory) {
		memory->size = (uint16_t)size;
		memory->mask = (uint16_t)(slots - 1);
	}
	return memory;
}

/* Makes room for one more, by growth where that is allowed and possible. */
static void
grow(struct ackmem **memory, uint32_t capacity)
{
	struct ackmem *old = *memory;
	uint32_t size = old ? 2u * old->size : FIRST_CAPACITY;
	struct ackmem *bigger = make(size < capacity ? size : capacity);

	if (bigger == NULL)
		return;
	for (uint32_t i = 0; old && i < old->count; i++)
		insert(bigger, old->ids[((uint32_t)old->oldest + i) % old->size]);
	free(old);
	*memory = bigger;
}

bool
ackmem_has(const struct ackmem *memory, uint64_t id)
{
	return memory && slots_of(memory)[slot_of(memory, id)] != 0;
}

void
ackmem_add(struct ackmem **memory, uint64_t id, uint32_t capacity)
{
	if (*memory == NULL ||
	    ((*memory)->count == (*memory)->size && (*memory)->size < capacity))
		grow(memory, capacity);
	if (*memory == NULL)
		return;
	if ((*memory)->count == (*memory)->size)
		forget_oldest(*memory);
	insert(*memory, id);
}

uint32_t
ackmem_count(const struct ackmem *memory)
{
	return memory ? memory->count : 0;
}

uint64_t
ackmem_at(const struct ackmem *memory, uint32_t i)
{
	return memory->ids[(memory->oldest + i) % memory->size];
}

void
ackmem_free(struct ackmem **memory)
{
	free(*memory);
	*memory = NULL;
}
