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

#include "jwt.h"
#include "oauth.h"
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

#endif
