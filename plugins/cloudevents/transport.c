/* SPDX-License-Identifier: MIT */
/*
 * Transfers: one easy handle each, pooled with what is the same for all set
 * once. libcurl's answer is gathered here against its limits.
 *
 * libcurl is driven from three places only, and never from inside its own
 * callbacks: a watched descriptor, the timer, and mail to oneself where it asks
 * for a turn at once (the loop's timers are coarse).
 */
#include "transport.h"

#include "address.h"

#include "lib/names.h"

#include <stdlib.h>
#include <sys/socket.h>

/* A body buffer that is larger is not kept with a pooled handle. */
#define POOL_BODY_MAX (64 * 1024)

struct transfer {
	TAILQ_ENTRY(transfer) link; /* running or pooled */
	struct transport *transport;
	CURL *easy; /* owned */
	CURLU *url; /* owned; parsed: where the handle's last request went */
	struct text url_text;
	struct transfer_request request;
	const struct transfer_tls *tls; /* what the handle is set to; NULL: nothing */
	bool sent; /* libcurl has begun to send the request */
	bool head_done;
	bool too_large;
	struct gate gate;
	bool cut;       /* nothing more is read: what is dropped of a refusal was
			   too much, or it is no HTTP */
	bool sets_cookies; /* the answer does */
	bool cookies;      /* the handle has a cookie engine */
	bool has_cookies;  /* and some in it, perhaps: not for the next request */
	size_t dropped;
	int status;
	struct text head, body;
};

/* --- what libcurl gathers ----------------------------------------------------- */

/* The status of "HTTP/1.1 200 OK"; 0 if the line is none. */
static int
status_of(struct wps_span line)
{
	const char *blank = memchr(line.data, ' ', line.len);

	if (line.len < 5 || memcmp(line.data, "HTTP/", 5) != 0 || blank == NULL ||
	    line.data + line.len - blank < 4)
		return 0;
	int status = 0;
	for (int i = 1; i <= 3; i++) {
		if (blank[i] < '0' || blank[i] > '9')
			return 0;
		status = status * 10 + (blank[i] - '0');
	}
	return status;
}

static bool
is_set_cookie(struct wps_span line)
{
	const struct wps_span name = WPS_SPAN("Set-Cookie:");

	return line.len > name.len && (line.data[0] | ' ') == 's' &&
	    name_eq_nocase((struct wps_span){ line.data, name.len }, name);
}

static void
end_head(struct transfer *transfer)
{
	/* Nothing of HTTP follows, though nobody has asked for anything else. */
	if (transfer->status == 101)
		transfer->cut = true;
	if (transfer->status < 200)
		return; /* an interim answer; the real one follows */
	transfer->head_done = true;
	if (transfer->request.head)
		transfer->request.head(transfer->request.data);
}

static size_t
on_header(char *bytes, size_t size, size_t count, void *data)
{
	struct transfer *transfer = data;
	struct wps_span line = { bytes, size * count };

	if (transfer->head_done)
		return line.len; /* a trailer */
	/* libcurl has it now, whatever becomes of this answer. */
	if (is_set_cookie(line))
		transfer->sets_cookies = transfer->has_cookies = true;
	if (transfer->head.len + line.len > TRANSFER_HEAD_MAX) {
		transfer->too_large = true;
		return 0;
	}
	int status = status_of(line);
	if (status) {
		transfer->status = status;
		text_empty(&transfer->head);
		transfer->sets_cookies = false;
	} else if (line.len <= 2) {
		end_head(transfer);
	} else {
		text_add(&transfer->head, line);
	}
	return transfer->head.failed || transfer->cut ? 0 : line.len;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *data)
{
	struct transfer *transfer = data;
	size_t len = size * count, room;

	if (status_is_success(transfer->status)) {
		room = transfer->request.max_body - transfer->body.len;
		if (len > room) {
			transfer->too_large = true;
			return 0;
		}
		room = len;
	} else {
		room = TRANSFER_REFUSAL_MAX - transfer->body.len;
		room = len < room ? len : room;
		transfer->dropped += len - room;
		transfer->cut = transfer->dropped > TRANSFER_DROPPED_MAX;
	}
	text_add(&transfer->body, (struct wps_span){ bytes, room });
	return transfer->body.failed || transfer->cut ? 0 : len;
}

/* libcurl repeats a request when a kept connection turns out to be dead. */
static int
on_send(void *data, char *peer, char *local, int peer_port, int local_port)
{
	struct transfer *transfer = data;
	bool again = transfer->sent;

	(void)peer;
	(void)local;
	(void)peer_port;
	(void)local_port;
	transfer->sent = true;
	return again && transfer->request.once ? CURL_PREREQFUNC_ABORT :
	    CURL_PREREQFUNC_OK;
}

static curl_socket_t
on_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct gate *gate = data;

	(void)purpose;
	if (!gate->allow_link_local && address_is_link_local(&address->addr)) {
		gate->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

/* --- easy handles --------------------------------------------------------------- */

static void trim_later(struct transport *transport);

static void
transfer_free(struct transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	curl_url_cleanup(transfer->url);
	text_free(&transfer->url_text);
	text_free(&transfer->head);
	text_free(&transfer->body);
	free(transfer);
}

void
transport_set_up(CURL *easy, struct gate *gate, long connect_ms)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Names are resolved on threads: who gives up does not wait for them. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, gate);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
}

/* What is the same for all requests. */
static void
set_up(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	transport_set_up(easy, &transfer->gate, transfer->transport->connect_ms);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, transfer->transport->idle_s);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
}

static struct transfer *
transfer_take(struct transport *transport)
{
	struct transfer *transfer = TAILQ_FIRST(&transport->pool);

	if (transfer) {
		TAILQ_REMOVE(&transport->pool, transfer, link);
		transport->pooled--;
		if (transport->unused > transport->pooled)
			transport->unused = transport->pooled;
		return transfer;
	}
	transfer = must_calloc(1, sizeof(*transfer));
	transfer->transport = transport;
	transfer->gate.allow_link_local = transport->allow_link_local;
	transfer->easy = curl_easy_init();
	transfer->url = curl_url();
	if (transfer->easy == NULL || transfer->url == NULL) {
		transfer_free(transfer);
		return NULL;
	}
	set_up(transfer);
	return transfer;
}

/* Handles that were not used since the last time are freed: they are the last
 * ones, because the pool is a stack. */
static void
trim_pool(void *data)
{
	struct transport *transport = data;

	transport->trim = NULL;
	for (; transport->unused > 0; transport->unused--) {
		struct transfer *transfer =
		    TAILQ_LAST(&transport->pool, transfer_list);
		TAILQ_REMOVE(&transport->pool, transfer, link);
		transport->pooled--;
		transfer_free(transfer);
	}
	trim_later(transport);
}

static void
trim_later(struct transport *transport)
{
	if (transport->trim || transport->pooled == 0)
		return;
	transport->unused = transport->pooled;
	transport->trim = transport->host->timer_start(transport->worker,
	    (uint64_t)transport->idle_s * 1000, trim_pool, transport);
}

/* Back to the pool, or freed. It is in no list and not in the multi handle. */
static void
transfer_give(struct transfer *transfer)
{
	struct transport *transport = transfer->transport;

	if (transfer->body.failed || transfer->head.failed ||
	    transfer->body.cap > POOL_BODY_MAX) {
		transfer_free(transfer);
		return;
	}
	text_empty(&transfer->head);
	text_empty(&transfer->body);
	transfer->request = (struct transfer_request){ .data = NULL };
	TAILQ_INSERT_HEAD(&transport->pool, transfer, link);
	transport->pooled++;
	trim_later(transport);
}

/* --- requests --------------------------------------------------------------------- */

static const struct transfer_tls no_tls = { .ca = NULL };

/* A CA of one's own stands instead of the system's. A pooled handle forgets
 * what its last user had. */
void
transport_set_tls(CURL *easy, const struct transfer_tls *tls)
{
	const curl_version_info_data *system = curl_version_info(CURLVERSION_NOW);

	if (tls == NULL)
		tls = &no_tls;
	curl_easy_setopt(easy, CURLOPT_CAINFO, tls->ca ? tls->ca : system->cainfo);
	curl_easy_setopt(easy, CURLOPT_CAPATH, tls->ca ? NULL : system->capath);
	curl_easy_setopt(easy, CURLOPT_SSLCERT, tls->certificate);
	curl_easy_setopt(easy, CURLOPT_SSLKEY, tls->key);
}

/* libcurl copies all of it: only when it is another one. */
static void
set_tls(struct transfer *transfer)
{
	const struct transfer_tls *tls = transfer->request.tls;

	if (tls == NULL)
		tls = &no_tls;
	if (tls == transfer->tls)
		return;
	transport_set_tls(transfer->easy, tls);
	transfer->tls = tls;
}

/* A handle without cookies need not look for any. */
static void
set_cookies(struct transfer *transfer)
{
	const struct transfer_request *request = &transfer->request;
	CURL *easy = transfer->easy;

	if (transfer->has_cookies)
		curl_easy_setopt(easy, CURLOPT_COOKIELIST, "ALL"); /* forgets them */
	transfer->has_cookies = request->with_cookies && request->cookies;
	if (!request->with_cookies)
		return;
	if (!transfer->cookies)
		curl_easy_setopt(easy, CURLOPT_COOKIEFILE, "");
	transfer->cookies = true;
	for (const struct curl_slist *cookie = request->cookies; cookie;
	    cookie = cookie->next)
		curl_easy_setopt(easy, CURLOPT_COOKIELIST, cookie->data);
}

/* libcurl parses its URL for each request; a handle that goes where it went
 * before has it parsed. One that it refuses it may complain of itself. */
static void
set_url(struct transfer *transfer)
{
	struct wps_span url = wps_span_str(transfer->request.url);
	struct text *last = &transfer->url_text;

	if (last->len > 0 && wps_span_eq(text_span(last), url))
		return;
	text_empty(last);
	text_add(last, url);
	bool parsed = !last->failed && curl_url_set(transfer->url, CURLUPART_URL,
	    transfer->request.url, CURLU_PATH_AS_IS) == CURLUE_OK;
	if (!parsed)
		text_free(last);
	curl_easy_setopt(transfer->easy, CURLOPT_URL,
	    parsed ? NULL : transfer->request.url);
	curl_easy_setopt(transfer->easy, CURLOPT_CURLU,
	    parsed ? transfer->url : NULL);
}

static void
set_request(struct transfer *transfer)
{
	const struct transfer_request *request = &transfer->request;
	CURL *easy = transfer->easy;

	set_url(transfer);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
	set_tls(transfer);
	set_cookies(transfer);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
	if (strcmp(request->method, "POST") == 0) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)request->body.len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
		    request->body.len ? request->body.data : "");
		return;
	}
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	if (strcmp(request->method, "GET") != 0)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

/* libcurl's limit is for connections in use and idle ones together: requests that
 * hang would leave no room for those that others use again. */
static void
set_room(struct transport *transport)
{
	size_t others = transport->running_count ?
	    transport->running_count - 1 : 0;

	curl_multi_setopt(transport->multi, CURLMOPT_MAXCONNECTS,
	    transport->idle_connections + (long)others);
}

struct transfer *
transport_start(struct transport *transport,
    const struct transfer_request *request)
{
	struct transfer *transfer = transfer_take(transport);

	if (transfer == NULL)
		return NULL;
	transfer->request = *request;
	transfer->sent = transfer->head_done = transfer->too_large = false;
	transfer->gate.refused = transfer->cut = transfer->sets_cookies = false;
	transfer->dropped = 0;
	transfer->status = 0;
	transfer->body.plain = !request->secret;
	set_request(transfer);
	if (curl_multi_add_handle(transport->multi, transfer->easy) != CURLM_OK) {
		transfer_free(transfer);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&transport->running, transfer, link);
	transport->running_count++;
	set_room(transport);
	return transfer;
}

static void
detach(struct transfer *transfer)
{
	struct transport *transport = transfer->transport;

	curl_multi_remove_handle(transport->multi, transfer->easy);
	TAILQ_REMOVE(&transport->running, transfer, link);
	transport->running_count--;
	set_room(transport);
}

struct curl_slist *
transfer_cookies(const struct transfer *transfer)
{
	struct curl_slist *list = NULL;

	curl_easy_getinfo(transfer->easy, CURLINFO_COOKIELIST, &list);
	return list;
}

void
transfer_cancel(struct transfer **transfer)
{
	if (*transfer == NULL)
		return;
	detach(*transfer);
	transfer_give(*transfer);
	*transfer = NULL;
}

/* --- driving libcurl ------------------------------------------------------------- */

static void
finish(struct transfer *transfer, CURLcode code)
{
	struct transfer_answer answer = {
		.end = TRANSFER_ANSWERED,
		.status = transfer->status,
		.head = text_span(&transfer->head),
		.body = text_span(&transfer->body),
		.code = code,
		.transfer = transfer,
	};

	/* libcurl has a limit of its own for one line of a head. */
	if (transfer->too_large ||
	    (code == CURLE_OUT_OF_MEMORY && !transfer->head_done))
		answer.end = TRANSFER_TOO_LARGE;
	else if (code == CURLE_COULDNT_CONNECT && transfer->gate.refused)
		answer.end = TRANSFER_FORBIDDEN;
	else if (code != CURLE_OK && !transfer->cut)
		answer.end = TRANSFER_FAILED;
	if (answer.end == TRANSFER_FORBIDDEN)
		answer.problem = "the address is link-local or of a metadata "
		    "service, see allow_link_local";
	else if (answer.end != TRANSFER_ANSWERED)
		answer.problem = curl_easy_strerror(code);
	answer.has_cookies = answer.end == TRANSFER_ANSWERED &&
	    transfer->request.with_cookies && status_is_success(transfer->status) &&
	    transfer->sets_cookies;
	detach(transfer);
	transfer->request.done(transfer->request.data, &answer);
	transfer_give(transfer);
}

static void
drive(struct transport *transport, curl_socket_t fd, int events)
{
	const CURLMsg *message;
	int left;

	curl_multi_socket_action(transport->multi, fd, events, &left);
	while ((message = curl_multi_info_read(transport->multi, &left))) {
		struct transfer *transfer;
		CURLcode code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		finish(transfer, code);
	}
}

static void
on_ready(int fd, unsigned events, void *data)
{
	int action = 0;

	if (events & WPS_READABLE)
		action |= CURL_CSELECT_IN;
	if (events & WPS_WRITABLE)
		action |= CURL_CSELECT_OUT;
	drive(data, fd, action);
}

static void
on_timer(void *data)
{
	struct transport *transport = data;

	transport->timer = NULL;
	drive(transport, CURL_SOCKET_TIMEOUT, 0);
}

static void
on_turn(struct wps_worker *worker, void *data)
{
	struct transport *transport = data;

	(void)worker;
	transport->posted = false;
	drive(transport, CURL_SOCKET_TIMEOUT, 0);
}

/* A timer that runs out too early does no harm: libcurl sets the next one. So
 * it is not moved for each request whose time is later. */
static void
set_timer_at(struct transport *transport, uint64_t at_ms, uint64_t after_ms)
{
	if (transport->timer && transport->timer_ms <= at_ms)
		return;
	transport->host->timer_stop(transport->timer);
	transport->timer = transport->host->timer_start(transport->worker,
	    after_ms, on_timer, transport);
	transport->timer_ms = at_ms;
}

static int
set_timer(CURLM *multi, long after_ms, void *data)
{
	struct transport *transport = data;

	(void)multi;
	if (after_ms > 0) {
		set_timer_at(transport, (uint64_t)after_ms +
		    transport->host->now_ms(transport->worker),
		    (uint64_t)after_ms);
	} else if (after_ms == 0 && !transport->posted) {
		transport->posted = true;
		transport->host->post(transport->worker, on_turn, transport);
	} else if (after_ms < 0) {
		transport->host->timer_stop(transport->timer);
		transport->timer = NULL;
	}
	return 0;
}

static int
set_watch(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
	struct transport *transport = data;
	struct wps_watch *watch = socket_data;
	unsigned events = 0;

	(void)easy;
	if (what & CURL_POLL_IN)
		events |= WPS_READABLE;
	if (what & CURL_POLL_OUT)
		events |= WPS_WRITABLE;
	if (what == CURL_POLL_REMOVE) {
		transport->host->unwatch(watch);
		curl_multi_assign(transport->multi, fd, NULL);
	} else if (watch) {
		transport->host->watch_set(watch, events);
	} else {
		watch = transport->host->watch(transport->worker, fd, events,
		    on_ready, transport);
		curl_multi_assign(transport->multi, fd, watch);
	}
	return 0;
}

/* --- life ------------------------------------------------------------------------- */

int
transport_init(struct transport *transport, const struct wps_host *host,
    struct wps_worker *worker, const struct transport_options *options)
{
	*transport = (struct transport){
		.host = host,
		.worker = worker,
		.idle_s = options->idle_s,
		.connect_ms = options->connect_ms,
		.allow_link_local = options->allow_link_local,
		.idle_connections = options->idle_connections,
	};
	TAILQ_INIT(&transport->running);
	TAILQ_INIT(&transport->pool);
	transport->multi = curl_multi_init();
	if (transport->multi == NULL)
		return WPS_ESYS;
	curl_multi_setopt(transport->multi, CURLMOPT_SOCKETFUNCTION, set_watch);
	curl_multi_setopt(transport->multi, CURLMOPT_SOCKETDATA, transport);
	curl_multi_setopt(transport->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(transport->multi, CURLMOPT_TIMERDATA, transport);
	set_room(transport);
	return WPS_OK;
}

void
transport_fini(struct transport *transport)
{
	struct transfer *transfer;

	if (transport->multi == NULL)
		return;
	while ((transfer = TAILQ_FIRST(&transport->running)))
		transfer_cancel(&transfer);
	while ((transfer = TAILQ_FIRST(&transport->pool))) {
		TAILQ_REMOVE(&transport->pool, transfer, link);
		transfer_free(transfer);
	}
	curl_multi_cleanup(transport->multi);
	transport->multi = NULL;
	transport->host->timer_stop(transport->timer);
	transport->timer = NULL;
	transport->host->timer_stop(transport->trim);
	transport->trim = NULL;
}

/* --- heads ------------------------------------------------------------------------ */

bool
head_next(struct wps_span *rest, struct wps_header *out)
{
	struct wps_span line;

	while (span_next(rest, '\n', &line)) {
		const char *colon = line.len ? memchr(line.data, ':', line.len) : NULL;
		if (colon == NULL || colon == line.data)
			continue;
		if (line.data[line.len - 1] == '\r')
			line.len--;
		size_t len = (size_t)(colon - line.data);
		out->name = (struct wps_span){ line.data, len };
		out->value = span_trim(
		    (struct wps_span){ colon + 1, line.len - len - 1 });
		return true;
	}
	return false;
}

bool
head_find(struct wps_span *rest, struct wps_span name, struct wps_span *value_out)
{
	struct wps_header header;

	while (head_next(rest, &header)) {
		if (name_eq_nocase(header.name, name)) {
			*value_out = header.value;
			return true;
		}
	}
	return false;
}
