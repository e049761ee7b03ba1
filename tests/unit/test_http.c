/* SPDX-License-Identifier: MIT */
/*
 * HTTP connections on a real worker and one end of a socket pair. What is
 * written at the other end is there at once, so a few turns of the loop settle
 * everything, and time passes by running the wheel ahead.
 */
#include "net/http.h"

#include "net/stream.h"
#include "support/check.h"
#include "support/expect.h"
#include "util/alloc.h"
#include "util/attr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 20
#define LARGE (600 * 1024) /* more than a socket takes */
#define REQUEST(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* --- the server's side ---------------------------------------------------- */

static struct {
	bool hold;          /* requests wait for `held` to be answered */
	int status;         /* of answers */
	size_t body_len;    /* of answers; 0: the path */
	size_t header_len;  /* of a header in answers */
	const char *subprotocol; /* of upgrades; NULL: refused */
	struct http *held;
	char seen[1024];    /* methods, paths and bodies of requests, in order */
	size_t seen_len;
	unsigned gone, taken;
	bool clean;         /* at the upgrade nothing waited to be sent */
	char early[64];
	size_t early_len;
} service;

static void
see(struct wps_span text)
{
	CU_ASSERT_FATAL(text.len < sizeof(service.seen) - service.seen_len);
	memcpy(service.seen + service.seen_len, text.data, text.len);
	service.seen_len += text.len;
}

static void
answer(struct http *http)
{
	char *large = service.body_len ? calloc(1, service.body_len) : NULL;
	struct wps_span body = http_request(http)->path;

	if (large) {
		memset(large, 'x', service.body_len);
		body = (struct wps_span){ large, service.body_len };
	}
	char value[4096];
	memset(value, 'h', sizeof(value));
	const struct wps_header header = {
		WPS_SPAN("A"), { value, service.header_len },
	};
	http_respond(http, service.status, &header, service.header_len > 0,
	    body);
	free(large);
}

static void
on_serve(struct http *http)
{
	const struct http_request *request = http_request(http);

	see(request->path);
	see(request->body);
	see(WPS_SPAN(" "));
	if (service.hold)
		service.held = http;
	else
		answer(http);
}

static void
on_take(struct stream *stream, struct sender *first, struct wps_span early,
    void *data)
{
	(void)data;
	service.taken++;
	service.early_len = early.len;
	if (early.len > 0)
		memcpy(service.early, early.data, early.len);
	sender_flush(first);
	sender_fini(first);
	stream_free(&stream);
}

static void
on_upgrade(struct http *http)
{
	see(WPS_SPAN("upgrade "));
	service.clean = http->sender.head == NULL;
	if (service.hold)
		service.held = http;
	else if (service.subprotocol)
		http_upgrade(http, wps_span_str(service.subprotocol), on_take,
		    NULL);
	else
		http_refuse(http, 401, "no");
}

static void
on_gone(struct http *http)
{
	(void)http;
	service.gone++;
}

static const struct http_service http_service = {
	.serve = on_serve,
	.upgrade = on_upgrade,
	.gone = on_gone,
	.limits = { .line = 256, .head = 16384, .headers = 16, .body = 64 },
	.out = { .bytes = 64 * 1024, .items = 16 },
	.request_ms = 1000,
	.idle_ms = 30000,
	.linger_ms = 10000,
	.linger_bytes = 4096,
};

/* --- both sides ----------------------------------------------------------- */

static const struct loop_limits loop_limits = { .mailbox_bytes = 1 << 20 };

static struct {
	struct worker *worker;
	uint64_t ahead_ms; /* of the clock */
	int fd;            /* the client's end */
	char *got;         /* what it has read */
	size_t got_len;
	bool ended, broken;
} at;

static void
begin(const char *name)
{
	static struct worker *peers[1];
	int fds[2];

	expect_in(name, 0);
	memset(&service, 0, sizeof(service));
	service.status = 200;
	memset(&at, 0, sizeof(at));
	at.worker = peers[0] = worker_new(0, peers, 1, &loop_limits);
	at.got = malloc(4 * LARGE);
	CU_ASSERT_FATAL(at.got != NULL && socketpair(AF_UNIX,
	    SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	at.fd = fds[0];
	http_accept(at.worker, fds[1], &http_service, NULL);
}

static void
turn(void)
{
	for (unsigned i = 0; i < TURNS; i++)
		ev_run(at.worker->loop, EVRUN_NOWAIT);
}

static void
end(void)
{
	close(at.fd);
	turn();
	http_abandon_all(at.worker);
	turn();
	http_pool_fini(at.worker);
	worker_free(&at.worker);
	free(at.got);
}

static void
pass(uint64_t ms)
{
	at.ahead_ms += ms;
	wheel_run(&at.worker->wheel, worker_now_ms(at.worker) + at.ahead_ms);
	turn();
}

static void
say(const char *text)
{
	ssize_t n = send(at.fd, text, strlen(text), MSG_NOSIGNAL);

	expect_int("sent", n, (long long)strlen(text));
	turn();
}

/* Reads all that comes. */
static void
hear(void)
{
	for (unsigned idle = 0; idle < 2 && !at.ended;) {
		ssize_t n = recv(at.fd, at.got + at.got_len,
		    4 * LARGE - at.got_len, 0);
		if (n > 0)
			at.got_len += (size_t)n;
		idle = n > 0 ? 0 : idle + 1;
		at.ended = n == 0 || (n < 0 && errno != EAGAIN);
		at.broken = n < 0 && errno != EAGAIN;
		turn();
	}
}

static unsigned
count(const char *text)
{
	unsigned found = 0;
	const char *p = at.got;

	for (;;) {
		p = memmem(p, at.got_len - (size_t)(p - at.got), text,
		    strlen(text));
		if (p == NULL)
			return found;
		found++;
		p += strlen(text);
	}
}

static void
expect_seen(const char *expected)
{
	expect_span("requests", (struct wps_span){ service.seen,
	    service.seen_len }, expected);
}

static void
expect_end(bool ended)
{
	expect_int("end of the connection", at.ended, ended);
	expect_int("end by a reset", at.broken, false);
	expect_int("close is said", count("Connection: close\r\n"), ended);
}

/* Answers the held request as mail of its own does, between two turns. */
struct late {
	struct mail mail;
};

static void
answer_late(struct worker *worker, struct mail *mail)
{
	(void)worker;
	free(container_of(mail, struct late, mail));
	answer(service.held);
}

static void
release(void)
{
	struct late *late = xcalloc(1, sizeof(*late));

	service.hold = false;
	late->mail.run = answer_late;
	late->mail.call = true;
	worker_post(at.worker, &late->mail);
}

/* --- requests and answers ------------------------------------------------- */

static void
test_a_connection_serves_one_request_after_the_other(void)
{
	begin("keep-alive");
	say(REQUEST("/1"));
	hear();
	expect_int("answers", count("200 OK"), 1);
	say("POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
	say("dy");
	say(REQUEST("/3"));
	hear();
	expect_seen("/1 /2body /3 ");
	expect_int("answers", count("200 OK"), 3);
	expect_end(false);
	end();
}

static void
test_pipelined_requests_are_answered_in_order(void)
{
	begin("pipelined");
	say(REQUEST("/1") REQUEST("/2") "GET /3 HTTP/1.1\r\nHo");
	say("st: a\r\n\r\n" REQUEST("/4"));
	hear();
	expect_seen("/1 /2 /3 /4 ");
	expect_int("answers", count("200 OK"), 4);
	expect_int("the last one", count("\r\n\r\n/4"), 1);
	expect_end(false);
	end();
}

static void
test_bytes_that_come_behind_waiting_ones_stay_behind(void)
{
	begin("late answer");
	service.hold = true;
	say(REQUEST("/1") REQUEST("/2") "GET /3");
	CU_ASSERT_FATAL(service.held != NULL);
	release();
	say(" HTTP/1.1\r\nHost: a\r\n\r\n" REQUEST("/4"));
	hear();
	expect_seen("/1 /2 /3 /4 ");
	expect_int("answers", count("200 OK"), 4);
	expect_end(false);
	end();
}

static void
test_waiting_requests_survive_the_end_of_the_clients_bytes(void)
{
	begin("half closed");
	service.hold = true;
	say(REQUEST("/1") REQUEST("/2"));
	CU_ASSERT_FATAL(service.held != NULL);
	shutdown(at.fd, SHUT_WR);
	release();
	turn();
	hear();
	expect_seen("/1 /2 ");
	expect_int("answers", count("200 OK"), 2);
	end();
}

static void
test_a_client_that_reads_slowly_gets_all_answers(void)
{
	begin("slow reader");
	service.body_len = LARGE;
	say(REQUEST("/1") REQUEST("/2") REQUEST("/3"));
	expect_seen("/1 ");
	hear();
	expect_seen("/1 /2 /3 ");
	expect_int("answers", count("200 OK"), 3);
	expect_int("all of them", at.got_len > 3 * (size_t)LARGE, true);
	expect_end(false);
	end();
}

static void
test_close_is_done_when_it_is_asked_for(void)
{
	begin("close");
	say("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	    REQUEST("/2"));
	hear();
	expect_seen("/1 ");
	expect_end(true);
	end();
}

static void
test_a_large_last_answer_has_more_time_than_a_linger(void)
{
	begin("large last answer");
	service.body_len = LARGE;
	say("GET /1 HTTP/1.0\r\n\r\n");
	pass(http_service.linger_ms + 100);
	hear();
	expect_int("all of it", at.got_len > (size_t)LARGE, true);
	expect_end(true);
	end();
}

static void
test_answers_without_a_body_have_none(void)
{
	static const int statuses[] = { 204, 304 };

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		begin("no body");
		service.status = statuses[i];
		say(REQUEST("/1"));
		hear();
		expect_int("body", count("\r\n\r\n/1"), 0);
		expect_int("length", count("Content-Length"), 0);
		expect_end(false);
		end();
	}
}

static void
test_head_gets_the_length_and_no_body(void)
{
	begin("HEAD");
	say("HEAD /12 HTTP/1.1\r\nHost: a\r\n\r\n");
	hear();
	expect_int("length", count("Content-Length: 3\r\n\r\n"), 1);
	expect_int("body", count("\r\n\r\n/12"), 0);
	expect_end(false);
	end();
}

/* All of it fits or none. */
static void
test_an_answers_head_has_a_limit(void)
{
	begin("long head");
	service.header_len = 1;
	say(REQUEST("/1"));
	hear();
	service.header_len += 4096 - (at.got_len - strlen("/1"));
	at.got_len = 0;
	say(REQUEST("/2"));
	hear();
	expect_int("200", count("HTTP/1.1 200 "), 1);
	expect_int("all of it", (long long)at.got_len, 4096 + 2);
	service.header_len++;
	say(REQUEST("/3"));
	hear();
	expect_int("500", count("HTTP/1.1 500 "), 1);
	expect_end(false);
	end();
}

static void
test_a_client_that_expects_100_gets_it_before_its_body(void)
{
	begin("100-continue");
	say("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
	    "Expect: 100-continue\r\n\r\n");
	hear();
	expect_int("100", count("HTTP/1.1 100 Continue\r\n\r\n"), 1);
	expect_seen("");
	say("x");
	hear();
	expect_seen("/1x ");
	expect_int("100", count("HTTP/1.1 100 Continue\r\n\r\n"), 1);
	expect_int("200", count("HTTP/1.1 200 OK\r\n"), 1);
	expect_end(false);
	end();
}

/* --- refusals and timeouts ------------------------------------------------ */

static void
test_a_bad_request_is_answered_and_ends_the_connection(void)
{
	begin("bad");
	say("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\nxxx");
	say(REQUEST("/2"));
	hear();
	expect_seen("");
	expect_int("413", count("HTTP/1.1 413 "), 1);
	expect_end(true);
	end();
}

/* Of which the next request, if there is one, cannot be told apart. */
static void
test_a_bad_body_behind_a_good_request_ends_the_connection(void)
{
	begin("bad behind good");
	say(REQUEST("/1"));
	say("POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "x\r\n" REQUEST("/3"));
	hear();
	expect_seen("/1 ");
	expect_int("400", count("HTTP/1.1 400 "), 1);
	expect_end(true);
	end();
}

static void
test_lingering_has_a_limit_in_bytes(void)
{
	char junk[1025];

	begin("linger bytes");
	say("bad\r\n");
	memset(junk, 'x', sizeof(junk));
	junk[1024] = '\0';
	for (unsigned i = 0; i < 4; i++)
		say(junk);
	expect_int("still there", list_empty(&at.worker->https), false);
	say("x");
	expect_int("gone", list_empty(&at.worker->https), true);
	end();
}

static void
test_lingering_has_a_limit_in_time(void)
{
	begin("linger time");
	say("bad\r\n");
	expect_int("still there", list_empty(&at.worker->https), false);
	pass(http_service.linger_ms + 100);
	expect_int("gone", list_empty(&at.worker->https), true);
	end();
}

static void
test_a_request_that_takes_too_long_is_never_gone_on_with(void)
{
	static const char *const parts[] = {
		"GET", "GET / HTTP/1.1\r\nHost: a\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\nx",
	};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		begin(parts[i]);
		say(parts[i]);
		pass(http_service.request_ms + 100);
		say(REQUEST("/2"));
		hear();
		expect_seen("");
		expect_int("408", count("HTTP/1.1 408 "), 1);
		expect_end(true);
		end();
	}
}

/* What it asks for may take its time. */
static void
test_a_request_that_is_whole_is_not_cut(void)
{
	static const char *const requests[] = {
		REQUEST("/1"),
		"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		begin(requests[i]);
		service.hold = true;
		say(requests[i]);
		pass(http_service.request_ms + 100);
		pass(http_service.idle_ms + 100);
		expect_int("gone", (int)service.gone, 0);
		release();
		turn();
		hear();
		expect_int("answered", count("HTTP/1.1 "), 1);
		end();
	}
}

static void
test_an_idle_connection_is_closed_without_a_word(void)
{
	begin("idle");
	say(REQUEST("/1"));
	pass(http_service.idle_ms - 500);
	expect_int("still there", list_empty(&at.worker->https), false);
	pass(1000);
	hear();
	expect_int("ended", at.ended, true);
	expect_int("answers", count("HTTP/1.1"), 1);
	end();
}

/* Its request is held, and the client goes. */
static void
leave_behind(const char *request)
{
	service.hold = true;
	say(request);
	CU_ASSERT_FATAL(service.held != NULL);
	close(at.fd);
	at.fd = -1;
	turn();
}

static void
test_an_answer_to_nobody_ends_the_connection(void)
{
	begin("gone");
	leave_behind(REQUEST("/1"));
	release();
	turn();
	expect_int("gone", list_empty(&at.worker->https), true);
	end();
}

/* --- upgrades ------------------------------------------------------------- */

#define UPGRADE                                                                \
	"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"                \
	"Connection: Upgrade\r\n"                                              \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static void
test_an_upgrade_takes_the_stream_and_what_came_early(void)
{
	begin("upgrade");
	service.subprotocol = "a.b";
	say(UPGRADE "early");
	hear();
	expect_int("taken", service.taken, 1);
	expect_span("early", (struct wps_span){ service.early,
	    service.early_len }, "early");
	expect_span("answer", (struct wps_span){ at.got, at.got_len },
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	    "Sec-WebSocket-Protocol: a.b\r\n\r\n");
	end();
}

static void
test_an_upgrade_needs_no_subprotocol(void)
{
	begin("no subprotocol");
	service.subprotocol = "";
	say(UPGRADE);
	hear();
	expect_int("101", count("HTTP/1.1 101 "), 1);
	expect_int("protocol", count("Sec-WebSocket-Protocol"), 0);
	expect_int("end", count("xOo=\r\n\r\n"), 1);
	end();
}

static void
test_a_subprotocol_may_be_as_long_as_a_header(void)
{
	static char name[8193];

	begin("long subprotocol");
	memset(name, 'p', sizeof(name) - 1);
	service.subprotocol = name;
	say(UPGRADE);
	hear();
	expect_int("101", count("HTTP/1.1 101 "), 1);
	expect_int("name", count(name), 1);
	expect_int("end", count("p\r\n\r\n"), 1);
	end();
}

static void
test_an_upgrade_waits_for_the_answer_before_it(void)
{
	begin("upgrade behind an answer");
	service.body_len = LARGE;
	service.subprotocol = "";
	say(REQUEST("/1") UPGRADE);
	expect_seen("/1 ");
	hear();
	expect_seen("/1 upgrade ");
	expect_int("nothing waits to be sent", service.clean, true);
	expect_int("101", count("HTTP/1.1 101 "), 1);
	end();
}

/* What stands behind the head of one is frames. */
static void
test_an_upgrade_is_a_get_without_a_body(void)
{
	static const struct {
		const char *method, *body, *seen;
	} cases[] = {
		{ "GET", "Content-Length: 4\r\n\r\nbody", "/wsbody " },
		{ "GET", "Transfer-Encoding: chunked\r\n\r\n"
		    "4\r\nbody\r\n0\r\n\r\n", "/wsbody " },
		{ "POST", "\r\n", "/ws " },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		begin(cases[i].body);
		service.subprotocol = "a";
		say(cases[i].method);
		say(" /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
		    "Connection: Upgrade\r\n");
		say(cases[i].body);
		hear();
		expect_seen(cases[i].seen);
		expect_int("no upgrade", (int)service.taken, 0);
		expect_int("200", count("HTTP/1.1 200 "), 1);
		end();
	}
}

static void
test_what_comes_before_an_upgrade_is_answered_is_limited(void)
{
	char piece[1025];

	begin("early bytes");
	service.hold = true;
	say(UPGRADE);
	memset(piece, 'x', sizeof(piece));
	piece[1024] = '\0';
	for (unsigned i = 0; i < 64; i++)
		say(piece);
	expect_int("64 KiB", (int)service.gone, 0);
	say("x");
	expect_int("more", (int)service.gone, 1);
	release();
	end();
}

static void
test_a_refused_upgrade_ends_the_connection(void)
{
	begin("refused upgrade");
	say(UPGRADE "early");
	hear();
	expect_int("401", count("HTTP/1.1 401 "), 1);
	expect_end(true);
	end();
}

static void
test_who_leaves_before_the_upgrade_is_told(void)
{
	begin("gone before the upgrade");
	leave_behind(UPGRADE);
	expect_int("told", service.gone, 1);
	release();
	turn();
	expect_int("gone", list_empty(&at.worker->https), true);
	end();
}

/* --- the end of the server ------------------------------------------------ */

static void
test_a_drain_lets_answers_out(void)
{
	begin("drain");
	service.body_len = LARGE;
	say(REQUEST("/1"));
	http_drain(at.worker);
	hear();
	expect_int("all of it", at.got_len > (size_t)LARGE, true);
	expect_int("ended", at.ended, true);
	end();
}

static void
test_a_drain_ends_idle_connections_and_what_is_answered_later(void)
{
	begin("drain of a held request");
	service.hold = true;
	say(REQUEST("/1") REQUEST("/2"));
	http_drain(at.worker);
	release();
	turn();
	hear();
	expect_seen("/1 ");
	expect_end(true);
	end();

	begin("drain of half a request");
	say("GET / HTTP/1.1\r\n");
	http_drain(at.worker);
	hear();
	expect_int("ended", at.ended, true);
	end();

	begin("drain of an idle connection");
	http_drain(at.worker);
	hear();
	expect_int("ended", at.ended, true);
	end();
}

/* One that another worker had accepted before. */
static void
test_behind_a_drain_nobody_is_taken_on(void)
{
	int fds[2];

	begin("accepted behind a drain");
	http_drain(at.worker);
	CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds) == 0);
	http_accept(at.worker, fds[1], &http_service, NULL);
	turn();
	expect_int("nobody is left", list_empty(&at.worker->https), true);
	close(at.fd);
	at.fd = fds[0];
	hear();
	expect_int("ended", at.ended, true);
	end();
}

static void
on_abandon(struct http *http)
{
	++*(unsigned *)http->exchange;
}

/* Who works on it hears that nobody will be there for the answer. */
static void
test_what_is_not_answered_at_the_end_is_abandoned(void)
{
	for (unsigned answered = 0; answered < 2; answered++) {
		unsigned abandoned = 0;
		begin(answered ? "answered" : "not answered");
		service.hold = true;
		say(REQUEST("/1"));
		CU_ASSERT_FATAL(service.held != NULL);
		service.held->exchange = &abandoned;
		service.held->abandon = on_abandon;
		if (answered)
			release();
		turn();
		http_abandon_all(at.worker);
		expect_int("abandoned", abandoned, !answered);
		end();
	}
}

/* Its end was due when all were ended. */
static void
test_a_connection_is_freed_once(void)
{
	begin("due and abandoned");
	leave_behind(UPGRADE);
	expect_int("gone", (int)service.gone, 1);
	answer(service.held);
	http_abandon_all(at.worker);
	turn();
	end();
}

/* --- congestion ----------------------------------------------------------- */

/* As long as the mailbox of another worker is over its mark. */
static void
test_the_next_request_waits_while_a_mailbox_is_full(void)
{
	for (unsigned here = 0; here < 2; here++) {
		begin(here ? "here already" : "comes later");
		service.hold = true;
		say(here ? REQUEST("/1") REQUEST("/2") : REQUEST("/1"));
		at.worker->congested = 2;
		release();
		turn();
		if (!here)
			say(REQUEST("/2"));
		expect_seen("/1 ");
		at.worker->congested = 0;
		struct list *link = list_take(&at.worker->resting);
		CU_ASSERT_FATAL(link != NULL);
		struct rester *rester =
		    container_of(link, struct rester, link);
		rester->wake(rester);
		turn();
		expect_seen("/1 /2 ");
		end();
	}
}

static const struct named_test tests[] = {
	TEST(test_a_connection_serves_one_request_after_the_other),
	TEST(test_pipelined_requests_are_answered_in_order),
	TEST(test_bytes_that_come_behind_waiting_ones_stay_behind),
	TEST(test_waiting_requests_survive_the_end_of_the_clients_bytes),
	TEST(test_a_client_that_reads_slowly_gets_all_answers),
	TEST(test_close_is_done_when_it_is_asked_for),
	TEST(test_a_large_last_answer_has_more_time_than_a_linger),
	TEST(test_answers_without_a_body_have_none),
	TEST(test_head_gets_the_length_and_no_body),
	TEST(test_an_answers_head_has_a_limit),
	TEST(test_a_client_that_expects_100_gets_it_before_its_body),
	TEST(test_a_bad_request_is_answered_and_ends_the_connection),
	TEST(test_a_bad_body_behind_a_good_request_ends_the_connection),
	TEST(test_lingering_has_a_limit_in_bytes),
	TEST(test_lingering_has_a_limit_in_time),
	TEST(test_a_request_that_takes_too_long_is_never_gone_on_with),
	TEST(test_a_request_that_is_whole_is_not_cut),
	TEST(test_an_idle_connection_is_closed_without_a_word),
	TEST(test_an_answer_to_nobody_ends_the_connection),
	TEST(test_an_upgrade_takes_the_stream_and_what_came_early),
	TEST(test_an_upgrade_needs_no_subprotocol),
	TEST(test_a_subprotocol_may_be_as_long_as_a_header),
	TEST(test_an_upgrade_waits_for_the_answer_before_it),
	TEST(test_an_upgrade_is_a_get_without_a_body),
	TEST(test_what_comes_before_an_upgrade_is_answered_is_limited),
	TEST(test_a_refused_upgrade_ends_the_connection),
	TEST(test_who_leaves_before_the_upgrade_is_told),
	TEST(test_a_drain_lets_answers_out),
	TEST(test_a_drain_ends_idle_connections_and_what_is_answered_later),
	TEST(test_behind_a_drain_nobody_is_taken_on),
	TEST(test_what_is_not_answered_at_the_end_is_abandoned),
	TEST(test_a_connection_is_freed_once),
	TEST(test_the_next_request_waits_while_a_mailbox_is_full),
};

int
main(void)
{
	return RUN_TESTS("http", tests);
}
