/* SPDX-License-Identifier: MIT */
#include "oauth.h"

#include "lib/jscan.h"
#include "lib/utf8.h"

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
	text_free(&pair);
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
	text_free(&request->url);
	text_free(&request->body);
	text_free(&request->basic);
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

/* A member of the object that the body is; of several with the name the last.
 * Scanned, because a tree would leave copies of the token in memory. */
static bool
find_member(struct wps_span body, const char *name, struct jscan_value *out)
{
	struct jscan scan;
	struct jscan_value key, value;
	bool found = false;

	if (!utf8_valid(body))
		return false;
	int rc = jscan_begin_object(&scan, body);
	while (rc == WPS_OK &&
	    (rc = jscan_member(&scan, &key, &value)) == WPS_OK) {
		if (!jscan_is(&key, name))
			continue;
		*out = value;
		found = true;
	}
	return found && rc == WPS_NOT_FOUND;
}

/* Adds the text of a member; false: there is none. */
static bool
add_member(struct text *text, struct wps_span body, const char *name)
{
	struct jscan_value value;
	size_t len;

	if (!find_member(body, name, &value) || value.kind != JSCAN_STRING)
		return false;
	char *room = text_room(text, value.raw.len);
	if (room == NULL)
		return false;
	bool good = jscan_unescape(room, &value, &len);
	if (good)
		text->len += len;
	else
		explicit_bzero(room, value.raw.len);
	return good;
}

/* As an integer, or as the text of one. */
static uint64_t
lifetime_s(struct wps_span body)
{
	long long seconds = LIFETIME_S;
	struct jscan_value value;
	char digits[24];

	if (find_member(body, "expires_in", &value) &&
	    (value.kind == JSCAN_NUMBER || value.kind == JSCAN_STRING)) {
		size_t quote = value.kind == JSCAN_STRING;
		snprintf(digits, sizeof(digits), "%.*s",
		    (int)(value.raw.len - 2 * quote), value.raw.data + quote);
		if (value.kind == JSCAN_STRING || !strpbrk(digits, ".eE"))
			seconds = strtoll(digits, NULL, 10);
	}
	if (seconds < 1)
		seconds = 1;
	return (uint64_t)(seconds > LIFETIME_MAX_S ? LIFETIME_MAX_S : seconds);
}

int
oauth_read_token(struct wps_span body, struct text *token_out,
    uint64_t *seconds_out)
{
	struct text token = { .data = NULL };
	bool good = add_member(&token, body, "access_token") &&
	    bearer_valid(text_span(&token));

	if (good) {
		text_add(token_out, text_span(&token));
		*seconds_out = lifetime_s(body);
	}
	text_free(&token);
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
	struct text error = { .data = NULL };

	dst[0] = '\0';
	if (add_member(&error, body, "error") && is_error_name(text_span(&error)))
		snprintf(dst, cap, "%.*s", (int)error.len, error.data);
	text_free(&error);
}
