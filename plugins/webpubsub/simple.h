/* SPDX-License-Identifier: MIT */
/*
 * Simple WebSocket clients: those that agreed on no subprotocol, or on one that
 * only their application knows (client-protocols.md, section 11).
 */
#ifndef WEBPUBSUB_SIMPLE_H
#define WEBPUBSUB_SIMPLE_H

#include "worker.h"

extern const struct wps_subprotocol simple_subprotocol;

#endif
