/* SPDX-License-Identifier: MIT */
#include "jwt.h"

#include "lib/base64.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LIFETIME_S 3600

void
jwt_sign(char *dst, const char *key, const char *audience, const char *claims)
{
	static const char head[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	char body[512];
	int n = snprintf(body, sizeof(body), "{\"aud\":\"%s\",\"exp\":%lld%s}",
	    audience, (long long)time(NULL) + LIFETIME_S, claims);

	if (n < 0 || (size_t)n >= sizeof(body)) {
		fprintf(stderr, "order: claims are too long\n");
		exit(2);
	}
	char *end = base64url_encode(dst,
	    (struct wps_span){ head, sizeof(head) - 1 });
	*end++ = '.';
	end = base64url_encode(end, (struct wps_span){ body, (size_t)n });
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned mac_len = 0;
	HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)dst,
	    (size_t)(end - dst), mac, &mac_len);
	*end++ = '.';
	end = base64url_encode(end,
	    (struct wps_span){ (const char *)mac, mac_len });
	*end = '\0';
}
