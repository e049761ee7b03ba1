/* SPDX-License-Identifier: MIT */
#include "hub/perm.h"

#include "lib/names.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/hash.h"
#include "util/htab.h"

#include <stdlib.h>

/* The rule for one group. */
struct override {
	struct htab_node node;
	bool allowed;
	size_t len;
	char group[];
};

struct perm_rules {
	struct htab overrides;
	struct wps_span patterns[PERM_PATTERNS]; /* owned */
	unsigned pattern_count;
};

static unsigned
kind(enum wps_perm perm)
{
	return (unsigned)perm - 1;
}

/* NULL when there are none. */
static struct perm_rules *
rules_of(const struct perms *perms, enum wps_perm perm)
{
	return perms->rules ? perms->rules[kind(perm)] : NULL;
}

static struct perm_rules *
rules_get(struct perms *perms, enum wps_perm perm)
{
	if (perms->rules == NULL)
		perms->rules = xcalloc(PERM_KINDS, sizeof(*perms->rules));
	struct perm_rules **rules = &perms->rules[kind(perm)];

	if (*rules == NULL)
		*rules = xcalloc(1, sizeof(**rules));
	return *rules;
}

static struct override *
override_find(const struct perm_rules *rules, struct wps_span group)
{
	struct htab_node *node =
	    htab_first(&rules->overrides, hash_bytes(group));

	for (; node; node = htab_next(node)) {
		struct override *o = container_of(node, struct override, node);
		if (wps_span_eq(group, (struct wps_span){ o->group, o->len }))
			return o;
	}
	return NULL;
}

static void
override_add(struct perm_rules *rules, struct wps_span group, bool allowed)
{
	struct override *o = xmalloc(sizeof(*o) + group.len);

	o->allowed = allowed;
	o->len = group.len;
	memcpy(o->group, group.data, group.len);
	htab_add(&rules->overrides, &o->node, hash_bytes(group));
}

static void
override_remove(struct perm_rules *rules, struct override *o)
{
	htab_remove(&rules->overrides, &o->node);
	free(o);
}

static void
overrides_clear(struct perm_rules *rules)
{
	struct htab *tab = &rules->overrides;

	for (size_t i = 0; tab->count > 0;) {
		struct htab_node *node = tab->slots[i & tab->mask];
		if (node)
			override_remove(rules,
			    container_of(node, struct override, node));
		else
			i++;
	}
}

static void
patterns_clear(struct perm_rules *rules)
{
	for (unsigned i = 0; i < rules->pattern_count; i++)
		free((char *)(uintptr_t)rules->patterns[i].data);
	rules->pattern_count = 0;
}

void
perms_fini(struct perms *perms)
{
	for (unsigned k = 0; perms->rules && k < PERM_KINDS; k++) {
		struct perm_rules *rules = perms->rules[k];
		if (rules == NULL)
			continue;
		overrides_clear(rules);
		htab_fini(&rules->overrides);
		patterns_clear(rules);
		free(rules);
	}
	free(perms->rules);
	perms->rules = NULL;
}

static bool
base_allows(const struct perms *perms, enum wps_perm perm,
    struct wps_span group)
{
	const struct perm_rules *rules = rules_of(perms, perm);

	if (perms->all[kind(perm)])
		return true;
	for (unsigned i = 0; rules && i < rules->pattern_count; i++)
		if (pattern_match(rules->patterns[i], group))
			return true;
	return false;
}

/* Every group: the base is all of them, and none is denied. */
static bool
allows_all(const struct perms *perms, enum wps_perm perm)
{
	const struct perm_rules *rules = rules_of(perms, perm);

	return perms->all[kind(perm)] &&
	    (rules == NULL || rules->overrides.count == 0);
}

bool
perms_allow(const struct perms *perms, enum wps_perm perm,
    struct wps_span group)
{
	if (group.data == NULL)
		return allows_all(perms, perm);

	const struct perm_rules *rules = rules_of(perms, perm);
	const struct override *o = rules ? override_find(rules, group) : NULL;

	return o ? o->allowed : base_allows(perms, perm, group);
}

/* All groups: what was said of single ones is forgotten. */
static int
set_all(struct perms *perms, enum wps_perm perm, bool allowed)
{
	struct perm_rules *rules = rules_of(perms, perm);

	perms->all[kind(perm)] = allowed;
	if (rules) {
		overrides_clear(rules);
		patterns_clear(rules);
	}
	return WPS_OK;
}

/*
 * Grant and revoke are one rule: an override that says the opposite is taken
 * away; else, unless the base says so already, one that says it is added.
 */
static int
set_rule(struct perms *perms, enum wps_perm perm, struct wps_span group,
    bool allowed, uint32_t max_rules)
{
	struct perm_rules *rules = rules_of(perms, perm);
	struct override *o = rules && group.data ?
	    override_find(rules, group) : NULL;

	if (group.data == NULL)
		return set_all(perms, perm, allowed);
	if (o) {
		if (o->allowed != allowed)
			override_remove(rules, o);
		return WPS_OK;
	}
	if (base_allows(perms, perm, group) == allowed)
		return WPS_OK;
	if (rules && rules->overrides.count >= max_rules)
		return WPS_FULL;
	override_add(rules_get(perms, perm), group, allowed);
	return WPS_OK;
}

int
perms_grant(struct perms *perms, enum wps_perm perm, struct wps_span group,
    uint32_t max_rules)
{
	return set_rule(perms, perm, group, true, max_rules);
}

int
perms_revoke(struct perms *perms, enum wps_perm perm, struct wps_span group,
    uint32_t max_rules)
{
	return set_rule(perms, perm, group, false, max_rules);
}

/* Overrides that a new pattern covers are of no use any more. */
static void
drop_covered(struct perm_rules *rules, struct wps_span pattern)
{
	struct htab *tab = &rules->overrides;

	for (size_t i = 0; tab->slots && i <= tab->mask; i++) {
		struct htab_node *node = tab->slots[i];
		while (node) {
			struct htab_node *next = node->next;
			struct override *o =
			    container_of(node, struct override, node);
			struct wps_span group = { o->group, o->len };
			size_t mask = tab->mask;
			if (o->allowed && pattern_match(pattern, group))
				override_remove(rules, o);
			/* The table may have shrunk: begin again. */
			if (tab->slots == NULL)
				return;
			if (tab->mask != mask) {
				i = (size_t)-1;
				break;
			}
			node = next;
		}
	}
}

static int
add_pattern(struct perms *perms, enum wps_perm perm, struct wps_span pattern)
{
	struct perm_rules *rules = rules_get(perms, perm);

	if (rules->pattern_count == PERM_PATTERNS)
		return WPS_FULL;
	drop_covered(rules, pattern);
	rules->patterns[rules->pattern_count++] =
	    (struct wps_span){ xdup(pattern), pattern.len };
	return WPS_OK;
}

int
perms_permit(struct perms *perms, const struct wps_permit *permit,
    uint32_t max_rules)
{
	switch (permit->scope) {
	case WPS_PERMIT_ALL:
		perms->all[kind(permit->perm)] = true;
		if (rules_of(perms, permit->perm))
			overrides_clear(rules_of(perms, permit->perm));
		return WPS_OK;
	case WPS_PERMIT_GROUP:
		return perms_grant(perms, permit->perm, permit->name, max_rules);
	case WPS_PERMIT_PATTERN:
		return add_pattern(perms, permit->perm, permit->name);
	}
	return WPS_EINVAL;
}

/* --- looking at them --------------------------------------------------------- */

struct perm_walk {
	enum wps_perm perm;
	void (*visit)(const struct wps_rule *rule, void *data);
	void *data;
};

static void
visit_override(struct htab_node *node, void *data)
{
	const struct perm_walk *walk = data;
	const struct override *o = container_of(node, struct override, node);

	walk->visit(&(struct wps_rule){
	    .perm = walk->perm,
	    .kind = o->allowed ? WPS_RULE_ALLOW : WPS_RULE_DENY,
	    .name = { o->group, o->len },
	}, walk->data);
}

void
perms_walk(const struct perms *perms, enum wps_perm perm,
    void (*visit)(const struct wps_rule *rule, void *data), void *data)
{
	const struct perm_rules *rules = rules_of(perms, perm);
	struct perm_walk walk = { perm, visit, data };

	if (perms->all[kind(perm)])
		visit(&(struct wps_rule){ .perm = perm, .kind = WPS_RULE_ALL },
		    data);
	if (rules == NULL)
		return;
	for (unsigned i = 0; i < rules->pattern_count; i++)
		visit(&(struct wps_rule){
		    .perm = perm,
		    .kind = WPS_RULE_PATTERN,
		    .name = rules->patterns[i],
		}, data);
	htab_walk(&rules->overrides, visit_override, &walk);
}
