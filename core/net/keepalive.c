/* SPDX-License-Identifier: MIT */
#include "net/keepalive.h"

#include "net/loop.h"
#include "net/ws.h"
#include "util/alloc.h"
#include "util/attr.h"

#include <stdlib.h>

struct keepalive {
	struct keepalive *next; /* of the worker */
	struct worker *worker;
	uint64_t interval_ms;
	struct list pulses;
	struct wheel_timer timer; /* runs while there are any */
};

static struct pulse *
first(const struct keepalive *keepalive)
{
	return list_empty(&keepalive->pulses) ? NULL :
	    container_of(keepalive->pulses.next, struct pulse, link);
}

static void
wait_for_first(struct keepalive *keepalive, uint64_t now_ms)
{
	const struct pulse *pulse = first(keepalive);

	if (pulse)
		worker_timer_start(keepalive->worker, &keepalive->timer,
		    pulse->due_ms > now_ms ? pulse->due_ms - now_ms : 0);
}

/* A peer had the time until the ping was due. If that is long ago, it is we who
 * were stopped, or have too many to ping, and what it sent may still be unread. */
static void
beat(struct keepalive *keepalive, struct pulse *pulse, uint64_t now_ms)
{
	struct ws *ws = container_of(pulse, struct ws, pulse);
	uint64_t due_ms = pulse->due_ms;

	list_remove(&pulse->link);
	pulse->due_ms = now_ms + keepalive->interval_ms;
	list_add(&keepalive->pulses, &pulse->link);
	if (!ws_listens(ws))
		pulse->seen_ms = now_ms;
	if (pulse->seen_ms + KEEPALIVE_DEAD * keepalive->interval_ms <= due_ms)
		ws_lost(ws);
	else
		ws_ping(ws);
}

static void
on_due(struct wheel_timer *timer)
{
	struct keepalive *keepalive =
	    container_of(timer, struct keepalive, timer);
	uint64_t now_ms = worker_now_ms(keepalive->worker);

	for (unsigned i = 0; i < KEEPALIVE_BATCH; i++) {
		struct pulse *pulse = first(keepalive);
		if (pulse == NULL || pulse->due_ms > now_ms)
			break;
		beat(keepalive, pulse, now_ms);
	}
	wait_for_first(keepalive, now_ms);
}

static struct keepalive *
find(struct worker *worker, uint64_t interval_ms)
{
	struct keepalive *keepalive = worker->keepalives;

	while (keepalive && keepalive->interval_ms != interval_ms)
		keepalive = keepalive->next;
	if (keepalive)
		return keepalive;
	keepalive = xcalloc(1, sizeof(*keepalive));
	keepalive->worker = worker;
	keepalive->interval_ms = interval_ms;
	list_init(&keepalive->pulses);
	wheel_timer_init(&keepalive->timer, on_due);
	keepalive->next = worker->keepalives;
	worker->keepalives = keepalive;
	return keepalive;
}

void
keepalive_enter(struct worker *worker, struct pulse *pulse,
    uint64_t interval_ms)
{
	struct keepalive *keepalive = find(worker, interval_ms);
	uint64_t now_ms = worker_now_ms(worker);

	pulse->seen_ms = now_ms;
	pulse->due_ms = now_ms + interval_ms;
	list_add(&keepalive->pulses, &pulse->link);
	if (!wheel_running(&keepalive->timer))
		wait_for_first(keepalive, now_ms);
}

void
keepalive_leave(struct pulse *pulse)
{
	list_remove(&pulse->link);
}

void
keepalive_fini(struct worker *worker)
{
	while (worker->keepalives) {
		struct keepalive *keepalive = worker->keepalives;
		worker->keepalives = keepalive->next;
		worker_timer_stop(worker, &keepalive->timer);
		free(keepalive);
	}
}
