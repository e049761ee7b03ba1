/* SPDX-License-Identifier: MIT */
/*
 * Health, existence, closing and groups (rest-api.md, sections 4 to 6 and 10).
 *
 * What changes something is answered when it is done, so that whoever hears of
 * it sees the change with the next call.
 */
#include "choose.h"
#include "params.h"
#include "rest.h"

#include "lib/utf8.h"

#define CLOSE_CODE 1000
#define REASON_MAX 123 /* bytes: what a close frame holds (RFC 6455, 5.5) */

void
health_run(struct call *call, const struct params *params)
{
	const struct rest *rest = call->worker->rest;

	(void)params;
	if (rest->host->stopping(rest->self))
		reply_error(call, &(struct error){
			.code = ERROR_UNAVAILABLE,
			.message = "the server is stopping",
		});
	else
		reply_json(call, WPS_SPAN("{\"status\":\"healthy\"}"));
}

static bool
read_reason(const struct params *params, struct wps_command *command,
    struct error *error)
{
	struct wps_span reason = params->query[QUERY_REASON];

	if (reason.len == 0)
		reason = WPS_SPAN("The application closed the connection.");
	if (!utf8_valid(reason))
		return error_bad(error, "reason", "the reason is not UTF-8");
	reason.len = utf8_cut(reason, REASON_MAX);
	command->code = CLOSE_CODE;
	command->reason = reason;
	return true;
}

void
manage_run(struct call *call, const struct params *params)
{
	struct wps_command command = call_command(call, params);
	struct error error;

	if (command.op == WPS_OP_JOIN || command.op == WPS_OP_LEAVE)
		command.group = params->path[ROUTE_GROUP];
	if (command.op == WPS_OP_CLOSE &&
	    !read_reason(params, &command, &error)) {
		reply_error(call, &error);
		return;
	}
	command.excluded = params_items(params, QUERY_EXCLUDED);
	command.excluded_count = params->count[QUERY_EXCLUDED];
	call_submit(call, &command);
}

/* The filter 'group' in groups, into room for twice the name and MEMBER_EXTRA. */
#define MEMBER_EXTRA 16

static struct wps_span
write_filter(char *dst, struct wps_span group)
{
	char *at = dst;

	*at++ = '\'';
	for (size_t i = 0; i < group.len; i++) {
		if (group.data[i] == '\'')
			*at++ = '\'';
		*at++ = group.data[i];
	}
	memcpy(at, "' in groups", 11);
	return (struct wps_span){ dst, (size_t)(at + 11 - dst) };
}

void
membership_run(struct call *call, const struct params *params)
{
	struct wps_command command = call_command(call, params);
	char text[2 * NAME_GROUP_MAX_BYTES + MEMBER_EXTRA];
	struct choice choice;
	struct error error;

	if (!choose(call->worker->rest, &choice, &command,
	    write_filter(text, params->path[ROUTE_GROUP]), sizeof(text),
	    &error)) {
		reply_error(call, &error);
		return;
	}
	call_submit(call, &command);
	choice_fini(&choice);
}
