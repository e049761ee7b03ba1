/* SPDX-License-Identifier: MIT */
#include "retoken.h"

#include "lib/base64.h"

#include <time.h>

#define END_LEN 8
#define MAC_LEN 32
#define PROOF_LEN (END_LEN + MAC_LEN)

/* What is signed: no other signature of the server begins like this. */
#define PURPOSE "wps reconnection"
#define SIGNED_MAX 2048

static void
put_end(unsigned char dst[END_LEN], uint64_t end_s)
{
	for (int i = END_LEN; i-- > 0; end_s >>= 8)
		dst[i] = (unsigned char)end_s;
}

static uint64_t
get_end(const unsigned char src[END_LEN])
{
	uint64_t end_s = 0;

	for (int i = 0; i < END_LEN; i++)
		end_s = end_s << 8 | src[i];
	return end_s;
}

/* The parts end in a NUL, which none of them has. */
static bool
sign(const struct plugin *plugin, const struct wps_conn_view *conn,
    const unsigned char end[END_LEN], uint8_t mac_out[MAC_LEN])
{
	char text[SIGNED_MAX];
	char *at = text;

	if (sizeof(PURPOSE) + conn->hub.len + conn->id.len + 2 + END_LEN >
	    sizeof(text))
		return false;
	memcpy(at, PURPOSE, sizeof(PURPOSE));
	at += sizeof(PURPOSE);
	memcpy(at, conn->hub.data, conn->hub.len);
	at += conn->hub.len;
	*at++ = '\0';
	memcpy(at, conn->id.data, conn->id.len);
	at += conn->id.len;
	*at++ = '\0';
	memcpy(at, end, END_LEN);
	at += END_LEN;
	return plugin->host->sign(plugin->self, WPS_KEY_OWN,
	    (struct wps_span){ text, (size_t)(at - text) }, mac_out) == WPS_OK;
}

bool
retoken_make(const struct plugin *plugin, const struct wps_conn_view *conn,
    char dst[RETOKEN_LEN])
{
	unsigned char proof[PROOF_LEN];

	put_end(proof, (uint64_t)time(NULL) + plugin->retoken_s);
	if (!sign(plugin, conn, proof, proof + END_LEN))
		return false;
	base64url_encode(dst,
	    (struct wps_span){ (const char *)proof, sizeof(proof) });
	return true;
}

/* As long for a wrong one as for a right one. */
static bool
same(const uint8_t *a, const uint8_t *b)
{
	unsigned differ = 0;

	for (int i = 0; i < MAC_LEN; i++)
		differ |= (unsigned)(a[i] ^ b[i]);
	return differ == 0;
}

bool
retoken_valid(const struct plugin *plugin, const struct wps_conn_view *conn,
    struct wps_span token)
{
	unsigned char proof[RETOKEN_LEN];
	uint8_t mac[MAC_LEN];
	size_t len;

	if (token.len != RETOKEN_LEN ||
	    !base64url_decode((char *)proof, token, &len) || len != PROOF_LEN)
		return false;
	return sign(plugin, conn, proof, mac) && same(mac, proof + END_LEN) &&
	    get_end(proof) > (uint64_t)time(NULL);
}
