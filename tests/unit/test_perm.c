/* SPDX-License-Identifier: MIT */
/*
 * Permissions: auth-and-permissions.md, section 9.4, call by call.
 */
#include "hub/perm.h"
#include "support/check.h"
#include "util/hash.h"

#define SEND WPS_PERM_SEND
#define MAX_RULES 1000

static bool
may(const struct perms *perms, const char *group)
{
	return perms_allow(perms, SEND, wps_span_str(group));
}

static int
grant(struct perms *perms, const char *group)
{
	return perms_grant(perms, SEND, wps_span_str(group), MAX_RULES);
}

static int
revoke(struct perms *perms, const char *group)
{
	return perms_revoke(perms, SEND, wps_span_str(group), MAX_RULES);
}

static void
permit(struct perms *perms, enum wps_permit_scope scope, const char *name)
{
	const struct wps_permit given = {
		.perm = SEND,
		.scope = scope,
		.name = wps_span_str(name),
	};

	check_number("permit", perms_permit(perms, &given, MAX_RULES), WPS_OK);
}

static void
test_nothing_is_allowed_at_first(void)
{
	struct perms perms = { 0 };

	CU_ASSERT_FALSE(may(&perms, "g"));
	CU_ASSERT_FALSE(may(&perms, NULL));
	perms_fini(&perms);
}

static void
test_permissions_are_independent(void)
{
	struct perms perms = { 0 };

	grant(&perms, "g");
	CU_ASSERT_TRUE(may(&perms, "g"));
	CU_ASSERT_FALSE(perms_allow(&perms, WPS_PERM_JOIN_LEAVE, WPS_SPAN("g")));
	perms_fini(&perms);
}

/* Each kind in each way; what is allowed of one says nothing of the others. */
static void
test_every_kind_has_rules_of_its_own(void)
{
	static const enum wps_perm kinds[PERM_KINDS] = {
		WPS_PERM_JOIN_LEAVE, WPS_PERM_SEND, WPS_PERM_SET_STATE,
		WPS_PERM_GET_STATE,
	};

	for (unsigned i = 0; i < PERM_KINDS * 3; i++) {
		struct perms perms = { 0 };
		const struct wps_permit given = {
			.perm = kinds[i / 3],
			.scope = WPS_PERMIT_ALL + i % 3,
			.name = i % 3 == 2 ? WPS_SPAN("g*") : WPS_SPAN("g"),
		};
		check_number("permit", perms_permit(&perms, &given, MAX_RULES),
		    WPS_OK);
		for (unsigned k = 0; k < PERM_KINDS; k++)
			check_number("allowed", perms_allow(&perms, kinds[k],
			    WPS_SPAN("g")), k == i / 3);
		perms_fini(&perms);
	}
}

static void
test_revoke_takes_a_grant_away(void)
{
	struct perms perms = { 0 };

	grant(&perms, "g");
	revoke(&perms, "g");
	CU_ASSERT_FALSE(may(&perms, "g"));
	CU_ASSERT_FALSE(may(&perms, "h"));
	perms_fini(&perms);
}

/* Checklist 13: role for all, revoke g, check g fails, check h holds. */
static void
test_revoke_under_the_role_for_all_denies_that_group(void)
{
	struct perms perms = { 0 };

	permit(&perms, WPS_PERMIT_ALL, NULL);
	CU_ASSERT_TRUE(may(&perms, NULL));
	revoke(&perms, "g");
	CU_ASSERT_FALSE(may(&perms, "g"));
	CU_ASSERT_FALSE(may(&perms, NULL));
	CU_ASSERT_TRUE(may(&perms, "h"));
	grant(&perms, "g");
	CU_ASSERT_TRUE(may(&perms, "g"));
	CU_ASSERT_TRUE(may(&perms, NULL));
	perms_fini(&perms);
}

static void
test_revoke_under_a_pattern_denies_that_group(void)
{
	struct perms perms = { 0 };

	permit(&perms, WPS_PERMIT_PATTERN, "room-*");
	revoke(&perms, "room-1");
	CU_ASSERT_FALSE(may(&perms, "room-1"));
	CU_ASSERT_TRUE(may(&perms, "room-2"));
	perms_fini(&perms);
}

/* The quirk of section 9.4: the later pattern has removed the override. */
static void
test_pattern_absorbs_grants_that_it_covers(void)
{
	struct perms perms = { 0 };

	grant(&perms, "room-1");
	permit(&perms, WPS_PERMIT_PATTERN, "room-*");
	revoke(&perms, "room-1");
	CU_ASSERT_FALSE(may(&perms, "room-1"));
	perms_fini(&perms);
}

static void
test_pattern_leaves_what_was_denied(void)
{
	struct perms perms = { 0 };

	permit(&perms, WPS_PERMIT_PATTERN, "room-*");
	revoke(&perms, "room-1");
	permit(&perms, WPS_PERMIT_PATTERN, "ro*");
	CU_ASSERT_FALSE(may(&perms, "room-1"));
	perms_fini(&perms);
}

/* However many there are: the table shrinks while it is looked through. */
static void
test_pattern_absorbs_all_that_it_covers(void)
{
	struct perms perms = { 0 };
	char name[16];

	for (unsigned i = 0; i < MAX_RULES; i++) {
		snprintf(name, sizeof(name), "%s-%u", i % 100 ? "room" : "hall",
		    i);
		grant(&perms, name);
	}
	permit(&perms, WPS_PERMIT_PATTERN, "room-*");
	for (unsigned i = 0; i < MAX_RULES; i++) {
		snprintf(name, sizeof(name), "%s-%u", i % 100 ? "room" : "hall",
		    i);
		CU_ASSERT_TRUE(may(&perms, name));
		revoke(&perms, name);
		CU_ASSERT_FALSE(may(&perms, name));
	}
	perms_fini(&perms);
}

/* Section 9.4: what is so already makes no rule that a later call would meet. */
static void
test_what_is_so_already_makes_no_rule(void)
{
	struct perms perms = { 0 };

	permit(&perms, WPS_PERMIT_ALL, NULL);
	grant(&perms, "g");
	revoke(&perms, "g");
	CU_ASSERT_FALSE(may(&perms, "g"));
	perms_fini(&perms);
	perms = (struct perms){ 0 };
	revoke(&perms, "room-1");
	permit(&perms, WPS_PERMIT_PATTERN, "room-*");
	CU_ASSERT_TRUE(may(&perms, "room-1"));
	perms_fini(&perms);
}

static void
test_role_for_all_clears_overrides(void)
{
	struct perms perms = { 0 };

	permit(&perms, WPS_PERMIT_ALL, NULL);
	revoke(&perms, "g");
	permit(&perms, WPS_PERMIT_ALL, NULL);
	CU_ASSERT_TRUE(may(&perms, "g"));
	perms_fini(&perms);
}

static void
test_absent_group_means_all(void)
{
	struct perms perms = { 0 };

	revoke(&perms, "g");
	grant(&perms, NULL);
	CU_ASSERT_TRUE(may(&perms, "g"));
	CU_ASSERT_TRUE(may(&perms, NULL));
	permit(&perms, WPS_PERMIT_PATTERN, "x*");
	revoke(&perms, NULL);
	CU_ASSERT_FALSE(may(&perms, "g"));
	CU_ASSERT_FALSE(may(&perms, "xy"));
	perms_fini(&perms);
}

static void
test_rules_are_limited_and_nothing_changes_beyond(void)
{
	struct perms perms = { 0 };
	char name[16];

	for (unsigned i = 0; i < MAX_RULES; i++) {
		snprintf(name, sizeof(name), "g%u", i);
		check_number("a rule within the limit", grant(&perms, name),
		    WPS_OK);
	}
	check_number("one more", grant(&perms, "more"), WPS_FULL);
	CU_ASSERT_FALSE(may(&perms, "more"));
	check_number("a repeated one", grant(&perms, "g7"), WPS_OK);
	check_number("one away", revoke(&perms, "g7"), WPS_OK);
	check_number("and one more", grant(&perms, "more"), WPS_OK);
	CU_ASSERT_TRUE(may(&perms, "more"));
	perms_fini(&perms);
}

static void
test_patterns_are_limited_to_ten(void)
{
	struct perms perms = { 0 };
	struct wps_permit eleventh = {
		.perm = SEND,
		.scope = WPS_PERMIT_PATTERN,
		.name = WPS_SPAN("more-*"),
	};
	char name[16];

	for (unsigned i = 0; i < PERM_PATTERNS; i++) {
		snprintf(name, sizeof(name), "p%u-*", i);
		permit(&perms, WPS_PERMIT_PATTERN, name);
	}
	check_number("the eleventh", perms_permit(&perms, &eleventh, MAX_RULES),
	    WPS_FULL);
	CU_ASSERT_FALSE(may(&perms, "more-1"));
	CU_ASSERT_TRUE(may(&perms, "p9-1"));
	perms_fini(&perms);
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_nothing_is_allowed_at_first),
		TEST(test_permissions_are_independent),
		TEST(test_every_kind_has_rules_of_its_own),
		TEST(test_revoke_takes_a_grant_away),
		TEST(test_revoke_under_the_role_for_all_denies_that_group),
		TEST(test_revoke_under_a_pattern_denies_that_group),
		TEST(test_pattern_absorbs_grants_that_it_covers),
		TEST(test_pattern_leaves_what_was_denied),
		TEST(test_pattern_absorbs_all_that_it_covers),
		TEST(test_what_is_so_already_makes_no_rule),
		TEST(test_role_for_all_clears_overrides),
		TEST(test_absent_group_means_all),
		TEST(test_rules_are_limited_and_nothing_changes_beyond),
		TEST(test_patterns_are_limited_to_ten),
	};

	hash_seed();
	return RUN_TESTS("perm", tests);
}
