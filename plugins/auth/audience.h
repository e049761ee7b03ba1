/* SPDX-License-Identifier: MIT */
/*
 * Audiences: which URL a token is for (auth-and-permissions.md, section 3.3).
 *
 * The same key signs tokens of clients and of servers, for all hubs: the
 * audience alone tells them apart. So both sides are brought to one form, and
 * then they must be equal; there is no matching of prefixes.
 *
 *	scheme	http, https, ws, wss are all the same: TLS may end in a proxy
 *	host	without the default ports, without case
 *	path	without query, fragment and one slash at the end, percent-decoded
 *		once; without case up to the end of the hub, from there on with
 */
#ifndef AUTH_AUDIENCE_H
#define AUTH_AUDIENCE_H

#include <wps/auth.h>

struct audience {
	struct wps_span host; /* absent: the text is no URL, it matches nothing */
	struct wps_span path; /* decoded */
};

/* Whose audiences are ours. */
struct endpoints {
	struct audience *items; /* owned, with its texts; path is a base path */
	size_t count;           /* 0: the request's Host header is used */
	bool any_host;          /* hosts are not compared */
	struct wps_span base;   /* borrowed; the server's own base path, which may
				   stand where an endpoint has none */
};

/* Room that audience_parse needs for a text of so many bytes. */
static inline size_t
audience_room(size_t len)
{
	return len + 1;
}

/*
 * Parses the audience of a token in place: `text` is a copy that may be
 * changed, with audience_room. The forms ".../client?hub=h" become
 * ".../client/hubs/h" when the caller is a client.
 */
struct audience audience_parse(char *text, size_t len, enum wps_caller caller);

/* One more of the server's endpoints: a URL, or host[:port]. Returns WPS_OK,
 * WPS_EINVAL when it is neither, or WPS_ENOMEM. */
int endpoints_add(struct endpoints *endpoints, struct wps_span text);
void endpoints_fini(struct endpoints *endpoints);

/*
 * Brings the path of a request to the same form, into room for path.len bytes;
 * absent when it is not validly encoded.
 */
struct wps_span path_parse(char *dst, struct wps_span path);

/* The one that a refused audience may have meant: that of its host, else the main
 * one; NULL when there are none. */
const struct audience *endpoints_meant(const struct endpoints *endpoints,
    const struct audience *audience);

/* Whether a token for the audience may be used for this host and (parsed) path. */
bool audience_matches(const struct audience *audience,
    const struct endpoints *endpoints, struct wps_span host,
    struct wps_span path);

#endif
