/* SPDX-License-Identifier: MIT */
/*
 * A keyed hash (SipHash-1-3) for tables whose keys strangers choose. The key is
 * drawn once per process.
 */
#ifndef UTIL_HASH_H
#define UTIL_HASH_H

#include <wps/span.h>

#include <stdint.h>

/* Once, before the first hash and before threads start. */
void hash_seed(void);

uint64_t hash_bytes(struct wps_span bytes);

#endif
