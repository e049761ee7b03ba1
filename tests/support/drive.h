/* SPDX-License-Identifier: MIT */
/*
 * Feeds a reader of requests as a connection does: pieces come, and each is fed
 * until it is used up.
 */
#ifndef SUPPORT_DRIVE_H
#define SUPPORT_DRIVE_H

#include "net/httpreq.h"

#include <stdlib.h>

static const struct http_limits drive_limits = {
	.line = 64,
	.head = 256,
	.headers = 8,
	.body = 32,
};

#define WHOLE 0
#define BYTEWISE -1 /* else: cut there */

struct outcome {
	enum http_event event; /* the last one */
	unsigned heads;
	size_t used;
};

static inline size_t
piece_len(size_t at, size_t len, long cut)
{
	if (cut == BYTEWISE)
		return 1;
	if (cut > 0 && at < (size_t)cut)
		return (size_t)cut - at;
	return len - at;
}

static inline struct outcome
drive(struct http_reader *reader, struct wps_span input, long cut)
{
	struct outcome out = { .event = HTTP_MORE };
	size_t end = 0;

	while (out.event == HTTP_MORE && end < input.len) {
		end += piece_len(end, input.len, cut);
		do {
			/* A copy of its own: reading beyond it is found. */
			size_t len = end - out.used;
			char *copy = malloc(len ? len : 1);
			size_t used = 0;
			memcpy(copy, input.data + out.used, len);
			out.event = http_reader_feed(reader, copy, len, &used);
			out.heads += out.event == HTTP_HEAD;
			out.used += used;
			free(copy);
		} while (out.event == HTTP_HEAD);
	}
	return out;
}

#endif
