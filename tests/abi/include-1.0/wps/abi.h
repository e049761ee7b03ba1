/* SPDX-License-Identifier: MIT */
/*
 * The version of the plugin ABI, and the words that every part of it uses.
 *
 * A plugin is loaded iff it exports the symbol of this major version and its
 * minor version is not above the server's. Then every function that its
 * headers declare is there.
 *
 * Thread tags stand in front of every contract:
 *   [init]  during check, init and fini, on the main thread, no worker runs;
 *   [main]  on the main thread while workers run;
 *   [loop]  on the thread of the worker that owns the object; worker_start
 *           and worker_stop count as such, though they are called on the main
 *           thread, when no worker runs;
 *   [any]   on any thread, from init until fini returns.
 * A server that is built without NDEBUG aborts when a [loop] function is called
 * on another thread.
 *
 * Ownership, per parameter: `const` in is borrowed until the call returns,
 * `_out` is received by the caller, `_take` is owned by the callee from then on.
 * Pointers to handles (worker, connection, request, reply, watch, timer) are the
 * host's; each says how long it lives. Memory is freed on the side that took it.
 *
 * What may be NULL says so. Bytes come as spans and live, unless something else
 * is said, until the call returns that they were given to.
 *
 * Growth. A minor version appends, and nothing else:
 *   - functions to the host table; ops to the struct of an extension point,
 *     which begins with its size: what an older plugin lacks is NULL to the host;
 *   - members to structs that the host makes (views, events and requests as they
 *     are delivered, handshakes, outcomes): an older plugin does not look there.
 *     A plugin never makes or embeds one for the host to fill;
 *   - members to structs that a plugin makes (commands, message views, events
 *     that it gives, answers, identities, claims, responses): the host knows from
 *     `made_minor` how much of them there is, and takes the rest for zero. So
 *     zero always means what was done before; make these structs with an
 *     initialiser, which leaves no member undefined;
 *   - members to what the host gives to be filled (struct wps_permit), zeroed;
 *   - functions to struct wps_match, which begins with its size;
 *   - members to option rows, whose size the plugin tells (`option_size`).
 * Elements of other arrays never grow: wps_span, wps_pair, wps_header, wps_rule,
 * wps_state; nor does wps_err. Values are appended to enums; a plugin treats one
 * that it does not know as "not mine".
 *
 * History:
 *   1.0  first version
 */
#ifndef WPS_ABI_H
#define WPS_ABI_H

#include <wps/span.h>

#include <stdbool.h>
#include <stdint.h>

#define WPS_ABI_MAJOR 1
#define WPS_ABI_MINOR 0

/* The oldest server that will do. A plugin that wants older ones than its headers
 * defines a lower number before it includes them, and looks at host->abi_minor
 * before it uses what is newer. */
#ifndef WPS_PLUGIN_MINOR
#define WPS_PLUGIN_MINOR WPS_ABI_MINOR
#endif
#if WPS_PLUGIN_MINOR > WPS_ABI_MINOR
#error "WPS_PLUGIN_MINOR is above the minor version of these headers"
#endif

/*
 * Results. Positive ones are expected outcomes, listed above each function
 * that gives them; negative ones are failures, passed up unchanged. What a
 * function can give is listed above it; no other result comes.
 */
enum wps_result {
	WPS_OK = 0,
	WPS_PENDING = 1,   /* the answer comes through the reply handle */
	WPS_DECLINED = 2,  /* not mine, or not allowed */
	WPS_FULL = 3,      /* a limit is reached; nothing was done */
	WPS_NOT_FOUND = 4, /* there is no such object */
	WPS_DUPLICATE = 5, /* it exists already */
	WPS_EINVAL = -1,   /* the caller's input is not valid */
	WPS_ENOMEM = -2,   /* memory for this input is not to be had */
	WPS_ESYS = -3,     /* the operating system refused */
	WPS_EPROTO = -4,   /* the peer broke its protocol */
};

/* Room for a message to people; filled by who knows, printed by who decides. The
 * caller makes it; the text ends with a NUL and is one line without its end. */
struct wps_err {
	char text[512];
};

enum wps_log_level {
	WPS_LOG_ERR = 1,   /* someone must act */
	WPS_LOG_WARN = 2,  /* handled; look at it */
	WPS_LOG_INFO = 3,  /* life of the server */
	WPS_LOG_DEBUG = 4, /* life of a connection */
};

#if defined(__GNUC__)
#define WPS_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define WPS_EXPORT __attribute__((visibility("default")))
#else
#define WPS_PRINTF(fmt, args)
#define WPS_EXPORT
#endif

struct wps_self;   /* a plugin, as the host knows it; lives until fini returns */
struct wps_worker; /* a thread with its loop and its shard of every hub; lives
		      from init until fini returns */
struct wps_conf;   /* a checked part of the configuration; lives until fini returns */
struct wps_conn;   /* a connection; each call says how long it lives */
struct wps_msg;    /* a message, counted (msg.h) */
struct wps_record; /* a connection that is being written down; lives until `save`
		      returns */

#endif
