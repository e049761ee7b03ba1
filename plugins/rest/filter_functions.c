/* SPDX-License-Identifier: MIT */
/*
 * The functions of filters (filter.md, section 5). Positions and lengths count
 * UTF-16 units; a border inside of a character that has two of them is none, and
 * the result is null.
 */
#include "filter_code.h"

#include "lib/names.h"
#include "lib/utf8.h"

#include <wctype.h>

static const struct filter_value null_value = { .type = TYPE_NULL };

static bool
is_null(const struct filter_value *value)
{
	return value->type == TYPE_NULL;
}

static struct filter_value
text_of(const char *data, size_t len)
{
	return (struct filter_value){
		.type = TYPE_STRING, .text = { data, len } };
}

static struct filter_value
bool_of(bool yes)
{
	return (struct filter_value){ .type = TYPE_BOOL, .number = yes };
}

static struct filter_value
int_of(long number)
{
	return (struct filter_value){
		.type = TYPE_INT, .number = (int32_t)number };
}

/* --- case ---------------------------------------------------------------------- */

/* Three letters would become ASCII, which the invariant mapping keeps apart. */
static bool
keeps_case(uint32_t code)
{
	return code == 0x130 || code == 0x131 || code == 0x17f;
}

static uint32_t
map_code(uint32_t code, bool upper, locale_t locale)
{
	if (code < 0x80) {
		bool changes = upper ? code >= 'a' && code <= 'z' :
		    code >= 'A' && code <= 'Z';
		return changes ? code ^ 0x20 : code;
	}
	if (locale == (locale_t)0 || keeps_case(code))
		return code;
	return (uint32_t)(upper ? towupper_l((wint_t)code, locale) :
	    towlower_l((wint_t)code, locale));
}

#define CODE_BYTES 4

static struct filter_value
map_case(struct filter_scratch *scratch, locale_t locale,
    const struct filter_value *arg, bool upper)
{
	const char *at = arg->text.data, *end;
	char one[CODE_BYTES];
	size_t len = 0;
	uint32_t code;

	if (is_null(arg))
		return null_value;
	end = at + arg->text.len;
	while (at < end) {
		at = utf8_get(at, &code);
		len += (size_t)(utf8_put(one, map_code(code, upper, locale)) -
		    one);
	}
	char *made = filter_scratch_take(scratch, len), *dst = made;
	if (made == NULL)
		return null_value;
	for (at = arg->text.data; at < end;) {
		at = utf8_get(at, &code);
		dst = utf8_put(dst, map_code(code, upper, locale));
	}
	return text_of(made, len);
}

static struct filter_value
call_tolower(struct filter_scratch *scratch, locale_t locale,
    const struct filter_value *args, unsigned count)
{
	(void)count;
	return map_case(scratch, locale, &args[0], false);
}

static struct filter_value
call_toupper(struct filter_scratch *scratch, locale_t locale,
    const struct filter_value *args, unsigned count)
{
	(void)count;
	return map_case(scratch, locale, &args[0], true);
}

/* --- parts ---------------------------------------------------------------------- */

static struct filter_value
call_trim(struct filter_scratch *scratch, locale_t locale,
    const struct filter_value *args, unsigned count)
{
	(void)scratch;
	(void)locale;
	(void)count;
	if (is_null(&args[0]))
		return null_value;
	const char *start = args[0].text.data, *end = start + args[0].text.len;
	uint32_t code;
	while (start < end) {
		const char *next = utf8_get(start, &code);
		if (!utf8_is_blank(code))
			break;
		start = next;
	}
	const char *last = start;
	for (const char *at = start; at < end;) {
		at = utf8_get(at, &code);
		if (!utf8_is_blank(code))
			last = at;
	}
	return text_of(start, (size_t)(last - start));
}

/* Where so many UTF-16 units of a text end; NULL: not at a character's border,
 * or behind the end. */
static const char *
behind_units(const char *at, const char *end, int32_t units)
{
	uint32_t code;

	while (units > 0 && at < end) {
		at = utf8_get(at, &code);
		units -= code > 0xffff ? 2 : 1;
	}
	return units == 0 ? at : NULL;
}

static struct filter_value
call_substring(struct filter_scratch *scratch, locale_t locale,
    const struct filter_value *args, unsigned count)
{
	(void)scratch;
	(void)locale;
	if (is_null(&args[0]) || is_null(&args[1]) ||
	    (count > 2 && is_null(&args[2])))
		return null_value;
	const char *text = args[0].text.data, *end = text + args[0].text.len;
	const char *from = behind_units(text, end, args[1].number);
	const char *to = end;
	if (from && count > 2)
		to = behind_units(from, end, args[2].number);
	if (from == NULL || to == NULL)
		return null_value;
	return text_of(from, (size_t)(to - from));
}

static struct filter_value
call_concat(struct filter_scratch *scratch, locale_t locale,
    const struct filter_value *args, unsigned count)
{
	struct wps_span a = args[0].text, b = args[1].text;

	(void)locale;
	(void)count;
	if (is_null(&args[0]))
		return args[1];
	if (is_null(&args[1]))
		return args[0];
	char *made = filter_scratch_take(scratch, a.len + b.len);
	if (made == NULL)
		return null_value;
	if (a.len)
		memcpy(made, a.data, a.len);
	if (b.len)
		memcpy(made + a.len, b.data, b.len);
	return text_of(made, a.len + b.len);
}

/* --- searching -------------------------------------------------------------------- */

/* Where the needle begins; NULL: it is not there, or one of them is null. */
static const char *
find(const struct filter_value *args)
{
	if (is_null(&args[0]) || is_null(&args[1]))
		return NULL;
	if (args[1].text.len == 0)
		return args[0].text.data;
	return memmem(args[0].text.data, args[0].text.len, args[1].text.data,
	    args[1].text.len);
}

static struct filter_value
call_contains(struct filter_scratch *scratch, locale_t locale,
    const struct filter_value *args, unsigned count)
{
	(void)scratch;
	(void)locale;
	(void)count;
	return bool_of(find(args) != NULL);
}

static struct filter_value
call_indexof(struct filter_scratch *scratch, locale_t locale,
    const struct filter_value *args, unsigned count)
{
	const char *at = find(args);

	(void)scratch;
	(void)locale;
	(void)count;
	if (at == NULL)
		return int_of(-1);
	return int_of((long)utf8_units((struct wps_span){
	    args[0].text.data, (size_t)(at - args[0].text.data) }));
}

/* Whether the needle stands so many bytes before the end, or at the start. */
static struct filter_value
stands(const struct filter_value *args, bool at_end)
{
	struct wps_span text = args[0].text, needle = args[1].text;

	if (is_null(&args[0]) || is_null(&args[1]) || needle.len > text.len)
		return bool_of(false);
	if (at_end)
		text.data += text.len - needle.len;
	text.len = needle.len;
	return bool_of(wps_span_eq(text, needle));
}

static struct filter_value
call_startswith(struct filter_scratch *scratch, locale_t locale,
    const struct filter_value *args, unsigned count)
{
	(void)scratch;
	(void)locale;
	(void)count;
	return stands(args, false);
}

static struct filter_value
call_endswith(struct filter_scratch *scratch, locale_t locale,
    const struct filter_value *args, unsigned count)
{
	(void)scratch;
	(void)locale;
	(void)count;
	return stands(args, true);
}

static struct filter_value
call_length(struct filter_scratch *scratch, locale_t locale,
    const struct filter_value *args, unsigned count)
{
	(void)scratch;
	(void)locale;
	(void)count;
	return is_null(&args[0]) ? null_value :
	    int_of((long)utf8_units(args[0].text));
}

/* --- the table ----------------------------------------------------------------------- */

static const struct filter_function functions[] = {
	{ "tolower", TYPE_STRING, 1, 1, { TYPE_STRING }, call_tolower },
	{ "toupper", TYPE_STRING, 1, 1, { TYPE_STRING }, call_toupper },
	{ "trim", TYPE_STRING, 1, 1, { TYPE_STRING }, call_trim },
	{ "substring", TYPE_STRING, 2, 3,
	  { TYPE_STRING, TYPE_INT, TYPE_INT }, call_substring },
	{ "concat", TYPE_STRING, 2, 2, { TYPE_STRING, TYPE_STRING },
	  call_concat },
	{ "contains", TYPE_BOOL, 2, 2, { TYPE_STRING, TYPE_STRING },
	  call_contains },
	{ "startswith", TYPE_BOOL, 2, 2, { TYPE_STRING, TYPE_STRING },
	  call_startswith },
	{ "endswith", TYPE_BOOL, 2, 2, { TYPE_STRING, TYPE_STRING },
	  call_endswith },
	{ "indexof", TYPE_INT, 2, 2, { TYPE_STRING, TYPE_STRING },
	  call_indexof },
	{ "length", TYPE_INT, 1, 1, { TYPE_STRING }, call_length },
};

const struct filter_function *
filter_function_find(struct wps_span name)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (name_eq_nocase(name, wps_span_str(functions[i].name)))
			return &functions[i];
	return NULL;
}
