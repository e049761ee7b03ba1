/* SPDX-License-Identifier: MIT */
#include "issue.h"

#include "lib/base64.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";

static size_t
encoded_size(size_t len)
{
	return (len * 8 + 5) / 6;
}

/* Adds one text, or an array of several; false when one is not UTF-8. */
static bool
add_texts(json_t *payload, const char *name, const struct wps_span *texts,
    size_t count)
{
	if (count == 0)
		return true;
	if (count == 1)
		return json_object_set_new(payload, name,
		    json_stringn(texts[0].data, texts[0].len)) == 0;
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(array,
		    json_stringn(texts[i].data, texts[i].len)) != 0) {
			json_decref(array);
			return false;
		}
	return json_object_set_new(payload, name, array) == 0;
}

static bool
fill(json_t *payload, const struct wps_claims *claims)
{
	json_int_t now = (json_int_t)time(NULL);

	if (claims->lifetime_s > (uint64_t)(INT64_MAX - now))
		return false;
	return json_object_set_new(payload, "nbf", json_integer(now)) == 0 &&
	    json_object_set_new(payload, "exp",
	    json_integer(now + (json_int_t)claims->lifetime_s)) == 0 &&
	    add_texts(payload, "aud", &claims->audience, 1) &&
	    add_texts(payload, "sub", &claims->user, claims->user.data != NULL) &&
	    add_texts(payload, "role", claims->roles, claims->role_count) &&
	    add_texts(payload, "webpubsub.group", claims->groups,
	    claims->group_count);
}

/* The payload's text, to be freed; NULL when the claims are no valid JSON. */
static char *
format(const struct wps_claims *claims)
{
	json_t *payload = json_object();
	char *text = NULL;

	if (fill(payload, claims))
		text = json_dumps(payload, JSON_COMPACT);
	json_decref(payload);
	return text;
}

/* What a token of this payload needs; the server must accept what it makes. */
static size_t
token_size(const struct auth *auth, struct wps_span payload)
{
	size_t size = encoded_size(sizeof(header) - 1) + 1 +
	    encoded_size(payload.len) + 1 + encoded_size(MAC_LEN);

	return size <= auth->max_token ? size : SIZE_MAX;
}

static int
sign(const EVP_MAC_CTX *key, struct wps_span payload, char *dst,
    size_t *len_out)
{
	uint8_t mac[MAC_LEN];
	char *end = base64url_encode(dst, WPS_SPAN(header));

	*end++ = '.';
	end = base64url_encode(end, payload);
	if (!mac_compute_shared(key,
	    (struct wps_span){ dst, (size_t)(end - dst) }, mac))
		return WPS_ENOMEM;
	*end++ = '.';
	end = base64url_encode(end, (struct wps_span){ (char *)mac, MAC_LEN });
	*len_out = (size_t)(end - dst);
	return WPS_OK;
}

int
issue_token(const struct auth *auth, const struct wps_claims *claims, char *dst,
    size_t cap, size_t *len_out)
{
	const EVP_MAC_CTX *key = keys_own(&auth->keys);
	int rc = WPS_FULL;

	if (key == NULL)
		return WPS_DECLINED;
	char *text = format(claims);
	if (text == NULL)
		return WPS_EINVAL;
	if (token_size(auth, wps_span_str(text)) <= cap)
		rc = sign(key, wps_span_str(text), dst, len_out);
	free(text);
	return rc;
}
