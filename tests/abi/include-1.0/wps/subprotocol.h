/* SPDX-License-Identifier: MIT */
/*
 * Subprotocols (RFC 6455, section 1.9): what the messages of a client mean.
 *
 * Any host call is allowed inside any op but `encode` and `insert`, which may
 * only call the body functions: they run in the middle of a command, and of
 * writing. The connection outlives each op that it is given to. From `open` until
 * `close` has returned the plugin may keep its pointer; not beyond.
 */
#ifndef WPS_SUBPROTOCOL_H
#define WPS_SUBPROTOCOL_H

#include <wps/handshake.h>
#include <wps/msg.h>

struct wps_body; /* a message in the form of one subprotocol, shared by receivers;
		    known during `encode` only */

/* It may serve clients that agreed on no subprotocol (hub option `default_subprotocol`). */
#define WPS_SUBPROTOCOL_NAMELESS 0x1u

/*
 * Its messages are numbered and kept until they are acknowledged (see
 * conn_acked), and a connection outlives its transport for a while, so that the
 * client can recover it (client-protocols.md, section 13).
 */
#define WPS_SUBPROTOCOL_RELIABLE 0x2u

/* Its clients may watch group states: `encode` knows messages that tell of these
 * (wps_msg_view.states). Without it they are declined. */
#define WPS_SUBPROTOCOL_STATES 0x4u

struct wps_subprotocol {
	uint32_t struct_size;
	uint32_t flags;

	/* As offered in Sec-WebSocket-Protocol (compared without case), or, with
	 * WPS_SUBPROTOCOL_NAMELESS, the name that the hub option uses. Mandatory;
	 * borrowed until fini returns. */
	const char *name;

	/* Bytes of zeroed state that each connection gets, see conn_data. What
	 * they point to is freed by `close`. */
	size_t conn_size;

	/*
	 * [loop] Judges the query of every upgrade request, whatever will be
	 * agreed on, before the application is asked. Returns WPS_OK, or
	 * WPS_EINVAL with err filled: the client gets 400 and that text, which
	 * is not to repeat the query. May be NULL.
	 */
	int (*check)(void *worker_state, const struct wps_handshake *handshake,
	    struct wps_err *err);

	/* [loop] The upgrade is answered, the connection is in its hub and in its
	 * first groups; first words may be sent. The application hears of it
	 * afterwards. May be NULL. */
	void (*open)(void *worker_state, struct wps_conn *conn,
	    const struct wps_handshake *handshake);

	/*
	 * [loop] A whole message came, not longer than the hub's limit; `data`
	 * may be empty. Text is valid UTF-8. Not called while an event of the
	 * connection is pending, or more of its invocations than may, nor after
	 * its close. Mandatory.
	 */
	void (*recv)(void *worker_state, struct wps_conn *conn,
	    enum wps_frame frame, struct wps_span data);

	/* [loop] The server is about to send the close frame for this reason:
	 * last words may be sent. Not called when the client went first or its
	 * transport is lost, nor when its queue is full. May be NULL. */
	void (*goodbye)(void *worker_state, struct wps_conn *conn,
	    struct wps_span reason);

	/* [loop] The last call for this connection, exactly once after open, at
	 * the end of a turn and from inside no other op. Nothing can be sent any
	 * more; an event without its answer is cancelled. May be NULL. */
	void (*close)(void *worker_state, struct wps_conn *conn);

	/*
	 * [loop] Writes the message once for all receivers of this worker, with
	 * body_make and body_insert. Returns WPS_OK after body_make gave room and
	 * all of it was filled; WPS_DECLINED: this kind of client does not get
	 * such messages; or a failure, which is logged: they do not get this one.
	 * Mandatory.
	 */
	int (*encode)(void *worker_state, const struct wps_msg_view *msg,
	    struct wps_body *body);

	/*
	 * [loop] Writes what one receiver gets at the insert `slot` of a shared
	 * body into dst: at most WPS_INSERT_MAX bytes. `sequence` is the message's
	 * id for this connection, from 1; 0 where messages are not numbered.
	 * `body_len` is the length of the body without its inserts. Returns their
	 * number, 0 for nothing. Called for each slot in ascending order when the
	 * body is written to the receiver's socket, which may take several
	 * attempts: the same arguments give the same bytes. A body that is sent
	 * again may come from a record: for a slot that is not known nothing is
	 * written. Mandatory if encode calls body_insert.
	 */
	size_t (*insert)(void *worker_state, struct wps_conn *conn,
	    unsigned slot, uint64_t sequence, size_t body_len, char *dst);

	/*
	 * [loop] Whether the client of this request may have the connection
	 * again, by the proof in its query: WPS_OK or WPS_DECLINED. Mandatory
	 * with WPS_SUBPROTOCOL_RELIABLE.
	 */
	int (*recover)(void *worker_state, struct wps_conn *conn,
	    const struct wps_handshake *handshake);

	/* [loop] It has: words in front of the messages that are sent again.
	 * May be NULL. */
	void (*resume)(void *worker_state, struct wps_conn *conn);

	/*
	 * [loop] A whole message came, which has to wait behind an event of the
	 * connection. True: it need not, and is done with (a ping, say). False:
	 * recv gets it in its turn; nothing has happened. May be NULL.
	 */
	bool (*urgent)(void *worker_state, struct wps_conn *conn,
	    enum wps_frame frame, struct wps_span data);

	/*
	 * [loop] Writes its state of the connection down with host->record_put.
	 * What is read back comes from another process, which may have another
	 * version of the plugin: the bytes best begin with a version of their
	 * own. Nothing changes by it. Not called while an event or an invocation
	 * is pending. Returns WPS_OK, or WPS_PENDING: there is something that
	 * cannot be written and soon ends by itself. NULL, as `restore` then is:
	 * connections can be written down only if conn_size is 0 and there is no
	 * `close`.
	 */
	int (*save)(void *worker_state, struct wps_conn *conn,
	    struct wps_record *record);

	/*
	 * [loop] Takes the place of `open` for a connection that was written
	 * down: fills its zeroed state from what save had put, to be judged like
	 * anything that comes from outside; borrowed. The connection is in no
	 * group and no table yet and hears nothing; its view and what it may do
	 * are known. Returns WPS_OK, after which nothing fails any more and
	 * `close` is called in the end; WPS_EPROTO: the bytes are not valid; or
	 * WPS_ENOMEM. After a failure nothing is kept, and `close` is not called.
	 */
	int (*restore)(void *worker_state, struct wps_conn *conn,
	    struct wps_span bytes);
};

#define WPS_INSERTS 2     /* inserts of one body at most */
#define WPS_SLOTS 8       /* what slots are below */
#define WPS_INSERT_MAX 40 /* bytes of one insert at most */

#endif
