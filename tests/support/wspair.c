/* SPDX-License-Identifier: MIT */
#include "support/wspair.h"

#include "net/stream.h"
#include "net/wsinput.h"
#include "support/check.h"
#include "support/wsframe.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 6

struct pair pair;

static void
note(char *text, size_t *len, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
note(char *text, size_t *len, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text + *len, PAIR_TEXT - *len, format, args);
	va_end(args);
	CU_ASSERT_FATAL(n >= 0 && (size_t)n < PAIR_TEXT - *len);
	*len += (size_t)n;
}

/* Long payloads are shown by their length. */
static void
note_payload(char *text, size_t *len, const char *what, struct wps_span data)
{
	if (data.len > 130)
		note(text, len, "%s(%zu bytes) ", what, data.len);
	else
		note(text, len, "%s(%.*s) ", what, (int)data.len,
		    data.len ? data.data : "");
}

/* --- the owner ------------------------------------------------------------ */

static void
on_message(void *owner, enum wps_frame frame, struct wps_span data)
{
	(void)owner;
	note_payload(pair.events, &pair.events_len,
	    frame == WPS_FRAME_TEXT ? "text" : "binary", data);
	if (pair.hold_each)
		ws_hold(pair.ws, true);
	if (pair.tire_each)
		pair.worker->pushed = WORKER_TURN_PUSHES;
}

/* Every insert is the same letter. */
static size_t
on_insert(void *owner, const struct body *body, unsigned i, uint64_t mark,
    char *dst)
{
	(void)owner;
	(void)body;
	(void)i;
	(void)mark;
	*dst = 'i';
	return 1;
}

static void
on_violated(void *owner, uint16_t code, const char *reason)
{
	(void)owner;
	note(pair.events, &pair.events_len, "fail(%u) ", code);
	if (pair.close_failed)
		ws_close(pair.ws, code, wps_span_str(reason));
}

static void
on_ended(void *owner, const struct ws_end *end)
{
	(void)owner;
	note(pair.events, &pair.events_len, "ended(%u %s) ", end->code,
	    end->by_peer ? "peer" : "us");
	ws_free(&pair.ws);
}

static const struct ws_ops ops = {
	.message = on_message,
	.insert = on_insert,
	.violated = on_violated,
	.ended = on_ended,
};

/* --- both ends ------------------------------------------------------------ */

static void
on_flushed(struct sender *sender)
{
	(void)sender;
}

static const struct sender_ops sender_ops = { .flushed = on_flushed };

void
pair_open(void)
{
	static const struct loop_limits limits = { .mailbox_bytes = 1 << 20 };
	static struct worker *peers[1];
	struct sender first;
	int fds[2];

	memset(&pair, 0, sizeof(pair));
	pair.limits = (struct ws_limits){
		.message = 1000,
		.ping_ms = 20000,
		.close_wait_ms = 5000,
		.held_items = 3,
		.held_bytes = 100,
		.out = { .bytes = 1000, .items = 10 },
	};
	pair.worker = peers[0] = worker_new(0, peers, 1, &limits);
	CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds) == 0);
	pair.fd = fds[0];
	struct stream *stream = stream_new(pair.worker, fds[1], NULL);
	sender_init(&first, stream, &pair.limits.out, &sender_ops);
	pair.ws = ws_new(stream, &first, &ops, &pair.limits, NULL);
	sender_fini(&first);
}

void
pair_close(void)
{
	ws_cut_all(pair.worker);
	pair_turn();
	CU_ASSERT_PTR_NULL(pair.ws);
	ws_free(&pair.ws);
	close(pair.fd);
	wsinput_pool_fini(pair.worker);
	worker_free(&pair.worker);
}

void
pair_turn_once(void)
{
	ev_run(pair.worker->loop, EVRUN_NOWAIT);
}

void
pair_turn(void)
{
	for (unsigned i = 0; i < TURNS; i++)
		pair_turn_once();
}

void
pair_write(struct wps_span bytes)
{
	ssize_t n = send(pair.fd, bytes.data, bytes.len, MSG_NOSIGNAL);

	check_number("written", n, (long long)bytes.len);
}

void
pair_send(unsigned first, const char *payload)
{
	char bytes[2048];
	struct wps_span span = wps_span_str(payload);

	CU_ASSERT_FATAL(span.len < sizeof(bytes) - FRAME_HEAD_MAX);
	char *end = frame_put(bytes, first, span);
	pair_write((struct wps_span){ bytes, (size_t)(end - bytes) });
}

void
pair_send_texts(const char *letters)
{
	for (; *letters; letters++)
		pair_send(FRAME_FIN | FRAME_TEXT, (char[]){ *letters, '\0' });
}

void
pair_send_close(uint16_t code)
{
	const char text[3] = { (char)(code >> 8), (char)code, '\0' };

	pair_send(FRAME_FIN | FRAME_CLOSE, text);
}

int
pair_push(const char *text)
{
	size_t len = strlen(text);
	struct body *body = body_new(FRAME_TEXT, len);

	CU_ASSERT_FATAL(body != NULL);
	memcpy(body_data(body), text, len);
	body_seal(body);
	int rc = ws_push(pair.ws, body, 0);
	body_unref(body);
	return rc;
}

/* --- what the client got -------------------------------------------------- */

static const char *
opcode_name(unsigned opcode)
{
	switch (opcode) {
	case FRAME_TEXT:
		return "text";
	case FRAME_BINARY:
		return "binary";
	case FRAME_PING:
		return "ping";
	case FRAME_PONG:
		return "pong";
	default:
		return "unknown";
	}
}

/* Shows one frame of a server; 0: it is not whole. */
static size_t
show_frame(char *text, size_t *len, const unsigned char *p, size_t have)
{
	size_t head = 2, size;

	if (have < 2)
		return 0;
	size = p[1];
	if (size == 126 && have >= 4) {
		size = (size_t)p[2] << 8 | p[3];
		head = 4;
	} else if (size == 127 && have >= 10) {
		size = (size_t)p[7] << 16 | (size_t)p[8] << 8 | p[9];
		head = 10;
	}
	if (head + size > have)
		return 0;
	struct wps_span data = { (const char *)p + head, size };
	check_number("final and without reserved bits", p[0] & 0xf0, 0x80);
	if ((p[0] & 15) != FRAME_CLOSE)
		note_payload(text, len, opcode_name(p[0] & 15), data);
	else if (size < 2)
		note(text, len, "close() ");
	else
		note(text, len, "close(%u%s%.*s) ", p[head] << 8 | p[head + 1],
		    size > 2 ? " " : "", (int)size - 2, data.data + 2);
	return head + size;
}

/* Whether the server has closed the socket. */
static bool
read_all(void)
{
	for (;;) {
		CU_ASSERT_FATAL(pair.got_len < sizeof(pair.got));
		ssize_t n = recv(pair.fd, pair.got + pair.got_len,
		    sizeof(pair.got) - pair.got_len, 0);
		if (n <= 0)
			return n == 0 || errno != EAGAIN;
		pair.got_len += (size_t)n;
		pair_turn();
	}
}

static void
check_and_reset(const char *what, char *text, size_t *len, const char *expected)
{
	if (*len > 0)
		text[*len - 1] = '\0';
	check_text(what, *len > 0 ? text : "", expected);
	*len = 0;
}

void
pair_check_client(const char *what, const char *expected)
{
	char text[PAIR_TEXT];
	size_t len = 0, used = 0, n;

	pair_turn();
	bool ended = read_all();
	while ((n = show_frame(text, &len,
	    (const unsigned char *)pair.got + used, pair.got_len - used)) > 0)
		used += n;
	memmove(pair.got, pair.got + used, pair.got_len - used);
	pair.got_len -= used;
	if (ended)
		note(text, &len, "eof ");
	check_and_reset(what, text, &len, expected);
}

void
pair_check_owner(const char *what, const char *expected)
{
	pair_turn();
	check_and_reset(what, pair.events, &pair.events_len, expected);
}
