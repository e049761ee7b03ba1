/* SPDX-License-Identifier: MIT */
/*
 * Authentication: who a caller is, and what role texts allow
 * (auth-and-permissions.md).
 *
 * One plugin does it. Keys never leave that plugin; others reach it through
 * host->sign, host->issue and host->request_authenticate. Without one, clients of
 * hubs that say so come in anonymously, and everybody else is refused.
 */
#ifndef WPS_AUTH_H
#define WPS_AUTH_H

#include <wps/command.h>

enum wps_caller {
	WPS_CALLER_CLIENT = 1, /* asks for a WebSocket */
	WPS_CALLER_SERVER,     /* calls the REST API */
};

/* The host makes it; all of it lives until authenticate returns: what a later
 * answer needs is copied. */
struct wps_auth_request {
	enum wps_caller caller;
	struct wps_span token; /* absent: none was sent */
	struct wps_span host;  /* the Host header */
	struct wps_span path;  /* of the request, still percent-encoded; the
				  forms of the client endpoint are given as
				  /client/hubs/{hub} */
	struct wps_span hub;   /* absent: the path names none */
	bool anonymous;        /* clients: the hub admits callers without token */
};

/* Who it is; the plugin makes it, and all of it is borrowed until the answering
 * call returns. Lists of none may be NULL. */
struct wps_identity {
	struct wps_span user; /* UTF-8; absent or empty: none */
	const struct wps_span *roles;
	size_t role_count;
	const struct wps_span *groups;
	size_t group_count;
	struct wps_span claims; /* the token's payload, JSON text; absent without token */
};

enum wps_permit_scope {
	WPS_PERMIT_ALL = 1, /* any group */
	WPS_PERMIT_GROUP,   /* the group `name` */
	WPS_PERMIT_PATTERN, /* groups that match `name` (section 9.2) */
};

/* What one role text allows; made by the host, zeroed, and filled by `permit`. */
struct wps_permit {
	enum wps_perm perm;
	enum wps_permit_scope scope;
	struct wps_span name; /* part of the role text, and lives as long */
};

/* What a client token says that this server makes itself; made by who asks, all
 * of it borrowed during the call. Lists of none may be NULL. */
struct wps_claims {
	struct wps_span audience; /* URL of the client endpoint */
	struct wps_span user;     /* absent: anonymous */
	const struct wps_span *roles;
	size_t role_count;
	const struct wps_span *groups;
	size_t group_count;
	uint64_t lifetime_s; /* seconds from now on */
};

struct wps_auth_reply; /* the one-shot answer to authenticate; lives until
			  host->auth_answer */

#define WPS_KEY_OWN 0xffffffffu /* see wps_auth.sign */

struct wps_auth {
	uint32_t struct_size;

	/*
	 * [loop] Says who calls: host->auth_answer is called exactly once for
	 * the reply, before or after this returns, on this worker; but not from
	 * worker_stop on. It may be called for a client that has left meanwhile.
	 * Mandatory.
	 */
	void (*authenticate)(void *worker_state,
	    const struct wps_auth_request *request, struct wps_auth_reply *reply);

	/*
	 * [loop] Reads one role text (section 9), borrowed during the call. Returns
	 * WPS_OK with *out filled; WPS_DECLINED when it says nothing about groups;
	 * WPS_EINVAL when it is malformed. Without WPS_OK the host goes on without
	 * it. Mandatory.
	 */
	int (*permit)(void *worker_state, struct wps_span role,
	    struct wps_permit *out);

	/*
	 * [any] HMAC-SHA256 (RFC 2104) of `bytes` with access key number `key`
	 * (0 is the primary one), or, with WPS_KEY_OWN, with the key of what the
	 * server issues itself. Several threads may call at once. Returns
	 * WPS_OK; WPS_NOT_FOUND when there is no such key; WPS_DECLINED when keys
	 * are switched off; WPS_ENOMEM. mac_out is filled with WPS_OK only.
	 * `state` is the plugin's, not a worker's. May be NULL.
	 */
	int (*sign)(void *state, unsigned key, struct wps_span bytes,
	    uint8_t mac_out[32]);

	/*
	 * [any] Makes a client token (RFC 7519) into room for cap bytes; no NUL.
	 * Several threads may call at once. Returns WPS_OK; WPS_FULL when the
	 * room is too small, or the token would be longer than authenticate
	 * accepts; WPS_DECLINED when there is no key for it; WPS_EINVAL when a
	 * claim is not UTF-8 or the lifetime is no time; WPS_ENOMEM.
	 * *len_out is set with WPS_OK only. `state` is the plugin's. May be NULL.
	 */
	int (*issue)(void *state, const struct wps_claims *claims, char *dst,
	    size_t cap, size_t *len_out);
};

#endif
