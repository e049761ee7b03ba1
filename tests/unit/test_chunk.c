/* SPDX-License-Identifier: MIT */
/*
 * The chunked coding. Each row is decoded whole, byte by byte, and split at
 * every offset; the result is the same.
 */
#include "net/chunk.h"

#include "support/check.h"
#include "support/expect.h"
#include "util/attr.h"

#define LIMIT 32

struct outcome {
	enum chunk_event event;
	char data[LIMIT + 1];
	size_t len;
	size_t used;
};

/* Decodes what one piece brings, up to what ends or exhausts it. */
static void
feed(struct chunk *chunk, struct outcome *out, struct wps_span piece)
{
	size_t given = piece.len;

	do {
		struct wps_span data = WPS_SPAN_NONE;
		out->event = chunk_next(chunk, &piece, &data);
		if (out->event != CHUNK_PIECE)
			continue;
		CU_ASSERT_FATAL(data.len <= LIMIT - out->len);
		memcpy(out->data + out->len, data.data, data.len);
		out->len += data.len;
	} while (out->event == CHUNK_PIECE);
	out->used += given - piece.len;
}

#define WHOLE 0
#define BYTEWISE -1 /* else: cut there */

static struct outcome
decode(struct wps_span input, long cut)
{
	struct chunk chunk;
	struct outcome out = { .event = CHUNK_MORE };
	size_t at = 0;

	chunk_init(&chunk, LIMIT);
	while (out.event == CHUNK_MORE && at < input.len) {
		size_t len = input.len - at;
		if (cut == BYTEWISE)
			len = 1;
		else if (cut > 0 && at < (size_t)cut)
			len = (size_t)cut - at;
		feed(&chunk, &out, (struct wps_span){ input.data + at, len });
		at += len;
	}
	return out;
}

static const struct {
	const char *input, *data, *behind;
} goods[] = {
	{ "0\r\n\r\n", "", "" },
	{ "0\r\n\r\n", "", "0\r\n\r\n" },
	{ "000\r\n\r\n", "", "\r\n" },
	{ "1\r\na\r\n0\r\n\r\n", "a", "GET / HTTP/1.1\r\n" },
	{ "0000000000000001\r\na\r\n0\r\n\r\n", "a", "" },
	{ "5\r\n\r\n0\r\n\r\n0\r\n\r\n", "\r\n0\r\n", "" },
	{ "b\r\nhello world\r\nC\r\n, and so on \r\n0\r\n\r\n",
	    "hello world, and so on ", "" },
	{ "20\r\n0123456789abcdef0123456789abcdef\r\n0\r\n\r\n",
	    "0123456789abcdef0123456789abcdef", "" },
	{ "1f\r\n0123456789abcdef0123456789abcde\r\n1\r\nf\r\n0\r\n\r\n",
	    "0123456789abcdef0123456789abcdef", "" },
	{ "1;a\r\nx\r\n0;b=\"c\t d;\xff\"\r\n\r\n", "x", "" },
	{ "1;\r\nx\r\n0;;\r\n\r\n", "x", "" },
	{ "0\r\nA: b\r\nContent-Length: 9\r\nC:\r\n\r\n", "", "x" },
};

static void
test_chunks_are_put_together(void)
{
	for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
		char all[256];
		int n = snprintf(all, sizeof(all), "%s%s", goods[i].input,
		    goods[i].behind);
		struct wps_span input = { all, (size_t)n };
		for (long cut = BYTEWISE; cut < n; cut++) {
			expect_in(goods[i].input, cut);
			struct outcome out = decode(input, cut);
			expect_int("event", out.event, CHUNK_DONE);
			expect_int("used", (long long)out.used,
			    (long long)strlen(goods[i].input));
			expect_span("data",
			    (struct wps_span){ out.data, out.len },
			    goods[i].data);
		}
	}
}

static const struct {
	struct wps_span input;
	enum chunk_event event;
} bads[] = {
	{ WPS_SPAN("\r\n"), CHUNK_BAD },
	{ WPS_SPAN(" 1\r\n"), CHUNK_BAD },
	{ WPS_SPAN("1 \r\n"), CHUNK_BAD },
	{ WPS_SPAN("1 ;a\r\n"), CHUNK_BAD },
	{ WPS_SPAN("1\t\r\n"), CHUNK_BAD },
	{ WPS_SPAN("0x1\r\n"), CHUNK_BAD },
	{ WPS_SPAN("x1\r\n"), CHUNK_BAD },
	{ WPS_SPAN("+1\r\n"), CHUNK_BAD },
	{ WPS_SPAN("-1\r\n"), CHUNK_BAD },
	{ WPS_SPAN("1_0\r\n"), CHUNK_BAD },
	{ WPS_SPAN("1.\r\n"), CHUNK_BAD },
	{ WPS_SPAN("g\r\n"), CHUNK_BAD },
	{ WPS_SPAN(";a\r\n"), CHUNK_BAD },
	{ WPS_SPAN("1\0\r\n"), CHUNK_BAD },
	{ WPS_SPAN("\xb2\r\n"), CHUNK_BAD },
	{ WPS_SPAN("00000000000000001\r\n"), CHUNK_BAD },
	{ WPS_SPAN("10000000000000000\r\n"), CHUNK_BAD },
	{ WPS_SPAN("ffffffffffffffff\r\n"), CHUNK_LARGE },
	{ WPS_SPAN("fffffffffffffff0\r\n"), CHUNK_LARGE },
	{ WPS_SPAN("21\r\n"), CHUNK_LARGE },
	{ WPS_SPAN("1\r\na\r\n20\r\n"), CHUNK_LARGE },
	{ WPS_SPAN("1\r\na\r\nffffffffffffffff\r\n"), CHUNK_LARGE },
	{ WPS_SPAN("1\n"), CHUNK_BAD },
	{ WPS_SPAN("1\ra"), CHUNK_BAD },
	{ WPS_SPAN("1\r\r\n"), CHUNK_BAD },
	{ WPS_SPAN("1;a\n"), CHUNK_BAD },
	{ WPS_SPAN("1;a\rb"), CHUNK_BAD },
	{ WPS_SPAN("1;a\0\r\n"), CHUNK_BAD },
	{ WPS_SPAN("1;a\x7f\r\n"), CHUNK_BAD },
	{ WPS_SPAN("1\r\na\n"), CHUNK_BAD },
	{ WPS_SPAN("1\r\na0\r\n"), CHUNK_BAD },
	{ WPS_SPAN("1\r\na\r0"), CHUNK_BAD },
	{ WPS_SPAN("1\r\nab\r\n"), CHUNK_BAD },
	{ WPS_SPAN("2\r\na\r\n0\r\n"), CHUNK_BAD },
	{ WPS_SPAN("0\r\n\n"), CHUNK_BAD },
	{ WPS_SPAN("0\r\n\rx"), CHUNK_BAD },
	{ WPS_SPAN("0\n\n"), CHUNK_BAD },
	{ WPS_SPAN("0\r\nGET / HTTP/1.1\r\n"), CHUNK_BAD },
	{ WPS_SPAN("0\r\n A: b\r\n"), CHUNK_BAD },
	{ WPS_SPAN("0\r\n: b\r\n"), CHUNK_BAD },
	{ WPS_SPAN("0\r\nA : b\r\n"), CHUNK_BAD },
	{ WPS_SPAN("0\r\nA\r\n"), CHUNK_BAD },
	{ WPS_SPAN("0\r\nA: b\n"), CHUNK_BAD },
	{ WPS_SPAN("0\r\nA: b\0\r\n"), CHUNK_BAD },
	{ WPS_SPAN("0\r\nA: b\r\n c\r\n"), CHUNK_BAD },
};

static void
test_odd_chunks_are_refused(void)
{
	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		for (long cut = BYTEWISE; cut < (long)bads[i].input.len;
		    cut++) {
			expect_in(bads[i].input.data, cut);
			expect_int("event", decode(bads[i].input, cut).event,
			    bads[i].event);
		}
	}
}

static void
test_no_proper_part_of_a_body_is_whole(void)
{
	for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
		for (size_t len = 0; len < strlen(goods[i].input); len++) {
			expect_in(goods[i].input, (long)len);
			expect_int("event", decode((struct wps_span){
			    goods[i].input, len }, WHOLE).event, CHUNK_MORE);
		}
	}
}

/* A body whose extension or trailer has so many bytes. */
static struct outcome
decode_long(const char *front, size_t len, const char *behind)
{
	static char input[CHUNK_EXTRA_MAX + 64];
	size_t front_len = strlen(front);

	memcpy(input, front, front_len);
	memset(input + front_len, 'x', len);
	memcpy(input + front_len + len, behind, strlen(behind));
	return decode((struct wps_span){ input,
	    front_len + len + strlen(behind) }, WHOLE);
}

static void
test_extensions_have_a_limit(void)
{
	expect_in("extensions", 0);
	expect_int("at the limit", decode_long("0;", CHUNK_EXTRA_MAX,
	    "\r\n\r\n").event, CHUNK_DONE);
	expect_int("above", decode_long("0;", CHUNK_EXTRA_MAX + 1,
	    "\r\n\r\n").event, CHUNK_BAD);
	expect_int("of all chunks", decode_long("1;y\r\na\r\n0;",
	    CHUNK_EXTRA_MAX, "\r\n\r\n").event, CHUNK_BAD);
}

static void
test_trailers_have_a_limit(void)
{
	expect_in("trailers", 0);
	expect_int("at the limit", decode_long("0\r\nA:", CHUNK_EXTRA_MAX - 2,
	    "\r\n\r\n").event, CHUNK_DONE);
	expect_int("above", decode_long("0\r\nA:", CHUNK_EXTRA_MAX - 1,
	    "\r\n\r\n").event, CHUNK_BAD);
	expect_int("a name", decode_long("0\r\n", CHUNK_EXTRA_MAX + 1,
	    ":\r\n\r\n").event, CHUNK_BAD);
}

static void
test_the_end_is_for_good(void)
{
	static const char *const inputs[] = { "0\r\n\r\n", "x", "21\r\n" };

	for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
		struct chunk chunk;
		struct wps_span data, in = wps_span_str(inputs[i]);
		chunk_init(&chunk, LIMIT);
		expect_in(inputs[i], 0);
		enum chunk_event first = chunk_next(&chunk, &in, &data);
		in = WPS_SPAN("0\r\n\r\n");
		expect_int("event", chunk_next(&chunk, &in, &data), first);
		expect_int("left", (long long)in.len, 5);
	}
}

static const struct named_test tests[] = {
	TEST(test_chunks_are_put_together),
	TEST(test_odd_chunks_are_refused),
	TEST(test_no_proper_part_of_a_body_is_whole),
	TEST(test_extensions_have_a_limit),
	TEST(test_trailers_have_a_limit),
	TEST(test_the_end_is_for_good),
};

int
main(void)
{
	return RUN_TESTS("chunk", tests);
}
