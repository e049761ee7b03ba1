/* SPDX-License-Identifier: MIT */
#include "hub/record_impl.h"

#include "hub/conn.h"
#include "hub/invoke.h"
#include "hub/server.h"
#include "lib/names.h"
#include "lib/pack.h"
#include "util/alloc.h"
#include "util/attr.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAP 512

/* --- bytes ------------------------------------------------------------------- */

static bool
make_room(struct wps_record *record, size_t len)
{
	size_t cap = record->cap ? record->cap : FIRST_CAP;

	if (record->failed || len <= record->cap - record->len)
		return !record->failed;
	while (cap - record->len < len && cap <= SIZE_MAX / 2)
		cap *= 2;
	char *data = cap - record->len < len ? NULL :
	    realloc(record->data, cap);
	record->failed = data == NULL;
	if (data == NULL)
		return false;
	record->data = data;
	record->cap = cap;
	return true;
}

void
record_put(struct wps_record *record, struct wps_span bytes)
{
	if (bytes.len == 0 || !make_room(record, bytes.len))
		return;
	memcpy(record->data + record->len, bytes.data, bytes.len);
	record->len += bytes.len;
}

void
record_fini(struct wps_record *record)
{
	free(record->data);
	*record = (struct wps_record){ .data = NULL };
}

void
record_number(struct wps_record *record, uint64_t value)
{
	pack_add_number(&(struct pack){ record_put, record }, value);
}

void
record_bytes(struct wps_record *record, struct wps_span bytes)
{
	pack_add_bytes(&(struct pack){ record_put, record }, bytes);
}

/* Puts the length of all that stands behind `at` in front of it. */
static void
put_length(struct wps_record *record, size_t at)
{
	char number[PACK_NUMBER_MAX];
	size_t behind = record->len - at;
	size_t len = pack_number(number, behind);

	if (!make_room(record, len))
		return;
	if (behind > 0)
		memmove(record->data + at + len, record->data + at, behind);
	memcpy(record->data + at, number, len);
	record->len += len;
}

/* --- sections ----------------------------------------------------------------- */

static uint64_t
window_left_ms(const struct wps_conn *conn)
{
	uint64_t now_ms = worker_now_ms(conn->worker);

	if (conn->replay == NULL)
		return 0;
	if (conn->state == CONN_OPEN)
		return conn->shard->hub->options.recovery_window_ms;
	return conn->replay->window_end_ms > now_ms ?
	    conn->replay->window_end_ms - now_ms : 0;
}

static int
put_identity(struct wps_conn *conn, struct wps_record *record,
    struct wps_err *err)
{
	(void)err;
	record_bytes(record, conn->view.hub);
	record_bytes(record, conn->view.id);
	record_bytes(record, conn->view.user);
	record_bytes(record, wps_span_str(conn->sub->ops.name));
	record_bytes(record, conn->view.subprotocol);
	record_number(record, worker_now_ms(conn->worker) - conn->opened_ms);
	record_number(record, conn->announced);
	record_number(record, window_left_ms(conn));
	return WPS_OK;
}

struct rules {
	struct wps_rule *items; /* owned */
	size_t count, cap;
};

static void
add_rule(const struct wps_rule *rule, void *data)
{
	struct rules *rules = data;

	rules->items = xgrow(rules->items, rules->count, &rules->cap,
	    sizeof(*rules->items));
	rules->items[rules->count++] = *rule;
}

static int
compare_rules(const void *a, const void *b)
{
	return name_order(((const struct wps_rule *)a)->name,
	    ((const struct wps_rule *)b)->name);
}

/* All groups and patterns come first, and stay as they are. */
static void
sort_overrides(struct rules *rules, size_t from)
{
	while (from < rules->count &&
	    rules->items[from].kind != WPS_RULE_ALLOW &&
	    rules->items[from].kind != WPS_RULE_DENY)
		from++;
	if (from < rules->count)
		qsort(&rules->items[from], rules->count - from,
		    sizeof(*rules->items), compare_rules);
}

static int
put_permissions(struct wps_conn *conn, struct wps_record *record,
    struct wps_err *err)
{
	struct rules rules = { .items = NULL };

	(void)err;
	for (unsigned perm = 1; perm <= PERM_KINDS; perm++) {
		size_t from = rules.count;
		perms_walk(&conn->perms, (enum wps_perm)perm, add_rule, &rules);
		sort_overrides(&rules, from);
	}
	for (size_t i = 0; i < rules.count; i++) {
		record_number(record, rules.items[i].perm);
		record_number(record, rules.items[i].kind);
		record_bytes(record, rules.items[i].name);
	}
	free(rules.items);
	return WPS_OK;
}

static int
compare_groups(const void *a, const void *b)
{
	const struct named *x = *(const struct named *const *)a;
	const struct named *y = *(const struct named *const *)b;

	return name_order((struct wps_span){ x->name, x->len },
	    (struct wps_span){ y->name, y->len });
}

static int
put_groups(struct wps_conn *conn, struct wps_record *record,
    struct wps_err *err)
{
	const struct named **groups;

	(void)err;
	if (conn->group_count == 0)
		return WPS_OK;
	groups = calloc(conn->group_count, sizeof(const struct named *));
	if (groups == NULL)
		return WPS_ENOMEM;
	for (uint32_t i = 0; i < conn->group_count; i++)
		groups[i] = conn->groups[i].group;
	qsort(groups, conn->group_count, sizeof(const struct named *),
	    compare_groups);
	for (uint32_t i = 0; i < conn->group_count; i++)
		record_bytes(record,
		    (struct wps_span){ groups[i]->name, groups[i]->len });
	free(groups);
	return WPS_OK;
}

/* One whose time is over would not be sent again. */
static void
put_kept(struct wps_record *record, const struct replay_entry *entry,
    uint64_t now_ms)
{
	struct body *body = entry->body;

	if (body->expires_ms > 0 && body->expires_ms <= now_ms)
		return;
	record_number(record, entry->sequence);
	record_number(record, body->opcode);
	record_number(record, body->expires_ms ? body->expires_ms - now_ms : 0);
	record_number(record, body->insert_count);
	for (unsigned i = 0; i < body->insert_count; i++) {
		record_number(record, body->insert_slot[i]);
		record_number(record, body->insert_at[i]);
	}
	record_bytes(record, (struct wps_span){ body_data(body), body->len });
}

static int
put_replay(struct wps_conn *conn, struct wps_record *record,
    struct wps_err *err)
{
	uint64_t now_ms = worker_now_ms(conn->worker);

	(void)err;
	if (conn->replay == NULL)
		return WPS_OK;
	record_number(record, conn->replay->last);
	for (uint32_t i = 0; i < conn->replay->count; i++)
		put_kept(record, replay_at(conn->replay, i), now_ms);
	return WPS_OK;
}

static int
put_subprotocol(struct wps_conn *conn, struct wps_record *record,
    struct wps_err *err)
{
	const struct wps_subprotocol *ops = &conn->sub->ops;

	if (ops->save)
		return ops->save(conn_sub_state(conn), conn, record);
	if (ops->conn_size == 0 && ops->close == NULL)
		return WPS_OK;
	snprintf(err->text, sizeof(err->text),
	    "the subprotocol %s cannot write its connections down", ops->name);
	return WPS_DECLINED;
}

static int
put_slot(struct wps_conn *conn, const struct wps_self *self,
    struct wps_record *record, struct wps_err *err)
{
	const struct upstream *upstream =
	    points_upstream(&worker_server(conn->worker)->points, self);
	void *slot = conn->slots[self->index];

	if (slot == NULL)
		return WPS_OK;
	if (upstream == NULL || upstream->ops.save == NULL) {
		snprintf(err->text, sizeof(err->text), "the plugin %s cannot "
		    "write down what it keeps with a connection",
		    self->plugin->name);
		return WPS_DECLINED;
	}
	record_bytes(record, wps_span_str(self->plugin->name));
	size_t at = record->len;
	int rc = upstream->ops.save(plugin_state(conn->worker, self), slot,
	    record);
	put_length(record, at);
	return rc;
}

static int
put_slots(struct wps_conn *conn, struct wps_record *record, struct wps_err *err)
{
	const struct points *points = &worker_server(conn->worker)->points;
	int rc = WPS_OK;

	for (unsigned i = 0; conn->slots && rc == WPS_OK &&
	    i < points->plugin_count; i++)
		rc = put_slot(conn, &points->plugins[i], record, err);
	return rc;
}

/* In the order of their tags. */
static const struct {
	enum record_tag tag;
	int (*put)(struct wps_conn *conn, struct wps_record *record,
	    struct wps_err *err);
} sections[] = {
	{ RECORD_IDENTITY, put_identity },
	{ RECORD_PERMISSIONS, put_permissions },
	{ RECORD_GROUPS, put_groups },
	{ RECORD_REPLAY, put_replay },
	{ RECORD_SUBPROTOCOL, put_subprotocol },
	{ RECORD_SLOTS, put_slots },
	{ RECORD_STATES, record_put_states },
};

/* --- the whole ------------------------------------------------------------------ */

/* A section of nothing is left out. */
static int
put_sections(struct wps_conn *conn, struct wps_record *record,
    struct wps_err *err)
{
	int rc = WPS_OK;

	for (size_t i = 0; rc == WPS_OK && i < ARRAY_LEN(sections); i++) {
		size_t before = record->len;
		record_number(record, sections[i].tag);
		size_t at = record->len;
		rc = sections[i].put(conn, record, err);
		if (record->len > at)
			put_length(record, at);
		else
			record->len = before;
	}
	return rc;
}

/* What is told at the end of the turn is told by the connection as it is now. */
static bool
is_busy(const struct wps_conn *conn)
{
	return conn->pending || conn->presence || invoke_is_busy(conn) ||
	    groupstate_awaits(conn) || (conn->ws && ws_keeps(conn->ws));
}

int
record_write(struct wps_conn *conn, struct wps_record *record,
    struct wps_err *err)
{
	wps_assert(record->len == 0);
	err->text[0] = '\0';
	worker_drain(conn->worker);
	if (!conn_is_live(conn)) {
		snprintf(err->text, sizeof(err->text),
		    "the connection is not open");
		return WPS_DECLINED;
	}
	if (is_busy(conn))
		return WPS_PENDING;
	record_put(record, WPS_SPAN(RECORD_MAGIC));
	record_number(record, RECORD_MAJOR);
	record_number(record, RECORD_MINOR);
	size_t at = record->len;
	int rc = put_sections(conn, record, err);
	put_length(record, at);
	return rc == WPS_OK && record->failed ? WPS_ENOMEM : rc;
}
