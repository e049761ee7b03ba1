/* SPDX-License-Identifier: MIT */
#include "net/loop.h"

#include "support/check.h"
#include "util/alloc.h"
#include "util/attr.h"

#define LIMIT 1000

static struct {
	struct loop_limits limits;
	struct worker *workers[2]; /* the first feeds the second */
	struct mail feed;          /* a turn of the feeder */
	struct mail parcel;        /* what it then posts */
	struct rester rester;
	bool congested, woken;
} scene;

static void
take_parcel(struct worker *worker, struct mail *mail)
{
	(void)worker;
	(void)mail;
}

static void
on_wake(struct rester *rester)
{
	(void)rester;
	scene.woken = true;
	ev_break(scene.workers[0]->loop, EVBREAK_ALL);
}

static void
post_parcel(struct worker *worker, struct mail *mail)
{
	(void)mail;
	worker_post(scene.workers[1], &scene.parcel);
	scene.congested = worker_congested(worker);
	if (scene.congested)
		worker_rest(worker, &scene.rester);
	ev_break(worker->loop, EVBREAK_ALL);
}

/* One turn of the feeder, in which it posts that many bytes. */
static void
feed(size_t bytes)
{
	memset(&scene, 0, sizeof(scene));
	scene.limits.mailbox_bytes = LIMIT;
	for (unsigned i = 0; i < ARRAY_LEN(scene.workers); i++)
		scene.workers[i] = worker_new(i, scene.workers,
		    ARRAY_LEN(scene.workers), &scene.limits);
	scene.feed.run = post_parcel;
	scene.parcel = (struct mail){ .run = take_parcel, .bytes = bytes };
	list_init(&scene.rester.link);
	scene.rester.wake = on_wake;
	worker_later(scene.workers[0], &scene.feed);
	worker_run(scene.workers[0]);
}

static void
tear_down(void)
{
	for (unsigned i = 0; i < ARRAY_LEN(scene.workers); i++)
		worker_free(&scene.workers[i]);
}

static void
test_feeder_goes_on_up_to_the_limit(void)
{
	feed(LIMIT);
	check_number("congested", scene.congested, false);
	worker_drain(scene.workers[1]);
	tear_down();
}

static void
test_feeder_rests_above_the_limit_until_relieved(void)
{
	feed(LIMIT + 1);
	check_number("congested", scene.congested, true);
	check_number("woken too early", scene.woken, false);
	worker_drain(scene.workers[1]);
	worker_run(scene.workers[0]);
	check_number("woken", scene.woken, true);
	check_number("relieved", worker_congested(scene.workers[0]), false);
	tear_down();
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_feeder_goes_on_up_to_the_limit),
		TEST(test_feeder_rests_above_the_limit_until_relieved),
	};

	return RUN_TESTS("mailbox", tests);
}
