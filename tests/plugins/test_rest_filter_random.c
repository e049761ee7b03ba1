/* SPDX-License-Identifier: MIT */
/*
 * Random filters against a plain evaluator of their trees: what says an expression
 * also tells what it is worth.
 */
#include "plugins/filter_scene.h"

#include "lib/utf8.h"

/* What an expression is worth. */
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
		TEST(test_random_filters_agree_with_a_plain_evaluator),
	};

	return run_filter_tests("random rest filter", tests, COUNT(tests));
}
