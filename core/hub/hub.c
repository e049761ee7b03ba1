/* SPDX-License-Identifier: MIT */
#include "hub/hub.h"

#include "conf.h"
#include "hub/points.h"
#include "hub/shard.h"
#include "lib/names.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/hash.h"
#include "util/log.h"

#include <stdlib.h>

void
hub_options_read(struct hub_options *options, const struct hub_table *table,
    struct wps_span name)
{
	const struct wps_conf *conf = conf_hub(table->conf, name);

	options->anonymous = conf_bool(conf, "anonymous");
	options->groups_per_conn =
	    (uint32_t)conf_int(conf, "max_groups_per_connection");
	if (options->groups_per_conn == 0)
		options->groups_per_conn = UINT32_MAX;
	options->rules_per_conn = (uint32_t)conf_int(conf, "max_permission_rules");
	options->nameless = points_nameless(table->points,
	    conf_span(conf, "default_subprotocol"));
	options->ws = (struct ws_limits){
		.message = (size_t)conf_int(conf, "max_message"),
		.ping_ms = (uint64_t)conf_int(conf, "ping_interval"),
		.close_wait_ms = (uint64_t)conf_int(conf, "close_timeout"),
		.held_items = (uint32_t)conf_int(conf, "max_waiting_messages"),
		.held_bytes = (size_t)conf_int(conf, "max_waiting_bytes"),
		.out = {
			.bytes = (size_t)conf_int(conf, "max_queue_bytes"),
			.items = (uint32_t)conf_int(conf, "max_queue_messages"),
		},
	};
	options->replay = (struct replay_limits){
		.messages = (uint32_t)conf_int(conf, "max_unacked_messages"),
		.bytes = (size_t)conf_int(conf, "max_unacked_bytes"),
	};
	options->recovery_window_ms =
	    (uint64_t)conf_int(conf, "recovery_window");
	options->reliable_ws = options->ws;
	options->reliable_ws.out.items += options->replay.messages;
	options->reliable_ws.out.bytes += options->replay.bytes;
}

void
hub_table_init(struct hub_table *table, size_t max,
    const struct conf_set *conf, const struct points *points)
{
	memset(table, 0, sizeof(*table));
	table->max = max;
	table->conf = conf;
	table->points = points;
	hub_options_read(&table->any, table, WPS_SPAN("*"));
}

static void
hub_free(struct hub *hub)
{
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		shard_free(&hub->shards[i]);
	free(hub);
}

void
hub_table_fini(struct hub_table *table)
{
	for (unsigned i = 0; i < HUB_BUCKETS; i++) {
		struct hub *hub = atomic_load(&table->buckets[i]);
		while (hub) {
			struct hub *next = hub->next;
			hub_free(hub);
			hub = next;
		}
		atomic_store(&table->buckets[i], NULL);
	}
}

static struct hub *
find_in(struct hub *hub, uint64_t hash, struct wps_span name)
{
	for (; hub; hub = hub->next)
		if (hub->hash == hash && wps_span_eq(hub_name(hub), name))
			return hub;
	return NULL;
}

struct hub *
hub_find(struct hub_table *table, struct wps_span name)
{
	char lower[NAME_HUB_MAX];

	if (name.len > sizeof(lower))
		return NULL;
	name_lower(lower, name);
	struct wps_span key = { lower, name.len };
	uint64_t hash = hash_bytes(key);
	return find_in(atomic_load(&table->buckets[hash % HUB_BUCKETS]), hash,
	    key);
}

static struct hub *
hub_new(const struct hub_table *table, struct wps_span name, uint64_t hash)
{
	struct hub *hub = xcalloc(1, sizeof(*hub));

	hub->hash = hash;
	hub->name_len = name.len;
	memcpy(hub->name, name.data, name.len);
	hub_options_read(&hub->options, table, name);
	return hub;
}

/* Insertion only, at the front of the chain: readers need no lock. */
static struct hub *
insert(struct hub_table *table, struct hub *hub)
{
	_Atomic(struct hub *) *bucket = &table->buckets[hub->hash % HUB_BUCKETS];
	struct hub *first = atomic_load(bucket);

	do {
		struct hub *other = find_in(first, hub->hash, hub_name(hub));
		if (other) {
			free(hub);
			atomic_fetch_sub(&table->count, 1);
			return other;
		}
		hub->next = first;
	} while (!atomic_compare_exchange_weak(bucket, &first, hub));
	return hub;
}

/* Once: no hub goes away, and clients can ask for others at will. */
static void
tell_full(struct hub_table *table)
{
	if (!atomic_exchange(&table->told_full, true))
		log_warnx("core", "no more hubs max_hubs=%zu", table->max);
}

struct hub *
hub_get(struct hub_table *table, struct wps_span name)
{
	struct hub *hub = hub_find(table, name);

	if (hub || !name_hub_valid(name))
		return hub;
	if (atomic_fetch_add(&table->count, 1) >= table->max) {
		atomic_fetch_sub(&table->count, 1);
		tell_full(table);
		return NULL;
	}
	char lower[NAME_HUB_MAX];
	name_lower(lower, name);
	struct wps_span key = { lower, name.len };
	return insert(table, hub_new(table, key, hash_bytes(key)));
}

bool
hub_anonymous(const struct hub_table *table, struct wps_span name)
{
	return conf_bool(conf_hub(table->conf, name), "anonymous");
}

unsigned
hub_bucket_group(uint64_t name_hash)
{
	return (unsigned)(name_hash >> 20) % HUB_HINTS;
}

unsigned
hub_bucket_user(uint64_t name_hash)
{
	return (unsigned)(name_hash >> 40) % HUB_HINTS;
}

uint64_t
hub_hint_group(const struct hub *hub, uint64_t name_hash)
{
	return atomic_load(&hub->hints[hub_bucket_group(name_hash)]);
}

uint64_t
hub_hint_user(const struct hub *hub, uint64_t name_hash)
{
	return atomic_load(&hub->hints[hub_bucket_user(name_hash)]);
}
