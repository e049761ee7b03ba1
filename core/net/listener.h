/* SPDX-License-Identifier: MIT */
/*
 * Listeners: addresses that accept connections.
 *
 * Each worker has an accept socket of its own for the same address
 * (SO_REUSEPORT), so the kernel deals clients out and no worker wakes another.
 * A listener may be pinned to one worker. A Unix socket cannot be shared like
 * that: one worker accepts and hands the descriptors round.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/loop.h"

#include <wps/abi.h>

struct http_service;
struct listener;
struct tls_context;

#define LISTENER_ALL_WORKERS (-1)

struct listener_spec {
	struct wps_span address; /* IP:PORT, [IP6]:PORT, or unix:PATH */
	int worker;              /* an index, or LISTENER_ALL_WORKERS */
	int backlog;
	struct tls_context *tls; /* borrowed: outlives the workers; NULL: plain */
};

/* Whether it is such an address; err says why not. Nothing is bound. */
bool listener_judge(struct wps_span address, struct wps_err *err);

/*
 * Binds, on the main thread before workers run; port 0 is any free one, the
 * same for all workers. NULL: err says why.
 */
struct listener *listener_open(const struct listener_spec *spec,
    struct worker *const *workers, unsigned count,
    const struct http_service *service, struct wps_err *err);

/* "127.0.0.1:8080", with the port that was bound. */
const char *listener_address(const struct listener *listener);

/* On the worker's thread: starts and ends its accepting. */
void listener_start(struct listener *listener, struct worker *worker);
void listener_stop(struct listener *listener, struct worker *worker);

/* When no worker runs any more. */
void listener_free(struct listener **listener);

#endif
