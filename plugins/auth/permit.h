/* SPDX-License-Identifier: MIT */
/*
 * Role texts: what they allow (auth-and-permissions.md, sections 9.1 and 9.2).
 */
#ifndef AUTH_PERMIT_H
#define AUTH_PERMIT_H

#include <wps/auth.h>

/* See wps_auth.permit. */
int permit_read(struct wps_span role, struct wps_permit *out);

#endif
