/* SPDX-License-Identifier: MIT */
/*
 * Permissions of one connection (auth-and-permissions.md, section 9.4).
 *
 * For each permission there is a base (nothing, all groups, or patterns) and
 * overrides for single groups, allowed or denied. An override decides, else the
 * base. A zeroed struct allows nothing and holds no memory.
 */
#ifndef HUB_PERM_H
#define HUB_PERM_H

#include <wps/auth.h>

#include <stdbool.h>
#include <stdint.h>

#define PERM_KINDS 4
#define PERM_PATTERNS 10 /* per permission */

struct perm_rules;

struct perms {
	bool all[PERM_KINDS];
	struct perm_rules **rules; /* owned; by kind, each NULL until its first;
				      NULL until the first of all */
};

void perms_fini(struct perms *perms);

/* Tells `visit` each rule of a permission; the names live as long as they do. */
void perms_walk(const struct perms *perms, enum wps_perm perm,
    void (*visit)(const struct wps_rule *rule, void *data), void *data);

/* What a role allows, at the start. Surplus ones are skipped: WPS_FULL. */
int perms_permit(struct perms *perms, const struct wps_permit *permit,
    uint32_t max_rules);

/* Here and below an absent group means all of them. */
bool perms_allow(const struct perms *perms, enum wps_perm perm,
    struct wps_span group);

/* WPS_OK, or WPS_FULL when there would be more than max_rules overrides. */
int perms_grant(struct perms *perms, enum wps_perm perm, struct wps_span group,
    uint32_t max_rules);
int perms_revoke(struct perms *perms, enum wps_perm perm, struct wps_span group,
    uint32_t max_rules);

#endif
