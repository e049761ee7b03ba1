/* SPDX-License-Identifier: MIT */
/*
 * Spans: borrowed bytes.
 *
 * A span never owns what it points to and is never assumed to end in a NUL.
 * A span with data == NULL means "absent"; one with len == 0 and data != NULL
 * means "present and empty". Whoever receives a span says how long it lives.
 *
 * What stands here is [any] and complete: it compiles into the plugin. A span
 * is an element of arrays, so it never grows.
 */
#ifndef WPS_SPAN_H
#define WPS_SPAN_H

#include <stddef.h>
#include <string.h>

struct wps_span {
	const char *data;
	size_t len;
};

/* The bytes of a string literal, which lives as long as the plugin. */
#ifdef __cplusplus
#define WPS_SPAN(literal) (wps_span{ (literal), sizeof(literal) - 1 })
#else
#define WPS_SPAN(literal) ((struct wps_span){ (literal), sizeof(literal) - 1 })
#endif

/* No bytes at all: absent. */
#ifdef __cplusplus
#define WPS_SPAN_NONE (wps_span{ NULL, 0 })
#else
#define WPS_SPAN_NONE ((struct wps_span){ NULL, 0 })
#endif

/* The bytes of a NUL-terminated string, borrowed from it; NULL gives the absent
 * span. */
static inline struct wps_span
wps_span_str(const char *text)
{
	struct wps_span span = { text, text ? strlen(text) : 0 };

	return span;
}

/* Whether two spans hold the same bytes; absent equals empty. */
static inline int
wps_span_eq(struct wps_span a, struct wps_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif
