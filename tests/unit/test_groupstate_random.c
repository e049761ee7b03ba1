/* SPDX-License-Identifier: MIT */
/*
 * Group state under random joins, leaves, changes, watching and unwatching, with
 * workers that run their mail at random times, and with workers that run. Whoever
 * watches hears nothing twice and nothing late, and knows every state in the end.
 */
#include "unit/groupstate_scene.h"

#include "util/attr.h"
#include "util/hash.h"

#include <pthread.h>

#define WORKERS SCENE_WORKERS
#define CONNS 12
#define GROUPS 3
#define STEPS 20000

/* Each row is touched on the connection's worker only. */
static struct {
	bool watches;
	int state; /* 0: none */
	int value[CONNS]; /* as it knows it */
	uint64_t newest[CONNS];
} at[CONNS][GROUPS];

static struct scene scene;
static const char *const ids[CONNS] = {
	"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l",
};
static const char *const groups[GROUPS] = { "g0", "g1", "g2" };

struct driver {
	struct worker *worker;
	struct mail mail; /* the next step */
	struct mail last; /* the end */
	uint64_t seed;
	unsigned steps, faults;
};

static struct driver drivers[WORKERS];
static _Atomic unsigned running;

static unsigned
random_below(struct driver *driver, unsigned n)
{
	driver->seed = driver->seed * 6364136223846793005u +
	    1442695040888963407u;
	return (unsigned)(driver->seed >> 33) % n;
}

/* --- what is heard ---------------------------------------------------------------- */

static void
take_item(unsigned conn, unsigned group, const struct scene_talker *said,
    size_t i)
{
	const struct wps_state *item = &said->items[i];
	unsigned of = (unsigned)(said->ids[i][0] - 'a');
	uint64_t *newest = &at[conn][group].newest[of];
	unsigned *faults = &drivers[conn % WORKERS].faults;

	/* A snapshot may repeat what is known; it is sorted. */
	*faults += said->snapshot ? item->updated_ms < *newest :
	    item->updated_ms <= *newest;
	*faults += i > 0 && strcmp(said->ids[i - 1], said->ids[i]) >= 0;
	*newest = item->updated_ms;
	at[conn][group].value[of] = item->cleared ? 0 :
	    (int)strtol(said->values[i], NULL, 10);
}

static void
hear(struct scene *of, struct wps_conn *conn, const struct scene_talker *said)
{
	unsigned index = (unsigned)(conn->id[0] - 'a');
	unsigned group = (unsigned)(said->group[1] - '0');

	(void)of;
	drivers[index % WORKERS].faults += !at[index][group].watches;
	if (said->snapshot)
		memset(at[index][group].value, 0, sizeof(at[0][0].value));
	for (size_t i = 0; i < said->count; i++)
		take_item(index, group, said, i);
}

/* --- what is done ------------------------------------------------------------------- */

static void
leave(struct driver *driver, unsigned index, unsigned group)
{
	struct wps_conn *conn = scene.conns[index];
	struct wps_span name = wps_span_str(groups[group]);

	/* By a command: what is in the mailbox has not run. */
	if (random_below(driver, 2))
		(void)shard_part(conn->shard, conn, name);
	else
		conn_leave(conn, name);
	at[index][group].watches = false;
	at[index][group].state = 0;
}

static void
set(struct driver *driver, unsigned index, unsigned group)
{
	int value = 1 + (int)random_below(driver, 1000000);
	char text[16];

	snprintf(text, sizeof(text), "%d", value);
	if (scene_set(scene.conns[index], groups[group], text) == WPS_OK)
		at[index][group].state = value;
}

static void
watch(unsigned index, unsigned group)
{
	struct wps_conn *conn = scene.conns[index];

	if (groupstate_watch(conn, wps_span_str(groups[group])) == WPS_OK)
		at[index][group].watches = true;
}

static void
unwatch(unsigned index, unsigned group)
{
	groupstate_unwatch(scene.conns[index], wps_span_str(groups[group]));
	at[index][group].watches = false;
}

/* With one of the worker's own connections. */
static void
step(struct driver *driver)
{
	unsigned worker = driver->worker->index;
	unsigned index =
	    worker + WORKERS * random_below(driver, CONNS / WORKERS);
	unsigned group = random_below(driver, GROUPS);
	struct wps_conn *conn = scene.conns[index];
	struct wps_span name = wps_span_str(groups[group]);

	switch (random_below(driver, 10)) {
	case 0:
		leave(driver, index, group);
		break;
	case 1:
	case 2:
		(void)conn_join(conn, name);
		break;
	case 3:
		if (groupstate_clear(conn, name) == WPS_OK)
			at[index][group].state = 0;
		break;
	case 4:
		unwatch(index, group);
		break;
	case 5:
	case 6:
		watch(index, group);
		break;
	default:
		set(driver, index, group);
	}
}

/* --- the scene ------------------------------------------------------------------------ */

static void next(struct worker *worker, struct mail *mail);

static void
end(struct worker *worker, struct mail *mail)
{
	(void)mail;
	ev_break(worker->loop, EVBREAK_ALL);
}

static void
set_up(uint64_t seed)
{
	memset(at, 0, sizeof(at));
	scene_set_up(&scene, WORKERS);
	scene.ear = hear;
	for (unsigned i = 0; i < CONNS; i++)
		(void)scene_open(&scene, ids[i], i % WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		drivers[i] = (struct driver){
			.worker = scene.server.workers[i],
			.mail = { .run = next, .call = true },
			.last = { .run = end, .call = true },
			.seed = seed + i,
			.steps = STEPS,
		};
}

/* All mail has run: who watches knows all. */
static void
check_views(void)
{
	unsigned wrong = 0, watching = 0;

	for (unsigned c = 0; c < CONNS; c++) {
		for (unsigned g = 0; g < GROUPS; g++) {
			watching += at[c][g].watches;
			for (unsigned of = 0; at[c][g].watches && of < CONNS; of++)
				wrong += at[c][g].value[of] != at[of][g].state;
		}
	}
	check_number("wrong states", wrong, 0);
	CU_ASSERT(watching > 0);
	for (unsigned i = 0; i < WORKERS; i++)
		check_number("faults", drivers[i].faults, 0);
}

static void
tear_down(void)
{
	for (unsigned i = 0; i < CONNS; i++)
		for (unsigned g = 0; g < GROUPS; g++)
			unwatch(i, g);
	scene_tear_down(&scene);
}

static void
test_watchers_know_all_whenever_workers_run(void)
{
	set_up(1);
	for (unsigned i = 0; i < WORKERS * STEPS; i++) {
		struct driver *driver =
		    &drivers[random_below(&drivers[0], WORKERS)];
		step(driver);
		if (random_below(&drivers[0], 4) == 0)
			scene_run(&scene, random_below(&drivers[0], WORKERS));
		if (i % 1000 == 999) {
			scene_run_all(&scene);
			check_views();
		}
	}
	tear_down();
}

/* --- workers that run ------------------------------------------------------------------- */

static void
next(struct worker *worker, struct mail *mail)
{
	struct driver *driver = container_of(mail, struct driver, mail);

	if (driver->steps-- > 0) {
		step(driver);
		worker_post(worker, &driver->mail);
	} else if (atomic_fetch_sub(&running, 1) == 1) {
		for (unsigned i = 0; i < WORKERS; i++)
			worker_post(drivers[i].worker, &drivers[i].last);
	}
}

static void *
run(void *data)
{
	worker_run(data);
	return NULL;
}

static void
test_watchers_know_all_when_workers_run_at_once(void)
{
	set_up(1000);
	atomic_init(&running, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		worker_post(drivers[i].worker, &drivers[i].mail);
	for (unsigned i = 0; i < WORKERS; i++)
		CU_ASSERT_FATAL(pthread_create(&drivers[i].worker->thread, NULL,
		    run, drivers[i].worker) == 0);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(drivers[i].worker->thread, NULL);
	scene_run_all(&scene);
	check_views();
	tear_down();
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_watchers_know_all_whenever_workers_run),
		TEST(test_watchers_know_all_when_workers_run_at_once),
	};

	hash_seed();
	return RUN_TESTS("group state, random", tests);
}
