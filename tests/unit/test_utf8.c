/* SPDX-License-Identifier: MIT */
#include "lib/utf8.h"

#include "unit.h"

static const struct {
	const char *name;
	struct wps_span bytes;
} valid[] = {
	{ "empty", { "", 0 } },
	{ "ASCII", WPS_SPAN("a plain text of more than eight bytes\r\n") },
	{ "NUL", WPS_SPAN("a\0b") },
	{ "DEL", WPS_SPAN("\x7f") },
	{ "two bytes, lowest", WPS_SPAN("\xc2\x80") },
	{ "two bytes, highest", WPS_SPAN("\xdf\xbf") },
	{ "three bytes, lowest", WPS_SPAN("\xe0\xa0\x80") },
	{ "last before surrogates", WPS_SPAN("\xed\x9f\xbf") },
	{ "first after surrogates", WPS_SPAN("\xee\x80\x80") },
	{ "non-character", WPS_SPAN("\xef\xbf\xbf") },
	{ "byte order mark", WPS_SPAN("\xef\xbb\xbf") },
	{ "four bytes, lowest", WPS_SPAN("\xf0\x90\x80\x80") },
	{ "four bytes, highest", WPS_SPAN("\xf4\x8f\xbf\xbf") },
	{ "mixture", WPS_SPAN("gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac 5, "
			      "\xf0\x9f\x98\x80\xf0\x9f\x98\x80 bye-bye") },
};

/* `at` is the byte at which it becomes hopeless; the length when it is only
 * not complete. */
static const struct {
	const char *name;
	struct wps_span bytes;
	size_t at;
} invalid[] = {
	{ "lone continuation", WPS_SPAN("\x80"), 0 },
	{ "lone continuation, highest", WPS_SPAN("\xbf"), 0 },
	{ "continuation too many", WPS_SPAN("\xc3\xa4\xa4"), 2 },
	{ "overlong slash of two bytes", WPS_SPAN("\xc0\xaf"), 0 },
	{ "overlong of two bytes, highest", WPS_SPAN("\xc1\xbf"), 0 },
	{ "overlong slash of three bytes", WPS_SPAN("\xe0\x80\xaf"), 1 },
	{ "overlong of three bytes, highest", WPS_SPAN("\xe0\x9f\xbf"), 1 },
	{ "overlong slash of four bytes", WPS_SPAN("\xf0\x80\x80\xaf"), 1 },
	{ "overlong of four bytes, highest", WPS_SPAN("\xf0\x8f\xbf\xbf"), 1 },
	{ "five bytes", WPS_SPAN("\xf8\x88\x80\x80\x80"), 0 },
	{ "six bytes", WPS_SPAN("\xfc\x84\x80\x80\x80\x80"), 0 },
	{ "FE", WPS_SPAN("\xfe"), 0 },
	{ "FF", WPS_SPAN("\xff"), 0 },
	{ "first surrogate", WPS_SPAN("\xed\xa0\x80"), 1 },
	{ "last surrogate", WPS_SPAN("\xed\xbf\xbf"), 1 },
	{ "pair of surrogates", WPS_SPAN("\xed\xa0\xbd\xed\xb8\x80"), 1 },
	{ "first above U+10FFFF", WPS_SPAN("\xf4\x90\x80\x80"), 1 },
	{ "F5", WPS_SPAN("\xf5\x80\x80\x80"), 0 },
	{ "ASCII in the second place", WPS_SPAN("\xc3(xxxxxxxx"), 1 },
	{ "ASCII in the third place", WPS_SPAN("\xe2\x82(xxxxxxxx"), 2 },
	{ "ASCII in the fourth place", WPS_SPAN("\xf0\x9f\x98(xxxxxxxx"), 3 },
	{ "first byte after first byte", WPS_SPAN("\xc3\xc3\xa4"), 1 },
	{ "one of two bytes", WPS_SPAN("\xc3"), 1 },
	{ "one of three bytes", WPS_SPAN("\xe2"), 1 },
	{ "two of three bytes", WPS_SPAN("\xe2\x82"), 2 },
	{ "one of four bytes", WPS_SPAN("\xf0"), 1 },
	{ "two of four bytes", WPS_SPAN("\xf0\x9f"), 2 },
	{ "three of four bytes", WPS_SPAN("\xf0\x9f\x98"), 3 },
};

/* A text behind so many letters, to meet each place of the eight-byte stride. */
static struct wps_span
behind_letters(struct wps_span bytes, size_t letters)
{
	char room[128];

	memset(room, 'x', letters);
	memcpy(room + letters, bytes.data, bytes.len);
	return exact_copy((struct wps_span){ room, letters + bytes.len });
}

static void
check_valid(const char *name, struct wps_span bytes, bool expected)
{
	for (size_t letters = 0; letters < 18; letters++) {
		struct wps_span text = behind_letters(bytes, letters);

		check_number(name, utf8_valid(text), expected);
		free_copy(text);
	}
}

/* Whether a text that comes in two pieces is accepted. */
static bool
is_accepted(struct wps_span text, size_t split)
{
	struct wps_span rest = { text.data + split, text.len - split };
	struct utf8_state state = { 0 };

	return utf8_feed(&state, (struct wps_span){ text.data, split }) &&
	    utf8_feed(&state, rest) && utf8_done(&state);
}

static void
check_splits(const char *name, struct wps_span bytes, bool expected)
{
	for (size_t letters = 0; letters < 10; letters++) {
		struct wps_span text = behind_letters(bytes, letters);

		for (size_t split = 0; split <= text.len; split++)
			check_number(name, is_accepted(text, split), expected);
		free_copy(text);
	}
}

static void
test_valid_text_is_accepted(void)
{
	for (size_t i = 0; i < COUNT(valid); i++)
		check_valid(valid[i].name, valid[i].bytes, true);
}

static void
test_invalid_text_is_refused(void)
{
	for (size_t i = 0; i < COUNT(invalid); i++)
		check_valid(invalid[i].name, invalid[i].bytes, false);
}

static void
test_absent_text_is_valid(void)
{
	struct utf8_state state = { 0 };

	CU_ASSERT_TRUE(utf8_valid(WPS_SPAN_NONE));
	CU_ASSERT_TRUE(utf8_feed(&state, WPS_SPAN_NONE));
	CU_ASSERT_TRUE(utf8_done(&state));
}

static void
test_pieces_give_the_same_answer_as_the_whole(void)
{
	for (size_t i = 0; i < COUNT(valid); i++)
		check_splits(valid[i].name, valid[i].bytes, true);
	for (size_t i = 0; i < COUNT(invalid); i++)
		check_splits(invalid[i].name, invalid[i].bytes, false);
}

static void
test_feed_refuses_the_first_byte_that_cannot_be(void)
{
	for (size_t i = 0; i < COUNT(invalid); i++) {
		struct utf8_state state = { 0 };
		struct wps_span bytes = invalid[i].bytes;
		size_t at = 0;

		while (at < bytes.len &&
		    utf8_feed(&state, (struct wps_span){ bytes.data + at, 1 }))
			at++;
		check_number(invalid[i].name, at, invalid[i].at);
		CU_ASSERT_FALSE(utf8_done(&state));
	}
}

static void
test_feed_accepts_nothing_after_a_failure(void)
{
	struct utf8_state state = { 0 };

	CU_ASSERT_FALSE(utf8_feed(&state, WPS_SPAN("\xff")));
	CU_ASSERT_FALSE(utf8_feed(&state, WPS_SPAN("")));
	CU_ASSERT_FALSE(utf8_feed(&state, WPS_SPAN("a")));
	CU_ASSERT_FALSE(utf8_feed(&state, WPS_SPAN("\x80")));
	CU_ASSERT_FALSE(utf8_done(&state));
}

static void
test_done_only_between_characters(void)
{
	static const bool done[] = { false, false, false, true };
	static const char text[] = "\xf0\x9f\x98\x80";
	struct utf8_state state = { 0 };

	CU_ASSERT_TRUE(utf8_done(&state));
	for (size_t i = 0; i < COUNT(done); i++) {
		struct wps_span byte = { text + i, 1 };

		CU_ASSERT_TRUE(utf8_feed(&state, byte));
		check_number("done", utf8_done(&state), done[i]);
	}
}

static void
test_each_code_point_is_read_as_it_was_written(void)
{
	unsigned wrong = 0;
	char room[4];
	uint32_t got;

	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		struct wps_span text = { room,
			(size_t)(utf8_put(room, code) - room) };
		bool surrogate = code >= 0xd800 && code <= 0xdfff;

		wrong += utf8_valid(text) == surrogate;
		wrong += utf8_get(room, &got) != room + text.len;
		wrong += got != code;
		wrong += utf8_units(text) != (code < 0x10000 ? 1 : 2);
	}
	check_number("code points", wrong, 0);
}

/* The definition read backwards: the code point, and whether it had to be
 * written like this. */
static bool
is_one_character(const char *bytes, size_t len)
{
	char again[4];
	uint32_t code = 0;

	for (size_t i = 1; i < len; i++)
		if (((uint8_t)bytes[i] & 0xc0) != 0x80)
			return false;
	code = (uint8_t)bytes[0] & (len == 2 ? 0x1f : len == 3 ? 0x0f : 0x07);
	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((uint8_t)bytes[i] & 0x3f);
	return code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) &&
	    (size_t)(utf8_put(again, code) - again) == len &&
	    memcmp(again, bytes, len) == 0;
}

static void
test_two_and_three_and_four_bytes_follow_the_definition(void)
{
	static const unsigned char more[] = { 0x80, 0xbf, 0xc0, 0xff };
	unsigned wrong = 0;
	char b[4];

	for (unsigned pair = 0x8000; pair <= 0xffff; pair++) {
		b[0] = (char)(pair >> 8);
		b[1] = (char)pair;
		wrong += utf8_valid((struct wps_span){ b, 2 }) !=
		    is_one_character(b, 2);
		for (unsigned i = 0; i < 16; i++) {
			b[2] = (char)more[i / 4];
			b[3] = (char)more[i % 4];
			for (size_t len = 3; len <= 4 && b[1] & 0x80; len++)
				wrong += utf8_valid((struct wps_span){ b, len }) !=
				    is_one_character(b, len);
		}
	}
	check_number("sequences", wrong, 0);
}

static void
test_cut_ends_between_characters(void)
{
	static const size_t expected[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11,
		11, 11 };
	struct wps_span text = exact_copy(
	    WPS_SPAN("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"));

	for (size_t max = 0; max < COUNT(expected); max++)
		check_number("cut", utf8_cut(text, max), expected[max]);
	free_copy(text);
}

static void
test_units_count_as_utf16_does(void)
{
	static const struct {
		struct wps_span text;
		size_t units;
	} cases[] = {
		{ WPS_SPAN(""), 0 },
		{ WPS_SPAN("abc"), 3 },
		{ WPS_SPAN("\xc3\xa9"), 1 },
		{ WPS_SPAN("\xef\xbf\xbf"), 1 },
		{ WPS_SPAN("\xf0\x90\x80\x80"), 2 },
		{ WPS_SPAN("a\xe2\x82\xac\xf0\x9f\x98\x80z"), 5 },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_number("units", utf8_units(cases[i].text),
		    cases[i].units);
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_valid_text_is_accepted),
		TEST(test_invalid_text_is_refused),
		TEST(test_absent_text_is_valid),
		TEST(test_pieces_give_the_same_answer_as_the_whole),
		TEST(test_feed_refuses_the_first_byte_that_cannot_be),
		TEST(test_feed_accepts_nothing_after_a_failure),
		TEST(test_done_only_between_characters),
		TEST(test_each_code_point_is_read_as_it_was_written),
		TEST(test_two_and_three_and_four_bytes_follow_the_definition),
		TEST(test_cut_ends_between_characters),
		TEST(test_units_count_as_utf16_does),
	};

	return RUN_TESTS("utf8", tests);
}
