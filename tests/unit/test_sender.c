/* SPDX-License-Identifier: MIT */
/*
 * Senders against a kernel that takes as many bytes as a test lets it.
 */
#include "net/sender.h"

#include "net/loop.h"
#include "net/stream.h"
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT 1 /* opcodes */
#define CLOSE 8
#define ROOM 4096

/* --- the kernel ----------------------------------------------------------- */

static struct {
	size_t budget;   /* bytes that it still takes */
	size_t at_once;  /* bytes of one call at most */
	int broken;      /* errno of every call; 0: it works */
	unsigned calls;  /* that took something */
	char got[ROOM];
	size_t len;
} kernel;

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags);

ssize_t
__wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	size_t taken = 0;
	size_t most = kernel.budget < kernel.at_once ? kernel.budget :
	    kernel.at_once;

	(void)fd;
	check_number("no signal", flags & MSG_NOSIGNAL, MSG_NOSIGNAL);
	errno = kernel.broken ? kernel.broken : EAGAIN;
	if (kernel.broken || most == 0)
		return -1;
	for (size_t i = 0; i < msg->msg_iovlen && taken < most; i++) {
		const struct iovec *iov = &msg->msg_iov[i];
		size_t n = iov->iov_len < most - taken ? iov->iov_len :
		    most - taken;
		CU_ASSERT_FATAL(kernel.len + n <= sizeof(kernel.got));
		memcpy(kernel.got + kernel.len, iov->iov_base, n);
		kernel.len += n;
		taken += n;
	}
	kernel.budget -= taken;
	kernel.calls++;
	return (ssize_t)taken;
}

static void
check_got(const char *what, struct wps_span expected)
{
	check_bytes(what, (struct wps_span){ kernel.got, kernel.len }, expected);
}

/* --- a sender on a worker ------------------------------------------------- */

static const struct loop_limits loop_limits = { .mailbox_bytes = 1 << 20 };

static struct {
	struct worker *worker;
	struct stream *stream;
	struct sender_limits limits;
	struct sender sender;
	unsigned flushed;
} at;

static void
on_flushed(struct sender *sender)
{
	(void)sender;
	at.flushed++;
}

/* The mark is the address of both texts. */
static size_t
on_insert(struct sender *sender, const struct body *body, unsigned i,
    uint64_t mark, char *dst)
{
	const char *const *texts = (const void *)(uintptr_t)mark;
	size_t len = strlen(texts[i]);

	check_number("sender", sender == &at.sender, true);
	check_number("insert", i < body->insert_count, true);
	memcpy(dst, texts[i], len);
	return len;
}

static const struct sender_ops ops = {
	.flushed = on_flushed,
	.insert = on_insert,
};

static void
begin(size_t bytes, uint32_t items)
{
	static struct worker *peers[1];

	memset(&kernel, 0, sizeof(kernel));
	memset(&at, 0, sizeof(at));
	kernel.budget = kernel.at_once = SIZE_MAX;
	at.worker = peers[0] = worker_new(0, peers, 1, &loop_limits);
	at.stream = stream_new(at.worker, open("/dev/null", O_RDWR), NULL);
	at.limits = (struct sender_limits){ .bytes = bytes, .items = items };
	sender_init(&at.sender, at.stream, &at.limits, &ops);
}

static void
end(void)
{
	sender_fini(&at.sender);
	stream_free(&at.stream);
	worker_free(&at.worker);
}

static struct body *
make(uint8_t opcode, struct wps_span data)
{
	struct body *body = body_new(opcode, data.len);

	CU_ASSERT_FATAL(body != NULL);
	if (data.len > 0)
		memcpy(body_data(body), data.data, data.len);
	return body;
}

static int
push(const char *text)
{
	struct body *body = make(TEXT, wps_span_str(text));

	body_seal(body);
	int rc = sender_push(&at.sender, body, 0);
	body_unref(body);
	return rc;
}

/* A body with inserts at both offsets, for one receiver; the texts live until it
 * is written. */
static int
push_inserted(const char *text, size_t at0, size_t at1,
    const char *const texts[2])
{
	struct body *body = make(TEXT, wps_span_str(text));

	body->insert_count = 2;
	body->insert_at[0] = (uint32_t)at0;
	body->insert_at[1] = (uint32_t)at1;
	body_seal(body);
	int rc = sender_push(&at.sender, body, (uintptr_t)texts);
	body_unref(body);
	return rc;
}

/* --- tests ---------------------------------------------------------------- */

static void
test_nothing_is_written_before_the_flush(void)
{
	begin(ROOM, 100);
	check_number("push", push("a"), WPS_OK);
	check_number("calls", kernel.calls, 0);
	check_number("dirty", worker_busy(at.worker), true);
	worker_settle(at.worker);
	check_got("written", WPS_SPAN("\x81\x01" "a"));
	check_number("flushed", at.flushed, 1);
	check_number("clean", worker_busy(at.worker), false);
	end();
}

static void
test_what_piled_up_is_one_write(void)
{
	begin(ROOM, 100);
	push("one");
	push("");
	push("three");
	worker_settle(at.worker);
	check_number("calls", kernel.calls, 1);
	check_got("in order",
	    WPS_SPAN("\x81\x03one" "\x81\x00" "\x81\x05three"));
	check_number("bytes", (long long)at.sender.bytes, 0);
	check_number("items", at.sender.items, 0);
	end();
}

static void
test_more_pieces_than_one_write_takes_come_in_order(void)
{
	char expected[3 * 300];

	begin(ROOM, 1000);
	for (unsigned i = 0; i < 300; i++) {
		char text[2] = { (char)('a' + i % 26), '\0' };
		push(text);
		memcpy(expected + 3 * i, (char[]){ '\x81', 1, text[0] }, 3);
	}
	worker_settle(at.worker);
	check_got("all", (struct wps_span){ expected, sizeof(expected) });
	check_number("calls", kernel.calls < 10, true);
	end();
}

static void
test_header_has_the_shortest_length(void)
{
	static const struct {
		size_t len;
		struct wps_span head;
	} cases[] = {
		{ 0, { "\x82\x00", 2 } },
		{ 125, { "\x82\x7d", 2 } },
		{ 126, { "\x82\x7e\x00\x7e", 4 } },
		{ 65535, { "\x82\x7e\xff\xff", 4 } },
		{ 65536, { "\x82\x7f\0\0\0\0\0\x01\0\0", 10 } },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct body *body = body_new(2, cases[i].len);
		CU_ASSERT_FATAL(body != NULL);
		body_seal(body);
		check_bytes("head", (struct wps_span){
		    body_data(body) - body->head_len, body->head_len },
		    cases[i].head);
		body_unref(body);
	}
}

static void
test_bytes_without_a_frame_get_no_header(void)
{
	struct body *body = make(0, WPS_SPAN("HTTP"));

	begin(ROOM, 100);
	body_seal(body);
	sender_push(&at.sender, body, 0);
	body_unref(body);
	worker_settle(at.worker);
	check_got("raw", WPS_SPAN("HTTP"));
	end();
}

static void
test_one_body_serves_many_entries(void)
{
	struct body *body = make(TEXT, WPS_SPAN("x"));

	begin(ROOM, 100);
	body_seal(body);
	for (unsigned i = 0; i < 3; i++)
		sender_push(&at.sender, body, 0);
	check_number("references", body->refs, 4);
	worker_settle(at.worker);
	check_number("references", body->refs, 1);
	check_got("written", WPS_SPAN("\x81\x01x\x81\x01x\x81\x01x"));
	body_unref(body);
	end();
}

/* Wherever both inserts stand, near to each other or far, and of any length. */
static void
test_inserts_stand_at_their_offsets(void)
{
	const char *text = "abcdefghijklmnopqrstuvwxyzabcdefghijkl";
	static const size_t places[] = { 0, 1, 15, 16, 17, 33, 38 };
	static const char *const texts[] = { "", "1", "[---]" };

	for (size_t p = 0; p < COUNT(places); p++)
		for (size_t q = p; q < COUNT(places); q++)
			for (unsigned i = 0; i < 9; i++) {
				const char *const inserts[] = {
					texts[i / 3], texts[i % 3],
				};
				size_t a = places[p], b = places[q];
				char expected[64];
				int len = snprintf(expected, sizeof(expected),
				    "\x81%c%.*s%s%.*s%s%s",
				    (char)(38 + strlen(texts[i / 3]) +
					strlen(texts[i % 3])),
				    (int)a, text, texts[i / 3], (int)(b - a),
				    text + a, texts[i % 3], text + b);
				begin(ROOM, 100);
				push_inserted(text, a, b, inserts);
				worker_settle(at.worker);
				check_got("inserted", (struct wps_span){
				    expected, (size_t)len });
				end();
			}
}

static void
test_longest_inserts_count_in_the_header(void)
{
	char text[WPS_INSERT_MAX + 1];
	char body[101];

	memset(text, 'i', WPS_INSERT_MAX);
	memset(body, 'b', 100);
	text[WPS_INSERT_MAX] = body[100] = '\0';
	const char *const inserts[] = { text, text };
	begin(ROOM, 100);
	push_inserted(body, 0, 100, inserts);
	worker_settle(at.worker);
	check_number("all", (long long)kernel.len,
	    4 + 100 + 2 * WPS_INSERT_MAX);
	check_bytes("head", (struct wps_span){ kernel.got, 4 },
	    WPS_SPAN("\x81\x7e\x00\xb4"));
	end();
}

/* Each is six pieces. What the kernel has taken waits no longer. */
static void
test_far_inserts_of_many_bodies_are_counted(void)
{
	const char *text = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
	static const char *const inserts[] = { "<1>", "<22>" };
	const char *whole = "\x81\x3b" "abcdefghijklmnopqrst<1>"
	    "uvwxyzabcdefghijklmn<22>opqrstuvwxyz";
	char expected[4 * 3 + 40 * 61];
	char *end_of = expected;

	begin(ROOM, 100);
	for (unsigned i = 0; i < 4; i++) {
		push("s");
		end_of = (char *)memcpy(end_of, "\x81\x01s", 3) + 3;
	}
	for (unsigned i = 0; i < 40; i++) {
		push_inserted(text, 20, 40, inserts);
		end_of = (char *)memcpy(end_of, whole, 61) + 61;
	}
	kernel.budget = 4 * 3 + 21 * 61;
	worker_settle(at.worker);
	check_number("items", at.sender.items, 40 - 21);
	kernel.budget = SIZE_MAX;
	sender_flush(&at.sender);
	check_got("all", (struct wps_span){ expected, sizeof(expected) });
	check_number("items", at.sender.items, 0);
	end();
}

static void
push_mixture(void)
{
	static const char *const inserts[] = { "<1>", "<22>" };

	push("first");
	push_inserted("abc", 1, 2, inserts);
	push("");
	push_inserted("xyz", 0, 3, inserts);
	push("last");
}

#define MIXTURE "\x81\x05" "first" "\x81\x0a" "a<1>b<22>c" "\x81\x00" \
	"\x81\x0a" "<1>xyz<22>" "\x81\x04" "last"

/* The kernel stops behind each byte once, and takes the rest afterwards. */
static void
test_a_write_may_stop_behind_any_byte(void)
{
	const struct wps_span all = WPS_SPAN(MIXTURE);

	for (size_t stop = 0; stop <= all.len; stop++) {
		begin(ROOM, 100);
		push_mixture();
		kernel.budget = stop;
		worker_settle(at.worker);
		check_got("a part", (struct wps_span){ all.data, stop });
		check_number("unsent", at.sender.bytes > 0, stop < all.len);
		check_number("flushed", at.flushed, stop == all.len);
		kernel.budget = SIZE_MAX;
		sender_flush(&at.sender);
		check_got("the rest", all);
		check_number("unsent", (long long)at.sender.bytes, 0);
		end();
	}
}

static void
test_a_write_may_take_any_number_of_bytes_at_once(void)
{
	const struct wps_span all = WPS_SPAN(MIXTURE);

	for (size_t step = 1; step <= all.len; step++) {
		begin(ROOM, 100);
		push_mixture();
		kernel.at_once = step;
		worker_settle(at.worker);
		check_got("all", all);
		check_number("items", at.sender.items, 0);
		end();
	}
}

static void
test_writing_is_watched_only_while_something_waits(void)
{
	begin(ROOM, 100);
	push("abc");
	kernel.budget = 2;
	worker_settle(at.worker);
	check_number("watched", at.stream->io.events & EV_WRITE, EV_WRITE);
	kernel.budget = SIZE_MAX;
	sender_flush(&at.sender);
	check_number("not watched", at.stream->io.events & EV_WRITE, 0);
	end();
}

static void
test_items_are_limited_by_what_the_kernel_refuses(void)
{
	begin(ROOM, 2);
	kernel.budget = 0;
	check_number("1", push("a"), WPS_OK);
	check_number("2", push("b"), WPS_OK);
	check_number("3", push("c"), WPS_FULL);
	check_number("items", at.sender.items, 2);
	kernel.budget = 3; /* the first */
	check_number("room for one", push("d"), WPS_OK);
	check_number("no room", push("e"), WPS_FULL);
	kernel.budget = SIZE_MAX;
	worker_settle(at.worker);
	check_got("order", WPS_SPAN("\x81\x01" "a\x81\x01" "b\x81\x01" "d"));
	end();
}

/* What is pushed counts with the longest header. */
static void
test_bytes_are_limited_on_both_sides(void)
{
	for (size_t more = 0; more <= 1; more++) {
		char text[51];
		memset(text, 'x', sizeof(text));
		text[40 + more] = '\0';
		begin(3 + 40 + BODY_HEAD, 100);
		kernel.budget = 0;
		check_number("first", push("a"), WPS_OK);
		check_number("second", push(text), more ? WPS_FULL : WPS_OK);
		end();
	}
}

/* Before they are written nobody knows how long its inserts are. */
static void
test_a_body_with_inserts_counts_with_the_longest_header(void)
{
	static const char *const inserts[] = { "123", "4567" };

	for (size_t more = 0; more <= 1; more++) {
		begin(2 * (BODY_HEAD + 3) - more, 100);
		kernel.budget = 0;
		check_number("first", push_inserted("abc", 0, 0, inserts), WPS_OK);
		check_number("bytes", (long long)at.sender.bytes, BODY_HEAD + 3);
		check_number("second", push_inserted("abc", 0, 0, inserts),
		    more ? WPS_FULL : WPS_OK);
		end();
	}
}

static void
test_empty_queue_takes_any_one_entry(void)
{
	begin(1, 1);
	kernel.budget = 0;
	check_number("first", push("much more than one byte"), WPS_OK);
	check_number("second", push(""), WPS_FULL);
	kernel.budget = SIZE_MAX;
	check_number("the first has gone", push("again"), WPS_OK);
	end();
}

static void
test_dropping_keeps_a_partly_sent_entry(void)
{
	begin(ROOM, 100);
	push("first");
	push("second");
	kernel.budget = 3;
	worker_settle(at.worker);
	sender_drop_unsent(&at.sender);
	check_number("items", at.sender.items, 1);
	check_number("bytes", (long long)at.sender.bytes, 7);
	push("last");
	kernel.budget = SIZE_MAX;
	worker_settle(at.worker);
	check_got("whole frames", WPS_SPAN("\x81\x05" "first\x81\x04last"));
	end();
}

static void
test_dropping_forgets_all_that_is_not_begun(void)
{
	begin(ROOM, 100);
	push("first");
	push("second");
	sender_drop_unsent(&at.sender);
	check_number("items", at.sender.items, 0);
	check_number("bytes", (long long)at.sender.bytes, 0);
	sender_drop_unsent(&at.sender);
	push("last");
	worker_settle(at.worker);
	check_got("only the last", WPS_SPAN("\x81\x04last"));
	end();
}

/* One that expires at a time; it lives while it is queued. */
static struct body *
push_until(const char *text, uint64_t expires_ms)
{
	struct body *body = make(TEXT, wps_span_str(text));

	body->expires_ms = expires_ms;
	body_seal(body);
	check_number("push", sender_push(&at.sender, body, 0), WPS_OK);
	body_unref(body);
	return body; /* borrowed */
}

#define PAST 1
#define FUTURE UINT64_MAX

static void
test_what_has_expired_is_not_written(void)
{
	begin(ROOM, 100);
	push_until("a", PAST);
	push_until("b", FUTURE);
	push_until("c", PAST);
	push("d");
	push_until("e", PAST);
	worker_settle(at.worker);
	check_got("the rest", WPS_SPAN("\x81\x01" "b\x81\x01" "d"));
	check_number("bytes", (long long)at.sender.bytes, 0);
	check_number("items", at.sender.items, 0);
	check_number("mortal", at.sender.mortal, 0);
	push_until("f", PAST);
	worker_settle(at.worker);
	check_number("flushed", at.flushed, 2);
	push("g");
	worker_settle(at.worker);
	check_got("goes on",
	    WPS_SPAN("\x81\x01" "b\x81\x01" "d\x81\x01" "g"));
	end();
}

static void
test_what_was_begun_is_finished_though_it_expires(void)
{
	begin(ROOM, 100);
	kernel.budget = 1;
	struct body *begun = push_until("ab", FUTURE);
	struct body *waits = push_until("cd", FUTURE);
	worker_settle(at.worker);
	begun->expires_ms = PAST;
	waits->expires_ms = PAST;
	kernel.budget = SIZE_MAX;
	push("e");
	worker_settle(at.worker);
	check_got("a whole frame", WPS_SPAN("\x81\x02" "ab\x81\x01" "e"));
	end();
}

static void
test_what_has_expired_makes_room(void)
{
	begin(ROOM, 2);
	kernel.budget = 0;
	push_until("a", PAST);
	push("b");
	check_number("push", push("c"), WPS_OK);
	check_number("full", push("d"), WPS_FULL);
	kernel.budget = SIZE_MAX;
	worker_settle(at.worker);
	check_got("the rest", WPS_SPAN("\x81\x01" "b\x81\x01" "c"));
	end();
}

static void
test_dropping_counts_what_may_expire(void)
{
	begin(ROOM, 100);
	kernel.budget = 1;
	push_until("a", FUTURE);
	push_until("b", FUTURE);
	worker_settle(at.worker);
	sender_drop_unsent(&at.sender);
	check_number("mortal", at.sender.mortal, 1);
	check_number("items", at.sender.items, 1);
	end();
}

static void
test_a_broken_socket_is_told_once_and_takes_no_more(void)
{
	begin(ROOM, 100);
	push("a");
	kernel.broken = EPIPE;
	worker_settle(at.worker);
	check_number("told", at.flushed, 1);
	check_number("failed", at.sender.failed, true);
	check_number("not watched", at.stream->io.events & EV_WRITE, 0);
	check_number("push", push("b"), WPS_OK);
	struct body *last = make(TEXT, WPS_SPAN("c"));
	sender_push_last(&at.sender, last);
	body_unref(last);
	check_number("items", at.sender.items, 1);
	check_number("clean", worker_busy(at.worker), false);
	end();
}

static void
test_a_queue_moves_with_what_is_half_sent(void)
{
	struct sender to;

	begin(ROOM, 100);
	push("first");
	push("second");
	kernel.budget = 4;
	worker_settle(at.worker);
	push("third");
	sender_init(&to, at.stream, &at.limits, &ops);
	sender_move(&to, &at.sender);
	check_number("nothing left", at.sender.items, 0);
	check_number("items", to.items, 3);
	kernel.budget = SIZE_MAX;
	worker_settle(at.worker);
	check_got("in order",
	    WPS_SPAN("\x81\x05" "first\x81\x06second\x81\x05third"));
	sender_fini(&to);
	end();
}

/* What an owner did not hear of yet, or does not know. */
static void
test_a_queue_moves_with_its_failure_and_what_may_expire(void)
{
	struct sender to;
	struct body *mortal = make(TEXT, WPS_SPAN("m"));

	begin(ROOM, 100);
	mortal->expires_ms = 1;
	body_seal(mortal);
	kernel.budget = 0;
	check_number("push", sender_push(&at.sender, mortal, 0), WPS_OK);
	body_unref(mortal);
	sender_init(&to, at.stream, &at.limits, &ops);
	sender_move(&to, &at.sender);
	kernel.budget = SIZE_MAX;
	worker_settle(at.worker);
	check_got("expired", WPS_SPAN(""));
	to.failed = true;
	sender_move(&at.sender, &to);
	check_number("failed", at.sender.failed, true);
	sender_fini(&to);
	end();
}

/* A turn has room for so many of them, whoever they are for. */
static void
test_each_entry_counts_for_the_turn(void)
{
	begin(ROOM, 100);
	push("a");
	push("b");
	check_number("counted", at.worker->pushed, 2);
	end();
}

/* --- random operations ------------------------------------------------------ */

#define WAITING_MAX 60
#define STEPS 20000

/* What a queue should be: frames, of which the first may be partly sent. */
static struct {
	struct frame {
		struct body *body; /* borrowed from the queue */
		char bytes[64];
		size_t len, sent;
	} frames[WAITING_MAX];
	size_t count;
	char out[ROOM];
	size_t out_len;
} model;

static uint64_t
draw(uint64_t *seed, uint64_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (*seed >> 33) % below;
}

static void
try_push(uint64_t *seed)
{
	static const char *const inserts[] = { "<1>", "<22>" };
	struct frame *frame = &model.frames[model.count];
	char text[] = "abc";
	bool inserted = draw(seed, 2);

	if (model.count == WAITING_MAX)
		return;
	*frame = (struct frame){ .sent = 0 };
	text[0] = (char)('a' + draw(seed, 26));
	struct body *body = make(TEXT, wps_span_str(text));
	if (inserted) {
		body->insert_count = 2;
		body->insert_at[0] = 0;
		body->insert_at[1] = 3;
	}
	if (draw(seed, 2))
		body->expires_ms = FUTURE;
	body_seal(body);
	frame->len = (size_t)snprintf(frame->bytes, sizeof(frame->bytes),
	    "\x81%c%s%s%s", inserted ? 10 : 3, inserted ? inserts[0] : "", text,
	    inserted ? inserts[1] : "");
	check_number("push", sender_push(&at.sender, body, (uintptr_t)inserts),
	    WPS_OK);
	frame->body = body;
	body_unref(body);
	model.count++;
}

static void
try_expire(uint64_t *seed)
{
	if (model.count == 0)
		return;
	struct body *body = model.frames[draw(seed, model.count)].body;
	if (body->expires_ms != 0)
		body->expires_ms = PAST;
}

/* Those that are begun stay, and of the others those that shall. */
static void
keep_frames(bool living)
{
	size_t kept = 0;

	for (size_t i = 0; i < model.count; i++) {
		const struct frame *frame = &model.frames[i];
		if (frame->sent > 0 ||
		    (living && frame->body->expires_ms != PAST))
			model.frames[kept++] = *frame;
	}
	model.count = kept;
}

static void
send_frames(size_t budget)
{
	size_t gone = 0;

	model.out_len = 0;
	while (gone < model.count && budget > 0) {
		struct frame *frame = &model.frames[gone];
		size_t n = frame->len - frame->sent < budget ?
		    frame->len - frame->sent : budget;
		memcpy(model.out + model.out_len, frame->bytes + frame->sent, n);
		model.out_len += n;
		frame->sent += n;
		budget -= n;
		if (frame->sent == frame->len)
			gone++;
	}
	memmove(model.frames, model.frames + gone,
	    (model.count - gone) * sizeof(model.frames[0]));
	model.count -= gone;
}

static void
try_flush(uint64_t *seed)
{
	size_t budget = draw(seed, 4) ? draw(seed, 100) : ROOM;

	keep_frames(true);
	send_frames(budget);
	kernel.len = 0;
	kernel.budget = budget;
	kernel.at_once = draw(seed, 2) ? draw(seed, 40) + 1 : SIZE_MAX;
	sender_flush(&at.sender);
	check_got("sent", (struct wps_span){ model.out, model.out_len });
}

/* Queues of many blocks, which begin and end anywhere in them. */
static void
test_random_operations_agree_with_a_model(void)
{
	uint64_t seed = 1;

	begin(SIZE_MAX, UINT32_MAX);
	model.count = 0;
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned what = (unsigned)draw(&seed, 40);
		if (what < 30) {
			try_push(&seed);
		} else if (what < 35) {
			try_expire(&seed);
		} else if (what < 39) {
			try_flush(&seed);
		} else {
			keep_frames(false);
			sender_drop_unsent(&at.sender);
		}
		CU_ASSERT_EQUAL_FATAL(at.sender.items, model.count);
	}
	end();
}

static const struct named_test tests[] = {
	TEST(test_nothing_is_written_before_the_flush),
	TEST(test_what_piled_up_is_one_write),
	TEST(test_more_pieces_than_one_write_takes_come_in_order),
	TEST(test_header_has_the_shortest_length),
	TEST(test_bytes_without_a_frame_get_no_header),
	TEST(test_one_body_serves_many_entries),
	TEST(test_inserts_stand_at_their_offsets),
	TEST(test_longest_inserts_count_in_the_header),
	TEST(test_far_inserts_of_many_bodies_are_counted),
	TEST(test_a_write_may_stop_behind_any_byte),
	TEST(test_a_write_may_take_any_number_of_bytes_at_once),
	TEST(test_writing_is_watched_only_while_something_waits),
	TEST(test_items_are_limited_by_what_the_kernel_refuses),
	TEST(test_bytes_are_limited_on_both_sides),
	TEST(test_a_body_with_inserts_counts_with_the_longest_header),
	TEST(test_empty_queue_takes_any_one_entry),
	TEST(test_dropping_keeps_a_partly_sent_entry),
	TEST(test_dropping_forgets_all_that_is_not_begun),
	TEST(test_what_has_expired_is_not_written),
	TEST(test_what_was_begun_is_finished_though_it_expires),
	TEST(test_what_has_expired_makes_room),
	TEST(test_dropping_counts_what_may_expire),
	TEST(test_a_broken_socket_is_told_once_and_takes_no_more),
	TEST(test_a_queue_moves_with_what_is_half_sent),
	TEST(test_a_queue_moves_with_its_failure_and_what_may_expire),
	TEST(test_each_entry_counts_for_the_turn),
	TEST(test_random_operations_agree_with_a_model),
};

int
main(void)
{
	return RUN_TESTS("sender", tests);
}
