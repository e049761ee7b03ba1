/* SPDX-License-Identifier: MIT */
#include "authorize.h"

#include <stdlib.h>
#include <time.h>

#define BACKOFF_MS 1000
#define BACKOFF_MAX_MS 60000
#define FRESH_MS 10000 /* a token so young is not fetched anew */

struct oauth {
	struct authorizer *authorizer;
	const struct handler *handler;
	struct oauth_request request;
	bool unsendable;            /* there was no memory for the request */
	struct text token;          /* empty: none */
	uint64_t got_ms, renew_ms, expires_ms;
	uint64_t backoff_ms, again_ms; /* after a failure */
	struct transfer *transfer;  /* while a request runs */
	struct wps_timer *timer;
	struct waiters waiters;
};

struct signed_token {
	TAILQ_ENTRY(signed_token) link;
	const struct handler *handler;
	uint64_t until_ms; /* is signed anew afterwards */
	struct text token;
	size_t hub_len;
	char hub[];
};

static uint64_t
now_ms(const struct authorizer *authorizer)
{
	return authorizer->host->now_ms(authorizer->worker);
}

static int
add_line(struct text *line, struct wps_span token)
{
	text_add(line, WPS_SPAN("Authorization: Bearer "));
	text_add(line, token);
	text_add_char(line, '\0');
	return line->failed ? WPS_DECLINED : WPS_OK;
}

/* --- OAuth --------------------------------------------------------------------------- */

/* NULL: there is one now. */
static const char *
keep(struct oauth *oauth, struct wps_span body)
{
	struct text token = { .data = NULL };
	uint64_t seconds;

	if (oauth_read_token(body, &token, &seconds) != WPS_OK) {
		text_free(&token);
		return "the answer has no access_token";
	}
	text_free(&oauth->token);
	oauth->token = token;
	oauth->got_ms = now_ms(oauth->authorizer);
	oauth->renew_ms = oauth->got_ms + seconds * 750;
	oauth->expires_ms = oauth->got_ms + seconds * 1000;
	oauth->backoff_ms = oauth->again_ms = 0;
	return NULL;
}

/* As keep. */
static const char *
read_answer(struct oauth *oauth, const struct transfer_answer *answer)
{
	if (answer->end != TRANSFER_ANSWERED)
		return answer->problem;
	return answer->status == 200 ? keep(oauth, answer->body) : "status";
}

static void
end_attempt(struct oauth *oauth, int status, const char *problem)
{
	const struct authorizer *authorizer = oauth->authorizer;

	authorizer->host->timer_stop(oauth->timer);
	oauth->timer = NULL;
	if (problem) {
		tally_failure(authorizer->tally, authorizer->worker,
		    FAILURE_TOKEN);
		authorizer->host->log(authorizer->self, oauth->backoff_ms ?
		    WPS_LOG_DEBUG : WPS_LOG_WARN, "no token for an event handler "
		    "url=%.*s client=%.*s status=%d problem=\"%s\"",
		    (int)oauth->handler->shown.len, oauth->handler->shown.data,
		    (int)oauth->handler->credentials.client.len,
		    oauth->handler->credentials.client.data, status, problem);
		oauth->backoff_ms = oauth->backoff_ms ?
		    oauth->backoff_ms * 2 : BACKOFF_MS;
		if (oauth->backoff_ms > BACKOFF_MAX_MS)
			oauth->backoff_ms = BACKOFF_MAX_MS;
		oauth->again_ms = now_ms(authorizer) + oauth->backoff_ms;
	}
	waiters_wake(&oauth->waiters, problem == NULL);
}

static void
on_answer(void *data, const struct transfer_answer *answer)
{
	struct oauth *oauth = data;

	oauth->transfer = NULL;
	end_attempt(oauth, answer->status, read_answer(oauth, answer));
}

static void
on_late(void *data)
{
	struct oauth *oauth = data;

	oauth->timer = NULL;
	transfer_cancel(&oauth->transfer);
	end_attempt(oauth, 0, "timeout");
}

static struct oauth *
oauth_get(struct authorizer *authorizer, const struct handler *handler)
{
	struct oauth **oauth = &authorizer->oauths[handler->index];

	if (*oauth)
		return *oauth;
	*oauth = must_calloc(1, sizeof(**oauth));
	(*oauth)->authorizer = authorizer;
	(*oauth)->handler = handler;
	TAILQ_INIT(&(*oauth)->waiters);
	(*oauth)->unsendable = oauth_request_init(&(*oauth)->request,
	    &handler->credentials, authorizer->user_agent) != WPS_OK;
	return *oauth;
}

static void
fetch(struct oauth *oauth)
{
	const struct authorizer *authorizer = oauth->authorizer;

	if (!oauth->unsendable)
		oauth->transfer = transport_start(authorizer->transport,
		    &(struct transfer_request){
			.method = "POST",
			.url = oauth->request.url.data,
			.headers = oauth_request_headers(&oauth->request),
			.body = text_span(&oauth->request.body),
			.max_body = OAUTH_ANSWER_MAX,
			.secret = true,
			.tls = &oauth->handler->tls,
			.done = on_answer,
			.data = oauth,
		});
	if (oauth->transfer)
		tally_request(authorizer->tally, authorizer->worker,
		    REQUEST_TOKEN);
	oauth->timer = authorizer->host->timer_start(authorizer->worker,
	    oauth->transfer ? OAUTH_ANSWER_MS : 0, on_late, oauth);
}

static int
ask_oauth(struct authorizer *authorizer, const struct handler *handler,
    struct waiter *waiter, struct text *line)
{
	struct oauth *oauth = oauth_get(authorizer, handler);
	uint64_t now = now_ms(authorizer);
	bool fetching = oauth->timer != NULL;
	bool good = oauth->token.len > 0 && now < oauth->expires_ms;

	if (!fetching && now >= oauth->again_ms &&
	    (!good || now >= oauth->renew_ms)) {
		fetch(oauth);
		fetching = true;
	}
	if (good)
		return add_line(line, text_span(&oauth->token));
	if (!fetching)
		return WPS_DECLINED;
	waiter_add(&oauth->waiters, waiter);
	return WPS_PENDING;
}

static void
oauth_free(struct oauth *oauth)
{
	if (oauth == NULL)
		return;
	transfer_cancel(&oauth->transfer);
	oauth->authorizer->host->timer_stop(oauth->timer);
	oauth_request_fini(&oauth->request);
	text_free(&oauth->token);
	free(oauth);
}

/* --- tokens of our own ------------------------------------------------------------ */

static struct signed_token *
find_signed(const struct authorizer *authorizer, const struct handler *handler,
    struct wps_span hub)
{
	struct signed_token *found;

	TAILQ_FOREACH(found, &authorizer->signed_tokens, link) {
		if (found->handler == handler && wps_span_eq(hub,
		    (struct wps_span){ found->hub, found->hub_len }))
			return found;
	}
	return NULL;
}

static void
signed_free(struct authorizer *authorizer, struct signed_token *one)
{
	TAILQ_REMOVE(&authorizer->signed_tokens, one, link);
	authorizer->signed_count--;
	text_free(&one->token);
	free(one);
}

static struct signed_token *
add_signed(struct authorizer *authorizer, const struct handler *handler,
    struct wps_span hub)
{
	if (authorizer->signed_count >= SIGNED_TOKENS_MAX)
		signed_free(authorizer, TAILQ_FIRST(&authorizer->signed_tokens));
	struct signed_token *one = must_calloc(1, sizeof(*one) + hub.len);
	one->handler = handler;
	one->hub_len = hub.len;
	memcpy(one->hub, hub.data, hub.len);
	TAILQ_INSERT_TAIL(&authorizer->signed_tokens, one, link);
	authorizer->signed_count++;
	return one;
}

static int
ask_jwt(struct authorizer *authorizer, const struct handler *handler,
    struct wps_span hub, struct text *line)
{
	struct signed_token *one = find_signed(authorizer, handler, hub);
	uint64_t now = now_ms(authorizer);

	if (one == NULL)
		one = add_signed(authorizer, handler, hub);
	if (one->until_ms <= now) {
		text_empty(&one->token);
		one->until_ms = now + JWT_LIFETIME_S * 750;
		if (jwt_sign(authorizer->key, &(struct jwt_claims){
			.audience = handler->credentials.audience,
			.subject = hub,
			.now_s = (uint64_t)time(NULL),
		}, &one->token) != WPS_OK) {
			signed_free(authorizer, one);
			return WPS_DECLINED;
		}
	}
	return add_line(line, text_span(&one->token));
}

/* --- all kinds ---------------------------------------------------------------------- */

int
authorizer_ask(struct authorizer *authorizer, const struct handler *handler,
    struct wps_span hub, struct waiter *waiter, struct text *line)
{
	text_empty(line);
	switch (handler->credentials.kind) {
	case AUTH_NONE:
		return WPS_OK;
	case AUTH_BEARER:
		return add_line(line, handler->credentials.token);
	case AUTH_OAUTH:
		return ask_oauth(authorizer, handler, waiter, line);
	case AUTH_JWT:
		return ask_jwt(authorizer, handler, hub, line);
	}
	return WPS_DECLINED;
}

void
authorizer_refused(struct authorizer *authorizer, const struct handler *handler)
{
	struct oauth *oauth = authorizer->oauths[handler->index];

	if (oauth && now_ms(authorizer) >= oauth->got_ms + FRESH_MS)
		oauth->expires_ms = 0;
}

void
authorizer_init(struct authorizer *authorizer, unsigned handlers)
{
	authorizer->oauth_count = handlers;
	authorizer->oauths = must_calloc(handlers, sizeof(*authorizer->oauths));
	TAILQ_INIT(&authorizer->signed_tokens);
}

void
authorizer_fini(struct authorizer *authorizer)
{
	struct signed_token *one;

	for (unsigned i = 0; i < authorizer->oauth_count; i++)
		oauth_free(authorizer->oauths[i]);
	free(authorizer->oauths);
	authorizer->oauths = NULL;
	while ((one = TAILQ_FIRST(&authorizer->signed_tokens)))
		signed_free(authorizer, one);
}
