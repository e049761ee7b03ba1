/* SPDX-License-Identifier: MIT */
#include "cache.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define SIGNATURE_LEN 43 /* characters at the end of each token */

/* The first place of the set of a token; NULL when it can be in none. */
static struct token **
find_set(const struct cache *cache, struct wps_span text)
{
	uint64_t hash;

	if (cache->places == NULL || text.len < SIGNATURE_LEN)
		return NULL;
	memcpy(&hash, text.data + text.len - SIGNATURE_LEN, sizeof(hash));
	/* The bits of characters are not even; a multiplication mixes them. */
	hash *= UINT64_C(0x9e3779b97f4a7c15);
	return &cache->places[(hash >> 32) % cache->set_count * CACHE_WAYS];
}

int
cache_init(struct cache *cache, size_t max)
{
	*cache = (struct cache){ .set_count = (max + CACHE_WAYS - 1) / CACHE_WAYS };
	if (max == 0)
		return WPS_OK;
	cache->places = calloc(cache->set_count * CACHE_WAYS,
	    sizeof(*cache->places));
	return cache->places ? WPS_OK : WPS_ENOMEM;
}

void
cache_fini(struct cache *cache)
{
	for (size_t i = 0; cache->places && i < cache->set_count * CACHE_WAYS; i++)
		token_unref(&cache->places[i]);
	free(cache->places);
	*cache = (struct cache){ .places = NULL };
}

struct token *
cache_find(const struct cache *cache, enum wps_caller caller,
    struct wps_span text)
{
	struct token **set = find_set(cache, text);

	/* Constant time: a signature is not to be guessed from how long it takes. */
	for (size_t i = 0; set && i < CACHE_WAYS; i++)
		if (set[i] && set[i]->caller == caller &&
		    set[i]->text.len == text.len &&
		    CRYPTO_memcmp(set[i]->text.data, text.data, text.len) == 0)
			return set[i];
	return NULL;
}

void
cache_add(struct cache *cache, struct token *token)
{
	struct token **set = find_set(cache, token->text);
	size_t way = 0;

	if (set == NULL || token->size > CACHE_TOKEN_MAX)
		return;
	while (way < CACHE_WAYS && set[way])
		way++;
	if (way == CACHE_WAYS)
		way = cache->turn++ % CACHE_WAYS;
	token_unref(&set[way]);
	set[way] = token_ref(token);
}

void
cache_drop(struct cache *cache, const struct token *token)
{
	struct token **set = find_set(cache, token->text);

	for (size_t i = 0; set && i < CACHE_WAYS; i++)
		if (set[i] == token)
			token_unref(&set[i]);
}

size_t
cache_count(const struct cache *cache)
{
	size_t count = 0;

	for (size_t i = 0; cache->places && i < cache->set_count * CACHE_WAYS; i++)
		count += cache->places[i] != NULL;
	return count;
}
