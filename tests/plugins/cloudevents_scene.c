/* SPDX-License-Identifier: MIT */
#include "plugins/cloudevents_scene.h"

#include "plugins/cloudevents/handlers.h"
#include "plugins/cloudevents/text.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- secrets in memory that is given back ---------------------------------------- */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);

/* Compilers know that free has no such effects. */
static volatile unsigned traces;

static void
look_for_secrets(void *memory)
{
	size_t size = memory ? malloc_usable_size(memory) : 0;

	if (size > 0 && (memmem(memory, size, SECRET, strlen(SECRET)) ||
	    memmem(memory, size, SECRET_BASE64, strlen(SECRET_BASE64))))
		traces++;
}

/* Without what libraries have left there. */
static void *
clean(void *memory)
{
	if (memory)
		memset(memory, 0, malloc_usable_size(memory));
	return memory;
}

void *
__wrap_malloc(size_t size)
{
	return clean(__real_malloc(size));
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return clean(__real_calloc(count, size));
}

void *
__wrap_realloc(void *memory, size_t size)
{
	look_for_secrets(memory);
	return __real_realloc(memory, size);
}

void
__wrap_free(void *memory)
{
	look_for_secrets(memory);
	__real_free(memory);
}

/* What the test itself knew. */
static void
forget(void *memory)
{
	explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

/* --- configuration -------------------------------------------------------------- */

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
host_add_route(struct wps_self *self, const struct wps_route *ops)
{
	(void)self;
	(void)ops;
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
host_conn_view(const struct wps_conn *of)
{
	return &of->view;
}

static void **
host_conn_slot(const struct wps_self *self, struct wps_conn *of)
{
	(void)self;
	return &of->slot;
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

bool
is_answered(void *data)
{
	return ((struct wps_reply *)data)->count > 0;
}

/* --- the application ------------------------------------------------------------------ */

struct client {
	struct app *app;
	int fd;
	struct wps_watch *watch;
	char in[65536];
	size_t len;
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
	forget(client);
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
answer_to(struct app *server, const char *request, size_t len)
{
	if (strncmp(request, "OPTIONS ", 8) == 0) {
		server->handshakes++;
		snprintf(server->last_handshake, sizeof(server->last_handshake), "%.*s",
		    (int)len, request);
		return server->handshake;
	}
	if (strncmp(request, "GET ", 4) == 0) {
		server->get_requests++;
		return server->get;
	}
	if (server->token && strncmp(request, "POST /token", 11) == 0) {
		server->token_requests++;
		return server->token;
	}
	size_t turn = server->seen_count < server->answer_count ? server->seen_count :
	    server->answer_count - 1;
	CU_ASSERT_FATAL(server->seen_count < SEEN_MAX);
	server->seen[server->seen_count++] = strndup(request, len);
	return server->answers[turn];
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
	struct app *server = data;
	struct client *client = calloc(1, sizeof(*client));

	(void)events;
	CU_ASSERT_FATAL(server->accepted < CLIENTS_MAX && client != NULL);
	client->app = server;
	client->fd = accept(fd, NULL, NULL);
	client->watch = server->host->watch(fakehost_loop_worker(server->loop),
	    client->fd, WPS_READABLE, on_client, client);
	server->clients[server->accepted++] = client;
}

static void
app_init(struct app *server, const struct wps_host *host, struct fakehost_loop *loop)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	*server = (struct app){ .host = host, .loop = loop, .handshake = AGREES,
		.get = AGREES, .answers = { NOTHING }, .answer_count = 1 };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->fd = socket(AF_INET, SOCK_STREAM, 0);
	CU_ASSERT_FATAL(server->fd >= 0 &&
	    bind(server->fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(server->fd, 64) == 0 &&
	    getsockname(server->fd, (struct sockaddr *)&address, &len) == 0);
	server->port = ntohs(address.sin_port);
	server->watch = host->watch(fakehost_loop_worker(loop), server->fd,
	    WPS_READABLE, on_accept, server);
}

static void
app_fini(struct app *server)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (server->clients[i])
			client_close(server->clients[i]);
	}
	for (size_t i = 0; i < server->seen_count; i++)
		forget(server->seen[i]);
	server->host->unwatch(server->watch);
	close(server->fd);
}

/* --- the world: host, plugin, application ------------------------------------------------ */

struct wps_self *fake;
struct app app;
struct wps_conn conn;

static const char *const all_presence_events[] = { "joined", "left" };
static const char *const all_system_events[] = { "connect", "connected", "disconnected" };

/* Where user_events, system_events and auth_audience stand. */
#define APART_USER 1
#define APART_EVENTS 2
#define APART_AUDIENCE 3

static void
fill_conf(const struct setup *setup)
{
	const struct option_value handler[] = {
		{ .name = "url", .text = fake->url },
		{ .name = "user_events", .text = setup->user_events ? setup->user_events : "*" },
		{ .name = "system_events", .items = all_system_events, .count = 3 },
		{ .name = "auth_audience", .text = setup->signing_key ? "app" : NULL },
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
		{ .name = "auth", .number = setup->oauth ? AUTH_OAUTH :
		  setup->signing_key ? AUTH_JWT : AUTH_NONE },
		{ .name = "auth_url", .text = setup->oauth ? fake->token_url : NULL },
		{ .name = "auth_client", .text = setup->oauth ? "me" : NULL },
		{ .name = "auth_secret", .text = setup->oauth ? SECRET : NULL },
		{ .name = "auth_method", .number = setup->oauth_method },
		{ .name = "presence_events",
		  .items = setup->presence ? setup->presence : all_presence_events,
		  .count = setup->presence ? setup->presence_count : 2 },
		{ .name = "presence_groups", .items = setup->patterns,
		  .count = setup->pattern_count },
		{ .name = NULL },
	};

	memcpy(fake->handler_values, handler, sizeof(handler));
	memcpy(fake->apart_values, handler, sizeof(handler));
	fake->apart_values[APART_USER].text = "";
	fake->apart_values[APART_EVENTS].items = &all_system_events[1];
	fake->apart_values[APART_EVENTS].count = 1;
	fake->apart_values[APART_AUDIENCE].text = "apart";
	fake->handlers[0].values = fake->apart_values;
	fake->handlers[setup->connected_apart].values = fake->handler_values;
	fake->hub_values[0] = (struct option_value){ .name = "event_handlers",
		.maps = fake->handlers, .count = setup->connected_apart ? 2 : 1 };
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
	fake->own_values[6] = (struct option_value){ .name = "signing_key",
		.text = setup->signing_key };
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
		.add_route = host_add_route,
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

void
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
		    setup.path ? setup.path : "/hook/{hub}/{event}?code=" SECRET);
	if (setup.token_url)
		snprintf(fake->token_url, sizeof(fake->token_url), "%s", setup.token_url);
	else
		snprintf(fake->token_url, sizeof(fake->token_url),
		    "http://127.0.0.1:%u/token?code=" SECRET, app.port);
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

void
start_presence(const char *event, const char *const *patterns, size_t count)
{
	start((struct setup){ .path = "/", .presence = &event, .presence_count = event != NULL,
	    .patterns = patterns, .pattern_count = count });
}

void
stop(void)
{
	if (conn.slot)
		fake->upstream.forget(fake->worker, conn.slot);
	wps_plugin_v1.worker_stop(fake->worker);
	wps_plugin_v1.fini(fake->state);
	CU_ASSERT_PTR_NULL(strstr(fake->log, SECRET));
	app_fini(&app);
	check_number("watches that are left", (long)fakehost_loop_watches(&fake->loop), 0);
	check_number("timers that are left", (long)fakehost_loop_timers(&fake->loop), 0);
	fakehost_loop_fini(&fake->loop);
	forget(fake);
	check_number("secrets in memory that was given back", traces, 0);
	traces = 0;
}

struct wps_event
user_event(const char *name, const char *payload)
{
	return (struct wps_event){ .kind = WPS_EVENT_USER, .conn = &conn,
		.name = wps_span_str(name), .type = WPS_DATA_TEXT,
		.payload = wps_span_str(payload) };
}

struct wps_event
connect_event(void)
{
	static const struct wps_handshake handshake = { .claims = { NULL, 0 } };

	return (struct wps_event){ .kind = WPS_EVENT_CONNECT, .conn = &conn,
		.name = WPS_SPAN("connect"), .handshake = &handshake };
}

void
deliver(struct wps_event event, struct wps_reply *reply)
{
	CU_ASSERT(fake->upstream.wants(fake->worker, &event));
	fake->upstream.deliver(fake->worker, &event, reply);
}

const char *
ask(struct wps_event event, struct wps_reply *reply)
{
	*reply = (struct wps_reply){ .count = 0 };
	deliver(event, reply);
	CU_ASSERT(fakehost_loop_until(&fake->loop, is_answered, reply, DEADLINE_MS));
	check_number("answers", reply->count, 1);
	return reply->text;
}

void
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

const char *
request(size_t n)
{
	size_t wanted = n + 1;

	CU_ASSERT_FATAL(fakehost_loop_until(&fake->loop, has_seen, &wanted, DEADLINE_MS));
	return app.seen[n];
}

void
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

const char *
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

void
check_header(size_t n, const char *name, const char *expected)
{
	char value[16384];

	check_text(name, header_of(request(n), name, value, sizeof(value)), expected);
}

long
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
