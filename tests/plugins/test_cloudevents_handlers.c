/* SPDX-License-Identifier: MIT */
/*
 * Handlers: matching, templates, secrets; who the server is.
 */
#include "plugins/cloudevents_scene.h"

#include "plugins/cloudevents/authorize.h"
#include "plugins/cloudevents/handlers.h"
#include "plugins/cloudevents/origin.h"
#include "plugins/cloudevents/request.h"
#include "plugins/cloudevents/secret.h"
#include "plugins/cloudevents/state.h"
#include "plugins/cloudevents/template.h"
#include "plugins/cloudevents/text.h"

#include <sys/stat.h>
#include <unistd.h>

static void
test_user_events_match_by_name_without_case(void)
{
	static const struct { const char *pattern, *name; bool wanted; } cases[] = {
		{ "*", "anything", true }, { "a", "A", true }, { "a", "ab", false },
		{ " a , B ", "b", true }, { "a,b", "a,b", false }, { "", "a", false },
		{ "connect", "connect", true },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wps_event event;
		start((struct setup){ .path = "/", .user_events = cases[i].pattern });
		event = user_event(cases[i].name, "x");
		check_number(cases[i].pattern, fake->upstream.wants(fake->worker, &event),
		    cases[i].wanted);
		stop();
	}
}

/* Its template without the query; "-": nobody gets it. */
static const char *
handler_for(const struct handlers *handlers, const char *hub, struct wps_event event)
{
	static char text[256];
	const struct handler *handler = handlers_find(handlers, &fake->host,
	    wps_span_str(hub), &event);

	snprintf(text, sizeof(text), "%.*s", handler ? (int)handler->shown.len : 1,
	    handler ? handler->shown.data : "-");
	return text;
}

static void
test_the_first_handler_that_matches_gets_the_event(void)
{
	static const char *const connect_only[] = { "Connect" };
	static const struct option_value first[] = {
		{ .name = "url", .text = "http://a/" }, { .name = "user_events", .text = "x" },
		{ .name = NULL } };
	static const struct option_value second[] = {
		{ .name = "url", .text = "http://b/" }, { .name = "user_events", .text = "*" },
		{ .name = "system_events", .items = connect_only, .count = 1 },
		{ .name = NULL } };
	struct wps_conf maps[] = { { first }, { second } };
	struct handlers handlers;

	start((struct setup){ .path = "/" });
	fake->hub_values[0].maps = maps;
	fake->hub_values[0].count = COUNT(maps);
	CU_ASSERT_FATAL(handlers_init(&handlers, &fake->host, fake) == WPS_OK);
	check_text("a user event", handler_for(&handlers, "chat", user_event("X", "")),
	    "http://a/");
	check_text("another one", handler_for(&handlers, "other", user_event("y", "")),
	    "http://b/");
	check_text("connect", handler_for(&handlers, "chat", connect_event()), "http://b/");
	check_text("connected", handler_for(&handlers, "chat",
	    (struct wps_event){ .kind = WPS_EVENT_CONNECTED }), "-");
	handlers_fini(&handlers);
	stop();
}

static void
test_bad_handlers_are_refused_at_load(void)
{
	static const struct { const char *url, *user_events, *system, *error; } cases[] = {
		{ "http://a/{hub}/{EVENT}?code={event}", "*", "connect", "" },
		{ "https://[::1]:8443", "a, b", "Disconnected", "" },
		{ "ftp://a/", "*", "connect", "http://" },
		{ "tunnel:///a", "*", "connect", "http://" },
		{ "http://{hub}.example/", "*", "connect", "host" },
		{ "http://a{hub", "*", "connect", "host" },
		{ "http:///x", "*", "connect", "no host" },
		{ "http://u:p@a/", "*", "connect", "user name" },
		{ "http://a/{group}", "*", "connect", "unknown parameter \"{group}\"" },
		{ "http://a/{hub", "*", "connect", "unknown parameter" },
		{ "http://a/}", "*", "connect", "unknown parameter" },
		{ "http://a/{@Microsoft.KeyVault(SecretUri=x)}", "*", "connect", "key vault" },
		{ "http://a/ b", "*", "connect", "percent-encoded" },
		{ "http://a/#x", "*", "connect", "fragment" },
		{ "http://a/", "a*", "connect", "wildcards" },
		{ "http://a/", "a,,b", "connect", "wildcards" },
		{ "http://a/", "*", "joined", "system_events" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct option_value values[] = {
			{ .name = "url", .text = cases[i].url },
			{ .name = "user_events", .text = cases[i].user_events },
			{ .name = "system_events", .items = &cases[i].system, .count = 1 },
			{ .name = NULL } };
		const struct wps_conf map = { values };
		struct wps_err err = { "" };
		start((struct setup){ .path = "/" });
		fake->hub_values[0].maps = &map;
		int rc = wps_plugin_v1.check(&fake->host, &fake->hub, "chat", &err);
		check_number(cases[i].url, rc, *cases[i].error ? WPS_EINVAL : WPS_OK);
		if (strstr(err.text, cases[i].error) == NULL)
			check_text(cases[i].url, err.text, cases[i].error);
		stop();
	}
}

static void
test_tokens_that_would_break_a_header_are_refused_at_load(void)
{
	static const struct { const char *token; bool good; } cases[] = {
		{ "aZ09-._~+/=", true },
		{ "a b", false },
		{ "a\r\nX-Evil: 1", false },
		{ "a\n", false },
		{ "\x01", false },
		{ "caf\xc3\xa9", false },
		{ "\x7f", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct option_value values[] = {
			{ .name = "url", .text = "http://a/" },
			{ .name = "user_events", .text = "*" },
			{ .name = "auth", .number = AUTH_BEARER },
			{ .name = "auth_token", .text = cases[i].token },
			{ .name = NULL } };
		const struct wps_conf map = { values };
		struct wps_err err = { "" };
		start((struct setup){ .path = "/" });
		fake->hub_values[0].maps = &map;
		int rc = wps_plugin_v1.check(&fake->host, &fake->hub, "chat", &err);
		check_number(cases[i].token, rc, cases[i].good ? WPS_OK : WPS_EINVAL);
		if (!cases[i].good) {
			CU_ASSERT(strstr(err.text, "auth_token") != NULL);
			CU_ASSERT(strstr(err.text, cases[i].token) == NULL);
		}
		stop();
	}
}

/* For every kind of auth, which options it must, may and may not have. */
static void
test_options_of_auth_go_with_their_kind(void)
{
	static const struct { const char *option; int needed, other; } rules[] = {
		{ "auth_token", AUTH_BEARER, AUTH_BEARER },
		{ "auth_url", AUTH_OAUTH, AUTH_OAUTH },
		{ "auth_client", AUTH_OAUTH, AUTH_OAUTH },
		{ "auth_secret", AUTH_OAUTH, AUTH_OAUTH },
		{ "auth_scope", -1, AUTH_OAUTH },
		{ "auth_audience", AUTH_JWT, AUTH_OAUTH },
	};
	static const enum handler_auth kinds[] = {
		AUTH_NONE, AUTH_BEARER, AUTH_OAUTH, AUTH_JWT };

	for (size_t k = 0; k < COUNT(kinds) * COUNT(rules); k++) {
		int kind = (int)kinds[k % COUNT(kinds)];
		size_t odd = k / COUNT(kinds);
		struct option_value values[COUNT(rules) + 4] = {
			{ .name = "url", .text = "http://a/" },
			{ .name = "user_events", .text = "*" },
			{ .name = "auth", .number = kind } };
		size_t count = 3;
		bool allowed = false, needed = rules[odd].needed == kind;
		for (size_t i = 0; i < COUNT(rules); i++) {
			bool fits = rules[i].needed == kind || rules[i].other == kind;
			if (i == odd)
				allowed = fits;
			if (fits != (i == odd)) /* the odd one is the other way */
				values[count++] = (struct option_value){
					.name = rules[i].option, .text = "http://b" };
		}
		const struct wps_conf map = { values };
		struct wps_err err = { "" };
		start((struct setup){ .path = "/" });
		fake->hub_values[0].maps = &map;
		int rc = wps_plugin_v1.check(&fake->host, &fake->hub, "chat", &err);
		bool good = allowed && !needed;
		check_number(rules[odd].option, rc, good ? WPS_OK : WPS_EINVAL);
		if (!good)
			CU_ASSERT(strstr(err.text, rules[odd].option) != NULL);
		stop();
	}
}

static void
test_files_that_cannot_be_read_are_refused_at_load(void)
{
	static const char *const files[] = { "ca", "certificate", "key" };

	for (size_t i = 0; i < COUNT(files); i++) {
		const struct option_value values[] = {
			{ .name = "url", .text = "https://a/" },
			{ .name = "user_events", .text = "*" },
			{ .name = files[i], .text = "/nowhere/file.pem" },
			/* A pair is whole. */
			{ .name = i == 1 ? "key" : "certificate",
			  .text = i == 0 ? NULL : "/dev/null" },
			{ .name = NULL } };
		const struct wps_conf map = { values };
		struct wps_err err = { "" };
		start((struct setup){ .path = "/" });
		fake->hub_values[0].maps = &map;
		check_number(files[i], wps_plugin_v1.check(&fake->host, &fake->hub, "chat",
		    &err), WPS_EINVAL);
		if (strstr(err.text, "No such file") == NULL ||
		    strstr(err.text, files[i]) == NULL)
			check_text(files[i], err.text, "No such file");
		stop();
	}
}

/* A file of the test's own folder, with a mode. */
static void
write_file(const char *path, const char *content, mode_t mode)
{
	FILE *file = fopen(path, "w");

	CU_ASSERT_FATAL(file != NULL);
	fputs(content, file);
	fclose(file);
	CU_ASSERT(chmod(path, mode) == 0);
}

static void
test_secrets_of_urls_are_read_and_not_shown(void)
{
	char folder[] = "/tmp/test-cloudevents-XXXXXX", path[64], url[256];
	struct wps_reply reply;

	CU_ASSERT_FATAL(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/key", folder);
	write_file(path, "s3cret/==\r\n", 0600);
	setenv("TEST_CLOUDEVENTS", "s3cret?", 1);
	snprintf(url, sizeof(url), "/{env:TEST_CLOUDEVENTS}/{event}?code={File:%s}", path);
	start((struct setup){ .path = url, .validation = true });
	answer_with("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
	ask(user_event("message", "x"), &reply);
	CU_ASSERT(strncmp(request(0), "POST /s3cret%3F/message?code=s3cret%2F%3D%3D HTTP", 49) == 0);
	CU_ASSERT(strncmp(app.last_handshake,
	    "OPTIONS /s3cret%3F/validate?code=s3cret%2F%3D%3D HTTP", 53) == 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, "/{env:TEST_CLOUDEVENTS}/{event}"));
	stop();
	unlink(path);
	rmdir(folder);
}

/* The log shows it. */
static void
test_an_origin_has_neither_path_nor_query(void)
{
	static const struct { struct wps_span url, origin; } cases[] = {
		{ WPS_SPAN("http://a:80/b?code=c"), WPS_SPAN("http://a:80") },
		{ WPS_SPAN("https://a?code=c"), WPS_SPAN("https://a") },
		{ WPS_SPAN("https://[::1]:8443"), WPS_SPAN("https://[::1]:8443") },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		CU_ASSERT(wps_span_eq(url_origin(cases[i].url), cases[i].origin));
}

static void
test_secrets_that_are_not_to_be_had_are_told(void)
{
	static const struct { const char *content; mode_t mode; const char *url, *error; } cases[] = {
		{ NULL, 0, "http://a/{env:TEST_CLOUDEVENTS_NONE}", "the environment has no" },
		{ NULL, 0, "http://a/{env:}", "has no name" },
		{ NULL, 0, "http://a/{file:key}", "absolute path" },
		{ NULL, 0, "http://a/{file:%s/none}", "No such file" },
		{ "x", 0640, "http://a/{file:%s/key}", "chmod 600" },
		{ "\n", 0600, "http://a/{file:%s/key}", "is empty" },
		{ NULL, 0, "http://a/{file:%s}", "not a regular file" },
		{ NULL, 0, "http://a/{file:%s/pipe}", "not a regular file" },
		{ NULL, 0, "http://{env:HOME}/", "host" },
	};
	char folder[] = "/tmp/test-cloudevents-XXXXXX", path[64];

	CU_ASSERT_FATAL(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/pipe", folder);
	CU_ASSERT_FATAL(mkfifo(path, 0600) == 0);
	snprintf(path, sizeof(path), "%s/key", folder);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text url = { .data = NULL }, out = { .data = NULL };
		struct wps_err err = { "" };
		const char *mark = strstr(cases[i].url, "%s");
		if (cases[i].content)
			write_file(path, cases[i].content, cases[i].mode);
		text_printf(&url, "%.*s%s%s", mark ? (int)(mark - cases[i].url) : 100,
		    cases[i].url, mark ? folder : "", mark ? mark + 2 : "");
		int rc = template_check(text_span(&url), &err);
		if (rc == WPS_OK)
			rc = template_resolve(text_span(&url), &out, &err);
		check_number(cases[i].url, rc, WPS_EINVAL);
		if (strstr(err.text, cases[i].error) == NULL)
			check_text(cases[i].url, err.text, cases[i].error);
		text_free(&url);
		text_free(&out);
	}
	unlink(path);
	snprintf(path, sizeof(path), "%s/pipe", folder);
	unlink(path);
	rmdir(folder);
}

static void
test_names_of_variables_have_at_most_1023_bytes(void)
{
	for (int len = 1023; len <= 1024; len++) {
		struct text out = { .data = NULL };
		struct wps_err err = { "" };
		char name[1025];
		snprintf(name, sizeof(name), "%0*d", len, 1);
		CU_ASSERT(setenv(name, "value", 1) == 0);
		check_number("result", secret_variable(wps_span_str(name), &out, &err),
		    len == 1023 ? WPS_OK : WPS_EINVAL);
		unsetenv(name);
		text_free(&out);
	}
}

static void
test_secrets_have_at_most_4_kib(void)
{
	for (int len = 4096; len <= 4097; len++) {
		struct text out = { .data = NULL };
		struct wps_err err = { "" };
		char value[4100];
		snprintf(value, sizeof(value), "%0*d", len, 1);
		CU_ASSERT(setenv("TEST_CLOUDEVENTS_LONG", value, 1) == 0);
		check_number("result", secret_variable(
		    WPS_SPAN("TEST_CLOUDEVENTS_LONG"), &out, &err),
		    len == 4096 ? WPS_OK : WPS_EINVAL);
		unsetenv("TEST_CLOUDEVENTS_LONG");
		text_free(&out);
	}
}

static void
test_a_state_is_what_a_header_holds(void)
{
	static const struct { struct wps_span state; bool good; } cases[] = {
		{ WPS_SPAN("a \t~"), true }, { WPS_SPAN("\x7f"), false },
		{ WPS_SPAN("\x1f"), false }, { WPS_SPAN("\x80"), false },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_number("state", state_is_ascii(cases[i].state), cases[i].good);
}

static void
test_templates_take_values_as_one_segment(void)
{
	static const struct { const char *url, *event, *expected; } cases[] = {
		{ "http://a/{hub}/{event}", "message", "http://a/chat/message" },
		{ "http://a/{Hub}-{EVENT}?x={event}", "a/b c", "http://a/chat-a%2Fb%20c?x=a%2Fb%20c" },
		{ "http://a/x", "message", "http://a/x" },
		{ "http://a/{event}", "{hub}", "http://a/%7Bhub%7D" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text out = { .data = NULL };
		CU_ASSERT(template_expand(wps_span_str(cases[i].url), WPS_SPAN("chat"),
		    wps_span_str(cases[i].event), &out) == WPS_OK);
		check_text(cases[i].url, out.data, cases[i].expected);
		text_free(&out);
	}
}

static void
test_origin_is_the_public_or_the_listening_name(void)
{
	static const char *const two[] = { "https://a.example:8443/", "b.example", "wss://A.example" };
	static const struct { const char *const *endpoints; size_t count; const char *listen,
	    *expected; } cases[] = {
		{ two, 3, "0.0.0.0:8080", "a.example,b.example" },
		{ NULL, 0, "wps.local:8080", "wps.local" },
		{ NULL, 0, "0.0.0.0:8080", "localhost" },
		{ NULL, 0, "[::]:8080", "localhost" },
		{ NULL, 0, "[2001:db8::1]:8080", "[2001:db8::1]" },
		{ NULL, 0, "*:8080", "localhost" },
		{ NULL, 0, "unix:/run/wps.sock", "localhost" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct option_value listen_values[] = {
			{ .name = "address", .text = cases[i].listen }, { .name = NULL } };
		const struct wps_conf map = { listen_values };
		struct origin origin;
		start((struct setup){ .path = "/" });
		fake->core_values[0] = (struct option_value){ .name = "public_endpoints",
			.items = cases[i].endpoints, .count = cases[i].count };
		fake->core_values[1] = (struct option_value){ .name = "listen", .maps = &map,
			.count = 1 };
		origin_init(&origin, &fake->host, fake);
		text_add_char(&origin.hosts, '\0');
		check_text(cases[i].listen, origin.hosts.data, cases[i].expected);
		origin_fini(&origin);
		stop();
	}
}

static void
test_the_issuer_is_the_first_public_url(void)
{
	static const struct { const char *endpoint, *base_path, *expected; } cases[] = {
		{ "https://a.example:8443/", NULL, "https://a.example:8443" },
		{ "a.example", NULL, "https://a.example" },
		{ "http://a.example", "/chat", "http://a.example/chat" },
		{ "http://a.example/chat/", "/chat", "http://a.example/chat" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct origin origin;
		start((struct setup){ .path = "/" });
		fake->core_values[0] = (struct option_value){ .name = "public_endpoints",
			.items = &cases[i].endpoint, .count = 1 };
		fake->core_values[1] = (struct option_value){ .name = "base_path",
			.text = cases[i].base_path };
		origin_init(&origin, &fake->host, fake);
		text_add_char(&origin.issuer, '\0');
		check_text(cases[i].endpoint, origin.issuer.data, cases[i].expected);
		origin_fini(&origin);
		stop();
	}
}

static void
test_no_cookie_of_a_connection_is_over_the_limit(void)
{
	static const struct { int first, second; size_t kept; } cases[] = {
		{ 8192, 0, 1 }, { 8193, 0, 0 }, { 8000, 192, 2 }, { 8000, 193, 1 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conn_state *state = state_new();
		struct curl_slist *list = NULL;
		char line[9000];
		size_t kept = 0;
		snprintf(line, sizeof(line), "%0*d", cases[i].first, 1);
		list = curl_slist_append(list, line);
		snprintf(line, sizeof(line), "%0*d", cases[i].second, 1);
		if (cases[i].second)
			list = curl_slist_append(list, line);
		state_set_cookies(state, list);
		for (list = state->cookies; list; list = list->next)
			kept++;
		check_number("cookies", (long)kept, (long)cases[i].kept);
		state_unref(&state);
	}
}

static void
test_tokens_are_read_within_their_limits(void)
{
	static const struct { int len; const char *more; int rc; uint64_t seconds; } cases[] = {
		{ 1, "", WPS_OK, 300 }, { 16384, "", WPS_OK, 300 },
		{ 16385, "", WPS_DECLINED, 0 },
		{ 1, ",\"expires_in\":0", WPS_OK, 1 }, { 1, ",\"expires_in\":-5", WPS_OK, 1 },
		{ 1, ",\"expires_in\":86400", WPS_OK, 86400 },
		{ 1, ",\"expires_in\":86401", WPS_OK, 86400 },
		{ 1, ",\"expires_in\":\"60\"", WPS_OK, 60 },
		{ 1, ",\"expires_in\":99999999999999999999", WPS_OK, 86400 },
		{ 1, ",\"expires_in\":60.5", WPS_OK, 300 }, { 1, ",\"expires_in\":null", WPS_OK, 300 },
		{ 1, ",\"expires_in\":[60]", WPS_OK, 300 },
		{ 1, ",\"access_token\":null", WPS_DECLINED, 0 },
		{ 2, ",\"access_token\":\"\\/\\u0041\"", WPS_OK, 300 },
		{ 1, ",\"x\":\"\xff\"", WPS_DECLINED, 0 }, { 1, "}", WPS_DECLINED, 0 },
		{ 1, ",", WPS_DECLINED, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text body = { .data = NULL }, token = { .data = NULL };
		uint64_t seconds = 0;
		text_printf(&body, "{\"access_token\":\"%0*d\"%s}", cases[i].len, 1,
		    cases[i].more);
		check_number(cases[i].more, oauth_read_token(text_span(&body), &token,
		    &seconds), cases[i].rc);
		check_number("seconds", (long)seconds, (long)cases[i].seconds);
		check_number("token", (long)token.len,
		    cases[i].rc == WPS_OK ? cases[i].len : 0);
		text_free(&body);
		text_free(&token);
	}
}

static void
test_only_words_are_names_of_errors(void)
{
	static const struct { const char *body, *name; } cases[] = {
		{ "{\"error\":\"invalid_scope\"}", "invalid_scope" },
		{ "{\"error\":\"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd\"}",
			"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd" },
		{ "{\"error\":\"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddde\"}", "" },
		{ "{\"error\":\"two words\"}", "" }, { "{\"error\":\"A\"}", "" },
		{ "{\"error\":\"a\\n\"}", "" }, { "{\"error\":{}}", "" }, { "{}", "" },
		{ "[]", "" }, { "", "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char name[OAUTH_ERROR_MAX + 1];
		oauth_read_error(wps_span_str(cases[i].body), name, sizeof(name));
		check_text(cases[i].body, name, cases[i].name);
	}
}

static void
test_connect_body_repairs_what_is_no_utf8(void)
{
	struct wps_handshake handshake = { .query = WPS_SPAN("a=%FFb&&%ZZ=%4") };
	struct text out = { .data = NULL };

	check_number("result", connect_body_make(&handshake, false, &out), WPS_OK);
	text_add_char(&out, '\0');
	check_text("body", out.data, "{\"claims\":{},\"query\":{\"a\":[\"\xef\xbf\xbd" "b\"],"
	    "\"%ZZ\":[\"%4\"]},\"headers\":{},\"subprotocols\":[],\"clientCertificates\":[]}");
	text_free(&out);
	handshake.claims = WPS_SPAN("[]");
	check_number("claims that are no object", connect_body_make(&handshake, false, &out), WPS_EINVAL);
	text_free(&out);
}

static void
test_claims_become_texts(void)
{
	static const struct { const char *claim, *texts; } cases[] = {
		{ "\"x\"", "[\"x\"]" }, { "[]", "[]" }, { "[\"a\",1,[2]]", "[\"a\",\"1\",\"[2]\"]" },
		{ "1790000000", "[\"1790000000\"]" }, { "-7", "[\"-7\"]" },
		{ "9007199254740993", "[\"9007199254740993\"]" },
		{ "0.1", "[\"0.1\"]" }, { "1790000000.0", "[\"1790000000\"]" },
		{ "1790000000.123", "[\"1790000000.123\"]" }, { "1E5", "[\"100000\"]" },
		{ "0.30000000000000004", "[\"0.30000000000000004\"]" },
		{ "true", "[\"true\"]" }, { "null", "[\"null\"]" },
		{ "{\"y\":[1]}", "[\"{\\\"y\\\":[1]}\"]" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char claims[128], expected[128];
		struct text out = { .data = NULL };
		snprintf(claims, sizeof(claims), "{\"c\":%s}", cases[i].claim);
		snprintf(expected, sizeof(expected), "{\"claims\":{\"c\":%s},", cases[i].texts);
		struct wps_handshake handshake = { .claims = wps_span_str(claims) };
		check_number("result", connect_body_make(&handshake, false, &out), WPS_OK);
		text_add_char(&out, '\0');
		char *end = strstr(out.data, "\"query\"");
		CU_ASSERT_FATAL(end != NULL);
		*end = '\0';
		check_text(cases[i].claim, out.data, expected);
		text_free(&out);
	}
}

CU_TestInfo cloudevents_handlers_tests[] = {
	TEST(test_user_events_match_by_name_without_case),
	TEST(test_the_first_handler_that_matches_gets_the_event),
	TEST(test_bad_handlers_are_refused_at_load),
	TEST(test_tokens_that_would_break_a_header_are_refused_at_load),
	TEST(test_options_of_auth_go_with_their_kind),
	TEST(test_files_that_cannot_be_read_are_refused_at_load),
	TEST(test_names_of_variables_have_at_most_1023_bytes),
	TEST(test_secrets_have_at_most_4_kib),
	TEST(test_a_state_is_what_a_header_holds),
	TEST(test_templates_take_values_as_one_segment),
	TEST(test_origin_is_the_public_or_the_listening_name),
	TEST(test_the_issuer_is_the_first_public_url),
	TEST(test_connect_body_repairs_what_is_no_utf8),
	TEST(test_claims_become_texts),
	TEST(test_no_cookie_of_a_connection_is_over_the_limit),
	TEST(test_tokens_are_read_within_their_limits),
	TEST(test_only_words_are_names_of_errors),
	TEST(test_secrets_of_urls_are_read_and_not_shown),
	TEST(test_an_origin_has_neither_path_nor_query),
	TEST(test_secrets_that_are_not_to_be_had_are_told),
	CU_TEST_INFO_NULL,
};
