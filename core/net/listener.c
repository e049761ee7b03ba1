/* SPDX-License-Identifier: MIT */
#include "net/listener.h"

#include "net/http.h"
#include "util/alloc.h"
#include "util/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN 64 /* so that a flood of clients leaves room for others */
#define REST_SECONDS 0.5    /* without descriptors accepting waits */

/* One worker's socket of a listener. */
struct acceptor {
	struct listener *listener;
	struct worker *worker;
	ev_io io;
	ev_timer rest;
	int fd; /* owned; -1: this worker does not accept here */
};

struct listener {
	const struct http_service *service;
	struct tls_context *tls; /* borrowed; NULL: plain */
	struct worker *const *workers;
	unsigned count;
	bool deals; /* hands descriptors round */
	unsigned next;
	char *unix_path; /* owned; to be unlinked */
	char address[128];
	struct acceptor acceptors[];
};

/* --- addresses ------------------------------------------------------------ */

struct sockaddr_any {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
	socklen_t len;
};

static int
parse_port(const char *text, in_port_t *out)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || port > 65535)
		return WPS_EINVAL;
	*out = htons((in_port_t)port);
	return WPS_OK;
}

static int
parse_unix(const char *path, struct sockaddr_any *out)
{
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(out->un.sun_path))
		return WPS_EINVAL;
	out->un.sun_family = AF_UNIX;
	memcpy(out->un.sun_path, path, len + 1);
	out->len = sizeof(out->un);
	return WPS_OK;
}

/* Cuts "host:port" and "[host]:port" in place. */
static char *
cut_port(char *text)
{
	char *colon = strrchr(text, ':');

	if (colon == NULL)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

static int
parse_ip(char *text, struct sockaddr_any *out)
{
	char *port = cut_port(text);
	size_t len = strlen(text);

	if (port == NULL)
		return WPS_EINVAL;
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text[len - 1] = '\0';
		out->in6.sin6_family = AF_INET6;
		out->len = sizeof(out->in6);
		return inet_pton(AF_INET6, text + 1, &out->in6.sin6_addr) == 1 ?
		    parse_port(port, &out->in6.sin6_port) : WPS_EINVAL;
	}
	out->in.sin_family = AF_INET;
	out->len = sizeof(out->in);
	return inet_pton(AF_INET, text, &out->in.sin_addr) == 1 ?
	    parse_port(port, &out->in.sin_port) : WPS_EINVAL;
}

static int
parse_address(struct wps_span address, struct sockaddr_any *out)
{
	char text[128];

	memset(out, 0, sizeof(*out));
	if (address.len >= sizeof(text))
		return WPS_EINVAL;
	memcpy(text, address.data, address.len);
	text[address.len] = '\0';
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, out);
	return parse_ip(text, out);
}

static void
format_address(struct listener *listener, const struct sockaddr_any *addr)
{
	char ip[INET6_ADDRSTRLEN] = "";
	char *dst = listener->address;
	size_t cap = sizeof(listener->address);

	switch (addr->any.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &addr->in.sin_addr, ip, sizeof(ip));
		snprintf(dst, cap, "%s:%u", ip, ntohs(addr->in.sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &addr->in6.sin6_addr, ip, sizeof(ip));
		snprintf(dst, cap, "[%s]:%u", ip, ntohs(addr->in6.sin6_port));
		break;
	default:
		snprintf(dst, cap, "unix:%s", addr->un.sun_path);
		break;
	}
}

/* --- accepting ------------------------------------------------------------ */

struct handed {
	struct mail mail;
	const struct http_service *service;
	struct tls_context *tls;
	int fd;
};

static void
take_handed(struct worker *worker, struct mail *mail)
{
	struct handed *handed = container_of(mail, struct handed, mail);

	http_accept(worker, handed->fd, handed->service, handed->tls);
	free(handed);
}

static void
deal(struct listener *listener, int fd)
{
	struct worker *to = listener->workers[listener->next];
	struct handed *handed = xcalloc(1, sizeof(*handed));

	listener->next = (listener->next + 1) % listener->count;
	handed->mail.run = take_handed;
	handed->mail.call = true;
	handed->service = listener->service;
	handed->tls = listener->tls;
	handed->fd = fd;
	worker_post(to, &handed->mail);
}

static void
set_on(int fd, int level, int option)
{
	int on = 1;

	setsockopt(fd, level, option, &on, sizeof(on));
}

/* False: there is none now, or none can be taken for a while. */
static bool
accept_one(struct acceptor *acceptor)
{
	struct listener *listener = acceptor->listener;
	int fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return errno != EAGAIN;
		log_warn("core", "accept address=%s", listener->address);
		ev_io_stop(acceptor->worker->loop, &acceptor->io);
		ev_timer_again(acceptor->worker->loop, &acceptor->rest);
		return false;
	}
	if (listener->unix_path == NULL)
		set_on(fd, IPPROTO_TCP, TCP_NODELAY);
	if (listener->deals)
		deal(listener, fd);
	else
		http_accept(acceptor->worker, fd, listener->service,
		    listener->tls);
	return true;
}

static void
on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++)
		if (!accept_one(watcher->data))
			break;
}

static void
on_rested(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct acceptor *acceptor = watcher->data;

	(void)events;
	ev_timer_stop(loop, watcher);
	ev_io_start(loop, &acceptor->io);
}

/* --- life ----------------------------------------------------------------- */

/*
 * The first socket of an address is bound as if it were not to be shared: then
 * it fails where another server listens, and the others join it.
 */
static int
bind_socket(const struct sockaddr_any *addr, int backlog, bool first)
{
	int family = addr->any.sa_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (family != AF_UNIX)
		set_on(fd, SOL_SOCKET, SO_REUSEADDR);
	if (family != AF_UNIX && !first)
		set_on(fd, SOL_SOCKET, SO_REUSEPORT);
	if (family == AF_INET6)
		set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (bind(fd, &addr->any, addr->len) == 0) {
		if (family != AF_UNIX && first)
			set_on(fd, SOL_SOCKET, SO_REUSEPORT);
		if (listen(fd, backlog) == 0)
			return fd;
	}
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* A socket file that nobody listens on is left over from a crash. A server that
 * hangs takes no more connections, but it is there: it is not waited for. */
static void
remove_stale(const struct sockaddr_any *addr)
{
	struct stat st;
	int fd;

	if (addr->any.sa_family != AF_UNIX ||
	    lstat(addr->un.sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, &addr->any, addr->len) != 0 && errno == ECONNREFUSED)
		unlink(addr->un.sun_path);
	close(fd);
}

static bool
wanted_on(const struct listener *listener, const struct listener_spec *spec,
    unsigned worker)
{
	if (spec->worker != LISTENER_ALL_WORKERS)
		return (unsigned)spec->worker == worker;
	return !listener->deals || worker == 0;
}

static struct acceptor *
acceptor_init(struct listener *listener, unsigned i)
{
	struct acceptor *acceptor = &listener->acceptors[i];

	acceptor->listener = listener;
	acceptor->worker = listener->workers[i];
	acceptor->fd = -1;
	return acceptor;
}

static int
acceptor_open(struct acceptor *acceptor, struct sockaddr_any *addr, int backlog,
    bool first)
{
	acceptor->fd = bind_socket(addr, backlog, first);
	if (acceptor->fd < 0)
		return WPS_ESYS;
	/* From port 0 on, all sockets of the listener share the port. */
	addr->len = sizeof(addr->un);
	getsockname(acceptor->fd, &addr->any, &addr->len);
	ev_io_init(&acceptor->io, on_acceptable, acceptor->fd, EV_READ);
	acceptor->io.data = acceptor;
	ev_timer_init(&acceptor->rest, on_rested, 0., REST_SECONDS);
	acceptor->rest.data = acceptor;
	return WPS_OK;
}

static int
open_all(struct listener *listener, const struct listener_spec *spec,
    struct sockaddr_any *addr)
{
	bool first = true;

	remove_stale(addr);
	for (unsigned i = 0; i < listener->count; i++) {
		struct acceptor *acceptor = acceptor_init(listener, i);
		if (!wanted_on(listener, spec, i))
			continue;
		if (acceptor_open(acceptor, addr, spec->backlog, first) !=
		    WPS_OK)
			return WPS_ESYS;
		first = false;
	}
	if (addr->any.sa_family == AF_UNIX)
		listener->unix_path = xdup(wps_span_str(addr->un.sun_path));
	format_address(listener, addr);
	return WPS_OK;
}

static bool
read_address(struct wps_span address, struct sockaddr_any *out,
    struct wps_err *err)
{
	if (parse_address(address, out) == WPS_OK)
		return true;
	snprintf(err->text, sizeof(err->text), "\"%.*s\" is not IP:PORT, "
	    "[IP]:PORT or unix:PATH", (int)address.len, address.data);
	return false;
}

bool
listener_judge(struct wps_span address, struct wps_err *err)
{
	struct sockaddr_any addr;

	return read_address(address, &addr, err);
}

struct listener *
listener_open(const struct listener_spec *spec, struct worker *const *workers,
    unsigned count, const struct http_service *service, struct wps_err *err)
{
	struct sockaddr_any addr;

	if (!read_address(spec->address, &addr, err))
		return NULL;
	struct listener *listener = xcalloc(1,
	    sizeof(*listener) + count * sizeof(struct acceptor));
	listener->service = service;
	listener->tls = spec->tls;
	listener->workers = workers;
	listener->count = count;
	listener->deals = addr.any.sa_family == AF_UNIX &&
	    spec->worker == LISTENER_ALL_WORKERS && count > 1;
	for (unsigned i = 0; i < count; i++)
		acceptor_init(listener, i);
	if (open_all(listener, spec, &addr) == WPS_OK)
		return listener;
	snprintf(err->text, sizeof(err->text), "cannot listen on \"%.*s\": %s",
	    (int)spec->address.len, spec->address.data, strerror(errno));
	listener_free(&listener);
	return NULL;
}

const char *
listener_address(const struct listener *listener)
{
	return listener->address;
}

void
listener_start(struct listener *listener, struct worker *worker)
{
	struct acceptor *acceptor = &listener->acceptors[worker->index];

	if (acceptor->fd >= 0)
		ev_io_start(worker->loop, &acceptor->io);
}

void
listener_stop(struct listener *listener, struct worker *worker)
{
	struct acceptor *acceptor = &listener->acceptors[worker->index];

	if (acceptor->fd < 0)
		return;
	ev_io_stop(worker->loop, &acceptor->io);
	ev_timer_stop(worker->loop, &acceptor->rest);
	close(acceptor->fd);
	acceptor->fd = -1;
}

void
listener_free(struct listener **listener)
{
	struct listener *l = *listener;

	if (l == NULL)
		return;
	for (unsigned i = 0; i < l->count; i++)
		if (l->acceptors[i].fd >= 0)
			close(l->acceptors[i].fd);
	if (l->unix_path)
		unlink(l->unix_path);
	free(l->unix_path);
	free(l);
	*listener = NULL;
}
