/* SPDX-License-Identifier: MIT */
/*
 * WebSocket connections: closing from either side, held messages, early bytes.
 */
#include "net/ws.h"

#include "net/stream.h"
#include "support/check.h"
#include "support/clock.h"
#include "support/wsframe.h"
#include "support/wspair.h"

#include <sys/socket.h>

#define WHOLE_TEXT (FRAME_FIN | FRAME_TEXT)
#define PING (FRAME_FIN | FRAME_PING)
#define CLOSE (FRAME_FIN | FRAME_CLOSE)

/* --- messages ------------------------------------------------------------- */

static void
test_messages_reach_the_owner_and_pings_their_answer(void)
{
	pair_open();
	pair_send(WHOLE_TEXT, "hello");
	pair_send(PING, "are you there");
	pair_send(FRAME_FIN | FRAME_BINARY, "bye");
	pair_check_owner("messages", "text(hello) binary(bye)");
	pair_check_client("pong", "pong(are you there)");
	pair_close();
}

static void
test_what_is_pushed_reaches_the_client(void)
{
	pair_open();
	check_number("push", pair_push("one"), WPS_OK);
	check_number("push", pair_push("two"), WPS_OK);
	pair_check_client("in order", "text(one) text(two)");
	pair_close();
}

static void
test_early_bytes_come_first(void)
{
	char bytes[64];
	char *end = frame_put(bytes, WHOLE_TEXT, WPS_SPAN("early"));

	pair_open();
	end = frame_put(end, WHOLE_TEXT, WPS_SPAN("cut"));
	pair_write((struct wps_span){ end - 1, 1 });
	ws_feed_early(pair.ws,
	    (struct wps_span){ bytes, (size_t)(end - bytes) - 1 });
	pair_check_owner("then what is read", "text(early) text(cut)");
	pair_close();
}

/* --- closing -------------------------------------------------------------- */

static void
test_a_close_of_the_client_is_answered_and_ends_it(void)
{
	pair_open();
	pair_push("before");
	pair_send_close(1000);
	pair_check_owner("ended", "ended(1000 peer)");
	pair_check_client("answer", "text(before) close(1000) eof");
	pair_close();
}

static void
test_a_close_without_a_code_is_answered_alike(void)
{
	pair_open();
	pair_send(CLOSE, "");
	pair_check_owner("ended", "ended(1005 peer)");
	pair_check_client("answer", "close() eof");
	pair_close();
}

static void
test_behind_its_close_the_client_is_not_heard(void)
{
	pair_open();
	pair_send_close(3000);
	pair_send_texts("ab");
	pair_send(PING, "");
	pair_check_owner("ended", "ended(3000 peer)");
	pair_close();
}

static void
test_a_close_of_ours_waits_for_the_answer(void)
{
	pair_open();
	pair_push("before");
	ws_close(pair.ws, 1001, WPS_SPAN("going away"));
	pair_check_client("close", "text(before) close(1001 going away)");
	pair_check_owner("waiting", "");
	pair_send_close(1001);
	pair_check_owner("ended", "ended(1001 us)");
	pair_check_client("closed by us", "eof");
	pair_close();
}

static void
test_behind_a_close_of_ours_nothing_goes_either_way(void)
{
	pair_open();
	ws_close(pair.ws, 1001, WPS_SPAN(""));
	check_number("push", pair_push("late"), WPS_OK);
	ws_ping(pair.ws);
	pair_send_texts("a");
	pair_send(PING, "x");
	ws_close(pair.ws, 1011, WPS_SPAN("only the first counts"));
	pair_check_client("close", "close(1001)");
	pair_check_owner("nothing", "");
	pair_send_close(1001);
	pair_check_owner("ended", "ended(1001 us)");
	pair_close();
}

static void
test_closes_that_cross_end_it(void)
{
	pair_open();
	pair_send_close(1000);
	ws_close(pair.ws, 1001, WPS_SPAN(""));
	pair_check_owner("ended", "ended(1000 us)");
	pair_check_client("one close", "close(1001) eof");
	pair_close();
}

static void
test_a_client_that_does_not_answer_has_a_time(void)
{
	pair_open();
	ws_close(pair.ws, 1001, WPS_SPAN(""));
	pair_check_client("close", "close(1001)");
	clock_pass(pair.worker, pair.limits.close_wait_ms - 1);
	pair_check_owner("not yet", "");
	clock_pass(pair.worker, 2 * WHEEL_TICK_MS);
	pair_check_owner("ended", "ended(1006 us)");
	pair_check_client("cut", "eof");
	pair_close();
}

static void
test_the_end_of_the_socket_is_the_end(void)
{
	pair_open();
	pair_send_texts("a");
	shutdown(pair.fd, SHUT_WR);
	pair_check_owner("ended", "text(a) ended(1006 peer)");
	pair_close();
}

static void
test_a_cut_says_no_close(void)
{
	pair_open();
	ws_cut(pair.ws);
	ws_cut(pair.ws);
	ws_close(pair.ws, 1000, WPS_SPAN(""));
	pair_check_owner("ended once", "ended(1006 peer)");
	pair_check_client("no frame", "eof");
	pair_close();
}

/* RFC 6455, section 5.5: 125 bytes, two of them the code. */
static void
test_a_long_reason_is_cut_between_characters(void)
{
	char reason[200], expected[200];

	pair_open();
	memset(reason, 'r', sizeof(reason));
	memcpy(reason + 121, "\xe2\x82\xac", 3);
	ws_close(pair.ws, 4000, (struct wps_span){ reason, sizeof(reason) });
	snprintf(expected, sizeof(expected), "close(4000 %.121s)", reason);
	pair_check_client("cut", expected);
	pair_close();
}

static void
test_a_violation_is_the_owners_to_close(void)
{
	pair_open();
	pair.close_failed = true;
	pair_write(WPS_SPAN("\x81\x01" "a"));
	pair_check_owner("told", "fail(1002)");
	pair_check_client("closed", "close(1002 frame is not masked)");
	pair_send_texts("a");
	pair_check_owner("deaf", "");
	clock_pass(pair.worker, pair.limits.close_wait_ms + WHEEL_TICK_MS);
	pair_check_owner("ended", "ended(1006 us)");
	pair_close();
}

static void
test_behind_a_close_of_ours_nothing_is_a_violation(void)
{
	pair_open();
	ws_close(pair.ws, 1001, WPS_SPAN(""));
	pair_write(WPS_SPAN("\x81\x01" "a"));
	pair_check_owner("nothing", "");
	pair_close();
}

static void
test_messages_before_a_close_are_given(void)
{
	pair_open();
	pair_send_texts("abc");
	pair_send_close(1000);
	pair_check_owner("all before it", "text(a) text(b) text(c) "
	    "ended(1000 peer)");
	pair_close();
}

static void
test_dropping_makes_the_close_the_next_to_go(void)
{
	pair_open();
	pair_push("never");
	ws_drop_unsent(pair.ws);
	ws_close(pair.ws, 1008, WPS_SPAN("slow"));
	pair_check_client("only the close", "close(1008 slow)");
	pair_close();
}

/* --- holding -------------------------------------------------------------- */

static void
test_held_messages_wait_in_order(void)
{
	pair_open();
	ws_hold(pair.ws, true);
	pair_send_texts("ab");
	pair_check_owner("nothing", "");
	ws_hold(pair.ws, false);
	pair_send_texts("c");
	pair_check_owner("in order", "text(a) text(b) text(c)");
	pair_close();
}

/* A hold may end before others are read in the same turn. */
static void
test_what_is_read_behind_a_hold_stays_behind(void)
{
	char bytes[64];
	char *end = frame_put(bytes, WHOLE_TEXT, WPS_SPAN("b"));

	pair_open();
	ws_hold(pair.ws, true);
	pair_send_texts("a");
	pair_turn();
	ws_hold(pair.ws, false);
	ws_feed_early(pair.ws,
	    (struct wps_span){ bytes, (size_t)(end - bytes) });
	pair_check_owner("in order", "text(a) text(b)");
	pair_close();
}

static void
test_held_messages_are_limited_by_number(void)
{
	pair_open();
	ws_hold(pair.ws, true);
	pair_send_texts("ab");
	pair_turn();
	check_number("below", ws_listens(pair.ws), true);
	pair_send_texts("c");
	pair_turn();
	check_number("at the limit", ws_listens(pair.ws), false);
	pair_send_texts("de");
	pair_check_owner("nothing", "");
	ws_hold(pair.ws, false);
	pair_check_owner("all", "text(a) text(b) text(c) text(d) text(e)");
	check_number("read on", ws_listens(pair.ws), true);
	pair_close();
}

static void
test_held_messages_are_limited_by_bytes(void)
{
	for (size_t more = 0; more <= 1; more++) {
		char text[100];
		memset(text, 'x', sizeof(text));
		text[49 + more] = '\0';
		pair_open();
		ws_hold(pair.ws, true);
		pair_send(WHOLE_TEXT, text);
		text[49 + more] = 'x';
		text[50] = '\0';
		pair_send(WHOLE_TEXT, text);
		pair_turn();
		check_number("reads on", ws_listens(pair.ws), more == 0);
		pair_close();
	}
}

static void
test_what_was_given_makes_room(void)
{
	char text[61];

	memset(text, 'x', sizeof(text));
	text[60] = '\0';
	pair_open();
	for (unsigned i = 0; i < 3; i++) {
		ws_hold(pair.ws, true);
		pair_send(WHOLE_TEXT, text);
		pair_turn();
		check_number("reads on", ws_listens(pair.ws), true);
		ws_hold(pair.ws, false);
		pair_turn();
	}
	pair_close();
}

/* Many come with one read: those beyond the limit wait as bytes. */
static void
test_one_read_beyond_the_limit_loses_nothing(void)
{
	char bytes[1024];
	char *end = bytes;

	pair_open();
	for (char c = 'a'; c <= 'j'; c++)
		end = frame_put(end, WHOLE_TEXT, (struct wps_span){ &c, 1 });
	pair.hold_each = true;
	for (char *p = bytes; p < end; p += 7)
		pair_write((struct wps_span){ p, 7 });
	pair_check_owner("one", "text(a)");
	for (char c = 'b'; c <= 'j'; c++) {
		char expected[] = { 't', 'e', 'x', 't', '(', c, ')', '\0' };
		ws_hold(pair.ws, false);
		pair_check_owner("the next", expected);
	}
	ws_hold(pair.ws, false);
	pair_check_owner("no more", "");
	check_number("read on", ws_listens(pair.ws), true);
	pair_close();
}

static void
test_a_rest_of_early_bytes_waits(void)
{
	char bytes[256];
	char *end = bytes;

	pair_open();
	for (char c = 'a'; c <= 'h'; c++)
		end = frame_put(end, WHOLE_TEXT, (struct wps_span){ &c, 1 });
	ws_hold(pair.ws, true);
	ws_feed_early(pair.ws,
	    (struct wps_span){ bytes, (size_t)(end - bytes) });
	pair_send_texts("i");
	pair_check_owner("held", "");
	ws_hold(pair.ws, false);
	pair_check_owner("in order", "text(a) text(b) text(c) text(d) text(e) "
	    "text(f) text(g) text(h) text(i)");
	pair_close();
}

static void
test_pings_are_answered_while_messages_wait(void)
{
	pair_open();
	ws_hold(pair.ws, true);
	pair_send_texts("a");
	pair_send(PING, "1");
	pair_check_client("answered", "pong(1)");
	pair_send_texts("bc");
	pair_send(PING, "2");
	pair_check_client("behind the limit", "");
	ws_hold(pair.ws, false);
	pair_check_client("answered late", "pong(2)");
	pair_close();
}

static void
test_a_hold_that_is_taken_back_changes_nothing(void)
{
	pair_open();
	ws_hold(pair.ws, true);
	pair_send_texts("a");
	pair_turn();
	ws_hold(pair.ws, false);
	ws_hold(pair.ws, true);
	pair_check_owner("still held", "");
	ws_hold(pair.ws, false);
	ws_hold(pair.ws, false);
	pair_check_owner("once", "text(a)");
	pair_close();
}

/* --- full turns ------------------------------------------------------------ */

/* What one read brought is given over several turns; nothing more is read till
 * then. */
static void
test_messages_wait_for_a_turn_that_has_room(void)
{
	pair_open();
	pair.tire_each = true;
	pair_send_texts("abcdef");
	pair_send(PING, "1");
	pair_send_texts("g");
	pair_turn_once();
	check_number("one", (long)pair.events_len, (long)strlen("text(a) "));
	check_number("rests", ws_listens(pair.ws), false);
	pair_check_owner("in order", "text(a) text(b) text(c) text(d) text(e) "
	    "text(f) text(g)");
	pair_check_client("answered", "pong(1)");
	check_number("reads on", ws_listens(pair.ws), true);
	pair_send_texts("h");
	pair_check_owner("more", "text(h)");
	pair_close();
}

static void
fill_turn(struct worker *worker, struct mail *mail)
{
	(void)mail;
	worker->pushed = WORKER_TURN_PUSHES;
}

/* Others may have taken all of the turn in which it could go on. */
static void
test_what_was_held_waits_for_a_turn_that_has_room(void)
{
	struct mail mail = { .run = fill_turn };

	pair_open();
	ws_hold(pair.ws, true);
	pair_send_texts("a");
	pair_turn();
	worker_later(pair.worker, &mail);
	ws_hold(pair.ws, false);
	pair_turn_once();
	check_number("not yet", (long)pair.events_len, 0);
	pair_check_owner("in the next turn", "text(a)");
	pair_close();
}

static void
test_a_hold_and_a_full_turn_end_each_for_itself(void)
{
	pair_open();
	pair.tire_each = pair.hold_each = true;
	pair_send_texts("abcdefg");
	pair_check_owner("held", "text(a)");
	for (char c = 'b'; c <= 'g'; c++) {
		char expected[] = { 't', 'e', 'x', 't', '(', c, ')', '\0' };
		ws_hold(pair.ws, false);
		pair_check_owner("the next", expected);
	}
	ws_hold(pair.ws, false);
	pair_check_owner("no more", "");
	check_number("reads on", ws_listens(pair.ws), true);
	pair_close();
}

static void
test_a_close_behind_a_full_turn_is_heard(void)
{
	pair_open();
	pair.tire_each = true;
	pair_send_texts("abc");
	pair_send_close(1000);
	pair_check_client("answered", "close(1000) eof");
	pair_check_owner("all of it", "text(a) text(b) text(c) ended(1000 peer)");
	pair_close();
}

static void
test_the_loss_of_the_client_behind_a_full_turn_is_heard(void)
{
	pair_open();
	pair.tire_each = true;
	pair_send_texts("abc");
	shutdown(pair.fd, SHUT_WR);
	pair_check_owner("all of it", "text(a) text(b) text(c) ended(1006 peer)");
	pair_close();
}

static void
test_a_transport_that_waits_for_a_turn_may_end(void)
{
	pair_open();
	pair.tire_each = true;
	pair_send_texts("abc");
	pair_turn_once();
	ws_cut(pair.ws);
	pair_check_owner("gone", "text(a) ended(1006 peer)");
	pair_close();
}

/* --- congestion ----------------------------------------------------------- */

/* As if a mailbox that the worker feeds were over its mark, and then below. */
static void
congest(bool on)
{
	struct list *link;

	pair.worker->congested = on;
	while (!on && (link = list_take(&pair.worker->resting))) {
		struct rester *rester = container_of(link, struct rester, link);
		rester->wake(rester);
	}
}

static void
test_a_congested_socket_rests_behind_what_it_has_read(void)
{
	pair_open();
	congest(true);
	pair_send_texts("a");
	pair_check_owner("read", "text(a)");
	pair_send_texts("b");
	pair_check_owner("rests", "");
	congest(false);
	pair_check_owner("read on", "text(b)");
	pair_close();
}

static void
test_relief_does_not_wake_a_socket_that_holds_enough(void)
{
	char bytes[8192];
	char *end = bytes;

	/* More than the context takes ahead: the rest waits as bytes. */
	pair_open();
	congest(true);
	ws_hold(pair.ws, true);
	for (char c = 'a'; c <= 'f'; c++)
		end = frame_put(end, WHOLE_TEXT, (struct wps_span){ &c, 1 });
	for (unsigned i = 0; i < 1000; i++)
		end = frame_put(end, FRAME_FIN | FRAME_PONG, WPS_SPAN(""));
	pair_write((struct wps_span){ bytes, (size_t)(end - bytes) });
	pair_turn();
	congest(false);
	pair_send_texts("g");
	pair_turn();
	check_number("rests", ws_listens(pair.ws), false);
	ws_hold(pair.ws, false);
	pair_check_owner("all, in order", "text(a) text(b) text(c) text(d) "
	    "text(e) text(f) text(g)");
	pair_close();
}

static void
test_readiness_does_not_wake_a_congested_socket(void)
{
	pair_open();
	congest(true);
	ws_hold(pair.ws, true);
	pair_send_texts("a");
	pair_turn();
	ws_hold(pair.ws, false);
	pair_check_owner("what was read", "text(a)");
	check_number("rests", ws_listens(pair.ws), false);
	congest(false);
	check_number("reads", ws_listens(pair.ws), true);
	pair_close();
}

static void
test_a_socket_that_rests_may_end(void)
{
	pair_open();
	congest(true);
	pair_send_texts("a");
	pair_check_owner("read", "text(a)");
	ws_cut(pair.ws);
	congest(false);
	check_number("not read any more", ws_listens(pair.ws), false);
	pair_check_owner("ended", "ended(1006 peer)");
	pair_close();
}

static const struct named_test tests[] = {
	TEST(test_messages_reach_the_owner_and_pings_their_answer),
	TEST(test_what_is_pushed_reaches_the_client),
	TEST(test_early_bytes_come_first),
	TEST(test_a_close_of_the_client_is_answered_and_ends_it),
	TEST(test_a_close_without_a_code_is_answered_alike),
	TEST(test_behind_its_close_the_client_is_not_heard),
	TEST(test_a_close_of_ours_waits_for_the_answer),
	TEST(test_behind_a_close_of_ours_nothing_goes_either_way),
	TEST(test_closes_that_cross_end_it),
	TEST(test_a_client_that_does_not_answer_has_a_time),
	TEST(test_the_end_of_the_socket_is_the_end),
	TEST(test_a_cut_says_no_close),
	TEST(test_a_long_reason_is_cut_between_characters),
	TEST(test_a_violation_is_the_owners_to_close),
	TEST(test_behind_a_close_of_ours_nothing_is_a_violation),
	TEST(test_messages_before_a_close_are_given),
	TEST(test_dropping_makes_the_close_the_next_to_go),
	TEST(test_held_messages_wait_in_order),
	TEST(test_what_is_read_behind_a_hold_stays_behind),
	TEST(test_held_messages_are_limited_by_number),
	TEST(test_held_messages_are_limited_by_bytes),
	TEST(test_what_was_given_makes_room),
	TEST(test_one_read_beyond_the_limit_loses_nothing),
	TEST(test_a_rest_of_early_bytes_waits),
	TEST(test_pings_are_answered_while_messages_wait),
	TEST(test_a_hold_that_is_taken_back_changes_nothing),
	TEST(test_messages_wait_for_a_turn_that_has_room),
	TEST(test_what_was_held_waits_for_a_turn_that_has_room),
	TEST(test_a_hold_and_a_full_turn_end_each_for_itself),
	TEST(test_a_close_behind_a_full_turn_is_heard),
	TEST(test_the_loss_of_the_client_behind_a_full_turn_is_heard),
	TEST(test_a_transport_that_waits_for_a_turn_may_end),
	TEST(test_a_congested_socket_rests_behind_what_it_has_read),
	TEST(test_relief_does_not_wake_a_socket_that_holds_enough),
	TEST(test_readiness_does_not_wake_a_congested_socket),
	TEST(test_a_socket_that_rests_may_end),
};

int
main(void)
{
	return RUN_TESTS("ws", tests);
}
