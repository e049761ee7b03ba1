/* SPDX-License-Identifier: MIT */
/*
 * The host table: the core behind the ABI.
 *
 * Thin: each function checks what a plugin may get wrong and calls the layer
 * that does it. Opaque handles are the core's own structs.
 */
#ifndef PLUG_HOSTAPI_H
#define PLUG_HOSTAPI_H

#include <wps/host.h>

void hostapi_fill(struct wps_host *host);

#endif
