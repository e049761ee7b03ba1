/* SPDX-License-Identifier: MIT */
#include "record/scene.h"

#include "hub/command.h"
#include "hub/conn.h"
#include "net/listener.h"
#include "net/stream.h"
#include "server.h"
#include "support/check.h"
#include "support/dial.h"
#include "util/attr.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* --- time ---------------------------------------------------------------------- */

static _Atomic uint64_t now_ms = 1000000;
static _Atomic bool ending; /* each look at the time moves it */

int __real_clock_gettime(clockid_t id, struct timespec *out);
int __wrap_clock_gettime(clockid_t id, struct timespec *out);

int
__wrap_clock_gettime(clockid_t id, struct timespec *out)
{
	if (id != CLOCK_MONOTONIC_COARSE)
		return __real_clock_gettime(id, out);
	if (ending)
		now_ms += WHEEL_TICK_MS;
	out->tv_sec = (time_t)(now_ms / 1000);
	out->tv_nsec = (long)(now_ms % 1000) * 1000000;
	return 0;
}

/* --- the server ---------------------------------------------------------------- */

#define CONF                                                                   \
	"plugins: [auth, webpubsub, cloudevents]\n"                            \
	"plugin_dir: \"" PLUGIN_DIR "\"\n"                                     \
	"workers: 1\n"                                                         \
	"log_level: error\n"                                                     \
	"stop_timeout: 0ms\n"                                                    \
	"listen: [{ address: \"127.0.0.1:0\" }]\n"                             \
	"auth: { access_keys: [\"0123456789abcdef0123456789abcdef\"] }\n"      \
	"hubs:\n"                                                              \
	"  chat:\n"                                                            \
	"    anonymous: true\n"                                                \
	"%s"                                                                   \
	"    event_handlers:\n"                                                \
	"    - url: \"http://127.0.0.1:%u/\"\n"                                \
	"      user_events: \"*\"\n"                                           \
	"      system_events: [connect, disconnected]\n"                       \
	"      presence_events: [joined, left]\n"                              \
	"      presence_groups: [told]\n"                                      \
	"      validation: false\n"

static void
write_conf(const struct scene *scene, const char *hub, char path[64])
{
	snprintf(path, 64, "record-XXXXXX");
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_FATAL(dprintf(fd, CONF, hub, scene->app_port) > 0);
	close(fd);
}

void
scene_start_again(struct scene *scene, const char *hub)
{
	struct conf_report report = { 0 };
	struct wps_err err = { "" };
	char path[64];

	write_conf(scene, hub, path);
	scene->server = server_load(path, &report);
	unlink(path);
	check_text("report", report.text, NULL);
	conf_report_fini(&report);
	CU_ASSERT_PTR_NOT_NULL_FATAL(scene->server);
	int rc = server_start(scene->server, &err);
	check_text("error", err.text, "");
	CU_ASSERT_FATAL(rc == WPS_OK);
}

void
scene_start(struct scene *scene, const char *hub)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	const struct timeval deadline = { .tv_sec = DIAL_DEADLINE_S };

	scene->app = socket(AF_INET, SOCK_STREAM, 0);
	CU_ASSERT_FATAL(scene->app >= 0);
	CU_ASSERT_FATAL(bind(scene->app, (struct sockaddr *)&address, len) == 0);
	CU_ASSERT_FATAL(listen(scene->app, 64) == 0);
	CU_ASSERT_FATAL(getsockname(scene->app, (struct sockaddr *)&address,
	    &len) == 0);
	setsockopt(scene->app, SOL_SOCKET, SO_RCVTIMEO, &deadline,
	    sizeof(deadline));
	scene->app_port = ntohs(address.sin_port);
	scene_start_again(scene, hub);
}

/* What the server still had to tell when it ended. */
static void
forget_requests(const struct scene *scene)
{
	int fd;

	while ((fd = accept4(scene->app, NULL, NULL, 0)) >= 0)
		close(fd);
}

void
scene_stop(struct scene *scene)
{
	struct timeval now = { .tv_usec = 1 };
	struct timeval deadline = { .tv_sec = DIAL_DEADLINE_S };

	ending = true;
	server_stop(scene->server);
	server_free(&scene->server);
	ending = false;
	setsockopt(scene->app, SOL_SOCKET, SO_RCVTIMEO, &now, sizeof(now));
	forget_requests(scene);
	setsockopt(scene->app, SOL_SOCKET, SO_RCVTIMEO, &deadline,
	    sizeof(deadline));
}

/* --- on its worker ---------------------------------------------------------------- */

struct job {
	struct mail mail;
	void (*fn)(struct worker *worker, void *data);
	void *data;
	sem_t done;
};

static void
run_job(struct worker *worker, struct mail *mail)
{
	struct job *job = container_of(mail, struct job, mail);

	job->fn(worker, job->data);
	sem_post(&job->done);
}

void
scene_run(struct scene *scene, void (*fn)(struct worker *worker, void *data),
    void *data)
{
	struct job job = {
		.mail = { .run = run_job, .call = true },
		.fn = fn,
		.data = data,
	};

	sem_init(&job.done, 0, 0);
	worker_post(scene->server->workers[0], &job.mail);
	sem_wait(&job.done);
	sem_destroy(&job.done);
}

struct record_job {
	const char *id;
	struct wps_record *record;
	struct wps_span bytes;
	struct wps_err *err;
	int rc;
};

static void
write_job(struct worker *worker, void *data)
{
	struct record_job *job = data;
	struct hub *hub = hub_find(&worker_server(worker)->hubs,
	    WPS_SPAN("chat"));
	struct shard *shard = hub ? shard_find(hub, worker) : NULL;
	struct wps_conn *conn = shard ?
	    shard_conn(shard, wps_span_str(job->id)) : NULL;

	job->rc = conn ? record_write(conn, job->record, job->err) :
	    WPS_NOT_FOUND;
}

int
scene_write(struct scene *scene, const char *id, struct wps_record *record,
    struct wps_err *err)
{
	struct record_job job = { .id = id, .record = record, .err = err };

	scene_run(scene, write_job, &job);
	return job.rc;
}

static void
read_job(struct worker *worker, void *data)
{
	struct record_job *job = data;
	struct wps_conn *conn;

	job->rc = record_read(worker, job->bytes, &conn, job->err);
}

int
scene_read(struct scene *scene, struct wps_span record, struct wps_err *err)
{
	struct record_job job = { .bytes = record, .err = err };

	scene_run(scene, read_job, &job);
	return job.rc;
}

struct command_job {
	struct wps_command command;
	unsigned matched;
};

static void
on_outcome(const struct wps_outcome *outcome, void *data)
{
	struct command_job *job = data;

	job->matched = (unsigned)outcome->matched;
}

static void
submit_job(struct worker *worker, void *data)
{
	struct command_job *job = data;

	command_submit(worker, &job->command, on_outcome, job);
}

void
scene_submit(struct scene *scene, struct wps_command command)
{
	struct command_job job = { .command = command };

	job.command.hub = WPS_SPAN("chat");
	scene_run(scene, submit_job, &job);
}

unsigned
scene_count(struct scene *scene, enum wps_whom whom, const char *name)
{
	struct command_job job = { .command = {
		.op = WPS_OP_COUNT,
		.whom = whom,
		.hub = WPS_SPAN("chat"),
		.name = wps_span_str(name),
	} };

	scene_run(scene, submit_job, &job);
	return job.matched;
}

static void
pass_job(struct worker *worker, void *data)
{
	const uint64_t end = now_ms + *(const uint64_t *)data;

	while (now_ms < end) {
		now_ms = end - now_ms > WHEEL_TICK_MS ?
		    now_ms + WHEEL_TICK_MS : end;
		wheel_run(&worker->wheel, now_ms);
	}
}

void
scene_pass(struct scene *scene, uint64_t ms)
{
	scene_run(scene, pass_job, &ms);
}

/* --- sockets ------------------------------------------------------------------------ */

static void
send_all(int fd, const void *bytes, size_t len)
{
	CU_ASSERT_FATAL(send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
}

static void
read_head(int fd, char *text, size_t cap)
{
	size_t len = 0;

	text[0] = '\0';
	while (len + 1 < cap && strstr(text, "\r\n\r\n") == NULL &&
	    recv(fd, text + len, 1, 0) == 1)
		text[++len] = '\0';
}

/* --- the application ------------------------------------------------------------------ */

static void
read_body(int fd, char *text, size_t cap)
{
	const char *line = strcasestr(text, "\r\ncontent-length:");
	size_t len = line ? strtoul(line + 17, NULL, 10) : 0;
	size_t head = strlen(text);

	CU_ASSERT_FATAL(head + len < cap);
	CU_ASSERT_FATAL(len == 0 ||
	    recv(fd, text + head, len, MSG_WAITALL) == (ssize_t)len);
	text[head + len] = '\0';
}

const char *
app_hears(struct scene *scene)
{
	static char text[SCENE_TEXT];

	scene->app_fd = accept(scene->app, NULL, NULL);
	CU_ASSERT_FATAL(scene->app_fd >= 0);
	read_head(scene->app_fd, text, sizeof(text));
	read_body(scene->app_fd, text, sizeof(text));
	return text;
}

void
app_says(struct scene *scene, const char *headers, const char *body)
{
	char answer[SCENE_TEXT];
	int len = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\n"
	    "Connection: close\r\nContent-Length: %zu\r\n%s\r\n%s",
	    strlen(body), headers, body);

	send_all(scene->app_fd, answer, (size_t)len);
	close(scene->app_fd);
}

const char *
app_answer(struct scene *scene, const char *headers, const char *body)
{
	const char *text = app_hears(scene);

	app_says(scene, headers, body);
	return text;
}

/* --- clients ------------------------------------------------------------------------------ */

static void
ask(const struct client *client, const char *query, const char *subprotocol)
{
	char text[1024];
	int len = snprintf(text, sizeof(text),
	    "GET /client/hubs/chat%s HTTP/1.1\r\nHost: a\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	    "%s%s\r\n\r\n", query,
	    subprotocol ? "Sec-WebSocket-Protocol: " : "X: ",
	    subprotocol ? subprotocol : "");

	send_all(client->fd, text, (size_t)len);
}

static bool
is_let_in(const struct client *client)
{
	char head[1024];

	read_head(client->fd, head, sizeof(head));
	return strncmp(head, "HTTP/1.1 101 ", 13) == 0;
}

/* The value of a text member; "" when there is none. */
static void
read_member(const char *text, const char *name, char *dst, size_t cap)
{
	const char *at = strstr(text, name);
	size_t len = at ? strcspn(at + strlen(name), "\"") : 0;

	CU_ASSERT_FATAL(len < cap);
	memcpy(dst, at ? at + strlen(name) : "", len);
	dst[len] = '\0';
}

static void
read_connected(struct client *client)
{
	const char *text = client_hears(client);

	if (strstr(text, "\"connected\"") == NULL)
		check_text("first words", text, "connected");
	read_member(text, "\"connectionId\":\"", client->id,
	    sizeof(client->id));
	read_member(text, "\"reconnectionToken\":\"", client->token,
	    sizeof(client->token));
}

void
client_open(struct scene *scene, struct client *client, const char *subprotocol,
    const char *headers, const char *body)
{
	const char *offered = subprotocol && *subprotocol ? subprotocol : NULL;

	client->fd =
	    dial(listener_address(scene->server->listeners[0]));
	ask(client, subprotocol && offered == NULL ?
	    "?webpubsub_mode=sendToGroup&group=deck" : "", offered);
	const char *line = strcasestr(app_answer(scene, headers, body),
	    "\r\nce-connectionId: ");
	CU_ASSERT_PTR_NOT_NULL_FATAL(line);
	snprintf(client->id, sizeof(client->id), "%.*s", SCENE_ID, line + 19);
	CU_ASSERT_FATAL(is_let_in(client));
	if (offered)
		read_connected(client);
}

bool
client_recover(struct scene *scene, struct client *client,
    const char *subprotocol)
{
	char query[256];

	snprintf(query, sizeof(query),
	    "?awps_connection_id=%s&awps_reconnection_token=%s", client->id,
	    client->token);
	close(client->fd);
	client->fd =
	    dial(listener_address(scene->server->listeners[0]));
	ask(client, query, subprotocol);
	CU_ASSERT_FATAL(is_let_in(client));
	const char *text = client_hears(client);
	return strstr(text, "\"connected\"") != NULL;
}

struct attach_job {
	const char *id;
	int fd;
};

static void
on_flushed(struct sender *sender)
{
	(void)sender;
}

static const struct sender_ops sender_ops = { .flushed = on_flushed };

static void
attach_job(struct worker *worker, void *data)
{
	const struct attach_job *job = data;
	struct hub *hub = hub_find(&worker_server(worker)->hubs,
	    WPS_SPAN("chat"));
	struct wps_conn *conn = shard_conn(shard_find(hub, worker),
	    wps_span_str(job->id));
	struct stream *stream = stream_new(worker, job->fd, NULL);
	struct sender first;

	sender_init(&first, stream, &hub->options.ws.out, &sender_ops);
	conn_recover(conn, stream, &first, WPS_SPAN_NONE);
	sender_fini(&first);
}

void
client_attach(struct scene *scene, struct client *client)
{
	const struct timeval deadline = { .tv_sec = DIAL_DEADLINE_S };
	int fds[2];

	CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &deadline,
	    sizeof(deadline));
	client->fd = fds[0];
	scene_run(scene, attach_job,
	    &(struct attach_job){ client->id, fds[1] });
}

static void
send_frame(const struct client *client, unsigned char first, const char *bytes,
    size_t len)
{
	/* Masked with zeros (RFC 6455, section 5.3). */
	unsigned char frame[8 + SCENE_TEXT] = { first };
	size_t head = 2;

	CU_ASSERT_FATAL(len < SCENE_TEXT);
	frame[1] = (unsigned char)(0x80 | (len < 126 ? len : 126));
	if (len >= 126) {
		frame[2] = (unsigned char)(len >> 8);
		frame[3] = (unsigned char)len;
		head = 4;
	}
	memcpy(frame + head + 4, bytes, len);
	send_all(client->fd, frame, head + 4 + len);
}

void
client_say(const struct client *client, const char *text)
{
	send_frame(client, 0x81, text, strlen(text));
}

const char *
client_hears(const struct client *client)
{
	static char text[SCENE_TEXT];
	unsigned char head[4];

	if (recv(client->fd, head, 2, MSG_WAITALL) != 2)
		return "";
	size_t len = head[1];
	if (len == 126) {
		CU_ASSERT_FATAL(recv(client->fd, head + 2, 2, MSG_WAITALL) == 2);
		len = (size_t)head[2] << 8 | head[3];
	}
	CU_ASSERT_FATAL(len < sizeof(text));
	CU_ASSERT_FATAL(len == 0 ||
	    recv(client->fd, text, len, MSG_WAITALL) == (ssize_t)len);
	text[len] = '\0';
	if ((head[0] & 0xf) == 8)
		snprintf(text, sizeof(text), "close %u",
		    (unsigned)((unsigned char)text[0] << 8 |
		    (unsigned char)text[1]));
	return text;
}

void
client_leave(struct client *client)
{
	send_frame(client, 0x88, "\x03\xe8", 2);
	check_text("answer to the close", client_hears(client), "close 1000");
	close(client->fd);
}
