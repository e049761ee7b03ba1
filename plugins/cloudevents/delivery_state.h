/* SPDX-License-Identifier: MIT */
/* States of a delivery: name, text, where it may go. Every one may be freed. */

/* Behind an earlier event of its connection that nobody waits for either. */
DELIVERY_STATE(WAITING, "waiting", TO(QUEUED) | TO(ENDING))
/* In its lane's queue. */
DELIVERY_STATE(QUEUED, "queued", TO(PLACED) | TO(ENDING))
/* It has a place, and is being begun. */
DELIVERY_STATE(PLACED, "placed",
    TO(AWAITING) | TO(SENDING) | TO(PAUSED) | TO(ENDING))
/* The handshake runs, or a token is fetched. */
DELIVERY_STATE(AWAITING, "awaiting", TO(READY) | TO(ENDING))
/* What it waited for has come; it is begun again in its turn. */
DELIVERY_STATE(READY, "ready", TO(PLACED) | TO(ENDING))
DELIVERY_STATE(SENDING, "sending", TO(PAUSED) | TO(ENDING))
/* Without a place until a repetition. */
DELIVERY_STATE(PAUSED, "paused", TO(QUEUED) | TO(ENDING))
/* It has failed; its client hears so in its turn. */
DELIVERY_STATE(ENDING, "ending", 0)
#undef DELIVERY_STATE
