/* SPDX-License-Identifier: MIT */
#include "net/stream.h"

#include "net/loop.h"
#include "net/tls.h"
#include "util/alloc.h"
#include "util/attr.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- watching ------------------------------------------------------------- */

/* Under TLS reading may wait until the socket can be written, and so on. */
static void
on_tls_io(struct stream *stream, int events)
{
	const struct tls *tls = stream->tls;

	if (tls->wanted & EV_WRITE && events & tls->write_awaits)
		stream->ops->writable(stream->owner);
	if (tls->wanted & EV_READ && events & tls->read_awaits)
		stream->ops->readable(stream->owner);
}

static void
serve(struct stream *stream, int events)
{
	if (stream->tls) {
		on_tls_io(stream, events);
		return;
	}
	/* Writing first: it can only free memory. It never frees the stream. */
	if (events & EV_WRITE)
		stream->ops->writable(stream->owner);
	if (events & EV_READ)
		stream->ops->readable(stream->owner);
}

/* Until then the kernel tells of it again and again, which costs little. */
static void
wait_for_turn(struct stream *stream)
{
	if (list_empty(&stream->late))
		list_add(&stream_worker(stream)->late, &stream->late);
}

static void
on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct stream *stream = container_of(watcher, struct stream, io);
	struct worker *worker = watcher->data;

	(void)loop;
	if (list_empty(&worker->late) && worker_serves(worker))
		serve(stream, events);
	else
		wait_for_turn(stream);
}

void
stream_serve_late(struct stream *stream)
{
	/* The kernel may have told of it once more in this turn. What it was ready
	 * for is not kept: trying all that is wanted does no harm. */
	ev_clear_pending(stream_worker(stream)->loop, &stream->io);
	serve(stream, stream->io.events & (EV_READ | EV_WRITE));
}

static void
watch(struct stream *stream, int events)
{
	if (events == (stream->io.events & (EV_READ | EV_WRITE)))
		return;
	/* Another worker may have it next. */
	if (events == 0)
		list_remove(&stream->late);
	ev_io_stop(stream_worker(stream)->loop, &stream->io);
	/* Unlike ev_io_set it costs no system call if it is undone in this turn. */
	ev_io_modify(&stream->io, events);
	if (events)
		ev_io_start(stream_worker(stream)->loop, &stream->io);
}

/* After each change of what the owner wants or the session awaits. */
static void
watch_tls(struct stream *stream)
{
	const struct tls *tls = stream->tls;

	watch(stream, (tls->wanted & EV_READ ? tls->read_awaits : 0) |
	    (tls->wanted & EV_WRITE ? tls->write_awaits : 0));
	if (!tls->more || !(tls->wanted & EV_READ))
		return;
	/* The event may run behind the end of this turn: there is a next one. */
	ev_feed_event(stream_worker(stream)->loop, &stream->io, EV_READ);
	ev_async_send(stream_worker(stream)->loop, &stream_worker(stream)->wake);
}

static int
wanted(const struct stream *stream)
{
	return stream->tls ? stream->tls->wanted :
	    stream->io.events & (EV_READ | EV_WRITE);
}

static void
want(struct stream *stream, int event, bool on)
{
	int old = wanted(stream);
	int events = on ? old | event : old & ~event;

	if (events == old)
		return;
	if (stream->tls == NULL) {
		watch(stream, events);
		return;
	}
	stream->tls->wanted = (unsigned char)events;
	watch_tls(stream);
}

void
stream_want_read(struct stream *stream, bool on)
{
	want(stream, EV_READ, on);
}

bool
stream_wants_read(const struct stream *stream)
{
	return (wanted(stream) & EV_READ) != 0;
}

void
stream_want_write(struct stream *stream, bool on)
{
	want(stream, EV_WRITE, on);
}

/* --- reading and writing -------------------------------------------------- */

ssize_t
stream_read(struct stream *stream, void *dst, size_t len)
{
	ssize_t n;

	if (stream->tls) {
		n = tls_read(stream->tls, dst, len);
		watch_tls(stream);
		return n;
	}
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

	if (stream->tls) {
		sent = tls_writev(stream->tls, iov, n);
		watch_tls(stream);
		return sent;
	}
	do {
		sent = sendmsg(stream->io.fd, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent;
}

size_t
stream_committed(const struct stream *stream)
{
	return stream->tls ? stream->tls->committed : 0;
}

bool
stream_established(const struct stream *stream)
{
	return stream->tls == NULL || tls_established(stream->tls);
}

void
stream_shutdown(struct stream *stream)
{
	if (stream->tls)
		tls_shutdown(stream->tls);
	shutdown(stream->io.fd, SHUT_WR);
}

void
stream_break(struct stream *stream)
{
	shutdown(stream->io.fd, SHUT_RDWR);
}

/* --- life ----------------------------------------------------------------- */

struct stream *
stream_new(struct worker *worker, int fd, struct tls_context *tls)
{
	struct stream *stream = xcalloc(1, sizeof(*stream));

	ev_io_init(&stream->io, on_io, fd, 0);
	stream->io.data = worker;
	list_init(&stream->late);
	if (tls)
		stream->tls = tls_new(tls, fd);
	return stream;
}

void
stream_free(struct stream **stream)
{
	struct stream *s = *stream;

	if (s == NULL)
		return;
	ev_io_stop(stream_worker(s)->loop, &s->io);
	list_remove(&s->late);
	tls_free(&s->tls);
	/* A loop that had it before still polls it, since libev leaves the removal to
	 * the kernel. Closed just then, the socket would live on until that loop
	 * wakes, and the peer would hear nothing of the end. */
	shutdown(s->io.fd, SHUT_RDWR);
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
	stream->io.data = to;
	/* That loop may know the number from a socket that was closed this turn. */
	ev_io_set(&stream->io, stream->io.fd, 0);
}
