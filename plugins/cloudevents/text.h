/* SPDX-License-Identifier: MIT */
/*
 * Growing text, and the two kinds of allocation.
 *
 * A text that could not grow stays failed: its users build the whole of it and
 * look once, at the end. What is small is had or the process ends (must_calloc);
 * what is sized by input may fail.
 */
#ifndef CLOUDEVENTS_TEXT_H
#define CLOUDEVENTS_TEXT_H

#include <wps/abi.h>

struct text {
	char *data; /* owned; no NUL at its end unless one was added */
	size_t len, cap;
	bool failed;
};

void text_add(struct text *text, struct wps_span bytes);
void text_add_char(struct text *text, char c);
void text_add_hex(struct text *text, char byte, const char *digits);
void text_add_number(struct text *text, uint64_t number); /* decimal */
void text_add_escaped(struct text *text, struct wps_span value); /* as in URLs */
void text_printf(struct text *text, const char *format, ...) WPS_PRINTF(2, 3);
void text_free(struct text *text); /* twice is harmless */
void text_clear(struct text *text); /* the same, without a trace in memory */

static inline struct wps_span
text_span(const struct text *text)
{
	return (struct wps_span){ text->data ? text->data : "", text->len };
}

void *must_calloc(size_t count, size_t size);

/* Whether two spans are equal but for the case of ASCII letters. */
bool span_eq_nocase(struct wps_span a, struct wps_span b);

/* Whether it may be the name of a header, or a part of one (RFC 9110, 5.6.2). */
bool span_is_token(struct wps_span text);

/* The span without blanks and tabs at its ends. */
struct wps_span span_trim(struct wps_span span);

/*
 * Cuts the next item from a list that is separated by `separator`; false when
 * nothing is left. Start with *rest as the whole list.
 */
bool span_next(struct wps_span *rest, char separator, struct wps_span *item_out);

#endif
