/* SPDX-License-Identifier: MIT */
/* States of a connection: name, text, where it may go from there. */

/* Its upgrade request is whole; the caller's identity is asked for. Or it is being
 * read from a record. */
CONN_STATE(AUTH, "auth", TO(CONNECT_EVENT) | TO(DETACHED) | TO(GONE))
/* The application decides; without one this state is passed at once. */
CONN_STATE(CONNECT_EVENT, "connect-event", TO(OPEN) | TO(GONE))
/* It is in the tables of its shard; messages go both ways. */
CONN_STATE(OPEN, "open", TO(DETACHED) | TO(CLOSING) | TO(GONE))
/* Its transport is lost; it is in the tables, and waits to be recovered. */
CONN_STATE(DETACHED, "detached", TO(OPEN) | TO(CLOSING) | TO(GONE))
/* It is in no table any more; the close handshake runs. */
CONN_STATE(CLOSING, "closing", TO(GONE))
/* Its transport is gone; only references keep the struct. */
CONN_STATE(GONE, "gone", 0)
#undef CONN_STATE
