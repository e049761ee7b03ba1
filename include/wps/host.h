/* SPDX-License-Identifier: MIT */
/*
 * The host table: all that a plugin may ask of the server.
 *
 * It grows at its end only. A plugin links nothing of the server. Small
 * allocations of the host do not fail: what returns a pointer returns NULL only
 * where this is said.
 *
 * Any function may be called inside any [loop] callback, but for `encode` and
 * `insert` (subprotocol.h). A handle that is gone, a worker's object on another
 * thread, a name that is no row: such a plugin is broken, and where the host
 * notices, it aborts with a line that says so.
 */
#ifndef WPS_HOST_H
#define WPS_HOST_H

#include <wps/auth.h>
#include <wps/command.h>
#include <wps/counter.h>
#include <wps/option.h>
#include <wps/plugin.h>
#include <wps/route.h>
#include <wps/subprotocol.h>
#include <wps/upstream.h>

struct wps_watch; /* lives until unwatch */
struct wps_timer; /* lives until its function is called, or timer_stop */

#define WPS_READABLE 0x1u /* there is something to read, or the end */
#define WPS_WRITABLE 0x2u

/* [loop] The descriptor is ready; `events` says for what. */
typedef void (*wps_watch_fn)(int fd, unsigned events, void *data);

/* [loop] The time is over; the timer is gone. */
typedef void (*wps_timer_fn)(void *data);

/* [loop] Runs on the worker that it was posted to. */
typedef void (*wps_post_fn)(struct wps_worker *worker, void *data);

/* What is known of a connection. The host makes it; it lives as long as the
 * connection. Its texts stay what they are once the connection is open. */
struct wps_conn_view {
	struct wps_span id;          /* no NUL; unique among all connections */
	struct wps_span hub;         /* lower case */
	struct wps_span user;        /* absent: none */
	struct wps_span subprotocol; /* as agreed; absent: none (yet) */
	bool nameless;               /* it is served by a subprotocol with
					WPS_SUBPROTOCOL_NAMELESS */
};

/* [loop] Hears the answer to an event of one's connection, exactly once, unless
 * the connection ends first; `worker_state` is the subprotocol's. The answer is
 * borrowed during the call. */
typedef void (*wps_event_fn)(void *worker_state, struct wps_conn *conn,
    const struct wps_answer *answer);

/* [loop] Hears the answer to an invocation, exactly once, unless it is cancelled
 * or the connection ends first. `id` is borrowed. */
typedef void (*wps_invoke_fn)(void *worker_state, struct wps_conn *conn,
    struct wps_span id, const struct wps_answer *answer);

/* [loop] Hears who a request's caller is: WPS_OK with the identity, borrowed
 * during the call, or WPS_DECLINED and NULL. */
typedef void (*wps_identity_fn)(struct wps_request *request, int result,
    const struct wps_identity *identity, void *data);

struct wps_host {
	uint32_t struct_size;
	uint32_t abi_minor;

	/* --- the plugin itself --------------------------------------------- */

	/* [any] One line, without its end, never with a secret; `self` gives the
	 * prefix. Control characters become "?", what is above 1 KiB is cut. What
	 * a remote party can cause at will is WPS_LOG_DEBUG. */
	void (*log)(const struct wps_self *self, enum wps_log_level level,
	    const char *format, ...) WPS_PRINTF(3, 4);

	/* [any] The plugin's own section. This and the next ones live until fini
	 * returns, and so do all texts in them. */
	const struct wps_conf *(*conf)(const struct wps_self *self);

	/* [any] The core's options (wps.conf(5)). */
	const struct wps_conf *(*conf_core)(const struct wps_self *self);

	/* [any] A hub's options, those of "*" and of the rows behind them. The
	 * hub need not be in the file. */
	const struct wps_conf *(*conf_hub)(const struct wps_self *self,
	    struct wps_span hub);

	/* [any] The hubs that the file names but "*", lower case, from 0; absent
	 * behind the last. */
	struct wps_span (*conf_hub_name)(const struct wps_self *self, size_t i);

	/* [any] Values by the name of the row. A name that is no row or is of
	 * another type, an index behind the last: it aborts. A text that is not
	 * set and has no fallback is absent. conf_int: INT, SIZE, DURATION and
	 * ENUM; conf_span: STRING, SECRET; conf_count: all lists and maps;
	 * conf_item: STRINGS, SECRETS; conf_map: MAPS, and MAP, which has one or
	 * none. */
	bool (*conf_bool)(const struct wps_conf *conf, const char *name);
	int64_t (*conf_int)(const struct wps_conf *conf, const char *name);
	struct wps_span (*conf_span)(const struct wps_conf *conf, const char *name);
	size_t (*conf_count)(const struct wps_conf *conf, const char *name);
	struct wps_span (*conf_item)(const struct wps_conf *conf,
	    const char *name, size_t i);
	const struct wps_conf *(*conf_map)(const struct wps_conf *conf,
	    const char *name, size_t i);

	/* [any] Where an option stands, "file:line:column", for error texts; cut
	 * to cap bytes with its NUL. */
	void (*conf_where)(const struct wps_conf *conf, const char *name,
	    char *dst, size_t cap);

	/*
	 * [init] Registration, from init only. The ops struct is copied, as much
	 * of it as its struct_size says; names and prefixes are borrowed until
	 * fini returns. Returns WPS_OK; WPS_DUPLICATE when the name, the prefix
	 * or the single place is taken; WPS_FULL when there are too many of the
	 * kind; WPS_EINVAL when something mandatory is missing, one of `save` and
	 * `restore` is there without the other, or a prefix is malformed. All but
	 * WPS_OK are logged with the cause; init then best fails, too. Nothing is
	 * to be undone: the host withdraws it before fini.
	 */
	int (*add_subprotocol)(struct wps_self *self, const struct wps_subprotocol *ops);
	int (*add_auth)(struct wps_self *self, const struct wps_auth *ops);
	int (*add_upstream)(struct wps_self *self, const struct wps_upstream *ops);
	int (*add_route)(struct wps_self *self, const struct wps_route *ops);

	/* --- workers ------------------------------------------------------- */

	/* [any] Their number, 1 to 64; the one of an index below it; its index.
	 * None changes while the server runs. */
	unsigned (*worker_count)(const struct wps_self *self);
	struct wps_worker *(*worker_at)(const struct wps_self *self, unsigned index);
	unsigned (*worker_index)(const struct wps_worker *worker);

	/* [loop] Milliseconds of a clock that is never set (CLOCK_MONOTONIC), a
	 * few late. */
	uint64_t (*now_ms)(const struct wps_worker *worker);

	/* [any] Calls fn on the worker's thread, at the end of a turn, in the
	 * order in which one thread has posted; from init on, also to the own
	 * worker. Never fails. What was not called when the worker stops is
	 * dropped: `data` that has to be freed is known elsewhere too. */
	void (*post)(struct wps_worker *worker, wps_post_fn fn, void *data);

	/* [loop] Calls fn when fd is ready for one of the events, again and again,
	 * until it is unwatched, which fn may do itself; no events: it rests. One
	 * watch per descriptor; it must be unwatched before the descriptor
	 * closes, and before worker_stop returns. */
	struct wps_watch *(*watch)(struct wps_worker *worker, int fd,
	    unsigned events, wps_watch_fn fn, void *data);
	void (*watch_set)(struct wps_watch *watch, unsigned events);
	void (*unwatch)(struct wps_watch *watch); /* frees it; accepts NULL */

	/* [loop] Calls fn once after so many milliseconds, never before, up to
	 * 50 later, and not from inside timer_start; the timer is gone then.
	 * timer_stop frees one that has not run, at the latest in worker_stop; it
	 * accepts NULL. */
	struct wps_timer *(*timer_start)(struct wps_worker *worker,
	    uint64_t after_ms, wps_timer_fn fn, void *data);
	void (*timer_stop)(struct wps_timer *timer);

	/* --- messages and commands ------------------------------------------ */

	/* [any] A message of its own copy, one reference to the caller; NULL
	 * when memory for it is not to be had. msg_ref returns its argument;
	 * msg_view lives as long as the caller's reference. */
	struct wps_msg *(*msg_create)(const struct wps_msg_view *view);
	struct wps_msg *(*msg_ref)(struct wps_msg *msg);
	void (*msg_unref)(struct wps_msg *msg); /* accepts NULL */
	const struct wps_msg_view *(*msg_view)(const struct wps_msg *msg);

	/*
	 * [loop] Runs a command; `done` may be NULL. When it returns, the command
	 * stands in the mailbox of every worker that it needs: whoever hears of
	 * it now is not overtaken (ARCHITECTURE.md, Order). What others have sent
	 * to this worker before is delivered first. Connections of this worker
	 * may be closed when it returns, but none is gone.
	 */
	void (*submit)(struct wps_worker *worker,
	    const struct wps_command *command, wps_done_fn done, void *data);

	/* [loop] Inside encode only. body_make, once: the body's frame kind and
	 * room for exactly len bytes, which lives until encode returns; NULL when
	 * memory is not to be had. Then body_insert, up to WPS_INSERTS times: an
	 * insert before the byte at `offset` (len: behind the last), in ascending
	 * order of slots and offsets. Which slots below WPS_SLOTS is the plugin's
	 * choice: they tell its `insert` what to write. */
	char *(*body_make)(struct wps_body *body, enum wps_frame frame, size_t len);
	void (*body_insert)(struct wps_body *body, unsigned slot, size_t offset);

	/* --- connections ---------------------------------------------------- */

	/* [loop] What is known of it, and the worker that owns it for good. */
	const struct wps_conn_view *(*conn_view)(const struct wps_conn *conn);
	struct wps_worker *(*conn_worker)(const struct wps_conn *conn);

	/* [loop] The subprotocol's state of the connection, conn_size bytes; NULL
	 * before open and when conn_size is 0. Lives as long as the connection. */
	void *(*conn_data)(const struct wps_conn *conn);

	/* [loop] A place for the plugin's own pointer, NULL at first; lives as
	 * long as the connection. `forget` of the plugin's upstream frees what it
	 * holds; a plugin that has no upstream frees it in `close`. */
	void **(*conn_slot)(const struct wps_self *self, struct wps_conn *conn);

	/* [loop] Sends bytes to this connection alone, behind what is queued; a
	 * copy. Text must be UTF-8. Returns WPS_OK, also for a connection that is
	 * about to go and hears no more; WPS_FULL when they are not sent: a limit
	 * of the queue closes the connection, memory was not to be had. */
	int (*conn_send)(struct wps_conn *conn, enum wps_frame frame,
	    struct wps_span data);

	/* [loop] Delivers a message to this connection alone, as if it had been
	 * sent to it: encoded, numbered and kept like any; the message is
	 * borrowed. Results as conn_send; WPS_OK also when its kind of client does
	 * not get such messages. */
	int (*conn_deliver)(struct wps_conn *conn, const struct wps_msg_view *msg);

	/* [loop] The client has all messages up to this id (client-protocols.md,
	 * section 13): they are not kept for it any longer. Without
	 * WPS_SUBPROTOCOL_RELIABLE nothing happens. */
	void (*conn_acked)(struct wps_conn *conn, uint64_t sequence);

	/* [loop] Marks it for a close with code (RFC 6455, section 7.4) and
	 * reason (UTF-8, cut to 123 bytes); `close` follows from the loop. It is
	 * in no group any more when this returns. The first call counts; one that
	 * is not open is left alone. */
	void (*conn_close)(struct wps_conn *conn, uint16_t code,
	    struct wps_span reason);

	/* [loop] Whether the connection may do this to the group (with case);
	 * absent: to every group. */
	bool (*conn_may)(const struct wps_conn *conn, enum wps_perm perm,
	    struct wps_span group);

	/* [loop] Membership. Returns WPS_OK, also for joining twice, for leaving
	 * what one is not in, and for a connection that is not open, of which
	 * nothing changes; conn_join also WPS_FULL, at the limit of groups.
	 * Neither looks at permissions. The name is not judged (command.h). */
	int (*conn_join)(struct wps_conn *conn, struct wps_span group);
	int (*conn_leave)(struct wps_conn *conn, struct wps_span group);

	/*
	 * [loop] Gives a user event to the application; called by the
	 * connection's subprotocol, while no other event of it is pending. The
	 * event is borrowed; its kind and conn are set by the host. Returns
	 * WPS_OK: `done` (mandatory) hears the answer, before or after this
	 * returns, and until then no further message of the connection is given
	 * to recv (upstream-events.md, section 7); of a connection that ends, or
	 * was not open, it hears nothing. WPS_NOT_FOUND: nobody wants it, done is
	 * not called.
	 */
	int (*conn_event)(struct wps_conn *conn, const struct wps_event *event,
	    wps_event_fn done);

	/* --- upstream ------------------------------------------------------- */

	/* [loop] Completes a reply, on the worker that it was delivered to; it is
	 * gone when this returns. The answer is borrowed. */
	void (*answer)(struct wps_reply *reply, const struct wps_answer *answer);

	/* --- auth ----------------------------------------------------------- */

	/* [loop] Completes authenticate, on the worker that asked: WPS_OK with
	 * the identity, borrowed, or WPS_DECLINED with none (NULL). The reason of
	 * a refusal goes to the log (debug), without secrets; may be NULL. The
	 * reply is gone when this returns. */
	void (*auth_answer)(struct wps_auth_reply *reply, int result,
	    const struct wps_identity *identity, const char *reason);

	/* [any] HMAC-SHA256 with an access key; see wps_auth.sign. WPS_NOT_FOUND
	 * also when no auth plugin signs. */
	int (*sign)(const struct wps_self *self, unsigned key,
	    struct wps_span bytes, uint8_t mac_out[32]);

	/* [any] Makes a client token; see wps_auth.issue. WPS_DECLINED also when
	 * no auth plugin issues any. */
	int (*issue)(const struct wps_self *self, const struct wps_claims *claims,
	    char *dst, size_t cap, size_t *len_out);

	/* --- requests ------------------------------------------------------- */

	/* [loop] What was asked, and the worker that serves it. */
	const struct wps_request_view *(*request_view)(const struct wps_request *request);
	struct wps_worker *(*request_worker)(const struct wps_request *request);

	/* [loop] Asks who calls, as a server, with the bearer token of the
	 * request (RFC 6750, section 2.1); `hub` is what its path names, absent
	 * if nothing. done (mandatory) is called exactly once, maybe before this
	 * returns; the request is not answered before it. One question at a time. */
	void (*request_authenticate)(struct wps_request *request,
	    struct wps_span hub, wps_identity_fn done, void *data);

	/* [loop] Answers, on the worker that serves it; the request is gone when
	 * this returns. The response is borrowed. */
	void (*respond)(struct wps_request *request,
	    const struct wps_response *response);

	/* --- protocols on offer --------------------------------------------- */

	/* [any] The ops of the registered subprotocol of that name (without case),
	 * or NULL; none that is WPS_SUBPROTOCOL_NAMELESS. Lives until that
	 * plugin's fini. For its name and flags: its ops are the host's to call. */
	const struct wps_subprotocol *(*find_subprotocol)(
	    const struct wps_self *self, struct wps_span name);

	/* --- listings ------------------------------------------------------- */

	/* [loop] Runs a command of WPS_OP_LIST, otherwise like submit; `done` is
	 * mandatory. */
	void (*submit_list)(struct wps_worker *worker,
	    const struct wps_command *command, wps_list_fn done, void *data);

	/* --- more of the configuration -------------------------------------- */

	/* [any] The path that a STRING holds, into room for cap bytes, with a NUL;
	 * a relative one begins at the folder of wps.conf. Returns WPS_OK;
	 * WPS_NOT_FOUND when it is not set; WPS_FULL when the room is too small.
	 * Only WPS_OK fills it. */
	int (*conf_file)(const struct wps_conf *conf, const char *name,
	    char *dst, size_t cap);

	/* --- the server's end ----------------------------------------------- */

	/* [any] Whether the end was announced: all is served as before, but
	 * callers should go elsewhere. */
	bool (*stopping)(const struct wps_self *self);

	/* --- invocations (client-protocols.md, section 16) ------------------- */

	/*
	 * [loop] Gives a user event to the application, beside others: up to 16
	 * of a connection are on their way, further ones wait (then, behind the
	 * hub's limits of waiting messages, recv is not called). `id` names it
	 * within the connection; it and the event are borrowed. Returns WPS_OK:
	 * `done` hears the answer, before or after this returns, unless the
	 * connection was not open; WPS_NOT_FOUND: nobody wants it; WPS_DUPLICATE:
	 * one of that id has no answer yet; WPS_ENOMEM. `done` is called after
	 * WPS_OK only.
	 */
	int (*conn_invoke)(struct wps_conn *conn, struct wps_span id,
	    const struct wps_event *event, wps_invoke_fn done);

	/* [loop] The answer is not wanted any more. Returns WPS_OK: `done` is not
	 * called; or WPS_NOT_FOUND: none of that id is without its answer. */
	int (*conn_cancel)(struct wps_conn *conn, struct wps_span id);

	/* --- group state (client-protocols.md, section 17) ------------------- */

	/*
	 * [loop] The state of a connection in a group that it is a member of:
	 * conn_state_set replaces it, which may be by one without entries,
	 * conn_state_clear takes it away, which leaving and the connection's end
	 * do too. All that watch the group hear of each change, at the latest in
	 * the next turn. The entries are borrowed; each key is there once. Return
	 * WPS_OK, also when there was none to clear; WPS_NOT_FOUND: it is no
	 * member; conn_state_set also WPS_ENOMEM. Neither looks at permissions.
	 */
	int (*conn_state_set)(struct wps_conn *conn, struct wps_span group,
	    const struct wps_pair *entries, size_t count);
	int (*conn_state_clear)(struct wps_conn *conn, struct wps_span group);

	/*
	 * [loop] From now on a member of a group hears of all changes, in the
	 * order in which they happen to each connection, until it leaves or
	 * conn_state_unwatch. First comes a snapshot, not before this returns, of
	 * the first 200 members with a state by their ids; again for each call,
	 * but once for those that come while it is awaited. Returns WPS_OK or
	 * WPS_NOT_FOUND: it is no member.
	 */
	int (*conn_state_watch)(struct wps_conn *conn, struct wps_span group);
	void (*conn_state_unwatch)(struct wps_conn *conn, struct wps_span group);

	/* --- counters -------------------------------------------------------- */

	/* [init] Registers one, from init only, as the functions above do;
	 * *id_out names it. WPS_EINVAL when a text is missing or malformed,
	 * WPS_DUPLICATE when name and labels are taken, WPS_FULL behind 256 of
	 * all plugins. */
	int (*add_counter)(struct wps_self *self,
	    const struct wps_counter *counter, unsigned *id_out);

	/* [loop] Adds to a counter of the plugin's own. */
	void (*count)(struct wps_worker *worker, unsigned id, uint64_t n);

	/* [any] Calls fn for each counter of all plugins, in the order of their
	 * registration; those that are counted meanwhile are a moment old. */
	void (*counters_each)(const struct wps_self *self, wps_counter_fn fn,
	    void *data);

	/* --- records -------------------------------------------------------- */

	/* [loop] Inside `save` only: adds bytes to what the plugin's `restore` is
	 * given. When memory is not to be had the record as a whole is not made:
	 * nothing is to be looked at here. */
	void (*record_put)(struct wps_record *record, struct wps_span bytes);
};

#endif
