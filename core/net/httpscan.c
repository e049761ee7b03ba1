/* SPDX-License-Identifier: MIT */
#include "net/httpscan.h"

#include "net/httpbyte.h"
#include "net/httpreq.h"
#include "util/attr.h"

#define LEADING 2 /* bytes of an empty line in front of the request */

/*
 * A step works on bytes from `at` to `end`, of which there is one at least, and
 * moves `at`. False: the head is refused.
 */
typedef bool (*step_fn)(struct http_scan *scan, const char *head, size_t end);

void
http_scan_init(struct http_scan *scan, const struct http_limits *limits)
{
	*scan = (struct http_scan){
		.limits = limits,
		.state = SCAN_START,
	};
}

static bool
refuse(struct http_scan *scan, int status, const char *reason)
{
	scan->status = status;
	scan->reason = reason;
	return false;
}

static struct wps_span
text_of(const char *head, struct scan_part part)
{
	return (struct wps_span){ head + part.at, part.len };
}

/* --- header lines that tell what the message is --------------------------- */

static bool
take_host(struct http_scan *scan, struct wps_span value)
{
	if (scan->has_host)
		return refuse(scan, 400, "more than one Host");
	if (!http_bytes_are(value, HTTP_HOST))
		return refuse(scan, 400, "Host is not valid");
	scan->has_host = true;
	return true;
}

static bool
parse_length(struct wps_span digits, uint64_t *length_out)
{
	uint64_t length = 0;

	for (size_t i = 0; i < digits.len; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return false;
		unsigned digit = (unsigned)(digits.data[i] - '0');
		if (length > (UINT64_MAX - digit) / 10)
			length = UINT64_MAX;
		else
			length = length * 10 + digit;
	}
	*length_out = length;
	return digits.len > 0;
}

static bool
take_length(struct http_scan *scan, struct wps_span value)
{
	if (scan->has_length)
		return refuse(scan, 400, "more than one Content-Length");
	if (scan->chunked)
		return refuse(scan, 400, "both a length and an encoding");
	if (!parse_length(value, &scan->length))
		return refuse(scan, 400, "Content-Length is not a number");
	scan->has_length = true;
	return true;
}

static bool
take_encoding(struct http_scan *scan, struct wps_span value)
{
	if (scan->chunked)
		return refuse(scan, 400, "more than one Transfer-Encoding");
	if (scan->has_length)
		return refuse(scan, 400, "both a length and an encoding");
	if (scan->minor == 0)
		return refuse(scan, 400, "Transfer-Encoding in HTTP/1.0");
	if (!http_is(value, "chunked"))
		return refuse(scan, 501, "Transfer-Encoding not implemented");
	scan->chunked = true;
	return true;
}

static const struct {
	const char *name;
	bool (*take)(struct http_scan *scan, struct wps_span value);
} takers[] = {
	{ "Host", take_host },
	{ "Content-Length", take_length },
	{ "Transfer-Encoding", take_encoding },
};

static bool
take_field(struct http_scan *scan, const char *head)
{
	struct wps_span name = text_of(head, scan->name);

	for (size_t i = 0; i < ARRAY_LEN(takers); i++) {
		if (http_is(name, takers[i].name))
			return takers[i].take(scan,
			    http_trim(text_of(head, scan->value)));
	}
	return true;
}

/* --- the request line ----------------------------------------------------- */

/* RFC 9112, section 2.2: one empty line before a request is let pass. */
static bool
step_start(struct http_scan *scan, const char *head, size_t end)
{
	(void)end;
	scan->state = SCAN_METHOD;
	if (head[scan->at] == '\r') {
		scan->state = SCAN_START_LF;
		scan->at++;
	}
	return true;
}

static bool
step_start_lf(struct http_scan *scan, const char *head, size_t end)
{
	(void)end;
	if (head[scan->at] != '\n')
		return refuse(scan, 400, "line does not end in CRLF");
	scan->at++;
	scan->start = scan->at;
	scan->method.at = scan->at;
	scan->state = SCAN_METHOD;
	return true;
}

/*
 * Takes what is of the class, and the byte behind it. Leaves the state as it is
 * while that byte has not come; false when it is another one, or nothing stands
 * before it.
 */
static bool
take_part(struct http_scan *scan, const char *head, size_t end,
    struct scan_part *part, enum http_class class, char behind,
    enum scan_state next)
{
	scan->at = http_skip(head, scan->at, end, class);
	if (scan->at == end)
		return true;
	part->len = scan->at - part->at;
	if (head[scan->at] != behind || part->len == 0)
		return false;
	scan->at++;
	scan->state = next;
	return true;
}

static bool
step_method(struct http_scan *scan, const char *head, size_t end)
{
	if (!take_part(scan, head, end, &scan->method, HTTP_TOKEN, ' ',
	    SCAN_TARGET))
		return refuse(scan, 400, "method is not valid");
	scan->target.at = scan->at;
	return true;
}

static bool
step_target(struct http_scan *scan, const char *head, size_t end)
{
	if (!take_part(scan, head, end, &scan->target, HTTP_TARGET, ' ',
	    SCAN_VERSION))
		return refuse(scan, 400, "target is not valid");
	scan->version.at = scan->at;
	return true;
}

static bool
is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool
judge_version(struct http_scan *scan, struct wps_span text)
{
	const char *p = text.data;

	if (text.len != 8 || memcmp(p, "HTTP/", 5) != 0 || !is_digit(p[5]) ||
	    p[6] != '.' || !is_digit(p[7]))
		return refuse(scan, 400, "version is not valid");
	if (p[5] != '1' || p[7] > '1')
		return refuse(scan, 505, "HTTP version not supported");
	scan->minor = (unsigned)(p[7] - '0');
	return true;
}

static bool
step_version(struct http_scan *scan, const char *head, size_t end)
{
	if (!take_part(scan, head, end, &scan->version, HTTP_TARGET, '\r',
	    SCAN_LINE_LF))
		return refuse(scan, 400, "version is not valid");
	return true;
}

static bool
step_line_lf(struct http_scan *scan, const char *head, size_t end)
{
	(void)end;
	if (head[scan->at] != '\n')
		return refuse(scan, 400, "line does not end in CRLF");
	scan->at++;
	scan->fields_at = scan->at;
	scan->state = SCAN_FIELD;
	return judge_version(scan, text_of(head, scan->version));
}

/* --- header lines --------------------------------------------------------- */

static bool
step_field(struct http_scan *scan, const char *head, size_t end)
{
	char first = head[scan->at];

	(void)end;
	if (first == '\r') {
		scan->at++;
		scan->state = SCAN_END_LF;
		return true;
	}
	if (first == ' ' || first == '\t')
		return refuse(scan, 400, "header line is folded");
	if (scan->headers == scan->limits->headers)
		return refuse(scan, 431, "too many headers");
	scan->headers++;
	scan->name.at = scan->at;
	scan->state = SCAN_NAME;
	return true;
}

static bool
step_name(struct http_scan *scan, const char *head, size_t end)
{
	if (!take_part(scan, head, end, &scan->name, HTTP_TOKEN, ':',
	    SCAN_VALUE))
		return refuse(scan, 400, "header name is not valid");
	scan->value.at = scan->at;
	return true;
}

static bool
step_value(struct http_scan *scan, const char *head, size_t end)
{
	scan->at = http_skip(head, scan->at, end, HTTP_VALUE);
	if (scan->at == end)
		return true;
	if (head[scan->at] != '\r')
		return refuse(scan, 400, "header value is not valid");
	scan->value.len = scan->at - scan->value.at;
	scan->at++;
	scan->state = SCAN_VALUE_LF;
	return true;
}

static bool
step_value_lf(struct http_scan *scan, const char *head, size_t end)
{
	(void)end;
	if (head[scan->at] != '\n')
		return refuse(scan, 400, "line does not end in CRLF");
	scan->at++;
	scan->state = SCAN_FIELD;
	return take_field(scan, head);
}

static bool
step_end_lf(struct http_scan *scan, const char *head, size_t end)
{
	(void)end;
	if (head[scan->at] != '\n')
		return refuse(scan, 400, "line does not end in CRLF");
	scan->at++;
	if (scan->minor == 1 && !scan->has_host)
		return refuse(scan, 400, "Host is missing");
	return true;
}

/* --- the whole ------------------------------------------------------------ */

static const step_fn steps[] = {
	[SCAN_START] = step_start,
	[SCAN_START_LF] = step_start_lf,
	[SCAN_METHOD] = step_method,
	[SCAN_TARGET] = step_target,
	[SCAN_VERSION] = step_version,
	[SCAN_LINE_LF] = step_line_lf,
	[SCAN_FIELD] = step_field,
	[SCAN_NAME] = step_name,
	[SCAN_VALUE] = step_value,
	[SCAN_VALUE_LF] = step_value_lf,
	[SCAN_END_LF] = step_end_lf,
};

/* Where the limit that holds in this state lies. */
static size_t
bound_of(const struct http_scan *scan)
{
	if (scan->state < SCAN_METHOD)
		return LEADING;
	if (scan->state < SCAN_FIELD)
		return scan->start + scan->limits->line;
	return scan->fields_at + scan->limits->head;
}

static bool
refuse_long(struct http_scan *scan)
{
	if (scan->state < SCAN_FIELD)
		return refuse(scan, 414, "request line too long");
	return refuse(scan, 431, "headers too large");
}

/* False: it is refused. */
static bool
step(struct http_scan *scan, const char *head, size_t len)
{
	size_t bound = bound_of(scan);

	if (scan->at >= bound)
		return refuse_long(scan);
	return steps[scan->state](scan, head, len < bound ? len : bound);
}

enum scan_event
http_scan_run(struct http_scan *scan, const char *head, size_t len)
{
	while (scan->status == 0 && scan->at < len) {
		bool last = scan->state == SCAN_END_LF;
		if (step(scan, head, len) && last)
			return SCAN_WHOLE;
	}
	return scan->status ? SCAN_BAD : SCAN_MORE;
}

size_t
http_scan_max(const struct http_limits *limits)
{
	return LEADING + limits->line + limits->head + 1;
}
