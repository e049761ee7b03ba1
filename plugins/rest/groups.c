/* SPDX-License-Identifier: MIT */
/*
 * Many connections and many groups at once (rest-api.md, section 6). It is one
 * command: each connection is chosen before its groups change.
 */
#include "choose.h"
#include "content.h"
#include "group_body.h"
#include "rest.h"

#include <stdlib.h>

static bool
read_body(const struct call *call, struct group_body *body,
    struct error *error)
{
	struct content content;
	struct wps_span type =
	    header_find(call->view, WPS_SPAN("content-type"));
	struct wps_span payload;
	char *owned = NULL;

	*body = (struct group_body){ .groups = NULL };
	if (!content_read(type, &content, error))
		return false;
	if (content.type != WPS_DATA_JSON) {
		*error = (struct error){
			.code = ERROR_MEDIA_TYPE,
			.message = "the content type must be application/json",
		};
		return false;
	}
	bool done = content_payload(&content, call->view->body, &payload,
	    &owned, error) && group_body_read(body, payload, error);
	free(owned);
	return done;
}

void
groups_run(struct call *call, const struct params *params)
{
	struct wps_command command = call_command(call, params);
	struct group_body body;
	struct choice choice;
	struct error error;

	if (!read_body(call, &body, &error) ||
	    !choose(call->worker->rest, &choice, &command, body.filter,
	    FILTER_BODY_MAX, &error)) {
		group_body_fini(&body);
		reply_error(call, &error);
		return;
	}
	command.groups = body.groups;
	command.group_count = body.group_count;
	call_submit(call, &command);
	choice_fini(&choice);
	group_body_fini(&body);
}
