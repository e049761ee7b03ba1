/* SPDX-License-Identifier: MIT */
/*
 * Requests, one behind the other, in any pieces: what a reader finds does not
 * depend on where they are cut. The first four bytes choose the cuts.
 */
#include "fuzz.h"

#include "net/httpreq.h"

#include <string.h>

#define SEED_SIZE sizeof(uint32_t)

static const struct http_limits limits = {
	.line = 128,
	.head = 512,
	.headers = 12,
	.body = 256,
};

/* A digest of all that was found, in order. */
struct trace {
	uint64_t hash;
	unsigned requests;
	enum http_event last;
};

static void
note(struct trace *trace, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len; i++)
		trace->hash = (trace->hash ^ p[i]) * UINT64_C(0x100000001b3);
}

static void
note_number(struct trace *trace, uint64_t number)
{
	note(trace, &number, sizeof(number));
}

static void
note_span(struct trace *trace, struct wps_span span)
{
	note_number(trace, span.data ? span.len : UINT64_MAX);
	note(trace, span.data, span.len);
}

static void
note_request(struct trace *trace, const struct http_request *request)
{
	note_number(trace, request->method);
	note_span(trace, request->method_text);
	note_span(trace, request->target);
	note_span(trace, request->path);
	note_span(trace, request->query);
	note_span(trace, request->host);
	note_span(trace, request->body);
	for (size_t i = 0; i < request->header_count; i++) {
		note_span(trace, request->headers[i].name);
		note_span(trace, request->headers[i].value);
	}
	note_number(trace, request->content_length);
	note_number(trace, (uint64_t)request->chunked << 3 |
	    (uint64_t)request->keep_alive << 2 |
	    (uint64_t)request->expect_continue << 1 | request->upgrade);
}

/* Feeds a piece, however many requests end in it; false: the end of all. */
static bool
feed(struct http_reader *reader, const char *data, size_t len,
    struct trace *trace)
{
	for (;;) {
		size_t used = 0;
		enum http_event event = http_reader_feed(reader, data, len,
		    &used);
		PROMISE(used <= len);
		data += used;
		len -= used;
		/* A reader that has been fed nothing has nothing to say. */
		if (event != HTTP_MORE || used > 0)
			trace->last = event;
		if (event == HTTP_MORE) {
			PROMISE(len == 0);
			return true;
		}
		note_number(trace, event);
		note_request(trace, http_reader_request(reader));
		if (event == HTTP_BAD) {
			note_number(trace, (uint64_t)http_reader_status(reader));
			return false;
		}
		if (event == HTTP_DONE) {
			trace->requests++;
			http_reader_reset(reader);
		}
	}
}

static uint32_t
next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Pieces of up to `most` bytes, each in memory of its own; 0: one piece. */
static struct trace
read_all(const uint8_t *data, size_t size, uint32_t seed, size_t most)
{
	struct http_reader *reader = http_reader_new(&limits);
	struct trace trace = { .hash = UINT64_C(0xcbf29ce484222325) };
	uint32_t random = seed | 1;
	bool going = true;

	while (size > 0 && going) {
		size_t len = most ? 1 + next_random(&random) % most : size;
		if (len > size)
			len = size;
		char *copy = malloc(len);
		PROMISE(copy != NULL);
		memcpy(copy, data, len);
		going = feed(reader, copy, len, &trace);
		free(copy);
		data += len;
		size -= len;
	}
	http_reader_free(&reader);
	return trace;
}

/* Whole requests and nothing else. */
bool
fuzz_accepts(struct wps_span input)
{
	if (input.len < SEED_SIZE)
		return false;
	struct trace trace = read_all((const uint8_t *)input.data + SEED_SIZE,
	    input.len - SEED_SIZE, 0, 0);
	return trace.requests > 0 && trace.last == HTTP_DONE;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t mosts[] = { 1, 7, 100 };
	uint32_t seed;

	if (size < SEED_SIZE)
		return 0;
	memcpy(&seed, data, SEED_SIZE);
	data += SEED_SIZE;
	size -= SEED_SIZE;
	struct trace whole = read_all(data, size, seed, 0);
	for (size_t i = 0; i < sizeof(mosts) / sizeof(mosts[0]); i++) {
		struct trace cut = read_all(data, size, seed, mosts[i]);
		PROMISE(cut.hash == whole.hash);
		PROMISE(cut.requests == whole.requests);
		PROMISE(cut.last == whole.last);
	}
	return 0;
}
