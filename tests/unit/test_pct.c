/* SPDX-License-Identifier: MIT */
#include "lib/pct.h"

#include "unit.h"

static void
test_unreserved_are_those_of_the_rfc(void)
{
	static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (int c = 0; c < 256; c++)
		check_number("unreserved", pct_is_unreserved((char)c),
		    c && strchr(all, c));
}

static void
test_hex_byte_takes_two_digits(void)
{
	static const struct {
		const char *digits;
		int byte;
	} cases[] = {
		{ "00", 0 }, { "09", 9 }, { "0a", 10 }, { "0F", 15 },
		{ "10", 16 }, { "7f", 127 }, { "fF", 255 }, { "g0", -1 },
		{ "0g", -1 }, { "", -1 }, { "1", -1 }, { " 1", -1 },
		{ "+1", -1 }, { "0@", -1 }, { "0`", -1 }, { "0:", -1 },
		{ "0/", -1 }, { "\x10" "0", -1 },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_number(cases[i].digits, pct_hex_byte(cases[i].digits),
		    cases[i].byte);
}

static const struct {
	struct wps_span text, path, query;
} decoded[] = {
	{ WPS_SPAN(""), WPS_SPAN(""), WPS_SPAN("") },
	{ WPS_SPAN("plain"), WPS_SPAN("plain"), WPS_SPAN("plain") },
	{ WPS_SPAN("a%20b"), WPS_SPAN("a b"), WPS_SPAN("a b") },
	{ WPS_SPAN("a+b"), WPS_SPAN("a+b"), WPS_SPAN("a b") },
	{ WPS_SPAN("a%2Bb"), WPS_SPAN("a+b"), WPS_SPAN("a+b") },
	{ WPS_SPAN("a%2fb%2Fc"), WPS_SPAN("a/b/c"), WPS_SPAN("a/b/c") },
	{ WPS_SPAN("%2541"), WPS_SPAN("%41"), WPS_SPAN("%41") },
	{ WPS_SPAN("%00"), WPS_SPAN("\0"), WPS_SPAN("\0") },
	{ WPS_SPAN("%ff%e2%82%ac"), WPS_SPAN("\xff\xe2\x82\xac"),
	    WPS_SPAN("\xff\xe2\x82\xac") },
};

static void
test_decode_gives_the_bytes(void)
{
	char room[32];
	size_t len = 0;

	for (size_t i = 0; i < COUNT(decoded); i++) {
		struct wps_span text = exact_copy(decoded[i].text);

		CU_ASSERT_TRUE(pct_decode(room, text, &len));
		check_bytes("path", (struct wps_span){ room, len },
		    decoded[i].path);
		CU_ASSERT_TRUE(pct_decode_query(room, text, &len));
		check_bytes("query", (struct wps_span){ room, len },
		    decoded[i].query);
		free_copy(text);
	}
}

static void
test_decode_works_in_place(void)
{
	char room[] = "a%20b%2Fc+d";
	struct wps_span text = { room, sizeof(room) - 1 };
	size_t len = 0;

	CU_ASSERT_TRUE(pct_decode(room, text, &len));
	check_bytes("in place", (struct wps_span){ room, len },
	    WPS_SPAN("a b/c+d"));
}

static void
test_decode_refuses_a_broken_escape(void)
{
	static const char *const cases[] = { "%", "%4", "a%", "a%4", "%zz",
		"%4g", "%g4", "%%41", "% 41", "%u0041", "%+1", "ab%2" };
	char room[16];
	size_t len;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wps_span text = exact_copy(wps_span_str(cases[i]));

		check_number(cases[i], pct_decode(room, text, &len), false);
		check_number(cases[i], pct_decode_query(room, text, &len),
		    false);
		free_copy(text);
	}
}

static void
test_encode_leaves_unreserved_only(void)
{
	char room[64];
	char *end = pct_encode(room, WPS_SPAN("aZ0-._~ /%+?&=\0\xc3\xa9"));

	check_bytes("encode", (struct wps_span){ room, (size_t)(end - room) },
	    WPS_SPAN("aZ0-._~%20%2F%25%2B%3F%26%3D%00%C3%A9"));
	CU_ASSERT_PTR_EQUAL(pct_encode(room, WPS_SPAN_NONE), room);
}

static void
test_each_byte_comes_back(void)
{
	char bytes[256], text[3 * sizeof(bytes)], room[sizeof(text)];
	struct wps_span all = { bytes, sizeof(bytes) };
	size_t len;

	for (int c = 0; c < 256; c++)
		bytes[c] = (char)c;
	len = (size_t)(pct_encode(text, all) - text);
	CU_ASSERT_TRUE(pct_decode(room, (struct wps_span){ text, len }, &len));
	check_bytes("all bytes", (struct wps_span){ room, len }, all);
	len = (size_t)(pct_encode(text, all) - text);
	CU_ASSERT_TRUE(
	    pct_decode_query(room, (struct wps_span){ text, len }, &len));
	check_bytes("all bytes", (struct wps_span){ room, len }, all);
}

/* The parameters of a query, one a line. */
static struct wps_span
list(char *room, struct wps_span query)
{
	struct wps_span name, value;
	char *at = room;

	while (query_next(&query, &name, &value)) {
		CU_ASSERT_PTR_NOT_NULL(value.data);
		memcpy(at, name.data, name.len);
		at += name.len;
		*at++ = ':';
		memcpy(at, value.data, value.len);
		at += value.len;
		*at++ = '\n';
	}
	check_number("rest", query.len, 0);
	return (struct wps_span){ room, (size_t)(at - room) };
}

static void
test_query_is_cut_into_parameters(void)
{
	static const struct {
		struct wps_span query, expected;
	} cases[] = {
		{ WPS_SPAN(""), WPS_SPAN("") },
		{ WPS_SPAN("a"), WPS_SPAN("a:\n") },
		{ WPS_SPAN("a="), WPS_SPAN("a:\n") },
		{ WPS_SPAN("a=b"), WPS_SPAN("a:b\n") },
		{ WPS_SPAN("=b"), WPS_SPAN(":b\n") },
		{ WPS_SPAN("="), WPS_SPAN(":\n") },
		{ WPS_SPAN("a=b=c"), WPS_SPAN("a:b=c\n") },
		{ WPS_SPAN("a=b&c=d"), WPS_SPAN("a:b\nc:d\n") },
		{ WPS_SPAN("a=1&a=2"), WPS_SPAN("a:1\na:2\n") },
		{ WPS_SPAN("&&a=b&&c&"), WPS_SPAN("a:b\nc:\n") },
		{ WPS_SPAN("&"), WPS_SPAN("") },
		{ WPS_SPAN("a%26b=%3D+"), WPS_SPAN("a%26b:%3D+\n") },
		{ WPS_SPAN("a;b=c"), WPS_SPAN("a;b:c\n") },
	};
	char room[64];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wps_span query = exact_copy(cases[i].query);

		check_bytes("query", list(room, query), cases[i].expected);
		free_copy(query);
	}
}

static void
test_absent_query_has_no_parameters(void)
{
	struct wps_span rest = WPS_SPAN_NONE, name, value;

	CU_ASSERT_FALSE(query_next(&rest, &name, &value));
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_unreserved_are_those_of_the_rfc),
		TEST(test_hex_byte_takes_two_digits),
		TEST(test_decode_gives_the_bytes),
		TEST(test_decode_works_in_place),
		TEST(test_decode_refuses_a_broken_escape),
		TEST(test_encode_leaves_unreserved_only),
		TEST(test_each_byte_comes_back),
		TEST(test_query_is_cut_into_parameters),
		TEST(test_absent_query_has_no_parameters),
	};

	return RUN_TESTS("pct", tests);
}
