/* SPDX-License-Identifier: MIT */
#include "support/tlspeer.h"

#include "support/check.h"
#include "util/attr.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- certificates --------------------------------------------------------- */

static void
pad(X509 *cert, size_t padding)
{
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	unsigned char *zeros = calloc(1, padding);

	ASN1_OCTET_STRING_set(octets, zeros, (int)padding);
	X509_EXTENSION *extension = X509_EXTENSION_create_by_NID(NULL,
	    NID_netscape_comment, 0, octets);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(octets);
	free(zeros);
}

static X509 *
make_certificate(EVP_PKEY *key, size_t padding)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	if (padding > 0)
		pad(cert, padding);
	wps_assert(X509_sign(cert, key, EVP_sha256()) > 0);
	return cert;
}

static void
write_key(struct tlsfiles *files, EVP_PKEY *key)
{
	BIO *bio = BIO_new_file(files->key, "w");
	BIO *memory = BIO_new(BIO_s_mem());

	wps_assert(bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL,
	    NULL, 0, NULL, NULL) == 1);
	wps_assert(PEM_write_bio_PrivateKey(memory, key, NULL, NULL, 0,
	    NULL, NULL) == 1);
	int len = BIO_read(memory, files->pem, sizeof(files->pem));
	wps_assert(len > 0);
	files->pem_len = (size_t)len;
	BIO_free(bio);
	BIO_free(memory);
}

void
tlsfiles_make(struct tlsfiles *files, size_t padding)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make_certificate(key, padding);

	snprintf(files->dir, sizeof(files->dir), "tlsfiles-XXXXXX");
	wps_assert(mkdtemp(files->dir) != NULL);
	snprintf(files->cert, sizeof(files->cert), "%s/cert.pem", files->dir);
	snprintf(files->key, sizeof(files->key), "%s/key.pem", files->dir);
	BIO *bio = BIO_new_file(files->cert, "w");
	wps_assert(bio != NULL && PEM_write_bio_X509(bio, cert) == 1);
	BIO_free(bio);
	write_key(files, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

const char *
tlsfiles_put(const struct tlsfiles *files, const char *name,
    const char *content)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", files->dir, name);
	FILE *file = fopen(path, "w");
	wps_assert(file != NULL);
	fputs(content, file);
	fclose(file);
	return path;
}

void
tlsfiles_remove(struct tlsfiles *files)
{
	unlink(files->cert);
	unlink(files->key);
	wps_assert(rmdir(files->dir) == 0);
}

/* --- clients -------------------------------------------------------------- */

void
tlspeer_init(struct tlspeer *peer, int fd)
{
	*peer = (struct tlspeer){ .fd = fd };
	peer->ctx = SSL_CTX_new(TLS_client_method());
	/* Old versions need old signatures as well. */
	SSL_CTX_set_security_level(peer->ctx, 0);
	SSL_CTX_set_min_proto_version(peer->ctx, TLS1_VERSION);
	peer->ssl = SSL_new(peer->ctx);
	peer->in = BIO_new(BIO_s_mem());
	peer->out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(peer->in, -1);
	SSL_set_bio(peer->ssl, peer->in, peer->out);
	SSL_set_connect_state(peer->ssl);
}

void
tlspeer_fini(struct tlspeer *peer)
{
	SSL_free(peer->ssl);
	SSL_CTX_free(peer->ctx);
	if (peer->fd >= 0)
		close(peer->fd);
}

size_t
tlspeer_send(struct tlspeer *peer, size_t max)
{
	char *bytes;
	long have = BIO_get_mem_data(peer->out, &bytes);
	size_t len = (size_t)have < max ? (size_t)have : max;

	if (len == 0)
		return 0;
	ssize_t n = send(peer->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n <= 0)
		return 0;
	/* Reading takes away what was sent. */
	char thrown[4096];
	for (size_t left = (size_t)n; left > 0;) {
		int step = BIO_read(peer->out, thrown, left < sizeof(thrown) ?
		    (int)left : (int)sizeof(thrown));
		CU_ASSERT_FATAL(step > 0);
		left -= (size_t)step;
	}
	return (size_t)n;
}

size_t
tlspeer_take(struct tlspeer *peer, size_t max)
{
	char bytes[65536];
	ssize_t n = recv(peer->fd, bytes, max < sizeof(bytes) ? max :
	    sizeof(bytes), MSG_DONTWAIT);

	if (n <= 0) {
		peer->ended |= n == 0 || errno != EAGAIN;
		return 0;
	}
	BIO_write(peer->in, bytes, (int)n);
	return (size_t)n;
}
