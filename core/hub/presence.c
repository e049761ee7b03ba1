/* SPDX-License-Identifier: MIT */
#include "hub/presence.h"

#include "hub/conn.h"
#include "hub/event.h"
#include "hub/server.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/list.h"

#include <stdlib.h>

struct change {
	struct list link;
	bool joined;
	size_t len;
	char group[];
};

/* From the first change of a turn to its end. */
struct presence {
	struct mail mail;
	struct wps_conn *conn; /* counted */
	struct list changes;
};

void
presence_ask(struct shard *shard)
{
	const struct points *points = &worker_server(shard->worker)->points;

	if (shard->presence_asked)
		return;
	shard->presence_asked = true;
	for (unsigned i = 0; i < points->upstream_count; i++) {
		const struct upstream *upstream = &points->upstreams[i];
		if (upstream->ops.wants_presence && upstream->ops.wants_presence(
		    plugin_state(shard->worker, upstream->self),
		    hub_name(shard->hub)))
			shard->presence = true;
	}
}

static void
tell_or_drop(struct presence *presence, bool drop)
{
	for (struct list *link; (link = list_take(&presence->changes));) {
		struct change *change = container_of(link, struct change, link);
		if (!drop)
			event_presence(presence->conn, change->joined,
			    (struct wps_span){ change->group, change->len });
		free(change);
	}
}

static void
end_turn(struct worker *worker, struct mail *mail)
{
	struct presence *presence = container_of(mail, struct presence, mail);
	struct wps_conn *conn = presence->conn;

	tell_or_drop(presence, worker->stopped);
	conn->presence = NULL;
	free(presence);
	conn_unref(&conn);
}

static struct presence *
presence_new(struct wps_conn *conn)
{
	struct presence *presence = xcalloc(1, sizeof(*presence));

	presence->mail.run = end_turn;
	presence->conn = conn_ref(conn);
	list_init(&presence->changes);
	worker_later(conn->worker, &presence->mail);
	return presence;
}

void
presence_note(struct wps_conn *conn, bool joined, struct wps_span group)
{
	if (!conn->shard->presence)
		return;
	if (conn->presence == NULL)
		conn->presence = presence_new(conn);
	struct change *change = xcalloc(1, sizeof(*change) + group.len);
	change->joined = joined;
	change->len = group.len;
	memcpy(change->group, group.data, group.len);
	list_add(&conn->presence->changes, &change->link);
}

void
presence_flush(struct wps_conn *conn)
{
	if (conn->presence)
		tell_or_drop(conn->presence, false);
}
