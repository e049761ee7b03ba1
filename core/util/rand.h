/* SPDX-License-Identifier: MIT */
/*
 * Unpredictable bytes from the kernel, for ids, keys and seeds.
 */
#ifndef UTIL_RAND_H
#define UTIL_RAND_H

#include <stddef.h>

/* Never fails: without a source of randomness the process ends. */
void rand_bytes(void *dst, size_t len);

#endif
