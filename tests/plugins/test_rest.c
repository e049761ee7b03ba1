/* SPDX-License-Identifier: MIT */
/*
 * The rest plugin against the fake host (rest_scene.h). Each case is run twice:
 * with a host that answers inside the question, and with one that answers later.
 */
#include "plugins/rest_scene.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct rest_case {
	const char *line, *headers;
	struct wps_span body;
	const char *expected;
};

static void
check_cases_of(const struct fakehost_conf *conf, const struct wps_outcome *outcome,
    const struct rest_case *cases, size_t count)
{
	struct scene *scene = scene_new(conf);

	if (outcome)
		scene->outcome = *outcome;
	for (size_t i = 0; i < 2 * count; i++) {
		const struct rest_case *one = &cases[i / 2];
		scene->later = i % 2;
		check_text(one->line, happens(scene, one->line, one->headers,
		    one->body), one->expected);
	}
	scene_free(scene);
}

#define CHECK_CASES(conf, outcome, cases)                                      \
	check_cases_of(conf, outcome, cases, COUNT(cases))

#define FAILURE(status, more, code, rest)                                      \
	"-> " #status " x-ms-error-code=" code more                            \
	" Content-Type=application/json {\"code\":\"" code "\"," rest "}"
#define BAD(target, message)                                                   \
	FAILURE(400, "", "Error.BadRequest", "\"message\":\"" message          \
	    "\",\"target\":\"" target "\"")
#define NO_BODY_BAD "-> 400 x-ms-error-code=Error.BadRequest"
#define NO_TYPE FAILURE(415, "", "UnsupportedMediaType", "\"message\":"        \
	"\"the content type must be text/plain, application/json or "          \
	"application/octet-stream\"")

#define HUB "/api/hubs/chat"
#define API_VERSION "api-version=2024-12-01"
#define NOTHING { NULL, 0 }

/* --- sends --------------------------------------------------------------- */

static void
test_sends(void)
{
	static const struct rest_case cases[] = {
		{ "POST " HUB "/:send?" API_VERSION, "Content-Type: text/plain\n",
		  WPS_SPAN("Hi"),
		  "send all hub=chat text=Hi from=server -> 202" },
		{ "POST /api/hubs/Chat_1/%3ASEND?excluded=a&excluded=b%2Cc",
		  "content-type: application/json; charset=utf-8\n",
		  WPS_SPAN("{\"a\":1.50}"), "send all hub=chat_1 excluded=a "
		  "excluded=b,c json={\"a\":1.50} from=server -> 202" },
		{ "POST " HUB "/connections/c%2F1/:send?messageTtlSeconds=300",
		  "Content-Type: application/octet-stream\n", WPS_SPAN("\x01"),
		  "send conn hub=chat name=c/1 binary=\x01 from=server ttl=300 "
		  "-> 202" },
		{ "POST " HUB "/groups/a%2Fb%3A+%C3%BC/:send?excluded=x&"
		  "messageTtlSeconds=1", NULL, WPS_SPAN("b"),
		  "send group hub=chat name=a/b:+\xc3\xbc excluded=x binary=b "
		  "from=group from-group=a/b:+\xc3\xbc ttl=1 -> 202" },
		{ "POST " HUB "/users/u%40x/:send?messageTtlSeconds=0&filter=",
		  "Content-Type: text/plain\n", WPS_SPAN(""),
		  "send user hub=chat name=u@x text= from=server -> 202" },
		{ "POST " HUB "/:send", "Content-Type: text/plain\n", NOTHING,
		  "send all hub=chat text= from=server -> 202" },
		{ "POST " HUB "/:send",
		  "Content-Type: text/plain;charset=iso-8859-1\n",
		  WPS_SPAN("\xfc"),
		  "send all hub=chat text=\xc3\xbc from=server -> 202" },
		{ "POST " HUB "/:send", "X-WebPubSub-Metadata-Trace: 1, 2\n"
		  "Content-Type: text/plain\nX-WebPubSub-Metadata-B: \n",
		  WPS_SPAN("x"), "send all hub=chat text=x from=server [trace:2] "
		  "[b:] -> 202" },
		/* what a send to one connection does not read */
		{ "POST " HUB "/connections/c/:send?excluded=c&filter=x", NULL,
		  WPS_SPAN("x"), "send conn hub=chat name=c binary=x from=server "
		  "-> 202" },
		/* filters, and whom they name */
		{ "POST " HUB "/:send?filter=userId%20ne%20'a'&excluded=x", NULL,
		  WPS_SPAN("x"), "send all hub=chat excluded=x match binary=x "
		  "from=server -> 202" },
		{ "POST " HUB "/:send?filter=connectionId%20eq%20'c'&excluded=x",
		  NULL, WPS_SPAN("x"), "send conn hub=chat name=c excluded=x "
		  "binary=x from=server -> 202" },
		{ "POST " HUB "/:send?filter='g'%20in%20groups%20and%20true", NULL,
		  WPS_SPAN("x"), "send group hub=chat name=g match binary=x "
		  "from=server -> 202" },
		{ "POST " HUB "/groups/g/:send?filter=userId%20eq%20'u'", NULL,
		  WPS_SPAN("x"), "send group hub=chat name=g match binary=x "
		  "from=group from-group=g -> 202" },
		{ "POST " HUB "/users/u/:send?filter=protocol+eq+null", NULL,
		  WPS_SPAN("x"), "send user hub=chat name=u match binary=x "
		  "from=server -> 202" },
	};

	CHECK_CASES(NULL, NULL, cases);
	/* Nobody hears it: that is no error. */
	CHECK_CASES(NULL, (&(struct wps_outcome){ .matched = 0 }), cases);
}

static void
test_sends_that_are_refused(void)
{
	static const struct rest_case cases[] = {
		{ "POST " HUB "/:send", "Content-Type: application/xml\n",
		  WPS_SPAN("<a/>"), NO_TYPE },
		{ "POST " HUB "/:send", "Content-Type: text/plain;charset=x\n",
		  WPS_SPAN("a"), FAILURE(415, "", "UnsupportedMediaType",
		  "\"message\":\"the charset is not known\"") },
		{ "POST " HUB "/:send", "Content-Type: application/json\n",
		  NOTHING, BAD("Request", "the body is not a JSON value") },
		{ "POST " HUB "/:send", "Content-Type: application/json\n",
		  WPS_SPAN("{"), BAD("Request", "the body is not a JSON value") },
		{ "POST " HUB "/:send", "Content-Type: text/plain\n",
		  WPS_SPAN("\xff"), BAD("Request", "the body is not UTF-8") },
		{ "POST " HUB "/:send", "Content-Type: text/plain;"
		  "charset=us-ascii\n", WPS_SPAN("\xff"),
		  BAD("Request", "the body is not text of its charset") },
		{ "POST " HUB "/:send?filter=userId+eq", NULL, WPS_SPAN("a"),
		  BAD("filter", "Invalid syntax for '': an operand is missing, "
		  "at offset 9") },
		{ "POST " HUB "/groups/g/:send?messageTtlSeconds=301", NULL,
		  WPS_SPAN("a"), BAD("messageTtlSeconds",
		  "the value must be an integer from 0 to 300") },
		{ "POST " HUB "/:send?messageTtlSeconds=-1", NULL, WPS_SPAN("a"),
		  BAD("messageTtlSeconds",
		  "the value must be an integer from 0 to 300") },
		{ "POST " HUB "/:send?messageTtlSeconds=", NULL, WPS_SPAN("a"),
		  BAD("messageTtlSeconds",
		  "the value must be an integer from 0 to 300") },
		{ "POST " HUB "/:send", "X-WebPubSub-Metadata-: a\n",
		  WPS_SPAN("a"), BAD("X-WebPubSub-Metadata",
		  "a key has 1 to 256 characters of HTTP tokens") },
		{ "POST " HUB "/groups/%20/:send", NULL, WPS_SPAN("a"),
		  BAD("group", "a group name has 1 to 1024 characters and is "
		  "not blank") },
		{ "POST " HUB "/users//:send", NULL, WPS_SPAN("a"),
		  BAD("userId", "a user id has 1 to 1024 bytes of UTF-8") },
		{ "POST " HUB "/connections/%80/:send", NULL, WPS_SPAN("a"),
		  BAD("connectionId",
		  "a connection id has 1 to 1024 bytes of UTF-8") },
		{ "POST /api/hubs/1chat/:send", NULL, WPS_SPAN("a"),
		  BAD("hub", "this is no valid name of a hub") },
		{ "POST /api/hubs//:send", NULL, WPS_SPAN("a"),
		  BAD("hub", "this is no valid name of a hub") },
		{ "POST " HUB "/:send?api-version=1", NULL, WPS_SPAN("a"),
		  BAD("api-version",
		  "the version is not of the form YYYY-MM-DD") },
		{ "POST " HUB "/:send?" API_VERSION "&" API_VERSION, NULL, WPS_SPAN("a"),
		  BAD("api-version", "the parameter is given twice") },
	};

	CHECK_CASES(NULL, NULL, cases);
}

static struct wps_msg *
no_msg(const struct wps_msg_view *view)
{
	(void)view;
	return NULL;
}

static void
test_a_send_without_memory_is_to_be_repeated(void)
{
	struct scene *scene = scene_new(NULL);

	scene->fake.host.msg_create = no_msg;
	check_text("send", happens(scene, "POST " HUB "/:send", NULL,
	    WPS_SPAN("x")), FAILURE(503, " Retry-After=1", "ServiceUnavailable",
	    "\"message\":\"there is no memory for this request\""));
	scene_free(scene);
}

/* --- other operations ---------------------------------------------------- */

static void
test_management(void)
{
	static const struct rest_case cases[] = {
		{ "HEAD " HUB "/connections/c?" API_VERSION, NULL, NOTHING,
		  "exists conn hub=chat name=c -> 200" },
		{ "HEAD " HUB "/groups/g", NULL, NOTHING,
		  "exists group hub=chat name=g -> 200" },
		{ "HEAD " HUB "/users/u", NULL, NOTHING,
		  "exists user hub=chat name=u -> 200" },
		{ "HEAD " HUB "/users/u/groups/it's", NULL, NOTHING,
		  "exists user hub=chat name=u match -> 200" },
		{ "DELETE " HUB "/connections/c?reason=be+good%21", NULL, NOTHING,
		  "close conn hub=chat name=c code=1000 reason=be good! -> 204" },
		{ "POST " HUB "/:closeConnections?excluded=a&excluded=b", NULL,
		  NOTHING, "close all hub=chat code=1000 reason=The application "
		  "closed the connection. excluded=a excluded=b -> 204" },
		{ "POST " HUB "/groups/g/:closeConnections?excluded=a&reason=r",
		  NULL, NOTHING, "close group hub=chat name=g code=1000 reason=r "
		  "excluded=a -> 204" },
		{ "POST " HUB "/users/u/:closeConnections?excluded=a&reason=",
		  NULL, NOTHING, "close user hub=chat name=u code=1000 "
		  "reason=The application closed the connection. excluded=a "
		  "-> 204" },
		{ "PUT " HUB "/groups/g/connections/c", NULL, NOTHING,
		  "join conn hub=chat name=c group=g -> 200" },
		{ "DELETE " HUB "/groups/g/connections/c", NULL, NOTHING,
		  "leave conn hub=chat name=c group=g -> 204" },
		{ "DELETE " HUB "/connections/c/groups", NULL, NOTHING,
		  "leave-all conn hub=chat name=c -> 204" },
		{ "PUT " HUB "/users/u/groups/g", NULL, NOTHING,
		  "join user hub=chat name=u group=g -> 200" },
		{ "DELETE " HUB "/users/u/groups/g", NULL, NOTHING,
		  "leave user hub=chat name=u group=g -> 204" },
		{ "DELETE " HUB "/users/u/groups", NULL, NOTHING,
		  "leave-all user hub=chat name=u -> 204" },
		{ "PUT " HUB "/permissions/sendToGroup/connections/c?"
		  "targetName=g%2F1", NULL, NOTHING,
		  "grant conn hub=chat name=c group=g/1 perm=send -> 200" },
		{ "DELETE " HUB "/permissions/joinLeaveGroup/connections/c?"
		  "TargetName=*", NULL, NOTHING,
		  "revoke conn hub=chat name=c group=* perm=joinLeave -> 204" },
		{ "HEAD " HUB "/permissions/SENDTOGROUP/connections/c?"
		  "targetName=g", NULL, NOTHING,
		  "check conn hub=chat name=c group=g perm=send -> 200" },
	};

	CHECK_CASES(NULL, NULL, cases);
}

static void
test_what_is_not_there(void)
{
	static const struct rest_case cases[] = {
		{ "HEAD " HUB "/connections/c", NULL, NOTHING,
		  "exists conn hub=chat name=c -> 404 x-ms-error-code=NotFound" },
		{ "HEAD " HUB "/groups/g", NULL, NOTHING,
		  "exists group hub=chat name=g -> 404 x-ms-error-code=NotFound" },
		{ "HEAD " HUB "/users/u", NULL, NOTHING,
		  "exists user hub=chat name=u -> 404 x-ms-error-code=NotFound" },
		{ "HEAD " HUB "/users/u/groups/g", NULL, NOTHING,
		  "exists user hub=chat name=u match -> 404 "
		  "x-ms-error-code=NotFound" },
		{ "DELETE " HUB "/connections/c?reason=r", NULL, NOTHING,
		  "close conn hub=chat name=c code=1000 reason=r -> 204" },
		{ "PUT " HUB "/groups/g/connections/c", NULL, NOTHING,
		  "join conn hub=chat name=c group=g " FAILURE(404, "",
		  "NotFound", "\"message\":\"there is no such connection\"") },
		{ "DELETE " HUB "/groups/g/connections/c", NULL, NOTHING,
		  "leave conn hub=chat name=c group=g -> 204" },
		{ "DELETE " HUB "/connections/c/groups", NULL, NOTHING,
		  "leave-all conn hub=chat name=c -> 204" },
		{ "PUT " HUB "/users/u/groups/g", NULL, NOTHING,
		  "join user hub=chat name=u group=g -> 200" },
		{ "DELETE " HUB "/users/u/groups/g", NULL, NOTHING,
		  "leave user hub=chat name=u group=g -> 204" },
		{ "DELETE " HUB "/users/u/groups", NULL, NOTHING,
		  "leave-all user hub=chat name=u -> 204" },
		{ "PUT " HUB "/permissions/sendToGroup/connections/c?"
		  "targetName=g", NULL, NOTHING,
		  "grant conn hub=chat name=c group=g perm=send " FAILURE(404, "",
		  "NotFound", "\"message\":\"there is no such connection\"") },
		{ "DELETE " HUB "/permissions/sendToGroup/connections/c?"
		  "targetName=g", NULL, NOTHING,
		  "revoke conn hub=chat name=c group=g perm=send -> 204" },
		{ "HEAD " HUB "/permissions/sendToGroup/connections/c?"
		  "targetName=g", NULL, NOTHING, "check conn hub=chat name=c "
		  "group=g perm=send -> 404 x-ms-error-code=NotFound" },
	};

	CHECK_CASES(NULL, (&(struct wps_outcome){ .matched = 0 }), cases);
}

#define LIMIT FAILURE(409, "", "Conflict", \
	"\"message\":\"a limit of the connection is reached\"")

static void
test_what_a_limit_prevents(void)
{
	static const struct rest_case cases[] = {
		{ "PUT " HUB "/permissions/sendToGroup/connections/c?"
		  "targetName=g", NULL, NOTHING,
		  "grant conn hub=chat name=c group=g perm=send " LIMIT },
		{ "DELETE " HUB "/permissions/sendToGroup/connections/c?"
		  "targetName=g", NULL, NOTHING,
		  "revoke conn hub=chat name=c group=g perm=send " LIMIT },
		{ "PUT " HUB "/groups/g/connections/c", NULL, NOTHING,
		  "join conn hub=chat name=c group=g " LIMIT },
	};

	CHECK_CASES(NULL, (&(struct wps_outcome){ .full = 1 }), cases);
}

#define NO_TARGET BAD("targetName", "the name of a group is needed")
#define BAD_TARGET BAD("targetName", \
	"a group name has 1 to 1024 characters and is not blank")

static void
test_permissions_that_are_refused(void)
{
	static const struct rest_case cases[] = {
		{ "PUT " HUB "/permissions/sendToGroup/connections/c", NULL,
		  NOTHING, NO_TARGET },
		{ "DELETE " HUB "/permissions/sendToGroup/connections/c", NULL,
		  NOTHING, NO_TARGET },
		{ "HEAD " HUB "/permissions/sendToGroup/connections/c", NULL,
		  NOTHING, NO_BODY_BAD },
		{ "PUT " HUB "/permissions/sendToGroup/connections/c?"
		  "targetName=", NULL, NOTHING, BAD_TARGET },
		{ "PUT " HUB "/permissions/sendToGroup/connections/c?"
		  "targetName=%20", NULL, NOTHING, BAD_TARGET },
		{ "PUT " HUB "/permissions/send/connections/c?targetName=g", NULL,
		  NOTHING, BAD("permission", "the permission must be sendToGroup "
		  "or joinLeaveGroup") },
		{ "PUT " HUB "/permissions/%zz/connections/c?targetName=g", NULL,
		  NOTHING, BAD("permission",
		  "the permission is not percent-encoded text") },
		{ "PUT " HUB "/permissions/sendToGroup/connections/c?"
		  "targetName=a&targetName=b", NULL, NOTHING,
		  BAD("targetName", "the parameter is given twice") },
	};

	CHECK_CASES(NULL, NULL, cases);
}

static void
test_permissions_for_all_groups_are_an_option(void)
{
	static const struct fakehost_value own[] = {
		{ .name = "permissions_without_target", .number = 1 },
		{ .name = NULL },
	};
	static const struct rest_case cases[] = {
		{ "PUT " HUB "/permissions/sendToGroup/connections/c", NULL,
		  NOTHING, "grant conn hub=chat name=c perm=send -> 200" },
		{ "DELETE " HUB "/permissions/sendToGroup/connections/c", NULL,
		  NOTHING, "revoke conn hub=chat name=c perm=send -> 204" },
		{ "HEAD " HUB "/permissions/joinLeaveGroup/connections/c", NULL,
		  NOTHING, "check conn hub=chat name=c perm=joinLeave -> 200" },
		{ "PUT " HUB "/permissions/sendToGroup/connections/c?"
		  "targetName=", NULL, NOTHING, BAD_TARGET },
	};

	CHECK_CASES((&(struct fakehost_conf){ .own = own }), NULL, cases);
}

static void
test_reasons_fit_into_a_close_frame(void)
{
	static const struct {
		size_t count;   /* of two-byte characters behind `start` */
		const char *start;
		size_t expected; /* bytes */
	} cases[] = {
		{ 61, "a", 123 }, { 62, "a", 123 }, { 61, "", 122 },
		{ 62, "", 122 }, { 500, "a", 123 },
	};
	struct scene *scene = scene_new(NULL);

	for (size_t i = 0; i < COUNT(cases); i++) {
		char line[4096], reason[1024];
		size_t len = (size_t)snprintf(line, sizeof(line),
		    "DELETE " HUB "/connections/c?reason=%s", cases[i].start);
		for (size_t j = 0; j < cases[i].count; j++)
			len += (size_t)snprintf(line + len, sizeof(line) - len,
			    "%%C3%%BC");
		happens(scene, line, NULL, WPS_SPAN_NONE);
		CU_ASSERT_FATAL(sscanf(scene->text, "close conn hub=chat name=c "
		    "code=1000 reason=%1023s -> 204", reason) == 1);
		check_number("bytes", (long long)strlen(reason),
		    (long long)cases[i].expected);
	}
	check_text("not UTF-8", happens(scene, "DELETE " HUB "/connections/c?"
	    "reason=%ff", NULL, WPS_SPAN_NONE),
	    BAD("reason", "the reason is not UTF-8"));
	scene_free(scene);
}

static void
test_health(void)
{
	static const struct rest_case cases[] = {
		{ "HEAD /api/health?" API_VERSION, NULL, NOTHING, "-> 200" },
		{ "GET /api/health", NULL, NOTHING, "-> 200 "
		  "Content-Type=application/json {\"status\":\"healthy\"}" },
		{ "GET /api/health?api-version=x", NULL, NOTHING,
		  BAD("api-version",
		  "the version is not of the form YYYY-MM-DD") },
	};
	struct scene *scene = scene_new(NULL);

	CHECK_CASES(NULL, NULL, cases);
	scene->identity = WPS_DECLINED;
	check_text("without token", happens(scene, "HEAD /api/health", NULL,
	    WPS_SPAN_NONE), "-> 200");
	scene->stopping = true;
	check_text("at the end", happens(scene, "HEAD /api/health", NULL,
	    WPS_SPAN_NONE), "-> 503 x-ms-error-code=ServiceUnavailable "
	    "Retry-After=1");
	scene_free(scene);
}

/* --- tokens -------------------------------------------------------------- */

#define TOKEN " -> 200 Content-Type=application/json {\"token\":\"xxxxxxxx\"}"
#define GENERATE "POST " HUB "/:generateToken?"
#define BAD_MINUTES BAD("minutesToExpire", \
	"the value must be an integer of at least 1")

static void
test_tokens(void)
{
	static const struct rest_case cases[] = {
		{ "POST /api/hubs/Chat/:generateToken", NULL, NOTHING,
		  "issue aud=http://rt.example:8080/client/hubs/chat 3600s"
		  TOKEN },
		{ GENERATE "userId=u1&role=webpubsub.sendToGroup&role=r2&group=g"
		  "&minutesToExpire=5&clientType=default", NULL, NOTHING,
		  "issue aud=http://rt.example:8080/client/hubs/chat sub=u1 "
		  "role=webpubsub.sendToGroup role=r2 group=g 300s" TOKEN },
		{ GENERATE "userId=&clientType=MQTT&minutesToExpire=0", NULL,
		  NOTHING, "issue aud=http://rt.example:8080/clients/mqtt/hubs/"
		  "chat 60s" TOKEN },
		{ "POST /api/hubs/chat%5B1%5D/:generateToken?clientType=socketIO&"
		  "minutesToExpire=2147483647", NULL, NOTHING,
		  "issue aud=http://rt.example:8080/clients/socketio/hubs/"
		  "chat%5B1%5D 128849018820s" TOKEN },
		{ GENERATE "minutesToExpire=2147483648", NULL, NOTHING,
		  BAD_MINUTES },
		{ GENERATE "minutesToExpire=-1", NULL, NOTHING, BAD_MINUTES },
		{ GENERATE "minutesToExpire=", NULL, NOTHING, BAD_MINUTES },
		{ GENERATE "clientType=amqp", NULL, NOTHING, BAD("clientType",
		  "the value must be Default, MQTT or socketio") },
		{ GENERATE "clientType=", NULL, NOTHING, BAD("clientType",
		  "the value must be Default, MQTT or socketio") },
		{ GENERATE "group=a&group=", NULL, NOTHING, BAD("group",
		  "a group name has 1 to 1024 characters and is not blank") },
		{ GENERATE "role=%ff", NULL, NOTHING,
		  BAD("role", "a role is not valid text") },
		{ GENERATE "role=", NULL, NOTHING,
		  BAD("role", "a role is not valid text") },
		{ GENERATE "userId=%ff", NULL, NOTHING, BAD("userId",
		  "a user id has 1 to 1024 bytes of UTF-8") },
	};

	CHECK_CASES(NULL, NULL, cases);
}

static void
test_token_audience_is_a_public_endpoint(void)
{
	const struct {
		const char *const *endpoints;
		const char *expected;
	} cases[] = {
		{ ITEMS("https://a.example"),
		  "issue aud=https://a.example/client/hubs/chat 3600s" TOKEN },
		{ ITEMS("https://a.example", "https://RT.example:8080/"),
		  "issue aud=https://RT.example:8080/client/hubs/chat 3600s"
		  TOKEN },
		{ ITEMS("https://a.example", "http://rt.example:8080/base/"),
		  "issue aud=http://rt.example:8080/base/client/hubs/chat 3600s"
		  TOKEN },
		{ ITEMS("a.example:1"),
		  "issue aud=http://a.example:1/client/hubs/chat 3600s" TOKEN },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct fakehost_value core[] = {
			{ .name = "public_endpoints",
			  .items = cases[i].endpoints },
			{ .name = NULL },
		};
		struct scene *scene =
		    scene_new(&(struct fakehost_conf){ .core = core });
		check_text("token", happens(scene, "POST " HUB "/:generateToken",
		    NULL, WPS_SPAN_NONE), cases[i].expected);
		scene_free(scene);
	}
}

static void
test_tokens_that_are_not_issued(void)
{
	static const char issue[] =
	    "issue aud=http://rt.example:8080/client/hubs/chat 3600s ";
	static const struct {
		int result;
		const char *expected;
	} cases[] = {
		{ WPS_FULL, BAD("Request", "the token would be too long") },
		{ WPS_DECLINED, FAILURE(500, "", "InternalServerError",
		  "\"message\":\"this server issues no client tokens\"") },
	};
	struct scene *scene = scene_new(NULL);

	for (size_t i = 0; i < COUNT(cases); i++) {
		scene->issue_result = cases[i].result;
		happens(scene, "POST " HUB "/:generateToken", NULL,
		    WPS_SPAN_NONE);
		CU_ASSERT_FATAL(scene->text_len > sizeof(issue));
		check_text("refusal", scene->text + sizeof(issue) - 1,
		    cases[i].expected);
	}
	scene_free(scene);
}

static void
test_tokens_need_a_host(void)
{
	struct scene *scene = scene_new(NULL);
	char host[2048];
	static const size_t lengths[] = { 0, 1024, 1025 };
	static const bool issued[] = { false, true, false };

	memset(host, 'h', sizeof(host));
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct wps_request *request = request_new(scene,
		    "POST " HUB "/:generateToken", NULL, WPS_SPAN_NONE);
		drop(request->view.host);
		request->view.host = copy((struct wps_span){ host, lengths[i] });
		serve_request(scene, request);
		if (issued[i])
			CU_ASSERT(strstr(scene->text, TOKEN) != NULL)
		else
			check_text("refusal", scene->text, BAD("Request",
			    "the Host header is missing or too long"));
	}
	scene_free(scene);
}

/* --- what all calls have in common --------------------------------------- */

static void
test_unknown_routes_and_methods(void)
{
	static const struct rest_case cases[] = {
		{ "GET /api/nothing", NULL, NOTHING, FAILURE(404, "", "NotFound",
		  "\"message\":\"there is nothing here\"") },
		{ "HEAD /api/nothing", NULL, NOTHING,
		  "-> 404 x-ms-error-code=NotFound" },
		{ "POST " HUB "/users/u/groups/", NULL, NOTHING,
		  FAILURE(405, " Allow=HEAD, PUT, DELETE", "MethodNotAllowed",
		  "\"message\":\"the method is not known here\"") },
		{ "HEAD " HUB "/:send", NULL, NOTHING,
		  "-> 405 x-ms-error-code=MethodNotAllowed Allow=POST" },
		/* a forgotten name is not the operation on all */
		{ "DELETE " HUB "/users/u/groups/", NULL, NOTHING, BAD("group",
		  "a group name has 1 to 1024 characters and is not blank") },
		{ "DELETE " HUB "/connections/", NULL, NOTHING,
		  BAD("connectionId",
		  "a connection id has 1 to 1024 bytes of UTF-8") },
	};

	CHECK_CASES(NULL, NULL, cases);
}

static void
test_callers_without_a_valid_token_are_refused_first(void)
{
	static const char refusal[] = FAILURE(401,
	    " WWW-Authenticate=Bearer error=\"invalid_token\"", "Unauthorized",
	    "\"message\":\"a valid token is needed\"");
	struct scene *scene = scene_new(NULL);

	scene->identity = WPS_DECLINED;
	for (int later = 0; later < 2; later++) {
		scene->later = later;
		check_text("send", happens(scene, "POST " HUB "/:send", NULL,
		    WPS_SPAN("x")), refusal);
		check_text("bad parameters", happens(scene, "POST /api/hubs/1/"
		    "groups/%/:send?api-version=", NULL, WPS_SPAN("x")), refusal);
		check_text("HEAD", happens(scene, "HEAD " HUB "/users/u", NULL,
		    WPS_SPAN_NONE), "-> 401 x-ms-error-code=Unauthorized "
		    "WWW-Authenticate=Bearer error=\"invalid_token\"");
		check_text("unknown route", happens(scene, "HEAD /api/hubs/h",
		    NULL, WPS_SPAN_NONE), "-> 404 x-ms-error-code=NotFound");
	}
	scene_free(scene);
}

static void
test_auth_hears_the_hub_in_lower_case(void)
{
	struct scene *scene = scene_new(NULL);

	happens(scene, "HEAD /api/hubs/C%48AT/users/u", NULL, WPS_SPAN_NONE);
	check_text("hub", scene->hub, "chat");
	happens(scene, "HEAD /api/hubs/-/users/u", NULL, WPS_SPAN_NONE);
	check_text("no hub", scene->hub, "");
	scene_free(scene);
}

static void
test_the_callers_request_id_is_repeated_if_harmless(void)
{
	static const char id128[] =
	    "0123456789012345678901234567890123456789012345678901234567890123"
	    "0123456789012345678901234567890123456789012345678901234567890123";
	struct scene *scene = scene_new(NULL);
	char header[256], expected[256];

	check_text("short", happens(scene, "HEAD /api/health",
	    "X-MS-Client-Request-Id: ab c\n", WPS_SPAN_NONE),
	    "-> 200 x-ms-client-request-id=ab c");
	CU_ASSERT(fakehost_logged(&scene->fake, "client_id=ab c\n"));

	snprintf(header, sizeof(header), "x-ms-client-request-id: %s\n", id128);
	snprintf(expected, sizeof(expected),
	    "-> 200 x-ms-client-request-id=%s", id128);
	check_text("long", happens(scene, "HEAD /api/health", header,
	    WPS_SPAN_NONE), expected);

	snprintf(header, sizeof(header), "x-ms-client-request-id: %sx\n", id128);
	check_text("too long", happens(scene, "HEAD /api/health", header,
	    WPS_SPAN_NONE), "-> 200");
	check_text("empty", happens(scene, "HEAD /api/health",
	    "x-ms-client-request-id: \n", WPS_SPAN_NONE), "-> 200");
	check_text("control", happens(scene, "HEAD /api/health",
	    "x-ms-client-request-id: a\tb\n", WPS_SPAN_NONE), "-> 200");
	check_text("no ASCII", happens(scene, "HEAD /api/health",
	    "x-ms-client-request-id: \xc3\xbc\n", WPS_SPAN_NONE), "-> 200");
	scene_free(scene);
}

static void
test_the_log_has_one_line_without_secrets(void)
{
	struct scene *scene = scene_new(NULL);
	char expected[512];

	happens(scene, "POST " HUB "/groups/g/:send?excluded=SECRET&filter=",
	    "Authorization: Bearer SECRET\nContent-Type: text/plain\n",
	    WPS_SPAN("SECRET"));
	snprintf(expected, sizeof(expected), "debug: request answered status=202 "
	    "operation=SendToGroup method=POST path=" HUB "/groups/g/:send "
	    "bytes_in=6 bytes_out=0 ms=0 id=%s client_id=\n", scene->last_id);
	check_text("log", scene->fake.log, expected);
	scene_free(scene);
}

static void
test_an_access_log_is_an_option(void)
{
	static const struct fakehost_value own[] = {
		{ .name = "access_log", .number = 1 },
		{ .name = NULL },
	};
	struct scene *scene = scene_new(&(struct fakehost_conf){ .own = own });

	happens(scene, "HEAD /api/health?SECRET", NULL, WPS_SPAN_NONE);
	CU_ASSERT(strstr(scene->fake.log, "info: request answered status=200 "
	    "operation=GetServiceStatus method=HEAD path=/api/health bytes_in=0 "
	    "bytes_out=0 ms=0 id=") == scene->fake.log);
	CU_ASSERT(strstr(scene->fake.log, "SECRET") == NULL);
	scene_free(scene);
}

/* The host's refusals look like this API's errors. */
static void
test_refusals_of_the_host_are_flat_errors(void)
{
	static const struct {
		int status;
		const char *body;
		size_t headers;
	} cases[] = {
		{ 413, "{\"code\":\"PayloadTooLarge\",\"message\":\"why\","
		  "\"target\":\"Request\"}", 2 },
		{ 400, "{\"code\":\"Error.BadRequest\",\"message\":\"why\","
		  "\"target\":\"Request\"}", 2 },
		{ 503, "{\"code\":\"ServiceUnavailable\",\"message\":\"why\","
		  "\"target\":\"Request\"}", 3 },
		{ 499, "{\"code\":\"Error.BadRequest\",\"message\":\"why\","
		  "\"target\":\"Request\"}", 2 },
	};
	struct scene *scene = scene_new(NULL);

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wps_refusal refusal = {
			.status = cases[i].status, .reason = WPS_SPAN("why"),
		};
		scene->fake.routes[0].refuse(scene->fake.worker_state, &refusal);
		CU_ASSERT(wps_span_eq(refusal.body,
		    wps_span_str(cases[i].body)));
		check_number("headers", (long long)refusal.header_count,
		    (long long)cases[i].headers);
	}
	scene_free(scene);
}

static void
test_paths_as_the_vendors_service_reads_them_are_an_option(void)
{
	static const struct fakehost_value own[] = {
		{ .name = "legacy_path_decoding", .number = 1 },
		{ .name = NULL },
	};
	static const struct rest_case cases[] = {
		{ "HEAD " HUB "/users/a%2Fb", NULL, NOTHING,
		  "exists user hub=chat name=a%2Fb -> 200" },
		{ "HEAD " HUB "/groups/a%252Fb", NULL, NOTHING,
		  "exists group hub=chat name=a%2Fb -> 200" },
	};

	CHECK_CASES((&(struct fakehost_conf){ .own = own }), NULL, cases);
}

/* --- life ---------------------------------------------------------------- */

#define CROWD 100 /* more than the plugin keeps for reuse */

static void
test_many_calls_wait_at_once(void)
{
	struct scene *scene = scene_new(NULL);
	struct wps_request *requests[CROWD];

	scene->later = true;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < CROWD; i++) {
			char line[64];
			snprintf(line, sizeof(line), "HEAD " HUB "/users/u%zu", i);
			requests[i] = serve(scene, line, NULL, WPS_SPAN_NONE);
			CU_ASSERT(requests[i]->on_identity != NULL);
		}
		for (size_t i = CROWD; i-- > 0;)
			answer_identity(requests[i]);
		for (size_t i = 0; i < CROWD; i += 2)
			answer_done(requests[i]);
		for (size_t i = 1; i < CROWD; i += 2)
			answer_done(requests[i]);
		scene->text[scene->text_len = 0] = '\0';
	}
	check_number("answers", scene->answers, 2 * CROWD);
	scene_free(scene);
}

static void
test_a_stop_leaves_no_waiting_call(void)
{
	struct scene *scene = scene_new(NULL);

	scene->later = true;
	serve(scene, "HEAD " HUB "/users/u", NULL, WPS_SPAN_NONE);
	struct wps_request *second =
	    serve(scene, "HEAD " HUB "/users/u", NULL, WPS_SPAN_NONE);
	answer_identity(second);
	scene_free(scene);
}

static void
test_a_taken_route_fails_the_start(void)
{
	struct fakehost fake;

	fakehost_init(&fake, &(struct fakehost_conf){ .own = NULL });
	fake.routes[fake.route_count++].prefix = "/api/";
	check_number("start", fakehost_start(&fake), WPS_EINVAL);
	fakehost_fini(&fake);
}

static const struct named_test tests[] = {
	TEST(test_sends),
	TEST(test_sends_that_are_refused),
	TEST(test_a_send_without_memory_is_to_be_repeated),
	TEST(test_management),
	TEST(test_what_is_not_there),
	TEST(test_what_a_limit_prevents),
	TEST(test_permissions_that_are_refused),
	TEST(test_permissions_for_all_groups_are_an_option),
	TEST(test_reasons_fit_into_a_close_frame),
	TEST(test_health),
	TEST(test_tokens),
	TEST(test_token_audience_is_a_public_endpoint),
	TEST(test_tokens_that_are_not_issued),
	TEST(test_tokens_need_a_host),
	TEST(test_unknown_routes_and_methods),
	TEST(test_callers_without_a_valid_token_are_refused_first),
	TEST(test_auth_hears_the_hub_in_lower_case),
	TEST(test_the_callers_request_id_is_repeated_if_harmless),
	TEST(test_the_log_has_one_line_without_secrets),
	TEST(test_an_access_log_is_an_option),
	TEST(test_refusals_of_the_host_are_flat_errors),
	TEST(test_paths_as_the_vendors_service_reads_them_are_an_option),
	TEST(test_many_calls_wait_at_once),
	TEST(test_a_stop_leaves_no_waiting_call),
	TEST(test_a_taken_route_fails_the_start),
};

int
main(void)
{
	return RUN_TESTS("rest", tests);
}
