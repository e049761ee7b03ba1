/* SPDX-License-Identifier: MIT */
/*
 * A client's request as it is meant, whatever it was written in.
 *
 * All spans are borrowed from the frame or from the worker's scratch: they live
 * until the request has been run.
 */
#ifndef WEBPUBSUB_REQUEST_H
#define WEBPUBSUB_REQUEST_H

#include "lib/utf8.h"

#include <wps/msg.h>

enum request_kind {
	REQUEST_JOIN = 1,
	REQUEST_LEAVE,
	REQUEST_SEND,
	REQUEST_EVENT,
	REQUEST_PING,
	REQUEST_SEQUENCE_ACK,
	REQUEST_INVOKE_RESPONSE,
	REQUEST_INVOKE,
	REQUEST_CANCEL,
	REQUEST_STREAM_START,
	REQUEST_STREAM_DATA,
	REQUEST_STREAM_KEEP_ALIVE,
	REQUEST_STREAM_END,
	REQUEST_STATE_SET,
	REQUEST_STATE_WATCH,
	REQUEST_STATE_UNWATCH,
};

#define ID_MAX 128 /* UTF-16 units of the id of a stream or an invocation */
#define ID_MAX_BYTES (3 * ID_MAX)
#define STREAM_IDLE_MS 300000 /* unless the client says otherwise */

/* What a request says of a stream. */
struct request_stream {
	struct wps_span id;
	bool invalid;      /* it breaks a rule that is answered with streamClosed */
	uint32_t idle_ms;  /* start */
	uint64_t sequence; /* data */
	bool has_error;    /* end; its parts may be absent */
	struct wps_span error_message, error_code;
};

/* What a request says of the sender's state in a group. */
struct request_state {
	bool cleared;                   /* there shall be none */
	const struct wps_pair *entries; /* each key once */
	size_t count;
	size_t size; /* of keys and values; SIZE_MAX: too large to be kept */
};

/* 1 to ID_MAX units of valid UTF-8. */
static inline bool
id_valid(struct wps_span id)
{
	return id.len > 0 && utf8_valid(id) && utf8_units(id) <= ID_MAX;
}

struct request {
	enum request_kind kind;

	bool has_ack; /* the client wants an answer under this id */
	uint64_t ack_id;

	struct wps_span name; /* a valid group (join, leave, send, states) or event
				 name */

	/* Invoke and cancel. */
	struct wps_span invocation; /* a valid id */
	bool bad_target;            /* invoke: something else than an event */

	/* Send, event and invoke. */
	enum wps_data type;
	struct wps_span payload;
	const struct wps_pair *metadata;
	size_t metadata_count;

	/* Send. */
	bool no_echo;
	uint32_t ttl_s;

	uint64_t sequence_id; /* sequence ack */

	struct request_stream stream; /* the requests of streams */
	struct request_state state;   /* state set */
};

#endif
