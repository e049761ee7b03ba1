/* SPDX-License-Identifier: MIT */
#include "net/stream.h"

#include "net/loop.h"
#include "util/alloc.h"
#include "util/attr.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void
on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct stream *stream = watcher->data;

	(void)loop;
	/* Writing first: it can only free memory. It never frees the stream. */
	if (events & EV_WRITE)
		stream->ops->writable(stream->owner);
	if (events & EV_READ)
		stream->ops->readable(stream->owner);
}

struct stream *
stream_new(struct worker *worker, int fd)
{
	struct stream *stream = xcalloc(1, sizeof(*stream));

	stream->worker = worker;
	ev_io_init(&stream->io, on_io, fd, 0);
	stream->io.data = stream;
	return stream;
}

void
stream_free(struct stream **stream)
{
	struct stream *s = *stream;

	if (s == NULL)
		return;
	ev_io_stop(s->worker->loop, &s->io);
	close(s->io.fd);
	free(s);
	*stream = NULL;
}

void
stream_set_owner(struct stream *stream, const struct stream_ops *ops,
    void *owner)
{
	stream->ops = ops;
	stream->owner = owner;
}

void
stream_move(struct stream *stream, struct worker *to)
{
	wps_assert(!ev_is_active(&stream->io));
	stream->worker = to;
	/* That loop may know the number from a socket that was closed this turn. */
	ev_io_set(&stream->io, stream->io.fd, 0);
}

static void
want(struct stream *stream, int event, bool on)
{
	int old = stream->io.events & (EV_READ | EV_WRITE);
	int events = on ? old | event : old & ~event;

	if (events == old)
		return;
	ev_io_stop(stream->worker->loop, &stream->io);
	/* Unlike ev_io_set it costs no system call if it is undone in this turn. */
	ev_io_modify(&stream->io, events);
	if (events)
		ev_io_start(stream->worker->loop, &stream->io);
}

void
stream_want_read(struct stream *stream, bool on)
{
	want(stream, EV_READ, on);
}

bool
stream_wants_read(const struct stream *stream)
{
	return (stream->io.events & EV_READ) != 0;
}

void
stream_want_write(struct stream *stream, bool on)
{
	want(stream, EV_WRITE, on);
}

ssize_t
stream_read(struct stream *stream, void *dst, size_t len)
{
	ssize_t n;

	do {
		n = recv(stream->io.fd, dst, len, 0);
	} while (n < 0 && errno == EINTR);
	return n;
}

ssize_t
stream_writev(struct stream *stream, const struct iovec *iov, int n)
{
	struct msghdr msg = {
		.msg_iov = (struct iovec *)(uintptr_t)iov,
		.msg_iovlen = (size_t)n,
	};
	ssize_t sent;

	do {
		sent = sendmsg(stream->io.fd, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent;
}

void
stream_shutdown(struct stream *stream)
{
	shutdown(stream->io.fd, SHUT_WR);
}
