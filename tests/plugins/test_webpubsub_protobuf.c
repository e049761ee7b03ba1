/* SPDX-License-Identifier: MIT */
/*
 * Protobuf clients (client-protocols.md, section 14 and appendix A.2): every
 * message byte for byte, in hex.
 */
#include "plugins/test_webpubsub.h"

#include "plugins/webpubsub/protobuf_codec.h"

#define PROTOBUF "protobuf.webpubsub.azure.v1"
#define RELIABLE "protobuf.reliable.webpubsub.azure.v1"
#define BYTES_MAX 4096

/* system { disconnected { reason: "Invalid message" } } */
#define PB_INVALID "binary 1a131211120f496e76616c6964206d657373616765\n"          \
	"close 1007 Invalid message\n"
#define PB_ACK(id) "binary 0a0408" id "1001\n"

static int
digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static struct wps_span
unhex(const char *hex, char dst[BYTES_MAX])
{
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++)
		dst[i] = (char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
	return (struct wps_span){ dst, len };
}

static void
say(struct wps_conn *conn, const char *hex)
{
	char bytes[BYTES_MAX];

	fakeconn_recv(conn, WPS_FRAME_BINARY, unhex(hex, bytes));
}

static struct wps_conn *
open_protobuf(const char *name)
{
	struct wps_conn *conn = fakeconn_open(&host, name, NULL, "u1");

	conn->may_join = conn->may_send = "*";
	fakeconn_heard(conn);
	fakeconn_log(&host);
	return conn;
}

/* --- what a client says ------------------------------------------------------ */

static const struct row spoken[] = {
	{ "320a0a0667726f7570311001", PB_ACK("01"), "" },
	{ "0a0d0a016710021a040a0268692001", PB_ACK("02"),
	  "send chat/g from u1 except c1 text hi\n" },
	{ "0a120a01671a0d1a0b0a05742f782e5912020801", "",
	  "send chat/g from u1 protobuf 0a05742f782e5912020801\n" },
	{ "42020805", "", "" },
	{ "4a00", "binary 2200\n", "" },
	/* Leave, the ack id before the group. */
	{ "3a0a10030a0667726f757031", PB_ACK("03"), "" },
};

static void
test_requests_of_the_appendix(void)
{
	struct wps_conn *conn = open_protobuf(PROTOBUF);

	for (size_t i = 0; i < COUNT(spoken); i++) {
		say(conn, spoken[i].says);
		check_text(spoken[i].says, fakeconn_heard(conn), spoken[i].hears);
		check_text(spoken[i].says, fakeconn_log(&host), spoken[i].log);
	}
	check_number("acked", (long long)conn->acked, 5);
}

static void
test_event_of_the_appendix(void)
{
	struct wps_conn *conn = open_protobuf(PROTOBUF);
	const struct wps_answer answer = {
		.result = WPS_OK,
		.has_message = true,
		.type = WPS_DATA_TEXT,
		.payload = WPS_SPAN("hi"),
	};

	say(conn, "2a100a0165120922077b2261223a317d1803");
	check_text("asked", fakeconn_log(&host), "event e json {\"a\":1}\n");
	fakeconn_answer(conn, &answer);
	check_text("answered", fakeconn_heard(conn),
	    "binary 120e0a067365727665721a040a026869\n" PB_ACK("03"));
}

/* Its bytes would make the whole message unreadable. */
static void
test_an_answer_that_is_no_any_fails(void)
{
	static const struct wps_answer answer = {
		.result = WPS_OK,
		.has_message = true,
		.type = WPS_DATA_PROTOBUF,
		.payload = { "\x0a\x05", 2 },
	};
	struct wps_conn *conn = open_protobuf(PROTOBUF);

	say(conn, "2a090a016512020a001803");
	fakeconn_answer(conn, &answer);
	check_text("event", fakeconn_heard(conn),
	    "binary 0a3008031a2c0a13496e7465726e616c5365727665724572726f72"
	    "1215496e7465726e616c20736572766572206572726f72\n");
	say(conn, "52060a0165120131");
	fakeconn_answer_invocation(conn, "1", &answer);
	check_text("invocation", fakeconn_heard(conn),
	    "binary 2a310a0131222c0a13496e7465726e616c5365727665724572726f72"
	    "1215496e7465726e616c20736572766572206572726f72\n");
}

static void
test_invocation_that_is_answered_with_nothing_has_no_data(void)
{
	struct wps_conn *conn = open_protobuf(PROTOBUF);
	const struct wps_answer answer = { .result = WPS_OK };

	say(conn, "52060a0165120169");
	check_text("asked", fakeconn_log(&host), "invoke i e binary \n");
	fakeconn_answer_invocation(conn, "i", &answer);
	check_text("answered", fakeconn_heard(conn), "binary 2a050a01691001\n");
}

/* The metadata of an event and of an invocation has another number than that of a
 * message. */
static void
test_events_and_invocations_have_metadata(void)
{
	struct wps_conn *conn = open_protobuf(PROTOBUF);

	say(conn, "2a0f0a016512020a0022060a016b120176");
	check_text("event", fakeconn_log(&host), "event e text  k=v\n");
	fakeconn_answer(conn, &(struct wps_answer){ .result = WPS_OK });
	say(conn, "52150a01651201691a0312017a22030a016c22030a016b");
	check_text("invocation", fakeconn_log(&host),
	    "invoke i e binary 7a l= k=\n");
	say(conn, "5a030a0169");
	check_text("cancel", fakeconn_log(&host), "cancel i\n");
	check_text("heard", fakeconn_heard(conn), "");
}

/* While an event is pending. */
static void
test_what_need_not_wait(void)
{
	static const struct {
		const char *what, *says;
		bool urgent;
		const char *hears;
	} rows[] = {
		{ "ping", "4a00", true, "binary 2200\n" },
		{ "acknowledgement", "42020805", true, "" },
		{ "cancel", "5a030a0169", true, "" },
		{ "join", "32050a01671001", false, "" },
		{ "what is invalid", "4b4c", false, "" },
	};
	struct wps_conn *conn = open_protobuf(PROTOBUF);
	char bytes[BYTES_MAX];

	for (size_t i = 0; i < COUNT(rows); i++) {
		check_number(rows[i].what, conn->ops->urgent(
		    host.fake.worker_state, conn, WPS_FRAME_BINARY,
		    unhex(rows[i].says, bytes)), rows[i].urgent);
		check_text(rows[i].what, fakeconn_heard(conn), rows[i].hears);
	}
	check_number("acknowledged", (long long)conn->acked, 5);
}

static const struct {
	const char *what, *says, *log;
} accepted[] = {
	{ "an empty text", "0a070a01671a020a00", "send chat/g from u1 text \n" },
	{ "empty bytes", "0a070a01671a021200", "send chat/g from u1 binary \n" },
	{ "an empty Any", "0a070a01671a021a00", "send chat/g from u1 protobuf \n" },
	{ "json", "0a0a0a01671a0522035b315d", "send chat/g from u1 json [1]\n" },
	{ "of two members the last", "0a0b0a01671a060a016112017a",
	  "send chat/g from u1 binary 7a\n" },
	{ "of two envelopes the last", "4a000a070a01671a020a00",
	  "send chat/g from u1 text \n" },
	{ "a ttl", "0a0a0a01671a020a0028ac02", "send chat/g from u1 ttl 300 text \n" },
	{ "no_echo false", "0a090a01671a020a002000", "send chat/g from u1 text \n" },
	{ "metadata", "0a0f0a01671a020a0032060a016b120176",
	  "send chat/g from u1 text  k=v\n" },
	{ "metadata alone", "0a0b0a016732060a016b120176",
	  "send chat/g from u1 text  k=v\n" },
	{ "metadata with data of no member", "0a0d0a01671a0032060a016b120176",
	  "send chat/g from u1 text  k=v\n" },
	{ "metadata without a value", "0a080a016732030a016b",
	  "send chat/g from u1 text  k=\n" },
	{ "of a key given twice the last",
	  "0a1f0a01671a020a0032060a016b12017632060a016c12017832060a016b120177",
	  "send chat/g from u1 text  l=x k=w\n" },
	{ "unknown fields of all types",
	  "0a210a01671a020a0078017d0102030479010203040506070882010161"
	  "f8ffffff0f01", "send chat/g from u1 text \n" },
	{ "an unknown group, with one inside",
	  "0a0f0a01671a020a007b0801131801147c", "send chat/g from u1 text \n" },
	{ "an unknown group beside the member", "a306a4060a070a01671a020a00",
	  "send chat/g from u1 text \n" },
	{ "groups up to the limit", "0a470a01671a020a00"
	  "7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b"
	  "7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c", "send chat/g from u1 text \n" },
};

static void
test_what_is_accepted(void)
{
	for (size_t i = 0; i < COUNT(accepted); i++) {
		struct wps_conn *conn = open_protobuf(PROTOBUF);
		say(conn, accepted[i].says);
		check_text(accepted[i].what, fakeconn_heard(conn), "");
		check_text(accepted[i].what, fakeconn_log(&host),
		    accepted[i].log);
		fakeconn_close(conn);
	}
}

static const struct {
	const char *what, *says;
} refused[] = {
	{ "nothing", "" },
	{ "an unknown member", "a20600" },
	{ "field number 0", "0200" },
	{ "a group of fields", "4b4c" },
	{ "a group without an end", "0a080a01671a020a007b" },
	{ "a group of another end", "0a090a01671a020a007b74" },
	{ "the end of no group", "0a080a01671a020a007c" },
	{ "groups too deep", "0a490a01671a020a00"
	  "7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b"
	  "7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c" },
	{ "a member that is a number", "4801" },
	{ "an endless varint", "ffffffffffffffffffffff01" },
	{ "a varint above 64 bits", "420b08ffffffffffffffffff02" },
	{ "a length beyond the end", "4a05" },
	{ "a length beyond the inner end", "32020a05" },
	{ "join without a group", "32021001" },
	{ "join with an empty group", "32020a00" },
	{ "join of blanks", "32030a0120" },
	{ "a group that is no text", "32030a01ff" },
	{ "a group that is a number", "32020801" },
	{ "an ack id that is a text", "32060a0167120131" },
	{ "no data", "0a030a0167" },
	{ "data of no member", "0a050a01671a00" },
	{ "data of an unknown member", "0a080a01671a032a0161" },
	{ "a text that is none", "0a080a01671a030a01ff" },
	{ "json that is none", "0a080a01671a0322017b" },
	{ "json null", "0a0b0a01671a0622046e756c6c" },
	{ "json that is no UTF-8", "0a0a0a01671a05220322ff22" },
	{ "data that is a number", "0a070a01671a020801" },
	{ "an Any that is none", "0a080a01671a031a0108" },
	{ "a ttl above 300", "0a0a0a01671a020a0028ad02" },
	{ "a ttl above 32 bits", "0a0d0a01671a020a00288080808010" },
	{ "metadata without a key", "0a0c0a01671a020a003203120176" },
	{ "metadata with a bad key", "0a0f0a01671a020a0032060a0120120176" },
	{ "metadata with a value that is a number",
	  "0a0e0a01671a020a0032050a016b1001" },
	{ "metadata that is a number", "0a090a01671a020a003001" },
	{ "event without a name", "2a041202" "0a00" },
	{ "event with a bad name", "2a070a013112020a00" },
	{ "invoke without an id", "52030a0165" },
	{ "invoke with an empty id", "52050a01651200" },
	{ "invoke with an id that is no text", "52060a01651201ff" },
	{ "cancel without an id", "5a00" },
	{ "a stream with an id that is no text", "0a080a01673a030a01ff" },
	{ "a stream's error that is no text", "72080a017312030a01ff" },
};

static void
test_what_is_refused(void)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct wps_conn *conn = open_protobuf(PROTOBUF);
		say(conn, refused[i].says);
		check_text(refused[i].what, fakeconn_heard(conn), PB_INVALID);
		check_text(refused[i].what, fakeconn_log(&host), "");
		fakeconn_close(conn);
	}
}

static void
test_invocation_ids_have_a_limit(void)
{
	char says[1024];

	for (int len = 128; len <= 129; len++) {
		struct wps_conn *conn = open_protobuf(PROTOBUF);
		int at = snprintf(says, sizeof(says), "52%02x010a016512%02x01",
		    (len + 6) % 128 + 128, len % 128 + 128);
		for (int i = 0; i < len; i++)
			at += snprintf(says + at, sizeof(says) - (size_t)at, "69");
		say(conn, says);
		check_text("heard", fakeconn_heard(conn),
		    len == 128 ? "" : PB_INVALID);
		fakeconn_close(conn);
	}
}

/* Every beginning and every single changed bit of good messages. */
static void
test_damaged_messages_do_no_harm(void)
{
	char bytes[BYTES_MAX];

	for (size_t i = 0; i < COUNT(accepted); i++) {
		struct wps_span whole = unhex(accepted[i].says, bytes);
		for (size_t len = 0; len <= whole.len; len++) {
			struct wps_conn *conn = open_protobuf(RELIABLE);
			fakeconn_recv(conn, WPS_FRAME_BINARY,
			    (struct wps_span){ bytes, len });
			if (len == 0)
				check_text("empty", fakeconn_heard(conn), PB_INVALID);
			fakeconn_close(conn);
		}
		for (size_t bit = 0; bit < 8 * whole.len; bit++) {
			struct wps_conn *conn = open_protobuf(PROTOBUF);
			bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
			fakeconn_recv(conn, WPS_FRAME_BINARY, whole);
			bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
			fakeconn_close(conn);
		}
	}
}

static void
test_a_text_frame_is_refused(void)
{
	struct wps_conn *conn = open_protobuf(PROTOBUF);

	fakeconn_say(conn, "J\x01");
	check_text("heard", strstr(fakeconn_heard(conn), "close"),
	    "close 1003 Text messages are not supported\n");
}

/* --- what the server says ---------------------------------------------------- */

static const struct failure forbidden = {
	{ "Forbidden", 9 },
	{ "no", 2 },
};
static const struct wps_conn_view ann = {
	.id = { "c1", 2 },
	.user = { "u1", 2 },
};
static const struct wps_conn_view anonymous = { .id = { "c1", 2 } };
static const struct wps_pair pair = { { "k", 1 }, { "v", 1 } };
static const struct wps_msg_view price = {
	.type = WPS_DATA_JSON,
	.from = WPS_FROM_SERVER,
	.payload = { "[1]", 3 },
	.metadata = &pair,
	.metadata_count = 1,
};
static const struct wps_msg_view group_any = {
	.type = WPS_DATA_PROTOBUF,
	.from = WPS_FROM_GROUP,
	.group = { "g", 1 },
	.payload = { "\x0a\x01x", 3 },
};

static const struct {
	const char *what;
	struct reply reply;
	const char *hex;
} said[] = {
	{ "ack", { .kind = REPLY_ACK, .ack_id = 1 }, "0a0408011001" },
	{ "ack 0", { .kind = REPLY_ACK }, "0a021001" },
	{ "ack of 64 bits", { .kind = REPLY_ACK, .ack_id = UINT64_MAX },
	  "0a0d08ffffffffffffffffff011001" },
	{ "failed ack",
	  { .kind = REPLY_ACK, .ack_id = 1, .failure = &forbidden },
	  "0a1308011a0f0a09466f7262696464656e12026e6f" },
	{ "connected",
	  { .kind = REPLY_CONNECTED, .conn = &ann, .token = { "t", 1 } },
	  "1a0d0a0b0a026331120275311a0174" },
	{ "connected without user and token",
	  { .kind = REPLY_CONNECTED, .conn = &anonymous }, "1a060a040a026331" },
	{ "disconnected", { .kind = REPLY_DISCONNECTED, .reason = { "bye", 3 } },
	  "1a0712051203627965" },
	{ "disconnected without a reason", { .kind = REPLY_DISCONNECTED },
	  "1a021200" },
	{ "pong", { .kind = REPLY_PONG }, "2200" },
	{ "message", { .kind = REPLY_MESSAGE, .msg = &price },
	  "12170a067365727665721a0522035b315d2a060a016b120176" },
	{ "message of a group", { .kind = REPLY_MESSAGE, .msg = &group_any },
	  "12110a0567726f75701201671a051a030a0178" },
	{ "response", { .kind = REPLY_INVOKED, .invocation = { "i", 1 },
	  .msg = &price }, "2a140a016910011a0522035b315d2a060a016b120176" },
	{ "response without data",
	  { .kind = REPLY_INVOKED, .invocation = { "i", 1 } }, "2a050a01691001" },
	{ "failed response", { .kind = REPLY_INVOKED, .invocation = { "i", 1 },
	  .failure = &forbidden },
	  "2a140a0169220f0a09466f7262696464656e12026e6f" },
};

static void
test_replies_byte_for_byte(void)
{
	char expected[BYTES_MAX], got[BYTES_MAX];

	for (size_t i = 0; i < COUNT(said); i++) {
		struct wps_span bytes = unhex(said[i].hex, expected);
		struct out measured = { .at = NULL }, written = { .at = got };
		protobuf_codec.write(&measured, &said[i].reply);
		check_number(said[i].what, (long long)measured.size,
		    (long long)bytes.len);
		protobuf_codec.write(&written, &said[i].reply);
		check_number(said[i].what, written.at - got,
		    (long long)bytes.len);
		check_number(said[i].what, memcmp(got, expected, bytes.len), 0);
	}
}

/* The appendix has the id last; it stands first here. */
static void
test_reliable_message_of_the_appendix(void)
{
	struct wps_conn *conn = open_protobuf(RELIABLE);
	struct wps_conn *other = open_protobuf(RELIABLE);

	say(conn, "32030a0167");
	say(other, "32030a0167");
	unsigned before = host.encodes;
	say(conn, "0a090a01671a040a026869");
	check_text("first", fakeconn_heard(conn),
	    "binary 121220010a0567726f75701201671a040a026869\n");
	check_text("second", fakeconn_heard(other),
	    "binary 121220010a0567726f75701201671a040a026869\n");
	check_number("one encoding", host.encodes - before, 1);
	conn->sequence = 127;
	say(conn, "0a090a01671a040a026869");
	check_text("an id of two bytes", fakeconn_heard(conn),
	    "binary 12132080010a0567726f75701201671a040a026869\n");
}

/* Where the length of the envelope gets another byte. */
static void
test_envelope_of_a_reliable_message_has_the_right_length(void)
{
	struct wps_conn *conn = open_protobuf(RELIABLE);
	static char text[200];
	struct wps_msg_view view = {
		.type = WPS_DATA_TEXT,
		.from = WPS_FROM_SERVER,
		.payload = { text, 0 },
	};

	memset(text, 'x', sizeof(text));
	for (; view.payload.len < sizeof(text); view.payload.len++) {
		char bytes[BYTES_MAX];
		fakeconn_deliver(conn, &view);
		const char *heard = fakeconn_heard(conn);
		struct wps_span frame = unhex(heard + strlen("binary "), bytes);
		size_t at = (uint8_t)bytes[1] < 0x80 ? 2 : 3;
		size_t len = (uint8_t)bytes[1] & 0x7f;
		if (at == 3)
			len |= (size_t)(uint8_t)bytes[2] << 7;
		check_number("length", (long long)len,
		    (long long)(frame.len - at));
		check_number("the id comes first", bytes[at], 0x20);
	}
}

static void
test_reliable_greeting_has_a_token(void)
{
	struct wps_conn *conn = fakeconn_open(&host, RELIABLE, NULL, "u1");
	static const char expected[] = "binary 1a420a400a02633112027531" "1a36";

	check_number("greeting", strncmp(fakeconn_heard(conn), expected,
	    sizeof(expected) - 1), 0);
}

static void
test_a_json_client_and_a_protobuf_client_understand_each_other(void)
{
	struct wps_conn *proto = open_protobuf(PROTOBUF);
	struct wps_conn *json = open_client();

	say(proto, "32030a0167");
	fakeconn_say(json, "{\"type\":\"joinGroup\",\"group\":\"g\"}");
	fakeconn_say(json, "{\"type\":\"sendToGroup\",\"group\":\"g\","
	    "\"dataType\":\"protobuf\",\"data\":\"CgV0L3guWRICCAE=\"}");
	check_text("to protobuf", fakeconn_heard(proto),
	    "binary 12190a0567726f75701201671a0d1a0b0a05742f782e5912020801\n");
	fakeconn_heard(json);
	say(proto, "0a120a01671a0d1a0b0a05742f782e5912020801");
	check_text("to JSON", fakeconn_heard(json),
	    "{\"type\":\"message\",\"from\":\"group\",\"group\":\"g\","
	    "\"fromUserId\":\"u1\",\"dataType\":\"protobuf\","
	    "\"data\":\"CgV0L3guWRICCAE=\"}\n");
	fakeconn_heard(proto);
	fakeconn_say(json, "{\"type\":\"sendToGroup\",\"group\":\"g\","
	    "\"data\":{\"a\":1}}");
	check_text("JSON stays JSON", fakeconn_heard(proto),
	    "binary 12150a0567726f75701201671a0922077b2261223a317d\n");
}

CU_TestInfo webpubsub_protobuf_tests[] = {
	{ "requests of the appendix", test_requests_of_the_appendix },
	{ "event of the appendix", test_event_of_the_appendix },
	{ "an answer that is no Any fails",
	  test_an_answer_that_is_no_any_fails },
	{ "invocation that is answered with nothing has no data",
	  test_invocation_that_is_answered_with_nothing_has_no_data },
	{ "events and invocations have metadata",
	  test_events_and_invocations_have_metadata },
	{ "what need not wait", test_what_need_not_wait },
	{ "what is accepted", test_what_is_accepted },
	{ "what is refused", test_what_is_refused },
	{ "invocation ids have a limit", test_invocation_ids_have_a_limit },
	{ "damaged messages do no harm", test_damaged_messages_do_no_harm },
	{ "a text frame is refused", test_a_text_frame_is_refused },
	{ "replies byte for byte", test_replies_byte_for_byte },
	{ "reliable message of the appendix",
	  test_reliable_message_of_the_appendix },
	{ "envelope of a reliable message has the right length",
	  test_envelope_of_a_reliable_message_has_the_right_length },
	{ "reliable greeting has a token", test_reliable_greeting_has_a_token },
	{ "a JSON client and a protobuf client understand each other",
	  test_a_json_client_and_a_protobuf_client_understand_each_other },
	CU_TEST_INFO_NULL,
};
