/* SPDX-License-Identifier: MIT */
/*
 * Memory.
 *
 * Small allocations never fail: they abort with one line. What is sized by
 * input is held against a limit first and taken with plain malloc, which may
 * fail and then refuses that request alone.
 */
#ifndef UTIL_ALLOC_H
#define UTIL_ALLOC_H

#include <wps/span.h>

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
#define CACHE_LINE 64 /* bytes */

/* The size is a multiple of the alignment. */
void *xaligned(size_t alignment, size_t size);
void *xrealloc(void *old, size_t count, size_t size);

/* A copy that ends in a NUL. */
char *xdup(struct wps_span bytes);

/* Room for one more element: doubles `*cap` and moves the array. */
void *xgrow(void *array, size_t used, size_t *cap, size_t size);

#endif
