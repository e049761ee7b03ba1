/* SPDX-License-Identifier: MIT */
/*
 * The auth plugin against the fake host. Tokens are made here, with OpenSSL and
 * text, so that a mistake of the plugin's own writer cannot hide one of its
 * reader. What a caller turns out to be is compared as one line of text.
 */
#include "support/fakehost.h"

#include "lib/base64.h"
#include "plugins/auth/state.h"

#include <jansson.h>
#include <openssl/hmac.h>
#include <stdarg.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KEY1 "first-key-0123456789abcdefghijklmnopqr"
#define KEY2 "second-key-0123456789abcdefghijklmnopq"
#define KEY3 "third-key-0123456789abcdefghijklmnopqr"
#define CLIENT_KEY "client-key-0123456789abcdefghijklmnopq"
#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define HOST "wps.example.net"
#define CHAT "/client/hubs/chat"
#define SEND "/api/hubs/chat/:send"
#define TOKEN_CAP 40000

static struct fakehost fake;

/* --- answers ------------------------------------------------------------------ */

struct wps_auth_reply {
	unsigned count;
	char text[4096];
	void (*before)(void); /* runs while the identity is borrowed */
};

static void
print_list(char **at, char *end, const char *name, const struct wps_span *list,
    size_t count)
{
	for (size_t i = 0; i < count; i++)
		*at += snprintf(*at, (size_t)(end - *at), "%s%.*s",
		    i ? "," : name, (int)list[i].len, list[i].data);
}

static void
host_auth_answer(struct wps_auth_reply *reply, int result,
    const struct wps_identity *identity, const char *reason)
{
	char *at = reply->text, *end = at + sizeof(reply->text);

	reply->count++;
	if (reply->before)
		reply->before();
	if (result != WPS_OK) {
		CU_ASSERT(result == WPS_DECLINED && identity == NULL);
		snprintf(at, sizeof(reply->text), "%s", reason);
		return;
	}
	at += snprintf(at, (size_t)(end - at), "ok");
	if (identity->user.data)
		at += snprintf(at, (size_t)(end - at), " user=%.*s",
		    (int)identity->user.len, identity->user.data);
	print_list(&at, end, " roles=", identity->roles, identity->role_count);
	print_list(&at, end, " groups=", identity->groups,
	    identity->group_count);
}

static const char *
ask_request(struct wps_auth_request request)
{
	static struct wps_auth_reply reply;

	reply = (struct wps_auth_reply){ .count = 0 };
	fake.auth.authenticate(fake.worker_state, &request, &reply);
	check_number("answers", reply.count, 1);
	return reply.text;
}

static const char *
ask(enum wps_caller caller, const char *path, const char *token)
{
	return ask_request((struct wps_auth_request){
	    .caller = caller,
	    .token = wps_span_str(token),
	    .host = WPS_SPAN(HOST),
	    .path = wps_span_str(path),
	});
}

static const char *
ask_client(const char *token)
{
	return ask(WPS_CALLER_CLIENT, CHAT, token);
}

/* --- tokens ---------------------------------------------------------------------- */

/* header and payload as given, signed with the key. */
static const char *
sign_raw(const char *key, struct wps_span header, struct wps_span payload)
{
	static char token[TOKEN_CAP];
	unsigned char mac[32];
	unsigned len;

	CU_ASSERT_FATAL(payload.len < sizeof(token) / 2);
	char *end = base64url_encode(token, header);
	*end++ = '.';
	end = base64url_encode(end, payload);
	HMAC(EVP_sha256(), key, (int)strlen(key), (unsigned char *)token,
	    (size_t)(end - token), mac, &len);
	*end++ = '.';
	end = base64url_encode(end, (struct wps_span){ (char *)mac, len });
	*end = '\0';
	return token;
}

static const char *
sign_text(const char *key, const char *header, const char *payload)
{
	return sign_raw(key, wps_span_str(header), wps_span_str(payload));
}

/* A token for an audience with more claims, ",\"sub\":..." or "". */
static const char *
token_for(const char *key, const char *aud, const char *more)
{
	static char payload[TOKEN_CAP / 2];

	snprintf(payload, sizeof(payload), "{\"aud\":\"%s\",\"exp\":%lld%s}",
	    aud, (long long)time(NULL) + 3600, more);
	return sign_text(key, HS256, payload);
}

static const char *
client_token(const char *more)
{
	return token_for(KEY1, "https://" HOST CHAT, more);
}

/* --- life --------------------------------------------------------------------------- */

static const char *const keys[] = { KEY1, KEY2, KEY3, NULL };

#define KEYS { .name = "access_keys", .items = keys }

static const struct fakehost_value three_keys[] = { KEYS, { .name = NULL } };

static int
try_start(const struct fakehost_value *own, const struct fakehost_value *core)
{
	fakehost_init(&fake, &(struct fakehost_conf){ .own = own, .core = core });
	fake.host.auth_answer = host_auth_answer;
	return fakehost_start(&fake);
}

static void
start(const struct fakehost_value *own)
{
	int rc = try_start(own, NULL);

	check_number("start", rc, WPS_OK);
	CU_ASSERT_FATAL(rc == WPS_OK);
}

/* No key and no token is in the log, whatever was done. */
static void
stop(void)
{
	static const char *const secrets[] = {
		"-key-0123456789", "eyJ", "secret",
	};

	for (size_t i = 0; i < COUNT(secrets); i++)
		CU_ASSERT_FALSE(fakehost_logged(&fake, secrets[i]));
	fakehost_fini(&fake);
}

/* --- keys and algorithms --------------------------------------------------------------- */

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

/* --- the form of a token ------------------------------------------------------------------ */

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

/* --- time --------------------------------------------------------------------------------- */

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

/* --- claims ---------------------------------------------------------------------------------- */

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

/* --- audiences ----------------------------------------------------------------------------------- */

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

/* --- anonymous callers ------------------------------------------------------------------------------ */

static void
test_only_clients_without_token_are_anonymous(void)
{
	static const struct {
		enum wps_caller caller;
		bool anonymous;
		const char *token, *answer;
	} rows[] = {
		{ C, true, NULL, "ok" },
		{ C, false, NULL, "no token" },
		{ S, true, NULL, "no token" },
		{ S, false, NULL, "no token" },
		{ C, true, "", "token not valid" },
		{ C, true, "x.y.z", "header not valid" },
		{ C, true, "eyJhbGciOiJIUzI1NiJ9.e30.", "signature differs" },
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

/* --- the cache ------------------------------------------------------------------------------------------ */

static struct cache *
the_cache(void)
{
	return &((struct auth_worker *)fake.worker_state)->cache;
}

static void
test_verified_tokens_are_remembered(void)
{
	char token[2048];

	start(three_keys);
	ask_client("x.y.z");
	ask_client(token_for(CLIENT_KEY, "https://" HOST CHAT, ""));
	check_number("refused", (long long)cache_count(the_cache()), 0);
	snprintf(token, sizeof(token), "%s", client_token(",\"sub\":\"a\""));
	check_text("first", ask_client(token), "ok user=a");
	check_text("second", ask_client(token), "ok user=a");
	check_number("kept", (long long)cache_count(the_cache()), 1);
	check_text("other hub", ask(WPS_CALLER_CLIENT, "/client/hubs/other",
	    token), "audience differs");
	check_text("other kind", ask(WPS_CALLER_SERVER, SEND, token),
	    "audience differs");
	check_number("kept for both", (long long)cache_count(the_cache()), 2);
	stop();
}

static void
test_remembered_token_ends_at_exp(void)
{
	char text[2048];

	start(three_keys);
	snprintf(text, sizeof(text), "%s", client_token(""));
	check_text("first", ask_client(text), "ok");
	struct token *token = cache_find(the_cache(), WPS_CALLER_CLIENT,
	    wps_span_str(text));
	CU_ASSERT_FATAL(token != NULL);
	token->exp = 1000;
	check_text("past", ask_client(text), "expired");
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
			CU_ASSERT(strcmp(ask_client(client_token(more)), "ok") == 0);
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
	check_text("small", ask_client(client_token(more)), "ok");
	check_number("kept", (long long)cache_count(the_cache()), 1);
	snprintf(more, sizeof(more), ",\"x\":\"%0*d\"", 5000, 0);
	check_text("large", ask_client(client_token(more)), "ok");
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
			.caller = WPS_CALLER_CLIENT,
			.token = wps_span_str(client_token(more)),
			.host = WPS_SPAN(HOST), .path = WPS_SPAN(CHAT),
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
	    client_token(",\"sub\":\"alice\",\"role\":\"r\""));
	struct wps_auth_request request = {
		.caller = WPS_CALLER_CLIENT, .token = wps_span_str(token),
		.host = WPS_SPAN(HOST), .path = WPS_SPAN(CHAT),
	};
	fake.auth.authenticate(fake.worker_state, &request, &reply);
	check_text("identity", reply.text, "ok user=alice roles=r");
	CU_ASSERT_PTR_NULL(cache_find(the_cache(), WPS_CALLER_CLIENT,
	    request.token));
	stop();
}

/* --- signatures, and tokens that the server makes ------------------------------------------------------ */

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
		HMAC(EVP_sha256(), keys[i], (int)strlen(keys[i]),
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

/* --- local auth, and the key of client tokens -------------------------------------------------------------- */

#define LOCAL_OFF { .name = "local_auth", .number = false }
#define OWN_KEY { .name = "client_token_key", .text = CLIENT_KEY }

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

/* --- roles -------------------------------------------------------------------------------------------------- */

static const char *
permit_text(const char *role)
{
	static const char *const perms[] = { "", "join", "send" };
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
		{ "webpubsub.setGroupState.g", "declined" },
		{ "webpubsub.getGroupState", "declined" },
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

/* --- configuration --------------------------------------------------------------------------------------------- */

static void
test_keys_are_judged(void)
{
	static char long_key[258];
	const struct {
		const char *key, *fault;
	} rows[] = {
		{ "0123456789abcdef0123456789abcdef", NULL },
		{ "0123456789abcdef0123456789abcde", "is shorter than 32 bytes" },
		{ "", "is shorter than 32 bytes" },
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
		TEST(test_audience_is_the_url_of_the_request),
		TEST(test_public_endpoints_take_the_place_of_the_host),
		TEST(test_audience_check_path_leaves_hosts_out),
		TEST(test_one_audience_of_several_is_enough),
		TEST(test_host_header_is_compared_like_a_url),
		TEST(test_request_path_must_be_well_formed),
		TEST(test_audiences_are_logged_without_query),
		TEST(test_only_clients_without_token_are_anonymous),
		TEST(test_without_keys_only_anonymous_clients_come_in),
		TEST(test_verified_tokens_are_remembered),
		TEST(test_remembered_token_ends_at_exp),
		TEST(test_cache_is_bounded),
		TEST(test_large_tokens_are_not_remembered),
		TEST(test_identity_outlives_its_place_in_the_cache),
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

	return RUN_TESTS("auth", tests);
}
