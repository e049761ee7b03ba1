/* SPDX-License-Identifier: MIT */
/*
 * URL templates: where a handler listens, with the parameters {hub} and {event},
 * and with secrets, {env:NAME} and {file:PATH}.
 *
 * Parameter names have no case. Values go in percent-encoded as one path
 * segment. Braces mean parameters everywhere, and none may stand in the host.
 */
#ifndef CLOUDEVENTS_TEMPLATE_H
#define CLOUDEVENTS_TEMPLATE_H

#include "text.h"

/* Returns WPS_OK, or WPS_EINVAL with the reason in err. */
int template_check(struct wps_span url, struct wps_err *err);

/*
 * Adds the template with its secrets, percent-encoded, in their places. It is
 * never shown: the template is. Returns WPS_OK; WPS_EINVAL with the reason in
 * err; WPS_ENOMEM.
 */
int template_resolve(struct wps_span url, struct text *out, struct wps_err *err);

/*
 * Adds the URL of one event, and a NUL, to a template that was resolved.
 * Returns WPS_OK; WPS_EINVAL when a value would not stay one path segment
 * ("." and ".."); WPS_ENOMEM.
 */
int template_expand(struct wps_span url, struct wps_span hub,
    struct wps_span event, struct text *out);

/* "https://host:port" of a URL. */
struct wps_span url_origin(struct wps_span url);

/* The URL without its query, which may hold a secret: for the log. */
struct wps_span url_without_query(struct wps_span url);

#endif
