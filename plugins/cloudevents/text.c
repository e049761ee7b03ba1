/* SPDX-License-Identifier: MIT */
/*
 * Growing text: the buffer doubles, so adding byte by byte costs little.
 */
#include "text.h"

#include "lib/pct.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define TEXT_FIRST 256

static bool
reserve(struct text *text, size_t more)
{
	if (text->failed)
		return false;
	if (more <= text->cap - text->len)
		return true;

	size_t cap = text->cap ? text->cap : TEXT_FIRST;
	while (cap - text->len < more && cap <= SIZE_MAX / 4)
		cap *= 2;
	char *data = cap - text->len < more ? NULL : realloc(text->data, cap);
	if (data == NULL) {
		text->failed = true;
		return false;
	}
	text->data = data;
	text->cap = cap;
	return true;
}

void
text_add(struct text *text, struct wps_span bytes)
{
	if (bytes.len == 0 || !reserve(text, bytes.len))
		return;
	memcpy(text->data + text->len, bytes.data, bytes.len);
	text->len += bytes.len;
}

void
text_add_char(struct text *text, char c)
{
	text_add(text, (struct wps_span){ &c, 1 });
}

void
text_add_hex(struct text *text, char byte, const char *digits)
{
	char pair[2] = { digits[(unsigned char)byte >> 4], digits[byte & 0xf] };

	text_add(text, (struct wps_span){ pair, sizeof(pair) });
}

void
text_add_number(struct text *text, uint64_t number)
{
	char digits[20]; /* of the largest one */
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	text_add(text, (struct wps_span){ digits + at, sizeof(digits) - at });
}

void
text_add_escaped(struct text *text, struct wps_span value)
{
	for (size_t i = 0; i < value.len; i++) {
		if (pct_is_unreserved(value.data[i]))
			text_add_char(text, value.data[i]);
		else
			text_printf(text, "%%%02X", (unsigned char)value.data[i]);
	}
}

void
text_printf(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0 || !reserve(text, (size_t)len + 1))
		return;

	va_start(args, format);
	vsnprintf(text->data + text->len, (size_t)len + 1, format, args);
	va_end(args);
	text->len += (size_t)len;
}

void
text_free(struct text *text)
{
	free(text->data);
	*text = (struct text){ .data = NULL };
}

void
text_clear(struct text *text)
{
	if (text->data)
		explicit_bzero(text->data, text->cap);
	text_free(text);
}

void *
must_calloc(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size ? size : 1);

	if (memory == NULL) {
		fputs("cloudevents: out of memory\n", stderr);
		abort();
	}
	return memory;
}

bool
span_eq_nocase(struct wps_span a, struct wps_span b)
{
	return a.len == b.len &&
	    (a.len == 0 || strncasecmp(a.data, b.data, a.len) == 0);
}

bool
span_is_token(struct wps_span text)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') ||
		    (c != '\0' && strchr(others, c) != NULL)))
			return false;
	}
	return text.len > 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct wps_span
span_trim(struct wps_span span)
{
	while (span.len > 0 && is_blank(span.data[0])) {
		span.data++;
		span.len--;
	}
	while (span.len > 0 && is_blank(span.data[span.len - 1]))
		span.len--;
	return span;
}

bool
span_next(struct wps_span *rest, char separator, struct wps_span *item_out)
{
	if (rest->data == NULL)
		return false;

	const char *end = rest->len ?
	    memchr(rest->data, separator, rest->len) : NULL;
	if (end == NULL) {
		*item_out = *rest;
		*rest = WPS_SPAN_NONE;
		return true;
	}
	size_t len = (size_t)(end - rest->data);
	*item_out = (struct wps_span){ rest->data, len };
	*rest = (struct wps_span){ end + 1, rest->len - len - 1 };
	return true;
}
