/* SPDX-License-Identifier: MIT */
/*
 * Upstreams: the application behind the server hears what happens, and answers
 * (upstream-events.md).
 *
 * The host gives the events of one connection in this order: connect,
 * connected, user events (one at a time) and presence, disconnected. The last
 * comes if the upgrade was answered, or connect was accepted and the client is not
 * let in after all. Each goes to one upstream at most, the first that wants it.
 */
#ifndef WPS_UPSTREAM_H
#define WPS_UPSTREAM_H

#include <wps/handshake.h>
#include <wps/msg.h>

enum wps_event_kind {
	WPS_EVENT_CONNECT = 1,  /* blocking: may the client come in, and as whom */
	WPS_EVENT_CONNECTED,    /* the upgrade was answered */
	WPS_EVENT_DISCONNECTED, /* the connection is gone */
	WPS_EVENT_USER,         /* blocking: a message for the application */
	WPS_EVENT_JOINED,       /* it is in a group that it was not in before */
	WPS_EVENT_LEFT,         /* it is in it no longer */
};

/*
 * As it is delivered the host has made it, and all of it lives until the call
 * returns; the connection lives on until a reply is answered or cancelled. Given
 * to host->conn_event the plugin has made it, and it is borrowed during the call.
 */
struct wps_event {
	enum wps_event_kind kind;
	struct wps_conn *conn; /* not open yet during connect */
	struct wps_span name; /* connect, connected, disconnected, joined, left, or
				 the user event's */
	const struct wps_handshake *handshake; /* connect */
	struct wps_span reason;                /* disconnected; UTF-8; may be empty */
	enum wps_data type;                    /* user */
	struct wps_span payload;               /* user */
	const struct wps_pair *metadata;       /* user */
	size_t metadata_count;
	struct wps_span group;                 /* joined, left */
};

/* The answer to a blocking event. The upstream makes it, the host hands it on;
 * all of it is borrowed during the call. Lists of none may be NULL. */
struct wps_answer {
	int result; /* WPS_OK: accepted; WPS_DECLINED: the application refused;
		       WPS_NOT_FOUND: nobody handles it; negative: it failed */

	/* A refused connect: what the client gets. After a failed one it gets 500. */
	int status; /* HTTP, 400 to 599; 0: 500 */
	struct wps_span content_type, body; /* absent: none; at most 4 KiB of body */
	bool agreed; /* a connect whose answer began with a yes, even if it failed
			then: it hears `disconnected` (section 5.3) */

	/* An accepted connect (upstream-events.md, section 5.1). */
	struct wps_span user;         /* empty or absent: keeps the token's */
	struct wps_span subprotocol;  /* empty or absent: no choice */
	bool has_roles;               /* replaces the token's, even with none */
	const struct wps_span *roles;
	size_t role_count;
	const struct wps_span *groups; /* not empty: replaces the token's; one that
					  is not valid fails the connect */
	size_t group_count;

	/* An accepted user event: a message for the client (section 6). */
	bool has_message;
	enum wps_data type;
	struct wps_span payload;
	const struct wps_pair *metadata;
	size_t metadata_count;
};

struct wps_reply; /* the one-shot answer to a blocking event; lives until
		     host->answer or `cancel` */

struct wps_upstream {
	uint32_t struct_size;

	/* [loop] Whether it wants this event of this connection. The first
	 * upstream that says so, in the order of `plugins`, gets it at once.
	 * Mandatory. */
	bool (*wants)(void *worker_state, const struct wps_event *event);

	/*
	 * [loop] Takes the event; everything in it is borrowed. With a reply
	 * (blocking events; else NULL), host->answer is called for it exactly
	 * once, before or after this returns, on this worker, unless `cancel`
	 * comes first. The host sets no time limit: that is the upstream's.
	 * A client that closes or is lost waits for it, with all that it said
	 * behind it, unless it is a connect or an invocation. Mandatory.
	 */
	void (*deliver)(void *worker_state, const struct wps_event *event,
	    struct wps_reply *reply);

	/* [loop] The reply is void: nobody waits for it any more, and it is gone
	 * when this returns. Never called from inside `deliver`. Mandatory. */
	void (*cancel)(void *worker_state, struct wps_reply *reply);

	/* [loop] Whether events are still on their way: a stopping server waits
	 * for them, within stop_timeout (wps.conf(5)). May be NULL. */
	bool (*busy)(void *worker_state);

	/* [loop] The connection is freed, after all its events: its slot
	 * (conn_slot) is to be freed, too. Called only if the slot is not NULL,
	 * for each connection, opened or not. May be NULL. */
	void (*forget)(void *worker_state, void *slot);

	/* [loop] Whether joined and left may be wanted in that hub: asked once
	 * for each worker and hub, so that the others pay nothing. May be NULL:
	 * they are not. */
	bool (*wants_presence)(void *worker_state, struct wps_span hub);

	/*
	 * [loop] Writes down what the slot of a connection holds with
	 * host->record_put, as wps_subprotocol.save does; called only if the slot
	 * is not NULL. Returns WPS_OK, or WPS_PENDING: the connection's events
	 * are on their way, which the next owner must not overtake. NULL, as
	 * `restore` then is: a connection with a slot cannot be written down.
	 */
	int (*save)(void *worker_state, void *slot, struct wps_record *record);

	/*
	 * [loop] Makes a slot from what save had put, as
	 * wps_subprotocol.restore does. Returns WPS_OK and the slot, which
	 * `forget` gets in the end; WPS_EPROTO or WPS_ENOMEM, and nothing is kept.
	 */
	int (*restore)(void *worker_state, struct wps_span bytes,
	    void **slot_out);
};

#endif
