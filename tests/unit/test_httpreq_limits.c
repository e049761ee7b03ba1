/* SPDX-License-Identifier: MIT */
/*
 * The limits of the reader of requests, and the memory that it takes.
 */
#include "net/httpreq.h"

#include "net/httpscan.h"
#include "support/check.h"
#include "support/drive.h"
#include "support/expect.h"
#include "util/attr.h"

#include <stdlib.h>

#define HOST "Host: a\r\n"
#define WORKER_PIECE 65536 /* bytes that a worker reads at once */
#define LENGTH(text) "POST / HTTP/1.1\r\n" HOST text "\r\n"
#define CHUNKED(text) LENGTH("Transfer-Encoding: chunked\r\n") text
static const char *const smalls[] = {
	"GET / HTTP/1.1\r\n" HOST "\r\n",
	LENGTH("Content-Length: 5\r\n") "hello",
	CHUNKED("a\r\n0123456789\r\n6\r\nabcdef\r\n0\r\nA: b\r\n\r\n"),
	"GET / HTTP/1.1\r\n" HOST "A:b\r\nC:d\r\nE:f\r\nG:h\r\n\r\n",
};

/* --- memory: the linker leads the reader's calls here --------------------- */

static struct {
	unsigned count;   /* of allocations */
	size_t largest;   /* that was granted */
	size_t refuse_at; /* bytes; 0: never */
} memory;

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *
__wrap_realloc(void *old, size_t size)
{
	memory.count++;
	if (memory.refuse_at > 0 && size >= memory.refuse_at)
		return NULL;
	if (size > memory.largest)
		memory.largest = size;
	return __real_realloc(old, size);
}

/* --- limits --------------------------------------------------------------- */

struct room {
	char data[1024];
	size_t len;
};

static void
put(struct room *room, const char *text)
{
	memcpy(room->data + room->len, text, strlen(text));
	room->len += strlen(text);
}

static void
put_many(struct room *room, char byte, size_t count)
{
	memset(room->data + room->len, byte, count);
	room->len += count;
}

static void
make_line(struct room *room, size_t len)
{
	put(room, "\r\nGET /");
	put_many(room, 'a', len - strlen("GET / HTTP/1.1\r\n"));
	put(room, " HTTP/1.1\r\n" HOST "\r\n");
}

static void
make_head(struct room *room, size_t len)
{
	put(room, "GET / HTTP/1.1\r\n" HOST "A: ");
	put_many(room, 'b', len - strlen(HOST "A: \r\n\r\n"));
	put(room, "\r\n\r\n");
}

static void
make_headers(struct room *room, size_t count)
{
	put(room, "GET / HTTP/1.1\r\n" HOST);
	for (size_t i = 1; i < count; i++)
		put(room, "A: b\r\n");
	put(room, "\r\n");
}

static void
make_body(struct room *room, size_t len)
{
	char text[64];

	put(room, "POST / HTTP/1.1\r\n" HOST "Content-Length: ");
	snprintf(text, sizeof(text), "%zu\r\n\r\n", len);
	put(room, text);
	put_many(room, 'x', len);
}

static void
make_chunks(struct room *room, size_t len)
{
	char text[64];

	put(room, CHUNKED("a\r\n0123456789\r\n"));
	snprintf(text, sizeof(text), "%zx\r\n", len - 10);
	put(room, text);
	put_many(room, 'x', len - 10);
	put(room, "\r\n0\r\n\r\n");
}

static const struct {
	const char *name;
	void (*make)(struct room *room, size_t size);
	size_t limit;
	int status;
} borders[] = {
	{ "request line", make_line, 64, 414 },
	{ "header bytes", make_head, 256, 431 },
	{ "headers", make_headers, 8, 431 },
	{ "body", make_body, 32, 413 },
	{ "chunked body", make_chunks, 32, 413 },
};

static void
try_border(struct http_reader *reader, size_t i, size_t size, int status)
{
	struct room room = { .len = 0 };

	borders[i].make(&room, size);
	for (long cut = BYTEWISE; cut < (long)room.len; cut++) {
		expect_in(borders[i].name, cut);
		http_reader_reset(reader);
		struct outcome out = drive(reader,
		    (struct wps_span){ room.data, room.len }, cut);
		expect_int("event", out.event, status ? HTTP_BAD : HTTP_DONE);
		expect_int("status", http_reader_status(reader), status);
	}
}

static void
test_limits_hold_on_both_sides(void)
{
	struct http_reader *reader = http_reader_new(&drive_limits);

	for (size_t i = 0; i < ARRAY_LEN(borders); i++) {
		try_border(reader, i, borders[i].limit, 0);
		try_border(reader, i, borders[i].limit + 1, borders[i].status);
	}
	http_reader_free(&reader);
}

static void
test_a_body_too_large_is_refused_before_it_comes(void)
{
	struct http_reader *reader = http_reader_new(&drive_limits);
	struct wps_span input = WPS_SPAN(LENGTH("Expect: 100-continue\r\n"
	    "Content-Length: 33\r\n"));

	expect_in("too large", 0);
	struct outcome out = drive(reader, input, WHOLE);
	expect_int("event", out.event, HTTP_BAD);
	expect_int("status", http_reader_status(reader), 413);
	expect_int("heads", out.heads, 0);
	http_reader_free(&reader);
}

/* --- memory --------------------------------------------------------------- */

static const struct http_limits wide = {
	.line = 8192,
	.head = 200 * 1024,
	.headers = 1000,
	.body = 1 << 20,
};

static void
test_a_small_request_after_a_reset_takes_no_memory(void)
{
	struct http_reader *reader = http_reader_new(&drive_limits);

	for (size_t i = 0; i < ARRAY_LEN(smalls); i++) {
		http_reader_reset(reader);
		drive(reader, wps_span_str(smalls[i]), WHOLE);
	}
	memory.count = 0;
	for (size_t i = 0; i < ARRAY_LEN(smalls); i++) {
		http_reader_reset(reader);
		drive(reader, wps_span_str(smalls[i]), BYTEWISE);
	}
	expect_in("memory", 0);
	expect_int("allocations", memory.count, 0);
	http_reader_free(&reader);
}

/* Returns what the second of two such requests has cost in allocations. */
static unsigned
allocations_of_second(size_t body)
{
	struct http_reader *reader = http_reader_new(&wide);
	char *input = malloc(body + 128);
	int n = snprintf(input, 128, "POST / HTTP/1.1\r\n" HOST
	    "Content-Length: %zu\r\n\r\n", body);

	memset(input + n, 'x', body);
	struct wps_span span = { input, (size_t)n + body };
	expect_int("event", drive(reader, span, WHOLE).event, HTTP_DONE);
	http_reader_reset(reader);
	memory.count = 0;
	expect_int("event", drive(reader, span, WHOLE).event, HTTP_DONE);
	http_reader_free(&reader);
	free(input);
	return memory.count;
}

static void
test_large_buffers_do_not_outlive_their_request(void)
{
	expect_in("kept buffers", 0);
	expect_int("16 KiB is kept", allocations_of_second(16384), 0);
	expect_int("more is not", allocations_of_second(16385), 1);
}

/* 512 of them are 16 KiB. */
static void
test_a_long_list_of_headers_does_not_outlive_its_request(void)
{
	for (unsigned headers = 512; headers <= 513; headers++) {
		struct http_reader *reader = http_reader_new(&wide);
		char input[8192];
		int n = snprintf(input, sizeof(input), "GET / HTTP/1.1\r\n" HOST);
		for (unsigned i = 1; i < headers; i++)
			n += snprintf(input + n, sizeof(input) - (size_t)n,
			    "A: b\r\n");
		n += snprintf(input + n, sizeof(input) - (size_t)n, "\r\n");
		struct wps_span span = { input, (size_t)n };
		expect_in("kept headers", headers);
		expect_int("event", drive(reader, span, WHOLE).event, HTTP_DONE);
		http_reader_reset(reader);
		memory.count = 0;
		expect_int("event", drive(reader, span, WHOLE).event, HTTP_DONE);
		expect_int("taken again", memory.count, headers == 513);
		http_reader_free(&reader);
	}
}

static void
test_a_body_takes_its_memory_only_when_it_comes(void)
{
	struct http_reader *reader = http_reader_new(&wide);

	expect_in("body", 0);
	drive(reader, WPS_SPAN(LENGTH("Content-Length: 1000000\r\n")), WHOLE);
	memory.largest = 0;
	size_t used;
	http_reader_feed(reader, "", 0, &used);
	expect_int("before its first byte", (long long)memory.largest, 0);
	http_reader_feed(reader, "x", 1, &used);
	expect_int("after it", (long long)memory.largest, 1000000);
	http_reader_free(&reader);
}

static void
test_what_is_behind_a_head_is_not_copied(void)
{
	struct http_reader *reader = http_reader_new(&wide);
	char *input = malloc(WORKER_PIECE);

	expect_in("head", 0);
	memset(input, 'x', WORKER_PIECE);
	memcpy(input, smalls[1], strlen(smalls[1]));
	memory.largest = 0;
	size_t used;
	expect_int("event", http_reader_feed(reader, input, WORKER_PIECE,
	    &used), HTTP_HEAD);
	expect_int("memory", (long long)memory.largest, 4096);
	free(input);
	http_reader_free(&reader);
}

/* However much one read brings. */
static void
test_buffers_grow_to_the_limits_only(void)
{
	struct http_reader *reader = http_reader_new(&wide);
	char *input = calloc(1, 1 << 20);
	size_t used;

	expect_in("limits of buffers", 0);
	memset(input, 'a', 1 << 20);
	memory.largest = 0;
	expect_int("event", http_reader_feed(reader, input, 1 << 20, &used),
	    HTTP_BAD);
	expect_int("head", memory.largest <= http_scan_max(&wide), true);

	http_reader_reset(reader);
	drive(reader, WPS_SPAN(CHUNKED("100000\r\n")), WHOLE);
	http_reader_feed(reader, input, 700 * 1024, &used);
	http_reader_feed(reader, input, 100 * 1024, &used);
	expect_int("body", (long long)memory.largest, (long long)wide.body);
	http_reader_free(&reader);
	free(input);
}

static void
try_without_memory(struct wps_span input, size_t refuse_at)
{
	struct http_reader *reader = http_reader_new(&wide);

	memory.refuse_at = refuse_at;
	expect_int("event", drive(reader, input, WHOLE).event, HTTP_BAD);
	expect_int("status", http_reader_status(reader), 503);
	memory.refuse_at = 0;
	http_reader_reset(reader);
	expect_int("event", drive(reader, wps_span_str(smalls[0]),
	    WHOLE).event, HTTP_DONE);
	http_reader_free(&reader);
}

static void
test_no_memory_refuses_one_request(void)
{
	static char headers[8192], chunk[8192];
	int n = snprintf(headers, sizeof(headers), "GET / HTTP/1.1\r\n" HOST);
	int m = snprintf(chunk, sizeof(chunk), CHUNKED("1388\r\n"));

	memset(chunk + m, 'x', 5000);
	for (unsigned i = 0; i < 500; i++)
		n += snprintf(headers + n, sizeof(headers) - (size_t)n,
		    "A: b\r\n");
	n += snprintf(headers + n, sizeof(headers) - (size_t)n, "\r\n");
	expect_in("no memory", 0);
	try_without_memory(WPS_SPAN(LENGTH("Content-Length: 100000\r\n") "x"),
	    100000);
	try_without_memory((struct wps_span){ chunk, (size_t)m + 5000 }, 5000);
	try_without_memory((struct wps_span){ headers, (size_t)n },
	    500 * sizeof(struct wps_header));
}

static void
test_a_head_may_be_larger_than_http_parsers_limit(void)
{
	struct http_reader *reader = http_reader_new(&wide);
	char *input = malloc(wide.head);
	int n = snprintf(input, wide.head, "GET / HTTP/1.1\r\n" HOST "A: ");

	expect_in("large head", 0);
	memset(input + n, 'a', 150 * 1024);
	memcpy(input + n + 150 * 1024, "\r\n\r\n", 4);
	struct wps_span span = { input, (size_t)n + 150 * 1024 + 4 };
	expect_int("event", drive(reader, span, WHOLE).event, HTTP_DONE);
	free(input);
	http_reader_free(&reader);
}

static const struct named_test tests[] = {
	TEST(test_limits_hold_on_both_sides),
	TEST(test_a_body_too_large_is_refused_before_it_comes),
	TEST(test_a_small_request_after_a_reset_takes_no_memory),
	TEST(test_large_buffers_do_not_outlive_their_request),
	TEST(test_a_long_list_of_headers_does_not_outlive_its_request),
	TEST(test_a_body_takes_its_memory_only_when_it_comes),
	TEST(test_what_is_behind_a_head_is_not_copied),
	TEST(test_buffers_grow_to_the_limits_only),
	TEST(test_no_memory_refuses_one_request),
	TEST(test_a_head_may_be_larger_than_http_parsers_limit),
};

int
main(void)
{
	return RUN_TESTS("httpreq_limits", tests);
}
