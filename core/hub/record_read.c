/* SPDX-License-Identifier: MIT */
/*
 * First the whole is cut into its sections, and it is judged whether there may be
 * such a connection. Then it is made, still in no table, with what upstreams and,
 * last, the subprotocol make of their bytes. Behind that nothing fails, and it
 * enters the tables.
 */
#include "hub/record_impl.h"

#include "hub/conn.h"
#include "hub/presence.h"
#include "hub/server.h"
#include "lib/names.h"
#include "lib/pack.h"
#include "lib/utf8.h"

#include <stdio.h>

/* Bytes of a user id or the name of a subprotocol: they come from a head or an
 * answer, and neither is longer. */
#define TEXT_MAX (1 << 20)

/* What a record says; all spans are slices of it. */
struct reading {
	struct worker *worker;
	struct wps_err *err;
	struct wps_span sections[RECORD_TAGS]; /* absent: there is none */

	struct wps_span hub, id, user, spelled;
	const struct subprotocol *sub;
	uint64_t age_ms, window_ms;
	bool announced;
	struct hub_options options;
	struct record_states states; /* owned */
};

static const struct points *
points_of(const struct reading *in)
{
	return &worker_server(in->worker)->points;
}

static int
refuse(const struct reading *in, const char *why)
{
	snprintf(in->err->text, sizeof(in->err->text), "%s", why);
	return WPS_EPROTO;
}

/* The same, with a name in it, of printable characters. */
static int
refuse_name(const struct reading *in, const char *what, struct wps_span name,
    const char *why)
{
	snprintf(in->err->text, sizeof(in->err->text), "%s %.*s %s", what,
	    (int)(name.len < 64 ? name.len : 64), name.data, why);
	return WPS_EPROTO;
}

static struct unpack
section_of(const struct reading *in, enum record_tag tag)
{
	return (struct unpack){ .rest = in->sections[tag] };
}

/* --- the frame ---------------------------------------------------------------- */

static int
read_version(struct reading *in, struct unpack *all)
{
	const size_t magic = sizeof(RECORD_MAGIC) - 1;

	if (all->rest.len < magic ||
	    memcmp(all->rest.data, RECORD_MAGIC, magic) != 0)
		return refuse(in, "this is no record of a connection");
	all->rest.data += magic;
	all->rest.len -= magic;
	uint64_t major = unpack_number(all, 0, UINT32_MAX);
	(void)unpack_number(all, 0, UINT32_MAX);
	if (!all->failed && major != RECORD_MAJOR) {
		snprintf(in->err->text, sizeof(in->err->text), "the record has "
		    "version %u, version %u is known", (unsigned)major,
		    RECORD_MAJOR);
		return WPS_EPROTO;
	}
	return WPS_OK;
}

static bool
is_known(uint64_t tag)
{
	return tag >= RECORD_IDENTITY && tag < RECORD_TAGS && tag % 2 == 0;
}

static int
read_sections(struct reading *in, struct unpack rest)
{
	uint64_t last = 0;

	while (unpack_more(&rest)) {
		uint64_t tag = unpack_number(&rest, last + 1, UINT32_MAX);
		struct wps_span bytes = unpack_bytes(&rest, SIZE_MAX);
		if (rest.failed)
			break;
		last = tag;
		if (is_known(tag))
			in->sections[tag] = bytes;
		else if (tag % 2 == 0)
			return refuse(in, "the record has a section that is "
			    "not known here: it is of a newer version");
	}
	return unpack_done(&rest) ? WPS_OK :
	    refuse(in, "the record is cut or its sections have no order");
}

static int
read_frame(struct reading *in, struct wps_span bytes)
{
	struct unpack all = { .rest = bytes };
	int rc = read_version(in, &all);

	if (rc != WPS_OK)
		return rc;
	struct unpack rest = { .rest = unpack_bytes(&all, SIZE_MAX) };
	if (!unpack_done(&all))
		return refuse(in, "the record is cut, or longer than it says");
	return read_sections(in, rest);
}

/* --- who it is ------------------------------------------------------------------ */

static bool
is_lower(struct wps_span name)
{
	char lower[NAME_HUB_MAX];

	name_lower(lower, name);
	return wps_span_eq(name, (struct wps_span){ lower, name.len });
}

/* It stands in the head of an answer: no separator of a list, no controls. */
static bool
is_item(struct wps_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if ((c < ' ' && c != '\t') || c == ',' || c == 0x7f)
			return false;
	}
	return true;
}

static bool
spelled_well(const struct reading *in)
{
	if (in->sub->ops.flags & WPS_SUBPROTOCOL_NAMELESS)
		return is_item(in->spelled);
	return name_eq_nocase(in->spelled, wps_span_str(in->sub->ops.name));
}

static bool
has_state(const struct subprotocol *sub)
{
	return sub->ops.conn_size > 0 || sub->ops.close;
}

static int
judge_subprotocol(struct reading *in, struct wps_span name)
{
	in->sub = points_registered(points_of(in), name);
	if (in->sub == NULL && !(is_item(name) && utf8_valid(name)))
		return refuse(in, "the subprotocol is not valid");
	if (in->sub == NULL)
		return refuse_name(in, "the subprotocol", name, "is not here");
	if (in->sub->ops.restore == NULL && (has_state(in->sub) ||
	    in->sections[RECORD_SUBPROTOCOL].data))
		return refuse_name(in, "the subprotocol", name,
		    "cannot read its connections back");
	if (!spelled_well(in))
		return refuse(in, "the client's name of the subprotocol is "
		    "not valid");
	return WPS_OK;
}

static int
judge_names(const struct reading *in)
{
	unsigned index;

	if (!name_hub_valid(in->hub) || !is_lower(in->hub))
		return refuse(in, "the hub is not valid");
	if (conn_id_worker(in->id, in->worker->peer_count, &index) != WPS_OK)
		return refuse(in, "the connection id is not valid here");
	if (index != in->worker->index)
		return refuse(in, "the connection id names another worker");
	if (in->user.len > 0 && !name_id_valid(in->user))
		return refuse(in, "the user id is not valid");
	return WPS_OK;
}

static int
read_identity(struct reading *in)
{
	struct unpack from = section_of(in, RECORD_IDENTITY);

	in->hub = unpack_bytes(&from, NAME_HUB_MAX);
	in->id = unpack_bytes(&from, CONN_ID_SIZE);
	in->user = unpack_bytes(&from, NAME_ID_MAX);
	struct wps_span name = unpack_bytes(&from, TEXT_MAX);
	in->spelled = unpack_bytes(&from, TEXT_MAX);
	in->age_ms = unpack_number(&from, 0, UINT64_MAX);
	in->announced = unpack_number(&from, 0, 1) != 0;
	in->window_ms = unpack_number(&from, 0, INT64_MAX);
	if (!unpack_done(&from))
		return refuse(in, "the identity is not valid");
	if (in->spelled.len == 0)
		in->spelled = WPS_SPAN_NONE;
	int rc = judge_names(in);
	if (rc != WPS_OK)
		return rc;
	hub_options_read(&in->options, &worker_server(in->worker)->hubs,
	    in->hub);
	return judge_subprotocol(in, name);
}

static int
check_absent(const struct reading *in)
{
	struct hub *hub = hub_find(&worker_server(in->worker)->hubs, in->hub);
	struct shard *shard = hub ? shard_find(hub, in->worker) : NULL;

	if (shard == NULL || shard_conn(shard, in->id) == NULL)
		return WPS_OK;
	(void)refuse(in, "the connection is here");
	return WPS_DUPLICATE;
}

/* --- permissions ------------------------------------------------------------------ */

/* All groups, then patterns, then single groups in the order of their names. */
static bool
rule_follows(const struct wps_rule *rule, const struct wps_rule *last)
{
	if (rule->perm != last->perm)
		return rule->perm > last->perm;
	switch (rule->kind) {
	case WPS_RULE_ALL:
		return false;
	case WPS_RULE_PATTERN:
		return last->kind <= WPS_RULE_PATTERN;
	case WPS_RULE_ALLOW:
	case WPS_RULE_DENY:
		return last->kind <= WPS_RULE_PATTERN ||
		    name_order(last->name, rule->name) < 0;
	}
	return false;
}

static int
apply_rule(struct perms *perms, const struct wps_rule *rule, uint32_t max)
{
	switch (rule->kind) {
	case WPS_RULE_ALL:
		if (rule->name.len > 0)
			break;
		return perms_permit(perms, &(struct wps_permit){
		    .perm = rule->perm, .scope = WPS_PERMIT_ALL }, max);
	case WPS_RULE_PATTERN:
		if (!pattern_valid(rule->name))
			break;
		return perms_permit(perms, &(struct wps_permit){
		    .perm = rule->perm, .scope = WPS_PERMIT_PATTERN,
		    .name = rule->name }, max);
	case WPS_RULE_ALLOW:
		if (!name_group_valid(rule->name))
			break;
		return perms_grant(perms, rule->perm, rule->name, max);
	case WPS_RULE_DENY:
		if (!name_group_valid(rule->name))
			break;
		return perms_revoke(perms, rule->perm, rule->name, max);
	}
	return WPS_EPROTO;
}

/* Into `perms`, which is to be freed in any case. */
static int
read_permissions(const struct reading *in, struct perms *perms)
{
	struct unpack from = section_of(in, RECORD_PERMISSIONS);
	struct wps_rule last = { .name = WPS_SPAN_NONE };

	while (unpack_more(&from)) {
		struct wps_rule rule;
		rule.perm = (enum wps_perm)unpack_number(&from, 1, PERM_KINDS);
		rule.kind = (enum wps_rule_kind)unpack_number(&from,
		    WPS_RULE_ALL, WPS_RULE_DENY);
		rule.name = unpack_bytes(&from, NAME_GROUP_MAX_BYTES);
		if (from.failed || !rule_follows(&rule, &last))
			return refuse(in, "the permissions are not valid");
		int rc = apply_rule(perms, &rule, in->options.rules_per_conn);
		if (rc != WPS_OK)
			return refuse(in, rc == WPS_FULL ?
			    "there are more permissions than the hub allows" :
			    "a permission is not valid");
		last = rule;
	}
	return unpack_done(&from) ? WPS_OK :
	    refuse(in, "the permissions are not valid");
}

/* --- groups ------------------------------------------------------------------------ */

static int
judge_groups(const struct reading *in)
{
	struct unpack from = section_of(in, RECORD_GROUPS);
	struct wps_span last = WPS_SPAN_NONE;
	uint32_t count = 0;

	while (unpack_more(&from)) {
		struct wps_span group =
		    unpack_bytes(&from, NAME_GROUP_MAX_BYTES);
		if (from.failed || !name_group_valid(group) ||
		    (count > 0 && name_order(last, group) >= 0))
			return refuse(in, "the groups are not valid");
		if (count++ == in->options.groups_per_conn)
			return refuse(in,
			    "there are more groups than the hub allows");
		last = group;
	}
	return unpack_done(&from) ? WPS_OK :
	    refuse(in, "the groups are not valid");
}

static int
read_states(struct reading *in)
{
	int rc = record_read_states(&in->states, in->sections[RECORD_STATES],
	    in->sections[RECORD_GROUPS], &(struct wps_state){
		.conn = in->id,
		.user = in->user.len > 0 ? in->user : WPS_SPAN_NONE,
	    });

	return rc == WPS_EPROTO ?
	    refuse(in, "the group states are not valid") : rc;
}

/* --- kept messages -------------------------------------------------------------------- */

struct kept {
	uint64_t sequence, left_ms;
	uint8_t frame, insert_count;
	uint8_t insert_slot[WPS_INSERTS];
	uint32_t insert_at[WPS_INSERTS];
	struct wps_span data;
};

/* Between characters of a text, where anything may stand between. */
static bool
insert_fits(const struct kept *kept, unsigned i)
{
	size_t at = kept->insert_at[i];

	if (at > kept->data.len || (i > 0 && (at < kept->insert_at[i - 1] ||
	    kept->insert_slot[i] <= kept->insert_slot[i - 1])))
		return false;
	return kept->frame != WPS_FRAME_TEXT || at == kept->data.len ||
	    ((unsigned char)kept->data.data[at] & 0xc0) != 0x80;
}

static bool
kept_valid(const struct reading *in, const struct kept *kept)
{
	if (kept->insert_count > 0 && in->sub->ops.insert == NULL)
		return false;
	for (unsigned i = 0; i < kept->insert_count; i++)
		if (!insert_fits(kept, i))
			return false;
	return kept->frame != WPS_FRAME_TEXT || utf8_valid(kept->data);
}

/* Numbers ascend, and none is above the newest. */
static bool
read_kept(struct unpack *from, struct kept *kept, uint64_t after, uint64_t last)
{
	*kept = (struct kept){ .sequence = after < last ?
	    unpack_number(from, after + 1, last) : 0 };
	kept->frame = (uint8_t)unpack_number(from, WPS_FRAME_TEXT,
	    WPS_FRAME_BINARY);
	kept->left_ms = unpack_number(from, 0, INT64_MAX);
	kept->insert_count = (uint8_t)unpack_number(from, 0, WPS_INSERTS);
	for (unsigned i = 0; i < kept->insert_count; i++) {
		kept->insert_slot[i] =
		    (uint8_t)unpack_number(from, 0, WPS_SLOTS - 1);
		kept->insert_at[i] =
		    (uint32_t)unpack_number(from, 0, UINT32_MAX);
	}
	kept->data = unpack_bytes(from, SIZE_MAX);
	return !from->failed && kept->sequence > 0;
}

static int
keep(const struct reading *in, struct replay *replay, const struct kept *kept)
{
	struct body *body = body_new(kept->frame, kept->data.len);

	if (body == NULL)
		return WPS_ENOMEM;
	if (kept->data.len > 0)
		memcpy(body_data(body), kept->data.data, kept->data.len);
	body->insert_count = kept->insert_count;
	memcpy(body->insert_slot, kept->insert_slot, sizeof(body->insert_slot));
	memcpy(body->insert_at, kept->insert_at, sizeof(body->insert_at));
	if (kept->left_ms > 0)
		body->expires_ms = worker_now_ms(in->worker) + kept->left_ms;
	body_seal(body);
	int rc = replay_restore(replay, body, &in->options.replay,
	    kept->sequence);
	body_unref(body);
	return rc == WPS_FULL ? refuse(in,
	    "there are more kept messages than the hub allows") : rc;
}

static int
read_replay(const struct reading *in, struct replay *replay)
{
	struct unpack from = section_of(in, RECORD_REPLAY);
	bool reliable = (in->sub->ops.flags & WPS_SUBPROTOCOL_RELIABLE) != 0;
	uint64_t sequence = 0;
	struct kept kept;

	if (reliable != (from.rest.data != NULL))
		return refuse(in, reliable ? "there are no sequence ids" :
		    "there are sequence ids of what is not reliable");
	if (!reliable)
		return WPS_OK;
	replay->last = unpack_number(&from, 0, INT64_MAX);
	while (unpack_more(&from)) {
		if (!read_kept(&from, &kept, sequence, replay->last) ||
		    !kept_valid(in, &kept))
			return refuse(in, "the kept messages are not valid");
		int rc = keep(in, replay, &kept);
		if (rc != WPS_OK)
			return rc;
		sequence = kept.sequence;
	}
	return unpack_done(&from) ? WPS_OK :
	    refuse(in, "the kept messages are not valid");
}

/* --- what plugins have put ------------------------------------------------------------- */

static int
plugin_failed(const struct reading *in, struct wps_span name, int rc)
{
	if (rc == WPS_EPROTO)
		(void)refuse_name(in, "what", name, "has written is not valid");
	return rc;
}

static int
read_slot(const struct reading *in, struct wps_conn *conn, struct wps_span name,
    struct wps_span bytes)
{
	const struct wps_self *self = points_plugin(points_of(in), name);
	const struct upstream *upstream =
	    self ? points_upstream(points_of(in), self) : NULL;

	if (self == NULL)
		return refuse_name(in, "the plugin", name, "is not here");
	if (upstream == NULL || upstream->ops.restore == NULL)
		return refuse_name(in, "the plugin", name,
		    "cannot read back what it kept with the connection");
	void **slot = conn_slot(conn, self), *made = NULL;
	if (*slot)
		return refuse_name(in, "the plugin", name, "stands there twice");
	int rc = upstream->ops.restore(plugin_state(in->worker, self), bytes,
	    &made);
	if (rc == WPS_OK)
		*slot = made;
	return plugin_failed(in, name, rc);
}

static int
read_slots(const struct reading *in, struct wps_conn *conn)
{
	struct unpack from = section_of(in, RECORD_SLOTS);

	while (unpack_more(&from)) {
		struct wps_span name = unpack_bytes(&from, NAME_HUB_MAX);
		struct wps_span bytes = unpack_bytes(&from, SIZE_MAX);
		if (from.failed || !name_hub_valid(name))
			return refuse(in, "the plugins' part is not valid");
		int rc = read_slot(in, conn, name, bytes);
		if (rc != WPS_OK)
			return rc;
	}
	return unpack_done(&from) ? WPS_OK :
	    refuse(in, "the plugins' part is not valid");
}

static int
read_subprotocol(const struct reading *in, struct wps_conn *conn)
{
	const struct wps_subprotocol *ops = &in->sub->ops;
	struct wps_span bytes = in->sections[RECORD_SUBPROTOCOL];

	if (ops->restore == NULL)
		return WPS_OK;
	if (bytes.data == NULL)
		bytes = WPS_SPAN("");
	return plugin_failed(in, wps_span_str(ops->name),
	    ops->restore(conn_sub_state(conn), conn, bytes));
}

/* --- the connection -------------------------------------------------------------------- */

static int
fill(const struct reading *in, struct wps_conn *conn)
{
	memcpy(conn->id, in->id.data, CONN_ID_SIZE);
	conn_set_user(conn, in->user);
	conn_agree(conn, in->sub, in->spelled);
	conn->opened_ms = worker_now_ms(in->worker) - in->age_ms;
	int rc = read_permissions(in, &conn->perms);
	if (rc == WPS_OK)
		rc = read_replay(in, conn->replay);
	if (rc == WPS_OK)
		rc = read_slots(in, conn);
	return rc == WPS_OK ? read_subprotocol(in, conn) : rc;
}

/* Who joins here was in its groups all the time: nobody is told. */
static void
join_groups(const struct reading *in, struct wps_conn *conn)
{
	struct unpack from = section_of(in, RECORD_GROUPS);

	while (unpack_more(&from))
		(void)shard_join(conn->shard, conn,
		    unpack_bytes(&from, NAME_GROUP_MAX_BYTES));
	presence_flush(conn);
}

static void
enter(struct reading *in, struct wps_conn *conn)
{
	uint64_t window_ms = in->options.recovery_window_ms;

	conn_revive(conn,
	    in->window_ms < window_ms ? in->window_ms : window_ms);
	join_groups(in, conn);
	record_enter_states(&in->states, conn);
	conn->announced = in->announced;
}

static int
make(struct reading *in, struct wps_conn **conn_out)
{
	struct hub *hub = hub_get(&worker_server(in->worker)->hubs, in->hub);

	if (hub == NULL) {
		(void)refuse(in, "there are too many hubs");
		return WPS_FULL;
	}
	struct wps_conn *conn = conn_new(in->worker, hub);
	int rc = fill(in, conn);
	if (rc == WPS_OK) {
		enter(in, conn);
		*conn_out = conn;
	} else {
		conn_set_state(conn, CONN_GONE);
	}
	conn_unref(&conn);
	return rc;
}

/* What others have sent before is for those who were here then. */
int
record_read(struct worker *worker, struct wps_span bytes,
    struct wps_conn **conn_out, struct wps_err *err)
{
	struct reading in = { .worker = worker, .err = err };

	worker_drain(worker);
	err->text[0] = '\0';
	if (worker->draining) {
		(void)refuse(&in, "the server is stopping");
		return WPS_DECLINED;
	}
	int rc = read_frame(&in, bytes);
	if (rc == WPS_OK)
		rc = read_identity(&in);
	if (rc == WPS_OK)
		rc = judge_groups(&in);
	if (rc == WPS_OK)
		rc = read_states(&in);
	if (rc == WPS_OK)
		rc = check_absent(&in);
	if (rc == WPS_OK)
		rc = make(&in, conn_out);
	if (rc == WPS_ENOMEM)
		(void)refuse(&in, "there is no memory for it");
	record_states_fini(&in.states);
	return rc;
}
