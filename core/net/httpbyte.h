/* SPDX-License-Identifier: MIT */
/*
 * The classes of bytes that HTTP's grammar is made of (RFC 9110, section 5.6;
 * RFC 3986, section 2).
 */
#ifndef NET_HTTPBYTE_H
#define NET_HTTPBYTE_H

#include <wps/span.h>

#include <stdbool.h>
#include <stdint.h>

enum http_class {
	HTTP_TOKEN = 1,  /* methods and names of headers */
	HTTP_TARGET = 2, /* visible, no fragment; bytes above 127 pass */
	HTTP_VALUE = 4,  /* visible, blank and tab; bytes above 127 pass */
	HTTP_HOST = 8,   /* a host and its port */
};

extern const uint8_t http_ascii[128];

static inline bool
http_byte_is(char byte, enum http_class class)
{
	unsigned char c = (unsigned char)byte;

	if (c > 127)
		return (class & (HTTP_TARGET | HTTP_VALUE)) != 0;
	return (http_ascii[c] & class) != 0;
}

/* Whether all bytes are of the class; true of none. */
bool http_bytes_are(struct wps_span bytes, enum http_class class);

/* Where the first byte that is not of the class stands, from `at` to `end`. */
size_t http_skip(const char *bytes, size_t at, size_t end,
    enum http_class class);

/* Without blanks and tabs at both ends. */
struct wps_span http_trim(struct wps_span bytes);

/* Whether it is that text, but for the case of ASCII letters. */
bool http_is(struct wps_span bytes, const char *text);

#endif
