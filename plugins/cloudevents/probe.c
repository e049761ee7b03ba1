/* SPDX-License-Identifier: MIT */
/*
 * Two kinds of trial, each one easy handle of libcurl: the handshake of a handler,
 * or a mere connection to it, and the request for the token that its events carry.
 */
#include "probe.h"

#include "template.h"
#include "verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct probe {
	const struct cloudevents *plugin;
	void (*say)(void *data, const char *line);
	void *data;
	const struct handler **granted; /* owned; whose tokens were asked for */
	size_t granted_count;
};

struct trial {
	const struct cloudevents *plugin;
	CURL *easy;                 /* owned */
	struct curl_slist *headers; /* borrowed */
	long timeout_ms;
	size_t max_body;        /* of the answer; 0: nobody reads it */
	struct text head, body; /* of the answer; the body may be a secret */
	char error[CURL_ERROR_SIZE];
	struct wps_err verdict; /* what is wrong; empty: nothing */
	struct gate gate;
	bool connected; /* a connection was there, with TLS or not yet, and ended */
};

/* --- what libcurl asks and says ----------------------------------------------- */

static size_t
on_header(char *bytes, size_t size, size_t count, void *data)
{
	struct trial *trial = data;

	if (trial->head.len + size * count > TRANSFER_HEAD_MAX)
		return 0;
	text_add(&trial->head, (struct wps_span){ bytes, size * count });
	return trial->head.failed ? 0 : size * count;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *data)
{
	struct trial *trial = data;

	if (trial->max_body == 0)
		return size * count;
	if (trial->body.len + size * count > trial->max_body)
		return 0;
	text_add(&trial->body, (struct wps_span){ bytes, size * count });
	return trial->body.failed ? 0 : size * count;
}

/* libcurl does not tell a connection whose TLS hangs from one that there is not. */
static int
on_close_socket(void *data, curl_socket_t fd)
{
	struct trial *trial = data;
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	trial->connected |= getpeername(fd, (struct sockaddr *)&peer, &len) == 0;
	return close(fd);
}

/* --- trials -------------------------------------------------------------------------- */

static void
set_up(struct trial *trial, const char *url, const struct transfer_tls *tls)
{
	const struct transport_options *options = &trial->plugin->transport;
	CURL *easy = trial->easy;

	trial->gate.allow_link_local = options->allow_link_local;
	transport_set_up(easy, &trial->gate, options->connect_ms);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, trial->headers);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, trial->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, trial);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, trial);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, trial);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, trial->error);
	transport_set_tls(easy, tls);
}

/* The trial has its headers and limits. False: it cannot be made, and there is a
 * verdict. */
static bool
trial_start(struct trial *trial, const char *url, const struct transfer_tls *tls)
{
	trial->easy = curl_easy_init();
	if (trial->easy == NULL || url == NULL) {
		snprintf(trial->verdict.text, sizeof(trial->verdict.text),
		    "it cannot be tried");
		return false;
	}
	set_up(trial, url, tls);
	return true;
}

static void
trial_fini(struct trial *trial)
{
	curl_easy_cleanup(trial->easy);
	text_free(&trial->head);
	text_free(&trial->body);
}

/* How far it came before its time was over. */
static void
judge_timeout(struct trial *trial)
{
	unsigned seconds = (unsigned)(trial->timeout_ms / 1000);
	curl_off_t ready = 0;
	long status = 0;

	curl_easy_getinfo(trial->easy, CURLINFO_CONNECT_TIME_T, &ready);
	curl_easy_getinfo(trial->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status > 0)
		verdict_endless(&trial->verdict, status, seconds);
	else if (ready > 0)
		verdict_silent(&trial->verdict, seconds);
	else if (trial->connected)
		verdict_no_tls(&trial->verdict);
	else
		verdict_failure(&trial->verdict, CURLE_OPERATION_TIMEDOUT, "");
}

static void
judge_failure(struct trial *trial, CURLcode code)
{
	if (trial->gate.refused)
		verdict_forbidden(&trial->verdict);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		judge_timeout(trial);
	else
		verdict_failure(&trial->verdict, code, trial->error);
}

/* The status; 0: there is none, and a verdict unless it was only connected to. */
static long
perform(struct trial *trial)
{
	long status = 0;

	text_empty(&trial->head);
	trial->connected = false;
	CURLcode code = curl_easy_perform(trial->easy);
	if (code != CURLE_OK)
		judge_failure(trial, code);
	else
		curl_easy_getinfo(trial->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* Says the line and frees it. */
static void
tell(const struct probe *probe, struct text *line)
{
	text_add_char(line, '\0');
	if (!line->failed)
		probe->say(probe->data, line->data);
	text_free(line);
}

/* --- handlers ------------------------------------------------------------------------ */

static void
shake_hands(struct trial *trial)
{
	curl_easy_setopt(trial->easy, CURLOPT_CUSTOMREQUEST, "OPTIONS");
	long status = perform(trial);

	if (status == 404) {
		curl_easy_setopt(trial->easy, CURLOPT_CUSTOMREQUEST, "GET");
		status = perform(trial);
	}
	if (trial->verdict.text[0])
		return;
	if (!status_is_success(status))
		verdict_status(&trial->verdict, status);
	else
		verdict_origin(&trial->verdict, &trial->plugin->origin,
		    text_span(&trial->head));
}

static void
connect_only(struct trial *trial)
{
	curl_easy_setopt(trial->easy, CURLOPT_CONNECT_ONLY, 1L);
	perform(trial);
}

static void
try_handler(const struct cloudevents *plugin, const struct handler *handler,
    const char *url, struct wps_err *verdict)
{
	struct curl_slist *headers = handshake_headers(&plugin->origin,
	    plugin->user_agent);
	struct trial trial = {
		.plugin = plugin,
		.headers = headers,
		.timeout_ms = (long)validate_times_default.answer_ms,
	};

	if (trial_start(&trial, url, &handler->tls)) {
		if (handler->validation)
			shake_hands(&trial);
		else
			connect_only(&trial);
	}
	*verdict = trial.verdict;
	trial_fini(&trial);
	curl_slist_free_all(headers);
}

/* Whether nothing is wrong with it; says so, or what. */
static bool
probe_handler(const struct probe *probe, const struct handler *handler)
{
	struct text url = { .data = NULL }, line = { .data = NULL };
	struct wps_err verdict = { "" };
	int rc = handler_check_url(handler, &url);

	if (rc != WPS_DECLINED)
		try_handler(probe->plugin, handler,
		    rc == WPS_OK ? url.data : NULL, &verdict);
	text_printf(&line, "hub \"%.*s\": %.*s: %s",
	    (int)handler->hub.len, handler->hub.data,
	    (int)handler->shown.len, handler->shown.data,
	    verdict.text[0] ? verdict.text :
	    rc == WPS_DECLINED ? "not tried, for it depends on the hub" :
	    handler->validation ? "agrees" : "is there; validation is off");
	tell(probe, &line);
	text_free(&url);
	return verdict.text[0] == '\0';
}

/* --- tokens --------------------------------------------------------------------------- */

/* The error of an answer, unless the secret is in it. */
static void
read_error(const struct trial *trial, const struct handler_credentials *with,
    char *dst, size_t cap)
{
	oauth_read_error(text_span(&trial->body), dst, cap);
	if (memmem(dst, strlen(dst), with->secret.data, with->secret.len))
		dst[0] = '\0';
}

static void
ask_token(struct trial *trial, const struct handler_credentials *with,
    struct wps_span form)
{
	struct text token = { .data = NULL };
	char error[OAUTH_ERROR_MAX + 1];
	uint64_t seconds;

	curl_easy_setopt(trial->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(trial->easy, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)form.len);
	curl_easy_setopt(trial->easy, CURLOPT_POSTFIELDS, form.data);
	long status = perform(trial);
	if (trial->verdict.text[0] || (status == 200 && oauth_read_token(
	    text_span(&trial->body), &token, &seconds) == WPS_OK)) {
		text_free(&token);
		return;
	}
	read_error(trial, with, error, sizeof(error));
	verdict_token(&trial->verdict, status, error);
}

static void
try_token(const struct cloudevents *plugin, const struct handler *handler,
    struct wps_err *verdict)
{
	const struct handler_credentials *with = &handler->credentials;
	struct oauth_request request;
	int rc = oauth_request_init(&request, with, plugin->user_agent);
	struct trial trial = {
		.plugin = plugin,
		.headers = oauth_request_headers(&request),
		.timeout_ms = OAUTH_ANSWER_MS,
		.max_body = OAUTH_ANSWER_MAX,
	};

	if (trial_start(&trial, rc == WPS_OK ? request.url.data : NULL,
	    &handler->tls))
		ask_token(&trial, with, text_span(&request.body));
	*verdict = trial.verdict;
	trial_fini(&trial);
	oauth_request_fini(&request);
}

static void
add_option(struct text *line, const char *name, struct wps_span value)
{
	if (value.data)
		text_printf(line, ", %s \"%.*s\"", name, (int)value.len,
		    value.data);
}

/* As probe_handler. */
static bool
probe_token(const struct probe *probe, const struct handler *handler)
{
	const struct handler_credentials *with = &handler->credentials;
	struct wps_span shown = url_without_query(with->url);
	struct text line = { .data = NULL };
	struct wps_err verdict;

	try_token(probe->plugin, handler, &verdict);
	text_printf(&line, "hub \"%.*s\": auth_url %.*s",
	    (int)handler->hub.len, handler->hub.data, (int)shown.len, shown.data);
	add_option(&line, "auth_client", with->client);
	if (with->method == METHOD_BASIC)
		add_option(&line, "auth_method", WPS_SPAN("basic"));
	add_option(&line, "auth_scope", with->scope);
	add_option(&line, "auth_audience", with->audience);
	text_printf(&line, ": %s",
	    verdict.text[0] ? verdict.text : "grants a token");
	tell(probe, &line);
	return verdict.text[0] == '\0';
}

static bool
is_same_file(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Whether both ask for their tokens by the same request over such a connection. */
static bool
ask_the_same(const struct handler *a, const struct handler *b)
{
	const struct handler_credentials *left = &a->credentials;
	const struct handler_credentials *right = &b->credentials;

	return wps_span_eq(left->url, right->url) &&
	    wps_span_eq(left->client, right->client) &&
	    wps_span_eq(left->secret, right->secret) &&
	    left->method == right->method &&
	    wps_span_eq(left->scope, right->scope) &&
	    wps_span_eq(left->audience, right->audience) &&
	    is_same_file(a->tls.ca, b->tls.ca) &&
	    is_same_file(a->tls.certificate, b->tls.certificate) &&
	    is_same_file(a->tls.key, b->tls.key);
}

/* Whether its token is still to be asked for; true once. */
static bool
take_token(struct probe *probe, const struct handler *handler)
{
	if (handler->credentials.kind != AUTH_OAUTH)
		return false;
	for (size_t i = 0; i < probe->granted_count; i++) {
		if (ask_the_same(probe->granted[i], handler))
			return false;
	}
	probe->granted[probe->granted_count++] = handler;
	return true;
}

/* --- all of them ----------------------------------------------------------------------- */

static bool
probe_set(struct probe *probe, const struct handler_set *set)
{
	bool good = true;

	for (size_t i = 0; i < set->count; i++) {
		const struct handler *handler = &set->handlers[i];
		good &= probe_handler(probe, handler);
		if (take_token(probe, handler))
			good &= probe_token(probe, handler);
	}
	return good;
}

int
probe_handlers(const struct cloudevents *plugin,
    void (*say)(void *data, const char *line), void *data)
{
	const struct handlers *handlers = &plugin->handlers;
	struct probe probe = {
		.plugin = plugin,
		.say = say,
		.data = data,
		.granted = must_calloc(handlers->handler_count,
		    sizeof(struct handler *)),
	};
	bool good = probe_set(&probe, &handlers->any);

	for (size_t i = 0; i < handlers->hub_count; i++)
		good &= probe_set(&probe, &handlers->hubs[i]);
	free(probe.granted);
	return good ? WPS_OK : WPS_EINVAL;
}
