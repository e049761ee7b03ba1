/* SPDX-License-Identifier: MIT */
/*
 * UTF-8: checking, cutting, counting.
 *
 * Whole characters are passed in long strides: ASCII eight bytes at a time, the
 * others by one look at each. Only what stands at the end of a piece, a
 * character of which some bytes are missing, goes through the state.
 */
#include "lib/utf8.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* What a first byte asks for; false when none begins with it. */
static bool
begin(struct utf8_state *state, uint8_t byte)
{
	if (byte < 0xc2 || byte > 0xf4)
		return false;
	state->left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
	state->low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
	state->high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
	return true;
}

static bool
step(struct utf8_state *state, uint8_t byte)
{
	if (state->left == 0)
		return byte < 0x80 || begin(state, byte);
	if (byte < state->low || byte > state->high)
		return false;
	state->left--;
	state->low = 0x80;
	state->high = 0xbf;
	return true;
}

static const uint8_t *
pass_ascii(const uint8_t *at, const uint8_t *end)
{
	uint64_t word;

	while (end - at >= (ptrdiff_t)sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		if (word & HIGH_BITS)
			break;
		at += sizeof(word);
	}
	while (at < end && *at < 0x80)
		at++;
	return at;
}

static bool
is_more(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

/* The length of the character of two to four bytes at `at`; 0 when it is not
 * valid or not all there. */
static size_t
char_size(const uint8_t *at, size_t len)
{
	struct utf8_state first;

	if (len < 2 || !begin(&first, at[0]) || len <= first.left ||
	    at[1] < first.low || at[1] > first.high)
		return 0;
	for (size_t i = 2; i <= first.left; i++)
		if (!is_more(at[i]))
			return 0;
	return first.left + 1u;
}

/* Where the first character begins that is not valid or not all there. */
static const uint8_t *
pass_chars(const uint8_t *at, const uint8_t *end)
{
	size_t size;

	while ((at = pass_ascii(at, end)) < end) {
		while (at < end && *at >= 0x80) {
			size = char_size(at, (size_t)(end - at));
			if (size == 0)
				return at;
			at += size;
		}
	}
	return at;
}

/* From now on no byte is welcome. */
static bool
refuse(struct utf8_state *state)
{
	*state = (struct utf8_state){ .left = 1, .low = 1, .high = 0 };
	return false;
}

bool
utf8_feed(struct utf8_state *state, struct wps_span bytes)
{
	const uint8_t *at = (const uint8_t *)bytes.data, *end;

	if (bytes.len == 0)
		return state->left == 0 || state->low <= state->high;
	end = at + bytes.len;
	while (at < end && state->left > 0)
		if (!step(state, *at++))
			return refuse(state);
	at = pass_chars(at, end);
	while (at < end)
		if (!step(state, *at++))
			return refuse(state);
	return true;
}

bool
utf8_done(const struct utf8_state *state)
{
	return state->left == 0;
}

bool
utf8_valid(struct wps_span bytes)
{
	const uint8_t *at = (const uint8_t *)bytes.data;

	return bytes.len == 0 ||
	    pass_chars(at, at + bytes.len) == at + bytes.len;
}

size_t
utf8_cut(struct wps_span text, size_t max)
{
	if (text.len <= max)
		return text.len;
	while (max > 0 && is_more((uint8_t)text.data[max]))
		max--;
	return max;
}

size_t
utf8_units(struct wps_span text)
{
	size_t units = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = (uint8_t)text.data[i];

		units += !is_more(byte) + (size_t)(byte >= 0xf0);
	}
	return units;
}

const char *
utf8_get(const char *at, uint32_t *code_out)
{
	uint32_t code = (uint8_t)*at++;
	unsigned left = code < 0xc0 ? 0 : code < 0xe0 ? 1 : code < 0xf0 ? 2 : 3;

	if (left > 0)
		code &= 0x3fu >> left;
	for (; left > 0; left--)
		code = code << 6 | ((uint8_t)*at++ & 0x3f);
	*code_out = code;
	return at;
}

bool
utf8_is_blank(uint32_t code)
{
	switch (code) {
	case ' ':
	case 0x85:
	case 0xa0:
	case 0x1680:
	case 0x2028:
	case 0x2029:
	case 0x202f:
	case 0x205f:
	case 0x3000:
		return true;
	}
	return (code >= '\t' && code <= '\r') ||
	    (code >= 0x2000 && code <= 0x200a);
}

char *
utf8_put(char *dst, uint32_t code)
{
	if (code < 0x80) {
		*dst++ = (char)code;
		return dst;
	}
	if (code < 0x800) {
		*dst++ = (char)(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*dst++ = (char)(0xe0 | code >> 12);
		} else {
			*dst++ = (char)(0xf0 | code >> 18);
			*dst++ = (char)(0x80 | (code >> 12 & 0x3f));
		}
		*dst++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*dst++ = (char)(0x80 | (code & 0x3f));
	return dst;
}
