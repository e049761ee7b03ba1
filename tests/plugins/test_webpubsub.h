/* SPDX-License-Identifier: MIT */
/*
 * What the files of the webpubsub plugin's test share: a fake host per test, a
 * client, and tables of what is said and heard.
 */
#ifndef TEST_WEBPUBSUB_H
#define TEST_WEBPUBSUB_H

#include "support/fakeconn.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define JSON "json.webpubsub.azure.v1"
#define ACK(id) "{\"type\":\"ack\",\"ackId\":" #id ",\"success\":true}\n"
#define NACK(id, name, text)                                                   \
	"{\"type\":\"ack\",\"ackId\":" #id ",\"success\":false,"               \
	"\"error\":{\"name\":\"" name "\",\"message\":\"" text "\"}}\n"
#define INTERNAL(id) NACK(id, "InternalServerError", "Internal server error")
#define DISCONNECTED(text)                                                     \
	"{\"type\":\"system\",\"event\":\"disconnected\",\"message\":\"" text "\"}\n"
#define INVALID DISCONNECTED("Invalid message") "close 1007 Invalid message\n"

/* What a client says, what it hears then, and what the server is asked. */
struct row {
	const char *says, *hears, *log;
};

extern struct fakeconn_host host;

/* Starts the host anew with another value of an option of the plugin. */
void restart_with(const char *option, int64_t value);

/* A JSON client of user ann that may do everything, behind its first message. */
struct wps_conn *open_client(void);

void talk(struct wps_conn *conn, const struct row *rows, size_t count);
#define TALK(conn, rows) talk((conn), (rows), COUNT(rows))

/* The suites besides those of test_webpubsub.c. */
extern CU_TestInfo webpubsub_json_tests[], webpubsub_simple_tests[],
    webpubsub_parts_tests[], webpubsub_reliable_tests[],
    webpubsub_invoke_tests[], webpubsub_protobuf_tests[],
    webpubsub_streams_tests[], webpubsub_states_tests[];

#endif
