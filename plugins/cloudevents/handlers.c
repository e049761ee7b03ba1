/* SPDX-License-Identifier: MIT */
/*
 * Event handlers: reading, judging and finding them.
 */
#include "handlers.h"

#include "template.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define HANDLERS_PER_HUB 64
#define HOUR_MS (60 * 60 * 1000)

static const struct wps_option handler_members[] = {
	{ .name = "url", .type = WPS_OPT_STRING, .min = 1, .max = 2048,
	  .required = true,
	  .help = "Where the events go; {hub} and {event} are replaced." },
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
	if (span_eq_nocase(name, WPS_SPAN("connect")))
		return 1u << WPS_EVENT_CONNECT;
	if (span_eq_nocase(name, WPS_SPAN("connected")))
		return 1u << WPS_EVENT_CONNECTED;
	if (span_eq_nocase(name, WPS_SPAN("disconnected")))
		return 1u << WPS_EVENT_DISCONNECTED;
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
check_one(const struct wps_host *host, const struct wps_conf *map,
    struct wps_err *err)
{
	struct wps_err reason;

	if (template_check(host->conf_span(map, "url"), &reason) != WPS_OK)
		return complain(host, map, "url", reason.text, err);
	if (!pattern_is_valid(host->conf_span(map, "user_events")))
		return complain(host, map, "user_events", "must be \"*\" or "
		    "names between commas; there are no other wildcards", err);
	for (size_t i = 0; i < host->conf_count(map, "system_events"); i++) {
		if (!system_event_bit(host->conf_item(map, "system_events", i)))
			return complain(host, map, "system_events", "may hold "
			    "connect, connected and disconnected", err);
	}
	return WPS_OK;
}

int
handlers_check(const struct wps_host *host, const struct wps_conf *conf,
    const char *hub, struct wps_err *err)
{
	if (hub == NULL)
		return WPS_OK;
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
read_handler(struct handler *handler, const struct wps_host *host,
    const struct wps_conf *map, unsigned workers)
{
	handler->url = host->conf_span(map, "url");
	handler->user_events = span_trim(host->conf_span(map, "user_events"));
	handler->any_user_event =
	    wps_span_eq(handler->user_events, WPS_SPAN("*"));
	for (size_t i = 0; i < host->conf_count(map, "system_events"); i++)
		handler->system_events |= system_event_bit(
		    host->conf_item(map, "system_events", i));
	handler->timeout_ms = (uint64_t)host->conf_int(map, "timeout");
	handler->body_timeout_ms = (uint64_t)host->conf_int(map, "body_timeout");
	handler->validation = host->conf_bool(map, "validation");
	handler->concurrency = share(host->conf_int(map, "concurrency"), workers);
	handler->queue = share(host->conf_int(map, "queue"), workers);
	handler->max_answer = (size_t)host->conf_int(map, "max_answer");
}

static void
read_set(struct handlers *handlers, struct handler_set *set,
    const struct wps_host *host, const struct wps_self *self,
    struct wps_span hub)
{
	const struct wps_conf *conf = host->conf_hub(self, hub);

	set->hub = hub;
	set->count = host->conf_count(conf, "event_handlers");
	set->handlers = must_calloc(set->count, sizeof(*set->handlers));
	for (size_t i = 0; i < set->count; i++) {
		set->handlers[i].index = handlers->handler_count++;
		read_handler(&set->handlers[i], host,
		    host->conf_map(conf, "event_handlers", i),
		    host->worker_count(self));
	}
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

void
handlers_init(struct handlers *handlers, const struct wps_host *host,
    const struct wps_self *self)
{
	*handlers = (struct handlers){ .hubs = NULL };
	read_set(handlers, &handlers->any, host, self, WPS_SPAN("*"));

	while (host->conf_hub_name(self, handlers->hub_count).data)
		handlers->hub_count++;
	handlers->hubs = must_calloc(handlers->hub_count, sizeof(*handlers->hubs));
	for (size_t i = 0; i < handlers->hub_count; i++)
		read_set(handlers, &handlers->hubs[i], host, self,
		    host->conf_hub_name(self, i));
	qsort(handlers->hubs, handlers->hub_count, sizeof(*handlers->hubs),
	    compare_sets);
}

void
handlers_fini(struct handlers *handlers)
{
	for (size_t i = 0; i < handlers->hub_count; i++)
		free(handlers->hubs[i].handlers);
	free(handlers->hubs);
	free(handlers->any.handlers);
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
		if (span_eq_nocase(span_trim(item), name))
			return true;
	}
	return false;
}

const struct handler *
handlers_find(const struct handlers *handlers, struct wps_span hub,
    enum wps_event_kind kind, struct wps_span name)
{
	const struct handler_set *set = find_set(handlers, hub);

	for (size_t i = 0; i < set->count; i++) {
		const struct handler *handler = &set->handlers[i];
		if (kind == WPS_EVENT_USER ? takes_user_event(handler, name) :
		    (handler->system_events & 1u << kind) != 0)
			return handler;
	}
	return NULL;
}
