/* SPDX-License-Identifier: MIT */
/*
 * Invocations (client-protocols.md, section 16), and what overtakes messages that
 * wait behind an event.
 */
#include "plugins/test_webpubsub.h"

#define INVOKE "{\"type\":\"invoke\",\"invocationId\":\"1\",\"event\":\"e\""
#define RESPONSE(rest)                                                         \
	"{\"type\":\"invokeResponse\",\"invocationId\":\"1\"," rest "}\n"
#define FAILED(name, text)                                                     \
	RESPONSE("\"success\":false,\"error\":{\"name\":\"" name               \
	    "\",\"message\":\"" text "\"}")

static void
test_an_invocation_is_an_event_with_an_id(void)
{
	static const struct row rows[] = {
		{ INVOKE ",\"dataType\":\"text\",\"data\":\"x\"}", "", "invoke 1 e text x\n" },
		{ INVOKE ",\"target\":\"Event\",\"data\":{\"a\":1}}", "",
		  "invoke 1 e json {\"a\":1}\n" },
		{ INVOKE "}", "", "invoke 1 e binary \n" },
		{ INVOKE ",\"dataType\":\"json\"}", "", "invoke 1 e binary \n" },
		{ INVOKE ",\"metadata\":{\"k\":\"v\"}}", "", "invoke 1 e binary  k=v\n" },
		{ INVOKE ",\"data\":1,\"ackId\":7}", "", "invoke 1 e json 1\n" },
		{ "{\"type\":\"INVOKE\",\"invocationId\":\"\\u00e9\",\"event\":\"e\"}", "",
		  "invoke \xc3\xa9 e binary \n" },
		{ INVOKE ",\"target\":\"user\"}",
		  FAILED("BadRequest", "Only events can be invoked"), "" },
		{ INVOKE ",\"target\":1}",
		  FAILED("BadRequest", "Only events can be invoked"), "" },
	};

	TALK(open_client(), rows);
}

static void
test_an_invocation_that_is_malformed_is_invalid(void)
{
	static const char *const rows[] = {
		"{\"type\":\"invoke\",\"event\":\"e\"}",
		"{\"type\":\"invoke\",\"event\":\"e\",\"invocationId\":\"\"}",
		"{\"type\":\"invoke\",\"event\":\"e\",\"invocationId\":1}",
		"{\"type\":\"invoke\",\"invocationId\":\"1\"}",
		"{\"type\":\"invoke\",\"invocationId\":\"1\",\"event\":\"\"}",
		INVOKE ",\"dataType\":\"other\",\"data\":1}",
		INVOKE ",\"dataType\":\"binary\",\"data\":\"*\"}",
		"{\"type\":\"cancelInvocation\"}",
		"{\"type\":\"cancelInvocation\",\"invocationId\":null}",
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wps_conn *conn = open_client();
		fakeconn_say(conn, rows[i]);
		check_text(rows[i], fakeconn_heard(conn), INVALID);
		fakeconn_close(conn);
	}
}

static void
test_invocation_ids_have_a_limit(void)
{
	static const char *const letters[] = { "x", "\xc3\xa9", "\xe2\x82\xac" };
	char id[512], says[1024];

	for (int count = 128; count <= 129; count++) {
		for (size_t i = 0; i < COUNT(letters); i++) {
			struct wps_conn *conn = open_client();
			size_t len = strlen(letters[i]);
			for (int n = 0; n < count; n++)
				memcpy(id + n * len, letters[i], len + 1);
			snprintf(says, sizeof(says), "{\"type\":\"invoke\","
			    "\"event\":\"e\",\"invocationId\":\"%s\"}", id);
			fakeconn_say(conn, says);
			check_text(says, fakeconn_heard(conn),
			    count == 128 ? "" : INVALID);
			fakeconn_close(conn);
		}
	}
}

static void
test_the_answer_becomes_the_response(void)
{
	static const struct wps_pair pair = { { "k", 1 }, { "v", 1 } };
	static const struct {
		struct wps_answer answer;
		const char *hears;
	} rows[] = {
		{ { .result = WPS_OK }, RESPONSE("\"success\":true") },
		{ { .result = WPS_OK, .has_message = true, .type = WPS_DATA_JSON,
		    .payload = { "null", 4 } }, RESPONSE("\"success\":true") },
		{ { .result = WPS_OK, .has_message = true, .type = WPS_DATA_JSON,
		    .payload = { "[1]", 3 }, .metadata = &pair, .metadata_count = 1 },
		  RESPONSE("\"success\":true,\"dataType\":\"json\",\"data\":[1],"
		      "\"metadata\":{\"k\":\"v\"}") },
		{ { .result = WPS_OK, .has_message = true, .type = WPS_DATA_BINARY,
		    .payload = { "\x05", 1 } },
		  RESPONSE("\"success\":true,\"dataType\":\"binary\",\"data\":\"BQ==\"") },
		{ { .result = WPS_EPROTO },
		  FAILED("InternalServerError", "Internal server error") },
		{ { .result = WPS_NOT_FOUND }, FAILED("NotFound", "No event handler") },
	};
	struct wps_conn *conn = open_client();

	for (size_t i = 0; i < COUNT(rows); i++) {
		fakeconn_say(conn, INVOKE "}");
		check_text("nothing yet", fakeconn_heard(conn), "");
		fakeconn_answer_invocation(conn, "1", &rows[i].answer);
		check_text("heard", fakeconn_heard(conn), rows[i].hears);
	}
}

static void
test_an_invocation_that_the_server_refuses_fails(void)
{
	static const struct { int result; const char *hears; } rows[] = {
		{ WPS_NOT_FOUND, FAILED("NotFound", "No event handler") },
		{ WPS_DUPLICATE, FAILED("BadRequest", "The invocation is running") },
		{ WPS_ENOMEM, FAILED("InternalServerError", "Internal server error") },
	};
	struct wps_conn *conn = open_client();

	for (size_t i = 0; i < COUNT(rows); i++) {
		host.event_result = rows[i].result;
		fakeconn_say(conn, INVOKE "}");
		check_text("heard", fakeconn_heard(conn), rows[i].hears);
	}
	host.event_result = WPS_OK;
}

static void
test_a_cancel_is_passed_on_and_not_answered(void)
{
	static const struct row rows[] = {
		{ "{\"type\":\"cancelInvocation\",\"invocationId\":\"1\"}", "", "cancel 1\n" },
		{ "{\"type\":\"cancelInvocation\",\"invocationId\":\"x\",\"ackId\":1}", "",
		  "cancel x\n" },
	};

	host.cancel_result = WPS_NOT_FOUND;
	TALK(open_client(), rows);
	host.cancel_result = WPS_OK;
}

static void
test_only_what_depends_on_nothing_is_urgent(void)
{
	static const struct { const char *says; int cancel_result; bool urgent; const char *hears; }
	rows[] = {
		{ "{\"type\":\"ping\"}", WPS_OK, true, "{\"type\":\"pong\"}\n" },
		{ "{\"type\":\"sequenceAck\",\"sequenceId\":5}", WPS_OK, true, "" },
		{ "{\"type\":\"cancelInvocation\",\"invocationId\":\"1\"}", WPS_OK, true, "" },
		{ "{\"type\":\"cancelInvocation\",\"invocationId\":\"1\"}", WPS_NOT_FOUND,
		  false, "" },
		{ "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":1}", WPS_OK, false, "" },
		{ "{\"type\":\"event\",\"event\":\"e\",\"data\":1}", WPS_OK, false, "" },
		{ INVOKE "}", WPS_OK, false, "" },
		{ "{\"type\":\"ping\"", WPS_OK, false, "" },
		{ "", WPS_OK, false, "" },
	};
	struct wps_conn *conn = open_client();

	for (size_t i = 0; i < COUNT(rows); i++) {
		host.cancel_result = rows[i].cancel_result;
		check_number(rows[i].says, fakeconn_say_urgently(conn, rows[i].says),
		    rows[i].urgent);
		check_text(rows[i].says, fakeconn_heard(conn), rows[i].hears);
	}
	host.cancel_result = WPS_OK;
}

static void
test_what_is_urgent_is_short_and_of_the_right_kind(void)
{
	char says[514];
	struct wps_conn *conn = open_client();

	for (int len = 512; len <= 513; len++) {
		snprintf(says, sizeof(says), "%-*s", len, "{\"type\":\"ping\"}");
		check_number("urgent", fakeconn_say_urgently(conn, says), len == 512);
		check_text("heard", fakeconn_heard(conn),
		    len == 512 ? "{\"type\":\"pong\"}\n" : "");
	}
	CU_ASSERT_FALSE(conn->ops->urgent(host.fake.worker_state, conn,
	    WPS_FRAME_BINARY, WPS_SPAN("{\"type\":\"ping\"}")));
	check_text("heard", fakeconn_heard(conn), "");
}

CU_TestInfo webpubsub_invoke_tests[] = {
	{ "an invocation is an event with an id", test_an_invocation_is_an_event_with_an_id },
	{ "an invocation that is malformed is invalid",
	  test_an_invocation_that_is_malformed_is_invalid },
	{ "invocation ids have a limit", test_invocation_ids_have_a_limit },
	{ "the answer becomes the response", test_the_answer_becomes_the_response },
	{ "an invocation that the server refuses fails",
	  test_an_invocation_that_the_server_refuses_fails },
	{ "a cancel is passed on and not answered",
	  test_a_cancel_is_passed_on_and_not_answered },
	{ "only what depends on nothing is urgent",
	  test_only_what_depends_on_nothing_is_urgent },
	{ "what is urgent is short and of the right kind",
	  test_what_is_urgent_is_short_and_of_the_right_kind },
	CU_TEST_INFO_NULL,
};
