/* SPDX-License-Identifier: MIT */
/*
 * Filters: the table of filter.md, errors with their places, limits, and random
 * expressions against a plain evaluator of their trees.
 */
#include "support/check.h"

#include "plugins/rest/filter.h"

#include "lib/utf8.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static locale_t letters;

/* --- connections ------------------------------------------------------------- */

struct who {
	const char *user, *id, *protocol;
	const char *groups[4]; /* ends with NULL */
};

struct who_facts {
	struct wps_conn_facts facts; /* first */
	const struct who *who;
};

static bool
in_group(const struct wps_conn_facts *facts, struct wps_span group)
{
	const struct who_facts *self = (const void *)facts;

	for (size_t i = 0; self->who->groups[i]; i++)
		if (wps_span_eq(group, wps_span_str(self->who->groups[i])))
			return true;
	return false;
}

static struct who_facts
facts_of(const struct who *who)
{
	struct who_facts facts = {
		.who = who,
		.facts = {
			.id = wps_span_str(who->id ? who->id : ""),
			.user = wps_span_str(who->user),
			.subprotocol = wps_span_str(who->protocol),
			.in_group = in_group,
		},
	};

	while (who->groups[facts.facts.group_count])
		facts.facts.group_count++;
	return facts;
}

/* A copy without a byte to spare. */
static struct filter *
parse(const char *text, struct error *error)
{
	size_t len = strlen(text);
	char *own = malloc(len ? len : 1);

	CU_ASSERT_FATAL(own != NULL);
	memcpy(own, text, len);
	struct filter *filter =
	    filter_parse((struct wps_span){ own, len }, letters, error);
	free(own);
	return filter;
}

static bool
holds(const struct filter *filter, const struct who *who)
{
	const struct wps_match *match = filter_match(filter);
	const struct who_facts facts = facts_of(who);

	return match->test(match, &facts.facts);
}

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

/* --- random expressions -------------------------------------------------------- */

/* A tree, and what a plain evaluator makes of it. */
enum kind { K_NULL, K_BOOL, K_INT, K_TEXT };

struct plain {
	enum kind kind;
	long number;
	char text[400];
};

static uint64_t seed;

static unsigned
random_below(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static char source[1 << 16];
static size_t source_len;

static void
say(const char *text)
{
	size_t len = strlen(text);

	CU_ASSERT_FATAL(source_len + len < sizeof(source));
	memcpy(source + source_len, text, len + 1);
	source_len += len;
}

static void
say_space(void)
{
	static const char *const spaces[] = { " ", "\t", "  ", "\r\n" };

	say(spaces[random_below(COUNT(spaces))]);
}

/* A word in random case. */
static void
say_word(const char *word)
{
	char text[32];
	size_t i = 0;

	for (; word[i]; i++)
		text[i] = (char)(random_below(4) || word[i] < 'a' ?
		    word[i] : word[i] - 32);
	text[i] = '\0';
	say(text);
}

static const char *const texts[] = {
	"", "a", "b", "ab", "user", "A", "o'x", "g1", "\xc3\xbc", " a ",
	"\xf0\x9f\x8c\x8d\141", /* a letter outside the basic plane, and an a */
};

static struct plain
plain_text(const char *text)
{
	struct plain value = { .kind = text ? K_TEXT : K_NULL };

	snprintf(value.text, sizeof(value.text), "%s", text ? text : "");
	return value;
}

static struct plain
plain_number(enum kind kind, long number)
{
	return (struct plain){ .kind = kind, .number = number };
}

static bool
plain_equal(const struct plain *a, const struct plain *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == K_TEXT)
		return strcmp(a->text, b->text) == 0;
	return a->kind == K_NULL || a->number == b->number;
}

static struct plain random_text(const struct who *who, unsigned depth);
static struct plain random_bool(const struct who *who, unsigned depth);

static struct plain
random_text_leaf(const struct who *who)
{
	switch (random_below(6)) {
	case 0:
		say_word("userId");
		return plain_text(who->user);
	case 1:
		say_word("connectionid");
		return plain_text(who->id);
	case 2:
		say_word("protocol");
		return plain_text(who->protocol);
	case 3:
		say_word("null");
		return plain_text(NULL);
	default:
		break;
	}
	const char *text = texts[random_below(COUNT(texts))];
	say("'");
	for (const char *at = text; *at; at++) {
		char one[3] = { *at, *at == '\'' ? '\'' : '\0', '\0' };
		say(one);
	}
	say("'");
	return plain_text(text);
}

static struct plain
random_int(const struct who *who, unsigned depth)
{
	struct plain a, b;
	char digits[32];
	long number;

	switch (depth ? random_below(5) : 4) {
	case 0:
		say_word("length");
		say("(");
		a = random_text(who, depth - 1);
		say(")");
		if (a.kind == K_NULL)
			return a;
		return plain_number(K_INT,
		    (long)utf8_units(wps_span_str(a.text)));
	case 1:
		say_word("length");
		say("( groups )");
		for (number = 0; who->groups[number];)
			number++;
		return plain_number(K_INT, number);
	case 2:
		say_word("indexof");
		say("(");
		a = random_text(who, depth - 1);
		say(",");
		b = random_text(who, depth - 1);
		say(")");
		const char *at = a.kind == K_NULL || b.kind == K_NULL ? NULL :
		    strstr(a.text, b.text);
		return plain_number(K_INT, at ? (long)utf8_units(
		    (struct wps_span){ a.text, (size_t)(at - a.text) }) : -1);
	default:
		number = (long)random_below(9) - 2;
		snprintf(digits, sizeof(digits), "%ld", number);
		say(digits);
		return plain_number(K_INT, number);
	}
}

/* The plain way: as an array of UTF-16 units. */
static struct plain
plain_substring(const struct plain *text, long from, long len)
{
	uint16_t units[400];
	long count = 0;

	for (const char *at = text->text; *at;) {
		uint32_t code;
		at = utf8_get(at, &code);
		if (code > 0xffff) {
			units[count++] = (uint16_t)(0xd800 + ((code - 0x10000) >> 10));
			units[count++] = (uint16_t)(0xdc00 + (code & 0x3ff));
		} else {
			units[count++] = (uint16_t)code;
		}
	}
	if (len == -999)
		len = count - from;
	if (from < 0 || from > count || len < 0 || from + len > count)
		return plain_text(NULL);
	struct plain out = { .kind = K_TEXT };
	char *dst = out.text;
	for (long i = from; i < from + len; i++) {
		bool high = units[i] >= 0xd800 && units[i] < 0xdc00;
		if ((high && i + 1 == from + len) ||
		    (units[i] >= 0xdc00 && units[i] < 0xe000))
			return plain_text(NULL);
		if (high)
			dst = utf8_put(dst, 0x10000 +
			    ((uint32_t)(units[i] - 0xd800) << 10) +
			    (units[i + 1] & 0x3ff));
		else
			dst = utf8_put(dst, units[i]);
		i += high;
	}
	/* A border in a pair is none, also of an empty text. */
	bool split = from < count && units[from] >= 0xdc00 && units[from] < 0xe000;
	*dst = '\0';
	return split ? plain_text(NULL) : out;
}

static struct plain
random_cased(const struct who *who, unsigned depth, bool upper)
{
	say_word(upper ? "toupper" : "tolower");
	say("(");
	struct plain a = random_text(who, depth - 1);
	say(")");
	for (char *at = a.text; *at; at++) {
		if (upper && *at >= 'a' && *at <= 'z')
			*at = (char)(*at - 32);
		else if (!upper && *at >= 'A' && *at <= 'Z')
			*at = (char)(*at + 32);
		else if (*at == '\xc3' && at[1] == '\xbc' && upper)
			at[1] = '\x9c';
		else if (*at == '\xc3' && at[1] == '\x9c' && !upper)
			at[1] = '\xbc';
	}
	return a;
}

static struct plain
random_text(const struct who *who, unsigned depth)
{
	struct plain a, b, c;

	switch (depth ? random_below(8) : 7) {
	case 0:
		return random_cased(who, depth, true);
	case 1:
		return random_cased(who, depth, false);
	case 2:
		say_word("trim");
		say("(");
		a = random_text(who, depth - 1);
		say(")");
		size_t start = strspn(a.text, " ");
		memmove(a.text, a.text + start, strlen(a.text + start) + 1);
		while (a.text[0] && a.text[strlen(a.text) - 1] == ' ')
			a.text[strlen(a.text) - 1] = '\0';
		return a;
	case 3:
		say_word("substring");
		say("(");
		a = random_text(who, depth - 1);
		say(",");
		b = random_int(who, depth - 1);
		c = plain_number(K_INT, -999);
		if (random_below(2)) {
			say(" ,");
			c = random_int(who, depth - 1);
		}
		say(")");
		if (a.kind == K_NULL || b.kind == K_NULL || c.kind == K_NULL)
			return plain_text(NULL);
		return plain_substring(&a, b.number, c.number);
	case 4:
		say_word("concat");
		say("(");
		a = random_text(who, depth - 1);
		say(",");
		b = random_text(who, depth - 1);
		say(")");
		if (a.kind == K_NULL || b.kind == K_NULL)
			return a.kind == K_NULL ? b : a;
		size_t len = strlen(a.text);
		snprintf(a.text + len, sizeof(a.text) - len, "%.200s", b.text);
		return a;
	default:
		return random_text_leaf(who);
	}
}

static struct plain
random_any(const struct who *who, unsigned depth)
{
	struct plain value;

	switch (random_below(3)) {
	case 0:
		return random_int(who, depth);
	case 1:
		say("(");
		value = random_bool(who, depth ? depth - 1 : 0);
		say(")");
		return value;
	default:
		return random_text(who, depth);
	}
}

static struct plain
random_comparison(const struct who *who, unsigned depth)
{
	static const char *const names[] = { "eq", "ne", "gt", "ge", "lt", "le" };
	unsigned which = random_below(6);
	bool orders = which >= 2;
	struct plain a = orders ? random_int(who, depth) : random_any(who, depth);

	say_space();
	say_word(names[which]);
	say_space();
	struct plain b = orders ? random_int(who, depth) : random_any(who, depth);
	if (!orders)
		return plain_number(K_BOOL, plain_equal(&a, &b) == (which == 0));
	if (a.kind != K_INT || b.kind != K_INT)
		return plain_number(K_BOOL, false);
	const bool results[] = { false, false, a.number > b.number,
		a.number >= b.number, a.number < b.number, a.number <= b.number };
	return plain_number(K_BOOL, results[which]);
}

static struct plain
random_membership(const struct who *who, unsigned depth)
{
	struct plain value = random_any(who, depth);
	bool found = false;

	say_space();
	say_word("in");
	say_space();
	if (random_below(2)) {
		say(random_below(2) ? "groups" : "(groups)");
		for (size_t i = 0; who->groups[i]; i++)
			found |= value.kind == K_TEXT &&
			    strcmp(value.text, who->groups[i]) == 0;
		return plain_number(K_BOOL, found);
	}
	say("(");
	for (unsigned i = random_below(4); i > 0; i--) {
		struct plain item = random_any(who, depth);
		found |= plain_equal(&value, &item);
		say(",");
	}
	say(")");
	return plain_number(K_BOOL, found);
}

static struct plain
random_search(const struct who *who, unsigned depth)
{
	static const char *const names[] = {
		"contains", "startswith", "endswith",
	};
	unsigned which = random_below(3);

	say_word(names[which]);
	say("(");
	struct plain a = random_text(who, depth);
	say(",");
	struct plain b = random_text(who, depth);
	say(")");
	if (a.kind == K_NULL || b.kind == K_NULL)
		return plain_number(K_BOOL, false);
	size_t len = strlen(a.text), part = strlen(b.text);
	if (which == 0)
		return plain_number(K_BOOL, strstr(a.text, b.text) != NULL);
	if (which == 1)
		return plain_number(K_BOOL, strncmp(a.text, b.text, part) == 0);
	return plain_number(K_BOOL, part <= len &&
	    strcmp(a.text + len - part, b.text) == 0);
}

static struct plain
random_chain(const struct who *who, unsigned depth, bool all)
{
	bool result = all;

	for (unsigned i = 0, count = 2 + random_below(3); i < count; i++) {
		if (i > 0) {
			say_space();
			say_word(all ? "and" : "or");
			say_space();
		}
		/* An or inside of an and needs parentheses, the other way
		 * round they are only allowed. */
		bool bare = !all && random_below(2);
		say(bare ? "" : "(");
		struct plain part = bare ? random_chain(who, 0, true) :
		    random_bool(who, depth);
		say(bare ? "" : ")");
		result = all ? result && part.number : result || part.number;
	}
	return plain_number(K_BOOL, result);
}

static struct plain
random_bool(const struct who *who, unsigned depth)
{
	struct plain value;

	if (depth == 0) {
		bool yes = random_below(2);
		say_word(yes ? "true" : "false");
		return plain_number(K_BOOL, yes);
	}
	switch (random_below(6)) {
	case 0:
		return random_comparison(who, depth - 1);
	case 1:
		return random_membership(who, depth - 1);
	case 2:
		return random_search(who, depth - 1);
	case 3:
		say_word("not");
		say("(");
		value = random_bool(who, depth - 1);
		say(")");
		value.number = !value.number;
		return value;
	case 4:
		return random_chain(who, depth - 1, true);
	default:
		return random_chain(who, depth - 1, false);
	}
}

static const char *
maybe(const char *text)
{
	return random_below(3) ? text : NULL;
}

static void
test_random_filters_agree_with_a_plain_evaluator(void)
{
	unsigned held = 0, taken = 0;

	seed = 20261125;
	for (unsigned round = 0; round < 20000; round++) {
		struct error error;
		struct who who = {
			.user = maybe(texts[1 + random_below(COUNT(texts) - 1)]),
			.id = texts[1 + random_below(COUNT(texts) - 1)],
			.protocol = maybe("ab"),
		};
		for (unsigned i = 0, n = random_below(4); i < n; i++)
			who.groups[i] = texts[1 + i * 3];
		source_len = 0;
		say("");
		struct plain expected = random_bool(&who, 1 + random_below(4));
		struct filter *filter = parse(source, &error);
		if (filter == NULL) {
			/* Only for its size. */
			if (strcmp(error.message,
			    "the filter has more than 1000 parts") != 0)
				check_text(source, error.message, "a filter");
			continue;
		}
		taken++;
		bool got = holds(filter, &who);
		held += got;
		filter_unref(filter);
		if (got != (expected.number != 0))
			check_number(source, got, expected.number);
	}
	/* Both outcomes were tried. */
	CU_ASSERT(held > taken / 10 && held < taken - taken / 10);
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
		TEST(test_random_filters_agree_with_a_plain_evaluator),
	};

	letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	int status = RUN_TESTS("rest filter", tests);
	if (letters != (locale_t)0)
		freelocale(letters);
	return status;
}
