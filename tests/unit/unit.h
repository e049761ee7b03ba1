/* SPDX-License-Identifier: MIT */
/*
 * What tests of functions on bytes share.
 */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

#include <wps/span.h>

#include "support/check.h"

#include <stdbool.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline void
check_bytes(const char *what, struct wps_span got, struct wps_span expected)
{
	bool same = wps_span_eq(got, expected);

	if (!same)
		fprintf(stderr, "\n%s\n  expected: %.*s\n  got:      %.*s\n",
		    what, (int)expected.len, expected.data, (int)got.len,
		    got.data);
	CU_assertImplementation(same, __LINE__, what, __FILE__, "", CU_FALSE);
}

/* A copy with not a byte to spare, so that a sanitizer sees who reads beyond. */
static inline struct wps_span
exact_copy(struct wps_span bytes)
{
	char *copy = malloc(bytes.len ? bytes.len : 1);

	if (!copy)
		abort();
	if (bytes.len)
		memcpy(copy, bytes.data, bytes.len);
	return (struct wps_span){ copy, bytes.len };
}

static inline void
free_copy(struct wps_span copy)
{
	union {
		const char *from;
		void *to;
	} pointer = { .from = copy.data };

	free(pointer.to);
}

#endif
