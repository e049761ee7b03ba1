/* SPDX-License-Identifier: MIT */
#include "net/tlsctx.h"

#include "util/alloc.h"
#include "util/attr.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tls_context {
	SSL_CTX *ssl; /* counted; each session holds it too */
};

/* Of TLS 1.2; those of 1.3 are all good. */
static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

/* As ALPN has it (RFC 7301, section 3.1): a length, then the name. */
static const unsigned char protocols[] = "\x08http/1.1";

static int ATTR_PRINTF(2, 3)
fail(struct wps_err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return WPS_EINVAL;
}

/* What OpenSSL says of its first failure; further ones only pass it on. */
static const char *
reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_error());

	return text ? text : "OpenSSL gives no reason";
}

/* --- certificates and keys ------------------------------------------------ */

/* In place of OpenSSL's own, which asks at the terminal. */
static int
refuse_passphrase(char *dst, int cap, int writing, void *data)
{
	bool *asked = data;

	(void)dst;
	(void)cap;
	(void)writing;
	if (asked)
		*asked = true;
	return -1;
}

int
tls_context_certificate(struct tls_context *context, const char *path,
    struct wps_err *err)
{
	struct stat st;

	if (stat(path, &st) != 0 || access(path, R_OK) != 0)
		return fail(err, "%.300s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(err, "%.300s: is not a regular file", path);
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(context->ssl, path) == 1)
		return WPS_OK;
	return fail(err, "%.300s: is not taken as certificates in PEM: %s", path,
	    reason());
}

static EVP_PKEY *
read_key(struct wps_span pem, struct wps_err *err)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	bool asked = false;

	wps_assert(bio != NULL);
	EVP_PKEY *key =
	    PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &asked);
	BIO_free(bio);
	if (key == NULL && asked)
		(void)fail(err, "is encrypted; keys are taken without a "
		    "passphrase");
	else if (key == NULL)
		(void)fail(err, "is no private key in PEM (a file of one is "
		    "written file:PATH)");
	return key;
}

int
tls_context_key(struct tls_context *context, struct wps_span pem,
    struct wps_err *err)
{
	EVP_PKEY *key = read_key(pem, err);

	if (key == NULL)
		return WPS_EINVAL;
	bool good = SSL_CTX_use_PrivateKey(context->ssl, key) == 1 &&
	    SSL_CTX_check_private_key(context->ssl) == 1;
	EVP_PKEY_free(key);
	return good ? WPS_OK :
	    fail(err, "does not belong to the certificate");
}

/* --- life ----------------------------------------------------------------- */

/* A client that offers other protocols only is refused (RFC 7301, section 3.2). */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *len_out,
    const unsigned char *offered, unsigned len, void *data)
{
	unsigned char *chosen;

	(void)ssl;
	(void)data;
	if (SSL_select_next_proto(&chosen, len_out, protocols,
	    sizeof(protocols) - 1, offered, len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static void
set_rules(SSL_CTX *ssl, enum tls_version oldest)
{
	SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION |
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
	    SSL_OP_PRIORITIZE_CHACHA);
	/* A queue that has grown, or moved, goes on where it was; an idle
	 * session has no buffers. */
	SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
	SSL_CTX_set_default_passwd_cb(ssl, refuse_passphrase);
	wps_assert(SSL_CTX_set_min_proto_version(ssl,
	    oldest == TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1);
	wps_assert(SSL_CTX_set_cipher_list(ssl, ciphers) == 1);
}

struct tls_context *
tls_context_new(enum tls_version oldest)
{
	struct tls_context *context = xcalloc(1, sizeof(*context));

	context->ssl = SSL_CTX_new(TLS_server_method());
	wps_assert(context->ssl != NULL);
	set_rules(context->ssl, oldest);
	return context;
}

void
tls_context_free(struct tls_context **context)
{
	struct tls_context *c = *context;

	if (c == NULL)
		return;
	SSL_CTX_free(c->ssl);
	free(c);
	*context = NULL;
}

SSL *
tls_context_session(struct tls_context *context, int fd)
{
	SSL *ssl = SSL_new(context->ssl);

	wps_assert(ssl != NULL && SSL_set_fd(ssl, fd) == 1);
	SSL_set_accept_state(ssl);
	return ssl;
}
