/* SPDX-License-Identifier: MIT */
#include "page.h"
#include "rest.h"

#include "lib/base64.h"

#define CODE_SIZE 16 /* bytes of the MAC that are kept */
#define KEYS_MAX 16
#define RAW_MAX (CODE_SIZE + CURSOR_MAX)
#define TOKEN_MAX ((RAW_MAX * 8 + 5) / 6)

/* FNV-1a, 64 bits. */
static uint64_t
mix(uint64_t hash, struct wps_span bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		hash = (hash ^ (unsigned char)bytes.data[i]) * 0x100000001b3u;
	return hash;
}

static void
plain_code(struct wps_span bytes, uint8_t code[CODE_SIZE])
{
	uint64_t first = mix(0xcbf29ce484222325u, bytes);
	uint64_t second = mix(first, bytes);

	memcpy(code, &first, sizeof(first));
	memcpy(code + sizeof(first), &second, sizeof(second));
}

/* The code of a cursor by one key; false when there is no such key. */
static bool
code_of(const struct call *call, unsigned key, struct wps_span cursor,
    uint8_t code[CODE_SIZE])
{
	const struct rest *rest = call->worker->rest;
	struct text bound = { .data = NULL };
	uint8_t mac[32];

	text_put(&bound, text_span(&call->page.scope));
	text_put(&bound, cursor);
	bool done = !bound.failed && rest->host->sign(rest->self, key,
	    text_span(&bound), mac) == WPS_OK;
	if (done) {
		memcpy(code, mac, CODE_SIZE);
	} else if (!bound.failed && key == 0) {
		plain_code(text_span(&bound), code);
		done = true;
	}
	text_fini(&bound);
	return done;
}

void
cursor_write(const struct call *call, struct wps_span cursor, struct text *out)
{
	char raw[RAW_MAX], token[TOKEN_MAX + 1];
	uint8_t code[CODE_SIZE];

	if (cursor.len > CURSOR_MAX || !code_of(call, 0, cursor, code)) {
		out->failed = true;
		return;
	}
	memcpy(raw, code, CODE_SIZE);
	memcpy(raw + CODE_SIZE, cursor.data, cursor.len);
	char *end = base64url_encode(token,
	    (struct wps_span){ raw, CODE_SIZE + cursor.len });
	text_put(out, (struct wps_span){ token, (size_t)(end - token) });
}

/* In a time that does not tell where they differ. */
static bool
same_code(const uint8_t *a, const uint8_t *b)
{
	unsigned differs = 0;

	for (size_t i = 0; i < CODE_SIZE; i++)
		differs |= a[i] ^ b[i];
	return differs == 0;
}

struct wps_span
cursor_read(const struct call *call, struct wps_span token, char *dst)
{
	char raw[RAW_MAX + 3];
	uint8_t code[CODE_SIZE];
	size_t len;

	if (token.len > TOKEN_MAX || !base64url_decode(raw, token, &len) ||
	    len < CODE_SIZE)
		return WPS_SPAN_NONE;
	len -= CODE_SIZE;
	memcpy(dst, raw + CODE_SIZE, len);
	struct wps_span cursor = { dst, len };
	for (unsigned key = 0; key < KEYS_MAX; key++) {
		if (!code_of(call, key, cursor, code))
			break;
		if (same_code(code, (const uint8_t *)raw))
			return cursor;
	}
	return WPS_SPAN_NONE;
}
