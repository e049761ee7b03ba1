/* SPDX-License-Identifier: MIT */
/*
 * Reconnection tokens: the proof that a client had a connection
 * (client-protocols.md, section 13.7).
 *
 * Opaque to clients and safe in a URL: the time of its end and a MAC over that,
 * the hub and the connection id, with the server's own key. It may be used any
 * number of times; older ones of the same connection stay valid.
 */
#ifndef WEBPUBSUB_RETOKEN_H
#define WEBPUBSUB_RETOKEN_H

#include "worker.h"

#define RETOKEN_LEN 54 /* characters */

/* False when no auth plugin signs: then nobody can recover. */
bool retoken_make(const struct plugin *plugin, const struct wps_conn_view *conn,
    char dst[RETOKEN_LEN]);

bool retoken_valid(const struct plugin *plugin,
    const struct wps_conn_view *conn, struct wps_span token);

#endif
