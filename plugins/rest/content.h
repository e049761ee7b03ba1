/* SPDX-License-Identifier: MIT */
/*
 * What the body of a send is (rest-api.md, section 3.1).
 */
#ifndef REST_CONTENT_H
#define REST_CONTENT_H

#include "error.h"

#include <wps/msg.h>

struct charset;

struct content {
	enum wps_data type;
	const struct charset *charset; /* of text and JSON */
};

/* Reads a Content-Type header; absent or blank means binary. */
bool content_read(struct wps_span header, struct content *out,
    struct error *error_out);

/*
 * Gives the payload: the body itself, or a copy of it in UTF-8, which the caller
 * frees. False when the body is not what its type says.
 */
bool content_payload(const struct content *content, struct wps_span body,
    struct wps_span *payload_out, char **owned_out, struct error *error_out);

#endif
