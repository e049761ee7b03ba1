/* SPDX-License-Identifier: MIT */
/*
 * Tokens that this server signs, so that an application knows its events, and
 * what the application needs to verify them: a JWKS, and a discovery document as
 * OpenID Connect has it.
 */
#ifndef CLOUDEVENTS_JWT_H
#define CLOUDEVENTS_JWT_H

#include "text.h"

#include <openssl/evp.h>
#include <stdint.h>

#define JWT_LIFETIME_S 3600

struct jwt_key {
	EVP_PKEY *pkey;      /* owned; RSA or P-256; NULL: there is none */
	bool is_rsa;
	char id[64];         /* kid */
	struct text issuer;  /* the public URL */
	struct text jwks;    /* documents, as JSON text */
	struct text discovery;
};

struct jwt_claims {
	struct wps_span audience, subject;
	uint64_t now_s;
};

/*
 * Reads a private key in PEM. Returns WPS_OK, or WPS_EINVAL with the reason in
 * err. To be freed in any case.
 */
int jwt_key_init(struct jwt_key *key, struct wps_span pem,
    struct wps_span issuer, struct wps_err *err);
void jwt_key_fini(struct jwt_key *key);

/* Adds a token. WPS_OK, or WPS_ESYS. */
int jwt_sign(const struct jwt_key *key, const struct jwt_claims *claims,
    struct text *out);

#endif
