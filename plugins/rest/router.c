/* SPDX-License-Identifier: MIT */
/*
 * The table of operations, and finding one.
 *
 * A path is split at its slashes first; only then a segment is decoded, once,
 * so that a group's name may hold an encoded slash. Fixed segments compare
 * decoded and without case. A slash at the end is a further, empty segment: a
 * caller that forgot a name is not given the operation on all of them.
 */
#include "router.h"

#include "params.h"
#include "rest.h"

#include "lib/pct.h"

#include <stdio.h>

#define FIXED(text) { .fixed = (text) }
#define PARAM(name) { .param = ROUTE_##name }
#define IN_HUB FIXED("hubs"), PARAM(HUB)
#define PATH(count, ...) .segments = { __VA_ARGS__ }, .segment_count = (count)
#define READS(name) (1u << QUERY_##name)

#define SEND_QUERIES (READS(FILTER) | READS(TTL))
#define PAGE_QUERIES (READS(PAGE_SIZE) | READS(TOP) | READS(TOKEN))
#define CLOSE_QUERIES (READS(EXCLUDED) | READS(REASON))

static const struct operation operations[] = {
	{ .name = "GetServiceStatus", .methods = ROUTE_GET | ROUTE_HEAD,
	  PATH(1, FIXED("health")), .run = health_run, .open = true },

	{ .name = "SendToAll", .methods = ROUTE_POST,
	  PATH(3, IN_HUB, FIXED(":send")), .run = send_run,
	  .queries = SEND_QUERIES | READS(EXCLUDED),
	  .op = WPS_OP_SEND, .whom = WPS_TO_ALL, .success = 202 },
	{ .name = "SendToConnection", .methods = ROUTE_POST,
	  PATH(5, IN_HUB, FIXED("connections"), PARAM(CONN), FIXED(":send")),
	  .run = send_run, .queries = READS(TTL),
	  .op = WPS_OP_SEND, .whom = WPS_TO_CONN, .success = 202 },
	{ .name = "SendToGroup", .methods = ROUTE_POST,
	  PATH(5, IN_HUB, FIXED("groups"), PARAM(GROUP), FIXED(":send")),
	  .run = send_run, .queries = SEND_QUERIES | READS(EXCLUDED),
	  .op = WPS_OP_SEND, .whom = WPS_TO_GROUP, .success = 202 },
	{ .name = "SendToUser", .methods = ROUTE_POST,
	  PATH(5, IN_HUB, FIXED("users"), PARAM(USER), FIXED(":send")),
	  .run = send_run, .queries = SEND_QUERIES,
	  .op = WPS_OP_SEND, .whom = WPS_TO_USER, .success = 202 },

	{ .name = "ConnectionExists", .methods = ROUTE_HEAD,
	  PATH(4, IN_HUB, FIXED("connections"), PARAM(CONN)),
	  .run = manage_run, .op = WPS_OP_EXISTS, .whom = WPS_TO_CONN,
	  .success = 200, .must_match = true },
	{ .name = "GroupExists", .methods = ROUTE_HEAD,
	  PATH(4, IN_HUB, FIXED("groups"), PARAM(GROUP)),
	  .run = manage_run, .op = WPS_OP_EXISTS, .whom = WPS_TO_GROUP,
	  .success = 200, .must_match = true },
	{ .name = "UserExists", .methods = ROUTE_HEAD,
	  PATH(4, IN_HUB, FIXED("users"), PARAM(USER)),
	  .run = manage_run, .op = WPS_OP_EXISTS, .whom = WPS_TO_USER,
	  .success = 200, .must_match = true },

	{ .name = "CloseConnection", .methods = ROUTE_DELETE,
	  PATH(4, IN_HUB, FIXED("connections"), PARAM(CONN)),
	  .run = manage_run, .queries = READS(REASON),
	  .op = WPS_OP_CLOSE, .whom = WPS_TO_CONN, .success = 204 },
	{ .name = "CloseAllConnections", .methods = ROUTE_POST,
	  PATH(3, IN_HUB, FIXED(":closeConnections")),
	  .run = manage_run, .queries = CLOSE_QUERIES,
	  .op = WPS_OP_CLOSE, .whom = WPS_TO_ALL, .success = 204 },
	{ .name = "CloseGroupConnections", .methods = ROUTE_POST,
	  PATH(5, IN_HUB, FIXED("groups"), PARAM(GROUP),
	      FIXED(":closeConnections")),
	  .run = manage_run, .queries = CLOSE_QUERIES,
	  .op = WPS_OP_CLOSE, .whom = WPS_TO_GROUP, .success = 204 },
	{ .name = "CloseUserConnections", .methods = ROUTE_POST,
	  PATH(5, IN_HUB, FIXED("users"), PARAM(USER),
	      FIXED(":closeConnections")),
	  .run = manage_run, .queries = CLOSE_QUERIES,
	  .op = WPS_OP_CLOSE, .whom = WPS_TO_USER, .success = 204 },

	{ .name = "AddConnectionToGroup", .methods = ROUTE_PUT,
	  PATH(6, IN_HUB, FIXED("groups"), PARAM(GROUP),
	      FIXED("connections"), PARAM(CONN)),
	  .run = manage_run, .op = WPS_OP_JOIN, .whom = WPS_TO_CONN,
	  .success = 200, .must_match = true },
	{ .name = "RemoveConnectionFromGroup", .methods = ROUTE_DELETE,
	  PATH(6, IN_HUB, FIXED("groups"), PARAM(GROUP),
	      FIXED("connections"), PARAM(CONN)),
	  .run = manage_run, .op = WPS_OP_LEAVE, .whom = WPS_TO_CONN,
	  .success = 204 },
	{ .name = "RemoveConnectionFromAllGroups", .methods = ROUTE_DELETE,
	  PATH(5, IN_HUB, FIXED("connections"), PARAM(CONN), FIXED("groups")),
	  .run = manage_run, .op = WPS_OP_LEAVE_ALL, .whom = WPS_TO_CONN,
	  .success = 204 },
	{ .name = "AddUserToGroup", .methods = ROUTE_PUT,
	  PATH(6, IN_HUB, FIXED("users"), PARAM(USER), FIXED("groups"),
	      PARAM(GROUP)),
	  .run = manage_run, .op = WPS_OP_JOIN, .whom = WPS_TO_USER,
	  .success = 200 },
	{ .name = "RemoveUserFromGroup", .methods = ROUTE_DELETE,
	  PATH(6, IN_HUB, FIXED("users"), PARAM(USER), FIXED("groups"),
	      PARAM(GROUP)),
	  .run = manage_run, .op = WPS_OP_LEAVE, .whom = WPS_TO_USER,
	  .success = 204 },
	{ .name = "RemoveUserFromAllGroups", .methods = ROUTE_DELETE,
	  PATH(5, IN_HUB, FIXED("users"), PARAM(USER), FIXED("groups")),
	  .run = manage_run, .op = WPS_OP_LEAVE_ALL, .whom = WPS_TO_USER,
	  .success = 204 },

	{ .name = "UserExistsInGroup", .methods = ROUTE_HEAD,
	  PATH(6, IN_HUB, FIXED("users"), PARAM(USER), FIXED("groups"),
	      PARAM(GROUP)),
	  .run = membership_run, .op = WPS_OP_EXISTS, .whom = WPS_TO_USER,
	  .success = 200, .must_match = true },
	{ .name = "AddConnectionsToGroups", .methods = ROUTE_POST,
	  PATH(3, IN_HUB, FIXED(":addToGroups")), .run = groups_run,
	  .op = WPS_OP_JOIN, .whom = WPS_TO_ALL, .success = 200 },
	{ .name = "RemoveConnectionsFromGroups", .methods = ROUTE_POST,
	  PATH(3, IN_HUB, FIXED(":removeFromGroups")), .run = groups_run,
	  .op = WPS_OP_LEAVE, .whom = WPS_TO_ALL, .success = 200 },
	{ .name = "ListConnectionsInGroup", .methods = ROUTE_GET,
	  PATH(5, IN_HUB, FIXED("groups"), PARAM(GROUP), FIXED("connections")),
	  .run = list_run, .queries = PAGE_QUERIES,
	  .op = WPS_OP_LIST, .whom = WPS_TO_GROUP, .list = WPS_LIST_CONNS },

	{ .name = "GrantPermission", .methods = ROUTE_PUT,
	  PATH(6, IN_HUB, FIXED("permissions"), PARAM(PERMISSION),
	      FIXED("connections"), PARAM(CONN)),
	  .run = permission_run, .queries = READS(TARGET),
	  .op = WPS_OP_GRANT, .whom = WPS_TO_CONN, .success = 200,
	  .must_match = true },
	{ .name = "RevokePermission", .methods = ROUTE_DELETE,
	  PATH(6, IN_HUB, FIXED("permissions"), PARAM(PERMISSION),
	      FIXED("connections"), PARAM(CONN)),
	  .run = permission_run, .queries = READS(TARGET),
	  .op = WPS_OP_REVOKE, .whom = WPS_TO_CONN, .success = 204 },
	{ .name = "CheckPermission", .methods = ROUTE_HEAD,
	  PATH(6, IN_HUB, FIXED("permissions"), PARAM(PERMISSION),
	      FIXED("connections"), PARAM(CONN)),
	  .run = permission_run, .queries = READS(TARGET),
	  .op = WPS_OP_CHECK, .whom = WPS_TO_CONN, .success = 200,
	  .must_match = true },

	{ .name = "GenerateClientToken", .methods = ROUTE_POST,
	  PATH(3, IN_HUB, FIXED(":generateToken")), .run = token_run,
	  .queries = READS(USER_ID) | READS(ROLE) | READS(GROUP) |
	      READS(MINUTES) | READS(CLIENT_TYPE) },

	/* From here on what the vendor's API does not have. */
	{ .name = "SendMany", .methods = ROUTE_POST,
	  PATH(3, IN_HUB, FIXED(":sendMany")), .run = many_run },
	{ .name = "ListConnections", .methods = ROUTE_GET,
	  PATH(3, IN_HUB, FIXED("connections")),
	  .run = list_run, .queries = PAGE_QUERIES | READS(FILTER),
	  .op = WPS_OP_LIST, .whom = WPS_TO_ALL, .list = WPS_LIST_CONNS },
	{ .name = "ListConnectionsOfUser", .methods = ROUTE_GET,
	  PATH(5, IN_HUB, FIXED("users"), PARAM(USER), FIXED("connections")),
	  .run = list_run, .queries = PAGE_QUERIES | READS(FILTER),
	  .op = WPS_OP_LIST, .whom = WPS_TO_USER, .list = WPS_LIST_CONNS },
	{ .name = "ListUsers", .methods = ROUTE_GET,
	  PATH(3, IN_HUB, FIXED("users")),
	  .run = list_run, .queries = PAGE_QUERIES,
	  .op = WPS_OP_LIST, .whom = WPS_TO_ALL, .list = WPS_LIST_USERS },
	{ .name = "ListGroups", .methods = ROUTE_GET,
	  PATH(3, IN_HUB, FIXED("groups")),
	  .run = list_run, .queries = PAGE_QUERIES,
	  .op = WPS_OP_LIST, .whom = WPS_TO_ALL, .list = WPS_LIST_GROUPS },
	{ .name = "ListGroupsOfConnection", .methods = ROUTE_GET,
	  PATH(5, IN_HUB, FIXED("connections"), PARAM(CONN), FIXED("groups")),
	  .run = list_run, .queries = PAGE_QUERIES,
	  .op = WPS_OP_LIST, .whom = WPS_TO_CONN, .list = WPS_LIST_GROUPS },
	{ .name = "GetConnection", .methods = ROUTE_GET,
	  PATH(4, IN_HUB, FIXED("connections"), PARAM(CONN)),
	  .run = list_run, .op = WPS_OP_LIST, .whom = WPS_TO_CONN,
	  .list = WPS_LIST_CONNS, .detail = true },
	{ .name = "CountConnections", .methods = ROUTE_GET,
	  PATH(3, IN_HUB, FIXED(":countConnections")),
	  .run = count_run, .queries = READS(FILTER),
	  .op = WPS_OP_COUNT, .whom = WPS_TO_ALL },
	{ .name = "CountConnectionsInGroup", .methods = ROUTE_GET,
	  PATH(5, IN_HUB, FIXED("groups"), PARAM(GROUP),
	      FIXED(":countConnections")),
	  .run = count_run, .queries = READS(FILTER),
	  .op = WPS_OP_COUNT, .whom = WPS_TO_GROUP },
	{ .name = "CountConnectionsOfUser", .methods = ROUTE_GET,
	  PATH(5, IN_HUB, FIXED("users"), PARAM(USER),
	      FIXED(":countConnections")),
	  .run = count_run, .queries = READS(FILTER),
	  .op = WPS_OP_COUNT, .whom = WPS_TO_USER },
};

static const struct {
	const char *name;
	enum route_method bit;
} methods[] = {
	{ "GET", ROUTE_GET },
	{ "HEAD", ROUTE_HEAD },
	{ "POST", ROUTE_POST },
	{ "PUT", ROUTE_PUT },
	{ "DELETE", ROUTE_DELETE },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned
method_bit(struct wps_span method)
{
	for (size_t i = 0; i < COUNT(methods); i++) {
		if (wps_span_eq(method, wps_span_str(methods[i].name)))
			return methods[i].bit;
	}
	return 0;
}

/* --- paths --------------------------------------------------------------- */

/* How many segments there are; more than fit are counted as one too many. */
static size_t
split(struct wps_span path, struct wps_span segments[ROUTE_SEGMENTS_MAX])
{
	size_t count = 0;

	for (;;) {
		const char *slash = path.len ?
		    memchr(path.data, '/', path.len) : NULL;
		if (count == ROUTE_SEGMENTS_MAX)
			return count + 1;
		segments[count] = path;
		if (slash == NULL)
			return count + 1;
		size_t len = (size_t)(slash - path.data);
		segments[count++].len = len;
		path.data += len + 1;
		path.len -= len + 1;
	}
}

static char
to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The next character of an encoded text, which is not empty; a stray % is one. */
static char
next_char(struct wps_span *text)
{
	int byte = text->data[0] == '%' && text->len >= 3 ?
	    pct_hex_byte(text->data + 1) : -1;
	size_t used = byte < 0 ? 1 : 3;
	char c = byte < 0 ? text->data[0] : (char)byte;

	text->data += used;
	text->len -= used;
	return c;
}

static bool
is_fixed(struct wps_span segment, const char *fixed)
{
	for (; *fixed; fixed++) {
		if (segment.len == 0 ||
		    to_lower(next_char(&segment)) != to_lower(*fixed))
			return false;
	}
	return segment.len == 0;
}

static bool
matches(const struct operation *operation, const struct wps_span *segments)
{
	for (size_t i = 0; i < operation->segment_count; i++) {
		const char *fixed = operation->segments[i].fixed;
		if (fixed && !is_fixed(segments[i], fixed))
			return false;
	}
	return true;
}

static void
take_params(struct route *route, const struct wps_span *segments)
{
	const struct operation *operation = route->operation;

	for (size_t i = 0; i < operation->segment_count; i++) {
		if (operation->segments[i].fixed == NULL)
			route->params[operation->segments[i].param] = segments[i];
	}
}

enum route_result
route_find(struct wps_span method, struct wps_span path, struct route *out)
{
	struct wps_span segments[ROUTE_SEGMENTS_MAX];
	const size_t prefix = sizeof(ROUTE_PREFIX) - 1;
	unsigned bit = method_bit(method);

	*out = (struct route){ .operation = NULL };
	if (path.len < prefix)
		return ROUTE_UNKNOWN;
	path.data += prefix;
	path.len -= prefix;

	size_t count = split(path, segments);
	for (size_t i = 0; i < COUNT(operations); i++) {
		const struct operation *operation = &operations[i];
		if (operation->segment_count != count ||
		    !matches(operation, segments))
			continue;
		if (operation->methods & bit) {
			out->operation = operation;
			take_params(out, segments);
			return ROUTE_FOUND;
		}
		out->methods |= operation->methods;
	}
	return out->methods ? ROUTE_OTHER_METHOD : ROUTE_UNKNOWN;
}

size_t
route_allow(unsigned allowed, char *dst)
{
	size_t len = 0;

	for (size_t i = 0; i < COUNT(methods); i++) {
		if (allowed & methods[i].bit)
			len += (size_t)snprintf(dst + len, ROUTE_ALLOW_MAX - len,
			    "%s%s", len ? ", " : "", methods[i].name);
	}
	return len;
}
