/* SPDX-License-Identifier: MIT */
/*
 * Whether bytes are a serialized google.protobuf.Any.
 */
#ifndef WEBPUBSUB_ANY_H
#define WEBPUBSUB_ANY_H

#include <wps/span.h>

#include <stdbool.h>

/* Field 1 a text, field 2 bytes, both optional; other fields are passed over. */
bool any_valid(struct wps_span bytes);

#endif
