/* SPDX-License-Identifier: MIT */
#include "dictionary.h"

#include <stdlib.h>

int
dictionary_add(struct dictionary *dictionary, struct scratch *scratch,
    struct wps_span key, struct wps_span value)
{
	dictionary->total += key.len + value.len;
	if (dictionary->total > DICTIONARY_MAX ||
	    dictionary->count == DICTIONARY_MAX)
		dictionary->too_large = true;
	if (dictionary->too_large)
		return WPS_OK;

	struct wps_pair *pairs = scratch_pairs(scratch, dictionary->count + 1);
	if (pairs == NULL)
		return WPS_ENOMEM;
	pairs[dictionary->count++] = (struct wps_pair){ key, value };
	return WPS_OK;
}

/* Keys, and of equal ones their places, which stand in the values' lengths. */
static int
compare(const void *left, const void *right)
{
	const struct wps_pair *a = left, *b = right;
	int order = 0;

	if (a->key.len != b->key.len)
		return a->key.len < b->key.len ? -1 : 1;
	if (a->key.len > 0)
		order = memcmp(a->key.data, b->key.data, a->key.len);
	if (order != 0)
		return order;
	return a->value.len < b->value.len ? -1 : 1;
}

/* A sorted copy finds them. */
size_t
pairs_unite(struct wps_pair *pairs, size_t count, struct wps_pair *sorted)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		sorted[i] = (struct wps_pair){ pairs[i].key, { NULL, i } };
	qsort(sorted, count, sizeof(*sorted), compare);
	for (size_t i = 1; i < count; i++)
		if (wps_span_eq(sorted[i - 1].key, sorted[i].key))
			pairs[sorted[i - 1].value.len].key = WPS_SPAN_NONE;
	for (size_t i = 0; i < count; i++)
		if (pairs[i].key.data)
			pairs[used++] = pairs[i];
	return used;
}

int
dictionary_end(struct dictionary *dictionary, struct scratch *scratch,
    struct request_state *out)
{
	size_t count = dictionary->count;

	if (dictionary->too_large) {
		out->size = SIZE_MAX;
		return WPS_OK;
	}
	if (count == 0)
		return WPS_OK;
	struct wps_pair *pairs = scratch_pairs(scratch, 2 * count);
	if (pairs == NULL)
		return WPS_ENOMEM;
	out->entries = pairs;
	out->count = pairs_unite(pairs, count, pairs + count);
	for (size_t i = 0; i < out->count; i++)
		out->size += pairs[i].key.len + pairs[i].value.len;
	return WPS_OK;
}
