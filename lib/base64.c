/* SPDX-License-Identifier: MIT */
/*
 * Base64, in one pass each.
 *
 * Reading looks up each character in a table whose entries hold its six bits and
 * a mark for each alphabet that it belongs to. The marks of all characters are
 * collected by "and", so that the loop has no branch; a text is refused at its
 * end. What was written until then is of no use to anybody.
 */
#include "lib/base64.h"

#include <stdint.h>

enum {
	STANDARD = 0x40,
	URL = 0x80,
	BOTH = STANDARD | URL,
	SIX_BITS = 0x3f,
};

static const char standard_chars[64] = {
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
};

static const char url_chars[64] = {
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
};

static const uint8_t values[256] = {
	['A'] = BOTH | 0, ['B'] = BOTH | 1, ['C'] = BOTH | 2, ['D'] = BOTH | 3,
	['E'] = BOTH | 4, ['F'] = BOTH | 5, ['G'] = BOTH | 6, ['H'] = BOTH | 7,
	['I'] = BOTH | 8, ['J'] = BOTH | 9, ['K'] = BOTH | 10, ['L'] = BOTH | 11,
	['M'] = BOTH | 12, ['N'] = BOTH | 13, ['O'] = BOTH | 14, ['P'] = BOTH | 15,
	['Q'] = BOTH | 16, ['R'] = BOTH | 17, ['S'] = BOTH | 18, ['T'] = BOTH | 19,
	['U'] = BOTH | 20, ['V'] = BOTH | 21, ['W'] = BOTH | 22, ['X'] = BOTH | 23,
	['Y'] = BOTH | 24, ['Z'] = BOTH | 25, ['a'] = BOTH | 26, ['b'] = BOTH | 27,
	['c'] = BOTH | 28, ['d'] = BOTH | 29, ['e'] = BOTH | 30, ['f'] = BOTH | 31,
	['g'] = BOTH | 32, ['h'] = BOTH | 33, ['i'] = BOTH | 34, ['j'] = BOTH | 35,
	['k'] = BOTH | 36, ['l'] = BOTH | 37, ['m'] = BOTH | 38, ['n'] = BOTH | 39,
	['o'] = BOTH | 40, ['p'] = BOTH | 41, ['q'] = BOTH | 42, ['r'] = BOTH | 43,
	['s'] = BOTH | 44, ['t'] = BOTH | 45, ['u'] = BOTH | 46, ['v'] = BOTH | 47,
	['w'] = BOTH | 48, ['x'] = BOTH | 49, ['y'] = BOTH | 50, ['z'] = BOTH | 51,
	['0'] = BOTH | 52, ['1'] = BOTH | 53, ['2'] = BOTH | 54, ['3'] = BOTH | 55,
	['4'] = BOTH | 56, ['5'] = BOTH | 57, ['6'] = BOTH | 58, ['7'] = BOTH | 59,
	['8'] = BOTH | 60, ['9'] = BOTH | 61,
	['+'] = STANDARD | 62, ['/'] = STANDARD | 63,
	['-'] = URL | 62, ['_'] = URL | 63,
};

static uint8_t
value_of(char c)
{
	return values[(uint8_t)c];
}

/* Whole groups of three bytes, then what remains; without padding. */
static char *
encode(char *dst, struct wps_span bytes, const char *chars)
{
	const uint8_t *at = (const uint8_t *)bytes.data;
	uint32_t group;
	size_t left = bytes.len;

	for (; left >= 3; left -= 3, at += 3) {
		group = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
		*dst++ = chars[group >> 18];
		*dst++ = chars[group >> 12 & SIX_BITS];
		*dst++ = chars[group >> 6 & SIX_BITS];
		*dst++ = chars[group & SIX_BITS];
	}
	if (left == 0)
		return dst;
	group = (uint32_t)at[0] << 16 | (left == 2 ? (uint32_t)at[1] << 8 : 0);
	*dst++ = chars[group >> 18];
	*dst++ = chars[group >> 12 & SIX_BITS];
	if (left == 2)
		*dst++ = chars[group >> 6 & SIX_BITS];
	return dst;
}

/* How many bytes so many characters without padding stand for. */
static size_t
decoded_size(size_t chars)
{
	return chars / 4 * 3 + chars % 4 * 3 / 4;
}

/* The end of a text without padding: a number of characters that can be, and no
 * bit set that belongs to no byte. */
static bool
end_is_valid(struct wps_span text)
{
	switch (text.len % 4) {
	case 0:
		return true;
	case 2:
		return (value_of(text.data[text.len - 1]) & 0x0f) == 0;
	case 3:
		return (value_of(text.data[text.len - 1]) & 0x03) == 0;
	}
	return false;
}

/* The last two or three characters; returns their marks. */
static uint8_t
decode_end(char *dst, const char *at, size_t left)
{
	uint8_t a = value_of(at[0]), b = value_of(at[1]);
	uint8_t c = left == 3 ? value_of(at[2]) : BOTH;

	*dst++ = (char)((a & SIX_BITS) << 2 | (b & SIX_BITS) >> 4);
	if (left == 3)
		*dst = (char)((b & SIX_BITS) << 4 | (c & SIX_BITS) >> 2);
	return a & b & c;
}

/* A text without padding. */
static bool
decode(char *dst, struct wps_span text, uint8_t alphabet, size_t *len_out)
{
	const char *at = text.data;
	uint8_t marks = BOTH;
	size_t left = text.len;

	if (!end_is_valid(text))
		return false;
	for (; left >= 4; left -= 4, at += 4) {
		uint8_t a = value_of(at[0]), b = value_of(at[1]);
		uint8_t c = value_of(at[2]), d = value_of(at[3]);
		uint32_t group = (uint32_t)(a & SIX_BITS) << 18 |
		    (uint32_t)(b & SIX_BITS) << 12 |
		    (uint32_t)(c & SIX_BITS) << 6 | (d & SIX_BITS);

		marks &= a & b & c & d;
		*dst++ = (char)(group >> 16);
		*dst++ = (char)(group >> 8);
		*dst++ = (char)group;
	}
	if (left > 0)
		marks &= decode_end(dst, at, left);
	*len_out = decoded_size(text.len);
	return (marks & alphabet) != 0;
}

/* Takes the padding away; what is left of a wrong one is in no alphabet. */
static bool
strip(struct wps_span *text)
{
	if (text->len % 4 != 0)
		return false;
	for (int i = 0; i < 2; i++)
		if (text->len > 0 && text->data[text->len - 1] == '=')
			text->len--;
	return true;
}

char *
base64_encode(char *dst, struct wps_span bytes)
{
	dst = encode(dst, bytes, standard_chars);
	for (size_t i = bytes.len % 3; i > 0 && i < 3; i++)
		*dst++ = '=';
	return dst;
}

bool
base64_decode(char *dst, struct wps_span text, size_t *len_out)
{
	return strip(&text) && decode(dst, text, STANDARD, len_out);
}

bool
base64_valid(struct wps_span text, size_t *len_out)
{
	uint8_t marks = BOTH;

	if (!strip(&text) || !end_is_valid(text))
		return false;
	for (size_t i = 0; i < text.len; i++)
		marks &= value_of(text.data[i]);
	*len_out = decoded_size(text.len);
	return (marks & STANDARD) != 0;
}

char *
base64url_encode(char *dst, struct wps_span bytes)
{
	return encode(dst, bytes, url_chars);
}

bool
base64url_decode(char *dst, struct wps_span text, size_t *len_out)
{
	return decode(dst, text, URL, len_out);
}
