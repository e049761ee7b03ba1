/* SPDX-License-Identifier: MIT */
/*
 * Addresses that only a machine's surroundings have: link-local ones, and those
 * at which clouds serve a machine's identity and secrets. A handler that names
 * one by mistake, or a name that is made to resolve to one, must not reach it.
 */
#ifndef CLOUDEVENTS_ADDRESS_H
#define CLOUDEVENTS_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* Also where IPv6 only wraps the IPv4 address. */
bool address_is_link_local(const struct sockaddr *address);

#endif
