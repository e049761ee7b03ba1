/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include "address.h"
#include "template.h"

#include <stdarg.h>
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
	char verdict[512]; /* what is wrong; empty: nothing */
	bool forbidden;
};

static void WPS_PRINTF(2, 3)
judge(struct trial *trial, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(trial->verdict, sizeof(trial->verdict), format, args);
	va_end(args);
}

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
judge_timeout(struct trial *trial)
{
	curl_off_t connected = 0;

	curl_easy_getinfo(trial->easy, CURLINFO_CONNECT_TIME_T, &connected);
	if (connected > 0)
		judge(trial, "it is connected to, but does not answer within "
		    "%ld s: does the application hang, or is it another "
		    "service's port?", TIMEOUT_MS / 1000);
	else
		judge(trial, "no connection can be made in time: does a "
		    "firewall drop it, or is the machine down?");
}

static void
judge_failure(struct trial *trial, CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		judge(trial, "the host's name cannot be resolved: is it "
		    "written right, and does this machine's DNS know it?");
		break;
	case CURLE_COULDNT_CONNECT:
		judge(trial, "%s", trial->forbidden ? "its address is "
		    "link-local or of a metadata service: use another, or set "
		    "allow_link_local" : "the connection is refused: is the "
		    "application started, and is it the right port?");
		break;
	case CURLE_OPERATION_TIMEDOUT:
		judge_timeout(trial);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		judge(trial, "its certificate is not trusted (%.200s): set "
		    "\"ca\" to who has signed it, or correct the host's name",
		    trial->error);
		break;
	case CURLE_SSL_CONNECT_ERROR:
		judge(trial, "TLS fails (%.200s): does that port speak TLS, "
		    "or should the URL begin with http://?", trial->error);
		break;
	case CURLE_SSL_CERTPROBLEM:
		judge(trial, "the certificate cannot be shown (%.200s): check "
		    "\"certificate\" and \"key\"", trial->error);
		break;
	case CURLE_SSL_CACERT_BADFILE:
		judge(trial, "the file \"ca\" cannot be used (%.200s)",
		    trial->error);
		break;
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
		judge(trial, "it closes the connection without an answer: does "
		    "that port speak HTTP, or should the URL begin with "
		    "https://?");
		break;
	default:
		judge(trial, "%.200s", trial->error[0] ? trial->error :
		    curl_easy_strerror(code));
	}
}

static void
judge_status(struct trial *trial, long status)
{
	if (status >= 300 && status <= 399)
		judge(trial, "it redirects (status %ld), and redirects are not "
		    "followed: write the URL that it leads to", status);
	else if (status == 401 || status == 403)
		judge(trial, "it refuses the handshake (status %ld): let the "
		    "application answer OPTIONS without credentials", status);
	else if (status == 404 || status == 405)
		judge(trial, "it knows no such path (status %ld): compare the "
		    "URL with the path of the application's event handler",
		    status);
	else
		judge(trial, "it fails (status %ld): look into the "
		    "application's log", status);
}

static void
judge_origin(struct trial *trial)
{
	const struct origin *origin = &trial->plugin->origin;
	struct wps_span rest = text_span(&trial->head), value;
	bool some = false;

	while (head_find(&rest, WPS_SPAN("WebHook-Allowed-Origin"), &value)) {
		if (origin_is_allowed(origin, value))
			return;
		some = true;
	}
	if (some)
		judge(trial, "it allows other origins than \"%.*s\": allow that "
		    "one there, or correct public_endpoints",
		    (int)origin->hosts.len, origin->hosts.data);
	else
		judge(trial, "its answer has no WebHook-Allowed-Origin: is the "
		    "event handler of an SDK mounted at that path?");
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

	if (trial->verdict[0] || !trial->handler->validation)
		return;
	if (status == 404)
		status = perform(trial, "GET");
	if (trial->verdict[0])
		return;
	if (status < 200 || status > 299)
		judge_status(trial, status);
	else
		judge_origin(trial);
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
    struct wps_span hub, struct trial *trial)
{
	struct text url = { .data = NULL };
	struct curl_slist *headers = headers_of(plugin);

	*trial = (struct trial){ .plugin = plugin, .handler = handler,
		.easy = curl_easy_init() };
	if (trial->easy == NULL || template_expand(text_span(&handler->url), hub,
	    WPS_SPAN("validate"), &url) != WPS_OK) {
		judge(trial, "it cannot be tried");
	} else {
		set_up(trial, url.data, headers);
		run(trial);
	}
	curl_easy_cleanup(trial->easy);
	curl_slist_free_all(headers);
	text_clear(&url);
	text_free(&trial->head);
	return trial->verdict[0] == '\0';
}

static bool
depends_on_hub(const struct handler *handler)
{
	struct wps_span url = text_span(&handler->url);

	for (size_t i = 0; i + 5 <= url.len; i++) {
		if (span_eq_nocase((struct wps_span){ url.data + i, 5 },
		    WPS_SPAN("{hub}")))
			return true;
	}
	return false;
}

static bool
probe_set(const struct cloudevents *plugin, const struct handler_set *set,
    void (*say)(void *data, const char *line), void *data)
{
	bool any = set == &plugin->handlers.any, good = true;

	for (size_t i = 0; i < set->count; i++) {
		const struct handler *handler = &set->handlers[i];
		bool skipped = any && depends_on_hub(handler);
		struct trial trial = { .verdict = "" };
		char line[1024];
		bool fine = skipped ||
		    try_handler(plugin, handler, any ? WPS_SPAN("_") : set->hub,
		    &trial);
		good &= fine;
		snprintf(line, sizeof(line), "hub \"%.*s\": %.*s: %s",
		    (int)set->hub.len, set->hub.data, (int)handler->shown.len,
		    handler->shown.data, !fine ? trial.verdict :
		    skipped ? "not tried, for it depends on the hub" :
		    handler->validation ? "agrees" :
		    "is there; validation is off");
		say(data, line);
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
