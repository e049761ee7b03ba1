/* SPDX-License-Identifier: MIT */
/*
 * Where a codec writes. The same code first measures, with nothing to write to,
 * then writes into room of exactly that size.
 */
#ifndef WEBPUBSUB_OUT_H
#define WEBPUBSUB_OUT_H

#include <wps/span.h>

struct out {
	char *at;    /* NULL: only measures */
	size_t size; /* bytes so far */
};

static inline void
out_put(struct out *out, struct wps_span bytes)
{
	out->size += bytes.len;
	if (out->at && bytes.len > 0)
		out->at = (char *)memcpy(out->at, bytes.data, bytes.len) + bytes.len;
}

#endif
