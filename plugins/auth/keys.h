/* SPDX-License-Identifier: MIT */
/*
 * Keys: the access keys and the key of the client tokens that the server makes.
 *
 * A key lives only inside an OpenSSL context, which is keyed once. Nobody
 * computes with the contexts of the plugin's state: each worker has copies of
 * its own, and calls from other threads make one.
 */
#ifndef AUTH_KEYS_H
#define AUTH_KEYS_H

#include <wps/span.h>

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#define KEYS_MAX 8     /* access keys, for rollovers */
#define KEYS_SIGNING 2 /* of them sign, the others only verify */
#define KEY_MIN 32     /* bytes */
#define KEY_MAX 256
#define MAC_LEN 32

struct keys {
	EVP_MAC_CTX *access[KEYS_MAX]; /* owned; the primary one first */
	size_t access_count;
	EVP_MAC_CTX *client; /* owned; for client tokens alone; NULL: none */
};

/* The one for what the server issues: its own, else the primary access key;
 * NULL: there is none. */
const EVP_MAC_CTX *keys_own(const struct keys *keys);

/* What is wrong with a key (auth-and-permissions.md, section 2); NULL: nothing. */
const char *key_fault(struct wps_span key);

/* A keyed context; NULL when OpenSSL has no memory for it. */
EVP_MAC_CTX *key_new(struct wps_span key);

/* Copies all contexts; false, with nothing in dst, when memory is short. */
bool keys_copy(struct keys *dst, const struct keys *src);

void keys_fini(struct keys *keys);

/* The MAC of bytes; the context is ready for the next one afterwards. */
bool mac_compute(EVP_MAC_CTX *key, struct wps_span bytes,
    uint8_t mac_out[MAC_LEN]);

/* The same with a copy of the context: any thread. */
bool mac_compute_shared(const EVP_MAC_CTX *key, struct wps_span bytes,
    uint8_t mac_out[MAC_LEN]);

/* Whether `mac` is that of bytes; takes as long for a wrong one as for a right one. */
bool mac_verify(EVP_MAC_CTX *key, struct wps_span bytes,
    const uint8_t mac[MAC_LEN]);

#endif
