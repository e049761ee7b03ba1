/* SPDX-License-Identifier: MIT */
#include "lib/jscan.h"

#include "lib/utf8.h"
#include "unit.h"

#define LITERAL(text) { text, sizeof(text) - 1 }

static const struct wps_span valid[] = {
	LITERAL("null"),
	LITERAL("true"),
	LITERAL("false"),
	LITERAL("\"\""),
	LITERAL("\"text\""),
	LITERAL("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\""),
	LITERAL("\"\\u0000\\uABCD\\uabcd\\ud83d\\ude00\""),
	LITERAL("\"\\ud800\""),
	LITERAL("\"a\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""),
	LITERAL("\"seven b\\\\\""),
	LITERAL("\"a string that is longer than eight bytes\""),
	LITERAL("[]"),
	LITERAL("[ ]"),
	LITERAL("[1]"),
	LITERAL("[1,2 , 3\t,\r\n4]"),
	LITERAL("[[],[[]],{}]"),
	LITERAL("[null,true,false,\"\",0,{},[]]"),
	LITERAL("{}"),
	LITERAL("{ }"),
	LITERAL("{\"\":0}"),
	LITERAL("{\"a\":1}"),
	LITERAL("{\"a\":1,\"a\":2}"),
	LITERAL("{\"a\":{\"b\":{\"c\":[{}]}},\"d\":[]}"),
	LITERAL("{\"}\":\"{\",\"]\":\"[\",\",\":\":\"}"),
	LITERAL("{ \"a\" : [ 1 , { } ] , \"b\" : \"c\" }"),
	LITERAL("{\"type\":\"sendToGroup\",\"group\":\"g\",\"ackId\":1,"
		"\"dataType\":\"json\",\"data\":{\"text\":\"hi \\\"you\\\"\"}}"),
};

static const struct wps_span numbers[] = {
	LITERAL("0"), LITERAL("-0"), LITERAL("7"), LITERAL("10"),
	LITERAL("-123"), LITERAL("1.5"), LITERAL("0.0"), LITERAL("-0.01"),
	LITERAL("1e5"), LITERAL("1E5"), LITERAL("0e0"), LITERAL("1e+05"),
	LITERAL("1e-5"), LITERAL("1.25e400"),
	LITERAL("123456789012345678901234567890"),
};

static const struct wps_span invalid[] = {
	LITERAL(""), LITERAL(" "), LITERAL("\n"), LITERAL("\0"),
	/* words */
	LITERAL("nul"), LITERAL("nulL"), LITERAL("NULL"), LITERAL("True"),
	LITERAL("truex"), LITERAL("true false"), LITERAL("undefined"),
	LITERAL("NaN"), LITERAL("Infinity"), LITERAL("-Infinity"),
	LITERAL("a"), LITERAL("'a'"),
	/* numbers */
	LITERAL("-"), LITERAL("+1"), LITERAL("01"), LITERAL("-01"),
	LITERAL("00"), LITERAL("1."), LITERAL(".5"), LITERAL("-.5"),
	LITERAL("1.e5"), LITERAL("1e"), LITERAL("1e+"), LITERAL("1e-"),
	LITERAL("1e1.5"), LITERAL("1.5.5"), LITERAL("0x10"), LITERAL("1a"),
	LITERAL("1 2"), LITERAL("--1"), LITERAL("- 1"), LITERAL("1e5e5"),
	LITERAL("\xef\xbc\x91"),
	/* strings */
	LITERAL("\""), LITERAL("\"a"), LITERAL("a\""), LITERAL("\"\"\""),
	LITERAL("\"a\"b"), LITERAL("\"\\\""), LITERAL("\"\\a\""),
	LITERAL("\"\\x41\""), LITERAL("\"\\'\""), LITERAL("\"\\0\""),
	LITERAL("\"\\\0\""), LITERAL("\"\\U0041\""), LITERAL("\"\\u\""),
	LITERAL("\"\\u004\""), LITERAL("\"\\u004g\""), LITERAL("\"\\u 041\""),
	LITERAL("\"\\u+041\""), LITERAL("\"\n\""), LITERAL("\"\t\""),
	LITERAL("\"\0\""), LITERAL("\"\x1f\""),
	/* arrays */
	LITERAL("["), LITERAL("]"), LITERAL("[1"), LITERAL("[1,"),
	LITERAL("[1,]"), LITERAL("[,1]"), LITERAL("[,]"), LITERAL("[1 2]"),
	LITERAL("[1,,2]"), LITERAL("[]]"), LITERAL("[[]"), LITERAL("[}"),
	LITERAL("[1}"), LITERAL("[1:2]"), LITERAL("[\"a\":1]"),
	LITERAL("[],"), LITERAL("[]1"), LITERAL("[1]\0"), LITERAL("[\0]"),
	/* objects */
	LITERAL("{"), LITERAL("}"), LITERAL("{\"a\"}"), LITERAL("{\"a\":}"),
	LITERAL("{\"a\":1"), LITERAL("{\"a\":1,}"), LITERAL("{,\"a\":1}"),
	LITERAL("{\"a\" 1}"), LITERAL("{\"a\"::1}"), LITERAL("{a:1}"),
	LITERAL("{1:1}"), LITERAL("{null:1}"), LITERAL("{\"a\":1 \"b\":2}"),
	LITERAL("{\"a\":1,,\"b\":2}"), LITERAL("{\"a\":1]"), LITERAL("{]"),
	LITERAL("{}}"), LITERAL("{\"a\",\"b\"}"), LITERAL("{\"a\\x\":1}"),
	LITERAL("{\"a\n\":1}"), LITERAL("{[]:1}"), LITERAL("{:1}"),
	LITERAL("{}{}"), LITERAL("{\"a\":1}x"),
	LITERAL("[{\"a\":}]"), LITERAL("[{\"a\":1,}]"), LITERAL("{\"a\":[}"),
	/* white space and comments that are none of JSON's */
	LITERAL("\xef\xbb\xbf{}"), LITERAL("\v1"), LITERAL("\f1"),
	LITERAL("\xc2\xa0" "1"), LITERAL("[1\v]"), LITERAL("1 // one"),
	LITERAL("/* one */1"), LITERAL("[1 /**/]"), LITERAL("# 1\n1"),
};

/* Walks a text as an object or array to its end. */
static int
walk(struct wps_span text)
{
	struct jscan_value key, value;
	struct jscan scan;
	int rc = jscan_begin_object(&scan, text);

	while (rc == WPS_OK)
		rc = jscan_member(&scan, &key, &value);
	if (rc == WPS_NOT_FOUND)
		return rc;
	rc = jscan_begin_array(&scan, text);
	while (rc == WPS_OK)
		rc = jscan_item(&scan, &value);
	return rc;
}

/* Expects the same of the whole and of the walk, whatever stands around. */
static void
check_validity(struct wps_span text, bool expected)
{
	struct wps_span copy = exact_copy(text);
	size_t blank = 0;
	char what[160];

	snprintf(what, sizeof(what), "%.*s", (int)text.len, text.data);
	check_number(what, jscan_valid(copy), expected);
	while (blank < text.len && strchr(" \t\r\n", text.data[blank]) &&
	    text.data[blank])
		blank++;
	if (blank < text.len && strchr("[{", text.data[blank]) &&
	    text.data[blank])
		check_number(what, walk(copy) == WPS_NOT_FOUND, expected);
	free_copy(copy);
}

static struct wps_span
surround(char *room, struct wps_span text)
{
	static const char blanks[] = " \t\r\n";

	memcpy(room, blanks, 4);
	memcpy(room + 4, text.data, text.len);
	memcpy(room + 4 + text.len, blanks, 4);
	return (struct wps_span){ room, text.len + 8 };
}

static void
test_valid_texts_are_accepted(void)
{
	char room[256];

	for (size_t i = 0; i < COUNT(valid); i++) {
		check_validity(valid[i], true);
		check_validity(surround(room, valid[i]), true);
	}
	for (size_t i = 0; i < COUNT(numbers); i++) {
		check_validity(numbers[i], true);
		check_validity(surround(room, numbers[i]), true);
	}
}

static void
test_invalid_texts_are_refused(void)
{
	char room[256];

	CU_ASSERT_FALSE(jscan_valid(WPS_SPAN_NONE));
	for (size_t i = 0; i < COUNT(invalid); i++) {
		check_validity(invalid[i], false);
		check_validity(surround(room, invalid[i]), false);
	}
}

static void
test_each_prefix_is_refused(void)
{
	for (size_t i = 0; i < COUNT(valid); i++)
		for (size_t len = 0; len < valid[i].len; len++)
			check_validity(
			    (struct wps_span){ valid[i].data, len }, false);
}

static void
test_values_are_refused_inside_as_they_are_alone(void)
{
	static const struct {
		const char *head, *tail;
	} around[] = { { "[", "]" }, { "[0,", ",0]" }, { "{\"k\":", "}" },
		{ "[{\"k\":[", "]}]" } };
	char room[256];

	for (size_t a = 0; a < COUNT(around); a++) {
		for (size_t i = 0; i < COUNT(valid) + COUNT(numbers); i++) {
			struct wps_span text = i < COUNT(valid)
			    ? valid[i]
			    : numbers[i - COUNT(valid)];
			int len = snprintf(room, sizeof(room), "%s%.*s%s",
			    around[a].head, (int)text.len, text.data,
			    around[a].tail);

			check_validity(
			    (struct wps_span){ room, (size_t)len }, true);
		}
	}
	CU_ASSERT_FALSE(jscan_valid(WPS_SPAN("[01]")));
	CU_ASSERT_FALSE(jscan_valid(WPS_SPAN("{\"k\":1.}")));
	CU_ASSERT_FALSE(jscan_valid(WPS_SPAN("[{\"k\":[-]}]")));
}

/* A string of `len` letters with one byte in the place of one of them. */
static struct wps_span
string_with(char *room, size_t len, size_t place, int c)
{
	memset(room, 'x', len + 2);
	room[0] = room[len + 1] = '"';
	room[place + 1] = (char)c;
	return (struct wps_span){ room, len + 2 };
}

static void
test_each_byte_at_each_place_of_a_string(void)
{
	char room[32];

	for (size_t len = 1; len <= 18; len++)
		for (size_t place = 0; place < len; place++)
			for (int c = 0; c < 256; c++) {
				struct wps_span text = exact_copy(
				    string_with(room, len, place, c));

				check_number("byte in a string",
				    jscan_valid(text),
				    c >= 0x20 && c != '"' && c != '\\');
				free_copy(text);
			}
}

static void
test_values_are_slices(void)
{
	static const struct {
		struct wps_span text, raw;
		enum jscan_kind kind;
		bool escaped;
	} cases[] = {
		{ WPS_SPAN(" null "), WPS_SPAN("null"), JSCAN_NULL, false },
		{ WPS_SPAN("true\n"), WPS_SPAN("true"), JSCAN_TRUE, false },
		{ WPS_SPAN("\tfalse"), WPS_SPAN("false"), JSCAN_FALSE, false },
		{ WPS_SPAN(" -1.5e3 "), WPS_SPAN("-1.5e3"), JSCAN_NUMBER,
		    false },
		{ WPS_SPAN(" \"a b\" "), WPS_SPAN("\"a b\""), JSCAN_STRING,
		    false },
		{ WPS_SPAN(" \"a\\nb\" "), WPS_SPAN("\"a\\nb\""), JSCAN_STRING,
		    true },
		{ WPS_SPAN(" [ 1 , 2 ] "), WPS_SPAN("[ 1 , 2 ]"), JSCAN_ARRAY,
		    false },
		{ WPS_SPAN(" {\"a\\n\": \"\\n\"} "),
		    WPS_SPAN("{\"a\\n\": \"\\n\"}"), JSCAN_OBJECT, false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct jscan_value value = { 0 };

		CU_ASSERT_EQUAL(jscan_text(cases[i].text, &value), WPS_OK);
		check_bytes("raw", value.raw, cases[i].raw);
		check_number("kind", value.kind, cases[i].kind);
		check_number("escaped", value.escaped, cases[i].escaped);
	}
}

/* Members or items, one a line; the result at the end. */
static int
list(char *room, size_t size, struct wps_span text)
{
	struct jscan_value key, value;
	struct jscan scan;
	size_t len = 0;
	int rc = jscan_begin_object(&scan, text);
	bool object = rc == WPS_OK;

	if (!object)
		rc = jscan_begin_array(&scan, text);
	for (;;) {
		if (rc == WPS_OK)
			rc = object ? jscan_member(&scan, &key, &value)
				    : jscan_item(&scan, &value);
		room[len] = '\0';
		if (rc != WPS_OK)
			return rc;
		if (object)
			len += (size_t)snprintf(room + len, size - len,
			    "%.*s%s=", (int)key.raw.len, key.raw.data,
			    key.escaped ? "!" : "");
		len += (size_t)snprintf(room + len, size - len, "%d%s%.*s\n",
		    (int)value.kind, value.escaped ? "!" : "",
		    (int)value.raw.len, value.raw.data);
	}
}

static void
test_members_and_items_come_in_order(void)
{
	static const struct {
		const char *text, *expected;
		int rc;
	} cases[] = {
		{ "{}", "", WPS_NOT_FOUND },
		{ " { } ", "", WPS_NOT_FOUND },
		{ "[]", "", WPS_NOT_FOUND },
		{ "{\"a\":1}", "\"a\"=41\n", WPS_NOT_FOUND },
		{ "{ \"a\" : 1 , \"a\" : \"x\" } ", "\"a\"=41\n\"a\"=5\"x\"\n",
		    WPS_NOT_FOUND },
		{ "{\"a\\t\":\"\\n\",\"b\":{\"c\":[]}}",
		    "\"a\\t\"!=5!\"\\n\"\n\"b\"=7{\"c\":[]}\n", WPS_NOT_FOUND },
		{ "[null,true,false]", "1null\n3true\n2false\n",
		    WPS_NOT_FOUND },
		{ " [ [ 1 ] , {} ] ", "6[ 1 ]\n7{}\n", WPS_NOT_FOUND },
		/* what came before the fault was given out */
		{ "{\"a\":1,}", "\"a\"=41\n", WPS_EPROTO },
		{ "{\"a\":1", "\"a\"=41\n", WPS_EPROTO },
		{ "{\"a\":1}}", "\"a\"=41\n", WPS_EPROTO },
		{ "{\"a\":1} x", "\"a\"=41\n", WPS_EPROTO },
		{ "{\"a\":1 \"b\":2}", "\"a\"=41\n", WPS_EPROTO },
		{ "[1,]", "41\n", WPS_EPROTO },
		{ "[1 2]", "41\n", WPS_EPROTO },
		{ "[1}", "41\n", WPS_EPROTO },
		{ "{,\"a\":1}", "", WPS_EPROTO },
		{ "\"a\"", "", WPS_EPROTO },
		{ "", "", WPS_EPROTO },
		{ "  ", "", WPS_EPROTO },
	};
	char room[256];

	for (size_t i = 0; i < COUNT(cases); i++) {
		int rc = list(room, sizeof(room), wps_span_str(cases[i].text));

		check_number(cases[i].text, rc, cases[i].rc);
		check_bytes(cases[i].text, wps_span_str(room),
		    wps_span_str(cases[i].expected));
	}
}

static void
test_begin_wants_its_bracket(void)
{
	struct jscan scan;

	CU_ASSERT_EQUAL(jscan_begin_object(&scan, WPS_SPAN("[]")), WPS_EPROTO);
	CU_ASSERT_EQUAL(jscan_begin_array(&scan, WPS_SPAN("{}")), WPS_EPROTO);
	CU_ASSERT_EQUAL(jscan_begin_object(&scan, WPS_SPAN("1")), WPS_EPROTO);
	CU_ASSERT_EQUAL(jscan_begin_object(&scan, WPS_SPAN_NONE), WPS_EPROTO);
	CU_ASSERT_EQUAL(jscan_begin_array(&scan, WPS_SPAN_NONE), WPS_EPROTO);
}

static void
test_the_end_and_a_fault_stay(void)
{
	struct jscan_value key, value;
	struct jscan scan;

	CU_ASSERT_EQUAL(jscan_begin_object(&scan, WPS_SPAN("{}")), WPS_OK);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(jscan_member(&scan, &key, &value),
		    WPS_NOT_FOUND);
	CU_ASSERT_EQUAL(jscan_begin_array(&scan, WPS_SPAN("[1,x,2]")), WPS_OK);
	CU_ASSERT_EQUAL(jscan_item(&scan, &value), WPS_OK);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(jscan_item(&scan, &value), WPS_EPROTO);
}

/* So many levels of arrays, objects, or both in turn. */
static struct wps_span
nested(unsigned depth, const char *kinds)
{
	static char room[8 * 1024];
	size_t len = 0, kind_count = strlen(kinds);

	for (unsigned i = 0; i < depth; i++) {
		room[len++] = kinds[i % kind_count];
		if (room[len - 1] == '{' && i + 1 < depth) {
			memcpy(room + len, "\"k\":", 4);
			len += 4;
		}
	}
	for (unsigned i = depth; i-- > 0;)
		room[len++] = kinds[i % kind_count] == '{' ? '}' : ']';
	return (struct wps_span){ room, len };
}

static void
test_depth_is_limited(void)
{
	static const char *const kinds[] = { "[", "{", "[{", "{[", "[[{" };

	for (size_t i = 0; i < COUNT(kinds); i++) {
		check_validity(nested(JSCAN_DEPTH, kinds[i]), true);
		check_validity(nested(JSCAN_DEPTH + 1, kinds[i]), false);
	}
}

static void
test_depth_counts_what_is_open_only(void)
{
	char room[4 * JSCAN_DEPTH + 8];
	size_t len = 1;

	room[0] = '[';
	for (int i = 0; i < JSCAN_DEPTH; i++, len += 3)
		memcpy(room + len, "[],", 3);
	memcpy(room + len, "[]]", 3);
	check_validity((struct wps_span){ room, len + 3 }, true);
}

static void
test_deep_brackets_without_end_are_refused(void)
{
	static char room[100000];
	struct wps_span text = { room, sizeof(room) };

	memset(room, '[', sizeof(room));
	CU_ASSERT_FALSE(jscan_valid(text));
	for (size_t i = 0; i + 5 <= sizeof(room); i += 5)
		memcpy(room + i, "{\"\":[", 5);
	CU_ASSERT_FALSE(jscan_valid(text));
}

static struct jscan_value
value_of(struct wps_span text)
{
	struct jscan_value value = { 0 };

	if (jscan_text(text, &value) != WPS_OK)
		CU_FAIL("the test's own text is malformed");
	return value;
}

static const struct {
	struct wps_span string, text; /* no data: not to be unescaped */
} unescaped[] = {
	{ WPS_SPAN("\"\""), WPS_SPAN("") },
	{ WPS_SPAN("\"plain\""), WPS_SPAN("plain") },
	{ WPS_SPAN("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
	    WPS_SPAN("\"\\/\b\f\n\r\t") },
	{ WPS_SPAN("\"a\\nb\\nc\""), WPS_SPAN("a\nb\nc") },
	{ WPS_SPAN("\"\\u0041\\u00e9\\u20AC\""),
	    WPS_SPAN("A\xc3\xa9\xe2\x82\xac") },
	{ WPS_SPAN("\"\\u0000\""), WPS_SPAN("\0") },
	{ WPS_SPAN("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\""),
	    WPS_SPAN("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf") },
	{ WPS_SPAN("\"\\ud7ff\\ue000\""),
	    WPS_SPAN("\xed\x9f\xbf\xee\x80\x80") },
	{ WPS_SPAN("\"\\ud83d\\ude00!\""), WPS_SPAN("\xf0\x9f\x98\x80!") },
	{ WPS_SPAN("\"\\uD800\\uDC00\\udbff\\udfff\""),
	    WPS_SPAN("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf") },
	{ WPS_SPAN("\"\xe2\x82\xac\\n\xc3\xa9\""),
	    WPS_SPAN("\xe2\x82\xac\n\xc3\xa9") },
	{ WPS_SPAN("\"\\\\u0041\""), WPS_SPAN("\\u0041") },
	{ WPS_SPAN("\"\\ud800\""), { NULL, 0 } },
	{ WPS_SPAN("\"\\udbff\""), { NULL, 0 } },
	{ WPS_SPAN("\"\\udc00\""), { NULL, 0 } },
	{ WPS_SPAN("\"\\udfff\""), { NULL, 0 } },
	{ WPS_SPAN("\"a\\ud83d b\""), { NULL, 0 } },
	{ WPS_SPAN("\"\\ude00\\ud83d\""), { NULL, 0 } },
	{ WPS_SPAN("\"\\ude00\\ude00\""), { NULL, 0 } },
	{ WPS_SPAN("\"\\ud83d\\ud83d\\ude00\""), { NULL, 0 } },
	{ WPS_SPAN("\"\\ud83d\\u0041\""), { NULL, 0 } },
	{ WPS_SPAN("\"\\ud83d\\ue000\""), { NULL, 0 } },
	{ WPS_SPAN("\"\\ud83d\\n12345\""), { NULL, 0 } },
	{ WPS_SPAN("\"\\ud83d\\\\ude00\""), { NULL, 0 } },
	{ WPS_SPAN("\"\\ud83dude00xx\""), { NULL, 0 } },
};

static void
test_strings_are_unescaped(void)
{
	char what[64];

	for (size_t i = 0; i < COUNT(unescaped); i++) {
		struct wps_span copy = exact_copy(unescaped[i].string);
		struct jscan_value value = value_of(copy);
		char *room = malloc(value.raw.len);
		size_t len = 0;
		bool good = jscan_unescape(room, &value, &len);

		snprintf(what, sizeof(what), "%.*s", (int)copy.len, copy.data);
		check_number(what, good, unescaped[i].text.data != NULL);
		if (good)
			check_bytes(what, (struct wps_span){ room, len },
			    unescaped[i].text);
		free(room);
		free_copy(copy);
	}
}

static void
test_strings_are_compared_unescaped(void)
{
	static const struct {
		struct wps_span string;
		const char *text;
		bool same, nocase;
	} cases[] = {
		{ WPS_SPAN("\"type\""), "type", true, true },
		{ WPS_SPAN("\"TyPe\""), "type", false, true },
		{ WPS_SPAN("\"type\""), "TYPE", false, true },
		{ WPS_SPAN("\"typ\""), "type", false, false },
		{ WPS_SPAN("\"types\""), "type", false, false },
		{ WPS_SPAN("\"\""), "", true, true },
		{ WPS_SPAN("\"\""), "a", false, false },
		{ WPS_SPAN("\"a\""), "", false, false },
		{ WPS_SPAN("\"t\\u0079pe\""), "type", true, true },
		{ WPS_SPAN("\"t\\u0059pe\""), "type", false, true },
		{ WPS_SPAN("\"t\\u0079p\""), "type", false, false },
		{ WPS_SPAN("\"t\\u0079pes\""), "type", false, false },
		{ WPS_SPAN("\"type\\u0000\""), "type", false, false },
		{ WPS_SPAN("\"type\\u0000x\""), "type", false, false },
		{ WPS_SPAN("\"\\n\""), "\n", true, true },
		{ WPS_SPAN("\"\\/\""), "/", true, true },
		{ WPS_SPAN("\"\\u20ac\""), "\xe2\x82\xac", true, true },
		{ WPS_SPAN("\"\\u20ac\""), "\xe2\x82\xad", false, false },
		{ WPS_SPAN("\"\\u20ac\""), "\xe2\x82", false, false },
		{ WPS_SPAN("\"\\ud83d\\ude00\""), "\xf0\x9f\x98\x80", true,
		    true },
		{ WPS_SPAN("\"\\ud83d\""), "?", false, false },
		{ WPS_SPAN("\"\\u00c4\""), "\xc3\xa4", false, false },
		{ WPS_SPAN("\"[\""), "{", false, false },
		{ WPS_SPAN("true"), "true", false, false },
		{ WPS_SPAN("12"), "", false, false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wps_span copy = exact_copy(cases[i].string);
		struct wps_span text = exact_copy((struct wps_span){
		    cases[i].text, strlen(cases[i].text) + 1 });
		struct jscan_value value = value_of(copy);

		check_number(cases[i].string.data, jscan_is(&value, text.data),
		    cases[i].same);
		check_number(cases[i].string.data,
		    jscan_is_nocase(&value, text.data), cases[i].nocase);
		free_copy(copy);
		free_copy(text);
	}
}

static void
test_integers_are_exact_to_64_bits(void)
{
	static const struct {
		struct wps_span text;
		bool good;
		uint64_t number;
	} cases[] = {
		{ WPS_SPAN("0"), true, 0 },
		{ WPS_SPAN("1"), true, 1 },
		{ WPS_SPAN("9007199254740993"), true, 9007199254740993u },
		{ WPS_SPAN("9223372036854775808"), true, UINT64_C(1) << 63 },
		{ WPS_SPAN("18446744073709551615"), true, UINT64_MAX },
		{ WPS_SPAN("18446744073709551616"), false, 0 },
		{ WPS_SPAN("18446744073709551620"), false, 0 },
		{ WPS_SPAN("99999999999999999999"), false, 0 },
		{ WPS_SPAN("184467440737095516150"), false, 0 },
		{ WPS_SPAN("-0"), false, 0 },
		{ WPS_SPAN("-1"), false, 0 },
		{ WPS_SPAN("1.0"), false, 0 },
		{ WPS_SPAN("1e2"), false, 0 },
		{ WPS_SPAN("1E2"), false, 0 },
		{ WPS_SPAN("\"1\""), false, 0 },
		{ WPS_SPAN("null"), false, 0 },
		{ WPS_SPAN("[1]"), false, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct jscan_value value = value_of(cases[i].text);
		uint64_t number = 0;

		check_number(cases[i].text.data, jscan_uint64(&value, &number),
		    cases[i].good);
		check_number(cases[i].text.data, number, cases[i].number);
	}
}

static struct wps_span
quote(char *room, struct wps_span text)
{
	struct wps_span copy = exact_copy(text);
	size_t len = (size_t)(jscan_quote(room, copy) - room);

	check_number("size", jscan_quoted_size(copy), len);
	free_copy(copy);
	return (struct wps_span){ room, len };
}

static void
test_text_is_quoted(void)
{
	static const struct {
		struct wps_span text, string;
	} cases[] = {
		{ WPS_SPAN_NONE, WPS_SPAN("\"\"") },
		{ WPS_SPAN(""), WPS_SPAN("\"\"") },
		{ WPS_SPAN("plain / text"), WPS_SPAN("\"plain / text\"") },
		{ WPS_SPAN("\"\\"), WPS_SPAN("\"\\\"\\\\\"") },
		{ WPS_SPAN("\b\f\n\r\t"), WPS_SPAN("\"\\b\\f\\n\\r\\t\"") },
		{ WPS_SPAN("\0\x01\x1f\x7f"),
		    WPS_SPAN("\"\\u0000\\u0001\\u001f\x7f\"") },
		{ WPS_SPAN("\xe2\x82\xac \xe2\x80\xa8<&>"),
		    WPS_SPAN("\"\xe2\x82\xac \xe2\x80\xa8<&>\"") },
	};
	char room[64];

	for (size_t i = 0; i < COUNT(cases); i++)
		check_bytes("quoted", quote(room, cases[i].text),
		    cases[i].string);
}

static void
test_each_character_comes_back_from_each_place(void)
{
	char text[20], room[128], back[128];

	for (uint32_t code = 0; code < 0x100; code++) {
		for (size_t place = 0; place <= 16; place++) {
			struct wps_span span = { text, 0 }, quoted;
			struct jscan_value value;
			char *end;
			size_t len = 0;

			memset(text, 'x', sizeof(text));
			end = utf8_put(text + place, code);
			span.len = (size_t)(end - text) + place % 3;
			quoted = exact_copy(quote(room, span));
			value = value_of(quoted);
			CU_ASSERT_TRUE(jscan_unescape(back, &value, &len));
			check_bytes("back", (struct wps_span){ back, len },
			    span);
			free_copy(quoted);
		}
	}
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_valid_texts_are_accepted),
		TEST(test_invalid_texts_are_refused),
		TEST(test_each_prefix_is_refused),
		TEST(test_values_are_refused_inside_as_they_are_alone),
		TEST(test_each_byte_at_each_place_of_a_string),
		TEST(test_values_are_slices),
		TEST(test_members_and_items_come_in_order),
		TEST(test_begin_wants_its_bracket),
		TEST(test_the_end_and_a_fault_stay),
		TEST(test_depth_is_limited),
		TEST(test_depth_counts_what_is_open_only),
		TEST(test_deep_brackets_without_end_are_refused),
		TEST(test_strings_are_unescaped),
		TEST(test_strings_are_compared_unescaped),
		TEST(test_integers_are_exact_to_64_bits),
		TEST(test_text_is_quoted),
		TEST(test_each_character_comes_back_from_each_place),
	};

	return RUN_TESTS("jscan", tests);
}
