/* SPDX-License-Identifier: MIT */
/*
 * Commands among workers: what one has submitted is done before what comes later
 * on another. And among workers that run: each joins and leaves with a group of its
 * own, by commands to connections of all workers, and after each answer asks for
 * the members, which must be those of its model, whatever the others do.
 */
#include "hub/conn.h"
#include "hub/command.h"
#include "hub/groupstate.h"
#include "hub/msg.h"
#include "hub/server.h"
#include "support/check.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/hash.h"

#include <pthread.h>

#define WORKERS 4
#define CONNS 24 /* of all workers */
#define STEPS 300
#define PAGE 5

static const struct loop_limits limits = { .mailbox_bytes = 1 << 20 };

static struct {
	struct server server;
	struct hub *hub;
	struct wps_conn *conns[CONNS];
	_Atomic unsigned running;
} at;

/* --- a counted predicate ---------------------------------------------------------- */

/* Ids above a letter. */
struct above {
	struct wps_match match; /* first */
	_Atomic int refs;
	char letter;
};

static bool
is_above(const struct wps_match *match, const struct wps_conn_facts *facts)
{
	const struct above *above = (const void *)match;

	return facts->id.data[0] > above->letter;
}

static void
above_ref(const struct wps_match *match)
{
	atomic_fetch_add(&((struct above *)(uintptr_t)match)->refs, 1);
}

static void
above_unref(const struct wps_match *match)
{
	struct above *above = (struct above *)(uintptr_t)match;

	if (atomic_fetch_sub(&above->refs, 1) == 1)
		free(above);
}

static struct above *
above_new(char letter)
{
	struct above *above = xcalloc(1, sizeof(*above));

	above->match = (struct wps_match){
		.struct_size = sizeof(above->match),
		.test = is_above,
		.ref = above_ref,
		.unref = above_unref,
	};
	atomic_init(&above->refs, 1);
	above->letter = letter;
	return above;
}

/* --- one worker's part ------------------------------------------------------------- */

struct driver {
	struct worker *worker;
	struct mail mail; /* the next step */
	struct mail last; /* the end */
	uint64_t seed;
	unsigned steps;
	char group[8];
	bool model[CONNS];
	unsigned seen;
	char after[CONN_ID_SIZE];
	bool listing; /* pages are awaited */
	unsigned faults;
};

static unsigned
random_below(struct driver *driver, unsigned n)
{
	driver->seed = driver->seed * 6364136223846793005u +
	    1442695040888963407u;
	return (unsigned)(driver->seed >> 33) % n;
}

static void
go_on(struct driver *driver)
{
	driver->mail.call = true;
	worker_post(driver->worker, &driver->mail);
}

static void
on_changed(const struct wps_outcome *outcome, void *data)
{
	struct driver *driver = data;

	driver->faults += outcome->full > 0;
	driver->listing = true;
	driver->seen = 0;
	memset(driver->after, 0, sizeof(driver->after));
	go_on(driver);
}

/* The index of an id; the ids are sorted. */
static unsigned
index_of(struct wps_span id)
{
	unsigned i = 0;

	while (i < CONNS && !wps_span_eq(id, at.conns[i]->view.id))
		i++;
	return i;
}

static void
on_page(const struct wps_page *page, void *data)
{
	struct driver *driver = data;
	unsigned expected = 0;

	for (size_t i = 0; i < page->count; i++) {
		unsigned index = index_of(page->items[i]->name);
		driver->faults += index == CONNS || !driver->model[index];
		memcpy(driver->after, page->items[i]->name.data, CONN_ID_SIZE);
	}
	driver->seen += (unsigned)page->count;
	driver->listing = page->more;
	if (!page->more) {
		for (unsigned i = 0; i < CONNS; i++)
			expected += driver->model[i];
		driver->faults += driver->seen != expected;
	}
	go_on(driver);
}

static void
ask_for_page(struct driver *driver)
{
	struct wps_command command = {
		.op = WPS_OP_LIST, .whom = WPS_TO_GROUP,
		.hub = WPS_SPAN("h"), .name = wps_span_str(driver->group),
		.list = WPS_LIST_CONNS, .limit = PAGE,
	};

	if (driver->after[0])
		command.after =
		    (struct wps_span){ driver->after, CONN_ID_SIZE };
	command_submit_list(driver->worker, &command, on_page, driver);
}

static void
change_one(struct driver *driver, struct wps_command *command)
{
	unsigned index = random_below(driver, CONNS);

	command->whom = WPS_TO_CONN;
	command->name = at.conns[index]->view.id;
	driver->model[index] = command->op == WPS_OP_JOIN;
	command_submit(driver->worker, command, on_changed, driver);
}

/* All whose id is above the letter of one. */
static void
change_many(struct driver *driver, struct wps_command *command)
{
	unsigned index = random_below(driver, CONNS);
	struct above *above = above_new(at.conns[index]->id[0]);

	command->whom = WPS_TO_ALL;
	command->match = &above->match;
	for (unsigned i = 0; i < CONNS; i++)
		if (at.conns[i]->id[0] > above->letter)
			driver->model[i] = command->op == WPS_OP_JOIN;
	command_submit(driver->worker, command, on_changed, driver);
	above_unref(&above->match);
}

static void
change(struct driver *driver)
{
	const struct wps_span groups[] = {
		wps_span_str(driver->group), WPS_SPAN("shared"),
	};
	struct wps_command command = {
		.op = random_below(driver, 2) ? WPS_OP_JOIN : WPS_OP_LEAVE,
		.hub = WPS_SPAN("h"), .groups = groups, .group_count = 2,
	};

	if (random_below(driver, 3) == 0)
		change_many(driver, &command);
	else
		change_one(driver, &command);
}

static void
end(struct worker *worker, struct mail *mail)
{
	(void)mail;
	ev_break(worker->loop, EVBREAK_ALL);
}

static struct driver drivers[WORKERS];

static void
next(struct worker *worker, struct mail *mail)
{
	struct driver *driver = container_of(mail, struct driver, mail);

	(void)worker;
	if (driver->listing) {
		ask_for_page(driver);
	} else if (driver->steps-- > 0) {
		change(driver);
	} else if (atomic_fetch_sub(&at.running, 1) == 1) {
		for (unsigned i = 0; i < WORKERS; i++)
			worker_post(drivers[i].worker, &drivers[i].last);
	}
}

/* --- the scene ---------------------------------------------------------------------- */

static int
by_id(const void *a, const void *b)
{
	const struct wps_conn *const *left = a, *const *right = b;

	return memcmp((*left)->id, (*right)->id, CONN_ID_SIZE);
}

static void
set_up(void)
{
	struct server *server = &at.server;

	server->worker_count = WORKERS;
	for (unsigned i = 0; i < WORKERS; i++) {
		server->workers[i] =
		    worker_new(i, server->workers, WORKERS, &limits);
		server->workers[i]->server = server;
	}
	at.hub = xcalloc(1, sizeof(*at.hub));
	at.hub->name[0] = 'h';
	at.hub->name_len = 1;
	at.hub->hash = hash_bytes(WPS_SPAN("h"));
	at.hub->options.groups_per_conn = UINT32_MAX;
	atomic_store(&server->hubs.buckets[at.hub->hash % HUB_BUCKETS], at.hub);
	for (unsigned i = 0; i < CONNS; i++) {
		at.conns[i] = conn_new(server->workers[i % WORKERS], at.hub);
		shard_enter(at.conns[i]->shard, at.conns[i]);
	}
	qsort(at.conns, CONNS, sizeof(at.conns[0]), by_id);
}

static void
tear_down(void)
{
	for (unsigned i = 0; i < CONNS; i++) {
		shard_leave(at.conns[i]->shard, at.conns[i]);
		free(at.conns[i]);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		shard_free(&at.hub->shards[i]);
		worker_free(&at.server.workers[i]);
	}
	free(at.hub);
}

static void *
run(void *data)
{
	worker_run(data);
	return NULL;
}

static void
test_each_answer_is_seen_by_the_next_question(void)
{
	set_up();
	atomic_init(&at.running, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++) {
		struct driver *driver = &drivers[i];
		driver->worker = at.server.workers[i];
		driver->mail.run = next;
		driver->last.run = end;
		driver->seed = 1000 + i;
		driver->steps = STEPS;
		snprintf(driver->group, sizeof(driver->group), "own%u", i);
		go_on(driver);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		CU_ASSERT_FATAL(pthread_create(&drivers[i].worker->thread, NULL,
		    run, drivers[i].worker) == 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		pthread_join(drivers[i].worker->thread, NULL);
		check_number("faults", drivers[i].faults, 0);
	}
	tear_down();
}

/* --- what was there before ----------------------------------------------------------- */

static struct wps_conn *
conn_of(unsigned worker)
{
	unsigned i = 0;

	while (at.conns[i]->worker->index != worker)
		i++;
	at.conns[i]->state = CONN_OPEN;
	return at.conns[i];
}

static void
submit(unsigned worker, enum wps_op op, struct wps_conn *conn)
{
	const struct wps_command command = {
		.op = op,
		.whom = WPS_TO_CONN,
		.hub = WPS_SPAN("h"),
		.name = conn->view.id,
		.group = WPS_SPAN("g"),
	};

	command_submit(at.server.workers[worker], &command, NULL, NULL);
}

static bool
is_member(const struct wps_conn *conn)
{
	return shard_is_member(conn->shard, conn, WPS_SPAN("g"));
}

/* What another worker has submitted before takes effect before. */
static void
test_mail_comes_before_a_join(void)
{
	set_up();
	struct wps_conn *conn = conn_of(1);

	submit(0, WPS_OP_LEAVE, conn);
	check_number("join", conn_join(conn, WPS_SPAN("g")), WPS_OK);
	worker_drain(conn->worker);
	check_number("member", is_member(conn), true);
	tear_down();
}

static void
test_mail_comes_before_a_leave(void)
{
	set_up();
	struct wps_conn *conn = conn_of(1);

	submit(0, WPS_OP_JOIN, conn);
	conn_leave(conn, WPS_SPAN("g"));
	worker_drain(conn->worker);
	check_number("member", is_member(conn), false);
	tear_down();
}

static void
test_mail_comes_before_a_command(void)
{
	set_up();
	struct wps_conn *conn = conn_of(1);

	submit(0, WPS_OP_LEAVE, conn);
	submit(1, WPS_OP_JOIN, conn);
	worker_drain(conn->worker);
	check_number("member", is_member(conn), true);
	tear_down();
}

static void
test_mail_comes_before_a_watch(void)
{
	set_up();
	struct wps_conn *conn = conn_of(1);

	conn_join(conn, WPS_SPAN("g"));
	submit(0, WPS_OP_LEAVE, conn);
	check_number("watch", groupstate_watch(conn, WPS_SPAN("g")),
	    WPS_NOT_FOUND);
	tear_down();
}

/* --- what it weighs ------------------------------------------------------------------ */

static void
on_done(const struct wps_outcome *outcome, void *data)
{
	(void)outcome;
	*(bool *)data = true;
}

static size_t
mail_of(unsigned worker)
{
	return atomic_load(&at.server.workers[worker]->mail_bytes);
}

/* Those who feed a mailbox rest at a mark: it is about messages above all. The answer
 * carries none, and holds nobody back. */
static void
test_a_mailbox_weighs_the_messages_in_it(void)
{
	static char payload[5000];
	bool done = false;

	set_up();
	struct wps_conn *conn = conn_of(1);
	struct wps_msg *msg = msg_new(&(struct wps_msg_view){
		.type = WPS_DATA_BINARY, .payload = { payload, sizeof(payload) },
	});
	CU_ASSERT_FATAL(msg != NULL);
	conn_join(conn, WPS_SPAN("g"));
	command_submit(at.server.workers[0], &(struct wps_command){
		.op = WPS_OP_SEND,
		.whom = WPS_TO_GROUP,
		.hub = WPS_SPAN("h"),
		.name = WPS_SPAN("g"),
		.msg = msg,
		.excluded = &conn->view.id,
		.excluded_count = 1,
	}, on_done, &done);
	CU_ASSERT(mail_of(1) >= sizeof(payload));
	worker_drain(at.server.workers[1]);
	worker_settle(at.server.workers[1]);
	check_number("read", (long long)mail_of(1), 0);
	check_number("the answer", (long long)mail_of(0), 0);
	worker_drain(at.server.workers[0]);
	worker_settle(at.server.workers[0]);
	check_number("answered", done, true);
	msg_unref(msg);
	tear_down();
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_mail_comes_before_a_join),
		TEST(test_mail_comes_before_a_leave),
		TEST(test_mail_comes_before_a_command),
		TEST(test_mail_comes_before_a_watch),
		TEST(test_a_mailbox_weighs_the_messages_in_it),
		TEST(test_each_answer_is_seen_by_the_next_question),
	};

	hash_seed();
	return RUN_TESTS("command threads", tests);
}
