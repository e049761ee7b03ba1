/* SPDX-License-Identifier: MIT */
/*
 * The version of the plugin ABI, and the words that every part of it uses.
 *
 * A plugin is loaded iff it exports the symbol of this major version and its
 * minor version is not above the server's. Then every function that its
 * headers declare is there.
 *
 * Thread tags stand in front of every contract:
 *   [init]  during init, check and fini, on the main thread, no worker runs;
 *   [main]  on the main thread while workers run;
 *   [loop]  on the worker thread that owns the object;
 *   [any]   on any thread.
 *
 * Ownership, per parameter: `const` in is borrowed until the call returns,
 * `_out` is received by the caller, `_take` is owned by the callee from then on.
 *
 * History:
 *   1.0  first version
 *   1.1  command: match, groups, count and list; host: submit_list
 */
#ifndef WPS_ABI_H
#define WPS_ABI_H

#include <wps/span.h>

#include <stdbool.h>
#include <stdint.h>

#define WPS_ABI_MAJOR 1
#define WPS_ABI_MINOR 1

/* A plugin that wants older servers too defines a lower one before it. */
#ifndef WPS_PLUGIN_MINOR
#define WPS_PLUGIN_MINOR WPS_ABI_MINOR
#endif

/*
 * Results. Positive ones are expected outcomes, listed above each function
 * that gives them; negative ones are failures, passed up unchanged.
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

/* Room for a message to people; filled by who knows, printed by who decides. */
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

struct wps_self;   /* a plugin, as the host knows it */
struct wps_worker; /* a worker thread with its loop and its shard of every hub */
struct wps_conf;   /* a checked part of the configuration */
struct wps_hub;
struct wps_conn;
struct wps_msg;

#endif
