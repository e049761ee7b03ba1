/* SPDX-License-Identifier: MIT */
/*
 * A client's message on its way to a group.
 */
#ifndef WEBPUBSUB_PUBLISH_H
#define WEBPUBSUB_PUBLISH_H

#include "worker.h"

/*
 * Sends a message from this connection to draft.group; whom it is from is filled
 * in here. With no_echo it does not come back to the connection itself.
 * Returns WPS_OK: it is on its way to every member; or WPS_ENOMEM.
 */
int publish(const struct worker *worker, struct wps_conn *conn,
    struct wps_msg_view draft, bool no_echo);

#endif
