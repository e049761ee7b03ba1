/* SPDX-License-Identifier: MIT */
/*
 * A server whose one worker has no thread, with the plugins as they are
 * installed: records are read and written on the caller's thread, while time
 * stands still, but for what the caller lets pass.
 */
#ifndef RECORD_STILL_H
#define RECORD_STILL_H

#include "hub/record.h"
#include "hub/server.h"

#include <stdbool.h>

/* `hub` is for the section of the hub "chat". NULL: something is wrong, which
 * is said on standard error. */
struct server *still_start(const char *hub);
void still_stop(struct server **server);

static inline struct worker *
still_worker(const struct server *server)
{
	return server->workers[0];
}

/* Whether no connection, group, user, hint or timer is left. */
bool still_empty(const struct server *server);

/* Ends the connection, and whatever follows. */
void still_end(struct server *server, struct wps_conn *conn);

/* Lets time pass, and what is due happen. */
void still_pass(struct server *server, uint64_t ms);

#endif
