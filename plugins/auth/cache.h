/* SPDX-License-Identifier: MIT */
/*
 * Verified tokens of one worker, so that a token that comes again costs neither
 * a MAC nor a parse.
 *
 * Only what was verified is kept, and a place is found by the token's signature:
 * nobody without a key can choose where a token goes. Each place has room for a
 * few; when it is full, one of them gives way. What a token is good for at this
 * moment and for this request is judged at each use, by whoever uses it.
 */
#ifndef AUTH_CACHE_H
#define AUTH_CACHE_H

#include "token.h"

#define CACHE_WAYS 4
#define CACHE_TOKEN_MAX 4096 /* bytes in memory; larger ones are not kept */

struct cache {
	struct token **places; /* owned, and the tokens counted; NULL: no cache */
	size_t set_count;
	unsigned turn; /* who gives way next */
};

/* Room for so many tokens, rounded up to full places; 0: none. Returns WPS_OK
 * or WPS_ENOMEM. */
int cache_init(struct cache *cache, size_t max);
void cache_fini(struct cache *cache);

/* The token that was read from this text for this kind of caller, or NULL. */
struct token *cache_find(const struct cache *cache, enum wps_caller caller,
    struct wps_span text);

/* Keeps a reference of its own. */
void cache_add(struct cache *cache, struct token *token);

/* Forgets it. */
void cache_drop(struct cache *cache, const struct token *token);

/* How many are kept. */
size_t cache_count(const struct cache *cache);

#endif
