/* SPDX-License-Identifier: MIT */
/*
 * Names and patterns.
 *
 * A pattern is matched with two places to come back to: behind the last `*` and
 * behind the last `**`. When something does not fit, `*` takes one character
 * more, unless that is a dot; then `**` does, and `*` begins anew. Older stars
 * need no second look: the same star that failed from the earliest place that
 * its forerunners could leave it would fail from each later one too.
 */
#include "lib/names.h"

#include "lib/utf8.h"

static bool
is_letter(char c)
{
	char lower = (char)(c | 0x20);

	return lower >= 'a' && lower <= 'z';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char
to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool
name_is_token(struct wps_span text)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (!is_letter(c) && !is_digit(c) &&
		    !memchr(others, c, sizeof(others) - 1))
			return false;
	}
	return text.len > 0;
}

int
name_order(struct wps_span a, struct wps_span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.data, b.data, len) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

void
name_lower(char *dst, struct wps_span name)
{
	for (size_t i = 0; i < name.len; i++)
		dst[i] = to_lower(name.data[i]);
}

bool
name_eq_nocase(struct wps_span a, struct wps_span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (to_lower(a.data[i]) != to_lower(b.data[i]))
			return false;
	return true;
}

/* A letter, then letters, digits and some `others`. */
static bool
is_word(struct wps_span name, size_t max, const char *others)
{
	if (name.len == 0 || name.len > max || !is_letter(name.data[0]))
		return false;
	for (size_t i = 1; i < name.len; i++) {
		char c = name.data[i];

		if (!is_letter(c) && !is_digit(c) &&
		    (c == '\0' || !strchr(others, c)))
			return false;
	}
	return true;
}

bool
name_hub_valid(struct wps_span name)
{
	return is_word(name, NAME_HUB_MAX, "_`,.[]");
}

bool
name_event_valid(struct wps_span name)
{
	return is_word(name, NAME_EVENT_MAX, "_.-");
}

bool
name_id_valid(struct wps_span id)
{
	return id.len >= 1 && id.len <= NAME_ID_MAX && utf8_valid(id);
}

/* Whether a valid text is nothing but white space. */
static bool
is_all_blank(struct wps_span text)
{
	const char *at = text.data, *end = at + text.len;
	uint32_t code;

	while (at < end) {
		at = utf8_get(at, &code);
		if (!utf8_is_blank(code))
			return false;
	}
	return true;
}

bool
name_group_valid(struct wps_span name)
{
	return name.len > 0 && name.len <= NAME_GROUP_MAX_BYTES &&
	    utf8_valid(name) && utf8_units(name) <= NAME_GROUP_MAX &&
	    !is_all_blank(name);
}

static bool
is_special(char c)
{
	return c == '*' || c == '?' || c == '\\';
}

bool
pattern_valid(struct wps_span pattern)
{
	unsigned stars = 0;

	if (pattern.len == 0 || pattern.len > 3 * PATTERN_MAX ||
	    !utf8_valid(pattern) || utf8_units(pattern) > PATTERN_MAX)
		return false;
	for (size_t i = 0; i < pattern.len; i++) {
		if (pattern.data[i] == '*')
			stars++;
		if (pattern.data[i] != '\\')
			continue;
		if (++i == pattern.len || !is_special(pattern.data[i]))
			return false;
	}
	return stars <= PATTERN_STARS_MAX;
}

bool
pattern_is_literal(struct wps_span pattern)
{
	for (size_t i = 0; i < pattern.len; i++)
		if (is_special(pattern.data[i]))
			return false;
	return true;
}

/* A star with what follows it: in the pattern, and in the name behind what the
 * star has taken so far. */
struct star {
	const char *pattern; /* NULL: there was none */
	const char *name;
};

struct match {
	const char *pattern, *pattern_end;
	const char *name, *name_end;
	struct star one, two; /* one is always behind two */
};

/* The end of the character of a name. */
static const char *
char_end(const char *at, const char *end)
{
	do
		at++;
	while (at < end && ((unsigned char)*at & 0xc0) == 0x80);
	return at;
}

static void
pass_stars(struct match *m)
{
	const char *first = m->pattern;

	while (m->pattern < m->pattern_end && *m->pattern == '*')
		m->pattern++;
	if (m->pattern - first == 1) {
		m->one = (struct star){ m->pattern, m->name };
		return;
	}
	m->two = (struct star){ m->pattern, m->name };
	m->one.pattern = NULL;
}

/* Whether one element of the pattern that is no star fits; passes it. */
static bool
pass_one(struct match *m)
{
	char c = *m->pattern;

	if (c == '?') {
		if (*m->name == '.')
			return false;
		m->pattern++;
		m->name = char_end(m->name, m->name_end);
		return true;
	}
	if (c == '\\' && m->pattern_end - m->pattern > 1)
		c = *++m->pattern;
	if (*m->name != c)
		return false;
	m->pattern++;
	m->name++;
	return true;
}

/*
 * Lets a star take one more character; false when none can. There is one: the
 * name is not at its end here, and no star has taken more than that.
 */
static bool
go_back(struct match *m)
{
	struct star *star = &m->one;

	if (!star->pattern || *star->name == '.') {
		star = &m->two;
		if (!star->pattern)
			return false;
		/* Where one fails at a dot, it fails from all before it. */
		if (m->one.pattern)
			star->name = memchr(star->name, '.',
			    (size_t)(m->name_end - star->name));
		m->one.pattern = NULL;
	}
	star->name = char_end(star->name, m->name_end);
	m->pattern = star->pattern;
	m->name = star->name;
	return true;
}

bool
pattern_match(struct wps_span pattern, struct wps_span name)
{
	struct match m = {
		.pattern = pattern.len ? pattern.data : "",
		.name = name.len ? name.data : "",
	};

	m.pattern_end = m.pattern + pattern.len;
	m.name_end = m.name + name.len;
	for (;;) {
		if (m.pattern == m.pattern_end) {
			if (m.name == m.name_end)
				return true;
		} else if (*m.pattern == '*') {
			pass_stars(&m);
			continue;
		} else if (m.name == m.name_end) {
			return false;
		} else if (pass_one(&m)) {
			continue;
		}
		if (!go_back(&m))
			return false;
	}
}
