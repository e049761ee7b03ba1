/* SPDX-License-Identifier: MIT */
#include "net/http.h"

#include "lib/base64.h"
#include "net/httpres.h"
#include "net/stream.h"
#include "util/alloc.h"
#include "util/log.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#define UPGRADE_WAITING_MAX (64 * 1024) /* early bytes that are kept */
#define HEAD_MAX 4096 /* bytes of an answer's head */

static void take_up(struct worker *worker, struct mail *mail);

struct worker *
http_worker(const struct http *http)
{
	return http->sender.worker;
}

bool
http_is_secure(const struct http *http)
{
	return http->stream->tls != NULL;
}

/* --- readers -------------------------------------------------------------- */

static void
reader_attach(struct http *http)
{
	struct worker *worker = http_worker(http);

	if (http->reader)
		return;
	if (worker->reader_pool_count > 0)
		http->reader = worker->reader_pool[--worker->reader_pool_count];
	else
		http->reader = http_reader_new(&http->service->limits);
}

static void
reader_detach(struct http *http)
{
	struct worker *worker = http_worker(http);

	if (http->reader == NULL)
		return;
	if (worker->reader_pool_count == ARRAY_LEN(worker->reader_pool)) {
		http_reader_free(&http->reader);
		return;
	}
	http_reader_reset(http->reader);
	worker->reader_pool[worker->reader_pool_count++] = http->reader;
	http->reader = NULL;
}

void
http_pool_fini(struct worker *worker)
{
	while (worker->reader_pool_count > 0)
		http_reader_free(
		    &worker->reader_pool[--worker->reader_pool_count]);
}

/* --- life ----------------------------------------------------------------- */

/* Work for the end of the turn: nobody holds the struct then. */
static void
soon(struct http *http)
{
	if (http->next_due)
		return;
	http->next_due = true;
	http->next.run = take_up;
	worker_later(http_worker(http), &http->next);
}

static void
http_free(struct http *http)
{
	worker_timer_stop(http_worker(http), &http->timer);
	list_remove(&http->link);
	list_remove(&http->rester.link);
	reader_detach(http);
	sender_fini(&http->sender);
	stream_free(&http->stream);
	free(http->waiting);
	http->magic = 0;
	free(http);
}

/* The socket is of no use any more; an answer may still be awaited. */
static void
drop(struct http *http)
{
	enum http_state old = http->state;

	if (old == HTTP_GONE || old == HTTP_CLOSED)
		return;
	stream_want_read(http->stream, false);
	stream_want_write(http->stream, false);
	worker_timer_stop(http_worker(http), &http->timer);
	if (old == HTTP_SERVING || old == HTTP_UPGRADING) {
		http->state = HTTP_GONE;
		if (old == HTTP_UPGRADING)
			http->service->gone(http);
		return;
	}
	http->state = HTTP_CLOSED;
	soon(http);
}

/* One that was not read to its end. */
static void
refuse(struct http *http, int status, const char *reason)
{
	if (http->service->refuse)
		http->service->refuse(http, status, reason);
	else
		http_refuse(http, status, reason);
}

static void
on_timeout(struct wheel_timer *timer)
{
	struct http *http = container_of(timer, struct http, timer);

	if (http->state != HTTP_READING) {
		drop(http);
		return;
	}
	http->state = HTTP_SERVING;
	refuse(http, 408, "request took too long");
}

static void
linger(struct http *http)
{
	http->state = HTTP_LINGERING;
	reader_detach(http);
	stream_shutdown(http->stream);
	stream_want_read(http->stream, true);
	worker_timer_start(http_worker(http), &http->timer,
	    http->service->linger_ms);
}

/* What waits goes first; while it does, or a mailbox is full, nothing is read. */
static void
go_on(struct http *http)
{
	if (http->waiting_len > 0 || worker_congested(http_worker(http)))
		soon(http);
	else
		stream_want_read(http->stream, true);
}

/* The answer is written: what now was decided when it was made. */
static void
on_flushed(struct sender *sender)
{
	struct http *http = container_of(sender, struct http, sender);

	if (sender->failed)
		drop(http);
	else if (http->state == HTTP_LINGERING)
		linger(http);
	else if (http->state == HTTP_IDLE)
		go_on(http);
}

static const struct sender_ops sender_ops = { .flushed = on_flushed };

/* --- requests ------------------------------------------------------------- */

/* False: there is no memory for it. What one read brings is kept at most. */
static bool
keep_waiting(struct http *http, struct wps_span left)
{
	if (left.len == 0)
		return true;
	char *waiting = realloc(http->waiting, http->waiting_len + left.len);
	if (waiting == NULL)
		return false;
	memcpy(waiting + http->waiting_len, left.data, left.len);
	http->waiting = waiting;
	http->waiting_len += left.len;
	return true;
}

/* False: the peer never reads its answers, or there is no memory for one. */
static bool
push_bytes(struct http *http, struct wps_span head, struct wps_span content)
{
	struct body *body = body_new(0, head.len + content.len);

	if (body == NULL)
		return false;
	memcpy(body_data(body), head.data, head.len);
	if (content.len > 0)
		memcpy(body_data(body) + head.len, content.data, content.len);
	int rc = sender_push(&http->sender, body, 0);
	body_unref(body);
	return rc == WPS_OK;
}

static void
serve(struct http *http, struct wps_span left)
{
	if (!keep_waiting(http, left)) {
		drop(http);
		return;
	}
	http->state = HTTP_SERVING;
	http->whole = true;
	worker_timer_stop(http_worker(http), &http->timer);
	stream_want_read(http->stream, false);
	if (http->outside)
		http_refuse(http, 404, "there is nothing here");
	else
		http->service->serve(http);
}

static void
begin_upgrade(struct http *http, struct wps_span left)
{
	if (!keep_waiting(http, left)) {
		drop(http);
		return;
	}
	http->state = HTTP_UPGRADING;
	worker_timer_stop(http_worker(http), &http->timer);
	if (http->outside)
		http_refuse(http, 404, "there is nothing here");
	else
		http->service->upgrade(http);
}

static void
refuse_bad(struct http *http)
{
	http->state = HTTP_SERVING;
	worker_timer_stop(http_worker(http), &http->timer);
	refuse(http, http_reader_status(http->reader),
	    http_reader_reason(http->reader));
}

static bool
wants_upgrade(const struct http_request *request)
{
	return request->upgrade && request->method == HTTP_METHOD_GET &&
	    !request->chunked && request->content_length == 0;
}

/* Feeds until a request is whole; may end with the struct in any state. */
static void
feed(struct http *http, struct wps_span bytes)
{
	reader_attach(http);
	for (;;) {
		size_t used = 0;
		enum http_event event = http_reader_feed(http->reader,
		    bytes.data, bytes.len, &used);
		bytes.data += used;
		bytes.len -= used;
		switch (event) {
		case HTTP_MORE:
			return;
		case HTTP_HEAD:
			http->outside = !http_reader_strip(http->reader,
			    http->service->base_path);
			if (wants_upgrade(http_request(http))) {
				begin_upgrade(http, bytes);
				return;
			}
			if (http_request(http)->expect_continue)
				(void)push_bytes(http, WPS_SPAN(
				    "HTTP/1.1 100 Continue\r\n\r\n"),
				    WPS_SPAN_NONE);
			continue;
		case HTTP_DONE:
			serve(http, bytes);
			return;
		case HTTP_BAD:
			refuse_bad(http);
			return;
		}
	}
}

static void
begin_reading(struct http *http)
{
	if (http->state != HTTP_IDLE && http->state != HTTP_HANDSHAKE)
		return;
	http->state = HTTP_READING;
	http->whole = false;
	worker_timer_start(http_worker(http), &http->timer,
	    http->service->request_ms);
}

static void
go_idle(struct http *http)
{
	http->state = HTTP_IDLE;
	reader_detach(http);
	worker_timer_start(http_worker(http), &http->timer,
	    http->service->idle_ms);
}

static void
on_rested(struct rester *rester)
{
	struct http *http = container_of(rester, struct http, rester);

	soon(http);
}

/* The end of the turn: the next request, if it is here, or the end. */
static void
take_up(struct worker *worker, struct mail *mail)
{
	struct http *http = container_of(mail, struct http, next);

	http->next_due = false;
	if (http->state == HTTP_CLOSED) {
		http_free(http);
		return;
	}
	if (http->state != HTTP_IDLE)
		return;
	if (worker_congested(worker)) {
		http->rester.wake = on_rested;
		worker_rest(worker, &http->rester);
		return;
	}
	stream_want_read(http->stream, true);
	if (http->waiting_len == 0)
		return;
	char *bytes = http->waiting;
	struct wps_span span = { bytes, http->waiting_len };
	http->waiting = NULL;
	http->waiting_len = 0;
	begin_reading(http);
	feed(http, span);
	free(bytes);
}

static void
read_lingering(struct http *http, ssize_t n)
{
	http->lingered += (size_t)n;
	if (http->lingered > http->service->linger_bytes)
		drop(http);
}

/* A client that speaks before its upgrade is answered. */
static void
read_early(struct http *http, struct wps_span bytes)
{
	if (http->waiting_len + bytes.len > UPGRADE_WAITING_MAX ||
	    !keep_waiting(http, bytes))
		drop(http);
}

/* Nothing came, but a handshake may have got to its end. */
static void
read_nothing(struct http *http)
{
	if (http->state == HTTP_HANDSHAKE && stream_established(http->stream))
		go_idle(http);
}

static void
on_readable(void *owner)
{
	struct http *http = owner;
	struct worker *worker = http_worker(http);

	ssize_t n = stream_read(http->stream, worker->read_buf,
	    WORKER_READ_SIZE);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		read_nothing(http);
		return;
	}
	if (n <= 0) {
		drop(http);
		return;
	}
	struct wps_span bytes = { worker->read_buf, (size_t)n };
	switch (http->state) {
	case HTTP_HANDSHAKE:
	case HTTP_IDLE:
	case HTTP_READING:
		begin_reading(http);
		feed(http, bytes);
		break;
	case HTTP_UPGRADING:
		read_early(http, bytes);
		break;
	case HTTP_LINGERING:
		read_lingering(http, n);
		break;
	case HTTP_SERVING:
	case HTTP_GONE:
	case HTTP_CLOSED:
		break;
	}
}

static void
on_writable(void *owner)
{
	struct http *http = owner;

	sender_flush(&http->sender);
}

static const struct stream_ops stream_ops = {
	.readable = on_readable,
	.writable = on_writable,
};

static void
begin_handshake(struct http *http)
{
	http->state = HTTP_HANDSHAKE;
	worker_timer_start(http_worker(http), &http->timer,
	    http->service->request_ms);
}

void
http_accept(struct worker *worker, int fd, const struct http_service *service,
    struct tls_context *tls)
{
	struct http *http = xcalloc(1, sizeof(*http));

	http->magic = HTTP_MAGIC;
	http->stream = stream_new(worker, fd, tls);
	http->service = service;
	sender_init(&http->sender, http->stream, &service->out, &sender_ops);
	wheel_timer_init(&http->timer, on_timeout);
	list_init(&http->rester.link);
	list_add(&worker->https, &http->link);
	stream_set_owner(http->stream, &stream_ops, http);
	if (tls)
		begin_handshake(http);
	else
		go_idle(http);
	/* One that was on its way here from who had accepted it. */
	if (worker->draining)
		drop(http);
	else
		stream_want_read(http->stream, true);
}

/* --- answers -------------------------------------------------------------- */

static void
close_now(struct http *http)
{
	http->state = HTTP_CLOSED;
	soon(http);
}

/* The answer is queued; when it is written, on_flushed goes on. */
static void
answered(struct http *http, bool keep)
{
	if (keep) {
		go_idle(http);
		return;
	}
	/* To be written it has as long as any other; then the linger begins. */
	http->state = HTTP_LINGERING;
	worker_timer_start(http_worker(http), &http->timer,
	    http->service->idle_ms);
}

/* Whether the bytes behind the answered request are another request. */
static bool
goes_on(const struct http *http)
{
	const struct http_request *request = http_request(http);

	return http->whole && request->keep_alive &&
	    !http_worker(http)->draining;
}

void
http_respond(struct http *http, int status, const struct wps_header *headers,
    size_t count, struct wps_span body)
{
	wps_assert(http->magic == HTTP_MAGIC);
	http->exchange = NULL;
	if (http->state == HTTP_GONE) {
		close_now(http);
		return;
	}
	bool keep = goes_on(http);
	bool bare = http_request(http)->method == HTTP_METHOD_HEAD ||
	    !http_status_has_body(status);
	char head[HEAD_MAX];
	size_t len = http_format_head(head, sizeof(head), status, headers,
	    count, body.len, keep, worker_date(http_worker(http)));
	if (len > sizeof(head)) {
		log_errx("core", "answer head too long status=%d", status);
		len = http_format_head(head, sizeof(head), 500, NULL, 0, 0,
		    keep, worker_date(http_worker(http)));
		body = WPS_SPAN_NONE;
	}
	if (push_bytes(http, (struct wps_span){ head, len },
	    bare ? WPS_SPAN_NONE : body))
		answered(http, keep);
	else
		close_now(http);
}

void
http_refuse(struct http *http, int status, const char *reason)
{
	const struct wps_header headers[] = {
		{ WPS_SPAN("Content-Type"), WPS_SPAN("text/plain") },
	};
	char text[160];
	int n = snprintf(text, sizeof(text), "%s\n", reason);

	http_respond(http, status, headers, ARRAY_LEN(headers),
	    (struct wps_span){ text, (size_t)n < sizeof(text) ?
		(size_t)n : sizeof(text) - 1 });
}

/* --- upgrades ------------------------------------------------------------- */

#define ACCEPT_SIZE 28 /* base64 of a SHA-1 */

/* RFC 6455, section 4.2.2. */
static void
accept_key(char dst[ACCEPT_SIZE + 1], struct wps_span key)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char joined[64 + sizeof(guid)];
	unsigned char digest[SHA_DIGEST_LENGTH];

	wps_assert(key.len <= 64);
	memcpy(joined, key.data, key.len);
	memcpy(joined + key.len, guid, sizeof(guid) - 1);
	SHA1((const unsigned char *)joined, key.len + sizeof(guid) - 1, digest);
	*base64_encode(dst, (struct wps_span){ (const char *)digest,
	    sizeof(digest) }) = '\0';
}

static bool
push_subprotocol(struct http *http, struct wps_span name)
{
	if (name.len == 0)
		return true;
	return push_bytes(http, WPS_SPAN("Sec-WebSocket-Protocol: "), name) &&
	    push_bytes(http, WPS_SPAN("\r\n"), WPS_SPAN_NONE);
}

/* The name is one that the client offered, as long as its header may be. */
static void
push_switching(struct http *http, struct wps_span subprotocol)
{
	char accept[ACCEPT_SIZE + 1];
	char head[256];

	accept_key(accept, http_header_find(http_request(http),
	    "Sec-WebSocket-Key"));
	int n = snprintf(head, sizeof(head),
	    "HTTP/1.1 101 Switching Protocols\r\n"
	    "Upgrade: websocket\r\n"
	    "Connection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\n", accept);
	wps_assert(n > 0 && (size_t)n < sizeof(head));
	/* Half an answer is worth nothing: its client sees the end instead. */
	if (!push_bytes(http, (struct wps_span){ head, (size_t)n },
	    WPS_SPAN_NONE) || !push_subprotocol(http, subprotocol) ||
	    !push_bytes(http, WPS_SPAN("\r\n"), WPS_SPAN_NONE))
		stream_shutdown(http->stream);
}

void
http_upgrade(struct http *http, struct wps_span subprotocol, http_take_fn take,
    void *data)
{
	wps_assert(http->state == HTTP_UPGRADING);
	http->exchange = NULL;
	push_switching(http, subprotocol);
	struct stream *stream = http->stream;
	take(stream, &http->sender,
	    (struct wps_span){ http->waiting, http->waiting_len }, data);
	http->stream = NULL;
	close_now(http);
}

/* --- hand-over ------------------------------------------------------------ */

struct hand_over {
	struct mail mail;
	struct http *http;
	http_taken_fn taken;
	void *data;
};

static void
take_over(struct worker *worker, struct mail *mail)
{
	struct hand_over *move = container_of(mail, struct hand_over, mail);
	struct http *http = move->http;

	stream_move(http->stream, worker);
	http->sender.worker = worker;
	list_add(&worker->https, &http->link);
	stream_want_read(http->stream, true);
	move->taken(http, move->data);
	free(move);
}

void
http_hand_over(struct http *http, struct worker *to, http_taken_fn taken,
    void *data)
{
	struct hand_over *move;

	wps_assert(http->state == HTTP_UPGRADING && http->sender.head == NULL);
	if (to == http_worker(http)) {
		taken(http, data);
		return;
	}
	stream_want_read(http->stream, false);
	stream_want_write(http->stream, false);
	list_remove(&http->link);
	list_remove(&http->sender.dirty);
	move = xcalloc(1, sizeof(*move));
	move->mail.run = take_over;
	move->mail.call = true;
	move->http = http;
	move->taken = taken;
	move->data = data;
	worker_post(to, &move->mail);
}

/* --- the end of the server ------------------------------------------------ */

void
http_drain(struct worker *worker)
{
	worker->draining = true;
	for (struct list *link = worker->https.next; link != &worker->https;) {
		struct http *http = container_of(link, struct http, link);
		link = link->next;
		if (http->state == HTTP_IDLE && http->sender.head)
			http->state = HTTP_LINGERING;
		else if (http->state == HTTP_HANDSHAKE ||
		    http->state == HTTP_IDLE ||
		    http->state == HTTP_READING)
			drop(http);
	}
}

void
http_abandon_all(struct worker *worker)
{
	for (struct list *link; (link = list_take(&worker->https));) {
		struct http *http = container_of(link, struct http, link);
		if (http->exchange)
			http->abandon(http);
		http->state = HTTP_CLOSED;
		if (!http->next_due)
			http_free(http);
	}
}
