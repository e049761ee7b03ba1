/* SPDX-License-Identifier: MIT */
/*
 * The host table: all that a plugin may ask of the server.
 *
 * It grows at its end only. A plugin links nothing of the server.
 */
#ifndef WPS_HOST_H
#define WPS_HOST_H

#include <wps/auth.h>
#include <wps/command.h>
#include <wps/option.h>
#include <wps/plugin.h>
#include <wps/route.h>
#include <wps/subprotocol.h>
#include <wps/upstream.h>

struct wps_watch;
struct wps_timer;

#define WPS_READABLE 0x1u
#define WPS_WRITABLE 0x2u

typedef void (*wps_watch_fn)(int fd, unsigned events, void *data);
typedef void (*wps_timer_fn)(void *data);
typedef void (*wps_post_fn)(struct wps_worker *worker, void *data);

/* What is known of a connection; spans live as long as it does. */
struct wps_conn_view {
	struct wps_span id;
	struct wps_span hub;         /* lower case */
	struct wps_span user;        /* absent: none */
	struct wps_span subprotocol; /* as agreed; absent: none (yet) */
};

/* Hears the answer to an event of one's connection, exactly once, unless the
 * connection ends first. */
typedef void (*wps_event_fn)(void *worker_state, struct wps_conn *conn,
    const struct wps_answer *answer);

/* Hears who a request's caller is; identity is NULL unless result is WPS_OK. */
typedef void (*wps_identity_fn)(struct wps_request *request, int result,
    const struct wps_identity *identity, void *data);

struct wps_host {
	uint32_t struct_size;
	uint32_t abi_minor;

	/* --- the plugin itself --------------------------------------------- */

	/* [any] One line, without its end, never with a secret; `self` gives the prefix. */
	void (*log)(const struct wps_self *self, enum wps_log_level level,
	    const char *format, ...) WPS_PRINTF(3, 4);

	/* [any] The plugin's own section; lives until fini. */
	const struct wps_conf *(*conf)(const struct wps_self *self);

	/* [any] The core's options (wps.conf(5)). */
	const struct wps_conf *(*conf_core)(const struct wps_self *self);

	/* [any] A hub's options, those of "*" and of the rows behind them. The
	 * hub need not be in the file. */
	const struct wps_conf *(*conf_hub)(const struct wps_self *self,
	    struct wps_span hub);

	/* [any] The hubs that the file names, from 0; absent behind the last. */
	struct wps_span (*conf_hub_name)(const struct wps_self *self, size_t i);

	/* [any] Values by the name of the row. A name that is no row, or is of
	 * another type, is the plugin's own mistake: it aborts. */
	bool (*conf_bool)(const struct wps_conf *conf, const char *name);
	int64_t (*conf_int)(const struct wps_conf *conf, const char *name); /* INT, SIZE, DURATION, ENUM */
	struct wps_span (*conf_span)(const struct wps_conf *conf, const char *name); /* STRING, SECRET */
	size_t (*conf_count)(const struct wps_conf *conf, const char *name); /* lists */
	struct wps_span (*conf_item)(const struct wps_conf *conf, const char *name, size_t i);
	const struct wps_conf *(*conf_map)(const struct wps_conf *conf, const char *name, size_t i);

	/* [any] Where an option stands, "file:line:column", for error texts. */
	void (*conf_where)(const struct wps_conf *conf, const char *name,
	    char *dst, size_t cap);

	/*
	 * [init] Registration, from init only. The ops struct is copied; names
	 * and prefixes are borrowed until fini. Returns WPS_OK; WPS_DUPLICATE
	 * when the name or the single place is taken; WPS_EINVAL when a
	 * mandatory op is missing. Both are logged.
	 */
	int (*add_subprotocol)(struct wps_self *self, const struct wps_subprotocol *ops);
	int (*add_auth)(struct wps_self *self, const struct wps_auth *ops);
	int (*add_upstream)(struct wps_self *self, const struct wps_upstream *ops);
	int (*add_route)(struct wps_self *self, const struct wps_route *ops);

	/* --- workers ------------------------------------------------------- */

	/* [any] */
	unsigned (*worker_count)(const struct wps_self *self);
	struct wps_worker *(*worker_at)(const struct wps_self *self, unsigned index);
	unsigned (*worker_index)(const struct wps_worker *worker);

	/* [loop] Monotonic milliseconds of this turn of the loop. */
	uint64_t (*now_ms)(const struct wps_worker *worker);

	/* [any] Calls fn on the worker's thread, in the order of the posts.
	 * Never fails; what was not called at the stop is dropped. */
	void (*post)(struct wps_worker *worker, wps_post_fn fn, void *data);

	/* [loop] Calls fn when fd is ready, until it is unwatched. One watch per
	 * descriptor; it must be unwatched before the descriptor closes. */
	struct wps_watch *(*watch)(struct wps_worker *worker, int fd,
	    unsigned events, wps_watch_fn fn, void *data);
	void (*watch_set)(struct wps_watch *watch, unsigned events);
	void (*unwatch)(struct wps_watch *watch); /* frees it; accepts NULL */

	/* [loop] Calls fn once after so many milliseconds; the timer is gone
	 * then. timer_stop frees one that has not run; it accepts NULL. */
	struct wps_timer *(*timer_start)(struct wps_worker *worker,
	    uint64_t after_ms, wps_timer_fn fn, void *data);
	void (*timer_stop)(struct wps_timer *timer);

	/* --- messages and commands ------------------------------------------ */

	/* [any] A message of its own copy, one reference to the caller; NULL
	 * when memory for it is not to be had. */
	struct wps_msg *(*msg_create)(const struct wps_msg_view *view);
	struct wps_msg *(*msg_ref)(struct wps_msg *msg);
	void (*msg_unref)(struct wps_msg *msg); /* accepts NULL */
	const struct wps_msg_view *(*msg_view)(const struct wps_msg *msg);

	/*
	 * [loop] Runs a command; `done` may be NULL. When it returns, the command
	 * stands in the mailbox of every worker that it needs: whoever hears of
	 * it now is not overtaken (ARCHITECTURE.md, Order).
	 */
	void (*submit)(struct wps_worker *worker,
	    const struct wps_command *command, wps_done_fn done, void *data);

	/* [loop] Inside encode only: the body's frame kind and room for exactly
	 * len bytes, NULL when memory is not to be had; an insert before
	 * the byte at offset, slots in ascending order of offsets. */
	char *(*body_make)(struct wps_body *body, enum wps_frame frame, size_t len);
	void (*body_insert)(struct wps_body *body, unsigned slot, size_t offset);

	/* --- connections ---------------------------------------------------- */

	/* [loop] */
	const struct wps_conn_view *(*conn_view)(const struct wps_conn *conn);
	struct wps_worker *(*conn_worker)(const struct wps_conn *conn);

	/* [loop] The subprotocol's state of the connection, conn_size bytes. */
	void *(*conn_data)(const struct wps_conn *conn);

	/* [loop] A place for the plugin's own pointer, NULL at first. */
	void **(*conn_slot)(const struct wps_self *self, struct wps_conn *conn);

	/* [loop] Sends bytes to this connection alone, behind what is queued.
	 * Returns WPS_OK, or WPS_FULL: a limit of the queue closes the connection. */
	int (*conn_send)(struct wps_conn *conn, enum wps_frame frame,
	    struct wps_span data);

	/* [loop] Marks it for a close with code and reason (cut to 123 bytes);
	 * `close` follows from the loop. The first call counts. */
	void (*conn_close)(struct wps_conn *conn, uint16_t code,
	    struct wps_span reason);

	/* [loop] Whether the connection may; group names with case. */
	bool (*conn_may)(const struct wps_conn *conn, enum wps_perm perm,
	    struct wps_span group);

	/* [loop] Membership; joining twice and leaving what one is not in are
	 * WPS_OK. conn_join gives WPS_FULL at the limit of groups. */
	int (*conn_join)(struct wps_conn *conn, struct wps_span group);
	int (*conn_leave)(struct wps_conn *conn, struct wps_span group);

	/*
	 * [loop] Gives a user event to the application. Returns WPS_OK: `done`
	 * hears the answer, before or after this returns, and until then no
	 * further message of the connection is given to recv; WPS_NOT_FOUND:
	 * nobody wants it, done is not called. kind and conn are set by the host.
	 */
	int (*conn_event)(struct wps_conn *conn, const struct wps_event *event,
	    wps_event_fn done);

	/* --- upstream ------------------------------------------------------- */

	/* [loop] Completes a reply; it is gone then. */
	void (*answer)(struct wps_reply *reply, const struct wps_answer *answer);

	/* --- auth ----------------------------------------------------------- */

	/* [loop] Completes authenticate: WPS_OK with the identity, or
	 * WPS_DECLINED. The reason goes to the log, without secrets; may be NULL. */
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

	/* [loop] */
	const struct wps_request_view *(*request_view)(const struct wps_request *request);
	struct wps_worker *(*request_worker)(const struct wps_request *request);

	/* [loop] Asks who calls, as a server, with the bearer token of the
	 * request; `hub` is what its path names. done may run before this returns. */
	void (*request_authenticate)(struct wps_request *request,
	    struct wps_span hub, wps_identity_fn done, void *data);

	/* [loop] Answers; the request is gone then. */
	void (*respond)(struct wps_request *request,
	    const struct wps_response *response);

	/* --- protocols on offer --------------------------------------------- */

	/* [any] The registered subprotocol of that name (without case), or NULL. */
	const struct wps_subprotocol *(*find_subprotocol)(
	    const struct wps_self *self, struct wps_span name);

	/* --- more of the configuration -------------------------------------- */

	/* [any] The path that a STRING holds; a relative one begins at the
	 * folder of wps.conf. NULL where it is not set. The caller frees it. */
	char *(*conf_file)(const struct wps_conf *conf, const char *name);
};

#endif
