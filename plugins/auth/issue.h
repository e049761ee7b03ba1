/* SPDX-License-Identifier: MIT */
/*
 * Client tokens that the server makes (auth-and-permissions.md, section 3.7).
 *
 * They are signed with a key of their own when there is one, so that they work
 * with access keys switched off; else with the primary access key, so that they
 * outlive the process.
 */
#ifndef AUTH_ISSUE_H
#define AUTH_ISSUE_H

#include "state.h"

/* See wps_auth.issue. */
int issue_token(const struct auth *auth, const struct wps_claims *claims,
    char *dst, size_t cap, size_t *len_out);

#endif
