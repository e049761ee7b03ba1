/* SPDX-License-Identifier: MIT */
/*
 * The echo plugin against a fake host.
 */
#include "support/fakeconn.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct fakeconn_host host;

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

static void
test_it_serves_clients_without_a_subprotocol(void)
{
	const struct wps_subprotocol *ops = fakeconn_ops(&host, "echo");

	CU_ASSERT_PTR_NOT_NULL_FATAL(ops);
	check_number("flags", ops->flags, WPS_SUBPROTOCOL_NAMELESS);
}

static void
test_every_message_comes_back(void)
{
	static const struct {
		enum wps_frame frame;
		struct wps_span data;
		const char *hears;
	} rows[] = {
		{ WPS_FRAME_TEXT, { "hello", 5 }, "hello\n" },
		{ WPS_FRAME_TEXT, { "", 0 }, "\n" },
		{ WPS_FRAME_BINARY, { "\x05\x00\xff", 3 }, "binary 0500ff\n" },
		{ WPS_FRAME_BINARY, { "", 0 }, "binary \n" },
	};
	struct wps_conn *conn = fakeconn_open(&host, "echo", NULL, NULL);

	check_text("nothing is said first", fakeconn_heard(conn), "");
	for (size_t i = 0; i < COUNT(rows); i++) {
		fakeconn_recv(conn, rows[i].frame, rows[i].data);
		check_text(rows[i].hears, fakeconn_heard(conn), rows[i].hears);
	}
}

static void
test_messages_of_others_are_frames_of_their_kind(void)
{
	static const struct {
		enum wps_data type;
		struct wps_span payload;
		const char *hears;
	} rows[] = {
		{ WPS_DATA_TEXT, { "hi", 2 }, "hi\n" },
		{ WPS_DATA_TEXT, { "", 0 }, "\n" },
		{ WPS_DATA_JSON, { "{\"a\":1}", 7 }, "{\"a\":1}\n" },
		{ WPS_DATA_BINARY, { "\x05\x01", 2 }, "binary 0501\n" },
		{ WPS_DATA_BINARY, { NULL, 0 }, "binary \n" },
		{ WPS_DATA_PROTOBUF, { "\x0a\x00", 2 }, "binary 0a00\n" },
	};
	struct wps_conn *conn = fakeconn_open(&host, "echo", NULL, NULL);

	for (size_t i = 0; i < COUNT(rows); i++) {
		fakeconn_deliver(conn, &(struct wps_msg_view){
		    .type = rows[i].type, .payload = rows[i].payload });
		check_text(rows[i].hears, fakeconn_heard(conn), rows[i].hears);
	}
}

static void
test_a_message_without_memory_is_not_delivered(void)
{
	struct wps_conn *conn = fakeconn_open(&host, "echo", NULL, NULL);

	host.no_memory = true;
	fakeconn_deliver(conn, &(struct wps_msg_view){
	    .type = WPS_DATA_TEXT, .payload = WPS_SPAN("hi") });
	check_text("nothing", fakeconn_heard(conn), "");
}

static CU_TestInfo tests[] = {
	{ "it serves clients without a subprotocol",
	  test_it_serves_clients_without_a_subprotocol },
	{ "every message comes back", test_every_message_comes_back },
	{ "messages of others are frames of their kind",
	  test_messages_of_others_are_frames_of_their_kind },
	{ "a message without memory is not delivered",
	  test_a_message_without_memory_is_not_delivered },
	CU_TEST_INFO_NULL,
};

int
main(void)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "echo", .pTests = tests,
		  .pSetUpFunc = set_up, .pTearDownFunc = tear_down },
		CU_SUITE_INFO_NULL,
	};

	return run_suites(suites);
}
