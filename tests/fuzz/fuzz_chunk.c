/* SPDX-License-Identifier: MIT */
/*
 * Chunked bodies: byte by byte they give what they give as a whole, and never
 * more than the limit.
 */
#include "fuzz.h"

#include "net/chunk.h"

#include <string.h>

#define LIMIT 200

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
		PROMISE(result.event != CHUNK_MORE || in.len == 0);
		PROMISE(piece.len <= LIMIT - result.len);
		if (piece.len > 0)
			memcpy(result.data + result.len, piece.data, piece.len);
		result.len += piece.len;
	}
	return result;
}

bool
fuzz_accepts(struct wps_span input)
{
	return decode(input.data, input.len, input.len).event == CHUNK_DONE;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *input = (const char *)data;
	struct result whole = decode(input, size, size);
	struct result bytes = decode(input, size, 1);

	PROMISE(bytes.used == whole.used);
	PROMISE(bytes.len == whole.len);
	PROMISE(memcmp(bytes.data, whole.data, whole.len) == 0);
	PROMISE(has_ended(&whole) == has_ended(&bytes));
	PROMISE(!has_ended(&whole) || bytes.event == whole.event);
	return 0;
}
