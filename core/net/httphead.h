/* SPDX-License-Identifier: MIT */
/*
 * http-parser on a head that has passed the scan: its target and its headers.
 *
 * Apart from the reader, because http-parser's header claims names in HTTP_ that
 * ours has, too.
 */
#ifndef NET_HTTPHEAD_H
#define NET_HTTPHEAD_H

#include <wps/handshake.h>

#include <stdbool.h>

/*
 * Parses what stands behind the method. `headers` has room for `count`; true
 * when exactly so many were found. Spans point into `rest`; values are trimmed.
 */
bool http_head_parse(struct wps_span rest, struct wps_span *target_out,
    struct wps_header *headers, size_t count);

#endif
