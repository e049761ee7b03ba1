/* SPDX-License-Identifier: MIT */
/*
 * Commands on shards: predicates, many groups at once, counts and listings. The
 * shards of two workers are asked one after the other, and their pages merged.
 */
#include "hub/command.h"
#include "hub/conn.h"
#include "hub/list.h"
#include "support/check.h"
#include "util/alloc.h"
#include "util/hash.h"

#define CONNS 64
#define WORKERS 2
#define NAMES_MAX 256

struct fixture {
	struct worker workers[WORKERS];
	struct hub *hub;
	struct wps_conn conns[CONNS];
	struct ws transports[CONNS];
	unsigned count;
};

static void
set_up(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->hub = xcalloc(1, sizeof(*f->hub));
	f->hub->options.groups_per_conn = UINT32_MAX;
	f->hub->options.rules_per_conn = 100;
	for (unsigned i = 0; i < WORKERS; i++) {
		f->workers[i].index = i;
		(void)shard_get(f->hub, &f->workers[i]);
	}
}

static struct wps_conn *
enter_as(struct fixture *f, const char *id, const char *user)
{
	struct wps_conn *conn = &f->conns[f->count];

	conn->worker = &f->workers[f->count % WORKERS];
	conn->shard = shard_find(f->hub, conn->worker);
	conn->ws = &f->transports[f->count++];
	snprintf(conn->id, sizeof(conn->id), "%s", id);
	conn->view.id = wps_span_str(conn->id);
	conn->view.user = wps_span_str(user);
	shard_enter(conn->shard, conn);
	return conn;
}

static void
tear_down(struct fixture *f)
{
	for (unsigned i = 0; i < f->count; i++) {
		if (f->conns[i].shard)
			shard_leave(f->conns[i].shard, &f->conns[i]);
		perms_fini(&f->conns[i].perms);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		shard_free(&f->hub->shards[i]);
	free(f->hub);
}

static struct command_result
run(struct fixture *f, struct wps_command command)
{
	struct command_result result = { .pages = NULL };

	for (unsigned i = 0; i < WORKERS; i++)
		command_run(f->hub->shards[i], &command,
		    hash_bytes(command.name), &result);
	return result;
}

/* The page as one text: names, with the numbers of members where there are any. */
static void
write_page(const struct wps_page *page, void *data)
{
	char *text = data;
	size_t len = 0;

	CU_ASSERT(!page->failed);
	for (size_t i = 0; i < page->count; i++) {
		len += (size_t)snprintf(text + len, NAMES_MAX - len, "%s%.*s",
		    i ? " " : "", (int)page->items[i]->name.len,
		    page->items[i]->name.data);
		if (page->items[i]->members)
			len += (size_t)snprintf(text + len, NAMES_MAX - len,
			    ":%u", (unsigned)page->items[i]->members);
	}
	snprintf(text + len, NAMES_MAX - len, "%s", page->more ? " ..." : "");
}

static const char *
listed(struct fixture *f, struct wps_command command)
{
	static char text[NAMES_MAX];

	command.op = WPS_OP_LIST;
	struct command_result result = run(f, command);
	list_tell(&result, command.limit, write_page, text);
	list_free(&result.pages);
	return text;
}

static void
enter_many(struct fixture *f)
{
	static const char *const ids[] = { "d", "a", "ab", "c", "b", "e", "aa" };

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct wps_conn *conn =
		    enter_as(f, ids[i], i % 3 ? "ann" : "bob");
		shard_join(conn->shard, conn, WPS_SPAN("g"));
		if (i < 2)
			shard_join(conn->shard, conn, WPS_SPAN("h"));
	}
}

/* --- listings ------------------------------------------------------------------ */

static void
test_pages_follow_the_order_of_names(void)
{
	struct fixture f;
	struct wps_command command = {
		.whom = WPS_TO_GROUP, .name = WPS_SPAN("g"),
		.list = WPS_LIST_CONNS, .limit = 3,
	};

	set_up(&f);
	enter_many(&f);
	check_text("first", listed(&f, command), "a aa ab ...");
	command.after = WPS_SPAN("ab");
	check_text("second", listed(&f, command), "b c d ...");
	command.after = WPS_SPAN("d");
	check_text("last", listed(&f, command), "e");
	command.after = WPS_SPAN("e");
	check_text("behind", listed(&f, command), "");
	command.after = WPS_SPAN("");
	command.limit = 7;
	check_text("all", listed(&f, command), "a aa ab b c d e");
	command.limit = WPS_LIST_MAX;
	check_text("room for more", listed(&f, command), "a aa ab b c d e");
	command.name = WPS_SPAN("none");
	check_text("no group", listed(&f, command), "");
	tear_down(&f);
}

static void
test_users_and_groups_are_counted_over_workers(void)
{
	struct fixture f;
	struct wps_command command = {
		.whom = WPS_TO_ALL, .list = WPS_LIST_GROUPS, .limit = 1,
	};

	set_up(&f);
	enter_many(&f);
	check_text("groups", listed(&f, command), "g:7 ...");
	command.after = WPS_SPAN("g");
	check_text("the rest", listed(&f, command), "h:2");
	command.after = WPS_SPAN_NONE;
	command.list = WPS_LIST_USERS;
	command.limit = 5;
	check_text("users", listed(&f, command), "ann:4 bob:3");
	command.list = WPS_LIST_GROUPS;
	command.whom = WPS_TO_CONN;
	command.name = WPS_SPAN("d");
	check_text("of a connection", listed(&f, command), "g:4 h:1");
	tear_down(&f);
}

static void
test_excluded_connections_are_not_listed(void)
{
	struct fixture f;
	const struct wps_span excluded[] = { WPS_SPAN("a"), WPS_SPAN("zz") };

	set_up(&f);
	enter_many(&f);
	check_text("rest", listed(&f, (struct wps_command){
	    .whom = WPS_TO_USER, .name = WPS_SPAN("ann"),
	    .list = WPS_LIST_CONNS, .limit = 9,
	    .excluded = excluded, .excluded_count = 2,
	}), "ab b e");
	tear_down(&f);
}

/* The marks of earlier commands come round after 2^32 of them. */
static void
test_connections_are_excluded_however_often_it_was_done(void)
{
	struct fixture f;
	const struct wps_span excluded = WPS_SPAN("a");

	set_up(&f);
	enter_many(&f);
	for (unsigned i = 0; i < WORKERS; i++)
		f.hub->shards[i]->epoch = UINT32_MAX - 1;
	for (unsigned i = 0; i < 4; i++)
		check_text("rest", listed(&f, (struct wps_command){
		    .whom = WPS_TO_USER, .name = WPS_SPAN("ann"),
		    .list = WPS_LIST_CONNS, .limit = 9,
		    .excluded = &excluded, .excluded_count = 1,
		}), "ab b e");
	tear_down(&f);
}

/* Whoever stays is listed exactly once, whatever comes and goes between pages. */
static void
test_members_that_stay_are_listed_once(void)
{
	struct fixture f;
	unsigned seen[CONNS] = { 0 };
	char after[8] = "", name[8];
	uint64_t seed = 7;

	set_up(&f);
	for (unsigned i = 0; i < CONNS; i++) {
		snprintf(name, sizeof(name), "c%02u", i * 37 % CONNS);
		struct wps_conn *conn = enter_as(&f, name, NULL);
		shard_join(conn->shard, conn, WPS_SPAN("g"));
	}
	for (;;) {
		char text[NAMES_MAX];
		snprintf(text, sizeof(text), "%s", listed(&f,
		    (struct wps_command){
		        .whom = WPS_TO_GROUP, .name = WPS_SPAN("g"),
		        .list = WPS_LIST_CONNS, .limit = 5,
		        .after = wps_span_str(after),
		    }));
		for (char *at = text; *at == 'c'; at += at[3] ? 4 : 3) {
			seen[strtoul(at + 1, NULL, 10)]++;
			memcpy(after, at, 3);
		}
		if (strstr(text, "...") == NULL)
			break;
		/* Odd numbers come and go. */
		for (unsigned i = 0; i < 16; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			struct wps_conn *conn = &f.conns[(seed >> 33) % CONNS];
			if ((conn->id[2] & 1) == 0)
				continue;
			if (seed >> 63)
				shard_join(conn->shard, conn, WPS_SPAN("g"));
			else
				shard_part(conn->shard, conn, WPS_SPAN("g"));
		}
	}
	for (unsigned i = 0; i < CONNS; i++) {
		if (i % 2 == 0)
			check_number("stays", seen[i], 1);
		else
			CU_ASSERT(seen[i] <= 1);
	}
	tear_down(&f);
}

static void
say_detail(const struct wps_page *page, void *data)
{
	static const char kinds[] = "?*~+-";
	char *text = data;
	size_t len = 0;

	CU_ASSERT_FATAL(page->count == 1);
	const struct wps_listed *item = page->items[0];
	len += (size_t)snprintf(text + len, NAMES_MAX - len, "%.*s %u",
	    (int)item->user.len, item->user.data, (unsigned)item->group_count);
	for (size_t i = 0; i < item->shown_groups; i++)
		len += (size_t)snprintf(text + len, NAMES_MAX - len, " %.*s",
		    (int)item->groups[i].len, item->groups[i].data);
	for (size_t i = 0; i < item->shown_rules; i++)
		len += (size_t)snprintf(text + len, NAMES_MAX - len,
		    " %u%c%.*s", (unsigned)item->rules[i].perm,
		    kinds[item->rules[i].kind], (int)item->rules[i].name.len,
		    item->rules[i].name.data ? item->rules[i].name.data : "");
}

static void
test_detail_tells_groups_and_rules(void)
{
	struct fixture f;
	char text[NAMES_MAX];

	set_up(&f);
	struct wps_conn *conn = enter_as(&f, "a", "ann");
	shard_join(conn->shard, conn, WPS_SPAN("g"));
	shard_join(conn->shard, conn, WPS_SPAN("h"));
	shard_join(conn->shard, conn, WPS_SPAN("i"));
	perms_grant(&conn->perms, WPS_PERM_JOIN_LEAVE, WPS_SPAN_NONE, 9);
	perms_revoke(&conn->perms, WPS_PERM_JOIN_LEAVE, WPS_SPAN("x"), 9);
	perms_permit(&conn->perms, &(struct wps_permit){
	    .perm = WPS_PERM_SEND, .scope = WPS_PERMIT_PATTERN,
	    .name = WPS_SPAN("p*"),
	}, 9);
	perms_grant(&conn->perms, WPS_PERM_SEND, WPS_SPAN("y"), 9);
	perms_grant(&conn->perms, WPS_PERM_SET_STATE, WPS_SPAN("z"), 9);
	perms_grant(&conn->perms, WPS_PERM_GET_STATE, WPS_SPAN_NONE, 9);
	struct wps_command command = {
		.op = WPS_OP_LIST, .whom = WPS_TO_CONN, .name = WPS_SPAN("a"),
		.list = WPS_LIST_CONNS, .limit = 2, .detail = true,
	};
	struct command_result result = run(&f, command);
	list_tell(&result, 2, say_detail, text);
	list_free(&result.pages);
	check_text("at most two of each", text, "ann 3 g h 1* 1-x");
	command.limit = 9;
	result = run(&f, command);
	list_tell(&result, 9, say_detail, text);
	list_free(&result.pages);
	check_text("all", text, "ann 3 g h i 1* 1-x 2~p* 2+y 3+z 4*");
	tear_down(&f);
}

static void
say_failed(const struct wps_page *page, void *data)
{
	*(bool *)data = page->failed && page->count == 0;
}

static void
test_a_missing_page_is_told(void)
{
	struct command_result result = { .no_memory = true };
	bool failed = false;

	list_tell(&result, 5, say_failed, &failed);
	CU_ASSERT(failed);
}

/* --- predicates, counts, many groups ------------------------------------------- */

static bool
is_in_h(const struct wps_match *match, const struct wps_conn_facts *facts)
{
	(void)match;
	CU_ASSERT(facts->id.len > 0 && facts->subprotocol.data == NULL);
	return facts->in_group(facts, WPS_SPAN("h")) && facts->group_count == 2;
}

static void
nothing(const struct wps_match *match)
{
	(void)match;
}

static const struct wps_match in_h = {
	.struct_size = sizeof(in_h),
	.test = is_in_h,
	.ref = nothing,
	.unref = nothing,
};

static uint64_t
counted(struct fixture *f, struct wps_command command)
{
	command.op = WPS_OP_COUNT;
	return run(f, command).outcome.matched;
}

static void
test_counts_are_of_those_that_are_meant(void)
{
	struct fixture f;
	const struct wps_span excluded = WPS_SPAN("a");
	struct wps_command command = { .whom = WPS_TO_ALL };

	set_up(&f);
	enter_many(&f);
	check_number("all", (long long)counted(&f, command), 7);
	command.except = &f.conns[0];
	check_number("all but one", (long long)counted(&f, command), 6);
	command.except = NULL;
	command.match = &in_h;
	check_number("match", (long long)counted(&f, command), 2);
	command.excluded = &excluded;
	command.excluded_count = 1;
	check_number("match without one", (long long)counted(&f, command), 1);
	command.match = NULL;
	check_number("without one", (long long)counted(&f, command), 6);
	command.whom = WPS_TO_USER;
	command.name = WPS_SPAN("bob");
	check_number("user", (long long)counted(&f, command), 3);
	tear_down(&f);
}

static void
test_many_groups_are_joined_and_left_at_once(void)
{
	struct fixture f;
	const struct wps_span groups[] = {
		WPS_SPAN("h"), WPS_SPAN("j"), WPS_SPAN("k"),
	};
	struct wps_command command = {
		.op = WPS_OP_JOIN, .whom = WPS_TO_ALL, .match = &in_h,
		.groups = groups, .group_count = 3,
	};
	struct wps_command in_k = {
		.whom = WPS_TO_GROUP, .name = WPS_SPAN("k"),
	};

	set_up(&f);
	enter_many(&f);
	check_number("joined", (long long)run(&f, command).outcome.matched, 2);
	check_number("k", (long long)counted(&f, in_k), 2);
	command.op = WPS_OP_LEAVE;
	command.match = NULL;
	check_number("left", (long long)run(&f, command).outcome.matched, 7);
	check_number("k", (long long)counted(&f, in_k), 0);
	tear_down(&f);
}

static void
test_a_limit_of_groups_is_told(void)
{
	struct fixture f;
	const struct wps_span groups[] = { WPS_SPAN("x"), WPS_SPAN("y") };

	set_up(&f);
	f.hub->options.groups_per_conn = 1;
	enter_as(&f, "a", NULL);
	struct command_result result = run(&f, (struct wps_command){
	    .op = WPS_OP_JOIN, .whom = WPS_TO_ALL,
	    .groups = groups, .group_count = 2,
	});
	check_number("full", (long long)result.outcome.full, 1);
	check_number("matched", (long long)result.outcome.matched, 0);
	tear_down(&f);
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_pages_follow_the_order_of_names),
		TEST(test_users_and_groups_are_counted_over_workers),
		TEST(test_excluded_connections_are_not_listed),
		TEST(test_connections_are_excluded_however_often_it_was_done),
		TEST(test_members_that_stay_are_listed_once),
		TEST(test_detail_tells_groups_and_rules),
		TEST(test_a_missing_page_is_told),
		TEST(test_counts_are_of_those_that_are_meant),
		TEST(test_many_groups_are_joined_and_left_at_once),
		TEST(test_a_limit_of_groups_is_told),
	};

	hash_seed();
	return RUN_TESTS("command", tests);
}
