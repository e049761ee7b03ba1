/* SPDX-License-Identifier: MIT */
#include "net/httphead.h"

#include "net/httpbyte.h"

#include <http_parser.h>
#include <pthread.h>
#include <stdint.h>

struct parse {
	struct wps_span target;
	struct wps_header *headers;
	size_t count, cap;
	bool in_value; /* the last header has got its value */
	bool whole;
};

/* A piece of what may be given in several ones, each right behind the other. */
static void
join(struct wps_span *span, const char *at, size_t len)
{
	if (span->data == NULL)
		span->data = at;
	span->len += len;
}

static int
on_url(http_parser *parser, const char *at, size_t len)
{
	struct parse *parse = parser->data;

	join(&parse->target, at, len);
	return 0;
}

static int
on_field(http_parser *parser, const char *at, size_t len)
{
	struct parse *parse = parser->data;

	if (parse->count == 0 || parse->in_value) {
		if (parse->count == parse->cap)
			return -1;
		parse->headers[parse->count++] = (struct wps_header){ 0 };
		parse->in_value = false;
	}
	join(&parse->headers[parse->count - 1].name, at, len);
	return 0;
}

static int
on_value(http_parser *parser, const char *at, size_t len)
{
	struct parse *parse = parser->data;

	parse->in_value = true;
	join(&parse->headers[parse->count - 1].value, at, len);
	return 0;
}

static int
on_whole(http_parser *parser)
{
	struct parse *parse = parser->data;

	parse->whole = true;
	return 0;
}

/* The scan has limits of its own, which may be above http-parser's. */
static void
lift_limit(void)
{
	http_parser_set_max_header_size(UINT32_MAX);
}

bool
http_head_parse(struct wps_span rest, struct wps_span *target_out,
    struct wps_header *headers, size_t count)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static const struct http_parser_settings settings = {
		.on_url = on_url,
		.on_header_field = on_field,
		.on_header_value = on_value,
		.on_headers_complete = on_whole,
	};
	struct parse parse = { .headers = headers, .cap = count };
	http_parser parser;

	pthread_once(&once, lift_limit);
	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = &parse;
	/* It refuses methods that it does not know: it sees one that it does. */
	http_parser_execute(&parser, &settings, "GET", 3);
	http_parser_execute(&parser, &settings, rest.data, rest.len);
	if (HTTP_PARSER_ERRNO(&parser) != HPE_OK || !parse.whole ||
	    parse.count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		headers[i].value = http_trim(headers[i].value);
	*target_out = parse.target;
	return true;
}
