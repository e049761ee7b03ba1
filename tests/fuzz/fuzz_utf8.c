/* SPDX-License-Identifier: MIT */
/*
 * UTF-8: the whole, the pieces and the definition must agree.
 */
#include "fuzz.h"

#include "lib/utf8.h"

/* Inputs up to this length are split at every offset, longer ones at a few. */
#define SPLIT_ALL 64

/* The length of the character that a text begins with, by the table of RFC 3629,
 * section 4; 0 when there is none. */
static size_t
first_char(const uint8_t *at, size_t len)
{
	static const struct {
		uint8_t first, last, low, high, size;
	} rows[] = {
		{ 0x00, 0x7f, 0, 0, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t row = 0;

	while (row < sizeof(rows) / sizeof(rows[0]) &&
	    (at[0] < rows[row].first || at[0] > rows[row].last))
		row++;
	if (row == sizeof(rows) / sizeof(rows[0]) || len < rows[row].size)
		return 0;
	if (rows[row].size > 1 &&
	    (at[1] < rows[row].low || at[1] > rows[row].high))
		return 0;
	for (size_t i = 2; i < rows[row].size; i++)
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;
	return rows[row].size;
}

static bool
is_defined(const uint8_t *at, size_t len)
{
	size_t size;

	for (; len > 0; at += size, len -= size)
		if ((size = first_char(at, len)) == 0)
			return false;
	return true;
}

static void
check_pieces(struct wps_span text, bool valid)
{
	size_t step = text.len <= SPLIT_ALL ? 1 : text.len / 16;
	struct utf8_state state = { 0 };
	bool fed = true;

	for (size_t split = 0; split <= text.len; split += step) {
		struct utf8_state two = { 0 };
		struct wps_span rest = { text.data + split, text.len - split };

		PROMISE((utf8_feed(&two, (struct wps_span){ text.data, split }) &&
			    utf8_feed(&two, rest) && utf8_done(&two)) == valid);
	}
	for (size_t i = 0; i < text.len; i++)
		fed = utf8_feed(&state, (struct wps_span){ text.data + i, 1 });
	PROMISE((fed && utf8_done(&state)) == valid);
}

static void
check_valid(struct wps_span text)
{
	const char *at = text.data, *end = at + text.len, *next;
	size_t units = 0;
	uint32_t code;
	char room[4];

	for (; at < end; at = next) {
		size_t before = (size_t)(at - text.data);

		next = utf8_get(at, &code);
		PROMISE(next <= end);
		PROMISE(utf8_put(room, code) - room == next - at);
		PROMISE(memcmp(room, at, (size_t)(next - at)) == 0);
		units += code > 0xffff ? 2 : 1;
		for (const char *cut = at; cut < next; cut++)
			PROMISE(utf8_cut(text, (size_t)(cut - text.data)) ==
			    before);
	}
	PROMISE(utf8_units(text) == units);
	PROMISE(utf8_cut(text, text.len) == text.len);
}

bool
fuzz_accepts(struct wps_span input)
{
	return utf8_valid(input);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wps_span text = { (const char *)data, size };
	bool valid = utf8_valid(text);

	PROMISE(valid == is_defined(data, size));
	check_pieces(text, valid);
	if (valid && size > 0)
		check_valid(text);
	return 0;
}
