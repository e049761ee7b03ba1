/* SPDX-License-Identifier: MIT */
/*
 * The auth plugin: what the server signs and makes itself, roles, configuration.
 */
#include "plugins/test_auth.h"

#include "lib/base64.h"

#include <jansson.h>
#include <openssl/hmac.h>

/* --- signatures, and tokens that the server makes ------------------------- */

static void
test_first_two_keys_sign(void)
{
	const struct fakehost_value one_key[] = {
		{ .name = "access_keys", .items = ITEMS(KEY1) }, { .name = NULL },
	};
	unsigned char expected[32];
	uint8_t mac[32];
	unsigned len;

	start(three_keys);
	for (unsigned i = 0; i < 2; i++) {
		HMAC(EVP_sha256(), auth_keys[i], (int)strlen(auth_keys[i]),
		    (const unsigned char *)"conn-1", 6, expected, &len);
		check_number("sign", fake.auth.sign(fake.state, i,
		    WPS_SPAN("conn-1"), mac), WPS_OK);
		CU_ASSERT(memcmp(mac, expected, 32) == 0);
	}
	check_number("third", fake.auth.sign(fake.state, 2, WPS_SPAN("x"), mac),
	    WPS_NOT_FOUND);
	stop();
	start(one_key);
	check_number("second of one", fake.auth.sign(fake.state, 1,
	    WPS_SPAN("x"), mac), WPS_NOT_FOUND);
	stop();
}

static const struct wps_claims plain_claims = {
	.audience = WPS_SPAN("https://" HOST CHAT), .lifetime_s = 3600,
};

static const char *
issue(const struct wps_claims *claims)
{
	static char token[9000];
	size_t len;

	int rc = fake.auth.issue(fake.state, claims, token, sizeof(token) - 1,
	    &len);
	check_number("issue", rc, WPS_OK);
	token[rc == WPS_OK ? len : 0] = '\0';
	return token;
}

/* The payload of a token without its times, which it checks. */
static char *
payload_of(const char *token, long long lifetime)
{
	static char text[9000];
	const char *part = strchr(token, '.') + 1;
	size_t len;

	CU_ASSERT_FATAL(base64url_decode(text, (struct wps_span){ part,
	    strcspn(part, ".") }, &len));
	json_t *payload = json_loadb(text, len, 0, NULL);
	CU_ASSERT_FATAL(payload != NULL);
	long long nbf = json_integer_value(json_object_get(payload, "nbf"));
	CU_ASSERT(nbf <= time(NULL) && nbf > time(NULL) - 60);
	check_number("exp", json_integer_value(json_object_get(payload, "exp")),
	    nbf + lifetime);
	json_object_del(payload, "nbf");
	json_object_del(payload, "exp");
	char *rest = json_dumps(payload, JSON_COMPACT);
	json_decref(payload);
	return rest;
}

static void
test_issued_token_says_what_was_asked(void)
{
	static const struct wps_span roles[] = {
		WPS_SPAN("webpubsub.sendToGroup"), WPS_SPAN("r\"2"),
	};
	static const struct wps_span groups[] = { WPS_SPAN("g1"), WPS_SPAN("g2") };
	static const struct {
		struct wps_claims claims;
		const char *payload, *answer;
	} rows[] = {
		{ { .audience = WPS_SPAN("https://" HOST CHAT), .lifetime_s = 60 },
		  "{\"aud\":\"https://" HOST CHAT "\"}", "ok" },
		{ { .audience = WPS_SPAN("https://" HOST CHAT),
		    .user = WPS_SPAN("al\"ice"), .lifetime_s = 3600,
		    .roles = roles, .role_count = 2,
		    .groups = groups, .group_count = 2 },
		  "{\"aud\":\"https://" HOST CHAT "\",\"sub\":\"al\\\"ice\","
		  "\"role\":[\"webpubsub.sendToGroup\",\"r\\\"2\"],"
		  "\"webpubsub.group\":[\"g1\",\"g2\"]}",
		  "ok user=al\"ice roles=webpubsub.sendToGroup,r\"2 groups=g1,g2" },
		{ { .audience = WPS_SPAN("https://" HOST CHAT), .lifetime_s = 1,
		    .roles = roles, .role_count = 1,
		    .groups = groups, .group_count = 1 },
		  "{\"aud\":\"https://" HOST CHAT "\","
		  "\"role\":\"webpubsub.sendToGroup\",\"webpubsub.group\":\"g1\"}",
		  "ok roles=webpubsub.sendToGroup groups=g1" },
	};

	start(three_keys);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *token = issue(&rows[i].claims);
		CU_ASSERT(strncmp(token, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
		    37) == 0);
		char *payload = payload_of(token,
		    (long long)rows[i].claims.lifetime_s);
		check_text("payload", payload, rows[i].payload);
		free(payload);
		check_text("round trip", ask_client(token), rows[i].answer);
	}
	stop();
}

static void
test_issue_needs_room_for_all(void)
{
	char token[1024];
	size_t len, again;

	start(three_keys);
	CU_ASSERT_FATAL(fake.auth.issue(fake.state, &plain_claims, token,
	    sizeof(token), &len) == WPS_OK);
	for (size_t cap = 0; cap < len; cap++)
		CU_ASSERT(fake.auth.issue(fake.state, &plain_claims, token, cap,
		    &again) == WPS_FULL);
	check_number("just enough", fake.auth.issue(fake.state, &plain_claims,
	    token, len, &again), WPS_OK);
	check_number("length", (long long)again, (long long)len);
	stop();
}

static void
test_issue_refuses_what_it_would_not_accept(void)
{
	static char room[20000], user[10000];
	struct wps_claims claims = plain_claims;
	size_t len;

	start(three_keys);
	memset(user, 'u', sizeof(user));
	claims.user = (struct wps_span){ user, sizeof(user) };
	check_number("longer than max_token", fake.auth.issue(fake.state,
	    &claims, room, sizeof(room), &len), WPS_FULL);
	claims.user = WPS_SPAN("\xff");
	check_number("not UTF-8", fake.auth.issue(fake.state, &claims, room,
	    sizeof(room), &len), WPS_EINVAL);
	claims = plain_claims;
	claims.groups = &(struct wps_span){ "\xc0\x80", 2 };
	claims.group_count = 1;
	check_number("group", fake.auth.issue(fake.state, &claims, room,
	    sizeof(room), &len), WPS_EINVAL);
	claims = plain_claims;
	claims.lifetime_s = UINT64_MAX;
	check_number("lifetime", fake.auth.issue(fake.state, &claims, room,
	    sizeof(room), &len), WPS_EINVAL);
	stop();
	start(NULL);
	check_number("no key", fake.auth.issue(fake.state, &plain_claims, room,
	    sizeof(room), &len), WPS_DECLINED);
	stop();
}

/* --- local auth, and the key of client tokens ----------------------------- */

static const char *
rest_token(const char *key)
{
	return token_for(key, "https://" HOST SEND, "");
}

static void
test_local_auth_off_takes_the_access_keys_away(void)
{
	static const struct fakehost_value own[] = {
		KEYS, LOCAL_OFF, { .name = NULL },
	};
	uint8_t mac[32];

	start(own);
	check_text("client", ask_client(client_token("")), "signature differs");
	check_text("server", ask(WPS_CALLER_SERVER, SEND, rest_token(KEY1)),
	    "signature differs");
	check_number("sign", fake.auth.sign(fake.state, 0, WPS_SPAN("x"), mac),
	    WPS_DECLINED);
	check_text("issued", ask_client(issue(&plain_claims)), "ok");
	CU_ASSERT(fakehost_logged(&fake, "warn: no client_token_key: client "
	    "tokens that the server makes end with this process"));
	stop();
}

static void
test_random_key_ends_with_the_process(void)
{
	static const struct fakehost_value own[] = { LOCAL_OFF, { .name = NULL } };
	char token[1024];

	start(own);
	snprintf(token, sizeof(token), "%s", issue(&plain_claims));
	check_text("before", ask_client(token), "ok");
	stop();
	start(own);
	check_text("after", ask_client(token), "signature differs");
	stop();
}

static void
test_client_token_key_is_for_clients_alone(void)
{
	static const struct fakehost_value on[] = { KEYS, OWN_KEY, { .name = NULL } };
	static const struct fakehost_value off[] = {
		KEYS, OWN_KEY, LOCAL_OFF, { .name = NULL },
	};
	const struct wps_claims server = {
		.audience = WPS_SPAN("https://" HOST SEND), .lifetime_s = 60,
	};
	char token[1024];

	for (int local = 0; local < 2; local++) {
		start(local ? on : off);
		snprintf(token, sizeof(token), "%s", issue(&plain_claims));
		check_text("issued", ask_client(token), "ok");
		check_text("signed with it", ask_client(token_for(CLIENT_KEY,
		    "https://" HOST CHAT, "")), "ok");
		check_text("access key", ask_client(client_token("")),
		    local ? "ok" : "signature differs");
		check_text("server", ask(WPS_CALLER_SERVER, SEND,
		    rest_token(CLIENT_KEY)), "signature differs");
		check_text("issued for a server", ask(WPS_CALLER_SERVER, SEND,
		    issue(&server)), "signature differs");
		CU_ASSERT_FALSE(fakehost_logged(&fake, "warn: no client_token_key"));
		stop();
	}
	start(off);
	check_text("after a restart", ask_client(token), "ok");
	stop();
}

/* The cache must not turn a client's token into a server's. */
static void
test_remembered_client_token_is_no_servers(void)
{
	static const struct fakehost_value own[] = { KEYS, OWN_KEY, { .name = NULL } };
	char token[1024];

	start(own);
	snprintf(token, sizeof(token), "%s", rest_token(CLIENT_KEY));
	check_text("as a client", ask(WPS_CALLER_CLIENT, SEND, token), "ok");
	check_text("as a server", ask(WPS_CALLER_SERVER, SEND, token),
	    "signature differs");
	stop();
}

/* --- roles ---------------------------------------------------------------- */

static const char *
permit_text(const char *role)
{
	static const char *const perms[] = { "", "join", "send", "setState",
		"getState" };
	static const char *const scopes[] = { "", "all", "group", "pattern" };
	static char text[2048];
	struct wps_permit permit = { .perm = 0 };
	int rc = fake.auth.permit(fake.worker_state, wps_span_str(role), &permit);

	if (rc != WPS_OK)
		return rc == WPS_DECLINED ? "declined" :
		    rc == WPS_EINVAL ? "malformed" : "?";
	snprintf(text, sizeof(text), "%s %s%s%.*s", perms[permit.perm],
	    scopes[permit.scope], permit.name.data ? " " : "",
	    (int)permit.name.len, permit.name.data ? permit.name.data : "");
	return text;
}

static void
test_role_texts_are_permissions(void)
{
	static const struct {
		const char *role, *permit;
	} rows[] = {
		{ "webpubsub.sendToGroup", "send all" },
		{ "webpubsub.joinLeaveGroup", "join all" },
		{ "webpubsub.sendToGroup.g", "send group g" },
		{ "webpubsub.joinLeaveGroup.a.b.", "join group a.b." },
		{ "webpubsub.sendToGroup..", "send group ." },
		{ "webpubsub.sendToGroup.a*", "send group a*" },
		{ "webpubsub.sendToGroup.**", "send group **" },
		{ "webpubsub.sendToGroup.", "malformed" },
		{ "webpubsub.sendToGroup. ", "malformed" },
		{ "webpubsub.joinLeaveGroup.", "malformed" },
		{ "webpubsub.sendToGroups.chat-*", "send pattern chat-*" },
		{ "webpubsub.joinLeaveGroups.a.**", "join pattern a.**" },
		{ "webpubsub.joinLeaveGroups.a.?1", "join pattern a.?1" },
		{ "webpubsub.sendToGroups.lit\\*x", "send pattern lit\\*x" },
		{ "webpubsub.sendToGroups.**", "send all" },
		{ "webpubsub.joinLeaveGroups.**", "join all" },
		{ "webpubsub.sendToGroups.a.b", "send group a.b" },
		{ "webpubsub.sendToGroups.*****", "send pattern *****" },
		{ "webpubsub.sendToGroups.******", "malformed" },
		{ "webpubsub.sendToGroups.a\\", "malformed" },
		{ "webpubsub.sendToGroups.\\a", "malformed" },
		{ "webpubsub.sendToGroups.", "malformed" },
		{ "webpubsub.sendToGroups", "malformed" },
		{ "webpubsub.joinLeaveGroups", "malformed" },
		{ "webpubsub.sendToGroupX", "declined" },
		{ "webpubsub.sendToGroupX.g", "declined" },
		{ "webpubsub.sendtogroup", "declined" },
		{ "Webpubsub.sendToGroup", "declined" },
		{ " webpubsub.sendToGroup", "declined" },
		{ "webpubsub.setGroupState", "setState all" },
		{ "webpubsub.setGroupState.g", "setState group g" },
		{ "webpubsub.setGroupState.a.b", "setState group a.b" },
		{ "webpubsub.getGroupState", "getState all" },
		{ "webpubsub.getGroupState.g-*", "getState pattern g-*" },
		{ "webpubsub.getGroupState.**", "getState all" },
		{ "webpubsub.getGroupState.a\\", "getState group a\\" },
		{ "webpubsub.getGroupState.", "malformed" },
		{ "webpubsub.getGroupStates.g", "declined" },
		{ "webpubsub.sendToServerEvent.e", "declined" },
		{ "webpubsub", "declined" },
		{ "random-7", "declined" },
		{ "", "declined" },
	};

	start(three_keys);
	for (size_t i = 0; i < COUNT(rows); i++)
		check_text(rows[i].role, permit_text(rows[i].role),
		    rows[i].permit);
	stop();
}

/* --- configuration -------------------------------------------------------- */

static void
test_keys_are_judged(void)
{
	static char long_key[258];
	const struct {
		const char *key, *fault;
	} rows[] = {
		{ "0123456789abcdef0123456789abcdef", NULL },
		{ "0123456789abcdef0123456789abcde", "is shorter than 32 bytes "
		  "(a file of one is written file:PATH)" },
		{ "", "is shorter than 32 bytes (a file of one is written "
		  "file:PATH)" },
		{ long_key, "is longer than 256 bytes" },
		{ long_key + 1, NULL },
		{ "\xc3\xbc 0123456789abcdef0123456789abcdef", NULL },
		{ "0123456789abcdef;0123456789abcdef", "holds a semicolon" },
		{ "0123456789abcdef\t0123456789abcdef", "holds a control character" },
		{ "0123456789abcdef0123456789abcdef\n", "holds a control character" },
		{ "0123456789abcdef0123456789abcd\xc2\x80", "holds a control character" },
		{ "0123456789abcdef0123456789abcd\xc2\xa0", NULL },
		{ "0123456789abcdef\x7f""0123456789abcdef",
		  "holds a control character" },
		{ " 0123456789abcdef0123456789abcdef", "begins or ends with a blank" },
		{ "0123456789abcdef0123456789abcdef ", "begins or ends with a blank" },
		{ "0123456789abcdef0123456789abcde\xff", "is not UTF-8" },
	};
	char expected[512];

	memset(long_key, 'k', sizeof(long_key) - 1);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct fakehost_value access[] = {
			{ .name = "access_keys", .items = ITEMS(KEY1, rows[i].key) },
			{ .name = NULL },
		};
		const struct fakehost_value client[] = {
			{ .name = "client_token_key", .text = rows[i].key },
			{ .name = NULL },
		};
		expected[0] = '\0';
		check_number("access", try_start(access, NULL),
		    rows[i].fault ? WPS_EINVAL : WPS_OK);
		if (rows[i].fault)
			snprintf(expected, sizeof(expected), "wps.conf:7:3: auth: "
			    "access_keys: key 2 %s", rows[i].fault);
		check_text("access", fake.err.text, expected);
		stop();
		check_number("client", try_start(client, NULL),
		    rows[i].fault ? WPS_EINVAL : WPS_OK);
		if (rows[i].fault)
			snprintf(expected, sizeof(expected), "wps.conf:7:3: auth: "
			    "client_token_key: %s", rows[i].fault);
		check_text("client", fake.err.text, expected);
		stop();
	}
}

static void
test_client_token_key_is_no_access_key(void)
{
	const struct fakehost_value own[] = {
		{ .name = "access_keys", .items = ITEMS(KEY1, CLIENT_KEY) },
		OWN_KEY, { .name = NULL },
	};

	check_number("start", try_start(own, NULL), WPS_EINVAL);
	check_text("error", fake.err.text, "wps.conf:7:3: auth: access_keys: "
	    "key 2 is the client_token_key too");
	stop();
}

static void
test_eight_keys_may_be_given(void)
{
	const struct fakehost_value own[] = {
		{ .name = "access_keys", .items = ITEMS(KEY1 "1", KEY1 "2", KEY1 "3",
		    KEY1 "4", KEY1 "5", KEY1 "6", KEY1 "7", KEY1 "8") },
		{ .name = NULL },
	};
	const struct wps_option *row = wps_plugin_v1.options;

	start(own);
	check_text("last", ask_client(token_for(KEY1 "8", "https://" HOST CHAT,
	    "")), "ok");
	stop();
	check_text("row", row->name, "access_keys");
	check_number("limit of the row", row->max, 8);
}

static void
test_malformed_public_endpoint_stops_the_server(void)
{
	static const char *const bad[] = {
		"", "https://", "ftp://x", "https://a@b", "/path", "https:///p",
		"https://x/%zz", "a b",
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		const struct fakehost_value core[] = {
			{ .name = "public_endpoints",
			  .items = ITEMS("https://good.example.net", bad[i]) },
			{ .name = NULL },
		};
		check_number(bad[i], try_start(three_keys, core), WPS_EINVAL);
		CU_ASSERT(fakehost_logged(&fake, "err: wps.conf:7:3: "
		    "public_endpoints: item 2 is no URL and no host"));
		stop();
	}
}

int
run_server_tests(void)
{
	static const struct named_test tests[] = {
		TEST(test_first_two_keys_sign),
		TEST(test_issued_token_says_what_was_asked),
		TEST(test_issue_needs_room_for_all),
		TEST(test_issue_refuses_what_it_would_not_accept),
		TEST(test_local_auth_off_takes_the_access_keys_away),
		TEST(test_random_key_ends_with_the_process),
		TEST(test_client_token_key_is_for_clients_alone),
		TEST(test_remembered_client_token_is_no_servers),
		TEST(test_role_texts_are_permissions),
		TEST(test_keys_are_judged),
		TEST(test_client_token_key_is_no_access_key),
		TEST(test_eight_keys_may_be_given),
		TEST(test_malformed_public_endpoint_stops_the_server),
	};

	return RUN_TESTS("server", tests);
}
