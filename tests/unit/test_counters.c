/* SPDX-License-Identifier: MIT */
/*
 * Counters: what is refused, and that the sum of all workers is read, while they
 * count and when their plugin goes.
 */
#include "hub/server.h"
#include "plug/counters.h"
#include "plug/registry.h"
#include "support/check.h"

#include <pthread.h>

#define WORKERS 3

static const struct loop_limits limits = { .mailbox_bytes = 1 << 20 };
static const struct wps_plugin plugins[] = { { .name = "a" }, { .name = "b" } };

static struct scene {
	struct server server;
	struct wps_self selves[2];
	char text[1024]; /* the counters, one a line */
} scene;

static void
set_up(void)
{
	memset(&scene, 0, sizeof(scene));
	scene.server.worker_count = WORKERS;
	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker *worker = worker_new(i, scene.server.workers,
		    WORKERS, &limits);
		worker->server = &scene.server;
		counters_worker_init(worker);
		scene.server.workers[i] = worker;
	}
	for (unsigned i = 0; i < 2; i++)
		scene.selves[i] = (struct wps_self){ .plugin = &plugins[i],
			.server = &scene.server };
}

static void
tear_down(void)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		counters_worker_fini(scene.server.workers[i]);
		worker_free(&scene.server.workers[i]);
	}
}

static int
add(unsigned self, const char *name, const char *labels, unsigned *id_out)
{
	return registry_add_counter(&scene.selves[self], &(struct wps_counter){
		.struct_size = sizeof(struct wps_counter),
		.name = name,
		.labels = labels,
		.help = "What is counted.",
	}, id_out);
}

static void
print(void *data, const struct wps_counter_view *view)
{
	size_t len = strlen(scene.text);

	(void)data;
	CU_ASSERT(strcmp(view->help, "What is counted.") == 0);
	snprintf(scene.text + len, sizeof(scene.text) - len, "%s{%s} %llu\n",
	    view->name, view->labels, (unsigned long long)view->value);
}

static const char *
all(void)
{
	scene.text[0] = '\0';
	counters_each(&scene.server, print, NULL);
	return scene.text;
}

static void
test_the_sum_of_all_workers_is_read(void)
{
	unsigned first, second;

	set_up();
	check_number("first", add(0, "n_total", NULL, &first), WPS_OK);
	check_number("second", add(1, "n_total", "k=\"v\"", &second), WPS_OK);
	check_text("before", all(), "n_total{} 0\nn_total{k=\"v\"} 0\n");
	for (unsigned i = 0; i < WORKERS; i++)
		counters_add(scene.server.workers[i], second, i + 1);
	counters_add(scene.server.workers[1], first, UINT64_C(1) << 40);
	check_text("after", all(),
	    "n_total{} 1099511627776\nn_total{k=\"v\"} 6\n");
	tear_down();
}

static void
test_names_and_labels_are_those_of_prometheus(void)
{
	static const struct {
		const char *name, *labels;
		int rc;
	} cases[] = {
		{ "a", NULL, WPS_OK },
		{ "_a9_B", "a=\"\"", WPS_OK },
		{ "b", "a=\"x\",b_2=\"y, {z}\"", WPS_OK },
		{ NULL, NULL, WPS_EINVAL },
		{ "", NULL, WPS_EINVAL },
		{ "9a", NULL, WPS_EINVAL },
		{ "a-b", NULL, WPS_EINVAL },
		{ "a b", NULL, WPS_EINVAL },
		{ "c", "", WPS_EINVAL },
		{ "c", "a", WPS_EINVAL },
		{ "c", "a=", WPS_EINVAL },
		{ "c", "a=x", WPS_EINVAL },
		{ "c", "a=\"x", WPS_EINVAL },
		{ "c", "a=\"x\",", WPS_EINVAL },
		{ "c", "a=\"x\" ", WPS_EINVAL },
		{ "c", "a=\"x\\\\\"", WPS_EINVAL },
		{ "c", "a=\"x\n\"", WPS_EINVAL },
		{ "c", "9=\"x\"", WPS_EINVAL },
		{ "c", "=\"x\"", WPS_EINVAL },
		{ "a", NULL, WPS_DUPLICATE },
		{ "_a9_B", "a=\"\"", WPS_DUPLICATE },
		{ "_a9_B", "a=\"x\"", WPS_OK },
	};
	unsigned id;

	set_up();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_number(cases[i].labels ? cases[i].labels :
		    cases[i].name ? cases[i].name : "no name",
		    add(0, cases[i].name, cases[i].labels, &id), cases[i].rc);
	check_number("added", scene.server.points.counter_count, 4);
	check_number("no help", registry_add_counter(&scene.selves[0],
	    &(struct wps_counter){ .struct_size = sizeof(struct wps_counter),
		.name = "d" }, &id), WPS_EINVAL);
	tear_down();
}

static void
test_there_is_a_limit(void)
{
	char labels[COUNTERS_MAX][16];
	unsigned id;

	set_up();
	for (unsigned i = 0; i < COUNTERS_MAX; i++) {
		snprintf(labels[i], sizeof(labels[i]), "n=\"%u\"", i);
		check_number(labels[i], add(0, "n", labels[i], &id), WPS_OK);
		check_number("id", id, i);
	}
	check_number("one more", add(0, "m", NULL, &id), WPS_FULL);
	counters_add(scene.server.workers[0], COUNTERS_MAX - 1, 1);
	tear_down();
}

static void
test_only_init_registers(void)
{
	unsigned id;

	set_up();
	scene.selves[0].ready = true;
	check_number("late", add(0, "n", NULL, &id), WPS_EINVAL);
	check_text("counters", all(), "");
	tear_down();
}

static void
test_counters_go_with_their_plugin(void)
{
	unsigned id;

	set_up();
	add(0, "n", NULL, &id);
	add(1, "m", NULL, &id);
	counters_add(scene.server.workers[0], id, 7);
	registry_withdraw(&scene.selves[0]);
	check_text("counters", all(), "m{} 7\n");
	check_number("the name is free", add(1, "n", NULL, &id), WPS_OK);
	registry_withdraw(&scene.selves[1]);
	check_text("counters", all(), "");
	tear_down();
}

#define ROUNDS 20000

static void *
count_up(void *data)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		counters_add(data, 0, 1);
	return NULL;
}

static void
keep(void *data, const struct wps_counter_view *view)
{
	*(uint64_t *)data = view->value;
}

static void
test_counters_are_read_while_workers_count(void)
{
	pthread_t threads[WORKERS];
	uint64_t last = 0, now = 0;
	unsigned id;

	set_up();
	add(0, "n", NULL, &id);
	for (unsigned i = 0; i < WORKERS; i++)
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, count_up,
		    scene.server.workers[i]) == 0);
	for (unsigned i = 0; i < 1000; i++) {
		counters_each(&scene.server, keep, &now);
		CU_ASSERT(now >= last);
		last = now;
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	counters_each(&scene.server, keep, &now);
	check_number("sum", (long long)now, WORKERS * ROUNDS);
	tear_down();
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_the_sum_of_all_workers_is_read),
		TEST(test_names_and_labels_are_those_of_prometheus),
		TEST(test_there_is_a_limit),
		TEST(test_only_init_registers),
		TEST(test_counters_go_with_their_plugin),
		TEST(test_counters_are_read_while_workers_count),
	};

	return RUN_TESTS("counters", tests);
}
