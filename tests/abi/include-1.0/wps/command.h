/* SPDX-License-Identifier: MIT */
/*
 * Commands: everything that is done to a hub's connections.
 *
 * A client's send, a REST call, an answer of the application: each says whom
 * it means and what is to happen to them. The host routes it to the workers
 * that may own such connections, runs it on each shard, and merges the outcome.
 */
#ifndef WPS_COMMAND_H
#define WPS_COMMAND_H

#include <wps/msg.h>

enum wps_op {
	WPS_OP_SEND = 1,  /* deliver `msg` */
	WPS_OP_JOIN,      /* join `group` */
	WPS_OP_LEAVE,     /* leave `group` */
	WPS_OP_LEAVE_ALL, /* leave every group */
	WPS_OP_CLOSE,     /* close with `code` and `reason` */
	WPS_OP_GRANT,     /* allow `perm` on `group` */
	WPS_OP_REVOKE,    /* its opposite */
	WPS_OP_CHECK,     /* count those that have `perm` on `group` */
	WPS_OP_EXISTS,    /* count them, at most one per worker */
};

enum wps_whom {
	WPS_TO_ALL = 1, /* every connection of the hub */
	WPS_TO_GROUP,   /* the members of group `name` */
	WPS_TO_USER,    /* the connections of user `name` */
	WPS_TO_CONN,    /* the connection with id `name` */
};

/* What a connection may do to groups (auth-and-permissions.md, section 9). */
enum wps_perm {
	WPS_PERM_JOIN_LEAVE = 1,
	WPS_PERM_SEND,
};

/*
 * The plugin makes it; all of it is borrowed until host->submit returns. Members
 * that the op does not need are not looked at. The host does not judge names: a
 * group is 1 to 1024 UTF-16 units and not only white space, which whoever takes
 * one from outside has checked (client-protocols.md, section 5.3).
 */
struct wps_command {
	enum wps_op op;
	enum wps_whom whom;
	struct wps_span hub;  /* in any case of letters; one that does not exist
				 has no connections */
	struct wps_span name; /* group, user id or connection id, by `whom` */

	struct wps_span group; /* join, leave, grant, revoke, check; for the last
				  three absent means: all groups */
	enum wps_perm perm;    /* grant, revoke, check */

	struct wps_msg *msg; /* send; borrowed, the host takes references */

	uint16_t code;          /* close: RFC 6455, section 7.4 */
	struct wps_span reason; /* close: UTF-8; cut to 123 bytes */

	/* Connection ids that are left out, and one connection of this worker. */
	const struct wps_span *excluded; /* NULL if there are none */
	size_t excluded_count;
	const struct wps_conn *except; /* may be NULL */
};

/* The host makes it; it lives during the call. */
struct wps_outcome {
	uint64_t matched; /* connections that it was done to, over all workers:
			     that were sent the message, are in the group now,
			     have the permission, exist */
	uint64_t full;    /* connections that a limit kept from it: of groups, of
			     rules, or a full queue, whose client is closed */
};

/*
 * [loop] Hears the merged outcome on the worker that submitted, exactly once
 * unless that worker stops first: before `submit` returns when no other worker
 * was asked, else at the end of a later turn.
 */
typedef void (*wps_done_fn)(const struct wps_outcome *outcome, void *data);

#endif
