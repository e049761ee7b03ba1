/* SPDX-License-Identifier: MIT */
/*
 * Callers: who sends a request, by its token.
 */
#ifndef AUTH_CALLER_H
#define AUTH_CALLER_H

#include "state.h"

/* See wps_auth.authenticate; it answers before it returns. */
void caller_ask(struct auth_worker *worker,
    const struct wps_auth_request *request, struct wps_auth_reply *reply);

#endif
