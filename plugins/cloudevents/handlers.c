/* SPDX-License-Identifier: MIT */
/*
 * Event handlers: reading, judging and finding them.
 */
#include "handlers.h"

#include "oauth.h"
#include "template.h"

#include "lib/names.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define HANDLERS_PER_HUB 64
#define HOUR_MS (60 * 60 * 1000)

static const char *const retries[] = { "nonblocking", "all", "none", NULL };
static const char *const encodings[] = { "utf8", "cloudevents", NULL };
static const char *const auths[] = { "none", "bearer", "oauth", "jwt", NULL };
static const char *const methods[] = { "body", "basic", NULL };

static const struct wps_option handler_members[] = {
	{ .name = "url", .type = WPS_OPT_STRING, .min = 1, .max = 2048,
	  .required = true,
	  .help = "Where the events go; {hub} and {event} are replaced, "
		  "{env:NAME} and {file:PATH} are secrets." },
	{ .name = "user_events", .type = WPS_OPT_STRING, .max = 4096,
	  .help = "Names of user events: \"*\", or a list like \"a,b\"." },
	{ .name = "system_events", .type = WPS_OPT_STRINGS, .max = 3,
	  .help = "Any of connect, connected and disconnected." },
	{ .name = "timeout", .type = WPS_OPT_DURATION, .fallback = "100s",
	  .min = 10, .max = HOUR_MS,
	  .help = "How long an answer may take to begin, with all repetitions." },
	{ .name = "body_timeout", .type = WPS_OPT_DURATION, .fallback = "30s",
	  .min = 10, .max = HOUR_MS,
	  .help = "How long the body of an answer may take." },
	{ .name = "validation", .type = WPS_OPT_BOOL, .fallback = "true",
	  .help = "Whether the URL must agree to events by a handshake." },
	{ .name = "concurrency", .type = WPS_OPT_INT, .fallback = "256",
	  .min = 1, .max = 65536,
	  .help = "Requests at a time, shared out evenly to the workers." },
	{ .name = "queue", .type = WPS_OPT_INT, .fallback = "10000",
	  .min = 0, .max = 1000000,
	  .help = "Blocking events that may wait beyond those; "
		  "shared out evenly to the workers." },
	{ .name = "max_answer", .type = WPS_OPT_SIZE, .fallback = "16MiB",
	  .min = 1024, .max = 1 << 30,
	  .help = "Longest body of an answer." },
	{ .name = "retry", .type = WPS_OPT_ENUM, .fallback = "nonblocking",
	  .choices = retries,
	  .help = "Which events are sent again after 1, 3 and 5 seconds when "
		  "the application cannot be asked." },
	{ .name = "header_encoding", .type = WPS_OPT_ENUM, .fallback = "utf8",
	  .choices = encodings,
	  .help = "How ids stand in headers: as they are, or percent-encoded "
		  "as CloudEvents has it." },
	{ .name = "cookies", .type = WPS_OPT_BOOL, .fallback = "true",
	  .help = "Whether cookies of answers are sent with later events of "
		  "the same connection." },
	{ .name = "client_tokens", .type = WPS_OPT_BOOL, .fallback = "false",
	  .help = "Whether connect tells the client's own token, from its "
		  "query or its Authorization." },
	{ .name = "ca", .type = WPS_OPT_STRING, .min = 1, .max = 2048,
	  .help = "File of the certificates, in PEM, that are trusted instead "
		  "of the system's." },
	{ .name = "certificate", .type = WPS_OPT_STRING, .min = 1, .max = 2048,
	  .help = "File of the certificate, in PEM, that is shown." },
	{ .name = "key", .type = WPS_OPT_STRING, .min = 1, .max = 2048,
	  .help = "File of its key, in PEM." },
	{ .name = "auth", .type = WPS_OPT_ENUM, .fallback = "none",
	  .choices = auths,
	  .help = "Which token events carry: one that does not change, one of "
		  "OAuth 2.0 client credentials, or one that is signed here." },
	{ .name = "auth_token", .type = WPS_OPT_SECRET, .min = 1, .max = 8192,
	  .help = "The token of auth bearer." },
	{ .name = "auth_url", .type = WPS_OPT_STRING, .min = 1, .max = 2048,
	  .help = "Where auth oauth gets its tokens." },
	{ .name = "auth_client", .type = WPS_OPT_STRING, .min = 1, .max = 1024,
	  .help = "The client id of auth oauth." },
	{ .name = "auth_secret", .type = WPS_OPT_SECRET, .min = 1, .max = 4096,
	  .help = "The client secret of auth oauth." },
	{ .name = "auth_method", .type = WPS_OPT_ENUM, .fallback = "body",
	  .choices = methods,
	  .help = "How auth oauth shows client id and secret: in the body of "
		  "the request, or by HTTP's basic authentication." },
	{ .name = "auth_scope", .type = WPS_OPT_STRING, .min = 1, .max = 2048,
	  .help = "The scope that auth oauth asks for." },
	{ .name = "auth_audience", .type = WPS_OPT_STRING, .min = 1, .max = 2048,
	  .help = "Whom the token is for: the claim aud of auth jwt, the "
		  "parameter audience of auth oauth." },
	{ .name = "presence_events", .type = WPS_OPT_STRINGS, .max = 2,
	  .help = "Any of joined and left." },
	{ .name = "presence_groups", .type = WPS_OPT_STRINGS, .max = 64,
	  .help = "Patterns of the groups whose presence events are wanted; "
		  "none: all." },
	WPS_OPTION_END,
};

const struct wps_option handler_options[] = {
	{ .name = "event_handlers", .type = WPS_OPT_MAPS,
	  .max = HANDLERS_PER_HUB, .members = handler_members,
	  .help = "Webhooks that hear the hub's events; the first that matches." },
	WPS_OPTION_END,
};

/* --- judging ---------------------------------------------------------------- */

static unsigned
system_event_bit(struct wps_span name)
{
	if (name_eq_nocase(name, WPS_SPAN("connect")))
		return 1u << WPS_EVENT_CONNECT;
	if (name_eq_nocase(name, WPS_SPAN("connected")))
		return 1u << WPS_EVENT_CONNECTED;
	if (name_eq_nocase(name, WPS_SPAN("disconnected")))
		return 1u << WPS_EVENT_DISCONNECTED;
	return 0;
}

static unsigned
presence_event_bit(struct wps_span name)
{
	if (name_eq_nocase(name, WPS_SPAN("joined")))
		return 1u << WPS_EVENT_JOINED;
	if (name_eq_nocase(name, WPS_SPAN("left")))
		return 1u << WPS_EVENT_LEFT;
	return 0;
}

/* Absent, "*", or names between commas. */
static bool
pattern_is_valid(struct wps_span pattern)
{
	pattern = span_trim(pattern);
	if (pattern.len == 0 || wps_span_eq(pattern, WPS_SPAN("*")))
		return true;

	struct wps_span item;
	while (span_next(&pattern, ',', &item)) {
		item = span_trim(item);
		if (item.len == 0 || memchr(item.data, '*', item.len))
			return false;
	}
	return true;
}

static int
complain(const struct wps_host *host, const struct wps_conf *map,
    const char *option, const char *reason, struct wps_err *err)
{
	char where[256];

	host->conf_where(map, option, where, sizeof(where));
	snprintf(err->text, sizeof(err->text), "%s: %s: %.200s", where, option,
	    reason);
	return WPS_EINVAL;
}

static int
check_url(const struct wps_host *host, const struct wps_conf *map,
    struct wps_err *err)
{
	struct wps_span url = host->conf_span(map, "url");
	struct text resolved = { .data = NULL };
	struct wps_err reason;
	int rc = template_check(url, &reason);

	if (rc == WPS_OK)
		rc = template_resolve(url, &resolved, &reason);
	text_free(&resolved);
	return rc == WPS_OK ? WPS_OK :
	    complain(host, map, "url", reason.text, err);
}

static int
check_presence(const struct wps_host *host, const struct wps_conf *map,
    struct wps_err *err)
{
	for (size_t i = 0; i < host->conf_count(map, "presence_events"); i++) {
		if (!presence_event_bit(host->conf_item(map, "presence_events", i)))
			return complain(host, map, "presence_events",
			    "may hold joined and left", err);
	}
	for (size_t i = 0; i < host->conf_count(map, "presence_groups"); i++) {
		if (!pattern_valid(host->conf_item(map, "presence_groups", i)))
			return complain(host, map, "presence_groups",
			    "is no pattern of group names", err);
	}
	return WPS_OK;
}

/* The path of an option, to be freed; NULL where it is not set. */
static char *
path_of(const struct wps_host *host, const struct wps_conf *map,
    const char *name)
{
	char path[PATH_MAX];

	return host->conf_file(map, name, path, sizeof(path)) == WPS_OK ?
	    strdup(path) : NULL;
}

/* Files are opened here, so that a mistake does not wait for the first event. */
static int
check_files(const struct wps_host *host, const struct wps_conf *map,
    struct wps_err *err)
{
	static const char *const files[] = { "ca", "certificate", "key" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[PATH_MAX], text[200];
		int rc = host->conf_file(map, files[i], path, sizeof(path));
		if (rc == WPS_FULL)
			return complain(host, map, files[i],
			    strerror(ENAMETOOLONG), err);
		if (rc != WPS_OK || access(path, R_OK) == 0)
			continue;
		snprintf(text, sizeof(text), "%.150s: %s", path,
		    strerror(errno));
		return complain(host, map, files[i], text, err);
	}
	if (!host->conf_span(map, "certificate").data !=
	    !host->conf_span(map, "key").data)
		return complain(host, map, "certificate",
		    "certificate and key belong together", err);
	return WPS_OK;
}

/* Which options go with a kind of auth: those that it needs are there, and none
 * is that it would not look at. */
static int
check_auth_options(const struct wps_host *host, const struct wps_conf *map,
    enum handler_auth kind, struct wps_err *err)
{
	static const struct {
		const char *option;
		enum handler_auth needed, other; /* the kinds that have it */
		const char *lacking, *idle;
	} rules[] = {
		{ "auth_token", AUTH_BEARER, AUTH_BEARER,
		  "auth bearer needs it", "only auth bearer has it" },
		{ "auth_url", AUTH_OAUTH, AUTH_OAUTH,
		  "auth oauth needs it", "only auth oauth has it" },
		{ "auth_client", AUTH_OAUTH, AUTH_OAUTH,
		  "auth oauth needs it", "only auth oauth has it" },
		{ "auth_secret", AUTH_OAUTH, AUTH_OAUTH,
		  "auth oauth needs it", "only auth oauth has it" },
		{ "auth_scope", AUTH_NONE, AUTH_OAUTH,
		  NULL, "only auth oauth has it" },
		{ "auth_audience", AUTH_JWT, AUTH_OAUTH,
		  "auth jwt needs it", "only auth jwt and auth oauth have it" },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const char *option = rules[i].option;
		bool given = host->conf_span(map, option).data != NULL;
		bool needed = kind != AUTH_NONE && kind == rules[i].needed;
		if (needed && !given)
			return complain(host, map, option, rules[i].lacking,
			    err);
		if (given && !needed && kind != rules[i].other)
			return complain(host, map, option, rules[i].idle, err);
	}
	return WPS_OK;
}

static int
check_auth(const struct wps_host *host, const struct wps_conf *map,
    struct wps_err *err)
{
	enum handler_auth kind = (enum handler_auth)host->conf_int(map, "auth");

	if (check_auth_options(host, map, kind, err) != WPS_OK)
		return WPS_EINVAL;
	struct wps_err reason;
	struct wps_span url = host->conf_span(map, "auth_url");
	if (kind == AUTH_BEARER && !bearer_valid(host->conf_span(map, "auth_token")))
		return complain(host, map, "auth_token", "holds what is no part "
		    "of a token: blanks, line ends, or what is not ASCII", err);
	if (kind != AUTH_OAUTH)
		return WPS_OK;
	if (template_check(url, &reason) != WPS_OK)
		return complain(host, map, "auth_url", reason.text, err);
	if (memchr(url.data, '{', url.len))
		return complain(host, map, "auth_url", "has no parameters", err);
	return WPS_OK;
}

static int
check_system_events(const struct wps_host *host, const struct wps_conf *map,
    struct wps_err *err)
{
	for (size_t i = 0; i < host->conf_count(map, "system_events"); i++) {
		if (!system_event_bit(host->conf_item(map, "system_events", i)))
			return complain(host, map, "system_events", "may hold "
			    "connect, connected and disconnected", err);
	}
	return WPS_OK;
}

static int
check_one(const struct wps_host *host, const struct wps_conf *map,
    struct wps_err *err)
{
	static int (*const checks[])(const struct wps_host *,
	    const struct wps_conf *, struct wps_err *) = {
		check_url, check_system_events, check_presence, check_files,
		check_auth,
	};

	if (!pattern_is_valid(host->conf_span(map, "user_events")))
		return complain(host, map, "user_events", "must be \"*\" or "
		    "names between commas; there are no other wildcards", err);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		int rc = checks[i](host, map, err);
		if (rc != WPS_OK)
			return rc;
	}
	return WPS_OK;
}

int
handlers_check(const struct wps_host *host, const struct wps_conf *conf,
    struct wps_err *err)
{
	for (size_t i = 0; i < host->conf_count(conf, "event_handlers"); i++) {
		int rc = check_one(host,
		    host->conf_map(conf, "event_handlers", i), err);
		if (rc != WPS_OK)
			return rc;
	}
	return WPS_OK;
}

/* --- reading ---------------------------------------------------------------- */

/* A worker's part of a limit for all of them; never nothing of something. */
static size_t
share(int64_t limit, unsigned workers)
{
	return ((size_t)limit + workers - 1) / workers;
}

static void
read_events(struct handler *handler, const struct wps_host *host,
    const struct wps_conf *map)
{
	handler->user_events = span_trim(host->conf_span(map, "user_events"));
	handler->any_user_event =
	    wps_span_eq(handler->user_events, WPS_SPAN("*"));
	for (size_t i = 0; i < host->conf_count(map, "system_events"); i++)
		handler->system_events |= system_event_bit(
		    host->conf_item(map, "system_events", i));
	for (size_t i = 0; i < host->conf_count(map, "presence_events"); i++)
		handler->system_events |= presence_event_bit(
		    host->conf_item(map, "presence_events", i));
	handler->presence = map;
}

static void
read_credentials(struct handler_credentials *credentials,
    const struct wps_host *host, const struct wps_conf *map)
{
	*credentials = (struct handler_credentials){
		.kind = (enum handler_auth)host->conf_int(map, "auth"),
		.token = host->conf_span(map, "auth_token"),
		.url = host->conf_span(map, "auth_url"),
		.client = host->conf_span(map, "auth_client"),
		.secret = host->conf_span(map, "auth_secret"),
		.method = (enum handler_method)host->conf_int(map, "auth_method"),
		.scope = host->conf_span(map, "auth_scope"),
		.audience = host->conf_span(map, "auth_audience"),
	};
}

static void
read_limits(struct handler *handler, const struct wps_host *host,
    const struct wps_conf *map, unsigned workers)
{
	handler->timeout_ms = (uint64_t)host->conf_int(map, "timeout");
	handler->body_timeout_ms = (uint64_t)host->conf_int(map, "body_timeout");
	handler->concurrency = share(host->conf_int(map, "concurrency"), workers);
	handler->queue = share(host->conf_int(map, "queue"), workers);
	handler->max_answer = (size_t)host->conf_int(map, "max_answer");
}

static unsigned
find_origin(struct handlers *handlers, struct wps_span origin)
{
	unsigned i = 0;

	while (i < handlers->origin_count &&
	    !name_eq_nocase(handlers->origins[i], origin))
		i++;
	if (i == handlers->origin_count) {
		struct wps_span *grown = reallocarray(handlers->origins, i + 1,
		    sizeof(*grown));
		if (grown == NULL)
			abort();
		handlers->origins = grown;
		handlers->origins[handlers->origin_count++] = origin;
	}
	return i;
}

static int
read_url(struct handlers *handlers, struct handler *handler,
    const struct wps_host *host, const struct wps_self *self,
    const struct wps_conf *map)
{
	struct wps_span url = host->conf_span(map, "url");
	struct wps_err err = { "no memory" };

	if (template_resolve(url, &handler->url, &err) != WPS_OK) {
		host->log(self, WPS_LOG_ERR, "url: %s", err.text);
		return WPS_EINVAL;
	}
	handler->shown = url_without_query(url);
	handler->origin = find_origin(handlers, url_origin(url));
	return WPS_OK;
}

static int
read_handler(struct handlers *handlers, struct handler *handler,
    const struct wps_host *host, const struct wps_self *self,
    const struct wps_conf *map)
{
	handler->index = handlers->handler_count++;
	read_events(handler, host, map);
	read_limits(handler, host, map, host->worker_count(self));
	read_credentials(&handler->credentials, host, map);
	handlers->want_jwt |= handler->credentials.kind == AUTH_JWT;
	handler->validation = host->conf_bool(map, "validation");
	handler->retry = (enum handler_retry)host->conf_int(map, "retry");
	handler->encoding =
	    (enum handler_encoding)host->conf_int(map, "header_encoding");
	handler->cookies = host->conf_bool(map, "cookies");
	handler->client_tokens = host->conf_bool(map, "client_tokens");
	handler->tls = (struct transfer_tls){
		.ca = path_of(host, map, "ca"),
		.certificate = path_of(host, map, "certificate"),
		.key = path_of(host, map, "key"),
	};
	return read_url(handlers, handler, host, self, map);
}

static int
read_set(struct handlers *handlers, struct handler_set *set,
    const struct wps_host *host, const struct wps_self *self,
    struct wps_span hub)
{
	const struct wps_conf *conf = host->conf_hub(self, hub);
	size_t count = host->conf_count(conf, "event_handlers");
	int rc = WPS_OK;

	set->hub = hub;
	set->handlers = must_calloc(count, sizeof(*set->handlers));
	while (rc == WPS_OK && set->count < count) {
		struct handler *handler = &set->handlers[set->count];
		handler->hub = hub;
		rc = read_handler(handlers, handler, host, self,
		    host->conf_map(conf, "event_handlers", set->count++));
		set->events |= handler->system_events;
	}
	return rc;
}

static int
compare_hubs(struct wps_span a, struct wps_span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? strncasecmp(a.data, b.data, len) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int
compare_sets(const void *a, const void *b)
{
	const struct handler_set *left = a, *right = b;

	return compare_hubs(left->hub, right->hub);
}

int
handlers_init(struct handlers *handlers, const struct wps_host *host,
    const struct wps_self *self)
{
	*handlers = (struct handlers){ .hubs = NULL };
	int rc = read_set(handlers, &handlers->any, host, self, WPS_SPAN("*"));

	while (host->conf_hub_name(self, handlers->hub_count).data)
		handlers->hub_count++;
	handlers->hubs = must_calloc(handlers->hub_count, sizeof(*handlers->hubs));
	for (size_t i = 0; rc == WPS_OK && i < handlers->hub_count; i++)
		rc = read_set(handlers, &handlers->hubs[i], host, self,
		    host->conf_hub_name(self, i));
	if (rc != WPS_OK)
		handlers_fini(handlers);
	else
		qsort(handlers->hubs, handlers->hub_count,
		    sizeof(*handlers->hubs), compare_sets);
	return rc;
}

static bool
depends_on_hub(struct wps_span url)
{
	for (size_t i = 0; i + 5 <= url.len; i++) {
		if (name_eq_nocase((struct wps_span){ url.data + i, 5 },
		    WPS_SPAN("{hub}")))
			return true;
	}
	return false;
}

int
handler_check_url(const struct handler *handler, struct text *out)
{
	struct wps_span url = text_span(&handler->url);

	if (wps_span_eq(handler->hub, WPS_SPAN("*")) && depends_on_hub(url))
		return WPS_DECLINED;
	return template_expand(url, handler->hub, WPS_SPAN("validate"), out);
}

static void
free_set(struct handler_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		struct handler *handler = &set->handlers[i];
		text_free(&handler->url);
		free(handler->tls.ca);
		free(handler->tls.certificate);
		free(handler->tls.key);
	}
	free(set->handlers);
}

void
handlers_fini(struct handlers *handlers)
{
	for (size_t i = 0; i < handlers->hub_count; i++)
		free_set(&handlers->hubs[i]);
	free(handlers->hubs);
	free_set(&handlers->any);
	free(handlers->origins);
	*handlers = (struct handlers){ .hubs = NULL };
}

/* --- finding ---------------------------------------------------------------- */

static const struct handler_set *
find_set(const struct handlers *handlers, struct wps_span hub)
{
	const struct handler_set key = { .hub = hub };
	const struct handler_set *set = bsearch(&key, handlers->hubs,
	    handlers->hub_count, sizeof(*handlers->hubs), compare_sets);

	return set ? set : &handlers->any;
}

static bool
takes_user_event(const struct handler *handler, struct wps_span name)
{
	struct wps_span rest = handler->user_events;
	struct wps_span item;

	if (handler->any_user_event)
		return true;
	if (rest.len == 0)
		return false;
	while (span_next(&rest, ',', &item)) {
		if (name_eq_nocase(span_trim(item), name))
			return true;
	}
	return false;
}

/* Without patterns every group is wanted. */
static bool
takes_group(const struct wps_host *host, const struct handler *handler,
    struct wps_span group)
{
	size_t count = host->conf_count(handler->presence, "presence_groups");

	for (size_t i = 0; i < count; i++) {
		if (pattern_match(host->conf_item(handler->presence,
		    "presence_groups", i), group))
			return true;
	}
	return count == 0;
}

static bool
takes(const struct wps_host *host, const struct handler *handler,
    const struct wps_event *event)
{
	switch (event->kind) {
	case WPS_EVENT_USER:
		return takes_user_event(handler, event->name);
	case WPS_EVENT_JOINED:
	case WPS_EVENT_LEFT:
		return (handler->system_events & 1u << event->kind) != 0 &&
		    takes_group(host, handler, event->group);
	case WPS_EVENT_CONNECT:
	case WPS_EVENT_CONNECTED:
	case WPS_EVENT_DISCONNECTED:
		break;
	}
	return (handler->system_events & 1u << event->kind) != 0;
}

const struct handler *
handlers_find(const struct handlers *handlers, const struct wps_host *host,
    struct wps_span hub, const struct wps_event *event)
{
	const struct handler_set *set = find_set(handlers, hub);

	for (size_t i = 0; i < set->count; i++) {
		if (takes(host, &set->handlers[i], event))
			return &set->handlers[i];
	}
	return NULL;
}

bool
handlers_want_presence(const struct handlers *handlers, struct wps_span hub)
{
	return (find_set(handlers, hub)->events &
	    (1u << WPS_EVENT_JOINED | 1u << WPS_EVENT_LEFT)) != 0;
}
