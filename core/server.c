/* SPDX-License-Identifier: MIT */
#include "server.h"

#include "hub/client.h"
#include "hub/conn.h"
#include "hub/request.h"
#include "hub/server.h"
#include "lib/pct.h"
#include "net/listener.h"
#include "net/tlsctx.h"
#include "net/wsinput.h"
#include "options.h"
#include "plug/counters.h"
#include "plug/hostapi.h"
#include "plug/loader.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/hash.h"
#include "util/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* --- loading ------------------------------------------------------------------------ */

static struct wps_span
plugin_dir(const struct conf_tree *tree)
{
	struct wps_span dir;

	return conf_tree_item(tree, "plugin_dir", 0, &dir) ? dir :
	    WPS_SPAN(PLUGINDIR);
}

static void
open_plugins(struct server *server, const struct conf_tree *tree,
    struct conf_report *report)
{
	char *dir = xdup(plugin_dir(tree));
	struct wps_span name;

	for (size_t i = 0; conf_tree_item(tree, "plugins", i, &name); i++) {
		struct wps_err err;
		char where[512];
		if (loader_open(server, dir, name, &err) == WPS_OK)
			continue;
		conf_tree_where(tree, "plugins", i, where, sizeof(where));
		conf_report_add(report, "%s: plugin \"%.*s\": %s", where,
		    (int)name.len, name.data, err.text);
	}
	free(dir);
}

static struct conf_set *
judge(struct server *server, const struct conf_tree *tree,
    struct conf_report *report)
{
	struct conf_rows rows[PLUGINS_MAX];
	const struct points *points = &server->points;

	for (unsigned i = 0; i < points->plugin_count; i++)
		rows[i] = (struct conf_rows){
			.name = points->plugins[i].plugin->name,
			.options = points->plugins[i].plugin->options,
			.hub_options = points->plugins[i].plugin->hub_options,
		};
	return conf_set_new(tree, core_options, core_hub_options, rows,
	    points->plugin_count, report);
}

static void
check_one(const struct server *server, const struct wps_self *self,
    const struct wps_conf *conf, const char *hub, struct conf_report *report)
{
	struct wps_err err = { "" };

	if (self->plugin->check(&server->host, conf, hub, &err) != WPS_OK)
		conf_report_add(report, "%s", err.text);
}

/* What rows cannot judge: each plugin's section, and every hub. */
static void
check_plugins(struct server *server, struct conf_report *report)
{
	for (unsigned i = 0; i < server->points.plugin_count; i++) {
		struct wps_self *self = &server->points.plugins[i];
		struct wps_span name;
		self->conf = conf_plugin(server->conf, i);
		if (self->plugin->check == NULL)
			continue;
		check_one(server, self, self->conf, NULL, report);
		check_one(server, self, conf_hub(server->conf, WPS_SPAN("*")),
		    "*", report);
		for (size_t k = 0; (name = conf_hub_name(server->conf, k)).data;
		    k++) {
			char *hub = xdup(name);
			check_one(server, self, conf_hub(server->conf, name),
			    hub, report);
			free(hub);
		}
	}
}

static unsigned
wanted_workers(const struct conf_set *conf)
{
	int64_t wanted = conf_int(conf_core(conf), "workers");

	if (wanted == 0)
		wanted = sysconf(_SC_NPROCESSORS_ONLN);
	if (wanted < 1)
		wanted = 1;
	return wanted > WORKERS_MAX ? WORKERS_MAX : (unsigned)wanted;
}

static void
complain(const struct wps_conf *map, const char *option, const char *text,
    struct conf_report *report)
{
	char where[512];

	conf_where(map, option, where, sizeof(where));
	conf_report_add(report, "%s: %s: %s", where, option, text);
}

static void
check_worker(const struct server *server, const struct wps_conf *map,
    struct conf_report *report)
{
	char text[80];

	if (conf_int(map, "worker") < (int64_t)server->worker_count)
		return;
	snprintf(text, sizeof(text), "there are only %u workers, counted from 0",
	    server->worker_count);
	complain(map, "worker", text, report);
}

static void
check_address(const struct wps_conf *map, struct conf_report *report)
{
	struct wps_err err;

	if (!listener_judge(conf_span(map, "address"), &err))
		complain(map, "address", err.text, report);
}

/* NULL where the listener is plain, or the report says what is wrong. */
static struct tls_context *
load_tls(const struct wps_conf *map, struct conf_report *report)
{
	struct wps_span key = conf_span(map, "key");
	char *path = conf_file(map, "certificate");
	struct tls_context *tls = NULL;
	struct wps_err err;

	if (path == NULL && key.data)
		complain(map, "key", "needs a certificate beside it", report);
	else if (path && key.data == NULL)
		complain(map, "certificate", "needs a key beside it", report);
	else if (path)
		tls = tls_context_new((enum tls_version)
		    (TLS_1_2 + conf_int(map, "tls_min")));
	if (tls && tls_context_certificate(tls, path, &err) != WPS_OK) {
		complain(map, "certificate", err.text, report);
		tls_context_free(&tls);
	}
	if (tls && tls_context_key(tls, key, &err) != WPS_OK) {
		complain(map, "key", err.text, report);
		tls_context_free(&tls);
	}
	free(path);
	return tls;
}

static void
check_listen(struct server *server, struct conf_report *report)
{
	const struct wps_conf *core = conf_core(server->conf);
	size_t count = conf_count(core, "listen");

	server->tls = xcalloc(count, sizeof(struct tls_context *));
	for (size_t i = 0; i < count; i++) {
		const struct wps_conf *map = conf_map(core, "listen", i);
		check_address(map, report);
		check_worker(server, map, report);
		server->tls[i] = load_tls(map, report);
	}
}

/* Letters, digits and - . _ ~ between slashes, as they stand in a request. */
static void
check_base_path(const struct server *server, struct conf_report *report)
{
	const struct wps_conf *core = conf_core(server->conf);
	struct wps_span path = conf_span(core, "base_path");
	bool valid = path.len == 0 || (path.data[0] == '/' && path.len > 1);

	for (size_t i = 0; i < path.len; i++) {
		bool slash = path.data[i] == '/';
		bool last = i + 1 == path.len || path.data[i + 1] == '/';
		valid &= slash ? !last : pct_is_unreserved(path.data[i]);
	}
	if (!valid)
		complain(core, "base_path", "must be of the form /a or /a/b",
		    report);
}

struct server *
server_load(const char *path, struct conf_report *report)
{
	struct conf_tree *tree = conf_tree_read(path, report);

	if (tree == NULL) {
		conf_report_sort(report);
		return NULL;
	}
	hash_seed();
	struct server *server = xcalloc(1, sizeof(*server));
	hostapi_fill(&server->host);
	open_plugins(server, tree, report);
	server->conf = judge(server, tree, report);
	if (server->conf) {
		server->worker_count = wanted_workers(server->conf);
		check_listen(server, report);
		check_base_path(server, report);
		check_plugins(server, report);
	}
	conf_tree_free(&tree);
	conf_report_sort(report);
	if (report->count > 0)
		server_free(&server);
	return server;
}

/* --- starting --------------------------------------------------------------------------- */

static void
serve(struct http *http)
{
	if (client_path(http_request(http)->path))
		http_refuse(http, 400, "a WebSocket upgrade is expected here");
	else
		request_serve(http);
}

static void
read_options(struct server *server)
{
	const struct wps_conf *core = conf_core(server->conf);

	log_set_level((enum wps_log_level)(conf_int(core, "log_level") + 1));
	server->loop_limits.mailbox_bytes =
	    (size_t)conf_int(core, "max_mailbox");
	server->stop_ms = (uint64_t)conf_int(core, "stop_timeout");
	server->stop_delay_ms = (uint64_t)conf_int(core, "stop_delay");
	server->http = (struct http_service){
		.serve = serve,
		.upgrade = client_upgrade,
		.gone = client_gone,
		.refuse = request_refuse,
		.base_path = conf_span(core, "base_path"),
		.limits = {
			.line = (size_t)conf_int(core, "max_request_line"),
			.head = (size_t)conf_int(core, "max_headers"),
			.headers = (unsigned)conf_int(core, "max_header_lines"),
			.body = (size_t)conf_int(core, "max_body"),
		},
		/* One answer at a time; an empty queue takes any one. */
		.out = { .bytes = 64 * 1024, .items = 16 },
		.request_ms = (uint64_t)conf_int(core, "request_timeout"),
		.idle_ms = (uint64_t)conf_int(core, "idle_timeout"),
		.linger_ms = (uint64_t)conf_int(core, "linger_timeout"),
		.linger_bytes = (size_t)conf_int(core, "max_linger"),
	};
}

static int
open_listeners(struct server *server, struct wps_err *err)
{
	const struct wps_conf *core = conf_core(server->conf);
	size_t count = conf_count(core, "listen");

	server->listeners = xcalloc(count, sizeof(struct listener *));
	for (size_t i = 0; i < count; i++) {
		const struct wps_conf *map = conf_map(core, "listen", i);
		const struct listener_spec spec = {
			.address = conf_span(map, "address"),
			.worker = (int)conf_int(map, "worker"),
			.backlog = (int)conf_int(map, "backlog"),
			.tls = server->tls[i],
		};
		struct listener *listener = listener_open(&spec,
		    server->workers, server->worker_count, &server->http, err);
		if (listener == NULL)
			return WPS_ESYS;
		server->listeners[server->listener_count++] = listener;
	}
	return WPS_OK;
}

static void
log_listeners(const struct server *server)
{
	const struct wps_conf *core = conf_core(server->conf);

	if (server->listener_count == 0)
		log_warnx("core", "nobody can connect: there is no \"listen\"");
	for (size_t i = 0; i < server->listener_count; i++) {
		int64_t worker =
		    conf_int(conf_map(core, "listen", i), "worker");
		char text[16];
		snprintf(text, sizeof(text), "%d", (int)worker);
		log_info("core", "listening address=%s worker=%s%s",
		    listener_address(server->listeners[i]),
		    worker < 0 ? "all" : text,
		    server->tls[i] ? " tls=yes" : "");
	}
}

static void *
run_worker(void *data)
{
	worker_run(data);
	return NULL;
}

/* Signals are the main thread's. */
static void
start_thread(struct worker *worker)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	int rc = pthread_create(&worker->thread, NULL, run_worker, worker);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	wps_assert(rc == 0);
}

/* Before its thread runs. */
static int
start_plugins(struct worker *worker, struct wps_err *err)
{
	struct points *points = &worker_server(worker)->points;

	for (unsigned i = 0; i < points->plugin_count; i++) {
		const struct wps_self *self = &points->plugins[i];
		worker->plugin_states[i] = self->state;
		if (self->plugin->worker_start && self->plugin->worker_start(
		    self->state, (struct wps_worker *)worker,
		    &worker->plugin_states[i]) != WPS_OK) {
			snprintf(err->text, sizeof(err->text),
			    "%s.so: worker_start failed", self->plugin->name);
			return WPS_ESYS;
		}
		worker->plugins_started = i + 1;
	}
	return WPS_OK;
}

static void
make_workers(struct server *server)
{
	for (unsigned i = 0; i < server->worker_count; i++) {
		struct worker *worker = worker_new(i, server->workers,
		    server->worker_count, &server->loop_limits);
		worker->server = server;
		worker->plugin_states =
		    xcalloc(server->points.plugin_count, sizeof(void *));
		counters_worker_init(worker);
		server->workers[i] = worker;
	}
}

/* What a hub's clients are served by must have been registered. */
static int
judge_default(const struct server *server, struct wps_span hub,
    struct wps_err *err)
{
	static const char option[] = "default_subprotocol";
	const struct wps_conf *conf = conf_hub(server->conf, hub);
	struct wps_span name = conf_span(conf, option);
	char where[256];

	if (name.len == 0 || points_nameless(&server->points, name))
		return WPS_OK;
	conf_where(conf, option, where, sizeof(where));
	snprintf(err->text, sizeof(err->text), "%s: hub \"%.*s\": %s: no plugin "
	    "in \"plugins\" serves clients as \"%.*s\"", where, (int)hub.len,
	    hub.data, option, (int)name.len, name.data);
	return WPS_EINVAL;
}

int
server_init(struct server *server, struct wps_err *err)
{
	struct wps_span hub = WPS_SPAN("*");
	int rc = loader_init(server, err);

	for (size_t i = 0; rc == WPS_OK && hub.data; i++) {
		rc = judge_default(server, hub, err);
		hub = conf_hub_name(server->conf, i);
	}
	return rc;
}

static int
prepare(struct server *server, struct wps_err *err)
{
	make_workers(server);
	int rc = server_init(server, err);
	if (rc != WPS_OK)
		return rc;
	hub_table_init(&server->hubs,
	    (size_t)conf_int(conf_core(server->conf), "max_hubs"),
	    server->conf, &server->points);
	for (unsigned i = 0; rc == WPS_OK && i < server->worker_count; i++)
		rc = start_plugins(server->workers[i], err);
	return rc == WPS_OK ? open_listeners(server, err) : rc;
}

int
server_probe(struct server *server,
    void (*say)(void *data, const char *line), void *data)
{
	return loader_probe(server, say, data);
}

int
server_start(struct server *server, struct wps_err *err)
{
	read_options(server);
	int rc = prepare(server, err);
	if (rc != WPS_OK)
		return rc;
	for (unsigned i = 0; i < server->worker_count; i++) {
		struct worker *worker = server->workers[i];
		for (size_t k = 0; k < server->listener_count; k++)
			listener_start(server->listeners[k], worker);
		start_thread(worker);
	}
	server->running = true;
	log_listeners(server);
	log_info("core", "ready workers=%u", server->worker_count);
	return WPS_OK;
}

/* --- stopping ------------------------------------------------------------------------------ */

/* One worker's end: it runs on until its clients are gone, or the deadline. */
struct drain {
	struct mail mail;
	struct worker *worker;
	struct wheel_timer timer;
	uint64_t deadline_ms;
};

static bool
upstreams_busy(const struct worker *worker)
{
	const struct points *points = &worker_server(worker)->points;

	for (unsigned i = 0; i < points->upstream_count; i++) {
		const struct upstream *upstream = &points->upstreams[i];
		if (upstream->ops.busy &&
		    upstream->ops.busy(plugin_state(worker, upstream->self)))
			return true;
	}
	return false;
}

static void
check_drained(struct wheel_timer *timer)
{
	struct drain *drain = container_of(timer, struct drain, timer);
	struct worker *worker = drain->worker;
	bool empty = list_empty(&worker->wss) && list_empty(&worker->https) &&
	    !upstreams_busy(worker);

	if (!empty && worker_now_ms(worker) < drain->deadline_ms) {
		worker_timer_start(worker, timer, 0);
		return;
	}
	free(drain);
	ev_break(worker->loop, EVBREAK_ALL);
}

static void
close_all(struct worker *worker)
{
	struct hub_table *hubs = &worker_server(worker)->hubs;

	for (unsigned i = 0; i < HUB_BUCKETS; i++)
		for (struct hub *hub = atomic_load(&hubs->buckets[i]); hub;
		    hub = hub->next) {
			struct shard *shard = shard_find(hub, worker);
			while (shard && shard->all.count > 0)
				conn_close(shard->all.items[0].conn, 1001,
				    WPS_SPAN("the server is shutting down"));
		}
}

static void
begin_drain(struct worker *worker, struct mail *mail)
{
	struct drain *drain = container_of(mail, struct drain, mail);
	struct server *server = worker_server(worker);

	for (size_t i = 0; i < server->listener_count; i++)
		listener_stop(server->listeners[i], worker);
	http_drain(worker);
	close_all(worker);
	drain->worker = worker;
	drain->deadline_ms = worker_now_ms(worker) + server->stop_ms;
	wheel_timer_init(&drain->timer, check_drained);
	worker_timer_start(worker, &drain->timer, 0);
}

static void
drain_worker(struct worker *worker)
{
	struct drain *drain = xcalloc(1, sizeof(*drain));

	drain->mail.run = begin_drain;
	drain->mail.call = true;
	worker_post(worker, &drain->mail);
}

/* After the threads: what is left is given up, and plugins let go. */
static void
clear_worker(struct worker *worker)
{
	struct points *points = &worker_server(worker)->points;

	ws_cut_all(worker);
	while (worker_busy(worker))
		worker_settle(worker);
	http_abandon_all(worker);
	worker_settle(worker);
	for (unsigned i = worker->plugins_started; i-- > 0;) {
		const struct wps_self *self = &points->plugins[i];
		if (self->plugin->worker_stop)
			self->plugin->worker_stop(worker->plugin_states[i]);
	}
	worker->plugins_started = 0;
	worker->stopped = true;
}

/* Mail that nobody took: it frees itself, and may send back what it holds. */
static void
clear_mail(struct server *server)
{
	for (bool busy = true; busy;) {
		busy = false;
		for (unsigned i = 0; i < server->worker_count; i++) {
			struct worker *worker = server->workers[i];
			/* What it does may be mail to one that had none left. */
			busy |= atomic_load(&worker->mailbox) != NULL;
			worker_drain(worker);
			busy |= worker_busy(worker);
			worker_settle(worker);
			http_abandon_all(worker);
		}
	}
}

/* Everything is served as before, while whoever asks for the health hears that
 * it is time to go elsewhere. */
static void
announce_stop(struct server *server)
{
	struct timespec delay = {
		.tv_sec = (time_t)(server->stop_delay_ms / 1000),
		.tv_nsec = (long)(server->stop_delay_ms % 1000) * 1000000,
	};

	atomic_store(&server->stopping, true);
	while (nanosleep(&delay, &delay) != 0 && errno == EINTR)
		continue;
}

void
server_stop(struct server *server)
{
	if (!server->running)
		return;
	log_info("core", "stopping");
	announce_stop(server);
	for (unsigned i = 0; i < server->worker_count; i++)
		drain_worker(server->workers[i]);
	for (unsigned i = 0; i < server->worker_count; i++)
		pthread_join(server->workers[i]->thread, NULL);
	server->running = false;
	log_info("core", "stopped");
}

/* Threads of plugins may post until fini has returned: workers end after it. */
static void
end_plugins(struct server *server)
{
	for (unsigned i = 0; i < server->worker_count; i++)
		if (server->workers[i])
			clear_worker(server->workers[i]);
	if (server->workers[0])
		clear_mail(server);
	counters_log(server);
	loader_fini(server);
	if (server->workers[0])
		clear_mail(server);
}

static void
free_workers(struct server *server)
{
	hub_table_fini(&server->hubs);
	for (unsigned i = 0; i < server->worker_count; i++) {
		struct worker *worker = server->workers[i];
		if (worker == NULL)
			continue;
		http_pool_fini(worker);
		wsinput_pool_fini(worker);
		free(worker->plugin_states);
		counters_worker_fini(worker);
		worker_free(&server->workers[i]);
	}
}

/* Before the configuration, which says how many there are. */
static void
free_tls(struct server *server)
{
	if (server->tls == NULL)
		return;
	for (size_t i = conf_count(conf_core(server->conf), "listen"); i-- > 0;)
		tls_context_free(&server->tls[i]);
	free(server->tls);
}

void
server_free(struct server **ref)
{
	struct server *server = *ref;

	*ref = NULL;
	if (server == NULL)
		return;
	for (size_t i = 0; i < server->listener_count; i++)
		listener_free(&server->listeners[i]);
	free(server->listeners);
	end_plugins(server);
	free_workers(server);
	free_tls(server);
	conf_set_free(&server->conf);
	loader_close(server);
	free(server);
}
