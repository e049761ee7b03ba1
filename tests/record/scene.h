/* SPDX-License-Identifier: MIT */
/*
 * A whole server with its plugins, a client on a socket, and an application: all
 * that a record is about. Time of the server stands still, but for what a test
 * lets pass.
 */
#ifndef RECORD_SCENE_H
#define RECORD_SCENE_H

#include "hub/record.h"
#include "hub/server.h"

#define SCENE_TEXT 4096
#define SCENE_ID 24

struct scene {
	struct server *server;
	int app; /* where the application listens */
	unsigned app_port;
	int app_fd; /* the request that it is about to answer */
};

/* `hub` is more for the hub's section, "" for nothing. */
void scene_start(struct scene *scene, const char *hub);
/* As a process that is killed: its application hears nothing that matters. */
void scene_stop(struct scene *scene);
/* Another server, with the same application. */
void scene_start_again(struct scene *scene, const char *hub);

/* Calls fn on the thread of the worker, and waits for it. */
void scene_run(struct scene *scene, void (*fn)(struct worker *worker, void *data),
    void *data);

/* A record of the connection; its bytes are the caller's. */
int scene_write(struct scene *scene, const char *id, struct wps_record *record,
    struct wps_err *err);
/* Reads it back; WPS_OK or what went wrong. */
int scene_read(struct scene *scene, struct wps_span record,
    struct wps_err *err);

/* How many connections the command means. */
unsigned scene_count(struct scene *scene, enum wps_whom whom, const char *name);
void scene_submit(struct scene *scene, struct wps_command command);
void scene_pass(struct scene *scene, uint64_t ms);

/* A client: its socket, and what `connected` has told. */
struct client {
	int fd;
	char id[SCENE_ID + 1];
	char token[128];
};

/* Opens as the subprotocol says; the application admits it with these headers
 * and this body. The first text that it hears is read. */
void client_open(struct scene *scene, struct client *client,
    const char *subprotocol, const char *headers, const char *body);
/* The request to recover: true when it is let in. */
bool client_recover(struct scene *scene, struct client *client,
    const char *subprotocol);
void client_say(const struct client *client, const char *text);
/* The next message, of whatever kind; "close NUMBER" for a close frame; "" at the
 * end. Lives until the next call. */
const char *client_hears(const struct client *client);
/* Closes with 1000, and waits for the answer. */
void client_leave(struct client *client);

/* A transport for one that was read back, as whoever moves it makes one. */
void client_attach(struct scene *scene, struct client *client);

/* The next request of the server to the application, its head and body; lives
 * until the next call. */
const char *app_hears(struct scene *scene);
/* Answers it with 200, these header lines and this body. */
void app_says(struct scene *scene, const char *headers, const char *body);
/* Both. */
const char *app_answer(struct scene *scene, const char *headers,
    const char *body);

#endif
