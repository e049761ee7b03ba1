/* SPDX-License-Identifier: MIT */
/*
 * Percent-encoding (RFC 3986) and query strings.
 */
#ifndef LIB_PCT_H
#define LIB_PCT_H

#include <wps/span.h>

#include <stdbool.h>

/* Letters, digits, and - . _ ~ */
bool pct_is_unreserved(char c);

/* The value of a hexadecimal digit; -1 when it is none. */
int pct_hex_digit(char c);

/* The byte of two hexadecimal digits; -1 when they are none. */
int pct_hex_byte(const char *digits);

/*
 * Decodes a path segment into room for text.len bytes; `dst` may be text.data.
 * False when a % is not followed by two hexadecimal digits.
 */
bool pct_decode(char *dst, struct wps_span text, size_t *len_out);

/* The same for a part of a query, where + is a blank. */
bool pct_decode_query(char *dst, struct wps_span text, size_t *len_out);

/* Encodes as one path segment into room for 3 * text.len bytes; returns its end. */
char *pct_encode(char *dst, struct wps_span text);

/*
 * Cuts the next parameter from a raw query ("a=b&c"); false at the end. Both
 * stay encoded; one without = has an empty value. Empty parts are skipped.
 */
bool query_next(struct wps_span *rest, struct wps_span *name_out,
    struct wps_span *value_out);

#endif
