/* SPDX-License-Identifier: MIT */
/*
 * Errors: a flat JSON object, not wrapped in "error" (rest-api.md, section 1.7).
 */
#include "error.h"

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

size_t
error_body(const struct error *error, char *dst)
{
	int len = snprintf(dst, ERROR_BODY_MAX,
	    "{\"code\":\"%s\",\"message\":\"%s\"%s%s%s}", error_name(error),
	    error->message, error->target ? ",\"target\":\"" : "",
	    error->target ? error->target : "", error->target ? "\"" : "");

	return len < 0 || len >= ERROR_BODY_MAX ? 0 : (size_t)len;
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
