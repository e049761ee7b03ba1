/* SPDX-License-Identifier: MIT */
/*
 * Frames to messages: what a client sends gives the same events whole, byte by
 * byte, and cut anywhere. The test stands where ws.c does.
 */
#include "net/wsinput.h"

#include "net/stream.h"
#include "support/wsframe.h"
#include "unit.h"

#define MESSAGE_MAX 70000
#define BYTES_MAX (2 * MESSAGE_MAX)

/* --- what ws.c does, as text ---------------------------------------------- */

static struct {
	struct worker worker;
	struct stream stream;
	struct ws_limits limits;
	struct ws ws;
	unsigned messages;
	bool absent;          /* one came without bytes to point at */
	unsigned stall_after; /* messages; 0: never */
	char events[1024];
	size_t len;
} at;

static void
event(const char *what, struct wps_span data)
{
	uint32_t sum = 0;
	size_t room = sizeof(at.events) - at.len;

	for (size_t i = 0; i < data.len; i++)
		sum = sum * 31 + (unsigned char)data.data[i];
	int n = data.len <= 32 ?
	    snprintf(at.events + at.len, room, "%s(%.*s) ", what,
		(int)data.len, data.len ? data.data : "") :
	    snprintf(at.events + at.len, room, "%s(%zu %08x) ", what,
		data.len, sum);
	CU_ASSERT_FATAL(n > 0 && (size_t)n < room);
	at.len += (size_t)n;
}

static void
event_code(const char *what, unsigned code)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", code);

	event(what, (struct wps_span){ text, (size_t)n });
}

void
wsinput_message(struct ws *ws, enum wps_frame frame, struct wps_span data)
{
	(void)ws;
	at.messages++;
	at.absent |= data.data == NULL;
	event(frame == WPS_FRAME_TEXT ? "text" : "binary", data);
}

void
wsinput_ping(struct ws *ws, struct wps_span payload)
{
	(void)ws;
	event("ping", payload);
}

void
wsinput_closed(struct ws *ws, uint16_t code)
{
	ws->deaf = true;
	event_code("closed", code);
}

void
wsinput_fail(struct ws *ws, uint16_t code, const char *reason)
{
	(void)reason;
	ws->deaf = true;
	event_code("fail", code);
}

bool
wsinput_pauses(const struct ws *ws)
{
	(void)ws;
	return at.stall_after && at.messages >= at.stall_after;
}

static char large[MESSAGE_MAX];
static char bytes[BYTES_MAX];

/* --- feeding -------------------------------------------------------------- */

static void
begin(void)
{
	memset(&at, 0, sizeof(at));
	at.limits.message = MESSAGE_MAX;
	at.stream.io.data = &at.worker;
	at.ws.stream = &at.stream;
	at.ws.limits = &at.limits;
}

static void
finish(void)
{
	wsinput_detach(&at.ws);
	wsinput_pool_fini(&at.worker);
}

static void
feed(const char *data, size_t len)
{
	if (at.ws.deaf || len == 0)
		return;
	/* Not a byte to spare: reading beyond is found. */
	struct wps_span copy = exact_copy((struct wps_span){ data, len });
	struct wps_span left = wsinput_feed(&at.ws, copy);
	if (!at.ws.deaf)
		check_number("all is taken", (long long)left.len, 0);
	free_copy(copy);
}

static void
feed_in_steps(const char *data, size_t len, size_t step)
{
	for (size_t i = 0; i < len; i += step)
		feed(data + i, len - i < step ? len - i : step);
}

static void
check_events(const char *what, const char *expected)
{
	if (at.len > 0)
		at.events[at.len - 1] = '\0';
	check_text(what, at.events, expected);
}

/* Whole, byte by byte, and in two pieces: large inputs are cut here and there. */
static void
check_sequence(const char *name, const char *data, size_t len,
    const char *expected)
{
	begin();
	feed(data, len);
	check_events(name, expected);
	finish();
	begin();
	feed_in_steps(data, len, 1);
	check_events(name, expected);
	finish();
	size_t step = len < 300 ? 1 : 1021;
	for (size_t cut = 1; cut < len; cut += cut < 20 ? 1 : step) {
		begin();
		feed(data, cut);
		feed(data + cut, len - cut);
		check_events(name, expected);
		finish();
	}
}

/* --- sequences of frames -------------------------------------------------- */

struct frame {
	unsigned first;
	struct wps_span payload;
};

#define FRAMES_MAX 6

struct sequence {
	const char *name;
	const char *events;
	struct frame frames[FRAMES_MAX];
};

#define F(first, payload) { first, { payload, sizeof(payload) - 1 } }
#define WHOLE_TEXT (FRAME_FIN | FRAME_TEXT)
#define WHOLE_BINARY (FRAME_FIN | FRAME_BINARY)
#define CLOSE (FRAME_FIN | FRAME_CLOSE)
#define PING (FRAME_FIN | FRAME_PING)
#define PONG (FRAME_FIN | FRAME_PONG)
#define MORE 0

static void
check_sequences(const struct sequence *sequences, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct sequence *s = &sequences[i];
		char *end = bytes;
		for (size_t k = 0; k < FRAMES_MAX && s->frames[k].payload.data;
		    k++)
			end = frame_put(end, s->frames[k].first,
			    s->frames[k].payload);
		check_sequence(s->name, bytes, (size_t)(end - bytes), s->events);
	}
}

static void
test_good_frames_give_their_messages(void)
{
	static const struct sequence sequences[] = {
		{ "text", "text(hi)", { F(WHOLE_TEXT, "hi") } },
		{ "binary", "binary(\x01\xff)", { F(WHOLE_BINARY, "\x01\xff") } },
		{ "empty", "text() binary()",
		    { F(WHOLE_TEXT, ""), F(WHOLE_BINARY, "") } },
		{ "several", "text(a) text(b) binary(c)", { F(WHOLE_TEXT, "a"),
		    F(WHOLE_TEXT, "b"), F(WHOLE_BINARY, "c") } },
		{ "fragments", "text(abcd)", { F(FRAME_TEXT, "ab"),
		    F(MORE, "c"), F(FRAME_FIN, "d") } },
		{ "empty fragments", "binary(x)", { F(FRAME_BINARY, ""),
		    F(MORE, "x"), F(MORE, ""), F(FRAME_FIN, "") } },
		{ "nothing in fragments", "text()",
		    { F(FRAME_TEXT, ""), F(FRAME_FIN, "") } },
		{ "one message behind another", "text(ab) text(cd)",
		    { F(FRAME_TEXT, "a"), F(FRAME_FIN, "b"),
		    F(FRAME_TEXT, "c"), F(FRAME_FIN, "d") } },
		{ "control frames inside a message", "ping(1) ping(2) text(ab)",
		    { F(FRAME_TEXT, "a"), F(PING, "1"), F(PONG, "x"),
		    F(PING, "2"), F(FRAME_FIN, "b") } },
		{ "a close inside a message", "closed(1000)",
		    { F(FRAME_TEXT, "a"), F(CLOSE, "\x03\xe8") } },
		{ "ping without payload", "ping()", { F(PING, "") } },
		{ "a pong is no event", "", { F(PONG, "x"), F(PONG, "") } },
		{ "behind a close nothing counts", "text(a) closed(1005)",
		    { F(WHOLE_TEXT, "a"), F(CLOSE, ""), F(WHOLE_TEXT, "b"),
		    F(CLOSE, "") } },
	};

	check_sequences(sequences, COUNT(sequences));
}

static void
test_bad_frames_fail_the_connection(void)
{
	static const struct sequence sequences[] = {
		{ "rsv1", "text(a) fail(1002)",
		    { F(WHOLE_TEXT, "a"), F(WHOLE_TEXT | 0x40, "a") } },
		{ "rsv2", "fail(1002)", { F(WHOLE_TEXT | 0x20, "a") } },
		{ "rsv3", "fail(1002)", { F(WHOLE_TEXT | 0x10, "a") } },
		{ "rsv of a ping", "fail(1002)", { F(PING | 0x40, "a") } },
		{ "rsv of a continuation", "fail(1002)",
		    { F(FRAME_TEXT, "a"), F(FRAME_FIN | 0x40, "a") } },
		{ "continuation of nothing", "fail(1002)", { F(MORE, "a") } },
		{ "its end", "fail(1002)", { F(FRAME_FIN, "a") } },
		{ "continuation of a finished message", "text(ab) fail(1002)",
		    { F(FRAME_TEXT, "a"), F(FRAME_FIN, "b"),
		    F(FRAME_FIN, "c") } },
		{ "text inside a message", "fail(1002)",
		    { F(FRAME_TEXT, "a"), F(WHOLE_TEXT, "b") } },
		{ "binary inside a message", "fail(1002)",
		    { F(FRAME_TEXT, "a"), F(FRAME_BINARY, "b") } },
		{ "ping in fragments", "fail(1002)", { F(FRAME_PING, "a") } },
		{ "pong in fragments", "fail(1002)", { F(FRAME_PONG, "a") } },
		{ "close in fragments", "fail(1002)", { F(FRAME_CLOSE, "") } },
		{ "close of one byte", "fail(1002)", { F(CLOSE, "\x03") } },
		{ "text is not UTF-8", "fail(1007)", { F(WHOLE_TEXT, "a\xff") } },
		{ "text ends inside a character", "fail(1007)",
		    { F(WHOLE_TEXT, "a\xe2\x82") } },
		{ "a message ends inside a character", "fail(1007)",
		    { F(FRAME_TEXT, "a\xe2"), F(FRAME_FIN, "\x82") } },
		{ "reason is not UTF-8", "fail(1007)",
		    { F(CLOSE, "\x03\xe8\xc3(") } },
		{ "behind a failure nothing counts", "fail(1002)",
		    { F(FRAME_FIN, "a"), F(WHOLE_TEXT, "b"), F(CLOSE, "") } },
	};

	check_sequences(sequences, COUNT(sequences));
}

static void
test_reserved_opcodes_fail(void)
{
	for (unsigned opcode = 3; opcode < 16; opcode++) {
		if (opcode >= FRAME_CLOSE && opcode <= FRAME_PONG)
			continue;
		char *end = frame_put(bytes, FRAME_FIN | opcode, WPS_SPAN("x"));
		check_sequence("opcode", bytes, (size_t)(end - bytes),
		    "fail(1002)");
	}
}

static void
test_frames_of_clients_are_masked(void)
{
	check_sequence("text", "\x81\x01" "a", 3, "fail(1002)");
	check_sequence("empty text", "\x81\x00", 2, "fail(1002)");
	check_sequence("ping", "\x89\x00", 2, "fail(1002)");
}

/* RFC 6455, section 7.4. */
static bool
may_be_sent(unsigned code)
{
	static const struct {
		unsigned from, to;
	} ranges[] = { { 1000, 1003 }, { 1007, 1014 }, { 3000, 4999 } };

	for (size_t i = 0; i < COUNT(ranges); i++)
		if (code >= ranges[i].from && code <= ranges[i].to)
			return true;
	return false;
}

static void
test_close_codes_are_those_that_may_be_sent(void)
{
	for (unsigned code = 0; code <= UINT16_MAX; code++) {
		const char payload[] = { (char)(code >> 8), (char)code, 'o' };
		char expected[32];
		char *end = frame_put(bytes, CLOSE,
		    (struct wps_span){ payload, sizeof(payload) });
		snprintf(expected, sizeof(expected), may_be_sent(code) ?
		    "closed(%u)" : "fail(1002)", code);
		begin();
		feed(bytes, (size_t)(end - bytes));
		check_events("close", expected);
		finish();
	}
}

/* --- lengths -------------------------------------------------------------- */

static void
test_lengths_of_all_forms_are_read(void)
{
	static const size_t lengths[] = { 1, 125, 126, 127, 4090, 4096, 4097,
		65535, 65536, MESSAGE_MAX };

	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (char)('a' + i % 23);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct wps_span payload = { large, lengths[i] };
		char *end = frame_put(bytes, WHOLE_TEXT, payload);
		end = frame_put(end, WHOLE_TEXT, WPS_SPAN("next"));
		begin();
		event("text", payload);
		event("text", WPS_SPAN("next"));
		char expected[128];
		snprintf(expected, sizeof(expected), "%.*s",
		    (int)at.len - 1, at.events);
		check_sequence("length", bytes, (size_t)(end - bytes), expected);
	}
}

static void
test_lengths_have_their_shortest_form(void)
{
	static const struct {
		uint64_t len;
		unsigned bytes;
	} cases[] = {
		{ 0, 2 }, { 125, 2 }, { 0, 8 }, { 125, 8 }, { 126, 8 },
		{ 65535, 8 }, { UINT64_C(1) << 63, 8 }, { UINT64_MAX, 8 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *end = frame_head(bytes, WHOLE_BINARY, cases[i].len,
		    cases[i].bytes);
		memset(end, 'x', 200);
		check_sequence("not the shortest", bytes,
		    (size_t)(end - bytes) + 200, "fail(1002)");
	}
}

static void
test_control_frames_are_short(void)
{
	static const struct {
		unsigned first;
		const char *event;
	} cases[] = {
		{ PING, "ping(125" },
		{ PONG, "" },
		{ CLOSE, "closed(1000)" },
	};

	memset(large, 'x', 126);
	memcpy(large, "\x03\xe8", 2);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *end = frame_put(bytes, cases[i].first,
		    (struct wps_span){ large, 126 });
		check_sequence("126", bytes, (size_t)(end - bytes),
		    "fail(1002)");
		end = frame_put(bytes, cases[i].first, (struct wps_span){
		    large, 125 });
		begin();
		feed(bytes, (size_t)(end - bytes));
		at.events[strlen(cases[i].event)] = '\0';
		check_text("125", at.events, cases[i].event);
		finish();
	}
}

static void
check_limit(size_t limit, char *end, const char *expected)
{
	for (size_t step = 1; step < 100; step += 98) {
		begin();
		at.limits.message = limit;
		feed_in_steps(bytes, (size_t)(end - bytes), step);
		check_events("limit", expected);
		finish();
	}
}

static void
test_messages_are_limited_on_both_sides(void)
{
	char *end = frame_put(bytes, WHOLE_TEXT, WPS_SPAN("12345"));

	check_limit(5, end, "text(12345)");
	check_limit(4, end, "fail(1009)");
	end = frame_put(bytes, FRAME_TEXT, WPS_SPAN("12"));
	end = frame_put(end, FRAME_FIN, WPS_SPAN("345"));
	check_limit(5, end, "text(12345)");
	check_limit(4, end, "fail(1009)");
	end = frame_put(end, WHOLE_TEXT, WPS_SPAN("abcde"));
	check_limit(5, end, "text(12345) text(abcde)");
}

/* The header is enough: no memory is taken for what will not be let in. */
static void
test_a_length_beyond_the_limit_fails_at_its_first_byte(void)
{
	char *end = frame_head(bytes, WHOLE_BINARY, INT64_MAX, 8);

	*end++ = 'x';
	check_limit(MESSAGE_MAX, end, "fail(1009)");
}

/* --- text ----------------------------------------------------------------- */

/* The characters of a text are cut by frames at every byte. */
static void
test_fragments_may_end_inside_a_character(void)
{
	const struct wps_span text = WPS_SPAN("z\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");

	for (size_t a = 0; a <= text.len; a++)
		for (size_t b = a; b <= text.len; b++) {
			char *end = frame_put(bytes, FRAME_TEXT,
			    (struct wps_span){ text.data, a });
			end = frame_put(end, MORE,
			    (struct wps_span){ text.data + a, b - a });
			end = frame_put(end, FRAME_FIN, (struct wps_span){
			    text.data + b, text.len - b });
			check_sequence("cut", bytes, (size_t)(end - bytes),
			    "text(z\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80)");
		}
}

static void
test_text_that_cannot_become_valid_fails_at_once(void)
{
	char *end = frame_put(bytes, FRAME_TEXT, WPS_SPAN("a\xf4\x90"));

	check_sequence("no end yet", bytes, (size_t)(end - bytes), "fail(1007)");
	end = frame_head(bytes, WHOLE_TEXT, 1000, 2);
	*end++ = '\xc0';
	check_sequence("most is still to come", bytes, (size_t)(end - bytes),
	    "fail(1007)");
}

/* --- memory and rests ----------------------------------------------------- */

static void
test_nothing_is_held_between_messages(void)
{
	char *end = frame_put(bytes, FRAME_TEXT, WPS_SPAN("ab"));

	begin();
	feed(bytes, (size_t)(end - bytes));
	CU_ASSERT_PTR_NOT_NULL(at.ws.input);
	end = frame_put(bytes, FRAME_FIN, WPS_SPAN("c"));
	feed(bytes, 3);
	CU_ASSERT_PTR_NOT_NULL(at.ws.input);
	feed(bytes + 3, (size_t)(end - bytes) - 3);
	CU_ASSERT_PTR_NULL(at.ws.input);
	check_number("kept for others", at.worker.frame_pool_count, 1);
	feed("\x81", 1);
	CU_ASSERT_PTR_NOT_NULL(at.ws.input);
	check_number("taken", at.worker.frame_pool_count, 0);
	finish();
}

static void
test_nothing_is_held_behind_a_message_of_any_length(void)
{
	static const size_t lengths[] = { 0, 125, 126, 65535, 65536 };

	memset(large, 'x', sizeof(large));
	for (size_t i = 0; i < COUNT(lengths); i++) {
		char *end = frame_put(bytes, WHOLE_TEXT,
		    (struct wps_span){ large, lengths[i] });
		begin();
		feed(bytes, (size_t)(end - bytes));
		check_number("given", at.messages, 1);
		CU_ASSERT_PTR_NULL(at.ws.input);
		finish();
	}
}

/* An absent span is something else to those who get it. */
static void
test_an_empty_message_is_not_absent(void)
{
	char *end = frame_put(bytes, FRAME_TEXT, WPS_SPAN(""));

	end = frame_put(end, FRAME_FIN, WPS_SPAN(""));
	end = frame_put(end, WHOLE_TEXT, WPS_SPAN(""));
	begin();
	feed(bytes, (size_t)(end - bytes));
	check_events("both", "text() text()");
	check_number("absent", at.absent, false);
	finish();
}

static void
test_a_failed_context_is_not_kept(void)
{
	begin();
	feed("\x81\x00", 2);
	check_events("failed", "fail(1002)");
	CU_ASSERT_PTR_NULL(at.ws.input);
	check_number("kept", at.worker.frame_pool_count, 0);
	finish();
}

static void
test_a_stall_leaves_what_is_not_parsed(void)
{
	char *end = bytes;

	for (unsigned i = 0; i < 3000; i++)
		end = frame_put(end, WHOLE_TEXT, WPS_SPAN("ab"));
	size_t len = (size_t)(end - bytes);
	begin();
	at.stall_after = 2;
	struct wps_span left = wsinput_feed(&at.ws,
	    (struct wps_span){ bytes, len });
	check_events("two", "text(ab) text(ab)");
	check_number("left is the end", left.data + left.len == end, true);
	check_number("taken", left.len < len && left.len > 0, true);
	at.len = at.messages = 0;
	left = wsinput_feed(&at.ws, left);
	check_events("the next two", "text(ab) text(ab)");
	/* What the context has taken needs no further bytes. */
	for (unsigned i = 0; i < 60; i++) {
		at.len = at.messages = 0;
		at.stall_after = 50;
		left = wsinput_feed(&at.ws, left);
	}
	check_number("left", (long long)left.len, 0);
	CU_ASSERT_PTR_NULL(at.ws.input);
	finish();
}

/* Control frames carry nothing of the message that they stand in. */
static void
test_control_frames_do_not_count_against_the_limit(void)
{
	char *end = frame_put(bytes, FRAME_TEXT, WPS_SPAN("12345"));

	end = frame_put(end, PING, WPS_SPAN("p"));
	end = frame_put(end, PONG, WPS_SPAN("p"));
	end = frame_put(end, FRAME_FIN, WPS_SPAN(""));
	end = frame_put(end, CLOSE, WPS_SPAN("\x03\xe8 a long reason"));
	check_limit(5, end, "ping(p) text(12345) closed(1000)");
}

static const struct named_test tests[] = {
	TEST(test_good_frames_give_their_messages),
	TEST(test_bad_frames_fail_the_connection),
	TEST(test_reserved_opcodes_fail),
	TEST(test_frames_of_clients_are_masked),
	TEST(test_close_codes_are_those_that_may_be_sent),
	TEST(test_lengths_of_all_forms_are_read),
	TEST(test_lengths_have_their_shortest_form),
	TEST(test_control_frames_are_short),
	TEST(test_messages_are_limited_on_both_sides),
	TEST(test_a_length_beyond_the_limit_fails_at_its_first_byte),
	TEST(test_fragments_may_end_inside_a_character),
	TEST(test_text_that_cannot_become_valid_fails_at_once),
	TEST(test_nothing_is_held_between_messages),
	TEST(test_nothing_is_held_behind_a_message_of_any_length),
	TEST(test_an_empty_message_is_not_absent),
	TEST(test_a_failed_context_is_not_kept),
	TEST(test_a_stall_leaves_what_is_not_parsed),
	TEST(test_control_frames_do_not_count_against_the_limit),
};

int
main(void)
{
	return RUN_TESTS("wsinput", tests);
}
