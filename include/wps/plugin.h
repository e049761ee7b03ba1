/* SPDX-License-Identifier: MIT */
/*
 * What a plugin exports: one const symbol, made by WPS_PLUGIN_DEFINE.
 *
 * The life of a plugin: the file is opened because wps.conf names it, and its
 * description is read; `check` judges its section and every hub; `init` registers
 * what it offers; worker_start makes a state for each worker, then the workers
 * run. At the end the workers stop and the connections go; worker_stop frees the
 * states of the workers; what init has registered is withdrawn; `fini` frees the
 * rest. Plugins are started in the order of the file and stopped in the reverse
 * one. A server that only tests its configuration (wps -t) ends after `init`, so that
 * this refuses what it cannot work with; with --upstreams after `probe`.
 */
#ifndef WPS_PLUGIN_H
#define WPS_PLUGIN_H

#include <wps/abi.h>
#include <wps/option.h>

struct wps_host;

struct wps_plugin {
	/* These four are set by WPS_PLUGIN_DEFINE. */
	uint32_t struct_size;
	uint32_t abi_minor;   /* the oldest server that will do */
	uint32_t made_minor;  /* of the headers that it was compiled with: says
				 how long the structs are that it makes */
	uint32_t option_size; /* of one row */

	/* Lower case letters, digits, _ and -; also its file (NAME.so), its
	 * section, its log prefix. Mandatory, both. */
	const char *name;
	const char *version;

	/* Plugins that must stand before it in `plugins`; ends with NULL; may be NULL. */
	const char *const *depends;

	/* Rows of its own section, and rows that it adds to every hub; may be NULL. */
	const struct wps_option *options;
	const struct wps_option *hub_options;

	/*
	 * [init] Judges what rows cannot, before init: called for its section
	 * (`hub` is NULL), for the hub "*", and for each hub that the file names.
	 * Of the host only the conf_ functions that take a `conf` may be called.
	 * conf lives until fini returns, hub until the call does. Returns WPS_OK,
	 * or WPS_EINVAL with err filled, best beginning with what conf_where
	 * says. Calls go on after an error: all of a file come in one run. May be
	 * NULL.
	 */
	int (*check)(const struct wps_host *host, const struct wps_conf *conf,
	    const char *hub, struct wps_err *err);

	/*
	 * [init] Registers what the plugin offers. Nothing outside of the server
	 * is touched, which may be there only to test its configuration. The host
	 * table and self stay valid until fini has returned. *state_out is NULL at
	 * first. Returns WPS_OK; anything else stops the server: the plugin has
	 * freed what it took, and fini is not called. Mandatory.
	 */
	int (*init)(const struct wps_host *host, struct wps_self *self,
	    void **state_out);

	/*
	 * [loop] Makes the state of one worker, which is the first argument of
	 * all ops there; before any worker runs. *worker_state_out is `state` at
	 * first. Returns WPS_OK; anything else stops the server, and worker_stop
	 * is not called for this worker. May be NULL: the ops get `state`.
	 */
	int (*worker_start)(void *state, struct wps_worker *worker,
	    void **worker_state_out);

	/*
	 * [loop] Its opposite, when no worker runs any more and the connections
	 * of this one are gone. Watches and timers must be ended here; no reply
	 * and no request may be answered; functions that were posted and not yet
	 * called, and outcomes of commands, are not heard of any more. Called
	 * also if worker_start is NULL. May be NULL.
	 */
	void (*worker_stop)(void *worker_state);

	/*
	 * [init] Called iff init returned WPS_OK, when the host has withdrawn
	 * what it registered. Threads of the plugin's own must have ended when it
	 * returns; until then they may post, and are not heard. May be NULL.
	 */
	void (*fini)(void *state);

	/*
	 * [init] Tries what the plugin needs outside of the server, for
	 * wps -t --upstreams: between init and fini, without workers. It may
	 * block, for seconds. `say` takes a line, without its end and without
	 * secrets, for each thing that was tried. Returns WPS_OK, or WPS_EINVAL
	 * when something is wrong. May be NULL.
	 */
	int (*probe)(void *state, void (*say)(void *data, const char *line),
	    void *data);
};

#ifdef __cplusplus
#define WPS_PLUGIN_LINKAGE extern "C"
#else
#define WPS_PLUGIN_LINKAGE extern
#endif

/* WPS_PLUGIN_DEFINE("name", .version = "1.0", .init = f, ...); in C++, whose
 * designators need C++20, in the order of the struct. */
#define WPS_PLUGIN_DEFINE(plugin_name, ...)                                    \
	WPS_PLUGIN_LINKAGE WPS_EXPORT const struct wps_plugin wps_plugin_v1;   \
	const struct wps_plugin wps_plugin_v1 = {                              \
		.struct_size = sizeof(struct wps_plugin),                      \
		.abi_minor = WPS_PLUGIN_MINOR,                                 \
		.made_minor = WPS_ABI_MINOR,                                   \
		.option_size = sizeof(struct wps_option),                      \
		.name = plugin_name,                                           \
		__VA_ARGS__,                                                   \
	}

#endif
