/* SPDX-License-Identifier: MIT */
/*
 * A client's request as it is meant, whatever it was written in.
 *
 * All spans are borrowed from the frame or from the worker's scratch: they live
 * until the request has been run.
 */
#ifndef WEBPUBSUB_REQUEST_H
#define WEBPUBSUB_REQUEST_H

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
};

#define INVOCATION_ID_MAX 256 /* bytes */

struct request {
	enum request_kind kind;

	bool has_ack; /* the client wants an answer under this id */
	uint64_t ack_id;

	struct wps_span name; /* a valid group (join, leave, send) or event name */

	/* Invoke and cancel. */
	struct wps_span invocation; /* 1 to INVOCATION_ID_MAX bytes */
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
};

#endif
