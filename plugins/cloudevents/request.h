/* SPDX-License-Identifier: MIT */
/*
 * An event as an HTTP request: its own copy of everything, made at once, so that
 * it can wait, be repeated unchanged, and outlive the connection.
 *
 * CloudEvents' binary mode: each header stands once, in the spelling of
 * upstream-events.md, section 3. No value with CR, LF or NUL becomes a header.
 */
#ifndef CLOUDEVENTS_REQUEST_H
#define CLOUDEVENTS_REQUEST_H

#include "handlers.h"
#include "state.h"
#include "text.h"

#include <wps/host.h>

#include <curl/curl.h>

#define REQUEST_METADATA_MAX 128 /* entries */
#define REQUEST_REASON_MAX 256   /* bytes */

#define REQUEST_ITEMS 4 /* of libcurl's list of header lines */

struct request {
	char *bytes;     /* owned: all that the others point to */
	const char *url; /* a C string */
	const char *check; /* the URL of the handshake, if the handler wants one */
	struct curl_slist headers[REQUEST_ITEMS];
	struct wps_span body;
	struct wps_span hub, conn, event; /* as the header lines say them */
};

/* What the request says beside the event. */
struct request_facts {
	const struct wps_host *host;
	const struct wps_self *self;
	const struct handler *handler;
	struct text *scratch;   /* the worker's: where it is written first */
	struct wps_span origin; /* for WebHook-Request-Origin */
	const char *user_agent; /* a header line */
	uint64_t event_id;      /* of this connection: ce-id */
	struct wps_span state;  /* ce-connectionState; empty: none */
	struct signature *signature; /* of this connection; made when it is needed */
	struct wps_span time;   /* ce-time */
	struct wps_span series; /* these two make x-ms-client-request-id */
	uint64_t number;
};

/*
 * Makes the request, all of whose members are zero. Returns WPS_OK; WPS_EINVAL
 * when a value cannot be sent; WPS_ENOMEM. It is to be freed in any case.
 */
int request_make(struct request *request, const struct request_facts *facts,
    const struct wps_event *event);
void request_free(struct request *request);

/* "connect", "user" and so on: for the log. */
const char *event_kind_name(enum wps_event_kind kind);

/*
 * The body of the connect event (connect_body.c): what is known of the client, as
 * JSON text; its token in query and headers only `with_tokens`. Returns WPS_OK,
 * WPS_EINVAL for claims that are no object, WPS_ENOMEM.
 */
int connect_body_make(const struct wps_handshake *handshake, bool with_tokens,
    struct text *out);

#endif
