/* SPDX-License-Identifier: MIT */
/*
 * The target of a request in its forms (RFC 9112, section 3.2).
 */
#ifndef NET_TARGET_H
#define NET_TARGET_H

#include <wps/span.h>

#include <stdbool.h>

struct target {
	struct wps_span text;  /* without scheme and authority */
	struct wps_span path;  /* `/` when an absolute form has none */
	struct wps_span query; /* behind the ?; absent without one */
	struct wps_span authority; /* of an absolute form; else absent */
};

/*
 * Takes the origin form, the absolute form of http and https without a user,
 * and, where `asterisk` says so, `*`. False: it is none of them.
 */
bool target_parse(struct target *target, struct wps_span text, bool asterisk);

#endif
