/* SPDX-License-Identifier: MIT */
/*
 * Numbers and bytes in a row, as records of connections are written.
 *
 * A number has 7 bits in each byte, the lowest first; the top bit says that more
 * follow. It has one form only, the shortest. Bytes stand behind their length.
 */
#ifndef LIB_PACK_H
#define LIB_PACK_H

#include <wps/span.h>

#include <stdbool.h>
#include <stdint.h>

#define PACK_NUMBER_MAX 10 /* bytes of the longest number */

/* Writes the number; returns how many bytes it took. */
size_t pack_number(char dst[PACK_NUMBER_MAX], uint64_t value);

struct wps_record;

/* What is being written: a record, and how one puts bytes into it. */
struct pack {
	void (*put)(struct wps_record *record, struct wps_span bytes);
	struct wps_record *record;
};

void pack_add_number(const struct pack *out, uint64_t value);

/* Behind their length. */
void pack_add_bytes(const struct pack *out, struct wps_span bytes);

/*
 * What is being read. Once something is not as it should be it has failed: then
 * it gives zeros and absent spans, so that its users may look once, at the end.
 */
struct unpack {
	struct wps_span rest;
	bool failed;
};

/* A number from min to max. */
uint64_t unpack_number(struct unpack *in, uint64_t min, uint64_t max);

/* Bytes behind their length, at most so many; a slice of what is read, never
 * absent unless it has failed. */
struct wps_span unpack_bytes(struct unpack *in, size_t max);

/* Whether there is more to read; not once it has failed. */
bool unpack_more(const struct unpack *in);

/* Whether all was read and nothing was wrong. */
bool unpack_done(const struct unpack *in);

#endif
