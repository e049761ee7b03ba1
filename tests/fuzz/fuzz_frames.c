/* SPDX-License-Identifier: MIT */
/*
 * Frames of WebSocket clients: any bytes give the same events whole, byte by
 * byte, in random pieces, and when messages are taken one at a time. The harness
 * stands where ws.c does.
 */
#include "fuzz.h"

#include "lib/utf8.h"
#include "net/stream.h"
#include "net/wsinput.h"

#define MESSAGE_MAX 300

/* All that happened, mixed into one number, and how many events it was. */
struct history {
	uint64_t mix;
	unsigned events;
	bool failed;
};

static struct {
	struct worker worker;
	struct stream stream;
	struct ws_limits limits;
	struct ws ws;
	struct history history;
	bool one_by_one; /* each message stalls the connection */
	bool stalled;
} at;

static void
mix(const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		at.history.mix =
		    (at.history.mix ^ p[i]) * UINT64_C(0x100000001b3);
}

static void
event(char what, unsigned number, struct wps_span data)
{
	PROMISE(!at.ws.deaf);
	at.history.events++;
	mix(&what, 1);
	mix(&number, sizeof(number));
	mix(&data.len, sizeof(data.len));
	mix(data.data, data.len);
}

void
wsinput_message(struct ws *ws, enum wps_frame frame, struct wps_span data)
{
	(void)ws;
	PROMISE(data.len <= MESSAGE_MAX);
	PROMISE(data.data != NULL);
	PROMISE(frame != WPS_FRAME_TEXT || utf8_valid(data));
	event('m', (unsigned)frame, data);
	at.stalled = at.one_by_one;
}

void
wsinput_ping(struct ws *ws, struct wps_span payload)
{
	(void)ws;
	PROMISE(payload.len <= 125);
	event('p', 0, payload);
}

void
wsinput_closed(struct ws *ws, uint16_t code)
{
	PROMISE(code >= 1000 && code < 5000);
	event('c', code, WPS_SPAN_NONE);
	ws->deaf = true;
}

void
wsinput_fail(struct ws *ws, uint16_t code, const char *reason)
{
	PROMISE(code == 1002 || code == 1007 || code == 1009);
	event('f', code, wps_span_str(reason));
	at.history.failed = true;
	ws->deaf = true;
}

bool
wsinput_pauses(const struct ws *ws)
{
	(void)ws;
	return at.stalled;
}

/* A copy with not a byte to spare, so that reading beyond it is found. */
static void
feed(const uint8_t *data, size_t len)
{
	char *copy = malloc(len);

	PROMISE(copy != NULL);
	memcpy(copy, data, len);
	struct wps_span left = { copy, len };
	do {
		at.stalled = false;
		left = wsinput_feed(&at.ws, left);
		PROMISE(at.stalled || at.ws.deaf || left.len == 0);
	} while (at.stalled && !at.ws.deaf);
	PROMISE(!at.ws.deaf || at.ws.input == NULL);
	free(copy);
}

/* Pieces of random lengths up to `most`; 0: the whole. */
static struct history
run(const uint8_t *data, size_t size, size_t most, bool one_by_one)
{
	uint64_t seed = size;

	memset(&at, 0, sizeof(at));
	at.limits.message = MESSAGE_MAX;
	at.stream.io.data = &at.worker;
	at.ws.stream = &at.stream;
	at.ws.limits = &at.limits;
	at.one_by_one = one_by_one;
	for (size_t used = 0, n; used < size && !at.ws.deaf; used += n) {
		seed = (seed + data[used]) * 6364136223846793005u + 1;
		n = most ? 1 + (size_t)(seed >> 33) % most : size;
		n = n < size - used ? n : size - used;
		feed(data + used, n);
	}
	wsinput_detach(&at.ws);
	wsinput_pool_fini(&at.worker);
	return at.history;
}

static void
promise_same(struct history a, struct history b)
{
	PROMISE(a.mix == b.mix);
	PROMISE(a.events == b.events);
	PROMISE(a.failed == b.failed);
}

bool
fuzz_accepts(struct wps_span input)
{
	return !run((const uint8_t *)input.data, input.len, 0, false).failed;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct history whole = run(data, size, 0, false);

	promise_same(run(data, size, 1, false), whole);
	promise_same(run(data, size, 7, false), whole);
	promise_same(run(data, size, 150, false), whole);
	promise_same(run(data, size, 0, true), whole);
	promise_same(run(data, size, 40, true), whole);
	return 0;
}
