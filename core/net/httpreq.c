/* SPDX-License-Identifier: MIT */
#include "net/httpreq.h"

#include "net/chunk.h"
#include "net/httpbyte.h"
#include "net/httphead.h"
#include "net/httpscan.h"
#include "net/target.h"
#include "util/alloc.h"
#include "util/attr.h"

#include <stdlib.h>

#define BUFFER_MIN 4096         /* bytes that a buffer begins with */
#define HEADERS_MIN 32
#define BUFFER_KEPT (16 * 1024) /* a larger one does not outlive its request */

enum reader_state {
	READER_HEAD = 1,
	READER_BODY,
	READER_CHUNKS,
	READER_DONE,
	READER_BAD,
};

struct buffer {
	char *data; /* owned */
	size_t len, cap;
};

struct http_reader {
	const struct http_limits *limits; /* borrowed */
	enum reader_state state;
	struct http_scan scan;
	struct chunk chunk;
	struct buffer head, body;
	struct wps_header *headers; /* owned */
	size_t headers_cap;
	struct http_request request; /* zeroed until the head is whole */
	int status;
	const char *reason;
};

/* --- buffers -------------------------------------------------------------- */

/* Room for `more` bytes, which have passed a limit; false: no memory for them. */
static bool
buffer_reserve(struct buffer *buffer, size_t more)
{
	size_t need = buffer->len + more;

	if (need <= buffer->cap)
		return true;
	if (need < BUFFER_MIN)
		need = BUFFER_MIN;
	char *data = realloc(buffer->data, need);
	if (data == NULL)
		return false;
	buffer->data = data;
	buffer->cap = need;
	return true;
}

/* The same where more may follow: doubles it, but to no more than `max`. */
static bool
buffer_grow(struct buffer *buffer, size_t more, size_t max)
{
	size_t cap = 2 * buffer->cap < max ? 2 * buffer->cap : max;

	if (buffer->len + more <= buffer->cap)
		return true;
	if (cap > buffer->len + more)
		more = cap - buffer->len;
	return buffer_reserve(buffer, more);
}

static void
buffer_add(struct buffer *buffer, struct wps_span bytes)
{
	memcpy(buffer->data + buffer->len, bytes.data, bytes.len);
	buffer->len += bytes.len;
}

static void
buffer_reset(struct buffer *buffer)
{
	buffer->len = 0;
	if (buffer->cap <= BUFFER_KEPT)
		return;
	free(buffer->data);
	*buffer = (struct buffer){ 0 };
}

/* --- life ----------------------------------------------------------------- */

static void
begin(struct http_reader *reader)
{
	reader->state = READER_HEAD;
	reader->request = (struct http_request){ 0 };
	reader->status = 0;
	reader->reason = "";
	http_scan_init(&reader->scan, reader->limits);
}

struct http_reader *
http_reader_new(const struct http_limits *limits)
{
	struct http_reader *reader = xcalloc(1, sizeof(*reader));

	reader->limits = limits;
	begin(reader);
	return reader;
}

void
http_reader_free(struct http_reader **reader)
{
	struct http_reader *r = *reader;

	if (r == NULL)
		return;
	free(r->head.data);
	free(r->body.data);
	free(r->headers);
	free(r);
	*reader = NULL;
}

void
http_reader_reset(struct http_reader *reader)
{
	buffer_reset(&reader->head);
	buffer_reset(&reader->body);
	if (reader->headers_cap * sizeof(*reader->headers) > BUFFER_KEPT) {
		free(reader->headers);
		reader->headers = NULL;
		reader->headers_cap = 0;
	}
	begin(reader);
}

/* --- what the headers mean ------------------------------------------------ */

static bool
refuse(struct http_reader *reader, int status, const char *reason)
{
	reader->state = READER_BAD;
	reader->status = status;
	reader->reason = reason;
	return false;
}

/* What is gathered from headers before it is judged. */
struct wishes {
	struct wps_span host;
	bool close, keep_alive; /* Connection lists them */
	bool upgrade;           /* Connection lists it */
	bool websocket;         /* Upgrade lists it */
	bool expect_continue, expect_other;
};

static void
note_host(struct wishes *wishes, struct wps_span value)
{
	wishes->host = value;
}

static void
note_connection(struct wishes *wishes, struct wps_span value)
{
	wishes->close |= http_list_has(value, "close");
	wishes->keep_alive |= http_list_has(value, "keep-alive");
	wishes->upgrade |= http_list_has(value, "upgrade");
}

static void
note_upgrade(struct wishes *wishes, struct wps_span value)
{
	wishes->websocket |= http_list_has(value, "websocket");
}

static void
note_expect(struct wishes *wishes, struct wps_span value)
{
	if (http_is(value, "100-continue"))
		wishes->expect_continue = true;
	else
		wishes->expect_other = true;
}

static const struct {
	const char *name;
	void (*note)(struct wishes *wishes, struct wps_span value);
} notes[] = {
	{ "Host", note_host },
	{ "Connection", note_connection },
	{ "Upgrade", note_upgrade },
	{ "Expect", note_expect },
};

static struct wishes
gather_wishes(const struct wps_header *headers, size_t count)
{
	struct wishes wishes = { 0 };

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < ARRAY_LEN(notes); j++) {
			if (http_is(headers[i].name, notes[j].name))
				notes[j].note(&wishes, headers[i].value);
		}
	}
	return wishes;
}

/* --- the head ------------------------------------------------------------- */

static enum http_method
method_of(struct wps_span text)
{
	static const struct {
		struct wps_span text;
		enum http_method method;
	} methods[] = {
		{ { "GET", 3 }, HTTP_METHOD_GET },
		{ { "HEAD", 4 }, HTTP_METHOD_HEAD },
		{ { "POST", 4 }, HTTP_METHOD_POST },
		{ { "PUT", 3 }, HTTP_METHOD_PUT },
		{ { "DELETE", 6 }, HTTP_METHOD_DELETE },
		{ { "OPTIONS", 7 }, HTTP_METHOD_OPTIONS },
	};

	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		if (wps_span_eq(text, methods[i].text))
			return methods[i].method;
	}
	return HTTP_METHOD_OTHER;
}

/* Room for the headers that the scan has counted; false: no memory for it. */
static bool
reserve_headers(struct http_reader *reader)
{
	size_t count = reader->scan.headers;

	if (count <= reader->headers_cap)
		return true;
	if (count < HEADERS_MIN)
		count = HEADERS_MIN;
	struct wps_header *headers = realloc(reader->headers,
	    count * sizeof(*headers));
	if (headers == NULL)
		return false;
	reader->headers = headers;
	reader->headers_cap = count;
	return true;
}

static bool
take_target(struct http_reader *reader, struct http_request *request,
    struct wps_span text)
{
	struct target target;

	if (!target_parse(&target, text,
	    request->method == HTTP_METHOD_OPTIONS))
		return refuse(reader, 400, "target is not valid");
	request->target = target.text;
	request->path = target.path;
	request->query = target.query;
	request->host = target.authority;
	return true;
}

/* RFC 9112, section 9.3; RFC 9110, sections 7.8 and 10.1.1. */
static bool
take_wishes(struct http_reader *reader, struct http_request *request)
{
	struct wishes wishes = gather_wishes(request->headers,
	    request->header_count);
	bool modern = reader->scan.minor > 0;

	if (wishes.expect_other)
		return refuse(reader, 417, "expectation not known");
	if (request->host.data == NULL)
		request->host = wishes.host;
	request->keep_alive = !wishes.close && (modern || wishes.keep_alive);
	request->upgrade = modern && wishes.upgrade && wishes.websocket;
	request->expect_continue = modern && wishes.expect_continue &&
	    (request->chunked || request->content_length > 0);
	return true;
}

static bool
take_length(struct http_reader *reader, struct http_request *request)
{
	request->content_length = reader->scan.length;
	request->chunked = reader->scan.chunked;
	if (request->content_length > reader->limits->body)
		return refuse(reader, 413, "body too large");
	return true;
}

static bool
take_head(struct http_reader *reader, struct http_request *request)
{
	const struct http_scan *scan = &reader->scan;
	const char *head = reader->head.data;
	size_t method_end = scan->method.at + scan->method.len;
	struct wps_span rest = { head + method_end,
		reader->head.len - method_end };
	struct wps_span target;

	/* First: http-parser has no number for a length that is far too large. */
	if (!take_length(reader, request))
		return false;
	if (!reserve_headers(reader))
		return refuse(reader, 503, "out of memory");
	if (!http_head_parse(rest, &target, reader->headers, scan->headers))
		return refuse(reader, 400, "head is not valid");
	request->method_text = (struct wps_span){ head + scan->method.at,
		scan->method.len };
	request->method = method_of(request->method_text);
	request->headers = reader->headers;
	request->header_count = scan->headers;
	return take_target(reader, request, target) &&
	    take_wishes(reader, request);
}

/* The scan is content: the request, and where its body will go. */
static bool
end_head(struct http_reader *reader)
{
	struct http_request request = { 0 };

	if (!take_head(reader, &request))
		return false;
	reader->request = request;
	if (request.chunked) {
		reader->state = READER_CHUNKS;
		chunk_init(&reader->chunk, reader->limits->body);
	} else {
		reader->state = READER_BODY;
	}
	return true;
}

/* Up to the end of a line: what stands behind the head is not copied. */
static size_t
next_piece(const struct http_reader *reader, struct wps_span bytes)
{
	size_t room = http_scan_max(reader->limits) - reader->head.len;
	const char *lf = memchr(bytes.data, '\n', bytes.len);
	size_t len = lf ? (size_t)(lf - bytes.data) + 1 : bytes.len;

	return len < room ? len : room;
}

static enum http_event
feed_head(struct http_reader *reader, struct wps_span *bytes)
{
	while (bytes->len > 0) {
		struct wps_span piece = { bytes->data,
			next_piece(reader, *bytes) };
		if (!buffer_grow(&reader->head, piece.len,
		    http_scan_max(reader->limits))) {
			refuse(reader, 503, "out of memory");
			return HTTP_BAD;
		}
		buffer_add(&reader->head, piece);
		bytes->data += piece.len;
		bytes->len -= piece.len;
		switch (http_scan_run(&reader->scan, reader->head.data,
		    reader->head.len)) {
		case SCAN_MORE:
			break;
		case SCAN_WHOLE:
			return end_head(reader) ? HTTP_HEAD : HTTP_BAD;
		case SCAN_BAD:
			refuse(reader, reader->scan.status,
			    reader->scan.reason);
			return HTTP_BAD;
		}
	}
	return HTTP_MORE;
}

/* --- the body ------------------------------------------------------------- */

static enum http_event
end_body(struct http_reader *reader)
{
	reader->state = READER_DONE;
	reader->request.body = (struct wps_span){
		reader->body.data ? reader->body.data : "", reader->body.len,
	};
	return HTTP_DONE;
}

static enum http_event
feed_body(struct http_reader *reader, struct wps_span *bytes)
{
	size_t left = (size_t)reader->request.content_length -
	    reader->body.len;
	struct wps_span piece = { bytes->data,
		bytes->len < left ? bytes->len : left };

	if (piece.len > 0) {
		if (!buffer_reserve(&reader->body, left)) {
			refuse(reader, 503, "out of memory");
			return HTTP_BAD;
		}
		buffer_add(&reader->body, piece);
		bytes->data += piece.len;
		bytes->len -= piece.len;
	}
	return piece.len == left ? end_body(reader) : HTTP_MORE;
}

static enum http_event
feed_chunks(struct http_reader *reader, struct wps_span *bytes)
{
	for (;;) {
		struct wps_span piece;
		switch (chunk_next(&reader->chunk, bytes, &piece)) {
		case CHUNK_MORE:
			return HTTP_MORE;
		case CHUNK_PIECE:
			if (!buffer_grow(&reader->body, piece.len,
			    reader->limits->body)) {
				refuse(reader, 503, "out of memory");
				return HTTP_BAD;
			}
			buffer_add(&reader->body, piece);
			continue;
		case CHUNK_DONE:
			return end_body(reader);
		case CHUNK_LARGE:
			refuse(reader, 413, "body too large");
			return HTTP_BAD;
		case CHUNK_BAD:
			refuse(reader, 400, reader->chunk.reason);
			return HTTP_BAD;
		}
	}
}

/* --- the whole ------------------------------------------------------------ */

static enum http_event
feed(struct http_reader *reader, struct wps_span *bytes)
{
	switch (reader->state) {
	case READER_HEAD:
		return feed_head(reader, bytes);
	case READER_BODY:
		return feed_body(reader, bytes);
	case READER_CHUNKS:
		return feed_chunks(reader, bytes);
	case READER_DONE:
		return HTTP_DONE;
	case READER_BAD:
		break;
	}
	return HTTP_BAD;
}

enum http_event
http_reader_feed(struct http_reader *reader, const char *data, size_t len,
    size_t *used_out)
{
	struct wps_span bytes = { data, len };
	enum http_event event = feed(reader, &bytes);

	*used_out = len - bytes.len;
	return event;
}

int
http_reader_status(const struct http_reader *reader)
{
	return reader->status;
}

const char *
http_reader_reason(const struct http_reader *reader)
{
	return reader->reason;
}

const struct http_request *
http_reader_request(const struct http_reader *reader)
{
	return &reader->request;
}

/* --- helpers for who reads a request -------------------------------------- */

bool
http_reader_strip(struct http_reader *reader, struct wps_span base)
{
	struct wps_span *path = &reader->request.path;

	if (base.len == 0)
		return true;
	if (path->len < base.len ||
	    memcmp(path->data, base.data, base.len) != 0 ||
	    (path->len > base.len && path->data[base.len] != '/'))
		return false;
	path->data += base.len;
	path->len -= base.len;
	if (path->len == 0)
		*path = WPS_SPAN("/");
	return true;
}

struct wps_span
http_header_find(const struct http_request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++) {
		if (http_is(request->headers[i].name, name))
			return request->headers[i].value;
	}
	return WPS_SPAN_NONE;
}

bool
http_list_has(struct wps_span list, const char *token)
{
	while (list.len > 0) {
		const char *comma = memchr(list.data, ',', list.len);
		size_t len = comma ? (size_t)(comma - list.data) : list.len;
		if (http_is(http_trim((struct wps_span){ list.data, len }),
		    token))
			return true;
		len += comma != NULL;
		list.data += len;
		list.len -= len;
	}
	return false;
}
