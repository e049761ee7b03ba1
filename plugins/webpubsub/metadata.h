/* SPDX-License-Identifier: MIT */
/*
 * The rules of a message's metadata (client-protocols.md, section 6.11), the
 * same for every codec.
 */
#ifndef WEBPUBSUB_METADATA_H
#define WEBPUBSUB_METADATA_H

#include "scratch.h"

#define METADATA_KEY_MAX 256
#define METADATA_VALUE_MAX 1024
#define METADATA_TOTAL_MAX 8192 /* keys and values together */

/* A map that is being read; its entries are scratch->pairs[0 .. count). */
struct metadata {
	size_t count, total;
};

/*
 * Adds an entry; both spans must live as long as the request. Returns WPS_OK,
 * WPS_EPROTO when it breaks a rule, WPS_ENOMEM.
 */
int metadata_add(struct metadata *metadata, struct scratch *scratch,
    struct wps_span key, struct wps_span value);

/* At the end: whether no key is there twice, which a JSON object may not have.
 * Returns as metadata_add does. */
int metadata_check_keys(const struct metadata *metadata,
    struct scratch *scratch);

/* At the end: of entries with the same key the last one stays, as in maps of
 * protocol buffers. Returns WPS_OK or WPS_ENOMEM. */
int metadata_unite(struct metadata *metadata, struct scratch *scratch);

#endif
