/* SPDX-License-Identifier: MIT */
#include "net/target.h"

#include "net/httpbyte.h"
#include "util/attr.h"

/* The length of "http://" or "https://" in front; 0: neither. */
static size_t
scheme_len(struct wps_span text)
{
	static const struct wps_span schemes[] = {
		{ "http://", 7 },
		{ "https://", 8 },
	};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		struct wps_span front = { text.data, schemes[i].len };
		if (text.len >= front.len && http_is(front, schemes[i].data))
			return front.len;
	}
	return 0;
}

/* Takes scheme and authority off. */
static bool
cut_authority(struct target *target)
{
	size_t skip = scheme_len(target->text);
	const char *data = target->text.data + skip;
	size_t left = target->text.len - skip;
	size_t len = 0;

	while (len < left && data[len] != '/' && data[len] != '?')
		len++;
	target->authority = (struct wps_span){ data, len };
	target->text = (struct wps_span){ data + len, left - len };
	return skip > 0 && len > 0 &&
	    http_bytes_are(target->authority, HTTP_HOST);
}

static void
cut_query(struct target *target)
{
	struct wps_span text = target->text;
	const char *mark = text.len ? memchr(text.data, '?', text.len) : NULL;

	target->path = text;
	if (mark) {
		target->path.len = (size_t)(mark - text.data);
		target->query.data = mark + 1;
		target->query.len = text.len - target->path.len - 1;
	}
	if (target->path.len == 0)
		target->path = WPS_SPAN("/");
}

bool
target_parse(struct target *target, struct wps_span text, bool asterisk)
{
	*target = (struct target){ .text = text };
	if (wps_span_eq(text, WPS_SPAN("*"))) {
		target->path = text;
		return asterisk;
	}
	if (text.len == 0)
		return false;
	if (text.data[0] != '/' && !cut_authority(target))
		return false;
	if (target->text.len == 0)
		target->text = WPS_SPAN("/");
	cut_query(target);
	return true;
}
