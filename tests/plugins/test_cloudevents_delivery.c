/* SPDX-License-Identifier: MIT */
/*
 * Repetitions, limits, order, cancels; presence; what is counted.
 */
#include "plugins/cloudevents_scene.h"

#include "plugins/cloudevents/worker.h"

/* --- secrets in memory --------------------------------------------------------------------- */

/* An answer with a token, which is longer than what a text begins with. */
static const char *
token_answer(const char *behind)
{
	static char answer[2048];
	char token[1024], body[1200];

	memset(token, 'x', sizeof(token));
	memcpy(token, SECRET, strlen(SECRET));
	token[sizeof(token) - 1] = '\0';
	snprintf(body, sizeof(body), "{\"access_token\":\"%s%s", token, behind);
	snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
	    strlen(body), body);
	return answer;
}

/* That none is in memory which was given back, is what stop looks at. */
static void
test_secrets_leave_no_trace_in_memory(void)
{
	static const struct { int64_t method; const char *behind, *result; } cases[] = {
		{ METHOD_BODY, "\",\"expires_in\":60}", "ok" },
		{ METHOD_BASIC, "\\/\"}", "ok" },
		{ METHOD_BASIC, " \"}", "failed" },
		{ METHOD_BASIC, "\\ud800\"}", "failed" },
		{ METHOD_BODY, "\"", "failed" },
	};
	struct wps_reply reply;
	char value[2048];

	for (size_t i = 0; i < COUNT(cases); i++) {
		start((struct setup){ .validation = true, .oauth = true,
		    .oauth_method = cases[i].method });
		app.answers[0] = token_answer(cases[i].behind);
		app.answers[1] = app.answers[2] = NOTHING;
		app.answer_count = 3;
		check_text("first", ask(user_event("a", "x"), &reply), cases[i].result);
		check_text("authorization", header_of(request(0), "Authorization", value,
		    sizeof(value)), cases[i].method == METHOD_BODY ? "-" : "Basic bWU6" SECRET_BASE64);
		check_text("second", ask(user_event("b", "x"), &reply), cases[i].result);
		explicit_bzero(value, sizeof(value));
		stop();
	}
}

/* --- repetitions, limits, cancel ------------------------------------------------------------ */

static void
test_events_that_nobody_waits_for_are_repeated(void)
{
	static const struct { const char *answer; long requests, took_ms; } cases[] = {
		{ NOTHING, 1, 0 },
		{ "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", 4, 9000 },
		{ "HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n", 4, 9000 },
		{ HANG_UP, 4, 9000 },
		{ "HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n", 1, 0 },
		{ "HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n", 1, 0 },
		{ HANG, 1, 0 },
	};
	struct wps_event event = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };

	for (size_t i = 0; i < COUNT(cases); i++) {
		start((struct setup){ .path = "/" });
		answer_with(cases[i].answer);
		uint64_t before = fake->loop.now_ms;
		deliver(event, NULL);
		request((size_t)cases[i].requests - 1);
		check_number("took", (long)(fake->loop.now_ms - before), cases[i].took_ms);
		fakehost_loop_run(&fake->loop, 200000);
		check_number("requests", (long)app.seen_count, cases[i].requests);
		for (size_t k = 1; k < app.seen_count; k++)
			check_text("repetition", app.seen[k], app.seen[0]);
		stop();
	}
}

static void
test_a_full_queue_refuses_blocking_events_only(void)
{
	struct wps_event gone = { .kind = WPS_EVENT_DISCONNECTED, .conn = &conn,
		.name = WPS_SPAN("disconnected"), .reason = WPS_SPAN("") };
	struct wps_reply replies[3] = { { .count = 0 } };

	start((struct setup){ .path = "/", .concurrency = 1, .queue = 1 });
	answer_with(HANG);
	for (size_t i = 0; i < 3; i++)
		deliver(user_event("message", "x"), &replies[i]);
	CU_ASSERT(fakehost_loop_until(&fake->loop, is_answered, &replies[2], 100));
	check_text("beyond the queue", replies[2].text, "failed");
	CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, "hub=chat conn=c1 event=message "
	    "kind=user status=0 problem=\"the queue is full\""));
	deliver(gone, NULL);
	deliver(gone, NULL);
	request(0);
	fakehost_loop_run(&fake->loop, 1000);
	check_number("requests at a time", (long)app.seen_count, 1);
	answer_with(NOTHING);
	fake->upstream.cancel(fake->worker, &replies[0]);
	request(3);
	check_text("queued", replies[1].text, "ok");
	check_number("canceled", replies[0].count, 0);
	stop();
}

static void
test_retry_says_which_events_are_repeated(void)
{
	static const struct { int64_t retry; bool blocking; long requests; } cases[] = {
		{ RETRY_NONBLOCKING, false, 4 }, { RETRY_NONBLOCKING, true, 1 },
		{ RETRY_ALL, false, 4 }, { RETRY_ALL, true, 4 },
		{ RETRY_NONE, false, 1 }, { RETRY_NONE, true, 1 },
	};
	struct wps_event event = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(cases); i++) {
		start((struct setup){ .path = "/", .retry = cases[i].retry });
		answer_with("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
		if (cases[i].blocking)
			check_text("answer", ask(user_event("message", "x"), &reply), "failed");
		else
			deliver(event, NULL);
		fakehost_loop_run(&fake->loop, 20000);
		check_number("requests", (long)app.seen_count, cases[i].requests);
		stop();
	}
}

static struct wps_event
presence_event(enum wps_event_kind kind, const char *group)
{
	return (struct wps_event){ .kind = kind, .conn = &conn,
		.name = kind == WPS_EVENT_JOINED ? WPS_SPAN("joined") : WPS_SPAN("left"),
		.group = wps_span_str(group) };
}

/* Of one connection: each only after the answer to the one before. */
static void
test_events_that_nobody_waits_for_keep_their_order(void)
{
	struct wps_event connected = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };
	struct wps_event gone = { .kind = WPS_EVENT_DISCONNECTED, .conn = &conn,
		.name = WPS_SPAN("disconnected"), .reason = WPS_SPAN("") };
	struct wps_reply reply;

	start((struct setup){ .path = "/", .timeout = 5000 });
	answer_with("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
	deliver(connected, NULL);
	deliver(gone, NULL);
	request(0);
	answer_with(HANG);
	uint64_t before = fake->loop.now_ms;
	request(1);
	check_header(1, "ce-eventName", "connected");
	/* A user event waits for none of them. */
	answer_with(NOTHING);
	check_text("user event", ask(user_event("message", "x"), &reply), "ok");
	request(3);
	check_header(3, "ce-eventName", "disconnected");
	/* Late as it is, it has a time of its own. */
	check_number("after", (long)(fake->loop.now_ms - before), 5000);
	stop();
}

static void
test_the_order_of_a_connection_goes_through_all_handlers(void)
{
	struct wps_event connected = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };
	struct wps_event gone = { .kind = WPS_EVENT_DISCONNECTED, .conn = &conn,
		.name = WPS_SPAN("disconnected"), .reason = WPS_SPAN("") };

	start((struct setup){ .path = "/", .connected_apart = true });
	deliver(connected, NULL);
	deliver(gone, NULL);
	fakehost_loop_run(&fake->loop, 1000);
	check_number("requests", (long)app.seen_count, 2);
	check_header(0, "ce-eventName", "connected");
	check_header(1, "ce-eventName", "disconnected");
	stop();
}

static void
test_the_order_of_one_connection_holds_no_other(void)
{
	struct wps_event gone = { .kind = WPS_EVENT_DISCONNECTED, .conn = &conn,
		.name = WPS_SPAN("disconnected"), .reason = WPS_SPAN("") };
	struct wps_conn other;

	start((struct setup){ .path = "/" });
	other = conn;
	answer_with(HANG);
	deliver(gone, NULL);
	gone.conn = &other;
	deliver(gone, NULL);
	request(1);
	CU_PASS("the second came while the first waits for its answer");
	fake->upstream.forget(fake->worker, other.slot);
	stop();
}

#define CROWD 500
static struct wps_reply crowd[CROWD];

static size_t
answered_of_crowd(void)
{
	size_t count = 0;

	for (size_t i = 0; i < CROWD; i++)
		count += crowd[i].count;
	return count;
}

static bool
some_answered(void *data)
{
	size_t count = answered_of_crowd();
	size_t *before = data, news = count - *before;

	if (news > 64)
		check_number("answered in one turn", (long)news, 64);
	*before = count;
	return count == CROWD;
}

/* Refused by the handshake, or late: all at the same time, in many turns. What was
 * not sent says nothing about the origin. */
static void
test_many_failures_at_once_take_many_turns(void)
{
	for (int late = 0; late <= 1; late++) {
		size_t seen = 0;
		memset(crowd, 0, sizeof(crowd));
		start((struct setup){ .path = "/", .validation = true, .concurrency = 100,
		    .timeout = late ? 5000 : 0, .breaker = 3 });
		app.handshake = late ? HANG : HANDSHAKE("403 No", "");
		for (size_t i = 0; i < CROWD; i++)
			deliver(user_event("message", "x"), &crowd[i]);
		CU_ASSERT(fakehost_loop_until(&fake->loop, some_answered, &seen, DEADLINE_MS));
		check_number("answered", (long)answered_of_crowd(), CROWD);
		check_number("handshakes", app.handshakes, 1);
		CU_ASSERT_PTR_NULL(strstr(fake->log, "upstream does not answer"));
		stop();
	}
}

static void
test_a_repetition_gives_its_place_away_and_knows_its_end(void)
{
	struct wps_reply first = { .count = 0 }, second = { .count = 0 };

	start((struct setup){ .path = "/", .concurrency = 1, .retry = RETRY_ALL,
	    .timeout = 2000 });
	app.answers[0] = app.answers[2] = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
	app.answers[1] = NOTHING;
	app.answer_count = 3;
	uint64_t before = fake->loop.now_ms;
	deliver(user_event("a", "x"), &first);
	deliver(user_event("b", "x"), &second);
	CU_ASSERT(fakehost_loop_until(&fake->loop, is_answered, &second, DEADLINE_MS));
	check_number("in the pause", (long)(fake->loop.now_ms - before), 0);
	CU_ASSERT(fakehost_loop_until(&fake->loop, is_answered, &first, DEADLINE_MS));
	/* The next pause would be 3 s. */
	check_number("its end", (long)(fake->loop.now_ms - before), 1000);
	check_number("requests", (long)app.seen_count, 3);
	stop();
}

static void
test_a_refusal_without_end_is_cut(void)
{
	static char answer[200000];
	struct wps_reply reply;

	int len = snprintf(answer, sizeof(answer),
	    "HTTP/1.1 403 Forbidden\r\nContent-Length: 999999999\r\n\r\n");
	memset(answer + len, 'x', sizeof(answer) - (size_t)len - 1);
	start((struct setup){ .path = "/" });
	answer_with(answer);
	uint64_t before = fake->loop.now_ms;
	ask(connect_event(), &reply);
	check_number("took", (long)(fake->loop.now_ms - before), 0);
	CU_ASSERT(strncmp(reply.text, "refused status=403", 18) == 0);
	check_number("length", (long)strlen(strstr(reply.text, "body=") + 5), 4096);
	stop();
}

static void
test_cancel_aborts_wherever_the_event_is(void)
{
	struct wps_reply reply = { .count = 0 };

	for (int step = 0; step < 3; step++) {
		start((struct setup){ .path = "/", .validation = true });
		answer_with(HANG);
		app.handshake = step == 1 ? HANG : AGREES;
		deliver(user_event("message", "x"), &reply);
		if (step == 1)
			fakehost_loop_run(&fake->loop, 10);
		if (step == 2)
			request(0);
		fake->upstream.cancel(fake->worker, &reply);
		fake->upstream.cancel(fake->worker, &reply);
		fakehost_loop_run(&fake->loop, 500);
		check_number("answers", reply.count, 0);
		check_number("requests", (long)app.seen_count, step == 2);
		stop();
	}
}

/* Neither by libcurl's ideas of paths, nor by the environment. */
static void
test_a_url_is_asked_as_it_stands(void)
{
	struct wps_reply reply;

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	start((struct setup){ .path = "/a/../b/./{event}?x=/../%2e&y" });
	check_text("answer", ask(user_event("message", "x"), &reply), "ok");
	CU_ASSERT(strncmp(request(0), "POST /a/../b/./message?x=/../%2e&y HTTP", 39) == 0);
	stop();
	unsetenv("http_proxy");
}

static void
test_stop_leaves_nothing_behind(void)
{
	struct wps_event event = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };

	start((struct setup){ .path = "/" });
	app.answers[0] = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
	app.answers[1] = HANG;
	app.answer_count = 2;
	deliver(event, NULL);
	request(0);
	deliver(event, NULL);
	request(1);
	deliver(event, NULL);
	stop();
}

static size_t
kept_handles(void)
{
	const struct events_worker *worker = fake->worker;

	return worker->transport.pooled;
}

static void
test_handles_that_are_not_used_are_given_back(void)
{
	struct wps_reply replies[3] = { { .count = 0 } };

	start((struct setup){ .path = "/" });
	for (size_t i = 0; i < 3; i++)
		deliver(user_event("message", "x"), &replies[i]);
	CU_ASSERT(fakehost_loop_until(&fake->loop, is_answered, &replies[2],
	    DEADLINE_MS));
	CU_ASSERT(fakehost_loop_until(&fake->loop, is_answered, &replies[0],
	    DEADLINE_MS));
	check_number("after three at once", (long)kept_handles(), 3);
	for (size_t i = 0; i < 3; i++) {
		struct wps_reply reply = { .count = 0 };
		deliver(user_event("message", "x"), &reply);
		CU_ASSERT(fakehost_loop_until(&fake->loop, is_answered, &reply,
		    DEADLINE_MS));
		fakehost_loop_run(&fake->loop, 3000);
	}
	check_number("after one at a time", (long)kept_handles(), 1);
	fakehost_loop_run(&fake->loop, 9000);
	check_number("after none", (long)kept_handles(), 0);
	check_number("timers", (long)fakehost_loop_timers(&fake->loop), 0);
	stop();
}

/* --- presence ------------------------------------------------------------------------------- */

static void
test_presence_events_are_sent_as_specified(void)
{
	start((struct setup){ .path = "/{event}" });
	deliver(presence_event(WPS_EVENT_JOINED, "room \"7\""), NULL);
	check_header(0, "ce-type", "azure.webpubsub.gp.joined");
	check_header(0, "ce-eventName", "joined");
	check_header(0, "Content-Type", "application/json; charset=utf-8");
	check_text("body", strstr(request(0), "\r\n\r\n"),
	    "\r\n\r\n{\"group\":\"room \\\"7\\\"\"}");
	deliver(presence_event(WPS_EVENT_LEFT, "room"), NULL);
	check_header(1, "ce-type", "azure.webpubsub.gp.left");
	CU_ASSERT(strncmp(request(1), "POST /left ", 11) == 0);
	stop();
}

static void
test_presence_is_asked_for_by_event_and_group(void)
{
	static const char *const patterns[] = { "room*", "hall" };
	static const struct { const char *event; size_t patterns; enum wps_event_kind kind;
	    const char *group; bool any, wanted; } cases[] = {
		{ "joined", 0, WPS_EVENT_JOINED, "x", true, true },
		{ "Joined", 2, WPS_EVENT_JOINED, "room7", true, true },
		{ "joined", 2, WPS_EVENT_JOINED, "hall", true, true },
		{ "joined", 2, WPS_EVENT_JOINED, "hall2", true, false },
		{ "joined", 0, WPS_EVENT_LEFT, "x", true, false },
		{ "left", 0, WPS_EVENT_LEFT, "x", true, true },
		{ NULL, 2, WPS_EVENT_JOINED, "room7", false, false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		start_presence(cases[i].event, patterns, cases[i].patterns);
		struct wps_event event = presence_event(cases[i].kind, cases[i].group);
		check_number("the hub", fake->upstream.wants_presence(fake->worker,
		    WPS_SPAN("chat")), cases[i].any);
		check_number(cases[i].group, fake->upstream.wants(fake->worker, &event),
		    cases[i].wanted);
		stop();
	}
}

/* --- what is counted ------------------------------------------------------------------------------- */

/* All failures together: a kind that is not looked for has not counted. */
static long
counted_failures(void)
{
	long sum = 0;

	for (unsigned i = 0; i < fake->counter_count; i++) {
		if (strcmp(fake->counters[i].name, "wps_upstream_failures_total") == 0)
			sum += (long)fake->counts[i];
	}
	return sum;
}

static void
test_counters_have_the_vendors_names(void)
{
	static const struct { const char *kind, *event; } cases[] = {
		{ "status", "HttpHandlerUnexpectedResponse" },
		{ "lost", "HttpHandlerUnexpectedResponse" },
		{ "handshake_status", "AbuseProtectionResponseInvalidStatusCode" },
		{ "handshake_origin", "AbuseProtectionResponseMissingAllowedOrigin" },
		{ "token", "" },
	};
	char labels[128];

	start((struct setup){ .path = "/" });
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool found = false;
		snprintf(labels, sizeof(labels), "kind=\"%s\",event=\"%s\"", cases[i].kind,
		    cases[i].event);
		for (unsigned k = 0; k < fake->counter_count; k++)
			found |= strcmp(fake->counters[k].labels, labels) == 0;
		if (!found)
			check_text("counter", "none", labels);
	}
	check_number("counters", fake->counter_count, 18);
	stop();
}

#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define X256 X64 X64 X64 X64

static void
test_each_failure_of_an_answer_is_counted_by_its_kind(void)
{
	static const struct { const char *answer, *kind; } cases[] = {
		{ "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "status" },
		{ "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "status" },
		{ "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "status" },
		{ "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{",
		  "answer" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1280\r\n\r\n" X256 X256 X256 X256 X256,
		  "too_large" },
		{ "SSH-2.0-OpenSSH\r\n\r\n", "connection" },
		{ HANG_UP, "connection" },
		{ HANG, "timeout" },
	};
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(cases); i++) {
		start((struct setup){ .path = "/", .max_answer = 1024 });
		answer_with(cases[i].answer);
		ask(user_event("message", "x"), &reply);
		check_number(cases[i].kind, counted("failures", cases[i].kind), 1);
		check_number("all failures", counted_failures(), 1);
		check_number("requests", counted("requests", "event"), 1);
		stop();
	}
}

static void
test_what_works_is_no_failure(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .validation = true });
	for (unsigned i = 0; i < 3; i++)
		ask(user_event("message", "x"), &reply);
	check_number("failures", counted_failures(), 0);
	check_number("events", counted("requests", "event"), 3);
	check_number("handshakes", counted("requests", "handshake"), 1);
	stop();
}

/* A repetition is a request; only the end of the last one is a failure. */
static void
test_repetitions_are_requests_and_one_failure(void)
{
	struct wps_event event = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };

	start((struct setup){ .path = "/" });
	answer_with("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
	deliver(event, NULL);
	fakehost_loop_run(&fake->loop, 20000);
	check_number("requests", counted("requests", "event"), 4);
	check_number("status", counted("failures", "status"), 1);
	check_number("all failures", counted_failures(), 1);
	stop();
}

static void
test_events_that_are_not_sent_are_counted_by_the_reason(void)
{
	struct wps_reply reply, held = { .count = 0 };

	start((struct setup){ .path = "/", .validation = true });
	app.handshake = HANDSHAKE("403 No", "");
	ask(user_event("message", "x"), &reply);
	ask(user_event("message", "x"), &reply);
	check_number("refused", counted("failures", "not_agreed"), 2);
	check_number("handshakes", counted("failures", "handshake_status"), 1);
	check_number("all failures", counted_failures(), 3);
	stop();

	start((struct setup){ .path = "/", .validation = true });
	app.handshake = HANDSHAKE("200 OK", "");
	ask(user_event("message", "x"), &reply);
	check_number("no origin", counted("failures", "handshake_origin"), 1);
	check_number("all failures", counted_failures(), 2);
	stop();

	start((struct setup){ .path = "/", .concurrency = 1, .queue = 1 });
	answer_with(HANG);
	deliver(user_event("message", "x"), &held);
	request(0);
	deliver(user_event("message", "x"), &(struct wps_reply){ .count = 0 });
	ask(user_event("message", "x"), &reply);
	check_number("queue", counted("failures", "queue"), 1);
	check_number("all failures", counted_failures(), 1);
	stop();

	start((struct setup){ .path = "/", .oauth = true });
	app.token = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";
	ask(user_event("message", "x"), &reply);
	ask(user_event("message", "x"), &reply);
	check_number("no token", counted("failures", "no_token"), 2);
	check_number("tokens", counted("failures", "token"), 1);
	check_number("all failures", counted_failures(), 3);
	stop();

	start((struct setup){ .path = "/" });
	ask(user_event("caf\xc3\xa9", "x"), &reply);
	check_number("unsendable", counted("failures", "unsendable"), 1);
	stop();

	start((struct setup){ .url = "http://169.254.169.254/" });
	ask(user_event("message", "x"), &reply);
	check_number("address", counted("failures", "address"), 1);
	stop();

	start((struct setup){ .path = "/", .breaker = 1 });
	answer_with(HANG_UP);
	ask(user_event("message", "x"), &reply);
	ask(user_event("message", "x"), &reply);
	check_number("connection", counted("failures", "connection"), 1);
	check_number("down", counted("failures", "down"), 1);
	stop();
}

static void
test_events_that_the_end_overtakes_are_lost(void)
{
	struct wps_reply reply = { .count = 0 };

	start((struct setup){ .path = "/" });
	answer_with(HANG);
	deliver(user_event("message", "x"), &reply);
	request(0);
	fake->upstream.forget(fake->worker, conn.slot);
	conn.slot = NULL;
	wps_plugin_v1.worker_stop(fake->worker);
	check_number("lost", counted("failures", "lost"), 1);
	CU_ASSERT(wps_plugin_v1.worker_start(fake->state,
	    fakehost_loop_worker(&fake->loop), &fake->worker) == WPS_OK);
	stop();
}

/* However long those before it take; it has a time of its own then. */
static void
test_the_last_word_waits_as_long_as_it_must(void)
{
	struct wps_event connected = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };
	struct wps_event gone = { .kind = WPS_EVENT_DISCONNECTED, .conn = &conn,
		.name = WPS_SPAN("disconnected"), .reason = WPS_SPAN("") };

	start((struct setup){ .path = "/", .timeout = 5000, .body_timeout = 20000 });
	answer_with("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
	deliver(connected, NULL);
	deliver(gone, NULL);
	request(0);
	answer_with(NOTHING);
	fakehost_loop_run(&fake->loop, 30000);
	check_number("requests", (long)app.seen_count, 2);
	check_header(1, "ce-eventName", "disconnected");
	check_number("late", counted("failures", "timeout"), 1);
	stop();
}

/* It ends before the one in front of it, which goes on as it was. */
static void
test_one_that_finds_no_room_moves_nobody(void)
{
	struct wps_event connected = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };

	start((struct setup){ .path = "/", .queue = 1 });
	answer_with(HANG);
	deliver(connected, NULL);
	request(0);
	deliver(presence_event(WPS_EVENT_JOINED, "a"), NULL);
	deliver(presence_event(WPS_EVENT_JOINED, "b"), NULL);
	fakehost_loop_run(&fake->loop, 1000);
	check_number("no room", counted("failures", "queue"), 1);
	check_number("requests", (long)app.seen_count, 1);
	stop();
}

static bool
some_refused(void *data)
{
	long *before = data, count = counted("failures", "down"), news = count - *before;

	if (news > 64)
		check_number("refused in one turn", news, 64);
	*before = count;
	return count == CROWD - 1;
}

/* They wait for a place when the first one finds that the origin is down. */
static void
test_a_queue_is_gone_through_in_many_turns(void)
{
	long seen = 0;

	memset(crowd, 0, sizeof(crowd));
	start((struct setup){ .path = "/", .concurrency = 1, .breaker = 1 });
	answer_with(HANG_UP);
	for (size_t i = 0; i < CROWD; i++)
		deliver(user_event("message", "x"), &crowd[i]);
	CU_ASSERT(fakehost_loop_until(&fake->loop, some_refused, &seen, DEADLINE_MS));
	check_number("requests", (long)app.seen_count, 1);
	stop();
}

CU_TestInfo cloudevents_delivery_tests[] = {
	TEST(test_secrets_leave_no_trace_in_memory),
	TEST(test_events_that_nobody_waits_for_are_repeated),
	TEST(test_a_full_queue_refuses_blocking_events_only),
	TEST(test_cancel_aborts_wherever_the_event_is),
	TEST(test_a_url_is_asked_as_it_stands),
	TEST(test_stop_leaves_nothing_behind),
	TEST(test_counters_have_the_vendors_names),
	TEST(test_each_failure_of_an_answer_is_counted_by_its_kind),
	TEST(test_what_works_is_no_failure),
	TEST(test_repetitions_are_requests_and_one_failure),
	TEST(test_events_that_are_not_sent_are_counted_by_the_reason),
	TEST(test_events_that_the_end_overtakes_are_lost),
	TEST(test_retry_says_which_events_are_repeated),
	TEST(test_events_that_nobody_waits_for_keep_their_order),
	TEST(test_the_order_of_one_connection_holds_no_other),
	TEST(test_the_order_of_a_connection_goes_through_all_handlers),
	TEST(test_many_failures_at_once_take_many_turns),
	TEST(test_a_queue_is_gone_through_in_many_turns),
	TEST(test_the_last_word_waits_as_long_as_it_must),
	TEST(test_one_that_finds_no_room_moves_nobody),
	TEST(test_a_repetition_gives_its_place_away_and_knows_its_end),
	TEST(test_a_refusal_without_end_is_cut),
	TEST(test_handles_that_are_not_used_are_given_back),
	TEST(test_presence_events_are_sent_as_specified),
	TEST(test_presence_is_asked_for_by_event_and_group),
	CU_TEST_INFO_NULL,
};
