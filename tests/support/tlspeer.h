/* SPDX-License-Identifier: MIT */
/*
 * The other end of a TLS session: a client of OpenSSL's that holds no socket, so
 * that a test moves its bytes as it likes, and certificates made on the spot.
 */
#ifndef SUPPORT_TLSPEER_H
#define SUPPORT_TLSPEER_H

#include <openssl/ssl.h>

#include <stdbool.h>
#include <stddef.h>

/* A folder with a certificate and its key, "cert.pem" and "key.pem". */
struct tlsfiles {
	char dir[64];
	char cert[96], key[96];
	char pem[2048]; /* the key */
	size_t pem_len;
};

/* `padding` bytes make the certificate as large as a test needs it. */
void tlsfiles_make(struct tlsfiles *files, size_t padding);
void tlsfiles_remove(struct tlsfiles *files);

/* The path of one more file there, with this content; static. */
const char *tlsfiles_put(const struct tlsfiles *files, const char *name,
    const char *content);

struct tlspeer {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out; /* of ssl */
	int fd;        /* the client's end; owned */
	bool ended;    /* the socket has */
};

/* Takes the descriptor. What is special about a client is set before it says
 * anything. */
void tlspeer_init(struct tlspeer *peer, int fd);
void tlspeer_fini(struct tlspeer *peer);

/* Sends up to `max` of the bytes that the client has made; returns how many. */
size_t tlspeer_send(struct tlspeer *peer, size_t max);

/* Takes up to `max` bytes from the socket; returns how many. */
size_t tlspeer_take(struct tlspeer *peer, size_t max);

#endif
