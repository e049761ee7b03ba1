/* SPDX-License-Identifier: MIT */
/*
 * Memory that lives as long as one request: texts without their escapes, decoded
 * bytes, metadata entries. A worker has one and uses it for request after
 * request; what a large request made of it is given back.
 */
#ifndef WEBPUBSUB_SCRATCH_H
#define WEBPUBSUB_SCRATCH_H

#include <wps/msg.h>

#define SCRATCH_KEEP (64 * 1024) /* bytes that are kept between requests */

struct scratch {
	char *bytes; /* owned */
	size_t cap, used, limit;
	struct wps_pair *pairs; /* owned */
	size_t pair_cap;
};

/* A request begins that takes at most `limit` bytes in all. */
void scratch_begin(struct scratch *scratch, size_t limit);

/* Bytes that stay where they are until scratch_end; NULL: not to be had. */
char *scratch_take(struct scratch *scratch, size_t len);

/* Room for so many entries, those of before are kept; NULL: not to be had. */
struct wps_pair *scratch_pairs(struct scratch *scratch, size_t count);

void scratch_end(struct scratch *scratch);

void scratch_fini(struct scratch *scratch); /* twice is harmless */

#endif
