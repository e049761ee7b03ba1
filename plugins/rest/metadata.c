/* SPDX-License-Identifier: MIT */
/*
 * Metadata. A key that comes again, in a line of its own or between commas,
 * replaces the value before it; only what is left is judged.
 */
#include "metadata.h"

#include "lib/names.h"

#define TARGET "X-WebPubSub-Metadata"
#define PREFIX WPS_SPAN("x-webpubsub-metadata-")

/* Whether the header is one; the rest of its name is the key. */
static bool
key_of(struct wps_span name, struct wps_span *key_out)
{
	const struct wps_span prefix = PREFIX;

	if (name.len < prefix.len || !name_eq_nocase(prefix,
	    (struct wps_span){ name.data, prefix.len }))
		return false;
	*key_out = (struct wps_span){ name.data + prefix.len,
		name.len - prefix.len };
	return true;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What stands behind the last comma, trimmed. */
static struct wps_span
last_value(struct wps_span value)
{
	const char *comma = value.len ?
	    memrchr(value.data, ',', value.len) : NULL;

	if (comma) {
		value.len -= (size_t)(comma + 1 - value.data);
		value.data = comma + 1;
	}
	while (value.len > 0 && is_blank(value.data[0])) {
		value.data++;
		value.len--;
	}
	while (value.len > 0 && is_blank(value.data[value.len - 1]))
		value.len--;
	return value;
}

static struct wps_pair *
find_pair(struct metadata *metadata, struct wps_span key)
{
	for (size_t i = 0; i < metadata->count; i++) {
		if (name_eq_nocase(metadata->pairs[i].key, key))
			return &metadata->pairs[i];
	}
	return NULL;
}

static bool
put(struct metadata *metadata, struct wps_span key, struct wps_span value,
    struct error *error)
{
	struct wps_pair *pair = find_pair(metadata, key);

	if (pair == NULL) {
		if (key.len > METADATA_KEY_MAX || !name_is_token(key))
			return error_bad(error, TARGET,
			    "a key has 1 to 256 characters of HTTP tokens");
		if (metadata->count == METADATA_PAIRS_MAX ||
		    key.len > sizeof(metadata->keys) - metadata->keys_len)
			return error_bad(error, TARGET,
			    "there is too much metadata");
		char *own = metadata->keys + metadata->keys_len;
		name_lower(own, key);
		metadata->keys_len += key.len;
		pair = &metadata->pairs[metadata->count++];
		pair->key = (struct wps_span){ own, key.len };
	}
	pair->value = value.data ? value : WPS_SPAN("");
	return true;
}

static bool
is_ascii(struct wps_span value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];
		if ((c < ' ' && c != '\t') || c >= 0x7f)
			return false;
	}
	return true;
}

static bool
judge(const struct metadata *metadata, struct error *error)
{
	size_t sum = metadata->keys_len;

	for (size_t i = 0; i < metadata->count; i++) {
		struct wps_span value = metadata->pairs[i].value;
		if (value.len > METADATA_VALUE_MAX || !is_ascii(value))
			return error_bad(error, TARGET,
			    "a value has at most 1024 characters of ASCII");
		sum += value.len;
	}
	if (sum > METADATA_SUM_MAX)
		return error_bad(error, TARGET, "there is too much metadata");
	return true;
}

bool
metadata_read(struct metadata *metadata, const struct wps_request_view *view,
    struct error *error)
{
	struct wps_span key;

	metadata->count = 0;
	metadata->keys_len = 0;
	for (size_t i = 0; i < view->header_count; i++) {
		if (key_of(view->headers[i].name, &key) && !put(metadata, key,
		    last_value(view->headers[i].value), error))
			return false;
	}
	return judge(metadata, error);
}
