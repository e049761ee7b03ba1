/* SPDX-License-Identifier: MIT */
/*
 * The JSON scanner.
 *
 * Functions called pass_* check one piece of the text and return its end, or
 * NULL when it is malformed. None of them calls itself: nesting is an array of
 * the brackets that are still to be closed. Strings, most of any text, are
 * looked through eight bytes at a time.
 */
#include "lib/jscan.h"

#include "lib/pct.h"
#include "lib/utf8.h"

#include <endian.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* A bit in each byte that is below `n`, which is at most 128. The lowest such
 * bit is right; those above it may be wrong. */
static inline uint64_t
bytes_below(uint64_t word, uint64_t n)
{
	return (word - EACH(n)) & ~word & EACH(0x80);
}

static inline bool
is_special(char c)
{
	return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

/* The first quote, backslash or control character, or the end. */
static inline const char *
find_special(const char *at, const char *end)
{
	uint64_t word;

	while (end - at >= (ptrdiff_t)sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		word = le64toh(word);
		word = bytes_below(word, 0x20) |
		    bytes_below(word ^ EACH('"'), 1) |
		    bytes_below(word ^ EACH('\\'), 1);
		if (word)
			return at + __builtin_ctzll(word) / 8;
		at += sizeof(word);
	}
	while (at < end && !is_special(*at))
		at++;
	return at;
}

static inline const char *
pass_blank(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' ||
			       *at == '\t'))
		at++;
	return at;
}

/* `at` is behind the backslash. */
static const char *
pass_escape(const char *at, const char *end)
{
	if (at == end || *at == '\0' || !strchr("\"\\/bfnrtu", *at))
		return NULL;
	if (*at++ != 'u')
		return at;
	if (end - at < 4)
		return NULL;
	for (int i = 0; i < 4; i++)
		if (pct_hex_digit(at[i]) < 0)
			return NULL;
	return at + 4;
}

/* `at` is before the quote, or what should be one. */
static inline const char *
pass_string(const char *at, const char *end, bool *escaped)
{
	*escaped = false;
	if (at == end || *at++ != '"')
		return NULL;
	while ((at = find_special(at, end)) < end && *at == '\\') {
		*escaped = true;
		at = pass_escape(at + 1, end);
		if (!at)
			return NULL;
	}
	return at < end && *at == '"' ? at + 1 : NULL;
}

static const char *
pass_digits(const char *at, const char *end)
{
	const char *first = at;

	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at > first ? at : NULL;
}

static const char *
pass_number(const char *at, const char *end)
{
	if (*at == '-')
		at++;
	at = at < end && *at == '0' ? at + 1 : pass_digits(at, end);
	if (at && at < end && *at == '.')
		at = pass_digits(at + 1, end);
	if (at && at < end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		at = pass_digits(at, end);
	}
	return at;
}

static const char *
pass_word(const char *at, const char *end, struct wps_span word)
{
	if ((size_t)(end - at) < word.len || memcmp(at, word.data, word.len) != 0)
		return NULL;
	return at + word.len;
}

/* A value that is neither array nor object. */
static inline const char *
pass_scalar(const char *at, const char *end, struct jscan_value *out)
{
	switch (*at) {
	case '"':
		out->kind = JSCAN_STRING;
		return pass_string(at, end, &out->escaped);
	case 't':
		out->kind = JSCAN_TRUE;
		return pass_word(at, end, WPS_SPAN("true"));
	case 'f':
		out->kind = JSCAN_FALSE;
		return pass_word(at, end, WPS_SPAN("false"));
	case 'n':
		out->kind = JSCAN_NULL;
		return pass_word(at, end, WPS_SPAN("null"));
	}
	out->kind = JSCAN_NUMBER;
	return pass_number(at, end);
}

/* The name of a member with its colon, up to the value. */
static const char *
pass_key(const char *at, const char *end, struct jscan_value *key)
{
	const char *first = at;

	at = pass_string(at, end, &key->escaped);
	if (!at)
		return NULL;
	key->kind = JSCAN_STRING;
	key->raw = (struct wps_span){ first, (size_t)(at - first) };
	at = pass_blank(at, end);
	if (at == end || *at != ':')
		return NULL;
	return pass_blank(at + 1, end);
}

/* The brackets that are still to be closed, each by its closing one. */
struct nest {
	unsigned count, limit;
	char close[JSCAN_DEPTH];
};

/* Goes into an array or object, up to its first value or, when it is empty, to
 * the bracket that closes it. */
static const char *
pass_open(const char *at, const char *end, struct nest *nest, bool *empty)
{
	struct jscan_value key;
	char close = *at == '{' ? '}' : ']';

	if (nest->count == nest->limit)
		return NULL;
	nest->close[nest->count++] = close;
	at = pass_blank(at + 1, end);
	if (at == end)
		return NULL;
	*empty = *at == close;
	return close == '}' && !*empty ? pass_key(at, end, &key) : at;
}

/* From behind a value to the next one, or behind the outermost bracket. */
static const char *
pass_close(const char *at, const char *end, struct nest *nest)
{
	struct jscan_value key;

	while (nest->count > 0) {
		char close = nest->close[nest->count - 1];

		at = pass_blank(at, end);
		if (at == end)
			return NULL;
		if (*at == ',') {
			at = pass_blank(at + 1, end);
			return close == '}' ? pass_key(at, end, &key) : at;
		}
		if (*at++ != close)
			return NULL;
		nest->count--;
	}
	return at;
}

static const char *
pass_nested(const char *at, const char *end, unsigned limit)
{
	struct jscan_value value;
	struct nest nest;
	bool empty;

	nest.count = 0;
	nest.limit = limit;
	do {
		if (at == end)
			return NULL;
		if (*at == '{' || *at == '[') {
			at = pass_open(at, end, &nest, &empty);
			if (at && !empty)
				continue;
		} else {
			at = pass_scalar(at, end, &value);
		}
		if (at)
			at = pass_close(at, end, &nest);
	} while (at && nest.count > 0);
	return at;
}

/* Any value, with at most `limit` levels of nesting. */
static const char *
pass_value(const char *at, const char *end, unsigned limit,
    struct jscan_value *out)
{
	const char *first = at;

	out->escaped = false;
	if (at == end)
		return NULL;
	if (*at == '{' || *at == '[') {
		out->kind = *at == '{' ? JSCAN_OBJECT : JSCAN_ARRAY;
		at = pass_nested(at, end, limit);
	} else {
		at = pass_scalar(at, end, out);
	}
	if (at)
		out->raw = (struct wps_span){ first, (size_t)(at - first) };
	return at;
}

int
jscan_text(struct wps_span text, struct jscan_value *out)
{
	const char *at, *end;

	if (text.len == 0)
		return WPS_EPROTO;
	end = text.data + text.len;
	at = pass_value(pass_blank(text.data, end), end, JSCAN_DEPTH, out);
	return at && pass_blank(at, end) == end ? WPS_OK : WPS_EPROTO;
}

bool
jscan_valid(struct wps_span text)
{
	struct jscan_value value;

	return jscan_text(text, &value) == WPS_OK;
}

static int
begin(struct jscan *scan, struct wps_span text, char open)
{
	*scan = (struct jscan){ .first = true };
	if (text.len == 0)
		return WPS_EPROTO;
	scan->end = text.data + text.len;
	scan->at = pass_blank(text.data, scan->end);
	return scan->at < scan->end && *scan->at++ == open ? WPS_OK : WPS_EPROTO;
}

/*
 * Goes to the next value or key. A malformed text leaves the scan where it is:
 * it gives the same answer again, and so does its end.
 */
static int
next(const struct jscan *scan, char close, const char **at_out)
{
	const char *at = pass_blank(scan->at, scan->end);

	if (at == scan->end)
		return WPS_EPROTO;
	if (*at == close)
		return pass_blank(at + 1, scan->end) == scan->end
		    ? WPS_NOT_FOUND
		    : WPS_EPROTO;
	if (!scan->first) {
		if (*at != ',')
			return WPS_EPROTO;
		at = pass_blank(at + 1, scan->end);
	}
	*at_out = at;
	return WPS_OK;
}

/* What follows is inside of one level already. */
static int
take_value(struct jscan *scan, const char *at, struct jscan_value *out)
{
	at = pass_value(at, scan->end, JSCAN_DEPTH - 1, out);
	if (!at)
		return WPS_EPROTO;
	scan->at = at;
	scan->first = false;
	return WPS_OK;
}

int
jscan_begin_object(struct jscan *scan, struct wps_span text)
{
	return begin(scan, text, '{');
}

int
jscan_member(struct jscan *scan, struct jscan_value *key_out,
    struct jscan_value *value_out)
{
	const char *at;
	int rc = next(scan, '}', &at);

	if (rc != WPS_OK)
		return rc;
	at = pass_key(at, scan->end, key_out);
	return at ? take_value(scan, at, value_out) : WPS_EPROTO;
}

int
jscan_begin_array(struct jscan *scan, struct wps_span text)
{
	return begin(scan, text, '[');
}

int
jscan_item(struct jscan *scan, struct jscan_value *value_out)
{
	const char *at;
	int rc = next(scan, ']', &at);

	return rc == WPS_OK ? take_value(scan, at, value_out) : rc;
}

/* What stands between the quotes. */
static struct wps_span
inside(const struct jscan_value *string)
{
	return (struct wps_span){ string->raw.data + 1, string->raw.len - 2 };
}

/* The number behind a \u that was checked before. */
static uint32_t
hex_unit(const char *digits)
{
	uint32_t unit = 0;

	for (int i = 0; i < 4; i++)
		unit = unit << 4 | (uint32_t)pct_hex_digit(digits[i]);
	return unit;
}

/* Reads the digits of a \u and, when that is half a pair, the other half; NULL
 * when there is none. */
static const char *
unescape_unit(const char *at, const char *end, uint32_t *code_out)
{
	uint32_t high = hex_unit(at), low;

	at += 4;
	*code_out = high;
	if (high < 0xd800 || high > 0xdfff)
		return at;
	if (high > 0xdbff || end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return NULL;
	low = hex_unit(at + 2);
	if (low < 0xdc00 || low > 0xdfff)
		return NULL;
	*code_out = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return at + 6;
}

/* Reads one escape that was checked before; `at` is behind its backslash. */
static const char *
unescape(const char *at, const char *end, uint32_t *code_out)
{
	char c = *at++;

	switch (c) {
	case 'b':
		*code_out = '\b';
		return at;
	case 'f':
		*code_out = '\f';
		return at;
	case 'n':
		*code_out = '\n';
		return at;
	case 'r':
		*code_out = '\r';
		return at;
	case 't':
		*code_out = '\t';
		return at;
	case 'u':
		return unescape_unit(at, end, code_out);
	}
	*code_out = (unsigned char)c;
	return at;
}

bool
jscan_unescape(char *dst, const struct jscan_value *string, size_t *len_out)
{
	struct wps_span text = inside(string);
	const char *at = text.data, *end = at + text.len, *run;
	char *first = dst;
	uint32_t code;

	for (;;) {
		run = string->escaped ? find_special(at, end) : end;
		memcpy(dst, at, (size_t)(run - at));
		dst += run - at;
		if (run == end)
			break;
		at = unescape(run + 1, end, &code);
		if (!at)
			return false;
		dst = utf8_put(dst, code);
	}
	*len_out = (size_t)(dst - first);
	return true;
}

static char
to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool
same(const char *a, const char *b, size_t len, bool nocase)
{
	if (!nocase)
		return memcmp(a, b, len) == 0;
	for (size_t i = 0; i < len; i++)
		if (to_lower(a[i]) != to_lower(b[i]))
			return false;
	return true;
}

/* Compares without a buffer: each escape becomes a few bytes for itself. */
static bool
is_escaped_text(struct wps_span string, struct wps_span text, bool nocase)
{
	const char *at = string.data, *end = at + string.len;
	char one[4];
	uint32_t code;

	while (at < end) {
		const char *from = at;
		size_t len = 1;

		if (*at++ == '\\') {
			at = unescape(at, end, &code);
			if (!at)
				return false;
			len = (size_t)(utf8_put(one, code) - one);
			from = one;
		}
		if (text.len < len || !same(from, text.data, len, nocase))
			return false;
		text.data += len;
		text.len -= len;
	}
	return text.len == 0;
}

static bool
is_text(const struct jscan_value *string, const char *text, bool nocase)
{
	struct wps_span have, want = wps_span_str(text);

	if (string->kind != JSCAN_STRING)
		return false;
	have = inside(string);
	if (string->escaped)
		return is_escaped_text(have, want, nocase);
	return have.len == want.len &&
	    same(have.data, want.data, want.len, nocase);
}

bool
jscan_is(const struct jscan_value *string, const char *text)
{
	return is_text(string, text, false);
}

bool
jscan_is_nocase(const struct jscan_value *string, const char *text)
{
	return is_text(string, text, true);
}

bool
jscan_uint64(const struct jscan_value *value, uint64_t *out)
{
	uint64_t number = 0;

	if (value->kind != JSCAN_NUMBER)
		return false;
	for (size_t i = 0; i < value->raw.len; i++) {
		char c = value->raw.data[i];

		if (c < '0' || c > '9' ||
		    __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, c - '0', &number))
			return false;
	}
	*out = number;
	return true;
}

/* The letter behind the backslash; 'u' where there is no short form. */
static char
escape_letter(char c)
{
	switch (c) {
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	case '"':
	case '\\':
		return c;
	}
	return 'u';
}

size_t
jscan_quoted_size(struct wps_span text)
{
	size_t size = text.len + 2;
	const char *at = text.data, *end;

	if (text.len == 0)
		return size;
	end = at + text.len;
	while ((at = find_special(at, end)) < end)
		size += escape_letter(*at++) == 'u' ? 5 : 1;
	return size;
}

static char *
put_escape(char *dst, char c)
{
	static const char digits[] = "0123456789abcdef";
	char letter = escape_letter(c);

	*dst++ = '\\';
	*dst++ = letter;
	if (letter != 'u')
		return dst;
	*dst++ = '0';
	*dst++ = '0';
	*dst++ = digits[(unsigned char)c >> 4];
	*dst++ = digits[c & 15];
	return dst;
}

char *
jscan_quote(char *dst, struct wps_span text)
{
	const char *at = text.len ? text.data : "", *end = at + text.len, *run;

	*dst++ = '"';
	for (;;) {
		run = find_special(at, end);
		memcpy(dst, at, (size_t)(run - at));
		dst += run - at;
		if (run == end)
			break;
		dst = put_escape(dst, *run);
		at = run + 1;
	}
	*dst++ = '"';
	return dst;
}
