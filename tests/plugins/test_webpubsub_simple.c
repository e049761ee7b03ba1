/* SPDX-License-Identifier: MIT */
/*
 * Simple clients: frames as they are, in and out (client-protocols.md, sections
 * 3.2, 10.2, 10.3, 11 and 12).
 */
#include "plugins/test_webpubsub.h"

#define FAILED "close 1011 Internal server error\n"
#define TO_GROUP "webpubsub_mode=sendToGroup&group=g"
#define BAD_MODE "webpubsub_mode must be sendEvent or sendToGroup"
#define BAD_GROUP "group must be a valid group name"
#define BAD_NO_ECHO "noEcho must be true or false"

static struct wps_conn *
open_simple(const char *query)
{
	struct wps_conn *conn = fakeconn_open(&host, "simple", query, "ann");

	conn->may_send = "*";
	return conn;
}

static void
test_it_serves_clients_without_a_subprotocol(void)
{
	const struct wps_subprotocol *ops = fakeconn_ops(&host, "simple");

	CU_ASSERT_PTR_NOT_NULL_FATAL(ops);
	check_number("flags", ops->flags, WPS_SUBPROTOCOL_NAMELESS);
}

static void
test_nothing_is_said_first_and_last(void)
{
	struct wps_conn *conn = open_simple(NULL);

	check_text("open", fakeconn_heard(conn), "");
	fakeconn_kick(conn, 1000, "bye");
	check_text("close", fakeconn_heard(conn), "close 1000 bye\n");
}

/* --- section 3.2 ---------------------------------------------------------- */

static void
test_query_is_judged_before_the_upgrade(void)
{
	static const struct {
		const char *query, *error;
	} rows[] = {
		{ NULL, "" }, { "", "" }, { "access_token=x&id=%zz", "" },
		{ "webpubsub_mode=", "" }, { "webpubsub_mode", "" },
		{ "webpubsub_mode=sendEvent", "" }, { "webpubsub_mode=SENDEVENT", "" },
		{ "webpubsub_mode=sendEvent&group=&noEcho=x", "" },
		{ "group=&noEcho=x", "" },
		{ "webpubsub_mode=x", BAD_MODE }, { "webpubsub_mode=%zz", BAD_MODE },
		{ "webpubsub_mode=sendToGroups&group=g", BAD_MODE },
		{ "webpubsub_mode=sendEvent&webpubsub_mode=x", BAD_MODE },
		{ "webpubsub_mode=x&webpubsub_mode=sendEvent", "" },
		{ "webpubsub_mode=x&webpubsub_mode=", "" },
		{ TO_GROUP, "" }, { "webpubsub_mode=SENDTOGROUP&group=g", "" },
		{ "webpubsub%5fmode=send%54oGroup&%67roup=g", "" },
		{ "webpubsub_mode=sendToGroup", BAD_GROUP },
		{ "webpubsub_mode=sendToGroup&group=", BAD_GROUP },
		{ "webpubsub_mode=sendToGroup&group=+", BAD_GROUP },
		{ "webpubsub_mode=sendToGroup&group=%zz", BAD_GROUP },
		{ "webpubsub_mode=sendToGroup&group=%ff", BAD_GROUP },
		{ "webpubsub_mode=sendToGroup&Group=g", BAD_GROUP },
		{ TO_GROUP "&group=", BAD_GROUP },
		{ "webpubsub_mode=sendToGroup&group=&group=g", "" },
		{ TO_GROUP "&noEcho=true", "" }, { TO_GROUP "&noEcho=FALSE", "" },
		{ TO_GROUP "&noEcho=", BAD_NO_ECHO }, { TO_GROUP "&noEcho=1", BAD_NO_ECHO },
		{ TO_GROUP "&noEcho=1&noEcho=true", "" },
		{ TO_GROUP "&noEcho=true&noEcho=1", BAD_NO_ECHO },
		{ "webpubsub_mode=a-mode-that-is-much-longer-than-any-mode-there-is",
		  BAD_MODE },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check_text(rows[i].query ? rows[i].query : "(none)",
		    fakeconn_check(&host, "simple", rows[i].query), rows[i].error);
}

static const char *
check_group_of(const char *unit, size_t count)
{
	static char query[20000];
	size_t len = (size_t)snprintf(query, sizeof(query),
	    "webpubsub_mode=sendToGroup&group=");

	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(query + len, sizeof(query) - len, "%s", unit);
	return fakeconn_check(&host, "simple", query);
}

static void
test_group_names_are_limited_as_elsewhere(void)
{
	check_text("1024", check_group_of("g", 1024), "");
	check_text("1025", check_group_of("g", 1025), BAD_GROUP);
	check_text("1024 of 3 bytes", check_group_of("%e2%82%ac", 1024), "");
	check_text("1025 of 3 bytes", check_group_of("%e2%82%ac", 1025), BAD_GROUP);
}

/* --- events --------------------------------------------------------------- */

static void
test_frames_are_message_events(void)
{
	static const struct wps_answer answer = { .result = WPS_OK };
	struct wps_conn *conn = open_simple(NULL);

	host.event_answer = &answer;
	conn->may_send = NULL; /* events need no role */
	fakeconn_say(conn, "{\"type\":\"ping\"}");
	fakeconn_recv(conn, WPS_FRAME_TEXT, WPS_SPAN(""));
	fakeconn_recv(conn, WPS_FRAME_BINARY, WPS_SPAN("\x05\x01"));
	fakeconn_recv(conn, WPS_FRAME_BINARY, WPS_SPAN(""));
	check_text("events", fakeconn_log(&host),
	    "event message text {\"type\":\"ping\"}\n"
	    "event message text \n"
	    "event message binary 0501\n"
	    "event message binary \n");
	check_text("no answer", fakeconn_heard(conn), "");
}

static void
test_answer_is_one_frame(void)
{
	static const struct wps_pair metadata[] = { { { "a", 1 }, { "1", 1 } } };
	static const struct {
		struct wps_answer answer;
		const char *hears;
	} rows[] = {
		{ { .has_message = true, .type = WPS_DATA_TEXT, .payload = { "hi", 2 } },
		  "hi\n" },
		{ { .has_message = true, .type = WPS_DATA_JSON, .payload = { "\"a\"", 3 } },
		  "\"a\"\n" },
		{ { .has_message = true, .type = WPS_DATA_BINARY, .payload = { "\5", 1 } },
		  "binary 05\n" },
		{ { .has_message = true, .type = WPS_DATA_PROTOBUF,
		    .payload = { "\x0a\0", 2 } }, "binary 0a00\n" },
		{ { .has_message = true, .type = WPS_DATA_TEXT, .payload = { "", 0 },
		    .metadata = metadata, .metadata_count = 1 }, "\n" },
		{ { .has_message = false }, "" },
		{ { .result = WPS_DECLINED, .has_message = true, .type = WPS_DATA_TEXT,
		    .payload = { "no", 2 } }, FAILED },
		{ { .result = WPS_NOT_FOUND }, FAILED },
		{ { .result = WPS_ESYS }, FAILED },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wps_conn *conn = open_simple(NULL);
		fakeconn_say(conn, "x");
		check_text("before", fakeconn_heard(conn), "");
		fakeconn_answer(conn, &rows[i].answer);
		check_text(rows[i].hears, fakeconn_heard(conn), rows[i].hears);
	}
}

static void
test_event_that_nobody_wants_closes(void)
{
	static const int results[] = { WPS_NOT_FOUND, WPS_ENOMEM };

	for (size_t i = 0; i < COUNT(results); i++) {
		struct wps_conn *conn = open_simple(NULL);
		host.event_result = results[i];
		fakeconn_say(conn, "x");
		check_text("close", fakeconn_heard(conn), FAILED);
	}
}

/* --- messages to a group -------------------------------------------------- */

static void
test_frames_go_to_the_group_of_the_query(void)
{
	struct wps_conn *conn =
	    open_simple("webpubsub_mode=sendToGroup&group=a%2Fb+c");

	fakeconn_say(conn, "hi");
	fakeconn_recv(conn, WPS_FRAME_BINARY, WPS_SPAN("\x05"));
	fakeconn_recv(conn, WPS_FRAME_TEXT, WPS_SPAN(""));
	check_text("commands", fakeconn_log(&host),
	    "send chat/a/b c from ann text hi\n"
	    "send chat/a/b c from ann binary 05\n"
	    "send chat/a/b c from ann text \n");
	check_text("it is no member", fakeconn_heard(conn), "");
}

static void
test_members_hear_themselves_unless_no_echo(void)
{
	static const struct {
		const char *query, *hears;
	} rows[] = {
		{ TO_GROUP, "hi\n" },
		{ TO_GROUP "&noEcho=false", "hi\n" },
		{ TO_GROUP "&noEcho=True", "" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wps_conn *conn = open_simple(rows[i].query);
		host.fake.host.conn_join(conn, WPS_SPAN("g"));
		fakeconn_say(conn, "hi");
		check_text(rows[i].query, fakeconn_heard(conn), rows[i].hears);
		fakeconn_close(conn);
	}
}

static void
test_permission_is_needed_for_each_message(void)
{
	struct wps_conn *conn = open_simple(TO_GROUP);

	conn->may_send = "g";
	fakeconn_say(conn, "1");
	check_text("allowed", fakeconn_log(&host), "send chat/g from ann text 1\n");
	conn->may_send = "G";
	fakeconn_say(conn, "2");
	check_text("denied", fakeconn_log(&host), "");
	check_text("close", fakeconn_heard(conn),
	    "close 1008 No permission to send to the group\n");
}

static void
test_send_without_memory_closes(void)
{
	struct wps_conn *conn = open_simple(TO_GROUP);

	host.no_memory = true;
	fakeconn_say(conn, "1");
	check_text("close", fakeconn_heard(conn), FAILED);
}

/* --- what goes out -------------------------------------------------------- */

static void
test_messages_are_bare_frames(void)
{
	static const struct wps_pair metadata[] = { { { "a", 1 }, { "1", 1 } } };
	static const struct {
		struct wps_msg_view msg;
		const char *hears;
	} rows[] = {
		{ { .type = WPS_DATA_TEXT, .payload = { "Hello", 5 } }, "Hello\n" },
		{ { .type = WPS_DATA_JSON, .payload = { "{\"hello\":\"world\"}", 17 } },
		  "{\"hello\":\"world\"}\n" },
		{ { .type = WPS_DATA_JSON, .payload = { "\"Hi\"", 4 } }, "\"Hi\"\n" },
		{ { .type = WPS_DATA_BINARY, .payload = { "\x05\x01\x01", 3 } },
		  "binary 050101\n" },
		{ { .type = WPS_DATA_PROTOBUF, .payload = { "\x0a\x00", 2 } },
		  "binary 0a00\n" },
		{ { .type = WPS_DATA_BINARY }, "binary \n" },
		{ { .type = WPS_DATA_TEXT, .payload = { "", 0 },
		    .metadata = metadata, .metadata_count = 1 }, "\n" },
	};
	static const enum wps_from from[] = { WPS_FROM_SERVER, WPS_FROM_GROUP };
	struct wps_conn *conn = open_simple(NULL);

	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t k = 0; k < COUNT(from); k++) {
			struct wps_msg_view msg = rows[i].msg;
			msg.from = from[k];
			fakeconn_deliver(conn, &msg);
			check_text(rows[i].hears, fakeconn_heard(conn),
			    rows[i].hears);
		}
	}
}

static void
test_kinds_of_clients_hear_each_other(void)
{
	struct wps_conn *simple = open_simple(TO_GROUP), *json = open_client();

	host.fake.host.conn_join(simple, WPS_SPAN("g"));
	host.fake.host.conn_join(json, WPS_SPAN("g"));
	fakeconn_recv(simple, WPS_FRAME_BINARY, WPS_SPAN("\x05\x01\x01"));
	check_text("JSON", fakeconn_heard(json),
	    "{\"type\":\"message\",\"from\":\"group\",\"group\":\"g\","
	    "\"fromUserId\":\"ann\",\"dataType\":\"binary\",\"data\":\"BQEB\"}\n");
	check_text("simple", fakeconn_heard(simple), "binary 050101\n");
	fakeconn_say(json, "{\"type\":\"sendToGroup\",\"group\":\"g\","
	    "\"noEcho\":true,\"metadata\":{\"a\":\"1\"},\"data\":{\"b\": 2}}");
	check_text("simple", fakeconn_heard(simple), "{\"b\": 2}\n");
	check_text("JSON", fakeconn_heard(json), "");
}

CU_TestInfo webpubsub_simple_tests[] = {
	{ "it serves clients without a subprotocol",
	  test_it_serves_clients_without_a_subprotocol },
	{ "nothing is said first and last", test_nothing_is_said_first_and_last },
	{ "query is judged before the upgrade",
	  test_query_is_judged_before_the_upgrade },
	{ "group names are limited as elsewhere",
	  test_group_names_are_limited_as_elsewhere },
	{ "frames are message events", test_frames_are_message_events },
	{ "answer is one frame", test_answer_is_one_frame },
	{ "event that nobody wants closes", test_event_that_nobody_wants_closes },
	{ "frames go to the group of the query",
	  test_frames_go_to_the_group_of_the_query },
	{ "members hear themselves unless no echo",
	  test_members_hear_themselves_unless_no_echo },
	{ "permission is needed for each message",
	  test_permission_is_needed_for_each_message },
	{ "send without memory closes", test_send_without_memory_closes },
	{ "messages are bare frames", test_messages_are_bare_frames },
	{ "kinds of clients hear each other", test_kinds_of_clients_hear_each_other },
	CU_TEST_INFO_NULL,
};
