/* SPDX-License-Identifier: MIT */
/*
 * The JSON scanner against a plain recursive reader of the same grammar; then
 * all values of what is accepted are walked, unescaped, compared and quoted.
 */
#include "fuzz.h"

#include "lib/jscan.h"
#include "lib/utf8.h"

#include <errno.h>

/* --- the grammar of RFC 8259, rule by rule ------------------------------- */

struct reader {
	const char *at, *end;
};

static bool read_value(struct reader *r, unsigned depth);

static bool
take(struct reader *r, const char *set)
{
	if (r->at == r->end || *r->at == '\0' || !strchr(set, *r->at))
		return false;
	r->at++;
	return true;
}

static void
read_blank(struct reader *r)
{
	while (take(r, " \t\r\n"))
		;
}

static bool
read_digits(struct reader *r)
{
	bool some = false;

	while (take(r, "0123456789"))
		some = true;
	return some;
}

static bool
read_number(struct reader *r)
{
	take(r, "-");
	if (!take(r, "0") && !read_digits(r))
		return false;
	if (take(r, ".") && !read_digits(r))
		return false;
	if (!take(r, "eE"))
		return true;
	take(r, "+-");
	return read_digits(r);
}

static bool
read_string(struct reader *r)
{
	if (!take(r, "\""))
		return false;
	while (!take(r, "\"")) {
		if (take(r, "\\")) {
			if (take(r, "\"\\/bfnrt"))
				continue;
			if (!take(r, "u"))
				return false;
			for (int i = 0; i < 4; i++)
				if (!take(r, "0123456789abcdefABCDEF"))
					return false;
		} else if (r->at == r->end || (uint8_t)*r->at++ < 0x20) {
			return false;
		}
	}
	return true;
}

static bool
read_word(struct reader *r, const char *word)
{
	for (; *word; word++)
		if (r->at == r->end || *r->at++ != *word)
			return false;
	return true;
}

static bool
read_member(struct reader *r, bool object, unsigned depth)
{
	if (object) {
		read_blank(r);
		if (!read_string(r))
			return false;
		read_blank(r);
		if (!take(r, ":"))
			return false;
	}
	return read_value(r, depth);
}

static bool
read_members(struct reader *r, bool object, unsigned depth)
{
	const char *close = object ? "}" : "]";

	if (depth > JSCAN_DEPTH)
		return false;
	read_blank(r);
	if (take(r, close))
		return true;
	do
		if (!read_member(r, object, depth))
			return false;
	while (take(r, ","));
	return take(r, close);
}

/* With the white space around it. */
static bool
read_value(struct reader *r, unsigned depth)
{
	bool good;

	read_blank(r);
	if (r->at == r->end)
		return false;
	if (take(r, "{"))
		good = read_members(r, true, depth + 1);
	else if (take(r, "["))
		good = read_members(r, false, depth + 1);
	else if (*r->at == '"')
		good = read_string(r);
	else if (*r->at == 't')
		good = read_word(r, "true");
	else if (*r->at == 'f')
		good = read_word(r, "false");
	else if (*r->at == 'n')
		good = read_word(r, "null");
	else
		good = read_number(r);
	read_blank(r);
	return good;
}

/* --- promises about values ----------------------------------------------- */

static void
check_quote(struct wps_span text)
{
	size_t size = jscan_quoted_size(text), len = 0;
	char *quoted = malloc(size), *back = malloc(size);
	struct wps_span string = { quoted, size };
	struct jscan_value value;

	PROMISE(quoted && back);
	PROMISE(jscan_quote(quoted, text) == quoted + size);
	PROMISE(jscan_text(string, &value) == WPS_OK);
	PROMISE(value.kind == JSCAN_STRING && wps_span_eq(value.raw, string));
	PROMISE(jscan_unescape(back, &value, &len));
	PROMISE(wps_span_eq((struct wps_span){ back, len }, text));
	free(quoted);
	free(back);
}

static void
check_string(const struct jscan_value *value)
{
	char *room = malloc(value->raw.len + 1);
	size_t len = 0;

	PROMISE(room);
	if (!jscan_unescape(room, value, &len)) {
		PROMISE(value->escaped);
		PROMISE(!jscan_is(value, ""));
		free(room);
		return;
	}
	PROMISE(len <= value->raw.len - 2);
	PROMISE(!utf8_valid(value->raw) ||
	    utf8_valid((struct wps_span){ room, len }));
	room[len] = '\0';
	PROMISE(jscan_is(value, room) == (strlen(room) == len));
	PROMISE(jscan_is_nocase(value, room) == (strlen(room) == len));
	check_quote((struct wps_span){ room, len });
	free(room);
}

static void
check_number(const struct jscan_value *value)
{
	char text[32];
	uint64_t number = 0;
	bool good = jscan_uint64(value, &number);

	if (value->raw.len >= sizeof(text)) {
		PROMISE(!good);
		return;
	}
	memcpy(text, value->raw.data, value->raw.len);
	text[value->raw.len] = '\0';
	errno = 0;
	unsigned long long expected = strtoull(text, NULL, 10);
	PROMISE(good ==
	    (errno == 0 && strspn(text, "0123456789") == value->raw.len));
	PROMISE(!good || number == expected);
}

static void
check_scalar(const struct jscan_value *value)
{
	if (value->kind == JSCAN_STRING)
		check_string(value);
	else if (value->kind == JSCAN_NUMBER)
		check_number(value);
	PROMISE(value->kind == JSCAN_NUMBER ||
	    !jscan_uint64(value, &(uint64_t){ 0 }));
}

/* Walks an array or object that is known to be valid, and what is in it. */
static void
check_inside(const struct jscan_value *outer)
{
	bool object = outer->kind == JSCAN_OBJECT;
	struct jscan_value key, value, again;
	struct jscan scan;
	int rc = object ? jscan_begin_object(&scan, outer->raw)
			: jscan_begin_array(&scan, outer->raw);

	PROMISE(rc == WPS_OK);
	for (;;) {
		rc = object ? jscan_member(&scan, &key, &value)
			    : jscan_item(&scan, &value);
		if (rc != WPS_OK)
			break;
		PROMISE(jscan_text(value.raw, &again) == WPS_OK);
		PROMISE(again.kind == value.kind &&
		    again.escaped == value.escaped &&
		    wps_span_eq(again.raw, value.raw));
		if (object)
			check_string(&key);
		if (value.kind == JSCAN_ARRAY || value.kind == JSCAN_OBJECT)
			check_inside(&value);
		else
			check_scalar(&value);
	}
	PROMISE(rc == WPS_NOT_FOUND);
}

/* A walk ends well exactly where the whole is valid and of that kind. */
static void
check_walk(struct wps_span text, bool valid)
{
	struct jscan_value key, value;
	struct jscan scan;
	int rc = jscan_begin_object(&scan, text);

	while (rc == WPS_OK)
		rc = jscan_member(&scan, &key, &value);
	if (rc == WPS_EPROTO) {
		rc = jscan_begin_array(&scan, text);
		while (rc == WPS_OK)
			rc = jscan_item(&scan, &value);
	}
	if (rc == WPS_NOT_FOUND) {
		PROMISE(valid);
	} else if (valid) {
		PROMISE(jscan_text(text, &value) == WPS_OK);
		PROMISE(value.kind != JSCAN_ARRAY && value.kind != JSCAN_OBJECT);
	}
}

bool
fuzz_accepts(struct wps_span input)
{
	return jscan_valid(input);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wps_span text = { (const char *)data, size };
	struct reader reader = { text.data, text.data + size };
	struct jscan_value value;
	bool valid = jscan_text(text, &value) == WPS_OK;

	PROMISE(valid == (read_value(&reader, 0) && reader.at == reader.end));
	check_walk(text, valid);
	check_quote(text);
	if (!valid)
		return 0;
	if (value.kind == JSCAN_ARRAY || value.kind == JSCAN_OBJECT)
		check_inside(&value);
	else
		check_scalar(&value);
	return 0;
}
