/* SPDX-License-Identifier: MIT */
/*
 * Percent-encoding.
 *
 * Decoding never makes a text longer, so it can be done in place. What it gives
 * are bytes: whether they are UTF-8, or hold a NUL, is the caller's question.
 */
#include "lib/pct.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
pct_is_unreserved(char c)
{
	char lower = (char)(c | 0x20);

	return (lower >= 'a' && lower <= 'z') || is_digit(c) || c == '-' ||
	    c == '.' || c == '_' || c == '~';
}

int
pct_hex_digit(char c)
{
	char lower = (char)(c | 0x20);

	if (is_digit(c))
		return c - '0';
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

int
pct_hex_byte(const char *digits)
{
	int high = pct_hex_digit(digits[0]);
	int low = high < 0 ? -1 : pct_hex_digit(digits[1]);

	return low < 0 ? -1 : high << 4 | low;
}

static bool
decode(char *dst, struct wps_span text, char blank, size_t *len_out)
{
	size_t len = 0;
	int byte;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '%') {
			if (text.len - i < 3 ||
			    (byte = pct_hex_byte(text.data + i + 1)) < 0)
				return false;
			c = (char)byte;
			i += 2;
		} else if (c == blank) {
			c = ' ';
		}
		dst[len++] = c;
	}
	*len_out = len;
	return true;
}

bool
pct_decode(char *dst, struct wps_span text, size_t *len_out)
{
	return decode(dst, text, ' ', len_out);
}

bool
pct_decode_query(char *dst, struct wps_span text, size_t *len_out)
{
	return decode(dst, text, '+', len_out);
}

char *
pct_encode(char *dst, struct wps_span text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (pct_is_unreserved((char)c)) {
			*dst++ = (char)c;
			continue;
		}
		*dst++ = '%';
		*dst++ = digits[c >> 4];
		*dst++ = digits[c & 15];
	}
	return dst;
}

/* Cuts off what stands before the next `c`, or all; `c` itself is dropped. */
static struct wps_span
cut(struct wps_span *rest, char c)
{
	const char *at = memchr(rest->data, c, rest->len);
	struct wps_span part = *rest;

	if (at)
		part.len = (size_t)(at - part.data);
	rest->data += part.len + (at != NULL);
	rest->len -= part.len + (at != NULL);
	return part;
}

bool
query_next(struct wps_span *rest, struct wps_span *name_out,
    struct wps_span *value_out)
{
	struct wps_span part;

	while (rest->len > 0) {
		part = cut(rest, '&');
		if (part.len == 0)
			continue;
		*name_out = cut(&part, '=');
		*value_out = part;
		return true;
	}
	return false;
}
