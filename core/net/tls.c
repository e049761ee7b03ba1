/* SPDX-License-Identifier: MIT */
#include "net/tls.h"

#include "net/tlsctx.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/log.h"

#include <errno.h>
#include <ev.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_MAX SSL3_RT_MAX_PLAIN_LENGTH /* bytes of one record */

/* --- life ----------------------------------------------------------------- */

struct tls *
tls_new(struct tls_context *context, int fd)
{
	struct tls *tls = xcalloc(1, sizeof(*tls));

	tls->ssl = tls_context_session(context, fd);
	tls->read_awaits = EV_READ;
	tls->write_awaits = EV_WRITE;
	return tls;
}

void
tls_free(struct tls **tls)
{
	struct tls *t = *tls;

	if (t == NULL)
		return;
	tls_shutdown(t);
	SSL_free(t->ssl);
	free(t);
	*tls = NULL;
}

bool
tls_established(const struct tls *tls)
{
	return SSL_is_init_finished(tls->ssl);
}

void
tls_shutdown(struct tls *tls)
{
	if (tls->error != 0 || !tls_established(tls) ||
	    SSL_get_shutdown(tls->ssl) & SSL_SENT_SHUTDOWN)
		return;
	/* The peer that takes no byte any more does not miss it. */
	ERR_clear_error();
	(void)SSL_shutdown(tls->ssl);
}

/* --- errors --------------------------------------------------------------- */

/* The errno of what OpenSSL says. */
static int
explain(void)
{
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code);

	/* Peers that leave without close_notify are many. */
	if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return ECONNRESET;
	log_debug("core", "tls failed reason=\"%s\"", reason ? reason : "none");
	return EPROTO;
}

/* Ends the session; no socket's errno is one that means "later". */
static int
die(struct tls *tls, int error)
{
	tls->error = error == 0 || error == EAGAIN ? ECONNRESET : error;
	return tls->error;
}

/* What a call that brought nothing means, as an errno; 0: the peer has ended. */
static int
judge(struct tls *tls, int rc, unsigned char *awaits)
{
	int error = errno;

	switch (SSL_get_error(tls->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		*awaits = EV_READ;
		return EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		*awaits = EV_WRITE;
		return EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return die(tls, error);
	default:
		return die(tls, explain());
	}
}

/* OpenSSL judges by its queue of errors, which is the thread's. */
static void
clear_errors(void)
{
	ERR_clear_error();
	errno = 0;
}

/* --- reading -------------------------------------------------------------- */

/*
 * The first call takes what the kernel has, up to a buffer of OpenSSL's; the
 * further ones only what is in there, and the rest of a record that is not
 * whole. So one system call brings a message, and in the end nothing is kept.
 */
static size_t
read_records(struct tls *tls, char *dst, size_t len, int *error_out)
{
	size_t got = 0;

	SSL_set_read_ahead(tls->ssl, 1);
	do {
		size_t n;
		clear_errors();
		int rc = SSL_read_ex(tls->ssl, dst + got, len - got, &n);
		if (rc != 1) {
			*error_out = judge(tls, rc, &tls->read_awaits);
			return got;
		}
		got += n;
		SSL_set_read_ahead(tls->ssl, 0);
	} while (got < len && SSL_has_pending(tls->ssl));
	*error_out = EAGAIN;
	tls->more = SSL_has_pending(tls->ssl);
	return got;
}

ssize_t
tls_read(struct tls *tls, void *dst, size_t len)
{
	int error = tls->error;
	size_t got = 0;

	tls->more = false;
	tls->read_awaits = EV_READ;
	if (error == 0)
		got = read_records(tls, dst, len, &error);
	if (got > 0) {
		/* The end that came with the last bytes is told by the next. */
		tls->more |= error != EAGAIN;
		return (ssize_t)got;
	}
	errno = error;
	return error == 0 ? 0 : -1;
}

/* --- writing -------------------------------------------------------------- */

/* The beginning of the pieces as one, in `room` unless the first has it all. */
static const char *
join(const struct iovec *iov, int n, char *room, size_t cap, size_t *len_out)
{
	size_t len = 0;

	if (n == 1 || iov[0].iov_len >= cap) {
		*len_out = iov[0].iov_len < cap ? iov[0].iov_len : cap;
		return iov[0].iov_base;
	}
	for (int i = 0; i < n && len < cap; i++) {
		size_t some = iov[i].iov_len < cap - len ? iov[i].iov_len :
		    cap - len;
		memcpy(room + len, iov[i].iov_base, some);
		len += some;
	}
	*len_out = len;
	return room;
}

/*
 * What was once given to OpenSSL and did not go out is a record already: it has
 * to be given again, with the same length.
 */
ssize_t
tls_writev(struct tls *tls, const struct iovec *iov, int n)
{
	char room[RECORD_MAX];
	size_t cap = tls->committed ? tls->committed : sizeof(room);
	size_t len, sent;

	tls->write_awaits = EV_WRITE;
	if (tls->error != 0) {
		errno = tls->error;
		return -1;
	}
	const char *data = join(iov, n, room, cap, &len);
	wps_assert(tls->committed == 0 || len == tls->committed);
	if (len == 0)
		return 0;
	clear_errors();
	int rc = SSL_write_ex(tls->ssl, data, len, &sent);
	if (rc == 1) {
		tls->committed = 0;
		return (ssize_t)sent;
	}
	int error = judge(tls, rc, &tls->write_awaits);
	tls->committed = error == EAGAIN ? len : 0;
	errno = error == 0 ? EPIPE : error;
	return -1;
}
