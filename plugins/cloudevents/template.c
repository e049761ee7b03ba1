/* SPDX-License-Identifier: MIT */
/*
 * URL templates: see template.h. One walk over the pieces serves the check and
 * the expansion.
 */
#include "template.h"

#include "secret.h"

#include "lib/names.h"

#include <stdio.h>
#include <strings.h>

enum piece_kind {
	PIECE_TEXT = 1,
	PIECE_HUB,
	PIECE_EVENT,
	PIECE_ENV,
	PIECE_FILE,
	PIECE_UNKNOWN, /* a parameter that there is not, or a lone brace */
};

struct piece {
	enum piece_kind kind;
	struct wps_span text; /* with its braces */
};

static bool
begins_nocase(struct wps_span text, const char *with)
{
	size_t len = strlen(with);

	return text.len >= len && strncasecmp(text.data, with, len) == 0;
}

static struct piece
parameter(struct wps_span rest)
{
	const char *end = memchr(rest.data, '}', rest.len);
	struct piece piece = { .kind = PIECE_UNKNOWN, .text = rest };

	if (end == NULL)
		return piece;
	piece.text.len = (size_t)(end - rest.data) + 1;
	if (name_eq_nocase(piece.text, WPS_SPAN("{hub}")))
		piece.kind = PIECE_HUB;
	else if (name_eq_nocase(piece.text, WPS_SPAN("{event}")))
		piece.kind = PIECE_EVENT;
	else if (begins_nocase(piece.text, "{env:"))
		piece.kind = PIECE_ENV;
	else if (begins_nocase(piece.text, "{file:"))
		piece.kind = PIECE_FILE;
	return piece;
}

/* Cuts the first piece from the rest; false at the end. */
static bool
next_piece(struct wps_span *rest, struct piece *out)
{
	if (rest->len == 0)
		return false;
	if (rest->data[0] == '{') {
		*out = parameter(*rest);
	} else if (rest->data[0] == '}') {
		*out = (struct piece){ PIECE_UNKNOWN, { rest->data, 1 } };
	} else {
		size_t len = 0;
		while (len < rest->len && rest->data[len] != '{' &&
		    rest->data[len] != '}')
			len++;
		*out = (struct piece){ PIECE_TEXT, { rest->data, len } };
	}
	rest->data += out->text.len;
	rest->len -= out->text.len;
	return true;
}

static int
refuse(struct wps_err *err, const char *reason)
{
	snprintf(err->text, sizeof(err->text), "%s", reason);
	return WPS_EINVAL;
}

static int
check_parameters(struct wps_span rest, struct wps_err *err)
{
	struct piece piece;

	while (next_piece(&rest, &piece)) {
		if (piece.kind != PIECE_UNKNOWN)
			continue;
		if (begins_nocase(piece.text, "{@Microsoft.KeyVault"))
			return refuse(err, "references to a key vault are not "
			    "supported: use {env:NAME} or {file:PATH}");
		snprintf(err->text, sizeof(err->text),
		    "unknown parameter \"%.*s\": there are {hub}, {event}, "
		    "{env:NAME} and {file:PATH}; other braces are written %%7B and %%7D",
		    (int)(piece.text.len > 64 ? 64 : piece.text.len),
		    piece.text.data);
		return WPS_EINVAL;
	}
	return WPS_OK;
}

static int
check_host(struct wps_span host, struct wps_err *err)
{
	if (host.len == 0)
		return refuse(err, "the URL has no host");
	if (memchr(host.data, '{', host.len) || memchr(host.data, '}', host.len))
		return refuse(err, "parameters are not allowed in the host");
	if (memchr(host.data, '@', host.len))
		return refuse(err, "a user name in front of the host is not "
		    "supported");
	return WPS_OK;
}

int
template_check(struct wps_span url, struct wps_err *err)
{
	size_t start;

	if (begins_nocase(url, "http://"))
		start = strlen("http://");
	else if (begins_nocase(url, "https://"))
		start = strlen("https://");
	else
		return refuse(err, "the URL must begin with http:// or https://");

	for (size_t i = 0; i < url.len; i++) {
		if (url.data[i] <= ' ' || url.data[i] > '~')
			return refuse(err, "the URL has a byte that must be "
			    "percent-encoded");
		if (url.data[i] == '#')
			return refuse(err, "the URL must have no fragment");
	}
	struct wps_span rest = { url.data + start, url.len - start };
	size_t host_len = 0;
	while (host_len < rest.len && rest.data[host_len] != '/' &&
	    rest.data[host_len] != '?')
		host_len++;
	int rc = check_host((struct wps_span){ rest.data, host_len }, err);
	return rc != WPS_OK ? rc : check_parameters(rest, err);
}

/* What stands between the colon and the brace of {env:NAME}. */
static struct wps_span
argument(const struct piece *piece)
{
	const char *colon = memchr(piece->text.data, ':', piece->text.len);
	const char *end = piece->text.data + piece->text.len - 1;

	return (struct wps_span){ colon + 1, (size_t)(end - colon - 1) };
}

static int
add_secret(struct text *out, const struct piece *piece, struct wps_err *err)
{
	struct text value = { .data = NULL };
	int rc = piece->kind == PIECE_ENV ?
	    secret_variable(argument(piece), &value, err) :
	    secret_file(argument(piece), &value, err);

	if (rc == WPS_OK)
		text_add_escaped(out, text_span(&value));
	out->failed |= value.failed;
	text_free(&value);
	return rc;
}

int
template_resolve(struct wps_span url, struct text *out, struct wps_err *err)
{
	struct piece piece;

	while (next_piece(&url, &piece)) {
		int rc = WPS_OK;
		switch (piece.kind) {
		case PIECE_ENV:
		case PIECE_FILE:
			rc = add_secret(out, &piece, err);
			break;
		case PIECE_HUB:
		case PIECE_EVENT:
		case PIECE_TEXT:
		case PIECE_UNKNOWN:
			text_add(out, piece.text);
			break;
		}
		if (rc != WPS_OK)
			return rc;
	}
	return out->failed ? WPS_ENOMEM : WPS_OK;
}

static int
add_value(struct text *out, struct wps_span value)
{
	if (wps_span_eq(value, WPS_SPAN(".")) || wps_span_eq(value, WPS_SPAN("..")))
		return WPS_EINVAL;
	text_add_escaped(out, value);
	return WPS_OK;
}

int
template_expand(struct wps_span url, struct wps_span hub,
    struct wps_span event, struct text *out)
{
	struct piece piece;

	while (next_piece(&url, &piece)) {
		int rc = WPS_OK;
		switch (piece.kind) {
		case PIECE_HUB:
			rc = add_value(out, hub);
			break;
		case PIECE_EVENT:
			rc = add_value(out, event);
			break;
		case PIECE_ENV:
		case PIECE_FILE:
		case PIECE_TEXT:
		case PIECE_UNKNOWN:
			text_add(out, piece.text);
			break;
		}
		if (rc != WPS_OK)
			return rc;
	}
	text_add_char(out, '\0');
	return out->failed ? WPS_ENOMEM : WPS_OK;
}

struct wps_span
url_origin(struct wps_span url)
{
	const char *slashes = memmem(url.data, url.len, "//", 2);
	size_t len = slashes ? (size_t)(slashes - url.data) + 2 : 0;

	while (len < url.len && url.data[len] != '/' && url.data[len] != '?')
		len++;
	url.len = len;
	return url;
}

struct wps_span
url_without_query(struct wps_span url)
{
	const char *query = url.len ? memchr(url.data, '?', url.len) : NULL;

	if (query)
		url.len = (size_t)(query - url.data);
	return url;
}
