/* SPDX-License-Identifier: MIT */
/*
 * What an application's answer means (upstream-events.md, sections 5.1, 6, 8).
 *
 * Reading never changes anything: the caller applies the state and passes the
 * answer on. Nothing of a failing answer is passed on, but for the status of a
 * refused connect and the body of a 4xx.
 */
#ifndef CLOUDEVENTS_ANSWER_H
#define CLOUDEVENTS_ANSWER_H

#include "transport.h"

/* The answer to connect is read in one turn of the loop. */
#define ANSWER_CONNECT_MAX (1024 * 1024)

struct answer {
	struct wps_answer out; /* borrows from the transfer and from below */
	bool has_state;
	struct wps_span state; /* replaces the connection's; empty: clears it */
	bool several_states;   /* of which this is the last */
	const char *problem;   /* why it failed; a constant text */
	bool nameless;         /* the client is */

	char *texts;             /* owned; those of a connect, one after the other */
	size_t texts_len;
	struct wps_span *roles;  /* owned */
	struct wps_span *groups; /* owned */
	struct wps_pair *metadata; /* owned */
	struct text keys;        /* of the metadata, in lower case */
};

/*
 * Fills `out.result`, whatever came. To be freed in any case. A client that is
 * `nameless` gets payloads as frames: for it JSON need be no more than text.
 */
void answer_read(struct answer *answer, enum wps_event_kind kind,
    bool nameless, const struct transfer_answer *from);
void answer_free(struct answer *answer);

#endif
