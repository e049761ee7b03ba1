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

static void
take_refused(struct stream *stream, struct sender *first, struct wps_span early,
    void *data)
{
	struct ws *ws = ws_new(stream, first, &ws_orphan_ops, data, NULL);

	(void)early;
	ws->owner = ws;
	ws_close(ws, 1008, WPS_SPAN("recovery refused"));
}

static void
take_accepted(struct stream *stream, struct sender *first,
    struct wps_span early, void *data)
{
	conn_recover(data, stream, first, early);
}

static struct wps_conn *
find(struct worker *worker, const struct recovery *recovery)
{
	const struct shard *shard = recovery->hub ?
	    shard_find(recovery->hub, worker) : NULL;

	return shard ? shard_conn(shard, recovery->id) : NULL;
}

/* NULL: it may; else why not. */
static const char *
refusal(struct wps_conn *conn, const struct http_request *request)
{
	const struct wps_handshake handshake = {
		.query = request->query,
		.headers = request->headers,
		.header_count = request->header_count,
	};

	if (conn == NULL)
		return "no such connection";
	if (conn->replay == NULL)
		return "not a reliable connection";
	return conn->sub->ops.recover(conn_sub_state(conn), conn,
	    &handshake) == WPS_OK ? NULL : "the proof is not valid";
}

/* On the worker that would own the connection. */
static void
decide(struct http *http, void *data)
{
	struct recovery *recovery = data;
	struct worker *worker = http_worker(http);

	if (worker->draining) {
		/* Trouble that passes is no refusal: the client tries again
		 * (client-protocols.md, section 13.5). */
		http_refuse(http, 503, "the server is stopping");
		free(recovery);
		return;
	}
	struct wps_conn *conn = find(worker, recovery);
	const char *why = refusal(conn, http_request(http));

	log_debug("core", "recovery %s reason=\"%s\"",
	    why ? "refused" : "accepted", why ? why : "");
	/* A refused client hears why only if the answer is what it offered. */
	if (why)
		http_upgrade(http, recovery->fallback, take_refused,
		    &worker_server(worker)->hubs.any.ws);
	else
		http_upgrade(http, conn->view.subprotocol, take_accepted, conn);
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
