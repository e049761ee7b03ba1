/* SPDX-License-Identifier: MIT */
/*
 * Tokens: when they are fetched, and for whom they are signed.
 */
#include "plugins/cloudevents_scene.h"

#include "lib/base64.h"
#include "plugins/cloudevents/jwt.h"

/* The first octet of its public x is zero. */
static const char signing_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAAAAAAAAAAAAAAAA\n"
    "AAAAAAAAAAAAAAAAAAAAAAAAAXuhRANCAAQAVUOJSvPQDtfXQKvb11yWsGh3t4fb\n"
    "X3Dup4uQqNfACrtMhaPY6invqvokQGkS3YTVsU3DK/ZW72xr1YpdlD+S\n"
    "-----END PRIVATE KEY-----\n";

#define TOKEN(token, length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n" \
	"{\"access_token\":\"" token "\",\"expires_in\":100}"

static bool
has_asked(void *data)
{
	return app.token_requests >= *(const unsigned *)data;
}

/* An event of 74 s is sent as the first was; one of 76 s too, but behind it there
 * is a new one. */
static void
test_a_token_is_fetched_anew_before_its_end(void)
{
	struct wps_reply reply;
	unsigned wanted = 2;

	start((struct setup){ .path = "/", .oauth = true });
	app.token = TOKEN("one", "39");
	check_text("answer", ask(user_event("a", "x"), &reply), "ok");
	check_header(0, "Authorization", "Bearer one");
	fakehost_loop_run(&fake->loop, 74000);
	ask(user_event("a", "x"), &reply);
	fakehost_loop_run(&fake->loop, 100);
	check_number("before three quarters", app.token_requests, 1);
	fakehost_loop_run(&fake->loop, 1900);
	app.token = TOKEN("two", "39");
	ask(user_event("a", "x"), &reply);
	check_header(2, "Authorization", "Bearer one");
	CU_ASSERT(fakehost_loop_until(&fake->loop, has_asked, &wanted, 10000));
	fakehost_loop_run(&fake->loop, 100);
	ask(user_event("a", "x"), &reply);
	check_header(3, "Authorization", "Bearer two");
	check_number("tokens", app.token_requests, 2);
	stop();
}

static long
times_in_log(const char *text)
{
	long count = 0;

	for (const char *at = fake->log; (at = strstr(at, text)); at++)
		count++;
	return count;
}

/* Asks all the time; the clock says when a token is asked for. */
static void
test_a_token_that_is_refused_is_asked_for_less_and_less(void)
{
	static const unsigned at_s[] = { 0, 1, 3, 7, 15, 31, 63, 123, 183 };
	struct wps_reply reply;

	start((struct setup){ .path = "/", .oauth = true });
	app.token = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";
	uint64_t before = fake->loop.now_ms;
	for (size_t i = 0; i < COUNT(at_s); i++) {
		while (fake->loop.now_ms < before + at_s[i] * 1000u) {
			ask(user_event("a", "x"), &reply);
			check_number("too early", app.token_requests, (long)i);
			fakehost_loop_run(&fake->loop, 500);
		}
		check_text("answer", ask(user_event("a", "x"), &reply), "failed");
		check_number("requests", app.token_requests, (long)i + 1);
	}
	check_number("events", (long)app.seen_count, 0);
	check_number("times in the log", times_in_log("no token for an event handler"), 1);

	/* One token, and it begins again. */
	fakehost_loop_run(&fake->loop, 60000);
	app.token = TOKEN("one", "39");
	check_text("a token", ask(user_event("a", "x"), &reply), "ok");
	fakehost_loop_run(&fake->loop, 101000);
	app.token = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";
	for (unsigned i = 0; i < 2; i++) {
		check_text("its end", ask(user_event("a", "x"), &reply), "failed");
		check_number("requests", app.token_requests, (long)COUNT(at_s) + 2 + i);
		fakehost_loop_run(&fake->loop, 1000);
	}
	check_number("times in the log", times_in_log("no token for an event handler"), 2);
	stop();
}

static void
test_only_a_200_has_a_token(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 201 Created\r\nContent-Length: 22\r\n\r\n{\"access_token\":\"one\"}",
		"HTTP/1.1 403 No\r\nContent-Length: 22\r\n\r\n{\"access_token\":\"one\"}",
	};
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(answers); i++) {
		start((struct setup){ .path = "/", .oauth = true });
		app.token = answers[i];
		check_text(answers[i], ask(user_event("a", "x"), &reply), "failed");
		stop();
	}
}

static void
test_a_token_is_waited_for_10_s(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .oauth = true });
	app.token = TOKEN("one", "99");
	size_t watches = fakehost_loop_watches(&fake->loop);
	uint64_t before = fake->loop.now_ms;
	check_text("half of it", ask(user_event("a", "x"), &reply), "failed");
	check_number("took", (long)(fake->loop.now_ms - before), 10000);
	fakehost_loop_run(&fake->loop, 1000);
	check_number("its connection is closed", (long)fakehost_loop_watches(&fake->loop),
	    (long)watches);
	app.token = TOKEN("one", "39");
	check_text("the next one", ask(user_event("a", "x"), &reply), "ok");
	stop();
}

/* A fresh token is not to blame. */
static void
test_a_token_that_is_not_taken_is_fetched_anew_after_10_s(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .oauth = true });
	app.token = TOKEN("one", "39");
	answer_with("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
	for (unsigned i = 0; i < 2; i++) {
		ask(user_event("a", "x"), &reply);
		check_number("fresh", app.token_requests, 1);
		fakehost_loop_run(&fake->loop, 9000);
	}
	ask(user_event("a", "x"), &reply);
	check_number("refused just now", app.token_requests, 1);
	ask(user_event("a", "x"), &reply);
	check_number("fetched anew", app.token_requests, 2);
	stop();
}

/* The claims of the token that the n-th event came with, as JSON. */
static const char *
claims_of(size_t n)
{
	static char claims[1024];
	char header[2048];
	size_t len;

	header_of(request(n), "Authorization", header, sizeof(header));
	const char *start = strchr(header, '.');
	CU_ASSERT_FATAL(start != NULL && strlen(start) < sizeof(claims));
	start++;
	CU_ASSERT_FATAL(base64url_decode(claims,
	    (struct wps_span){ start, strcspn(start, ".") }, &len));
	claims[len] = '\0';
	return claims;
}

static void
test_a_token_is_signed_for_one_hub_and_kept(void)
{
	static const struct { struct wps_span hub; const char *subject; } steps[] = {
		{ WPS_SPAN("one"), "\"sub\":\"one\"" },
		{ WPS_SPAN("two"), "\"sub\":\"two\"" },
		{ WPS_SPAN("one"), "\"sub\":\"one\"" },
	};
	char first[2048];
	struct wps_reply reply;

	start((struct setup){ .path = "/", .signing_key = signing_key });
	for (size_t i = 0; i < COUNT(steps); i++) {
		conn.view.hub = steps[i].hub;
		check_text("answer", ask(user_event("a", "x"), &reply), "ok");
		if (strstr(claims_of(i), steps[i].subject) == NULL)
			check_text("claims", claims_of(i), steps[i].subject);
	}
	header_of(request(0), "Authorization", first, sizeof(first));
	check_header(2, "Authorization", first);
	stop();
}

static void
test_a_token_is_signed_for_one_handler(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .signing_key = signing_key,
	    .connected_apart = true });
	deliver((struct wps_event){ .kind = WPS_EVENT_CONNECTED, .conn = &conn,
	    .name = WPS_SPAN("connected") }, NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(claims_of(0), "\"aud\":\"apart\""));
	ask(user_event("a", "x"), &reply);
	CU_ASSERT_PTR_NOT_NULL(strstr(claims_of(1), "\"aud\":\"app\""));
	stop();
}

/* It is good for an hour. */
static void
test_a_token_is_signed_anew_after_45_minutes(void)
{
	char first[2048], second[2048];
	struct wps_reply reply;

	start((struct setup){ .path = "/", .signing_key = signing_key });
	ask(user_event("a", "x"), &reply);
	const char *iat = strstr(claims_of(0), "\"iat\":");
	const char *exp = strstr(claims_of(0), "\"exp\":");
	CU_ASSERT_FATAL(iat != NULL && exp != NULL);
	check_number("lifetime", strtol(exp + 6, NULL, 10) - strtol(iat + 6, NULL, 10),
	    3600);
	header_of(request(0), "Authorization", first, sizeof(first));
	fakehost_loop_run(&fake->loop, 2699 * 1000);
	ask(user_event("a", "x"), &reply);
	check_header(1, "Authorization", first);
	fakehost_loop_run(&fake->loop, 1000);
	ask(user_event("a", "x"), &reply);
	header_of(request(2), "Authorization", second, sizeof(second));
	CU_ASSERT(strcmp(first, second) != 0);
	stop();
}

/* RFC 7518, section 6.2.1.2: as many octets as the curve has, zeros too. */
static void
test_coordinates_of_the_key_keep_their_zeros(void)
{
	struct jwt_key key;
	struct wps_err err;

	CU_ASSERT_FATAL(jwt_key_init(&key, wps_span_str(signing_key),
	    WPS_SPAN("https://a.example"), &err) == WPS_OK);
	text_add_char(&key.jwks, '\0');
	CU_ASSERT_PTR_NOT_NULL(strstr(key.jwks.data,
	    "\"x\":\"AFVDiUrz0A7X10Cr29dclrBod7eH219w7qeLkKjXwAo\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(key.jwks.data,
	    "\"y\":\"u0yFo9jqKe-q-iRAaRLdhNWxTcMr9lbvbGvVil2UP5I\""));
	jwt_key_fini(&key);
}

CU_TestInfo cloudevents_tokens_tests[] = {
	TEST(test_a_token_is_fetched_anew_before_its_end),
	TEST(test_a_token_that_is_refused_is_asked_for_less_and_less),
	TEST(test_only_a_200_has_a_token),
	TEST(test_a_token_is_waited_for_10_s),
	TEST(test_a_token_that_is_not_taken_is_fetched_anew_after_10_s),
	TEST(test_a_token_is_signed_for_one_hub_and_kept),
	TEST(test_a_token_is_signed_for_one_handler),
	TEST(test_a_token_is_signed_anew_after_45_minutes),
	TEST(test_coordinates_of_the_key_keep_their_zeros),
	CU_TEST_INFO_NULL,
};
