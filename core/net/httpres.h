/* SPDX-License-Identifier: MIT */
/*
 * Writing the head of an HTTP/1.1 answer.
 */
#ifndef NET_HTTPRES_H
#define NET_HTTPRES_H

#include <wps/handshake.h>

#include <stdbool.h>

/*
 * Status line, Date, the given headers, Content-Length (not with 1xx and 204)
 * and, unless it is kept, Connection: close. Returns the length that it needs;
 * above `cap` nothing useful was written. A header with CR, LF or NUL is left out.
 */
size_t http_format_head(char *dst, size_t cap, int status,
    const struct wps_header *headers, size_t count, size_t body_len, bool keep,
    const char *date);

#endif
