/* SPDX-License-Identifier: MIT */
/*
 * The server: what all workers share. It is made before they run and, but for
 * the table of hubs, only read while they do.
 */
#ifndef HUB_SERVER_H
#define HUB_SERVER_H

#include "hub/hub.h"
#include "hub/points.h"
#include "net/http.h"

struct conf_set;
struct listener;
struct tls_context;

struct server {
	struct conf_set *conf; /* owned */
	struct points points;
	struct hub_table hubs;
	struct worker *workers[WORKERS_MAX];
	unsigned worker_count;
	struct loop_limits loop_limits;
	struct http_service http;
	struct wps_host host;
	struct listener **listeners; /* owned */
	size_t listener_count;
	struct tls_context **tls; /* owned; of the rows of `listen`; NULL: plain */
	uint64_t stop_ms;
	uint64_t stop_delay_ms;
	bool running; /* the workers' threads are there */
	_Atomic bool stopping; /* the end has been announced */
};

static inline struct server *
worker_server(const struct worker *worker)
{
	return worker->server;
}

#endif
