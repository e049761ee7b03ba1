/* SPDX-License-Identifier: MIT */
/*
 * The webpubsub plugin against a fake host: what a JSON client says and hears,
 * frame by frame, and what is asked of the server (client-protocols.md, sections
 * 5 to 12, appendix A.1).
 */
#include "support/fakeconn.h"

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define JSON "json.webpubsub.azure.v1"

extern const struct wps_plugin wps_plugin_v1;

static void
check_text(const char *what, const char *got, const char *expected)
{
	if (strcmp(got, expected) == 0) {
		CU_PASS(what);
		return;
	}
	fprintf(stderr, "\n%.300s\n  expected: %.2000s\n  got:      %.2000s\n", what,
	    expected, got);
	CU_FAIL(what);
}

static void
check_number(const char *what, long got, long expected)
{
	if (got == expected) {
		CU_PASS(what);
		return;
	}
	fprintf(stderr, "\n%s\n  expected: %ld\n  got:      %ld\n", what,
	    expected, got);
	CU_FAIL(what);
}

static struct fakeconn_host host;

/* Each test has a host of its own, and leaves nothing behind. */
static void
set_up(void)
{
	host = (struct fakeconn_host){ .option = NULL };
	fakeconn_start(&host, &wps_plugin_v1);
}

static void
tear_down(void)
{
	check_number("messages that are left over", fakeconn_stop(&host), 0);
}

/* A JSON client of user ann that may do everything, behind its first message. */
static struct wps_conn *
open_client(void)
{
	struct wps_conn *conn = fakeconn_open(&host, JSON, NULL, "ann");

	conn->may_join = conn->may_send = "*";
	fakeconn_heard(conn);
	fakeconn_log(&host);
	return conn;
}

/* What a client says, what it hears then, and what the server is asked. */
struct row {
	const char *says, *hears, *log;
};

static void
talk(struct wps_conn *conn, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fakeconn_say(conn, rows[i].says);
		check_text(rows[i].says, fakeconn_heard(conn), rows[i].hears);
		check_text(rows[i].says, fakeconn_log(&host),
		    rows[i].log ? rows[i].log : "");
	}
}

#define TALK(conn, rows) talk((conn), (rows), COUNT(rows))

/* --- section 7.4 ------------------------------------------------------------------- */

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

/* --- sections 6.1 to 6.3 ----------------------------------------------------------- */

static void
test_join_send_and_leave_are_done_and_acked(void)
{
	static const struct row rows[] = {
		{ "{\"type\":\"joinGroup\",\"group\":\"deck\",\"ackId\":1}",
		  "{\"type\":\"ack\",\"ackId\":1,\"success\":true}\n", NULL },
		{ "{\"type\":\"joinGroup\",\"group\":\"deck\",\"ackId\":2}",
		  "{\"type\":\"ack\",\"ackId\":2,\"success\":true}\n", NULL },
		{ "{\"type\":\"sendToGroup\",\"group\":\"deck\",\"ackId\":3,"
		  "\"dataType\":\"text\",\"data\":\"aye\"}",
		  "{\"type\":\"message\",\"from\":\"group\",\"group\":\"deck\","
		  "\"fromUserId\":\"ann\",\"dataType\":\"text\",\"data\":\"aye\"}\n"
		  "{\"type\":\"ack\",\"ackId\":3,\"success\":true}\n",
		  "send chat/deck from ann text aye\n" },
		{ "{\"type\":\"sendToGroup\",\"group\":\"deck\",\"noEcho\":true,"
		  "\"data\":{\"x\": 1}}",
		  "", "send chat/deck from ann except c1 json {\"x\": 1}\n" },
		{ "{\"type\":\"leaveGroup\",\"group\":\"deck\",\"ackId\":4}",
		  "{\"type\":\"ack\",\"ackId\":4,\"success\":true}\n", NULL },
		{ "{\"type\":\"leaveGroup\",\"group\":\"deck\",\"ackId\":5}",
		  "{\"type\":\"ack\",\"ackId\":5,\"success\":true}\n", NULL },
		{ "{\"type\":\"sendToGroup\",\"group\":\"deck\",\"data\":2}",
		  "", "send chat/deck from ann json 2\n" },
	};

	TALK(open_client(), rows);
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
	    "{\"type\":\"sendToGroup\",\"group\":\"g\",\"noEcho\":true,\"data\":1}");
	check_text("the sender", fakeconn_heard(conns[0]), "");
	for (size_t i = 1; i < COUNT(conns); i++)
		check_text("a member", fakeconn_heard(conns[i]),
		    "{\"type\":\"message\",\"from\":\"group\",\"group\":\"g\","
		    "\"fromUserId\":\"ann\",\"dataType\":\"json\",\"data\":1}\n");
	check_number("encodings", host.encodes, 1);
}

static CU_TestInfo json_tests[] = {
	{ "first message is connected", test_first_message_is_connected },
	{ "join, send and leave are done and acked",
	  test_join_send_and_leave_are_done_and_acked },
	{ "all members share one encoding", test_all_members_share_one_encoding },
	CU_TEST_INFO_NULL,
};

int
main(void)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "json", .pTests = json_tests,
		  .pSetUpFunc = set_up, .pTearDownFunc = tear_down },
		CU_SUITE_INFO_NULL,
	};

	if (CU_initialize_registry() != CUE_SUCCESS ||
	    CU_register_suites(suites) != CUE_SUCCESS)
		return EXIT_FAILURE;
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	bool good = CU_get_number_of_tests_run() > 0 &&
	    CU_get_number_of_failures() == 0;
	CU_cleanup_registry();
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
