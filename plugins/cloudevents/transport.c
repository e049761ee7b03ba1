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

#include <netinet/in.h>
#include <stdlib.h>
#include <strings.h>

#define POOL_MAX 64
/* A body buffer that is larger is not kept with a pooled handle. */
#define POOL_BODY_MAX (64 * 1024)

struct transfer {
	TAILQ_ENTRY(transfer) link; /* running or pooled */
	struct transport *transport;
	CURL *easy; /* owned */
	struct transfer_request request;
	bool sent; /* libcurl has begun to send the request */
	bool head_done;
	bool too_large;
	int status;
	struct text head, body;
};

/* --- what libcurl gathers ----------------------------------------------------- */

static bool
is_success(int status)
{
	return status >= 200 && status <= 299;
}

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

static void
end_head(struct transfer *transfer)
{
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
	if (transfer->head.len + line.len > TRANSFER_HEAD_MAX) {
		transfer->too_large = true;
		return 0;
	}
	int status = status_of(line);
	if (status) {
		transfer->status = status;
		transfer->head.len = 0;
	} else if (line.len <= 2) {
		end_head(transfer);
	} else {
		text_add(&transfer->head, line);
	}
	return transfer->head.failed ? 0 : line.len;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *data)
{
	struct transfer *transfer = data;
	size_t len = size * count, room;

	if (is_success(transfer->status)) {
		room = transfer->request.max_body - transfer->body.len;
		if (len > room) {
			transfer->too_large = true;
			return 0;
		}
		room = len;
	} else {
		room = TRANSFER_REFUSAL_MAX - transfer->body.len;
		room = len < room ? len : room;
	}
	text_add(&transfer->body, (struct wps_span){ bytes, room });
	return transfer->body.failed ? 0 : len;
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

/* Addresses that only this machine's surroundings have, metadata services among them. */
static bool
is_link_local(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, address, sizeof(v4));
		return (ntohl(v4.sin_addr.s_addr) & 0xffff0000u) == 0xa9fe0000u;
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, address, sizeof(v6));
		const uint8_t *bytes = v6.sin6_addr.s6_addr;
		if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
			return bytes[12] == 0xa9 && bytes[13] == 0xfe;
		return IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr);
	}
	return false;
}

static curl_socket_t
on_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	const struct transport *transport = data;

	(void)purpose;
	if (!transport->allow_link_local && is_link_local(&address->addr))
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

/* --- easy handles --------------------------------------------------------------- */

static void
transfer_free(struct transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	text_free(&transfer->head);
	text_free(&transfer->body);
	free(transfer);
}

/* What is the same for all requests. */
static void
set_up(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, transfer->transport->idle_s);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer->transport);
}

static struct transfer *
transfer_take(struct transport *transport)
{
	struct transfer *transfer = TAILQ_FIRST(&transport->pool);

	if (transfer) {
		TAILQ_REMOVE(&transport->pool, transfer, link);
		transport->pooled--;
		return transfer;
	}
	transfer = must_calloc(1, sizeof(*transfer));
	transfer->transport = transport;
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL) {
		free(transfer);
		return NULL;
	}
	set_up(transfer);
	return transfer;
}

/* Back to the pool, or freed. It is in no list and not in the multi handle. */
static void
transfer_give(struct transfer *transfer)
{
	struct transport *transport = transfer->transport;

	if (transport->pooled >= POOL_MAX || transfer->body.failed ||
	    transfer->head.failed || transfer->body.cap > POOL_BODY_MAX) {
		transfer_free(transfer);
		return;
	}
	transfer->request = (struct transfer_request){ .data = NULL };
	TAILQ_INSERT_HEAD(&transport->pool, transfer, link);
	transport->pooled++;
}

static void
set_request(struct transfer *transfer)
{
	const struct transfer_request *request = &transfer->request;
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
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

struct transfer *
transport_start(struct transport *transport,
    const struct transfer_request *request)
{
	struct transfer *transfer = transfer_take(transport);

	if (transfer == NULL)
		return NULL;
	transfer->request = *request;
	transfer->sent = transfer->head_done = transfer->too_large = false;
	transfer->status = 0;
	transfer->head.len = transfer->body.len = 0;
	set_request(transfer);
	if (curl_multi_add_handle(transport->multi, transfer->easy) != CURLM_OK) {
		transfer_free(transfer);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&transport->running, transfer, link);
	return transfer;
}

static void
detach(struct transfer *transfer)
{
	curl_multi_remove_handle(transfer->transport->multi, transfer->easy);
	TAILQ_REMOVE(&transfer->transport->running, transfer, link);
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
	};

	if (transfer->too_large)
		answer.end = TRANSFER_TOO_LARGE;
	else if (code != CURLE_OK)
		answer.end = TRANSFER_FAILED;
	if (code != CURLE_OK)
		answer.problem = curl_easy_strerror(code);
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

static int
set_timer(CURLM *multi, long after_ms, void *data)
{
	struct transport *transport = data;

	(void)multi;
	transport->host->timer_stop(transport->timer);
	transport->timer = NULL;
	if (after_ms > 0) {
		transport->timer = transport->host->timer_start(transport->worker,
		    (uint64_t)after_ms, on_timer, transport);
	} else if (after_ms == 0 && !transport->posted) {
		transport->posted = true;
		transport->host->post(transport->worker, on_turn, transport);
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
		.allow_link_local = options->allow_link_local,
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
	curl_multi_setopt(transport->multi, CURLMOPT_MAXCONNECTS,
	    options->idle_connections);
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
		if (span_eq_nocase(header.name, name)) {
			*value_out = header.value;
			return true;
		}
	}
	return false;
}
