/* SPDX-License-Identifier: MIT */
/*
 * What the server says to a client, whatever it is written in; the counterpart
 * of request.h. All pointers and spans are borrowed.
 */
#ifndef WEBPUBSUB_REPLY_H
#define WEBPUBSUB_REPLY_H

#include "out.h"
#include "worker.h"

enum reply_kind {
	REPLY_ACK = 1,
	REPLY_MESSAGE,
	REPLY_CONNECTED,
	REPLY_DISCONNECTED,
	REPLY_PONG,
	REPLY_INVOKED,
	REPLY_STREAM_ACK,
	REPLY_STREAM_NACK,
	REPLY_STREAM_CLOSED,
	REPLY_STATES,
};

/* Why a request was not done (client-protocols.md, section 8.3). */
struct failure {
	struct wps_span name;
	struct wps_span text;
};

struct reply {
	enum reply_kind kind;
	uint64_t ack_id;               /* ack */
	const struct failure *failure; /* ack, invoked, stream closed: NULL: success;
					* stream nack */
	const struct wps_msg_view *msg;   /* message, states; invoked: NULL for no
					   * data */
	struct wps_span invocation;       /* invoked */
	struct wps_span stream;           /* of streams: the id */
	uint64_t expected;                /* of streams: the next fragment */
	const struct wps_conn_view *conn; /* connected */
	struct wps_span token;            /* connected; absent: not recoverable */
	struct wps_span reason;           /* disconnected */
};

/* Which message a sequence id is inserted into: the slots of bodies. */
enum insert_slot {
	SLOT_MESSAGE,
	SLOT_STATE_UPDATE,
	SLOT_STATE_SNAPSHOT,
};

/* How requests and replies are written. */
struct codec {
	enum wps_frame frame; /* of both directions */
	bool reliable;        /* messages are numbered */
	size_t sequence_at;   /* where a message's sequence id is inserted */

	/*
	 * Reads a request. Returns WPS_OK; WPS_EPROTO when the message is not
	 * valid; WPS_ENOMEM, and then the ack id is known.
	 */
	int (*parse)(struct scratch *scratch, struct wps_span message,
	    struct request *out);

	void (*write)(struct out *out, const struct reply *reply);
};

/* Sends it to this connection. Without memory for it the connection ends. */
void reply_send(struct worker *worker, struct wps_conn *conn,
    const struct codec *codec, const struct reply *reply);

/* The body of a message for all receivers of a codec, see wps_subprotocol.encode;
 * with room for the sequence id, as an insert, if the codec is reliable. */
int reply_encode(const struct worker *worker, const struct codec *codec,
    const struct wps_msg_view *msg, struct wps_body *body);

#endif
