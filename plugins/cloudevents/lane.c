/* SPDX-License-Identifier: MIT */
#include "lane.h"

#include "delivery.h"

void
lane_init(struct lane *lane, struct events_worker *worker,
    const struct handler *handler)
{
	*lane = (struct lane){ .worker = worker, .handler = handler };
	TAILQ_INIT(&lane->queue);
	TAILQ_INIT(&lane->ready);
}

/* Presence is the first thing that a crowded lane goes without. */
bool
lane_has_room(const struct lane *lane, enum wps_event_kind kind, bool blocking)
{
	if (blocking)
		return lane->active < lane->handler->concurrency ||
		    lane->blocking < lane->handler->queue;
	if (kind == WPS_EVENT_JOINED || kind == WPS_EVENT_LEFT)
		return lane->nonblocking < lane->handler->queue;
	return lane->nonblocking < LANE_NONBLOCKING_MAX;
}

/* --- places ----------------------------------------------------------------- */

static struct delivery *
next(struct lane *lane)
{
	struct delivery *delivery = TAILQ_FIRST(&lane->ready);

	if (delivery) {
		TAILQ_REMOVE(&lane->ready, delivery, queued);
	} else if (lane->active < lane->handler->concurrency &&
	    (delivery = TAILQ_FIRST(&lane->queue))) {
		TAILQ_REMOVE(&lane->queue, delivery, queued);
	}
	return delivery;
}

static bool
has_next(const struct lane *lane)
{
	return !TAILQ_EMPTY(&lane->ready) ||
	    (lane->active < lane->handler->concurrency &&
	     !TAILQ_EMPTY(&lane->queue));
}

/* What is begun may end at once and come back here. */
void
lane_pump(struct lane *lane)
{
	struct delivery *delivery;

	if (lane->pumping)
		return;
	lane->pumping = true;
	for (unsigned i = 0; i < LANE_BATCH && (delivery = next(lane)); i++) {
		delivery_set_state(delivery, DELIVERY_PLACED);
		delivery_begin(delivery);
	}
	lane->pumping = false;
	lane_pump_later(lane);
}

static void
on_posted(struct wps_worker *worker, void *data)
{
	struct lane *lane = data;

	(void)worker;
	lane->posted = false;
	lane_pump(lane);
}

void
lane_pump_later(struct lane *lane)
{
	const struct events_worker *worker = lane->worker;

	if (lane->posted || !has_next(lane))
		return;
	lane->posted = true;
	worker->plugin->host->post(worker->worker, on_posted, lane);
}

/* --- endings ---------------------------------------------------------------- */

static void end_later(struct events_worker *worker);

static void
on_endings(struct wps_worker *handle, void *data)
{
	struct events_worker *worker = data;
	struct delivery *delivery;

	(void)handle;
	worker->endings_posted = false;
	for (unsigned i = 0; i < LANE_BATCH &&
	    (delivery = TAILQ_FIRST(&worker->endings)); i++)
		delivery_conclude(delivery,
		    &(struct wps_answer){ .result = delivery->result });
	end_later(worker);
}

static void
end_later(struct events_worker *worker)
{
	if (worker->endings_posted || TAILQ_EMPTY(&worker->endings))
		return;
	worker->endings_posted = true;
	worker->plugin->host->post(worker->worker, on_endings, worker);
}

void
lane_end(struct delivery *delivery, int result)
{
	struct events_worker *worker = delivery->worker;

	delivery->result = result;
	delivery_set_state(delivery, DELIVERY_ENDING);
	TAILQ_INSERT_TAIL(&worker->endings, delivery, queued);
	end_later(worker);
	lane_pump_later(&worker->lanes[delivery->handler->index]);
}
