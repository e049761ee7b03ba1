/* SPDX-License-Identifier: MIT */
/*
 * The rest plugin: what is done to many connections or tells of many: bulk group
 * operations, listings, counts, many sends at once.
 */
#include "plugins/rest_scene.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define HUB "/api/hubs/chat"
#define JSON "Content-Type: application/json\n"
#define OK_JSON " -> 200 Content-Type=application/json "
#define FAILURE(status, code, rest)                                            \
	"-> " #status " x-ms-error-code=" code                                 \
	" Content-Type=application/json {\"code\":\"" code "\"," rest "}"
#define BAD(target, message)                                                   \
	FAILURE(400, "Error.BadRequest", "\"message\":\"" message              \
	    "\",\"target\":\"" target "\"")
#define ENDPOINT "http://rt.example:8080"
#define PAGED "?api-version=2024-12-01&maxpagesize="

struct rest_case {
	const char *line;
	const char *body;
	const char *expected;
};

static void
check_cases(struct scene *scene, const struct rest_case *cases, size_t count)
{
	for (size_t i = 0; i < 2 * count; i++) {
		const struct rest_case *one = &cases[i / 2];
		scene->later = i % 2;
		check_text(one->body ? one->body : one->line, happens(scene,
		    one->line, JSON, wps_span_str(one->body)), one->expected);
	}
}

#define CHECK_CASES(scene, cases) check_cases(scene, cases, COUNT(cases))

/* --- bulk group operations ----------------------------------------------------- */

#define ADD "POST " HUB "/:addToGroups"
#define NO_OBJECT BAD("Request", "the body is not a JSON object")
#define NO_GROUPS BAD("groups", "a list of one group at least is needed")
#define BAD_GROUP BAD("groups", \
	"a group name has 1 to 1024 characters and is not blank")

static void
test_many_groups_are_one_command(void)
{
	static const struct rest_case cases[] = {
		{ ADD, "{\"groups\":[\"a\",\"b\\u00fc/\"]}",
		  "join all hub=chat group=a group=b\xc3\xbc/ -> 200" },
		{ "POST " HUB "/:removefromgroups",
		  "{\"filter\":\"userId eq 'u\\u00311'\",\"Groups\":[\"a\"],\"x\":[]}",
		  "leave user hub=chat name=u11 group=a -> 200" },
		{ ADD, "{\"groups\":[\"a\"],\"filter\":null}",
		  "join all hub=chat group=a -> 200" },
		{ ADD, "{\"groups\":[\"a\"],\"filter\":\"\"}",
		  "join all hub=chat group=a -> 200" },
		{ ADD, "{\"groups\":[\"a\"],\"filter\":\"connectionId eq 'c'\"}",
		  "join conn hub=chat name=c group=a -> 200" },
		{ ADD, "{\"groups\":[\"a\"],\"filter\":\"userId ne null\"}",
		  "join all hub=chat group=a match -> 200" },
		{ ADD, "", NO_OBJECT },
		{ ADD, "[]", NO_OBJECT },
		{ ADD, "{}", NO_GROUPS },
		{ ADD, "{\"groups\":[]}", NO_GROUPS },
		{ ADD, "{\"groups\":\"a\"}", NO_GROUPS },
		{ ADD, "{\"groups\":null}", NO_GROUPS },
		{ ADD, "{\"groups\":[\" \"]}", BAD_GROUP },
		{ ADD, "{\"groups\":[\"a\",1]}", BAD_GROUP },
		{ ADD, "{\"groups\":[\"\\ud800\"]}", BAD_GROUP },
		{ ADD, "{\"groups\":[\"a\"],\"groups\":[\"b\"]}",
		  BAD("groups", "the member is given twice") },
		{ ADD, "{\"groups\":[\"a\"],\"filter\":1}",
		  BAD("filter", "the filter is not a string") },
		{ ADD, "{\"groups\":[\"a\"],\"filter\":\"x\"}", BAD("filter",
		  "Invalid syntax for 'x': there is no such name, at offset 0") },
		{ ADD, "{\"groups\":[\"a\"]",
		  BAD("Request", "the body is not a JSON value") },
	};
	struct scene *scene = scene_new(NULL);

	/* An empty body is no JSON value already. */
	static const struct rest_case empty[] = {
		{ ADD, "", BAD("Request", "the body is not a JSON value") },
	};
	CHECK_CASES(scene, empty);
	for (size_t i = 0; i < COUNT(cases); i++)
		if (cases[i].body[0])
			check_cases(scene, &cases[i], 1);
	scene_free(scene);
}

static void
test_group_operations_take_json_alone(void)
{
	struct scene *scene = scene_new(NULL);
	static const char expected[] = FAILURE(415, "UnsupportedMediaType",
	    "\"message\":\"the content type must be application/json\"");
	struct wps_span body = WPS_SPAN("{\"groups\":[\"a\"]}");

	check_text("none", happens(scene, ADD, NULL, body), expected);
	check_text("text", happens(scene, ADD, "Content-Type: text/plain\n", body),
	    expected);
	check_text("a parameter", happens(scene, ADD,
	    "Content-Type: application/json; charset=utf-8\n", body),
	    "join all hub=chat group=a -> 200");
	scene_free(scene);
}

static void
test_a_limit_of_groups_is_a_conflict(void)
{
	struct scene *scene = scene_new(NULL);

	scene->outcome.full = 1;
	check_text("full", happens(scene, ADD, JSON,
	    WPS_SPAN("{\"groups\":[\"a\"]}")), "join all hub=chat group=a "
	    FAILURE(409, "Conflict",
	    "\"message\":\"a limit of the connection is reached\""));
	scene_free(scene);
}

/* --- listings ------------------------------------------------------------------- */

#define LIST "GET " HUB "/groups/a%2Fb/connections"
#define LISTED "list group hub=chat name=a/b conns limit="

static const struct wps_listed first = {
	.name = { "c1", 2 },
	.user = { "u\"1", 3 },
};
static const struct wps_listed second = { .name = { "c2", 2 } };
static const struct wps_listed *const conns[] = { &first, &second };

static void
test_pages_are_listed(void)
{
	static const struct rest_case cases[] = {
		{ LIST, NULL, LISTED "200" OK_JSON "{\"value\":["
		  "{\"connectionId\":\"c1\",\"userId\":\"u\\\"1\"},"
		  "{\"connectionId\":\"c2\",\"userId\":null}],"
		  "\"nextLink\":null}" },
		{ LIST "?maxpagesize=1&top=9", NULL, LISTED "1" OK_JSON
		  "{\"value\":[{\"connectionId\":\"c1\",\"userId\":\"u\\\"1\"},"
		  "{\"connectionId\":\"c2\",\"userId\":null}],"
		  "\"nextLink\":null}" },
	};
	struct scene *scene = scene_new(NULL);

	scene->page = (struct wps_page){ .items = conns, .count = 2 };
	CHECK_CASES(scene, cases);
	scene_free(scene);
}

static void
test_parameters_of_pages_are_judged(void)
{
#define BAD_SIZE BAD("maxpagesize", \
	"the value must be an integer from 1 to 200")
#define BAD_TOP BAD("top", "the value must be an integer of at least 1")
#define BAD_TOKEN BAD("continuationToken", \
	"this is no token of this listing")
	static const struct rest_case cases[] = {
		{ LIST "?maxpagesize=0", NULL, BAD_SIZE },
		{ LIST "?maxpagesize=201", NULL, BAD_SIZE },
		{ LIST "?maxpagesize=", NULL, BAD_SIZE },
		{ LIST "?maxpagesize=+1", NULL, BAD_SIZE },
		{ LIST "?maxpagesize=1&maxpagesize=1", NULL,
		  BAD("maxpagesize", "the parameter is given twice") },
		{ LIST "?top=0", NULL, BAD_TOP },
		{ LIST "?top=2147483648", NULL, BAD_TOP },
		{ LIST "?top=x", NULL, BAD_TOP },
		{ LIST "?continuationToken=", NULL, BAD_TOKEN },
		{ LIST "?continuationToken=AAAA", NULL, BAD_TOKEN },
		{ LIST "?continuationToken=*", NULL, BAD_TOKEN },
	};
	struct scene *scene = scene_new(NULL);

	CHECK_CASES(scene, cases);
	check_text("the most", happens(scene, LIST
	    "?maxpagesize=200&top=2147483647", NULL, WPS_SPAN_NONE),
	    LISTED "200" OK_JSON "{\"value\":[],\"nextLink\":null}");
	scene_free(scene);
}

/* The nextLink of the last answer, without the server's address; "" for none. */
static const char *
next_link(const struct scene *scene)
{
	static char link[512];
	const char *start = strstr(scene->text, "\"nextLink\":\"" ENDPOINT);

	link[0] = '\0';
	if (start) {
		start += strlen("\"nextLink\":\"" ENDPOINT);
		snprintf(link, sizeof(link), "GET %.*s",
		    (int)strcspn(start, "\""), start);
	}
	return link;
}

static void
test_a_next_link_goes_on_behind_the_last_name(void)
{
	struct scene *scene = scene_new(NULL);
	char link[512];

	scene->page = (struct wps_page){
		.items = conns, .count = 2, .more = true,
	};
	happens(scene, LIST "?maxpagesize=2&top=5", NULL, WPS_SPAN_NONE);
	snprintf(link, sizeof(link), "%s", next_link(scene));
	CU_ASSERT(strstr(link, LIST PAGED "2&top=3&continuationToken=") ==
	    link);
	happens(scene, link, NULL, WPS_SPAN_NONE);
	CU_ASSERT(strstr(scene->text, LISTED "2 after=c2" OK_JSON) ==
	    scene->text);
	CU_ASSERT(strstr(next_link(scene), PAGED "2&top=1&") != NULL);
	/* The last one that was wanted. */
	happens(scene, LIST "?maxpagesize=2&top=2", NULL, WPS_SPAN_NONE);
	check_text("no more wanted", next_link(scene), "");
	happens(scene, LIST "?maxpagesize=2", NULL, WPS_SPAN_NONE);
	CU_ASSERT(strstr(next_link(scene), PAGED "2&continuationToken=") !=
	    NULL);
	scene_free(scene);
}

static void
test_a_token_is_bound_to_its_listing(void)
{
	struct scene *scene = scene_new(NULL);
	char link[512], other[600];

	scene->page = (struct wps_page){
		.items = conns, .count = 2, .more = true,
	};
	for (scene->keys = 0; scene->keys < 3; scene->keys++) {
		happens(scene, LIST, NULL, WPS_SPAN_NONE);
		snprintf(link, sizeof(link), "%s", next_link(scene));
		const char *token = strstr(link, "continuationToken=");
		CU_ASSERT_FATAL(token != NULL);
		happens(scene, link, NULL, WPS_SPAN_NONE);
		CU_ASSERT(strstr(scene->text, " after=c2") != NULL);
		static const char *const others[] = {
			"GET " HUB "/groups/a%2Fc/connections",
			"GET /api/hubs/other/groups/a%2Fb/connections",
			"GET " HUB "/connections",
		};
		for (size_t i = 0; i < COUNT(others); i++) {
			snprintf(other, sizeof(other), "%s?%s", others[i], token);
			check_text(other, happens(scene, other, NULL,
			    WPS_SPAN_NONE), BAD_TOKEN);
		}
		/* The same names, spelled otherwise. */
		snprintf(other, sizeof(other),
		    "GET /api/hubs/CHAT/groups/%%61%%2fb/connections?%s", token);
		happens(scene, other, NULL, WPS_SPAN_NONE);
		CU_ASSERT(strstr(scene->text, " after=c2") != NULL);
		/* A byte of the cursor is changed. */
		link[strlen(link) - 1] ^= 1;
		check_text(link, happens(scene, link, NULL, WPS_SPAN_NONE),
		    BAD_TOKEN);
	}
	scene_free(scene);
}

static void
test_a_token_outlives_a_change_of_keys(void)
{
	struct scene *scene = scene_new(NULL);
	char link[512];

	scene->page = (struct wps_page){
		.items = conns, .count = 2, .more = true,
	};
	scene->first_key = 1;
	happens(scene, LIST, NULL, WPS_SPAN_NONE);
	snprintf(link, sizeof(link), "%s", next_link(scene));
	/* The key is the second one now. */
	scene->first_key = 0;
	happens(scene, link, NULL, WPS_SPAN_NONE);
	CU_ASSERT(strstr(scene->text, " after=c2") != NULL);
	scene->first_key = 5;
	check_text("it is gone", happens(scene, link, NULL, WPS_SPAN_NONE),
	    BAD_TOKEN);
	scene_free(scene);
}

static void
test_a_next_link_is_of_the_public_endpoint(void)
{
	static const char *const endpoints[] = {
		"https://a.example/base/", "https://RT.example:8080/push", NULL,
	};
	const struct fakehost_value core[] = {
		{ .name = "public_endpoints", .items = endpoints },
		{ .name = NULL },
	};
	struct scene *scene = scene_new(&(struct fakehost_conf){ .core = core });

	scene->page = (struct wps_page){
		.items = conns, .count = 1, .more = true,
	};
	happens(scene, LIST, NULL, WPS_SPAN_NONE);
	CU_ASSERT(strstr(scene->text, "\"nextLink\":\"https://RT.example:8080/"
	    "push/api/hubs/chat/groups/a%2Fb/connections?") != NULL);
	scene_free(scene);
}

static void
test_a_next_link_has_the_base_path(void)
{
	static const struct fakehost_value core[] = {
		{ .name = "base_path", .text = "/push" },
		{ .name = NULL },
	};
	struct scene *scene = scene_new(&(struct fakehost_conf){ .core = core });

	scene->page = (struct wps_page){
		.items = conns, .count = 1, .more = true,
	};
	happens(scene, LIST, NULL, WPS_SPAN_NONE);
	CU_ASSERT(strstr(scene->text, "\"nextLink\":\"" ENDPOINT "/push" HUB
	    "/groups/a%2Fb/connections?") != NULL);
	scene_free(scene);
}

static void
test_a_page_without_memory_is_to_be_repeated(void)
{
	struct scene *scene = scene_new(NULL);
	static const struct rest_case cases[] = {
		{ LIST, NULL, LISTED "200 -> 503 "
		  "x-ms-error-code=ServiceUnavailable Retry-After=1 "
		  "Content-Type=application/json {\"code\":\"ServiceUnavailable\","
		  "\"message\":\"there is no memory for this request\"}" },
	};

	scene->page = (struct wps_page){ .failed = true };
	CHECK_CASES(scene, cases);
	scene_free(scene);
}

/* --- beyond the vendor ------------------------------------------------------------ */

static void
test_users_and_groups_are_listed_with_their_numbers(void)
{
	static const struct wps_listed a = { .name = { "a", 1 }, .members = 3 };
	static const struct wps_listed b = { .name = { "b", 1 }, .members = 1 };
	static const struct wps_listed *const named[] = { &a, &b };
	static const struct rest_case cases[] = {
		{ "GET " HUB "/users", NULL, "list all hub=chat users limit=200"
		  OK_JSON "{\"value\":[{\"userId\":\"a\",\"connections\":3},"
		  "{\"userId\":\"b\",\"connections\":1}],\"nextLink\":null}" },
		{ "GET " HUB "/groups?maxpagesize=7", NULL,
		  "list all hub=chat groups limit=7" OK_JSON
		  "{\"value\":[{\"group\":\"a\",\"connections\":3},"
		  "{\"group\":\"b\",\"connections\":1}],\"nextLink\":null}" },
		{ "GET " HUB "/connections/c/groups", NULL,
		  "list conn hub=chat name=c groups limit=200" OK_JSON
		  "{\"value\":[{\"group\":\"a\"},{\"group\":\"b\"}],"
		  "\"nextLink\":null}" },
	};
	struct scene *scene = scene_new(NULL);

	scene->page = (struct wps_page){ .items = named, .count = 2 };
	CHECK_CASES(scene, cases);
	scene_free(scene);
}

static void
test_connections_are_listed_by_hub_and_user(void)
{
	static const struct rest_case cases[] = {
		{ "GET " HUB "/connections?filter=userId+ne+null", NULL,
		  "list all hub=chat match conns limit=200" OK_JSON
		  "{\"value\":[{\"connectionId\":\"c1\",\"userId\":\"u\\\"1\"}],"
		  "\"nextLink\":null}" },
		{ "GET " HUB "/users/u/connections", NULL,
		  "list user hub=chat name=u conns limit=200" OK_JSON
		  "{\"value\":[{\"connectionId\":\"c1\",\"userId\":\"u\\\"1\"}],"
		  "\"nextLink\":null}" },
		{ "GET " HUB "/connections?filter=x", NULL, BAD("filter",
		  "Invalid syntax for 'x': there is no such name, at offset 0") },
	};
	struct scene *scene = scene_new(NULL);

	scene->page = (struct wps_page){ .items = conns, .count = 1 };
	CHECK_CASES(scene, cases);
	scene->page.more = true;
	happens(scene, "GET " HUB "/connections?filter=userId+ne+null", NULL,
	    WPS_SPAN_NONE);
	CU_ASSERT(strstr(next_link(scene), PAGED "200&filter=userId%20ne%20null"
	    "&continuationToken=") != NULL);
	scene_free(scene);
}

static void
test_connections_are_counted(void)
{
	static const struct rest_case cases[] = {
		{ "GET " HUB "/:countConnections", NULL,
		  "count all hub=chat" OK_JSON "{\"count\":12}" },
		{ "GET " HUB "/groups/g/:countConnections", NULL,
		  "count group hub=chat name=g" OK_JSON "{\"count\":12}" },
		{ "GET " HUB "/users/u/:countConnections?filter=not+(false)", NULL,
		  "count user hub=chat name=u match" OK_JSON "{\"count\":12}" },
		{ "GET " HUB "/:countConnections?filter=1", NULL, BAD("filter",
		  "Invalid syntax for '1': this must be true or false, at "
		  "offset 0") },
	};
	struct scene *scene = scene_new(NULL);

	scene->outcome.matched = 12;
	CHECK_CASES(scene, cases);
	scene_free(scene);
}

static void
test_one_connection_is_described(void)
{
	static const struct wps_span groups[] = { { "g", 1 }, { "h", 1 } };
	static const struct wps_rule rules[] = {
		{ WPS_PERM_SEND, WPS_RULE_ALL, { NULL, 0 } },
		{ WPS_PERM_SEND, WPS_RULE_DENY, { "x", 1 } },
		{ WPS_PERM_JOIN_LEAVE, WPS_RULE_PATTERN, { "p*", 2 } },
		{ WPS_PERM_JOIN_LEAVE, WPS_RULE_ALLOW, { "y", 1 } },
		{ WPS_PERM_SET_STATE, WPS_RULE_ALLOW, { "z", 1 } },
		{ WPS_PERM_GET_STATE, WPS_RULE_ALL, { NULL, 0 } },
	};
	const struct wps_listed one = {
		.name = WPS_SPAN("c"), .user = WPS_SPAN("u"),
		.age_ms = 61999, .queued_bytes = 10, .queued_messages = 2,
		.group_count = 3, .groups = groups, .shown_groups = 2,
		.rules = rules, .shown_rules = 6,
	};
	static const struct rest_case cases[] = {
		{ "GET " HUB "/connections/c", NULL,
		  "list conn hub=chat name=c conns limit=200 detail" OK_JSON
		  "{\"connectionId\":\"c\",\"userId\":\"u\",\"protocol\":null,"
		  "\"ageSeconds\":61,\"queuedMessages\":2,\"queuedBytes\":10,"
		  "\"groupCount\":3,\"groups\":[\"g\",\"h\"],\"permissions\":["
		  "{\"permission\":\"sendToGroup\",\"rule\":\"all\"},"
		  "{\"permission\":\"sendToGroup\",\"rule\":\"deny\","
		  "\"targetName\":\"x\"},"
		  "{\"permission\":\"joinLeaveGroup\",\"rule\":\"pattern\","
		  "\"targetName\":\"p*\"},"
		  "{\"permission\":\"joinLeaveGroup\",\"rule\":\"allow\","
		  "\"targetName\":\"y\"},"
		  "{\"permission\":\"setGroupState\",\"rule\":\"allow\","
		  "\"targetName\":\"z\"},"
		  "{\"permission\":\"getGroupState\",\"rule\":\"all\"}]}" },
	};
	static const struct rest_case nobody[] = {
		{ "GET " HUB "/connections/c", NULL,
		  "list conn hub=chat name=c conns limit=200 detail "
		  FAILURE(404, "NotFound",
		  "\"message\":\"there is no such connection\"") },
	};
	const struct wps_listed *const shown = &one;
	struct scene *scene = scene_new(NULL);

	scene->page = (struct wps_page){ .items = &shown, .count = 1 };
	CHECK_CASES(scene, cases);
	scene->page.count = 0;
	CHECK_CASES(scene, nobody);
	scene_free(scene);
}

/* --- many sends --------------------------------------------------------------------- */

#define MANY "POST " HUB "/:sendMany"
#define REFUSED(target, message)                                               \
	"-> 200 Content-Type=application/json {\"value\":[{\"status\":400,"    \
	"\"error\":{\"code\":\"Error.BadRequest\",\"message\":\"" message     \
	"\",\"target\":\"" target "\"}}]}"

static void
test_many_sends_are_judged_each(void)
{
	static const struct rest_case cases[] = {
		{ MANY, "[]", "-> 200 Content-Type=application/json "
		  "{\"value\":[]}" },
		{ MANY, "[{\"to\":\"all\",\"dataType\":\"text\",\"data\":\"H\\u0069\","
		  "\"excluded\":[\"c\"]},"
		  "{\"to\":\"group\",\"name\":\"g\",\"dataType\":\"json\","
		  "\"data\":{\"a\": 1.50},\"filter\":\"userId ne null\"},"
		  "{\"to\":\"user\",\"name\":\"u\",\"dataType\":\"binary\","
		  "\"data\":\"YWI=\",\"messageTtlSeconds\":300},"
		  "{\"to\":\"connection\",\"name\":\"c\",\"dataType\":\"text\","
		  "\"data\":\"\"}]",
		  "send all hub=chat excluded=c text=Hi from=server "
		  "send group hub=chat name=g match json={\"a\": 1.50} "
		  "from=group from-group=g "
		  "send user hub=chat name=u binary=ab from=server ttl=300 "
		  "send conn hub=chat name=c text= from=server "
		  "-> 200 Content-Type=application/json {\"value\":["
		  "{\"status\":202},{\"status\":202},{\"status\":202},"
		  "{\"status\":202}]}" },
		{ MANY, "[{\"to\":\"all\"},{\"to\":\"all\",\"dataType\":\"text\","
		  "\"data\":\"x\"}]", "send all hub=chat text=x from=server "
		  "-> 200 Content-Type=application/json {\"value\":["
		  "{\"status\":400,\"error\":{\"code\":\"Error.BadRequest\","
		  "\"message\":\"the value must be text, json or binary\","
		  "\"target\":\"dataType\"}},{\"status\":202}]}" },
		{ MANY, "[1]", REFUSED("Request", "a send must be an object") },
		{ MANY, "[{}]", REFUSED("to",
		  "the value must be all, group, user or connection") },
		{ MANY, "[{\"to\":\"group\"}]",
		  REFUSED("name", "a valid name is needed") },
		{ MANY, "[{\"to\":\"user\",\"name\":\"\"}]",
		  REFUSED("name", "a valid name is needed") },
		{ MANY, "[{\"to\":\"all\",\"to\":\"all\"}]",
		  REFUSED("to", "the member is given twice") },
		{ MANY, "[{\"to\":\"all\",\"dataType\":\"text\",\"data\":1}]",
		  REFUSED("data", "the value must be a string") },
		{ MANY, "[{\"to\":\"all\",\"dataType\":\"json\"}]",
		  REFUSED("data", "there is no value") },
		{ MANY, "[{\"to\":\"all\",\"dataType\":\"json\",\"data\":null}]",
		  REFUSED("data", "there is no value") },
		{ MANY, "[{\"to\":\"all\",\"dataType\":\"binary\",\"data\":\"A\"}]",
		  REFUSED("data", "the value must be base64") },
		{ MANY, "[{\"to\":\"all\",\"dataType\":\"text\",\"data\":\"\","
		  "\"messageTtlSeconds\":301}]", REFUSED("messageTtlSeconds",
		  "the value must be an integer from 0 to 300") },
		{ MANY, "[{\"to\":\"all\",\"dataType\":\"text\",\"data\":\"\","
		  "\"filter\":[]}]",
		  REFUSED("filter", "the filter is not a string") },
		{ MANY, "[{\"to\":\"all\",\"excluded\":\"c\"}]",
		  REFUSED("excluded", "the value is no list") },
		{ MANY, "[{\"to\":\"all\",\"excluded\":[1]}]",
		  REFUSED("excluded", "a connection id is no string") },
		{ MANY, "{}", BAD("Request", "the body is not a JSON array") },
		{ MANY, "[", BAD("Request", "the body is not a JSON array") },
		{ MANY, "[\"\xff\"]", BAD("Request",
		  "the body is not a JSON array") },
	};
	struct scene *scene = scene_new(NULL);

	CHECK_CASES(scene, cases);
	scene_free(scene);
}

static void
test_sends_of_one_request_are_limited(void)
{
	struct scene *scene = scene_new(NULL);
	char body[1001 * 2 + 1] = "[";

	for (size_t i = 0; i < 1001; i++)
		memcpy(body + 1 + 2 * i, i < 1000 ? "1," : "1]", 2);
	check_text("1001", happens(scene, MANY, JSON,
	    (struct wps_span){ body, 2 * 1001 + 1 }),
	    BAD("Request", "there are more than 1000 sends"));
	scene_free(scene);
}

#define SEND(text) "{\"to\":\"all\",\"dataType\":\"text\",\"data\":\"" text "\"}"

/* What is sent before others have a turn. */
static void
test_many_sends_leave_turns_to_others(void)
{
	struct scene *scene = scene_new(NULL);

	scene->send_ms = 4;
	struct wps_request *request = serve(scene, MANY, JSON, WPS_SPAN(
	    "[" SEND("1") "," SEND("2") "," SEND("3") "]"));
	check_text("some", scene->text, "send all hub=chat text=1 from=server "
	    "send all hub=chat text=2 from=server ");
	scene->current = request;
	fakehost_loop_run(&scene->fake.loop, 0);
	check_text("all", scene->text, "send all hub=chat text=1 from=server "
	    "send all hub=chat text=2 from=server "
	    "send all hub=chat text=3 from=server "
	    "-> 200 Content-Type=application/json {\"value\":["
	    "{\"status\":202},{\"status\":202},{\"status\":202}]}");
	scene_free(scene);
}

static void
test_a_stop_ends_many_sends(void)
{
	struct scene *scene = scene_new(NULL);

	scene->send_ms = 8;
	(void)serve(scene, MANY, JSON,
	    WPS_SPAN("[" SEND("1") "," SEND("2") "]"));
	check_number("answers", scene->answers, 0);
	scene_free(scene);
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_many_groups_are_one_command),
		TEST(test_group_operations_take_json_alone),
		TEST(test_a_limit_of_groups_is_a_conflict),
		TEST(test_pages_are_listed),
		TEST(test_parameters_of_pages_are_judged),
		TEST(test_a_next_link_goes_on_behind_the_last_name),
		TEST(test_a_token_is_bound_to_its_listing),
		TEST(test_a_token_outlives_a_change_of_keys),
		TEST(test_a_next_link_is_of_the_public_endpoint),
		TEST(test_a_next_link_has_the_base_path),
		TEST(test_a_page_without_memory_is_to_be_repeated),
		TEST(test_users_and_groups_are_listed_with_their_numbers),
		TEST(test_connections_are_listed_by_hub_and_user),
		TEST(test_connections_are_counted),
		TEST(test_one_connection_is_described),
		TEST(test_many_sends_are_judged_each),
		TEST(test_sends_of_one_request_are_limited),
		TEST(test_many_sends_leave_turns_to_others),
		TEST(test_a_stop_ends_many_sends),
	};

	return RUN_TESTS("rest many", tests);
}
