/* SPDX-License-Identifier: MIT */
/*
 * A plugin that was compiled with the headers of 1.0, in a whole server of today:
 * a request and a client reach all that it registers.
 */
#include "hub/server.h"
#include "net/listener.h"
#include "server.h"
#include "support/dial.h"

#include <unistd.h>

#define CONF                                                                   \
	"plugins: [frozen]\n"                                                  \
	"plugin_dir: \"" FIXTURE_DIR "\"\n"                                    \
	"workers: 1\n"                                                         \
	"listen: [{ address: \"127.0.0.1:0\" }]\n"                             \
	"hubs: { chat: { frozen_number: 3 } }\n"

struct scene {
	struct server *server;
	FILE *log;
	int saved_stderr;
	char conf[64];
};

static void
write_conf(struct scene *s)
{
	snprintf(s->conf, sizeof(s->conf), "frozen-XXXXXX");
	int fd = mkstemp(s->conf);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_FATAL(write(fd, CONF, sizeof(CONF) - 1) == sizeof(CONF) - 1);
	close(fd);
}

/* Standard error is a file until the scene ends. */
static void
set_up(struct scene *s)
{
	struct conf_report report = { 0 };
	struct wps_err err = { "" };

	memset(s, 0, sizeof(*s));
	write_conf(s);
	s->server = server_load(s->conf, &report);
	unlink(s->conf);
	check_text("report", report.text, NULL);
	conf_report_fini(&report);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->server);
	s->log = tmpfile();
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->log);
	s->saved_stderr = dup(STDERR_FILENO);
	dup2(fileno(s->log), STDERR_FILENO);
	int rc = server_start(s->server, &err);
	check_text("error", err.text, "");
	CU_ASSERT_FATAL(rc == WPS_OK);
}

/* Ends the server; its log is in `text` then. */
static void
tear_down(struct scene *s, char *text, size_t cap)
{
	server_stop(s->server);
	server_free(&s->server);
	dup2(s->saved_stderr, STDERR_FILENO);
	close(s->saved_stderr);
	rewind(s->log);
	text[fread(text, 1, cap - 1, s->log)] = '\0';
	fclose(s->log);
}

static void
say(int fd, const char *text)
{
	size_t len = strlen(text);

	CU_ASSERT_FATAL(send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len);
}

/* Until the end of a head, byte by byte: what follows stays in the socket. */
static void
read_head(int fd, char *text, size_t cap)
{
	size_t len = 0;

	text[0] = '\0';
	while (len + 1 < cap && strstr(text, "\r\n\r\n") == NULL &&
	    recv(fd, text + len, 1, 0) == 1)
		text[++len] = '\0';
}

static void
check_first_line(const char *head, const char *expected)
{
	char line[128];

	snprintf(line, sizeof(line), "%.*s", (int)strcspn(head, "\r\n"), head);
	check_text("first line", line, expected);
}

static void
check_route(const struct scene *s, const char *token, const char *line,
    const char *body)
{
	char text[1024];
	int fd = dial(listener_address(s->server->listeners[0]));

	snprintf(text, sizeof(text), "GET /frozen/x HTTP/1.1\r\nHost: a\r\n"
	    "Authorization: Bearer %s\r\nConnection: close\r\n\r\n", token);
	say(fd, text);
	read_head(fd, text, sizeof(text));
	check_first_line(text, line);
	size_t len = strlen(body);
	CU_ASSERT_FATAL(recv(fd, text, len, MSG_WAITALL) == (ssize_t)len);
	text[len] = '\0';
	check_text("body", text, body);
	close(fd);
}

static int
open_client(const struct scene *s)
{
	char head[1024];
	int fd = dial(listener_address(s->server->listeners[0]));

	say(fd, "GET /client/hubs/chat?access_token=let-me-in HTTP/1.1\r\n"
	    "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	    "Sec-WebSocket-Protocol: frozen.v1\r\n\r\n");
	read_head(fd, head, sizeof(head));
	check_first_line(head, "HTTP/1.1 101 Switching Protocols");
	return fd;
}

/* A short text frame, masked with zeros (RFC 6455, section 5.3). */
static void
send_text(int fd, const char *text)
{
	size_t len = strlen(text);
	char frame[6 + 125] = { (char)0x81, (char)(0x80 | len) };

	memcpy(frame + 6, text, len);
	CU_ASSERT_FATAL(send(fd, frame, 6 + len, MSG_NOSIGNAL) ==
	    (ssize_t)(6 + len));
}

static void
check_frame(int fd, unsigned char first, const char *expected)
{
	unsigned char head[2];
	char text[126];

	CU_ASSERT_FATAL(recv(fd, head, 2, MSG_WAITALL) == 2);
	check_number(expected, head[0], first);
	CU_ASSERT_FATAL(head[1] < sizeof(text));
	CU_ASSERT_FATAL(recv(fd, text, head[1], MSG_WAITALL) == head[1]);
	text[head[1]] = '\0';
	check_text("frame", text, expected);
}

static void
check_log(const char *log, const char *expected)
{
	if (strstr(log, expected) == NULL)
		check_text("log", log, expected);
}

static void
test_plugin_of_1_0_serves_requests_and_clients(void)
{
	struct scene s;
	char log[4096];

	set_up(&s);
	check_route(&s, "let-me-in", "HTTP/1.1 200 OK", "somebody");
	check_route(&s, "another", "HTTP/1.1 401 Unauthorized", "who?");
	int fd = open_client(&s);
	check_frame(fd, 0x81, "nobody");
	send_text(fd, "event");
	check_frame(fd, 0x81, "event");
	send_text(fd, "group");
	check_frame(fd, 0x81, "> group");
	tear_down(&s, log, sizeof(log));
	check_frame(fd, 0x81, "the server is shutting down");
	close(fd);
	check_log(log, "info frozen: sent matched=1\n");
	check_log(log, "info frozen: fini opened=1 closed=1 connected=1 "
	    "disconnected=1 forgotten=1 posted=1 sign=4\n");
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_plugin_of_1_0_serves_requests_and_clients),
	};

	return RUN_TESTS("frozen", tests);
}
