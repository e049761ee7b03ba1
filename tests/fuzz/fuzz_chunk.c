/* SPDX-License-Identifier: MIT */
/*
 * Chunked bodies: byte by byte they give what they give as a whole, and never
 * more than the limit.
 */
#include "net/chunk.h"

#include <stdbool.h>
#include <stdlib.h>

#define LIMIT 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	enum chunk_event event;
	size_t used, len;
	char data[LIMIT];
};

static bool
has_ended(const struct result *result)
{
	return result->event != CHUNK_MORE && result->event != CHUNK_PIECE;
}

static struct result
decode(const char *bytes, size_t size, size_t step)
{
	struct chunk chunk;
	struct result result = { .event = CHUNK_MORE };

	chunk_init(&chunk, LIMIT);
	while (result.used < size && !has_ended(&result)) {
		size_t left = size - result.used;
		struct wps_span in = { bytes + result.used,
			left < step ? left : step };
		size_t given = in.len;
		struct wps_span piece = { NULL, 0 };
		result.event = chunk_next(&chunk, &in, &piece);
		result.used += given - in.len;
		if (result.event == CHUNK_MORE && in.len > 0)
			abort();
		if (piece.len > LIMIT - result.len)
			abort();
		if (piece.len > 0)
			memcpy(result.data + result.len, piece.data, piece.len);
		result.len += piece.len;
	}
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Exactly as much memory, so that reading beyond it is found. */
	char *copy = malloc(size ? size : 1);

	if (copy == NULL)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	struct result whole = decode(copy, size, size);
	struct result bytes = decode(copy, size, 1);
	free(copy);
	if (bytes.used != whole.used || bytes.len != whole.len ||
	    memcmp(bytes.data, whole.data, whole.len) != 0)
		abort();
	if (has_ended(&whole) != has_ended(&bytes) ||
	    (has_ended(&whole) && bytes.event != whole.event))
		abort();
	return 0;
}
