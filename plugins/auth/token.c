/* SPDX-License-Identifier: MIT */
#include "token.h"

#include "lib/base64.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdlib.h>

/* A header names an algorithm and little else; this bounds what is parsed
 * before the signature is. */
#define HEADER_MAX 1024
#define SIGNATURE_LEN 43 /* characters of MAC_LEN bytes */

struct parts {
	struct wps_span header, payload, signature;
	struct wps_span signed_text; /* header and payload with their dot */
};

/* The claims that are lists of texts, or one text. */
struct lists {
	const json_t *aud, *roles, *groups;
	size_t aud_count, role_count, group_count;
};

/* Where a token's parts are put, one behind the other. */
struct room {
	struct wps_span *spans;
	char *bytes;
};

/* --- the parts ------------------------------------------------------------------ */

/* Cuts up to the next dot, which must be there. */
static bool
cut_part(struct wps_span *rest, struct wps_span *part)
{
	const char *dot = memchr(rest->data, '.', rest->len);

	if (dot == NULL)
		return false;
	*part = (struct wps_span){ rest->data, (size_t)(dot - rest->data) };
	rest->data = dot + 1;
	rest->len -= part->len + 1;
	return true;
}

/* A fourth part would be in no alphabet of the signature. */
static bool
split(struct wps_span text, struct parts *parts)
{
	struct wps_span rest = text;

	if (text.len == 0 || !cut_part(&rest, &parts->header) ||
	    !cut_part(&rest, &parts->payload))
		return false;
	parts->signature = rest;
	parts->signed_text = (struct wps_span){ text.data,
		(size_t)(rest.data - text.data) - 1 };
	return true;
}

/* A JSON object of a part; its text stays in the reader's room. */
static json_t *
read_object(const struct token_reader *reader, struct wps_span part,
    struct wps_span *json_out)
{
	json_t *object;

	json_out->data = reader->room;
	if (!base64url_decode(reader->room, part, &json_out->len))
		return NULL;
	object = json_loadb(json_out->data, json_out->len,
	    JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(object))
		return object;
	json_decref(object);
	return NULL;
}

/* The one algorithm; extensions that must be understood are not (RFC 7515,
 * section 4.1.11). NULL: it is accepted. */
static const char *
judge_header(const struct token_reader *reader, struct wps_span part)
{
	const char *reason = NULL;
	struct wps_span text;

	if (part.len > HEADER_MAX)
		return "header too long";
	json_t *header = read_object(reader, part, &text);
	if (header == NULL)
		return "header not valid";
	const char *alg = json_string_value(json_object_get(header, "alg"));
	if (alg == NULL || strcmp(alg, "HS256") != 0)
		reason = "algorithm not accepted";
	else if (json_object_get(header, "crit"))
		reason = "critical extension";
	json_decref(header);
	return reason;
}

static bool
verify(struct token_reader *reader, enum wps_caller caller,
    const struct parts *parts)
{
	struct keys *keys = &reader->keys;
	char mac[SIGNATURE_LEN * 3 / 4 + 1];
	size_t len;

	if (parts->signature.len != SIGNATURE_LEN ||
	    !base64url_decode(mac, parts->signature, &len))
		return false;
	for (size_t i = 0; i < keys->access_count; i++)
		if (mac_verify(keys->access[i], parts->signed_text,
		    (uint8_t *)mac))
			return true;
	return caller == WPS_CALLER_CLIENT && keys->client &&
	    mac_verify(keys->client, parts->signed_text, (uint8_t *)mac);
}

/* --- claims ------------------------------------------------------------------------ */

/* A claim of null is an absent one. */
static const json_t *
claim(const json_t *payload, const char *name)
{
	const json_t *value = json_object_get(payload, name);

	return json_is_null(value) ? NULL : value;
}

static bool
read_time(const json_t *value, double *out)
{
	if (!json_is_number(value))
		return false;
	*out = json_number_value(value);
	return true;
}

/* How many texts there are; false when it is something else. */
static bool
count_texts(const json_t *value, size_t *count_out)
{
	*count_out = 0;
	if (json_is_array(value)) {
		*count_out = json_array_size(value);
		for (size_t i = 0; i < *count_out; i++)
			if (!json_is_string(json_array_get(value, i)))
				return false;
		return true;
	}
	*count_out = json_is_string(value);
	return value == NULL || *count_out == 1;
}

static const char *
judge_claims(const json_t *payload, struct lists *lists, double *exp,
    double *nbf)
{
	const json_t *not_before = claim(payload, "nbf");
	const json_t *sub = claim(payload, "sub");

	*nbf = 0;
	if (!read_time(claim(payload, "exp"), exp))
		return "exp missing";
	if (not_before && !read_time(not_before, nbf))
		return "nbf not valid";
	if (sub && !json_is_string(sub))
		return "sub not valid";
	lists->aud = claim(payload, "aud");
	lists->roles = claim(payload, "role");
	lists->groups = claim(payload, "webpubsub.group");
	if (!count_texts(lists->aud, &lists->aud_count) ||
	    lists->aud_count == 0)
		return "audience missing";
	if (!count_texts(lists->roles, &lists->role_count))
		return "role not valid";
	if (!count_texts(lists->groups, &lists->group_count))
		return "webpubsub.group not valid";
	return NULL;
}

/* --- the copy ------------------------------------------------------------------------- */

static struct wps_span
put(struct room *room, struct wps_span bytes)
{
	struct wps_span copy = { room->bytes, bytes.len };

	memcpy(room->bytes, bytes.data, bytes.len);
	room->bytes += bytes.len;
	return copy;
}

static struct wps_span
text_of(const json_t *string)
{
	return (struct wps_span){ json_string_value(string),
		json_string_length(string) };
}

static const json_t *
text_at(const json_t *list, size_t i)
{
	return json_is_array(list) ? json_array_get(list, i) : list;
}

static const struct wps_span *
put_texts(struct room *room, const json_t *list, size_t count)
{
	struct wps_span *texts = room->spans;

	for (size_t i = 0; i < count; i++)
		texts[i] = put(room, text_of(text_at(list, i)));
	room->spans += count;
	return texts;
}

static void
put_audiences(struct token *token, struct room *room, struct audience *audiences,
    const struct lists *lists)
{
	for (size_t i = 0; i < lists->aud_count; i++) {
		struct wps_span text = text_of(text_at(lists->aud, i));
		char *copy = room->bytes;
		room->bytes += audience_room(text.len);
		memcpy(copy, text.data, text.len);
		audiences[i] = audience_parse(copy, text.len, token->caller);
	}
	token->audiences = audiences;
	token->audience_count = lists->aud_count;
}

/*
 * One allocation holds all. Texts in JSON are never shorter than what they mean,
 * and each audience has two quotation marks more, so that twice the payload is
 * room enough.
 */
static struct token *
token_new(const struct lists *lists, struct wps_span text,
    struct wps_span payload)
{
	size_t span_count = lists->role_count + lists->group_count;
	size_t size = sizeof(struct token) +
	    lists->aud_count * sizeof(struct audience) +
	    span_count * sizeof(struct wps_span) + text.len + 2 * payload.len;
	struct token *token = malloc(size);

	if (token)
		*token = (struct token){ .refs = 1, .size = size };
	return token;
}

static void
token_fill(struct token *token, const json_t *payload,
    const struct lists *lists, struct wps_span text, struct wps_span claims)
{
	struct wps_identity *identity = &token->identity;
	struct audience *audiences = (struct audience *)(token + 1);
	struct room room;
	const json_t *sub = claim(payload, "sub");

	room.spans = (struct wps_span *)(audiences + lists->aud_count);
	room.bytes = (char *)(room.spans + lists->role_count +
	    lists->group_count);
	token->text = put(&room, text);
	identity->claims = put(&room, claims);
	if (json_string_length(sub) > 0)
		identity->user = put(&room, text_of(sub));
	identity->roles = put_texts(&room, lists->roles, lists->role_count);
	identity->role_count = lists->role_count;
	identity->groups = put_texts(&room, lists->groups, lists->group_count);
	identity->group_count = lists->group_count;
	put_audiences(token, &room, audiences, lists);
}

static struct token *
read_payload(const struct token_reader *reader, enum wps_caller caller,
    struct wps_span text, struct wps_span part, const char **reason_out)
{
	struct wps_span claims;
	struct token *token = NULL;
	struct lists lists;
	double exp, nbf;
	json_t *payload = read_object(reader, part, &claims);

	if (payload == NULL) {
		*reason_out = "payload not valid";
		return NULL;
	}
	*reason_out = judge_claims(payload, &lists, &exp, &nbf);
	if (*reason_out == NULL) {
		token = token_new(&lists, text, claims);
		*reason_out = token ? NULL : "no memory";
	}
	if (token) {
		token->caller = caller;
		token->exp = exp;
		token->nbf = nbf;
		token_fill(token, payload, &lists, text, claims);
	}
	json_decref(payload);
	return token;
}

struct token *
token_read(struct token_reader *reader, enum wps_caller caller,
    struct wps_span text, const char **reason_out)
{
	struct parts parts;

	*reason_out = NULL;
	if (text.len > reader->max)
		*reason_out = "token too long";
	else if (!split(text, &parts))
		*reason_out = "token not valid";
	else
		*reason_out = judge_header(reader, parts.header);
	if (*reason_out)
		return NULL;
	if (!verify(reader, caller, &parts)) {
		*reason_out = "signature differs";
		return NULL;
	}
	return read_payload(reader, caller, text, parts.payload, reason_out);
}

/* --- time and life ---------------------------------------------------------------------- */

bool
token_lives(const struct token *token, double now, double skew)
{
	return now < token->exp + skew;
}

const char *
token_untimely(const struct token *token, double now, double skew)
{
	if (!token_lives(token, now, skew))
		return "expired";
	return now + skew < token->nbf ? "not valid yet" : NULL;
}

struct token *
token_ref(struct token *token)
{
	token->refs++;
	return token;
}

void
token_unref(struct token **token)
{
	struct token *dropped = *token;

	*token = NULL;
	if (dropped == NULL || --dropped->refs > 0)
		return;
	OPENSSL_cleanse(dropped, dropped->size);
	free(dropped);
}
