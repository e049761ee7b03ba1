/* SPDX-License-Identifier: MIT */
#include "util/hash.h"

#include "util/rand.h"

static uint64_t seed[2];

void
hash_seed(void)
{
	rand_bytes(seed, sizeof(seed));
}

static inline uint64_t
rotate(uint64_t x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* The bytes behind the last whole word, and the length in the top byte. */
static uint64_t
last_word(struct wps_span bytes)
{
	uint64_t word = (uint64_t)bytes.len << 56;
	size_t whole = bytes.len & ~(size_t)7;

	for (size_t i = whole; i < bytes.len; i++)
		word |= (uint64_t)(unsigned char)bytes.data[i] <<
		    (8 * (i - whole));
	return word;
}

uint64_t
hash_bytes(struct wps_span bytes)
{
	uint64_t v[4] = {
		seed[0] ^ 0x736f6d6570736575u,
		seed[1] ^ 0x646f72616e646f6du,
		seed[0] ^ 0x6c7967656e657261u,
		seed[1] ^ 0x7465646279746573u,
	};

	for (size_t i = 0; i + 8 <= bytes.len; i += 8) {
		uint64_t word;
		memcpy(&word, bytes.data + i, sizeof(word));
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	uint64_t word = last_word(bytes);
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
