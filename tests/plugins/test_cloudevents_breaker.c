/* SPDX-License-Identifier: MIT */
/*
 * When an origin is taken for down, and what it is asked then.
 */
#include "plugins/cloudevents_scene.h"

#include "plugins/cloudevents/breaker.h"
#include "plugins/cloudevents/handlers.h"

/* --- alone ------------------------------------------------------------------------- */

static bool
fails(struct breaker *breaker, uint64_t sent_ms, uint64_t now_ms)
{
	return breaker_report(breaker, &(struct breaker_result){
		.sent_ms = sent_ms, .now_ms = now_ms, .limit = 2 });
}

static void
test_the_pause_doubles_up_to_30_s(void)
{
	static const unsigned pauses_s[] = { 1, 2, 4, 8, 16, 30, 30 };
	struct breaker breaker = { .open = false };
	uint64_t now = 1000;
	bool probe;

	check_number("one", fails(&breaker, now, now), false);
	check_number("two", fails(&breaker, now, now), true);
	for (size_t i = 0; i < COUNT(pauses_s); i++) {
		check_number("pause", (long)breaker_ask(&breaker, now, &probe),
		    pauses_s[i] * 1000);
		now += pauses_s[i] * 1000;
		check_number("then", (long)breaker_ask(&breaker, now, &probe), 0);
		check_number("it tries", probe, true);
		check_number("no news", fails(&breaker, now, now), false);
	}
}

static void
test_what_was_sent_before_is_no_news(void)
{
	struct breaker breaker = { .open = false };
	bool probe;

	breaker_report(&breaker, &(struct breaker_result){
		.answered = true, .sent_ms = 4000, .now_ms = 5000, .limit = 2 });
	for (unsigned i = 0; i < 2; i++)
		check_number("before an answer", fails(&breaker, 4000, 6000), false);
	check_number("not open", (long)breaker_ask(&breaker, 6000, &probe), 0);
	fails(&breaker, 6000, 7000);
	check_number("open", fails(&breaker, 6000, 7000), true);
	/* Nobody tries it yet: this one was on its way. */
	fails(&breaker, 6000, 8500);
	check_number("the pause is over", (long)breaker_ask(&breaker, 8500, &probe), 0);
	check_number("it tries", probe, true);
}

/* --- in the midst of events ------------------------------------------------------------- */

static void
test_an_origin_that_is_down_is_left_alone(void)
{
	struct wps_event connected = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };
	struct wps_reply reply;

	start((struct setup){ .path = "/", .breaker = 3, .retry = RETRY_NONE });
	answer_with(HANG_UP);
	for (int i = 0; i < 5; i++)
		check_text("down", ask(user_event("message", "x"), &reply), "failed");
	check_number("until it opens", (long)app.seen_count, 3);
	deliver(connected, NULL);
	fakehost_loop_run(&fake->loop, 900);
	check_number("within the pause", (long)app.seen_count, 3);
	fakehost_loop_run(&fake->loop, 200);
	check_number("one tries it", (long)app.seen_count, 4);
	fakehost_loop_run(&fake->loop, 1700);
	check_text("still down", ask(user_event("message", "x"), &reply), "failed");
	check_number("the pause has doubled", (long)app.seen_count, 4);
	fakehost_loop_run(&fake->loop, 400);
	answer_with("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
	ask(user_event("message", "x"), &reply);
	answer_with(NOTHING);
	check_text("it answers", ask(user_event("message", "x"), &reply), "ok");
	CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, "upstream does not answer"));
	CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, "upstream answers again"));
	stop();
}

static void
test_an_origin_that_breaks_its_answers_off_is_not_down(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .breaker = 2 });
	answer_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n");
	for (unsigned i = 0; i < 4; i++)
		check_text("answer", ask(user_event("message", "x"), &reply), "failed");
	check_number("requests", (long)app.seen_count, 4);
	stop();
}

/* An answer that has begun, or an event that had no second. */
static void
test_an_origin_that_is_slow_is_not_down(void)
{
	static const struct { const char *answer; int64_t timeout; } cases[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", 5000 },
		{ HANG, 900 },
	};
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(cases); i++) {
		start((struct setup){ .path = "/", .breaker = 2, .body_timeout = 3000,
		    .timeout = cases[i].timeout });
		answer_with(cases[i].answer);
		for (unsigned k = 0; k < 4; k++)
			check_text("answer", ask(user_event("message", "x"), &reply),
			    "failed");
		check_number("requests", (long)app.seen_count, 4);
		stop();
	}
}

static void
test_one_that_tries_an_origin_and_is_canceled_leaves_it_to_the_next(void)
{
	struct wps_reply reply, tries = { .count = 0 };

	start((struct setup){ .path = "/", .breaker = 1 });
	answer_with(HANG_UP);
	ask(user_event("message", "x"), &reply);
	fakehost_loop_run(&fake->loop, 1000);
	answer_with(HANG);
	deliver(user_event("message", "x"), &tries);
	request(1);
	check_text("one at a time", ask(user_event("message", "x"), &reply), "failed");
	fake->upstream.cancel(fake->worker, &tries);
	answer_with(NOTHING);
	check_text("the next", ask(user_event("message", "x"), &reply), "ok");
	stop();
}

CU_TestInfo cloudevents_breaker_tests[] = {
	TEST(test_the_pause_doubles_up_to_30_s),
	TEST(test_what_was_sent_before_is_no_news),
	TEST(test_an_origin_that_is_down_is_left_alone),
	TEST(test_an_origin_that_breaks_its_answers_off_is_not_down),
	TEST(test_an_origin_that_is_slow_is_not_down),
	TEST(test_one_that_tries_an_origin_and_is_canceled_leaves_it_to_the_next),
	CU_TEST_INFO_NULL,
};
