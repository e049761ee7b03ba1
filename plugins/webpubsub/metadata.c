/* SPDX-License-Identifier: MIT */
#include "metadata.h"

#include "dictionary.h"
#include "lib/names.h"

#include <stdlib.h>

static bool
is_ascii(struct wps_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] & 0x80)
			return false;
	}
	return true;
}

int
metadata_add(struct metadata *metadata, struct scratch *scratch,
    struct wps_span key, struct wps_span value)
{
	if (key.len > METADATA_KEY_MAX || !name_is_token(key) ||
	    value.len > METADATA_VALUE_MAX || !is_ascii(value))
		return WPS_EPROTO;
	metadata->total += key.len + value.len;
	if (metadata->total > METADATA_TOTAL_MAX)
		return WPS_EPROTO;

	struct wps_pair *pairs = scratch_pairs(scratch, metadata->count + 1);
	if (pairs == NULL)
		return WPS_ENOMEM;
	pairs[metadata->count++] = (struct wps_pair){ key, value };
	return WPS_OK;
}

static int
compare_keys(const void *left, const void *right)
{
	const struct wps_span *a = &((const struct wps_pair *)left)->key;
	const struct wps_span *b = &((const struct wps_pair *)right)->key;

	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->data, b->data, a->len);
}

/* Sorts a copy: thousands of short keys must not be compared pair by pair. */
int
metadata_check_keys(const struct metadata *metadata, struct scratch *scratch)
{
	size_t count = metadata->count;

	if (count < 2)
		return WPS_OK;
	struct wps_pair *pairs = scratch_pairs(scratch, 2 * count);
	if (pairs == NULL)
		return WPS_ENOMEM;

	struct wps_pair *sorted = pairs + count;
	memcpy(sorted, pairs, count * sizeof(*pairs));
	qsort(sorted, count, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < count; i++) {
		if (compare_keys(&sorted[i - 1], &sorted[i]) == 0)
			return WPS_EPROTO;
	}
	return WPS_OK;
}

int
metadata_unite(struct metadata *metadata, struct scratch *scratch)
{
	size_t count = metadata->count;
	struct wps_pair *pairs = scratch_pairs(scratch, 2 * count);

	if (pairs == NULL)
		return WPS_ENOMEM;
	metadata->count = pairs_unite(pairs, count, pairs + count);
	return WPS_OK;
}
