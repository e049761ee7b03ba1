/* SPDX-License-Identifier: MIT */
/*
 * A stream: one connected socket on one worker's loop.
 *
 * It holds no buffer. Whoever serves it (HTTP first, WebSocket after an
 * upgrade) is its owner, hears that it can be read or written, and may hand it
 * to the next owner. Whether it speaks TLS no owner needs to know.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "util/list.h"

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

struct tls;
struct tls_context;
struct worker;

struct stream_ops {
	void (*readable)(void *owner);
	void (*writable)(void *owner);
};

struct stream {
	ev_io io; /* its data is the worker, borrowed; see stream_worker */
	const struct stream_ops *ops; /* of the owner */
	void *owner;
	struct tls *tls; /* owned; NULL: plain */
	struct list late; /* in the worker's, while it waits for its turn */
};

static inline struct worker *
stream_worker(const struct stream *stream)
{
	return stream->io.data;
}

/* Takes the descriptor, which does not block; `tls` is NULL for a plain stream.
 * Watches nothing yet. */
struct stream *stream_new(struct worker *worker, int fd,
    struct tls_context *tls);
void stream_free(struct stream **stream);

void stream_set_owner(struct stream *stream, const struct stream_ops *ops,
    void *owner);

/* To another worker, on whose thread this is; nothing is watched. */
void stream_move(struct stream *stream, struct worker *to);

void stream_want_read(struct stream *stream, bool on);
bool stream_wants_read(const struct stream *stream);
void stream_want_write(struct stream *stream, bool on);

/* It has waited for this turn: its owner hears what it was ready for. */
void stream_serve_late(struct stream *stream);

/* Bytes; 0 at the end; -1 with errno, EAGAIN when there is nothing now. */
ssize_t stream_read(struct stream *stream, void *dst, size_t len);
ssize_t stream_writev(struct stream *stream, const struct iovec *iov, int n);

/* Bytes that a writev has refused but that are bound to be the next to go. */
size_t stream_committed(const struct stream *stream);

/* Whether the handshake is over; a plain stream has none. */
bool stream_established(const struct stream *stream);

/* No more will be written; the peer hears the end. */
void stream_shutdown(struct stream *stream);

/* It cannot be written any more: what has come is read yet, then its end. */
void stream_break(struct stream *stream);

#endif
