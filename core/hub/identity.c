/* SPDX-License-Identifier: MIT */
#include "hub/identity.h"

#include "hub/server.h"
#include "lib/names.h"
#include "util/attr.h"
#include "util/log.h"

void
identity_ask(struct worker *worker, const struct wps_auth_request *request,
    struct wps_auth_reply *reply)
{
	const struct points *points = &worker_server(worker)->points;
	const struct wps_identity nobody = { 0 };

	reply->asked = true;
	if (points->auth_self) {
		points->auth.authenticate(
		    plugin_state(worker, points->auth_self), request, reply);
		return;
	}
	bool anonymous = request->caller == WPS_CALLER_CLIENT &&
	    request->anonymous && request->token.data == NULL;
	identity_answer(reply, anonymous ? WPS_OK : WPS_DECLINED, &nobody,
	    "no auth plugin is loaded");
}

void
identity_answer(struct wps_auth_reply *reply, int result,
    const struct wps_identity *identity, const char *reason)
{
	wps_assert(reply->asked);
	reply->asked = false;
	if (result != WPS_OK)
		log_debug("core", "caller refused reason=\"%s\"",
		    reason ? reason : "");
	reply->done(reply, result, result == WPS_OK ? identity : NULL);
}

struct wps_span
identity_bearer(const struct http_request *request)
{
	struct wps_span value = http_header_find(request, "Authorization");
	const size_t scheme = sizeof("Bearer ") - 1;

	if (value.len <= scheme || !name_eq_nocase(
	    (struct wps_span){ value.data, scheme }, WPS_SPAN("Bearer ")))
		return WPS_SPAN_NONE;
	value.data += scheme;
	value.len -= scheme;
	while (value.len > 0 && *value.data == ' ') {
		value.data++;
		value.len--;
	}
	return value.len > 0 ? value : WPS_SPAN_NONE;
}
