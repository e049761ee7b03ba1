/* SPDX-License-Identifier: MIT */
/*
 * Records: a connection as bytes, so that it can be read back in another worker,
 * process or version.
 *
 *   record   "wpsC" major minor length section...
 *   section  tag length bytes
 *
 * Numbers and lengths are as lib/pack.h writes them. Sections stand in the order
 * of their tags, each once at most; one of an odd tag may be passed over by who
 * does not know it. A newer minor version adds sections, another major version is
 * another form. What has no order of its own is sorted, so a connection has one
 * record.
 *
 * There is in it what the connection is: identity, permissions, groups, messages
 * without acknowledgement, the state of its subprotocol, what upstreams keep with
 * it. Its transport is not, with all that it has read and not yet given on.
 */
#ifndef HUB_RECORD_H
#define HUB_RECORD_H

#include <wps/abi.h>

struct worker;
struct wps_conn;

#define RECORD_MAGIC "wpsC"
#define RECORD_MAJOR 1
#define RECORD_MINOR 0

enum record_tag {
	RECORD_IDENTITY = 2,
	RECORD_PERMISSIONS = 4,
	RECORD_GROUPS = 6,
	RECORD_REPLAY = 8,       /* of a reliable subprotocol */
	RECORD_SUBPROTOCOL = 10, /* what the subprotocol has put */
	RECORD_SLOTS = 12,       /* what upstreams have put */
	RECORD_STATES = 14,      /* what it says and hears of members of groups */
	RECORD_TAGS,
};

/* Growing bytes; zeroed: none yet. */
struct wps_record {
	char *data; /* owned */
	size_t len, cap;
	bool failed; /* memory was not to be had: what it holds is of no use */
};

void record_put(struct wps_record *record, struct wps_span bytes);
void record_fini(struct wps_record *record); /* twice is harmless */

/*
 * Writes a connection down, with all that others have sent to it before;
 * otherwise it stays as it is. The record must be empty. Returns WPS_OK;
 * WPS_PENDING: something is on its way that no record can hold (an event, an
 * invocation, a message that waits), ask again later; WPS_DECLINED: it is not
 * open, or a plugin cannot write its part down, err says which; WPS_ENOMEM.
 */
int record_write(struct wps_conn *conn, struct wps_record *record,
    struct wps_err *err);

/*
 * Reads a connection back, on the worker that its id names: see conn_revive. The
 * application hears nothing of it. All of it is judged as if a stranger had
 * written it. Returns WPS_OK and the connection, borrowed; WPS_EPROTO: the record
 * is not valid, or does not fit this server, err says why; WPS_DUPLICATE: the
 * connection is here; WPS_FULL: there are too many hubs; WPS_DECLINED: the server
 * is stopping; WPS_ENOMEM. After all but WPS_OK nothing of it is left, but a hub
 * that may be new.
 */
int record_read(struct worker *worker, struct wps_span bytes,
    struct wps_conn **conn_out, struct wps_err *err);

#endif
