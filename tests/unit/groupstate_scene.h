/* SPDX-License-Identifier: MIT */
/*
 * Connections of several workers that set states and watch them: a hub, a
 * subprotocol that takes such messages and one that does not, and an ear that
 * hears what each connection is sent. The workers run when the test says so.
 */
#ifndef GROUPSTATE_SCENE_H
#define GROUPSTATE_SCENE_H

#include "hub/conn.h"
#include "hub/gathering.h"
#include "hub/groupstate.h"
#include "hub/server.h"
#include "support/check.h"

#define SCENE_WORKERS 4
#define SCENE_CONNS 256
#define SCENE_HEARD 512

/* What one worker encoded last. */
struct scene_talker {
	struct wps_state items[GATHERING_STATES + 1];
	size_t count;
	bool snapshot;
	char group[16];
	char ids[GATHERING_STATES + 1][CONN_ID_SIZE + 1];
	char values[GATHERING_STATES + 1][16]; /* of the first entry */
	unsigned encodes;
};

struct scene {
	struct server server;
	struct hub *hub;
	struct wps_self self;
	struct subprotocol knows, strange; /* subprotocols */
	struct scene_talker talkers[SCENE_WORKERS];
	struct wps_conn *conns[SCENE_CONNS]; /* a reference each */
	unsigned count;

	/* Called on the receiver's worker. */
	void (*ear)(struct scene *scene, struct wps_conn *conn,
	    const struct scene_talker *said);
};

void scene_set_up(struct scene *scene, unsigned workers);

/* Ends what is open; nothing may be left. */
void scene_tear_down(struct scene *scene);

/* Open and in no group, without a user. */
struct wps_conn *scene_open(struct scene *scene, const char *id,
    unsigned worker);

/* Runs one worker's mail, or that of all until there is none. */
void scene_run(struct scene *scene, unsigned worker);
void scene_run_all(struct scene *scene);

/* Sets "v" to the value. */
int scene_set(struct wps_conn *conn, const char *group, const char *value);

#endif
