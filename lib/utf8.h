/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include <wps/span.h>

#include <stdbool.h>
#include <stdint.h>

/* Text that comes in pieces. A zeroed one has seen nothing. */
struct utf8_state {
	uint8_t left;     /* continuation bytes that are still to come */
	uint8_t low, high; /* what the next one may be */
};

/* False as soon as no continuation could make the text valid, and from then on. */
bool utf8_feed(struct utf8_state *state, struct wps_span bytes);

/* Whether what was fed ends at the border of a character. */
bool utf8_done(const struct utf8_state *state);

bool utf8_valid(struct wps_span bytes);

/* The length of the longest start of a valid text that has at most `max`
 * bytes and ends at the border of a character. */
size_t utf8_cut(struct wps_span text, size_t max);

/* How many UTF-16 units a valid text has. */
size_t utf8_units(struct wps_span text);

/* Reads the code point at `at` in a valid text; returns its end. */
const char *utf8_get(const char *at, uint32_t *code_out);

/* Whether a code point is white space as Unicode has it. */
bool utf8_is_blank(uint32_t code);

/* Writes one code point (at most 4 bytes); returns its end. */
char *utf8_put(char *dst, uint32_t code);

#endif
