/* SPDX-License-Identifier: MIT */
/*
 * Reading one HTTP/1.1 request (RFC 9112) from bytes.
 *
 * A raw scan of the head passes before http-parser sees it (httpscan.h), and
 * chunk framing is decoded here (chunk.h): Debian's http-parser is built without
 * strictness, and its callbacks cannot see what it lets pass. A reader holds no
 * socket and is fed in any pieces; it keeps head and body in one buffer each.
 */
#ifndef NET_HTTPREQ_H
#define NET_HTTPREQ_H

#include <wps/handshake.h>

#include <stdbool.h>
#include <stdint.h>

struct http_limits {
	size_t line;        /* bytes of the request line, with its end */
	size_t head;        /* bytes of all header lines, with the empty one */
	unsigned headers;   /* how many of them */
	size_t body;        /* bytes of a decoded body */
};

enum http_method {
	HTTP_METHOD_OTHER = 0,
	HTTP_METHOD_GET,
	HTTP_METHOD_HEAD,
	HTTP_METHOD_POST,
	HTTP_METHOD_PUT,
	HTTP_METHOD_DELETE,
	HTTP_METHOD_OPTIONS,
};

/* Spans live until the reader is reset. */
struct http_request {
	enum http_method method;
	struct wps_span method_text;
	/* As it stands; an absolute form without scheme and authority. */
	struct wps_span target;
	struct wps_span path;   /* of the target, still encoded; never empty */
	struct wps_span query;  /* behind the ?; absent without one */
	struct wps_span host;   /* the Host header; of an absolute form its authority */
	const struct wps_header *headers; /* values trimmed */
	size_t header_count;
	struct wps_span body;   /* decoded; whole at HTTP_DONE */
	uint64_t content_length;
	bool chunked;
	bool keep_alive;        /* by version and Connection */
	bool expect_continue;   /* HTTP/1.1 and a body is to come */
	bool upgrade;           /* Upgrade lists websocket, Connection lists upgrade */
};

enum http_event {
	HTTP_MORE = 1, /* all was used, more is needed */
	HTTP_HEAD,     /* the head is whole (body empty so far); feed on */
	HTTP_DONE,     /* the request is whole */
	HTTP_BAD,      /* refuse it: http_reader_status; no byte can be trusted any more */
};

struct http_reader;

/* The limits outlive the reader. */
struct http_reader *http_reader_new(const struct http_limits *limits);
void http_reader_free(struct http_reader **reader);

/* For the next request; buffers that grew large are given back. */
void http_reader_reset(struct http_reader *reader);

/*
 * Feeds bytes; *used_out of them belong to this request. After HTTP_HEAD it is
 * called again with the rest (also when nothing is left: a request without body
 * is done then). Limits are checked before memory is taken.
 */
enum http_event http_reader_feed(struct http_reader *reader, const char *data,
    size_t len, size_t *used_out);

/*
 * From HTTP_HEAD on: takes a base path ("/push") off the front of the path. False:
 * the path is not below it, and stays as it is.
 */
bool http_reader_strip(struct http_reader *reader, struct wps_span base);

/* Of HTTP_BAD: 400, 413, 414, 417, 431, 501, 503, 505; 0 while nothing is wrong. */
int http_reader_status(const struct http_reader *reader);

/* A short constant text. */
const char *http_reader_reason(const struct http_reader *reader);

/* Valid from HTTP_HEAD on; before (a bad head) a zeroed one. */
const struct http_request *http_reader_request(const struct http_reader *reader);

/* The value of the first header of that name (without case); absent. */
struct wps_span http_header_find(const struct http_request *request,
    const char *name);

/* Whether a comma list of tokens holds this one (without case). */
bool http_list_has(struct wps_span list, const char *token);

#endif
