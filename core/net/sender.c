/* SPDX-License-Identifier: MIT */
#include "net/sender.h"

#include "net/loop.h"
#include "net/stream.h"
#include "util/alloc.h"
#include "util/clock.h"

#include <errno.h>
#include <stdlib.h>

#define POOL_MAX 65536    /* spare entries that a worker keeps */
#define IOV_BATCH 128     /* pieces of one writev */
#define WS_FIN 0x80

struct out_entry {
	struct out_entry *next;
	struct body *body; /* counted */
};

#define LEAD_MAX 38

/*
 * An entry of a body with inserts. Its start is written out: the header, and what
 * follows up to the last insert that still fits. Mostly that is all of them: then
 * the frame is two pieces, this and the rest of the shared body, and the entry is
 * one line of the cache.
 */
struct insert_entry {
	struct out_entry entry;
	uint32_t size; /* of the whole frame */
	uint32_t from; /* where the body goes on behind the lead */
	uint8_t next;  /* the first insert that is not in the lead */
	uint8_t lead_len;
	char lead[LEAD_MAX];
};

/* The form for inserts that do not fit. */
struct long_entry {
	struct insert_entry start;
	struct inserts inserts;
};

/* --- bodies --------------------------------------------------------------- */

struct body *
body_new(uint8_t opcode, size_t len)
{
	struct body *body = malloc(sizeof(*body) + BODY_HEAD + len);

	if (body == NULL)
		return NULL;
	body->refs = 1;
	body->opcode = opcode;
	body->insert_count = 0;
	body->head_len = 0;
	body->expires_ms = 0;
	body->len = len;
	return body;
}

void
body_unref(struct body *body)
{
	if (body && --body->refs == 0)
		free(body);
}

/* RFC 6455, section 5.2, without a mask; returns the header's length. */
static uint8_t
format_header(char head[BODY_HEAD], uint8_t opcode, size_t len)
{
	unsigned char *p = (unsigned char *)head;

	p[0] = WS_FIN | opcode;
	if (len < 126) {
		p[1] = (unsigned char)len;
		return 2;
	}
	if (len <= UINT16_MAX) {
		p[1] = 126;
		p[2] = (unsigned char)(len >> 8);
		p[3] = (unsigned char)len;
		return 4;
	}
	p[1] = 127;
	for (unsigned i = 0; i < 8; i++)
		p[2 + i] = (unsigned char)((uint64_t)len >> (56 - 8 * i));
	return 10;
}

void
body_seal(struct body *body)
{
	if (body->opcode == 0 || body->insert_count > 0)
		return;
	char head[BODY_HEAD];
	body->head_len = format_header(head, body->opcode, body->len);
	memcpy(body_data(body) - body->head_len, head, body->head_len);
}

/* --- entries -------------------------------------------------------------- */

static size_t
inserted(const struct body *body, const struct inserts *inserts)
{
	size_t sum = 0;

	for (unsigned i = 0; i < body->insert_count; i++)
		sum += inserts->len[i];
	return sum;
}

static size_t
entry_size(const struct out_entry *entry)
{
	const struct body *body = entry->body;

	if (body->insert_count == 0)
		return body->head_len + body->len;
	return ((const struct insert_entry *)entry)->size;
}

static struct out_entry *
take_entry(struct entry_pool *pool, size_t size)
{
	struct out_entry *entry = pool->first;

	if (entry == NULL)
		return xmalloc(size);
	pool->first = entry->next;
	pool->count--;
	return entry;
}

static struct out_entry *
plain_entry(struct worker *worker)
{
	return take_entry(&worker->plain_entries, sizeof(struct out_entry));
}

static void
add_lead(struct insert_entry *e, const char *bytes, size_t len)
{
	memcpy(e->lead + e->lead_len, bytes, len);
	e->lead_len = (uint8_t)(e->lead_len + len);
}

/* Whether the next insert, with what stands before it, was taken into the lead. */
static bool
lead_on(struct insert_entry *e, struct body *body,
    const struct inserts *inserts)
{
	if (e->next == body->insert_count)
		return false;
	size_t gap = body->insert_at[e->next] - e->from;
	size_t len = inserts->len[e->next];
	if (gap > LEAD_MAX || e->lead_len + gap + len > LEAD_MAX)
		return false;
	add_lead(e, body_data(body) + e->from, gap);
	add_lead(e, inserts->text[e->next], len);
	e->from = body->insert_at[e->next++];
	return true;
}

static bool
is_long(const struct out_entry *entry)
{
	return ((const struct insert_entry *)entry)->next <
	    entry->body->insert_count;
}

static struct out_entry *
insert_entry(struct worker *worker, struct body *body,
    const struct inserts *inserts)
{
	struct insert_entry start = { .entry = { .body = body } };
	size_t size = body->len + inserted(body, inserts);

	if (body->opcode != 0)
		start.lead_len = format_header(start.lead, body->opcode, size);
	start.size = (uint32_t)(start.lead_len + size);
	while (lead_on(&start, body, inserts))
		continue;
	bool longer = is_long(&start.entry);
	struct out_entry *entry = longer ?
	    xmalloc(sizeof(struct long_entry)) :
	    take_entry(&worker->insert_entries, sizeof(start));
	memcpy(entry, &start, sizeof(start));
	if (longer)
		((struct long_entry *)entry)->inserts = *inserts;
	return entry;
}

static void
entry_free(struct worker *worker, struct out_entry *entry)
{
	bool plain = entry->body->insert_count == 0;
	bool pooled = plain || !is_long(entry);
	struct entry_pool *pool =
	    plain ? &worker->plain_entries : &worker->insert_entries;

	body_unref(entry->body);
	if (!pooled || pool->count >= POOL_MAX) {
		free(entry);
		return;
	}
	entry->next = pool->first;
	pool->first = entry;
	pool->count++;
}

static void
pool_fini(struct entry_pool *pool)
{
	while (pool->first) {
		struct out_entry *next = pool->first->next;
		free(pool->first);
		pool->first = next;
	}
	pool->count = 0;
}

void
out_pool_fini(struct worker *worker)
{
	pool_fini(&worker->plain_entries);
	pool_fini(&worker->insert_entries);
}

/* --- queue ---------------------------------------------------------------- */

void
sender_init(struct sender *sender, struct stream *stream,
    const struct sender_limits *limits, void (*flushed)(struct sender *sender))
{
	*sender = (struct sender){
		.stream = stream,
		.worker = stream_worker(stream),
		.limits = limits,
		.flushed = flushed,
	};
	list_init(&sender->dirty);
}

static void
pop(struct sender *sender)
{
	struct out_entry *entry = sender->head;

	sender->head = entry->next;
	if (sender->head == NULL)
		sender->tail = NULL;
	sender->items--;
	sender->mortal -= entry->body->expires_ms != 0;
	entry_free(sender->worker, entry);
}

void
sender_fini(struct sender *sender)
{
	while (sender->head)
		pop(sender);
	sender->bytes = 0;
	list_remove(&sender->dirty);
}

/* The last entry that is partly sent, or bound to be the next; NULL: none is. */
static struct out_entry *
last_begun(const struct sender *sender, size_t *size_out)
{
	size_t bound = sender->offset + stream_committed(sender->stream);
	struct out_entry *last = NULL;

	*size_out = 0;
	for (struct out_entry *entry = sender->head;
	    entry && *size_out < bound; entry = entry->next) {
		*size_out += entry_size(entry);
		last = entry;
	}
	return last;
}

/* The one behind `before`; the first one when that is NULL. */
static void
drop(struct sender *sender, struct out_entry *before)
{
	struct out_entry *entry = before ? before->next : sender->head;

	sender->bytes -= entry_size(entry);
	if (before == NULL) {
		pop(sender);
		return;
	}
	before->next = entry->next;
	if (sender->tail == entry)
		sender->tail = before;
	sender->items--;
	sender->mortal--;
	entry_free(sender->worker, entry);
}

static void
drop_expired(struct sender *sender)
{
	size_t size;

	if (sender->mortal == 0)
		return;
	uint64_t now_ms = clock_ms();
	struct out_entry *before = last_begun(sender, &size);
	while (sender->mortal > 0) {
		struct out_entry *entry = before ? before->next : sender->head;
		if (entry == NULL)
			return;
		uint64_t expires_ms = entry->body->expires_ms;
		if (expires_ms != 0 && expires_ms <= now_ms)
			drop(sender, before);
		else
			before = entry;
	}
}

void
sender_drop_unsent(struct sender *sender)
{
	size_t size;
	struct out_entry *last = last_begun(sender, &size);
	struct out_entry *rest = last ? last->next : sender->head;

	while (rest) {
		struct out_entry *next = rest->next;
		sender->mortal -= rest->body->expires_ms != 0;
		entry_free(sender->worker, rest);
		sender->items--;
		rest = next;
	}
	if (last)
		last->next = NULL;
	else
		sender->head = NULL;
	sender->tail = last;
	sender->bytes = size - sender->offset;
}

static bool
over_limit(const struct sender *sender, size_t more)
{
	return sender->head != NULL &&
	    (sender->items >= sender->limits->items ||
	     sender->bytes + more > sender->limits->bytes);
}

static void
append(struct sender *sender, struct body *body, const struct inserts *inserts)
{
	if (sender->failed)
		return; /* its end is on the way */

	struct out_entry *entry = body->insert_count ?
	    insert_entry(sender->worker, body, inserts) :
	    plain_entry(sender->worker);
	entry->next = NULL;
	entry->body = body;
	body->refs++;
	if (sender->tail)
		sender->tail->next = entry;
	else
		sender->head = entry;
	sender->tail = entry;
	sender->items++;
	sender->mortal += body->expires_ms != 0;
	sender->bytes += entry_size(entry);
	if (list_empty(&sender->dirty))
		list_add(&sender->worker->dirty, &sender->dirty);
}

/* Without news for the owner: it may be in the middle of something. */
static void write_some(struct sender *sender);

int
sender_push(struct sender *sender, struct body *body,
    const struct inserts *inserts)
{
	size_t size = body->len + BODY_HEAD;

	if (inserts)
		size += inserted(body, inserts);
	if (over_limit(sender, size)) {
		write_some(sender);
		if (over_limit(sender, size))
			return WPS_FULL;
	}
	append(sender, body, inserts);
	return WPS_OK;
}

void
sender_push_last(struct sender *sender, struct body *body)
{
	append(sender, body, NULL);
}

/* --- writing -------------------------------------------------------------- */

struct pieces {
	struct iovec iov[IOV_BATCH];
	int count;
	size_t skip; /* bytes of the first entry that are sent already */
};

static void
piece(struct pieces *pieces, char *data, size_t len)
{
	if (pieces->skip >= len) {
		pieces->skip -= len;
		return;
	}
	pieces->iov[pieces->count++] = (struct iovec){
		.iov_base = data + pieces->skip,
		.iov_len = len - pieces->skip,
	};
	pieces->skip = 0;
}

static void
entry_pieces(struct pieces *pieces, struct out_entry *entry)
{
	struct body *body = entry->body;

	if (body->insert_count == 0) {
		piece(pieces, body_data(body) - body->head_len,
		    body->head_len + body->len);
		return;
	}
	struct insert_entry *e = (struct insert_entry *)entry;
	char *data = body_data(body);
	size_t at = e->from;
	piece(pieces, e->lead, e->lead_len);
	for (unsigned i = e->next; i < body->insert_count; i++) {
		struct inserts *inserts = &((struct long_entry *)entry)->inserts;
		piece(pieces, data + at, body->insert_at[i] - at);
		piece(pieces, inserts->text[i], inserts->len[i]);
		at = body->insert_at[i];
	}
	piece(pieces, data + at, body->len - at);
}

#define PIECES_PER_ENTRY (2 + 2 * WPS_INSERTS)

static void
gather(const struct sender *sender, struct pieces *pieces)
{
	pieces->count = 0;
	pieces->skip = sender->offset;
	for (struct out_entry *entry = sender->head;
	    entry && pieces->count + PIECES_PER_ENTRY <= IOV_BATCH;
	    entry = entry->next)
		entry_pieces(pieces, entry);
}

static void
sent(struct sender *sender, size_t n)
{
	sender->bytes -= n;
	n += sender->offset;
	while (sender->head) {
		size_t size = entry_size(sender->head);
		if (n < size)
			break;
		n -= size;
		pop(sender);
	}
	sender->offset = n;
}

static void
write_some(struct sender *sender)
{
	struct pieces pieces;

	drop_expired(sender);
	while (sender->head && !sender->failed) {
		gather(sender, &pieces);
		ssize_t n = pieces.count ? stream_writev(sender->stream,
		    pieces.iov, pieces.count) : 0;
		if (n < 0) {
			sender->failed = errno != EAGAIN && errno != EWOULDBLOCK;
			break;
		}
		sent(sender, (size_t)n);
	}
}

void
sender_flush(struct sender *sender)
{
	write_some(sender);
	list_remove(&sender->dirty);
	stream_want_write(sender->stream,
	    sender->head != NULL && !sender->failed);
	if (sender->head == NULL || sender->failed)
		sender->flushed(sender);
}

void
sender_move(struct sender *to, struct sender *from)
{
	wps_assert(to->head == NULL);
	to->head = from->head;
	to->tail = from->tail;
	to->bytes = from->bytes;
	to->offset = from->offset;
	to->items = from->items;
	to->mortal = from->mortal;
	to->failed = from->failed;
	from->head = from->tail = NULL;
	from->bytes = from->offset = from->items = from->mortal = 0;
	list_remove(&from->dirty);
	if (to->head)
		list_add(&to->worker->dirty, &to->dirty);
}
