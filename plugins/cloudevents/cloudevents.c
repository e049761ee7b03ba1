/* SPDX-License-Identifier: MIT */
/*
 * Upstream events: connect, connected, disconnected and user events go to the
 * application's webhooks as CloudEvents over HTTP; its answers come back.
 *
 * This file ties the plugin to the host: options, life, and the operations of
 * an upstream. handlers.c says who hears an event, request.c what is sent,
 * validate.c and breaker.c whether it may be, lane.c when, transport.c how,
 * answer.c what came back; delivery.c leads an event through all of them.
 */
#include "delivery.h"
#include "probe.h"
#include "state.h"
#include "wellknown.h"

#include <stdio.h>
#include <stdlib.h>

#ifndef PACKAGE_VERSION
#error "PACKAGE_VERSION is not defined: the build defines it"
#endif

static const struct wps_option section_options[] = {
	{ .name = "idle_connections", .type = WPS_OPT_INT, .fallback = "512",
	  .min = 1, .max = 65536,
	  .help = "Connections to applications that a worker keeps at most." },
	{ .name = "idle_timeout", .type = WPS_OPT_DURATION, .fallback = "4s",
	  .min = 1000, .max = 3600 * 1000,
	  .help = "How long a kept connection may rest and be used again." },
	{ .name = "connect_timeout", .type = WPS_OPT_DURATION, .fallback = "10s",
	  .min = 10, .max = 300 * 1000,
	  .help = "How long a connection to an application may take to be "
		  "made, with TLS." },
	{ .name = "breaker_failures", .type = WPS_OPT_INT, .fallback = "20",
	  .min = 1, .max = 1000000,
	  .help = "Requests in a row that an application must not answer to be "
		  "left alone for 1, 2, 4 ... 30 seconds." },
	{ .name = "early_check", .type = WPS_OPT_BOOL, .fallback = "true",
	  .help = "Whether handlers are asked at the start, before any client "
		  "comes, if they agree to events." },
	{ .name = "signing_key", .type = WPS_OPT_SECRET, .min = 1,
	  .max = 64 * 1024,
	  .help = "The private key, RSA or P-256, in PEM, with which the tokens "
		  "of auth jwt are signed; as a rule file:PATH." },
	{ .name = "allow_link_local", .type = WPS_OPT_BOOL, .fallback = "false",
	  .help = "Whether handlers may have link-local addresses, and those of "
		  "the metadata services of clouds." },
	WPS_OPTION_END,
};

static bool
on_wants(void *worker_state, const struct wps_event *event)
{
	const struct cloudevents *plugin =
	    ((struct events_worker *)worker_state)->plugin;

	return handlers_find(&plugin->handlers, plugin->host,
	    plugin->host->conn_view(event->conn)->hub, event) != NULL;
}

static void
on_deliver(void *worker_state, const struct wps_event *event,
    struct wps_reply *reply)
{
	struct events_worker *worker = worker_state;
	const struct cloudevents *plugin = worker->plugin;
	const struct handler *handler = handlers_find(&plugin->handlers,
	    plugin->host, plugin->host->conn_view(event->conn)->hub, event);

	if (handler)
		delivery_start(worker, handler, event, reply);
	else if (reply)
		plugin->host->answer(reply,
		    &(struct wps_answer){ .result = WPS_NOT_FOUND });
}

static void
on_cancel(void *worker_state, struct wps_reply *reply)
{
	delivery_cancel(worker_state, reply);
}

static bool
on_busy(void *worker_state)
{
	const struct events_worker *worker = worker_state;

	return !LIST_EMPTY(&worker->all);
}

static void
on_forget(void *worker_state, void *slot)
{
	struct conn_state *state = slot;

	(void)worker_state;
	state_unref(&state);
}

static bool
on_wants_presence(void *worker_state, struct wps_span hub)
{
	const struct events_worker *worker = worker_state;

	return handlers_want_presence(&worker->plugin->handlers, hub);
}

static int
on_save(void *worker_state, void *slot, struct wps_record *record)
{
	const struct events_worker *worker = worker_state;

	return state_save(worker->plugin->host, slot, record);
}

static int
on_restore(void *worker_state, struct wps_span bytes, void **slot_out)
{
	struct conn_state *state = NULL;
	int rc = state_restore(bytes, &state);

	(void)worker_state;
	*slot_out = state;
	return rc;
}

static const struct wps_upstream upstream = {
	.struct_size = sizeof(struct wps_upstream),
	.wants = on_wants,
	.deliver = on_deliver,
	.cancel = on_cancel,
	.busy = on_busy,
	.forget = on_forget,
	.wants_presence = on_wants_presence,
	.save = on_save,
	.restore = on_restore,
};

/* --- life --------------------------------------------------------------------- */

static void
plugin_free(struct cloudevents *plugin)
{
	early_fini(&plugin->early);
	free(plugin->workers);
	handlers_fini(&plugin->handlers);
	origin_fini(&plugin->origin);
	jwt_key_fini(&plugin->jwt);
	free(plugin);
	curl_global_cleanup();
}

/* Whether it is a key; who signs is not known before the start, so any URL does. */
static int
check_section(const struct wps_host *host, const struct wps_conf *conf,
    struct wps_err *err)
{
	struct wps_span pem = host->conf_span(conf, "signing_key");
	struct jwt_key key = { .pkey = NULL };
	struct wps_err reason;
	char where[256];

	if (pem.data == NULL)
		return WPS_OK;
	int rc = jwt_key_init(&key, pem, WPS_SPAN("https://wps"), &reason);
	jwt_key_fini(&key);
	if (rc == WPS_OK)
		return WPS_OK;
	host->conf_where(conf, "signing_key", where, sizeof(where));
	snprintf(err->text, sizeof(err->text), "%s: %.250s", where, reason.text);
	return rc;
}

static int
plugin_check(const struct wps_host *host, const struct wps_conf *conf,
    const char *hub, struct wps_err *err)
{
	return hub ? handlers_check(host, conf, err) :
	    check_section(host, conf, err);
}

static int
read_signing_key(struct cloudevents *plugin)
{
	const struct wps_host *host = plugin->host;
	struct wps_span pem =
	    host->conf_span(host->conf(plugin->self), "signing_key");
	struct wps_err err = { "auth jwt needs a signing_key" };

	if (pem.data == NULL && !plugin->handlers.want_jwt)
		return WPS_OK;
	if (plugin->origin.issuer.len == 0)
		snprintf(err.text, sizeof(err.text),
		    "a signing_key needs public_endpoints: the first is who signs");
	else if (pem.data && jwt_key_init(&plugin->jwt, pem,
	    text_span(&plugin->origin.issuer), &err) == WPS_OK)
		return host->add_route(plugin->self, &wellknown_route);
	host->log(plugin->self, WPS_LOG_ERR, "%s", err.text);
	return WPS_EINVAL;
}

static int
plugin_init(const struct wps_host *host, struct wps_self *self, void **state_out)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return WPS_ESYS;

	const struct wps_conf *conf = host->conf(self);
	struct cloudevents *plugin = must_calloc(1, sizeof(*plugin));
	plugin->host = host;
	plugin->self = self;
	plugin->transport = (struct transport_options){
		.idle_connections = (long)host->conf_int(conf, "idle_connections"),
		.idle_s = (long)(host->conf_int(conf, "idle_timeout") / 1000),
		.connect_ms = (long)host->conf_int(conf, "connect_timeout"),
		.allow_link_local = host->conf_bool(conf, "allow_link_local"),
	};
	plugin->breaker_failures =
	    (unsigned)host->conf_int(conf, "breaker_failures");
	snprintf(plugin->user_agent, sizeof(plugin->user_agent),
	    "User-Agent: wps/%s", PACKAGE_VERSION);
	origin_init(&plugin->origin, host, self);
	int rc = handlers_init(&plugin->handlers, host, self);

	if (rc == WPS_OK)
		rc = read_signing_key(plugin);
	if (rc == WPS_OK)
		rc = host->add_upstream(self, &upstream);
	if (rc == WPS_OK)
		rc = tally_init(&plugin->tally, host, self);
	if (rc != WPS_OK) {
		plugin_free(plugin);
		return rc < 0 ? rc : WPS_EINVAL;
	}
	if (host->conf_bool(conf, "early_check"))
		early_init(&plugin->early, plugin);
	plugin->workers = must_calloc(host->worker_count(self),
	    sizeof(*plugin->workers));
	*state_out = plugin;
	return WPS_OK;
}

static int
plugin_worker_start(void *state, struct wps_worker *worker,
    void **worker_state_out)
{
	struct events_worker *events = must_calloc(1, sizeof(*events));
	struct cloudevents *plugin = state;
	unsigned index = plugin->host->worker_index(worker);
	int rc = events_worker_init(events, plugin, worker);

	if (rc != WPS_OK) {
		free(events);
		return rc;
	}
	plugin->workers[index] = events;
	if (index == 0)
		early_start(&plugin->early, events);
	*worker_state_out = events;
	return WPS_OK;
}

static void
plugin_worker_stop(void *worker_state)
{
	events_worker_fini(worker_state);
	free(worker_state);
}

static void
plugin_fini(void *state)
{
	plugin_free(state);
}

static int
plugin_probe(void *state, void (*say)(void *data, const char *line), void *data)
{
	return probe_handlers(state, say, data);
}

WPS_PLUGIN_DEFINE("cloudevents",
	.version = PACKAGE_VERSION,
	.options = section_options,
	.hub_options = handler_options,
	.check = plugin_check,
	.init = plugin_init,
	.worker_start = plugin_worker_start,
	.worker_stop = plugin_worker_stop,
	.fini = plugin_fini,
	.probe = plugin_probe);
