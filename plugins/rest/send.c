/* SPDX-License-Identifier: MIT */
/*
 * Sends (rest-api.md, section 3).
 *
 * A send costs one allocation, the message. It is answered when it has been
 * accepted: nothing that happens to it later makes an error of it, because
 * callers repeat what failed.
 */
#include "content.h"
#include "metadata.h"
#include "params.h"
#include "rest.h"

#include <stdlib.h>

#define TTL_MAX 300 /* seconds */

static bool
read_query(const struct params *params, struct wps_msg_view *msg,
    struct error *error)
{
	struct wps_span ttl = params->query[QUERY_TTL];
	uint64_t seconds = 0;

	if (params->query[QUERY_FILTER].len > 0)
		return error_bad(error, "filter", "filters are not supported");
	if (ttl.data && !params_number(ttl, TTL_MAX, &seconds))
		return error_bad(error, "messageTtlSeconds",
		    "the value must be an integer from 0 to 300");
	msg->ttl_s = (uint32_t)seconds;
	return true;
}

/* Makes the message; the view is whole but for its payload. */
static struct wps_msg *
make_msg(const struct call *call, struct wps_msg_view *view,
    struct error *error)
{
	const struct wps_request_view *request = call->view;
	struct content content;
	struct wps_msg *msg = NULL;
	char *owned = NULL;

	if (!content_read(header_find(request, WPS_SPAN("content-type")),
	    &content, error))
		return NULL;
	view->type = content.type;
	if (content_payload(&content, request->body, &view->payload, &owned,
	    error)) {
		msg = call->worker->rest->host->msg_create(view);
		if (msg == NULL)
			*error = (struct error){
				.code = ERROR_UNAVAILABLE,
				.message = "there is no memory for this request",
			};
	}
	free(owned);
	return msg;
}

void
send_run(struct call *call, const struct params *params)
{
	const struct rest_worker *worker = call->worker;
	const struct wps_host *host = worker->rest->host;
	struct wps_command command = call_command(call, params);
	struct wps_msg_view view = { .from = WPS_FROM_SERVER };
	struct metadata metadata;
	struct error error;

	if (command.whom == WPS_TO_GROUP) {
		view.from = WPS_FROM_GROUP;
		view.group = command.name;
	}
	if (!read_query(params, &view, &error) ||
	    !metadata_read(&metadata, call->view, &error)) {
		reply_error(call, &error);
		return;
	}
	view.metadata = metadata.pairs;
	view.metadata_count = metadata.count;

	command.msg = make_msg(call, &view, &error);
	if (command.msg == NULL) {
		reply_error(call, &error);
		return;
	}
	command.excluded = params_items(params, QUERY_EXCLUDED);
	command.excluded_count = params->count[QUERY_EXCLUDED];
	host->submit(worker->worker, &command, NULL, NULL);
	host->msg_unref(command.msg);
	reply_empty(call, call->route.operation->success);
}
