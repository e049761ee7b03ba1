/* SPDX-License-Identifier: MIT */
/* Tokens signed with an access key, for REST calls and for clients. */
#ifndef ORDER_JWT_H
#define ORDER_JWT_H

#include <stddef.h>

#define JWT_MAX 1024

/*
 * Writes a token and a NUL into dst[JWT_MAX]; its audience is the URL, and
 * `claims` is JSON that begins with a comma, or "".
 */
void jwt_sign(char *dst, const char *key, const char *audience,
    const char *claims);

#endif
