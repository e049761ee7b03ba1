/* SPDX-License-Identifier: MIT */
/*
 * Decoding the chunked transfer coding (RFC 9112, section 7.1).
 *
 * A size is 1 to 16 hexadecimal digits, lines end in CRLF. Extensions and
 * trailers are looked at, counted against one small limit, and dropped. The
 * decoder keeps no bytes: it cuts the data out of what it is given.
 */
#ifndef NET_CHUNK_H
#define NET_CHUNK_H

#include <wps/span.h>

#include <stdint.h>

#define CHUNK_DIGITS_MAX 16
#define CHUNK_EXTRA_MAX 4096 /* bytes of extensions and trailers of a body */

enum chunk_state {
	CHUNK_SIZE = 1,
	CHUNK_EXTENSION,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILER, /* at the begin of a trailer line, or of the empty one */
	CHUNK_NAME,
	CHUNK_VALUE,
	CHUNK_VALUE_LF,
	CHUNK_END_LF,
	CHUNK_ENDED,
	CHUNK_OVER, /* the limit is passed */
	CHUNK_FAILED,
};

enum chunk_event {
	CHUNK_MORE = 1, /* all was used */
	CHUNK_PIECE,    /* data was found; go on */
	CHUNK_DONE,     /* the body is whole; what is left is not of it */
	CHUNK_LARGE,    /* the body would pass its limit */
	CHUNK_BAD,      /* see `reason` */
};

struct chunk {
	enum chunk_state state;
	unsigned digits;
	uint64_t left;  /* of the chunk at hand; its size while that is read */
	uint64_t room;  /* bytes that the body may still grow by */
	size_t extra;   /* bytes of extensions and trailers so far */
	const char *reason; /* constant; of CHUNK_BAD */
};

/* For a body of at most `limit` bytes. */
void chunk_init(struct chunk *chunk, uint64_t limit);

/*
 * Takes bytes off the front of `in`. With CHUNK_PIECE `data_out` is a part of
 * them; no body grows by more than its limit. The last three events are for good.
 */
enum chunk_event chunk_next(struct chunk *chunk, struct wps_span *in,
    struct wps_span *data_out);

#endif
