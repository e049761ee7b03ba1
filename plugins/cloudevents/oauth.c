/* SPDX-License-Identifier: MIT */
#include "oauth.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define TOKEN_MAX 16384
#define LIFETIME_S 300            /* of a token that does not say */
#define LIFETIME_MAX_S (24 * 3600)

/* --- what is asked ------------------------------------------------------------- */

static void
add_parameter(struct text *body, const char *name, struct wps_span value)
{
	if (value.data == NULL)
		return;
	if (body->len > 0)
		text_add_char(body, '&');
	text_add(body, wps_span_str(name));
	text_add_char(body, '=');
	text_add_escaped(body, value);
}

static void
add_body(struct text *body, const struct handler_credentials *with)
{
	add_parameter(body, "grant_type", WPS_SPAN("client_credentials"));
	/* A client shows itself in one way only (RFC 6749, section 2.3). */
	if (with->method == METHOD_BODY) {
		add_parameter(body, "client_id", with->client);
		add_parameter(body, "client_secret", with->secret);
	}
	add_parameter(body, "scope", with->scope);
	add_parameter(body, "audience", with->audience);
}

/* RFC 6749, section 2.3.1: both are form-encoded first, so that a colon in the id
 * is not taken for the end of it. */
static void
add_basic(struct text *line, const struct handler_credentials *with)
{
	struct text pair = { .data = NULL };

	text_add_form(&pair, with->client);
	text_add_char(&pair, ':');
	text_add_form(&pair, with->secret);
	text_add(line, WPS_SPAN("Authorization: Basic "));
	text_add_base64(line, text_span(&pair));
	text_add_char(line, '\0');
	line->failed |= pair.failed;
	text_clear(&pair);
}

static struct curl_slist *
fixed_headers(const char *user_agent)
{
	struct curl_slist *headers = curl_slist_append(NULL,
	    "Content-Type: application/x-www-form-urlencoded");

	headers = curl_slist_append(headers, "Accept: application/json");
	headers = curl_slist_append(headers, user_agent);
	return curl_slist_append(headers, "Expect:");
}

int
oauth_request_init(struct oauth_request *request,
    const struct handler_credentials *with, const char *user_agent)
{
	*request = (struct oauth_request){ .fixed = fixed_headers(user_agent) };
	/* The option need not end with a NUL. */
	text_add(&request->url, with->url);
	text_add_char(&request->url, '\0');
	add_body(&request->body, with);
	if (with->method == METHOD_BASIC)
		add_basic(&request->basic, with);
	return request->url.failed || request->body.failed ||
	    request->basic.failed ? WPS_ENOMEM : WPS_OK;
}

struct curl_slist *
oauth_request_headers(struct oauth_request *request)
{
	if (request->basic.len == 0)
		return request->fixed;
	request->first = (struct curl_slist){
		.data = request->basic.data,
		.next = request->fixed,
	};
	return &request->first;
}

void
oauth_request_fini(struct oauth_request *request)
{
	text_clear(&request->url);
	text_clear(&request->body);
	text_clear(&request->basic);
	curl_slist_free_all(request->fixed);
	request->fixed = NULL;
}

/* --- what comes ------------------------------------------------------------------ */

bool
bearer_valid(struct wps_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] <= ' ' || text.data[i] > '~')
			return false;
	}
	return text.len > 0 && text.len <= TOKEN_MAX;
}

static uint64_t
lifetime_s(const json_t *value)
{
	json_int_t seconds = LIFETIME_S;

	if (json_is_integer(value))
		seconds = json_integer_value(value);
	else if (json_is_string(value))
		seconds = strtoll(json_string_value(value), NULL, 10);
	if (seconds < 1)
		seconds = 1;
	return (uint64_t)(seconds > LIFETIME_MAX_S ? LIFETIME_MAX_S : seconds);
}

int
oauth_read_token(struct wps_span body, struct text *token_out,
    uint64_t *seconds_out)
{
	json_t *root = json_loadb(body.data, body.len, 0, NULL);
	const json_t *value = json_object_get(root, "access_token");
	struct wps_span token = { json_string_value(value),
		json_string_length(value) };
	bool good = bearer_valid(token);

	if (good) {
		text_add(token_out, token);
		*seconds_out = lifetime_s(json_object_get(root, "expires_in"));
	}
	json_decref(root);
	return good && !token_out->failed ? WPS_OK : WPS_DECLINED;
}

static bool
is_error_name(struct wps_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] != '_' && (text.data[i] < 'a' || text.data[i] > 'z'))
			return false;
	}
	return text.len <= OAUTH_ERROR_MAX;
}

void
oauth_read_error(struct wps_span body, char *dst, size_t cap)
{
	json_t *root = json_loadb(body.data, body.len, 0, NULL);
	const json_t *value = json_object_get(root, "error");
	struct wps_span error = { json_string_value(value),
		json_string_length(value) };

	snprintf(dst, cap, "%.*s", is_error_name(error) ? (int)error.len : 0,
	    error.data ? error.data : "");
	json_decref(root);
}
