/* SPDX-License-Identifier: MIT */
/*
 * Upgrade requests that another worker answers. Both loops run in the thread of
 * the test, one turn each.
 */
#include "net/http.h"

#include "hub/recovery.h"
#include "hub/server.h"
#include "net/stream.h"
#include "unit.h"

#include <sys/socket.h>
#include <unistd.h>

#define TURNS 6
#define UPGRADE "GET /client HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n" \
	"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static const struct loop_limits loop_limits = { .mailbox_bytes = 1 << 20 };
static struct worker *workers[2];

static struct {
	unsigned to;       /* the worker that answers */
	bool wait;         /* it does not answer yet */
	bool recover;      /* requests ask for a connection of worker 1 */
	struct http *held;
	unsigned taken_on; /* 1 and up; 0: not yet */
	unsigned gone;
	char path[32];
	char early[64];
	size_t early_len;
} service;

static int client;

/* --- the server's side ---------------------------------------------------- */

static void
on_take(struct stream *stream, struct sender *first, struct wps_span early,
    void *data)
{
	(void)data;
	CU_ASSERT_FATAL(early.len <= sizeof(service.early));
	service.taken_on = stream_worker(stream)->index + 1;
	service.early_len = early.len;
	if (early.len > 0)
		memcpy(service.early, early.data, early.len);
	sender_flush(first);
	sender_fini(first);
	stream_free(&stream);
}

static void
on_taken_over(struct http *http, void *data)
{
	struct wps_span path = http_request(http)->path;

	CU_ASSERT_PTR_EQUAL(data, &service);
	check_number("worker", http_worker(http)->index, service.to);
	snprintf(service.path, sizeof(service.path), "%.*s", (int)path.len,
	    path.data);
	if (service.wait)
		service.held = http;
	else
		http_upgrade(http, WPS_SPAN("sub"), on_take, NULL);
}

static void
on_upgrade(struct http *http)
{
	if (service.recover)
		recovery_begin(http, WPS_SPAN("h"),
		    WPS_SPAN("AAAAAAAAAAAAAAAAAAAAAAEA"), WPS_SPAN_NONE);
	else
		http_hand_over(http, workers[service.to], on_taken_over,
		    &service);
}

static void
on_gone(struct http *http)
{
	check_number("worker", http_worker(http)->index, service.to);
	service.gone++;
}

static void
on_serve(struct http *http)
{
	http_respond(http, 200, NULL, 0, WPS_SPAN("answer"));
}

static const struct http_service http_service = {
	.serve = on_serve,
	.upgrade = on_upgrade,
	.gone = on_gone,
	.limits = { .line = 256, .head = 4096, .headers = 16, .body = 64 },
	.out = { .bytes = 64 * 1024, .items = 16 },
	.request_ms = 1000,
	.idle_ms = 1000,
	.linger_ms = 1000,
	.linger_bytes = 4096,
};

/* --- both sides ----------------------------------------------------------- */

static void
begin_workers(void)
{
	memset(&service, 0, sizeof(service));
	service.to = 1;
	for (unsigned i = 0; i < 2; i++)
		workers[i] = worker_new(i, workers, 2, &loop_limits);
}

static void
begin(void)
{
	int fds[2];

	begin_workers();
	CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds) == 0);
	client = fds[0];
	http_accept(workers[0], fds[1], &http_service, NULL);
}

static void
turn(unsigned worker)
{
	for (unsigned i = 0; i < TURNS; i++)
		ev_run(workers[worker]->loop, EVRUN_NOWAIT);
}

static void
end_workers(void)
{
	for (unsigned i = 0; i < 2; i++) {
		http_abandon_all(workers[i]);
		turn(i);
		http_pool_fini(workers[i]);
	}
	for (unsigned i = 0; i < 2; i++)
		worker_free(&workers[i]);
}

static void
end(void)
{
	close(client);
	turn(0);
	turn(1);
	end_workers();
}

static void
client_sends(const char *text)
{
	size_t len = strlen(text);

	check_number("sent", send(client, text, len, MSG_NOSIGNAL),
	    (long long)len);
}

static void
check_switched(void)
{
	char got[1024];
	ssize_t n = recv(client, got, sizeof(got) - 1, 0);

	CU_ASSERT_FATAL(n > 0);
	got[n] = '\0';
	check_number("101", strncmp(got, "HTTP/1.1 101 ", 13), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(got,
	    "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(got,
	    "\r\nSec-WebSocket-Protocol: sub\r\n"));
}

/* --- tests ---------------------------------------------------------------- */

static void
test_another_worker_answers_the_request(void)
{
	begin();
	client_sends(UPGRADE);
	turn(0);
	check_number("on its way", service.taken_on, 0);
	check_number("none here", list_empty(&workers[0]->https), true);
	worker_drain(workers[1]);
	check_number("at the end of a turn", service.taken_on, 0);
	turn(1);
	check_number("there", service.taken_on, 2);
	check_text("its request", service.path, "/client");
	check_switched();
	end();
}

static void
test_the_same_worker_may_answer_at_once(void)
{
	begin();
	service.to = 0;
	client_sends(UPGRADE);
	turn(0);
	check_number("here", service.taken_on, 1);
	check_switched();
	end();
}

/* Behind the request, on the way, and while the answer is pending. */
static void
test_early_bytes_go_with_it_in_order(void)
{
	begin();
	service.wait = true;
	client_sends(UPGRADE "one ");
	turn(0);
	client_sends("two ");
	turn(0);
	turn(1);
	client_sends("three");
	turn(0);
	turn(1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(service.held);
	http_upgrade(service.held, WPS_SPAN("sub"), on_take, NULL);
	turn(1);
	check_bytes("early", (struct wps_span){ service.early,
	    service.early_len }, WPS_SPAN("one two three"));
	check_switched();
	end();
}

static void
test_who_leaves_on_the_way_is_missed_there(void)
{
	begin();
	service.wait = true;
	client_sends(UPGRADE);
	turn(0);
	close(client);
	client = -1;
	turn(0);
	turn(1);
	check_number("gone", service.gone, 1);
	http_refuse(service.held, 500, "gone");
	turn(1);
	check_number("freed", list_empty(&workers[1]->https), true);
	end();
}

static void
test_a_request_goes_behind_the_answer_before_it(void)
{
	char got[1024];

	begin();
	client_sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n" UPGRADE);
	turn(0);
	turn(1);
	check_number("there", service.taken_on, 2);
	ssize_t n = recv(client, got, sizeof(got) - 1, 0);
	CU_ASSERT_FATAL(n > 0);
	got[n] = '\0';
	check_number("200", strncmp(got, "HTTP/1.1 200 ", 13), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "answerHTTP/1.1 101 "));
	end();
}

/* Trouble that passes: client-protocols.md, section 13.5. */
static void
test_a_recovery_is_put_off_where_the_server_stops(void)
{
	struct server *server = calloc(1, sizeof(*server));
	char got[1024];

	CU_ASSERT_FATAL(server != NULL);
	begin();
	service.recover = true;
	for (unsigned i = 0; i < 2; i++)
		workers[i]->server = server;
	client_sends(UPGRADE);
	turn(0);
	http_drain(workers[1]);
	turn(1);
	ssize_t n = recv(client, got, sizeof(got) - 1, 0);
	CU_ASSERT_FATAL(n > 0);
	got[n] = '\0';
	check_number("503", strncmp(got, "HTTP/1.1 503 ", 13), 0);
	end();
	free(server);
}

/* --- descriptors ---------------------------------------------------------- */

static unsigned readable;

static void
on_readable(void *owner)
{
	struct stream *const *stream = owner;
	char byte;

	readable++;
	check_number("read", stream_read(*stream, &byte, 1), 1);
}

static const struct stream_ops reader = { .readable = on_readable };

static void
reading(struct worker *worker, int fd, struct stream **stream)
{
	*stream = stream_new(worker, fd, NULL);
	stream_set_owner(*stream, &reader, stream);
	stream_want_read(*stream, true);
}

#define NUMBER 200 /* of a descriptor */

/* One end of a socket pair under that number; returns the other. */
static int
connect_number(void)
{
	int fds[2];

	CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	CU_ASSERT_FATAL(dup2(fds[1], NUMBER) == NUMBER);
	close(fds[1]);
	return fds[0];
}

/* The number was that of a socket which was read there until now. */
static void
test_a_stream_is_heard_under_a_number_that_is_used_again(void)
{
	struct stream *old, *stream;

	begin_workers();
	readable = 0;
	int first = connect_number();
	reading(workers[1], NUMBER, &old);
	turn(1);
	stream_free(&old);
	int second = connect_number();
	reading(workers[0], NUMBER, &stream);
	turn(0);
	stream_want_read(stream, false);
	stream_move(stream, workers[1]);
	stream_want_read(stream, true);
	check_number("sent", send(second, "x", 1, MSG_NOSIGNAL), 1);
	turn(1);
	check_number("heard", readable, 1);
	stream_free(&stream);
	close(first);
	close(second);
	end_workers();
}

/* A loop that is just polling it keeps the kernel's socket, like a duplicate. */
static void
test_the_peer_hears_of_the_end_at_once(void)
{
	struct stream *stream;
	char byte;

	begin_workers();
	int peer = connect_number();
	int kept = dup(NUMBER);
	reading(workers[0], NUMBER, &stream);
	stream_free(&stream);
	check_number("end", recv(peer, &byte, 1, MSG_DONTWAIT), 0);
	close(kept);
	close(peer);
	end_workers();
}

static const struct named_test tests[] = {
	TEST(test_another_worker_answers_the_request),
	TEST(test_the_same_worker_may_answer_at_once),
	TEST(test_early_bytes_go_with_it_in_order),
	TEST(test_who_leaves_on_the_way_is_missed_there),
	TEST(test_a_request_goes_behind_the_answer_before_it),
	TEST(test_a_recovery_is_put_off_where_the_server_stops),
	TEST(test_a_stream_is_heard_under_a_number_that_is_used_again),
	TEST(test_the_peer_hears_of_the_end_at_once),
};

int
main(void)
{
	return RUN_TESTS("handover", tests);
}
