/* SPDX-License-Identifier: MIT */
/*
 * Reliable clients (client-protocols.md, section 13): sequence ids, acks, and the
 * proof that a client had a connection.
 */
#include "plugins/test_webpubsub.h"

#include "plugins/webpubsub/retoken.h"

#define RELIABLE "json.reliable.webpubsub.azure.v1"
#define TOKEN_KEY "\"reconnectionToken\":\""

static struct wps_conn *
open_reliable(void)
{
	struct wps_conn *conn = fakeconn_open(&host, RELIABLE, NULL, "ann");

	conn->may_join = conn->may_send = "*";
	return conn;
}

/* The token of the `connected` message that was heard last. */
static void
read_token(struct wps_conn *conn, char dst[RETOKEN_LEN + 1])
{
	const char *heard = fakeconn_heard(conn);
	const char *token = strstr(heard, TOKEN_KEY);

	CU_ASSERT_PTR_NOT_NULL_FATAL(token);
	snprintf(dst, RETOKEN_LEN + 1, "%s", token + sizeof(TOKEN_KEY) - 1);
}

static int
recover_with(struct wps_conn *conn, const char *token)
{
	char query[256];

	snprintf(query, sizeof(query), "access_token=old&awps_connection_id=%s"
	    "&awps_reconnection_token=%s", conn->id, token);
	return fakeconn_recover(conn, query);
}

static void
test_connected_has_a_token(void)
{
	struct wps_conn *conn = open_reliable();
	char token[RETOKEN_LEN + 1], expected[256];
	const char *heard = fakeconn_heard(conn);

	snprintf(token, sizeof(token), "%s",
	    strstr(heard, TOKEN_KEY) + sizeof(TOKEN_KEY) - 1);
	snprintf(expected, sizeof(expected), "{\"type\":\"system\","
	    "\"event\":\"connected\",\"userId\":\"ann\","
	    "\"connectionId\":\"c1\"," TOKEN_KEY "%s\"}\n", token);
	check_text("connected", heard, expected);
}

static void
test_without_a_key_nobody_can_recover(void)
{
	host.no_key = true;
	struct wps_conn *conn = open_reliable();

	check_text("connected", fakeconn_heard(conn),
	    "{\"type\":\"system\",\"event\":\"connected\",\"userId\":\"ann\","
	    "\"connectionId\":\"c1\"}\n");
	check_number("recover", recover_with(conn,
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
	    WPS_DECLINED);
}

static void
test_messages_are_numbered_for_each_receiver(void)
{
	struct wps_conn *first = open_reliable();
	fakeconn_say(first, "{\"type\":\"joinGroup\",\"group\":\"g\"}");
	fakeconn_say(first, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1}");
	struct wps_conn *second = open_reliable();
	fakeconn_say(second, "{\"type\":\"joinGroup\",\"group\":\"g\"}");
	fakeconn_heard(first);
	fakeconn_heard(second);
	unsigned before = host.encodes;

	fakeconn_say(first,
	    "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":{\"x\":1},\"ackId\":7}");
	check_text("the second message of the first", fakeconn_heard(first),
	    "{\"sequenceId\":2,\"type\":\"message\",\"from\":\"group\","
	    "\"group\":\"g\",\"fromUserId\":\"ann\",\"dataType\":\"json\","
	    "\"data\":{\"x\":1}}\n" ACK(7));
	check_text("the first message of the second", fakeconn_heard(second),
	    "{\"sequenceId\":1,\"type\":\"message\",\"from\":\"group\","
	    "\"group\":\"g\",\"fromUserId\":\"ann\",\"dataType\":\"json\","
	    "\"data\":{\"x\":1}}\n");
	check_number("one encoding", host.encodes - before, 1);
}

static void
test_answers_of_the_application_are_numbered(void)
{
	struct wps_conn *conn = open_reliable();
	const struct wps_answer answer = {
		.result = WPS_OK,
		.has_message = true,
		.type = WPS_DATA_TEXT,
		.payload = WPS_SPAN("hi"),
	};

	fakeconn_heard(conn);
	fakeconn_say(conn,
	    "{\"type\":\"event\",\"event\":\"e\",\"data\":1,\"ackId\":3}");
	fakeconn_answer(conn, &answer);
	check_text("answer", fakeconn_heard(conn),
	    "{\"sequenceId\":1,\"type\":\"message\",\"from\":\"server\","
	    "\"dataType\":\"text\",\"data\":\"hi\"}\n" ACK(3));
}

static void
test_acks_and_pongs_are_not_numbered(void)
{
	struct wps_conn *conn = open_reliable();

	fakeconn_heard(conn);
	fakeconn_say(conn, "{\"type\":\"ping\"}");
	fakeconn_say(conn, "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":1}");
	check_text("heard", fakeconn_heard(conn), "{\"type\":\"pong\"}\n" ACK(1));
	check_number("numbered", (long long)conn->sequence, 0);
}

static void
test_sequence_ack_reaches_the_server(void)
{
	static const struct {
		const char *says;
		uint64_t acked;
	} rows[] = {
		{ "{\"type\":\"sequenceAck\",\"sequenceId\":5}", 5 },
		{ "{\"type\":\"sequenceAck\",\"sequenceId\":0}", 0 },
		{ "{\"type\":\"sequenceAck\",\"sequenceId\":18446744073709551615}",
		  UINT64_MAX },
	};
	struct wps_conn *conn = open_reliable();

	fakeconn_heard(conn);
	for (size_t i = 0; i < COUNT(rows); i++) {
		fakeconn_say(conn, rows[i].says);
		CU_ASSERT_EQUAL(conn->acked, rows[i].acked);
	}
	check_text("nothing is said", fakeconn_heard(conn), "");
	fakeconn_say(conn, "{\"type\":\"sequenceAck\",\"sequenceId\":\"5\"}");
	check_text("text is no id", fakeconn_heard(conn), INVALID);
}

static void
test_token_proves_its_own_connection_any_number_of_times(void)
{
	struct wps_conn *first = open_reliable(), *second = open_reliable();
	char token[RETOKEN_LEN + 1], fresh[RETOKEN_LEN + 1];

	read_token(first, token);
	check_number("once", recover_with(first, token), WPS_OK);
	fakeconn_resume(first);
	read_token(first, fresh);
	check_number("fresh", recover_with(first, fresh), WPS_OK);
	check_number("the old one again", recover_with(first, token), WPS_OK);
	check_number("of another", recover_with(second, token), WPS_DECLINED);
	first->view.hub = WPS_SPAN("other");
	check_number("in another hub", recover_with(first, token), WPS_DECLINED);
}

static void
test_of_several_tokens_the_last_counts(void)
{
	struct wps_conn *conn = open_reliable();
	char token[RETOKEN_LEN + 1], tokens[2 * RETOKEN_LEN + 64];

	read_token(conn, token);
	snprintf(tokens, sizeof(tokens), "x&awps_reconnection_token=%s", token);
	check_number("the right one last", recover_with(conn, tokens), WPS_OK);
	snprintf(tokens, sizeof(tokens), "%s&awps_reconnection_token=x", token);
	check_number("a wrong one last", recover_with(conn, tokens), WPS_DECLINED);
}

static void
test_changed_tokens_are_refused(void)
{
	struct wps_conn *conn = open_reliable();
	char token[RETOKEN_LEN + 2];

	read_token(conn, token);
	for (int i = 0; i < RETOKEN_LEN; i++) {
		char kept = token[i];
		token[i] = kept == 'A' ? 'B' : 'A';
		check_number("changed", recover_with(conn, token), WPS_DECLINED);
		token[i] = '\0';
		check_number("cut", recover_with(conn, token), WPS_DECLINED);
		token[i] = kept;
	}
	token[RETOKEN_LEN] = 'A';
	token[RETOKEN_LEN + 1] = '\0';
	check_number("longer", recover_with(conn, token), WPS_DECLINED);
	check_number("none", fakeconn_recover(conn, "awps_connection_id=c1"),
	    WPS_DECLINED);
}

/* Both sides of reconnection_token_lifetime: one second, and one that is over. */
static void
test_token_ends_with_its_lifetime(void)
{
	struct plugin *plugin;
	char token[RETOKEN_LEN + 1];

	restart_with("reconnection_token_lifetime", 3600 * 1000);
	plugin = host.fake.state;
	check_number("as the option says", (long long)plugin->retoken_s, 3600);
	struct wps_conn *conn = open_reliable();
	read_token(conn, token);
	check_number("in time", recover_with(conn, token), WPS_OK);
	plugin->retoken_s = 0;
	fakeconn_resume(conn);
	read_token(conn, token);
	check_number("at its end", recover_with(conn, token), WPS_DECLINED);
}

CU_TestInfo webpubsub_reliable_tests[] = {
	{ "connected has a token", test_connected_has_a_token },
	{ "without a key nobody can recover",
	  test_without_a_key_nobody_can_recover },
	{ "messages are numbered for each receiver",
	  test_messages_are_numbered_for_each_receiver },
	{ "answers of the application are numbered",
	  test_answers_of_the_application_are_numbered },
	{ "acks and pongs are not numbered", test_acks_and_pongs_are_not_numbered },
	{ "sequence ack reaches the server", test_sequence_ack_reaches_the_server },
	{ "token proves its own connection any number of times",
	  test_token_proves_its_own_connection_any_number_of_times },
	{ "of several tokens the last counts",
	  test_of_several_tokens_the_last_counts },
	{ "changed tokens are refused", test_changed_tokens_are_refused },
	{ "token ends with its lifetime", test_token_ends_with_its_lifetime },
	CU_TEST_INFO_NULL,
};
