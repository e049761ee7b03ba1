/* SPDX-License-Identifier: MIT */
/*
 * The origin: by which host names this server is known to applications.
 */
#ifndef CLOUDEVENTS_ORIGIN_H
#define CLOUDEVENTS_ORIGIN_H

#include "text.h"

#include <wps/host.h>

struct origin {
	struct text hosts;     /* for WebHook-Request-Origin: "a,b" */
	struct text endpoints; /* the same with their ports: "a:8443,b" */
	struct text issuer;    /* the first public one as a URL; empty: none is */
};

/*
 * Of the core option `public_endpoints`, else of the first listener's address;
 * one that means every address becomes localhost.
 */
void origin_init(struct origin *origin, const struct wps_host *host,
    const struct wps_self *self);
void origin_fini(struct origin *origin);

/* Whether one value of WebHook-Allowed-Origin admits this server. */
bool origin_is_allowed(const struct origin *origin, struct wps_span value);

#endif
