/* SPDX-License-Identifier: MIT */
#include "net/ws.h"

#include "lib/utf8.h"
#include "net/stream.h"
#include "net/wsinput.h"
#include "util/alloc.h"

#include <errno.h>
#include <stdlib.h>

#define OP_CLOSE 0x8
#define OP_PING 0x9
#define OP_PONG 0xA
#define CLOSE_REASON_MAX 123

/* From the first close on. */
struct ws_closing {
	struct ws *ws;
	struct wheel_timer timer; /* the peer's answer is awaited */
	struct mail mail;         /* brings `ended` */
	struct ws_end end;
	bool sent_close;
	bool got_close;
	bool ended;
};

struct held_message {
	struct held_message *next;
	enum wps_frame frame;
	size_t len;
	char data[];
};

/* What was read and waits: messages of a held connection, and raw bytes. */
struct ws_rest {
	struct ws *ws;
	struct held_message *head, **end;
	uint32_t items;
	size_t bytes;
	char *raw; /* owned; behind the messages, not parsed yet */
	size_t raw_len;
	struct mail mail; /* takes up reading again */
	bool resuming;
	struct rester rester; /* a mailbox is over its mark */
};

static const struct stream_ops stream_ops;

/* --- end ------------------------------------------------------------------ */

static void
tell_ended(struct worker *worker, struct mail *mail)
{
	struct ws_closing *closing = container_of(mail, struct ws_closing, mail);
	struct ws *ws = closing->ws;

	(void)worker;
	ws->ops->ended(ws->owner, &closing->end);
}

static void end(struct ws *ws);
static bool waits(const struct ws *ws);
static struct ws_rest *rest_get(struct ws *ws);

static void
on_close_timeout(struct wheel_timer *timer)
{
	end(container_of(timer, struct ws_closing, timer)->ws);
}

static struct ws_closing *
closing_get(struct ws *ws)
{
	if (ws->closing == NULL) {
		struct ws_closing *closing = xcalloc(1, sizeof(*closing));
		closing->ws = ws;
		closing->end.code = ws->peer_code ? ws->peer_code : WS_ABNORMAL;
		closing->got_close = ws->peer_code != 0;
		closing->mail.run = tell_ended;
		wheel_timer_init(&closing->timer, on_close_timeout);
		ws->closing = closing;
	}
	return ws->closing;
}

/* The socket is of no use any more. */
static void
end(struct ws *ws)
{
	struct ws_closing *closing = closing_get(ws);

	if (closing->ended)
		return;
	closing->ended = true;
	if (!closing->sent_close)
		closing->end.by_peer = true;
	ws->deaf = true;
	worker_timer_stop(stream_worker(ws->stream), &closing->timer);
	stream_want_read(ws->stream, false);
	stream_want_write(ws->stream, false);
	worker_later(stream_worker(ws->stream), &closing->mail);
}

/* Nobody is there to whom a close could be said. */
static bool
is_lost(const struct ws *ws)
{
	return ws->peer_code == WS_ABNORMAL || ws->sender.failed;
}

/* Nothing more comes from it; it may still read. */
static void
lose(struct ws *ws)
{
	stream_want_read(ws->stream, false);
	if (ws->peer_code == 0)
		ws->peer_code = WS_ABNORMAL;
	if (ws->closing == NULL && waits(ws))
		(void)rest_get(ws); /* it is taken up again */
	else
		end(ws);
}

void
ws_lost(struct ws *ws)
{
	sender_give_up(&ws->sender);
	lose(ws);
}

static void
on_flushed(struct sender *sender)
{
	struct ws *ws = container_of(sender, struct ws, sender);

	if (sender->failed) {
		sender_fini(sender); /* nobody reads what waits */
		if (ws->closing)
			end(ws);
		else /* it may have said something: the end is read behind it */
			stream_break(ws->stream);
		return;
	}
	/* RFC 6455, section 7.1.1: the server closes the socket first. */
	if (ws->closing && ws->closing->sent_close && ws->closing->got_close)
		end(ws);
}

static size_t
on_insert(struct sender *sender, const struct body *body, unsigned i,
    uint64_t mark, char *dst)
{
	struct ws *ws = container_of(sender, struct ws, sender);

	return ws->ops->insert(ws->owner, body, i, mark, dst);
}

static const struct sender_ops sender_ops = {
	.flushed = on_flushed,
	.insert = on_insert,
};

/* --- frames of our own ---------------------------------------------------- */

/* NULL when memory for it is not to be had. */
static struct body *
control_body(uint8_t opcode, struct wps_span payload)
{
	struct body *body = body_new(opcode, payload.len);

	if (body == NULL)
		return NULL;
	if (payload.len > 0)
		memcpy(body_data(body), payload.data, payload.len);
	body_seal(body);
	return body;
}

static void
push_close(struct ws *ws, uint16_t code, struct wps_span reason)
{
	char payload[2 + CLOSE_REASON_MAX];
	size_t len = 0;

	if (code != WS_NO_STATUS) {
		payload[0] = (char)(code >> 8);
		payload[1] = (char)code;
		len = utf8_cut(reason, CLOSE_REASON_MAX);
		if (len > 0)
			memcpy(payload + 2, reason.data, len);
		len += 2;
	}
	struct body *body = control_body(OP_CLOSE,
	    (struct wps_span){ payload, len });
	if (body)
		sender_push_last(&ws->sender, body);
	body_unref(body);
	ws->closing->sent_close = true;
}

void
ws_close(struct ws *ws, uint16_t code, struct wps_span reason)
{
	struct ws_closing *closing = closing_get(ws);

	if (closing->sent_close || closing->ended)
		return;
	if (is_lost(ws)) {
		end(ws);
		return;
	}
	push_close(ws, code, reason);
	ws_hold(ws, false);
	worker_timer_start(stream_worker(ws->stream), &closing->timer,
	    ws->limits->close_wait_ms);
}

void
ws_ping(struct ws *ws)
{
	struct worker *worker = stream_worker(ws->stream);

	if (ws->closing)
		return;
	if (worker->ping == NULL) {
		worker->ping = body_new(OP_PING, 0);
		if (worker->ping == NULL)
			return;
		body_seal(worker->ping);
	}
	(void)sender_push(&ws->sender, worker->ping, 0);
}

bool
ws_listens(const struct ws *ws)
{
	return !ws->deaf && stream_wants_read(ws->stream);
}

void
ws_cut(struct ws *ws)
{
	end(ws);
}

static void
ignore_message(void *owner, enum wps_frame frame, struct wps_span data)
{
	(void)owner;
	(void)frame;
	(void)data;
}

static void
ignore_violation(void *owner, uint16_t code, const char *reason)
{
	(void)owner;
	(void)code;
	(void)reason;
}

static void
free_at_end(void *owner, const struct ws_end *last)
{
	struct ws *ws = owner;

	(void)last;
	ws_free(&ws);
}

const struct ws_ops ws_orphan_ops = {
	.message = ignore_message,
	.violated = ignore_violation,
	.ended = free_at_end,
};

void
ws_disown(struct ws **ref)
{
	struct ws *ws = *ref;

	*ref = NULL;
	if (ws == NULL)
		return;
	ws->ops = &ws_orphan_ops;
	ws->owner = ws;
	/* Nobody makes the inserts of what still waits. */
	ws->sender.failed = true;
	ws_cut(ws);
}

void
ws_cut_all(struct worker *worker)
{
	for (struct list *link = worker->wss.next; link != &worker->wss;
	    link = link->next)
		ws_cut(container_of(link, struct ws, link));
}

int
ws_push(struct ws *ws, struct body *body, uint64_t mark)
{
	if (ws->closing && (ws->closing->sent_close || ws->closing->ended))
		return WPS_OK;
	return sender_push(&ws->sender, body, mark);
}

void
ws_drop_unsent(struct ws *ws)
{
	sender_drop_unsent(&ws->sender);
}

/* --- what comes in -------------------------------------------------------- */

static struct ws_rest *
rest_get(struct ws *ws)
{
	if (ws->rest == NULL) {
		struct ws_rest *rest = xcalloc(1, sizeof(*rest));
		rest->ws = ws;
		rest->end = &rest->head;
		list_init(&rest->rester.link);
		ws->rest = rest;
	}
	return ws->rest;
}

static void
keep_message(struct ws *ws, enum wps_frame frame, struct wps_span data)
{
	struct ws_rest *rest = rest_get(ws);
	struct held_message *held = malloc(sizeof(*held) + data.len);

	if (held == NULL) {
		wsinput_fail(ws, 1011, "out of memory");
		return;
	}
	held->next = NULL;
	held->frame = frame;
	held->len = data.len;
	if (data.len > 0)
		memcpy(held->data, data.data, data.len);
	*rest->end = held;
	rest->end = &held->next;
	rest->items++;
	rest->bytes += data.len;
}

/* Whether what comes now has to wait for what came before. */
static bool
is_busy(const struct ws *ws)
{
	return ws->held || ws_keeps(ws);
}

/* Whether something of the peer's is not done with. */
static bool
waits(const struct ws *ws)
{
	return is_busy(ws) || (ws->rest && ws->rest->resuming);
}

void
wsinput_message(struct ws *ws, enum wps_frame frame, struct wps_span data)
{
	if (ws->closing)
		return;
	if (!is_busy(ws))
		ws->ops->message(ws->owner, frame, data);
	else if (ws->ops->urgent == NULL ||
	    !ws->ops->urgent(ws->owner, frame, data))
		keep_message(ws, frame, data);
}

void
wsinput_ping(struct ws *ws, struct wps_span payload)
{
	if (ws->closing)
		return;
	struct body *body = control_body(OP_PONG, payload);
	/* A peer that does not read its pongs gets no more of them. */
	if (body)
		(void)sender_push(&ws->sender, body, 0);
	body_unref(body);
}

static void
answer_close(struct ws *ws)
{
	struct ws_closing *closing = closing_get(ws);

	closing->got_close = true;
	closing->end.code = ws->peer_code;
	if (is_lost(ws)) {
		end(ws);
	} else if (!closing->sent_close) {
		closing->end.by_peer = true;
		push_close(ws, ws->peer_code, WPS_SPAN_NONE);
		worker_timer_start(stream_worker(ws->stream), &closing->timer,
		    ws->limits->close_wait_ms);
	} else if (ws->sender.head == NULL) {
		end(ws);
	}
}

void
wsinput_closed(struct ws *ws, uint16_t code)
{
	ws->deaf = true;
	ws->peer_code = code;
	if (ws->closing == NULL && is_busy(ws))
		(void)rest_get(ws); /* it is taken up again */
	else
		answer_close(ws);
}

void
wsinput_fail(struct ws *ws, uint16_t code, const char *reason)
{
	ws->deaf = true;
	if (ws->closing == NULL)
		ws->ops->violated(ws->owner, code, reason);
}

/* So much is held that nothing more is taken. */
static bool
is_stalled(const struct ws *ws)
{
	const struct ws_rest *rest = ws->rest;

	/* From a close on no message is kept. */
	return rest && rest->head && ws->closing == NULL &&
	    (rest->items >= ws->limits->held_items ||
	     rest->bytes >= ws->limits->held_bytes);
}

bool
wsinput_pauses(const struct ws *ws)
{
	return is_stalled(ws) || worker_tired(stream_worker(ws->stream));
}

static void resume(struct worker *worker, struct mail *mail);

/* `ended` may be on its way, behind which the rest is gone. */
static void
resume_later(struct ws *ws)
{
	struct ws_rest *rest = rest_get(ws);

	if (rest->resuming || (ws->closing && ws->closing->ended))
		return;
	rest->resuming = true;
	rest->mail.run = resume;
	worker_later(stream_worker(ws->stream), &rest->mail);
}

static void
keep_raw(struct ws *ws, struct wps_span left)
{
	struct ws_rest *rest = rest_get(ws);

	stream_want_read(ws->stream, false);
	if (left.len == 0)
		return;
	rest->raw = xmalloc(left.len);
	memcpy(rest->raw, left.data, left.len);
	rest->raw_len = left.len;
}

static void
feed(struct ws *ws, struct wps_span bytes)
{
	struct wps_span left = wsinput_feed(ws, bytes);

	if (ws->deaf || !wsinput_pauses(ws))
		return;
	keep_raw(ws, left);
	if (!is_stalled(ws))
		resume_later(ws);
}

/* Unless what was read still waits, or a mailbox is over its mark. */
static void
read_on(struct ws *ws)
{
	const struct ws_rest *rest = ws->rest;
	bool full = is_stalled(ws) || rest->raw || rest->resuming ||
	    !list_empty(&rest->rester.link);
	bool ended = ws->closing && ws->closing->ended;
	bool lost = ws->peer_code == WS_ABNORMAL;

	stream_want_read(ws->stream, !full && !ended && !lost);
}

static void
wake_rester(struct rester *rester)
{
	read_on(container_of(rester, struct ws_rest, rester)->ws);
}

static void
on_readable(void *owner)
{
	struct ws *ws = owner;
	struct worker *worker = stream_worker(ws->stream);

	ssize_t n = stream_read(ws->stream, worker->read_buf, WORKER_READ_SIZE);
	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
			lose(ws);
		return;
	}
	if (ws->deaf)
		return;
	ws->pulse.seen_ms = worker_now_ms(worker);
	feed(ws, (struct wps_span){ worker->read_buf, (size_t)n });
	if (worker_congested(worker) && !ws->deaf) {
		struct ws_rest *rest = rest_get(ws);
		rest->rester.wake = wake_rester;
		stream_want_read(ws->stream, false);
		if (list_empty(&rest->rester.link))
			worker_rest(worker, &rest->rester);
	}
}

static void
on_writable(void *owner)
{
	struct ws *ws = owner;

	sender_flush(&ws->sender);
}

static const struct stream_ops stream_ops = {
	.readable = on_readable,
	.writable = on_writable,
};

/* --- holding and going on ------------------------------------------------- */

static void
give_held(struct ws *ws)
{
	struct ws_rest *rest = ws->rest;

	while (rest->head && !ws->held && ws->closing == NULL) {
		struct held_message *held = rest->head;
		rest->head = held->next;
		if (rest->head == NULL)
			rest->end = &rest->head;
		rest->items--;
		rest->bytes -= held->len;
		ws->ops->message(ws->owner, held->frame,
		    (struct wps_span){ held->data, held->len });
		free(held);
	}
}

static void
feed_raw(struct ws *ws)
{
	struct ws_rest *rest = ws->rest;
	char *raw = rest->raw;
	struct wps_span bytes = { raw, rest->raw_len };

	rest->raw = NULL;
	rest->raw_len = 0;
	feed(ws, bytes);
	free(raw);
	read_on(ws);
}

static void
resume(struct worker *worker, struct mail *mail)
{
	struct ws_rest *rest = container_of(mail, struct ws_rest, mail);
	struct ws *ws = rest->ws;

	rest->resuming = false;
	if (worker_tired(worker)) {
		resume_later(ws);
		return;
	}
	give_held(ws);
	if (!is_stalled(ws) && !ws->deaf)
		feed_raw(ws);
	/* The peer's close, or its loss, comes behind what it asked before. */
	if (ws->peer_code != 0 && ws->closing == NULL && !waits(ws))
		answer_close(ws);
}

void
ws_hold(struct ws *ws, bool on)
{
	ws->held = on;
	if (!on && ws->rest)
		resume_later(ws);
}

bool
ws_keeps(const struct ws *ws)
{
	return ws->rest && ws->rest->head;
}

void
ws_inherit(struct ws *ws, struct ws *from)
{
	struct ws_rest *old = from->rest;

	if (old == NULL || old->head == NULL)
		return;
	struct ws_rest *rest = rest_get(ws);
	wps_assert(rest->head == NULL);
	rest->head = old->head;
	rest->end = old->end;
	rest->items = old->items;
	rest->bytes = old->bytes;
	old->head = NULL;
	old->end = &old->head;
	old->items = 0;
	old->bytes = 0;
}

/* --- life ----------------------------------------------------------------- */

struct ws *
ws_new(struct stream *stream, struct sender *first, const struct ws_ops *ops,
    const struct ws_limits *limits, void *owner)
{
	struct ws *ws = xcalloc(1, sizeof(*ws));

	ws->stream = stream;
	ws->ops = ops;
	ws->limits = limits;
	ws->owner = owner;
	sender_init(&ws->sender, stream, &limits->out, &sender_ops);
	sender_move(&ws->sender, first);
	list_add(&stream_worker(stream)->wss, &ws->link);
	keepalive_enter(stream_worker(stream), &ws->pulse, limits->ping_ms);
	stream_set_owner(stream, &stream_ops, ws);
	stream_want_read(stream, true);
	return ws;
}

void
ws_feed_early(struct ws *ws, struct wps_span bytes)
{
	if (bytes.len > 0)
		feed(ws, bytes);
}

static void
rest_free(struct ws_rest *rest)
{
	if (rest == NULL)
		return;
	while (rest->head) {
		struct held_message *next = rest->head->next;
		free(rest->head);
		rest->head = next;
	}
	list_remove(&rest->rester.link);
	free(rest->raw);
	free(rest);
}

void
ws_free(struct ws **ws)
{
	struct ws *w = *ws;

	if (w == NULL)
		return;
	if (w->closing) {
		worker_timer_stop(stream_worker(w->stream), &w->closing->timer);
		free(w->closing);
	}
	list_remove(&w->link);
	keepalive_leave(&w->pulse);
	wsinput_detach(w);
	rest_free(w->rest);
	sender_fini(&w->sender);
	stream_free(&w->stream);
	free(w);
	*ws = NULL;
}
