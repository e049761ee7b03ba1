/* SPDX-License-Identifier: MIT */
/*
 * What is answered.
 */
#include "plugins/cloudevents_scene.h"

#include "plugins/cloudevents/state.h"
#include "plugins/cloudevents/text.h"

static void
test_connect_answers(void)
{
	static const struct { const char *answer, *expected; } cases[] = {
		{ NOTHING, "ok" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "ok" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull", "ok" },
		{ "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}", "ok" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 91\r\n\r\n"
		  "{\"userId\":\"bob\",\"groups\":[\"g1\",\"g2\"],\"roles\":[],\"subProtocol\":"
		  "\"a.v1\",\"other\":1,\"x\":{\"y\":2}}", "ok user=bob subprotocol=a.v1 roles= groups=g1,g2" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n"
		  "{\"userId\":null,\"groups\":null,\"ROLES\":[\"r\"],\"subprotocol\":\"\"}",
		  "ok roles=r" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n{\"other\":-123456789012345678}", "ok" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{\"other\":123456789012345678901}", "ok" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"x\":1e999}", "ok" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"x\":\"\\u0000\"}", "ok" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"x\":\"\\ud800\"}", "ok" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{\"x\":[[{\"userId\":1}]]}", "ok" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"userId\":\"a\\u0000\"}", "failed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"userId\":\"\\ud800\"}", "failed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"roles\":[\"\\u0000\"]}", "failed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"userId\":\"bob\"}x", "failed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"userId\":1}", "failed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"groups\":[1]}", "failed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"roles\":[1]}", "failed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"groups\":[\"g\",\" \"]}", "failed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"roles\":\"a\"}", "failed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "failed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "failed" },
		{ "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\n"
		  "ce-connectionState: x\r\nContent-Length: 6\r\n\r\nno way",
		  "refused status=401 type=text/plain body=no way" },
		{ "HTTP/1.1 500 Oops\r\nContent-Length: 6\r\n\r\nsecret",
		  "refused status=500 type=text/plain "
		  "body=The application could not accept the connection.\n" },
		{ "HTTP/1.1 503 Busy\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\nsecret",
		  "refused status=503 type=text/plain "
		  "body=The application could not accept the connection.\n" },
		{ "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", "failed" },
		{ HANG, "failed" },
		{ HANG_UP, "failed" },
		{ "nonsense\r\n\r\n", "failed" },
	};
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(cases); i++) {
		start((struct setup){ .path = "/" });
		answer_with(cases[i].answer);
		check_text(cases[i].answer ? cases[i].answer : "no answer",
		    ask(connect_event(), &reply), cases[i].expected);
		check_number("requests", (long)app.seen_count, 1);
		CU_ASSERT(conn.slot == NULL || strncmp(reply.text, "ok", 2) == 0 ||
		    strstr(fake->log, "HttpHandlerUnexpectedResponse hub=chat"));
		stop();
	}
}

static void
test_a_refusal_passes_on_4_kib_of_its_body(void)
{
	static char answer[8192];
	struct wps_reply reply;

	int len = snprintf(answer, sizeof(answer),
	    "HTTP/1.1 403 Forbidden\r\nContent-Length: 4097\r\n\r\n");
	memset(answer + len, 'x', 4097);
	start((struct setup){ .path = "/" });
	answer_with(answer);
	ask(connect_event(), &reply);
	check_number("length", (long)strlen(strstr(reply.text, "body=") + 5), 4096);
	stop();
}

static void
test_user_event_answers(void)
{
	static const struct { const char *type, *headers, *body, *expected; } cases[] = {
		{ "text/plain", "", "hi", "ok text=hi" },
		{ "text/plain; charset=utf-8", "", "hi", "ok text=hi" },
		{ "TEXT/PLAIN ;x", "", "hi", "ok text=hi" },
		{ "application/json", "", "{\"a\":1}", "ok json={\"a\":1}" },
		{ "application/octet-stream", "", "\xff\xfe", "ok binary=\xff\xfe" },
		{ "application/x-protobuf", "", "pb", "ok protobuf=pb" },
		{ NULL, "", "raw", "ok binary=raw" },
		{ "application/octet-stream", "", "", "ok" },
		{ "text/html", "", "", "ok" },
		{ "text/html", "", "<p>", "failed" },
		{ "application/json", "", "{", "failed" },
		{ "application/json", "", "\"\xe9\"", "failed" },
		{ "application/json", "", "\"\xc3\xa9\"", "ok json=\"\xc3\xa9\"" },
		{ "text/plain", "", "\xff", "failed" },
		{ "text/plain", "x-webpubsub-metadata-A: 1\r\nX-WebPubSub-Metadata-b: u, v \r\n"
		  "X-WEBPUBSUB-METADATA-a: 2\r\n", "hi", "ok text=hi a:2 b:v" },
		{ NULL, "X-WebPubSub-Metadata-k: v\r\n", "", "ok text= k:v" },
		{ "text/plain", "X-WebPubSub-Metadata-k: \xc3\xbc\r\n", "hi", "failed" },
		{ "text/plain", "X-WebPubSub-Metadata-\xff: v\r\n", "hi", "failed" },
		{ "text/plain", "X-WebPubSub-Metadata-: v\r\n", "hi", "ok text=hi" },
		{ "text/plain", "X-WebPubSub-Metadata-a b: v\r\n", "hi", "failed" },
	};
	char answer[512];
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\n%s%s%s%sContent-Length: %zu"
		    "\r\n\r\n%s", cases[i].type ? "Content-Type: " : "",
		    cases[i].type ? cases[i].type : "", cases[i].type ? "\r\n" : "",
		    cases[i].headers, strlen(cases[i].body), cases[i].body);
		answer_with(answer);
		check_text(answer, ask(user_event("message", "x"), &reply), cases[i].expected);
	}
	check_number("connections", app.accepted, 1);
	stop();
}

/* Its frames hold whatever the application says. */
static void
test_clients_without_an_envelope_get_json_as_text(void)
{
	static const struct { const char *body, *expected; } cases[] = {
		{ "[1]", "ok json=[1]" }, { "hello", "ok json=hello" },
		{ "\xff", "failed" },
	};
	char answer[256];
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	conn.view.nameless = true;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Type: "
		    "application/json\r\nContent-Length: %zu\r\n\r\n%s",
		    strlen(cases[i].body), cases[i].body);
		answer_with(answer);
		check_text(cases[i].body, ask(user_event("message", "x"), &reply),
		    cases[i].expected);
	}
	stop();
}

static void
test_blocking_events_fail_at_once_and_are_not_repeated(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno",
		"HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
		HANG_UP, HANG,
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nhalf",
	};
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(answers); i++) {
		start((struct setup){ .path = "/" });
		/* The first leaves a connection that the second will use. */
		answer_with(NOTHING);
		check_text("answer", ask(user_event("message", "x"), &reply), "ok");
		answer_with(answers[i]);
		check_text("answer", ask(user_event("message", "x"), &reply), "failed");
		fakehost_loop_run(&fake->loop, 20000);
		check_number("requests", (long)app.seen_count, 2);
		check_number("answers", reply.count, 1);
		CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, "HttpHandlerUnexpectedResponse "
		    "hub=chat conn=c1 event=message kind=user"));
		stop();
	}
}

static void
test_timeouts_are_those_of_headers_and_body(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .timeout = 7000, .body_timeout = 3000 });
	uint64_t before = fake->loop.now_ms;
	answer_with(HANG);
	ask(user_event("message", "x"), &reply);
	check_number("until the headers", (long)(fake->loop.now_ms - before), 7000);
	before = fake->loop.now_ms;
	answer_with("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
	ask(user_event("message", "x"), &reply);
	check_number("until the body", (long)(fake->loop.now_ms - before), 3000);
	stop();
}

static void
test_an_upgrade_that_nobody_wants_is_a_failure_at_once(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	uint64_t before = fake->loop.now_ms;
	answer_with("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
	check_text("answer", ask(user_event("message", "x"), &reply), "failed");
	check_number("took", (long)(fake->loop.now_ms - before), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, "status=101 problem=\"status\""));
	stop();
}

static void
test_interim_answers_are_passed_over(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	answer_with("HTTP/1.1 103 Early Hints\r\nX-WebPubSub-Metadata-a: 1\r\n\r\n"
	    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi");
	check_text("answer", ask(user_event("message", "x"), &reply), "ok text=hi");
	stop();
}

static void
test_answers_have_limits(void)
{
	static char state[20000], answer[40000];
	static const struct { size_t body, state, other; const char *expected; } cases[] = {
		{ 2048, 0, 0, "ok" }, { 2049, 0, 0, "failed" },
		{ 0, 8192, 0, "ok" }, { 0, 8193, 0, "failed" },
		{ 0, 0, 32 * 1024 - 64, "ok" }, { 0, 0, 32 * 1024, "failed" },
	};
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(cases); i++) {
		memset(state, 's', cases[i].state);
		state[cases[i].state] = '\0';
		int len = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\n%s%s%s"
		    "Content-Length: %zu\r\nX: ", cases[i].state ? "ce-connectionState: " : "",
		    state, cases[i].state ? "\r\n" : "", cases[i].body);
		memset(answer + len, 'x', cases[i].other);
		len += (int)cases[i].other;
		len += snprintf(answer + len, sizeof(answer) - (size_t)len, "\r\n\r\n");
		memset(answer + len, 'b', cases[i].body);
		answer[len + (int)cases[i].body] = '\0';
		start((struct setup){ .path = "/", .max_answer = 2048 });
		answer_with(answer);
		ask(user_event("message", "x"), &reply);
		reply.text[strcspn(reply.text, " ")] = '\0';
		check_text("answer", reply.text, cases[i].expected);
		stop();
	}
}

static void
test_metadata_of_answers_has_limits(void)
{
	static const struct { int lines, key, value; const char *expected; } cases[] = {
		{ 1, 256, 1, "ok" }, { 1, 257, 1, "failed" },
		{ 1, 1, 1024, "ok" }, { 1, 1, 1025, "failed" },
		{ 8, 2, 1022, "ok" }, { 8, 2, 1023, "failed" },
	};
	static char answer[20000];
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(cases); i++) {
		int len = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\n");
		for (int k = 1; k <= cases[i].lines; k++)
			len += snprintf(answer + len, sizeof(answer) - (size_t)len,
			    "X-WebPubSub-Metadata-%0*d: %0*d\r\n", cases[i].key, k,
			    cases[i].value, 1);
		snprintf(answer + len, sizeof(answer) - (size_t)len,
		    "Content-Length: 0\r\n\r\n");
		start((struct setup){ .path = "/" });
		answer_with(answer);
		ask(user_event("message", "x"), &reply);
		reply.text[strcspn(reply.text, " ")] = '\0';
		check_text("answer", reply.text, cases[i].expected);
		stop();
	}
}

static void
test_state_is_kept_and_sent_back(void)
{
	static const struct { const char *headers, *sent; } steps[] = {
		{ "ce-connectionState: one\r\n", "-" },
		{ "", "one" },
		{ "ce-connectionstate: two\r\nCE-CONNECTIONSTATE: three\r\n", "one" },
		{ "ce-connectionState:\r\n", "three" },
		{ "", "-" },
	};
	struct wps_event gone = { .kind = WPS_EVENT_DISCONNECTED, .conn = &conn,
		.name = WPS_SPAN("disconnected"), .reason = WPS_SPAN("") };
	char answer[256];
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	for (size_t i = 0; i < COUNT(steps); i++) {
		snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\n%sContent-Length: 0\r\n\r\n",
		    steps[i].headers);
		answer_with(answer);
		ask(i == 0 ? connect_event() : user_event("message", "x"), &reply);
		check_header(i, "ce-connectionState", steps[i].sent);
		check_number("several are told", strstr(fake->log, "ce-connectionState, "
		    "the last counts hub=chat conn=c1 event=message") != NULL, i >= 2);
	}
	answer_with("HTTP/1.1 500 Oops\r\nce-connectionState: bad\r\nContent-Length: 0\r\n\r\n");
	ask(user_event("message", "x"), &reply);
	deliver(gone, NULL);
	check_header(COUNT(steps) + 1, "ce-connectionState", "-");
	stop();
}

static void
test_state_comes_from_answers_that_somebody_waits_for(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	answer_with("HTTP/1.1 200 OK\r\nce-connectionState: one\r\nContent-Length: 0\r\n\r\n");
	deliver((struct wps_event){ .kind = WPS_EVENT_CONNECTED, .conn = &conn,
	    .name = WPS_SPAN("connected") }, NULL);
	request(0);
	fakehost_loop_run(&fake->loop, 100);
	ask(user_event("message", "x"), &reply);
	check_header(1, "ce-connectionState", "-");
	ask(user_event("message", "x"), &reply);
	check_header(2, "ce-connectionState", "one");
	stop();
}

static void
test_cookies_of_a_success_are_sent_back(void)
{
	static const struct { bool on; const char *status, *sent; } cases[] = {
		{ true, "200 OK", "b=2; a=1" }, { true, "500 Oops", "-" },
		{ false, "200 OK", "-" },
	};
	static const char *const cookies = "Set-Cookie: a=1\r\nset-cookie: b=2; Path=/\r\n"
	    "Set-Cookie: c=3; Path=/elsewhere\r\nSet-Cookie: d=4; Max-Age=0\r\n"
	    "Set-Cookie: e=5; Domain=example.net\r\nContent-Length: 0\r\n\r\n";
	char answer[512];
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(cases); i++) {
		start((struct setup){ .path = "/", .cookies = cases[i].on });
		snprintf(answer, sizeof(answer), "HTTP/1.1 %s\r\n%s", cases[i].status, cookies);
		answer_with(answer);
		ask(user_event("message", "x"), &reply);
		answer_with(NOTHING);
		ask(user_event("message", "x"), &reply);
		check_header(0, "Cookie", "-");
		check_header(1, "Cookie", cases[i].sent);
		/* Another connection has none, though the handle is the same. */
		void *slot = conn.slot;
		conn.slot = NULL;
		ask(user_event("message", "x"), &reply);
		check_header(2, "Cookie", "-");
		fake->upstream.forget(fake->worker, conn.slot);
		conn.slot = slot;
		stop();
	}
}

/* Several events of a connection are on their way; each answer sets one, and the
 * last takes one away that all were sent with. */
static void
test_cookies_of_answers_side_by_side_are_all_kept(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nSet-Cookie: z=0\r\nSet-Cookie: y=1\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nset-cookie: y = 2; Path=/\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nSet-Cookie: z=; Max-Age=0\r\nContent-Length: 0\r\n\r\n",
		NOTHING,
	};
	struct wps_reply replies[3] = { { .count = 0 } };
	char value[64];

	start((struct setup){ .path = "/", .cookies = true });
	memcpy(app.answers, answers, sizeof(answers));
	app.answer_count = COUNT(answers);
	ask(user_event("message", "x"), &replies[0]);
	for (size_t i = 0; i < COUNT(replies); i++)
		deliver(user_event("message", "x"), &replies[i]);
	for (size_t i = 0; i < COUNT(replies); i++)
		CU_ASSERT(fakehost_loop_until(&fake->loop, is_answered, &replies[i],
		    DEADLINE_MS));
	ask(user_event("message", "x"), &replies[0]);
	for (size_t i = 1; i <= COUNT(replies); i++)
		check_header(i, "Cookie", "y=1; z=0");
	header_of(request(4), "Cookie", value, sizeof(value));
	CU_ASSERT_PTR_NOT_NULL(strstr(value, "a=1"));
	CU_ASSERT_PTR_NOT_NULL(strstr(value, "y=2"));
	check_number("length", (long)strlen(value), (long)strlen("a=1; y=2"));
	stop();
}

/* Cookies that came to another handle, or with a record. */
static void
test_cookies_of_before_stay_with_their_connection(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .cookies = true });
	struct conn_state *state = state_new();
	state_set_cookies(state, curl_slist_append(NULL,
	    "127.0.0.1\tFALSE\t/\tFALSE\t0\ta\t1"));
	conn.slot = state;
	ask(user_event("message", "x"), &reply);
	check_header(0, "Cookie", "a=1");
	conn.slot = NULL;
	ask(user_event("message", "x"), &reply);
	check_header(1, "Cookie", "-");
	fake->upstream.forget(fake->worker, conn.slot);
	conn.slot = state;
	stop();
}

/* libcurl keeps them with the handle before anybody says what the answer is. */
static void
test_cookies_of_what_is_no_answer_go_nowhere(void)
{
	static char large[40000];
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 9\r\n\r\nhalf",
		"HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=1\r\n\r\n"
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		large,
	};
	struct wps_reply reply;
	int len = snprintf(large, sizeof(large), "HTTP/1.1 200 OK\r\n");

	for (int i = 0; i < 8; i++)
		len += snprintf(large + len, sizeof(large) - (size_t)len,
		    "X-Pad: %04000d\r\n", 1);
	snprintf(large + len, sizeof(large) - (size_t)len,
	    "Set-Cookie: a=%0900d\r\n\r\n", 1);
	for (size_t i = 0; i < COUNT(answers); i++) {
		start((struct setup){ .path = "/", .cookies = true });
		answer_with(answers[i]);
		ask(user_event("message", "x"), &reply);
		answer_with(NOTHING);
		ask(user_event("message", "x"), &reply);
		check_header(1, "Cookie", "-");
		stop();
	}
}

static void
test_a_connection_has_few_and_small_cookies(void)
{
	static char answer[32000], value[16000];
	struct text text = { .data = NULL };
	struct wps_reply reply;

	start((struct setup){ .path = "/", .cookies = true });
	text_add(&text, WPS_SPAN("HTTP/1.1 200 OK\r\n"));
	for (int i = 0; i < 40; i++)
		text_printf(&text, "Set-Cookie: c%02d=%0300d\r\n", i, 1);
	text_add(&text, WPS_SPAN("Content-Length: 0\r\n\r\n\0"));
	snprintf(answer, sizeof(answer), "%s", text.data);
	text_free(&text);
	answer_with(answer);
	ask(user_event("message", "x"), &reply);
	ask(user_event("message", "x"), &reply);
	header_of(request(1), "Cookie", value, sizeof(value));
	size_t count = 1;
	for (const char *at = value; (at = strchr(at, ';')); at++)
		count++;
	check_number("cookies", (long)count, 20);
	stop();
}

CU_TestInfo cloudevents_answers_tests[] = {
	TEST(test_connect_answers),
	TEST(test_a_refusal_passes_on_4_kib_of_its_body),
	TEST(test_user_event_answers),
	TEST(test_clients_without_an_envelope_get_json_as_text),
	TEST(test_blocking_events_fail_at_once_and_are_not_repeated),
	TEST(test_timeouts_are_those_of_headers_and_body),
	TEST(test_an_upgrade_that_nobody_wants_is_a_failure_at_once),
	TEST(test_interim_answers_are_passed_over),
	TEST(test_answers_have_limits),
	TEST(test_metadata_of_answers_has_limits),
	TEST(test_state_is_kept_and_sent_back),
	TEST(test_state_comes_from_answers_that_somebody_waits_for),
	TEST(test_cookies_of_a_success_are_sent_back),
	TEST(test_cookies_of_answers_side_by_side_are_all_kept),
	TEST(test_cookies_of_before_stay_with_their_connection),
	TEST(test_cookies_of_what_is_no_answer_go_nowhere),
	TEST(test_a_connection_has_few_and_small_cookies),
	CU_TEST_INFO_NULL,
};
