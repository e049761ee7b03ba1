/* SPDX-License-Identifier: MIT */
/*
 * The raw scan of a request's head, before a parser that is less strict sees it.
 *
 * Lines end in CRLF and nothing else, names are tokens with the colon right
 * behind them, no line is folded, values hold no control bytes, and the length
 * of the body is told once: by one Content-Length or by `chunked`. Each byte is
 * looked at once, however the head comes in, and what is refused does not depend
 * on that either.
 */
#ifndef NET_HTTPSCAN_H
#define NET_HTTPSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_limits;

enum scan_state {
	SCAN_START = 1,
	SCAN_START_LF, /* an empty line in front of the request */
	SCAN_METHOD,
	SCAN_TARGET,
	SCAN_VERSION,
	SCAN_LINE_LF,
	SCAN_FIELD, /* at the begin of a header line, or of the empty one */
	SCAN_NAME,
	SCAN_VALUE,
	SCAN_VALUE_LF,
	SCAN_END_LF,
};

enum scan_event {
	SCAN_MORE = 1,
	SCAN_WHOLE, /* the head ends at `at` */
	SCAN_BAD,   /* see `status` and `reason` */
};

/* A part of the head, by its place: the head may still move in memory. */
struct scan_part {
	size_t at, len;
};

struct http_scan {
	const struct http_limits *limits; /* borrowed */
	enum scan_state state;
	size_t at;       /* bytes that are scanned */
	size_t start;    /* where the request line begins */
	size_t fields_at; /* where the header lines begin */
	struct scan_part method, target;
	struct scan_part version; /* of the protocol, as text */
	struct scan_part name, value; /* of the header line at hand */
	unsigned headers;
	unsigned minor;  /* of the version: 0 or 1 */
	bool has_host;
	bool has_length;
	bool chunked;
	uint64_t length; /* of the body; UINT64_MAX stands for all above, too */
	int status;
	const char *reason; /* constant */
};

void http_scan_init(struct http_scan *scan, const struct http_limits *limits);

/*
 * Goes on with a head that has grown to `len` bytes; bytes behind its end are
 * not looked at. SCAN_BAD is for good.
 */
enum scan_event http_scan_run(struct http_scan *scan, const char *head,
    size_t len);

/* No head is larger: a scan that was shown so many bytes has come to an end. */
size_t http_scan_max(const struct http_limits *limits);

#endif
