/* SPDX-License-Identifier: MIT */
/*
 * Writing the head of an HTTP/1.1 answer.
 */
#ifndef NET_HTTPRES_H
#define NET_HTTPRES_H

#include <wps/handshake.h>

#include <stdbool.h>

/* 1xx, 204 and 304 have none (RFC 9110, section 6.4.1), and no Content-Length. */
bool http_status_has_body(int status);

/*
 * Status line, Date, the given headers, Content-Length and, unless it is kept,
 * Connection: close. Returns the length that it needs; above `cap` nothing useful
 * was written. A header whose name is no token or whose value holds a control
 * byte is left out, and so is one of Date, Content-Length and Transfer-Encoding.
 */
size_t http_format_head(char *dst, size_t cap, int status,
    const struct wps_header *headers, size_t count, size_t body_len, bool keep,
    const char *date);

#endif
