/* SPDX-License-Identifier: MIT */
/*
 * How the application knows that it is us: the Authorization header of a
 * handler's events.
 *
 * Tokens are kept by each worker. One of OAuth is fetched for whoever comes first,
 * the others wait for it; it is fetched anew, in the background, when three
 * quarters of its time are over. While there is none, events fail, and it is
 * asked for after 1, 2, 4 ... 60 seconds.
 */
#ifndef CLOUDEVENTS_AUTHORIZE_H
#define CLOUDEVENTS_AUTHORIZE_H

#include "handlers.h"
#include "jwt.h"
#include "validate.h"

struct oauth;
struct signed_token;
TAILQ_HEAD(signed_tokens, signed_token);

#define SIGNED_TOKENS_MAX 1024 /* of one worker, for handlers and hubs */

struct authorizer {
	const struct wps_host *host;
	const struct wps_self *self;
	struct wps_worker *worker;
	struct transport *transport;    /* borrowed: outlives it */
	const struct tally *tally;      /* borrowed */
	const struct jwt_key *key;      /* borrowed */
	const char *user_agent;         /* a header line */
	struct oauth **oauths;          /* owned; by handler; NULL until asked */
	unsigned oauth_count;
	struct signed_tokens signed_tokens;
	size_t signed_count;
};

void authorizer_init(struct authorizer *authorizer, unsigned handlers);
void authorizer_fini(struct authorizer *authorizer);

/*
 * Adds the header line of an event of that hub, as a C string; nothing for a
 * handler without auth. Returns WPS_OK; WPS_PENDING: the waiter will hear, and
 * asks again; WPS_DECLINED: there is no token, which is in the log.
 */
int authorizer_ask(struct authorizer *authorizer, const struct handler *handler,
    struct wps_span hub, struct waiter *waiter, struct text *line);

/* The application did not take it: the next one is fetched anew. */
void authorizer_refused(struct authorizer *authorizer,
    const struct handler *handler);

/* Whether a token may stand in a header (RFC 6750, section 2.1, generously). */
bool bearer_valid(struct wps_span text);

/* A request for a token, as the trial of wps -t makes it too. */
#define OAUTH_ANSWER_MAX (64 * 1024)
#define OAUTH_ANSWER_MS 10000
#define OAUTH_ERROR_MAX 40

/* Adds the body of the request; it holds the secret. */
void oauth_add_request(const struct handler_credentials *with, struct text *body);

/* Its header lines, to be freed. */
struct curl_slist *oauth_headers(const char *user_agent);

/* Adds the token in the body of a 200, and says how long it is good. Returns
 * WPS_OK, or WPS_DECLINED: there is none that could stand in a header. */
int oauth_read_token(struct wps_span body, struct text *token_out,
    uint64_t *seconds_out);

/* The name of what is wrong, in the body of a refusal (RFC 6749, section 5.2);
 * "" when there is none, or one that is longer than OAUTH_ERROR_MAX or no mere
 * word: free text may repeat what was asked. */
void oauth_read_error(struct wps_span body, char *dst, size_t cap);

#endif
