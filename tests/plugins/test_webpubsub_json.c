/* SPDX-License-Identifier: MIT */
/*
 * JSON in and out: what is a valid request (client-protocols.md, sections 5.2 to
 * 5.4, 6.3, 6.11), and whole frames of messages (sections 7.2, 7.3, 10.2,
 * appendix A.1).
 */
#include "plugins/test_webpubsub.h"

#define SEND "{\"type\":\"sendToGroup\",\"group\":\"g\","
#define EVENT "{\"type\":\"event\",\"event\":\"e\","

/* --- requests that are valid ---------------------------------------------- */

static void
test_text_is_read_tolerantly_where_it_may(void)
{
	static const struct row rows[] = {
		{ " \t\r\n{ \"type\" : \"joinGroup\" , \"group\" : \"h\" ,"
		  " \"ackId\" : 1 } \n", ACK(1), NULL },
		{ "{\"ackId\":2,\"group\":\"h\",\"type\":\"JOINGROUP\"}", ACK(2), NULL },
		{ "{\"\\u0074ype\":\"join\\u0047roup\",\"gr\\u006fup\":\"h\","
		  "\"ackId\":3}", ACK(3), NULL },
		{ "{\"type\":\"joinGroup\",\"group\":\"h\",\"ackId\":4,"
		  "\"other\":{\"type\":[null]},\"Type\":1,\"data\":null,"
		  "\"noEcho\":\"x\",\"ttlSeconds\":-1,\"metadata\":1,\"event\":2,"
		  "\"sequenceId\":\"x\",\"dataType\":7}", ACK(4), NULL },
		{ "{\"type\":1,\"type\":\"joinGroup\",\"group\":7,\"group\":\"h\","
		  "\"ackId\":\"x\",\"ackId\":5}", ACK(5), NULL },
		{ SEND "\"dataType\":\"TeXt\",\"data\":\"x\"}", "",
		  "send chat/g from ann text x\n" },
		{ "{\"type\":\"sendToGroup\",\"group\":\"\\u00e9\\/\\ud83d\\ude00 \","
		  "\"data\":1}", "",
		  "send chat/\xc3\xa9/\xf0\x9f\x98\x80  from ann json 1\n" },
	};

	TALK(open_client(), rows);
}

static void
test_payload_is_what_the_data_type_says(void)
{
	static const struct row rows[] = {
		/* JSON passes on as it came. */
		{ SEND "\"data\":0}", "", "send chat/g from ann json 0\n" },
		{ SEND "\"data\":false}", "", "send chat/g from ann json false\n" },
		{ SEND "\"data\":\"\"}", "", "send chat/g from ann json \"\"\n" },
		{ SEND "\"data\":\"\\u0041\\ud800\"}", "",
		  "send chat/g from ann json \"\\u0041\\ud800\"\n" },
		{ SEND "\"data\": { \"a\" : [ 1e400 , 18446744073709551616 ] } }", "",
		  "send chat/g from ann json { \"a\" : [ 1e400 , 18446744073709551616 ] }\n" },
		{ SEND "\"dataType\":\"json\",\"data\":\"x\"}", "",
		  "send chat/g from ann json \"x\"\n" },
		/* Text loses its escapes. */
		{ SEND "\"dataType\":\"text\",\"data\":\"\"}", "",
		  "send chat/g from ann text \n" },
		{ SEND "\"dataType\":\"text\",\"data\":\"a\\n\\\"\\u00e9\\ud83d\\ude00\"}",
		  "", "send chat/g from ann text a\n\"\xc3\xa9\xf0\x9f\x98\x80\n" },
		{ SEND "\"dataType\":\"text\",\"data\":\"\xc3\xa9\"}", "",
		  "send chat/g from ann text \xc3\xa9\n" },
		/* Binary is base64, which some write with \/. */
		{ SEND "\"dataType\":\"binary\",\"data\":\"BQEB\"}", "",
		  "send chat/g from ann binary 050101\n" },
		{ SEND "\"dataType\":\"binary\",\"data\":\"\"}", "",
		  "send chat/g from ann binary \n" },
		{ SEND "\"dataType\":\"binary\",\"data\":\"+\\/8=\"}", "",
		  "send chat/g from ann binary fbff\n" },
		/* Protobuf is base64 of an Any. */
		{ SEND "\"dataType\":\"protobuf\",\"data\":\"CgV0L3guWRICCAE=\"}", "",
		  "send chat/g from ann protobuf 0a05742f782e5912020801\n" },
		{ SEND "\"dataType\":\"protobuf\",\"data\":\"\"}", "",
		  "send chat/g from ann protobuf \n" },
	};

	TALK(open_client(), rows);
}

static void
test_no_echo_and_ttl_are_passed_on(void)
{
	static const struct row rows[] = {
		{ SEND "\"noEcho\":false,\"ttlSeconds\":0,\"data\":1}", "",
		  "send chat/g from ann json 1\n" },
		{ SEND "\"noEcho\":true,\"ttlSeconds\":300,\"data\":1}", "",
		  "send chat/g from ann except c1 ttl 300 json 1\n" },
		{ SEND "\"ttlSeconds\":1,\"data\":1}", "",
		  "send chat/g from ann ttl 1 json 1\n" },
	};

	TALK(open_client(), rows);
}

static void
test_metadata_travels_with_the_message(void)
{
	static const struct row rows[] = {
		{ SEND "\"data\":1,\"metadata\":{\"b\":\"2\",\"a\":\"\",\"A\":\"x y\"}}",
		  "", "send chat/g from ann json 1 b=2 a= A=x y\n" },
		{ SEND "\"data\":1,\"metadata\":{\"\\u0061\":\"\\u0042\\\"\"}}", "",
		  "send chat/g from ann json 1 a=B\"\n" },
		{ SEND "\"data\":1,\"metadata\":"
		  "{\"aZ09!#$%&'*+-.^_`|~\":\"\\u0000\\u007f\"}}", "",
		  "send chat/g from ann json 1 aZ09!#$%&'*+-.^_`|~=" },
		{ SEND "\"data\":1,\"metadata\":null}", "",
		  "send chat/g from ann json 1\n" },
		{ SEND "\"data\":1,\"metadata\":{}}", "",
		  "send chat/g from ann json 1\n" },
		{ SEND "\"metadata\":{\"a\":\"1\"}}", "",
		  "send chat/g from ann text  a=1\n" },
		{ SEND "\"metadata\":{}}", "", "send chat/g from ann text \n" },
		{ SEND "\"dataType\":\"binary\",\"metadata\":{\"a\":\"1\"}}", "",
		  "send chat/g from ann text  a=1\n" },
	};

	TALK(open_client(), rows);
}

static void
test_events_read_data_as_sends_do(void)
{
	static const struct wps_answer answer = { .result = WPS_OK };
	static const struct row rows[] = {
		{ EVENT "\"data\":[1, 2]}", "", "event e json [1, 2]\n" },
		{ EVENT "\"dataType\":\"text\",\"data\":\"\"}", "", "event e text \n" },
		{ EVENT "\"dataType\":\"binary\",\"data\":\"BQ==\"}", "",
		  "event e binary 05\n" },
		{ EVENT "\"dataType\":\"protobuf\",\"data\":\"CgA=\"}", "",
		  "event e protobuf 0a00\n" },
		{ EVENT "\"metadata\":{\"a\":\"1\"}}", "", "event e text  a=1\n" },
		{ EVENT "\"metadata\":{}}", "", "event e text \n" },
		/* What only sends read may hold anything. */
		{ EVENT "\"data\":1,\"noEcho\":1,\"ttlSeconds\":\"x\",\"group\":1}", "",
		  "event e json 1\n" },
		{ "{\"type\":\"event\",\"event\":\"a_B.9-\",\"data\":1}", "",
		  "event a_B.9- json 1\n" },
	};

	host.event_answer = &answer;
	TALK(open_client(), rows);
}

/* --- requests that are not ------------------------------------------------ */

static void
check_invalid(const char *says)
{
	struct wps_conn *conn = open_client();

	fakeconn_say(conn, says);
	check_text(says, fakeconn_heard(conn), INVALID);
	check_text(says, fakeconn_log(&host), "");
	CU_ASSERT_PTR_NULL(conn->done);
	fakeconn_close(conn);
}

static void
test_invalid_messages_close_the_connection(void)
{
	static const char *const rows[] = {
		/* no JSON object */
		"", " ", "x", "null", "1", "\"ping\"", "[]", "[{\"type\":\"ping\"}]",
		"{\"type\":\"ping\"", "{\"type\":\"ping\"}}", "{\"type\":\"ping\"}x",
		"{\"type\":\"ping\",}", "{'type':'ping'}", "{type:\"ping\"}",
		"\xef\xbb\xbf{\"type\":\"ping\"}",
		"{\"type\":\"ping\",\"other\":01}", "{\"type\":\"ping\",\"other\":\"\t\"}",
		"{\"type\":\"ping\"}{\"type\":\"ping\"}",
		/* missing or unknown type */
		"{}", "{\"group\":\"g\"}", "{\"type\":\"pong\"}", "{\"type\":\"\"}",
		"{\"type\":null}", "{\"type\":1}", "{\"type\":[\"ping\"]}",
		"{\"Type\":\"ping\"}", "{\"type\":\"ping \"}",
		"{\"type\":\"ping\",\"type\":\"x\"}", "{\"type\":\"\\ud800\"}",
		/* group */
		"{\"type\":\"joinGroup\"}", "{\"type\":\"joinGroup\",\"group\":null}",
		"{\"type\":\"joinGroup\",\"group\":1}",
		"{\"type\":\"joinGroup\",\"group\":\"\"}",
		"{\"type\":\"joinGroup\",\"group\":\" \\t\"}",
		"{\"type\":\"joinGroup\",\"group\":\"\\udc00\"}",
		"{\"type\":\"joinGroup\",\"Group\":\"g\"}",
		"{\"type\":\"joinGroup\",\"group\":[\"g\"]}",
		"{\"type\":\"leaveGroup\"}", "{\"type\":\"leaveGroup\",\"group\":\"\"}",
		"{\"type\":\"sendToGroup\",\"data\":1}",
		"{\"type\":\"sendToGroup\",\"group\":\"\",\"data\":1}",
		/* event */
		"{\"type\":\"event\",\"data\":1}", "{\"type\":\"event\",\"event\":null}",
		"{\"type\":\"event\",\"event\":\"\",\"data\":1}",
		"{\"type\":\"event\",\"event\":\"1a\",\"data\":1}",
		"{\"type\":\"event\",\"event\":\"a b\",\"data\":1}",
		"{\"type\":\"event\",\"event\":\"a/b\",\"data\":1}",
		"{\"type\":\"event\",\"event\":1,\"data\":1}",
		EVENT "\"dataType\":\"json\"}", EVENT "\"data\":null}",
		/* data */
		SEND "\"noEcho\":true}", SEND "\"dataType\":\"text\"}",
		SEND "\"data\":null}", SEND "\"data\":null,\"metadata\":{\"a\":\"1\"}}",
		SEND "\"dataType\":\"json\",\"data\":null}",
		SEND "\"dataType\":\"text\",\"data\":null}",
		SEND "\"dataType\":\"text\",\"data\":1}",
		SEND "\"dataType\":\"text\",\"data\":{\"a\":1}}",
		SEND "\"dataType\":\"text\",\"data\":\"\\ud800\"}",
		SEND "\"dataType\":\"binary\",\"data\":1}",
		SEND "\"dataType\":\"binary\",\"data\":\"BQEB=\"}",
		SEND "\"dataType\":\"binary\",\"data\":\"BQ\"}",
		SEND "\"dataType\":\"binary\",\"data\":\"BR==\"}",
		SEND "\"dataType\":\"binary\",\"data\":\"B-_B\"}",
		SEND "\"dataType\":\"binary\",\"data\":\"BQ EB\"}",
		SEND "\"dataType\":\"protobuf\",\"data\":\"x\"}",
		SEND "\"dataType\":\"protobuf\",\"data\":\"CgV0\"}",
		SEND "\"dataType\":\"protobuf\",\"data\":{}}",
		/* data type */
		SEND "\"dataType\":\"xml\",\"data\":1}",
		SEND "\"dataType\":\"\",\"data\":1}",
		SEND "\"dataType\":null,\"data\":1}", SEND "\"dataType\":1,\"data\":1}",
		SEND "\"dataType\":\"xml\",\"metadata\":{}}",
		/* noEcho, ttlSeconds */
		SEND "\"noEcho\":\"true\",\"data\":1}", SEND "\"noEcho\":1,\"data\":1}",
		SEND "\"noEcho\":null,\"data\":1}",
		SEND "\"ttlSeconds\":301,\"data\":1}", SEND "\"ttlSeconds\":-1,\"data\":1}",
		SEND "\"ttlSeconds\":1.5,\"data\":1}", SEND "\"ttlSeconds\":\"1\",\"data\":1}",
		SEND "\"ttlSeconds\":null,\"data\":1}",
		SEND "\"ttlSeconds\":18446744073709551616,\"data\":1}",
		/* metadata */
		SEND "\"data\":1,\"metadata\":1}", SEND "\"data\":1,\"metadata\":[]}",
		SEND "\"data\":1,\"metadata\":\"a\"}",
		SEND "\"data\":1,\"metadata\":{\"a\":1}}",
		SEND "\"data\":1,\"metadata\":{\"a\":null}}",
		SEND "\"data\":1,\"metadata\":{\"\":\"1\"}}",
		SEND "\"data\":1,\"metadata\":{\"a b\":\"1\"}}",
		SEND "\"data\":1,\"metadata\":{\"a:\":\"1\"}}",
		SEND "\"data\":1,\"metadata\":{\"a\\u0000\":\"1\"}}",
		SEND "\"data\":1,\"metadata\":{\"\xc3\xa9\":\"1\"}}",
		SEND "\"data\":1,\"metadata\":{\"a\":\"\xc3\xa9\"}}",
		SEND "\"data\":1,\"metadata\":{\"a\":\"\\u0080\"}}",
		SEND "\"data\":1,\"metadata\":{\"a\":\"1\",\"a\":\"1\"}}",
		SEND "\"data\":1,\"metadata\":{\"a\":\"1\",\"b\":\"2\",\"\\u0061\":\"3\"}}",
		SEND "\"metadata\":null}", EVENT "\"metadata\":null}",
		EVENT "\"data\":1,\"metadata\":{\"a\":\"1\",\"a\":\"2\"}}",
		/* ids */
		"{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":-1}",
		"{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":1.0}",
		"{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":1e1}",
		"{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":\"1\"}",
		"{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":null}",
		"{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":18446744073709551616}",
		SEND "\"data\":1,\"ackId\":\"1\"}", EVENT "\"data\":1,\"ackId\":true}",
		"{\"type\":\"leaveGroup\",\"group\":\"g\",\"ackId\":[]}",
		"{\"type\":\"sequenceAck\"}", "{\"type\":\"sequenceAck\",\"sequenceId\":-1}",
		"{\"type\":\"sequenceAck\",\"sequenceId\":\"1\"}",
		"{\"type\":\"sequenceAck\",\"sequenceId\":18446744073709551616}",
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check_invalid(rows[i]);
}

static void
test_a_request_that_breaks_off_is_invalid(void)
{
	static const char *const rows[] = {
		SEND "\"dataType\":\"text\",\"data\":\"a\\u00e9\",\"ackId\":12}",
		SEND "\"dataType\":\"binary\",\"data\":\"BQEB\","
		    "\"metadata\":{\"a\":\"1\",\"b\":\"\"},\"noEcho\":true}",
		EVENT "\"data\":{\"a\":[1,{}]},\"ackId\":1}",
	};
	char says[256];

	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t len = 0; len < strlen(rows[i]); len++) {
			snprintf(says, sizeof(says), "%.*s", (int)len, rows[i]);
			check_invalid(says);
		}
	}
}

/* --- limits on both sides ------------------------------------------------- */

/* What the server is asked after a request with so many times `unit` in it; NULL
 * when the request is invalid. */
static const char *
log_of(const char *before, const char *unit, size_t count, const char *after)
{
	static char says[20000];
	size_t len = (size_t)snprintf(says, sizeof(says), "%s", before);

	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(says + len, sizeof(says) - len, "%s", unit);
	snprintf(says + len, sizeof(says) - len, "%s", after);
	struct wps_conn *conn = open_client();
	fakeconn_say(conn, says);
	bool closed = strcmp(fakeconn_heard(conn), INVALID) == 0;
	fakeconn_close(conn);
	const char *log = fakeconn_log(&host);
	return closed ? NULL : log;
}

static void
test_limits_of_names_and_metadata_hold_on_both_sides(void)
{
	static const struct {
		const char *before, *unit, *after;
		size_t most;
	} rows[] = {
		{ "{\"type\":\"sendToGroup\",\"data\":1,\"group\":\"", "g", "\"}", 1024 },
		{ "{\"type\":\"sendToGroup\",\"data\":1,\"group\":\"", "\xe2\x82\xac",
		  "\"}", 1024 },
		{ "{\"type\":\"sendToGroup\",\"data\":1,\"group\":\"",
		  "\xf0\x9f\x98\x80", "\"}", 512 },
		{ "{\"type\":\"sendToGroup\",\"data\":1,\"group\":\"", "\\u0067",
		  "\"}", 1024 },
		{ "{\"type\":\"event\",\"data\":1,\"event\":\"", "e", "\"}", 128 },
		{ SEND "\"data\":1,\"metadata\":{\"", "k", "\":\"\"}}", 256 },
		{ SEND "\"data\":1,\"metadata\":{\"k\":\"", "v", "\"}}", 1024 },
		{ SEND "\"data\":1,\"metadata\":{\"k\":\"", "\\u0076", "\"}}", 1024 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *log = log_of(rows[i].before, rows[i].unit, rows[i].most,
		    rows[i].after);
		CU_ASSERT(log != NULL && log[0] != '\0');
		CU_ASSERT_PTR_NULL(log_of(rows[i].before, rows[i].unit,
		    rows[i].most + 1, rows[i].after));
	}
}

/* Entries of a key of 4 and a value of 12 bytes, and a last one with `last`. */
static bool
takes_metadata(unsigned entries, const char *last)
{
	static char says[40000];
	size_t len = (size_t)snprintf(says, sizeof(says), SEND "\"metadata\":{");

	for (unsigned i = 0; i < entries; i++)
		len += (size_t)snprintf(says + len, sizeof(says) - len,
		    "\"%04u\":\"0123456789ab\",", i);
	snprintf(says + len, sizeof(says) - len, "%s}}", last);
	struct wps_conn *conn = open_client();
	fakeconn_say(conn, says);
	bool open = strcmp(fakeconn_heard(conn), "") == 0;
	CU_ASSERT((fakeconn_log(&host)[0] != '\0') == open);
	fakeconn_close(conn);
	return open;
}

static void
test_metadata_as_a_whole_is_limited(void)
{
	CU_ASSERT(takes_metadata(511, "\"last\":\"0123456789ab\""));
	CU_ASSERT(!takes_metadata(511, "\"last\":\"0123456789abc\""));
	CU_ASSERT(takes_metadata(510, "\"last\":\"\",\"x\":\"\""));
	CU_ASSERT(!takes_metadata(510, "\"last\":\"\",\"0000\":\"\""));
	CU_ASSERT(!takes_metadata(510, "\"last\":\"\",\"0509\":\"\""));
}

static bool
takes_depth(unsigned depth)
{
	char says[1000], data[301];

	for (unsigned i = 0; i < depth; i++) {
		data[i] = '[';
		data[depth + i] = ']';
	}
	data[2 * depth] = '\0';
	snprintf(says, sizeof(says), SEND "\"data\":%s}", data);
	struct wps_conn *conn = open_client();
	fakeconn_say(conn, says);
	bool open = strcmp(fakeconn_heard(conn), "") == 0;
	fakeconn_close(conn);
	fakeconn_log(&host);
	return open;
}

static void
test_nesting_is_limited(void)
{
	CU_ASSERT(takes_depth(127));
	CU_ASSERT(!takes_depth(128));
}

static void
test_large_payloads_pass_whole(void)
{
	static const struct {
		const char *type;
		size_t logged_of_4; /* characters in the log for 4 of the payload */
	} rows[] = { { "text", 4 }, { "binary", 6 } };
	static const char before[] = SEND "\"ackId\":1,\"dataType\":\"%s\",\"data\":\"";
	size_t len = 1024 * 1024;
	char *says = malloc(len + 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(says);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wps_conn *conn = open_client();
		int head = snprintf(says, len, before, rows[i].type);
		size_t units = (len - (size_t)head - 2) / 9; /* \u0041AAA is AAAA */
		char *at = says + head;
		for (size_t k = 0; k < units; k++)
			at = (char *)memcpy(at, "\\u0041AAA", 9) + 9;
		memcpy(at, "\"}", 3);
		fakeconn_say(conn, says);
		check_text(rows[i].type, fakeconn_heard(conn), ACK(1));
		size_t expected = strlen("send chat/g from ann ") +
		    strlen(rows[i].type) + 2 + units * rows[i].logged_of_4;
		check_number(rows[i].type, (long)strlen(fakeconn_log(&host)),
		    (long)expected);
		fakeconn_close(conn);
	}
	free(says);
}

/* --- what goes out -------------------------------------------------------- */

static void
test_messages_are_whole_frames(void)
{
	static const struct wps_pair metadata[] = {
		{ { "K\"", 2 }, { "a\\b", 3 } }, { { "b", 1 }, { "", 0 } },
	};
	static const struct {
		struct wps_msg_view msg;
		const char *hears;
	} rows[] = {
		/* Appendix A.1. */
		{ { .from = WPS_FROM_SERVER, .type = WPS_DATA_TEXT,
		    .payload = { "Hello", 5 } },
		  "{\"type\":\"message\",\"from\":\"server\",\"dataType\":\"text\","
		  "\"data\":\"Hello\"}\n" },
		{ { .from = WPS_FROM_SERVER, .type = WPS_DATA_JSON,
		    .payload = { "{\"hello\":\"world\"}", 17 } },
		  "{\"type\":\"message\",\"from\":\"server\",\"dataType\":\"json\","
		  "\"data\":{\"hello\":\"world\"}}\n" },
		{ { .from = WPS_FROM_SERVER, .type = WPS_DATA_BINARY,
		    .payload = { "\x05\x01\x01", 3 } },
		  "{\"type\":\"message\",\"from\":\"server\",\"dataType\":\"binary\","
		  "\"data\":\"BQEB\"}\n" },
		/* rest-api.md, section 3.2. */
		{ { .from = WPS_FROM_SERVER, .type = WPS_DATA_TEXT,
		    .payload = { "Hi", 2 } },
		  "{\"type\":\"message\",\"from\":\"server\",\"dataType\":\"text\","
		  "\"data\":\"Hi\"}\n" },
		{ { .from = WPS_FROM_SERVER, .type = WPS_DATA_JSON,
		    .payload = { "{\"a\":1}", 7 } },
		  "{\"type\":\"message\",\"from\":\"server\",\"dataType\":\"json\","
		  "\"data\":{\"a\":1}}\n" },
		{ { .from = WPS_FROM_SERVER, .type = WPS_DATA_JSON,
		    .payload = { "\"Hi\"", 4 } },
		  "{\"type\":\"message\",\"from\":\"server\",\"dataType\":\"json\","
		  "\"data\":\"Hi\"}\n" },
		/* Sections 7.2 and 10.2. */
		{ { .from = WPS_FROM_SERVER, .type = WPS_DATA_PROTOBUF,
		    .payload = { "\x0a\x05t/x.Y\x12\x02\x08\x01", 11 } },
		  "{\"type\":\"message\",\"from\":\"server\","
		  "\"dataType\":\"protobuf\",\"data\":\"CgV0L3guWRICCAE=\"}\n" },
		{ { .from = WPS_FROM_SERVER, .type = WPS_DATA_TEXT,
		    .payload = { "", 0 } },
		  "{\"type\":\"message\",\"from\":\"server\",\"dataType\":\"text\","
		  "\"data\":\"\"}\n" },
		{ { .from = WPS_FROM_SERVER, .type = WPS_DATA_BINARY },
		  "{\"type\":\"message\",\"from\":\"server\",\"dataType\":\"binary\","
		  "\"data\":\"\"}\n" },
		{ { .from = WPS_FROM_SERVER, .type = WPS_DATA_TEXT,
		    .payload = { "a\"\\/\n\x01\x00\x7f\xc3\xa9", 10 } },
		  "{\"type\":\"message\",\"from\":\"server\",\"dataType\":\"text\","
		  "\"data\":\"a\\\"\\\\/\\n\\u0001\\u0000\x7f\xc3\xa9\"}\n" },
		{ { .from = WPS_FROM_GROUP, .type = WPS_DATA_JSON,
		    .group = { "deck", 4 }, .from_user = { "ann", 3 },
		    .payload = { "{\"x\":1}", 7 } },
		  "{\"type\":\"message\",\"from\":\"group\",\"group\":\"deck\","
		  "\"fromUserId\":\"ann\",\"dataType\":\"json\",\"data\":{\"x\":1}}\n" },
		{ { .from = WPS_FROM_GROUP, .type = WPS_DATA_TEXT,
		    .group = { "\"d\"", 3 }, .from_user = { "\t", 1 },
		    .payload = { "x", 1 }, .ttl_s = 5 },
		  "{\"type\":\"message\",\"from\":\"group\",\"group\":\"\\\"d\\\"\","
		  "\"fromUserId\":\"\\t\",\"dataType\":\"text\",\"data\":\"x\"}\n" },
		{ { .from = WPS_FROM_GROUP, .type = WPS_DATA_TEXT,
		    .group = { "g", 1 }, .payload = { "x", 1 },
		    .metadata = metadata, .metadata_count = 2 },
		  "{\"type\":\"message\",\"from\":\"group\",\"group\":\"g\","
		  "\"fromUserId\":null,\"dataType\":\"text\",\"data\":\"x\","
		  "\"metadata\":{\"K\\\"\":\"a\\\\b\",\"b\":\"\"}}\n" },
		{ { .from = WPS_FROM_SERVER, .type = WPS_DATA_TEXT,
		    .payload = { "", 0 }, .metadata = metadata + 1,
		    .metadata_count = 1 },
		  "{\"type\":\"message\",\"from\":\"server\",\"dataType\":\"text\","
		  "\"data\":\"\",\"metadata\":{\"b\":\"\"}}\n" },
	};
	struct wps_conn *conn = open_client();

	for (size_t i = 0; i < COUNT(rows); i++) {
		fakeconn_deliver(conn, &rows[i].msg);
		check_text(rows[i].hears, fakeconn_heard(conn), rows[i].hears);
	}
}

static void
test_a_message_without_memory_is_not_delivered(void)
{
	struct wps_conn *conn = open_client();

	host.no_memory = true;
	fakeconn_deliver(conn, &(struct wps_msg_view){ .from = WPS_FROM_SERVER,
	    .type = WPS_DATA_TEXT, .payload = WPS_SPAN("hi") });
	check_text("nothing", fakeconn_heard(conn), "");
}

CU_TestInfo webpubsub_json_tests[] = {
	{ "text is read tolerantly where it may",
	  test_text_is_read_tolerantly_where_it_may },
	{ "payload is what the data type says",
	  test_payload_is_what_the_data_type_says },
	{ "no echo and ttl are passed on", test_no_echo_and_ttl_are_passed_on },
	{ "metadata travels with the message",
	  test_metadata_travels_with_the_message },
	{ "events read data as sends do", test_events_read_data_as_sends_do },
	{ "invalid messages close the connection",
	  test_invalid_messages_close_the_connection },
	{ "a request that breaks off is invalid",
	  test_a_request_that_breaks_off_is_invalid },
	{ "limits of names and metadata hold on both sides",
	  test_limits_of_names_and_metadata_hold_on_both_sides },
	{ "metadata as a whole is limited", test_metadata_as_a_whole_is_limited },
	{ "nesting is limited", test_nesting_is_limited },
	{ "large payloads pass whole", test_large_payloads_pass_whole },
	{ "messages are whole frames", test_messages_are_whole_frames },
	{ "a message without memory is not delivered",
	  test_a_message_without_memory_is_not_delivered },
	CU_TEST_INFO_NULL,
};
