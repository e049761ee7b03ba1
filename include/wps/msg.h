/* SPDX-License-Identifier: MIT */
/*
 * Messages: immutable, counted, shared by all their receivers.
 *
 * host->msg_create copies what a view says; who holds a reference may look at it
 * on any thread. The references are given up with host->msg_unref, all of them
 * before fini returns.
 */
#ifndef WPS_MSG_H
#define WPS_MSG_H

#include <wps/abi.h>

/* What a payload is (client-protocols.md, section 10.1). */
enum wps_data {
	WPS_DATA_TEXT = 1, /* UTF-8, may be empty */
	WPS_DATA_JSON,     /* one JSON value, as it came */
	WPS_DATA_BINARY,   /* bytes, may be empty */
	WPS_DATA_PROTOBUF, /* a serialized google.protobuf.Any */
};

enum wps_from {
	WPS_FROM_SERVER = 1, /* sent to all, a user or a connection; an answer */
	WPS_FROM_GROUP,      /* sent to a group */
};

/* One entry of a message's metadata (client-protocols.md, section 6.11), UTF-8
 * both. An element of arrays: it never grows. */
struct wps_pair {
	struct wps_span key, value;
};

/* The place of a message in a stream of a group (client-protocols.md, section 15). */
struct wps_stream {
	struct wps_span id;
	uint64_t sequence; /* within the stream, from 1 */
	bool end;          /* the last message of the stream, with an empty payload */
	/* Why it ended; absent: as it should. Only with `end`. */
	struct wps_span error_name, error_message, error_code;
};

/*
 * What one connection says about itself in a group (client-protocols.md, section
 * 17). An element of arrays: it never grows.
 */
struct wps_state {
	struct wps_span conn; /* its id */
	struct wps_span user; /* absent: none */
	const struct wps_pair *entries; /* each key once, UTF-8 both */
	size_t entry_count;   /* a state may be empty */
	bool cleared;         /* it has no state any more */
	uint64_t updated_ms;  /* since the epoch; strictly growing per connection */
};

/* States of members of a group: a change of one, or what there is. */
struct wps_states {
	bool snapshot; /* in the order of ids */
	const struct wps_state *items;
	size_t count;
};

/*
 * What a message says; used to make one (the plugin's, borrowed during the call)
 * and to look at one (the host's, lives as long as the message). The host judges
 * none of it: whoever takes a payload from outside has checked that it is what
 * `type` says.
 */
struct wps_msg_view {
	enum wps_data type;
	enum wps_from from;
	struct wps_span group;     /* WPS_FROM_GROUP only */
	struct wps_span from_user; /* absent: the sender has no user id */
	struct wps_span payload;   /* absent counts as empty */
	const struct wps_pair *metadata; /* NULL if there are none */
	size_t metadata_count;
	uint32_t ttl_s; /* seconds; 0: never expires */
	const struct wps_stream *stream; /* NULL: it is of none */

	/* NULL: a message with a payload. Else it tells of states of `group`, has
	 * neither type nor payload, and is the host's: a plugin makes none. Only
	 * subprotocols with WPS_SUBPROTOCOL_STATES get to see it. */
	const struct wps_states *states;
};

/* Kinds of WebSocket data messages (RFC 6455, section 5.6). */
enum wps_frame {
	WPS_FRAME_TEXT = 1,
	WPS_FRAME_BINARY = 2,
};

#endif
