/* SPDX-License-Identifier: MIT */
/*
 * Identity: the question to the auth plugin, who a caller is.
 */
#ifndef HUB_IDENTITY_H
#define HUB_IDENTITY_H

#include <wps/auth.h>

struct http_request;
struct worker;

/* Embedded by whoever asks; answered exactly once. */
struct wps_auth_reply {
	void (*done)(struct wps_auth_reply *reply, int result,
	    const struct wps_identity *identity);
	bool asked;
};

/* `done` may run before this returns. Without an auth plugin only anonymous
 * clients are let in. */
void identity_ask(struct worker *worker,
    const struct wps_auth_request *request, struct wps_auth_reply *reply);

/* See host.auth_answer. */
void identity_answer(struct wps_auth_reply *reply, int result,
    const struct wps_identity *identity, const char *reason);

/* The token of an Authorization header "Bearer ..."; absent. */
struct wps_span identity_bearer(const struct http_request *request);

#endif
