/* SPDX-License-Identifier: MIT */
/*
 * Sends (rest-api.md, section 3).
 *
 * A send costs one allocation, the message. It is answered when it has been
 * accepted: nothing that happens to it later makes an error of it, because
 * callers repeat what failed.
 */
#include "send.h"

#include "choose.h"
#include "content.h"
#include "metadata.h"
#include "params.h"

#include <stdlib.h>

bool
send_submit(const struct rest_worker *worker, struct send *send,
    struct error *error)
{
	const struct wps_host *host = worker->rest->host;
	struct choice choice;
	bool done = false;

	if (send->command.whom == WPS_TO_GROUP) {
		send->view.from = WPS_FROM_GROUP;
		send->view.group = send->command.name;
	}
	if (!choose(worker->rest, &choice, &send->command, send->filter,
	    send->filter_max, error))
		return false;
	send->command.msg = host->msg_create(&send->view);
	if (send->command.msg) {
		host->submit(worker->worker, &send->command, NULL, NULL);
		host->msg_unref(send->command.msg);
		done = true;
	}
	choice_fini(&choice);
	return done || error_no_memory(error);
}

/* --- the request ---------------------------------------------------------- */

static bool
read_query(const struct params *params, struct send *send, struct error *error)
{
	struct wps_span ttl = params->query[QUERY_TTL];
	uint64_t seconds = 0;

	if (ttl.data && !params_number(ttl, TTL_MAX, &seconds))
		return error_bad(error, "messageTtlSeconds",
		    "the value must be an integer from 0 to 300");
	send->view.ttl_s = (uint32_t)seconds;
	send->filter = params->query[QUERY_FILTER];
	send->filter_max = FILTER_QUERY_MAX;
	return true;
}

/* Of the body, and of the headers that describe it. */
static bool
send_content(const struct call *call, struct send *send, struct error *error)
{
	const struct wps_request_view *request = call->view;
	struct content content;
	char *owned = NULL;

	if (!content_read(header_find(request, WPS_SPAN("content-type")),
	    &content, error))
		return false;
	send->view.type = content.type;
	bool done = content_payload(&content, request->body,
	    &send->view.payload, &owned, error) &&
	    send_submit(call->worker, send, error);
	free(owned);
	return done;
}

void
send_run(struct call *call, const struct params *params)
{
	struct send send = {
		.command = call_command(call, params),
		.view = { .from = WPS_FROM_SERVER },
	};
	struct metadata metadata;
	struct error error;

	if (!read_query(params, &send, &error) ||
	    !metadata_read(&metadata, call->view, &error)) {
		reply_error(call, &error);
		return;
	}
	send.view.metadata = metadata.pairs;
	send.view.metadata_count = metadata.count;
	send.command.excluded = params_items(params, QUERY_EXCLUDED);
	send.command.excluded_count = params->count[QUERY_EXCLUDED];
	if (send_content(call, &send, &error))
		reply_empty(call, call->route.operation->success);
	else
		reply_error(call, &error);
}
