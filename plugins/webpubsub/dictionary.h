/* SPDX-License-Identifier: MIT */
/*
 * A dictionary of texts, as a group state is one (client-protocols.md, section
 * 17), while it is read: the same for every codec. Of entries with the same key
 * the last one counts, as in maps of protocol buffers.
 */
#ifndef WEBPUBSUB_DICTIONARY_H
#define WEBPUBSUB_DICTIONARY_H

#include "request.h"
#include "scratch.h"

/* Bytes of all keys and values as they are written, and entries: one that is
 * above is read to its end, but not kept. */
#define DICTIONARY_MAX 8192

/* Its entries are scratch->pairs[0 .. count). */
struct dictionary {
	size_t count, total;
	bool too_large;
};

/* Adds an entry; both spans must live as long as the request. Returns WPS_OK or
 * WPS_ENOMEM. */
int dictionary_add(struct dictionary *dictionary, struct scratch *scratch,
    struct wps_span key, struct wps_span value);

/* Takes away entries whose key comes again; returns how many are left. `sorted` has
 * room for as many as there are. */
size_t pairs_unite(struct wps_pair *pairs, size_t count,
    struct wps_pair *sorted);

/* All of it is there. Returns as dictionary_add does. */
int dictionary_end(struct dictionary *dictionary, struct scratch *scratch,
    struct request_state *out);

#endif
