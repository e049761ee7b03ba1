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
	WPS_OP_COUNT,     /* count them all */
	WPS_OP_LIST,      /* name them; submit_list only */
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
	WPS_PERM_SET_STATE, /* set its own state */
	WPS_PERM_GET_STATE, /* watch the states of all members */
};

/* What is known of a connection while it is judged. The host makes it; all of it
 * lives during the call. `in_group` is the host's, for `test` to call. */
struct wps_conn_facts {
	struct wps_span id;
	struct wps_span user;        /* absent: none */
	struct wps_span subprotocol; /* as agreed; absent: none */
	size_t group_count;          /* groups that it is in now */
	bool (*in_group)(const struct wps_conn_facts *facts,
	    struct wps_span group);
};

/*
 * Which of the connections that a command means it is done to. The plugin
 * embeds it in what it needs for that. It is immutable and counted: a command
 * on its way holds references, whose last one may go on any thread, after
 * worker_stop too, but before fini.
 */
struct wps_match {
	uint32_t struct_size;

	/* [any] Several threads may test at once; no host function may be called.
	 * All three are mandatory. */
	bool (*test)(const struct wps_match *match,
	    const struct wps_conn_facts *facts);
	void (*ref)(const struct wps_match *match);   /* [any] */
	void (*unref)(const struct wps_match *match); /* [any] */
};

/* What a listing names; users and groups only of WPS_TO_ALL, and the groups of
 * one connection, WPS_TO_CONN. Excluded connections and a match are looked at for
 * connections alone. */
enum wps_list {
	WPS_LIST_CONNS = 1,
	WPS_LIST_USERS,
	WPS_LIST_GROUPS,
};

#define WPS_LIST_MAX 1000 /* names of one page, and of each list in a detail */

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

	/* Absent: all that are meant; borrowed, the host takes references. */
	const struct wps_match *match;

	/* Join, leave: these instead of `group`, all of each connection. */
	const struct wps_span *groups;
	size_t group_count;

	/* List: what, the first `limit` (1 to WPS_LIST_MAX) names behind `after`
	 * in the order of their bytes; absent: from the first one. */
	enum wps_list list;
	struct wps_span after;
	uint32_t limit;
	bool detail; /* of connections: groups and rules too, `limit` of each */
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

enum wps_rule_kind {
	WPS_RULE_ALL = 1, /* all groups */
	WPS_RULE_PATTERN, /* groups that match `name` */
	WPS_RULE_ALLOW,   /* the group `name`, an override */
	WPS_RULE_DENY,    /* the same */
};

/* What a connection may do, or may not. An override goes before the rest. An
 * element of arrays: it never grows. */
struct wps_rule {
	enum wps_perm perm;
	enum wps_rule_kind kind;
	struct wps_span name;
};

/* One name of a page. The host makes it. */
struct wps_listed {
	struct wps_span name; /* connection id, user id or group */
	uint64_t members;     /* of a user or group: its connections that are
				 meant, over all workers */

	/* Connections */
	struct wps_span user;        /* absent: none */
	struct wps_span subprotocol; /* as agreed; absent: none */
	uint64_t age_ms;             /* since it opened */
	uint64_t queued_bytes;       /* that wait to be written */
	uint32_t queued_messages;
	uint32_t group_count;

	/* With `detail`: some of them, in no order */
	const struct wps_span *groups;
	size_t shown_groups;
	const struct wps_rule *rules;
	size_t shown_rules;
};

/* Names in the order of their bytes, each once. The host makes it. */
struct wps_page {
	const struct wps_listed *const *items;
	size_t count;
	bool more;   /* there are names behind the last one */
	bool failed; /* there was no memory for all of it: it is empty */
};

/* [loop] Hears the page like wps_done_fn; it is borrowed until the return. */
typedef void (*wps_list_fn)(const struct wps_page *page, void *data);

#endif
