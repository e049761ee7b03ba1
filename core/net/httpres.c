/* SPDX-License-Identifier: MIT */
#include "net/httpres.h"

#include "net/httpbyte.h"
#include "util/attr.h"

#include <stdint.h>

/* Counts what is put into it, and keeps what there is room for. */
struct text {
	char *data;
	size_t len, cap;
};

static void
put(struct text *text, struct wps_span bytes)
{
	if (bytes.len > 0 && text->len < text->cap &&
	    bytes.len <= text->cap - text->len)
		memcpy(text->data + text->len, bytes.data, bytes.len);
	text->len += bytes.len;
}

static void
put_number(struct text *text, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	put(text, (struct wps_span){ digits + at, sizeof(digits) - at });
}

static void
put_header(struct text *text, struct wps_span name, struct wps_span value)
{
	put(text, name);
	put(text, WPS_SPAN(": "));
	put(text, value);
	put(text, WPS_SPAN("\r\n"));
}

/* RFC 9110, section 15; the phrase may be empty. */
static const char *
phrase_of(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{ 100, "Continue" },
		{ 101, "Switching Protocols" },
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 402, "Payment Required" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 411, "Length Required" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 426, "Upgrade Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "";
}

/* Headers that frame the message are written here and by nobody else. */
static bool
is_ours(struct wps_span name)
{
	return http_is(name, "Content-Length") ||
	    http_is(name, "Transfer-Encoding") || http_is(name, "Date");
}

static bool
may_be_sent(const struct wps_header *header)
{
	return header->name.len > 0 &&
	    http_bytes_are(header->name, HTTP_TOKEN) &&
	    http_bytes_are(header->value, HTTP_VALUE) &&
	    !is_ours(header->name);
}

static void
put_status_line(struct text *text, int status)
{
	put(text, WPS_SPAN("HTTP/1.1 "));
	put_number(text, (uint64_t)status);
	put(text, WPS_SPAN(" "));
	put(text, wps_span_str(phrase_of(status)));
	put(text, WPS_SPAN("\r\n"));
}

bool
http_status_has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

size_t
http_format_head(char *dst, size_t cap, int status,
    const struct wps_header *headers, size_t count, size_t body_len, bool keep,
    const char *date)
{
	struct text text = { .data = dst, .cap = cap };

	put_status_line(&text, status);
	put_header(&text, WPS_SPAN("Date"), wps_span_str(date));
	for (size_t i = 0; i < count; i++) {
		if (may_be_sent(&headers[i]))
			put_header(&text, headers[i].name, headers[i].value);
	}
	if (http_status_has_body(status)) {
		put(&text, WPS_SPAN("Content-Length: "));
		put_number(&text, body_len);
		put(&text, WPS_SPAN("\r\n"));
	}
	if (!keep)
		put_header(&text, WPS_SPAN("Connection"), WPS_SPAN("close"));
	put(&text, WPS_SPAN("\r\n"));
	return text.len;
}
