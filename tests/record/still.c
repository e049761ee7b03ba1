/* SPDX-License-Identifier: MIT */
#include "record/still.h"

#include "hub/conn.h"
#include "plug/counters.h"
#include "plug/loader.h"
#include "server.h"
#include "support/clock.h"
#include "util/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONF                                                                   \
	"plugins: [auth, webpubsub, cloudevents, echo]\n"                      \
	"plugin_dir: \"" PLUGIN_DIR "\"\n"                                     \
	"workers: 1\n"                                                         \
	"log_level: error\n"                                                   \
	"auth: { access_keys: [\"0123456789abcdef0123456789abcdef\"] }\n"      \
	"webpubsub: { ack_ids: 3 }\n"                                          \
	"hubs: { chat: { %s } }\n"

#define HUBS_MAX 4096

static struct server *
load(const char *hub)
{
	struct conf_report report = { 0 };
	char path[] = "still-XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || dprintf(fd, CONF, hub) < 0)
		return NULL;
	close(fd);
	struct server *server = server_load(path, &report);
	unlink(path);
	if (report.text)
		fprintf(stderr, "%s", report.text);
	conf_report_fini(&report);
	return server;
}

static void
make_worker(struct server *server)
{
	server->loop_limits.mailbox_bytes = 1 << 20;
	struct worker *worker =
	    worker_new(0, server->workers, 1, &server->loop_limits);
	worker->server = server;
	worker->plugin_states =
	    xcalloc(server->points.plugin_count, sizeof(void *));
	counters_worker_init(worker);
	server->workers[0] = worker;
}

static bool
start_plugins(struct worker *worker)
{
	struct points *points = &worker_server(worker)->points;

	for (unsigned i = 0; i < points->plugin_count; i++) {
		const struct wps_self *self = &points->plugins[i];
		worker->plugin_states[i] = self->state;
		if (self->plugin->worker_start && self->plugin->worker_start(
		    self->state, (struct wps_worker *)worker,
		    &worker->plugin_states[i]) != WPS_OK)
			return false;
		worker->plugins_started = i + 1;
	}
	return true;
}

struct server *
still_start(const char *hub)
{
	struct server *server = load(hub);
	struct wps_err err = { "" };

	if (server == NULL)
		return NULL;
	make_worker(server);
	bool good = loader_init(server, &err) == WPS_OK;
	hub_table_init(&server->hubs, HUBS_MAX, server->conf, &server->points);
	if (good && start_plugins(server->workers[0]))
		return server;
	fprintf(stderr, "%s\n", err.text);
	server_free(&server);
	return NULL;
}

void
still_stop(struct server **server)
{
	server_free(server);
}

static bool
hub_empty(const struct hub *hub, const struct worker *worker)
{
	const struct shard *shard = shard_find(hub, worker);

	for (unsigned i = 0; i < HUB_HINTS; i++)
		if (atomic_load(&hub->hints[i]) != 0)
			return false;
	return atomic_load(&hub->present) == 0 && (shard == NULL ||
	    (shard->all.count == 0 && shard->by_id.count == 0 &&
	    shard->groups.count == 0 && shard->users.count == 0));
}

bool
still_empty(const struct server *server)
{
	const struct worker *worker = still_worker(server);

	for (unsigned i = 0; i < HUB_BUCKETS; i++)
		for (const struct hub *hub =
		    atomic_load(&server->hubs.buckets[i]); hub; hub = hub->next)
			if (!hub_empty(hub, worker))
				return false;
	return worker->wheel.count == 0;
}

static void
settle(struct worker *worker)
{
	do {
		worker_drain(worker);
		worker_settle(worker);
	} while (worker_busy(worker) || atomic_load(&worker->mailbox));
}

void
still_end(struct server *server, struct wps_conn *conn)
{
	conn_close(conn, 1001, WPS_SPAN("the end"));
	settle(still_worker(server));
}

void
still_pass(struct server *server, uint64_t ms)
{
	clock_ms += ms;
	wheel_run(&still_worker(server)->wheel, clock_ms);
	settle(still_worker(server));
}
