/* SPDX-License-Identifier: MIT */
#include "hub/msg.h"

#include "util/clock.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Header, metadata entries and all bytes are one allocation. */
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
bytes_of(const struct wps_msg_view *view)
{
	size_t sum = view->group.len + view->from_user.len + view->payload.len +
	    stream_bytes(view->stream);

	for (size_t i = 0; i < view->metadata_count; i++)
		sum += view->metadata[i].key.len + view->metadata[i].value.len;
	return sum;
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

struct wps_msg *
msg_new(const struct wps_msg_view *view)
{
	size_t size = sizeof(struct wps_msg) +
	    view->metadata_count * sizeof(struct wps_pair) + bytes_of(view);
	struct wps_msg *msg = malloc(size);

	if (msg == NULL)
		return NULL;
	atomic_init(&msg->refs, 1);
	msg->size = size;
	msg->expires_ms = view->ttl_s ?
	    clock_ms() + (uint64_t)view->ttl_s * 1000 : 0;
	msg->view = *view;
	char *dst = (char *)&msg->pairs[view->metadata_count];
	move_in(&msg->view.group, &dst);
	move_in(&msg->view.from_user, &dst);
	move_in(&msg->view.payload, &dst);
	for (size_t i = 0; i < view->metadata_count; i++) {
		msg->pairs[i] = view->metadata[i];
		move_in(&msg->pairs[i].key, &dst);
		move_in(&msg->pairs[i].value, &dst);
	}
	msg->view.metadata = msg->pairs;
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
