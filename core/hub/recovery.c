/* SPDX-License-Identifier: MIT */
#include "hub/recovery.h"

#include "hub/conn.h"
#include "hub/server.h"
#include "util/alloc.h"
#include "util/log.h"

#include <stdlib.h>

/* Travels with the transport; its spans live in the request, which does too. */
struct recovery {
	struct hub *hub; /* NULL: there is no such hub */
	struct wps_span id, fallback;
};

/* The transport of a refused recovery, until its close handshake is over. */
struct refused {
	struct ws *ws; /* owned */
};

static void
ignore_message(void *owner, enum wps_frame frame, struct wps_span data)
{
	(void)owner;
	(void)frame;
	(void)data;
}

static void
ignore_violation(void *owner, uint16_t code, const char *reason)
{
	(void)owner;
	(void)code;
	(void)reason;
}

static void
on_ended(void *owner, const struct ws_end *end)
{
	struct refused *refused = owner;

	(void)end;
	ws_free(&refused->ws);
	free(refused);
}

static const struct ws_ops refused_ops = {
	.message = ignore_message,
	.violated = ignore_violation,
	.ended = on_ended,
};

static void
take_refused(struct stream *stream, struct sender *first, struct wps_span early,
    void *data)
{
	struct refused *refused = xcalloc(1, sizeof(*refused));

	(void)early;
	refused->ws = ws_new(stream, first, &refused_ops, data, refused);
	ws_close(refused->ws, 1008, WPS_SPAN("recovery refused"));
}

static const struct wps_conn *
find(struct worker *worker, const struct recovery *recovery)
{
	const struct shard *shard = recovery->hub ?
	    shard_find(recovery->hub, worker) : NULL;

	return shard ? shard_conn(shard, recovery->id) : NULL;
}

/* On the worker that would own the connection. */
static void
decide(struct http *http, void *data)
{
	struct recovery *recovery = data;
	struct worker *worker = http_worker(http);
	const struct wps_conn *conn = find(worker, recovery);

	log_debug("core", "recovery refused reason=\"%s\"", conn ?
	    "not a reliable connection" : "no such connection");
	http_upgrade(http, conn ? conn->view.subprotocol : recovery->fallback,
	    take_refused,
	    &worker_server(worker)->hubs.any.ws);
	free(recovery);
}

void
recovery_begin(struct http *http, struct wps_span hub, struct wps_span id,
    struct wps_span fallback)
{
	struct worker *worker = http_worker(http);
	struct recovery *recovery = xcalloc(1, sizeof(*recovery));
	unsigned owner = worker->index;

	*recovery = (struct recovery){
		.hub = hub_find(&worker_server(worker)->hubs, hub),
		.id = id,
		.fallback = fallback,
	};
	(void)conn_id_worker(id, worker->peer_count, &owner);
	http_hand_over(http, worker->peers[owner], decide, recovery);
}
