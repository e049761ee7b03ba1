/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include "lib/utf8.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

static bool
has_control(struct wps_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c < 0x20 || c == 0x7f)
			return true;
		/* U+0080 to U+009F */
		if (c == 0xc2 && (unsigned char)text.data[i + 1] < 0xa0)
			return true;
	}
	return false;
}

const char *
key_fault(struct wps_span key)
{
	if (key.len < KEY_MIN)
		return "is shorter than 32 bytes (a file of one is written "
		       "file:PATH)";
	if (key.len > KEY_MAX)
		return "is longer than 256 bytes";
	if (!utf8_valid(key))
		return "is not UTF-8";
	if (memchr(key.data, ';', key.len))
		return "holds a semicolon";
	if (has_control(key))
		return "holds a control character";
	if (key.data[0] == ' ' || key.data[key.len - 1] == ' ')
		return "begins or ends with a blank";
	return NULL;
}

const EVP_MAC_CTX *
keys_own(const struct keys *keys)
{
	if (keys->client == NULL && keys->access_count > 0)
		return keys->access[0];
	return keys->client;
}

EVP_MAC_CTX *
key_new(struct wps_span key)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
		    sizeof(digest) - 1),
		OSSL_PARAM_END,
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(hmac);

	EVP_MAC_free(hmac);
	if (EVP_MAC_init(context, (const unsigned char *)key.data, key.len,
	    params) == 1)
		return context;
	EVP_MAC_CTX_free(context);
	return NULL;
}

bool
keys_copy(struct keys *dst, const struct keys *src)
{
	bool whole = true;

	*dst = (struct keys){ .access_count = src->access_count };
	for (size_t i = 0; i < src->access_count; i++) {
		dst->access[i] = EVP_MAC_CTX_dup(src->access[i]);
		whole = whole && dst->access[i];
	}
	if (src->client) {
		dst->client = EVP_MAC_CTX_dup(src->client);
		whole = whole && dst->client;
	}
	if (!whole)
		keys_fini(dst);
	return whole;
}

void
keys_fini(struct keys *keys)
{
	for (size_t i = 0; i < keys->access_count; i++)
		EVP_MAC_CTX_free(keys->access[i]);
	EVP_MAC_CTX_free(keys->client);
	*keys = (struct keys){ 0 };
}

bool
mac_compute(EVP_MAC_CTX *key, struct wps_span bytes, uint8_t mac_out[MAC_LEN])
{
	size_t len;

	/* Without a key it begins anew with the one that it has. */
	return EVP_MAC_init(key, NULL, 0, NULL) == 1 &&
	    EVP_MAC_update(key, (const unsigned char *)bytes.data,
	    bytes.len) == 1 &&
	    EVP_MAC_final(key, mac_out, &len, MAC_LEN) == 1 && len == MAC_LEN;
}

bool
mac_compute_shared(const EVP_MAC_CTX *key, struct wps_span bytes,
    uint8_t mac_out[MAC_LEN])
{
	EVP_MAC_CTX *own = EVP_MAC_CTX_dup(key);
	bool done = own && mac_compute(own, bytes, mac_out);

	EVP_MAC_CTX_free(own);
	return done;
}

bool
mac_verify(EVP_MAC_CTX *key, struct wps_span bytes, const uint8_t mac[MAC_LEN])
{
	uint8_t expected[MAC_LEN];
	bool same = mac_compute(key, bytes, expected) &&
	    CRYPTO_memcmp(expected, mac, MAC_LEN) == 0;

	/* It would sign what was refused. */
	OPENSSL_cleanse(expected, sizeof(expected));
	return same;
}
