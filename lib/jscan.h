/* SPDX-License-Identifier: MIT */
/*
 * A JSON scanner (RFC 8259) that builds nothing: values are slices of the text.
 *
 * It is iterative, checks all that it passes over, and keeps numbers as text, so
 * that 64-bit integers stay exact. Nesting is limited to JSCAN_DEPTH. The text
 * must be valid UTF-8; whoever receives it checks that once.
 *
 * An object is walked by its members, each validated as it is passed:
 *
 *	struct jscan scan;
 *	struct jscan_value key, value;
 *	int rc = jscan_begin_object(&scan, text);
 *	while (rc == WPS_OK && (rc = jscan_member(&scan, &key, &value)) == WPS_OK)
 *		use(key, value);
 *	// WPS_NOT_FOUND: the end, all was valid; WPS_EPROTO: malformed
 */
#ifndef LIB_JSCAN_H
#define LIB_JSCAN_H

#include <wps/abi.h>

#include <stdbool.h>
#include <stdint.h>

#define JSCAN_DEPTH 128

enum jscan_kind {
	JSCAN_NULL = 1,
	JSCAN_FALSE,
	JSCAN_TRUE,
	JSCAN_NUMBER,
	JSCAN_STRING,
	JSCAN_ARRAY,
	JSCAN_OBJECT,
};

struct jscan_value {
	enum jscan_kind kind;
	bool escaped;         /* a string with a backslash in it */
	struct wps_span raw;  /* as it stands, strings with their quotes,
				 no white space around */
};

struct jscan {
	const char *at, *end;
	bool first;
};

/* The one value of a text, white space around allowed: WPS_OK or WPS_EPROTO. */
int jscan_text(struct wps_span text, struct jscan_value *out);

/* Whether the text is one JSON value. */
bool jscan_valid(struct wps_span text);

/* Walks the object that a text is; WPS_EPROTO when it does not begin as one. */
int jscan_begin_object(struct jscan *scan, struct wps_span text);

/* WPS_OK; WPS_NOT_FOUND behind the last (and nothing but white space follows);
 * WPS_EPROTO when the text is malformed. */
int jscan_member(struct jscan *scan, struct jscan_value *key_out,
    struct jscan_value *value_out);

/* The same for arrays. */
int jscan_begin_array(struct jscan *scan, struct wps_span text);
int jscan_item(struct jscan *scan, struct jscan_value *value_out);

/* Whether a string value, unescaped, is this text. */
bool jscan_is(const struct jscan_value *string, const char *text);

/* The same without case of ASCII letters. */
bool jscan_is_nocase(const struct jscan_value *string, const char *text);

/*
 * Unescapes a string value into room for raw.len bytes. False when it holds a
 * surrogate without its other half: that is no text.
 */
bool jscan_unescape(char *dst, const struct jscan_value *string,
    size_t *len_out);

/* A number that is an integer of 0 .. 2^64-1, written with digits only. */
bool jscan_uint64(const struct jscan_value *value, uint64_t *out);

/* The length of the text as a JSON string, with quotes; and the writing of it.
 * Escaped are quote, backslash and control characters. Returns its end. */
size_t jscan_quoted_size(struct wps_span text);
char *jscan_quote(char *dst, struct wps_span text);

#endif
