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

#include "text.h"

#include <wps/host.h>

/* The rows that the plugin adds to every hub. */
extern const struct wps_option handler_options[];

struct handler {
	unsigned index; /* among all handlers: the place of its lane */

	struct wps_span url;  /* template; borrowed from the configuration */
	unsigned system_events; /* a bit per enum wps_event_kind */
	bool any_user_event;
	struct wps_span user_events; /* list, borrowed; absent: none */

	uint64_t timeout_ms, body_timeout_ms;
	bool validation;
	size_t concurrency, queue;
	size_t max_answer;
};

struct handler_set {
	struct wps_span hub; /* as the file spells it; borrowed */
	struct handler *handlers; /* owned */
	size_t count;
};

struct handlers {
	struct handler_set any;   /* of hubs that the file does not name */
	struct handler_set *hubs; /* owned; in the order of their names */
	size_t hub_count;
	unsigned handler_count;
};

/* Judges a hub's rows; see wps_plugin.check. */
int handlers_check(const struct wps_host *host, const struct wps_conf *conf,
    const char *hub, struct wps_err *err);

/* The configuration must have been checked. */
void handlers_init(struct handlers *handlers, const struct wps_host *host,
    const struct wps_self *self);
void handlers_fini(struct handlers *handlers);

/* The one that gets the event, or NULL. */
const struct handler *handlers_find(const struct handlers *handlers,
    struct wps_span hub, enum wps_event_kind kind, struct wps_span name);

#endif
