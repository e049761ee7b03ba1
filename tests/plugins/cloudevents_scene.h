/* SPDX-License-Identifier: MIT */
/*
 * The scene of the tests of the cloudevents plugin: a fake host and a small HTTP
 * server, all on one loop. What is sent is compared as it stands on the wire, what
 * is answered as one line of text.
 */
#ifndef PLUGINS_CLOUDEVENTS_SCENE_H
#define PLUGINS_CLOUDEVENTS_SCENE_H

#include "support/check.h"
#include "support/fakehost_loop.h"

#include <wps/wps.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DEADLINE_MS (300 * 1000)

extern const struct wps_plugin wps_plugin_v1;

struct option_value {
	const char *name;
	const char *text;
	int64_t number;
	const char *const *items;
	const struct wps_conf *maps;
	size_t count;
};

struct wps_conf {
	const struct option_value *values;
};

struct wps_conn {
	struct wps_conn_view view;
	void *slot;
};

struct wps_reply {
	unsigned count;
	char text[20000]; /* the last answer as one line */
};

/* A handler as a test wants it; the rest is as the rows say. */
struct setup {
	const char *path; /* behind http://127.0.0.1:PORT */
	const char *user_events;
	bool validation;
	bool early_check;
	int64_t concurrency, queue, max_answer;
	const char *url;  /* instead of all that */
	int64_t timeout, body_timeout;
	bool allow_link_local;
	int64_t retry, encoding, breaker;
	bool cookies;
	const char *const *presence, *const *patterns;
	size_t presence_count, pattern_count;
	bool oauth; /* tokens come from the application, with a secret */
	const char *token_url; /* elsewhere */
	int64_t oauth_method;
	const char *signing_key; /* tokens are signed with it */
	bool connected_apart;    /* `connected` has a handler of its own, in front;
	                          * its tokens are for "apart", others for "app" */
};

struct wps_self {
	struct wps_host host;
	struct fakehost_loop loop;
	const struct wps_conf *hub_conf, *core_conf, *own_conf;
	struct wps_upstream upstream;
	void *state, *worker;
	bool keys_off;
	char log[8192];
	struct wps_counter counters[32];
	unsigned counter_count;
	uint64_t counts[32];
	struct wps_conf handlers[2], hub, core, own;
	struct option_value apart_values[24], handler_values[24], hub_values[2], core_values[3],
	    own_values[8];
	char url[256], token_url[64];
};

#define CLIENTS_MAX 64
#define SEEN_MAX 64
#define AGREES "HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nContent-Length: 0\r\n\r\n"
#define HANDSHAKE(status, lines) \
	"HTTP/1.1 " status "\r\n" lines "Content-Length: 0\r\n\r\n"
#define NOTHING "HTTP/1.1 204 No Content\r\n\r\n"
/* Of a handler, in its URL's query and elsewhere; in base64 where a multiple of
 * three bytes stands in front of it. No trace of it may be left. */
#define SECRET "s3cret"
#define SECRET_BASE64 "czNjcmV0"
#define HANG NULL /* reads the request and never answers */
#define HANG_UP "" /* reads the request and closes */

struct client;

struct app {
	const struct wps_host *host;
	struct fakehost_loop *loop;
	int fd;
	unsigned port;
	struct wps_watch *watch;
	struct client *clients[CLIENTS_MAX];
	unsigned accepted;

	/* What it answers: to handshakes, and to events in turn; the last again. */
	const char *handshake, *get;
	const char *token; /* to requests for one; NULL: as to events */
	const char *answers[8];
	size_t answer_count;

	char *seen[SEEN_MAX]; /* requests as they came; handshakes are not among them, nor
			       * what got the token */
	size_t seen_count;
	unsigned handshakes, get_requests, token_requests;
	char last_handshake[1024];
};

extern struct wps_self *fake; /* the host, from start to stop */
extern struct app app;
extern struct wps_conn conn;

/* A predicate of the loop; of a struct wps_reply. */
bool is_answered(void *data);

void start(struct setup setup);

/* One kind of presence event, or none, of some groups. */
void start_presence(const char *event, const char *const *patterns, size_t count);

/* The log must never hold the secret, nor memory that the plugin has given back. */
void stop(void);

struct wps_event user_event(const char *name, const char *payload);
struct wps_event connect_event(void);
void deliver(struct wps_event event, struct wps_reply *reply);

/* Delivers and waits for the answer as text. */
const char *ask(struct wps_event event, struct wps_reply *reply);

/* To all event requests. */
void answer_with(const char *answer);

/* The n-th event request, once it has come. */
const char *request(size_t n);

/* Replaces the value of a header line that no test can know. */
void mask(char *text, const char *from, const char *to);

/* The value of a header of a request, in the caller's buffer; "-": it has none. */
const char *header_of(const char *text, const char *name, char *dst, size_t cap);

/* Of the n-th event request. */
void check_header(size_t n, const char *name, const char *expected);

/* The number of a counter, by the label `kind` and an end of its name. */
long counted(const char *name, const char *kind);

/* The suites besides that of test_cloudevents.c. */
extern CU_TestInfo cloudevents_addresses_tests[], cloudevents_answers_tests[],
    cloudevents_breaker_tests[], cloudevents_delivery_tests[],
    cloudevents_handshake_tests[], cloudevents_handlers_tests[],
    cloudevents_tokens_tests[];

#endif
