/* SPDX-License-Identifier: MIT */
#include "net/httpres.h"

#include "support/check.h"
#include "support/expect.h"
#include "util/attr.h"

#include <stdint.h>

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define DATE_LINE "Date: " DATE "\r\n"

static const struct {
	const char *name;
	int status;
	struct wps_header headers[3];
	size_t count, body_len;
	bool keep;
	const char *head;
} cases[] = {
	{
		.name = "kept",
		.status = 200, .body_len = 12, .keep = true,
		.head = "HTTP/1.1 200 OK\r\n" DATE_LINE
		    "Content-Length: 12\r\n\r\n",
	},
	{
		.name = "closed",
		.status = 404, .keep = false,
		.head = "HTTP/1.1 404 Not Found\r\n" DATE_LINE
		    "Content-Length: 0\r\nConnection: close\r\n\r\n",
	},
	{
		.name = "large",
		.status = 200, .body_len = SIZE_MAX, .keep = true,
		.head = "HTTP/1.1 200 OK\r\n" DATE_LINE
		    "Content-Length: 18446744073709551615\r\n\r\n",
	},
	{
		.name = "204 has no length",
		.status = 204, .keep = true,
		.head = "HTTP/1.1 204 No Content\r\n" DATE_LINE "\r\n",
	},
	{
		.name = "304 has no length",
		.status = 304, .keep = true,
		.head = "HTTP/1.1 304 Not Modified\r\n" DATE_LINE "\r\n",
	},
	{
		.name = "100 has no length",
		.status = 100, .keep = true,
		.head = "HTTP/1.1 100 Continue\r\n" DATE_LINE "\r\n",
	},
	{
		.name = "a status without a phrase",
		.status = 299, .keep = true,
		.head = "HTTP/1.1 299 \r\n" DATE_LINE
		    "Content-Length: 0\r\n\r\n",
	},
	{
		.name = "headers in order",
		.status = 200, .keep = true, .count = 3,
		.headers = {
			{ WPS_SPAN("B"), WPS_SPAN("x y") },
			{ WPS_SPAN("A"), WPS_SPAN("") },
			{ WPS_SPAN("B"), WPS_SPAN("\xc3\xa4\tz") },
		},
		.head = "HTTP/1.1 200 OK\r\n" DATE_LINE
		    "B: x y\r\nA: \r\nB: \xc3\xa4\tz\r\n"
		    "Content-Length: 0\r\n\r\n",
	},
	{
		.name = "values that break out",
		.status = 200, .keep = true, .count = 3,
		.headers = {
			{ WPS_SPAN("A"), WPS_SPAN("b\r\nC: d") },
			{ WPS_SPAN("A"), WPS_SPAN("b\nd") },
			{ WPS_SPAN("A"), WPS_SPAN("b\0d") },
		},
		.head = "HTTP/1.1 200 OK\r\n" DATE_LINE
		    "Content-Length: 0\r\n\r\n",
	},
	{
		.name = "names that are none",
		.status = 200, .keep = true, .count = 3,
		.headers = {
			{ WPS_SPAN(""), WPS_SPAN("b") },
			{ WPS_SPAN("A\r\nB"), WPS_SPAN("b") },
			{ WPS_SPAN("A: x"), WPS_SPAN("b") },
		},
		.head = "HTTP/1.1 200 OK\r\n" DATE_LINE
		    "Content-Length: 0\r\n\r\n",
	},
	{
		.name = "framing is not the caller's",
		.status = 200, .keep = true, .count = 3,
		.headers = {
			{ WPS_SPAN("content-length"), WPS_SPAN("9") },
			{ WPS_SPAN("Transfer-Encoding"), WPS_SPAN("chunked") },
			{ WPS_SPAN("Date"), WPS_SPAN("today") },
		},
		.head = "HTTP/1.1 200 OK\r\n" DATE_LINE
		    "Content-Length: 0\r\n\r\n",
	},
};

static size_t
format(size_t i, char *dst, size_t cap)
{
	return http_format_head(dst, cap, cases[i].status, cases[i].headers,
	    cases[i].count, cases[i].body_len, cases[i].keep, DATE);
}

static void
test_heads_are_written(void)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char dst[512];
		expect_in(cases[i].name, 0);
		size_t len = format(i, dst, sizeof(dst));
		expect_span("head", (struct wps_span){ dst, len },
		    cases[i].head);
	}
}

static void
test_the_length_is_told_whatever_room_there_is(void)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len = strlen(cases[i].head);
		for (size_t cap = 0; cap <= len; cap++) {
			char dst[512];
			memset(dst, '#', sizeof(dst));
			expect_in(cases[i].name, (long)cap);
			expect_int("length", (long long)format(i, dst, cap),
			    (long long)len);
			expect_int("behind the room", dst[cap], '#');
		}
	}
}

static const struct named_test tests[] = {
	TEST(test_heads_are_written),
	TEST(test_the_length_is_told_whatever_room_there_is),
};

int
main(void)
{
	return RUN_TESTS("httpres", tests);
}
