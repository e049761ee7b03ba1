/* SPDX-License-Identifier: MIT */
/*
 * Streams under TLS: a stream on a real worker and one end of a socket pair, a
 * client without a socket at the other, whose bytes the tests move.
 */
#include "net/tls.h"

#include "net/http.h"
#include "net/loop.h"
#include "net/sender.h"
#include "net/stream.h"
#include "net/tlsctx.h"
#include "support/check.h"
#include "support/expect.h"
#include "support/tlspeer.h"
#include "util/attr.h"

#include <errno.h>
#include <openssl/err.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 4
#define ROUNDS 20000 /* of moving bytes, at most */
#define LARGE (1024 * 1024)
#define ALL SIZE_MAX
#define PADDING 60000 /* of a certificate that no socket takes at once */

/* --- both sides ----------------------------------------------------------- */

static const struct loop_limits loop_limits = { .mailbox_bytes = 1 << 20 };
static const struct sender_limits sender_limits = {
	.bytes = 4 * LARGE, .items = 10000,
};

static struct tlsfiles files, large_files;

static struct {
	struct worker *workers[2];
	struct tls_context *context;
	struct stream *stream;
	struct sender sender;
	struct tlspeer peer;
	char *got; /* by the server */
	size_t got_len;
	size_t room; /* of one read; 0: as in the server */
	bool rests;  /* the server stops reading after each read */
	bool ended;
	int error;
	char *heard; /* by the client */
	size_t heard_len;
} at;

static void
on_readable(void *owner)
{
	char bytes[WORKER_READ_SIZE];
	ssize_t n = stream_read(at.stream, bytes,
	    at.room ? at.room : sizeof(bytes));

	(void)owner;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0) {
		CU_ASSERT_FATAL(at.got_len + (size_t)n <= LARGE);
		memcpy(at.got + at.got_len, bytes, (size_t)n);
		at.got_len += (size_t)n;
	}
	at.ended = n == 0;
	at.error = n < 0 ? errno : 0;
	if (n <= 0 || at.rests)
		stream_want_read(at.stream, false);
}

static void
on_writable(void *owner)
{
	(void)owner;
	sender_flush(&at.sender);
}

static const struct stream_ops stream_ops = {
	.readable = on_readable,
	.writable = on_writable,
};

static void
on_flushed(struct sender *sender)
{
	(void)sender;
}

static const struct sender_ops sender_ops = { .flushed = on_flushed };

static struct tls_context *
make_context(const struct tlsfiles *from, enum tls_version oldest)
{
	struct tls_context *context = tls_context_new(oldest);
	struct wps_err err = { "" };

	expect_int("certificate",
	    tls_context_certificate(context, from->cert, &err), WPS_OK);
	expect_int("key", tls_context_key(context,
	    (struct wps_span){ from->pem, from->pem_len }, &err), WPS_OK);
	check_text("no error", err.text, "");
	return context;
}

static int
begin_bare(const char *name, const struct tlsfiles *from,
    enum tls_version oldest)
{
	int fds[2];

	expect_in(name, 0);
	memset(&at, 0, sizeof(at));
	for (unsigned i = 0; i < 2; i++)
		at.workers[i] = worker_new(i, at.workers, 2, &loop_limits);
	at.context = make_context(from, oldest);
	at.got = malloc(LARGE);
	at.heard = malloc(2 * LARGE);
	CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds) == 0);
	tlspeer_init(&at.peer, fds[0]);
	return fds[1];
}

static void
begin_with(const char *name, const struct tlsfiles *from,
    enum tls_version oldest)
{
	int fd = begin_bare(name, from, oldest);

	at.stream = stream_new(at.workers[0], fd, at.context);
	sender_init(&at.sender, at.stream, &sender_limits, &sender_ops);
	stream_set_owner(at.stream, &stream_ops, NULL);
	stream_want_read(at.stream, true);
}

static void
begin(const char *name)
{
	begin_with(name, &files, TLS_1_2);
}

static void
turn(void)
{
	for (unsigned k = 0; k < TURNS; k++)
		for (unsigned i = 0; i < 2; i++)
			ev_run(at.workers[i]->loop, EVRUN_NOWAIT);
}

static void
end(void)
{
	if (at.stream)
		sender_fini(&at.sender);
	stream_free(&at.stream);
	tlspeer_fini(&at.peer);
	turn();
	tls_context_free(&at.context);
	for (unsigned i = 0; i < 2; i++) {
		http_abandon_all(at.workers[i]);
		turn();
		http_pool_fini(at.workers[i]);
	}
	for (unsigned i = 0; i < 2; i++)
		worker_free(&at.workers[i]);
	free(at.got);
	free(at.heard);
}

/* What has come, as the client understands it. */
static void
listen_up(void)
{
	int n;

	do {
		CU_ASSERT_FATAL(at.heard_len < 2 * LARGE);
		ERR_clear_error();
		n = SSL_read(at.peer.ssl, at.heard + at.heard_len,
		    (int)(2 * LARGE - at.heard_len));
		if (n > 0)
			at.heard_len += (size_t)n;
	} while (n > 0);
}

/* Moves bytes both ways, at most so many at once, until none are left. */
static void
move(size_t step)
{
	for (unsigned i = 0, idle = 0; i < ROUNDS && idle < 3; i++) {
		size_t sent = tlspeer_send(&at.peer, step);
		turn();
		size_t taken = tlspeer_take(&at.peer, step);
		listen_up();
		idle = sent + taken > 0 ? 0 : idle + 1;
	}
}

static void
say(const void *bytes, size_t len)
{
	expect_int("written", SSL_write(at.peer.ssl, bytes, (int)len),
	    (long long)len);
}

static void
push(const void *bytes, size_t len)
{
	struct body *body = body_new(0, len);

	CU_ASSERT_FATAL(body != NULL);
	memcpy(body_data(body), bytes, len);
	expect_int("pushed", sender_push(&at.sender, body, 0), WPS_OK);
	body_unref(body);
}

static void
expect_got(const char *text)
{
	expect_span("got by the server",
	    (struct wps_span){ at.got, at.got_len }, text);
}

static void
expect_heard(const char *text)
{
	expect_span("heard by the client",
	    (struct wps_span){ at.heard, at.heard_len }, text);
}

/* Bytes that show where they belong. */
static char *
make_pattern(size_t len)
{
	char *bytes = malloc(len);

	CU_ASSERT_FATAL(bytes != NULL);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 31 >> 3 ^ i >> 11);
	return bytes;
}

static void
shrink_buffer(int fd)
{
	int least = 1;

	expect_int("SO_SNDBUF", setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least,
	    sizeof(least)), 0);
}

/* --- data ----------------------------------------------------------------- */

static void
test_bytes_may_come_one_by_one(void)
{
	static const size_t steps[] = { 1, 2, 3, 5, 100, ALL };

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		begin("step");
		expect_in("step", (long)steps[i]);
		SSL_do_handshake(at.peer.ssl);
		move(steps[i]);
		expect_int("handshake", stream_established(at.stream), true);
		say("hello", 5);
		push("welcome", 7);
		move(steps[i]);
		expect_got("hello");
		expect_heard("welcome");
		end();
	}
}

static void
test_large_data_comes_whole(void)
{
	char *bytes = make_pattern(LARGE);

	begin("from the client");
	SSL_do_handshake(at.peer.ssl);
	move(ALL);
	say(bytes, LARGE);
	move(ALL);
	expect_int("bytes", (long long)at.got_len, LARGE);
	CU_ASSERT(memcmp(at.got, bytes, LARGE) == 0);
	expect_int("more", at.stream->tls->more, false);
	end();
	free(bytes);
}

static void
test_a_small_room_is_filled_again(void)
{
	char *bytes = make_pattern(50000);

	begin("small room");
	SSL_do_handshake(at.peer.ssl);
	move(ALL);
	at.room = 100;
	say(bytes, 50000);
	while (tlspeer_send(&at.peer, ALL) > 0)
		continue;
	turn();
	expect_int("bytes", (long long)at.got_len, 50000);
	CU_ASSERT(memcmp(at.got, bytes, 50000) == 0);
	end();
	free(bytes);
}

static void
test_large_data_goes_in_parts(void)
{
	char *bytes = make_pattern(LARGE);

	begin("to the client");
	SSL_do_handshake(at.peer.ssl);
	move(ALL);
	shrink_buffer(at.stream->io.fd);
	push(bytes, LARGE);
	turn();
	CU_ASSERT(stream_committed(at.stream) > 0);
	expect_int("awaits", at.stream->io.events & EV_WRITE, EV_WRITE);
	push("end", 3);
	move(1000);
	expect_int("bytes", (long long)at.heard_len, LARGE + 3);
	CU_ASSERT(memcmp(at.heard, bytes, LARGE) == 0);
	CU_ASSERT(memcmp(at.heard + LARGE, "end", 3) == 0);
	expect_int("queued", (long long)at.sender.bytes, 0);
	expect_int("committed", (long long)stream_committed(at.stream), 0);
	expect_int("awaits nothing", at.stream->io.events & EV_WRITE, 0);
	end();
	free(bytes);
}

static void
test_pieces_of_a_flush_share_a_record(void)
{
	unsigned char header[5];

	begin("record");
	SSL_do_handshake(at.peer.ssl);
	move(ALL);
	for (unsigned i = 0; i < 10; i++)
		push("0123456789", 10);
	turn();
	expect_int("header", recv(at.peer.fd, header, 5, MSG_PEEK), 5);
	CU_ASSERT((header[3] << 8 | header[4]) > 100);
	move(ALL);
	expect_int("bytes", (long long)at.heard_len, 100);
	end();
}

#define ITEM 3000

/* A record that is on its way cannot lose what is in it. */
static void
test_what_is_in_a_record_is_not_dropped(void)
{
	char item[ITEM];

	begin("dropping");
	SSL_do_handshake(at.peer.ssl);
	move(ALL);
	shrink_buffer(at.stream->io.fd);
	for (unsigned i = 0; i < 100; i++) {
		memset(item, 'a' + (int)i % 26, sizeof(item));
		push(item, sizeof(item));
	}
	turn();
	size_t committed = stream_committed(at.stream);
	CU_ASSERT(committed > ITEM);
	sender_drop_unsent(&at.sender);
	CU_ASSERT(at.sender.bytes >= committed);
	CU_ASSERT(at.sender.bytes < committed + ITEM);
	push("bye", 3);
	move(1000);
	size_t items = at.heard_len / ITEM;
	expect_int("whole items", (long long)at.heard_len,
	    (long long)items * ITEM + 3);
	CU_ASSERT(items > 0 && items < 100);
	for (size_t i = 0; i < items * ITEM; i++)
		if (at.heard[i] != 'a' + (char)(i / ITEM % 26)) {
			expect_int("item differs at", (long long)i, -1);
			break;
		}
	CU_ASSERT(memcmp(at.heard + items * ITEM, "bye", 3) == 0);
	expect_int("queued", (long long)at.sender.bytes, 0);
	end();
}

/* --- waiting for the opposite --------------------------------------------- */

static void
test_reading_waits_until_it_can_write(void)
{
	begin_with("large certificate", &large_files, TLS_1_2);
	shrink_buffer(at.stream->io.fd);
	SSL_do_handshake(at.peer.ssl);
	tlspeer_send(&at.peer, ALL);
	turn();
	expect_int("wants", stream_wants_read(at.stream), true);
	expect_int("watches", at.stream->io.events & (EV_READ | EV_WRITE),
	    EV_WRITE);
	move(ALL);
	expect_int("handshake", stream_established(at.stream), true);
	expect_int("watches again", at.stream->io.events &
	    (EV_READ | EV_WRITE), EV_READ);
	say("hello", 5);
	move(ALL);
	expect_got("hello");
	end();
}

static void
test_writing_waits_until_it_can_read(void)
{
	begin("write first");
	stream_want_read(at.stream, false);
	push("first word", 10);
	turn();
	expect_int("watches", at.stream->io.events & (EV_READ | EV_WRITE),
	    EV_READ);
	expect_int("wants", stream_wants_read(at.stream), false);
	SSL_do_handshake(at.peer.ssl);
	move(1);
	expect_heard("first word");
	end();
}

static void
test_a_resting_stream_reads_on_later(void)
{
	begin("resting");
	SSL_do_handshake(at.peer.ssl);
	move(ALL);
	at.rests = true;
	say("one", 3);
	move(ALL);
	expect_got("one");
	say("two", 3);
	move(ALL);
	expect_got("one");
	stream_want_read(at.stream, true);
	turn();
	expect_got("onetwo");
	end();
}

static void
test_a_stream_moves_with_its_session(void)
{
	struct iovec iov = { .iov_base = (char[]){ "moved" }, .iov_len = 5 };

	begin("move");
	SSL_do_handshake(at.peer.ssl);
	move(ALL);
	stream_want_read(at.stream, false);
	stream_move(at.stream, at.workers[1]);
	stream_want_read(at.stream, true);
	say("hello", 5);
	move(1);
	expect_got("hello");
	expect_int("written", stream_writev(at.stream, &iov, 1), 5);
	move(1);
	expect_heard("moved");
	end();
}

/* --- the end -------------------------------------------------------------- */

static void
test_the_end_behind_the_last_bytes_is_told(void)
{
	for (int rests = 0; rests < 2; rests++) {
		begin("close_notify");
		expect_in("close_notify, resting", rests);
		SSL_do_handshake(at.peer.ssl);
		move(ALL);
		at.rests = rests;
		say("bye", 3);
		SSL_shutdown(at.peer.ssl);
		move(ALL);
		expect_got("bye");
		expect_int("ended early", at.ended, !rests);
		stream_want_read(at.stream, true);
		turn();
		expect_int("ended", at.ended, true);
		expect_int("error", at.error, 0);
		end();
	}
}

static void
test_a_cut_session_is_an_error(void)
{
	begin("cut");
	SSL_do_handshake(at.peer.ssl);
	move(ALL);
	shutdown(at.peer.fd, SHUT_WR);
	turn();
	expect_int("ended", at.ended, false);
	CU_ASSERT(at.error != 0 && at.error != EAGAIN);
	end();
}

static void
expect_close_notify(void)
{
	move(ALL);
	char byte;
	int rc = SSL_read(at.peer.ssl, &byte, 1);
	expect_int("SSL_read", SSL_get_error(at.peer.ssl, rc),
	    SSL_ERROR_ZERO_RETURN);
	expect_int("socket ended", at.peer.ended, true);
}

static void
test_shutdown_says_close_notify(void)
{
	begin("shutdown");
	SSL_do_handshake(at.peer.ssl);
	move(ALL);
	stream_shutdown(at.stream);
	expect_close_notify();
	say("still read", 10);
	move(ALL);
	expect_got("still read");
	end();
}

static void
test_free_says_close_notify(void)
{
	begin("free");
	SSL_do_handshake(at.peer.ssl);
	move(ALL);
	sender_fini(&at.sender);
	stream_free(&at.stream);
	expect_close_notify();
	end();
}

/* --- who is refused ------------------------------------------------------- */

static void
test_what_is_not_tls_is_an_error(void)
{
	static const struct {
		const char *name;
		struct wps_span bytes;
	} cases[] = {
		{ "plain HTTP", WPS_SPAN("GET / HTTP/1.1\r\nHost: a\r\n\r\n") },
		{ "zeros", WPS_SPAN("\0\0\0\0\0\0\0\0\0\0\0\0") },
		{ "data first", WPS_SPAN("\x17\x03\x03\0\x05hello") },
		{ "SSL 2", WPS_SPAN("\x80\x2e\x01\0\x02\0\x15\0\0\0\x10\x01") },
		{ "record too long", WPS_SPAN("\x16\x03\x01\xff\xff\x01\0\0") },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		begin(cases[i].name);
		for (size_t k = 0; k < cases[i].bytes.len; k++) {
			(void)send(at.peer.fd, cases[i].bytes.data + k, 1,
			    MSG_NOSIGNAL);
			turn();
		}
		shutdown(at.peer.fd, SHUT_WR);
		turn();
		expect_int("established", stream_established(at.stream), false);
		expect_int("bytes", (long long)at.got_len, 0);
		if (!expect_int("error", at.error != 0, true))
			expect_int("ended", at.ended, false);
		end();
	}
}

static void
test_old_versions_are_refused(void)
{
	static const struct {
		int newest; /* of the client */
		enum tls_version oldest;
		int version; /* 0: refused */
	} cases[] = {
		{ TLS1_1_VERSION, TLS_1_2, 0 },
		{ TLS1_2_VERSION, TLS_1_2, TLS1_2_VERSION },
		{ TLS1_3_VERSION, TLS_1_2, TLS1_3_VERSION },
		{ TLS1_2_VERSION, TLS_1_3, 0 },
		{ TLS1_3_VERSION, TLS_1_3, TLS1_3_VERSION },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		begin_with("version", &files, cases[i].oldest);
		expect_in("version, case", (long)i);
		SSL_set_max_proto_version(at.peer.ssl, cases[i].newest);
		SSL_do_handshake(at.peer.ssl);
		move(ALL);
		expect_int("established", stream_established(at.stream),
		    cases[i].version != 0);
		expect_int("broken", at.error != 0, cases[i].version == 0);
		if (cases[i].version != 0)
			expect_int("version", SSL_version(at.peer.ssl),
			    cases[i].version);
		end();
	}
}

static void
test_old_ciphers_are_refused(void)
{
	static const char *const ciphers[] = {
		"ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384",
	};

	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++) {
		begin(ciphers[i]);
		SSL_set_max_proto_version(at.peer.ssl, TLS1_2_VERSION);
		expect_int("known", SSL_set_cipher_list(at.peer.ssl,
		    ciphers[i]), 1);
		SSL_do_handshake(at.peer.ssl);
		move(ALL);
		expect_int("established", stream_established(at.stream), false);
		end();
	}
}

static void
test_http_1_1_is_agreed_on(void)
{
	static const struct {
		const char *name;
		struct wps_span offered;
		const char *chosen; /* NULL: refused */
	} cases[] = {
		{ "none", { NULL, 0 }, "" },
		{ "http/1.1", WPS_SPAN("\x08http/1.1"), "http/1.1" },
		{ "both", WPS_SPAN("\x02h2\x08http/1.1"), "http/1.1" },
		{ "h2", WPS_SPAN("\x02h2"), NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const unsigned char *chosen = NULL;
		unsigned len = 0;
		begin(cases[i].name);
		if (cases[i].offered.len > 0)
			SSL_set_alpn_protos(at.peer.ssl, (const unsigned char *)
			    cases[i].offered.data,
			    (unsigned)cases[i].offered.len);
		SSL_do_handshake(at.peer.ssl);
		move(ALL);
		expect_int("established", stream_established(at.stream),
		    cases[i].chosen != NULL);
		SSL_get0_alpn_selected(at.peer.ssl, &chosen, &len);
		if (cases[i].chosen)
			expect_span("chosen", (struct wps_span){
			    chosen ? (const char *)chosen : "", len },
			    cases[i].chosen);
		end();
	}
}

static void
test_renegotiation_is_refused(void)
{
	begin("renegotiation");
	SSL_set_max_proto_version(at.peer.ssl, TLS1_2_VERSION);
	SSL_do_handshake(at.peer.ssl);
	move(ALL);
	expect_int("handshake", stream_established(at.stream), true);
	SSL_renegotiate(at.peer.ssl);
	SSL_do_handshake(at.peer.ssl);
	move(ALL);
	expect_int("no second handshake",
	    SSL_is_init_finished(at.peer.ssl), false);
	end();
}

/* --- HTTP over it --------------------------------------------------------- */

static void
no_request(struct http *http)
{
	(void)http;
	CU_FAIL("no request was made");
}

static const struct http_service service = {
	.serve = no_request,
	.upgrade = no_request,
	.gone = no_request,
	.limits = { .line = 256, .head = 1024, .headers = 16, .body = 64 },
	.out = { .bytes = 64 * 1024, .items = 16 },
	.request_ms = 1000,
	.idle_ms = 30000,
	.linger_ms = 1000,
	.linger_bytes = 4096,
};

static bool
open_after(uint64_t ms)
{
	struct worker *worker = at.workers[0];

	wheel_run(&worker->wheel, worker_now_ms(worker) + ms);
	turn();
	while (tlspeer_take(&at.peer, ALL) > 0)
		continue;
	return !at.peer.ended;
}

static void
test_a_handshake_has_as_long_as_a_request(void)
{
	for (int half = 0; half < 2; half++) {
		int fd = begin_bare("stalled", &files, TLS_1_2);
		expect_in("stalled, half a hello", half);
		http_accept(at.workers[0], fd, &service, at.context);
		SSL_do_handshake(at.peer.ssl);
		if (half)
			tlspeer_send(&at.peer, 50);
		turn();
		expect_int("open", !at.peer.ended, true);
		expect_int("open at the end", open_after(500), true);
		expect_int("open behind it", open_after(3000), false);
		end();
	}
}

static void
test_behind_the_handshake_a_connection_may_idle(void)
{
	int fd = begin_bare("idle", &files, TLS_1_2);

	http_accept(at.workers[0], fd, &service, at.context);
	SSL_do_handshake(at.peer.ssl);
	move(ALL);
	expect_int("handshake", SSL_is_init_finished(at.peer.ssl), true);
	expect_int("open", open_after(20000), true);
	expect_int("open behind the time", open_after(40000), false);
	end();
}

/* TLS 1.3: it may come with the client's last words of the handshake. */
static void
test_a_request_that_comes_with_the_handshake_has_its_time(void)
{
	static const char part[] = "GET / HTTP/1.1\r\n";
	int fd = begin_bare("part of a request", &files, TLS_1_3);

	http_accept(at.workers[0], fd, &service, at.context);
	SSL_do_handshake(at.peer.ssl);
	tlspeer_send(&at.peer, ALL);
	turn();
	tlspeer_take(&at.peer, ALL);
	expect_int("handshake", SSL_do_handshake(at.peer.ssl), 1);
	say(part, sizeof(part) - 1);
	move(ALL);
	expect_int("open", open_after(500), true);
	open_after(3000);
	move(ALL);
	expect_span("408", (struct wps_span){ at.heard,
	    at.heard_len < 13 ? at.heard_len : 13 }, "HTTP/1.1 408 ");
	end();
}

/* --- files ---------------------------------------------------------------- */

static void
test_certificates_that_are_not_taken(void)
{
	struct tls_context *context = tls_context_new(TLS_1_2);
	struct wps_err err = { "" };
	char expected[256];

	expect_int("missing",
	    tls_context_certificate(context, "no/such.pem", &err), WPS_EINVAL);
	check_text("missing", err.text, "no/such.pem: No such file or directory");
	expect_int("folder",
	    tls_context_certificate(context, files.dir, &err), WPS_EINVAL);
	snprintf(expected, sizeof(expected), "%s: is not a regular file",
	    files.dir);
	check_text("folder", err.text, expected);
	const char *path = tlsfiles_put(&files, "bad.pem", "hello\n");
	expect_int("text", tls_context_certificate(context, path, &err),
	    WPS_EINVAL);
	snprintf(expected, sizeof(expected), "%s: is not taken as certificates "
	    "in PEM: no start line", path);
	check_text("text", err.text, expected);
	unlink(path);
	tls_context_free(&context);
}

static const char encrypted[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgx+Y+hph/HFgICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEAGWYvbodGXJR8pYnjym6mEEQHIB\n"
    "CeHrmLaEf/haRfiZQylXCHQOG4t7uGDXs3cQ3Lq/hk8+gw/ohgZgf1fyLgr18zZR\n"
    "wttVnb47N/nIgq7LmuQ=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

static void
test_keys_that_are_not_taken(void)
{
	const struct {
		const char *name;
		struct wps_span pem;
		const char *error;
	} cases[] = {
		{ "path", WPS_SPAN("/etc/wps/key.pem"), "is no private key in "
		  "PEM (a file of one is written file:PATH)" },
		{ "encrypted", WPS_SPAN(encrypted), "is encrypted; keys are "
		  "taken without a passphrase" },
		{ "another's", { large_files.pem, large_files.pem_len },
		  "does not belong to the certificate" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tls_context *context = tls_context_new(TLS_1_2);
		struct wps_err err = { "" };
		expect_in(cases[i].name, 0);
		expect_int("certificate",
		    tls_context_certificate(context, files.cert, &err), WPS_OK);
		expect_int("key", tls_context_key(context, cases[i].pem, &err),
		    WPS_EINVAL);
		check_text(cases[i].name, err.text, cases[i].error);
		tls_context_free(&context);
	}
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_bytes_may_come_one_by_one),
		TEST(test_large_data_comes_whole),
		TEST(test_a_small_room_is_filled_again),
		TEST(test_large_data_goes_in_parts),
		TEST(test_pieces_of_a_flush_share_a_record),
		TEST(test_what_is_in_a_record_is_not_dropped),
		TEST(test_reading_waits_until_it_can_write),
		TEST(test_writing_waits_until_it_can_read),
		TEST(test_a_resting_stream_reads_on_later),
		TEST(test_a_stream_moves_with_its_session),
		TEST(test_the_end_behind_the_last_bytes_is_told),
		TEST(test_a_cut_session_is_an_error),
		TEST(test_shutdown_says_close_notify),
		TEST(test_free_says_close_notify),
		TEST(test_what_is_not_tls_is_an_error),
		TEST(test_old_versions_are_refused),
		TEST(test_old_ciphers_are_refused),
		TEST(test_http_1_1_is_agreed_on),
		TEST(test_renegotiation_is_refused),
		TEST(test_a_handshake_has_as_long_as_a_request),
		TEST(test_behind_the_handshake_a_connection_may_idle),
		TEST(test_a_request_that_comes_with_the_handshake_has_its_time),
	TEST(test_certificates_that_are_not_taken),
		TEST(test_keys_that_are_not_taken),
	};

	/* As in the server: OpenSSL writes without MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	tlsfiles_make(&files, 0);
	tlsfiles_make(&large_files, PADDING);
	int code = RUN_TESTS("tls", tests);
	tlsfiles_remove(&files);
	tlsfiles_remove(&large_files);
	return code;
}
