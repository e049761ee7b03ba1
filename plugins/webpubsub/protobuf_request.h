/* SPDX-License-Identifier: MIT */
/*
 * Requests in protocol buffers (client-protocols.md, section 14): an
 * UpstreamMessage of webpubsub.proto.
 */
#ifndef WEBPUBSUB_PROTOBUF_REQUEST_H
#define WEBPUBSUB_PROTOBUF_REQUEST_H

#include "request.h"
#include "scratch.h"

/* See codec.parse. */
int protobuf_request_parse(struct scratch *scratch, struct wps_span message,
    struct request *out);

#endif
