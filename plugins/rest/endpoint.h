/* SPDX-License-Identifier: MIT */
/*
 * The server's own address, as the caller of a request knows it.
 */
#ifndef REST_ENDPOINT_H
#define REST_ENDPOINT_H

#include <wps/span.h>

struct call;

#define ENDPOINT_MAX 1536

/*
 * Writes a URL without a slash at its end, into room for ENDPOINT_MAX bytes: that
 * one of the public endpoints whose host the request names, else the first of
 * them, else the request's own host with the base path. Returns its length; 0
 * when there is no host, or it would be longer.
 */
size_t endpoint_write(const struct call *call, char *dst);

#endif
