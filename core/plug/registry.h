/* SPDX-License-Identifier: MIT */
/*
 * Registration: what plugins offer, checked and copied.
 *
 * An ops struct begins with its size; the smaller of that and ours is copied
 * into a zeroed one, so the missing tail of an older plugin reads as NULL.
 */
#ifndef PLUG_REGISTRY_H
#define PLUG_REGISTRY_H

#include <wps/host.h>

/* See the functions of the same names in the host table. */
int registry_add_subprotocol(struct wps_self *self,
    const struct wps_subprotocol *ops);
int registry_add_auth(struct wps_self *self, const struct wps_auth *ops);
int registry_add_upstream(struct wps_self *self,
    const struct wps_upstream *ops);
int registry_add_route(struct wps_self *self, const struct wps_route *ops);
int registry_add_counter(struct wps_self *self,
    const struct wps_counter *counter, unsigned *id_out);

/* Takes back all that the plugin has registered. No connection is left. */
void registry_withdraw(const struct wps_self *self);

#endif
