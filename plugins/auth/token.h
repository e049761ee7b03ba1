/* SPDX-License-Identifier: MIT */
/*
 * Tokens: JWTs signed with HMAC-SHA256 (RFC 7515, RFC 7519;
 * auth-and-permissions.md, section 3), verified and taken apart.
 *
 * Nothing of a payload is looked at before its signature is verified. A token
 * never changes; it is counted, because the cache may drop one whose identity is
 * being used.
 */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include "audience.h"
#include "keys.h"

#include <wps/auth.h>

struct token {
	unsigned refs;
	enum wps_caller caller; /* whose keys have verified it */
	double exp, nbf;        /* seconds since 1970; without nbf 0 */
	struct wps_identity identity;
	const struct audience *audiences;
	size_t audience_count;
	struct wps_span text; /* the token itself */
	size_t size;          /* of all this in memory */
};

/* What reading needs; a worker has one. */
struct token_reader {
	struct keys keys; /* owned */
	size_t max;       /* the longest token, bytes */
	char *room;       /* owned; max bytes */
};

/*
 * Verifies and reads a token. The texts of reasons are constant and hold nothing
 * of the token. NULL: *reason_out says why it is refused.
 */
struct token *token_read(struct token_reader *reader, enum wps_caller caller,
    struct wps_span text, const char **reason_out);

/* Why it may not be used at this moment; NULL: it may. */
const char *token_untimely(const struct token *token, double now, double skew);

/* False: it has expired and will never be used again. */
bool token_lives(const struct token *token, double now, double skew);

struct token *token_ref(struct token *token);
void token_unref(struct token **token);

#endif
