/* SPDX-License-Identifier: MIT */
/*
 * The timer wheel: never early, at most one tick late, in any order of starts,
 * stops and sleeps.
 */
#include "net/wheel.h"

#include "support/check.h"

#define START_MS 1234567
#define ROUND_MS (WHEEL_SLOTS * WHEEL_TICK_MS)
#define TIMERS 200

struct timer {
	struct wheel_timer timer;
	uint64_t due_ms;
	unsigned fired;
	struct timer *other; /* stopped or started when this one fires */
	bool again;          /* starts itself once more */
};

static struct wheel wheel;
static uint64_t now_ms;

static void
on_fire(struct wheel_timer *base)
{
	struct timer *timer = container_of(base, struct timer, timer);

	timer->fired++;
	check_number("stopped before", wheel_running(base), false);
	check_number("not early", now_ms >= timer->due_ms, true);
}

static void
begin(struct timer *timers, size_t count)
{
	now_ms = START_MS;
	wheel_init(&wheel, now_ms);
	memset(timers, 0, count * sizeof(*timers));
	for (size_t i = 0; i < count; i++)
		wheel_timer_init(&timers[i].timer, on_fire);
}

static void
start(struct timer *timer, uint64_t after_ms)
{
	timer->due_ms = now_ms + after_ms;
	wheel_start(&wheel, &timer->timer, now_ms, after_ms);
}

static void
pass(uint64_t ms)
{
	now_ms += ms;
	wheel_run(&wheel, now_ms);
}

/* --- one timer ------------------------------------------------------------ */

static void
test_a_timer_is_never_early_and_at_most_a_tick_late(void)
{
	static const uint64_t waits[] = { 0, 1, 49, 50, 51, 1000, ROUND_MS - 1,
		ROUND_MS, ROUND_MS + 1, 3 * ROUND_MS + 77 };
	struct timer timer;

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		for (unsigned phase = 0; phase < WHEEL_TICK_MS; phase += 7) {
			begin(&timer, 1);
			now_ms += phase;
			start(&timer, waits[i]);
			while (timer.fired == 0 &&
			    now_ms <= timer.due_ms + WHEEL_TICK_MS)
				pass(1);
			check_number("fired", timer.fired, 1);
			check_number("late", now_ms - timer.due_ms <=
			    WHEEL_TICK_MS, true);
			check_number("empty", (long long)wheel.count, 0);
		}
}

static void
test_a_stopped_timer_does_not_fire(void)
{
	struct timer timer;

	begin(&timer, 1);
	wheel_stop(&wheel, &timer.timer);
	start(&timer, 100);
	check_number("running", wheel_running(&timer.timer), true);
	wheel_stop(&wheel, &timer.timer);
	wheel_stop(&wheel, &timer.timer);
	check_number("running", wheel_running(&timer.timer), false);
	check_number("count", (long long)wheel.count, 0);
	pass(1000);
	check_number("fired", timer.fired, 0);
}

static void
test_a_timer_that_is_started_anew_fires_once(void)
{
	struct timer timer;

	begin(&timer, 1);
	start(&timer, 100);
	pass(50);
	start(&timer, 1000);
	check_number("count", (long long)wheel.count, 1);
	pass(950);
	check_number("not yet", timer.fired, 0);
	pass(100);
	check_number("fired", timer.fired, 1);
}

/* --- sleeps --------------------------------------------------------------- */

static void
test_a_long_sleep_fires_all_that_is_due_and_nothing_else(void)
{
	struct timer timers[TIMERS];

	begin(timers, TIMERS);
	for (unsigned i = 0; i < TIMERS; i++)
		start(&timers[i], i * 1000);
	pass(5 * ROUND_MS + 25);
	for (unsigned i = 0; i < TIMERS; i++)
		check_number("fired", timers[i].fired,
		    i * 1000 + WHEEL_TICK_MS <= 5 * ROUND_MS + 25);
	pass(TIMERS * 1000);
	for (unsigned i = 0; i < TIMERS; i++)
		check_number("fired once", timers[i].fired, 1);
}

static void
test_a_wheel_that_slept_empty_is_on_time(void)
{
	struct timer timer;

	begin(&timer, 1);
	now_ms += 7 * ROUND_MS + 333;
	start(&timer, 200);
	pass(199);
	check_number("not yet", timer.fired, 0);
	pass(51);
	check_number("fired", timer.fired, 1);
}

/* A clock that is read twice may show an older time than the last tick. */
static void
test_a_timer_is_not_lost_behind_the_tick(void)
{
	struct timer timers[2];

	begin(timers, 2);
	start(&timers[0], 10000);
	pass(1000);
	now_ms -= 200;
	start(&timers[1], 0);
	now_ms += 200;
	pass(WHEEL_TICK_MS);
	check_number("fired", timers[1].fired, 1);
}

/* --- inside a callback ---------------------------------------------------- */

static void
stop_other(struct wheel_timer *base)
{
	struct timer *timer = container_of(base, struct timer, timer);

	on_fire(base);
	wheel_stop(&wheel, &timer->other->timer);
}

static void
test_a_timer_may_stop_another_that_is_due(void)
{
	struct timer timers[3];

	begin(timers, 3);
	timers[0].timer.fire = stop_other;
	timers[0].other = &timers[1];
	for (unsigned i = 0; i < 3; i++)
		start(&timers[i], 100);
	pass(1000);
	check_number("first", timers[0].fired, 1);
	check_number("stopped", timers[1].fired, 0);
	check_number("behind it", timers[2].fired, 1);
	check_number("count", (long long)wheel.count, 0);
}

static void
start_again(struct wheel_timer *base)
{
	struct timer *timer = container_of(base, struct timer, timer);

	on_fire(base);
	start(timer, timer->again ? ROUND_MS : 0);
}

static void
test_a_timer_may_start_itself_anew(void)
{
	struct timer timers[2];

	begin(timers, 2);
	timers[0].timer.fire = timers[1].timer.fire = start_again;
	timers[1].again = true; /* the slot that is being run */
	start(&timers[0], 0);
	start(&timers[1], 0);
	pass(WHEEL_TICK_MS);
	check_number("once a run", timers[0].fired, 1);
	pass(WHEEL_TICK_MS);
	check_number("the next tick", timers[0].fired, 2);
	check_number("a round later", timers[1].fired, 1);
	pass(ROUND_MS);
	check_number("the next round", timers[1].fired, 2);
	check_number("count", (long long)wheel.count, 2);
}

static void
start_other(struct wheel_timer *base)
{
	struct timer *timer = container_of(base, struct timer, timer);

	on_fire(base);
	start(timer->other, 300);
}

static void
test_a_timer_may_put_off_another_that_is_due(void)
{
	struct timer timers[2];

	begin(timers, 2);
	timers[0].timer.fire = start_other;
	timers[0].other = &timers[1];
	start(&timers[0], 100);
	start(&timers[1], 100);
	pass(150);
	check_number("put off", timers[1].fired, 0);
	pass(350);
	check_number("fired", timers[1].fired, 1);
}

/* --- many ----------------------------------------------------------------- */

static uint64_t
draw(uint64_t *seed, uint64_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (*seed >> 33) % below;
}

static void
test_random_timers_follow_a_plain_model(void)
{
	struct timer timers[TIMERS];
	unsigned expected[TIMERS] = { 0 };
	bool running[TIMERS] = { false };
	uint64_t seed = 7;

	begin(timers, TIMERS);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)draw(&seed, TIMERS);
		if (draw(&seed, 3) > 0) {
			start(&timers[i], draw(&seed, 2 * ROUND_MS));
			running[i] = true;
		} else {
			wheel_stop(&wheel, &timers[i].timer);
			running[i] = false;
		}
		pass(draw(&seed, 100) ? draw(&seed, 200) : 2 * ROUND_MS);
		for (i = 0; i < TIMERS; i++) {
			bool must = running[i] &&
			    now_ms >= timers[i].due_ms + WHEEL_TICK_MS;
			bool may = running[i] && now_ms >= timers[i].due_ms;
			bool did = timers[i].fired > expected[i];
			CU_ASSERT_FATAL(did ? may : !must);
			expected[i] += did;
			running[i] &= !did;
			CU_ASSERT_FATAL(timers[i].fired == expected[i]);
		}
	}
}

static const struct named_test tests[] = {
	TEST(test_a_timer_is_never_early_and_at_most_a_tick_late),
	TEST(test_a_stopped_timer_does_not_fire),
	TEST(test_a_timer_that_is_started_anew_fires_once),
	TEST(test_a_long_sleep_fires_all_that_is_due_and_nothing_else),
	TEST(test_a_wheel_that_slept_empty_is_on_time),
	TEST(test_a_timer_is_not_lost_behind_the_tick),
	TEST(test_a_timer_may_stop_another_that_is_due),
	TEST(test_a_timer_may_start_itself_anew),
	TEST(test_a_timer_may_put_off_another_that_is_due),
	TEST(test_random_timers_follow_a_plain_model),
};

int
main(void)
{
	return RUN_TESTS("wheel", tests);
}
