/* SPDX-License-Identifier: MIT */
#include "hub/replay.h"

#include "net/sender.h"
#include "util/alloc.h"
#include "util/attr.h"

#include <stdlib.h>

#define FIRST_CAP 8
#define KEEP_CAP 64 /* an empty ring that is larger is given back */

void
replay_init(struct replay *replay, void *owner,
    void (*expired)(struct wheel_timer *timer))
{
	*replay = (struct replay){ .owner = owner };
	wheel_timer_init(&replay->window, expired);
}

static void
drop_first(struct replay *replay)
{
	struct replay_entry *entry = &replay->ring[replay->first];

	replay->bytes -= entry->body->len;
	body_unref(entry->body);
	replay->first = (replay->first + 1) & (replay->cap - 1);
	replay->count--;
}

void
replay_fini(struct replay *replay)
{
	while (replay->count > 0)
		drop_first(replay);
	free(replay->ring);
	replay->ring = NULL;
	replay->cap = 0;
}

const struct replay_entry *
replay_at(const struct replay *replay, uint32_t i)
{
	wps_assert(i < replay->count);
	return &replay->ring[(replay->first + i) & (replay->cap - 1)];
}

static void
grow(struct replay *replay)
{
	uint32_t cap = replay->cap ? replay->cap * 2 : FIRST_CAP;
	struct replay_entry *ring = xcalloc(cap, sizeof(*ring));

	for (uint32_t i = 0; i < replay->count; i++)
		ring[i] = *replay_at(replay, i);
	free(replay->ring);
	replay->ring = ring;
	replay->cap = cap;
	replay->first = 0;
}

int
replay_restore(struct replay *replay, struct body *body,
    const struct replay_limits *limits, uint64_t sequence)
{
	if (replay->count > 0 && (replay->count >= limits->messages ||
	    replay->bytes + body->len > limits->bytes))
		return WPS_FULL;
	if (replay->count == replay->cap)
		grow(replay);
	body->refs++;
	replay->ring[(replay->first + replay->count) & (replay->cap - 1)] =
	    (struct replay_entry){ body, sequence };
	replay->count++;
	replay->bytes += body->len;
	return WPS_OK;
}

int
replay_add(struct replay *replay, struct body *body,
    const struct replay_limits *limits, uint64_t *sequence_out)
{
	int rc = replay_restore(replay, body, limits, replay->last + 1);

	if (rc == WPS_OK)
		*sequence_out = ++replay->last;
	return rc;
}

void
replay_drop_expired(struct replay *replay, uint64_t now_ms)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < replay->count; i++) {
		struct replay_entry entry = *replay_at(replay, i);
		if (entry.body->expires_ms == 0 ||
		    entry.body->expires_ms > now_ms) {
			replay->ring[(replay->first + kept++) & (replay->cap - 1)] =
			    entry;
			continue;
		}
		replay->bytes -= entry.body->len;
		body_unref(entry.body);
	}
	replay->count = kept;
}

void
replay_ack(struct replay *replay, uint64_t sequence)
{
	while (replay->count > 0 && replay_at(replay, 0)->sequence <= sequence)
		drop_first(replay);
	if (replay->count == 0 && replay->cap > KEEP_CAP)
		replay_fini(replay);
}
