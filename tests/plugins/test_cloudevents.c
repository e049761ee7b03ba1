/* SPDX-License-Identifier: MIT */
/*
 * The cloudevents plugin against a fake host and a small HTTP server, all on one
 * loop: what is sent is compared as it stands on the wire, what is answered as
 * one line of text.
 */
#include "support/fakehost_loop.h"

#include "plugins/cloudevents/address.h"
#include "plugins/cloudevents/handlers.h"
#include "plugins/cloudevents/origin.h"
#include "plugins/cloudevents/request.h"
#include "plugins/cloudevents/state.h"
#include "plugins/cloudevents/template.h"
#include "plugins/cloudevents/worker.h"

#include <CUnit/Basic.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DEADLINE_MS (300 * 1000)

extern const struct wps_plugin wps_plugin_v1;

static void
check_text(const char *what, const char *got, const char *expected)
{
	if (strcmp(got, expected) == 0) {
		CU_PASS(what);
		return;
	}
	fprintf(stderr, "\n%s\n  expected: %s\n  got:      %s\n", what, expected, got);
	CU_FAIL(what);
}

static void
check_number(const char *what, long got, long expected)
{
	if (got == expected) {
		CU_PASS(what);
		return;
	}
	fprintf(stderr, "\n%s\n  expected: %ld\n  got:      %ld\n", what, expected, got);
	CU_FAIL(what);
}

/* --- configuration -------------------------------------------------------------- */

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

static const struct option_value *
value_of(const struct wps_conf *conf, const char *name)
{
	static const struct option_value none;

	for (const struct option_value *value = conf->values; value->name; value++) {
		if (strcmp(value->name, name) == 0)
			return value;
	}
	return &none;
}

static bool
host_conf_bool(const struct wps_conf *conf, const char *name)
{
	return value_of(conf, name)->number != 0;
}

static int64_t
host_conf_int(const struct wps_conf *conf, const char *name)
{
	return value_of(conf, name)->number;
}

static struct wps_span
host_conf_span(const struct wps_conf *conf, const char *name)
{
	return wps_span_str(value_of(conf, name)->text);
}

static size_t
host_conf_count(const struct wps_conf *conf, const char *name)
{
	return value_of(conf, name)->count;
}

static struct wps_span
host_conf_item(const struct wps_conf *conf, const char *name, size_t i)
{
	return wps_span_str(value_of(conf, name)->items[i]);
}

static const struct wps_conf *
host_conf_map(const struct wps_conf *conf, const char *name, size_t i)
{
	return &value_of(conf, name)->maps[i];
}

static void
host_conf_where(const struct wps_conf *conf, const char *name, char *dst, size_t cap)
{
	(void)conf;
	(void)name;
	snprintf(dst, cap, "wps.conf:7:3");
}

/* --- the fake host ------------------------------------------------------------------ */

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
	struct wps_conf handler, hub, core, own;
	struct option_value handler_values[16], hub_values[2], core_values[3],
	    own_values[7];
	char url[256];
};

static struct wps_self *fake;

static void WPS_PRINTF(3, 4)
host_log(const struct wps_self *self, enum wps_log_level level, const char *format, ...)
{
	size_t len = strlen(fake->log);
	va_list args;

	(void)self;
	if (level == WPS_LOG_DEBUG)
		return;
	va_start(args, format);
	vsnprintf(fake->log + len, sizeof(fake->log) - len, format, args);
	va_end(args);
	len = strlen(fake->log);
	snprintf(fake->log + len, sizeof(fake->log) - len, "\n");
}

static int
host_conf_file(const struct wps_conf *conf, const char *name, char *dst,
    size_t cap)
{
	const char *text = value_of(conf, name)->text;

	if (text == NULL)
		return WPS_NOT_FOUND;
	return snprintf(dst, cap, "%s", text) < (int)cap ? WPS_OK : WPS_FULL;
}

static const struct wps_conf *
host_conf(const struct wps_self *self)
{
	return self->own_conf;
}

static const struct wps_conf *
host_conf_core(const struct wps_self *self)
{
	return self->core_conf;
}

static const struct wps_conf *
host_conf_hub(const struct wps_self *self, struct wps_span hub)
{
	(void)hub;
	return self->hub_conf;
}

static struct wps_span
host_conf_hub_name(const struct wps_self *self, size_t i)
{
	(void)self;
	return i == 0 ? WPS_SPAN("Chat") : WPS_SPAN_NONE;
}

static int
host_add_upstream(struct wps_self *self, const struct wps_upstream *ops)
{
	self->upstream = *ops;
	return WPS_OK;
}

static int
host_add_counter(struct wps_self *self, const struct wps_counter *counter, unsigned *id_out)
{
	CU_ASSERT_FATAL(self->counter_count < COUNT(self->counters));
	self->counters[self->counter_count] = *counter;
	*id_out = self->counter_count++;
	return WPS_OK;
}

static void
host_count(struct wps_worker *worker, unsigned id, uint64_t n)
{
	(void)worker;
	CU_ASSERT_FATAL(id < fake->counter_count);
	fake->counts[id] += n;
}

static unsigned
host_worker_count(const struct wps_self *self)
{
	(void)self;
	return 1;
}

static unsigned
host_worker_index(const struct wps_worker *worker)
{
	(void)worker;
	return 0;
}

static const struct wps_conn_view *
host_conn_view(const struct wps_conn *conn)
{
	return &conn->view;
}

static void **
host_conn_slot(const struct wps_self *self, struct wps_conn *conn)
{
	(void)self;
	return &conn->slot;
}

static int
host_sign(const struct wps_self *self, unsigned key, struct wps_span bytes, uint8_t mac_out[32])
{
	(void)bytes;
	if (self->keys_off)
		return WPS_DECLINED;
	memset(mac_out, (int)(0xa0 + key), 32);
	return WPS_OK;
}

static const char *
data_name(enum wps_data type)
{
	static const char *const names[] = { "", "text", "json", "binary", "protobuf" };
	return names[type];
}

static void
print_list(struct text *out, const char *name, const struct wps_span *list, size_t count)
{
	text_printf(out, " %s=", name);
	for (size_t i = 0; i < count; i++)
		text_printf(out, "%s%.*s", i ? "," : "", (int)list[i].len, list[i].data);
}

static void
print_answer(struct text *out, const struct wps_answer *answer)
{
	text_printf(out, "%s", answer->result < 0 ? "failed" :
	    answer->result == WPS_OK ? "ok" : "refused");
	if (answer->status)
		text_printf(out, " status=%d type=%.*s body=%.*s", answer->status,
		    (int)answer->content_type.len, answer->content_type.data,
		    (int)answer->body.len, answer->body.data);
	if (answer->user.len)
		text_printf(out, " user=%.*s", (int)answer->user.len, answer->user.data);
	if (answer->subprotocol.len)
		text_printf(out, " subprotocol=%.*s", (int)answer->subprotocol.len,
		    answer->subprotocol.data);
	if (answer->has_roles)
		print_list(out, "roles", answer->roles, answer->role_count);
	if (answer->group_count)
		print_list(out, "groups", answer->groups, answer->group_count);
	if (answer->has_message)
		text_printf(out, " %s=%.*s", data_name(answer->type),
		    (int)answer->payload.len, answer->payload.data);
	for (size_t i = 0; i < answer->metadata_count; i++)
		text_printf(out, " %.*s:%.*s", (int)answer->metadata[i].key.len,
		    answer->metadata[i].key.data, (int)answer->metadata[i].value.len,
		    answer->metadata[i].value.data);
}

static void
host_answer(struct wps_reply *reply, const struct wps_answer *answer)
{
	struct text text = { .data = NULL };

	print_answer(&text, answer);
	snprintf(reply->text, sizeof(reply->text), "%.*s", (int)text.len, text.data);
	text_free(&text);
	reply->count++;
}

static bool
is_answered(void *data)
{
	return ((struct wps_reply *)data)->count > 0;
}

/* --- the application ------------------------------------------------------------------ */

#define CLIENTS_MAX 64
#define SEEN_MAX 64
#define AGREES "HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nContent-Length: 0\r\n\r\n"
#define HANDSHAKE(status, lines) \
	"HTTP/1.1 " status "\r\n" lines "Content-Length: 0\r\n\r\n"
#define NOTHING "HTTP/1.1 204 No Content\r\n\r\n"
#define HANG NULL /* reads the request and never answers */
#define HANG_UP "" /* reads the request and closes */

struct client {
	struct app *app;
	int fd;
	struct wps_watch *watch;
	char in[65536];
	size_t len;
};

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
	const char *answers[8];
	size_t answer_count;

	char *seen[SEEN_MAX]; /* requests as they came; handshakes are not among them */
	size_t seen_count;
	unsigned handshakes, get_requests;
	char last_handshake[1024];
};

static void
client_close(struct client *client)
{
	client->app->host->unwatch(client->watch);
	close(client->fd);
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (client->app->clients[i] == client)
			client->app->clients[i] = NULL;
	}
	free(client);
}

/* The length of a whole request at the start of what came; 0: not whole. */
static size_t
request_len(const struct client *client)
{
	const char *end = strstr(client->in, "\r\n\r\n");
	const char *length = strstr(client->in, "Content-Length: ");

	if (end == NULL)
		return 0;
	size_t len = (size_t)(end + 4 - client->in);
	if (length && length < end)
		len += strtoul(length + 16, NULL, 10);
	return client->len >= len ? len : 0;
}

static const char *
answer_to(struct app *app, const char *request, size_t len)
{
	if (strncmp(request, "OPTIONS ", 8) == 0) {
		app->handshakes++;
		snprintf(app->last_handshake, sizeof(app->last_handshake), "%.*s",
		    (int)len, request);
		return app->handshake;
	}
	if (strncmp(request, "GET ", 4) == 0) {
		app->get_requests++;
		return app->get;
	}
	size_t turn = app->seen_count < app->answer_count ? app->seen_count :
	    app->answer_count - 1;
	CU_ASSERT_FATAL(app->seen_count < SEEN_MAX);
	app->seen[app->seen_count++] = strndup(request, len);
	return app->answers[turn];
}

static void
on_client(int fd, unsigned events, void *data)
{
	struct client *client = data;
	ssize_t got = read(fd, client->in + client->len, sizeof(client->in) - 1 - client->len);
	size_t len;

	(void)events;
	if (got <= 0) {
		client_close(client);
		return;
	}
	client->len += (size_t)got;
	client->in[client->len] = '\0';
	while ((len = request_len(client)) > 0) {
		const char *answer = answer_to(client->app, client->in, len);
		memmove(client->in, client->in + len, client->len - len + 1);
		client->len -= len;
		if (answer == HANG)
			continue;
		if (*answer == '\0') {
			client_close(client);
			return;
		}
		CU_ASSERT(write(fd, answer, strlen(answer)) == (ssize_t)strlen(answer));
	}
}

static void
on_accept(int fd, unsigned events, void *data)
{
	struct app *app = data;
	struct client *client = calloc(1, sizeof(*client));

	(void)events;
	CU_ASSERT_FATAL(app->accepted < CLIENTS_MAX && client != NULL);
	client->app = app;
	client->fd = accept(fd, NULL, NULL);
	client->watch = app->host->watch(fakehost_loop_worker(app->loop),
	    client->fd, WPS_READABLE, on_client, client);
	app->clients[app->accepted++] = client;
}

static void
app_init(struct app *app, const struct wps_host *host, struct fakehost_loop *loop)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	*app = (struct app){ .host = host, .loop = loop, .handshake = AGREES,
		.get = AGREES, .answers = { NOTHING }, .answer_count = 1 };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	app->fd = socket(AF_INET, SOCK_STREAM, 0);
	CU_ASSERT_FATAL(app->fd >= 0 &&
	    bind(app->fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(app->fd, 64) == 0 &&
	    getsockname(app->fd, (struct sockaddr *)&address, &len) == 0);
	app->port = ntohs(address.sin_port);
	app->watch = host->watch(fakehost_loop_worker(loop), app->fd,
	    WPS_READABLE, on_accept, app);
}

static void
app_fini(struct app *app)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (app->clients[i])
			client_close(app->clients[i]);
	}
	for (size_t i = 0; i < app->seen_count; i++)
		free(app->seen[i]);
	app->host->unwatch(app->watch);
	close(app->fd);
}

/* --- the world: host, plugin, application ------------------------------------------------ */

static struct app app;
static struct wps_conn conn;

static const char *const all_presence_events[] = { "joined", "left" };
static const char *const all_system_events[] = { "connect", "connected", "disconnected" };

static void
fill_conf(const struct setup *setup)
{
	const struct option_value handler[] = {
		{ .name = "url", .text = fake->url },
		{ .name = "user_events", .text = setup->user_events ? setup->user_events : "*" },
		{ .name = "system_events", .items = all_system_events, .count = 3 },
		{ .name = "timeout", .number = setup->timeout ? setup->timeout : 100000 },
		{ .name = "body_timeout",
		  .number = setup->body_timeout ? setup->body_timeout : 30000 },
		{ .name = "validation", .number = setup->validation },
		{ .name = "concurrency", .number = setup->concurrency ? setup->concurrency : 256 },
		{ .name = "queue", .number = setup->queue ? setup->queue : 10000 },
		{ .name = "max_answer",
		  .number = setup->max_answer ? setup->max_answer : 16 << 20 },
		{ .name = "retry", .number = setup->retry },
		{ .name = "header_encoding", .number = setup->encoding },
		{ .name = "cookies", .number = setup->cookies },
		{ .name = "presence_events",
		  .items = setup->presence ? setup->presence : all_presence_events,
		  .count = setup->presence ? setup->presence_count : 2 },
		{ .name = "presence_groups", .items = setup->patterns,
		  .count = setup->pattern_count },
		{ .name = NULL },
	};

	memcpy(fake->handler_values, handler, sizeof(handler));
	fake->handler.values = fake->handler_values;
	fake->hub_values[0] = (struct option_value){ .name = "event_handlers",
		.maps = &fake->handler, .count = 1 };
	fake->hub.values = fake->hub_values;
	static const char *const endpoints[] = { "https://wps.example.net:8443" };
	fake->core_values[0] = (struct option_value){ .name = "public_endpoints",
		.items = endpoints, .count = 1 };
	fake->core.values = fake->core_values;
	fake->own_values[0] = (struct option_value){ .name = "idle_connections", .number = 16 };
	fake->own_values[1] = (struct option_value){ .name = "idle_timeout", .number = 4000 };
	fake->own_values[2] = (struct option_value){ .name = "connect_timeout", .number = 10000 };
	fake->own_values[3] = (struct option_value){ .name = "breaker_failures",
		.number = setup->breaker ? setup->breaker : 1000 };
	fake->own_values[4] = (struct option_value){ .name = "allow_link_local",
		.number = setup->allow_link_local };
	fake->own_values[5] = (struct option_value){ .name = "early_check",
		.number = setup->early_check };
	fake->own.values = fake->own_values;
	fake->hub_conf = &fake->hub;
	fake->core_conf = &fake->core;
	fake->own_conf = &fake->own;
}

static void
fill_host(struct wps_host *host)
{
	*host = (struct wps_host){
		.struct_size = sizeof(*host),
		.log = host_log,
		.conf = host_conf,
		.conf_core = host_conf_core,
		.conf_hub = host_conf_hub,
		.conf_hub_name = host_conf_hub_name,
		.conf_bool = host_conf_bool,
		.conf_int = host_conf_int,
		.conf_span = host_conf_span,
		.conf_count = host_conf_count,
		.conf_item = host_conf_item,
		.conf_map = host_conf_map,
		.conf_where = host_conf_where,
		.conf_file = host_conf_file,
		.add_upstream = host_add_upstream,
		.add_counter = host_add_counter,
		.count = host_count,
		.worker_count = host_worker_count,
		.worker_index = host_worker_index,
		.conn_view = host_conn_view,
		.conn_slot = host_conn_slot,
		.answer = host_answer,
		.sign = host_sign,
	};
}

static void
start(struct setup setup)
{
	fake = calloc(1, sizeof(*fake));
	CU_ASSERT_FATAL(fake != NULL);
	fill_host(&fake->host);
	fakehost_loop_init(&fake->loop, &fake->host);
	app_init(&app, &fake->host, &fake->loop);
	if (setup.url)
		snprintf(fake->url, sizeof(fake->url), "%s", setup.url);
	else
		snprintf(fake->url, sizeof(fake->url), "http://127.0.0.1:%u%s", app.port,
		    setup.path ? setup.path : "/hook/{hub}/{event}?code=s3cret");
	fill_conf(&setup);
	CU_ASSERT_FATAL(wps_plugin_v1.init(&fake->host, fake, &fake->state) == WPS_OK);
	CU_ASSERT_FATAL(wps_plugin_v1.worker_start(fake->state,
	    fakehost_loop_worker(&fake->loop), &fake->worker) == WPS_OK);
	conn = (struct wps_conn){
		.view = { .id = WPS_SPAN("c1"), .hub = WPS_SPAN("chat"),
		    .user = WPS_SPAN("alice"),
		    .subprotocol = WPS_SPAN("json.webpubsub.azure.v1") },
	};
}

/* One kind of presence event, or none, of some groups. */
static void
start_presence(const char *event, const char *const *patterns, size_t count)
{
	start((struct setup){ .path = "/", .presence = &event, .presence_count = event != NULL,
	    .patterns = patterns, .pattern_count = count });
}

/* The log must never hold what the URL's query holds. */
static void
stop(void)
{
	if (conn.slot)
		fake->upstream.forget(fake->worker, conn.slot);
	wps_plugin_v1.worker_stop(fake->worker);
	wps_plugin_v1.fini(fake->state);
	CU_ASSERT_PTR_NULL(strstr(fake->log, "s3cret"));
	app_fini(&app);
	check_number("watches that are left", (long)fakehost_loop_watches(&fake->loop), 0);
	check_number("timers that are left", (long)fakehost_loop_timers(&fake->loop), 0);
	fakehost_loop_fini(&fake->loop);
	free(fake);
}

static struct wps_event
user_event(const char *name, const char *payload)
{
	return (struct wps_event){ .kind = WPS_EVENT_USER, .conn = &conn,
		.name = wps_span_str(name), .type = WPS_DATA_TEXT,
		.payload = wps_span_str(payload) };
}

static struct wps_event
connect_event(void)
{
	static const struct wps_handshake handshake = { .claims = { NULL, 0 } };

	return (struct wps_event){ .kind = WPS_EVENT_CONNECT, .conn = &conn,
		.name = WPS_SPAN("connect"), .handshake = &handshake };
}

static void
deliver(struct wps_event event, struct wps_reply *reply)
{
	CU_ASSERT(fake->upstream.wants(fake->worker, &event));
	fake->upstream.deliver(fake->worker, &event, reply);
}

/* Delivers and waits for the answer as text. */
static const char *
ask(struct wps_event event, struct wps_reply *reply)
{
	*reply = (struct wps_reply){ .count = 0 };
	deliver(event, reply);
	CU_ASSERT(fakehost_loop_until(&fake->loop, is_answered, reply, DEADLINE_MS));
	check_number("answers", reply->count, 1);
	return reply->text;
}

static void
answer_with(const char *answer)
{
	app.answers[0] = answer;
	app.answer_count = 1;
}

static bool
has_seen(void *data)
{
	return app.seen_count >= *(const size_t *)data;
}

/* The n-th event request, once it has come. */
static const char *
request(size_t n)
{
	size_t wanted = n + 1;

	CU_ASSERT_FATAL(fakehost_loop_until(&fake->loop, has_seen, &wanted, DEADLINE_MS));
	return app.seen[n];
}

/* Replaces the value of a header line that no test can know. */
static void
mask(char *text, const char *from, const char *to)
{
	char *start = strstr(text, from);

	if (start == NULL)
		return;
	start += strlen(from);
	char *end = strpbrk(start, "\r/");
	memmove(start + strlen(to), end, strlen(end) + 1);
	memcpy(start, to, strlen(to));
}

/* The value of a header of a request, in the caller's buffer; "-": it has none. */
static const char *
header_of(const char *text, const char *name, char *dst, size_t cap)
{
	char wanted[64];

	snprintf(wanted, sizeof(wanted), "\r\n%s:", name);
	const char *start = strstr(text, wanted);
	if (start == NULL)
		return "-";
	start += strlen(wanted);
	start += *start == ' ';
	snprintf(dst, cap, "%.*s", (int)strcspn(start, "\r"), start);
	CU_ASSERT_PTR_NULL(strstr(start, wanted));
	return dst;
}

static void
check_header(size_t n, const char *name, const char *expected)
{
	char value[16384];

	check_text(name, header_of(request(n), name, value, sizeof(value)), expected);
}

/* --- what is sent ---------------------------------------------------------------------- */

static void
test_connect_event_is_sent_as_specified(void)
{
	static const struct wps_header headers[] = {
		{ WPS_SPAN("Host"), WPS_SPAN("wps.example.net") },
		{ WPS_SPAN("Authorization"), WPS_SPAN("Bearer abc") },
		{ WPS_SPAN("X-Twice"), WPS_SPAN("1") },
		{ WPS_SPAN("x-twice"), WPS_SPAN("2") },
		{ WPS_SPAN("X-ASRS-Internal-Id"), WPS_SPAN("3") },
	};
	static const struct wps_span subprotocols[] = { WPS_SPAN("a.v1"), WPS_SPAN("b.v1") };
	static const struct wps_handshake handshake = {
		.claims = WPS_SPAN("{\"sub\":\"alice\",\"iat\":1790000000,\"role\":[\"r1\",\"r2\"],"
		    "\"x\":{\"y\":[1,true]}}"),
		.query = WPS_SPAN("room=7&access_token=t&a=%C3%BC+b&room=8&flag"),
		.headers = headers, .header_count = COUNT(headers),
		.subprotocols = subprotocols, .subprotocol_count = COUNT(subprotocols),
	};
	static const char expected[] =
	    "POST /hook/chat/connect?code=s3cret HTTP/1.1\r\n"
	    "Host: 127.0.0.1:PORT\r\n"
	    "Content-Type: application/json; charset=utf-8\r\n"
	    "WebHook-Request-Origin: wps.example.net\r\n"
	    "ce-awpsversion: 1.0\r\n"
	    "ce-specversion: 1.0\r\n"
	    "ce-type: azure.webpubsub.sys.connect\r\n"
	    "ce-source: /hubs/chat/client/c1\r\n"
	    "ce-id: 0\r\n"
	    "ce-time: TIME\r\n"
	    "ce-signature: sha256="
	    "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0,sha256="
	    "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\r\n"
	    "ce-hub: chat\r\n"
	    "ce-connectionId: c1\r\n"
	    "ce-eventName: connect\r\n"
	    "ce-userId: alice\r\n"
	    "x-ms-client-request-id: ID\r\n"
	    "User-Agent: wps/" PACKAGE_VERSION "\r\n"
	    "Content-Length: 434\r\n"
	    "\r\n"
	    "{\"claims\":{\"sub\":[\"alice\"],\"iat\":[\"1790000000\"],\"role\":[\"r1\",\"r2\"],"
	    "\"x\":[\"{\\\"y\\\":[1,true]}\"],\"nameid\":[\"alice\"],"
	    "\"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier\":[\"alice\"],"
	    "\"http://schemas.microsoft.com/ws/2008/06/identity/claims/role\":[\"r1\",\"r2\"]},"
	    "\"query\":{\"room\":[\"7\",\"8\"],\"a\":[\"\xc3\xbc b\"],\"flag\":[\"\"]},"
	    "\"headers\":{\"Host\":[\"wps.example.net\"],\"X-Twice\":[\"1\",\"2\"]},"
	    "\"subprotocols\":[\"a.v1\",\"b.v1\"],\"clientCertificates\":[]}";
	struct wps_event event = connect_event();
	struct wps_reply reply;
	char text[8192];

	start((struct setup){ .validation = true });
	event.handshake = &handshake;
	check_text("answer", ask(event, &reply), "ok");
	snprintf(text, sizeof(text), "%s", request(0));
	mask(text, "Host: 127.0.0.1:", "PORT");
	mask(text, "ce-time: ", "TIME");
	mask(text, "x-ms-client-request-id: ", "ID");
	check_text("request", text, expected);
	stop();
}

static void
test_time_is_utc_in_seconds(void)
{
	struct wps_reply reply;
	char value[64];
	struct tm tm;

	start((struct setup){ .path = "/" });
	ask(user_event("message", "x"), &reply);
	header_of(request(0), "ce-time", value, sizeof(value));
	check_number("length", (long)strlen(value), 20);
	CU_ASSERT_PTR_NOT_NULL(strptime(value, "%Y-%m-%dT%H:%M:%SZ", &tm));
	stop();
}

static void
test_events_of_a_connection_are_counted(void)
{
	struct wps_event connected = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };
	struct wps_event gone = { .kind = WPS_EVENT_DISCONNECTED, .conn = &conn,
		.name = WPS_SPAN("disconnected"), .reason = WPS_SPAN("bye \"now\"") };
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	deliver(connected, NULL);
	check_header(0, "ce-id", "1");
	check_header(0, "ce-type", "azure.webpubsub.sys.connected");
	check_header(0, "ce-subprotocol", "json.webpubsub.azure.v1");
	check_text("body", strstr(request(0), "\r\n\r\n"), "\r\n\r\n{}");
	ask(user_event("chat", "hello"), &reply);
	check_header(1, "ce-id", "2");
	check_header(1, "ce-type", "azure.webpubsub.user.chat");
	check_header(1, "ce-eventName", "chat");
	check_header(1, "Content-Type", "text/plain");
	deliver(gone, NULL);
	check_header(2, "ce-id", "3");
	check_text("body", strstr(request(2), "\r\n\r\n"),
	    "\r\n\r\n{\"reason\":\"bye \\\"now\\\"\"}");
	stop();
}

static void
test_user_ids_never_break_a_header_line(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	conn.view.user = WPS_SPAN("a\r\nEvil: \xc3\xbc\0z");
	ask(user_event("message", "x"), &reply);
	check_header(0, "ce-userId", "a%0D%0AEvil: \xc3\xbc%00z");
	check_header(0, "Evil", "-");
	stop();
}

static void
test_headers_are_encoded_as_cloudevents_has_it(void)
{
	struct wps_event event = user_event("gr\xc3\xbc\xc3\x9f", "x");
	struct wps_reply reply;

	start((struct setup){ .path = "/", .encoding = ENCODING_CLOUDEVENTS });
	conn.view.user = WPS_SPAN("a \"100%\" \xe2\x82\xac\n");
	check_text("answer", ask(event, &reply), "ok");
	check_header(0, "ce-userId", "a%20%22100%25%22%20%E2%82%AC%0A");
	check_header(0, "ce-eventName", "gr%C3%BC%C3%9F");
	check_header(0, "ce-type", "azure.webpubsub.user.gr%C3%BC%C3%9F");
	check_header(0, "ce-subprotocol", "json.webpubsub.azure.v1");
	stop();
}

static void
test_event_names_that_no_header_holds_fail_unsent(void)
{
	static const struct wps_span names[] = { WPS_SPAN(" "), WPS_SPAN("a "), WPS_SPAN("a\r\nb"), WPS_SPAN("a\nb"),
		WPS_SPAN("a\0b"), WPS_SPAN("\xc3\xbc"), WPS_SPAN(""), WPS_SPAN("\x7f"),
		WPS_SPAN("..") };
	struct wps_reply reply;

	start((struct setup){ .path = "/{event}" });
	for (size_t i = 0; i < COUNT(names); i++) {
		struct wps_event event = user_event("", "x");
		event.name = names[i];
		check_text("answer", ask(event, &reply), "failed");
	}
	check_number("requests", (long)app.seen_count, 0);
	stop();
}

static void
test_content_type_follows_the_data(void)
{
	static const struct { enum wps_data type; const char *content_type; } cases[] = {
		{ WPS_DATA_TEXT, "text/plain" },
		{ WPS_DATA_JSON, "application/json" },
		{ WPS_DATA_BINARY, "application/octet-stream" },
		{ WPS_DATA_PROTOBUF, "application/x-protobuf" },
	};
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wps_event event = user_event("message", "1");
		event.type = cases[i].type;
		ask(event, &reply);
		check_header(i, "Content-Type", cases[i].content_type);
	}
	stop();
}

static void
test_metadata_becomes_headers(void)
{
	static const struct wps_pair pairs[] = {
		{ WPS_SPAN("Key"), WPS_SPAN("old") },
		{ WPS_SPAN("Other"), WPS_SPAN("") },
		{ WPS_SPAN("kEY"), WPS_SPAN("new") },
	};
	static const struct wps_pair broken = { WPS_SPAN("k"), WPS_SPAN("a\r\nb: c") };
	struct wps_event event = user_event("message", "");
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	event.metadata = pairs;
	event.metadata_count = COUNT(pairs);
	ask(event, &reply);
	check_header(0, "x-webpubsub-metadata-key", "new");
	check_header(0, "x-webpubsub-metadata-other", "");
	check_header(0, "Content-Length", "0");
	event.metadata = &broken;
	event.metadata_count = 1;
	check_text("answer", ask(event, &reply), "failed");
	check_number("requests", (long)app.seen_count, 1);
	stop();
}

static void
test_signature_is_absent_without_keys(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	fake->keys_off = true;
	ask(user_event("message", "x"), &reply);
	check_header(0, "ce-signature", "-");
	stop();
}

/* --- what is answered -------------------------------------------------------------------- */

static void
test_connect_answers(void)
{
	static const struct { const char *answer, *expected; } cases[] = {
		{ NOTHING, "ok" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "ok" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull", "ok" },
		{ "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}", "ok" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 91\r\n\r\n"
		  "{\"userId\":\"bob\",\"groups\":[\"g1\",\"g2\"],\"roles\":[],\"subProtocol\":"
		  "\"a.v1\",\"other\":1,\"x\":{\"y\":2}}", "ok user=bob subprotocol=a.v1 roles= groups=g1,g2" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n"
		  "{\"userId\":null,\"groups\":null,\"ROLES\":[\"r\"],\"subprotocol\":\"\"}",
		  "ok roles=r" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"userId\":1}", "failed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"groups\":[1]}", "failed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"groups\":[\"g\",\" \"]}", "failed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"roles\":\"a\"}", "failed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "failed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "failed" },
		{ "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\n"
		  "ce-connectionState: x\r\nContent-Length: 6\r\n\r\nno way",
		  "refused status=401 type=text/plain body=no way" },
		{ "HTTP/1.1 503 Busy\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\nsecret",
		  "refused status=503 type=text/plain "
		  "body=The application could not accept the connection.\n" },
		{ "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", "failed" },
		{ HANG, "failed" },
		{ HANG_UP, "failed" },
		{ "nonsense\r\n\r\n", "failed" },
	};
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(cases); i++) {
		start((struct setup){ .path = "/" });
		answer_with(cases[i].answer);
		check_text(cases[i].answer ? cases[i].answer : "no answer",
		    ask(connect_event(), &reply), cases[i].expected);
		check_number("requests", (long)app.seen_count, 1);
		CU_ASSERT(conn.slot == NULL || strncmp(reply.text, "ok", 2) == 0 ||
		    strstr(fake->log, "HttpHandlerUnexpectedResponse hub=chat"));
		stop();
	}
}

static void
test_a_refusal_passes_on_4_kib_of_its_body(void)
{
	static char answer[8192];
	struct wps_reply reply;

	int len = snprintf(answer, sizeof(answer),
	    "HTTP/1.1 403 Forbidden\r\nContent-Length: 4097\r\n\r\n");
	memset(answer + len, 'x', 4097);
	start((struct setup){ .path = "/" });
	answer_with(answer);
	ask(connect_event(), &reply);
	check_number("length", (long)strlen(strstr(reply.text, "body=") + 5), 4096);
	stop();
}

static void
test_user_event_answers(void)
{
	static const struct { const char *type, *headers, *body, *expected; } cases[] = {
		{ "text/plain", "", "hi", "ok text=hi" },
		{ "text/plain; charset=utf-8", "", "hi", "ok text=hi" },
		{ "TEXT/PLAIN ;x", "", "hi", "ok text=hi" },
		{ "application/json", "", "{\"a\":1}", "ok json={\"a\":1}" },
		{ "application/octet-stream", "", "\xff\xfe", "ok binary=\xff\xfe" },
		{ "application/x-protobuf", "", "pb", "ok protobuf=pb" },
		{ NULL, "", "raw", "ok binary=raw" },
		{ "application/octet-stream", "", "", "ok" },
		{ "text/html", "", "", "ok" },
		{ "text/html", "", "<p>", "failed" },
		{ "application/json", "", "{", "failed" },
		{ "text/plain", "", "\xff", "failed" },
		{ "text/plain", "x-webpubsub-metadata-A: 1\r\nX-WebPubSub-Metadata-b: u, v \r\n"
		  "X-WEBPUBSUB-METADATA-a: 2\r\n", "hi", "ok text=hi a:2 b:v" },
		{ NULL, "X-WebPubSub-Metadata-k: v\r\n", "", "ok text= k:v" },
		{ "text/plain", "X-WebPubSub-Metadata-k: \xc3\xbc\r\n", "hi", "failed" },
	};
	char answer[512];
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\n%s%s%s%sContent-Length: %zu"
		    "\r\n\r\n%s", cases[i].type ? "Content-Type: " : "",
		    cases[i].type ? cases[i].type : "", cases[i].type ? "\r\n" : "",
		    cases[i].headers, strlen(cases[i].body), cases[i].body);
		answer_with(answer);
		check_text(answer, ask(user_event("message", "x"), &reply), cases[i].expected);
	}
	check_number("connections", app.accepted, 1);
	stop();
}

static void
test_blocking_events_fail_at_once_and_are_not_repeated(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno",
		"HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
		HANG_UP, HANG,
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nhalf",
	};
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(answers); i++) {
		start((struct setup){ .path = "/" });
		/* The first leaves a connection that the second will use. */
		answer_with(NOTHING);
		check_text("answer", ask(user_event("message", "x"), &reply), "ok");
		answer_with(answers[i]);
		check_text("answer", ask(user_event("message", "x"), &reply), "failed");
		fakehost_loop_run(&fake->loop, 20000);
		check_number("requests", (long)app.seen_count, 2);
		check_number("answers", reply.count, 1);
		CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, "HttpHandlerUnexpectedResponse "
		    "hub=chat conn=c1 event=message kind=user"));
		stop();
	}
}

static void
test_timeouts_are_those_of_headers_and_body(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .timeout = 7000, .body_timeout = 3000 });
	uint64_t before = fake->loop.now_ms;
	answer_with(HANG);
	ask(user_event("message", "x"), &reply);
	check_number("until the headers", (long)(fake->loop.now_ms - before), 7000);
	before = fake->loop.now_ms;
	answer_with("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
	ask(user_event("message", "x"), &reply);
	check_number("until the body", (long)(fake->loop.now_ms - before), 3000);
	stop();
}

static void
test_answers_have_limits(void)
{
	static char state[20000], answer[40000];
	static const struct { size_t body, state, other; const char *expected; } cases[] = {
		{ 2048, 0, 0, "ok" }, { 2049, 0, 0, "failed" },
		{ 0, 8192, 0, "ok" }, { 0, 8193, 0, "failed" },
		{ 0, 0, 32 * 1024 - 64, "ok" }, { 0, 0, 32 * 1024, "failed" },
	};
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(cases); i++) {
		memset(state, 's', cases[i].state);
		state[cases[i].state] = '\0';
		int len = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\n%s%s%s"
		    "Content-Length: %zu\r\nX: ", cases[i].state ? "ce-connectionState: " : "",
		    state, cases[i].state ? "\r\n" : "", cases[i].body);
		memset(answer + len, 'x', cases[i].other);
		len += (int)cases[i].other;
		len += snprintf(answer + len, sizeof(answer) - (size_t)len, "\r\n\r\n");
		memset(answer + len, 'b', cases[i].body);
		answer[len + (int)cases[i].body] = '\0';
		start((struct setup){ .path = "/", .max_answer = 2048 });
		answer_with(answer);
		ask(user_event("message", "x"), &reply);
		reply.text[strcspn(reply.text, " ")] = '\0';
		check_text("answer", reply.text, cases[i].expected);
		stop();
	}
}

static void
test_state_is_kept_and_sent_back(void)
{
	static const struct { const char *headers, *sent; } steps[] = {
		{ "ce-connectionState: one\r\n", "-" },
		{ "", "one" },
		{ "ce-connectionstate: two\r\nCE-CONNECTIONSTATE: three\r\n", "one" },
		{ "ce-connectionState:\r\n", "three" },
		{ "", "-" },
	};
	struct wps_event gone = { .kind = WPS_EVENT_DISCONNECTED, .conn = &conn,
		.name = WPS_SPAN("disconnected"), .reason = WPS_SPAN("") };
	char answer[256];
	struct wps_reply reply;

	start((struct setup){ .path = "/" });
	for (size_t i = 0; i < COUNT(steps); i++) {
		snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\n%sContent-Length: 0\r\n\r\n",
		    steps[i].headers);
		answer_with(answer);
		ask(i == 0 ? connect_event() : user_event("message", "x"), &reply);
		check_header(i, "ce-connectionState", steps[i].sent);
	}
	answer_with("HTTP/1.1 500 Oops\r\nce-connectionState: bad\r\nContent-Length: 0\r\n\r\n");
	ask(user_event("message", "x"), &reply);
	deliver(gone, NULL);
	check_header(COUNT(steps) + 1, "ce-connectionState", "-");
	stop();
}

static void
test_cookies_of_a_success_are_sent_back(void)
{
	static const struct { bool on; const char *status, *sent; } cases[] = {
		{ true, "200 OK", "b=2; a=1" }, { true, "500 Oops", "-" },
		{ false, "200 OK", "-" },
	};
	static const char *const cookies = "Set-Cookie: a=1\r\nset-cookie: b=2; Path=/\r\n"
	    "Set-Cookie: c=3; Path=/elsewhere\r\nSet-Cookie: d=4; Max-Age=0\r\n"
	    "Set-Cookie: e=5; Domain=example.net\r\nContent-Length: 0\r\n\r\n";
	char answer[512];
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(cases); i++) {
		start((struct setup){ .path = "/", .cookies = cases[i].on });
		snprintf(answer, sizeof(answer), "HTTP/1.1 %s\r\n%s", cases[i].status, cookies);
		answer_with(answer);
		ask(user_event("message", "x"), &reply);
		answer_with(NOTHING);
		ask(user_event("message", "x"), &reply);
		check_header(0, "Cookie", "-");
		check_header(1, "Cookie", cases[i].sent);
		/* Another connection has none, though the handle is the same. */
		void *slot = conn.slot;
		conn.slot = NULL;
		ask(user_event("message", "x"), &reply);
		check_header(2, "Cookie", "-");
		fake->upstream.forget(fake->worker, conn.slot);
		conn.slot = slot;
		stop();
	}
}

/* libcurl keeps them with the handle before anybody says what the answer is. */
static void
test_cookies_of_what_is_no_answer_go_nowhere(void)
{
	static char large[40000];
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 9\r\n\r\nhalf",
		"HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=1\r\n\r\n"
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		large,
	};
	struct wps_reply reply;
	int len = snprintf(large, sizeof(large), "HTTP/1.1 200 OK\r\n");

	for (int i = 0; i < 8; i++)
		len += snprintf(large + len, sizeof(large) - (size_t)len,
		    "X-Pad: %04000d\r\n", 1);
	snprintf(large + len, sizeof(large) - (size_t)len,
	    "Set-Cookie: a=%0900d\r\n\r\n", 1);
	for (size_t i = 0; i < COUNT(answers); i++) {
		start((struct setup){ .path = "/", .cookies = true });
		answer_with(answers[i]);
		ask(user_event("message", "x"), &reply);
		answer_with(NOTHING);
		ask(user_event("message", "x"), &reply);
		check_header(1, "Cookie", "-");
		stop();
	}
}

static void
test_a_connection_has_few_and_small_cookies(void)
{
	static char answer[32000], value[16000];
	struct text text = { .data = NULL };
	struct wps_reply reply;

	start((struct setup){ .path = "/", .cookies = true });
	text_add(&text, WPS_SPAN("HTTP/1.1 200 OK\r\n"));
	for (int i = 0; i < 40; i++)
		text_printf(&text, "Set-Cookie: c%02d=%0300d\r\n", i, 1);
	text_add(&text, WPS_SPAN("Content-Length: 0\r\n\r\n\0"));
	snprintf(answer, sizeof(answer), "%s", text.data);
	text_free(&text);
	answer_with(answer);
	ask(user_event("message", "x"), &reply);
	ask(user_event("message", "x"), &reply);
	header_of(request(1), "Cookie", value, sizeof(value));
	size_t count = 1;
	for (const char *at = value; (at = strchr(at, ';')); at++)
		count++;
	check_number("cookies", (long)count, 20);
	stop();
}

/* --- repetitions, limits, cancel ------------------------------------------------------------ */

static void
test_events_that_nobody_waits_for_are_repeated(void)
{
	static const struct { const char *answer; long requests, took_ms; } cases[] = {
		{ NOTHING, 1, 0 },
		{ "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", 4, 9000 },
		{ "HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n", 4, 9000 },
		{ HANG_UP, 4, 9000 },
		{ "HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n", 1, 0 },
		{ "HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n", 1, 0 },
		{ HANG, 1, 0 },
	};
	struct wps_event event = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };

	for (size_t i = 0; i < COUNT(cases); i++) {
		start((struct setup){ .path = "/" });
		answer_with(cases[i].answer);
		uint64_t before = fake->loop.now_ms;
		deliver(event, NULL);
		request((size_t)cases[i].requests - 1);
		check_number("took", (long)(fake->loop.now_ms - before), cases[i].took_ms);
		fakehost_loop_run(&fake->loop, 200000);
		check_number("requests", (long)app.seen_count, cases[i].requests);
		for (size_t k = 1; k < app.seen_count; k++)
			check_text("repetition", app.seen[k], app.seen[0]);
		stop();
	}
}

static void
test_a_full_queue_refuses_blocking_events_only(void)
{
	struct wps_event gone = { .kind = WPS_EVENT_DISCONNECTED, .conn = &conn,
		.name = WPS_SPAN("disconnected"), .reason = WPS_SPAN("") };
	struct wps_reply replies[3] = { { .count = 0 } };

	start((struct setup){ .path = "/", .concurrency = 1, .queue = 1 });
	answer_with(HANG);
	for (size_t i = 0; i < 3; i++)
		deliver(user_event("message", "x"), &replies[i]);
	CU_ASSERT(fakehost_loop_until(&fake->loop, is_answered, &replies[2], 100));
	check_text("beyond the queue", replies[2].text, "failed");
	deliver(gone, NULL);
	deliver(gone, NULL);
	request(0);
	fakehost_loop_run(&fake->loop, 1000);
	check_number("requests at a time", (long)app.seen_count, 1);
	answer_with(NOTHING);
	fake->upstream.cancel(fake->worker, &replies[0]);
	request(3);
	check_text("queued", replies[1].text, "ok");
	check_number("canceled", replies[0].count, 0);
	stop();
}

static void
test_retry_says_which_events_are_repeated(void)
{
	static const struct { int64_t retry; bool blocking; long requests; } cases[] = {
		{ RETRY_NONBLOCKING, false, 4 }, { RETRY_NONBLOCKING, true, 1 },
		{ RETRY_ALL, false, 4 }, { RETRY_ALL, true, 4 },
		{ RETRY_NONE, false, 1 }, { RETRY_NONE, true, 1 },
	};
	struct wps_event event = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(cases); i++) {
		start((struct setup){ .path = "/", .retry = cases[i].retry });
		answer_with("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
		if (cases[i].blocking)
			check_text("answer", ask(user_event("message", "x"), &reply), "failed");
		else
			deliver(event, NULL);
		fakehost_loop_run(&fake->loop, 20000);
		check_number("requests", (long)app.seen_count, cases[i].requests);
		stop();
	}
}

static struct wps_event
presence_event(enum wps_event_kind kind, const char *group)
{
	return (struct wps_event){ .kind = kind, .conn = &conn,
		.name = kind == WPS_EVENT_JOINED ? WPS_SPAN("joined") : WPS_SPAN("left"),
		.group = wps_span_str(group) };
}

/* Of one connection: each only after the answer to the one before. */
static void
test_events_that_nobody_waits_for_keep_their_order(void)
{
	struct wps_event connected = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };
	struct wps_event gone = { .kind = WPS_EVENT_DISCONNECTED, .conn = &conn,
		.name = WPS_SPAN("disconnected"), .reason = WPS_SPAN("") };
	struct wps_reply reply;

	start((struct setup){ .path = "/", .timeout = 5000 });
	answer_with("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
	deliver(connected, NULL);
	deliver(gone, NULL);
	request(0);
	answer_with(HANG);
	uint64_t before = fake->loop.now_ms;
	request(1);
	check_header(1, "ce-eventName", "connected");
	/* A user event waits for none of them. */
	answer_with(NOTHING);
	check_text("user event", ask(user_event("message", "x"), &reply), "ok");
	request(3);
	check_header(3, "ce-eventName", "disconnected");
	/* Late as it is, it has a time of its own. */
	check_number("after", (long)(fake->loop.now_ms - before), 5000);
	stop();
}

static void
test_the_order_of_one_connection_holds_no_other(void)
{
	struct wps_event gone = { .kind = WPS_EVENT_DISCONNECTED, .conn = &conn,
		.name = WPS_SPAN("disconnected"), .reason = WPS_SPAN("") };
	struct wps_conn other;

	start((struct setup){ .path = "/" });
	other = conn;
	answer_with(HANG);
	deliver(gone, NULL);
	gone.conn = &other;
	deliver(gone, NULL);
	request(1);
	CU_PASS("the second came while the first waits for its answer");
	fake->upstream.forget(fake->worker, other.slot);
	stop();
}

#define CROWD 500
static struct wps_reply crowd[CROWD];

static size_t
answered_of_crowd(void)
{
	size_t count = 0;

	for (size_t i = 0; i < CROWD; i++)
		count += crowd[i].count;
	return count;
}

static bool
some_answered(void *data)
{
	size_t count = answered_of_crowd();
	size_t *before = data, news = count - *before;

	if (news > 64)
		check_number("answered in one turn", (long)news, 64);
	*before = count;
	return count == CROWD;
}

/* Refused by the handshake, or late: all at the same time, in many turns. */
static void
test_many_failures_at_once_take_many_turns(void)
{
	for (int late = 0; late <= 1; late++) {
		size_t seen = 0;
		memset(crowd, 0, sizeof(crowd));
		start((struct setup){ .path = "/", .validation = true, .concurrency = 100,
		    .timeout = late ? 5000 : 0 });
		app.handshake = late ? HANG : HANDSHAKE("403 No", "");
		for (size_t i = 0; i < CROWD; i++)
			deliver(user_event("message", "x"), &crowd[i]);
		CU_ASSERT(fakehost_loop_until(&fake->loop, some_answered, &seen, DEADLINE_MS));
		check_number("answered", (long)answered_of_crowd(), CROWD);
		check_number("handshakes", app.handshakes, 1);
		stop();
	}
}

static void
test_an_origin_that_is_down_is_left_alone(void)
{
	struct wps_event connected = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };
	struct wps_reply reply;

	start((struct setup){ .path = "/", .breaker = 3, .retry = RETRY_NONE });
	answer_with(HANG_UP);
	for (int i = 0; i < 5; i++)
		check_text("down", ask(user_event("message", "x"), &reply), "failed");
	check_number("until it opens", (long)app.seen_count, 3);
	deliver(connected, NULL);
	fakehost_loop_run(&fake->loop, 900);
	check_number("within the pause", (long)app.seen_count, 3);
	fakehost_loop_run(&fake->loop, 200);
	check_number("one tries it", (long)app.seen_count, 4);
	fakehost_loop_run(&fake->loop, 1700);
	check_text("still down", ask(user_event("message", "x"), &reply), "failed");
	check_number("the pause has doubled", (long)app.seen_count, 4);
	fakehost_loop_run(&fake->loop, 400);
	answer_with("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
	ask(user_event("message", "x"), &reply);
	answer_with(NOTHING);
	check_text("it answers", ask(user_event("message", "x"), &reply), "ok");
	CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, "upstream does not answer"));
	CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, "upstream answers again"));
	stop();
}

static void
test_a_refusal_without_end_is_cut(void)
{
	static char answer[200000];
	struct wps_reply reply;

	int len = snprintf(answer, sizeof(answer),
	    "HTTP/1.1 403 Forbidden\r\nContent-Length: 999999999\r\n\r\n");
	memset(answer + len, 'x', sizeof(answer) - (size_t)len - 1);
	start((struct setup){ .path = "/" });
	answer_with(answer);
	uint64_t before = fake->loop.now_ms;
	ask(connect_event(), &reply);
	check_number("took", (long)(fake->loop.now_ms - before), 0);
	CU_ASSERT(strncmp(reply.text, "refused status=403", 18) == 0);
	check_number("length", (long)strlen(strstr(reply.text, "body=") + 5), 4096);
	stop();
}

static void
test_cancel_aborts_wherever_the_event_is(void)
{
	struct wps_reply reply = { .count = 0 };

	for (int step = 0; step < 3; step++) {
		start((struct setup){ .path = "/", .validation = true });
		answer_with(HANG);
		app.handshake = step == 1 ? HANG : AGREES;
		deliver(user_event("message", "x"), &reply);
		if (step == 1)
			fakehost_loop_run(&fake->loop, 10);
		if (step == 2)
			request(0);
		fake->upstream.cancel(fake->worker, &reply);
		fake->upstream.cancel(fake->worker, &reply);
		fakehost_loop_run(&fake->loop, 500);
		check_number("answers", reply.count, 0);
		check_number("requests", (long)app.seen_count, step == 2);
		stop();
	}
}

static void
test_stop_leaves_nothing_behind(void)
{
	struct wps_event event = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };

	start((struct setup){ .path = "/" });
	app.answers[0] = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
	app.answers[1] = HANG;
	app.answer_count = 2;
	deliver(event, NULL);
	request(0);
	deliver(event, NULL);
	request(1);
	deliver(event, NULL);
	stop();
}

static size_t
kept_handles(void)
{
	const struct events_worker *worker = fake->worker;

	return worker->transport.pooled;
}

static void
test_handles_that_are_not_used_are_given_back(void)
{
	struct wps_reply replies[3] = { { .count = 0 } };

	start((struct setup){ .path = "/" });
	for (size_t i = 0; i < 3; i++)
		deliver(user_event("message", "x"), &replies[i]);
	CU_ASSERT(fakehost_loop_until(&fake->loop, is_answered, &replies[2],
	    DEADLINE_MS));
	CU_ASSERT(fakehost_loop_until(&fake->loop, is_answered, &replies[0],
	    DEADLINE_MS));
	check_number("after three at once", (long)kept_handles(), 3);
	for (size_t i = 0; i < 3; i++) {
		struct wps_reply reply = { .count = 0 };
		deliver(user_event("message", "x"), &reply);
		CU_ASSERT(fakehost_loop_until(&fake->loop, is_answered, &reply,
		    DEADLINE_MS));
		fakehost_loop_run(&fake->loop, 3000);
	}
	check_number("after one at a time", (long)kept_handles(), 1);
	fakehost_loop_run(&fake->loop, 9000);
	check_number("after none", (long)kept_handles(), 0);
	check_number("timers", (long)fakehost_loop_timers(&fake->loop), 0);
	stop();
}

/* No socket is made while they are refused, and none in any case that would send
 * something from this machine. */
static struct {
	bool on;
	unsigned asked;
} no_sockets;

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);

int
__wrap_socket(int family, int type, int protocol)
{
	if (!no_sockets.on)
		return __real_socket(family, type, protocol);
	no_sockets.asked++;
	errno = ENETUNREACH;
	return -1;
}

static void
test_link_local_addresses_are_refused(void)
{
	struct wps_reply reply;

	start((struct setup){ .url = "http://169.254.169.254/latest", .retry = RETRY_ALL });
	uint64_t before = fake->loop.now_ms;
	check_text("answer", ask(user_event("message", "x"), &reply), "failed");
	check_number("took", (long)(fake->loop.now_ms - before), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, "allow_link_local"));
	stop();
}

static void
test_link_local_addresses_are_an_option(void)
{
	static const bool rows[] = { false, true };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wps_reply reply;
		start((struct setup){ .url = "http://169.254.169.254/latest",
		    .allow_link_local = rows[i] });
		no_sockets.on = true;
		no_sockets.asked = 0;
		check_text("answer", ask(user_event("message", "x"), &reply),
		    "failed");
		no_sockets.on = false;
		check_number("a socket is made", no_sockets.asked > 0, rows[i]);
		stop();
	}
}

static void
test_addresses_of_the_surroundings_are_known(void)
{
	static const struct { const char *address; bool refused; } cases[] = {
		{ "169.254.169.254", true }, { "169.254.0.1", true }, { "169.253.0.1", false },
		{ "127.0.0.1", false }, { "10.0.0.1", false }, { "192.168.1.1", false },
		{ "100.100.100.200", true }, { "100.100.100.201", false },
		{ "168.63.129.16", true }, { "192.0.0.192", true },
		{ "::1", false }, { "2001:db8::1", false }, { "fd00::1", false },
		{ "fe80::1", true }, { "fd00:ec2::254", true }, { "fd20:ce::254", true },
		{ "::ffff:169.254.169.254", true }, { "::ffff:127.0.0.1", false },
		{ "::169.254.169.254", true }, { "64:ff9b::169.254.169.254", true },
		{ "64:ff9b::1.2.3.4", false }, { "2002:a9fe:a9fe::1", true },
		{ "2002:102:304::1", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sockaddr_in v4 = { .sin_family = AF_INET };
		struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
		bool is_v4 = inet_pton(AF_INET, cases[i].address, &v4.sin_addr) == 1;
		CU_ASSERT(is_v4 || inet_pton(AF_INET6, cases[i].address, &v6.sin6_addr) == 1);
		check_number(cases[i].address, address_is_link_local(is_v4 ?
		    (struct sockaddr *)&v4 : (struct sockaddr *)&v6), cases[i].refused);
	}
}

/* --- presence ------------------------------------------------------------------------------- */

static void
test_presence_events_are_sent_as_specified(void)
{
	start((struct setup){ .path = "/{event}" });
	deliver(presence_event(WPS_EVENT_JOINED, "room \"7\""), NULL);
	check_header(0, "ce-type", "azure.webpubsub.gp.joined");
	check_header(0, "ce-eventName", "joined");
	check_header(0, "Content-Type", "application/json; charset=utf-8");
	check_text("body", strstr(request(0), "\r\n\r\n"),
	    "\r\n\r\n{\"group\":\"room \\\"7\\\"\"}");
	deliver(presence_event(WPS_EVENT_LEFT, "room"), NULL);
	check_header(1, "ce-type", "azure.webpubsub.gp.left");
	CU_ASSERT(strncmp(request(1), "POST /left ", 11) == 0);
	stop();
}

static void
test_presence_is_asked_for_by_event_and_group(void)
{
	static const char *const patterns[] = { "room*", "hall" };
	static const struct { const char *event; size_t patterns; enum wps_event_kind kind;
	    const char *group; bool any, wanted; } cases[] = {
		{ "joined", 0, WPS_EVENT_JOINED, "x", true, true },
		{ "Joined", 2, WPS_EVENT_JOINED, "room7", true, true },
		{ "joined", 2, WPS_EVENT_JOINED, "hall", true, true },
		{ "joined", 2, WPS_EVENT_JOINED, "hall2", true, false },
		{ "joined", 0, WPS_EVENT_LEFT, "x", true, false },
		{ "left", 0, WPS_EVENT_LEFT, "x", true, true },
		{ NULL, 2, WPS_EVENT_JOINED, "room7", false, false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		start_presence(cases[i].event, patterns, cases[i].patterns);
		struct wps_event event = presence_event(cases[i].kind, cases[i].group);
		check_number("the hub", fake->upstream.wants_presence(fake->worker,
		    WPS_SPAN("chat")), cases[i].any);
		check_number(cases[i].group, fake->upstream.wants(fake->worker, &event),
		    cases[i].wanted);
		stop();
	}
}

/* --- validation -------------------------------------------------------------------------------- */

static void
test_handshake_is_sent_as_specified(void)
{
	struct wps_reply reply;

	start((struct setup){ .validation = true });
	ask(user_event("message", "x"), &reply);
	mask(app.last_handshake, "Host: 127.0.0.1:", "PORT");
	check_text("handshake", app.last_handshake,
	    "OPTIONS /hook/chat/validate?code=s3cret HTTP/1.1\r\n"
	    "Host: 127.0.0.1:PORT\r\n"
	    "WebHook-Request-Origin: wps.example.net\r\n"
	    "ce-awpsversion: 1.0\r\n"
	    "User-Agent: wps/" PACKAGE_VERSION "\r\n\r\n");
	stop();
}

static void
test_handshake_answers(void)
{
	static const struct { const char *options, *get, *answer, *log; long get_requests; } cases[] = {
		{ AGREES, HANG, "ok", "agrees", 0 },
		{ HANDSHAKE("204 No", "webhook-allowed-origin: WPS.example.net\r\n"), HANG,
		  "ok", "agrees", 0 },
		{ HANDSHAKE("200 OK", "WebHook-Allowed-Origin: wps.example.net:8443\r\n"), HANG,
		  "ok", "agrees", 0 },
		{ HANDSHAKE("200 OK", "WebHook-Allowed-Origin: a\r\n"
		  "WebHook-Allowed-Origin: wps.example.net\r\n"), HANG, "ok", "agrees", 0 },
		{ HANDSHAKE("200 OK", "WebHook-Allowed-Origin: a, *\r\n"), HANG, "ok", "agrees", 0 },
		{ HANDSHAKE("404 None", ""), AGREES, "ok", "agrees", 1 },
		{ HANDSHAKE("404 None", ""), HANDSHAKE("404 None", ""), "failed",
		  "AbuseProtectionResponseInvalidStatusCode", 1 },
		{ HANDSHAKE("200 OK", ""), HANG, "failed",
		  "AbuseProtectionResponseMissingAllowedOrigin", 0 },
		{ HANDSHAKE("200 OK", "WebHook-Allowed-Origin: evil.example\r\n"), HANG, "failed",
		  "AbuseProtectionResponseMissingAllowedOrigin", 0 },
		{ HANDSHAKE("401 No", "WebHook-Allowed-Origin: *\r\n"), HANG, "failed",
		  "AbuseProtectionResponseInvalidStatusCode", 0 },
		{ HANDSHAKE("302 Found", "Location: /\r\nWebHook-Allowed-Origin: *\r\n"), HANG,
		  "failed", "AbuseProtectionResponseInvalidStatusCode", 0 },
		{ HANG, HANG, "failed", "AbuseProtectionResponseInvalidStatusCode", 0 },
	};
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(cases); i++) {
		start((struct setup){ .path = "/", .validation = true });
		app.handshake = cases[i].options;
		app.get = cases[i].get;
		check_text(cases[i].options ? cases[i].options : "no answer",
		    ask(user_event("message", "x"), &reply), cases[i].answer);
		CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, cases[i].log));
		check_number("OPTIONS", app.handshakes, 1);
		check_number("GET", app.get_requests, cases[i].get_requests);
		check_number("events", (long)app.seen_count, strcmp(cases[i].answer, "ok") == 0);
		stop();
	}
}

static void
test_handshake_is_repeated_while_the_application_is_down(void)
{
	static const char *const answers[] = { HANG_UP, HANDSHAKE("503 Busy", ""),
		HANDSHAKE("408 Late", "") };
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(answers); i++) {
		start((struct setup){ .path = "/", .validation = true });
		app.handshake = answers[i];
		uint64_t before = fake->loop.now_ms;
		check_text("answer", ask(user_event("message", "x"), &reply), "failed");
		check_number("took", (long)(fake->loop.now_ms - before), 9000);
		check_number("handshakes", app.handshakes, 4);
		stop();
	}
}

static void
test_handshake_is_shared_and_remembered(void)
{
	struct wps_reply replies[3] = { { .count = 0 } };

	start((struct setup){ .path = "/{event}", .validation = true });
	for (size_t i = 0; i < 3; i++)
		deliver(user_event(i ? "a" : "b", "x"), &replies[i]);
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT(fakehost_loop_until(&fake->loop, is_answered, &replies[i],
		    DEADLINE_MS));
	ask(user_event("c", "x"), &replies[0]);
	check_number("handshakes", app.handshakes, 1);
	check_number("events", (long)app.seen_count, 4);
	stop();
}

static void
test_a_url_in_use_is_checked_every_minute(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .validation = true });
	ask(user_event("message", "x"), &reply);
	ask(user_event("message", "x"), &reply);
	fakehost_loop_run(&fake->loop, 59000);
	check_number("before the minute", app.handshakes, 1);
	fakehost_loop_run(&fake->loop, 2000);
	check_number("after it", app.handshakes, 2);
	fakehost_loop_run(&fake->loop, 300000);
	check_number("unused", app.handshakes, 2);
	ask(user_event("message", "x"), &reply);
	check_number("used again", app.handshakes, 3);
	stop();
}

/* Asks all the time; the clock says when handshakes come. */
static void
test_a_refusing_url_is_asked_less_and_less(void)
{
	static const unsigned at_s[] = { 0, 1, 3, 7, 15, 31, 63, 123, 183 };
	struct wps_reply reply;

	start((struct setup){ .path = "/", .validation = true });
	app.handshake = HANDSHAKE("403 No", "");
	uint64_t before = fake->loop.now_ms;
	for (size_t i = 0; i < COUNT(at_s); i++) {
		while (fake->loop.now_ms < before + at_s[i] * 1000u) {
			ask(user_event("message", "x"), &reply);
			check_number("too early", app.handshakes, (long)i);
			fakehost_loop_run(&fake->loop, 500);
		}
		ask(user_event("message", "x"), &reply);
		check_text("answer", reply.text, "failed");
		check_number("handshakes", app.handshakes, (long)i + 1);
	}
	check_number("events", (long)app.seen_count, 0);
	char *first = strstr(fake->log, "AbuseProtection");
	CU_ASSERT_FATAL(first != NULL);
	CU_ASSERT_PTR_NULL(strstr(first + 1, "AbuseProtection"));

	app.handshake = AGREES;
	fakehost_loop_run(&fake->loop, 60000);
	check_text("after it agrees", ask(user_event("message", "x"), &reply), "ok");
	stop();
}

/* --- the early check ------------------------------------------------------------------------------- */

static void
start_early(const char *path, const char *handshake)
{
	start((struct setup){ .path = path, .validation = true, .early_check = true });
	app.handshake = handshake;
}

static bool
has_shaken(void *data)
{
	return app.handshakes >= *(const unsigned *)data;
}

/* Waits for so many handshakes in all. */
static void
await_handshakes(unsigned wanted)
{
	CU_ASSERT_FATAL(fakehost_loop_until(&fake->loop, has_shaken, &wanted, DEADLINE_MS));
}

static unsigned
count_in_log(const char *text)
{
	unsigned count = 0;

	for (const char *at = fake->log; (at = strstr(at, text)); at += strlen(text))
		count++;
	return count;
}

static void
test_the_early_check_spares_the_first_event_the_handshake(void)
{
	struct wps_reply reply;

	start_early(NULL, AGREES);
	await_handshakes(1);
	CU_ASSERT(strncmp(app.last_handshake,
	    "OPTIONS /hook/Chat/validate?code=s3cret HTTP", 44) == 0);
	stop();
	start_early("/{event}", AGREES);
	await_handshakes(1);
	fakehost_loop_run(&fake->loop, 100);
	check_text("answer", ask(user_event("message", "x"), &reply), "ok");
	check_number("handshakes", app.handshakes, 1);
	check_number("agreements in the log", count_in_log("event handler agrees"), 1);
	stop();
}

static void
test_without_the_early_check_the_first_event_asks(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .validation = true });
	fakehost_loop_run(&fake->loop, 1000);
	check_number("handshakes at the start", app.handshakes, 0);
	check_text("answer", ask(user_event("message", "x"), &reply), "ok");
	check_number("handshakes", app.handshakes, 1);
	stop();
}

static void
test_the_early_check_leaves_alone_what_has_no_handshake(void)
{
	start((struct setup){ .path = "/", .early_check = true });
	fakehost_loop_run(&fake->loop, 20000);
	check_number("handshakes", app.handshakes, 0);
	check_text("log", fake->log, "");
	stop();
}

static void
test_the_early_check_says_what_is_wrong_once(void)
{
	static const struct { const char *handshake, *log; } cases[] = {
		{ HANDSHAKE("401 No", ""), "AbuseProtectionResponseInvalidStatusCode hub=Chat "
		  "url=%s status=401: it refuses the handshake" },
		{ HANDSHAKE("200 OK", ""), "AbuseProtectionResponseMissingAllowedOrigin "
		  "hub=Chat url=%s status=200: its answer has no" },
		{ HANDSHAKE("200 OK", "WebHook-Allowed-Origin: a\r\n"),
		  "AbuseProtectionResponseMissingAllowedOrigin hub=Chat url=%s status=200: "
		  "it allows other origins than \"wps.example.net\"" },
		{ HANDSHAKE("302 Found", "Location: /\r\n"),
		  "AbuseProtectionResponseInvalidStatusCode hub=Chat url=%s status=302: "
		  "it redirects" },
		{ HANDSHAKE("503 Busy", ""), "AbuseProtectionResponseInvalidStatusCode "
		  "hub=Chat url=%s status=503: it fails" },
		{ HANG_UP, "AbuseProtectionResponseInvalidStatusCode hub=Chat url=%s status=0: "
		  "it closes the connection" },
		{ HANG, "AbuseProtectionResponseInvalidStatusCode hub=Chat url=%s status=0: "
		  "it does not answer within 10 s" },
	};
	char expected[512];

	for (size_t i = 0; i < COUNT(cases); i++) {
		start_early("/", cases[i].handshake);
		fakehost_loop_run(&fake->loop, 600 * 1000);
		const char *mark = strstr(cases[i].log, "%s");
		snprintf(expected, sizeof(expected), "%.*s%s%s",
		    (int)(mark - cases[i].log), cases[i].log, fake->url, mark + 2);
		if (strstr(fake->log, expected) == NULL)
			check_text("log", fake->log, expected);
		check_number("lines", count_in_log("\n"), 1);
		stop();
	}
}

/* An application that starts after the server is not held against its clients. */
static void
test_what_the_early_check_saw_refuses_no_event(void)
{
	struct wps_reply reply;

	start_early("/", HANDSHAKE("403 No", ""));
	await_handshakes(1);
	fakehost_loop_run(&fake->loop, 100);
	app.handshake = AGREES;
	check_text("answer", ask(user_event("message", "x"), &reply), "ok");
	check_number("handshakes", app.handshakes, 2);
	stop();
}

static void
test_no_event_waits_for_a_pause_of_the_early_check(void)
{
	struct wps_reply reply;

	start_early("/", HANDSHAKE("503 Busy", ""));
	await_handshakes(2);
	fakehost_loop_run(&fake->loop, 100);
	app.handshake = AGREES;
	uint64_t before = fake->loop.now_ms;
	check_text("answer", ask(user_event("message", "x"), &reply), "ok");
	check_number("waited", (long)(fake->loop.now_ms - before), 0);
	check_number("handshakes", app.handshakes, 3);
	stop();
}

static void
test_an_event_that_joins_the_early_check_fails_with_it(void)
{
	struct wps_reply reply;

	start_early("/", HANG);
	await_handshakes(1);
	check_text("answer", ask(user_event("message", "x"), &reply), "failed");
	check_number("handshakes", app.handshakes, 1);
	fakehost_loop_run(&fake->loop, 500);
	check_text("answer", ask(user_event("message", "x"), &reply), "failed");
	check_number("handshakes", app.handshakes, 1);
	check_number("lines", count_in_log("AbuseProtection"), 1);
	stop();
}

static void
test_the_server_may_end_during_the_early_check(void)
{
	start_early("/", HANG);
	stop();
	start_early("/", HANG);
	await_handshakes(1);
	stop();
	start_early("/", HANDSHAKE("503 Busy", ""));
	await_handshakes(1);
	fakehost_loop_run(&fake->loop, 100);
	stop();
}

/* --- what is counted ------------------------------------------------------------------------------- */

/* The number of a counter, by the label `kind` and an end of its name. */
static long
counted(const char *name, const char *kind)
{
	char label[64];

	snprintf(label, sizeof(label), "kind=\"%s\"", kind);
	for (unsigned i = 0; i < fake->counter_count; i++) {
		if (strstr(fake->counters[i].name, name) &&
		    strncmp(fake->counters[i].labels, label, strlen(label)) == 0)
			return (long)fake->counts[i];
	}
	return -1;
}

/* All failures together: a kind that is not looked for has not counted. */
static long
counted_failures(void)
{
	long sum = 0;

	for (unsigned i = 0; i < fake->counter_count; i++) {
		if (strcmp(fake->counters[i].name, "wps_upstream_failures_total") == 0)
			sum += (long)fake->counts[i];
	}
	return sum;
}

static void
test_counters_have_the_vendors_names(void)
{
	static const struct { const char *kind, *event; } cases[] = {
		{ "status", "HttpHandlerUnexpectedResponse" },
		{ "lost", "HttpHandlerUnexpectedResponse" },
		{ "handshake_status", "AbuseProtectionResponseInvalidStatusCode" },
		{ "handshake_origin", "AbuseProtectionResponseMissingAllowedOrigin" },
		{ "token", "" },
	};
	char labels[128];

	start((struct setup){ .path = "/" });
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool found = false;
		snprintf(labels, sizeof(labels), "kind=\"%s\",event=\"%s\"", cases[i].kind,
		    cases[i].event);
		for (unsigned k = 0; k < fake->counter_count; k++)
			found |= strcmp(fake->counters[k].labels, labels) == 0;
		if (!found)
			check_text("counter", "none", labels);
	}
	check_number("counters", fake->counter_count, 18);
	stop();
}

#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define X256 X64 X64 X64 X64

static void
test_each_failure_of_an_answer_is_counted_by_its_kind(void)
{
	static const struct { const char *answer, *kind; } cases[] = {
		{ "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "status" },
		{ "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "status" },
		{ "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "status" },
		{ "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{",
		  "answer" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1280\r\n\r\n" X256 X256 X256 X256 X256,
		  "too_large" },
		{ "SSH-2.0-OpenSSH\r\n\r\n", "connection" },
		{ HANG_UP, "connection" },
		{ HANG, "timeout" },
	};
	struct wps_reply reply;

	for (size_t i = 0; i < COUNT(cases); i++) {
		start((struct setup){ .path = "/", .max_answer = 1024 });
		answer_with(cases[i].answer);
		ask(user_event("message", "x"), &reply);
		check_number(cases[i].kind, counted("failures", cases[i].kind), 1);
		check_number("all failures", counted_failures(), 1);
		check_number("requests", counted("requests", "event"), 1);
		stop();
	}
}

static void
test_what_works_is_no_failure(void)
{
	struct wps_reply reply;

	start((struct setup){ .path = "/", .validation = true });
	for (unsigned i = 0; i < 3; i++)
		ask(user_event("message", "x"), &reply);
	check_number("failures", counted_failures(), 0);
	check_number("events", counted("requests", "event"), 3);
	check_number("handshakes", counted("requests", "handshake"), 1);
	stop();
}

/* A repetition is a request; only the end of the last one is a failure. */
static void
test_repetitions_are_requests_and_one_failure(void)
{
	struct wps_event event = { .kind = WPS_EVENT_CONNECTED, .conn = &conn,
		.name = WPS_SPAN("connected") };

	start((struct setup){ .path = "/" });
	answer_with("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
	deliver(event, NULL);
	fakehost_loop_run(&fake->loop, 20000);
	check_number("requests", counted("requests", "event"), 4);
	check_number("status", counted("failures", "status"), 1);
	check_number("all failures", counted_failures(), 1);
	stop();
}

static void
test_events_that_are_not_sent_are_counted_by_the_reason(void)
{
	struct wps_reply reply, held = { .count = 0 };

	start((struct setup){ .path = "/", .validation = true });
	app.handshake = HANDSHAKE("403 No", "");
	ask(user_event("message", "x"), &reply);
	ask(user_event("message", "x"), &reply);
	check_number("refused", counted("failures", "not_agreed"), 2);
	check_number("handshakes", counted("failures", "handshake_status"), 1);
	check_number("all failures", counted_failures(), 3);
	stop();

	start((struct setup){ .path = "/", .validation = true });
	app.handshake = HANDSHAKE("200 OK", "");
	ask(user_event("message", "x"), &reply);
	check_number("no origin", counted("failures", "handshake_origin"), 1);
	check_number("all failures", counted_failures(), 2);
	stop();

	start((struct setup){ .path = "/", .concurrency = 1, .queue = 1 });
	answer_with(HANG);
	deliver(user_event("message", "x"), &held);
	request(0);
	deliver(user_event("message", "x"), &(struct wps_reply){ .count = 0 });
	ask(user_event("message", "x"), &reply);
	check_number("queue", counted("failures", "queue"), 1);
	check_number("all failures", counted_failures(), 1);
	stop();

	start((struct setup){ .path = "/" });
	ask(user_event("caf\xc3\xa9", "x"), &reply);
	check_number("unsendable", counted("failures", "unsendable"), 1);
	stop();

	start((struct setup){ .url = "http://169.254.169.254/" });
	ask(user_event("message", "x"), &reply);
	check_number("address", counted("failures", "address"), 1);
	stop();

	start((struct setup){ .path = "/", .breaker = 1 });
	answer_with(HANG_UP);
	ask(user_event("message", "x"), &reply);
	ask(user_event("message", "x"), &reply);
	check_number("connection", counted("failures", "connection"), 1);
	check_number("down", counted("failures", "down"), 1);
	stop();
}

static void
test_events_that_the_end_overtakes_are_lost(void)
{
	struct wps_reply reply = { .count = 0 };

	start((struct setup){ .path = "/" });
	answer_with(HANG);
	deliver(user_event("message", "x"), &reply);
	request(0);
	fake->upstream.forget(fake->worker, conn.slot);
	conn.slot = NULL;
	wps_plugin_v1.worker_stop(fake->worker);
	check_number("lost", counted("failures", "lost"), 1);
	CU_ASSERT(wps_plugin_v1.worker_start(fake->state,
	    fakehost_loop_worker(&fake->loop), &fake->worker) == WPS_OK);
	stop();
}

/* --- matching, templates, origin ------------------------------------------------------------------ */

static void
test_user_events_match_by_name_without_case(void)
{
	static const struct { const char *pattern, *name; bool wanted; } cases[] = {
		{ "*", "anything", true }, { "a", "A", true }, { "a", "ab", false },
		{ " a , B ", "b", true }, { "a,b", "a,b", false }, { "", "a", false },
		{ "connect", "connect", true },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wps_event event;
		start((struct setup){ .path = "/", .user_events = cases[i].pattern });
		event = user_event(cases[i].name, "x");
		check_number(cases[i].pattern, fake->upstream.wants(fake->worker, &event),
		    cases[i].wanted);
		stop();
	}
}

/* Its template without the query; "-": nobody gets it. */
static const char *
handler_for(const struct handlers *handlers, const char *hub, struct wps_event event)
{
	static char text[256];
	const struct handler *handler = handlers_find(handlers, &fake->host,
	    wps_span_str(hub), &event);

	snprintf(text, sizeof(text), "%.*s", handler ? (int)handler->shown.len : 1,
	    handler ? handler->shown.data : "-");
	return text;
}

static void
test_the_first_handler_that_matches_gets_the_event(void)
{
	static const char *const connect_only[] = { "Connect" };
	static const struct option_value first[] = {
		{ .name = "url", .text = "http://a/" }, { .name = "user_events", .text = "x" },
		{ .name = NULL } };
	static const struct option_value second[] = {
		{ .name = "url", .text = "http://b/" }, { .name = "user_events", .text = "*" },
		{ .name = "system_events", .items = connect_only, .count = 1 },
		{ .name = NULL } };
	struct wps_conf maps[] = { { first }, { second } };
	struct handlers handlers;

	start((struct setup){ .path = "/" });
	fake->hub_values[0].maps = maps;
	fake->hub_values[0].count = COUNT(maps);
	CU_ASSERT_FATAL(handlers_init(&handlers, &fake->host, fake) == WPS_OK);
	check_text("a user event", handler_for(&handlers, "chat", user_event("X", "")),
	    "http://a/");
	check_text("another one", handler_for(&handlers, "other", user_event("y", "")),
	    "http://b/");
	check_text("connect", handler_for(&handlers, "chat", connect_event()), "http://b/");
	check_text("connected", handler_for(&handlers, "chat",
	    (struct wps_event){ .kind = WPS_EVENT_CONNECTED }), "-");
	handlers_fini(&handlers);
	stop();
}

static void
test_bad_handlers_are_refused_at_load(void)
{
	static const struct { const char *url, *user_events, *system, *error; } cases[] = {
		{ "http://a/{hub}/{EVENT}?code={event}", "*", "connect", "" },
		{ "https://[::1]:8443", "a, b", "Disconnected", "" },
		{ "ftp://a/", "*", "connect", "http://" },
		{ "tunnel:///a", "*", "connect", "http://" },
		{ "http://{hub}.example/", "*", "connect", "host" },
		{ "http://a{hub", "*", "connect", "host" },
		{ "http:///x", "*", "connect", "no host" },
		{ "http://u:p@a/", "*", "connect", "user name" },
		{ "http://a/{group}", "*", "connect", "unknown parameter \"{group}\"" },
		{ "http://a/{hub", "*", "connect", "unknown parameter" },
		{ "http://a/}", "*", "connect", "unknown parameter" },
		{ "http://a/{@Microsoft.KeyVault(SecretUri=x)}", "*", "connect", "key vault" },
		{ "http://a/ b", "*", "connect", "percent-encoded" },
		{ "http://a/#x", "*", "connect", "fragment" },
		{ "http://a/", "a*", "connect", "wildcards" },
		{ "http://a/", "a,,b", "connect", "wildcards" },
		{ "http://a/", "*", "joined", "system_events" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct option_value values[] = {
			{ .name = "url", .text = cases[i].url },
			{ .name = "user_events", .text = cases[i].user_events },
			{ .name = "system_events", .items = &cases[i].system, .count = 1 },
			{ .name = NULL } };
		const struct wps_conf map = { values };
		struct wps_err err = { "" };
		start((struct setup){ .path = "/" });
		fake->hub_values[0].maps = &map;
		int rc = wps_plugin_v1.check(&fake->host, &fake->hub, "chat", &err);
		check_number(cases[i].url, rc, *cases[i].error ? WPS_EINVAL : WPS_OK);
		if (strstr(err.text, cases[i].error) == NULL)
			check_text(cases[i].url, err.text, cases[i].error);
		stop();
	}
}

static void
test_tokens_that_would_break_a_header_are_refused_at_load(void)
{
	static const struct { const char *token; bool good; } cases[] = {
		{ "aZ09-._~+/=", true },
		{ "a b", false },
		{ "a\r\nX-Evil: 1", false },
		{ "a\n", false },
		{ "\x01", false },
		{ "caf\xc3\xa9", false },
		{ "\x7f", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct option_value values[] = {
			{ .name = "url", .text = "http://a/" },
			{ .name = "user_events", .text = "*" },
			{ .name = "auth", .number = AUTH_BEARER },
			{ .name = "auth_token", .text = cases[i].token },
			{ .name = NULL } };
		const struct wps_conf map = { values };
		struct wps_err err = { "" };
		start((struct setup){ .path = "/" });
		fake->hub_values[0].maps = &map;
		int rc = wps_plugin_v1.check(&fake->host, &fake->hub, "chat", &err);
		check_number(cases[i].token, rc, cases[i].good ? WPS_OK : WPS_EINVAL);
		if (!cases[i].good) {
			CU_ASSERT(strstr(err.text, "auth_token") != NULL);
			CU_ASSERT(strstr(err.text, cases[i].token) == NULL);
		}
		stop();
	}
}

/* A file of the test's own folder, with a mode. */
static void
write_file(const char *path, const char *content, mode_t mode)
{
	FILE *file = fopen(path, "w");

	CU_ASSERT_FATAL(file != NULL);
	fputs(content, file);
	fclose(file);
	CU_ASSERT(chmod(path, mode) == 0);
}

static void
test_secrets_of_urls_are_read_and_not_shown(void)
{
	char folder[] = "/tmp/test-cloudevents-XXXXXX", path[64], url[256];
	struct wps_reply reply;

	CU_ASSERT_FATAL(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/key", folder);
	write_file(path, "s3cret/==\r\n", 0600);
	setenv("TEST_CLOUDEVENTS", "s3cret?", 1);
	snprintf(url, sizeof(url), "/{env:TEST_CLOUDEVENTS}/{event}?code={File:%s}", path);
	start((struct setup){ .path = url, .validation = true });
	answer_with("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
	ask(user_event("message", "x"), &reply);
	CU_ASSERT(strncmp(request(0), "POST /s3cret%3F/message?code=s3cret%2F%3D%3D HTTP", 49) == 0);
	CU_ASSERT(strncmp(app.last_handshake,
	    "OPTIONS /s3cret%3F/validate?code=s3cret%2F%3D%3D HTTP", 53) == 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, "/{env:TEST_CLOUDEVENTS}/{event}"));
	stop();
	unlink(path);
	rmdir(folder);
}

static void
test_secrets_that_are_not_to_be_had_are_told(void)
{
	static const struct { const char *content; mode_t mode; const char *url, *error; } cases[] = {
		{ NULL, 0, "http://a/{env:TEST_CLOUDEVENTS_NONE}", "the environment has no" },
		{ NULL, 0, "http://a/{env:}", "has no name" },
		{ NULL, 0, "http://a/{file:key}", "absolute path" },
		{ NULL, 0, "http://a/{file:%s/none}", "No such file" },
		{ "x", 0640, "http://a/{file:%s/key}", "chmod 600" },
		{ "\n", 0600, "http://a/{file:%s/key}", "is empty" },
		{ NULL, 0, "http://a/{file:%s}", "not a regular file" },
		{ NULL, 0, "http://{env:HOME}/", "host" },
	};
	char folder[] = "/tmp/test-cloudevents-XXXXXX", path[64];

	CU_ASSERT_FATAL(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/key", folder);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text url = { .data = NULL }, out = { .data = NULL };
		struct wps_err err = { "" };
		const char *mark = strstr(cases[i].url, "%s");
		if (cases[i].content)
			write_file(path, cases[i].content, cases[i].mode);
		text_printf(&url, "%.*s%s%s", mark ? (int)(mark - cases[i].url) : 100,
		    cases[i].url, mark ? folder : "", mark ? mark + 2 : "");
		int rc = template_check(text_span(&url), &err);
		if (rc == WPS_OK)
			rc = template_resolve(text_span(&url), &out, &err);
		check_number(cases[i].url, rc, WPS_EINVAL);
		if (strstr(err.text, cases[i].error) == NULL)
			check_text(cases[i].url, err.text, cases[i].error);
		text_free(&url);
		text_free(&out);
	}
	unlink(path);
	rmdir(folder);
}

static void
test_templates_take_values_as_one_segment(void)
{
	static const struct { const char *url, *event, *expected; } cases[] = {
		{ "http://a/{hub}/{event}", "message", "http://a/chat/message" },
		{ "http://a/{Hub}-{EVENT}?x={event}", "a/b c", "http://a/chat-a%2Fb%20c?x=a%2Fb%20c" },
		{ "http://a/x", "message", "http://a/x" },
		{ "http://a/{event}", "{hub}", "http://a/%7Bhub%7D" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text out = { .data = NULL };
		CU_ASSERT(template_expand(wps_span_str(cases[i].url), WPS_SPAN("chat"),
		    wps_span_str(cases[i].event), &out) == WPS_OK);
		check_text(cases[i].url, out.data, cases[i].expected);
		text_free(&out);
	}
}

static void
test_origin_is_the_public_or_the_listening_name(void)
{
	static const char *const two[] = { "https://a.example:8443/", "b.example", "wss://A.example" };
	static const struct { const char *const *endpoints; size_t count; const char *listen,
	    *expected; } cases[] = {
		{ two, 3, "0.0.0.0:8080", "a.example,b.example" },
		{ NULL, 0, "wps.local:8080", "wps.local" },
		{ NULL, 0, "0.0.0.0:8080", "localhost" },
		{ NULL, 0, "[::]:8080", "localhost" },
		{ NULL, 0, "[2001:db8::1]:8080", "[2001:db8::1]" },
		{ NULL, 0, "*:8080", "localhost" },
		{ NULL, 0, "unix:/run/wps.sock", "localhost" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct option_value listen_values[] = {
			{ .name = "address", .text = cases[i].listen }, { .name = NULL } };
		const struct wps_conf map = { listen_values };
		struct origin origin;
		start((struct setup){ .path = "/" });
		fake->core_values[0] = (struct option_value){ .name = "public_endpoints",
			.items = cases[i].endpoints, .count = cases[i].count };
		fake->core_values[1] = (struct option_value){ .name = "listen", .maps = &map,
			.count = 1 };
		origin_init(&origin, &fake->host, fake);
		text_add_char(&origin.hosts, '\0');
		check_text(cases[i].listen, origin.hosts.data, cases[i].expected);
		origin_fini(&origin);
		stop();
	}
}

static void
test_the_issuer_is_the_first_public_url(void)
{
	static const struct { const char *endpoint, *base_path, *expected; } cases[] = {
		{ "https://a.example:8443/", NULL, "https://a.example:8443" },
		{ "a.example", NULL, "https://a.example" },
		{ "http://a.example", "/chat", "http://a.example/chat" },
		{ "http://a.example/chat/", "/chat", "http://a.example/chat" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct origin origin;
		start((struct setup){ .path = "/" });
		fake->core_values[0] = (struct option_value){ .name = "public_endpoints",
			.items = &cases[i].endpoint, .count = 1 };
		fake->core_values[1] = (struct option_value){ .name = "base_path",
			.text = cases[i].base_path };
		origin_init(&origin, &fake->host, fake);
		text_add_char(&origin.issuer, '\0');
		check_text(cases[i].endpoint, origin.issuer.data, cases[i].expected);
		origin_fini(&origin);
		stop();
	}
}

static void
test_no_cookie_of_a_connection_is_over_the_limit(void)
{
	static const struct { int first, second; size_t kept; } cases[] = {
		{ 8192, 0, 1 }, { 8193, 0, 0 }, { 8000, 192, 2 }, { 8000, 193, 1 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conn_state *state = state_new();
		struct curl_slist *list = NULL;
		char line[9000];
		size_t kept = 0;
		snprintf(line, sizeof(line), "%0*d", cases[i].first, 1);
		list = curl_slist_append(list, line);
		snprintf(line, sizeof(line), "%0*d", cases[i].second, 1);
		if (cases[i].second)
			list = curl_slist_append(list, line);
		state_set_cookies(state, list);
		for (list = state->cookies; list; list = list->next)
			kept++;
		check_number("cookies", (long)kept, (long)cases[i].kept);
		state_unref(&state);
	}
}

static void
test_tokens_are_read_within_their_limits(void)
{
	static const struct { int len; const char *more; int rc; uint64_t seconds; } cases[] = {
		{ 1, "", WPS_OK, 300 }, { 16384, "", WPS_OK, 300 },
		{ 16385, "", WPS_DECLINED, 0 },
		{ 1, ",\"expires_in\":0", WPS_OK, 1 }, { 1, ",\"expires_in\":-5", WPS_OK, 1 },
		{ 1, ",\"expires_in\":86400", WPS_OK, 86400 },
		{ 1, ",\"expires_in\":86401", WPS_OK, 86400 },
		{ 1, ",\"expires_in\":\"60\"", WPS_OK, 60 },
		{ 1, ",", WPS_DECLINED, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text body = { .data = NULL }, token = { .data = NULL };
		uint64_t seconds = 0;
		text_printf(&body, "{\"access_token\":\"%0*d\"%s}", cases[i].len, 1,
		    cases[i].more);
		check_number(cases[i].more, oauth_read_token(text_span(&body), &token,
		    &seconds), cases[i].rc);
		check_number("seconds", (long)seconds, (long)cases[i].seconds);
		check_number("token", (long)token.len,
		    cases[i].rc == WPS_OK ? cases[i].len : 0);
		text_free(&body);
		text_free(&token);
	}
}

static void
test_only_words_are_names_of_errors(void)
{
	static const struct { const char *body, *name; } cases[] = {
		{ "{\"error\":\"invalid_scope\"}", "invalid_scope" },
		{ "{\"error\":\"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd\"}",
			"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd" },
		{ "{\"error\":\"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddde\"}", "" },
		{ "{\"error\":\"two words\"}", "" }, { "{\"error\":\"A\"}", "" },
		{ "{\"error\":\"a\\n\"}", "" }, { "{\"error\":{}}", "" }, { "{}", "" },
		{ "[]", "" }, { "", "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char name[OAUTH_ERROR_MAX + 1];
		oauth_read_error(wps_span_str(cases[i].body), name, sizeof(name));
		check_text(cases[i].body, name, cases[i].name);
	}
}

static void
test_connect_body_repairs_what_is_no_utf8(void)
{
	struct wps_handshake handshake = { .query = WPS_SPAN("a=%FFb&&%ZZ=%4") };
	struct text out = { .data = NULL };

	check_number("result", connect_body_make(&handshake, &out), WPS_OK);
	text_add_char(&out, '\0');
	check_text("body", out.data, "{\"claims\":{},\"query\":{\"a\":[\"\xef\xbf\xbd" "b\"],"
	    "\"%ZZ\":[\"%4\"]},\"headers\":{},\"subprotocols\":[],\"clientCertificates\":[]}");
	text_free(&out);
	handshake.claims = WPS_SPAN("[]");
	check_number("claims that are no object", connect_body_make(&handshake, &out), WPS_EINVAL);
	text_free(&out);
}

static CU_TestInfo tests[] = {
#define TEST(name) { #name, test_##name }
	TEST(connect_event_is_sent_as_specified),
	TEST(time_is_utc_in_seconds),
	TEST(events_of_a_connection_are_counted),
	TEST(user_ids_never_break_a_header_line),
	TEST(event_names_that_no_header_holds_fail_unsent),
	TEST(content_type_follows_the_data),
	TEST(metadata_becomes_headers),
	TEST(signature_is_absent_without_keys),
	TEST(connect_answers),
	TEST(a_refusal_passes_on_4_kib_of_its_body),
	TEST(user_event_answers),
	TEST(blocking_events_fail_at_once_and_are_not_repeated),
	TEST(timeouts_are_those_of_headers_and_body),
	TEST(answers_have_limits),
	TEST(state_is_kept_and_sent_back),
	TEST(events_that_nobody_waits_for_are_repeated),
	TEST(a_full_queue_refuses_blocking_events_only),
	TEST(cancel_aborts_wherever_the_event_is),
	TEST(stop_leaves_nothing_behind),
	TEST(link_local_addresses_are_refused),
	TEST(link_local_addresses_are_an_option),
	TEST(handshake_is_sent_as_specified),
	TEST(handshake_answers),
	TEST(handshake_is_repeated_while_the_application_is_down),
	TEST(handshake_is_shared_and_remembered),
	TEST(a_url_in_use_is_checked_every_minute),
	TEST(a_refusing_url_is_asked_less_and_less),
	TEST(counters_have_the_vendors_names),
	TEST(each_failure_of_an_answer_is_counted_by_its_kind),
	TEST(what_works_is_no_failure),
	TEST(repetitions_are_requests_and_one_failure),
	TEST(events_that_are_not_sent_are_counted_by_the_reason),
	TEST(events_that_the_end_overtakes_are_lost),
	TEST(the_early_check_spares_the_first_event_the_handshake),
	TEST(without_the_early_check_the_first_event_asks),
	TEST(the_early_check_leaves_alone_what_has_no_handshake),
	TEST(the_early_check_says_what_is_wrong_once),
	TEST(what_the_early_check_saw_refuses_no_event),
	TEST(no_event_waits_for_a_pause_of_the_early_check),
	TEST(an_event_that_joins_the_early_check_fails_with_it),
	TEST(the_server_may_end_during_the_early_check),
	TEST(user_events_match_by_name_without_case),
	TEST(the_first_handler_that_matches_gets_the_event),
	TEST(bad_handlers_are_refused_at_load),
	TEST(tokens_that_would_break_a_header_are_refused_at_load),
	TEST(templates_take_values_as_one_segment),
	TEST(origin_is_the_public_or_the_listening_name),
	TEST(the_issuer_is_the_first_public_url),
	TEST(connect_body_repairs_what_is_no_utf8),
	TEST(headers_are_encoded_as_cloudevents_has_it),
	TEST(cookies_of_a_success_are_sent_back),
	TEST(cookies_of_what_is_no_answer_go_nowhere),
	TEST(a_connection_has_few_and_small_cookies),
	TEST(no_cookie_of_a_connection_is_over_the_limit),
	TEST(tokens_are_read_within_their_limits),
	TEST(only_words_are_names_of_errors),
	TEST(retry_says_which_events_are_repeated),
	TEST(events_that_nobody_waits_for_keep_their_order),
	TEST(the_order_of_one_connection_holds_no_other),
	TEST(many_failures_at_once_take_many_turns),
	TEST(an_origin_that_is_down_is_left_alone),
	TEST(a_refusal_without_end_is_cut),
	TEST(handles_that_are_not_used_are_given_back),
	TEST(addresses_of_the_surroundings_are_known),
	TEST(presence_events_are_sent_as_specified),
	TEST(presence_is_asked_for_by_event_and_group),
	TEST(secrets_of_urls_are_read_and_not_shown),
	TEST(secrets_that_are_not_to_be_had_are_told),
	CU_TEST_INFO_NULL,
};

int
main(void)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "cloudevents", .pTests = tests },
		CU_SUITE_INFO_NULL,
	};

	if (CU_initialize_registry() != CUE_SUCCESS ||
	    CU_register_suites(suites) != CUE_SUCCESS)
		return EXIT_FAILURE;
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	unsigned failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
