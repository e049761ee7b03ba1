/* SPDX-License-Identifier: MIT */
#include "jwt.h"

#include "lib/base64.h"

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#define P256_BYTES 32
#define RSA_BITS_MIN 2048

static int
refuse(struct wps_err *err, const char *reason)
{
	ERR_clear_error();
	snprintf(err->text, sizeof(err->text), "signing_key: %s", reason);
	return WPS_EINVAL;
}

/* --- the key ------------------------------------------------------------------ */

static int
check_kind(struct jwt_key *key, struct wps_err *err)
{
	char group[64] = "";

	key->is_rsa = EVP_PKEY_is_a(key->pkey, "RSA");
	if (key->is_rsa)
		return EVP_PKEY_get_bits(key->pkey) >= RSA_BITS_MIN ? WPS_OK :
		    refuse(err, "an RSA key needs 2048 bits");
	EVP_PKEY_get_utf8_string_param(key->pkey, OSSL_PKEY_PARAM_GROUP_NAME,
	    group, sizeof(group), NULL);
	return strcmp(group, "prime256v1") == 0 ? WPS_OK :
	    refuse(err, "must be an RSA key, or an EC key of P-256");
}

static int
read_key(struct jwt_key *key, struct wps_span pem, struct wps_err *err)
{
	char passphrase[] = ""; /* so that nobody is asked for one */
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);

	if (bio)
		key->pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, passphrase);
	BIO_free(bio);
	return key->pkey ? check_kind(key, err) :
	    refuse(err, "is no private key in PEM without a passphrase "
		    "(a file of one is written file:PATH)");
}

/* The hash of the public key. */
static void
name_key(struct jwt_key *key)
{
	unsigned char *der = NULL, hash[SHA256_DIGEST_LENGTH];
	int len = i2d_PUBKEY(key->pkey, &der);

	if (len <= 0)
		return;
	SHA256(der, (size_t)len, hash);
	OPENSSL_free(der);
	*base64url_encode(key->id, (struct wps_span){ (char *)hash,
	    sizeof(hash) }) = '\0';
}

/* --- documents ------------------------------------------------------------------ */

static void
add_number(const struct jwt_key *key, json_t *jwk, const char *name,
    const char *param, int size)
{
	struct text text = { .data = NULL };
	unsigned char bytes[1024];
	BIGNUM *number = NULL;

	if (EVP_PKEY_get_bn_param(key->pkey, param, &number) != 1)
		return;
	if (size == 0)
		size = BN_num_bytes(number);
	if (size <= (int)sizeof(bytes) &&
	    BN_bn2binpad(number, bytes, size) == size)
		text_add_base64url(&text,
		    (struct wps_span){ (char *)bytes, (size_t)size });
	json_object_set_new(jwk, name, json_stringn(
	    text.data ? text.data : "", text.len));
	BN_free(number);
	text_free(&text);
}

static void
put_document(struct text *out, json_t *document)
{
	char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;

	json_decref(document);
	out->failed |= text == NULL;
	if (text)
		text_add(out, wps_span_str(text));
	free(text);
}

static const char *
algorithm(const struct jwt_key *key)
{
	return key->is_rsa ? "RS256" : "ES256";
}

static void
make_jwks(struct jwt_key *key)
{
	json_t *jwk = json_pack("{s:s, s:s, s:s, s:s}", "kty",
	    key->is_rsa ? "RSA" : "EC", "use", "sig", "alg", algorithm(key),
	    "kid", key->id);

	if (key->is_rsa) {
		add_number(key, jwk, "n", OSSL_PKEY_PARAM_RSA_N, 0);
		add_number(key, jwk, "e", OSSL_PKEY_PARAM_RSA_E, 0);
	} else {
		json_object_set_new(jwk, "crv", json_string("P-256"));
		add_number(key, jwk, "x", OSSL_PKEY_PARAM_EC_PUB_X, P256_BYTES);
		add_number(key, jwk, "y", OSSL_PKEY_PARAM_EC_PUB_Y, P256_BYTES);
	}
	put_document(&key->jwks, json_pack("{s:[o]}", "keys", jwk));
}

static void
make_discovery(struct jwt_key *key)
{
	const struct text *issuer = &key->issuer;
	struct text uri = { .data = NULL };

	text_add(&uri, text_span(issuer));
	text_add(&uri, WPS_SPAN("/.well-known/jwks.json"));
	put_document(&key->discovery, json_pack(
	    "{s:s%, s:s%, s:[s], s:[s], s:[s]}",
	    "issuer", issuer->data, issuer->len, "jwks_uri", uri.data, uri.len,
	    "response_types_supported", "token", "subject_types_supported",
	    "public", "id_token_signing_alg_values_supported", algorithm(key)));
	text_free(&uri);
}

/* A key that can be read may still sign nothing, as one that is too large: that is
 * better known before the first event. */
static int
try_key(const struct jwt_key *key, struct wps_err *err)
{
	struct text token = { .data = NULL };
	int rc = jwt_sign(key, &(struct jwt_claims){
		.audience = WPS_SPAN("trial"), .subject = WPS_SPAN("trial"),
	}, &token);

	text_free(&token);
	return rc == WPS_OK ? WPS_OK : refuse(err, "no token can be signed "
	    "with it; an RSA key has at most 8192 bits");
}

int
jwt_key_init(struct jwt_key *key, struct wps_span pem, struct wps_span issuer,
    struct wps_err *err)
{
	*key = (struct jwt_key){ .pkey = NULL };
	int rc = read_key(key, pem, err);

	if (rc != WPS_OK)
		return rc;
	name_key(key);
	text_add(&key->issuer, issuer);
	make_jwks(key);
	make_discovery(key);
	return key->jwks.failed || key->discovery.failed ?
	    refuse(err, "no document could be made of it") :
	    try_key(key, err);
}

void
jwt_key_fini(struct jwt_key *key)
{
	EVP_PKEY_free(key->pkey);
	text_free(&key->issuer);
	text_free(&key->jwks);
	text_free(&key->discovery);
	*key = (struct jwt_key){ .pkey = NULL };
}

/* --- tokens ---------------------------------------------------------------------- */

static void
add_part(struct text *out, json_t *part)
{
	struct text text = { .data = NULL };

	put_document(&text, part);
	out->failed |= text.failed;
	text_add_base64url(out, text_span(&text));
	text_free(&text);
}

/* JOSE wants r and s side by side, not as ASN.1. */
static bool
flatten(unsigned char *signature, size_t *len)
{
	const unsigned char *at = signature;
	ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &at, (long)*len);
	bool good = parts &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, P256_BYTES) > 0 &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + P256_BYTES,
	    P256_BYTES) > 0;

	ECDSA_SIG_free(parts);
	*len = (size_t)2 * P256_BYTES;
	return good;
}

static bool
add_signature(const struct jwt_key *key, struct text *out, size_t start)
{
	unsigned char signature[1024];
	size_t len = sizeof(signature);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && EVP_DigestSignInit(context, NULL, EVP_sha256(),
	    NULL, key->pkey) == 1 &&
	    EVP_DigestSign(context, signature, &len,
	    (const unsigned char *)out->data + start, out->len - start) == 1;

	EVP_MD_CTX_free(context);
	if (good && !key->is_rsa)
		good = flatten(signature, &len);
	if (good) {
		text_add_char(out, '.');
		text_add_base64url(out,
		    (struct wps_span){ (char *)signature, len });
	}
	explicit_bzero(signature, sizeof(signature));
	return good && !out->failed;
}

int
jwt_sign(const struct jwt_key *key, const struct jwt_claims *claims,
    struct text *out)
{
	size_t start = out->len;

	add_part(out, json_pack("{s:s, s:s, s:s}", "alg", algorithm(key),
	    "typ", "JWT", "kid", key->id));
	text_add_char(out, '.');
	add_part(out, json_pack("{s:s%, s:s%, s:s%, s:I, s:I, s:I}",
	    "iss", key->issuer.data, key->issuer.len,
	    "aud", claims->audience.data, claims->audience.len,
	    "sub", claims->subject.data, claims->subject.len,
	    "iat", (json_int_t)claims->now_s, "nbf", (json_int_t)claims->now_s,
	    "exp", (json_int_t)(claims->now_s + JWT_LIFETIME_S)));
	if (out->failed || !add_signature(key, out, start)) {
		ERR_clear_error();
		return WPS_ESYS;
	}
	return WPS_OK;
}
