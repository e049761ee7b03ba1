/* SPDX-License-Identifier: MIT */
/*
 * Streams (client-protocols.md, section 15): every row of the state machine, the
 * answers to bad requests, idle times, and acknowledgements in batches.
 */
#include "plugins/test_webpubsub.h"

#define RELIABLE "json.reliable.webpubsub.azure.v1"
#define START(id) "{\"type\":\"sendToGroup\",\"group\":\"g\","               \
	"\"stream\":{\"streamId\":\"" id "\"}}"
#define DATA(id, n) "{\"type\":\"streamData\",\"streamId\":\"" id "\","       \
	"\"streamSequenceId\":" #n ",\"dataType\":\"text\",\"data\":\"x\"}"
#define ALIVE(id) "{\"type\":\"streamData\",\"streamId\":\"" id "\"}"
#define END(id) "{\"type\":\"streamEnd\",\"streamId\":\"" id "\"}"
#define SACK(id, n) "{\"type\":\"streamAck\",\"streamId\":\"" id "\","        \
	"\"expectedSequenceId\":" #n "}\n"
#define NACKED(id, n, name, text) "{\"type\":\"streamNack\","                  \
	"\"streamId\":\"" id "\",\"name\":\"" name "\",\"message\":\"" text "\"," \
	"\"expectedSequenceId\":" #n "}\n"
#define GAP(id, n) NACKED(id, n, "InvalidSequenceId",                          \
	"A fragment before this one is missing")
#define CLOSED(id) "{\"type\":\"streamClosed\",\"streamId\":\"" id "\"}\n"
#define FAILED(id, name, text) "{\"type\":\"streamClosed\",\"streamId\":\"" id \
	"\",\"error\":{\"name\":\"" name "\",\"message\":\"" text "\"}}\n"
#define UNKNOWN(id) FAILED(id, "StreamNotFound", "No such stream")
#define BAD(id) FAILED(id, "BadRequest",                                       \
	"The request is not valid for this stream")
#define FORBIDDEN(id) FAILED(id, "Forbidden", "No permission to send to the group")
#define IDLE(id) FAILED(id, "IdleTimeout", "The stream was idle for too long")
#define SENT(id, n) "send chat/g from ann stream " id " " #n " text x\n"
#define ENDED(id, n) "send chat/g from ann stream " id " " #n " end text \n"
#define CANCELLED(id, n) "send chat/g from ann stream " id " " #n " end "      \
	"'Cancelled' 'The publisher has gone' text \n"

/* Till the end of the turn, when fragments are acknowledged. */
static void
end_turn(void)
{
	fakehost_loop_run(&host.fake.loop, 0);
}

static void
stream_talk(struct wps_conn *conn, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fakeconn_say(conn, rows[i].says);
		end_turn();
		check_text(rows[i].says, fakeconn_heard(conn), rows[i].hears);
		check_text(rows[i].says, fakeconn_log(&host),
		    rows[i].log ? rows[i].log : "");
	}
}
#define STREAM_TALK(conn, rows) stream_talk((conn), (rows), COUNT(rows))

static struct wps_conn *
open_named(const char *name)
{
	struct wps_conn *conn = fakeconn_open(&host, name, NULL, "ann");

	conn->may_join = conn->may_send = "*";
	fakeconn_heard(conn);
	return conn;
}

static void
test_rows_of_the_state_machine(void)
{
	static const struct row rows[] = {
		{ DATA("s", 1), UNKNOWN("s"), NULL },
		{ ALIVE("s"), UNKNOWN("s"), NULL },
		{ END("s"), UNKNOWN("s"), NULL },
		{ "{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":null,"
		  "\"dataType\":\"text\",\"data\":\"x\"}", "",
		  "send chat/g from ann text x\n" },
		{ START("s"), SACK("s", 1), NULL },
		{ DATA("s", 1), SACK("s", 2), SENT("s", 1) },
		{ DATA("s", 1), SACK("s", 2), NULL },
		{ DATA("s", 0), SACK("s", 2), NULL },
		{ DATA("s", 3), GAP("s", 2), NULL },
		{ ALIVE("s"), "", NULL },
		{ DATA("s", 2), SACK("s", 3), SENT("s", 2) },
		{ START("t"), SACK("t", 1), NULL },
		{ END("s"), CLOSED("s"), ENDED("s", 3) },
		{ END("s"), UNKNOWN("s"), NULL },
		{ START("s"), SACK("s", 1), NULL },
		{ START("s"), BAD("s"), CANCELLED("s", 1) },
		{ DATA("s", 1), UNKNOWN("s"), NULL },
		{ DATA("t", 1), SACK("t", 2), SENT("t", 1) },
	};

	STREAM_TALK(open_client(), rows);
}

static void
test_an_error_of_the_publisher_is_for_the_group(void)
{
	static const struct row rows[] = {
		{ START("s"), SACK("s", 1), NULL },
		{ "{\"type\":\"streamEnd\",\"streamId\":\"s\",\"error\":"
		  "{\"message\":\"gave up\",\"userErrorCode\":\"E7\"}}",
		  CLOSED("s"), "send chat/g from ann stream s 1 end 'UserError' "
		  "'gave up' 'E7' text \n" },
		{ START("s"), SACK("s", 1), NULL },
		{ "{\"type\":\"streamEnd\",\"streamId\":\"s\",\"error\":"
		  "{\"message\":null,\"userErrorCode\":\"E7\"}}",
		  CLOSED("s"), "send chat/g from ann stream s 1 end 'UserError' "
		  "'E7' text \n" },
		{ START("s"), SACK("s", 1), NULL },
		{ "{\"type\":\"streamEnd\",\"streamId\":\"s\",\"error\":{}}",
		  CLOSED("s"),
		  "send chat/g from ann stream s 1 end 'UserError' text \n" },
	};

	STREAM_TALK(open_client(), rows);
}

static void
test_bad_requests_end_the_stream(void)
{
	static const char *const starts[] = {
		"{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":"
		"{\"streamId\":\"s\",\"idleTimeoutMs\":0}}",
		"{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":"
		"{\"streamId\":\"s\",\"idleTimeoutMs\":4294967296}}",
		"{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1,\"stream\":"
		"{\"streamId\":\"s\"}}",
		"{\"type\":\"event\",\"event\":\"e\",\"stream\":"
		"{\"streamId\":\"s\"}}",
		"{\"type\":\"invoke\",\"invocationId\":\"1\",\"event\":\"e\","
		"\"stream\":{\"streamId\":\"s\"}}",
		"{\"type\":\"streamData\",\"streamId\":\"s\","
		"\"streamSequenceId\":1}",
		"{\"type\":\"streamData\",\"streamId\":\"s\",\"data\":1}",
		"{\"type\":\"streamData\",\"streamId\":\"s\","
		"\"streamSequenceId\":1,\"data\":1}",
	};
	struct wps_conn *conn = open_client();

	for (size_t i = 0; i < COUNT(starts); i++) {
		const struct row rows[] = {
			{ starts[i], BAD("s"), NULL },
			{ START("s"), SACK("s", 1), NULL },
			{ starts[i], BAD("s"), CANCELLED("s", 1) },
		};
		STREAM_TALK(conn, rows);
	}
}

static void
test_an_id_has_128_characters_at_most(void)
{
	char id[140], start[256], expected[256];
	struct wps_conn *conn = open_client();

	for (int len = 127; len <= 129; len++) {
		memset(id, 'i', sizeof(id));
		id[len] = '\0';
		snprintf(start, sizeof(start), "{\"type\":\"sendToGroup\","
		    "\"group\":\"g\",\"stream\":{\"streamId\":\"%s\"}}", id);
		fakeconn_say(conn, start);
		snprintf(expected, sizeof(expected), len <= 128 ?
		    SACK("%s", 1) : BAD("%s"), id);
		check_text("start", fakeconn_heard(conn), expected);
	}
	fakeconn_say(conn, START(""));
	check_text("empty", fakeconn_heard(conn), BAD(""));
}

static void
test_malformed_requests_close_the_connection(void)
{
	static const char *const bad[] = {
		"{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":1}",
		"{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":{}}",
		"{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":"
		"{\"streamId\":1}}",
		"{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":"
		"{\"streamId\":\"s\",\"idleTimeoutMs\":-1}}",
		"{\"type\":\"sendToGroup\",\"stream\":{\"streamId\":\"s\"}}",
		"{\"type\":\"streamData\"}",
		"{\"type\":\"streamData\",\"streamId\":\"s\","
		"\"streamSequenceId\":\"1\",\"dataType\":\"text\",\"data\":\"\"}",
		"{\"type\":\"streamData\",\"streamId\":\"s\","
		"\"streamSequenceId\":1,\"dataType\":\"text\",\"data\":1}",
		"{\"type\":\"streamEnd\"}",
		"{\"type\":\"streamEnd\",\"streamId\":\"s\",\"error\":1}",
		"{\"type\":\"streamEnd\",\"streamId\":\"s\",\"error\":"
		"{\"message\":1}}",
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct wps_conn *conn = open_client();
		fakeconn_say(conn, bad[i]);
		check_text(bad[i], fakeconn_heard(conn), INVALID);
		fakeconn_close(conn);
	}
}

static void
test_permission_is_asked_at_each_fragment(void)
{
	static const struct row forbidden[] = {
		{ START("s"), FORBIDDEN("s"), NULL },
	};
	static const struct row allowed[] = {
		{ START("s"), SACK("s", 1), NULL },
		{ DATA("s", 1), SACK("s", 2), SENT("s", 1) },
	};
	static const struct row revoked[] = {
		{ DATA("s", 2), FORBIDDEN("s"),
		  "send chat/g from ann stream s 2 end 'Forbidden' "
		  "'No permission to send to the group' text \n" },
		{ DATA("s", 2), UNKNOWN("s"), NULL },
	};
	struct wps_conn *conn = open_client();

	conn->may_send = NULL;
	STREAM_TALK(conn, forbidden);
	conn->may_send = "g";
	STREAM_TALK(conn, allowed);
	conn->may_send = NULL;
	STREAM_TALK(conn, revoked);
}

static void
test_fragments_without_memory_may_be_sent_again(void)
{
	static const struct row before[] = { { START("s"), SACK("s", 1), NULL } };
	static const struct row without[] = {
		{ DATA("s", 1), NACKED("s", 1, "TransientError",
		  "The fragment could not be delivered"), NULL },
	};
	static const struct row again[] = {
		{ DATA("s", 1), SACK("s", 2), SENT("s", 1) },
	};
	struct wps_conn *conn = open_client();

	STREAM_TALK(conn, before);
	host.no_memory = true;
	STREAM_TALK(conn, without);
	host.no_memory = false;
	STREAM_TALK(conn, again);
}

static void
test_fragments_of_a_turn_are_acknowledged_once(void)
{
	struct wps_conn *conn = open_client(), *other = open_client();

	fakeconn_say(conn, START("s"));
	fakeconn_say(other, START("s"));
	fakeconn_heard(conn);
	fakeconn_heard(other);
	fakeconn_say(conn, DATA("s", 1));
	fakeconn_say(conn, DATA("s", 2));
	fakeconn_say(other, DATA("s", 1));
	fakeconn_say(conn, DATA("s", 3));
	check_text("nothing yet", fakeconn_heard(conn), "");
	end_turn();
	check_text("once", fakeconn_heard(conn), SACK("s", 4));
	check_text("each", fakeconn_heard(other), SACK("s", 2));
	fakeconn_say(conn, DATA("s", 4));
	fakeconn_say(conn, END("s"));
	check_text("before the end", fakeconn_heard(conn),
	    SACK("s", 5) CLOSED("s"));
	fakeconn_say(conn, START("s"));
	fakeconn_say(conn, DATA("s", 1));
	fakeconn_say(conn, DATA("s", 3));
	end_turn();
	check_text("a gap says so much", fakeconn_heard(conn),
	    SACK("s", 1) GAP("s", 2));
	fakeconn_say(other, DATA("s", 2));
	fakeconn_close(other);
	end_turn();
	check_text("no more", fakeconn_heard(conn), "");
}

static void
test_idle_streams_end(void)
{
	struct wps_conn *conn = open_client();

	fakeconn_say(conn, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":"
	    "{\"streamId\":\"s\",\"idleTimeoutMs\":1000}}");
	fakeconn_say(conn, START("t"));
	fakeconn_heard(conn);
	fakehost_loop_run(&host.fake.loop, 900);
	fakeconn_say(conn, ALIVE("s"));
	fakehost_loop_run(&host.fake.loop, 900);
	fakeconn_say(conn, DATA("s", 1));
	fakehost_loop_run(&host.fake.loop, 900);
	check_text("it lives", fakeconn_heard(conn), SACK("s", 2));
	fakeconn_log(&host);
	fakehost_loop_run(&host.fake.loop, 200);
	check_text("it has ended", fakeconn_heard(conn), IDLE("s"));
	check_text("for all", fakeconn_log(&host), "send chat/g from ann stream "
	    "s 2 end 'IdleTimeout' 'The stream was idle for too long' text \n");
	fakehost_loop_run(&host.fake.loop, 290000);
	check_text("the other lives", fakeconn_heard(conn), "");
	fakehost_loop_run(&host.fake.loop, 10000);
	check_text("300 seconds are the default", fakeconn_heard(conn),
	    IDLE("t"));
}

static void
test_the_end_of_a_connection_ends_its_streams(void)
{
	struct wps_conn *conn = open_client();

	fakeconn_say(conn, START("s"));
	fakeconn_say(conn, DATA("s", 1));
	fakeconn_log(&host);
	fakeconn_close(conn);
	check_text("for all", fakeconn_log(&host), CANCELLED("s", 2));
}

static void
test_a_reliable_client_hears_the_last_word_again(void)
{
	static const struct row rows[] = {
		{ START("s"), SACK("s", 1), NULL },
		{ DATA("s", 1), SACK("s", 2), SENT("s", 1) },
		{ END("s"), CLOSED("s"), ENDED("s", 2) },
		{ DATA("s", 1), CLOSED("s"), NULL },
		{ END("s"), CLOSED("s"), NULL },
		{ START("s"), SACK("s", 1), NULL },
		{ START("s"), BAD("s"), CANCELLED("s", 1) },
		{ END("s"), BAD("s"), NULL },
	};
	static const struct row forgotten[] = { { END("s"), UNKNOWN("s"), NULL } };
	struct wps_conn *conn = open_named(RELIABLE);

	STREAM_TALK(conn, rows);
	/* For a minute more than the window. */
	fakehost_loop_run(&host.fake.loop, FAKECONN_WINDOW_MS + 59000);
	fakeconn_say(conn, END("s"));
	check_text("almost over", fakeconn_heard(conn), BAD("s"));
	fakehost_loop_run(&host.fake.loop, 2000);
	STREAM_TALK(conn, forgotten);
}

static void
open_streams(struct wps_conn *conn, int from, int to)
{
	char start[128];

	for (int i = from; i <= to; i++) {
		snprintf(start, sizeof(start), "{\"type\":\"sendToGroup\","
		    "\"group\":\"g\",\"stream\":{\"streamId\":\"%d\"}}", i);
		fakeconn_say(conn, start);
	}
}

static void
test_streams_are_limited_and_closed_ones_make_room(void)
{
	struct wps_conn *conn = open_named(RELIABLE);

	open_streams(conn, 1, 127);
	fakeconn_heard(conn);
	open_streams(conn, 128, 129);
	check_text("the last", fakeconn_heard(conn),
	    SACK("128", 1) FAILED("129", "BadRequest", "Too many streams"));
	fakeconn_say(conn, END("7"));
	fakeconn_say(conn, END("5"));
	fakeconn_heard(conn);
	open_streams(conn, 129, 129);
	fakeconn_say(conn, END("5"));
	fakeconn_say(conn, END("7"));
	check_text("the oldest made room", fakeconn_heard(conn),
	    SACK("129", 1) UNKNOWN("5") CLOSED("7"));
}

static void
test_streams_that_have_ended_do_not_count(void)
{
	struct wps_conn *conn = open_client();

	for (int i = 1; i <= 128; i++) {
		fakeconn_say(conn, START("s"));
		fakeconn_say(conn, END("s"));
	}
	fakeconn_heard(conn);
	fakeconn_say(conn, START("s"));
	check_text("one more", fakeconn_heard(conn), SACK("s", 1));
}

static void
test_a_stream_as_members_hear_it(void)
{
	struct wps_conn *conn = open_named(RELIABLE);
	struct wps_conn *simple = open_named("simple");

	fakeconn_say(conn, "{\"type\":\"joinGroup\",\"group\":\"g\"}");
	host.fake.host.conn_join(simple, WPS_SPAN("g"));
	fakeconn_say(conn, START("s"));
	fakeconn_heard(conn);
	fakeconn_say(conn, DATA("s", 1));
	fakeconn_say(conn, "{\"type\":\"streamEnd\",\"streamId\":\"s\","
	    "\"error\":{\"message\":\"gave up\",\"userErrorCode\":\"E7\"}}");
	check_text("the publisher", fakeconn_heard(conn),
	    "{\"sequenceId\":1,\"type\":\"message\",\"from\":\"group\","
	    "\"group\":\"g\",\"fromUserId\":\"ann\",\"dataType\":\"text\","
	    "\"data\":\"x\",\"stream\":{\"streamId\":\"s\","
	    "\"streamSequenceId\":1}}\n"
	    "{\"sequenceId\":2,\"type\":\"message\",\"from\":\"group\","
	    "\"group\":\"g\",\"fromUserId\":\"ann\",\"dataType\":\"text\","
	    "\"data\":\"\",\"stream\":{\"streamId\":\"s\","
	    "\"streamSequenceId\":2,\"endOfStream\":true,\"error\":"
	    "{\"name\":\"UserError\",\"message\":\"gave up\","
	    "\"userErrorCode\":\"E7\"}}}\n" SACK("s", 2) CLOSED("s"));
	check_text("a simple client", fakeconn_heard(simple), "x\n");
	fakeconn_say(conn, "{\"type\":\"sendToGroup\",\"group\":\"g\","
	    "\"noEcho\":true,\"ackId\":1,\"stream\":{\"streamId\":\"q\"}}");
	fakeconn_say(conn, DATA("q", 1));
	fakeconn_say(conn, END("q"));
	check_text("no echo", fakeconn_heard(conn),
	    SACK("q", 1) SACK("q", 2) CLOSED("q"));
}

/* --- in protobuf ----------------------------------------------------------------- */

static struct wps_span
unhex(const char *hex, char *dst)
{
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++) {
		unsigned byte = 0;
		(void)sscanf(hex + 2 * i, "%2x", &byte);
		dst[i] = (char)byte;
	}
	return (struct wps_span){ dst, len };
}

static void
test_a_stream_in_protobuf(void)
{
	static const struct row rows[] = {
		/* start: idle timeout 0 */
		{ "0a0a0a01673a050a01731000",
		  "binary 423b0a017312360a0a426164526571756573741228546865"
		  "2072657175657374206973206e6f742076616c696420666f722074686973"
		  "2073747265616d\n", NULL },
		{ "0a080a01673a030a0173", "binary 32050a01731001\n", NULL },
		{ "6a0a0a017310011a030a0178", "binary 32050a01731002\n",
		  SENT("s", 1) },
		{ "6a0a0a017310031a030a0178",
		  "binary 3a3f0a01731211496e76616c696453657175656e636549641a25"
		  "4120667261676d656e74206265666f72652074686973206f6e6520697320"
		  "6d697373696e672002\n", NULL },
		{ "6a030a0173", "", NULL },
		{ "720a0a017312050a01621200", "binary 42030a0173\n",
		  "send chat/g from ann stream s 2 end 'UserError' 'b' '' "
		  "text \n" },
	};
	struct wps_conn *conn = open_named("protobuf.webpubsub.azure.v1");
	char bytes[256];

	for (size_t i = 0; i < COUNT(rows); i++) {
		fakeconn_recv(conn, WPS_FRAME_BINARY,
		    unhex(rows[i].says, bytes));
		end_turn();
		check_text(rows[i].says, fakeconn_heard(conn), rows[i].hears);
		check_text(rows[i].says, fakeconn_log(&host),
		    rows[i].log ? rows[i].log : "");
	}
}

/* BAD in protobuf, without the length and the id in front. */
#define PB_BAD "12360a0a426164526571756573741228546865207265717565737420"       \
	"6973206e6f742076616c696420666f7220746869732073747265616d\n"

static void
test_bad_requests_in_protobuf(void)
{
	static const struct {
		const char *what, *says, *hears;
	} rows[] = {
		{ "an idle time above 32 bits", "0a0e0a01673a090a0173108080808010",
		  "binary 423b0a0173" PB_BAD },
		{ "a start with data", "0a0c0a01671a020a003a030a0173",
		  "binary 423b0a0173" PB_BAD },
		{ "a stream of an event", "2a080a01652a030a0173",
		  "binary 423b0a0173" PB_BAD },
		{ "data without a sequence id", "6a080a01731a030a0178",
		  "binary 423b0a0173" PB_BAD },
		{ "a sequence id with data of no member", "6a070a017310011a00",
		  "binary 423b0a0173" PB_BAD },
		{ "an empty id", "0a050a01673a00", "binary 4238" PB_BAD },
	};
	struct wps_conn *conn = open_named("protobuf.webpubsub.azure.v1");
	char bytes[256];

	for (size_t i = 0; i < COUNT(rows); i++) {
		fakeconn_recv(conn, WPS_FRAME_BINARY,
		    unhex(rows[i].says, bytes));
		check_text(rows[i].what, fakeconn_heard(conn), rows[i].hears);
		check_text(rows[i].what, fakeconn_log(&host), "");
	}
}

CU_TestInfo webpubsub_streams_tests[] = {
	{ "rows of the state machine", test_rows_of_the_state_machine },
	{ "an error of the publisher is for the group",
	  test_an_error_of_the_publisher_is_for_the_group },
	{ "bad requests end the stream", test_bad_requests_end_the_stream },
	{ "an id has 128 characters at most",
	  test_an_id_has_128_characters_at_most },
	{ "malformed requests close the connection",
	  test_malformed_requests_close_the_connection },
	{ "permission is asked at each fragment",
	  test_permission_is_asked_at_each_fragment },
	{ "fragments without memory may be sent again",
	  test_fragments_without_memory_may_be_sent_again },
	{ "fragments of a turn are acknowledged once",
	  test_fragments_of_a_turn_are_acknowledged_once },
	{ "idle streams end", test_idle_streams_end },
	{ "the end of a connection ends its streams",
	  test_the_end_of_a_connection_ends_its_streams },
	{ "a reliable client hears the last word again",
	  test_a_reliable_client_hears_the_last_word_again },
	{ "streams are limited and closed ones make room",
	  test_streams_are_limited_and_closed_ones_make_room },
	{ "streams that have ended do not count",
	  test_streams_that_have_ended_do_not_count },
	{ "a stream as members hear it", test_a_stream_as_members_hear_it },
	{ "a stream in protobuf", test_a_stream_in_protobuf },
	{ "bad requests in protobuf", test_bad_requests_in_protobuf },
	CU_TEST_INFO_NULL,
};
