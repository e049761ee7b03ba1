/* SPDX-License-Identifier: MIT */
/*
 * What a plugin exports: one const symbol, made by WPS_PLUGIN_DEFINE.
 */
#ifndef WPS_PLUGIN_H
#define WPS_PLUGIN_H

#include <wps/abi.h>
#include <wps/option.h>

struct wps_host;

struct wps_plugin {
	uint32_t struct_size; /* these two are set by WPS_PLUGIN_DEFINE */
	uint32_t abi_minor;

	const char *name;    /* also: its file, its section, its log prefix */
	const char *version;

	/* Plugins that must stand before it in `plugins`; ends with NULL; may be NULL. */
	const char *const *depends;

	/* Rows of its own section, and rows that it adds to every hub; may be NULL. */
	const struct wps_option *options;
	const struct wps_option *hub_options;

	/*
	 * [init] Judges what rows cannot. `conf` is its section, or a hub's
	 * when `hub` is not NULL. Returns WPS_OK, or WPS_EINVAL with err filled.
	 * May be NULL.
	 */
	int (*check)(const struct wps_host *host, const struct wps_conf *conf,
	    const char *hub, struct wps_err *err);

	/*
	 * [init] Registers what the plugin offers. The host table and self stay
	 * valid until fini has returned. A failure stops the server.
	 */
	int (*init)(const struct wps_host *host, struct wps_self *self,
	    void **state_out);

	/* [loop] Makes the state of one worker, before its thread runs; may be
	 * NULL: `state` is passed. */
	int (*worker_start)(void *state, struct wps_worker *worker,
	    void **worker_state_out);

	/* [loop] Its opposite, after its thread has ended; the worker's
	 * connections are gone by then. */
	void (*worker_stop)(void *worker_state);

	/* [init] Called iff init returned WPS_OK. May be NULL. */
	void (*fini)(void *state);
};

#define WPS_PLUGIN_DEFINE(plugin_name, ...)                                    \
	extern const struct wps_plugin wps_plugin_v1;                          \
	WPS_EXPORT const struct wps_plugin wps_plugin_v1 = {                   \
		.struct_size = sizeof(struct wps_plugin),                      \
		.abi_minor = WPS_PLUGIN_MINOR,                                 \
		.name = plugin_name,                                           \
		__VA_ARGS__,                                                   \
	}

#endif
