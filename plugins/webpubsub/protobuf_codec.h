/* SPDX-License-Identifier: MIT */
/*
 * The subprotocols protobuf.webpubsub.azure.v1 and
 * protobuf.reliable.webpubsub.azure.v1.
 */
#ifndef WEBPUBSUB_PROTOBUF_CODEC_H
#define WEBPUBSUB_PROTOBUF_CODEC_H

#include "reply.h"

extern const struct codec protobuf_codec;
extern const struct wps_subprotocol protobuf_subprotocol;
extern const struct wps_subprotocol protobuf_reliable_subprotocol;

#endif
