/* SPDX-License-Identifier: MIT */
/*
 * Shards: connections, groups and users of one worker, and the hints that other
 * workers read.
 */
#include "hub/command.h"
#include "hub/conn.h"
#include "support/check.h"
#include "util/alloc.h"
#include "util/hash.h"
#include "util/rand.h"

#define CONNS 24
#define GROUPS 12

struct fixture {
	struct worker worker;
	struct hub *hub;
	struct shard *shard;
	struct wps_conn conns[CONNS];
};

static void
set_up(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->worker.index = 3;
	f->hub = xcalloc(1, sizeof(*f->hub));
	f->hub->options.groups_per_conn = UINT32_MAX;
	f->shard = shard_get(f->hub, &f->worker);
}

static void
enter(struct fixture *f, unsigned i, const char *user)
{
	struct wps_conn *conn = &f->conns[i];

	conn->shard = f->shard;
	conn->worker = &f->worker;
	snprintf(conn->id, sizeof(conn->id), "conn-%u", i);
	conn->view.id = wps_span_str(conn->id);
	conn->view.user = wps_span_str(user);
	shard_enter(f->shard, conn);
}

static void
tear_down(struct fixture *f)
{
	shard_free(&f->hub->shards[f->worker.index]);
	free(f->hub);
}

static uint32_t
count_in(struct wps_span name, struct named *(*find)(const struct shard *,
    struct wps_span, uint64_t), const struct shard *shard)
{
	const struct named *named = find(shard, name, hash_bytes(name));

	return named ? named->members.count : 0;
}

static uint64_t
hint(const struct fixture *f, const char *group)
{
	return hub_hint_group(f->hub, hash_bytes(wps_span_str(group)));
}

/* --- tests ------------------------------------------------------------------- */

static void
test_connection_is_found_by_its_id_while_it_is_in(void)
{
	struct fixture f;

	set_up(&f);
	enter(&f, 0, NULL);
	CU_ASSERT_PTR_EQUAL(shard_conn(f.shard, WPS_SPAN("conn-0")),
	    &f.conns[0]);
	shard_leave(f.shard, &f.conns[0]);
	CU_ASSERT_PTR_NULL(shard_conn(f.shard, WPS_SPAN("conn-0")));
	tear_down(&f);
}

static void
test_presence_is_hinted_from_the_first_to_the_last(void)
{
	struct fixture f;

	set_up(&f);
	enter(&f, 0, NULL);
	enter(&f, 1, NULL);
	check_number("present", (long long)f.hub->present, 1 << 3);
	shard_leave(f.shard, &f.conns[0]);
	check_number("one left", (long long)f.hub->present, 1 << 3);
	shard_leave(f.shard, &f.conns[1]);
	check_number("nobody", (long long)f.hub->present, 0);
	tear_down(&f);
}

static void
test_group_is_freed_when_last_member_leaves(void)
{
	struct fixture f;

	set_up(&f);
	enter(&f, 0, NULL);
	enter(&f, 1, NULL);
	shard_join(f.shard, &f.conns[0], WPS_SPAN("g"));
	shard_join(f.shard, &f.conns[1], WPS_SPAN("g"));
	check_number("members", count_in(WPS_SPAN("g"), shard_group, f.shard), 2);
	check_number("hint", (long long)hint(&f, "g"), 1 << 3);
	shard_part(f.shard, &f.conns[0], WPS_SPAN("g"));
	check_number("hint of one", (long long)hint(&f, "g"), 1 << 3);
	shard_part(f.shard, &f.conns[1], WPS_SPAN("g"));
	check_number("groups", (long long)f.shard->groups.count, 0);
	check_number("no hint", (long long)hint(&f, "g"), 0);
	shard_leave(f.shard, &f.conns[0]);
	shard_leave(f.shard, &f.conns[1]);
	tear_down(&f);
}

static void
test_joining_twice_is_one_membership(void)
{
	struct fixture f;

	set_up(&f);
	enter(&f, 0, NULL);
	check_number("join", shard_join(f.shard, &f.conns[0], WPS_SPAN("g")),
	    WPS_OK);
	check_number("again", shard_join(f.shard, &f.conns[0], WPS_SPAN("g")),
	    WPS_OK);
	check_number("members", count_in(WPS_SPAN("g"), shard_group, f.shard), 1);
	check_number("leave", shard_part(f.shard, &f.conns[0], WPS_SPAN("g")),
	    WPS_OK);
	check_number("leave again",
	    shard_part(f.shard, &f.conns[0], WPS_SPAN("g")), WPS_NOT_FOUND);
	shard_leave(f.shard, &f.conns[0]);
	tear_down(&f);
}

static void
test_groups_of_a_connection_are_limited(void)
{
	struct fixture f;

	set_up(&f);
	f.hub->options.groups_per_conn = 2;
	enter(&f, 0, NULL);
	check_number("1", shard_join(f.shard, &f.conns[0], WPS_SPAN("a")), WPS_OK);
	check_number("2", shard_join(f.shard, &f.conns[0], WPS_SPAN("b")), WPS_OK);
	check_number("3", shard_join(f.shard, &f.conns[0], WPS_SPAN("c")),
	    WPS_FULL);
	check_number("a known one",
	    shard_join(f.shard, &f.conns[0], WPS_SPAN("b")), WPS_OK);
	check_number("groups", (long long)f.shard->groups.count, 2);
	shard_leave(f.shard, &f.conns[0]);
	tear_down(&f);
}

static void
test_user_holds_all_its_connections(void)
{
	struct fixture f;

	set_up(&f);
	enter(&f, 0, "ann");
	enter(&f, 1, "bob");
	enter(&f, 2, "ann");
	check_number("ann", count_in(WPS_SPAN("ann"), shard_user, f.shard), 2);
	shard_leave(f.shard, &f.conns[0]);
	check_number("ann", count_in(WPS_SPAN("ann"), shard_user, f.shard), 1);
	shard_leave(f.shard, &f.conns[2]);
	check_number("ann", count_in(WPS_SPAN("ann"), shard_user, f.shard), 0);
	shard_leave(f.shard, &f.conns[1]);
	tear_down(&f);
}

/* Random joins and leaves against a matrix. */
static void
test_memberships_follow_a_plain_model(void)
{
	struct fixture f;
	bool model[CONNS][GROUPS] = { { false } };
	uint64_t seed = 42;

	set_up(&f);
	for (unsigned i = 0; i < CONNS; i++)
		enter(&f, i, NULL);
	for (unsigned step = 0; step < 20000; step++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		unsigned c = (unsigned)(seed >> 33) % CONNS;
		unsigned g = (unsigned)(seed >> 45) % GROUPS;
		char name[8];
		snprintf(name, sizeof(name), "g%u", g);
		bool join = (seed >> 60) & 1;
		int rc = join ?
		    shard_join(f.shard, &f.conns[c], wps_span_str(name)) :
		    shard_part(f.shard, &f.conns[c], wps_span_str(name));
		if (!join && !model[c][g])
			CU_ASSERT_EQUAL_FATAL(rc, WPS_NOT_FOUND)
		else
			CU_ASSERT_EQUAL_FATAL(rc, WPS_OK);
		model[c][g] = join;
	}
	for (unsigned g = 0; g < GROUPS; g++) {
		char name[8];
		unsigned expected = 0;
		snprintf(name, sizeof(name), "g%u", g);
		for (unsigned c = 0; c < CONNS; c++)
			expected += model[c][g];
		check_number(name,
		    count_in(wps_span_str(name), shard_group, f.shard), expected);
	}
	for (unsigned i = 0; i < CONNS; i++)
		shard_leave(f.shard, &f.conns[i]);
	check_number("groups", (long long)f.shard->groups.count, 0);
	tear_down(&f);
}

static void
test_states_move_as_the_table_says(void)
{
	static const struct {
		enum conn_state from;
		unsigned to;
	} moves[] = {
		{ CONN_AUTH, 1u << CONN_CONNECT_EVENT | 1u << CONN_DETACHED |
		  1u << CONN_GONE },
		{ CONN_CONNECT_EVENT, 1u << CONN_OPEN | 1u << CONN_GONE },
		{ CONN_OPEN, 1u << CONN_DETACHED | 1u << CONN_CLOSING |
		  1u << CONN_GONE },
		{ CONN_DETACHED, 1u << CONN_OPEN | 1u << CONN_CLOSING |
		  1u << CONN_GONE },
		{ CONN_CLOSING, 1u << CONN_GONE },
		{ CONN_GONE, 0 },
	};

	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++)
		for (unsigned to = 1; to < CONN_STATES; to++)
			check_number(conn_state_name(moves[i].from),
			    conn_state_may(moves[i].from, to),
			    moves[i].to >> to & 1);
}

static void
test_id_names_its_worker(void)
{
	struct fixture f;
	unsigned index = 99;

	set_up(&f);
	list_init(&f.worker.wss);
	struct wps_conn *conn = conn_new(&f.worker, f.hub);
	check_number("found", conn_id_worker(conn->view.id, 4, &index), WPS_OK);
	check_number("worker", index, 3);
	check_number("too few workers",
	    conn_id_worker(conn->view.id, 3, &index), WPS_NOT_FOUND);
	check_number("not ours", conn_id_worker(WPS_SPAN("abc"), 4, &index),
	    WPS_NOT_FOUND);
	check_number("not base64", conn_id_worker(
	    WPS_SPAN("************************"), 4, &index), WPS_NOT_FOUND);
	free(conn);
	tear_down(&f);
}

static void
test_command_goes_to_workers_with_a_hint(void)
{
	struct fixture f;
	struct wps_command command = {
		.whom = WPS_TO_GROUP,
		.name = WPS_SPAN("g"),
	};
	uint64_t hash = hash_bytes(command.name);

	set_up(&f);
	enter(&f, 0, "ann");
	check_number("nobody", (long long)command_workers(f.hub, &command,
	    hash, 4), 0);
	shard_join(f.shard, &f.conns[0], WPS_SPAN("g"));
	check_number("a member", (long long)command_workers(f.hub, &command,
	    hash, 4), 1 << 3);
	command.whom = WPS_TO_ALL;
	check_number("all", (long long)command_workers(f.hub, &command, hash,
	    4), 1 << 3);
	shard_leave(f.shard, &f.conns[0]);
	tear_down(&f);
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_connection_is_found_by_its_id_while_it_is_in),
		TEST(test_presence_is_hinted_from_the_first_to_the_last),
		TEST(test_group_is_freed_when_last_member_leaves),
		TEST(test_joining_twice_is_one_membership),
		TEST(test_groups_of_a_connection_are_limited),
		TEST(test_user_holds_all_its_connections),
		TEST(test_memberships_follow_a_plain_model),
		TEST(test_states_move_as_the_table_says),
		TEST(test_id_names_its_worker),
		TEST(test_command_goes_to_workers_with_a_hint),
	};

	hash_seed();
	return RUN_TESTS("shard", tests);
}
