/* SPDX-License-Identifier: MIT */
/*
 * TLS contexts: certificate, key and rules of a listener, for all its sessions.
 *
 * TLS 1.2 and newer, forward secret and authenticated ciphers only, HTTP/1.1 by
 * ALPN, no compression, no renegotiation. Sessions are resumed by tickets, so
 * the server remembers none. Workers share a context, which does not change
 * once it has its key.
 */
#ifndef NET_TLSCTX_H
#define NET_TLSCTX_H

#include <wps/abi.h>

struct ssl_st;
struct tls_context;

/* The oldest version that is spoken. */
enum tls_version {
	TLS_1_2 = 1,
	TLS_1_3,
};

struct tls_context *tls_context_new(enum tls_version oldest);

/* The certificate and behind it those that lead to its root, in PEM; first. */
int tls_context_certificate(struct tls_context *context, const char *path,
    struct wps_err *err);

/* The key of that certificate, in PEM, without a passphrase. */
int tls_context_key(struct tls_context *context, struct wps_span pem,
    struct wps_err *err);

/* Sessions may outlive it. */
void tls_context_free(struct tls_context **context);

/* The server's side of a new session on a socket; the caller's. */
struct ssl_st *tls_context_session(struct tls_context *context, int fd);

#endif
