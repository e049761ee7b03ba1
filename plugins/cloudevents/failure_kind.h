/* SPDX-License-Identifier: MIT */
/* What can fail: name, the label `kind`, and the vendor's name of it. */

/* Of an event: it was not answered, or not as it should. */
#define EVENT_FAILURE(name, kind)                                              \
	FAILURE(name, kind, "HttpHandlerUnexpectedResponse")

/* A status that is no success; a client that was refused is one too. */
EVENT_FAILURE(STATUS, "status")
/* A success with a body that means nothing for this event. */
EVENT_FAILURE(ANSWER, "answer")
/* Headers or body over their limit. */
EVENT_FAILURE(TOO_LARGE, "too_large")
/* No connection, or it broke. */
EVENT_FAILURE(CONNECTION, "connection")
/* The time of the handler was over, wherever the event was. */
EVENT_FAILURE(TIMEOUT, "timeout")
/* The address is link-local or of a metadata service. */
EVENT_FAILURE(ADDRESS, "address")
/* The origin has not answered lately, and was not asked. */
EVENT_FAILURE(DOWN, "down")
/* There was no room in the handler's queue. */
EVENT_FAILURE(QUEUE, "queue")
/* No request can be made of it. */
EVENT_FAILURE(UNSENDABLE, "unsendable")
/* The URL does not agree. */
EVENT_FAILURE(NOT_AGREED, "not_agreed")
/* There is no token for it. */
EVENT_FAILURE(NO_TOKEN, "no_token")
/* The server has ended before. */
EVENT_FAILURE(LOST, "lost")

/* Of a handshake. */
FAILURE(HANDSHAKE_STATUS, "handshake_status",
    "AbuseProtectionResponseInvalidStatusCode")
FAILURE(HANDSHAKE_ORIGIN, "handshake_origin",
    "AbuseProtectionResponseMissingAllowedOrigin")

/* Of the request for a token, for which the vendor has no name. */
FAILURE(TOKEN, "token", "")

#undef EVENT_FAILURE
#undef FAILURE
