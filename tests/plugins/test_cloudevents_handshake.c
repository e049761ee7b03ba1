/* SPDX-License-Identifier: MIT */
/*
 * The handshake, and the early check.
 */
#include "plugins/cloudevents_scene.h"

#include "plugins/cloudevents/handlers.h"
#include "plugins/cloudevents/template.h"
#include "plugins/cloudevents/worker.h"

/* --- validation -------------------------------------------------------------------------------- */

static void
test_handshake_is_sent_as_specified(void)
{
	struct wps_reply reply;

	start((struct setup){ .validation = true });
	ask(user_event("message", "x"), &reply);
	mask(app.last_handshake, "Host: 127.0.0.1:", "PORT");
	check_text("handshake", app.last_handshake,
	    "OPTIONS /hook/chat/validate?code=s3cret HTTP/1.1\r\n"
	    "Host: 127.0.0.1:PORT\r\n"
	    "WebHook-Request-Origin: wps.example.net\r\n"
	    "ce-awpsversion: 1.0\r\n"
	    "User-Agent: wps/" PACKAGE_VERSION "\r\n\r\n");
	stop();
}

static void
test_handshake_answers(void)
{
	static const struct { const char *options, *get, *answer, *log; long get_requests; } cases[] = {
		{ AGREES, HANG, "ok", "agrees", 0 },
		{ HANDSHAKE("204 No", "webhook-allowed-origin: WPS.example.net\r\n"), HANG,
		  "ok", "agrees", 0 },
		{ HANDSHAKE("200 OK", "WebHook-Allowed-Origin: wps.example.net:8443\r\n"), HANG,
		  "ok", "agrees", 0 },
		{ HANDSHAKE("200 OK", "WebHook-Allowed-Origin: a\r\n"
		  "WebHook-Allowed-Origin: wps.example.net\r\n"), HANG, "ok", "agrees", 0 },
		{ HANDSHAKE("200 OK", "WebHook-Allowed-Origin: a, *\r\n"), HANG, "ok", "agrees", 0 },
		{ HANDSHAKE("404 None", ""), AGREES, "ok", "agrees", 1 },
		{ HANDSHAKE("404 None", ""), HANDSHAKE("404 None", ""), "failed",
		  "AbuseProtectionResponseInvalidStatusCode", 1 },
		{ HANDSHAKE("200 OK", ""), HANG, "failed",
		  "AbuseProtectionResponseMissingAllowedOrigin", 0 },
		{ HANDSHAKE("200 OK", "WebHook-Allowed-Origin: evil.example\r\n"), HANG, "failed",
		  "AbuseProtectionResponseMissingAllowedOrigin", 0 },
		{ HANDSHAKE("401 No", "WebHook-Allowed-Origin: *\r\n"), HANG, "failed",
		  "AbuseProtectionResponseInvalidStatusCode", 0 },
		{ HANDSHAKE("302 Found", "Location: /\r\nWebHook-Allowed-Origin: *\r\n"), HANG,
		  "failed", "AbuseProtectionResponseInvalidStatusCode", 0 },
		{ HANG, HANG, "failed", "AbuseProtectionResponseInvalidStatusCode", 0 },
	};
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(cases); i++) {
		start((struct setup){ .path = "/", .validation = true });
		app.handshake = cases[i].options;
		app.get = cases[i].get;
		check_text(cases[i].options ? cases[i].options : "no answer",
		    ask(user_event("message", "x"), &reply), cases[i].answer);
		CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, cases[i].log));
		check_number("OPTIONS", app.handshakes, 1);
		check_number("GET", app.get_requests, cases[i].get_requests);
		check_number("events", (long)app.seen_count, strcmp(cases[i].answer, "ok") == 0);
		stop();
	}
}

static void
test_handshake_is_repeated_while_the_application_is_down(void)
{
	static const char *const answers[] = { HANG_UP, HANDSHAKE("503 Busy", ""),
		HANDSHAKE("408 Late", "") };
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(answers); i++) {
		start((struct setup){ .path = "/", .validation = true });
		app.handshake = answers[i];
		uint64_t before = fake->loop.now_ms;
		check_text("answer", ask(user_event("message", "x"), &reply), "failed");
		check_number("took", (long)(fake->loop.now_ms - before), 9000);
		check_number("handshakes", app.handshakes, 4);
		stop();
	}
}

static void
test_handshake_is_shared_and_remembered(void)
{
	struct wps_reply replies[3] = { { .count = 0 } };

	start((struct setup){ .path = "/{event}", .validation = true });
	for (size_t i = 0; i < 3; i++)
		deliver(user_event(i ? "a" : "b", "x"), &replies[i]);
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT(fakehost_loop_until(&fake->loop, is_answered, &replies[i],
		    DEADLINE_MS));
	ask(user_event("c", "x"), &replies[0]);
	check_number("handshakes", app.handshakes, 1);
	check_number("events", (long)app.seen_count, 4);
	stop();
}

static void
test_a_url_in_use_is_checked_every_minute(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .validation = true });
	ask(user_event("message", "x"), &reply);
	ask(user_event("message", "x"), &reply);
	fakehost_loop_run(&fake->loop, 59000);
	check_number("before the minute", app.handshakes, 1);
	fakehost_loop_run(&fake->loop, 2000);
	check_number("after it", app.handshakes, 2);
	fakehost_loop_run(&fake->loop, 300000);
	check_number("unused", app.handshakes, 2);
	ask(user_event("message", "x"), &reply);
	check_number("used again", app.handshakes, 3);
	stop();
}

/* While it is checked the last result counts; then it is asked after 1, 2, 4 s. */
static void
test_a_url_that_agrees_no_longer_gets_no_events(void)
{
	static const unsigned after_s[] = { 1, 2, 4 };
	struct wps_reply reply;

	start((struct setup){ .path = "/", .validation = true });
	ask(user_event("message", "x"), &reply);
	ask(user_event("message", "x"), &reply);
	app.handshake = HANG;
	fakehost_loop_run(&fake->loop, 60500);
	check_number("the check", app.handshakes, 2);
	check_text("meanwhile", ask(user_event("message", "x"), &reply), "ok");
	fakehost_loop_run(&fake->loop, 10000);
	app.handshake = HANDSHAKE("403 No", "");
	for (size_t i = 0; i < COUNT(after_s); i++) {
		check_text("then", ask(user_event("message", "x"), &reply), "failed");
		check_number("handshakes", app.handshakes, 2 + (long)i);
		fakehost_loop_run(&fake->loop, after_s[i] * 1000);
	}
	check_number("events", (long)app.seen_count, 3);
	app.handshake = AGREES;
	ask(user_event("message", "x"), &reply);
	fakehost_loop_run(&fake->loop, 8000);
	check_text("again", ask(user_event("message", "x"), &reply), "ok");
	stop();
}

/* After each agreement it begins anew: with the pauses of an attempt, and with the
 * time until the next one. */
static void
test_what_failed_before_an_agreement_does_not_count(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .validation = true });
	for (long round = 0; round < 2; round++) {
		long before = app.handshakes;
		app.handshake = HANDSHAKE("503 Busy", "");
		/* The first time an event waits for it, the second time a check fails. */
		ask(user_event("message", "x"), &reply);
		fakehost_loop_run(&fake->loop, round ? 69500 : 0);
		check_number("an attempt", app.handshakes - before, 4);
		check_text("refused", ask(user_event("message", "x"), &reply), "failed");
		app.handshake = AGREES;
		fakehost_loop_run(&fake->loop, 1000);
		check_text("again", ask(user_event("message", "x"), &reply), "ok");
	}
	stop();
}

static void
test_beyond_the_urls_that_are_remembered_events_fail_and_it_is_told(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .validation = true });
	struct validator *validator = &((struct events_worker *)fake->worker)->validator;
	validator->count = VALIDATION_MAX;
	check_text("one more", ask(user_event("message", "x"), &reply), "failed");
	CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, "HttpHandlerUnexpectedResponse hub=chat "
	    "conn=c1 event=message kind=user status=0 problem=\"too many URLs are remembered\""));
	validator->count = VALIDATION_MAX - 1;
	check_text("the last one", ask(user_event("message", "x"), &reply), "ok");
	validator->count = 1;
	stop();
}

/* As when another worker has asked for it too. */
static void
test_a_url_that_is_known_is_not_learned_again(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .validation = true });
	struct events_worker *worker = fake->worker;
	ask(user_event("message", "x"), &reply);
	struct validate_request request = { .url = fake->url,
		.handler = worker->lanes[0].handler, .early = true };
	validator_learn(&worker->validator, &request);
	check_number("URLs", (long)worker->validator.count, 1);
	stop();
}

/* Asks all the time; the clock says when handshakes come. */
static void
test_a_refusing_url_is_asked_less_and_less(void)
{
	static const unsigned at_s[] = { 0, 1, 3, 7, 15, 31, 63, 123, 183 };
	struct wps_reply reply;

	start((struct setup){ .path = "/", .validation = true });
	app.handshake = HANDSHAKE("403 No", "");
	uint64_t before = fake->loop.now_ms;
	for (size_t i = 0; i < COUNT(at_s); i++) {
		while (fake->loop.now_ms < before + at_s[i] * 1000u) {
			ask(user_event("message", "x"), &reply);
			check_number("too early", app.handshakes, (long)i);
			fakehost_loop_run(&fake->loop, 500);
		}
		ask(user_event("message", "x"), &reply);
		check_text("answer", reply.text, "failed");
		check_number("handshakes", app.handshakes, (long)i + 1);
	}
	check_number("events", (long)app.seen_count, 0);
	char *first = strstr(fake->log, "AbuseProtection");
	CU_ASSERT_FATAL(first != NULL);
	CU_ASSERT_PTR_NULL(strstr(first + 1, "AbuseProtection"));

	app.handshake = AGREES;
	fakehost_loop_run(&fake->loop, 60000);
	check_text("after it agrees", ask(user_event("message", "x"), &reply), "ok");
	stop();
}

/* --- the early check ------------------------------------------------------------------------------- */

static void
start_early(const char *path, const char *handshake)
{
	start((struct setup){ .path = path, .validation = true, .early_check = true });
	app.handshake = handshake;
}

static bool
has_shaken(void *data)
{
	return app.handshakes >= *(const unsigned *)data;
}

/* Waits for so many handshakes in all. */
static void
await_handshakes(unsigned wanted)
{
	CU_ASSERT_FATAL(fakehost_loop_until(&fake->loop, has_shaken, &wanted, DEADLINE_MS));
}

static unsigned
count_in_log(const char *text)
{
	unsigned count = 0;

	for (const char *at = fake->log; (at = strstr(at, text)); at += strlen(text))
		count++;
	return count;
}

static void
test_the_early_check_spares_the_first_event_the_handshake(void)
{
	struct wps_reply reply;

	start_early(NULL, AGREES);
	await_handshakes(1);
	CU_ASSERT(strncmp(app.last_handshake,
	    "OPTIONS /hook/Chat/validate?code=s3cret HTTP", 44) == 0);
	stop();
	start_early("/{event}", AGREES);
	await_handshakes(1);
	fakehost_loop_run(&fake->loop, 100);
	check_text("answer", ask(user_event("message", "x"), &reply), "ok");
	check_number("handshakes", app.handshakes, 1);
	check_number("agreements in the log", count_in_log("event handler agrees"), 1);
	stop();
}

static void
test_without_the_early_check_the_first_event_asks(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .validation = true });
	fakehost_loop_run(&fake->loop, 1000);
	check_number("handshakes at the start", app.handshakes, 0);
	check_text("answer", ask(user_event("message", "x"), &reply), "ok");
	check_number("handshakes", app.handshakes, 1);
	stop();
}

static void
test_the_early_check_leaves_alone_what_has_no_handshake(void)
{
	start((struct setup){ .path = "/", .early_check = true });
	fakehost_loop_run(&fake->loop, 20000);
	check_number("handshakes", app.handshakes, 0);
	check_text("log", fake->log, "");
	stop();
}

static void
test_the_early_check_says_what_is_wrong_once(void)
{
	static const struct { const char *handshake, *log; } cases[] = {
		{ HANDSHAKE("401 No", ""), "AbuseProtectionResponseInvalidStatusCode hub=Chat "
		  "url=%s status=401: it refuses the handshake" },
		{ HANDSHAKE("200 OK", ""), "AbuseProtectionResponseMissingAllowedOrigin "
		  "hub=Chat url=%s status=200: its answer has no" },
		{ HANDSHAKE("200 OK", "WebHook-Allowed-Origin: a\r\n"),
		  "AbuseProtectionResponseMissingAllowedOrigin hub=Chat url=%s status=200: "
		  "it allows other origins than \"wps.example.net\"" },
		{ HANDSHAKE("302 Found", "Location: /\r\n"),
		  "AbuseProtectionResponseInvalidStatusCode hub=Chat url=%s status=302: "
		  "it redirects" },
		{ HANDSHAKE("503 Busy", ""), "AbuseProtectionResponseInvalidStatusCode "
		  "hub=Chat url=%s status=503: it fails" },
		{ HANG_UP, "AbuseProtectionResponseInvalidStatusCode hub=Chat url=%s status=0: "
		  "it closes the connection" },
		{ HANG, "AbuseProtectionResponseInvalidStatusCode hub=Chat url=%s status=0: "
		  "it does not answer within 10 s" },
	};
	char expected[512];

	for (size_t i = 0; i < COUNT(cases); i++) {
		start_early("/", cases[i].handshake);
		fakehost_loop_run(&fake->loop, 600 * 1000);
		const char *mark = strstr(cases[i].log, "%s");
		snprintf(expected, sizeof(expected), "%.*s%s%s",
		    (int)(mark - cases[i].log), cases[i].log, fake->url, mark + 2);
		if (strstr(fake->log, expected) == NULL)
			check_text("log", fake->log, expected);
		check_number("lines", count_in_log("\n"), 1);
		stop();
	}
}

/* An application that starts after the server is not held against its clients. */
static void
test_what_the_early_check_saw_refuses_no_event(void)
{
	struct wps_reply reply;

	start_early("/", HANDSHAKE("403 No", ""));
	await_handshakes(1);
	fakehost_loop_run(&fake->loop, 100);
	app.handshake = AGREES;
	check_text("answer", ask(user_event("message", "x"), &reply), "ok");
	check_number("handshakes", app.handshakes, 2);
	stop();
}

static void
test_no_event_waits_for_a_pause_of_the_early_check(void)
{
	struct wps_reply reply;

	start_early("/", HANDSHAKE("503 Busy", ""));
	await_handshakes(2);
	fakehost_loop_run(&fake->loop, 100);
	app.handshake = AGREES;
	uint64_t before = fake->loop.now_ms;
	check_text("answer", ask(user_event("message", "x"), &reply), "ok");
	check_number("waited", (long)(fake->loop.now_ms - before), 0);
	check_number("handshakes", app.handshakes, 3);
	stop();
}

static void
test_an_event_that_joins_the_early_check_fails_with_it(void)
{
	struct wps_reply reply;

	start_early("/", HANG);
	await_handshakes(1);
	check_text("answer", ask(user_event("message", "x"), &reply), "failed");
	check_number("handshakes", app.handshakes, 1);
	fakehost_loop_run(&fake->loop, 500);
	check_text("answer", ask(user_event("message", "x"), &reply), "failed");
	check_number("handshakes", app.handshakes, 1);
	check_number("lines", count_in_log("AbuseProtection"), 1);
	stop();
}

static void
test_the_server_may_end_during_the_early_check(void)
{
	start_early("/", HANG);
	stop();
	start_early("/", HANG);
	await_handshakes(1);
	stop();
	start_early("/", HANDSHAKE("503 Busy", ""));
	await_handshakes(1);
	fakehost_loop_run(&fake->loop, 100);
	stop();
}

CU_TestInfo cloudevents_handshake_tests[] = {
	TEST(test_handshake_is_sent_as_specified),
	TEST(test_handshake_answers),
	TEST(test_handshake_is_repeated_while_the_application_is_down),
	TEST(test_handshake_is_shared_and_remembered),
	TEST(test_a_url_in_use_is_checked_every_minute),
	TEST(test_a_url_that_agrees_no_longer_gets_no_events),
	TEST(test_what_failed_before_an_agreement_does_not_count),
	TEST(test_beyond_the_urls_that_are_remembered_events_fail_and_it_is_told),
	TEST(test_a_url_that_is_known_is_not_learned_again),
	TEST(test_a_refusing_url_is_asked_less_and_less),
	TEST(test_the_early_check_spares_the_first_event_the_handshake),
	TEST(test_without_the_early_check_the_first_event_asks),
	TEST(test_the_early_check_leaves_alone_what_has_no_handshake),
	TEST(test_the_early_check_says_what_is_wrong_once),
	TEST(test_what_the_early_check_saw_refuses_no_event),
	TEST(test_no_event_waits_for_a_pause_of_the_early_check),
	TEST(test_an_event_that_joins_the_early_check_fails_with_it),
	TEST(test_the_server_may_end_during_the_early_check),
	CU_TEST_INFO_NULL,
};
