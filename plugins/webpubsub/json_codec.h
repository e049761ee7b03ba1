/* SPDX-License-Identifier: MIT */
/*
 * The subprotocol json.webpubsub.azure.v1.
 */
#ifndef WEBPUBSUB_JSON_CODEC_H
#define WEBPUBSUB_JSON_CODEC_H

#include "reply.h"

extern const struct codec json_codec;
extern const struct wps_subprotocol json_subprotocol;

#endif
