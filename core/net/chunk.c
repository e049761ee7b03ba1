/* SPDX-License-Identifier: MIT */
#include "net/chunk.h"

#include "lib/pct.h"
#include "net/httpbyte.h"

/*
 * A step looks at the first byte and at as many more as are of its kind, and
 * returns how many it took. One that finds a fault ends the decoding.
 */
typedef size_t (*step_fn)(struct chunk *chunk, struct wps_span in);

void
chunk_init(struct chunk *chunk, uint64_t limit)
{
	*chunk = (struct chunk){
		.state = CHUNK_SIZE,
		.room = limit,
	};
}

static size_t
fail(struct chunk *chunk, const char *reason)
{
	chunk->state = CHUNK_FAILED;
	chunk->reason = reason;
	return 0;
}

/* Takes one byte, which has to be this one. */
static size_t
expect(struct chunk *chunk, struct wps_span in, char byte,
    enum chunk_state next)
{
	if (in.data[0] != byte)
		return fail(chunk, "chunk line does not end in CRLF");
	chunk->state = next;
	return 1;
}

/* --- size lines ----------------------------------------------------------- */

static size_t
step_size(struct chunk *chunk, struct wps_span in)
{
	int value = pct_hex_digit(in.data[0]);

	if (value >= 0) {
		if (chunk->digits == CHUNK_DIGITS_MAX)
			return fail(chunk, "chunk size has too many digits");
		chunk->digits++;
		chunk->left = chunk->left << 4 | (unsigned)value;
		return 1;
	}
	if (chunk->digits == 0 || (in.data[0] != ';' && in.data[0] != '\r'))
		return fail(chunk, "chunk size is not valid");
	chunk->digits = 0;
	chunk->state = in.data[0] == ';' ? CHUNK_EXTENSION : CHUNK_SIZE_LF;
	return 1;
}

/* Counts bytes that are dropped, the first `len` of what is left. */
static size_t
drop(struct chunk *chunk, size_t len)
{
	chunk->extra += len;
	if (chunk->extra > CHUNK_EXTRA_MAX)
		return fail(chunk, "chunk extensions or trailers too large");
	return len;
}

static size_t
step_extension(struct chunk *chunk, struct wps_span in)
{
	size_t len = http_skip(in.data, 0, in.len, HTTP_VALUE);

	if (len > 0)
		return drop(chunk, len);
	return expect(chunk, in, '\r', CHUNK_SIZE_LF);
}

static size_t
step_size_lf(struct chunk *chunk, struct wps_span in)
{
	if (chunk->left > chunk->room) {
		chunk->state = CHUNK_OVER;
		return 0;
	}
	chunk->room -= chunk->left;
	return expect(chunk, in, '\n',
	    chunk->left > 0 ? CHUNK_DATA : CHUNK_TRAILER);
}

/* --- data ----------------------------------------------------------------- */

static size_t
step_data(struct chunk *chunk, struct wps_span in)
{
	size_t len = in.len < chunk->left ? in.len : (size_t)chunk->left;

	chunk->left -= len;
	if (chunk->left == 0)
		chunk->state = CHUNK_DATA_CR;
	return len;
}

static size_t
step_data_cr(struct chunk *chunk, struct wps_span in)
{
	return expect(chunk, in, '\r', CHUNK_DATA_LF);
}

static size_t
step_data_lf(struct chunk *chunk, struct wps_span in)
{
	return expect(chunk, in, '\n', CHUNK_SIZE);
}

/* --- trailers ------------------------------------------------------------- */

static size_t
step_trailer(struct chunk *chunk, struct wps_span in)
{
	if (in.data[0] == '\r')
		return expect(chunk, in, '\r', CHUNK_END_LF);
	if (!http_byte_is(in.data[0], HTTP_TOKEN))
		return fail(chunk, "trailer is not valid");
	chunk->state = CHUNK_NAME;
	return drop(chunk, 1);
}

static size_t
step_name(struct chunk *chunk, struct wps_span in)
{
	size_t len = http_skip(in.data, 0, in.len, HTTP_TOKEN);

	if (len > 0)
		return drop(chunk, len);
	if (in.data[0] != ':')
		return fail(chunk, "trailer is not valid");
	chunk->state = CHUNK_VALUE;
	return drop(chunk, 1);
}

static size_t
step_value(struct chunk *chunk, struct wps_span in)
{
	size_t len = http_skip(in.data, 0, in.len, HTTP_VALUE);

	if (len > 0)
		return drop(chunk, len);
	return expect(chunk, in, '\r', CHUNK_VALUE_LF);
}

static size_t
step_value_lf(struct chunk *chunk, struct wps_span in)
{
	return expect(chunk, in, '\n', CHUNK_TRAILER);
}

static size_t
step_end_lf(struct chunk *chunk, struct wps_span in)
{
	return expect(chunk, in, '\n', CHUNK_ENDED);
}

/* --- the whole ------------------------------------------------------------ */

static const step_fn steps[] = {
	[CHUNK_SIZE] = step_size,
	[CHUNK_EXTENSION] = step_extension,
	[CHUNK_SIZE_LF] = step_size_lf,
	[CHUNK_DATA] = step_data,
	[CHUNK_DATA_CR] = step_data_cr,
	[CHUNK_DATA_LF] = step_data_lf,
	[CHUNK_TRAILER] = step_trailer,
	[CHUNK_NAME] = step_name,
	[CHUNK_VALUE] = step_value,
	[CHUNK_VALUE_LF] = step_value_lf,
	[CHUNK_END_LF] = step_end_lf,
};

enum chunk_event
chunk_next(struct chunk *chunk, struct wps_span *in, struct wps_span *data_out)
{
	while (chunk->state < CHUNK_ENDED && in->len > 0) {
		bool is_data = chunk->state == CHUNK_DATA;
		size_t len = steps[chunk->state](chunk, *in);
		struct wps_span taken = { in->data, len };
		in->data += len;
		in->len -= len;
		if (is_data) {
			*data_out = taken;
			return CHUNK_PIECE;
		}
	}
	switch (chunk->state) {
	case CHUNK_ENDED:
		return CHUNK_DONE;
	case CHUNK_OVER:
		return CHUNK_LARGE;
	case CHUNK_FAILED:
		return CHUNK_BAD;
	default:
		return CHUNK_MORE;
	}
}
