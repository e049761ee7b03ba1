/* SPDX-License-Identifier: MIT */
/*
 * Growing text: the buffer doubles, so adding byte by byte costs little.
 */
#include "text.h"

#include "lib/base64.h"
#include "lib/names.h"
#include "lib/pct.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_FIRST 256

static void
wipe(struct text *text)
{
	if (text->len > 0 && !text->plain)
		explicit_bzero(text->data, text->len);
}

/* As realloc, which would leave what it moves behind. */
static char *
move(struct text *text, size_t cap)
{
	char *data = malloc(cap);

	if (data == NULL)
		return NULL;
	if (text->len > 0)
		memcpy(data, text->data, text->len);
	wipe(text);
	free(text->data);
	return data;
}

static bool
grow(struct text *text, size_t cap)
{
	char *data = text->plain ? realloc(text->data, cap) : move(text, cap);

	if (data == NULL)
		return false;
	text->data = data;
	text->cap = cap;
	return true;
}

char *
text_room(struct text *text, size_t len)
{
	size_t cap = text->cap ? text->cap : TEXT_FIRST;

	if (text->failed)
		return NULL;
	while (cap - text->len < len && cap <= SIZE_MAX / 4)
		cap *= 2;
	if (cap - text->len < len || (cap > text->cap && !grow(text, cap))) {
		text->failed = true;
		return NULL;
	}
	return text->data + text->len;
}

void
text_add(struct text *text, struct wps_span bytes)
{
	char *room = bytes.len > 0 ? text_room(text, bytes.len) : NULL;

	if (room == NULL)
		return;
	memcpy(room, bytes.data, bytes.len);
	text->len += bytes.len;
}

void
text_add_char(struct text *text, char c)
{
	text_add(text, (struct wps_span){ &c, 1 });
}

void
text_add_lower(struct text *text, struct wps_span name)
{
	char *room = text_room(text, name.len);

	if (room == NULL)
		return;
	name_lower(room, name);
	text->len += name.len;
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

static void
add_escaped(struct text *text, struct wps_span value, const char *blank)
{
	for (size_t i = 0; i < value.len; i++) {
		if (pct_is_unreserved(value.data[i]))
			text_add_char(text, value.data[i]);
		else if (value.data[i] == ' ')
			text_add(text, wps_span_str(blank));
		else
			text_printf(text, "%%%02X", (unsigned char)value.data[i]);
	}
}

void
text_add_escaped(struct text *text, struct wps_span value)
{
	add_escaped(text, value, "%20");
}

void
text_add_form(struct text *text, struct wps_span value)
{
	add_escaped(text, value, "+");
}

void
text_add_base64(struct text *text, struct wps_span bytes)
{
	char *room = text_room(text, base64_size(bytes.len));

	if (room)
		text->len += (size_t)(base64_encode(room, bytes) - room);
}

void
text_add_base64url(struct text *text, struct wps_span bytes)
{
	char *room = text_room(text, base64_size(bytes.len));

	if (room)
		text->len += (size_t)(base64url_encode(room, bytes) - room);
}

void
text_printf(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *room = len < 0 ? NULL : text_room(text, (size_t)len + 1);
	if (room == NULL)
		return;

	va_start(args, format);
	vsnprintf(room, (size_t)len + 1, format, args);
	va_end(args);
	text->len += (size_t)len;
}

void
text_empty(struct text *text)
{
	wipe(text);
	text->len = 0;
}

void
text_free(struct text *text)
{
	text_empty(text);
	free(text->data);
	*text = (struct text){ .data = NULL };
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
