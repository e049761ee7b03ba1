/* SPDX-License-Identifier: MIT */
#include "util/alloc.h"

#include "util/attr.h"
#include "util/log.h"

#include <stdint.h>
#include <stdlib.h>

void
assert_failed(const char *what, const char *file, int line)
{
	log_errx("core", "assertion failed: %s at %s:%d", what, file, line);
	abort();
}

static void *
checked(void *memory)
{
	if (memory == NULL) {
		log_errx("core", "out of memory");
		abort();
	}
	return memory;
}

void *
xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *
xcalloc(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size));
}

void *
xaligned(size_t alignment, size_t size)
{
	return checked(aligned_alloc(alignment, size));
}

void *
xrealloc(void *old, size_t count, size_t size)
{
	wps_assert(count <= SIZE_MAX / size);
	return checked(realloc(old, count * size));
}

char *
xdup(struct wps_span bytes)
{
	char *copy = xmalloc(bytes.len + 1);

	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	copy[bytes.len] = '\0';
	return copy;
}

void *
xgrow(void *array, size_t used, size_t *cap, size_t size)
{
	if (used < *cap)
		return array;
	*cap = *cap ? *cap * 2 : 2;
	return xrealloc(array, *cap, size);
}
