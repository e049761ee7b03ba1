/* SPDX-License-Identifier: MIT */
/*
 * The auth plugin: for which requests a token is.
 */
#include "plugins/test_auth.h"

/* --- audiences ------------------------------------------------------------ */

struct audience_row {
	const char *aud;
	enum wps_caller caller;
	const char *path;
	bool ok;
};

#define C WPS_CALLER_CLIENT
#define S WPS_CALLER_SERVER

static void
check_audiences(const struct audience_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct audience_row *row = &rows[i];
		char what[512];
		snprintf(what, sizeof(what), "%s for %s", row->aud, row->path);
		const char *token = token_for(KEY1, row->aud, "");
		for (int again = 0; again < 2; again++)
			check_text(what, ask(row->caller, row->path, token),
			    row->ok ? "ok" : "audience differs");
	}
}

static void
test_audience_is_the_url_of_the_request(void)
{
	static const struct audience_row rows[] = {
		/* The boundary: clients, servers, hubs, protocols. */
		{ "https://" HOST CHAT, C, CHAT, true },
		{ "https://" HOST CHAT, S, SEND, false },
		{ "https://" HOST SEND, S, SEND, true },
		{ "https://" HOST SEND, C, CHAT, false },
		{ "https://" HOST CHAT, C, "/client/hubs/other", false },
		{ "https://" HOST CHAT, C, "/clients/mqtt/hubs/chat", false },
		{ "https://" HOST "/clients/mqtt/hubs/chat", C, CHAT, false },
		{ "https://" HOST "/clients/mqtt/hubs/chat", C,
		  "/clients/mqtt/hubs/chat", true },
		/* Schemes. */
		{ "http://" HOST CHAT, C, CHAT, true },
		{ "ws://" HOST CHAT, C, CHAT, true },
		{ "WSS://" HOST CHAT, C, CHAT, true },
		{ "ftp://" HOST CHAT, C, CHAT, false },
		{ "://" HOST CHAT, C, CHAT, false },
		{ "//" HOST CHAT, C, CHAT, false },
		{ HOST CHAT, C, CHAT, false },
		{ CHAT, C, CHAT, false },
		{ "", C, CHAT, false },
		{ "https://", C, CHAT, false },
		{ "https://webpubsub.azure.com", C, CHAT, false },
		/* Hosts and ports. */
		{ "https://WPS.Example.NET" CHAT, C, CHAT, true },
		{ "https://" HOST ":443" CHAT, C, CHAT, true },
		{ "http://" HOST ":80" CHAT, C, CHAT, true },
		{ "http://" HOST ":" CHAT, C, CHAT, true },
		{ "http://" HOST ":8080" CHAT, C, CHAT, false },
		{ "https://evil.example.net" CHAT, C, CHAT, false },
		{ "https://" HOST ".evil.net" CHAT, C, CHAT, false },
		{ "https://user@" HOST CHAT, C, CHAT, false },
		{ "https://evil.net?x=https://" HOST CHAT, C, CHAT, false },
		{ "https://evil.net#https://" HOST CHAT, C, CHAT, false },
		/* Query, fragment, slash. */
		{ "https://" HOST SEND "?api-version=2024-12-01&filter=x", S, SEND,
		  true },
		{ "https://" HOST SEND "#x", S, SEND, true },
		{ "https://" HOST SEND "#x?y", S, SEND, true },
		{ "https://" HOST SEND "?x#y", S, SEND, true },
		{ "https://" HOST SEND "/", S, SEND, true },
		{ "https://" HOST SEND "/?x=1", S, SEND, true },
		{ "https://" HOST SEND "//", S, SEND, false },
		{ "https://" HOST SEND, S, SEND "/", true },
		{ "https://" HOST CHAT "/?x", C, CHAT, true },
		/* No prefixes. */
		{ "https://" HOST "/api/hubs/chat", S, SEND, false },
		{ "https://" HOST "/api/hubs/chat/", S, SEND, false },
		{ "https://" HOST, S, SEND, false },
		{ "https://" HOST "/client/hubs/cha", C, CHAT, false },
		{ "https://" HOST "/client/hubs/chatt", C, CHAT, false },
		{ "https://" HOST "/base" CHAT, C, CHAT, false },
		/* Case: loose up to the hub, strict behind it. */
		{ "https://" HOST "/client/hubs/CHAT", C, CHAT, true },
		{ "https://" HOST "/API/Hubs/Chat/:send", S, SEND, true },
		{ "https://" HOST "/api/hubs/chat/:Send", S, SEND, false },
		{ "https://" HOST "/api/hubs/Chat/groups/Room", S,
		  "/api/hubs/chat/groups/Room", true },
		{ "https://" HOST "/api/hubs/chat/groups/room", S,
		  "/api/hubs/chat/groups/Room", false },
		/* Percent-encoding, decoded once on both sides. */
		{ "https://" HOST "/api/hubs/chat/groups/a%20b", S,
		  "/api/hubs/chat/groups/a%20b", true },
		{ "https://" HOST "/api/hubs/chat/groups/a b", S,
		  "/api/hubs/chat/groups/a%20b", true },
		{ "https://" HOST "/api/hubs/chat%5B1%5D/groups/room%2fpart", S,
		  "/api/hubs/chat[1]/groups/room%2Fpart", true },
		{ "https://" HOST "/api/hubs/chat/groups/room/part", S,
		  "/api/hubs/chat/groups/room%2Fpart", true },
		{ "https://" HOST "/api/hubs/chat/groups/\xc3\xbc", S,
		  "/api/hubs/chat/groups/%C3%BC", true },
		{ "https://" HOST "/api/hubs/chat/groups/a%2525", S,
		  "/api/hubs/chat/groups/a%25", false },
		{ "https://" HOST "/api/hubs/chat/groups/a+b", S,
		  "/api/hubs/chat/groups/a%20b", false },
		{ "https://" HOST "/api/hubs/chat/groups/100%", S,
		  "/api/hubs/chat/groups/100%25", false },
		/* The hub in the query, for clients alone. */
		{ "https://" HOST "/client?hub=chat", C, CHAT, true },
		{ "https://" HOST "/client/?hub=chat", C, CHAT, true },
		{ "https://" HOST "/client/?a=b&hub=Chat", C, CHAT, true },
		{ "https://" HOST "/client?hub=other&hub=chat", C, CHAT, true },
		{ "https://" HOST "/client?hub=chat#x", C, CHAT, true },
		{ "https://" HOST "/client?hub=other", C, CHAT, false },
		{ "https://" HOST "/client?hub=", C, CHAT, false },
		{ "https://" HOST "/client?hub", C, CHAT, false },
		{ "https://" HOST "/client?hubs=chat", C, CHAT, false },
		{ "https://" HOST "/client", C, CHAT, false },
		{ "https://" HOST "/client/hubs/other?hub=chat", C, CHAT, false },
		{ "https://" HOST "/api/hubs/chat/groups/client?hub=x", S,
		  "/api/hubs/chat/groups/client", true },
	};

	start(three_keys);
	check_audiences(rows, COUNT(rows));
	stop();
}

static void
test_public_endpoints_take_the_place_of_the_host(void)
{
	const struct fakehost_value core[] = {
		{ .name = "public_endpoints", .items = ITEMS(
		    "https://Public.example.net", "gw.example.net:8443",
		    "https://proxy.example.net/wps%2Dbase/") },
		{ .name = NULL },
	};
	static const struct audience_row rows[] = {
		{ "https://public.example.net" CHAT, C, CHAT, true },
		{ "https://public.example.net:443" CHAT, C, CHAT, true },
		{ "https://gw.example.net:8443" CHAT, C, CHAT, true },
		{ "https://gw.example.net" CHAT, C, CHAT, false },
		{ "https://" HOST CHAT, C, CHAT, false },
		{ "https://proxy.example.net/wps-base" CHAT, C, CHAT, true },
		{ "https://proxy.example.net/WPS-Base" CHAT, C, CHAT, true },
		{ "https://proxy.example.net" CHAT, C, CHAT, false },
		{ "https://proxy.example.net/wps" CHAT, C, CHAT, false },
		{ "https://public.example.net/wps-base" CHAT, C, CHAT, false },
		{ "https://proxy.example.net/wps-base/client?hub=chat", C, CHAT,
		  true },
	};

	CU_ASSERT_FATAL(try_start(three_keys, core) == WPS_OK);
	check_audiences(rows, COUNT(rows));
	stop();
}

static void
test_audience_check_path_leaves_hosts_out(void)
{
	static const struct fakehost_value own[] = {
		KEYS, { .name = "audience_check", .number = 1 }, { .name = NULL },
	};
	const struct fakehost_value core[] = {
		{ .name = "public_endpoints",
		  .items = ITEMS("https://proxy.example.net/base") },
		{ .name = NULL },
	};
	static const struct audience_row rows[] = {
		{ "https://" HOST CHAT, C, CHAT, true },
		{ "https://any.where:1" CHAT, C, CHAT, true },
		{ "https://any.where" CHAT, C, "/client/hubs/other", false },
		{ "https://any.where" CHAT, S, SEND, false },
		{ CHAT, C, CHAT, false },
	};
	static const struct audience_row based[] = {
		{ "https://any.where/base" CHAT, C, CHAT, true },
		{ "https://any.where/other" CHAT, C, CHAT, false },
	};

	start(own);
	check_audiences(rows, COUNT(rows));
	stop();
	CU_ASSERT_FATAL(try_start(own, core) == WPS_OK);
	check_audiences(rows, COUNT(rows));
	check_audiences(based, COUNT(based));
	stop();
}

static void
test_one_audience_of_several_is_enough(void)
{
	static const struct {
		const char *aud, *answer;
	} rows[] = {
		{ "[\"https://x.y" CHAT "\",\"https://" HOST CHAT "\"]", "ok" },
		{ "[\"https://" HOST CHAT "\",\"\"]", "ok" },
		{ "[\"https://x.y" CHAT "\",\"urn:a\"]", "audience differs" },
		{ "[\"https://" HOST CHAT "\",1]", "audience missing" },
	};
	char payload[512];

	start(three_keys);
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(payload, sizeof(payload),
		    "{\"exp\":9999999999,\"aud\":%s}", rows[i].aud);
		check_text(rows[i].aud, ask_client(sign_text(KEY1, HS256,
		    payload)), rows[i].answer);
	}
	stop();
}

static void
test_host_header_is_compared_like_a_url(void)
{
	static const struct {
		const char *host;
		bool ok;
	} rows[] = {
		{ HOST, true }, { "WPS.EXAMPLE.NET:443", true },
		{ HOST ":80", true }, { HOST ":8080", false },
		{ "example.net", false }, { "", false }, { NULL, false },
	};

	start(three_keys);
	for (size_t i = 0; i < COUNT(rows); i++)
		check_text(rows[i].host ? rows[i].host : "none",
		    ask_request((struct wps_auth_request){
		    .caller = WPS_CALLER_CLIENT,
		    .token = wps_span_str(client_token("")),
		    .host = wps_span_str(rows[i].host),
		    .path = WPS_SPAN(CHAT) }),
		    rows[i].ok ? "ok" : "audience differs");
	stop();
}

static void
test_request_path_must_be_well_formed(void)
{
	static char long_path[3 * 8192 + 2];

	start(three_keys);
	memset(long_path, 'a', sizeof(long_path) - 1);
	check_text("escape", ask(WPS_CALLER_SERVER, "/api/hubs/chat/%zz",
	    client_token("")), "path not valid");
	check_text("too long", ask(WPS_CALLER_SERVER, long_path,
	    client_token("")), "path not valid");
	long_path[sizeof(long_path) - 2] = '\0';
	check_text("just not", ask(WPS_CALLER_SERVER, long_path,
	    client_token("")), "audience differs");
	check_text("empty", ask(WPS_CALLER_SERVER, "", client_token("")),
	    "audience differs");
	stop();
}

static void
test_audiences_are_logged_without_query(void)
{
	start(three_keys);
	ask_client(token_for(KEY1, "https://" HOST "/x?code=secret", ""));
	CU_ASSERT(fakehost_logged(&fake, "debug: audience differs expected="
	    HOST CHAT " got=" HOST "/x count=1\n"));
	stop();
}

/* What a token must name is one of the endpoints, whatever the Host header is. */
static void
test_the_endpoint_that_was_expected_is_logged(void)
{
	const struct fakehost_value core[] = {
		{ .name = "public_endpoints",
		  .items = ITEMS("https://main.example.net/push",
		      "https://other.example.net") },
		{ .name = NULL },
	};

	CU_ASSERT_FATAL(try_start(three_keys, core) == WPS_OK);
	ask_client(token_for(KEY1, "https://" HOST CHAT, ""));
	CU_ASSERT(fakehost_logged(&fake, "expected=main.example.net/push"
	    CHAT " got=" HOST CHAT " count=1\n"));
	ask_client(token_for(KEY1, "https://other.example.net/x", ""));
	CU_ASSERT(fakehost_logged(&fake, "expected=other.example.net"
	    CHAT " got=other.example.net/x count=1\n"));
	stop();
}

int
run_audience_tests(void)
{
	static const struct named_test tests[] = {
		TEST(test_audience_is_the_url_of_the_request),
		TEST(test_public_endpoints_take_the_place_of_the_host),
		TEST(test_audience_check_path_leaves_hosts_out),
		TEST(test_one_audience_of_several_is_enough),
		TEST(test_host_header_is_compared_like_a_url),
		TEST(test_request_path_must_be_well_formed),
		TEST(test_audiences_are_logged_without_query),
		TEST(test_the_endpoint_that_was_expected_is_logged),
	};

	return RUN_TESTS("audiences", tests);
}
