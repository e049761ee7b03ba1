/* SPDX-License-Identifier: MIT */
/*
 * Extension points: what plugins have registered, by kind.
 *
 * Filled on the main thread before workers run, only read afterwards.
 */
#ifndef HUB_POINTS_H
#define HUB_POINTS_H

#include <wps/host.h>

#include <stdint.h>

struct worker;
struct server;

#define SUBPROTOCOLS_MAX 16
#define UPSTREAMS_MAX 8
#define ROUTES_MAX 16
#define PLUGINS_MAX 32
#define COUNTERS_MAX 256

/* A plugin, as the server knows it. */
struct wps_self {
	const struct wps_plugin *plugin; /* `description` */
	struct wps_plugin description;   /* a copy; what an older one lacks is NULL */
	struct server *server;
	void *library;                   /* of dlopen */
	void *state;                     /* of init */
	const struct wps_conf *conf;     /* its section */
	unsigned index;                  /* among the plugins */
	bool ready;                      /* init returned WPS_OK */
};

struct subprotocol {
	struct wps_subprotocol ops;
	struct wps_self *self;
	unsigned index; /* among the subprotocols */
};

struct upstream {
	struct wps_upstream ops;
	struct wps_self *self;
};

struct route {
	struct wps_route ops;
	struct wps_self *self;
	size_t prefix_len;
};

struct counter {
	struct wps_counter ops;
	const struct wps_self *self; /* NULL: withdrawn */
};

struct points {
	struct wps_self plugins[PLUGINS_MAX];
	unsigned plugin_count;
	struct subprotocol subprotocols[SUBPROTOCOLS_MAX];
	unsigned subprotocol_count;
	struct upstream upstreams[UPSTREAMS_MAX];
	unsigned upstream_count;
	struct route routes[ROUTES_MAX];
	unsigned route_count;
	struct counter counters[COUNTERS_MAX];
	unsigned counter_count;
	struct wps_auth auth;
	struct wps_self *auth_self; /* NULL: nobody registered */
};

/* The state that a plugin made for this worker. */
void *plugin_state(const struct worker *worker, const struct wps_self *self);

/* By its name, without case; NULL. */
const struct subprotocol *points_subprotocol(const struct points *points,
    struct wps_span name);

/* By the name that it was registered with, nameless ones too; NULL. */
const struct subprotocol *points_registered(const struct points *points,
    struct wps_span name);

/* The plugin of that name; NULL. */
const struct wps_self *points_plugin(const struct points *points,
    struct wps_span name);

/* The plugin's upstream; NULL. */
const struct upstream *points_upstream(const struct points *points,
    const struct wps_self *self);

/* The one for clients that agreed on none: the named one, else the first. */
const struct subprotocol *points_nameless(const struct points *points,
    struct wps_span name);

/* The route with the longest prefix of the path; NULL. */
const struct route *points_route(const struct points *points,
    struct wps_span path);

#endif
