/* SPDX-License-Identifier: MIT */
/*
 * Azure Web PubSub's own subprotocols, and its simple WebSocket clients.
 *
 * This file ties the plugin to the host. A frame of a PubSub client is read by a
 * codec into a request (request.h); semantics.c runs it and answers with a reply
 * (reply.h), which the codec writes. simple.c serves clients without envelopes.
 */
#include "ackmem.h"
#include "dictionary.h"
#include "json_codec.h"
#include "protobuf_codec.h"
#include "simple.h"

#ifndef PACKAGE_VERSION
#error "PACKAGE_VERSION is not defined: the build defines it"
#endif

static const char *const failure_ways[] = { "ack", "drop", NULL };

static const struct wps_option options[] = {
	{ .name = "ack_ids", .type = WPS_OPT_INT, .fallback = "1000",
	  .min = 1, .max = ACKMEM_MAX,
	  .help = "Ack ids of processed requests that a connection remembers." },
	{ .name = "group_state_size", .type = WPS_OPT_SIZE, .fallback = "512",
	  .min = 1, .max = DICTIONARY_MAX,
	  .help = "Bytes of all keys and values of a state that a client sets "
		  "in a group." },
	{ .name = "on_event_failure", .type = WPS_OPT_ENUM, .fallback = "ack",
	  .choices = failure_ways,
	  .help = "Whether a client whose event fails is told so in its ack, or "
		  "closed (1011) afterwards." },
	{ .name = "reconnection_token_lifetime", .type = WPS_OPT_DURATION,
	  .fallback = "7d", .min = 1000, .max = INT64_C(366) * 24 * 3600 * 1000,
	  .help = "How long a reliable client may recover its connection with "
		  "the same token." },
	WPS_OPTION_END,
};

static const struct wps_subprotocol *const subprotocols[] = {
	&json_subprotocol,
	&json_reliable_subprotocol,
	&protobuf_subprotocol,
	&protobuf_reliable_subprotocol,
	&simple_subprotocol,
};

static int
plugin_init(const struct wps_host *host, struct wps_self *self, void **state_out)
{
	struct plugin *plugin = calloc(1, sizeof(*plugin));
	int rc = plugin ? WPS_OK : WPS_ENOMEM;

	for (size_t i = 0; rc == WPS_OK &&
	    i < sizeof(subprotocols) / sizeof(subprotocols[0]); i++)
		rc = host->add_subprotocol(self, subprotocols[i]);
	if (rc != WPS_OK) {
		free(plugin);
		return rc < 0 ? rc : WPS_EINVAL;
	}
	plugin->host = host;
	plugin->self = self;
	plugin->state_size = (size_t)host->conf_int(host->conf(self),
	    "group_state_size");
	plugin->retoken_s = (uint64_t)host->conf_int(host->conf(self),
	    "reconnection_token_lifetime") / 1000;
	plugin->drops =
	    host->conf_int(host->conf(self), "on_event_failure") == 1;
	plugin->ack_ids = (uint32_t)host->conf_int(host->conf(self), "ack_ids");
	*state_out = plugin;
	return WPS_OK;
}

static int
plugin_worker_start(void *state, struct wps_worker *host_worker,
    void **worker_state_out)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	(void)host_worker;
	if (worker == NULL)
		return WPS_ENOMEM;
	worker->plugin = state;
	*worker_state_out = worker;
	return WPS_OK;
}

static void
plugin_worker_stop(void *worker_state)
{
	struct worker *worker = worker_state;

	scratch_fini(&worker->requests);
	scratch_fini(&worker->replies);
	free(worker);
}

static void
plugin_fini(void *state)
{
	free(state);
}

WPS_PLUGIN_DEFINE("webpubsub",
	.version = PACKAGE_VERSION,
	.options = options,
	.init = plugin_init,
	.worker_start = plugin_worker_start,
	.worker_stop = plugin_worker_stop,
	.fini = plugin_fini);
