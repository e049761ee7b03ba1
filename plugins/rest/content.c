/* SPDX-License-Identifier: MIT */
/*
 * Content types and character sets. A payload leaves here as receivers get it:
 * text and JSON are UTF-8, and JSON keeps every byte of its spelling.
 */
#include "content.h"

#include "lib/jscan.h"
#include "lib/names.h"
#include "lib/utf8.h"

#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>

/* No character set here needs more room in UTF-8 than twice its own. */
#define GROWTH 2

struct charset {
	const char *name;
	const char *iconv_name; /* NULL: it is UTF-8 */
	bool marked;            /* a byte order mark may be in front */
};

static const struct charset charsets[] = {
	{ .name = "utf-8" }, /* the default */
	{ .name = "utf8" },
	{ .name = "us-ascii", .iconv_name = "ASCII" },
	{ .name = "ascii", .iconv_name = "ASCII" },
	{ .name = "iso-8859-1", .iconv_name = "ISO-8859-1" },
	{ .name = "latin1", .iconv_name = "ISO-8859-1" },
	{ .name = "utf-16", .iconv_name = "UTF-16LE", .marked = true },
	{ .name = "utf-16le", .iconv_name = "UTF-16LE" },
	{ .name = "utf-16be", .iconv_name = "UTF-16BE" },
};

static const struct {
	const char *name;
	enum wps_data type;
} media_types[] = {
	{ "application/json", WPS_DATA_JSON },
	{ "text/plain", WPS_DATA_TEXT },
	{ "application/octet-stream", WPS_DATA_BINARY },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool
refuse(struct error *error, enum error_code code, const char *message)
{
	*error = (struct error){
		.code = code,
		.target = code == ERROR_BAD_REQUEST ? "Request" : NULL,
		.message = message,
	};
	return false;
}

/* --- the header ---------------------------------------------------------- */

static struct wps_span
trim(struct wps_span text)
{
	while (text.len > 0 && (*text.data == ' ' || *text.data == '\t')) {
		text.data++;
		text.len--;
	}
	while (text.len > 0 && (text.data[text.len - 1] == ' ' ||
	    text.data[text.len - 1] == '\t'))
		text.len--;
	return text;
}

/* Cuts what stands before the next separator that is not quoted. */
static struct wps_span
cut(struct wps_span *rest, char separator)
{
	struct wps_span part = { rest->data, 0 };
	bool quoted = false;

	while (part.len < rest->len) {
		char c = rest->data[part.len];
		if (c == '"')
			quoted = !quoted;
		else if (quoted && c == '\\' && part.len + 1 < rest->len)
			part.len++;
		else if (!quoted && c == separator)
			break;
		part.len++;
	}
	size_t used = part.len < rest->len ? part.len + 1 : part.len;
	rest->data += used;
	rest->len -= used;
	return trim(part);
}

static struct wps_span
unquote(struct wps_span text)
{
	if (text.len >= 2 && text.data[0] == '"' &&
	    text.data[text.len - 1] == '"')
		return (struct wps_span){ text.data + 1, text.len - 2 };
	return text;
}

static const struct charset *
find_charset(struct wps_span name)
{
	for (size_t i = 0; i < COUNT(charsets); i++) {
		if (name_eq_nocase(name, wps_span_str(charsets[i].name)))
			return &charsets[i];
	}
	return NULL;
}

/* The character set that the parameters name; NULL when it is not known. */
static const struct charset *
read_charset(struct wps_span params)
{
	while (params.len > 0) {
		struct wps_span value = cut(&params, ';');
		struct wps_span name = cut(&value, '=');
		if (name_eq_nocase(name, WPS_SPAN("charset")))
			return find_charset(unquote(trim(value)));
	}
	return &charsets[0];
}

bool
content_read(struct wps_span header, struct content *out, struct error *error)
{
	header = trim(header);
	*out = (struct content){ .type = WPS_DATA_BINARY };
	if (header.len == 0)
		return true;

	struct wps_span name = cut(&header, ';');
	size_t i = 0;
	while (i < COUNT(media_types) &&
	    !name_eq_nocase(name, wps_span_str(media_types[i].name)))
		i++;
	if (i == COUNT(media_types))
		return refuse(error, ERROR_MEDIA_TYPE, "the content type must be "
		    "text/plain, application/json or application/octet-stream");
	out->type = media_types[i].type;
	if (out->type == WPS_DATA_BINARY)
		return true;
	out->charset = read_charset(header);
	return out->charset != NULL ||
	    refuse(error, ERROR_MEDIA_TYPE, "the charset is not known");
}

/* --- the body ------------------------------------------------------------ */

/* What iconv calls it; a byte order mark is cut off and decides. */
static const char *
iconv_name(const struct charset *charset, struct wps_span *body)
{
	const char *name = charset->iconv_name;

	if (!charset->marked || body->len < 2)
		return name;
	if (memcmp(body->data, "\xfe\xff", 2) == 0)
		name = "UTF-16BE";
	else if (memcmp(body->data, "\xff\xfe", 2) != 0)
		return name;
	body->data += 2;
	body->len -= 2;
	return name;
}

static bool
convert(const struct charset *charset, struct wps_span body,
    struct wps_span *payload, char **owned, struct error *error)
{
	iconv_t converter = iconv_open("UTF-8", iconv_name(charset, &body));
	if (converter == (iconv_t)-1)
		return refuse(error, ERROR_MEDIA_TYPE,
		    "the charset is not known");

	size_t left = GROWTH * body.len;
	*owned = malloc(left ? left : 1);
	char *from = (char *)(uintptr_t)body.data, *to = *owned;
	size_t rc = *owned == NULL || body.len == 0 ? 0 :
	    iconv(converter, &from, &body.len, &to, &left);
	iconv_close(converter);
	if (*owned == NULL)
		return refuse(error, ERROR_UNAVAILABLE,
		    "there is no memory for this request");
	*payload = (struct wps_span){ *owned, (size_t)(to - *owned) };
	return rc != (size_t)-1 || refuse(error, ERROR_BAD_REQUEST,
	    "the body is not text of its charset");
}

/* Null is no data: clients drop what has none (client-protocols.md, section 10.1). */
static bool
check_json(struct wps_span text, struct error *error)
{
	struct jscan_value value;

	if (jscan_text(text, &value) != WPS_OK)
		return refuse(error, ERROR_BAD_REQUEST,
		    "the body is not a JSON value");
	return value.kind != JSCAN_NULL ||
	    refuse(error, ERROR_BAD_REQUEST, "the body is null");
}

bool
content_payload(const struct content *content, struct wps_span body,
    struct wps_span *payload, char **owned, struct error *error)
{
	*owned = NULL;
	*payload = body.data ? body : WPS_SPAN("");
	if (content->type == WPS_DATA_BINARY)
		return true;
	if (content->charset->iconv_name) {
		if (!convert(content->charset, body, payload, owned, error))
			return false;
	} else if (!utf8_valid(*payload)) {
		return refuse(error, ERROR_BAD_REQUEST, "the body is not UTF-8");
	}
	return content->type == WPS_DATA_TEXT || check_json(*payload, error);
}
