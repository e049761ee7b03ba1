/* SPDX-License-Identifier: MIT */
/*
 * The body of the connect event: claims, query, headers and subprotocols of the
 * client (upstream-events.md, section 5.1).
 *
 * Every value is an array of texts. What identifies the client to this server
 * alone (its token, the Authorization header) is left out, unless the handler
 * wants it.
 */
#include "request.h"

#include "lib/names.h"
#include "lib/pct.h"
#include "lib/utf8.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define CLAIM_NAME_ID                                                          \
	"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"
#define CLAIM_ROLE                                                             \
	"http://schemas.microsoft.com/ws/2008/06/identity/claims/role"

/* The bytes as a JSON string; what is not UTF-8 becomes U+FFFD byte by byte. */
static json_t *
string_of(struct wps_span bytes)
{
	if (utf8_valid(bytes))
		return json_stringn(bytes.len ? bytes.data : "", bytes.len);

	struct text text = { .data = NULL };
	for (size_t i = 0; i < bytes.len; i++) {
		if ((unsigned char)bytes.data[i] < 0x80)
			text_add_char(&text, bytes.data[i]);
		else
			text_add(&text, WPS_SPAN("\xef\xbf\xbd"));
	}
	json_t *string = text.failed ? NULL : json_stringn(text.data, text.len);
	text_free(&text);
	return string;
}

/* Adds a text to the array of that name, which it makes. */
static void
append(json_t *object, const char *name, size_t name_len, json_t *string)
{
	json_t *array = json_object_getn(object, name, name_len);

	if (array == NULL) {
		array = json_array();
		json_object_setn_new(object, name, name_len, array);
		array = json_object_getn(object, name, name_len);
	}
	if (array)
		json_array_append_new(array, string);
	else
		json_decref(string);
}

/* --- claims --------------------------------------------------------------------- */

#define DIGITS_SURE 15 /* of a double, that survive the way to text and back */
#define DIGITS_ALL 17  /* with which every double does */

/* The shortest text of that number: 0.1 has not 17 digits. */
static json_t *
real_text(double value)
{
	char text[32];
	int digits = DIGITS_SURE;

	do
		snprintf(text, sizeof(text), "%.*g", digits, value);
	while (strtod(text, NULL) != value && digits++ < DIGITS_ALL);
	return json_string(text);
}

/* A claim's value as text: strings as they are, others as JSON. */
static json_t *
claim_text(const json_t *value)
{
	if (json_is_real(value))
		return real_text(json_real_value(value));
	if (json_is_string(value))
		return json_stringn(json_string_value(value),
		    json_string_length(value));

	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	json_t *string = text ? json_string(text) : NULL;
	free(text);
	return string;
}

static json_t *
claim_texts(const json_t *value)
{
	json_t *texts = json_array();
	const json_t *item;
	size_t i;

	if (!json_is_array(value)) {
		json_array_append_new(texts, claim_text(value));
		return texts;
	}
	json_array_foreach(value, i, item)
		json_array_append_new(texts, claim_text(item));
	return texts;
}

/* Applications look for claims under either of their names. */
static void
add_alias(json_t *claims, const char *name, const char *alias)
{
	json_t *texts = json_object_get(claims, name);

	if (texts && json_object_get(claims, alias) == NULL)
		json_object_set(claims, alias, texts);
}

/* NULL when the text is no JSON object. */
static json_t *
claims_of(struct wps_span text)
{
	json_t *claims = json_object();

	if (text.data == NULL)
		return claims;

	json_t *token = json_loadb(text.data, text.len, JSON_ALLOW_NUL, NULL);
	if (!json_is_object(token)) {
		json_decref(token);
		json_decref(claims);
		return NULL;
	}
	const char *name;
	json_t *value;
	json_object_foreach(token, name, value)
		json_object_set_new(claims, name, claim_texts(value));
	json_decref(token);
	add_alias(claims, "sub", "nameid");
	add_alias(claims, "sub", CLAIM_NAME_ID);
	add_alias(claims, "role", CLAIM_ROLE);
	return claims;
}

/* --- query, headers, subprotocols --------------------------------------------------- */

/* One part of a query, decoded as forms are; `room` has space for all of it. */
static struct wps_span
decode(struct wps_span part, char *room)
{
	size_t len = 0;

	for (size_t i = 0; i < part.len; i++) {
		int byte;
		if (part.data[i] == '%' && i + 2 < part.len &&
		    (byte = pct_hex_byte(part.data + i + 1)) >= 0) {
			room[len++] = (char)byte;
			i += 2;
		} else {
			room[len++] = part.data[i] == '+' ? ' ' : part.data[i];
		}
	}
	return (struct wps_span){ room, len };
}

static void
add_parameter(json_t *query, struct wps_span item, bool with_tokens, char *room)
{
	struct wps_span name, value = { item.data ? item.data : "", 0 };
	struct wps_span rest = item;

	span_next(&rest, '=', &name);
	if (rest.data)
		value = rest;
	name = decode(name, room);
	value = decode(value, room + name.len);
	if (!with_tokens && name_eq_nocase(name, WPS_SPAN("access_token")))
		return;
	json_t *key = string_of(name);
	if (key)
		append(query, json_string_value(key), json_string_length(key),
		    string_of(value));
	json_decref(key);
}

static json_t *
query_of(struct wps_span raw, bool with_tokens)
{
	json_t *query = json_object();
	char *room = malloc(raw.len + 1);
	struct wps_span item;

	while (room && span_next(&raw, '&', &item)) {
		if (item.len > 0)
			add_parameter(query, item, with_tokens, room);
	}
	free(room);
	return query;
}

static bool
is_withheld(struct wps_span header, bool with_tokens)
{
	static const char reserved[] = "X-ASRS-Internal-";

	return (!with_tokens &&
	    name_eq_nocase(header, WPS_SPAN("Authorization"))) ||
	    (header.len >= sizeof(reserved) - 1 &&
	    strncasecmp(header.data, reserved, sizeof(reserved) - 1) == 0);
}

/* The name under which the same header stands already, in whatever case. */
static struct wps_span
spelling(const struct wps_handshake *handshake, size_t i)
{
	struct wps_span name = handshake->headers[i].name;

	for (size_t k = 0; k < i; k++) {
		if (name_eq_nocase(handshake->headers[k].name, name))
			return handshake->headers[k].name;
	}
	return name;
}

static json_t *
headers_of(const struct wps_handshake *handshake, bool with_tokens)
{
	json_t *headers = json_object();

	for (size_t i = 0; i < handshake->header_count; i++) {
		struct wps_span name = spelling(handshake, i);
		if (!is_withheld(name, with_tokens))
			append(headers, name.data, name.len,
			    string_of(handshake->headers[i].value));
	}
	return headers;
}

static json_t *
subprotocols_of(const struct wps_handshake *handshake)
{
	json_t *names = json_array();

	for (size_t i = 0; i < handshake->subprotocol_count; i++)
		json_array_append_new(names, string_of(handshake->subprotocols[i]));
	return names;
}

int
connect_body_make(const struct wps_handshake *handshake, bool with_tokens,
    struct text *out)
{
	json_t *claims = claims_of(handshake->claims);

	if (claims == NULL)
		return WPS_EINVAL;
	json_t *body = json_pack("{s:o, s:o, s:o, s:o, s:[]}", "claims", claims,
	    "query", query_of(handshake->query, with_tokens),
	    "headers", headers_of(handshake, with_tokens),
	    "subprotocols", subprotocols_of(handshake), "clientCertificates");
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	if (text == NULL)
		return WPS_ENOMEM;
	text_add(out, wps_span_str(text));
	free(text);
	return WPS_OK;
}
