/* SPDX-License-Identifier: MIT */
#include "net/sender.h"

#include "net/loop.h"
#include "net/stream.h"
#include "util/alloc.h"
#include "util/clock.h"

#include <errno.h>
#include <stdlib.h>

#define POOL_MAX 16384    /* spare blocks that a worker keeps */
#define IOV_BATCH 128     /* pieces of one writev */
#define GAP_MAX 16        /* bytes between inserts that are copied */
#define WS_FIN 0x80

/* What waits: a body, and what makes it this receiver's. */
struct out_item {
	struct body *body; /* counted */
	uint64_t mark;
};

#define BLOCK_ITEMS 7

/* A part of a queue, items[first .. end); two lines of the cache. */
struct out_block {
	struct out_block *next;
	uint8_t first, end;
	struct out_item items[BLOCK_ITEMS];
};

/* Goes through a queue, from its first item. */
struct cursor {
	struct out_block *block;
	unsigned at;
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

/* --- blocks ---------------------------------------------------------------- */

static struct out_block *
block_new(struct worker *worker)
{
	struct block_pool *pool = &worker->blocks;
	struct out_block *block = pool->first;

	if (block) {
		pool->first = block->next;
		pool->count--;
		/* It was used long ago: it is fetched while this one is filled. */
		__builtin_prefetch(pool->first, 1);
	} else {
		block = xaligned(CACHE_LINE, sizeof(*block));
	}
	block->next = NULL;
	block->first = block->end = 0;
	return block;
}

static void
block_free(struct worker *worker, struct out_block *block)
{
	struct block_pool *pool = &worker->blocks;

	if (pool->count >= POOL_MAX) {
		free(block);
		return;
	}
	block->next = pool->first;
	pool->first = block;
	pool->count++;
}

void
out_pool_fini(struct worker *worker)
{
	struct block_pool *pool = &worker->blocks;

	while (pool->first) {
		struct out_block *next = pool->first->next;
		free(pool->first);
		pool->first = next;
	}
	pool->count = 0;
}

/* --- queue ---------------------------------------------------------------- */

void
sender_init(struct sender *sender, struct stream *stream,
    const struct sender_limits *limits, const struct sender_ops *ops)
{
	*sender = (struct sender){
		.stream = stream,
		.worker = stream_worker(stream),
		.limits = limits,
		.ops = ops,
	};
	list_init(&sender->dirty);
}

/* NULL behind the last one. */
static struct out_item *
item_at(struct cursor *cursor)
{
	if (cursor->block && cursor->at == cursor->block->end) {
		cursor->block = cursor->block->next;
		cursor->at = cursor->block ? cursor->block->first : 0;
	}
	return cursor->block ? &cursor->block->items[cursor->at] : NULL;
}

static struct cursor
first_of(const struct sender *sender)
{
	return (struct cursor){ sender->head,
		sender->head ? sender->head->first : 0 };
}

/* What an item counts for; the header of one with inserts is not known. */
static size_t
weight(const struct body *body)
{
	return body->len + (body->insert_count ? BODY_HEAD : body->head_len);
}

static void
count_out(struct sender *sender, struct body *body)
{
	sender->bytes -= weight(body);
	sender->items--;
	sender->mortal -= body->expires_ms != 0;
	body_unref(body);
}

/* The first item, which is sent. */
static void
pop(struct sender *sender)
{
	struct out_block *block = sender->head;

	count_out(sender, block->items[block->first].body);
	if (++block->first < block->end)
		return;
	sender->head = block->next;
	if (sender->head == NULL)
		sender->tail = NULL;
	block_free(sender->worker, block);
}

void
sender_fini(struct sender *sender)
{
	while (sender->head)
		pop(sender);
	list_remove(&sender->dirty);
}

void
sender_give_up(struct sender *sender)
{
	sender->failed = true;
	stream_want_write(sender->stream, false);
	sender_fini(sender);
}

static bool
never(const struct body *body, uint64_t now_ms)
{
	(void)body;
	(void)now_ms;
	return false;
}

static bool
lives(const struct body *body, uint64_t now_ms)
{
	return body->expires_ms == 0 || body->expires_ms > now_ms;
}

/* The queue ends where the cursor stands. */
static void
cut(struct sender *sender, struct cursor cursor)
{
	struct out_block *last = cursor.block, *rest;

	if (last && cursor.at == last->first && last == sender->head)
		last = NULL; /* nothing is left */
	rest = last ? last->next : sender->head;
	if (last) {
		last->end = (uint8_t)cursor.at;
		last->next = NULL;
	} else {
		sender->head = NULL;
	}
	sender->tail = last;
	while (rest) {
		struct out_block *next = rest->next;
		block_free(sender->worker, rest);
		rest = next;
	}
}

static size_t item_size(struct sender *sender, const struct out_item *item);

/* Those that are partly sent, or bound to be the next, stay in any case; of the
 * others, those that shall. */
static void
sift(struct sender *sender, bool (*stays)(const struct body *, uint64_t))
{
	size_t bound = sender->offset + stream_committed(sender->stream);
	struct cursor from = first_of(sender), to = from;
	uint64_t now_ms = clock_ms();
	struct out_item *item;
	size_t size = 0;

	for (; (item = item_at(&from)); from.at++) {
		bool begun = size < bound;
		if (begun)
			size += item_size(sender, item);
		if (begun || stays(item->body, now_ms)) {
			*item_at(&to) = *item;
			to.at++;
		} else {
			count_out(sender, item->body);
		}
	}
	cut(sender, to);
}

void
sender_drop_unsent(struct sender *sender)
{
	sift(sender, never);
}

static bool
over_limit(const struct sender *sender, size_t more)
{
	return sender->head != NULL &&
	    (sender->items >= sender->limits->items ||
	     sender->bytes + more > sender->limits->bytes);
}

static void
append(struct sender *sender, struct body *body, uint64_t mark)
{
	struct out_block *block = sender->tail;

	if (sender->failed)
		return;
	if (block == NULL || block->end == BLOCK_ITEMS) {
		block = block_new(sender->worker);
		if (sender->tail)
			sender->tail->next = block;
		else
			sender->head = block;
		sender->tail = block;
	}
	block->items[block->end++] = (struct out_item){ body, mark };
	body->refs++;
	sender->items++;
	sender->worker->pushed++;
	sender->mortal += body->expires_ms != 0;
	sender->bytes += weight(body);
	if (list_empty(&sender->dirty))
		list_add(&sender->worker->dirty, &sender->dirty);
}

/* Without news for the owner: it may be in the middle of something. */
static void write_some(struct sender *sender);

int
sender_push(struct sender *sender, struct body *body, uint64_t mark)
{
	size_t size = body->len + BODY_HEAD;

	if (sender->failed)
		return WPS_OK; /* its end is on the way */
	if (over_limit(sender, size)) {
		write_some(sender);
		if (over_limit(sender, size))
			return sender->failed ? WPS_OK : WPS_FULL;
	}
	append(sender, body, mark);
	return WPS_OK;
}

void
sender_push_last(struct sender *sender, struct body *body)
{
	append(sender, body, 0);
}

/* --- writing -------------------------------------------------------------- */

/* Each insert may have long bytes of the body in front of it; header and rest. */
#define PIECES_PER_ITEM (2 + 2 * WPS_INSERTS)
#define ITEM_BATCH (IOV_BATCH / 2)
#define LEAD_MAX (BODY_HEAD + WPS_INSERTS * (GAP_MAX + WPS_INSERT_MAX))

/* What one writev gets. */
struct pieces {
	struct iovec iov[IOV_BATCH];
	size_t sizes[ITEM_BATCH]; /* of whole items */
	int count;
	unsigned items;
	size_t skip; /* bytes of the first item that are sent already */
	char leads[ITEM_BATCH][LEAD_MAX];
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

/* The bytes of one receiver at the inserts of a body. */
struct inserts {
	size_t len[WPS_INSERTS];
	char text[WPS_INSERTS][WPS_INSERT_MAX];
};

/* Returns the size of the frame behind its header. */
static size_t
make_inserts(struct sender *sender, const struct out_item *item,
    struct inserts *inserts)
{
	const struct body *body = item->body;
	size_t size = body->len;

	for (unsigned i = 0; i < body->insert_count; i++) {
		inserts->len[i] = sender->ops->insert(sender, body, i,
		    item->mark, inserts->text[i]);
		wps_assert(inserts->len[i] <= WPS_INSERT_MAX);
		size += inserts->len[i];
	}
	return size;
}

static char *
put(char *dst, const char *bytes, size_t len)
{
	memcpy(dst, bytes, len);
	return dst + len;
}

/*
 * Header, inserts and short gaps between them are written out, what is long is a
 * piece of the shared body: mostly the frame is two pieces. Returns its size.
 */
static size_t
inserted_pieces(struct pieces *pieces, struct sender *sender,
    const struct out_item *item)
{
	struct body *body = item->body;
	char *start = pieces->leads[pieces->items], *end = start;
	char *data = body_data(body);
	struct inserts inserts;
	size_t size = make_inserts(sender, item, &inserts), at = 0;

	if (body->opcode != 0)
		end += format_header(start, body->opcode, size);
	size += (size_t)(end - start);
	for (unsigned i = 0; i < body->insert_count; i++) {
		size_t gap = body->insert_at[i] - at;
		if (gap <= GAP_MAX) {
			end = put(end, data + at, gap);
		} else {
			piece(pieces, start, (size_t)(end - start));
			piece(pieces, data + at, gap);
			start = end;
		}
		end = put(end, inserts.text[i], inserts.len[i]);
		at = body->insert_at[i];
	}
	piece(pieces, start, (size_t)(end - start));
	piece(pieces, data + at, body->len - at);
	return size;
}

static size_t
item_size(struct sender *sender, const struct out_item *item)
{
	const struct body *body = item->body;
	struct inserts inserts;
	char head[BODY_HEAD];

	if (body->insert_count == 0)
		return weight(body);
	size_t size = make_inserts(sender, item, &inserts);
	return size + (body->opcode != 0 ?
	    format_header(head, body->opcode, size) : 0);
}

static void
gather(struct sender *sender, struct pieces *pieces)
{
	struct cursor cursor = first_of(sender);
	struct out_item *item;

	pieces->count = 0;
	pieces->items = 0;
	pieces->skip = sender->offset;
	while (pieces->count + PIECES_PER_ITEM <= IOV_BATCH &&
	    pieces->items < ITEM_BATCH && (item = item_at(&cursor))) {
		struct body *body = item->body;
		size_t size = weight(body);
		if (body->insert_count > 0)
			size = inserted_pieces(pieces, sender, item);
		else
			piece(pieces, body_data(body) - body->head_len, size);
		pieces->sizes[pieces->items++] = size;
		cursor.at++;
	}
}

static void
sent(struct sender *sender, const struct pieces *pieces, size_t n)
{
	n += sender->offset;
	for (unsigned i = 0; i < pieces->items && n >= pieces->sizes[i]; i++) {
		n -= pieces->sizes[i];
		pop(sender);
	}
	sender->offset = n;
}

static void
write_some(struct sender *sender)
{
	struct pieces pieces;

	/* Nobody may be there to make inserts, which sifting asks for. */
	if (sender->failed)
		return;
	if (sender->mortal > 0)
		sift(sender, lives);
	while (sender->head && !sender->failed) {
		gather(sender, &pieces);
		ssize_t n = pieces.count ? stream_writev(sender->stream,
		    pieces.iov, pieces.count) : 0;
		if (n < 0) {
			sender->failed = errno != EAGAIN && errno != EWOULDBLOCK;
			break;
		}
		sent(sender, &pieces, (size_t)n);
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
		sender->ops->flushed(sender);
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
