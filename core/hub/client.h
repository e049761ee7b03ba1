/* SPDX-License-Identifier: MIT */
/*
 * The client endpoint: from an upgrade request to an open connection.
 *
 *   /client/hubs/{hub}?access_token=...     /client/?hub={hub}&access_token=...
 *
 * Checks and their answers stand in client-protocols.md, section 3.4, in that
 * order: request, hub, recovery, token, groups, the query's other parameters,
 * the connect event. All of them answer before the upgrade, but for a refused
 * recovery, which upgrades and then closes.
 */
#ifndef HUB_CLIENT_H
#define HUB_CLIENT_H

#include <wps/span.h>

#include <stdbool.h>

struct http;

/* An upgrade request has come; its client has gone before the answer. */
void client_upgrade(struct http *http);
void client_gone(struct http *http);

/* Whether a path is the client endpoint's. */
bool client_path(struct wps_span path);

#endif
