/* SPDX-License-Identifier: MIT */
/*
 * Group state (client-protocols.md, section 17): what clients ask for, and every
 * message that tells of it, byte for byte.
 */
#include "plugins/test_webpubsub.h"

#include "plugins/webpubsub/dictionary.h"

#define RELIABLE "json.reliable.webpubsub.azure.v1"
#define PROTOBUF "protobuf.webpubsub.azure.v1"
#define RELIABLE_PROTOBUF "protobuf.reliable.webpubsub.azure.v1"

#define JOIN "{\"type\":\"joinGroup\",\"group\":\"deck\"}"
#define SET "{\"type\":\"setGroupState\",\"group\":\"deck\""
#define WATCH "{\"type\":\"subscribeGroupState\",\"group\":\"deck\""
#define UNWATCH "{\"type\":\"unsubscribeGroupState\",\"group\":\"deck\""
#define TEXT_MAX 65536

static struct wps_conn *
open_member(void)
{
	struct wps_conn *conn = open_client();

	fakeconn_say(conn, JOIN);
	return conn;
}

/* --- requests ----------------------------------------------------------------- */

static void
test_requests_of_a_member_are_done_and_acked(void)
{
	static const struct row rows[] = {
		{ SET ",\"state\":{\"mood\":\"busy\"},\"ackId\":21}", ACK(21),
		  "state set deck\nmood=busy\n" },
		{ SET ",\"state\":{},\"ackId\":1}", ACK(1), "state set deck\n" },
		{ SET ",\"ackId\":2}", ACK(2), "state clear deck\n" },
		{ SET ",\"state\":null,\"ackId\":3}", ACK(3), "state clear deck\n" },
		{ SET ",\"state\":{\"\":\"\"}}", "", "state set deck\n=\n" },
		{ SET ",\"state\":{\"b\":\"2\",\"a\":\"\\u00e9\"}}", "",
		  "state set deck\nb=2\na=\xc3\xa9\n" },
		{ WATCH ",\"ackId\":22}", ACK(22), "state watch deck\n" },
		{ WATCH "}", "", "state watch deck\n" },
		{ UNWATCH ",\"ackId\":23}", ACK(23), "state unwatch deck\n" },
		{ "{\"type\":\"SETGROUPSTATE\",\"group\":\"deck\"}", "",
		  "state clear deck\n" },
	};

	TALK(open_member(), rows);
}

static void
test_of_keys_given_twice_the_last_one_counts(void)
{
	static const struct row rows[] = {
		{ SET ",\"state\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"}}", "",
		  "state set deck\nb=2\na=3\n" },
		{ SET ",\"state\":{\"a\":\"1\",\"\\u0061\":\"2\",\"a\":\"3\"}}", "",
		  "state set deck\na=3\n" },
		{ SET ",\"state\":{\"\":\"1\",\"\":\"2\"}}", "",
		  "state set deck\n=2\n" },
		{ SET ",\"state\":{\"a\":\"1\"},\"state\":null}", "",
		  "state clear deck\n" },
	};

	TALK(open_member(), rows);
}

static void
test_what_has_another_shape_is_invalid(void)
{
	static const char *const rows[] = {
		SET ",\"state\":[]}",
		SET ",\"state\":\"a\"}",
		SET ",\"state\":1}",
		SET ",\"state\":false}",
		SET ",\"state\":{\"a\":1}}",
		SET ",\"state\":{\"a\":null}}",
		SET ",\"state\":{\"a\":{}}}",
		SET ",\"state\":{\"a\":\"\\ud800\"}}",
		SET ",\"state\":{\"\\udc00\":\"a\"}}",
		SET ",\"ackId\":\"1\"}",
		"{\"type\":\"setGroupState\",\"state\":{}}",
		"{\"type\":\"setGroupState\",\"group\":\" \"}",
		"{\"type\":\"subscribeGroupState\"}",
		"{\"type\":\"subscribeGroupState\",\"group\":\"\"}",
		"{\"type\":\"unsubscribeGroupState\",\"group\":1}",
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wps_conn *conn = open_member();
		fakeconn_say(conn, rows[i]);
		check_text(rows[i], fakeconn_heard(conn), INVALID);
		check_text(rows[i], fakeconn_log(&host), "");
		fakeconn_close(conn);
	}
}

/* --- refusals ------------------------------------------------------------------ */

/* A state of one key and so many bytes in all. */
static const char *
set_of(size_t size, const char *ack)
{
	static char text[TEXT_MAX];

	snprintf(text, sizeof(text), SET ",\"state\":{\"key\":\"%0*d\"}%s}",
	    (int)(size - 3), 0, ack);
	return text;
}

#define NOT_A_MEMBER(id) NACK(id, "Forbidden", "not a member of group 'deck'")
#define TOO_LARGE(id, max)                                                     \
	NACK(id, "BadRequest", "a state of more than " max " bytes for group 'deck'")

static void
test_permission_then_size_then_membership(void)
{
	struct wps_conn *conn = open_client();

	for (int step = 0; step < 4; step++) {
		conn->may_set_state = step > 0 ? "deck" : "other";
		if (step == 3)
			fakeconn_say(conn, JOIN);
		fakeconn_say(conn, set_of(step < 2 ? 513 : 512, ",\"ackId\":1"));
		check_text("set", fakeconn_heard(conn),
		    step == 0 ? NACK(1, "Forbidden",
		    "no permission to set state in group 'deck'") :
		    step == 1 ? TOO_LARGE(1, "512") :
		    step == 2 ? NOT_A_MEMBER(1) : ACK(1));
	}
}

static void
test_refusals_without_an_ack_id_are_silent(void)
{
	struct wps_conn *conn = open_client();

	fakeconn_say(conn, SET "}");
	fakeconn_say(conn, SET ",\"state\":{}}");
	fakeconn_say(conn, WATCH "}");
	fakeconn_say(conn, set_of(513, ""));
	conn->may_set_state = conn->may_get_state = NULL;
	fakeconn_say(conn, SET "}");
	fakeconn_say(conn, WATCH "}");
	check_text("heard", fakeconn_heard(conn), "");
	check_text("log", fakeconn_log(&host), "");
}

static void
test_watching_needs_permission_and_membership(void)
{
	struct wps_conn *conn = open_client();

	conn->may_get_state = NULL;
	fakeconn_say(conn, WATCH ",\"ackId\":1}");
	check_text("permission", fakeconn_heard(conn), NACK(1, "Forbidden",
	    "no permission to get states of group 'deck'"));
	conn->may_get_state = "deck";
	fakeconn_say(conn, WATCH ",\"ackId\":1}");
	check_text("membership", fakeconn_heard(conn), NOT_A_MEMBER(1));
	fakeconn_say(conn, JOIN);
	fakeconn_say(conn, WATCH ",\"ackId\":1}");
	check_text("both", fakeconn_heard(conn), ACK(1));
	fakeconn_say(conn, WATCH ",\"ackId\":1}");
	check_text("once", fakeconn_heard(conn), NACK(1, "Duplicate",
	    "Message with ack-id: 1 has been processed"));
}

static void
test_clearing_needs_permission_and_membership(void)
{
	struct wps_conn *conn = open_client();

	fakeconn_say(conn, SET ",\"ackId\":1}");
	check_text("membership", fakeconn_heard(conn), NOT_A_MEMBER(1));
	conn->may_set_state = NULL;
	fakeconn_say(conn, JOIN);
	fakeconn_say(conn, SET ",\"ackId\":1}");
	check_text("permission", fakeconn_heard(conn), NACK(1, "Forbidden",
	    "no permission to set state in group 'deck'"));
}

static void
test_unwatching_succeeds_always(void)
{
	struct wps_conn *conn = open_client();

	conn->may_set_state = conn->may_get_state = NULL;
	fakeconn_say(conn, UNWATCH ",\"ackId\":1}");
	check_text("heard", fakeconn_heard(conn), ACK(1));
}

static void
test_the_servers_failure_is_an_internal_error(void)
{
	struct wps_conn *conn = open_member();

	conn->state_result = WPS_ENOMEM;
	fakeconn_say(conn, SET ",\"state\":{},\"ackId\":1}");
	check_text("heard", fakeconn_heard(conn), INTERNAL(1));
	conn->state_result = WPS_OK;
	fakeconn_say(conn, SET ",\"state\":{},\"ackId\":1}");
	check_text("again", fakeconn_heard(conn), ACK(1));
}

/* --- sizes --------------------------------------------------------------------- */

static void
check_sizes(size_t max, const char *refusal)
{
	for (size_t size = max; size <= max + 1; size++) {
		struct wps_conn *conn = open_member();
		fakeconn_say(conn, set_of(size, ",\"ackId\":1"));
		check_text("heard", fakeconn_heard(conn),
		    size == max ? ACK(1) : refusal);
		fakeconn_close(conn);
	}
}

static void
test_group_state_size_bounds_keys_and_values(void)
{
	check_sizes(512, TOO_LARGE(1, "512"));
	restart_with("group_state_size", 100);
	check_sizes(100, TOO_LARGE(1, "100"));
	restart_with("group_state_size", DICTIONARY_MAX);
	check_sizes(DICTIONARY_MAX, TOO_LARGE(1, "8192"));
}

/* What is replaced does not count, unless there is very much of it. */
static void
test_size_is_that_of_the_dictionary(void)
{
	struct wps_conn *conn = open_member();
	static char text[TEXT_MAX];

	snprintf(text, sizeof(text),
	    SET ",\"state\":{\"a\":\"%0600d\",\"a\":\"1\"},\"ackId\":1}", 0);
	fakeconn_say(conn, text);
	check_text("replaced", fakeconn_heard(conn), ACK(1));
	check_text("state", fakeconn_log(&host), "state set deck\na=1\n");
	snprintf(text, sizeof(text), SET ",\"state\":{\"\\u00e9\":\"%0510d\"},"
	    "\"ackId\":2}", 0);
	fakeconn_say(conn, text);
	check_text("UTF-8", fakeconn_heard(conn), ACK(2));
	snprintf(text, sizeof(text), SET ",\"state\":{\"a\":\"%08192d\","
	    "\"a\":\"1\"},\"ackId\":3}", 0);
	fakeconn_say(conn, text);
	check_text("very much", fakeconn_heard(conn), TOO_LARGE(3, "512"));
}

/* Entries without a byte cost memory too. */
static void
test_number_of_entries_is_bounded(void)
{
	for (int count = DICTIONARY_MAX; count <= DICTIONARY_MAX + 1; count++) {
		struct wps_conn *conn = open_member();
		static char text[TEXT_MAX];
		int len = snprintf(text, sizeof(text), SET ",\"ackId\":1,\"state\":{");
		for (int i = 0; i < count; i++)
			len += snprintf(text + len, sizeof(text) - (size_t)len,
			    "%s\"\":\"\"", i ? "," : "");
		snprintf(text + len, sizeof(text) - (size_t)len, "}}");
		fakeconn_say(conn, text);
		check_text("heard", fakeconn_heard(conn),
		    count == DICTIONARY_MAX ? ACK(1) : TOO_LARGE(1, "512"));
		fakeconn_close(conn);
	}
}

/* What is too large is read to its end all the same. */
static void
test_a_large_state_of_another_shape_is_invalid(void)
{
	struct wps_conn *conn = open_member();
	static char text[TEXT_MAX];

	snprintf(text, sizeof(text), SET ",\"state\":{\"a\":\"%09000d\","
	    "\"b\":1},\"ackId\":1}", 0);
	fakeconn_say(conn, text);
	check_text("heard", fakeconn_heard(conn), INVALID);
}

/* --- protobuf ------------------------------------------------------------------- */

static struct wps_span
unhex(const char *hex, char *dst)
{
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++) {
		unsigned value;
		if (sscanf(hex + 2 * i, "%2x", &value) != 1)
			abort();
		dst[i] = (char)value;
	}
	return (struct wps_span){ dst, len };
}

static struct wps_conn *
open_as(const char *name)
{
	struct wps_conn *conn = fakeconn_open(&host, name, NULL, "ann");

	conn->may_join = conn->may_set_state = conn->may_get_state = "*";
	host.fake.host.conn_join(conn, WPS_SPAN("deck"));
	fakeconn_heard(conn);
	fakeconn_log(&host);
	return conn;
}

#define PB_ACK(id) "binary 0a0408" id "1001\n"
#define PB_INVALID "binary 1a131211120f496e76616c6964206d657373616765\n"          \
	"close 1007 Invalid message\n"

static void
test_protobuf_requests(void)
{
	static const struct row rows[] = {
		{ "7a180a046465636b10151a0e0a0c0a046d6f6f64120462757379",
		  PB_ACK("15"), "state set deck\nmood=busy\n" },
		{ "7a0a0a046465636b10011a00", PB_ACK("01"), "state set deck\n" },
		{ "7a080a046465636b1002", PB_ACK("02"), "state clear deck\n" },
		{ "7a180a046465636b1a100a060a01611201310a060a0162120132", "",
		  "state set deck\na=1\nb=2\n" },
		{ "8201080a046465636b1016", PB_ACK("16"), "state watch deck\n" },
		{ "8a01080a046465636b1017", PB_ACK("17"), "state unwatch deck\n" },
		/* A key twice, without a value, none at all; unknown fields. */
		{ "7a150a046465636b1a0d0a060a01611201310a030a0161", "",
		  "state set deck\na=\n" },
		{ "7a0a0a046465636b1a020a00", "", "state set deck\n=\n" },
		{ "7a0c0a046465636b1a0410012200", "", "state set deck\n" },
		/* Of a state given twice the last one counts. */
		{ "7a120a046465636b1a080a060a01611201311a00", "",
		  "state set deck\n" },
		/* No text, no bytes, no group. */
		{ "7a0b0a046465636b1a030a01ff", PB_INVALID, "" },
		{ "7a0d0a046465636b1a050a030a01ff", PB_INVALID, "" },
		{ "7a0d0a046465636b1a050a031201ff", PB_INVALID, "" },
		{ "7a0a0a046465636b1a020801", PB_INVALID, "" },
		{ "7a080a046465636b1801", PB_INVALID, "" },
		{ "7a0a0a046465636b1a020a05", PB_INVALID, "" },
		{ "7a021a00", PB_INVALID, "" },
		{ "82010210017a", PB_INVALID, "" },
		{ "8a01021017", PB_INVALID, "" },
		{ "7801", PB_INVALID, "" },
	};
	char bytes[256];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wps_conn *conn = open_as(PROTOBUF);
		fakeconn_recv(conn, WPS_FRAME_BINARY, unhex(rows[i].says, bytes));
		check_text(rows[i].says, fakeconn_heard(conn), rows[i].hears);
		check_text(rows[i].says, fakeconn_log(&host), rows[i].log);
		fakeconn_close(conn);
	}
}

/* Lengths stand in front: what breaks off is no request. */
static void
test_protobuf_requests_that_break_off_are_invalid(void)
{
	char bytes[256];
	struct wps_span whole = unhex(
	    "7a200a046465636b10151a160a0c0a046d6f6f641204627573790a060a01611201"
	    "31", bytes);

	for (size_t len = 0; len <= whole.len; len++) {
		struct wps_conn *conn = open_as(PROTOBUF);
		fakeconn_recv(conn, WPS_FRAME_BINARY,
		    (struct wps_span){ whole.data, len });
		check_text("heard", fakeconn_heard(conn),
		    len == whole.len ? PB_ACK("15") : PB_INVALID);
		fakeconn_close(conn);
	}
}

/* --- messages ------------------------------------------------------------------- */

static const struct wps_pair mood = { { "mood", 4 }, { "busy", 4 } };
static const struct wps_pair odd[] = {
	{ { "a\"", 2 }, { "\n", 1 } }, { { "", 0 }, { "", 0 } },
};

#define F00D .conn = { "f00d", 4 }
#define ANN .user = { "ann", 3 }

static const struct wps_state busy[] = {
	{ F00D, ANN, .entries = &mood, .entry_count = 1,
	  .updated_ms = 1790000000123 },
};
static const struct wps_state cleared[] = {
	{ F00D, ANN, .cleared = true, .updated_ms = 1790000000999 },
};
static const struct wps_state empty[] = {
	{ F00D, .updated_ms = 1790000000999 },
};
static const struct wps_state two[] = {
	{ F00D, .entries = odd, .entry_count = 2, .updated_ms = 1 },
	{ .conn = { "f00e", 4 }, ANN, .updated_ms = UINT64_MAX },
};

#define JSON_ITEMS(type, items)                                                \
	"\"type\":\"" type "\",\"group\":\"deck\",\"items\":[" items "]}\n"

static const struct message_row {
	struct wps_states states;
	const char *json, *protobuf, *reliable; /* the last with id 1, in front */
} messages[] = {
	{ { true, busy, 1 },
	  JSON_ITEMS("groupStateSnapshot", "{\"connectionId\":\"f00d\","
	      "\"userId\":\"ann\",\"state\":{\"mood\":\"busy\"},"
	      "\"updatedAt\":1790000000123}"),
	  "binary 522a0a046465636b12220a04663030641203616e6e1a0e0a0c0a046d6f6f64"
	      "12046275737920fbd8c1a28c34\n",
	  "binary 522c18010a046465636b12220a04663030641203616e6e1a0e0a0c0a046d6f"
	      "6f6412046275737920fbd8c1a28c34\n" },
	{ { true, NULL, 0 }, JSON_ITEMS("groupStateSnapshot", ""),
	  "binary 52060a046465636b\n", "binary 520818010a046465636b\n" },
	{ { false, cleared, 1 },
	  JSON_ITEMS("groupStateUpdate", "{\"connectionId\":\"f00d\","
	      "\"userId\":\"ann\",\"updatedAt\":1790000000999}"),
	  "binary 4a1a0a046465636b12120a04663030641203616e6e20e7dfc1a28c34\n",
	  "binary 4a1c18010a046465636b12120a04663030641203616e6e20e7dfc1a28c34\n" },
	{ { false, empty, 1 },
	  JSON_ITEMS("groupStateUpdate", "{\"connectionId\":\"f00d\","
	      "\"state\":{},\"updatedAt\":1790000000999}"),
	  "binary 4a170a046465636b120f0a04663030641a0020e7dfc1a28c34\n",
	  "binary 4a1918010a046465636b120f0a04663030641a0020e7dfc1a28c34\n" },
	{ { true, two, 2 },
	  JSON_ITEMS("groupStateSnapshot", "{\"connectionId\":\"f00d\","
	      "\"state\":{\"a\\\"\":\"\\n\",\"\":\"\"},\"updatedAt\":1},"
	      "{\"connectionId\":\"f00e\",\"userId\":\"ann\",\"state\":{},"
	      "\"updatedAt\":18446744073709551615}"), NULL, NULL },
};

static void
check_message(const char *name, const struct wps_states *states,
    const char *before, const char *expected)
{
	struct wps_conn *conn = open_as(name);
	char text[1024];

	fakeconn_deliver(conn, &(struct wps_msg_view){ .from = WPS_FROM_GROUP,
	    .group = WPS_SPAN("deck"), .states = states });
	snprintf(text, sizeof(text), "%s%s", before, expected ? expected : "");
	if (expected)
		check_text(name, fakeconn_heard(conn), text);
	fakeconn_close(conn);
}

static void
test_messages_byte_for_byte(void)
{
	for (size_t i = 0; i < COUNT(messages); i++) {
		const struct message_row *row = &messages[i];
		check_message(JSON, &row->states, "{", row->json);
		check_message(RELIABLE, &row->states, "{\"sequenceId\":1,",
		    row->json);
		check_message(PROTOBUF, &row->states, "", row->protobuf);
		check_message(RELIABLE_PROTOBUF, &row->states, "", row->reliable);
	}
}

/* The envelope of a reliable message is opened with its own member and id. */
static void
test_reliable_messages_of_all_kinds_are_numbered_together(void)
{
	struct wps_conn *conn = open_as(RELIABLE_PROTOBUF);
	const struct wps_msg_view view = { .type = WPS_DATA_TEXT,
		.from = WPS_FROM_SERVER, .payload = WPS_SPAN("hi") };

	conn->sequence = 126;
	fakeconn_deliver(conn, &view);
	check_text("message", fakeconn_heard(conn),
	    "binary 1210207f0a067365727665721a040a026869\n");
	fakeconn_deliver(conn, &(struct wps_msg_view){ .from = WPS_FROM_GROUP,
	    .group = WPS_SPAN("deck"), .states = &messages[1].states });
	check_text("snapshot", fakeconn_heard(conn),
	    "binary 52091880010a046465636b\n");
}

static void
test_only_pubsub_clients_may_hear_of_states(void)
{
	for (size_t i = 0; i < host.fake.subprotocol_count; i++) {
		const struct wps_subprotocol *ops = &host.fake.subprotocols[i];
		bool is_simple = (ops->flags & WPS_SUBPROTOCOL_NAMELESS) != 0;
		check_number(ops->name,
		    (ops->flags & WPS_SUBPROTOCOL_STATES) != 0, !is_simple);
	}
}

CU_TestInfo webpubsub_states_tests[] = {
	{ "requests of a member are done and acked",
	  test_requests_of_a_member_are_done_and_acked },
	{ "of keys given twice the last one counts",
	  test_of_keys_given_twice_the_last_one_counts },
	{ "what has another shape is invalid",
	  test_what_has_another_shape_is_invalid },
	{ "permission, then size, then membership",
	  test_permission_then_size_then_membership },
	{ "refusals without an ack id are silent",
	  test_refusals_without_an_ack_id_are_silent },
	{ "watching needs permission and membership",
	  test_watching_needs_permission_and_membership },
	{ "clearing needs permission and membership",
	  test_clearing_needs_permission_and_membership },
	{ "unwatching succeeds always", test_unwatching_succeeds_always },
	{ "the server's failure is an internal error",
	  test_the_servers_failure_is_an_internal_error },
	{ "group_state_size bounds keys and values",
	  test_group_state_size_bounds_keys_and_values },
	{ "size is that of the dictionary", test_size_is_that_of_the_dictionary },
	{ "number of entries is bounded", test_number_of_entries_is_bounded },
	{ "a large state of another shape is invalid",
	  test_a_large_state_of_another_shape_is_invalid },
	{ "protobuf requests", test_protobuf_requests },
	{ "protobuf requests that break off are invalid",
	  test_protobuf_requests_that_break_off_are_invalid },
	{ "messages byte for byte", test_messages_byte_for_byte },
	{ "reliable messages of all kinds are numbered together",
	  test_reliable_messages_of_all_kinds_are_numbered_together },
	{ "only PubSub clients may hear of states",
	  test_only_pubsub_clients_may_hear_of_states },
	CU_TEST_INFO_NULL,
};
