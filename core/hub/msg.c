/* SPDX-License-Identifier: MIT */
#include "hub/msg.h"

#include "util/clock.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Header, metadata entries, states and all bytes are one allocation. */
struct wps_msg {
	_Atomic uint32_t refs;
	size_t size;
	uint64_t expires_ms;
	struct wps_msg_view view;
	struct wps_stream stream;
	struct wps_pair pairs[];
};

static size_t
stream_bytes(const struct wps_stream *stream)
{
	return stream ? stream->id.len + stream->error_name.len +
	    stream->error_message.len + stream->error_code.len : 0;
}

static size_t
pairs_bytes(const struct wps_pair *pairs, size_t count)
{
	size_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += pairs[i].key.len + pairs[i].value.len;
	return sum;
}

/* Structs and texts. */
static size_t
states_bytes(const struct wps_states *states)
{
	size_t sum = 0;

	if (states == NULL)
		return 0;
	for (size_t i = 0; i < states->count; i++) {
		const struct wps_state *item = &states->items[i];
		sum += sizeof(*item) + item->conn.len + item->user.len +
		    item->entry_count * sizeof(struct wps_pair) +
		    pairs_bytes(item->entries, item->entry_count);
	}
	return sizeof(*states) + sum;
}

static size_t
bytes_of(const struct wps_msg_view *view)
{
	return view->group.len + view->from_user.len + view->payload.len +
	    stream_bytes(view->stream) + states_bytes(view->states) +
	    view->metadata_count * sizeof(struct wps_pair) +
	    pairs_bytes(view->metadata, view->metadata_count);
}

static void
move_in(struct wps_span *span, char **dst)
{
	if (span->data == NULL)
		return;
	if (span->len > 0)
		memcpy(*dst, span->data, span->len);
	span->data = *dst;
	*dst += span->len;
}

static void
move_stream(struct wps_msg *msg, char **dst)
{
	if (msg->view.stream == NULL)
		return;
	msg->stream = *msg->view.stream;
	msg->view.stream = &msg->stream;
	move_in(&msg->stream.id, dst);
	move_in(&msg->stream.error_name, dst);
	move_in(&msg->stream.error_message, dst);
	move_in(&msg->stream.error_code, dst);
}

/* An array that is copied to the front of what is left. */
static void *
put_array(char **dst, const void *from, size_t size)
{
	char *to = *dst;

	if (size > 0)
		memcpy(to, from, size);
	*dst += size;
	return to;
}

/* Behind the arrays, which come first, so that all of them are aligned. */
static void
move_pairs(struct wps_pair *pairs, size_t count, char **dst)
{
	for (size_t i = 0; i < count; i++) {
		move_in(&pairs[i].key, dst);
		move_in(&pairs[i].value, dst);
	}
}

static struct wps_state *
put_states(struct wps_msg *msg, char **dst)
{
	const struct wps_states *from = msg->view.states;

	if (from == NULL)
		return NULL;
	struct wps_states *states = put_array(dst, from, sizeof(*from));
	struct wps_state *items = put_array(dst, from->items,
	    from->count * sizeof(*items));
	for (size_t i = 0; i < from->count; i++)
		items[i].entries = put_array(dst, items[i].entries,
		    items[i].entry_count * sizeof(struct wps_pair));
	states->items = items;
	msg->view.states = states;
	return items;
}

static void
move_states(struct wps_state *items, size_t count, char **dst)
{
	for (size_t i = 0; i < count; i++) {
		move_in(&items[i].conn, dst);
		move_in(&items[i].user, dst);
		/* The copy is this message's. */
		move_pairs((struct wps_pair *)(uintptr_t)items[i].entries,
		    items[i].entry_count, dst);
	}
}

struct wps_msg *
msg_new(const struct wps_msg_view *view)
{
	size_t size = sizeof(struct wps_msg) + bytes_of(view);
	struct wps_msg *msg = malloc(size);

	if (msg == NULL)
		return NULL;
	atomic_init(&msg->refs, 1);
	msg->size = size;
	msg->expires_ms = view->ttl_s ?
	    clock_ms() + (uint64_t)view->ttl_s * 1000 : 0;
	msg->view = *view;
	char *dst = (char *)msg->pairs;
	struct wps_pair *metadata = put_array(&dst, view->metadata,
	    view->metadata_count * sizeof(*metadata));
	struct wps_state *states = put_states(msg, &dst);
	move_in(&msg->view.group, &dst);
	move_in(&msg->view.from_user, &dst);
	move_in(&msg->view.payload, &dst);
	move_pairs(metadata, view->metadata_count, &dst);
	msg->view.metadata = metadata;
	if (states)
		move_states(states, view->states->count, &dst);
	move_stream(msg, &dst);
	return msg;
}

struct wps_msg *
msg_ref(struct wps_msg *msg)
{
	atomic_fetch_add_explicit(&msg->refs, 1, memory_order_relaxed);
	return msg;
}

void
msg_unref(struct wps_msg *msg)
{
	if (msg && atomic_fetch_sub_explicit(&msg->refs, 1,
	    memory_order_acq_rel) == 1)
		free(msg);
}

const struct wps_msg_view *
msg_view(const struct wps_msg *msg)
{
	return &msg->view;
}

uint64_t
msg_expires_ms(const struct wps_msg *msg)
{
	return msg->expires_ms;
}

size_t
msg_size(const struct wps_msg *msg)
{
	return msg->size;
}
