/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include "address.h"
#include "verdict.h"

#include <stdio.h>
#include <sys/socket.h>

#define TIMEOUT_MS 10000L
#define HEAD_MAX (32 * 1024)

/* One handler of one hub. */
struct trial {
	const struct cloudevents *plugin;
	const struct handler *handler;
	CURL *easy;
	struct text head; /* the lines of the answer */
	char error[CURL_ERROR_SIZE];
	struct wps_err verdict; /* what is wrong; empty: nothing */
	bool forbidden;
};

/* --- what libcurl asks and says ----------------------------------------------- */

static size_t
on_header(char *bytes, size_t size, size_t count, void *data)
{
	struct trial *trial = data;

	if (trial->head.len + size * count > HEAD_MAX)
		return 0;
	text_add(&trial->head, (struct wps_span){ bytes, size * count });
	return trial->head.failed ? 0 : size * count;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *data)
{
	(void)bytes;
	(void)data;
	return size * count;
}

static curl_socket_t
on_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct trial *trial = data;

	(void)purpose;
	if (!trial->plugin->transport.allow_link_local &&
	    address_is_link_local(&address->addr)) {
		trial->forbidden = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

static void
set_up(struct trial *trial, const char *url, struct curl_slist *headers)
{
	CURL *easy = trial->easy;

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	    trial->plugin->transport.connect_ms);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, trial);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, trial);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, trial->error);
	transport_set_tls(easy, &trial->handler->tls);
	if (!trial->handler->validation)
		curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
}

/* --- verdicts --------------------------------------------------------------------- */

static void
judge_failure(struct trial *trial, CURLcode code)
{
	curl_off_t connected = 0;

	curl_easy_getinfo(trial->easy, CURLINFO_CONNECT_TIME_T, &connected);
	if (trial->forbidden)
		verdict_forbidden(&trial->verdict);
	else if (code == CURLE_OPERATION_TIMEDOUT && connected > 0)
		verdict_silent(&trial->verdict, TIMEOUT_MS / 1000);
	else
		verdict_failure(&trial->verdict, code, trial->error);
}

/* --- trials -------------------------------------------------------------------------- */

/* The status; 0: there is none, and a verdict. */
static long
perform(struct trial *trial, const char *method)
{
	long status = 0;

	trial->head.len = 0;
	curl_easy_setopt(trial->easy, CURLOPT_CUSTOMREQUEST, method);
	CURLcode code = curl_easy_perform(trial->easy);
	if (code != CURLE_OK)
		judge_failure(trial, code);
	else
		curl_easy_getinfo(trial->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static void
run(struct trial *trial)
{
	long status = perform(trial, "OPTIONS");

	if (trial->verdict.text[0] || !trial->handler->validation)
		return;
	if (status == 404)
		status = perform(trial, "GET");
	if (trial->verdict.text[0])
		return;
	if (status < 200 || status > 299)
		verdict_status(&trial->verdict, status);
	else
		verdict_origin(&trial->verdict, &trial->plugin->origin,
		    text_span(&trial->head));
}

static struct curl_slist *
headers_of(const struct cloudevents *plugin)
{
	struct text line = { .data = NULL };
	struct curl_slist *headers =
	    curl_slist_append(NULL, "ce-awpsversion: 1.0");

	text_add(&line, WPS_SPAN("WebHook-Request-Origin: "));
	text_add(&line, text_span(&plugin->origin.hosts));
	text_add_char(&line, '\0');
	headers = curl_slist_append(headers, line.data);
	text_free(&line);
	return curl_slist_append(headers, plugin->user_agent);
}

static bool
try_handler(const struct cloudevents *plugin, const struct handler *handler,
    const char *url, struct trial *trial)
{
	struct curl_slist *headers = headers_of(plugin);

	*trial = (struct trial){ .plugin = plugin, .handler = handler,
		.easy = curl_easy_init() };
	if (trial->easy == NULL || url == NULL) {
		snprintf(trial->verdict.text, sizeof(trial->verdict.text),
		    "it cannot be tried");
	} else {
		set_up(trial, url, headers);
		run(trial);
	}
	curl_easy_cleanup(trial->easy);
	curl_slist_free_all(headers);
	text_free(&trial->head);
	return trial->verdict.text[0] == '\0';
}

static bool
probe_set(const struct cloudevents *plugin, const struct handler_set *set,
    void (*say)(void *data, const char *line), void *data)
{
	bool good = true;

	for (size_t i = 0; i < set->count; i++) {
		const struct handler *handler = &set->handlers[i];
		struct trial trial = { .forbidden = false };
		struct text url = { .data = NULL };
		char line[1024];
		bool skipped = handler_check_url(handler, &url) == WPS_DECLINED;
		bool fine = skipped ||
		    try_handler(plugin, handler, url.data, &trial);
		good &= fine;
		snprintf(line, sizeof(line), "hub \"%.*s\": %.*s: %s",
		    (int)set->hub.len, set->hub.data, (int)handler->shown.len,
		    handler->shown.data, !fine ? trial.verdict.text :
		    skipped ? "not tried, for it depends on the hub" :
		    handler->validation ? "agrees" :
		    "is there; validation is off");
		say(data, line);
		text_clear(&url);
	}
	return good;
}

int
probe_handlers(const struct cloudevents *plugin,
    void (*say)(void *data, const char *line), void *data)
{
	bool good = probe_set(plugin, &plugin->handlers.any, say, data);

	for (size_t i = 0; i < plugin->handlers.hub_count; i++)
		good &= probe_set(plugin, &plugin->handlers.hubs[i], say, data);
	return good ? WPS_OK : WPS_EINVAL;
}
