/* SPDX-License-Identifier: MIT */
/*
 * What the files that write and read records share; nobody else includes it.
 */
#ifndef HUB_RECORD_IMPL_H
#define HUB_RECORD_IMPL_H

#include "hub/groupstate.h"
#include "hub/record.h"

void record_number(struct wps_record *record, uint64_t value);
void record_bytes(struct wps_record *record, struct wps_span bytes);

/* The section RECORD_STATES: the last change, and for each group what is there. */
int record_put_states(struct wps_conn *conn, struct wps_record *record,
    struct wps_err *err);

/* What stands in such a section; to be freed in any case. */
struct record_states {
	struct groupstate_entry *entries; /* owned; the groups are slices */
	size_t count, cap;
	uint64_t updated_ms;
};

/* `groups` is the section of groups, which is valid; `whose` has id and user.
 * Returns WPS_OK, WPS_EPROTO, WPS_ENOMEM. */
int record_read_states(struct record_states *states, struct wps_span section,
    struct wps_span groups, const struct wps_state *whose);

/* The connection has entered and is in its groups. */
void record_enter_states(struct record_states *states, struct wps_conn *conn);

void record_states_fini(struct record_states *states);

#endif
