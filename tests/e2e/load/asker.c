/* SPDX-License-Identifier: MIT */
/*
 * The floor of what an event costs: a bare client of libcurl's multi interface
 * on libev, that posts as many header bytes as wps does and drops the answers.
 *
 *	asker URL AT-A-TIME REQUESTS
 *
 * prints its CPU time per request in microseconds.
 */
#include <curl/curl.h>
#include <ev.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const lines[] = {
	"Content-Type: application/json",
	"Accept:",
	"Expect:",
	"WebHook-Request-Origin: 127.0.0.1",
	"ce-awpsversion: 1.0",
	"ce-specversion: 1.0",
	"ce-type: azure.webpubsub.user.echo",
	"ce-source: /hubs/load/client/AAAAAAAAAAAAAAAAAAAAAAAA",
	"ce-id: 1000",
	"ce-time: 2026-01-01T00:00:00Z",
	("ce-signature: sha256="
	"0000000000000000000000000000000000000000000000000000000000000000"),
	"ce-hub: load",
	"ce-connectionId: AAAAAAAAAAAAAAAAAAAAAAAA",
	"ce-eventName: echo",
	"ce-subprotocol: json.webpubsub.azure.v1",
	"x-ms-client-request-id: 0000000000000000-1000",
	"User-Agent: wps/0.0.0",
};

static const char body[] = "{\"hello\":\"world !!!\"}";

struct asker {
	struct ev_loop *loop;
	CURLM *multi;
	ev_timer timer;
	struct curl_slist *headers;
	const char *url;
	long begun, ended, wanted;
	bool failed;
};

static void ask(struct asker *asker, CURL *easy);

static void
take_ended(struct asker *asker)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(asker->multi, &left))) {
		CURL *easy = message->easy_handle;
		asker->failed |= message->data.result != CURLE_OK;
		asker->ended++;
		curl_multi_remove_handle(asker->multi, easy);
		if (asker->begun < asker->wanted)
			ask(asker, easy);
		else
			curl_easy_cleanup(easy);
	}
	if (asker->failed || asker->ended == asker->wanted)
		ev_break(asker->loop, EVBREAK_ALL);
}

static void
drive(struct asker *asker, curl_socket_t fd, int events)
{
	int left;

	curl_multi_socket_action(asker->multi, fd, events, &left);
	take_ended(asker);
}

static void
on_ready(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	drive(io->data, io->fd, (events & EV_READ ? CURL_CSELECT_IN : 0) |
	    (events & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void
on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int
set_timer(CURLM *multi, long after_ms, void *data)
{
	struct asker *asker = data;

	(void)multi;
	ev_timer_stop(asker->loop, &asker->timer);
	if (after_ms >= 0) {
		ev_timer_set(&asker->timer, (double)after_ms / 1000, 0);
		ev_timer_start(asker->loop, &asker->timer);
	}
	return 0;
}

static int
set_watch(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
	struct asker *asker = data;
	ev_io *io = socket_data;
	int events = (what & CURL_POLL_IN ? EV_READ : 0) |
	    (what & CURL_POLL_OUT ? EV_WRITE : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		ev_io_stop(asker->loop, io);
		free(io);
		curl_multi_assign(asker->multi, fd, NULL);
		return 0;
	}
	if (io == NULL) {
		io = calloc(1, sizeof(*io));
		if (io == NULL)
			return -1;
		ev_io_init(io, on_ready, fd, events);
		io->data = asker;
		curl_multi_assign(asker->multi, fd, io);
	}
	ev_io_stop(asker->loop, io);
	ev_io_set(io, fd, events);
	ev_io_start(asker->loop, io);
	return 0;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *data)
{
	(void)bytes;
	(void)data;
	return size * count;
}

static void
ask(struct asker *asker, CURL *easy)
{
	asker->begun++;
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_URL, asker->url);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, asker->headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_multi_add_handle(asker->multi, easy);
}

static void
set_up(struct asker *asker)
{
	asker->loop = ev_default_loop(EVFLAG_AUTO);
	asker->multi = curl_multi_init();
	if (asker->loop == NULL || asker->multi == NULL)
		abort();
	ev_init(&asker->timer, on_timer);
	asker->timer.data = asker;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		asker->headers = curl_slist_append(asker->headers, lines[i]);
	curl_multi_setopt(asker->multi, CURLMOPT_SOCKETFUNCTION, set_watch);
	curl_multi_setopt(asker->multi, CURLMOPT_SOCKETDATA, asker);
	curl_multi_setopt(asker->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(asker->multi, CURLMOPT_TIMERDATA, asker);
	curl_multi_setopt(asker->multi, CURLMOPT_MAXCONNECTS, 512L);
}

static double
cpu_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

int
main(int argc, char **argv)
{
	struct asker asker = { .failed = false };

	if (argc != 4) {
		fputs("usage: asker URL AT-A-TIME REQUESTS\n", stderr);
		return EXIT_FAILURE;
	}
	set_up(&asker);
	asker.url = argv[1];
	asker.wanted = strtol(argv[3], NULL, 10);
	double before = cpu_us();
	for (long i = strtol(argv[2], NULL, 10); i > 0; i--)
		ask(&asker, curl_easy_init());
	ev_run(asker.loop, 0);
	double used = cpu_us() - before;

	curl_multi_cleanup(asker.multi);
	curl_slist_free_all(asker.headers);
	if (asker.failed || asker.ended != asker.wanted) {
		fputs("asker: a request has failed\n", stderr);
		return EXIT_FAILURE;
	}
	printf("%.2f\n", used / (double)asker.wanted);
	return EXIT_SUCCESS;
}
