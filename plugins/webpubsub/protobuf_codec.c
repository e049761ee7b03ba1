/* SPDX-License-Identifier: MIT */
/*
 * What the server says, as a DownstreamMessage of webpubsub.proto.
 *
 * The body that reliable receivers share is the inside of a DataMessage, or of
 * one that tells of group states. The insert in front of it opens the envelope,
 * whose length depends on the sequence id, and holds that id as the message's
 * first field; its slot says which message it is.
 */
#include "protobuf_codec.h"

#include "protobuf_request.h"
#include "semantics.h"
#include "wire.h"

/* Members of DownstreamMessage. */
#define ACK_MESSAGE 1
#define DATA_MESSAGE 2
#define SYSTEM_MESSAGE 3
#define PONG_MESSAGE 4
#define INVOKE_RESPONSE_MESSAGE 5
#define STREAM_ACK_MESSAGE 6
#define STREAM_NACK_MESSAGE 7
#define STREAM_CLOSED_MESSAGE 8
#define GROUP_STATE_UPDATE_MESSAGE 9
#define GROUP_STATE_SNAPSHOT_MESSAGE 10

/* --- messages ------------------------------------------------------------- */

static void
put_payload(struct out *out, const void *what)
{
	const struct wps_msg_view *msg = what;
	static const uint8_t members[] = {
		[WPS_DATA_TEXT] = 1,
		[WPS_DATA_BINARY] = 2,
		[WPS_DATA_PROTOBUF] = 3,
		[WPS_DATA_JSON] = 4,
	};

	wire_put_bytes(out, members[msg->type], msg->payload);
}

static void
put_entry(struct out *out, const void *what)
{
	const struct wps_pair *pair = what;

	wire_put_bytes(out, 1, pair->key);
	wire_put_bytes(out, 2, pair->value);
}

static void
put_metadata(struct out *out, const struct wps_msg_view *msg)
{
	for (size_t i = 0; i < msg->metadata_count; i++)
		wire_put_message(out, 5, put_entry, &msg->metadata[i]);
}

static void
put_stream_error(struct out *out, const void *what)
{
	const struct wps_stream *stream = what;

	wire_put_text(out, 1, stream->error_name);
	wire_put_text(out, 2, stream->error_message);
	wire_put_text(out, 3, stream->error_code);
}

static void
put_stream(struct out *out, const void *what)
{
	const struct wps_stream *stream = what;

	wire_put_text(out, 1, stream->id);
	wire_put_number(out, 2, stream->sequence);
	if (stream->end)
		wire_put_number(out, 3, true);
	if (stream->error_name.data)
		wire_put_message(out, 4, put_stream_error, stream);
}

/* All of a DataMessage but its sequence id. */
static void
put_message(struct out *out, const void *what)
{
	const struct wps_msg_view *msg = what;

	if (msg->from == WPS_FROM_GROUP) {
		wire_put_bytes(out, 1, WPS_SPAN("group"));
		wire_put_bytes(out, 2, msg->group);
	} else {
		wire_put_bytes(out, 1, WPS_SPAN("server"));
	}
	wire_put_message(out, 3, put_payload, msg);
	put_metadata(out, msg);
	if (msg->stream)
		wire_put_message(out, 6, put_stream, msg->stream);
}

/* --- group state ---------------------------------------------------------- */

static void
put_entries(struct out *out, const void *what)
{
	const struct wps_state *state = what;

	for (size_t i = 0; i < state->entry_count; i++)
		wire_put_message(out, 1, put_entry, &state->entries[i]);
}

static void
put_state(struct out *out, const void *what)
{
	const struct wps_state *state = what;

	wire_put_text(out, 1, state->conn);
	if (state->user.data)
		wire_put_bytes(out, 2, state->user);
	if (!state->cleared)
		wire_put_message(out, 3, put_entries, state);
	wire_put_number(out, 4, state->updated_ms);
}

/* All of it but its sequence id. */
static void
put_states(struct out *out, const void *what)
{
	const struct wps_msg_view *msg = what;

	wire_put_text(out, 1, msg->group);
	for (size_t i = 0; i < msg->states->count; i++)
		wire_put_message(out, 2, put_state, &msg->states->items[i]);
}

static unsigned
states_member(const struct wps_states *states)
{
	return states->snapshot ? GROUP_STATE_SNAPSHOT_MESSAGE :
	    GROUP_STATE_UPDATE_MESSAGE;
}

/* --- the rest ------------------------------------------------------------- */

static void
put_failure(struct out *out, const void *what)
{
	const struct failure *failure = what;

	wire_put_text(out, 1, failure->name);
	wire_put_text(out, 2, failure->text);
}

static void
put_ack(struct out *out, const void *what)
{
	const struct reply *reply = what;

	if (reply->ack_id != 0)
		wire_put_number(out, 1, reply->ack_id);
	if (reply->failure)
		wire_put_message(out, 3, put_failure, reply->failure);
	else
		wire_put_number(out, 2, true);
}

static void
put_invoked(struct out *out, const void *what)
{
	const struct reply *reply = what;

	wire_put_text(out, 1, reply->invocation);
	if (reply->failure)
		wire_put_message(out, 4, put_failure, reply->failure);
	else
		wire_put_number(out, 2, true);
	if (reply->msg) {
		wire_put_message(out, 3, put_payload, reply->msg);
		put_metadata(out, reply->msg);
	}
}

static void
put_stream_ack(struct out *out, const void *what)
{
	const struct reply *reply = what;

	wire_put_text(out, 1, reply->stream);
	wire_put_number(out, 2, reply->expected);
}

static void
put_stream_nack(struct out *out, const void *what)
{
	const struct reply *reply = what;

	wire_put_text(out, 1, reply->stream);
	wire_put_text(out, 2, reply->failure->name);
	wire_put_text(out, 3, reply->failure->text);
	wire_put_number(out, 4, reply->expected);
}

static void
put_stream_closed(struct out *out, const void *what)
{
	const struct reply *reply = what;

	wire_put_text(out, 1, reply->stream);
	if (reply->failure)
		wire_put_message(out, 2, put_failure, reply->failure);
}

static void
put_connected(struct out *out, const void *what)
{
	const struct reply *reply = what;

	wire_put_text(out, 1, reply->conn->id);
	wire_put_text(out, 2, reply->conn->user);
	if (reply->token.data)
		wire_put_bytes(out, 3, reply->token);
}

static void
put_disconnected(struct out *out, const void *what)
{
	const struct reply *reply = what;

	wire_put_text(out, 2, reply->reason);
}

static void
put_system(struct out *out, const void *what)
{
	const struct reply *reply = what;

	if (reply->kind == REPLY_CONNECTED)
		wire_put_message(out, 1, put_connected, reply);
	else
		wire_put_message(out, 2, put_disconnected, reply);
}

static void
protobuf_write(struct out *out, const struct reply *reply)
{
	switch (reply->kind) {
	case REPLY_ACK:
		wire_put_message(out, ACK_MESSAGE, put_ack, reply);
		return;
	case REPLY_MESSAGE:
		wire_put_message(out, DATA_MESSAGE, put_message, reply->msg);
		return;
	case REPLY_CONNECTED:
	case REPLY_DISCONNECTED:
		wire_put_message(out, SYSTEM_MESSAGE, put_system, reply);
		return;
	case REPLY_PONG:
		wire_put_bytes(out, PONG_MESSAGE, WPS_SPAN(""));
		return;
	case REPLY_INVOKED:
		wire_put_message(out, INVOKE_RESPONSE_MESSAGE, put_invoked,
		    reply);
		return;
	case REPLY_STREAM_ACK:
		wire_put_message(out, STREAM_ACK_MESSAGE, put_stream_ack, reply);
		return;
	case REPLY_STREAM_NACK:
		wire_put_message(out, STREAM_NACK_MESSAGE, put_stream_nack,
		    reply);
		return;
	case REPLY_STREAM_CLOSED:
		wire_put_message(out, STREAM_CLOSED_MESSAGE, put_stream_closed,
		    reply);
		return;
	case REPLY_STATES:
		wire_put_message(out, states_member(reply->msg->states),
		    put_states, reply->msg);
		return;
	}
}

/* A message without its envelope, which the insert opens. */
static void
reliable_write(struct out *out, const struct reply *reply)
{
	if (reply->kind == REPLY_MESSAGE)
		put_message(out, reply->msg);
	else if (reply->kind == REPLY_STATES)
		put_states(out, reply->msg);
	else
		protobuf_write(out, reply);
}

const struct codec protobuf_codec = {
	.frame = WPS_FRAME_BINARY,
	.parse = protobuf_request_parse,
	.write = protobuf_write,
};

static const struct codec protobuf_reliable_codec = {
	.frame = WPS_FRAME_BINARY,
	.reliable = true,
	.sequence_at = 0,
	.parse = protobuf_request_parse,
	.write = reliable_write,
};

/* The member of the envelope, and in it the field of the sequence id. */
static const struct {
	unsigned member, sequence_id;
} envelopes[] = {
	[SLOT_MESSAGE] = { DATA_MESSAGE, 4 },
	[SLOT_STATE_UPDATE] = { GROUP_STATE_UPDATE_MESSAGE, 3 },
	[SLOT_STATE_SNAPSHOT] = { GROUP_STATE_SNAPSHOT_MESSAGE, 3 },
};

static size_t
insert_sequence(void *worker_state, struct wps_conn *conn, unsigned slot,
    uint64_t sequence, size_t body_len, char *dst)
{
	struct out id = { .at = NULL }, out = { .at = dst };

	(void)worker_state;
	(void)conn;
	wire_put_number(&id, envelopes[slot].sequence_id, sequence);
	wire_put_head(&out, envelopes[slot].member, id.size + body_len);
	wire_put_number(&out, envelopes[slot].sequence_id, sequence);
	return (size_t)(out.at - dst);
}

/* --- the subprotocols ----------------------------------------------------- */

static void
on_open(void *worker_state, struct wps_conn *conn,
    const struct wps_handshake *handshake)
{
	(void)handshake;
	semantics_open(worker_state, conn, &protobuf_codec);
}

static int
on_encode(void *worker_state, const struct wps_msg_view *msg,
    struct wps_body *body)
{
	return reply_encode(worker_state, &protobuf_codec, msg, body);
}

const struct wps_subprotocol protobuf_subprotocol = {
	.struct_size = sizeof(struct wps_subprotocol),
	.flags = WPS_SUBPROTOCOL_STATES,
	.name = "protobuf.webpubsub.azure.v1",
	.conn_size = sizeof(struct session),
	.open = on_open,
	.recv = semantics_recv,
	.urgent = semantics_urgent,
	.goodbye = semantics_goodbye,
	.close = semantics_close,
	.encode = on_encode,
};

static void
on_open_reliable(void *worker_state, struct wps_conn *conn,
    const struct wps_handshake *handshake)
{
	(void)handshake;
	semantics_open(worker_state, conn, &protobuf_reliable_codec);
}

static int
on_encode_reliable(void *worker_state, const struct wps_msg_view *msg,
    struct wps_body *body)
{
	return reply_encode(worker_state, &protobuf_reliable_codec, msg, body);
}

const struct wps_subprotocol protobuf_reliable_subprotocol = {
	.struct_size = sizeof(struct wps_subprotocol),
	.flags = WPS_SUBPROTOCOL_RELIABLE | WPS_SUBPROTOCOL_STATES,
	.name = "protobuf.reliable.webpubsub.azure.v1",
	.conn_size = sizeof(struct session),
	.open = on_open_reliable,
	.recv = semantics_recv,
	.urgent = semantics_urgent,
	.goodbye = semantics_goodbye,
	.close = semantics_close,
	.encode = on_encode_reliable,
	.insert = insert_sequence,
	.recover = semantics_recover,
	.resume = semantics_resume,
};
