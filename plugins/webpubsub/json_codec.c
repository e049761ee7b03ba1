/* SPDX-License-Identifier: MIT */
/*
 * What the server says, in JSON: compact, with members in the order that clients
 * compare whole frames by (client-protocols.md, sections 5.2 and 7).
 */
#include "json_codec.h"

#include "json_request.h"
#include "semantics.h"

#include "lib/base64.h"
#include "lib/jscan.h"

#define PUT(out, literal) out_put((out), WPS_SPAN(literal))

static void
put_quoted(struct out *out, struct wps_span text)
{
	if (out->at)
		out->at = jscan_quote(out->at, text);
	else
		out->size += jscan_quoted_size(text);
}

/* A string, or null for an absent one. */
static void
put_nullable(struct out *out, struct wps_span text)
{
	if (text.data == NULL)
		PUT(out, "null");
	else
		put_quoted(out, text);
}

static void
put_base64(struct out *out, struct wps_span bytes)
{
	PUT(out, "\"");
	if (out->at)
		out->at = base64_encode(out->at, bytes);
	else
		out->size += base64_size(bytes.len);
	PUT(out, "\"");
}

static void
put_number(struct out *out, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	out_put(out, (struct wps_span){ digits + at, sizeof(digits) - at });
}

/* --- messages ------------------------------------------------------------- */

static void
put_data(struct out *out, const struct wps_msg_view *msg)
{
	switch (msg->type) {
	case WPS_DATA_TEXT:
		PUT(out, ",\"dataType\":\"text\",\"data\":");
		put_quoted(out, msg->payload);
		return;
	case WPS_DATA_JSON:
		PUT(out, ",\"dataType\":\"json\",\"data\":");
		out_put(out, msg->payload);
		return;
	case WPS_DATA_BINARY:
		PUT(out, ",\"dataType\":\"binary\",\"data\":");
		put_base64(out, msg->payload);
		return;
	case WPS_DATA_PROTOBUF:
		PUT(out, ",\"dataType\":\"protobuf\",\"data\":");
		put_base64(out, msg->payload);
		return;
	}
}

static void
put_pairs(struct out *out, const struct wps_pair *pairs, size_t count)
{
	PUT(out, "{");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			PUT(out, ",");
		put_quoted(out, pairs[i].key);
		PUT(out, ":");
		put_quoted(out, pairs[i].value);
	}
	PUT(out, "}");
}

static void
put_metadata(struct out *out, const struct wps_msg_view *msg)
{
	if (msg->metadata_count == 0)
		return;
	PUT(out, ",\"metadata\":");
	put_pairs(out, msg->metadata, msg->metadata_count);
}

static void
put_stream_error(struct out *out, const struct wps_stream *stream)
{
	PUT(out, ",\"error\":{\"name\":");
	put_quoted(out, stream->error_name);
	if (stream->error_message.data) {
		PUT(out, ",\"message\":");
		put_quoted(out, stream->error_message);
	}
	if (stream->error_code.data) {
		PUT(out, ",\"userErrorCode\":");
		put_quoted(out, stream->error_code);
	}
	PUT(out, "}");
}

static void
put_stream(struct out *out, const struct wps_stream *stream)
{
	if (stream == NULL)
		return;
	PUT(out, ",\"stream\":{\"streamId\":");
	put_quoted(out, stream->id);
	PUT(out, ",\"streamSequenceId\":");
	put_number(out, stream->sequence);
	if (stream->end)
		PUT(out, ",\"endOfStream\":true");
	if (stream->error_name.data)
		put_stream_error(out, stream);
	PUT(out, "}");
}

static void
write_message(struct out *out, const struct reply *reply)
{
	const struct wps_msg_view *msg = reply->msg;

	PUT(out, "{\"type\":\"message\",\"from\":");
	if (msg->from == WPS_FROM_GROUP) {
		PUT(out, "\"group\",\"group\":");
		put_quoted(out, msg->group);
		PUT(out, ",\"fromUserId\":");
		put_nullable(out, msg->from_user);
	} else {
		PUT(out, "\"server\"");
	}
	put_data(out, msg);
	put_metadata(out, msg);
	put_stream(out, msg->stream);
	PUT(out, "}");
}

static void
put_state(struct out *out, const struct wps_state *state)
{
	PUT(out, "{\"connectionId\":");
	put_quoted(out, state->conn);
	if (state->user.data) {
		PUT(out, ",\"userId\":");
		put_quoted(out, state->user);
	}
	if (!state->cleared) {
		PUT(out, ",\"state\":");
		put_pairs(out, state->entries, state->entry_count);
	}
	PUT(out, ",\"updatedAt\":");
	put_number(out, state->updated_ms);
	PUT(out, "}");
}

static void
write_states(struct out *out, const struct reply *reply)
{
	const struct wps_states *states = reply->msg->states;

	if (states->snapshot)
		PUT(out, "{\"type\":\"groupStateSnapshot\",\"group\":");
	else
		PUT(out, "{\"type\":\"groupStateUpdate\",\"group\":");
	put_quoted(out, reply->msg->group);
	PUT(out, ",\"items\":[");
	for (size_t i = 0; i < states->count; i++) {
		if (i > 0)
			PUT(out, ",");
		put_state(out, &states->items[i]);
	}
	PUT(out, "]}");
}

/* --- the rest ------------------------------------------------------------- */

static void
put_failure(struct out *out, const struct failure *failure)
{
	PUT(out, "\"name\":");
	put_quoted(out, failure->name);
	PUT(out, ",\"message\":");
	put_quoted(out, failure->text);
}

static void
put_success(struct out *out, const struct failure *failure)
{
	if (failure == NULL) {
		PUT(out, ",\"success\":true");
		return;
	}
	PUT(out, ",\"success\":false,\"error\":{");
	put_failure(out, failure);
	PUT(out, "}");
}

static void
write_ack(struct out *out, const struct reply *reply)
{
	PUT(out, "{\"type\":\"ack\",\"ackId\":");
	put_number(out, reply->ack_id);
	put_success(out, reply->failure);
	PUT(out, "}");
}

static void
write_invoked(struct out *out, const struct reply *reply)
{
	PUT(out, "{\"type\":\"invokeResponse\",\"invocationId\":");
	put_quoted(out, reply->invocation);
	put_success(out, reply->failure);
	if (reply->msg) {
		put_data(out, reply->msg);
		put_metadata(out, reply->msg);
	}
	PUT(out, "}");
}

static void
write_stream_ack(struct out *out, const struct reply *reply)
{
	PUT(out, "{\"type\":\"streamAck\",\"streamId\":");
	put_quoted(out, reply->stream);
	PUT(out, ",\"expectedSequenceId\":");
	put_number(out, reply->expected);
	PUT(out, "}");
}

static void
write_stream_nack(struct out *out, const struct reply *reply)
{
	PUT(out, "{\"type\":\"streamNack\",\"streamId\":");
	put_quoted(out, reply->stream);
	PUT(out, ",");
	put_failure(out, reply->failure);
	PUT(out, ",\"expectedSequenceId\":");
	put_number(out, reply->expected);
	PUT(out, "}");
}

static void
write_stream_closed(struct out *out, const struct reply *reply)
{
	PUT(out, "{\"type\":\"streamClosed\",\"streamId\":");
	put_quoted(out, reply->stream);
	if (reply->failure) {
		PUT(out, ",\"error\":{");
		put_failure(out, reply->failure);
		PUT(out, "}");
	}
	PUT(out, "}");
}

static void
write_connected(struct out *out, const struct reply *reply)
{
	PUT(out, "{\"type\":\"system\",\"event\":\"connected\",\"userId\":");
	put_nullable(out, reply->conn->user);
	PUT(out, ",\"connectionId\":");
	put_quoted(out, reply->conn->id);
	if (reply->token.data) {
		PUT(out, ",\"reconnectionToken\":");
		put_quoted(out, reply->token);
	}
	PUT(out, "}");
}

static void
write_disconnected(struct out *out, const struct reply *reply)
{
	PUT(out, "{\"type\":\"system\",\"event\":\"disconnected\",\"message\":");
	put_quoted(out, reply->reason);
	PUT(out, "}");
}

static void
json_write(struct out *out, const struct reply *reply)
{
	switch (reply->kind) {
	case REPLY_ACK:
		write_ack(out, reply);
		return;
	case REPLY_MESSAGE:
		write_message(out, reply);
		return;
	case REPLY_CONNECTED:
		write_connected(out, reply);
		return;
	case REPLY_DISCONNECTED:
		write_disconnected(out, reply);
		return;
	case REPLY_PONG:
		PUT(out, "{\"type\":\"pong\"}");
		return;
	case REPLY_INVOKED:
		write_invoked(out, reply);
		return;
	case REPLY_STREAM_ACK:
		write_stream_ack(out, reply);
		return;
	case REPLY_STREAM_NACK:
		write_stream_nack(out, reply);
		return;
	case REPLY_STREAM_CLOSED:
		write_stream_closed(out, reply);
		return;
	case REPLY_STATES:
		write_states(out, reply);
		return;
	}
}

const struct codec json_codec = {
	.frame = WPS_FRAME_TEXT,
	.parse = json_request_parse,
	.write = json_write,
};

/* The id is the first member, behind the brace (the specification's decision). */
static const struct codec json_reliable_codec = {
	.frame = WPS_FRAME_TEXT,
	.reliable = true,
	.sequence_at = 1,
	.parse = json_request_parse,
	.write = json_write,
};

static size_t
insert_sequence(void *worker_state, struct wps_conn *conn, unsigned slot,
    uint64_t sequence, size_t body_len, char *dst)
{
	struct out out = { .at = dst };

	(void)worker_state;
	(void)conn;
	(void)slot;
	(void)body_len;
	PUT(&out, "\"sequenceId\":");
	put_number(&out, sequence);
	PUT(&out, ",");
	return (size_t)(out.at - dst);
}

/* --- the subprotocols ----------------------------------------------------- */

static void
on_open(void *worker_state, struct wps_conn *conn,
    const struct wps_handshake *handshake)
{
	(void)handshake;
	semantics_open(worker_state, conn, &json_codec);
}

static int
on_encode(void *worker_state, const struct wps_msg_view *msg,
    struct wps_body *body)
{
	return reply_encode(worker_state, &json_codec, msg, body);
}

const struct wps_subprotocol json_subprotocol = {
	.struct_size = sizeof(struct wps_subprotocol),
	.flags = WPS_SUBPROTOCOL_STATES,
	.name = "json.webpubsub.azure.v1",
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
	semantics_open(worker_state, conn, &json_reliable_codec);
}

static int
on_encode_reliable(void *worker_state, const struct wps_msg_view *msg,
    struct wps_body *body)
{
	return reply_encode(worker_state, &json_reliable_codec, msg, body);
}

const struct wps_subprotocol json_reliable_subprotocol = {
	.struct_size = sizeof(struct wps_subprotocol),
	.flags = WPS_SUBPROTOCOL_RELIABLE | WPS_SUBPROTOCOL_STATES,
	.name = "json.reliable.webpubsub.azure.v1",
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
