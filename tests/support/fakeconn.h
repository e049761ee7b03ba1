/* SPDX-License-Identifier: MIT */
/*
 * Connections of a fake host: a subprotocol is started, clients are opened, they
 * speak, and what they hear is compared as text.
 *
 * What a client hears is one line per frame: a text frame as it is, a binary
 * frame as "binary 0501", a close as "close 1007 reason". What the plugin asks of
 * the server is written into the host's log, a line per command or event.
 * Messages to groups reach the members of this host, encoded by the plugin.
 * The rest of the host is fakehost.h.
 */
#ifndef FAKECONN_H
#define FAKECONN_H

#include "support/fakehost.h"

struct fakeconn_text {
	char *data;
	size_t len, cap;
};

struct fakeconn_host {
	struct fakehost fake;
	struct wps_conn *conns; /* a list */
	unsigned conn_count, encodes;
	struct fakeconn_text log, taken;

	/* What a test may set. */
	bool no_memory;   /* no message, and no body, can be made */
	int event_result; /* of conn_event and conn_invoke */
	int cancel_result; /* of conn_cancel */
	bool no_key;      /* nothing can be signed */
	const struct wps_answer *event_answer; /* comes before conn_event returns */
};

struct wps_conn {
	struct wps_conn *next;
	struct fakeconn_host *host;
	const struct wps_subprotocol *ops;
	struct wps_conn_view view;
	void *data;
	char id[16];
	wps_event_fn done; /* an event is pending */
	wps_invoke_fn invoked; /* of the last invocation */
	bool closing;
	uint64_t sequence; /* of the last message, if the subprotocol is reliable */
	uint64_t acked;    /* of the last conn_acked */
	struct fakeconn_text heard, taken;
	struct fakeconn_text groups; /* each as "\nNAME\n" */

	/* What a test may set: NULL nothing, "*" any group, else one group. */
	const char *may_join, *may_send, *may_set_state, *may_get_state;
	int join_result; /* of conn_join and conn_leave */
	int state_result; /* of the functions of group state, for members */
};

#define FAKECONN_WINDOW_MS 100000 /* recovery_window of all hubs */

/* Starts the plugin that the test is linked with; `options` are those of its
 * section that are not as their rows say, NULL: all are. */
void fakeconn_start(struct fakeconn_host *host,
    const struct fakehost_value *options);

/* Closes what is open and stops the plugin, which must leave nothing. */
void fakeconn_stop(struct fakeconn_host *host);

/* The registered subprotocol of that name; NULL. */
const struct wps_subprotocol *fakeconn_ops(const struct fakeconn_host *host,
    const char *name);

/* What check says of a query: "" when it is good, else the text of its error. */
const char *fakeconn_check(struct fakeconn_host *host, const char *name,
    const char *query);

/* Opens a client of hub "chat"; query and user may be NULL. Ids are c1, c2 ... */
struct wps_conn *fakeconn_open(struct fakeconn_host *host, const char *name,
    const char *query, const char *user);

/* A frame from the client; its bytes are gone when recv has returned. */
void fakeconn_recv(struct wps_conn *conn, enum wps_frame frame,
    struct wps_span data);
void fakeconn_say(struct wps_conn *conn, const char *text);

/* The answer to the pending event. */
void fakeconn_answer(struct wps_conn *conn, const struct wps_answer *answer);

/* The answer to an invocation that was given. */
void fakeconn_answer_invocation(struct wps_conn *conn, const char *id,
    const struct wps_answer *answer);

/* A message that would have to wait; whether it need not. */
bool fakeconn_say_urgently(struct wps_conn *conn, const char *text);

/* A message from elsewhere. */
void fakeconn_deliver(struct wps_conn *conn, const struct wps_msg_view *view);

/* Whether a request with this query may have the connection again, and the words
 * that it then hears. */
int fakeconn_recover(struct wps_conn *conn, const char *query);
void fakeconn_resume(struct wps_conn *conn);

/* The server closes it: goodbye, then the close frame. */
void fakeconn_kick(struct wps_conn *conn, uint16_t code, const char *reason);

void fakeconn_close(struct wps_conn *conn);

/* What has been heard, or logged, since it was last taken; until the next taking. */
const char *fakeconn_heard(struct wps_conn *conn);
const char *fakeconn_log(struct fakeconn_host *host);

#endif
