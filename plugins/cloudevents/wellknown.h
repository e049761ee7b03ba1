/* SPDX-License-Identifier: MIT */
/*
 * The documents with which applications verify the tokens of auth jwt, below
 * /.well-known/.
 */
#ifndef CLOUDEVENTS_WELLKNOWN_H
#define CLOUDEVENTS_WELLKNOWN_H

#include <wps/host.h>

/* Its worker state is a struct events_worker. */
extern const struct wps_route wellknown_route;

#endif
