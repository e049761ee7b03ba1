/* SPDX-License-Identifier: MIT */
/*
 * Keep-alive: pings in time, and the end of those that give no sign of life.
 */
#include "net/keepalive.h"

#include "net/stream.h"
#include "support/check.h"
#include "support/clock.h"
#include "support/wsframe.h"
#include "support/wspair.h"
#include "util/alloc.h"

#include <fcntl.h>
#include <stdlib.h>

#define INTERVAL_MS 20000 /* of a pair */

static void
pass_intervals(unsigned count)
{
	clock_pass(pair.worker, count * (INTERVAL_MS + WHEEL_TICK_MS));
}

static void
pong(void)
{
	pair_send(FRAME_FIN | FRAME_PONG, "");
	pair_turn();
}

static void
test_a_ping_goes_out_after_the_interval(void)
{
	pair_open();
	clock_pass(pair.worker, INTERVAL_MS - 1);
	pair_check_client("not yet", "");
	clock_pass(pair.worker, 1 + WHEEL_TICK_MS);
	pair_check_client("ping", "ping()");
	clock_pass(pair.worker, INTERVAL_MS - WHEEL_TICK_MS);
	pair_check_client("not yet", "");
	clock_pass(pair.worker, 2 * WHEEL_TICK_MS);
	pair_check_client("the next", "ping()");
	pair_close();
}

static void
test_who_answers_is_pinged_for_ever(void)
{
	pair_open();
	for (unsigned i = 0; i < 10; i++) {
		pass_intervals(1);
		pair_check_client("ping", "ping()");
		pong();
	}
	pair_check_owner("lives", "");
	pair_close();
}

static void
test_who_is_silent_for_three_intervals_is_cut_without_a_close(void)
{
	pair_open();
	pass_intervals(1);
	pair_check_client("first", "ping()");
	pass_intervals(1);
	pair_check_client("second", "ping()");
	pair_check_owner("lives", "");
	pass_intervals(1);
	pair_check_owner("cut", "ended(1006 peer)");
	pair_check_client("no frame", "eof");
	pair_close();
}

/* Until then nothing is kept for it, so it cannot become a slow one. */
static void
test_who_is_silent_is_cut_behind_what_it_has_said(void)
{
	char text[900];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	pair_open();
	ws_hold(pair.ws, true);
	pair_send(FRAME_FIN | FRAME_TEXT, "x");
	pair_turn();
	pass_intervals(3);
	pair_check_owner("waits", "");
	check_number("rests", ws_listens(pair.ws), false);
	for (unsigned i = 0; i < 2000; i++)
		CU_ASSERT_EQUAL(pair_push(text), WPS_OK);
	ws_hold(pair.ws, false);
	pair_check_owner("cut", "text(x) ended(1006 peer)");
	pair_close();
}

/* Nothing may follow its close, pongs neither, and it waits for the answer. */
static void
test_who_has_said_close_is_not_silent(void)
{
	pair_open();
	ws_hold(pair.ws, true);
	pair_send(FRAME_FIN | FRAME_TEXT, "x");
	pair_send_close(1000);
	pair_turn();
	pass_intervals(4);
	pair_check_owner("waits", "");
	ws_hold(pair.ws, false);
	pair_check_owner("ended", "text(x) ended(1000 peer)");
	pair_check_client("answered", "ping() ping() ping() ping() "
	    "close(1000) eof");
	pair_close();
}

/* Its end is decided: it may not take that back. */
static void
test_who_was_silent_is_not_read_any_more(void)
{
	pair_open();
	pair.hold_each = true;
	pair_send(FRAME_FIN | FRAME_TEXT, "x");
	pair_send(FRAME_FIN | FRAME_TEXT, "y");
	pair_check_owner("held", "text(x)");
	pass_intervals(3);
	pair_send(FRAME_FIN | FRAME_TEXT, "z");
	ws_hold(pair.ws, false);
	pair_check_owner("what it had said", "text(y)");
	ws_hold(pair.ws, false);
	pair_check_owner("cut", "ended(1006 peer)");
	pair_close();
}

/* Half a frame is one too. */
static void
test_whatever_comes_is_a_sign_of_life(void)
{
	static const char text[] = "\x81\x82\0\0\0\0ab";

	pair_open();
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		pass_intervals(2);
		pair_check_client("pings", "ping() ping()");
		pair_write((struct wps_span){ text + i, 1 });
		pair_turn();
	}
	pair_check_owner("lives", "text(ab)");
	pair_close();
}

static void
test_the_clock_stands_still_while_a_socket_is_not_read(void)
{
	pair_open();
	ws_hold(pair.ws, true);
	for (unsigned i = 0; i < 4; i++)
		pair_send(FRAME_FIN | FRAME_TEXT, "x");
	pair_turn();
	check_number("rests", ws_listens(pair.ws), false);
	pass_intervals(5);
	pair_check_client("pinged", "ping() ping() ping() ping() ping()");
	pair_check_owner("lives", "");
	ws_hold(pair.ws, false);
	pair_check_owner("goes on", "text(x) text(x) text(x) text(x)");
	pass_intervals(2);
	pair_check_owner("lives", "");
	pass_intervals(1);
	pair_check_owner("silent since", "ended(1006 peer)");
	pair_close();
}

/* The process was stopped, the machine asleep: what clients have sent is not read
 * yet when the timers run. */
static void
test_time_in_which_nothing_ran_cuts_nobody(void)
{
	pair_open();
	pass_intervals(1);
	pair_check_client("ping", "ping()");
	pair_send(FRAME_FIN | FRAME_PONG, "");
	clock_ms += 5 * INTERVAL_MS;
	wheel_run(&pair.worker->wheel, clock_ms);
	pair_check_owner("lives", "");
	pair_check_client("pinged", "ping()");
	pass_intervals(3);
	pair_check_owner("silent since", "ended(1006 peer)");
	pair_close();
}

static void
test_behind_a_close_no_ping_is_sent(void)
{
	pair_open();
	pair.limits.close_wait_ms = 4 * INTERVAL_MS;
	ws_close(pair.ws, 1001, WPS_SPAN(""));
	pass_intervals(2);
	pair_check_client("only the close", "close(1001)");
	pair_close();
}

static void
test_nothing_ticks_when_nobody_is_left(void)
{
	pair_open();
	pair_send_close(1000);
	pair_check_owner("ended", "ended(1000 peer)");
	pass_intervals(1);
	check_number("timers", (long long)pair.worker->wheel.count, 0);
	pair_close();
}

/* --- many ----------------------------------------------------------------- */

#define MANY (KEEPALIVE_BATCH + 200)

/* Enough of a WebSocket to be pinged. */
static struct ws *
many_new(struct stream *stream, const struct sender_limits *limits)
{
	struct ws *many = xcalloc(MANY, sizeof(*many));

	for (unsigned i = 0; i < MANY; i++) {
		many[i].stream = stream;
		sender_init(&many[i].sender, stream, limits, NULL);
		list_init(&many[i].pulse.link);
	}
	return many;
}

static void
many_free(struct ws *many)
{
	for (unsigned i = 0; i < MANY; i++) {
		keepalive_leave(&many[i].pulse);
		sender_fini(&many[i].sender);
	}
	free(many);
}

static unsigned
pinged(const struct ws *many)
{
	unsigned count = 0;

	for (unsigned i = 0; i < MANY; i++)
		count += many[i].sender.items;
	return count;
}

static void
pass(struct worker *worker, uint64_t ms)
{
	clock_ms += ms;
	wheel_run(&worker->wheel, clock_ms);
}

static void
begin_many(struct worker **worker, struct stream **stream)
{
	static const struct loop_limits limits = { .mailbox_bytes = 1 << 20 };
	static struct worker *peers[1];

	*worker = peers[0] = worker_new(0, peers, 1, &limits);
	*stream = stream_new(*worker, open("/dev/null", O_RDWR),
	    NULL);
}

static const struct sender_limits out = { .bytes = 1000, .items = 10 };

static void
test_a_tick_pings_a_batch_at_most(void)
{
	struct worker *worker;
	struct stream *stream;

	begin_many(&worker, &stream);
	struct ws *many = many_new(stream, &out);
	for (unsigned i = 0; i < MANY; i++)
		keepalive_enter(worker, &many[i].pulse, 1000);
	pass(worker, 1000 + WHEEL_TICK_MS);
	check_number("a batch", pinged(many), KEEPALIVE_BATCH);
	pass(worker, WHEEL_TICK_MS);
	check_number("the rest", pinged(many), MANY);
	many_free(many);
	stream_free(&stream);
	worker_free(&worker);
}

static void
test_each_interval_has_its_own_time(void)
{
	struct worker *worker;
	struct stream *stream;

	begin_many(&worker, &stream);
	struct ws *many = many_new(stream, &out);
	keepalive_enter(worker, &many[0].pulse, 3000);
	keepalive_enter(worker, &many[1].pulse, 1000);
	pass(worker, 500);
	keepalive_enter(worker, &many[2].pulse, 1000);
	pass(worker, 500 + WHEEL_TICK_MS);
	check_number("short", many[1].sender.items, 1);
	check_number("later", many[2].sender.items, 0);
	pass(worker, 500);
	check_number("later", many[2].sender.items, 1);
	check_number("long", many[0].sender.items, 0);
	pass(worker, 1500);
	check_number("long", many[0].sender.items, 1);
	check_number("short, twice more", many[1].sender.items, 2);
	many_free(many);
	stream_free(&stream);
	worker_free(&worker);
}

static const struct named_test tests[] = {
	TEST(test_a_ping_goes_out_after_the_interval),
	TEST(test_who_answers_is_pinged_for_ever),
	TEST(test_who_is_silent_for_three_intervals_is_cut_without_a_close),
	TEST(test_who_is_silent_is_cut_behind_what_it_has_said),
	TEST(test_who_has_said_close_is_not_silent),
	TEST(test_who_was_silent_is_not_read_any_more),
	TEST(test_whatever_comes_is_a_sign_of_life),
	TEST(test_the_clock_stands_still_while_a_socket_is_not_read),
	TEST(test_time_in_which_nothing_ran_cuts_nobody),
	TEST(test_behind_a_close_no_ping_is_sent),
	TEST(test_nothing_ticks_when_nobody_is_left),
	TEST(test_a_tick_pings_a_batch_at_most),
	TEST(test_each_interval_has_its_own_time),
};

int
main(void)
{
	return RUN_TESTS("keepalive", tests);
}
