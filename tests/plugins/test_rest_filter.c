/* SPDX-License-Identifier: MIT */
/*
 * Filters: the table of filter.md, errors with their places, limits, and which
 * filters name whom they mean.
 */
#include "plugins/filter_scene.h"

/* --- the table ----------------------------------------------------------------- */

static void
test_filters_choose_as_the_table_says(void)
{
	static const struct {
		const char *text;
		struct who who;
		bool expected;
	} cases[] = {
		{ "userId eq 'user1'", { .user = "user1" }, true },
		{ "USERID eq 'user1'", { .user = "user1" }, true },
		{ "userId eq 'User1'", { .user = "user1" }, false },
		{ "tolower(userId) eq 'user1'", { .user = "USER1" }, true },
		{ "userId eq null", { .user = NULL }, true },
		{ "userId ne null", { .user = NULL }, false },
		{ "userId ne 'a'", { .user = NULL }, true },
		{ "userId eq 'o''brien'", { .user = "o'brien" }, true },
		{ "'g1' in groups", { .groups = { "g1" } }, true },
		{ "not ('g1' in groups)", { .user = NULL }, true },
		{ "'g1' in (groups)", { .groups = { "g1" } }, true },
		{ "'g1' in ((Groups))", { .groups = { "g1" } }, true },
		{ "userId in ('a','b') and 'g1' in groups",
		  { .user = "b", .groups = { "g1" } }, true },
		{ "userId in ('a', null)", { .user = NULL }, true },
		{ "userId in ()", { .user = "a" }, false },
		{ "userId in (,'a',,)", { .user = "a" }, true },
		{ "userId in ('b,c', '''')", { .user = "'" }, true },
		{ "userId eq 5", { .user = "5" }, false },
		{ "protocol eq 'json.webpubsub.azure.v1'",
		  { .protocol = "json.webpubsub.azure.v1" }, true },
		{ "protocol eq null", { .protocol = NULL }, true },
		{ "substring(userId,5,9) eq 'ab'", { .user = "user-ab" }, false },
		{ "substring(userId,5,9) eq null", { .user = "user-ab" }, true },
		{ "substring(userId,7) eq ''", { .user = "user-ab" }, true },
		{ "substring(userId,8) eq null", { .user = "user-ab" }, true },
		{ "substring(userId,-1) eq null", { .user = "user-ab" }, true },
		{ "substring(userId,0,-1) eq null", { .user = "u" }, true },
		{ "indexof(userId,'a') eq -1", { .user = NULL }, true },
		{ "concat('x-',userId) eq 'x-'", { .user = NULL }, true },
		{ "concat(userId,null) eq null", { .user = NULL }, true },
		{ "length(userId) eq null", { .user = NULL }, true },
		{ "length(groups) gt 1", { .groups = { "a", "b" } }, true },
		{ "length((groups)) eq 2", { .groups = { "a", "b" } }, true },
		{ "length(userId) gt 3", { .user = NULL }, false },
		{ "not (length(userId) gt 3)", { .user = NULL }, true },
		{ "substring(userId,5,2) eq 'ab'", { .user = "user-ab-de" }, true },
		{ "indexof(userId,'-ab-') ge 0", { .user = "user-ab-de" }, true },
		{ "indexof(userId,'zz') eq -1", { .user = "abc" }, true },
		{ "indexof(userId,'') eq 0", { .user = "abc" }, true },
		{ "endswith(userId,'de') or false", { .user = "user-ab-de" }, true },
		{ "startswith(concat('x-',userId),'x-u')", { .user = "user" }, true },
		{ "contains(userId,'')", { .user = "x" }, true },
		{ "contains(userId,'')", { .user = NULL }, false },
		{ "trim(userId) eq 'user1'", { .user = " user1 " }, true },
		{ "trim(userId) eq 'u'", { .user = "\xe2\x80\x83\tu\xc2\xa0" }, true },
		{ "trim(userId) eq ''", { .user = " \n " }, true },
		{ "length(userId) gt 0 and length(userId) lt 3 or length(userId) gt 7",
		  { .user = "12345678" }, true },
		{ "userId eq 'user1' and connectionId ne '123'",
		  { .user = "user1", .id = "9" }, true },
		{ "true", { .user = NULL }, true },
		{ "false", { .user = NULL }, false },
		{ "TRUE AND NOT False", { .user = NULL }, true },
		{ "userId eq 'a' eq true", { .user = "a" }, true },
		{ "not true eq false", { .user = NULL }, true },
		{ "null eq null", { .user = NULL }, true },
		{ "null gt 1", { .user = NULL }, false },
		{ "null in groups", { .groups = { "null" } }, false },
		{ "5 in groups", { .groups = { "5" } }, false },
		{ "null in (1, null)", { .user = NULL }, true },
		{ "true in (1, null)", { .user = NULL }, false },
		{ "'a' in groups or 'b' in groups and not ('c' in groups)",
		  { .groups = { "a", "c" } }, true },
		{ "'a' in groups or 'b' in groups and not ('c' in groups)",
		  { .groups = { "b", "c" } }, false },
		{ "-2147483648 lt 2147483647", { .user = NULL }, true },
		{ "+1 le 1 and 1 ge 1 and not (1 lt 1)", { .user = NULL }, true },
		{ "length(userId) eq 3", { .user = "a\xf0\x9f\x8c\x8d" }, true },
		{ "indexof(userId,'b') eq 3",
		  { .user = "a\xf0\x9f\x8c\x8d" "b" }, true },
		{ "substring(userId,0,2) eq null",
		  { .user = "a\xf0\x9f\x8c\x8d" }, true },
		{ "substring(userId,1,2) eq '\xf0\x9f\x8c\x8d'",
		  { .user = "a\xf0\x9f\x8c\x8d" }, true },
		{ "toupper(userId) eq '\xc3\x9c" "A'", { .user = "\xc3\xbc" "a" }, true },
		{ "tolower(userId) eq '\xc3\xbc\xc4\xb0'",
		  { .user = "\xc3\x9c\xc4\xb0" }, true },
		{ "\t(\r\nuserId\teq\n'a'\r)", { .user = "a" }, true },
		{ "'x'eq'x'", { .user = NULL }, true },
		{ "startswith ( userId , 'a' )", { .user = "ab" }, true },
	};
	struct error error;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct filter *filter = parse(cases[i].text, &error);
		check_number(cases[i].text, filter != NULL, true);
		if (filter == NULL)
			continue;
		check_number(cases[i].text, holds(filter, &cases[i].who),
		    cases[i].expected);
		filter_unref(filter);
	}
}

static void
test_what_is_no_filter_is_told_with_its_place(void)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "not length(userId) gt 5", "Invalid syntax for 'length(userId) "
		  "gt 5': this must be true or false, at offset 4" },
		{ "userId", "Invalid syntax for 'userId': this must be true or "
		  "false, at offset 0" },
		{ "userId gt 'a'", "Invalid syntax for 'userId gt 'a'': only "
		  "integers have an order, at offset 0" },
		{ "length(userId) gt '3'", "Invalid syntax for ''3'': only "
		  "integers have an order, at offset 18" },
		{ "null and true", "Invalid syntax for 'null and true': this must "
		  "be true or false, at offset 0" },
		{ "true or 1", "Invalid syntax for '1': this must be true or "
		  "false, at offset 8" },
		{ "length(userId) gt 3000000000", "Invalid syntax for "
		  "'3000000000': the integer does not fit into 32 bits, at "
		  "offset 18" },
		{ "1 eq 2147483648", "Invalid syntax for '2147483648': the "
		  "integer does not fit into 32 bits, at offset 5" },
		{ "1 eq -2147483649", "Invalid syntax for '-2147483649': the "
		  "integer does not fit into 32 bits, at offset 5" },
		{ "foo eq 'a'", "Invalid syntax for 'foo eq 'a'': there is no "
		  "such name, at offset 0" },
		{ "foo('a')", "Invalid syntax for 'foo('a')': there is no such "
		  "function, at offset 0" },
		{ "userId eq 'a", "Invalid syntax for ''a': the closing quote is "
		  "missing, at offset 10" },
		{ "groups", "Invalid syntax for 'groups': groups may only stand "
		  "behind in, or in length(), at offset 0" },
		{ "groups eq 'a'", "Invalid syntax for 'groups eq 'a'': groups "
		  "may only stand behind in, or in length(), at offset 0" },
		{ "userId in ('a', groups)", "Invalid syntax for 'groups)': groups "
		  "may only stand behind in, or in length(), at offset 16" },
		{ "userId in 'a'", "Invalid syntax for ''a'': a list or groups "
		  "must follow in, at offset 10" },
		{ "1 lt 2 lt 3", "Invalid syntax for '1 lt 2 lt 3': only integers "
		  "have an order, at offset 0" },
		{ "", "Invalid syntax for '': an operand is missing, at offset 0" },
		{ "  ", "Invalid syntax for '': an operand is missing, at offset 2" },
		{ "true and", "Invalid syntax for '': an operand is missing, at "
		  "offset 8" },
		{ "(true", "Invalid syntax for '': a closing parenthesis is "
		  "missing, at offset 5" },
		{ "true)", "Invalid syntax for ')': an operator or the end was "
		  "expected here, at offset 4" },
		{ "true true", "Invalid syntax for 'true': an operator or the end "
		  "was expected here, at offset 5" },
		{ "userId eq 1.5", "Invalid syntax for '1.5': this is no literal, "
		  "name or parenthesis, at offset 10" },
		{ "userId eq \"a\"", "Invalid syntax for '\\\"a\\\"': this is no "
		  "literal, name or parenthesis, at offset 10" },
		{ "1 eq 2x", "Invalid syntax for '2x': this is no literal, name "
		  "or parenthesis, at offset 5" },
		{ "userId eq eq", "Invalid syntax for 'eq': there is no such name, "
		  "at offset 10" },
		{ "length() eq 1", "Invalid syntax for ') eq 1': there are too few "
		  "arguments, at offset 7" },
		{ "length('a','b') eq 1", "Invalid syntax for ''b') eq 1': there "
		  "are too many arguments, at offset 11" },
		{ "length('a',) eq 1", "Invalid syntax for ') eq 1': there are too "
		  "many arguments, at offset 11" },
		{ "contains(userId) ", "Invalid syntax for ') ': there are too few "
		  "arguments, at offset 15" },
		{ "substring(userId,'1') eq 'a'", "Invalid syntax for ''1') eq "
		  "'a'': the argument must be an integer, at offset 17" },
		{ "length(1) eq 1", "Invalid syntax for '1) eq 1': the argument "
		  "must be a string, at offset 7" },
		{ "length(groups", "Invalid syntax for '': a closing parenthesis "
		  "is missing, at offset 13" },
		{ "'\xc3\xbc\xf0\x9f\x8c\x8d' eq $", "Invalid syntax for '$': this "
		  "is no literal, name or parenthesis, at offset 9" },
		{ "\xc3\xbc", "Invalid syntax for '\xc3\xbc': this is no literal, "
		  "name or parenthesis, at offset 0" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct error error;
		char body[ERROR_BODY_MAX], expected[ERROR_BODY_MAX];
		struct filter *filter = parse(cases[i].text, &error);
		check_number(cases[i].text, filter == NULL, true);
		if (filter) {
			filter_unref(filter);
			continue;
		}
		body[error_body(&error, body)] = '\0';
		snprintf(expected, sizeof(expected), "{\"code\":\""
		    "Error.BadRequest\",\"message\":\"%s\",\"target\":\"filter\"}",
		    cases[i].message);
		check_text(cases[i].text, body, expected);
	}
}

static void
test_text_that_is_not_utf8_is_refused(void)
{
	struct error error;

	CU_ASSERT_PTR_NULL(parse("userId eq '\xff'", &error));
	check_text("message", error.message, "the filter is not UTF-8");
}

/* --- limits -------------------------------------------------------------------- */

/* `count` times `open`, then `middle`, then as many times `close`. */
static bool
nested_is_taken(const char *open, const char *middle, const char *close,
    size_t count)
{
	size_t len = count * (strlen(open) + strlen(close)) + strlen(middle);
	char *text = malloc(len + 1), *at = text;
	struct error error;

	CU_ASSERT_FATAL(text != NULL);
	for (size_t i = 0; i < count; i++)
		at = stpcpy(at, open);
	at = stpcpy(at, middle);
	for (size_t i = 0; i < count; i++)
		at = stpcpy(at, close);
	struct filter *filter = parse(text, &error);
	bool taken = filter != NULL;
	if (taken)
		(void)holds(filter, &(struct who){ .user = "u" });
	filter_unref(filter);
	free(text);
	return taken;
}

static void
test_nesting_is_limited(void)
{
	static const struct {
		const char *open, *middle, *close;
	} cases[] = {
		{ "(", "true", ")" },
		{ "not ", "true", "" },
		{ "not(", "true", ")" },
		{ "trim(", "'a'", ")" },
		{ "1 in (", "1", ")" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		bool boolean = i != 3, halves = i == 2;
		const char *end = boolean ? cases[i].middle : "'a'";
		size_t most = halves ? 50 : 100;
		char close[32];
		snprintf(close, sizeof(close), "%s", cases[i].close);
		if (boolean) {
			check_number(cases[i].open, nested_is_taken(cases[i].open,
			    end, close, most), true);
		}
		check_number(cases[i].open, nested_is_taken(cases[i].open, end,
		    close, most + 1), false);
		check_number("far too deep", nested_is_taken(cases[i].open, end,
		    close, 20000), false);
	}
}

/* and-chains nest nothing: their parts alone are limited. */
static void
test_parts_are_limited(void)
{
	check_number("999 parts",
	    nested_is_taken("true and ", "true", "", 499), true);
	check_number("1001 parts",
	    nested_is_taken("true and ", "true", "", 500), false);
}

static void
test_texts_of_functions_are_limited(void)
{
	char user[60001];
	struct error error;
	struct filter *filter = parse("length(concat(concat(concat(userId,"
	    "userId),userId),userId)) gt 0", &error);

	CU_ASSERT_FATAL(filter != NULL);
	memset(user, 'x', sizeof(user));
	user[60000] = '\0';
	CU_ASSERT(!holds(filter, &(struct who){ .user = user }));
	user[20000] = '\0';
	CU_ASSERT(holds(filter, &(struct who){ .user = user }));
	filter_unref(filter);
}

static void
test_references_are_counted(void)
{
	struct error error;
	struct filter *filter = parse("true", &error);
	const struct wps_match *match = filter_match(filter);

	match->ref(match);
	filter_unref(filter);
	CU_ASSERT(holds((const struct filter *)(const void *)match,
	    &(struct who){ .user = NULL }));
	match->unref(match);
	filter_unref(NULL);
}

/* --- shapes -------------------------------------------------------------------- */

static void
test_shapes_that_name_whom_they_mean_are_seen(void)
{
	static const struct {
		const char *text;
		enum wps_whom whom;
		const char *name;
		bool whole;
	} cases[] = {
		{ "connectionId eq 'a''b'", WPS_TO_CONN, "a'b", true },
		{ "('a' eq connectionId)", WPS_TO_CONN, "a", true },
		{ "userId eq 'a'", WPS_TO_USER, "a", true },
		{ "'g' in groups", WPS_TO_GROUP, "g", true },
		{ "'g' in groups and userId ne 'x' and true", WPS_TO_GROUP, "g",
		  false },
		{ "connectionId eq 'a' and ('g' in groups or true)",
		  WPS_TO_CONN, "a", false },
		{ "connectionId ne 'a'", 0, NULL, false },
		{ "connectionId eq 'a' or true", 0, NULL, false },
		{ "'g' in groups and true or true", 0, NULL, false },
		{ "not ('g' in groups)", 0, NULL, false },
		{ "('g' in groups) eq false", 0, NULL, false },
		{ "connectionId eq 'a' eq false", 0, NULL, false },
		{ "connectionId eq null", 0, NULL, false },
		{ "connectionId eq userId", 0, NULL, false },
		{ "true", 0, NULL, false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct error error;
		enum wps_whom whom = 0;
		struct wps_span name = WPS_SPAN_NONE;
		bool whole = false;
		struct filter *filter = parse(cases[i].text, &error);
		CU_ASSERT_FATAL(filter != NULL);
		bool narrows = filter_narrows(filter, &whom, &name, &whole);
		check_number(cases[i].text, narrows, cases[i].whom != 0);
		if (narrows) {
			check_number(cases[i].text, whom, cases[i].whom);
			check_number(cases[i].text, whole, cases[i].whole);
			CU_ASSERT(wps_span_eq(name, wps_span_str(cases[i].name)));
		}
		filter_unref(filter);
	}
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_filters_choose_as_the_table_says),
		TEST(test_what_is_no_filter_is_told_with_its_place),
		TEST(test_text_that_is_not_utf8_is_refused),
		TEST(test_nesting_is_limited),
		TEST(test_parts_are_limited),
		TEST(test_texts_of_functions_are_limited),
		TEST(test_references_are_counted),
		TEST(test_shapes_that_name_whom_they_mean_are_seen),
	};

	return run_filter_tests("rest filter", tests, COUNT(tests));
}
