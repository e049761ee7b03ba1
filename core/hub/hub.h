/* SPDX-License-Identifier: MIT */
/*
 * Hubs: separate spaces of connections, groups and users.
 *
 * A hub exists from its first connection on, or because the configuration names
 * it, until the server ends. All workers see it; each owns its shard of it. What
 * they share of it are hints: for the hub, and for each bucket of group and user
 * names, a word with a bit per worker that has such connections. A worker sets
 * its bit before a join is acknowledged, and only it clears it again: a hint may
 * err towards sending, never towards silence.
 */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include "hub/replay.h"
#include "lib/names.h"
#include "net/ws.h"

#include <wps/abi.h>

#include <stdatomic.h>

struct points;
struct shard;
struct subprotocol;
struct conf_set;

#define HUB_HINTS 1024   /* buckets of group and user names */
#define HUB_BUCKETS 1024 /* of the table of hubs */

/* What a hub's options say, read once. */
struct hub_options {
	bool anonymous;
	uint32_t groups_per_conn;
	uint32_t rules_per_conn;
	const struct subprotocol *nameless; /* may be NULL */
	struct ws_limits ws;
	struct ws_limits reliable_ws; /* room for a whole replay besides */
	struct replay_limits replay;
	uint64_t recovery_window_ms;
};

struct hub {
	struct hub *next; /* in its bucket */
	uint64_t hash;
	struct hub_options options;
	_Atomic uint64_t present;
	_Atomic uint64_t hints[HUB_HINTS];
	struct shard *shards[WORKERS_MAX]; /* each touched by its worker only */
	size_t name_len;
	char name[NAME_HUB_MAX + 1]; /* lower case */
};

struct hub_table {
	_Atomic(struct hub *) buckets[HUB_BUCKETS];
	_Atomic size_t count;
	_Atomic bool told_full; /* that it is full is in the log */
	size_t max;
	const struct conf_set *conf;
	const struct points *points;
	struct hub_options any; /* of hubs that the configuration does not name */
};

void hub_table_init(struct hub_table *table, size_t max,
    const struct conf_set *conf, const struct points *points);

/* When no worker runs: frees all hubs. */
void hub_table_fini(struct hub_table *table);

/* Any thread, without a lock. The name in any case of letters; NULL. */
struct hub *hub_find(struct hub_table *table, struct wps_span name);

/* Makes it if there is none; NULL when the name is not valid or the table is full. */
struct hub *hub_get(struct hub_table *table, struct wps_span name);

/* The options of a hub of that name; it need not exist. */
void hub_options_read(struct hub_options *options,
    const struct hub_table *table, struct wps_span name);

/* Whether a hub admits clients without a token; it need not exist. */
bool hub_anonymous(const struct hub_table *table, struct wps_span name);

static inline struct wps_span
hub_name(const struct hub *hub)
{
	return (struct wps_span){ hub->name, hub->name_len };
}

/* The hint of a name: groups and users have buckets of their own. */
uint64_t hub_hint_group(const struct hub *hub, uint64_t name_hash);
uint64_t hub_hint_user(const struct hub *hub, uint64_t name_hash);
unsigned hub_bucket_group(uint64_t name_hash);
unsigned hub_bucket_user(uint64_t name_hash);

#endif
