/* SPDX-License-Identifier: MIT */
/*
 * Group state step by step: which worker has run what is the test's choice. What
 * a connection hears is written as "[a=1 b=2]" for a snapshot, "a=1" for a
 * change and "a" for a cleared state.
 */
#include "unit/groupstate_scene.h"

#include "hub/record.h"
#include "util/hash.h"

#include <time.h>

#define G WPS_SPAN("g")

static struct scene at;

/* --- the clock ------------------------------------------------------------------- */

static time_t wall_s; /* 0: the real one */

int __real_clock_gettime(clockid_t id, struct timespec *out);
int __wrap_clock_gettime(clockid_t id, struct timespec *out);

int
__wrap_clock_gettime(clockid_t id, struct timespec *out)
{
	if (id != CLOCK_REALTIME || wall_s == 0)
		return __real_clock_gettime(id, out);
	*out = (struct timespec){ .tv_sec = wall_s };
	return 0;
}

/* --- the scene --------------------------------------------------------------------- */

static uint64_t updated_ms; /* of the last item that was heard */

static void
write_heard(struct scene *scene, struct wps_conn *conn,
    const struct scene_talker *said)
{
	char *heard = conn->data;
	size_t len = strlen(heard);

	(void)scene;
	check_text("group", said->group, "g");
	if (len > 0)
		len += (size_t)snprintf(heard + len, SCENE_HEARD - len, " ");
	if (said->snapshot)
		len += (size_t)snprintf(heard + len, SCENE_HEARD - len, "[");
	for (size_t i = 0; i < said->count && len < SCENE_HEARD; i++) {
		const struct wps_state *item = &said->items[i];
		len += (size_t)snprintf(heard + len, SCENE_HEARD - len, "%s%s%s%s",
		    i ? " " : "", said->ids[i], item->cleared ? "" : "=",
		    said->values[i]);
		updated_ms = item->updated_ms;
	}
	if (said->snapshot && len < SCENE_HEARD)
		snprintf(heard + len, SCENE_HEARD - len, "]");
}

static void
check_heard(struct wps_conn *conn, const char *expected)
{
	check_text(conn->id, conn->data, expected);
	memset(conn->data, 0, SCENE_HEARD);
}

static void
set_up(void)
{
	scene_set_up(&at, 3);
	at.ear = write_heard;
}

static struct wps_conn *
open_member(const char *id, unsigned worker)
{
	struct wps_conn *conn = scene_open(&at, id, worker);

	check_number("join", conn_join(conn, G), WPS_OK);
	return conn;
}

/* Watches, and has its snapshot. */
static struct wps_conn *
open_watcher(const char *id, unsigned worker)
{
	struct wps_conn *conn = open_member(id, worker);

	check_number("watch", groupstate_watch(conn, G), WPS_OK);
	scene_run_all(&at);
	memset(conn->data, 0, SCENE_HEARD);
	return conn;
}

/* --- changes ------------------------------------------------------------------------- */

static void
test_a_change_is_heard_by_those_who_watch(void)
{
	set_up();
	struct wps_conn *a = open_watcher("a", 0), *b = open_member("b", 0);
	struct wps_conn *c = open_watcher("c", 1), *d = open_watcher("d", 1);
	unsigned before = at.talkers[1].encodes;

	check_number("set", scene_set(b, "g", "1"), WPS_OK);
	check_heard(a, "");
	scene_run_all(&at);
	check_heard(a, "b=1");
	check_heard(b, "");
	check_heard(c, "b=1");
	check_heard(d, "b=1");
	check_number("one encoding", at.talkers[1].encodes - before, 1);
	scene_set(a, "g", "2");
	groupstate_clear(b, G);
	scene_run_all(&at);
	check_heard(a, "a=2 b");
	check_heard(c, "a=2 b");
	scene_tear_down(&at);
}

static void
test_only_members_have_a_state_and_may_watch(void)
{
	set_up();
	struct wps_conn *a = scene_open(&at, "a", 0);

	for (int step = 0; step < 3; step++) {
		check_number("set", scene_set(a, "g", "1"), WPS_NOT_FOUND);
		check_number("clear", groupstate_clear(a, G), WPS_NOT_FOUND);
		check_number("watch", groupstate_watch(a, G), WPS_NOT_FOUND);
		groupstate_unwatch(a, G);
		if (step == 0)
			open_member("b", 0); /* the group is there now */
		if (step == 1)
			conn_close(a, 1000, WPS_SPAN(""));
	}
	CU_ASSERT_PTR_NULL(a->states);
	scene_tear_down(&at);
}

static void
test_nothing_is_told_where_nothing_was(void)
{
	set_up();
	struct wps_conn *a = open_watcher("a", 0), *b = open_member("b", 1);
	struct wps_conn *c = open_watcher("c", 1);

	check_number("clear", groupstate_clear(b, G), WPS_OK);
	check_number("who watches only", groupstate_clear(c, G), WPS_OK);
	conn_leave(c, G);
	conn_leave(b, G);
	conn_join(b, G);
	conn_close(b, 1000, WPS_SPAN(""));
	scene_run_all(&at);
	check_heard(a, "");
	scene_tear_down(&at);
}

static void
test_a_state_ends_with_the_membership(void)
{
	set_up();
	struct wps_conn *a = open_watcher("a", 0), *b = open_watcher("b", 1);
	struct wps_conn *c = open_member("c", 1);

	scene_set(b, "g", "1");
	scene_set(c, "g", "1");
	scene_run_all(&at);
	check_heard(a, "b=1 c=1");
	memset(b->data, 0, SCENE_HEARD);
	conn_leave(b, G);
	conn_close(c, 1000, WPS_SPAN(""));
	scene_run_all(&at);
	check_heard(a, "b c");
	check_heard(b, ""); /* it does not watch any more */
	conn_join(b, G);
	scene_set(a, "g", "1");
	scene_run_all(&at);
	check_heard(b, "");
	scene_tear_down(&at);
}

static void
test_times_grow_whatever_the_clock_does(void)
{
	static const time_t clock[] = { 1000, 1000, 999, 1, 1001 };
	static const uint64_t expected[] = {
		1000000, 1000001, 1000002, 1000003, 1001000, };

	set_up();
	struct wps_conn *a = open_watcher("a", 0);
	conn_join(a, WPS_SPAN("other"));
	for (size_t i = 0; i < sizeof(clock) / sizeof(clock[0]); i++) {
		wall_s = clock[i];
		/* In another group time goes on as well. */
		if (i == 3)
			scene_set(a, "other", "1");
		else
			scene_set(a, "g", "1");
		scene_run_all(&at);
		if (i != 3)
			check_number("time", (long long)updated_ms,
			    (long long)expected[i]);
	}
	wall_s = 0;
	scene_tear_down(&at);
}

static void
test_a_subprotocol_that_does_not_know_states_gets_none(void)
{
	set_up();
	struct wps_conn *a = open_member("a", 0), *b = open_watcher("b", 0);

	a->sub = &at.strange;
	groupstate_watch(a, G);
	scene_set(b, "g", "1");
	scene_run_all(&at);
	check_heard(a, "");
	check_heard(b, "b=1");
	scene_tear_down(&at);
}

static void
test_changes_before_the_end_of_watching_are_heard(void)
{
	set_up();
	struct wps_conn *w = open_watcher("w", 0), *a = open_member("a", 1);

	scene_set(a, "g", "1");
	groupstate_unwatch(w, G);
	check_heard(w, "a=1");
	scene_set(a, "g", "2");
	scene_run_all(&at);
	check_heard(w, "");
	scene_tear_down(&at);
}

/* --- snapshots ------------------------------------------------------------------------- */

static void
test_a_snapshot_comes_behind_the_call_in_the_order_of_ids(void)
{
	set_up();
	struct wps_conn *c = open_member("c", 0), *a = open_member("a", 1);
	struct wps_conn *b = open_member("b", 2), *w = open_member("w", 0);

	scene_set(c, "g", "3");
	scene_set(a, "g", "1");
	scene_set(b, "g", "2");
	groupstate_watch(w, G);
	check_heard(w, "");
	scene_run_all(&at);
	check_heard(w, "[a=1 b=2 c=3]");
	groupstate_watch(w, G);
	groupstate_clear(b, G);
	scene_run_all(&at);
	check_heard(w, "[a=1 b=2 c=3] b"); /* whose worker answered first */
	groupstate_unwatch(w, G);
	groupstate_clear(a, G);
	scene_run_all(&at);
	check_heard(w, "");
	scene_tear_down(&at);
}

static void
test_changes_before_an_answer_are_in_it_and_those_behind_follow(void)
{
	set_up();
	struct wps_conn *a = open_member("a", 1), *b = open_member("b", 2);
	struct wps_conn *w = open_member("w", 0);

	scene_set(a, "g", "1");
	groupstate_watch(w, G);
	/* This worker has not looked into its mail. */
	shard_part(b->shard, b, G);
	shard_join(b->shard, b, G);
	scene_set(a, "g", "2"); /* looks first: the answer has the 1 */
	scene_run(&at, 0);
	check_heard(w, "");
	scene_set(a, "g", "3");
	scene_run(&at, 0);
	check_heard(w, "");
	scene_run(&at, 2);
	scene_run(&at, 0);
	check_heard(w, "[a=1] a=2 a=3");
	scene_set(a, "g", "4");
	scene_run(&at, 0);
	check_heard(w, "a=4");
	scene_tear_down(&at);
}

/* The state ends by another's command, before the question is read. */
static void
test_what_ended_before_the_answer_is_not_told(void)
{
	set_up();
	struct wps_conn *a = open_member("a", 1), *w = open_member("w", 0);

	scene_set(a, "g", "1");
	groupstate_watch(w, G);
	shard_part(a->shard, a, G);
	scene_run_all(&at);
	check_heard(w, "[]");
	scene_tear_down(&at);
}

/* A worker without members is not asked; what comes from it is held. */
static void
test_a_worker_that_joins_late_is_heard_behind_the_snapshot(void)
{
	set_up();
	struct wps_conn *a = open_member("a", 1), *w = open_member("w", 0);

	scene_set(a, "g", "1");
	groupstate_watch(w, G);
	scene_set(open_member("b", 2), "g", "2");
	scene_run(&at, 0);
	check_heard(w, "");
	scene_run_all(&at);
	check_heard(w, "[a=1] b=2");
	scene_tear_down(&at);
}

static void
test_watching_twice_while_a_snapshot_is_awaited_gives_one_more(void)
{
	set_up();
	struct wps_conn *a = open_member("a", 1), *w = open_member("w", 0);

	scene_set(a, "g", "1");
	for (int i = 0; i < 3; i++)
		groupstate_watch(w, G);
	scene_run_all(&at);
	check_heard(w, "[a=1] [a=1]");
	scene_tear_down(&at);
}

static void
test_an_awaited_snapshot_is_dropped_with_its_reason(void)
{
	set_up();
	struct wps_conn *a = open_member("a", 1), *w[3];

	(void)open_member("b", 2); /* it does not answer for a while */
	scene_set(a, "g", "1");
	for (unsigned i = 0; i < 3; i++) {
		w[i] = open_member("w", 0);
		groupstate_watch(w[i], G);
		groupstate_watch(w[i], G);
	}
	scene_run(&at, 1);
	scene_set(a, "g", "2"); /* is held for all of them */
	scene_set(w[0], "g", "x");
	groupstate_unwatch(w[0], G);
	conn_leave(w[1], G);
	conn_close(w[2], 1000, WPS_SPAN(""));
	scene_run_all(&at);
	for (unsigned i = 0; i < 3; i++)
		check_heard(w[i], "");
	/* Watching again is another matter. */
	groupstate_watch(w[0], G);
	groupstate_unwatch(w[0], G);
	groupstate_watch(w[0], G);
	scene_run_all(&at);
	check_heard(w[0], "[a=2 w=x]");
	scene_tear_down(&at);
}

static void
test_a_snapshot_has_the_first_two_hundred(void)
{
	char id[8];

	set_up();
	for (unsigned i = 0; i < GATHERING_STATES + 1; i++) {
		snprintf(id, sizeof(id), "%03u", GATHERING_STATES - i);
		scene_set(open_member(id, i % 3), "g", "1");
	}
	scene_run_all(&at);
	for (unsigned worker = 0; worker < 3; worker++) {
		struct wps_conn *w = open_member("w", worker);
		const struct scene_talker *talker = &at.talkers[worker];
		groupstate_watch(w, G);
		scene_run_all(&at);
		check_number("count", (long long)talker->count, 200);
		check_text("first", talker->ids[0], "000");
		check_text("last", talker->ids[199], "199");
	}
	scene_tear_down(&at);
}

static void
test_what_is_held_is_bounded(void)
{
	set_up();
	struct wps_conn *a = open_member("a", 1), *b = open_member("b", 2);
	struct wps_conn *w[2];

	at.hub->options.ws.out.items = 3;
	for (unsigned i = 0; i < 2; i++)
		w[i] = open_member(i ? "x" : "w", 0);
	scene_set(b, "g", "0");
	scene_run_all(&at);
	for (unsigned i = 0; i < 2; i++) {
		groupstate_watch(w[i], G);
		scene_run(&at, 0);
		scene_run(&at, 1);
		for (unsigned k = 0; k < 3 + i; k++)
			scene_set(a, "g", "1");
		scene_run(&at, 0);
		check_number("open", conn_is_open(w[i]), i == 0);
		scene_run_all(&at);
		check_heard(w[i], i == 0 ? "[b=0] a=1 a=1 a=1" : "");
		conn_leave(w[0], G);
		groupstate_clear(a, G);
	}
	scene_tear_down(&at);
}

static void
test_what_is_held_is_bounded_in_bytes(void)
{
	set_up();
	struct wps_conn *a = open_member("a", 1), *w = open_member("w", 0);

	(void)open_member("b", 2);
	at.hub->options.ws.out.bytes = 1;
	groupstate_watch(w, G);
	scene_run(&at, 0);
	scene_set(a, "g", "1");
	scene_run(&at, 0);
	CU_ASSERT(conn_is_open(w)); /* room for any one */
	scene_set(a, "g", "2");
	scene_run(&at, 0);
	CU_ASSERT_FALSE(conn_is_open(w));
	scene_run_all(&at);
	check_heard(w, "");
	scene_tear_down(&at);
}

/* What the answer of its worker has need not be held any more. */
static void
test_what_is_in_an_answer_makes_room(void)
{
	set_up();
	struct wps_conn *a = open_member("a", 1), *w = open_member("w", 0);

	(void)open_member("b", 2); /* it does not answer for a while */
	at.hub->options.ws.out.items = 1;
	at.hub->options.ws.out.bytes = 1;
	scene_set(a, "g", "1");
	scene_run(&at, 0);
	groupstate_watch(w, G);
	shard_part(a->shard, a, G); /* without a look at the question */
	scene_run(&at, 0);
	scene_run(&at, 1);
	scene_run(&at, 0);
	check_number("join", conn_join(a, G), WPS_OK);
	scene_set(a, "g", "2");
	scene_run(&at, 0);
	CU_ASSERT(conn_is_open(w));
	scene_run_all(&at);
	check_heard(w, "[] a=2");
	scene_tear_down(&at);
}

static void
end_receiver(struct scene *scene, struct wps_conn *conn,
    const struct scene_talker *said)
{
	write_heard(scene, conn, said);
	conn_overflow(conn, "slow consumer");
}

static void
test_who_ends_at_a_snapshot_hears_nothing_behind_it(void)
{
	set_up();
	struct wps_conn *a = open_member("a", 1), *w = open_member("w", 0);

	(void)open_member("b", 2);
	at.ear = end_receiver;
	groupstate_watch(w, G);
	groupstate_watch(w, G);
	scene_run(&at, 1);
	scene_set(a, "g", "1");
	scene_run_all(&at);
	check_heard(w, "[]");
	scene_tear_down(&at);
}

static void
check_written(struct wps_conn *conn, int expected)
{
	struct wps_record record = { .data = NULL };
	struct wps_err err;

	check_number("record", record_write(conn, &record, &err), expected);
	record_fini(&record);
}

/* It could not come to the next owner. */
static void
test_nothing_is_written_while_a_snapshot_is_awaited(void)
{
	set_up();
	struct wps_conn *w = open_member("w", 0);

	(void)open_member("a", 1);
	check_written(w, WPS_OK);
	groupstate_watch(w, G);
	scene_run(&at, 0);
	check_written(w, WPS_PENDING); /* one has not answered */
	scene_run_all(&at);
	check_written(w, WPS_OK);
	scene_tear_down(&at);
}

/* --- the end of the server ----------------------------------------------------------- */

static void
test_mail_of_a_stopped_server_frees_itself(void)
{
	set_up();
	struct wps_conn *a = open_member("a", 1), *w = open_member("w", 0);
	struct wps_conn *v = open_watcher("v", 2);

	scene_set(a, "g", "1");
	groupstate_watch(w, G);
	scene_set(w, "g", "1");
	for (unsigned i = 0; i < 3; i++)
		at.server.workers[i]->stopped = true;
	scene_run_all(&at);
	check_heard(w, "");
	check_heard(v, "");
	scene_tear_down(&at);
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_a_change_is_heard_by_those_who_watch),
		TEST(test_only_members_have_a_state_and_may_watch),
		TEST(test_nothing_is_told_where_nothing_was),
		TEST(test_a_state_ends_with_the_membership),
		TEST(test_times_grow_whatever_the_clock_does),
		TEST(test_a_subprotocol_that_does_not_know_states_gets_none),
		TEST(test_changes_before_the_end_of_watching_are_heard),
		TEST(test_a_snapshot_comes_behind_the_call_in_the_order_of_ids),
		TEST(test_changes_before_an_answer_are_in_it_and_those_behind_follow),
		TEST(test_what_ended_before_the_answer_is_not_told),
		TEST(test_a_worker_that_joins_late_is_heard_behind_the_snapshot),
		TEST(test_watching_twice_while_a_snapshot_is_awaited_gives_one_more),
		TEST(test_an_awaited_snapshot_is_dropped_with_its_reason),
		TEST(test_a_snapshot_has_the_first_two_hundred),
		TEST(test_what_is_held_is_bounded),
		TEST(test_what_is_held_is_bounded_in_bytes),
		TEST(test_what_is_in_an_answer_makes_room),
		TEST(test_who_ends_at_a_snapshot_hears_nothing_behind_it),
		TEST(test_nothing_is_written_while_a_snapshot_is_awaited),
		TEST(test_mail_of_a_stopped_server_frees_itself),
	};

	hash_seed();
	return RUN_TESTS("group state", tests);
}
