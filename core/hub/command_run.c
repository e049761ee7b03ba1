/* SPDX-License-Identifier: MIT */
/*
 * Commands on one shard: whom, then what.
 */
#include "hub/command.h"

#include "hub/conn.h"
#include "hub/delivery.h"
#include "hub/list.h"
#include "hub/msg.h"
#include "util/attr.h"

/* One command on its way through the connections of a shard. */
struct run {
	struct shard *shard;
	const struct wps_command *command;
	struct delivery delivery;
	struct listing listing;
	struct wps_outcome *outcome;
};

/* --- what ------------------------------------------------------------------------ */

static int
run_send(struct run *run, struct wps_conn *conn)
{
	return delivery_push(&run->delivery, conn);
}

static int
run_join(struct run *run, struct wps_conn *conn)
{
	const struct wps_command *command = run->command;
	int rc = WPS_OK;

	if (command->group_count == 0)
		return shard_join(run->shard, conn, command->group);
	for (size_t i = 0; i < command->group_count; i++)
		if (shard_join(run->shard, conn, command->groups[i]) == WPS_FULL)
			rc = WPS_FULL;
	return rc;
}

static int
run_leave(struct run *run, struct wps_conn *conn)
{
	const struct wps_command *command = run->command;

	if (command->group_count == 0)
		(void)shard_part(run->shard, conn, command->group);
	for (size_t i = 0; i < command->group_count; i++)
		(void)shard_part(run->shard, conn, command->groups[i]);
	return WPS_OK;
}

static int
run_leave_all(struct run *run, struct wps_conn *conn)
{
	shard_part_all(run->shard, conn);
	return WPS_OK;
}

static int
run_close(struct run *run, struct wps_conn *conn)
{
	conn_close(conn, run->command->code, run->command->reason);
	return WPS_OK;
}

static int
run_grant(struct run *run, struct wps_conn *conn)
{
	const struct wps_command *command = run->command;

	return perms_grant(&conn->perms, command->perm, command->group,
	    run->shard->hub->options.rules_per_conn);
}

static int
run_revoke(struct run *run, struct wps_conn *conn)
{
	const struct wps_command *command = run->command;

	return perms_revoke(&conn->perms, command->perm, command->group,
	    run->shard->hub->options.rules_per_conn);
}

static int
run_check(struct run *run, struct wps_conn *conn)
{
	return perms_allow(&conn->perms, run->command->perm,
	    run->command->group) ? WPS_OK : WPS_DECLINED;
}

static int
run_count(struct run *run, struct wps_conn *conn)
{
	(void)run;
	(void)conn;
	return WPS_OK;
}

static int
run_list(struct run *run, struct wps_conn *conn)
{
	list_offer(&run->listing, conn->view.id, conn);
	return WPS_OK;
}

static int (*const operations[])(struct run *run, struct wps_conn *conn) = {
	[WPS_OP_SEND] = run_send,
	[WPS_OP_JOIN] = run_join,
	[WPS_OP_LEAVE] = run_leave,
	[WPS_OP_LEAVE_ALL] = run_leave_all,
	[WPS_OP_CLOSE] = run_close,
	[WPS_OP_GRANT] = run_grant,
	[WPS_OP_REVOKE] = run_revoke,
	[WPS_OP_CHECK] = run_check,
	[WPS_OP_EXISTS] = run_count,
	[WPS_OP_COUNT] = run_count,
	[WPS_OP_LIST] = run_list,
};

/* --- whom ------------------------------------------------------------------------- */

/* Marks the connections that are left out; 0 when there are none here. */
static uint32_t
mark_left_out(struct shard *shard, const struct wps_command *command)
{
	uint32_t epoch = ++shard->epoch ? shard->epoch : ++shard->epoch;
	bool any = false;

	for (size_t i = 0; i < command->excluded_count; i++) {
		struct wps_conn *conn = shard_conn(shard, command->excluded[i]);
		if (conn) {
			conn->left_out = epoch;
			any = true;
		}
	}
	return any ? epoch : 0;
}

/* A connection as a predicate sees it. */
struct facts {
	struct wps_conn_facts seen; /* first */
	const struct wps_conn *conn;
};

static bool
in_group(const struct wps_conn_facts *seen, struct wps_span group)
{
	/* It is the first member. */
	const struct facts *facts = (const void *)seen;

	return shard_is_member(facts->conn->shard, facts->conn, group);
}

static bool
matches(const struct wps_match *match, const struct wps_conn *conn)
{
	const struct facts facts = {
		.conn = conn,
		.seen = {
			.id = conn->view.id,
			.user = conn->view.user,
			.subprotocol = conn->view.subprotocol,
			.group_count = conn->group_count,
			.in_group = in_group,
		},
	};

	return match->test(match, &facts.seen);
}

static void
run_one(struct run *run, struct wps_conn *conn, uint32_t left_out)
{
	const struct wps_command *command = run->command;

	if (conn == command->except ||
	    (left_out && conn->left_out == left_out) ||
	    (command->match && !matches(command->match, conn)))
		return;
	int rc = operations[command->op](run, conn);
	if (rc == WPS_OK)
		run->outcome->matched++;
	else if (rc == WPS_FULL)
		run->outcome->full++;
}

/* From the end: the visited one may leave the set. */
static void
run_set(struct run *run, const struct members *set, uint32_t left_out)
{
	const struct wps_command *command = run->command;
	bool once = command->op == WPS_OP_EXISTS;

	if (command->op == WPS_OP_COUNT && !left_out &&
	    command->match == NULL && command->except == NULL) {
		run->outcome->matched += set->count;
		return;
	}
	for (uint32_t i = set->count; i-- > 0;) {
		run_one(run, set->items[i].conn, left_out);
		if (once && run->outcome->matched > 0)
			return;
	}
}

static void
run_whom(struct run *run, uint64_t hash, uint32_t left_out)
{
	struct shard *shard = run->shard;
	const struct named *named;
	struct wps_conn *conn;

	switch (run->command->whom) {
	case WPS_TO_ALL:
		run_set(run, &shard->all, left_out);
		break;
	case WPS_TO_GROUP:
		named = shard_group(shard, run->command->name, hash);
		if (named)
			run_set(run, &named->members, left_out);
		break;
	case WPS_TO_USER:
		named = shard_user(shard, run->command->name, hash);
		if (named)
			run_set(run, &named->members, left_out);
		break;
	case WPS_TO_CONN:
		conn = shard_conn(shard, run->command->name);
		if (conn)
			run_one(run, conn, left_out);
		break;
	}
}

void
command_run(struct shard *shard, const struct wps_command *command,
    uint64_t name_hash, struct command_result *result)
{
	wps_assert((size_t)command->op < ARRAY_LEN(operations) &&
	    operations[command->op] != NULL);
	struct run run = {
		.shard = shard,
		.command = command,
		.outcome = &result->outcome,
	};
	uint32_t left_out =
	    command->excluded_count ? mark_left_out(shard, command) : 0;

	if (command->op == WPS_OP_SEND)
		delivery_init(&run.delivery, shard->worker,
		    msg_view(command->msg), msg_expires_ms(command->msg));
	if (command->op == WPS_OP_LIST)
		list_begin(&run.listing, shard, command);
	if (command->op != WPS_OP_LIST || !list_of_names(&run.listing))
		run_whom(&run, name_hash, left_out);
	if (command->op == WPS_OP_SEND)
		delivery_fini(&run.delivery);
	if (command->op == WPS_OP_LIST)
		list_end(&run.listing, result);
}
