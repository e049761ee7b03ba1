/* SPDX-License-Identifier: MIT */
#include "caller.h"

#include <time.h>

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/*
 * From the cache, or read; the caller gets a reference. A client shows its token
 * once in its life: to keep those would only cost memory and the places of others.
 */
static struct token *
get_token(struct auth_worker *worker, const struct wps_auth_request *request,
    const char **reason_out)
{
	bool again = request->caller == WPS_CALLER_SERVER;
	struct token *token = again ? cache_find(&worker->cache,
	    request->caller, request->token) : NULL;

	if (token)
		return token_ref(token);
	token = token_read(&worker->reader, request->caller, request->token,
	    reason_out);
	if (token && again)
		cache_add(&worker->cache, token);
	return token;
}

/* Once for the people who wonder why: this is what most often goes wrong. */
static void
log_audience(const struct auth *auth, const struct token *token,
    struct wps_span host, struct wps_span path)
{
	const struct audience *got = &token->audiences[0];
	const struct audience *meant = endpoints_meant(&auth->endpoints, got);
	struct audience ours = meant ? *meant :
	    (struct audience){ .host = host };

	auth->host->log(auth->self, WPS_LOG_DEBUG, "audience differs "
	    "expected=%.*s%.*s%.*s got=%.*s%.*s count=%zu",
	    (int)ours.host.len, ours.host.data, (int)ours.path.len,
	    ours.path.data, (int)path.len, path.data,
	    (int)got->host.len, got->host.data,
	    (int)got->path.len, got->path.data, token->audience_count);
}

static const char *
judge_audience(const struct auth_worker *worker, const struct token *token,
    const struct wps_auth_request *request)
{
	const struct auth *auth = worker->auth;
	struct wps_span path = WPS_SPAN_NONE;

	/* A longer one is in no audience of a token that was accepted. */
	if (request->path.len <= worker->path_max)
		path = path_parse(worker->path, request->path);
	if (path.data == NULL)
		return "path not valid";
	for (size_t i = 0; i < token->audience_count; i++)
		if (audience_matches(&token->audiences[i], &auth->endpoints,
		    request->host, path))
			return NULL;
	log_audience(auth, token, request->host, path);
	return "audience differs";
}

static const char *
judge(struct auth_worker *worker, struct token *token,
    const struct wps_auth_request *request)
{
	const struct auth *auth = worker->auth;
	double now = now_s();
	const char *reason = token_untimely(token, now, auth->skew_s);

	if (!token_lives(token, now, auth->skew_s))
		cache_drop(&worker->cache, token);
	return reason ? reason : judge_audience(worker, token, request);
}

void
caller_ask(struct auth_worker *worker, const struct wps_auth_request *request,
    struct wps_auth_reply *reply)
{
	static const struct wps_identity nobody = { .user = { NULL, 0 } };
	const struct wps_host *host = worker->auth->host;
	const char *reason = "no token";
	struct token *token = NULL;

	if (request->token.data)
		token = get_token(worker, request, &reason);
	else if (request->caller == WPS_CALLER_CLIENT && request->anonymous)
		reason = NULL;
	if (token)
		reason = judge(worker, token, request);
	host->auth_answer(reply, reason ? WPS_DECLINED : WPS_OK,
	    reason ? NULL : token ? &token->identity : &nobody, reason);
	token_unref(&token);
}
