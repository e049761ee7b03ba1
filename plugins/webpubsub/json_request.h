/* SPDX-License-Identifier: MIT */
/*
 * Requests in JSON (client-protocols.md, sections 5 and 6).
 */
#ifndef WEBPUBSUB_JSON_REQUEST_H
#define WEBPUBSUB_JSON_REQUEST_H

#include "request.h"
#include "scratch.h"

/* See codec.parse; the text is valid UTF-8. */
int json_request_parse(struct scratch *scratch, struct wps_span text,
    struct request *out);

#endif
