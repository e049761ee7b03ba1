/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the auth plugin share: tokens made with OpenSSL and text, so
 * that a mistake of the plugin's own writer cannot hide one of its reader, and
 * answers as one line of text.
 */
#ifndef TEST_AUTH_H
#define TEST_AUTH_H

#include "support/fakehost.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KEY1 "first-key-0123456789abcdefghijklmnopqr"
#define KEY2 "second-key-0123456789abcdefghijklmnopq"
#define KEY3 "third-key-0123456789abcdefghijklmnopqr"
#define CLIENT_KEY "client-key-0123456789abcdefghijklmnopq"
#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define HOST "wps.example.net"
#define CHAT "/client/hubs/chat"
#define SEND "/api/hubs/chat/:send"
#define TOKEN_CAP 40000

/* Rows of a configuration. */
#define KEYS { .name = "access_keys", .items = auth_keys }
#define LOCAL_OFF { .name = "local_auth", .number = false }
#define OWN_KEY { .name = "client_token_key", .text = CLIENT_KEY }

struct wps_auth_reply {
	unsigned count;
	char text[4096];      /* "ok user=... roles=... groups=...", or the reason */
	void (*before)(void); /* runs while the identity is borrowed; may be NULL */
};

extern struct fakehost fake;
extern const char *const auth_keys[];
extern const struct fakehost_value three_keys[];

/* Who calls, as text that lives until the next question. */
const char *ask_request(struct wps_auth_request request);
const char *ask(enum wps_caller caller, const char *path, const char *token);
const char *ask_client(const char *token); /* of the hub chat */

/* Tokens live until the next one is made. */
const char *sign_text(const char *key, const char *header, const char *payload);

/* One for an audience and an hour, with more claims, ",\"sub\":..." or "". */
const char *token_for(const char *key, const char *aud, const char *more);
const char *client_token(const char *more); /* of the hub chat, first key */

/* Starts the plugin; `core` may be NULL. Each start needs a stop. */
int try_start(const struct fakehost_value *own, const struct fakehost_value *core);
void start(const struct fakehost_value *own);

/* Checks also that no key and no token is in the log, or in memory that was freed. */
void stop(void);

/* The suites besides that of test_auth.c; exit codes. */
int run_audience_tests(void);
int run_server_tests(void);

#endif
