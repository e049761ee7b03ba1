/* SPDX-License-Identifier: MIT */
/*
 * Client credentials of OAuth 2.0 (RFC 6749, section 4.4): the request for a
 * token and what comes back. Events ask this way, and the trial of wps -t.
 */
#ifndef CLOUDEVENTS_OAUTH_H
#define CLOUDEVENTS_OAUTH_H

#include "handlers.h"

#define OAUTH_ANSWER_MAX (64 * 1024)
#define OAUTH_ANSWER_MS 10000
#define OAUTH_ERROR_MAX 40

/* A POST. All but the fixed header lines is secret, or may be. */
struct oauth_request {
	struct text url;   /* a C string */
	struct text body;
	struct text basic; /* a header line, as a C string; empty: none */
	struct curl_slist *fixed; /* owned; the other header lines */
	struct curl_slist first;  /* in front of them */
};

/* Returns WPS_OK or WPS_ENOMEM; it is to be ended in any case. */
int oauth_request_init(struct oauth_request *request,
    const struct handler_credentials *with, const char *user_agent);
void oauth_request_fini(struct oauth_request *request);

/* Its header lines, borrowed. */
struct curl_slist *oauth_request_headers(struct oauth_request *request);

/* Whether a token may stand in a header (RFC 6750, section 2.1, generously). */
bool bearer_valid(struct wps_span text);

/* Adds the token in the body of a 200, and says how long it is good. Returns
 * WPS_OK, or WPS_DECLINED: there is none that could stand in a header. */
int oauth_read_token(struct wps_span body, struct text *token_out,
    uint64_t *seconds_out);

/* The name of what is wrong, in the body of a refusal (RFC 6749, section 5.2);
 * "" when there is none, or one that is longer than OAUTH_ERROR_MAX or no mere
 * word: free text may repeat what was asked. */
void oauth_read_error(struct wps_span body, char *dst, size_t cap);

#endif
