/* SPDX-License-Identifier: MIT */
/*
 * The cloudevents plugin against a fake host. Here: what is sent.
 */
#include "plugins/cloudevents_scene.h"

#include "plugins/cloudevents/handlers.h"

static void
test_connect_event_is_sent_as_specified(void)
{
	static const struct wps_header headers[] = {
		{ WPS_SPAN("Host"), WPS_SPAN("wps.example.net") },
		{ WPS_SPAN("Authorization"), WPS_SPAN("Bearer abc") },
		{ WPS_SPAN("X-Twice"), WPS_SPAN("1") },
		{ WPS_SPAN("x-twice"), WPS_SPAN("2") },
		{ WPS_SPAN("X-ASRS-Internal-Id"), WPS_SPAN("3") },
	};
	static const struct wps_span subprotocols[] = { WPS_SPAN("a.v1"), WPS_SPAN("b.v1") };
	static const struct wps_handshake handshake = {
		.claims = WPS_SPAN("{\"sub\":\"alice\",\"iat\":1790000000,\"role\":[\"r1\",\"r2\"],"
		    "\"x\":{\"y\":[1,true]}}"),
		.query = WPS_SPAN("room=7&access_token=t&a=%C3%BC+b&room=8&flag"),
		.headers = headers, .header_count = COUNT(headers),
		.subprotocols = subprotocols, .subprotocol_count = COUNT(subprotocols),
	};
	static const char expected[] =
	    "POST /hook/chat/connect?code=s3cret HTTP/1.1\r\n"
	    "Host: 127.0.0.1:PORT\r\n"
	    "Content-Type: application/json; charset=utf-8\r\n"
	    "WebHook-Request-Origin: wps.example.net\r\n"
	    "ce-awpsversion: 1.0\r\n"
	    "ce-specversion: 1.0\r\n"
	    "ce-type: azure.webpubsub.sys.connect\r\n"
	    "ce-source: /hubs/chat/client/c1\r\n"
	    "ce-id: 0\r\n"
	    "ce-time: TIME\r\n"
	    "ce-signature: sha256="
	    "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0,sha256="
	    "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\r\n"
	    "ce-hub: chat\r\n"
	    "ce-connectionId: c1\r\n"
	    "ce-eventName: connect\r\n"
	    "ce-userId: alice\r\n"
	    "x-ms-client-request-id: ID\r\n"
	    "User-Agent: wps/" PACKAGE_VERSION "\r\n"
	    "Content-Length: 434\r\n"
	    "\r\n"
	    "{\"claims\":{\"sub\":[\"alice\"],\"iat\":[\"1790000000\"],\"role\":[\"r1\",\"r2\"],"
	    "\"x\":[\"{\\\"y\\\":[1,true]}\"],\"nameid\":[\"alice\"],"
	    "\"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier\":[\"alice\"],"
	    "\"http://schemas.microsoft.com/ws/2008/06/identity/claims/role\":[\"r1\",\"r2\"]},"
	    "\"query\":{\"room\":[\"7\",\"8\"],\"a\":[\"\xc3\xbc b\"],\"flag\":[\"\"]},"
	    "\"headers\":{\"Host\":[\"wps.example.net\"],\"X-Twice\":[\"1\",\"2\"]},"
	    "\"subprotocols\":[\"a.v1\",\"b.v1\"],\"clientCertificates\":[]}";
	struct wps_event event = connect_event();
	struct wps_reply reply;
	char text[8192];

	start((struct setup){ .validation = true });
	event.handshake = &handshake;
	check_text("answer", ask(event, &reply), "ok");
	snprintf(text, sizeof(text), "%s", request(0));
	mask(text, "Host: 127.0.0.1:", "PORT");
	mask(text, "ce-time: ", "TIME");
	mask(text, "x-ms-client-request-id: ", "ID");
	check_text("request", text, expected);
	stop();
}

static void
test_time_is_utc_in_seconds(void)
{
	struct wps_reply reply;
	char value[64];
	struct tm tm;

	start((struct setup){ .path = "/" });
	ask(user_event("message", "x"), &reply);
	header_of(request(0), "ce-time", value, sizeof(value));
	check_number("length", (long)strlen(value), 20);
	CU_ASSERT_PTR_NOT_NULL(strptime(value, "%Y-%m-%dT%H:%M:%SZ", &tm));
	stop();
}

static void
test_events_of_a_connection_are_counted(void)
{
	struct wps_event connected = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };
	struct wps_event gone = { .kind = WPS_EVENT_DISCONNECTED, .conn = &conn,
		.name = WPS_SPAN("disconnected"), .reason = WPS_SPAN("bye \"now\"") };
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	deliver(connected, NULL);
	check_header(0, "ce-id", "1");
	check_header(0, "ce-type", "azure.webpubsub.sys.connected");
	check_header(0, "ce-subprotocol", "json.webpubsub.azure.v1");
	check_text("body", strstr(request(0), "\r\n\r\n"), "\r\n\r\n{}");
	ask(user_event("chat", "hello"), &reply);
	check_header(1, "ce-id", "2");
	check_header(1, "ce-type", "azure.webpubsub.user.chat");
	check_header(1, "ce-eventName", "chat");
	check_header(1, "Content-Type", "text/plain");
	deliver(gone, NULL);
	check_header(2, "ce-id", "3");
	check_text("body", strstr(request(2), "\r\n\r\n"),
	    "\r\n\r\n{\"reason\":\"bye \\\"now\\\"\"}");
	stop();
}

/* 256 bytes of it are sent, and no half of a character. */
static void
test_a_long_reason_is_cut_between_characters(void)
{
	static const struct { int before; const char *end; size_t sent; } cases[] = {
		{ 256, "", 256 }, { 257, "", 256 }, { 254, "\xc3\xbc", 256 },
		{ 255, "\xc3\xbc", 255 }, { 253, "\xf0\x9f\x98\x80z", 253 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char reason[300];
		snprintf(reason, sizeof(reason), "%0*d%s", cases[i].before, 1, cases[i].end);
		start((struct setup){ .path = "/" });
		deliver((struct wps_event){ .kind = WPS_EVENT_DISCONNECTED, .conn = &conn,
		    .name = WPS_SPAN("disconnected"), .reason = wps_span_str(reason) }, NULL);
		const char *body = strstr(request(0), "\r\n\r\n") + 4;
		check_number("body", (long)strlen(body),
		    (long)(strlen("{\"reason\":\"\"}") + cases[i].sent));
		stop();
	}
}

static void
test_user_ids_never_break_a_header_line(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	conn.view.user = WPS_SPAN("a\r\nEvil: \xc3\xbc\0z");
	ask(user_event("message", "x"), &reply);
	check_header(0, "ce-userId", "a%0D%0AEvil: \xc3\xbc%00z");
	check_header(0, "Evil", "-");
	stop();
}

static void
test_headers_are_encoded_as_cloudevents_has_it(void)
{
	struct wps_event event = user_event("gr\xc3\xbc\xc3\x9f", "x");
	struct wps_reply reply;

	start((struct setup){ .path = "/", .encoding = ENCODING_CLOUDEVENTS });
	conn.view.user = WPS_SPAN("a \"100%\" \xe2\x82\xac\n");
	check_text("answer", ask(event, &reply), "ok");
	check_header(0, "ce-userId", "a%20%22100%25%22%20%E2%82%AC%0A");
	check_header(0, "ce-eventName", "gr%C3%BC%C3%9F");
	check_header(0, "ce-type", "azure.webpubsub.user.gr%C3%BC%C3%9F");
	check_header(0, "ce-subprotocol", "json.webpubsub.azure.v1");
	stop();
}

static void
test_event_names_that_no_header_holds_fail_unsent(void)
{
	static const struct wps_span names[] = { WPS_SPAN(" "), WPS_SPAN("a "), WPS_SPAN(" a"), WPS_SPAN("a\r\nb"), WPS_SPAN("a\nb"),
		WPS_SPAN("a\0b"), WPS_SPAN("\xc3\xbc"), WPS_SPAN(""), WPS_SPAN("\x7f"),
		WPS_SPAN("..") };
	struct wps_reply reply;

	start((struct setup){ .path = "/{event}" });
	for (size_t i = 0; i < COUNT(names); i++) {
		struct wps_event event = user_event("", "x");
		event.name = names[i];
		check_text("answer", ask(event, &reply), "failed");
	}
	check_number("requests", (long)app.seen_count, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, "hub=chat conn=c1 event=.. kind=user "
	    "status=0 problem=\"the event cannot be sent\""));
	stop();
}

static void
test_content_type_follows_the_data(void)
{
	static const struct { enum wps_data type; const char *content_type; } cases[] = {
		{ WPS_DATA_TEXT, "text/plain" },
		{ WPS_DATA_JSON, "application/json" },
		{ WPS_DATA_BINARY, "application/octet-stream" },
		{ WPS_DATA_PROTOBUF, "application/x-protobuf" },
	};
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wps_event event = user_event("message", "1");
		event.type = cases[i].type;
		ask(event, &reply);
		check_header(i, "Content-Type", cases[i].content_type);
	}
	stop();
}

static void
test_metadata_becomes_headers(void)
{
	static const struct wps_pair pairs[] = {
		{ WPS_SPAN("Key"), WPS_SPAN("old") },
		{ WPS_SPAN("Other"), WPS_SPAN("") },
		{ WPS_SPAN("kEY"), WPS_SPAN("new") },
	};
	static const struct wps_pair broken = { WPS_SPAN("k"), WPS_SPAN("a\r\nb: c") };
	struct wps_event event = user_event("message", "");
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	event.metadata = pairs;
	event.metadata_count = COUNT(pairs);
	ask(event, &reply);
	check_header(0, "x-webpubsub-metadata-key", "new");
	check_header(0, "x-webpubsub-metadata-other", "");
	check_header(0, "Content-Length", "0");
	event.metadata = &broken;
	event.metadata_count = 1;
	check_text("answer", ask(event, &reply), "failed");
	check_number("requests", (long)app.seen_count, 1);
	stop();
}

static void
test_signature_is_absent_without_keys(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	fake->keys_off = true;
	ask(user_event("message", "x"), &reply);
	check_header(0, "ce-signature", "-");
	stop();
}

static CU_TestInfo tests[] = {
	TEST(test_connect_event_is_sent_as_specified),
	TEST(test_time_is_utc_in_seconds),
	TEST(test_events_of_a_connection_are_counted),
	TEST(test_a_long_reason_is_cut_between_characters),
	TEST(test_user_ids_never_break_a_header_line),
	TEST(test_event_names_that_no_header_holds_fail_unsent),
	TEST(test_content_type_follows_the_data),
	TEST(test_metadata_becomes_headers),
	TEST(test_signature_is_absent_without_keys),
	TEST(test_headers_are_encoded_as_cloudevents_has_it),
	CU_TEST_INFO_NULL,
};

int
main(void)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "requests", .pTests = tests },
		{ .pName = "answers", .pTests = cloudevents_answers_tests },
		{ .pName = "delivery", .pTests = cloudevents_delivery_tests },
		{ .pName = "addresses", .pTests = cloudevents_addresses_tests },
		{ .pName = "breaker", .pTests = cloudevents_breaker_tests },
		{ .pName = "handshake", .pTests = cloudevents_handshake_tests },
		{ .pName = "handlers", .pTests = cloudevents_handlers_tests },
		{ .pName = "tokens", .pTests = cloudevents_tokens_tests },
		CU_SUITE_INFO_NULL,
	};

	if (CU_initialize_registry() != CUE_SUCCESS ||
	    CU_register_suites(suites) != CUE_SUCCESS)
		return EXIT_FAILURE;
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	unsigned failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
