/* SPDX-License-Identifier: MIT */
/*
 * TLS sessions: what a stream reads and writes through when its listener has a
 * certificate.
 *
 * The handshake happens inside reading and writing, and either may have to wait
 * for the opposite event of the socket; `read_awaits` and `write_awaits` say for
 * which. A session keeps no byte that has come: after a read, what is still to
 * be read waits in the kernel, which tells of it, or `more` is set. OpenSSL
 * writes without MSG_NOSIGNAL, so the process ignores SIGPIPE.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct ssl_st;
struct tls_context;

struct tls {
	struct ssl_st *ssl; /* owned */
	size_t committed;   /* bytes that the next write begins with again */
	int error;          /* of the session, which is dead then; else 0 */
	unsigned char wanted;       /* by the stream's owner: EV_READ, EV_WRITE */
	unsigned char read_awaits;  /* EV_READ or EV_WRITE, if reading is wanted */
	unsigned char write_awaits; /* the same, if writing is wanted */
	bool more;          /* a read would bring something without any event */
};

/* The server's side, on a connected socket that does not block. */
struct tls *tls_new(struct tls_context *context, int fd);

/* Says close_notify, if the session is sound; the socket is left open. */
void tls_free(struct tls **tls);

/* As stream_read and stream_writev. */
ssize_t tls_read(struct tls *tls, void *dst, size_t len);
ssize_t tls_writev(struct tls *tls, const struct iovec *iov, int n);

/* Says close_notify: no more will be written. */
void tls_shutdown(struct tls *tls);

/* Whether the handshake is over. */
bool tls_established(const struct tls *tls);

#endif
