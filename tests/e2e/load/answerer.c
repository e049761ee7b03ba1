/* SPDX-License-Identifier: MIT */
/*
 * An application that is never the bottleneck: it gives every request the same
 * answer, looking at no more of it than where it ends.
 *
 *	answerer
 *
 * listens on a free port of 127.0.0.1, prints it, and ends with its standard
 * input.
 */
#include <arpa/inet.h>
#include <ev.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX 8192

static const char answer[] =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: text/plain\r\n"
    "WebHook-Allowed-Origin: *\r\n"
    "Content-Length: 21\r\n"
    "\r\n"
    "{\"hello\":\"world !!!\"}";

struct peer {
	ev_io io;
	size_t len;
	char request[REQUEST_MAX];
};

static void
drop(struct ev_loop *loop, struct peer *peer)
{
	ev_io_stop(loop, &peer->io);
	close(peer->io.fd);
	free(peer);
}

/* The bytes of a whole request at the start; 0: it is not all there yet. */
static size_t
request_len(const struct peer *peer)
{
	static const char name[] = "Content-Length: ";
	const char *end = memmem(peer->request, peer->len, "\r\n\r\n", 4);
	size_t body = 0;

	if (end == NULL)
		return 0;
	size_t head = (size_t)(end - peer->request) + 4;
	const char *length = memmem(peer->request, head, name, strlen(name));
	if (length)
		body = strtoul(length + strlen(name), NULL, 10);
	return head + body <= peer->len ? head + body : 0;
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct peer *peer = (struct peer *)(void *)io;
	ssize_t count = read(io->fd, peer->request + peer->len,
	    sizeof(peer->request) - peer->len);
	size_t len;

	(void)events;
	if (count <= 0) {
		drop(loop, peer);
		return;
	}
	peer->len += (size_t)count;
	while ((len = request_len(peer)) > 0) {
		memmove(peer->request, peer->request + len, peer->len - len);
		peer->len -= len;
		if (write(io->fd, answer, sizeof(answer) - 1) !=
		    (ssize_t)(sizeof(answer) - 1)) {
			drop(loop, peer);
			return;
		}
	}
}

static void
on_peer(struct ev_loop *loop, ev_io *io, int events)
{
	int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int on = 1;

	(void)events;
	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	struct peer *peer = calloc(1, sizeof(*peer));
	if (peer == NULL)
		abort();
	ev_io_init(&peer->io, on_readable, fd, EV_READ);
	ev_io_start(loop, &peer->io);
}

static void
on_input(struct ev_loop *loop, ev_io *io, int events)
{
	char bytes[64];

	(void)events;
	if (read(io->fd, bytes, sizeof(bytes)) <= 0)
		ev_break(loop, EVBREAK_ALL);
}

static int
listen_anywhere(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
	    listen(fd, 1024) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return -1;
	printf("%d\n", ntohs(address.sin_port));
	return fflush(stdout) == 0 ? fd : -1;
}

int
main(void)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
	int fd = listen_anywhere();
	ev_io peers, input;

	if (loop == NULL || fd < 0) {
		perror("answerer");
		return EXIT_FAILURE;
	}
	ev_io_init(&peers, on_peer, fd, EV_READ);
	ev_io_init(&input, on_input, STDIN_FILENO, EV_READ);
	ev_io_start(loop, &peers);
	ev_io_start(loop, &input);
	ev_run(loop, 0);
	return EXIT_SUCCESS;
}
