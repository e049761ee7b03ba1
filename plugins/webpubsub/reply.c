/* SPDX-License-Identifier: MIT */
#include "reply.h"

static size_t
measure(const struct codec *codec, const struct reply *reply)
{
	struct out out = { .at = NULL };

	codec->write(&out, reply);
	return out.size;
}

void
reply_send(struct worker *worker, struct wps_conn *conn,
    const struct codec *codec, const struct reply *reply)
{
	const struct wps_host *host = worker->plugin->host;
	size_t size = measure(codec, reply);

	scratch_begin(&worker->replies, size);
	char *room = scratch_take(&worker->replies, size);
	if (room == NULL) {
		host->conn_close(conn, 1011, WPS_SPAN("Internal server error"));
		return;
	}
	codec->write(&(struct out){ .at = room }, reply);
	host->conn_send(conn, codec->frame, (struct wps_span){ room, size });
	scratch_end(&worker->replies);
}

static enum insert_slot
slot_of(const struct wps_msg_view *msg)
{
	if (msg->states == NULL)
		return SLOT_MESSAGE;
	return msg->states->snapshot ? SLOT_STATE_SNAPSHOT : SLOT_STATE_UPDATE;
}

int
reply_encode(const struct worker *worker, const struct codec *codec,
    const struct wps_msg_view *msg, struct wps_body *body)
{
	struct reply reply = {
		.kind = msg->states ? REPLY_STATES : REPLY_MESSAGE,
		.msg = msg,
	};
	char *room = worker->plugin->host->body_make(body, codec->frame,
	    measure(codec, &reply));

	if (room == NULL)
		return WPS_ENOMEM;
	codec->write(&(struct out){ .at = room }, &reply);
	if (codec->reliable)
		worker->plugin->host->body_insert(body, slot_of(msg),
		    codec->sequence_at);
	return WPS_OK;
}
