/* SPDX-License-Identifier: MIT */
/*
 * The subprotocols json.webpubsub.azure.v1 and json.reliable.webpubsub.azure.v1.
 */
#ifndef WEBPUBSUB_JSON_CODEC_H
#define WEBPUBSUB_JSON_CODEC_H

#include "reply.h"

extern const struct codec json_codec;
extern const struct wps_subprotocol json_subprotocol;
extern const struct wps_subprotocol json_reliable_subprotocol;

#endif
