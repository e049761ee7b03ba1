/* SPDX-License-Identifier: MIT */
/*
 * A text that grows, for answers in JSON. When memory is not to be had it is
 * marked as failed and takes nothing any more.
 */
#ifndef REST_TEXT_H
#define REST_TEXT_H

#include <wps/span.h>

#include <stdbool.h>
#include <stdint.h>

struct text {
	char *data; /* owned; NULL while empty */
	size_t len, cap;
	bool failed;
};

/* Makes room, so that so many bytes can be put without failing. */
void text_reserve(struct text *text, size_t len);

void text_put(struct text *text, struct wps_span bytes);
void text_put_str(struct text *text, const char *bytes);
void text_put_number(struct text *text, uint64_t number);

/* As a JSON string; an absent one is null. */
void text_put_quoted(struct text *text, struct wps_span bytes);

/* Percent-encoded. */
void text_put_encoded(struct text *text, struct wps_span bytes);

/* Leaves it empty. */
void text_fini(struct text *text);

static inline struct wps_span
text_span(const struct text *text)
{
	return (struct wps_span){ text->data, text->len };
}

#endif
