/* SPDX-License-Identifier: MIT */
/*
 * The parts of the rest plugin that read requests: routes, parameters, content
 * types, metadata. They need no host.
 */
#include "support/check.h"

#include "plugins/rest/content.h"
#include "plugins/rest/metadata.h"
#include "plugins/rest/params.h"
#include "plugins/rest/router.h"

#include "lib/names.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
check_span(const char *what, struct wps_span got, struct wps_span expected)
{
	bool same = wps_span_eq(got, expected);

	if (!same)
		fprintf(stderr, "\n%s\n  expected: %.*s\n  got:      %.*s\n", what,
		    (int)expected.len, expected.data ? expected.data : "",
		    (int)got.len, got.data ? got.data : "");
	CU_ASSERT(same);
}

static void
check_bytes(const char *what, struct wps_span got, const char *expected)
{
	check_span(what, got, wps_span_str(expected));
}

/* `count` times the text `unit`, behind `start`; freed by the caller. */
static char *
repeat(const char *start, const char *unit, size_t count)
{
	size_t first = strlen(start), len = strlen(unit);
	char *text = malloc(first + count * len + 1);

	CU_ASSERT_FATAL(text != NULL);
	memcpy(text, start, first);
	for (size_t i = 0; i < count; i++)
		memcpy(text + first + i * len, unit, len);
	text[first + count * len] = '\0';
	return text;
}

/* --- routes -------------------------------------------------------------- */

static void
test_each_operation_is_found(void)
{
	static const struct {
		const char *method, *path, *name;
	} cases[] = {
		{ "HEAD", "/api/health", "GetServiceStatus" },
		{ "GET", "/api/health", "GetServiceStatus" },
		{ "POST", "/api/hubs/h/:send", "SendToAll" },
		{ "POST", "/api/hubs/h/connections/c/:send", "SendToConnection" },
		{ "POST", "/api/hubs/h/groups/g/:send", "SendToGroup" },
		{ "POST", "/api/hubs/h/users/u/:send", "SendToUser" },
		{ "HEAD", "/api/hubs/h/connections/c", "ConnectionExists" },
		{ "HEAD", "/api/hubs/h/groups/g", "GroupExists" },
		{ "HEAD", "/api/hubs/h/users/u", "UserExists" },
		{ "DELETE", "/api/hubs/h/connections/c", "CloseConnection" },
		{ "POST", "/api/hubs/h/:closeConnections", "CloseAllConnections" },
		{ "POST", "/api/hubs/h/groups/g/:closeConnections",
		  "CloseGroupConnections" },
		{ "POST", "/api/hubs/h/users/u/:closeConnections",
		  "CloseUserConnections" },
		{ "PUT", "/api/hubs/h/groups/g/connections/c",
		  "AddConnectionToGroup" },
		{ "DELETE", "/api/hubs/h/groups/g/connections/c",
		  "RemoveConnectionFromGroup" },
		{ "DELETE", "/api/hubs/h/connections/c/groups",
		  "RemoveConnectionFromAllGroups" },
		{ "PUT", "/api/hubs/h/users/u/groups/g", "AddUserToGroup" },
		{ "DELETE", "/api/hubs/h/users/u/groups/g", "RemoveUserFromGroup" },
		{ "DELETE", "/api/hubs/h/users/u/groups",
		  "RemoveUserFromAllGroups" },
		{ "PUT", "/api/hubs/h/permissions/p/connections/c",
		  "GrantPermission" },
		{ "DELETE", "/api/hubs/h/permissions/p/connections/c",
		  "RevokePermission" },
		{ "HEAD", "/api/hubs/h/permissions/p/connections/c",
		  "CheckPermission" },
		{ "POST", "/api/hubs/h/:generateToken", "GenerateClientToken" },
		{ "HEAD", "/api/hubs/h/users/u/groups/g", "UserExistsInGroup" },
		{ "POST", "/api/hubs/h/:addToGroups", "AddConnectionsToGroups" },
		{ "POST", "/api/hubs/h/:removeFromGroups",
		  "RemoveConnectionsFromGroups" },
		{ "GET", "/api/hubs/h/groups/g/connections",
		  "ListConnectionsInGroup" },
		/* beyond the vendor */
		{ "POST", "/api/hubs/h/:sendMany", "SendMany" },
		{ "GET", "/api/hubs/h/connections", "ListConnections" },
		{ "GET", "/api/hubs/h/users/u/connections",
		  "ListConnectionsOfUser" },
		{ "GET", "/api/hubs/h/users", "ListUsers" },
		{ "GET", "/api/hubs/h/groups", "ListGroups" },
		{ "GET", "/api/hubs/h/connections/c/groups",
		  "ListGroupsOfConnection" },
		{ "GET", "/api/hubs/h/connections/c", "GetConnection" },
		{ "GET", "/api/hubs/h/:countConnections", "CountConnections" },
		{ "GET", "/api/hubs/h/groups/g/:countConnections",
		  "CountConnectionsInGroup" },
		{ "GET", "/api/hubs/h/users/u/:countConnections",
		  "CountConnectionsOfUser" },
		/* other spellings of the same */
		{ "POST", "/api/hubs/h/%3Asend", "SendToAll" },
		{ "POST", "/api/hubs/h/%3asend", "SendToAll" },
		{ "POST", "/api/Hubs/h/:SEND", "SendToAll" },
		{ "POST", "/api/h%75bs/h/:closeconnections", "CloseAllConnections" },
		{ "GET", "/api/HEALTH", "GetServiceStatus" },
		/* names that look like something else */
		{ "HEAD", "/api/hubs/h/groups/:send", "GroupExists" },
		{ "DELETE", "/api/hubs/h/users/groups/groups",
		  "RemoveUserFromAllGroups" },
		{ "POST", "/api/hubs/h/groups/a%2F:send/:send", "SendToGroup" },
	};
	struct route route;

	for (size_t i = 0; i < COUNT(cases); i++) {
		check_number(cases[i].path, route_find(
		    wps_span_str(cases[i].method), wps_span_str(cases[i].path),
		    &route), ROUTE_FOUND);
		check_text(cases[i].path, route.operation ?
		    route.operation->name : "none", cases[i].name);
	}
}

static void
test_unknown_paths_are_not_found(void)
{
	static const char *const paths[] = {
		"", "/", "/api", "/api/", "/api/healthy", "/api/health/",
		"/api/hubs", "/api/hubs/", "/api/hubs/h", "/api/hubs/h/",
		"/api/hubs/h/:sen", "/api/hubs/h/:sends", "/api/hubs/h/:send/",
		"/api/hubs/h/%3", "/api/hubs/h/%3Zsend", "/api/hubs/h/rooms",
		"/api/hubs/h//groups/g/:send", "/api/hubs/h%2F:send",
		"/api/hubs/h/groups/g/connections/c/x",
		"/api/hubs/h/groups/g/connections/c/x/y/z",
		"/api/hubs/h/permissions/p/users/u",
	};
	struct route route;

	for (size_t i = 0; i < COUNT(paths); i++)
		check_number(paths[i], route_find(WPS_SPAN("POST"),
		    wps_span_str(paths[i]), &route), ROUTE_UNKNOWN);
}

static void
test_other_methods_are_told_what_is_allowed(void)
{
	static const struct {
		const char *method, *path, *allow;
	} cases[] = {
		{ "POST", "/api/health", "GET, HEAD" },
		{ "GET", "/api/hubs/h/:send", "POST" },
		{ "PUT", "/api/hubs/h/connections/c", "GET, HEAD, DELETE" },
		{ "POST", "/api/hubs/h/groups", "GET" },
		{ "POST", "/api/hubs/h/groups/g/connections", "GET" },
		{ "PUT", "/api/hubs/h/:addToGroups", "POST" },
		{ "POST", "/api/hubs/h/groups/g", "HEAD" },
		{ "PATCH", "/api/hubs/h/groups/g/connections/c", "PUT, DELETE" },
		{ "OPTIONS", "/api/hubs/h/permissions/p/connections/c",
		  "HEAD, PUT, DELETE" },
		{ "get", "/api/health", "GET, HEAD" },
	};
	struct route route;
	char allow[ROUTE_ALLOW_MAX];

	for (size_t i = 0; i < COUNT(cases); i++) {
		check_number(cases[i].path, route_find(
		    wps_span_str(cases[i].method), wps_span_str(cases[i].path),
		    &route), ROUTE_OTHER_METHOD);
		size_t len = route_allow(route.methods, allow);
		check_bytes(cases[i].path, (struct wps_span){ allow, len },
		    cases[i].allow);
	}
}

static void
test_an_allow_header_has_room_for_all_methods(void)
{
	char allow[ROUTE_ALLOW_MAX];
	size_t len = route_allow(ROUTE_GET | ROUTE_HEAD | ROUTE_POST |
	    ROUTE_PUT | ROUTE_DELETE, allow);

	check_bytes("all", (struct wps_span){ allow, len },
	    "GET, HEAD, POST, PUT, DELETE");
}

/* --- parameters ---------------------------------------------------------- */

struct reading {
	struct route route;
	struct params params;
	struct error error;
	bool ok;
};

/* Reads them from copies of their exact length; reading_fini follows. */
static struct reading *
read_params(const char *method, const char *path, const char *query, bool legacy)
{
	struct reading *reading = calloc(1, sizeof(*reading));

	CU_ASSERT_FATAL(reading != NULL);
	CU_ASSERT_FATAL(route_find(wps_span_str(method), wps_span_str(path),
	    &reading->route) == ROUTE_FOUND);
	reading->ok = params_read(&reading->params, &reading->route,
	    wps_span_str(query), legacy, &reading->error);
	return reading;
}

static void
reading_free(struct reading *reading)
{
	params_fini(&reading->params);
	free(reading);
}

static void
test_names_are_decoded_once_after_splitting(void)
{
	static const struct {
		const char *group;
		bool legacy;
		const char *expected; /* NULL: refused */
	} cases[] = {
		{ "plain", false, "plain" },
		{ "a%2Fb", false, "a/b" },
		{ "a%2fb", false, "a/b" },
		{ "a%252Fb", false, "a%2Fb" },
		{ "a+b", false, "a+b" },
		{ "a%20b", false, "a b" },
		{ "%3Asend", false, ":send" },
		{ "gr%C3%BC%C3%9Fe", false, "gr\xc3\xbc\xc3\x9f" "e" },
		{ "gr\xc3\xbc\xc3\x9f" "e", false, "gr\xc3\xbc\xc3\x9f" "e" },
		{ "%25", false, "%" },
		{ "Case", false, "Case" },
		{ "%", false, NULL },
		{ "a%2", false, NULL },
		{ "a%zz", false, NULL },
		{ "%FF", false, NULL },
		{ "", false, NULL },
		{ "%20%20", false, NULL },
		/* as the vendor's service does */
		{ "a%2Fb", true, "a%2Fb" },
		{ "a%2fb%2F", true, "a%2fb%2F" },
		{ "%2Fa", true, "%2Fa" },
		{ "a%252Fb", true, "a%2Fb" },
		{ "a%20b%3A", true, "a b:" },
		{ "a%2", true, NULL },
		{ "%2F%", true, NULL },
	};
	char path[128];

	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(path, sizeof(path), "/api/hubs/h/groups/%s", cases[i].group);
		struct reading *reading = read_params("HEAD", path, "",
		    cases[i].legacy);
		check_number(path, reading->ok, cases[i].expected != NULL);
		if (cases[i].expected)
			check_bytes(path, reading->params.path[ROUTE_GROUP],
			    cases[i].expected);
		else
			check_text(path, reading->error.target, "group");
		reading_free(reading);
	}
}

static void
test_connection_ids_are_always_decoded_whole(void)
{
	struct reading *reading = read_params("HEAD",
	    "/api/hubs/h/connections/a%2Fb", "", true);

	check_bytes("id", reading->params.path[ROUTE_CONN], "a/b");
	reading_free(reading);
}

static void
test_names_have_limits(void)
{
	static const struct {
		const char *start, *unit;
		size_t count;
		const char *target; /* NULL: accepted */
	} cases[] = {
		{ "/api/hubs/h/connections/", "c", 1, NULL },
		{ "/api/hubs/h/connections/", "c", 1024, NULL },
		{ "/api/hubs/h/connections/", "c", 1025, "connectionId" },
		{ "/api/hubs/h/connections/", "%41", 1024, NULL },
		{ "/api/hubs/h/connections/", "%41", 1025, "connectionId" },
		{ "/api/hubs/h/connections/", "", 0, "connectionId" },
		{ "/api/hubs/h/users/", "u", 1024, NULL },
		{ "/api/hubs/h/users/", "u", 1025, "userId" },
		{ "/api/hubs/h/users/", "%ff", 1, "userId" },
		{ "/api/hubs/h/users/", "", 0, "userId" },
		{ "/api/hubs/h/groups/", "%E2%82%AC", 1024, NULL },
		{ "/api/hubs/h/groups/", "%E2%82%AC", 1025, "group" },
		{ "/api/hubs/h/groups/", "g", 1025, "group" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *path = repeat(cases[i].start, cases[i].unit, cases[i].count);
		struct reading *reading = read_params("HEAD", path, "", false);
		check_text(cases[i].start, reading->ok ? NULL :
		    reading->error.target, cases[i].target);
		reading_free(reading);
		free(path);
	}
}

static void
test_hubs_are_lower_case_and_valid(void)
{
	static const struct {
		const char *unit;
		size_t count;
		const char *expected; /* NULL: no hub */
	} cases[] = {
		{ "Chat", 1, "chat" },
		{ "c%48at", 1, "chat" },
		{ "a_%60,.[]1", 1, "a_`,.[]1" },
		{ "a", 128, "" },
		{ "a", 129, NULL },
		{ "%61", 128, "" },
		{ "%61", 129, NULL },
		{ "1a", 1, NULL },
		{ "a-b", 1, NULL },
		{ "a%2", 1, NULL },
		{ "a%00", 1, NULL },
		{ "", 1, NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *hub = repeat("", cases[i].unit, cases[i].count);
		struct route route = { .operation = NULL };
		char text[NAME_HUB_MAX];
		route.params[ROUTE_HUB] = wps_span_str(hub);
		struct wps_span got = params_hub(&route, text);
		check_number(cases[i].unit, got.data != NULL,
		    cases[i].expected != NULL);
		if (cases[i].expected && *cases[i].expected)
			check_bytes(cases[i].unit, got, cases[i].expected);
		free(hub);
	}
}

static void
test_repeated_parameters_keep_their_order(void)
{
	struct reading *reading = read_params("POST", "/api/hubs/h/:generateToken",
	    "role=r1&group=g%2C1&ROLE=r2&&group=g+2&role=&userid=u%26&x=y", false);
	const struct params *params = &reading->params;

	CU_ASSERT_FATAL(reading->ok);
	CU_ASSERT_FATAL(params->count[QUERY_ROLE] == 3);
	check_bytes("role 1", params_items(params, QUERY_ROLE)[0], "r1");
	check_bytes("role 2", params_items(params, QUERY_ROLE)[1], "r2");
	check_bytes("role 3", params_items(params, QUERY_ROLE)[2], "");
	CU_ASSERT_FATAL(params->count[QUERY_GROUP] == 2);
	check_bytes("group 1", params_items(params, QUERY_GROUP)[0], "g,1");
	check_bytes("group 2", params_items(params, QUERY_GROUP)[1], "g 2");
	check_number("excluded", (long)params->count[QUERY_EXCLUDED], 0);
	check_bytes("user", params->query[QUERY_USER_ID], "u&");
	reading_free(reading);
}

static void
test_any_number_of_parameters_is_read(void)
{
	static const size_t counts[] = { PARAMS_ITEMS, PARAMS_ITEMS + 1, 1000 };

	for (size_t i = 0; i < COUNT(counts); i++) {
		char *query = repeat("excluded=first", "&excluded=%61b", counts[i] - 1);
		struct reading *reading = read_params("POST",
		    "/api/hubs/h/:send", query, false);
		const struct params *params = &reading->params;
		CU_ASSERT_FATAL(reading->ok);
		check_number("count", (long)params->count[QUERY_EXCLUDED],
		    (long)counts[i]);
		check_bytes("first", params_items(params, QUERY_EXCLUDED)[0],
		    "first");
		check_bytes("last",
		    params_items(params, QUERY_EXCLUDED)[counts[i] - 1], "ab");
		reading_free(reading);
		free(query);
	}
}

static void
test_queries_are_judged(void)
{
	static const struct {
		const char *query, *target; /* NULL: accepted */
	} cases[] = {
		{ "", NULL },
		{ "api-version=2024-12-01", NULL },
		{ "API-Version=2024-12-01", NULL },
		{ "api%2Dversion=2024-12-01", NULL },
		{ "api-version=2026-02-01-preview", NULL },
		{ "api-version=2026-02-01-PREVIEW", NULL },
		{ "api-version=", "api-version" },
		{ "api-version", "api-version" },
		{ "api-version=2024-12-1", "api-version" },
		{ "api-version=2024-12-011", "api-version" },
		{ "api-version=2024-12-01-", "api-version" },
		{ "api-version=2024-12-01-beta", "api-version" },
		{ "api-version=2024-12-01-preview1", "api-version" },
		{ "api-version=2024/12/01", "api-version" },
		{ "api-version=latest", "api-version" },
		{ "api-version=%zz", "api-version" },
		{ "api-version=2024-12-01&api-version=2024-12-01", "api-version" },
		{ "api-version=2024-12-01&API-VERSION=", "api-version" },
		{ "messageTtlSeconds=1&messagettlseconds=1", "messageTtlSeconds" },
		{ "filter=%", "filter" },
		{ "excluded=a&excluded=%4", "excluded" },
		/* what is not read is not judged */
		{ "reason=%&reason=2&other=%zz&%zz=1&=&&", NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reading *reading = read_params("POST",
		    "/api/hubs/h/:send", cases[i].query, false);
		check_text(cases[i].query, reading->ok ? NULL :
		    reading->error.target, cases[i].target);
		reading_free(reading);
	}
}

static void
test_numbers_have_digits_only(void)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool ok;
		uint64_t number;
	} cases[] = {
		{ "0", 300, true, 0 },
		{ "007", 300, true, 7 },
		{ "300", 300, true, 300 },
		{ "301", 300, false, 0 },
		{ "9", 8, false, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "99999999999999999999999", 300, false, 0 },
		{ "", 300, false, 0 },
		{ "-1", 300, false, 0 },
		{ "+1", 300, false, 0 },
		{ " 1", 300, false, 0 },
		{ "1.0", 300, false, 0 },
		{ "1e2", 300, false, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t number = 0;
		check_number(cases[i].text, params_number(
		    wps_span_str(cases[i].text), cases[i].max, &number),
		    cases[i].ok);
		CU_ASSERT(number == cases[i].number);
	}
}

/* --- content ------------------------------------------------------------- */

#define BODY(text) WPS_SPAN(text)

static void
test_content_types_and_character_sets(void)
{
	static const struct {
		const char *header; /* NULL: absent */
		struct wps_span body;
		int status;         /* 0: accepted */
		enum wps_data type;
		struct wps_span payload;
	} cases[] = {
		{ NULL, BODY("\xff"), 0, WPS_DATA_BINARY, BODY("\xff") },
		{ " ", BODY("a"), 0, WPS_DATA_BINARY, BODY("a") },
		{ "application/octet-stream", BODY("\0\xff"), 0, WPS_DATA_BINARY,
		  BODY("\0\xff") },
		{ "application/octet-stream; charset=x", BODY(""), 0,
		  WPS_DATA_BINARY, BODY("") },
		{ "text/plain", BODY("gr\xc3\xbc"), 0, WPS_DATA_TEXT,
		  BODY("gr\xc3\xbc") },
		{ "Text/Plain ;a=b; Charset=\"UTF-8\"", BODY("x"), 0,
		  WPS_DATA_TEXT, BODY("x") },
		{ "text/plain", { NULL, 0 }, 0, WPS_DATA_TEXT, BODY("") },
		{ "text/plain", BODY("\xff"), 400, 0, { NULL, 0 } },
		{ "text/plain;x=\"a;charset=no\\\";\";charset=latin1",
		  BODY("\xfc"), 0, WPS_DATA_TEXT, BODY("\xc3\xbc") },
		{ "text/plain;charset=us-ascii", BODY("abc"), 0, WPS_DATA_TEXT,
		  BODY("abc") },
		{ "text/plain;charset=us-ascii", BODY("\xc3\xbc"), 400, 0,
		  { NULL, 0 } },
		{ "text/plain;charset=iso-8859-1", BODY("\xff\xff\xff\xff"), 0,
		  WPS_DATA_TEXT, BODY("\xc3\xbf\xc3\xbf\xc3\xbf\xc3\xbf") },
		{ "text/plain;charset=iso-8859-1", BODY(""), 0, WPS_DATA_TEXT,
		  BODY("") },
		{ "text/plain;charset=utf-16", BODY("\xac\x20" "a\0"), 0,
		  WPS_DATA_TEXT, BODY("\xe2\x82\xac" "a") },
		{ "text/plain;charset=utf-16", BODY("\xff\xfe\xac\x20"), 0,
		  WPS_DATA_TEXT, BODY("\xe2\x82\xac") },
		{ "text/plain;charset=utf-16", BODY("\xfe\xff\x20\xac"), 0,
		  WPS_DATA_TEXT, BODY("\xe2\x82\xac") },
		{ "text/plain;charset=utf-16", BODY("\xfe\xff"), 0,
		  WPS_DATA_TEXT, BODY("") },
		{ "text/plain;charset=utf-16be", BODY("\xd8\x3d\xde\x00"), 0,
		  WPS_DATA_TEXT, BODY("\xf0\x9f\x98\x80") },
		{ "text/plain;charset=utf-16le", BODY("a\0b"), 400, 0,
		  { NULL, 0 } },
		{ "text/plain;charset=utf-16le", BODY("\x00\xd8"), 400, 0,
		  { NULL, 0 } },
		{ "text/plain;charset=", BODY("a"), 415, 0, { NULL, 0 } },
		{ "text/plain;charset=koi8-r", BODY("a"), 415, 0, { NULL, 0 } },
		{ "application/json", BODY("{\"a\": 1.50}"), 0, WPS_DATA_JSON,
		  BODY("{\"a\": 1.50}") },
		{ "application/json;charset=utf-16le", BODY("[\0]\0"), 0,
		  WPS_DATA_JSON, BODY("[]") },
		{ "application/json", BODY("\"\xff\""), 400, 0, { NULL, 0 } },
		{ "application/json", BODY(""), 400, 0, { NULL, 0 } },
		{ "application/json", { NULL, 0 }, 400, 0, { NULL, 0 } },
		{ "application/json", BODY("{} {}"), 400, 0, { NULL, 0 } },
		{ "application/json", BODY("{'a':1}"), 400, 0, { NULL, 0 } },
		{ "application/xml", BODY("a"), 415, 0, { NULL, 0 } },
		{ "text/plainer", BODY("a"), 415, 0, { NULL, 0 } },
		{ "text/plain, text/plain", BODY("a"), 415, 0, { NULL, 0 } },
		{ ";charset=utf-8", BODY("a"), 415, 0, { NULL, 0 } },
		{ "\"text/plain", BODY("a"), 415, 0, { NULL, 0 } },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *what = cases[i].header ? cases[i].header : "none";
		struct content content = { .type = 0 };
		struct wps_span payload = WPS_SPAN_NONE;
		struct error error;
		char *owned = NULL;
		bool ok = content_read(wps_span_str(cases[i].header), &content,
		    &error) && content_payload(&content, cases[i].body,
		    &payload, &owned, &error);
		check_number(what, ok ? 0 : error_status(&error), cases[i].status);
		if (ok && cases[i].status == 0) {
			check_number(what, content.type, cases[i].type);
			check_span(what, payload, cases[i].payload);
			CU_ASSERT(payload.data != NULL);
		}
		free(owned);
	}
}

/* --- metadata ------------------------------------------------------------ */

struct header_row {
	const char *name_start, *name_unit;
	size_t name_count;
	const char *value_unit;
	size_t value_count;
};

#define METADATA_KEY "x-WebPubSub-Metadata-"

/* Reads metadata from one header, and says "ok", or the message. */
static void
check_one_header(const struct header_row *row, bool expected)
{
	char *name = repeat(row->name_start, row->name_unit, row->name_count);
	char *value = repeat("", row->value_unit, row->value_count);
	struct metadata *metadata = malloc(sizeof(*metadata));
	struct error error = { .message = "none" };
	struct wps_header header = { wps_span_str(name), wps_span_str(value) };

	CU_ASSERT_FATAL(metadata != NULL);
	check_number(row->name_unit, metadata_read(metadata,
	    &(struct wps_request_view){ .headers = &header,
	        .header_count = 1 }, &error), expected);
	if (!expected)
		check_text(name, error.target, "X-WebPubSub-Metadata");
	free(metadata);
	free(name);
	free(value);
}

static void
test_metadata_has_limits(void)
{
	static const struct {
		struct header_row row;
		bool ok;
	} cases[] = {
		{ { METADATA_KEY, "k", 1, "v", 1 }, true },
		{ { METADATA_KEY, "k", 256, "v", 1 }, true },
		{ { METADATA_KEY, "k", 257, "v", 1 }, false },
		{ { METADATA_KEY, "", 0, "v", 1 }, false },
		{ { METADATA_KEY, "!#$%&'*+-.^_`|~0Az", 1, "v", 1 }, true },
		{ { METADATA_KEY, "a b", 1, "v", 1 }, false },
		{ { METADATA_KEY, "a:b", 1, "v", 1 }, false },
		{ { METADATA_KEY, "a\x7f", 1, "v", 1 }, false },
		{ { METADATA_KEY, "\xc3\xbc", 1, "v", 1 }, false },
		{ { METADATA_KEY, "k", 1, "", 0 }, true },
		{ { METADATA_KEY, "k", 1, "v", 1024 }, true },
		{ { METADATA_KEY, "k", 1, "v", 1025 }, false },
		{ { METADATA_KEY, "k", 1, "\xc3\xbc", 1 }, false },
		{ { METADATA_KEY, "k", 1, "\x01", 1 }, false },
		/* only the last value counts */
		{ { METADATA_KEY, "k", 1, "\xc3\xbc,v", 1 }, true },
		/* and other headers are none of it */
		{ { "x-webpubsub-metadata", "", 0, "\xff", 1 }, true },
		{ { "x-webpubsub-meta-", "k", 1, "\xff", 1 }, true },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_one_header(&cases[i].row, cases[i].ok);
}

static void
test_metadata_has_a_limit_for_its_sum(void)
{
	char *value = repeat("", "v", 1023);
	struct metadata *metadata = malloc(sizeof(*metadata));
	struct wps_header headers[8];
	char names[8][sizeof(METADATA_KEY) + 1];
	struct error error;
	struct wps_request_view view = { .headers = headers, .header_count = 8 };

	CU_ASSERT_FATAL(metadata != NULL);
	for (size_t i = 0; i < 8; i++) {
		snprintf(names[i], sizeof(names[i]), "%s%zu", METADATA_KEY, i);
		headers[i] = (struct wps_header){ wps_span_str(names[i]),
			wps_span_str(value) };
	}
	CU_ASSERT(metadata_read(metadata, &view, &error));
	check_number("pairs", (long)metadata->count, 8);
	char *longer = repeat("", "v", 1024);
	headers[7].value = wps_span_str(longer);
	CU_ASSERT(!metadata_read(metadata, &view, &error));
	free(longer);
	free(value);
	free(metadata);
}

static void
test_metadata_has_a_limit_for_its_pairs(void)
{
	static struct wps_header headers[METADATA_PAIRS_MAX + 1];
	static char names[METADATA_PAIRS_MAX + 1][sizeof(METADATA_KEY) + 4];
	struct metadata *metadata = malloc(sizeof(*metadata));
	struct wps_request_view view = { .headers = headers };
	struct error error;

	CU_ASSERT_FATAL(metadata != NULL);
	for (size_t i = 0; i < COUNT(headers); i++) {
		snprintf(names[i], sizeof(names[i]), "%s%zu", METADATA_KEY, i);
		headers[i].name = wps_span_str(names[i]);
	}
	view.header_count = METADATA_PAIRS_MAX;
	CU_ASSERT(metadata_read(metadata, &view, &error));
	view.header_count = METADATA_PAIRS_MAX + 1;
	CU_ASSERT(!metadata_read(metadata, &view, &error));
	free(metadata);
}

static void
test_the_last_value_of_a_key_counts(void)
{
	static const struct wps_header headers[] = {
		{ WPS_SPAN("X-WebPubSub-Metadata-Key"), WPS_SPAN("one, two") },
		{ WPS_SPAN("Host"), WPS_SPAN("h") },
		{ WPS_SPAN("x-webpubsub-metadata-other"), WPS_SPAN(" a\t") },
		{ WPS_SPAN("x-webpubsub-metadata-KEY"), WPS_SPAN("three ,\tfour ") },
	};
	struct metadata *metadata = malloc(sizeof(*metadata));
	struct error error;

	CU_ASSERT_FATAL(metadata != NULL);
	CU_ASSERT_FATAL(metadata_read(metadata, &(struct wps_request_view){
		.headers = headers, .header_count = COUNT(headers) }, &error));
	CU_ASSERT_FATAL(metadata->count == 2);
	check_bytes("key", metadata->pairs[0].key, "key");
	check_bytes("value", metadata->pairs[0].value, "four");
	check_bytes("other key", metadata->pairs[1].key, "other");
	check_bytes("other value", metadata->pairs[1].value, "a");
	free(metadata);
}

static const struct named_test tests[] = {
	TEST(test_each_operation_is_found),
	TEST(test_unknown_paths_are_not_found),
	TEST(test_other_methods_are_told_what_is_allowed),
	TEST(test_an_allow_header_has_room_for_all_methods),
	TEST(test_names_are_decoded_once_after_splitting),
	TEST(test_connection_ids_are_always_decoded_whole),
	TEST(test_names_have_limits),
	TEST(test_hubs_are_lower_case_and_valid),
	TEST(test_repeated_parameters_keep_their_order),
	TEST(test_any_number_of_parameters_is_read),
	TEST(test_queries_are_judged),
	TEST(test_numbers_have_digits_only),
	TEST(test_content_types_and_character_sets),
	TEST(test_metadata_has_limits),
	TEST(test_metadata_has_a_limit_for_its_sum),
	TEST(test_metadata_has_a_limit_for_its_pairs),
	TEST(test_the_last_value_of_a_key_counts),
};

int
main(void)
{
	return RUN_TESTS("rest router", tests);
}
