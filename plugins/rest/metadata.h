/* SPDX-License-Identifier: MIT */
/*
 * Metadata of a message, from headers (rest-api.md, section 3.7).
 */
#ifndef REST_METADATA_H
#define REST_METADATA_H

#include "error.h"

#include <wps/msg.h>
#include <wps/route.h>

#define METADATA_KEY_MAX 256
#define METADATA_VALUE_MAX 1024
#define METADATA_SUM_MAX 8192 /* all keys and values */
#define METADATA_PAIRS_MAX 256

struct metadata {
	struct wps_pair pairs[METADATA_PAIRS_MAX]; /* values are the headers' */
	size_t count;
	char keys[METADATA_SUM_MAX]; /* in lower case */
	size_t keys_len;
};

bool metadata_read(struct metadata *metadata,
    const struct wps_request_view *view, struct error *error_out);

#endif
