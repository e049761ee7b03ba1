/* SPDX-License-Identifier: MIT */
#include "unit/groupstate_scene.h"

#include "hub/delivery.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/hash.h"

static const struct loop_limits limits = { .mailbox_bytes = 1 << 20 };

static void
copy_text(char *dst, size_t cap, struct wps_span text)
{
	snprintf(dst, cap, "%.*s", (int)text.len, text.len ? text.data : "");
}

static int
encode(void *worker_state, const struct wps_msg_view *msg,
    struct wps_body *body)
{
	struct scene_talker *talker = worker_state;
	const struct wps_states *states = msg->states;

	talker->encodes++;
	talker->count = states->count;
	talker->snapshot = states->snapshot;
	copy_text(talker->group, sizeof(talker->group), msg->group);
	for (size_t i = 0; i < states->count; i++) {
		const struct wps_state *item = &states->items[i];
		talker->items[i] = *item;
		copy_text(talker->ids[i], sizeof(talker->ids[i]), item->conn);
		copy_text(talker->values[i], sizeof(talker->values[i]),
		    item->entry_count ? item->entries[0].value : WPS_SPAN(""));
	}
	*delivery_body_make(body, WPS_FRAME_TEXT, 1) = 'x';
	return WPS_OK;
}

/* The connections have no transport: this is where they hear something. */
int __wrap_conn_push(struct wps_conn *conn, struct body *body,
    uint64_t sequence);

int
__wrap_conn_push(struct wps_conn *conn, struct body *body, uint64_t sequence)
{
	struct scene *scene = container_of(conn->worker->server, struct scene,
	    server);

	(void)body;
	(void)sequence;
	scene->ear(scene, conn, conn_sub_state(conn));
	return WPS_OK;
}

static void
recv_nothing(void *worker_state, struct wps_conn *conn, enum wps_frame frame,
    struct wps_span data)
{
	(void)worker_state;
	(void)conn;
	(void)frame;
	(void)data;
}

static void
make_hub(struct scene *scene)
{
	struct hub *hub = xcalloc(1, sizeof(*hub));

	snprintf(hub->name, sizeof(hub->name), "h");
	hub->name_len = 1;
	hub->hash = hash_bytes(WPS_SPAN("h"));
	hub->options.groups_per_conn = UINT32_MAX;
	hub->options.ws.out.items = UINT32_MAX;
	hub->options.ws.out.bytes = SIZE_MAX;
	scene->hub = hub;
}

static void
make_worker(struct scene *scene, unsigned i)
{
	struct server *server = &scene->server;
	struct worker *worker = worker_new(i, server->workers,
	    server->worker_count, &limits);

	worker->server = server;
	worker->plugin_states = xcalloc(1, sizeof(void *));
	worker->plugin_states[0] = &scene->talkers[i];
	server->workers[i] = worker;
}

void
scene_set_up(struct scene *scene, unsigned workers)
{
	const struct wps_subprotocol ops = {
		.flags = WPS_SUBPROTOCOL_STATES, .name = "knows",
		.recv = recv_nothing, .encode = encode,
	};

	memset(scene, 0, sizeof(*scene));
	scene->server.worker_count = workers;
	scene->knows.ops = scene->strange.ops = ops;
	scene->strange.ops.flags = 0;
	scene->strange.index = 1;
	scene->knows.self = scene->strange.self = &scene->self;
	make_hub(scene);
	for (unsigned i = 0; i < workers; i++)
		make_worker(scene, i);
}

void
scene_tear_down(struct scene *scene)
{
	for (unsigned i = 0; i < scene->count; i++)
		conn_close(scene->conns[i], 1000, WPS_SPAN(""));
	scene_run_all(scene);
	for (unsigned i = 0; i < scene->count; i++) {
		check_number("references", scene->conns[i]->refs, 1);
		conn_unref(&scene->conns[i]);
	}
	for (unsigned i = 0; i < scene->server.worker_count; i++) {
		shard_free(&scene->hub->shards[i]);
		free(scene->server.workers[i]->plugin_states);
		worker_free(&scene->server.workers[i]);
	}
	for (unsigned i = 0; i < HUB_HINTS; i++)
		CU_ASSERT_EQUAL_FATAL(scene->hub->hints[i], 0);
	free(scene->hub);
}

struct wps_conn *
scene_open(struct scene *scene, const char *id, unsigned worker)
{
	struct wps_conn *conn =
	    conn_new(scene->server.workers[worker], scene->hub);

	snprintf(conn->id, sizeof(conn->id), "%s", id);
	conn->view.id = wps_span_str(conn->id);
	conn->sub = &scene->knows;
	conn->data = xcalloc(1, SCENE_HEARD);
	conn_set_state(conn, CONN_CONNECT_EVENT);
	conn_set_state(conn, CONN_OPEN);
	shard_enter(conn->shard, conn);
	/* One for the test, one is its life. */
	scene->conns[scene->count++] = conn_ref(conn);
	return conn;
}

void
scene_run(struct scene *scene, unsigned worker)
{
	worker_drain(scene->server.workers[worker]);
	worker_settle(scene->server.workers[worker]);
}

void
scene_run_all(struct scene *scene)
{
	for (bool busy = true; busy;) {
		busy = false;
		for (unsigned i = 0; i < scene->server.worker_count; i++) {
			struct worker *worker = scene->server.workers[i];
			busy |= atomic_load(&worker->mailbox) != NULL ||
			    worker_busy(worker);
			scene_run(scene, i);
		}
	}
}

int
scene_set(struct wps_conn *conn, const char *group, const char *value)
{
	const struct wps_pair pair = { WPS_SPAN("v"), wps_span_str(value) };

	return groupstate_set(conn, wps_span_str(group), &pair, 1);
}
