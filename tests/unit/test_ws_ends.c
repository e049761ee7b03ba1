/* SPDX-License-Identifier: MIT */
/*
 * WebSocket connections that end while something waits: messages of a held one,
 * or what its client has not read.
 */
#include "net/ws.h"

#include "net/stream.h"
#include "support/check.h"
#include "support/clock.h"
#include "support/wsframe.h"
#include "support/wspair.h"

#include <sys/socket.h>

#define WHOLE_TEXT (FRAME_FIN | FRAME_TEXT)
#define CLOSE (FRAME_FIN | FRAME_CLOSE)

/* --- closing a held one --------------------------------------------------- */

static void
test_a_close_of_the_client_waits_behind_what_it_said(void)
{
	pair_open();
	pair.hold_each = true;
	pair_send_texts("abc");
	pair_send_close(1000);
	pair_check_owner("the first", "text(a)");
	pair_check_client("no answer yet", "");
	ws_hold(pair.ws, false);
	pair_check_owner("the second", "text(b)");
	ws_hold(pair.ws, false);
	pair_check_owner("the third", "text(c)");
	pair_check_client("no answer yet", "");
	CU_ASSERT_EQUAL(pair_push("answer"), WPS_OK);
	ws_hold(pair.ws, false);
	pair_check_owner("the end", "ended(1000 peer)");
	pair_check_client("answered", "text(answer) close(1000) eof");
	pair_close();
}

/* Nor does the end of its socket change what it has asked for. */
static void
test_a_client_may_leave_behind_its_close(void)
{
	pair_open();
	pair.hold_each = true;
	pair_send_texts("ab");
	pair_send_close(4000);
	shutdown(pair.fd, SHUT_WR);
	pair_check_owner("the first", "text(a)");
	ws_hold(pair.ws, false);
	pair_check_owner("the second", "text(b)");
	ws_hold(pair.ws, false);
	pair_check_owner("the end", "ended(4000 peer)");
	pair_close();
}

/* It may have said all that it wanted, and care for no answer. */
static void
test_the_loss_of_the_client_waits_behind_what_it_said(void)
{
	pair_open();
	pair.hold_each = true;
	pair_send_texts("ab");
	shutdown(pair.fd, SHUT_WR);
	pair_check_owner("the first", "text(a)");
	check_number("not read any more", ws_listens(pair.ws), false);
	ws_hold(pair.ws, false);
	pair_check_owner("the second", "text(b)");
	CU_ASSERT_EQUAL(pair_push("answer"), WPS_OK);
	pair_check_client("hears on", "text(answer)");
	ws_hold(pair.ws, false);
	pair_check_owner("the end", "ended(1006 peer)");
	pair_close();
}

/* The write fails before the last words are read. */
static void
test_a_failed_write_does_not_lose_what_is_not_read(void)
{
	for (int closes = 0; closes <= 1; closes++) {
		pair_open();
		pair_send_texts("ab");
		if (closes)
			pair_send_close(1000);
		close(pair.fd);
		pair.fd = -1;
		CU_ASSERT_EQUAL(pair_push("into the void"), WPS_OK);
		pair_check_owner("all", closes ?
		    "text(a) text(b) ended(1000 peer)" :
		    "text(a) text(b) ended(1006 peer)");
		pair_close();
	}
}

/* Its own direction works: nothing tells of an end, and it would be heard for ever. */
static void
test_a_failed_write_ends_a_client_that_is_there(void)
{
	pair_open();
	pair_send_texts("a");
	shutdown(pair.ws->stream->io.fd, SHUT_WR);
	CU_ASSERT_EQUAL(pair_push("into the void"), WPS_OK);
	pair_check_owner("the end", "text(a) ended(1006 peer)");
	pair_close();
}

/* Nor behind the limit, where the socket rests. */
static void
test_a_failed_write_does_not_lose_what_rests(void)
{
	pair_open();
	ws_hold(pair.ws, true);
	pair_send_texts("abc");
	pair_turn();
	pair_send_texts("de");
	close(pair.fd);
	pair.fd = -1;
	CU_ASSERT_EQUAL(pair_push("into the void"), WPS_OK);
	pair_check_owner("waits", "");
	check_number("rests", ws_listens(pair.ws), false);
	ws_hold(pair.ws, false);
	pair_check_owner("all", "text(a) text(b) text(c) text(d) text(e) "
	    "ended(1006 peer)");
	pair_close();
}

static void
test_a_failed_write_does_not_lose_what_was_said(void)
{
	pair_open();
	pair.hold_each = true;
	pair_send_texts("ab");
	pair_check_owner("the first", "text(a)");
	close(pair.fd);
	pair.fd = -1;
	CU_ASSERT_EQUAL(pair_push("answer"), WPS_OK);
	pair_check_owner("not yet", "");
	check_number("what nobody reads is gone", pair.ws->sender.items, 0);
	for (unsigned i = 0; i < 2000; i++)
		CU_ASSERT_EQUAL(pair_push("into the void"), WPS_OK);
	ws_hold(pair.ws, false);
	pair_check_owner("the second", "text(b)");
	ws_hold(pair.ws, false);
	pair_check_owner("the end", "ended(1006 peer)");
	pair_close();
}

/* Nobody can hear the answer to its close. */
static void
test_a_close_behind_a_failed_write_needs_no_answer(void)
{
	pair_open();
	pair.hold_each = true;
	pair_send_texts("ab");
	pair_send_close(1000);
	pair_check_owner("the first", "text(a)");
	close(pair.fd);
	pair.fd = -1;
	CU_ASSERT_EQUAL(pair_push("answer"), WPS_OK);
	pair_check_owner("not yet", "");
	ws_hold(pair.ws, false);
	pair_check_owner("the second", "text(b)");
	ws_hold(pair.ws, false);
	pair_check_owner("at once", "ended(1000 peer)");
	pair_close();
}

static void
test_a_failed_write_does_not_lose_what_waits_for_a_turn(void)
{
	pair_open();
	pair.tire_each = true;
	pair_send_texts("abc");
	pair_turn_once();
	close(pair.fd);
	pair.fd = -1;
	CU_ASSERT_EQUAL(pair_push("answer"), WPS_OK);
	pair_check_owner("all of it", "text(a) text(b) text(c) ended(1006 peer)");
	pair_close();
}

static void
test_a_close_of_ours_ends_one_that_is_lost(void)
{
	pair_open();
	ws_hold(pair.ws, true);
	pair_send_texts("a");
	shutdown(pair.fd, SHUT_WR);
	pair_check_owner("waits", "");
	ws_close(pair.ws, 1001, WPS_SPAN(""));
	pair_check_owner("ended", "ended(1006 peer)");
	pair_check_client("no close", "eof");
	pair_close();
}

static void
test_a_cut_does_not_wait_for_what_was_said(void)
{
	pair_open();
	ws_hold(pair.ws, true);
	pair_send_texts("a");
	pair_send_close(1000);
	pair_check_owner("nothing", "");
	ws_cut(pair.ws);
	pair_check_owner("by its close", "ended(1000 peer)");
	pair_close();
}

/* Nor is that of the client looked for in what was not parsed. */
static void
test_a_cut_comes_before_what_is_not_parsed(void)
{
	char bytes[256];
	char *end = bytes;

	pair_open();
	for (char c = 'a'; c <= 'd'; c++)
		end = frame_put(end, WHOLE_TEXT, (struct wps_span){ &c, 1 });
	end = frame_put(end, CLOSE, WPS_SPAN("\x03\xe8"));
	ws_hold(pair.ws, true);
	pair_write((struct wps_span){ bytes, (size_t)(end - bytes) });
	pair_turn();
	ws_hold(pair.ws, false);
	ws_cut(pair.ws);
	pair_check_owner("cut", "ended(1006 peer)");
	pair_close();
}

static void
test_a_close_of_ours_finds_that_of_the_client(void)
{
	pair_open();
	ws_hold(pair.ws, true);
	pair_send_texts("a");
	pair_send_close(1000);
	pair_turn();
	ws_close(pair.ws, 1001, WPS_SPAN(""));
	pair_check_client("close", "close(1001) eof");
	pair_check_owner("ended", "ended(1000 us)");
	pair_close();
}

static void
test_a_close_of_ours_ends_a_socket_that_rests(void)
{
	pair_open();
	ws_hold(pair.ws, true);
	pair_send_texts("abcdef");
	pair_turn();
	check_number("rests", ws_listens(pair.ws), false);
	ws_close(pair.ws, 1001, WPS_SPAN(""));
	pair_check_client("close", "close(1001)");
	pair_send_close(1001);
	pair_check_owner("ended", "ended(1001 us)");
	pair_close();
}

/* Its end and the owner's readiness may fall into one turn, in either order. */
static void
test_a_hold_may_end_when_the_connection_has(void)
{
	pair_open();
	ws_hold(pair.ws, true);
	pair_send_texts("a");
	pair_turn();
	ws_cut(pair.ws);
	ws_hold(pair.ws, false);
	pair_check_owner("ended", "ended(1006 peer)");
	pair_turn();
	pair_close();
	pair_open();
	ws_hold(pair.ws, true);
	pair_send_texts("a");
	pair_turn();
	ws_hold(pair.ws, false);
	ws_cut(pair.ws);
	pair_check_owner("ended", "ended(1006 peer)");
	pair_close();
}

/* --- full queues ---------------------------------------------------------- */

/* Pushes until the socket takes no more and the queue is at its limit. */
static void
fill_queue(void)
{
	char text[900];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	while (pair_push(text) == WPS_OK)
		pair_turn();
	while (pair_push("") == WPS_OK)
		continue;
}

/* Whether these are the last bytes that the client reads. */
static bool
client_ends_with(const char *expected)
{
	size_t len = strlen(expected);

	for (unsigned i = 0; i < 1000; i++) {
		ssize_t n = recv(pair.fd, pair.got + pair.got_len,
		    sizeof(pair.got) - pair.got_len, 0);
		pair_turn();
		if (n <= 0)
			break;
		/* Only the end is of interest. */
		size_t all = pair.got_len + (size_t)n;
		pair.got_len = all < len ? all : len;
		memmove(pair.got, pair.got + all - pair.got_len, pair.got_len);
	}
	return pair.got_len == len && memcmp(pair.got, expected, len) == 0;
}

/* A slow one is closed for good, one that is gone may come back. */
static void
test_who_is_gone_is_not_slow(void)
{
	pair_open();
	fill_queue();
	close(pair.fd);
	pair.fd = -1;
	check_number("push", pair_push("into the void"), WPS_OK);
	pair_check_owner("gone", "ended(1006 peer)");
	pair_close();
}

static void
test_a_close_of_ours_goes_behind_a_full_queue(void)
{
	pair_open();
	fill_queue();
	ws_close(pair.ws, 1001, WPS_SPAN("bye"));
	check_number("close", client_ends_with("\x88\x05\x03\xe9" "bye"), true);
	pair_close();
}

static void
test_closes_that_cross_go_behind_a_full_queue(void)
{
	pair_open();
	fill_queue();
	ws_close(pair.ws, 1001, WPS_SPAN("bye"));
	pair_send_close(1000);
	pair_turn();
	check_number("close", client_ends_with("\x88\x05\x03\xe9" "bye"), true);
	pair_check_owner("ended", "ended(1000 us)");
	pair_close();
}

/* It is not slow: it is not there. */
static void
test_a_full_queue_of_one_that_has_ended_is_not_full(void)
{
	pair_open();
	fill_queue();
	check_number("full", pair_push("x"), WPS_FULL);
	ws_cut(pair.ws);
	check_number("ended", pair_push("x"), WPS_OK);
	pair_close();
}

static void
test_an_answer_to_a_close_goes_behind_a_full_queue(void)
{
	pair_open();
	fill_queue();
	pair_send_close(1000);
	pair_turn();
	check_number("close", client_ends_with("\x88\x02\x03\xe8"), true);
	pair_check_owner("ended", "ended(1000 peer)");
	pair_close();
}

static void
test_an_answer_to_a_close_that_nobody_reads_has_a_time(void)
{
	pair_open();
	fill_queue();
	pair_send_close(1000);
	pair_turn();
	clock_pass(pair.worker, pair.limits.close_wait_ms - 1);
	pair_check_owner("not yet", "");
	clock_pass(pair.worker, 2 * WHEEL_TICK_MS);
	pair_check_owner("ended", "ended(1000 peer)");
	pair_close();
}

/* An empty queue takes any one entry: what is left of it may be over the limit. */
static void
test_a_slow_client_hears_its_close_behind_a_large_message(void)
{
	size_t len = 1 << 20;
	struct body *body = body_new(FRAME_BINARY, len);

	CU_ASSERT_FATAL(body != NULL);
	memset(body_data(body), 'x', len);
	body_seal(body);
	pair_open();
	check_number("any one", ws_push(pair.ws, body, 0), WPS_OK);
	body_unref(body);
	pair_turn();
	check_number("full", pair_push("more"), WPS_FULL);
	ws_drop_unsent(pair.ws);
	ws_close(pair.ws, 1008, WPS_SPAN("slow"));
	check_number("close", client_ends_with("\x88\x06\x03\xf0slow"), true);
	pair_close();
}

static void
disown(struct worker *worker, struct mail *mail)
{
	(void)worker;
	(void)mail;
	ws_disown(&pair.ws);
}

/* The connection has a new transport: nobody makes the inserts any more of what
 * waits at the old one. A recovery is a call, behind which the queues are flushed
 * before the old transport ends. */
static void
test_what_waits_at_a_disowned_transport_is_not_written(void)
{
	size_t len = 1 << 20;
	struct body *large = body_new(FRAME_BINARY, len);
	struct body *numbered = body_new(FRAME_TEXT, 1);
	struct mail mail = { .run = disown };

	CU_ASSERT_FATAL(large != NULL && numbered != NULL);
	memset(body_data(large), 'x', len);
	body_seal(large);
	*body_data(numbered) = 'n';
	numbered->insert_count = 1;
	numbered->insert_at[0] = 0;
	body_seal(numbered);
	pair_open();
	pair.limits.out.bytes = 2 * len;
	check_number("large", ws_push(pair.ws, large, 0), WPS_OK);
	pair_turn();
	check_number("numbered", ws_push(pair.ws, numbered, 1), WPS_OK);
	worker_later(pair.worker, &mail);
	pair_turn();
	check_number("end", client_ends_with("x"), true);
	pair_check_owner("nobody", "");
	body_unref(large);
	body_unref(numbered);
	pair_close();
}

/* What was half sent keeps its place when an item expires, but its inserts are not
 * asked for any more. */
static void
test_what_expires_at_a_disowned_transport_is_not_looked_at(void)
{
	size_t len = 1 << 20;
	struct body *numbered = body_new(FRAME_BINARY, len);
	struct body *mortal = body_new(FRAME_TEXT, 1);
	struct mail mail = { .run = disown };

	CU_ASSERT_FATAL(numbered != NULL && mortal != NULL);
	memset(body_data(numbered), 'x', len);
	numbered->insert_count = 1;
	numbered->insert_slot[0] = 0;
	numbered->insert_at[0] = 0;
	body_seal(numbered);
	*body_data(mortal) = 'm';
	mortal->expires_ms = UINT64_MAX;
	body_seal(mortal);
	pair_open();
	pair.limits.out.bytes = 2 * len;
	check_number("numbered", ws_push(pair.ws, numbered, 1), WPS_OK);
	pair_turn();
	check_number("mortal", ws_push(pair.ws, mortal, 0), WPS_OK);
	worker_later(pair.worker, &mail);
	pair_turn();
	check_number("end", client_ends_with("x"), true);
	pair_check_owner("nobody", "");
	body_unref(numbered);
	body_unref(mortal);
	pair_close();
}

static const struct named_test tests[] = {
	TEST(test_a_close_of_ours_ends_a_socket_that_rests),
	TEST(test_a_close_of_the_client_waits_behind_what_it_said),
	TEST(test_a_client_may_leave_behind_its_close),
	TEST(test_the_loss_of_the_client_waits_behind_what_it_said),
	TEST(test_a_failed_write_does_not_lose_what_is_not_read),
	TEST(test_a_failed_write_ends_a_client_that_is_there),
	TEST(test_a_failed_write_does_not_lose_what_rests),
	TEST(test_a_failed_write_does_not_lose_what_was_said),
	TEST(test_a_close_behind_a_failed_write_needs_no_answer),
	TEST(test_a_failed_write_does_not_lose_what_waits_for_a_turn),
	TEST(test_a_close_of_ours_ends_one_that_is_lost),
	TEST(test_a_cut_does_not_wait_for_what_was_said),
	TEST(test_a_cut_comes_before_what_is_not_parsed),
	TEST(test_a_close_of_ours_finds_that_of_the_client),
	TEST(test_a_hold_may_end_when_the_connection_has),
	TEST(test_who_is_gone_is_not_slow),
	TEST(test_a_close_of_ours_goes_behind_a_full_queue),
	TEST(test_closes_that_cross_go_behind_a_full_queue),
	TEST(test_a_full_queue_of_one_that_has_ended_is_not_full),
	TEST(test_an_answer_to_a_close_goes_behind_a_full_queue),
	TEST(test_an_answer_to_a_close_that_nobody_reads_has_a_time),
	TEST(test_a_slow_client_hears_its_close_behind_a_large_message),
	TEST(test_what_waits_at_a_disowned_transport_is_not_written),
	TEST(test_what_expires_at_a_disowned_transport_is_not_looked_at),
};

int
main(void)
{
	return RUN_TESTS("ws ends", tests);
}
