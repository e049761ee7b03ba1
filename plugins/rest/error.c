/* SPDX-License-Identifier: MIT */
/*
 * Errors: a flat JSON object, not wrapped in "error" (rest-api.md, section 1.7).
 */
#include "error.h"

#include "lib/jscan.h"

#include <stdio.h>

static const struct {
	int status;
	const char *name;
} codes[] = {
	[ERROR_BAD_REQUEST] = { 400, "Error.BadRequest" },
	[ERROR_UNAUTHORIZED] = { 401, "Unauthorized" },
	[ERROR_NOT_FOUND] = { 404, "NotFound" },
	[ERROR_METHOD] = { 405, "MethodNotAllowed" },
	[ERROR_CONFLICT] = { 409, "Conflict" },
	[ERROR_MEDIA_TYPE] = { 415, "UnsupportedMediaType" },
	[ERROR_INTERNAL] = { 500, "InternalServerError" },
	[ERROR_UNAVAILABLE] = { 503, "ServiceUnavailable" },
};

int
error_status(const struct error *error)
{
	return codes[error->code].status;
}

const char *
error_name(const struct error *error)
{
	return codes[error->code].name;
}

/* Room for what stands at the place, escaped, and for the words around it. */
#define PLACE_MAX (6 * ERROR_NEAR_MAX + 80)

/* The words in front of the message and behind it; nothing without a place. */
static void
write_place(const struct error *error, char *before, char *behind)
{
	char near[6 * ERROR_NEAR_MAX + 2];
	struct wps_span span = { error->near, error->near_len };

	before[0] = behind[0] = '\0';
	if (!error->placed)
		return;
	size_t len = (size_t)(jscan_quote(near, span) - near);
	snprintf(before, PLACE_MAX, "Invalid syntax for '%.*s': ",
	    (int)len - 2, near + 1);
	snprintf(behind, PLACE_MAX, ", at offset %zu", error->offset);
}

size_t
error_body(const struct error *error, char *dst)
{
	char before[PLACE_MAX], behind[PLACE_MAX];

	write_place(error, before, behind);
	int len = snprintf(dst, ERROR_BODY_MAX,
	    "{\"code\":\"%s\",\"message\":\"%s%s%s\"%s%s%s}",
	    error_name(error), before, error->message, behind,
	    error->target ? ",\"target\":\"" : "",
	    error->target ? error->target : "", error->target ? "\"" : "");

	return len < 0 || len >= ERROR_BODY_MAX ? 0 : (size_t)len;
}

bool
error_no_memory(struct error *error)
{
	*error = (struct error){
		.code = ERROR_UNAVAILABLE,
		.message = "there is no memory for this request",
	};
	return false;
}

bool
error_bad(struct error *error, const char *target, const char *message)
{
	*error = (struct error){
		.code = ERROR_BAD_REQUEST,
		.target = target,
		.message = message,
	};
	return false;
}
