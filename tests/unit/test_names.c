/* SPDX-License-Identifier: MIT */
#include "lib/names.h"

#include "unit.h"

/* A text of `count` times `unit`, with `head` before. */
static struct wps_span
repeat(const char *head, const char *unit, size_t count)
{
	static char room[8192];
	size_t len = strlen(head), size = strlen(unit);

	memcpy(room, head, len);
	for (size_t i = 0; i < count; i++, len += size)
		memcpy(room + len, unit, size);
	return (struct wps_span){ room, len };
}

static void
test_lower_and_compare_know_ascii_only(void)
{
	static const struct {
		struct wps_span a, b;
		bool equal;
	} cases[] = {
		{ WPS_SPAN("Chat"), WPS_SPAN("cHAT"), true },
		{ WPS_SPAN("chat"), WPS_SPAN("chats"), false },
		{ WPS_SPAN("[x]"), WPS_SPAN("{x}"), false },
		{ WPS_SPAN("@"), WPS_SPAN("`"), false },
		{ WPS_SPAN("\xc3\x84"), WPS_SPAN("\xc3\xa4"), false },
		{ WPS_SPAN("a\0b"), WPS_SPAN("A\0B"), true },
		{ WPS_SPAN("a\0b"), WPS_SPAN("A\0c"), false },
		{ WPS_SPAN(""), WPS_SPAN_NONE, true },
	};
	char lower[16];

	for (size_t i = 0; i < COUNT(cases); i++)
		check_number("compare",
		    name_eq_nocase(cases[i].a, cases[i].b), cases[i].equal);
	name_lower(lower, WPS_SPAN("AZaz@[`{09\xc4"));
	check_bytes("lower", (struct wps_span){ lower, 11 },
	    WPS_SPAN("azaz@[`{09\xc4"));
}

static void
test_order_is_that_of_bytes(void)
{
	static const struct wps_span sorted[] = {
		WPS_SPAN(""), WPS_SPAN("\0"), WPS_SPAN("A"), WPS_SPAN("a"),
		WPS_SPAN("a\0"), WPS_SPAN("aa"), WPS_SPAN("b"),
		WPS_SPAN("\xc3\xa4"),
	};

	for (size_t i = 0; i < COUNT(sorted); i++)
		for (size_t k = 0; k < COUNT(sorted); k++) {
			int order = name_order(sorted[i], sorted[k]);
			check_number("order", (order > 0) - (order < 0),
			    (i > k) - (i < k));
		}
	check_number("absent", name_order(WPS_SPAN_NONE, WPS_SPAN("")), 0);
}

static void
test_tokens(void)
{
	static const char tokens[] = "!#$%&'*+-.0123456789^_`abcdefghijklmnopqrstuvwxyz|~"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (int c = 0; c < 256; c++) {
		const char text[] = { 'a', (char)c };
		CU_ASSERT(name_is_token((struct wps_span){ text, 2 }) ==
		    (memchr(tokens, c, sizeof(tokens) - 1) != NULL));
	}
	CU_ASSERT(name_is_token((struct wps_span){ tokens, sizeof(tokens) - 1 }));
	CU_ASSERT_FALSE(name_is_token(WPS_SPAN("")));
	CU_ASSERT_FALSE(name_is_token(WPS_SPAN_NONE));
}

static void
test_hub_names(void)
{
	static const struct {
		struct wps_span name;
		bool valid;
	} cases[] = {
		{ WPS_SPAN("a"), true },
		{ WPS_SPAN("Chat1"), true },
		{ WPS_SPAN("a_`,.[]"), true },
		{ WPS_SPAN(""), false },
		{ WPS_SPAN_NONE, false },
		{ WPS_SPAN("1a"), false },
		{ WPS_SPAN("_a"), false },
		{ WPS_SPAN("a-b"), false },
		{ WPS_SPAN("a b"), false },
		{ WPS_SPAN("a/b"), false },
		{ WPS_SPAN("a\0"), false },
		{ WPS_SPAN("\xc3\xa9"), false },
		{ WPS_SPAN("a\xc3\xa9"), false },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_number(cases[i].name.data ? cases[i].name.data : "none",
		    name_hub_valid(cases[i].name), cases[i].valid);
	CU_ASSERT_TRUE(name_hub_valid(repeat("", "h", 128)));
	CU_ASSERT_FALSE(name_hub_valid(repeat("", "h", 129)));
}

static void
test_event_names(void)
{
	static const struct {
		struct wps_span name;
		bool valid;
	} cases[] = {
		{ WPS_SPAN("e"), true },
		{ WPS_SPAN("Order_placed.v1-x"), true },
		{ WPS_SPAN(""), false },
		{ WPS_SPAN("1e"), false },
		{ WPS_SPAN("-e"), false },
		{ WPS_SPAN("e,f"), false },
		{ WPS_SPAN("e*"), false },
		{ WPS_SPAN("e\0"), false },
		{ WPS_SPAN("e\xc3\xa9"), false },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_number(cases[i].name.data, name_event_valid(cases[i].name),
		    cases[i].valid);
	CU_ASSERT_TRUE(name_event_valid(repeat("", "e", 128)));
	CU_ASSERT_FALSE(name_event_valid(repeat("", "e", 129)));
}

static void
test_each_byte_in_names(void)
{
	for (int c = 0; c < 256; c++) {
		char room[2] = { 'a', (char)c };
		struct wps_span name = { room, 2 };
		bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z');

		check_number("hub", name_hub_valid(name),
		    word || (c && strchr("_`,.[]", c)));
		check_number("event", name_event_valid(name),
		    word || (c && strchr("_.-", c)));
	}
}

static void
test_group_names(void)
{
	static const struct {
		const char *what;
		struct wps_span name;
		bool valid;
	} cases[] = {
		{ "plain", WPS_SPAN("g"), true },
		{ "slash and blank", WPS_SPAN(" a/b c "), true },
		{ "NUL", WPS_SPAN("\0"), true },
		{ "accent", WPS_SPAN("\xc3\xa9"), true },
		{ "zero width space is no white space",
		    WPS_SPAN("\xe2\x80\x8b"), true },
		{ "empty", WPS_SPAN(""), false },
		{ "absent", WPS_SPAN_NONE, false },
		{ "blanks", WPS_SPAN("   "), false },
		{ "ASCII white space", WPS_SPAN(" \t\n\v\f\r"), false },
		{ "next line", WPS_SPAN("\xc2\x85"), false },
		{ "no-break space", WPS_SPAN("\xc2\xa0 "), false },
		{ "ogham", WPS_SPAN("\xe1\x9a\x80"), false },
		{ "en quad to hair", WPS_SPAN("\xe2\x80\x80\xe2\x80\x8a"),
		    false },
		{ "separators", WPS_SPAN("\xe2\x80\xa8\xe2\x80\xa9"), false },
		{ "narrow", WPS_SPAN("\xe2\x80\xaf\xe2\x81\x9f"), false },
		{ "ideographic", WPS_SPAN("\xe3\x80\x80"), false },
		{ "not UTF-8", WPS_SPAN("a\xff"), false },
		{ "torn", WPS_SPAN("a\xe2\x82"), false },
		{ "surrogate", WPS_SPAN("\xed\xa0\x80"), false },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_number(cases[i].what, name_group_valid(cases[i].name),
		    cases[i].valid);
}

static void
test_group_names_are_measured_in_utf16_units(void)
{
	CU_ASSERT_TRUE(name_group_valid(repeat("", "g", 1024)));
	CU_ASSERT_FALSE(name_group_valid(repeat("", "g", 1025)));
	CU_ASSERT_TRUE(name_group_valid(repeat("", "\xe2\x82\xac", 1024)));
	CU_ASSERT_FALSE(name_group_valid(repeat("", "\xe2\x82\xac", 1025)));
	CU_ASSERT_TRUE(name_group_valid(repeat("", "\xf0\x9f\x98\x80", 512)));
	CU_ASSERT_FALSE(name_group_valid(repeat("a", "\xf0\x9f\x98\x80", 512)));
}

static void
test_patterns_are_checked(void)
{
	static const struct {
		const char *pattern;
		bool valid, literal;
	} cases[] = {
		{ "a", true, true },
		{ "a.b c/d", true, true },
		{ " ", true, true },
		{ "\xe2\x82\xac", true, true },
		{ "?", true, false },
		{ "a.*", true, false },
		{ "**", true, false },
		{ "*****", true, false },
		{ "*a*b*c*d*", true, false },
		{ "******", false, false },
		{ "*a*b*c*d*e*", false, false },
		{ "**a**b**", false, false },
		{ "\\*\\*\\*\\*\\*\\*", true, false },
		{ "*****\\*", true, false },
		{ "\\?", true, false },
		{ "\\\\", true, false },
		{ "\\\\*", true, false },
		{ "\\", false, false },
		{ "a\\", false, false },
		{ "\\\\\\", false, false },
		{ "\\a", false, false },
		{ "\\.", false, false },
		{ "", false, true },
		{ "a\xff", false, true },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wps_span pattern = exact_copy(
		    wps_span_str(cases[i].pattern));

		check_number(cases[i].pattern, pattern_valid(pattern),
		    cases[i].valid);
		check_number(cases[i].pattern, pattern_is_literal(pattern),
		    cases[i].literal);
		free_copy(pattern);
	}
	CU_ASSERT_TRUE(pattern_valid(repeat("", "p", 1024)));
	CU_ASSERT_FALSE(pattern_valid(repeat("", "p", 1025)));
	CU_ASSERT_TRUE(pattern_valid(repeat("", "\xe2\x82\xac", 1024)));
	CU_ASSERT_FALSE(pattern_valid(repeat("", "\xf0\x9f\x98\x80", 513)));
}

static const struct {
	const char *pattern, *name;
	bool matches;
} matches[] = {
	/* the documents' own */
	{ "a-*", "a-1", true }, { "a-*", "a-", true },
	{ "a-*", "a.1", false }, { "a-*", "xa-1", false },
	{ "t1.*", "t1.x", true }, { "t1.*", "t1.x.y", false },
	{ "t1.*", "t2.x", false }, { "t1.**", "t1.x", true },
	{ "t1.**", "t1.x.y", true }, { "t1.**", "t2.x", false },
	{ "r.?1", "r.a1", true }, { "r.?1", "r.11", true },
	{ "r.?1", "r.1", false }, { "r.?1", "r.a.1", false },
	{ "s\\*t", "s*t", true }, { "s\\*t", "sXt", false },
	{ "chat-*", "chat.1", false }, { "a.**", "a.", true },
	{ "a.**", "a", false }, { "a.?1", "a...1", false },
	{ "lit\\*x", "litabx", false },
	/* plain names */
	{ "abc", "abc", true }, { "abc", "abd", false },
	{ "abc", "ab", false }, { "abc", "abcd", false },
	{ "abc", "ABC", false }, { "a.c", "abc", false },
	{ "", "", true }, { "", "a", false }, { "a", "", false },
	/* stars and nothing */
	{ "*", "", true }, { "**", "", true }, { "?", "", false },
	{ "*", "abc", true }, { "*", "a.c", false }, { "**", "a.c", true },
	{ "***", "a.c", true }, { "****", "a.c", true },
	{ "a*", "a", true }, { "*a", "a", true }, { "*a*", "a", true },
	/* going back */
	{ "*ab", "aaab", true }, { "*ab", "aaba", false },
	{ "a*b*c", "aXbXbXc", true }, { "a*b*c", "aXbX.c", false },
	{ "**.b", "a.b.b", true }, { "**.b", "a.b.c", false },
	{ "**a*c", "ab.abc", true }, { "**a*c", "ab.abc.", false },
	{ "**.*x", "a.b.cx", true }, { "**.*x", "a.b.c.", false },
	{ "*.**.z", "a.b.c.z", true }, { "*.**.z", "a.z", false },
	{ "*.**x", "a.b.x", true }, { "**b*.c", "b.b.b.c", true },
	{ "**a?b", "aab.aXb", true }, { "**a?b", "aab.a.b", false },
	/* question marks */
	{ "???", "abc", true }, { "???", "a.c", false },
	{ "???", "ab", false }, { "?", ".", false },
	{ "?", "\xf0\x9f\x98\x80", true }, { "??", "\xf0\x9f\x98\x80", false },
	{ "*?", "\xc3\xa9", true }, { "?*?", "\xc3\xa9", false },
	{ "*\xa9", "\xc3\xa9", false }, { "**\xa9", "\xc3\xa9", false },
	/* escapes */
	{ "\\?", "?", true }, { "\\?", "a", false },
	{ "\\\\", "\\", true }, { "\\**", "*abc", true },
	{ "\\**", "abc", false }, { "*\\*", "ab*", true },
	{ "*\\*", "ab", false },
};

static void
test_patterns_match(void)
{
	char what[64];

	for (size_t i = 0; i < COUNT(matches); i++) {
		struct wps_span pattern = exact_copy(
		    wps_span_str(matches[i].pattern));
		struct wps_span name = exact_copy(wps_span_str(matches[i].name));

		snprintf(what, sizeof(what), "%s ~ %s", matches[i].pattern,
		    matches[i].name);
		check_number(what, pattern_match(pattern, name),
		    matches[i].matches);
		free_copy(pattern);
		free_copy(name);
	}
	CU_ASSERT_TRUE(pattern_match(WPS_SPAN("**"), WPS_SPAN_NONE));
	CU_ASSERT_FALSE(pattern_match(WPS_SPAN_NONE, WPS_SPAN("a")));
}

/* The definition, tried in all ways. */
static bool
is_match(const char *pattern, const char *name)
{
	size_t stars = strspn(pattern, "*");

	if (*pattern == '\0')
		return *name == '\0';
	if (stars == 0)
		return *name &&
		    (*pattern == '?' ? *name != '.' : *name == *pattern) &&
		    is_match(pattern + 1, name + 1);
	for (;; name++) {
		if (is_match(pattern + stars, name))
			return true;
		if (*name == '\0' || (stars == 1 && *name == '.'))
			return false;
	}
}

/* The text of a number in this alphabet; false when it has more than `max`
 * characters. */
static bool
spell(char *room, size_t max, const char *alphabet, unsigned number)
{
	size_t base = strlen(alphabet), len = 0;

	for (; number > 0; number = (unsigned)((number - 1) / base)) {
		if (len == max)
			return false;
		room[len++] = alphabet[(number - 1) % base];
	}
	room[len] = '\0';
	return true;
}

static void
test_all_short_patterns_follow_the_definition(void)
{
	char pattern[8], name[8];
	unsigned wrong = 0;

	for (unsigned p = 0; spell(pattern, 6, "a.*?", p); p++) {
		for (unsigned n = 0; spell(name, 5, "a.b", n); n++) {
			bool expected = is_match(pattern, name);

			if (pattern_match(wps_span_str(pattern),
				wps_span_str(name)) == expected)
				continue;
			wrong++;
			fprintf(stderr, "\n%s ~ %s: expected %d\n", pattern,
			    name, expected);
		}
	}
	check_number("short patterns", wrong, 0);
}

static void
test_stars_between_letters_follow_the_definition(void)
{
	static const char *const patterns[] = { "**a*b.*a", "*a**a.*b", "**a*.b*a",
		"a**b*a*", "**.a*b", "*.**a*b", "**aa*b**b", "**b*a.b", "**a?*b" };
	unsigned wrong = 0;
	char name[16];

	for (size_t p = 0; p < COUNT(patterns); p++)
		for (unsigned n = 0; spell(name, 8, "a.b", n); n++)
			wrong += pattern_match(wps_span_str(patterns[p]),
				     wps_span_str(name)) !=
			    is_match(patterns[p], name);
	check_number("stars between letters", wrong, 0);
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_lower_and_compare_know_ascii_only),
		TEST(test_order_is_that_of_bytes),
		TEST(test_tokens),
		TEST(test_hub_names),
		TEST(test_event_names),
		TEST(test_each_byte_in_names),
		TEST(test_group_names),
		TEST(test_group_names_are_measured_in_utf16_units),
		TEST(test_patterns_are_checked),
		TEST(test_patterns_match),
		TEST(test_all_short_patterns_follow_the_definition),
		TEST(test_stars_between_letters_follow_the_definition),
	};

	return RUN_TESTS("names", tests);
}
