/* SPDX-License-Identifier: MIT */
/*
 * The auth plugin: which tokens it accepts, and what it takes from them.
 */
#include "plugins/test_auth.h"

#include "plugins/auth/state.h"

/* --- keys and algorithms -------------------------------------------------- */

static void
test_every_access_key_verifies(void)
{
	static const struct {
		const char *key, *answer;
	} rows[] = {
		{ KEY1, "ok" },
		{ KEY2, "ok" },
		{ KEY3, "ok" },
		{ CLIENT_KEY, "signature differs" },
		{ "", "signature differs" },
	};

	start(three_keys);
	for (size_t i = 0; i < COUNT(rows); i++) {
		check_text(rows[i].key, ask_client(token_for(rows[i].key,
		    "https://" HOST CHAT, "")), rows[i].answer);
		check_text(rows[i].key, ask(WPS_CALLER_SERVER, SEND,
		    token_for(rows[i].key, "https://" HOST SEND, "")),
		    rows[i].answer);
	}
	stop();
}

static void
test_only_hs256_without_extensions_is_accepted(void)
{
	static const struct {
		const char *header, *answer;
	} rows[] = {
		{ HS256, "ok" },
		{ "{\"alg\":\"HS256\"}", "ok" },
		{ "{\"alg\":\"HS256\",\"kid\":\"7\",\"x\":[1]}", "ok" },
		{ " { \"typ\" : \"JWT\" , \"alg\" : \"HS256\" } ", "ok" },
		{ "{\"alg\":\"none\"}", "algorithm not accepted" },
		{ "{\"alg\":\"RS256\"}", "algorithm not accepted" },
		{ "{\"alg\":\"HS384\"}", "algorithm not accepted" },
		{ "{\"alg\":\"hs256\"}", "algorithm not accepted" },
		{ "{\"alg\":\"HS256 \"}", "algorithm not accepted" },
		{ "{\"alg\":\"\"}", "algorithm not accepted" },
		{ "{\"alg\":null}", "algorithm not accepted" },
		{ "{\"alg\":[\"HS256\"]}", "algorithm not accepted" },
		{ "{\"typ\":\"JWT\"}", "algorithm not accepted" },
		{ "{}", "algorithm not accepted" },
		{ "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", "critical extension" },
		{ "{\"alg\":\"HS256\",\"crit\":null}", "critical extension" },
		{ "{\"alg\":\"none\",\"alg\":\"HS256\"}", "header not valid" },
		{ "[\"HS256\"]", "header not valid" },
		{ "\"HS256\"", "header not valid" },
		{ "{\"alg\":\"HS256\"", "header not valid" },
		{ "{\"alg\":\"HS256\"}x", "header not valid" },
		{ "", "header not valid" },
	};
	char payload[256];

	snprintf(payload, sizeof(payload),
	    "{\"aud\":\"https://" HOST CHAT "\",\"exp\":%lld}",
	    (long long)time(NULL) + 60);
	start(three_keys);
	for (size_t i = 0; i < COUNT(rows); i++)
		check_text(rows[i].header, ask_client(sign_text(KEY1,
		    rows[i].header, payload)), rows[i].answer);
	stop();
}

static void
test_unsigned_token_is_refused(void)
{
	char token[2048];

	start(three_keys);
	snprintf(token, sizeof(token), "%s", sign_text(KEY1,
	    "{\"alg\":\"none\"}", "{\"aud\":\"https://" HOST CHAT
	    "\",\"exp\":9999999999}"));
	strrchr(token, '.')[1] = '\0';
	check_text("none", ask_client(token), "algorithm not accepted");
	snprintf(token, sizeof(token), "%s", client_token(""));
	strrchr(token, '.')[1] = '\0';
	check_text("no signature", ask_client(token), "signature differs");
	stop();
}

static void
test_header_has_a_limit(void)
{
	char header[2048];

	start(three_keys);
	/* 768 bytes are 1024 characters. */
	snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"x\":\"%0*d\"}",
	    768 - 22, 0);
	check_number("header", (long long)strlen(header), 768);
	check_text("at the limit", ask_client(sign_text(KEY1, header, "{}")),
	    "exp missing");
	snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"x\":\"%0*d\"}",
	    769 - 22, 0);
	check_text("above it", ask_client(sign_text(KEY1, header, "{}")),
	    "header too long");
	stop();
}

/* --- the form of a token -------------------------------------------------- */

static void
test_malformed_tokens_are_refused(void)
{
	static const struct {
		const char *token, *answer;
	} rows[] = {
		{ "", "token not valid" },
		{ ".", "token not valid" },
		{ "abc", "token not valid" },
		{ "abc.def", "token not valid" },
		{ "..", "header not valid" },
		{ "abc.def.ghi", "header not valid" },
		{ "e30=.e30.", "header not valid" },
		{ "e3 0.e30.", "header not valid" },
		{ "e30.e30.", "algorithm not accepted" },
		{ "eyJhbGciOiJIUzI1NiJ9..", "signature differs" },
		{ "eyJhbGciOiJIUzI1NiJ9.e30.e30", "signature differs" },
	};

	start(three_keys);
	for (size_t i = 0; i < COUNT(rows); i++)
		check_text(rows[i].token, ask_client(rows[i].token),
		    rows[i].answer);
	stop();
}

static void
test_fourth_part_is_refused(void)
{
	char token[2048];

	start(three_keys);
	snprintf(token, sizeof(token), "%s.e30", client_token(""));
	check_text("fourth", ask_client(token), "signature differs");
	snprintf(token, sizeof(token), "%s.", client_token(""));
	check_text("dot", ask_client(token), "signature differs");
	snprintf(token, sizeof(token), "%s=", client_token(""));
	check_text("padding", ask_client(token), "signature differs");
	stop();
}

static void
test_every_shorter_token_is_refused(void)
{
	char token[2048];

	start(three_keys);
	snprintf(token, sizeof(token), "%s", client_token(",\"sub\":\"a\""));
	check_text("whole", ask_client(token), "ok user=a");
	for (size_t len = strlen(token); len-- > 0;) {
		token[len] = '\0';
		CU_ASSERT(strncmp(ask_client(token), "ok", 2) != 0);
	}
	stop();
}

/* Each character in turn; the cache knows the good one meanwhile. */
static void
test_every_changed_character_is_refused(void)
{
	char token[2048];

	start(three_keys);
	snprintf(token, sizeof(token), "%s", client_token(",\"sub\":\"a\""));
	check_text("whole", ask_client(token), "ok user=a");
	for (size_t i = 0; token[i]; i++) {
		char kept = token[i];
		token[i] = kept == 'A' ? 'B' : 'A';
		CU_ASSERT(strncmp(ask_client(token), "ok", 2) != 0);
		token[i] = kept;
	}
	check_text("whole again", ask_client(token), "ok user=a");
	stop();
}

static void
test_token_length_has_a_limit(void)
{
	static const struct fakehost_value small[] = {
		KEYS, { .name = "max_token", .number = 300 }, { .name = NULL },
	};
	static const struct {
		const struct fakehost_value *conf;
		size_t max;
	} rows[] = { { small, 300 }, { three_keys, 8192 } };
	static char more[10000];

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t len = 0, below = 0, above = 0;
		start(rows[i].conf);
		/* Three bytes are four characters: each length is near. */
		for (int fill = 1; len <= rows[i].max; fill++) {
			snprintf(more, sizeof(more), ",\"x\":\"%0*d\"", fill, 0);
			const char *token = client_token(more);
			len = strlen(token);
			if (len + 3 < rows[i].max)
				continue;
			check_text("length", ask_client(token),
			    len <= rows[i].max ? "ok" : "token too long");
			below += len <= rows[i].max;
			above += len > rows[i].max;
		}
		CU_ASSERT(below > 0 && above > 0);
		stop();
	}
}

/* --- time ----------------------------------------------------------------- */

#define ABSENT 1000000

static const char *
timed_token(long long exp, long long nbf)
{
	char payload[512];
	long long now = time(NULL);
	int len = snprintf(payload, sizeof(payload),
	    "{\"aud\":\"https://" HOST CHAT "\"");

	if (exp != ABSENT)
		len += snprintf(payload + len, sizeof(payload) - (size_t)len,
		    ",\"exp\":%lld", now + exp);
	if (nbf != ABSENT)
		len += snprintf(payload + len, sizeof(payload) - (size_t)len,
		    ",\"nbf\":%lld", now + nbf);
	snprintf(payload + len, sizeof(payload) - (size_t)len, "}");
	return sign_text(KEY1, HS256, payload);
}

static void
test_clocks_may_differ_by_the_skew(void)
{
	static const struct fakehost_value exact[] = {
		KEYS, { .name = "clock_skew", .number = 0 }, { .name = NULL },
	};
	static const struct {
		const struct fakehost_value *conf;
		long long exp, nbf;
		const char *answer;
	} rows[] = {
		{ three_keys, 60, ABSENT, "ok" },
		{ three_keys, -4 * 60, ABSENT, "ok" },
		{ three_keys, -6 * 60, ABSENT, "expired" },
		{ three_keys, ABSENT, ABSENT, "exp missing" },
		{ three_keys, ABSENT, -60, "exp missing" },
		{ three_keys, 3600, -60, "ok" },
		{ three_keys, 3600, 4 * 60, "ok" },
		{ three_keys, 3600, 6 * 60, "not valid yet" },
		{ exact, 60, -60, "ok" },
		{ exact, -1, ABSENT, "expired" },
		{ exact, 60, 30, "not valid yet" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		start(rows[i].conf);
		const char *token = timed_token(rows[i].exp, rows[i].nbf);
		check_text("first", ask_client(token), rows[i].answer);
		check_text("again", ask_client(token), rows[i].answer);
		stop();
	}
}

static void
test_times_are_exact_to_the_skew(void)
{
	static const struct token token = { .exp = 1000, .nbf = 500 };
	static const struct {
		double now, skew;
		const char *answer;
	} rows[] = {
		{ 999.5, 0, NULL },
		{ 1000, 0, "expired" },
		{ 1299.5, 300, NULL },
		{ 1300, 300, "expired" },
		{ 500, 0, NULL },
		{ 499.5, 0, "not valid yet" },
		{ 200, 300, NULL },
		{ 199.5, 300, "not valid yet" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check_text("now", token_untimely(&token, rows[i].now,
		    rows[i].skew), rows[i].answer);
}

/* --- claims --------------------------------------------------------------- */

static void
test_claims_become_the_identity(void)
{
	static const struct {
		const char *claims, *answer;
	} rows[] = {
		{ ",\"sub\":\"alice\"", "ok user=alice" },
		{ ",\"sub\":\"\"", "ok" },
		{ ",\"sub\":null", "ok" },
		{ ",\"sub\":\"\\u00fc\\\"\\\\\"", "ok user=\xc3\xbc\"\\" },
		{ ",\"sub\":7", "sub not valid" },
		{ ",\"sub\":[\"alice\"]", "sub not valid" },
		{ ",\"sub\":\"a\",\"sub\":\"b\"", "payload not valid" },
		{ ",\"sub\":\"a\\u0000b\"", "payload not valid" },
		{ ",\"sub\":\"\xff\"", "payload not valid" },
		{ ",\"role\":\"r1\"", "ok roles=r1" },
		{ ",\"role\":[\"r1\"]", "ok roles=r1" },
		{ ",\"role\":[\"r1\",\"r2\"]", "ok roles=r1,r2" },
		{ ",\"role\":[]", "ok" },
		{ ",\"role\":null", "ok" },
		{ ",\"role\":1", "role not valid" },
		{ ",\"role\":[\"r1\",2]", "role not valid" },
		{ ",\"role\":{\"a\":\"r1\"}", "role not valid" },
		{ ",\"webpubsub.group\":\"g1\"", "ok groups=g1" },
		{ ",\"webpubsub.group\":[\"g1\",\"g.2\"]", "ok groups=g1,g.2" },
		{ ",\"webpubsub.group\":[]", "ok" },
		{ ",\"webpubsub.group\":true", "webpubsub.group not valid" },
		{ ",\"webpubsub.group\":[null]", "webpubsub.group not valid" },
		{ ",\"group\":\"g1\"", "ok" },
		{ ",\"nbf\":\"1\"", "nbf not valid" },
		{ ",\"nbf\":null", "ok" },
		{ ",\"nbf\":1.5e3", "ok" },
		{ ",\"iat\":1,\"x\":{\"y\":[1,true]}", "ok" },
		{ ",\"iat\":9999999999", "ok" },
		{ ",\"webpubsub.group\":[\"g\"],\"role\":\"r\",\"sub\":\"u\"",
		  "ok user=u roles=r groups=g" },
	};

	start(three_keys);
	for (size_t i = 0; i < COUNT(rows); i++)
		check_text(rows[i].claims, ask_client(client_token(
		    rows[i].claims)), rows[i].answer);
	stop();
}

static void
test_malformed_payloads_are_refused(void)
{
	static const struct {
		const char *payload, *answer;
	} rows[] = {
		{ "", "payload not valid" },
		{ "[]", "payload not valid" },
		{ "\"x\"", "payload not valid" },
		{ "{", "payload not valid" },
		{ "{}{}", "payload not valid" },
		{ "{\"exp\":1e999}", "payload not valid" },
		{ "{\"exp\":99999999999999999999}", "payload not valid" },
		{ "{}", "exp missing" },
		{ "{\"exp\":null}", "exp missing" },
		{ "{\"exp\":\"9999999999\"}", "exp missing" },
		{ "{\"exp\":9999999999}", "audience missing" },
		{ "{\"exp\":9999999999,\"aud\":null}", "audience missing" },
		{ "{\"exp\":9999999999,\"aud\":[]}", "audience missing" },
		{ "{\"exp\":9999999999,\"aud\":7}", "audience missing" },
		{ "{\"exp\":9999999999,\"aud\":[7]}", "audience missing" },
		{ "{\"exp\":9999999999.5,\"aud\":\"\"}", "audience differs" },
		{ "{\"exp\":-1,\"aud\":\"\"}", "expired" },
	};

	start(three_keys);
	for (size_t i = 0; i < COUNT(rows); i++)
		check_text(rows[i].payload, ask_client(sign_text(KEY1, HS256,
		    rows[i].payload)), rows[i].answer);
	stop();
}

static char seen_claims[1024];

static void
keep_claims(struct wps_auth_reply *reply, int result,
    const struct wps_identity *identity, const char *reason)
{
	struct wps_span claims = result == WPS_OK ? identity->claims :
	    WPS_SPAN_NONE;

	(void)reason;
	reply->count++;
	snprintf(seen_claims, sizeof(seen_claims), "%.*s%s", (int)claims.len,
	    claims.data ? claims.data : "", claims.data ? "" : "(absent)");
}

static void
test_claims_are_given_as_they_came(void)
{
	static const char payload[] = "{ \"exp\": 9999999999,"
	    "\"aud\":\"https://" HOST CHAT "\", \"a\" : [ 1.50, \"\\u0041\" ]}";

	start(three_keys);
	fake.host.auth_answer = keep_claims;
	ask_client(sign_text(KEY1, HS256, payload));
	check_text("read", seen_claims, payload);
	ask_client(sign_text(KEY1, HS256, payload));
	check_text("from the cache", seen_claims, payload);
	ask_request((struct wps_auth_request){ .caller = WPS_CALLER_CLIENT,
	    .anonymous = true, .path = WPS_SPAN(CHAT) });
	check_text("anonymous", seen_claims, "(absent)");
	stop();
}

/* --- anonymous callers ---------------------------------------------------- */

static void
test_only_clients_without_token_are_anonymous(void)
{
	static const struct {
		enum wps_caller caller;
		bool anonymous;
		const char *token, *answer;
	} rows[] = {
		{ WPS_CALLER_CLIENT, true, NULL, "ok" },
		{ WPS_CALLER_CLIENT, false, NULL, "no token" },
		{ WPS_CALLER_SERVER, true, NULL, "no token" },
		{ WPS_CALLER_SERVER, false, NULL, "no token" },
		{ WPS_CALLER_CLIENT, true, "", "token not valid" },
		{ WPS_CALLER_CLIENT, true, "x.y.z", "header not valid" },
		{ WPS_CALLER_CLIENT, true, "eyJhbGciOiJIUzI1NiJ9.e30.", "signature differs" },
	};

	start(three_keys);
	for (size_t i = 0; i < COUNT(rows); i++)
		check_text("row", ask_request((struct wps_auth_request){
		    .caller = rows[i].caller,
		    .anonymous = rows[i].anonymous,
		    .token = wps_span_str(rows[i].token),
		    .host = WPS_SPAN(HOST), .path = WPS_SPAN(CHAT) }),
		    rows[i].answer);
	stop();
}

static void
test_without_keys_only_anonymous_clients_come_in(void)
{
	uint8_t mac[32];

	start(NULL);
	CU_ASSERT(fakehost_logged(&fake, "warn: no access_keys"));
	check_text("token", ask_client(client_token("")), "signature differs");
	check_text("empty key", ask_client(token_for("",
	    "https://" HOST CHAT, "")), "signature differs");
	check_number("sign", fake.auth.sign(fake.state, 0, WPS_SPAN("x"), mac),
	    WPS_NOT_FOUND);
	stop();
}

/* --- the cache ------------------------------------------------------------ */

static struct cache *
the_cache(void)
{
	return &((struct auth_worker *)fake.worker_state)->cache;
}

static const char *
server_token(const char *more)
{
	return token_for(KEY1, "https://" HOST SEND, more);
}

static const char *
ask_server(const char *token)
{
	return ask(WPS_CALLER_SERVER, SEND, token);
}

static void
test_verified_tokens_are_remembered(void)
{
	char token[2048];

	start(three_keys);
	ask_server("x.y.z");
	ask_server(token_for(CLIENT_KEY, "https://" HOST SEND, ""));
	check_number("refused", (long long)cache_count(the_cache()), 0);
	snprintf(token, sizeof(token), "%s", server_token(",\"sub\":\"a\""));
	check_text("first", ask_server(token), "ok user=a");
	check_text("second", ask_server(token), "ok user=a");
	check_number("kept", (long long)cache_count(the_cache()), 1);
	check_text("other path", ask(WPS_CALLER_SERVER, "/api/hubs/other/:send",
	    token), "audience differs");
	check_number("kept once", (long long)cache_count(the_cache()), 1);
	stop();
}

/* A client shows its token once: it would only take the place of another. */
static void
test_tokens_of_clients_are_not_remembered(void)
{
	start(three_keys);
	check_text("client", ask_client(client_token(",\"sub\":\"a\"")),
	    "ok user=a");
	check_number("kept", (long long)cache_count(the_cache()), 0);
	stop();
}

static void
test_remembered_token_ends_at_exp(void)
{
	char text[2048];

	start(three_keys);
	snprintf(text, sizeof(text), "%s", server_token(""));
	check_text("first", ask_server(text), "ok");
	struct token *token = cache_find(the_cache(), WPS_CALLER_SERVER,
	    wps_span_str(text));
	CU_ASSERT_FATAL(token != NULL);
	token->exp = 1000;
	check_text("past", ask_server(text), "expired");
	check_number("dropped", (long long)cache_count(the_cache()), 0);
	stop();
}

static void
test_cache_is_bounded(void)
{
	static const struct {
		int64_t option;
		long long max;
	} rows[] = { { 0, 0 }, { 1, 4 }, { 8, 8 }, { 9, 12 } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct fakehost_value own[] = {
			KEYS, { .name = "token_cache", .number = rows[i].option },
			{ .name = NULL },
		};
		start(own);
		for (int n = 0; n < 100; n++) {
			char more[64];
			snprintf(more, sizeof(more), ",\"n\":%d", n);
			CU_ASSERT(strcmp(ask_server(server_token(more)), "ok") == 0);
		}
		check_number("kept", (long long)cache_count(the_cache()),
		    rows[i].max);
		stop();
	}
}

static void
test_large_tokens_are_not_remembered(void)
{
	static char more[8000];

	start(three_keys);
	snprintf(more, sizeof(more), ",\"x\":\"%0*d\"", 500, 0);
	check_text("small", ask_server(server_token(more)), "ok");
	check_number("kept", (long long)cache_count(the_cache()), 1);
	snprintf(more, sizeof(more), ",\"x\":\"%0*d\"", 5000, 0);
	check_text("large", ask_server(server_token(more)), "ok");
	check_number("kept", (long long)cache_count(the_cache()), 1);
	stop();
}

/* Fills the cache's only place with others. */
static void
evict(void)
{
	char more[64];

	for (int n = 0; n < 8; n++) {
		struct wps_auth_reply reply = { .count = 0 };
		snprintf(more, sizeof(more), ",\"n\":%d", n);
		struct wps_auth_request request = {
			.caller = WPS_CALLER_SERVER,
			.token = wps_span_str(server_token(more)),
			.host = WPS_SPAN(HOST), .path = WPS_SPAN(SEND),
		};
		fake.auth.authenticate(fake.worker_state, &request, &reply);
	}
}

static void
test_identity_outlives_its_place_in_the_cache(void)
{
	static const struct fakehost_value own[] = {
		KEYS, { .name = "token_cache", .number = 4 }, { .name = NULL },
	};
	struct wps_auth_reply reply = { .before = evict };
	char token[2048];

	start(own);
	snprintf(token, sizeof(token), "%s",
	    server_token(",\"sub\":\"alice\",\"role\":\"r\""));
	struct wps_auth_request request = {
		.caller = WPS_CALLER_SERVER, .token = wps_span_str(token),
		.host = WPS_SPAN(HOST), .path = WPS_SPAN(SEND),
	};
	fake.auth.authenticate(fake.worker_state, &request, &reply);
	check_text("identity", reply.text, "ok user=alice roles=r");
	CU_ASSERT_PTR_NULL(cache_find(the_cache(), WPS_CALLER_SERVER,
	    request.token));
	stop();
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_every_access_key_verifies),
		TEST(test_only_hs256_without_extensions_is_accepted),
		TEST(test_unsigned_token_is_refused),
		TEST(test_header_has_a_limit),
		TEST(test_malformed_tokens_are_refused),
		TEST(test_fourth_part_is_refused),
		TEST(test_every_shorter_token_is_refused),
		TEST(test_every_changed_character_is_refused),
		TEST(test_token_length_has_a_limit),
		TEST(test_clocks_may_differ_by_the_skew),
		TEST(test_times_are_exact_to_the_skew),
		TEST(test_claims_become_the_identity),
		TEST(test_malformed_payloads_are_refused),
		TEST(test_claims_are_given_as_they_came),
		TEST(test_only_clients_without_token_are_anonymous),
		TEST(test_without_keys_only_anonymous_clients_come_in),
		TEST(test_verified_tokens_are_remembered),
		TEST(test_tokens_of_clients_are_not_remembered),
		TEST(test_remembered_token_ends_at_exp),
		TEST(test_cache_is_bounded),
		TEST(test_large_tokens_are_not_remembered),
		TEST(test_identity_outlives_its_place_in_the_cache),
	};
	int failed = RUN_TESTS("tokens", tests) != EXIT_SUCCESS;

	failed |= run_audience_tests() != EXIT_SUCCESS;
	failed |= run_server_tests() != EXIT_SUCCESS;
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
