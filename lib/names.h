/* SPDX-License-Identifier: MIT */
/*
 * Names of hubs, groups and events, and patterns of group names
 * (client-protocols.md, sections 5.3 and 9.2).
 */
#ifndef LIB_NAMES_H
#define LIB_NAMES_H

#include <wps/span.h>

#include <stdbool.h>

#define NAME_HUB_MAX 128
#define NAME_GROUP_MAX 1024 /* UTF-16 units */
#define NAME_GROUP_MAX_BYTES (3 * NAME_GROUP_MAX)
#define NAME_EVENT_MAX 128
#define NAME_ID_MAX 1024 /* bytes */
#define PATTERN_STARS_MAX 5
#define PATTERN_MAX 1024 /* UTF-16 units */

/* ASCII letters to lower case, into room for name.len bytes. */
void name_lower(char *dst, struct wps_span name);

/* Whether two names are equal but for the case of ASCII letters. */
bool name_eq_nocase(struct wps_span a, struct wps_span b);

/* Whether it may be the name of a header: a token (RFC 9110, section 5.6.2). */
bool name_is_token(struct wps_span text);

/* The order of names: by their bytes, below 0 when a comes first. */
int name_order(struct wps_span a, struct wps_span b);

bool name_hub_valid(struct wps_span name);

/* 1 to 1024 UTF-16 units of valid UTF-8, not only white space. */
bool name_group_valid(struct wps_span name);

bool name_event_valid(struct wps_span name);

/* The id of a user or a connection: 1 to 1024 bytes of valid UTF-8. */
bool name_id_valid(struct wps_span id);

/* At most five stars, 1 to 1024 UTF-16 units, no stray backslash, valid UTF-8. */
bool pattern_valid(struct wps_span pattern);

/* Whether it has no wildcard and no escape: it names one group. */
bool pattern_is_literal(struct wps_span pattern);

/* Whether the whole name matches a valid pattern. */
bool pattern_match(struct wps_span pattern, struct wps_span name);

#endif
