/* SPDX-License-Identifier: MIT */
/*
 * Base64 (RFC 4648): the standard alphabet with padding, and the URL alphabet
 * without.
 */
#ifndef LIB_BASE64_H
#define LIB_BASE64_H

#include <wps/span.h>

#include <stdbool.h>

/* The length of the text for so many bytes, with padding. */
static inline size_t
base64_size(size_t len)
{
	return (len + 2) / 3 * 4;
}

/* Writes base64_size(bytes.len) characters, no NUL; returns their end. */
char *base64_encode(char *dst, struct wps_span bytes);

/*
 * Strict: padding must be there, unused bits zero, nothing else in between.
 * Room for text.len / 4 * 3 bytes; false when the text is not valid.
 */
bool base64_decode(char *dst, struct wps_span text, size_t *len_out);

/* Whether base64_decode would succeed; *len_out is what it would give. */
bool base64_valid(struct wps_span text, size_t *len_out);

/* The URL alphabet without padding: (len * 8 + 5) / 6 characters, no NUL. */
char *base64url_encode(char *dst, struct wps_span bytes);

/* Room for text.len * 3 / 4 + 1 bytes; padding is refused. */
bool base64url_decode(char *dst, struct wps_span text, size_t *len_out);

#endif
