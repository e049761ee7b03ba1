/* SPDX-License-Identifier: MIT */
/*
 * Client tokens (rest-api.md, section 9). The auth plugin makes them; here it is
 * said what they shall say.
 */
#include "endpoint.h"
#include "params.h"
#include "rest.h"

#include "lib/pct.h"
#include "lib/utf8.h"

#include <stdio.h>

#define MINUTES_DEFAULT 60
#define MINUTES_MAX INT32_MAX
#define AUDIENCE_MAX (ENDPOINT_MAX + 512)
#define TOKEN_MAX (256 * 1024) /* so much that the auth plugin sets the limit */

static const struct {
	const char *client_type, *path;
} client_types[] = {
	{ "Default", "/client/hubs/" },
	{ "MQTT", "/clients/mqtt/hubs/" },
	{ "socketio", "/clients/socketio/hubs/" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The path of the endpoint that clients of this type use; NULL: no such type. */
static const char *
client_path(struct wps_span type)
{
	if (type.data == NULL)
		return client_types[0].path;
	for (size_t i = 0; i < COUNT(client_types); i++) {
		if (name_eq_nocase(type,
		    wps_span_str(client_types[i].client_type)))
			return client_types[i].path;
	}
	return NULL;
}

/* --- the audience -------------------------------------------------------- */

/* Into room for AUDIENCE_MAX bytes; absent when it would be longer. */
static struct wps_span
make_audience(const struct call *call, const char *path, char *dst)
{
	char endpoint[ENDPOINT_MAX], hub[3 * NAME_HUB_MAX];
	size_t endpoint_len = endpoint_write(call, endpoint);
	size_t hub_len = (size_t)(pct_encode(hub, call->hub) - hub);

	if (endpoint_len == 0)
		return WPS_SPAN_NONE;
	int len = snprintf(dst, AUDIENCE_MAX, "%.*s%s%.*s", (int)endpoint_len,
	    endpoint, path, (int)hub_len, hub);
	return (struct wps_span){ dst, (size_t)len };
}

/* --- the claims ---------------------------------------------------------- */

static bool
text_is_valid(struct wps_span text)
{
	return text.len > 0 && utf8_valid(text);
}

static bool
all_valid(const struct params *params, enum query_param name,
    bool (*is_valid)(struct wps_span text))
{
	for (size_t i = 0; i < params->count[name]; i++) {
		if (!is_valid(params_items(params, name)[i]))
			return false;
	}
	return true;
}

static bool
read_lifetime(struct wps_span minutes, struct wps_claims *claims,
    struct error *error)
{
	uint64_t count = MINUTES_DEFAULT;

	if (minutes.data && !params_number(minutes, MINUTES_MAX, &count))
		return error_bad(error, "minutesToExpire",
		    "the value must be an integer of at least 1");
	claims->lifetime_s = (count ? count : 1) * 60;
	return true;
}

static bool
read_claims(const struct params *params, struct wps_claims *claims,
    struct error *error)
{
	struct wps_span user = params->query[QUERY_USER_ID];

	if (user.len > 0 && !name_id_valid(user))
		return error_bad(error, "userId",
		    "a user id has 1 to 1024 bytes of UTF-8");
	if (!all_valid(params, QUERY_ROLE, text_is_valid))
		return error_bad(error, "role", "a role is not valid text");
	if (!all_valid(params, QUERY_GROUP, name_group_valid))
		return error_bad(error, "group", "a group name has 1 to 1024 "
		    "characters and is not blank");
	claims->user = user.len ? user : WPS_SPAN_NONE;
	claims->roles = params_items(params, QUERY_ROLE);
	claims->role_count = params->count[QUERY_ROLE];
	claims->groups = params_items(params, QUERY_GROUP);
	claims->group_count = params->count[QUERY_GROUP];
	return read_lifetime(params->query[QUERY_MINUTES], claims, error);
}

/* --- the token ----------------------------------------------------------- */

#define BEFORE "{\"token\":\""
#define BEHIND "\"}"

static void
refuse(struct call *call, int rc)
{
	struct error error = {
		.code = ERROR_INTERNAL,
		.message = "this server issues no client tokens",
	};

	if (rc == WPS_FULL)
		error_bad(&error, "Request", "the token would be too long");
	else if (rc == WPS_ENOMEM)
		error_no_memory(&error);
	reply_error(call, &error);
}

static void
issue(struct call *call, const struct wps_claims *claims)
{
	const struct rest *rest = call->worker->rest;
	struct text *answer = &call->answer;
	size_t len;

	text_put_str(answer, BEFORE);
	text_reserve(answer, TOKEN_MAX + sizeof(BEHIND));
	int rc = answer->failed ? WPS_ENOMEM : rest->host->issue(rest->self,
	    claims, answer->data + answer->len, TOKEN_MAX, &len);
	if (rc != WPS_OK) {
		refuse(call, rc);
		return;
	}
	answer->len += len;
	text_put_str(answer, BEHIND);
	reply_json(call, text_span(answer));
}

void
token_run(struct call *call, const struct params *params)
{
	const char *path = client_path(params->query[QUERY_CLIENT_TYPE]);
	struct wps_claims claims = { .user = WPS_SPAN_NONE };
	char audience[AUDIENCE_MAX];
	struct error error;

	if (path == NULL) {
		error_bad(&error, "clientType",
		    "the value must be Default, MQTT or socketio");
		reply_error(call, &error);
		return;
	}
	if (!read_claims(params, &claims, &error)) {
		reply_error(call, &error);
		return;
	}
	claims.audience = make_audience(call, path, audience);
	if (claims.audience.data == NULL) {
		error_bad(&error, "Request",
		    "the Host header is missing or too long");
		reply_error(call, &error);
		return;
	}
	issue(call, &claims);
}
