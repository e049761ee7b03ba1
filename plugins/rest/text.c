/* SPDX-License-Identifier: MIT */
#include "text.h"

#include "lib/jscan.h"
#include "lib/pct.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Room behind the text; NULL: there is none. */
static char *
room_for(struct text *text, size_t len)
{
	size_t cap = text->cap ? text->cap : 256;

	if (text->failed)
		return NULL;
	while (cap - text->len < len)
		cap *= 2;
	if (cap > text->cap) {
		char *data = realloc(text->data, cap);
		text->failed = data == NULL;
		if (data == NULL)
			return NULL;
		text->data = data;
		text->cap = cap;
	}
	return text->data + text->len;
}

void
text_reserve(struct text *text, size_t len)
{
	(void)room_for(text, len);
}

void
text_put(struct text *text, struct wps_span bytes)
{
	char *dst = room_for(text, bytes.len);

	if (dst == NULL || bytes.len == 0)
		return;
	memcpy(dst, bytes.data, bytes.len);
	text->len += bytes.len;
}

void
text_put_str(struct text *text, const char *bytes)
{
	text_put(text, wps_span_str(bytes));
}

void
text_put_number(struct text *text, uint64_t number)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, number);
	text_put_str(text, digits);
}

void
text_put_quoted(struct text *text, struct wps_span bytes)
{
	if (bytes.data == NULL) {
		text_put_str(text, "null");
		return;
	}
	char *dst = room_for(text, jscan_quoted_size(bytes));
	if (dst)
		text->len += (size_t)(jscan_quote(dst, bytes) - dst);
}

void
text_put_encoded(struct text *text, struct wps_span bytes)
{
	char *dst = room_for(text, 3 * bytes.len);

	if (dst && bytes.len > 0)
		text->len += (size_t)(pct_encode(dst, bytes) - dst);
}

void
text_fini(struct text *text)
{
	free(text->data);
	*text = (struct text){ .data = NULL };
}
