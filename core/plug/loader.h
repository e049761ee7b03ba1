/* SPDX-License-Identifier: MIT */
/*
 * The loader: plugins by name, from one folder, in the order of the
 * configuration.
 *
 * Each is a file NAME.so with one symbol. What does not fit is said in one line
 * per cause: file, expected, found, remedy.
 */
#ifndef PLUG_LOADER_H
#define PLUG_LOADER_H

#include <wps/abi.h>

struct server;

/* Opens the library and judges its symbol; calls nothing of it but what the
 * dynamic linker runs. Returns WPS_OK, or WPS_EINVAL with err filled. */
int loader_open(struct server *server, const char *dir, struct wps_span name,
    struct wps_err *err);

/* Calls init of all; the first failure ends it: WPS_EINVAL with err filled. */
int loader_init(struct server *server, struct wps_err *err);

/* Between init and fini: has every plugin try what it needs outside; WPS_EINVAL
 * when something is wrong, which was said. */
int loader_probe(struct server *server,
    void (*say)(void *data, const char *line), void *data);

/* When no connection is left: withdraws what each has registered and calls its
 * fini, in the reverse order. Harmless twice. */
void loader_fini(struct server *server);

/* Closes the libraries, when nobody looks at their ops and rows any more. */
void loader_close(struct server *server);

#endif
