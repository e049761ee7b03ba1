/* SPDX-License-Identifier: MIT */
/*
 * Event handlers: which URL hears which event of a hub.
 *
 * They are read once, at init, and only looked at afterwards, by all workers.
 * The handlers of a hub are tried in the order of the file; the first that
 * matches gets the event. Names have no case.
 */
#ifndef CLOUDEVENTS_HANDLERS_H
#define CLOUDEVENTS_HANDLERS_H

#include "transport.h"

#include <wps/host.h>

/* Which events are repeated when the application could not be asked. */
enum handler_retry {
	RETRY_NONBLOCKING = 0, /* what nobody waits for */
	RETRY_ALL,
	RETRY_NONE,
};

enum handler_encoding {
	ENCODING_UTF8 = 0,     /* ids in headers as they are */
	ENCODING_CLOUDEVENTS,  /* all values percent-encoded as CloudEvents has it */
};

enum handler_auth {
	AUTH_NONE = 0,
	AUTH_BEARER, /* a token that does not change */
	AUTH_OAUTH,  /* client credentials of OAuth 2.0 */
	AUTH_JWT,    /* a token that this server signs */
};

/* How auth oauth shows client id and secret. */
enum handler_method {
	METHOD_BODY = 0, /* client_secret_post */
	METHOD_BASIC,    /* client_secret_basic */
};

/* How the handler knows that it is us; texts are borrowed, absent where unused. */
struct handler_credentials {
	enum handler_auth kind;
	struct wps_span token;                     /* bearer */
	struct wps_span url, client, secret, scope; /* OAuth */
	enum handler_method method;
	struct wps_span audience;                  /* OAuth and JWT */
};

/* The rows that the plugin adds to every hub. */
extern const struct wps_option handler_options[];

struct handler {
	unsigned index; /* among all handlers: the place of its lane */
	struct wps_span hub; /* "*": all that the file does not name; borrowed */

	struct text url;      /* template with its secrets: never shown */
	struct wps_span shown; /* without them and without the query; borrowed */
	unsigned origin;       /* among all origins: the place of its breaker */
	unsigned system_events; /* a bit per enum wps_event_kind; presence too */
	const struct wps_conf *presence; /* for its group patterns; borrowed */
	bool any_user_event;
	struct wps_span user_events; /* list, borrowed; absent: none */

	uint64_t timeout_ms, body_timeout_ms;
	bool validation;
	size_t concurrency, queue;
	size_t max_answer;
	enum handler_retry retry;
	enum handler_encoding encoding;
	bool cookies;
	bool client_tokens; /* the body of connect has them */
	struct transfer_tls tls;   /* texts owned */
	struct handler_credentials credentials;
};

struct handler_set {
	struct wps_span hub; /* as the file spells it; borrowed */
	struct handler *handlers; /* owned */
	size_t count;
	unsigned events; /* the system and presence events of all of them */
};

struct handlers {
	struct handler_set any;   /* of hubs that the file does not name */
	struct handler_set *hubs; /* owned; in the order of their names */
	size_t hub_count;
	unsigned handler_count;
	bool want_jwt; /* some handler wants tokens that this server signs */
	struct wps_span *origins; /* owned; "https://host:port", borrowed */
	unsigned origin_count;
};

/* Judges a hub's rows; see wps_plugin.check. */
int handlers_check(const struct wps_host *host, const struct wps_conf *conf,
    struct wps_err *err);

/* The configuration must have been checked. Returns WPS_OK, or WPS_EINVAL when
 * a secret is not to be had any more, which is logged. */
int handlers_init(struct handlers *handlers, const struct wps_host *host,
    const struct wps_self *self);
void handlers_fini(struct handlers *handlers);

/* The one that gets the event, or NULL. */
const struct handler *handlers_find(const struct handlers *handlers,
    const struct wps_host *host, struct wps_span hub,
    const struct wps_event *event);

/*
 * Adds the URL of its handshake, and a NUL. Returns WPS_OK; WPS_DECLINED when it
 * depends on the hub, and the handler is for hubs that the file does not name;
 * otherwise as template_expand.
 */
int handler_check_url(const struct handler *handler, struct text *out);

/* Whether some handler of the hub may want to hear who joins and leaves. */
bool handlers_want_presence(const struct handlers *handlers, struct wps_span hub);

#endif
