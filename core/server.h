/* SPDX-License-Identifier: MIT */
/*
 * The life of the server: from the configuration to running workers, and back.
 */
#ifndef SERVER_H
#define SERVER_H

#include "conf.h"

#include <wps/abi.h>

struct server;

/*
 * Reads the file, loads its plugins and judges all of it. NULL: the report says
 * why. Nothing listens yet.
 */
struct server *server_load(const char *path, struct conf_report *report);

/* Runs init of the plugins, without workers. */
int server_init(struct server *server, struct wps_err *err);

/* Behind server_init: has the plugins try what they need outside. WPS_EINVAL when
 * something is wrong, which was said. */
int server_probe(struct server *server,
    void (*say)(void *data, const char *line), void *data);

/* Instead of these: runs init, binds, starts the workers. */
int server_start(struct server *server, struct wps_err *err);

/* Closes clients with 1001, waits for them within stop_timeout, ends workers. */
void server_stop(struct server *server);

/* After server_stop, or without a start. Leaves NULL. */
void server_free(struct server **server);

#endif
