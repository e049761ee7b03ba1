/* SPDX-License-Identifier: MIT */
/*
 * Permissions of one connection (rest-api.md, section 8).
 */
#include "params.h"
#include "rest.h"

static bool
read_permission(struct wps_span name, struct wps_command *command,
    struct error *error)
{
	if (name_eq_nocase(name, WPS_SPAN("sendToGroup")))
		command->perm = WPS_PERM_SEND;
	else if (name_eq_nocase(name, WPS_SPAN("joinLeaveGroup")))
		command->perm = WPS_PERM_JOIN_LEAVE;
	else
		return error_bad(error, "permission", "the permission must be "
		    "sendToGroup or joinLeaveGroup");
	return true;
}

/* An absent group means all of them: nobody gets there by mistake. */
static bool
read_target(const struct rest *rest, struct wps_span target,
    struct wps_command *command, struct error *error)
{
	if (target.data == NULL && !rest->permissions_without_target)
		return error_bad(error, "targetName",
		    "the name of a group is needed");
	if (target.data && !name_group_valid(target))
		return error_bad(error, "targetName", "a group name has 1 to "
		    "1024 characters and is not blank");
	command->group = target;
	return true;
}

void
permission_run(struct call *call, const struct params *params)
{
	struct wps_command command = call_command(call, params);
	struct error error;

	if (read_permission(params->path[ROUTE_PERMISSION], &command, &error) &&
	    read_target(call->worker->rest, params->query[QUERY_TARGET],
	        &command, &error))
		call_submit(call, &command);
	else
		reply_error(call, &error);
}
