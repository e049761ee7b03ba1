/* SPDX-License-Identifier: MIT */
/*
 * The raw scan of a head. What it refuses is in test_httpreq's tables; here is
 * where it finds things, and how far it looks.
 */
#include "net/httpscan.h"

#include "net/httpreq.h"
#include "support/check.h"
#include "support/expect.h"
#include "util/attr.h"

static const struct http_limits limits = {
	.line = 64,
	.head = 256,
	.headers = 8,
	.body = 32,
};

static const struct {
	const char *head;
	const char *method, *target;
	unsigned headers, minor;
	bool has_length, chunked;
	uint64_t length;
} cases[] = {
	{ .head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	    .method = "GET", .target = "/", .headers = 1, .minor = 1 },
	{ .head = "\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	    .method = "GET", .target = "/b", .headers = 1, .minor = 1 },
	{ .head = "X * HTTP/1.0\r\n\r\n", .method = "X", .target = "*" },
	{ .head = "P / HTTP/1.1\r\nHost:\r\nTRANSFER-encoding:chunked\r\n\r\n",
	    .method = "P", .target = "/", .headers = 2, .minor = 1,
	    .chunked = true },
	{ .head = "P / HTTP/1.0\r\nContent-Length: \t 0042 \r\n\r\n",
	    .method = "P", .target = "/", .headers = 1, .has_length = true,
	    .length = 42 },
	{ .head = "P / HTTP/1.0\r\nContent-Length:18446744073709551614\r\n\r\n",
	    .method = "P", .target = "/", .headers = 1, .has_length = true,
	    .length = UINT64_MAX - 1 },
	{ .head = "P / HTTP/1.0\r\nContent-Length:18446744073709551616\r\n\r\n",
	    .method = "P", .target = "/", .headers = 1, .has_length = true,
	    .length = UINT64_MAX },
	{ .head = "P / HTTP/1.0\r\nContent-Length:18446744073709551610000\r\n"
	    "\r\n", .method = "P", .target = "/", .headers = 1,
	    .has_length = true, .length = UINT64_MAX },
};

static struct wps_span
part(const char *head, struct scan_part at)
{
	return (struct wps_span){ head + at.at, at.len };
}

static void
test_parts_are_found_where_they_are(void)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *head = cases[i].head;
		struct http_scan scan;
		expect_in(head, 0);
		http_scan_init(&scan, &limits);
		expect_int("event", http_scan_run(&scan, head, strlen(head)),
		    SCAN_WHOLE);
		expect_span("method", part(head, scan.method),
		    cases[i].method);
		expect_span("target", part(head, scan.target),
		    cases[i].target);
		expect_int("headers", scan.headers, cases[i].headers);
		expect_int("minor", scan.minor, cases[i].minor);
		expect_int("has length", scan.has_length, cases[i].has_length);
		expect_int("chunked", scan.chunked, cases[i].chunked);
		expect_int("length", scan.length == cases[i].length, true);
	}
}

static void
test_a_growing_head_is_whole_at_its_last_byte(void)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len = strlen(cases[i].head);
		struct http_scan scan;
		http_scan_init(&scan, &limits);
		for (size_t seen = 0; seen <= len; seen++) {
			expect_in(cases[i].head, (long)seen);
			expect_int("event", http_scan_run(&scan, cases[i].head,
			    seen), seen < len ? SCAN_MORE : SCAN_WHOLE);
			expect_int("at", (long long)scan.at, (long long)seen);
		}
	}
}

static void
test_bytes_behind_the_head_are_not_looked_at(void)
{
	static const char head[] = "GET / HTTP/1.0\r\n\r\n\0\0";
	struct http_scan scan;

	expect_in("behind", 0);
	http_scan_init(&scan, &limits);
	expect_int("event", http_scan_run(&scan, head, sizeof(head)),
	    SCAN_WHOLE);
	expect_int("at", (long long)scan.at, 18);
}

static void
test_a_fault_is_for_good(void)
{
	struct http_scan scan;

	expect_in("fault", 0);
	http_scan_init(&scan, &limits);
	expect_int("event", http_scan_run(&scan, "\0", 1), SCAN_BAD);
	size_t at = scan.at;
	expect_int("again", http_scan_run(&scan, "GET / HTTP/1.0\r\n\r\n", 18),
	    SCAN_BAD);
	expect_int("at", (long long)scan.at, (long long)at);
	expect_int("status", scan.status, 400);
}

/* Whatever comes: a scan that has seen the maximum has an answer. */
static void
test_no_head_is_larger_than_the_maximum(void)
{
	static const char *const fronts[] = {
		"", "\r\n", "\r\nGET /", "GET / HTTP/1.1\r\n",
		"\r\nGET / HTTP/1.1\r\nA", "GET / HTTP/1.1\r\nA:",
	};
	size_t max = http_scan_max(&limits);

	for (size_t i = 0; i < ARRAY_LEN(fronts); i++) {
		char head[512];
		struct http_scan scan;
		expect_in(fronts[i], (long)max);
		CU_ASSERT_FATAL(max <= sizeof(head));
		memset(head, 'x', max);
		memcpy(head, fronts[i], strlen(fronts[i]));
		http_scan_init(&scan, &limits);
		expect_int("event", http_scan_run(&scan, head, max), SCAN_BAD);
	}
}

static const struct named_test tests[] = {
	TEST(test_parts_are_found_where_they_are),
	TEST(test_a_growing_head_is_whole_at_its_last_byte),
	TEST(test_bytes_behind_the_head_are_not_looked_at),
	TEST(test_a_fault_is_for_good),
	TEST(test_no_head_is_larger_than_the_maximum),
};

int
main(void)
{
	return RUN_TESTS("httpscan", tests);
}
