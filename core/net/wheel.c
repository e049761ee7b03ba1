/* SPDX-License-Identifier: MIT */
#include "net/wheel.h"

void
wheel_init(struct wheel *wheel, uint64_t now_ms)
{
	for (unsigned i = 0; i < WHEEL_SLOTS; i++)
		list_init(&wheel->slots[i]);
	wheel->tick = now_ms / WHEEL_TICK_MS;
	wheel->count = 0;
}

void
wheel_timer_init(struct wheel_timer *timer,
    void (*fire)(struct wheel_timer *timer))
{
	list_init(&timer->link);
	timer->due_tick = 0;
	timer->fire = fire;
}

bool
wheel_running(const struct wheel_timer *timer)
{
	return !list_empty(&timer->link);
}

void
wheel_start(struct wheel *wheel, struct wheel_timer *timer, uint64_t now_ms,
    uint64_t after_ms)
{
	wheel_stop(wheel, timer);
	/* An empty wheel slept; time has passed without ticks. */
	if (wheel->count == 0)
		wheel->tick = now_ms / WHEEL_TICK_MS;
	timer->due_tick = (now_ms + after_ms) / WHEEL_TICK_MS + 1;
	if (timer->due_tick <= wheel->tick)
		timer->due_tick = wheel->tick + 1;
	list_add(&wheel->slots[timer->due_tick % WHEEL_SLOTS], &timer->link);
	wheel->count++;
}

void
wheel_stop(struct wheel *wheel, struct wheel_timer *timer)
{
	if (!wheel_running(timer))
		return;
	list_remove(&timer->link);
	wheel->count--;
}

/* Timers of later rounds stay in the slot. */
static void
run_slot(struct wheel *wheel, struct list *slot)
{
	struct list batch;

	list_init(&batch);
	list_splice(&batch, slot);
	for (struct list *link; (link = list_take(&batch));) {
		struct wheel_timer *timer =
		    container_of(link, struct wheel_timer, link);
		if (timer->due_tick > wheel->tick) {
			list_add(slot, link);
			continue;
		}
		wheel->count--;
		timer->fire(timer);
	}
}

void
wheel_run(struct wheel *wheel, uint64_t now_ms)
{
	uint64_t now = now_ms / WHEEL_TICK_MS;

	/* After a long sleep one round over all slots finds everything due. */
	if (now > wheel->tick + WHEEL_SLOTS)
		wheel->tick = now - WHEEL_SLOTS;
	while (wheel->tick < now && wheel->count > 0) {
		wheel->tick++;
		run_slot(wheel, &wheel->slots[wheel->tick % WHEEL_SLOTS]);
	}
	wheel->tick = now > wheel->tick ? now : wheel->tick;
}
