/* SPDX-License-Identifier: MIT */
/*
 * The webpubsub plugin against a fake host: what a JSON client says and hears,
 * frame by frame, and what is asked of the server (client-protocols.md, sections
 * 6 to 9, 12 and 19).
 */
#include "plugins/test_webpubsub.h"

#include "plugins/webpubsub/semantics.h"

struct fakeconn_host host;

/* Each test has a host of its own, and leaves nothing behind. */
static void
set_up(void)
{
	fakeconn_start(&host, NULL);
}

static void
tear_down(void)
{
	fakeconn_stop(&host);
}

void
restart_with(const char *option, int64_t value)
{
	static struct fakehost_value options[2];

	fakeconn_stop(&host);
	options[0] = (struct fakehost_value){ .name = option, .number = value };
	fakeconn_start(&host, options);
}

struct wps_conn *
open_client(void)
{
	struct wps_conn *conn = fakeconn_open(&host, JSON, NULL, "ann");

	conn->may_join = conn->may_send = "*";
	conn->may_set_state = conn->may_get_state = "*";
	fakeconn_heard(conn);
	fakeconn_log(&host);
	return conn;
}

void
talk(struct wps_conn *conn, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fakeconn_say(conn, rows[i].says);
		check_text(rows[i].says, fakeconn_heard(conn), rows[i].hears);
		check_text(rows[i].says, fakeconn_log(&host),
		    rows[i].log ? rows[i].log : "");
	}
}

/* --- section 7.4 ---------------------------------------------------------- */

static void
test_first_message_is_connected(void)
{
	struct wps_conn *conn = fakeconn_open(&host, JSON, NULL, "ann \"b\"");

	check_text("with a user", fakeconn_heard(conn),
	    "{\"type\":\"system\",\"event\":\"connected\","
	    "\"userId\":\"ann \\\"b\\\"\",\"connectionId\":\"c1\"}\n");
	conn = fakeconn_open(&host, JSON, NULL, NULL);
	check_text("without a user", fakeconn_heard(conn),
	    "{\"type\":\"system\",\"event\":\"connected\","
	    "\"userId\":null,\"connectionId\":\"c2\"}\n");
}

static void
test_an_idle_connection_holds_little(void)
{
	const struct wps_subprotocol *ops = fakeconn_ops(&host, JSON);

	CU_ASSERT_PTR_NOT_NULL_FATAL(ops);
	CU_ASSERT(ops->conn_size <= 40);
	struct wps_conn *conn = open_client();
	CU_ASSERT_PTR_NULL(((struct session *)conn->data)->acks);
}

/* --- sections 6.1 to 6.3 -------------------------------------------------- */

static void
test_join_send_and_leave_are_done_and_acked(void)
{
	static const struct row rows[] = {
		{ "{\"type\":\"joinGroup\",\"group\":\"deck\",\"ackId\":1}",
		  ACK(1), NULL },
		{ "{\"type\":\"joinGroup\",\"group\":\"deck\",\"ackId\":2}",
		  ACK(2), NULL },
		{ "{\"type\":\"sendToGroup\",\"group\":\"deck\",\"ackId\":3,"
		  "\"dataType\":\"text\",\"data\":\"aye\"}",
		  "{\"type\":\"message\",\"from\":\"group\",\"group\":\"deck\","
		  "\"fromUserId\":\"ann\",\"dataType\":\"text\",\"data\":\"aye\"}\n"
		  ACK(3), "send chat/deck from ann text aye\n" },
		{ "{\"type\":\"sendToGroup\",\"group\":\"deck\",\"noEcho\":true,"
		  "\"data\":{\"x\": 1}}",
		  "", "send chat/deck from ann except c1 json {\"x\": 1}\n" },
		{ "{\"type\":\"leaveGroup\",\"group\":\"deck\",\"ackId\":4}",
		  ACK(4), NULL },
		{ "{\"type\":\"leaveGroup\",\"group\":\"deck\",\"ackId\":5}",
		  ACK(5), NULL },
		{ "{\"type\":\"sendToGroup\",\"group\":\"deck\",\"data\":2}",
		  "", "send chat/deck from ann json 2\n" },
	};

	TALK(open_client(), rows);
}

static void
test_no_echo_leaves_out_one_connection_not_the_user(void)
{
	struct wps_conn *sender = open_client(), *other = open_client();

	fakeconn_say(sender, "{\"type\":\"joinGroup\",\"group\":\"g\"}");
	fakeconn_say(other, "{\"type\":\"joinGroup\",\"group\":\"g\"}");
	fakeconn_say(sender, "{\"type\":\"sendToGroup\",\"group\":\"g\","
	    "\"noEcho\":true,\"data\":1}");
	check_text("the sender", fakeconn_heard(sender), "");
	check_text("the other", fakeconn_heard(other),
	    "{\"type\":\"message\",\"from\":\"group\",\"group\":\"g\","
	    "\"fromUserId\":\"ann\",\"dataType\":\"json\",\"data\":1}\n");
}

static void
test_all_members_share_one_encoding(void)
{
	struct wps_conn *conns[3];

	for (size_t i = 0; i < COUNT(conns); i++) {
		conns[i] = open_client();
		fakeconn_say(conns[i], "{\"type\":\"joinGroup\",\"group\":\"g\"}");
	}
	fakeconn_say(conns[0],
	    "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1}");
	check_number("encodings", host.encodes, 1);
}

static void
test_sender_without_user_is_null(void)
{
	struct wps_conn *conn = fakeconn_open(&host, JSON, NULL, NULL);

	conn->may_join = conn->may_send = "*";
	fakeconn_say(conn, "{\"type\":\"joinGroup\",\"group\":\"g\"}");
	fakeconn_heard(conn);
	fakeconn_say(conn, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1}");
	check_text("message", fakeconn_heard(conn),
	    "{\"type\":\"message\",\"from\":\"group\",\"group\":\"g\","
	    "\"fromUserId\":null,\"dataType\":\"json\",\"data\":1}\n");
	check_text("command", fakeconn_log(&host), "send chat/g json 1\n");
}

static void
test_requests_without_ack_id_are_not_answered(void)
{
	static const struct row rows[] = {
		{ "{\"type\":\"joinGroup\",\"group\":\"g\"}", "", NULL },
		{ "{\"type\":\"leaveGroup\",\"group\":\"g\"}", "", NULL },
		{ "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1}", "",
		  "send chat/g from ann json 1\n" },
	};

	TALK(open_client(), rows);
}

/* --- sections 6.5, 6.6, 6.10 ---------------------------------------------- */

static void
test_ping_is_answered_and_never_acked(void)
{
	static const struct row rows[] = {
		{ "{\"type\":\"ping\"}", "{\"type\":\"pong\"}\n", NULL },
		{ "{\"type\":\"PING\",\"ackId\":1}", "{\"type\":\"pong\"}\n", NULL },
		{ "{\"type\":\"ping\",\"ackId\":\"x\"}", "{\"type\":\"pong\"}\n", NULL },
		{ "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":1}", ACK(1), NULL },
	};

	TALK(open_client(), rows);
}

static void
test_sequence_ack_and_invoke_response_change_nothing(void)
{
	static const struct row rows[] = {
		{ "{\"type\":\"sequenceAck\",\"sequenceId\":0}", "", NULL },
		{ "{\"type\":\"sequenceAck\",\"sequenceId\":18446744073709551615}",
		  "", NULL },
		{ "{\"type\":\"invokeResponse\",\"invocationId\":\"1\","
		  "\"success\":true,\"dataType\":\"text\",\"data\":\"x\"}", "", NULL },
	};

	TALK(open_client(), rows);
}

/* --- section 8 ------------------------------------------------------------ */

static void
test_processed_ack_id_is_a_duplicate(void)
{
	static const struct row rows[] = {
		{ "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":0}", ACK(0), NULL },
		{ "{\"type\":\"sendToGroup\",\"group\":\"g\",\"ackId\":0,\"data\":1}",
		  NACK(0, "Duplicate", "Message with ack-id: 0 has been processed"),
		  NULL },
		{ "{\"type\":\"leaveGroup\",\"group\":\"g\","
		  "\"ackId\":18446744073709551615}",
		  ACK(18446744073709551615), NULL },
		{ "{\"type\":\"leaveGroup\",\"group\":\"g\","
		  "\"ackId\":18446744073709551615}",
		  NACK(18446744073709551615, "Duplicate",
		  "Message with ack-id: 18446744073709551615 has been processed"),
		  NULL },
		{ "{\"type\":\"event\",\"event\":\"e\",\"data\":1,\"ackId\":0}",
		  NACK(0, "Duplicate", "Message with ack-id: 0 has been processed"),
		  NULL },
		{ "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":5}", ACK(5), NULL },
		{ "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":5}",
		  NACK(5, "Duplicate", "Message with ack-id: 5 has been processed"),
		  NULL },
	};

	TALK(open_client(), rows);
}

static void
test_duplicate_is_found_before_permission(void)
{
	static const struct row first[] = {
		{ "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":1}", ACK(1), NULL },
	}, second[] = {
		{ "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":1}",
		  NACK(1, "Duplicate", "Message with ack-id: 1 has been processed"),
		  NULL },
	};
	struct wps_conn *conn = open_client();

	TALK(conn, first);
	conn->may_join = NULL;
	TALK(conn, second);
}

static void
test_failed_ack_id_may_be_tried_again(void)
{
	static const struct row denied[] = {
		{ "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":1}",
		  NACK(1, "Forbidden", "no permission to join group 'g'"), NULL },
	}, allowed[] = {
		{ "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":1}", ACK(1), NULL },
	};
	struct wps_conn *conn = open_client();

	conn->may_join = NULL;
	TALK(conn, denied);
	TALK(conn, denied);
	conn->may_join = "*";
	TALK(conn, allowed);
}

static void
test_ack_ids_are_of_one_connection(void)
{
	static const struct row rows[] = {
		{ "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":1}", ACK(1), NULL },
	};

	TALK(open_client(), rows);
	TALK(open_client(), rows);
}

static void
join_with_ack(struct wps_conn *conn, unsigned id, bool duplicate)
{
	char says[128], hears[256];

	snprintf(says, sizeof(says),
	    "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":%u}", id);
	snprintf(hears, sizeof(hears), duplicate ?
	    NACK(%u, "Duplicate", "Message with ack-id: %u has been processed") :
	    ACK(%u), id, id);
	fakeconn_say(conn, says);
	check_text(says, fakeconn_heard(conn), hears);
}

static void
test_the_newest_thousand_ack_ids_are_remembered(void)
{
	struct wps_conn *conn = open_client();

	for (unsigned id = 1; id <= 1000; id++)
		join_with_ack(conn, id, false);
	join_with_ack(conn, 1, true);
	join_with_ack(conn, 1001, false);
	join_with_ack(conn, 2, true);
	join_with_ack(conn, 1, false);
	join_with_ack(conn, 3, true);
	join_with_ack(conn, 2, false);
}

static void
test_option_says_how_many_ack_ids_are_remembered(void)
{
	restart_with("ack_ids", 2);
	struct wps_conn *conn = open_client();

	join_with_ack(conn, 1, false);
	join_with_ack(conn, 2, false);
	join_with_ack(conn, 1, true);
	join_with_ack(conn, 3, false);
	join_with_ack(conn, 1, false);
}

/* --- section 9.4 ---------------------------------------------------------- */

static void
test_denied_requests_name_action_and_group(void)
{
	static const struct row rows[] = {
		{ "{\"type\":\"joinGroup\",\"group\":\"deck\",\"ackId\":1}",
		  NACK(1, "Forbidden", "no permission to join group 'deck'"), NULL },
		{ "{\"type\":\"leaveGroup\",\"group\":\"deck\",\"ackId\":2}",
		  NACK(2, "Forbidden", "no permission to leave group 'deck'"), NULL },
		{ "{\"type\":\"sendToGroup\",\"group\":\"de\\\"ck\",\"ackId\":3,"
		  "\"data\":1}",
		  NACK(3, "Forbidden", "no permission to send to group 'de\\\"ck'"),
		  NULL },
		{ "{\"type\":\"joinGroup\",\"group\":\"deck\"}", "", NULL },
		{ "{\"type\":\"leaveGroup\",\"group\":\"deck\"}", "", NULL },
		{ "{\"type\":\"sendToGroup\",\"group\":\"deck\",\"data\":1}", "", NULL },
	};
	struct wps_conn *conn = open_client();

	conn->may_join = conn->may_send = NULL;
	TALK(conn, rows);
}

static void
test_each_permission_is_asked_for_its_group(void)
{
	static const struct row rows[] = {
		{ "{\"type\":\"joinGroup\",\"group\":\"j\",\"ackId\":1}", ACK(1), NULL },
		{ "{\"type\":\"leaveGroup\",\"group\":\"j\",\"ackId\":2}", ACK(2), NULL },
		{ "{\"type\":\"sendToGroup\",\"group\":\"s\",\"ackId\":3,\"data\":1}",
		  ACK(3), "send chat/s from ann json 1\n" },
		{ "{\"type\":\"joinGroup\",\"group\":\"s\",\"ackId\":4}",
		  NACK(4, "Forbidden", "no permission to join group 's'"), NULL },
		{ "{\"type\":\"sendToGroup\",\"group\":\"j\",\"ackId\":5,\"data\":1}",
		  NACK(5, "Forbidden", "no permission to send to group 'j'"), NULL },
		{ "{\"type\":\"joinGroup\",\"group\":\"J\",\"ackId\":6}",
		  NACK(6, "Forbidden", "no permission to join group 'J'"), NULL },
	};
	struct wps_conn *conn = open_client();

	conn->may_join = "j";
	conn->may_send = "s";
	TALK(conn, rows);
}

static void
test_refusals_of_the_server_are_named(void)
{
	static const struct row full[] = {
		{ "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":1}",
		  NACK(1, "BadRequest", "too many groups to join group 'g'"), NULL },
		{ "{\"type\":\"joinGroup\",\"group\":\"g\"}", "", NULL },
	}, failed[] = {
		{ "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":2}",
		  INTERNAL(2), NULL },
		{ "{\"type\":\"leaveGroup\",\"group\":\"g\",\"ackId\":3}",
		  INTERNAL(3), NULL },
	};
	struct wps_conn *conn = open_client();

	conn->join_result = WPS_FULL;
	TALK(conn, full);
	conn->join_result = WPS_ENOMEM;
	TALK(conn, failed);
}

static void
test_send_without_memory_fails_alone(void)
{
	static const struct row failed[] = {
		{ "{\"type\":\"sendToGroup\",\"group\":\"g\",\"ackId\":1,\"data\":1}",
		  INTERNAL(1), NULL },
		{ "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1}", "", NULL },
	}, good[] = {
		{ "{\"type\":\"sendToGroup\",\"group\":\"g\",\"ackId\":1,\"data\":1}",
		  ACK(1), "send chat/g from ann json 1\n" },
	};
	struct wps_conn *conn = open_client();

	host.no_memory = true;
	TALK(conn, failed);
	host.no_memory = false;
	TALK(conn, good);
}

/* --- sections 6.4 and 12 -------------------------------------------------- */

static void
test_event_waits_for_the_answer(void)
{
	static const struct row rows[] = {
		{ "{\"type\":\"event\",\"event\":\"Vote.1\",\"dataType\":\"json\","
		  "\"data\":{\"choice\":3},\"ackId\":8,\"metadata\":{\"K\":\"v\"}}",
		  "", "event Vote.1 json {\"choice\":3} K=v\n" },
	};
	struct wps_conn *conn = open_client();

	conn->may_join = conn->may_send = NULL; /* it needs no role */
	TALK(conn, rows);
	fakeconn_answer(conn, &(struct wps_answer){ .result = WPS_OK });
	check_text("answer", fakeconn_heard(conn), ACK(8));
}

#define FROM_SERVER(rest) "{\"type\":\"message\",\"from\":\"server\"," rest "}\n"

static void
test_message_of_an_answer_comes_before_the_ack(void)
{
	static const struct wps_pair metadata[] = {
		{ { "a", 1 }, { "1", 1 } }, { { "b", 1 }, { "", 0 } },
	};
	static const struct {
		struct wps_answer answer;
		const char *hears;
	} rows[] = {
		{ { .has_message = true, .type = WPS_DATA_TEXT, .payload = { "hi", 2 } },
		  FROM_SERVER("\"dataType\":\"text\",\"data\":\"hi\"") },
		{ { .has_message = true, .type = WPS_DATA_JSON, .payload = { "[1]", 3 } },
		  FROM_SERVER("\"dataType\":\"json\",\"data\":[1]") },
		{ { .has_message = true, .type = WPS_DATA_TEXT, .payload = { "", 0 },
		  .metadata = metadata, .metadata_count = 2 },
		  FROM_SERVER("\"dataType\":\"text\",\"data\":\"\","
		  "\"metadata\":{\"a\":\"1\",\"b\":\"\"}") },
		{ { .has_message = false }, "" },
		/* JSON null is none. */
		{ { .has_message = true, .type = WPS_DATA_JSON,
		    .payload = { " null\n", 6 } }, "" },
		{ { .has_message = true, .type = WPS_DATA_JSON,
		    .payload = { "null", 4 }, .metadata = metadata, .metadata_count = 1 },
		  FROM_SERVER("\"dataType\":\"text\",\"data\":\"\","
		  "\"metadata\":{\"a\":\"1\"}") },
		{ { .has_message = true, .type = WPS_DATA_TEXT, .payload = { "null", 4 } },
		  FROM_SERVER("\"dataType\":\"text\",\"data\":\"null\"") },
	};
	struct wps_conn *conn = open_client();
	char says[128], hears[256];

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(says, sizeof(says), "{\"type\":\"event\",\"event\":\"e\","
		    "\"data\":1,\"ackId\":%zu}", i);
		snprintf(hears, sizeof(hears), "%s" ACK(%zu), rows[i].hears, i);
		fakeconn_say(conn, says);
		fakeconn_answer(conn, &rows[i].answer);
		check_text("with ack id", fakeconn_heard(conn), hears);
		fakeconn_say(conn, "{\"type\":\"event\",\"event\":\"e\",\"data\":1}");
		fakeconn_answer(conn, &rows[i].answer);
		check_text("without", fakeconn_heard(conn), rows[i].hears);
	}
}

static void
test_answer_may_come_at_once(void)
{
	static const struct row rows[] = {
		{ "{\"type\":\"event\",\"event\":\"e\",\"data\":1,\"ackId\":1}",
		  FROM_SERVER("\"dataType\":\"text\",\"data\":\"hi\"") ACK(1),
		  "event e json 1\n" },
		{ "{\"type\":\"event\",\"event\":\"e\",\"data\":1,\"ackId\":1}",
		  NACK(1, "Duplicate", "Message with ack-id: 1 has been processed"),
		  NULL },
	};
	static const struct wps_answer answer = {
		.has_message = true, .type = WPS_DATA_TEXT, .payload = { "hi", 2 },
	};

	host.event_answer = &answer;
	TALK(open_client(), rows);
}

static void
test_failed_event_is_answered_only_with_ack_id(void)
{
	static const int results[] = {
		WPS_DECLINED, WPS_NOT_FOUND, WPS_ESYS, WPS_EPROTO,
	};
	struct wps_conn *conn = open_client();

	for (size_t i = 0; i < COUNT(results); i++) {
		struct wps_answer answer = {
			.result = results[i], .has_message = true,
			.type = WPS_DATA_TEXT, .payload = WPS_SPAN("secret"),
		};
		fakeconn_say(conn,
		    "{\"type\":\"event\",\"event\":\"e\",\"data\":1,\"ackId\":1}");
		fakeconn_answer(conn, &answer);
		check_text("with ack id", fakeconn_heard(conn), INTERNAL(1));
		fakeconn_say(conn, "{\"type\":\"event\",\"event\":\"e\",\"data\":1}");
		fakeconn_answer(conn, &answer);
		check_text("without", fakeconn_heard(conn), "");
	}
}

static void
test_option_says_that_a_failed_event_closes(void)
{
	static const struct { const char *says, *hears; } rows[] = {
		{ "{\"type\":\"event\",\"event\":\"e\",\"data\":1,\"ackId\":1}",
		  INTERNAL(1) DISCONNECTED("Internal server error")
		  "close 1011 Internal server error\n" },
		{ "{\"type\":\"event\",\"event\":\"e\",\"data\":1}",
		  DISCONNECTED("Internal server error")
		  "close 1011 Internal server error\n" },
	};

	restart_with("on_event_failure", 1);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wps_conn *conn = open_client();
		fakeconn_say(conn, rows[i].says);
		fakeconn_answer(conn, &(struct wps_answer){ .result = WPS_EPROTO });
		check_text("failed", fakeconn_heard(conn), rows[i].hears);
		conn = open_client();
		host.event_result = WPS_NOT_FOUND;
		fakeconn_say(conn, rows[i].says);
		check_text("unwanted", fakeconn_heard(conn), rows[i].hears);
		host.event_result = WPS_OK;
	}
}

static void
test_event_that_nobody_wants_fails(void)
{
	static const struct row rows[] = {
		{ "{\"type\":\"event\",\"event\":\"e\",\"data\":1,\"ackId\":1}",
		  INTERNAL(1), "event e json 1\n" },
		{ "{\"type\":\"event\",\"event\":\"e\",\"data\":1}",
		  "", "event e json 1\n" },
	};
	struct wps_conn *conn = open_client();

	host.event_result = WPS_NOT_FOUND;
	TALK(conn, rows);
	host.event_result = WPS_ENOMEM;
	TALK(conn, rows);
}

static void
test_connection_may_end_while_an_event_is_pending(void)
{
	struct wps_conn *conn = open_client();

	fakeconn_say(conn, "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":1}");
	fakeconn_say(conn,
	    "{\"type\":\"event\",\"event\":\"e\",\"data\":1,\"ackId\":2}");
	fakeconn_close(conn);
	CU_ASSERT_PTR_NULL(host.conns);
}

/* --- sections 5.1 and 19 -------------------------------------------------- */

static void
test_server_says_goodbye(void)
{
	struct wps_conn *conn = open_client();

	fakeconn_kick(conn, 1000, "Service \"reload\"");
	check_text("reason", fakeconn_heard(conn),
	    DISCONNECTED("Service \\\"reload\\\"")
	    "close 1000 Service \"reload\"\n");
	conn = open_client();
	fakeconn_kick(conn, 1000, "");
	check_text("no reason", fakeconn_heard(conn),
	    DISCONNECTED("") "close 1000 \n");
}

static void
test_binary_frame_closes_a_json_client(void)
{
	struct wps_conn *conn = open_client();

	fakeconn_recv(conn, WPS_FRAME_BINARY, WPS_SPAN("{\"type\":\"ping\"}"));
	check_text("close", fakeconn_heard(conn),
	    DISCONNECTED("Binary messages are not supported")
	    "close 1003 Binary messages are not supported\n");
}

static CU_TestInfo tests[] = {
	{ "first message is connected", test_first_message_is_connected },
	{ "an idle connection holds little", test_an_idle_connection_holds_little },
	{ "join, send and leave are done and acked",
	  test_join_send_and_leave_are_done_and_acked },
	{ "no echo leaves out one connection, not the user",
	  test_no_echo_leaves_out_one_connection_not_the_user },
	{ "all members share one encoding", test_all_members_share_one_encoding },
	{ "sender without user is null", test_sender_without_user_is_null },
	{ "requests without ack id are not answered",
	  test_requests_without_ack_id_are_not_answered },
	{ "ping is answered and never acked", test_ping_is_answered_and_never_acked },
	{ "sequence ack and invoke response change nothing",
	  test_sequence_ack_and_invoke_response_change_nothing },
	{ "processed ack id is a duplicate", test_processed_ack_id_is_a_duplicate },
	{ "duplicate is found before permission",
	  test_duplicate_is_found_before_permission },
	{ "failed ack id may be tried again", test_failed_ack_id_may_be_tried_again },
	{ "ack ids are of one connection", test_ack_ids_are_of_one_connection },
	{ "the newest thousand ack ids are remembered",
	  test_the_newest_thousand_ack_ids_are_remembered },
	{ "option says how many ack ids are remembered",
	  test_option_says_how_many_ack_ids_are_remembered },
	{ "denied requests name action and group",
	  test_denied_requests_name_action_and_group },
	{ "each permission is asked for its group",
	  test_each_permission_is_asked_for_its_group },
	{ "refusals of the server are named", test_refusals_of_the_server_are_named },
	{ "send without memory fails alone", test_send_without_memory_fails_alone },
	{ "event waits for the answer", test_event_waits_for_the_answer },
	{ "message of an answer comes before the ack",
	  test_message_of_an_answer_comes_before_the_ack },
	{ "answer may come at once", test_answer_may_come_at_once },
	{ "failed event is answered only with ack id",
	  test_failed_event_is_answered_only_with_ack_id },
	{ "option says that a failed event closes",
	  test_option_says_that_a_failed_event_closes },
	{ "event that nobody wants fails", test_event_that_nobody_wants_fails },
	{ "connection may end while an event is pending",
	  test_connection_may_end_while_an_event_is_pending },
	{ "server says goodbye", test_server_says_goodbye },
	{ "binary frame closes a JSON client",
	  test_binary_frame_closes_a_json_client },
	CU_TEST_INFO_NULL,
};

int
main(void)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "semantics", .pTests = tests,
		  .pSetUpFunc = set_up, .pTearDownFunc = tear_down },
		{ .pName = "json", .pTests = webpubsub_json_tests,
		  .pSetUpFunc = set_up, .pTearDownFunc = tear_down },
		{ .pName = "invoke", .pTests = webpubsub_invoke_tests,
		  .pSetUpFunc = set_up, .pTearDownFunc = tear_down },
		{ .pName = "protobuf", .pTests = webpubsub_protobuf_tests,
		  .pSetUpFunc = set_up, .pTearDownFunc = tear_down },
		{ .pName = "streams", .pTests = webpubsub_streams_tests,
		  .pSetUpFunc = set_up, .pTearDownFunc = tear_down },
		{ .pName = "states", .pTests = webpubsub_states_tests,
		  .pSetUpFunc = set_up, .pTearDownFunc = tear_down },
		{ .pName = "reliable", .pTests = webpubsub_reliable_tests,
		  .pSetUpFunc = set_up, .pTearDownFunc = tear_down },
		{ .pName = "simple", .pTests = webpubsub_simple_tests,
		  .pSetUpFunc = set_up, .pTearDownFunc = tear_down },
		{ .pName = "parts", .pTests = webpubsub_parts_tests },
		CU_SUITE_INFO_NULL,
	};

	return run_suites(suites);
}
