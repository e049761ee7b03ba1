/* SPDX-License-Identifier: MIT */
/*
 * Messages: a copy of all that a view says, which outlives it.
 */
#include "hub/msg.h"
#include "unit/unit.h"

static const struct wps_pair pairs[] = {
	{ { "key", 3 }, { "value", 5 } }, { { "", 0 }, { "\0", 1 } },
	{ { "k", 1 }, { "", 0 } },
};

/* Every text in memory of its own, which is gone afterwards. */
static struct wps_msg *
copy_of(const struct wps_state *items, size_t count)
{
	const struct wps_span group = exact_copy(WPS_SPAN("group"));
	struct wps_state *given = malloc(count * sizeof(*given));
	struct wps_states states = { .snapshot = true, .count = count };

	if (given == NULL)
		abort();
	memcpy(given, items, count * sizeof(*given));
	for (size_t i = 0; i < count; i++) {
		given[i].conn = exact_copy(items[i].conn);
		if (items[i].user.data)
			given[i].user = exact_copy(items[i].user);
	}
	states.items = given;
	struct wps_msg *msg = msg_new(&(struct wps_msg_view){
	    .from = WPS_FROM_GROUP, .group = group, .metadata = pairs,
	    .metadata_count = COUNT(pairs), .states = &states });
	for (size_t i = 0; i < count; i++) {
		free_copy(given[i].conn);
		if (items[i].user.data)
			free_copy(given[i].user);
	}
	memset(given, 0xff, count * sizeof(*given));
	free(given);
	free_copy(group);
	return msg;
}

static void
check_pairs(const struct wps_pair *got, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		check_bytes("key", got[i].key, pairs[i].key);
		check_bytes("value", got[i].value, pairs[i].value);
	}
}

static void
test_states_are_copied_whole(void)
{
	const struct wps_state items[] = {
		{ .conn = WPS_SPAN("c1"), .user = WPS_SPAN("ann"),
		  .entries = pairs, .entry_count = 3, .updated_ms = 1 },
		{ .conn = WPS_SPAN("c2"), .cleared = true,
		  .updated_ms = UINT64_MAX },
		{ .conn = WPS_SPAN("c3"), .user = WPS_SPAN(""),
		  .entries = pairs, .entry_count = 1, .updated_ms = 3 },
	};

	for (size_t count = 0; count <= COUNT(items); count++) {
		struct wps_msg *msg = copy_of(items, count);
		CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
		const struct wps_msg_view *view = msg_view(msg);
		check_bytes("group", view->group, WPS_SPAN("group"));
		check_pairs(view->metadata, view->metadata_count);
		CU_ASSERT(view->states->snapshot);
		check_number("items", (long long)view->states->count,
		    (long long)count);
		for (size_t i = 0; i < count; i++) {
			const struct wps_state *got = &view->states->items[i];
			check_bytes("conn", got->conn, items[i].conn);
			check_bytes("user", got->user, items[i].user);
			check_number("absent", got->user.data == NULL,
			    items[i].user.data == NULL);
			check_number("entries", (long long)got->entry_count,
			    (long long)items[i].entry_count);
			check_pairs(got->entries, got->entry_count);
			check_number("cleared", got->cleared, items[i].cleared);
			CU_ASSERT_EQUAL(got->updated_ms, items[i].updated_ms);
		}
		msg_unref(msg);
	}
}

/* An absent text stays absent, which an empty one is not. */
static void
test_a_message_of_nothing(void)
{
	struct wps_msg *msg = msg_new(&(struct wps_msg_view){
	    .payload = WPS_SPAN("") });

	CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
	const struct wps_msg_view *view = msg_view(msg);
	CU_ASSERT_PTR_NULL(view->states);
	CU_ASSERT_PTR_NULL(view->from_user.data);
	CU_ASSERT_PTR_NOT_NULL(view->payload.data);
	CU_ASSERT_EQUAL(view->metadata_count, 0);
	msg_unref(msg_ref(msg));
	check_number("bytes", (long long)view->payload.len, 0);
	msg_unref(msg);
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_states_are_copied_whole),
		TEST(test_a_message_of_nothing),
	};

	return RUN_TESTS("messages", tests);
}
