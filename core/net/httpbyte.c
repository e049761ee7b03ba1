/* SPDX-License-Identifier: MIT */
#include "net/httpbyte.h"

#include <strings.h>

/* A row per 16 bytes; the sums of the classes. */
const uint8_t http_ascii[128] = {
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  4,  0,  0,  0,  0,  0,  0,
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 4, 15,  6,  5, 15, 15, 15, 15, 14, 14, 15, 15, 14, 15, 15,  6,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 14, 14,  6, 14,  6,  6,
	 6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 14,  6, 14,  7, 15,
	 7, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  7,  6, 15,  0,
};

size_t
http_skip(const char *bytes, size_t at, size_t end, enum http_class class)
{
	while (at < end && http_byte_is(bytes[at], class))
		at++;
	return at;
}

bool
http_bytes_are(struct wps_span bytes, enum http_class class)
{
	return http_skip(bytes.data, 0, bytes.len, class) == bytes.len;
}

static bool
is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

struct wps_span
http_trim(struct wps_span bytes)
{
	while (bytes.len > 0 && is_blank(bytes.data[bytes.len - 1]))
		bytes.len--;
	while (bytes.len > 0 && is_blank(bytes.data[0])) {
		bytes.data++;
		bytes.len--;
	}
	return bytes;
}

bool
http_is(struct wps_span bytes, const char *text)
{
	return strlen(text) == bytes.len &&
	    (bytes.len == 0 || strncasecmp(bytes.data, text, bytes.len) == 0);
}
