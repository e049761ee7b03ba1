/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include "delivery.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define LOG_PER_SECOND 16

static void
init_lanes(struct events_worker *worker)
{
	struct handlers *handlers = &worker->plugin->handlers;

	worker->lanes = must_calloc(handlers->handler_count,
	    sizeof(*worker->lanes));
	worker->breakers = must_calloc(handlers->origin_count,
	    sizeof(*worker->breakers));
	for (size_t i = 0; i <= handlers->hub_count; i++) {
		const struct handler_set *set = i < handlers->hub_count ?
		    &handlers->hubs[i] : &handlers->any;
		for (size_t k = 0; k < set->count; k++) {
			const struct handler *handler = &set->handlers[k];
			lane_init(&worker->lanes[handler->index], worker, handler);
		}
	}
}

int
events_worker_init(struct events_worker *worker, struct cloudevents *plugin,
    struct wps_worker *of)
{
	const struct wps_host *host = plugin->host;

	*worker = (struct events_worker){
		.plugin = plugin,
		.worker = of,
		.repeat_ms = validate_times_default.repeat_ms,
	};
	uint64_t series;
	if (getentropy(&series, sizeof(series)) != 0)
		return WPS_ESYS;
	snprintf(worker->series, sizeof(worker->series), "%016" PRIx64, series);
	int rc = transport_init(&worker->transport, host, of, &plugin->transport);
	if (rc != WPS_OK)
		return rc;
	validator_init(&worker->validator, host, plugin->self, of,
	    &worker->transport, &plugin->origin, plugin->user_agent);
	worker->validator.tally = &plugin->tally;
	worker->authorizer = (struct authorizer){
		.host = host,
		.self = plugin->self,
		.worker = of,
		.transport = &worker->transport,
		.tally = &plugin->tally,
		.key = &plugin->jwt,
		.user_agent = plugin->user_agent,
	};
	authorizer_init(&worker->authorizer, plugin->handlers.handler_count);
	init_lanes(worker);
	TAILQ_INIT(&worker->endings);
	LIST_INIT(&worker->all);
	for (size_t i = 0; i < REPLY_BUCKETS; i++)
		LIST_INIT(&worker->by_reply[i]);
	return WPS_OK;
}

void
events_worker_fini(struct events_worker *worker)
{
	struct delivery *delivery;
	size_t lost = 0;

	while ((delivery = LIST_FIRST(&worker->all))) {
		lost++;
		tally_failure(&worker->plugin->tally, worker->worker,
		    FAILURE_LOST);
		delivery_drop(delivery);
	}
	if (lost > 0)
		worker->plugin->host->log(worker->plugin->self, WPS_LOG_WARN,
		    "events were not delivered before the end count=%zu", lost);
	validator_fini(&worker->validator);
	authorizer_fini(&worker->authorizer);
	transport_fini(&worker->transport);
	text_free(&worker->scratch);
	free(worker->lanes);
	free(worker->breakers);
	worker->lanes = NULL;
	worker->breakers = NULL;
}

struct wps_span
events_worker_time(struct events_worker *worker)
{
	time_t now = time(NULL);
	struct tm tm;

	if (now != worker->second) {
		worker->second = now;
		gmtime_r(&now, &tm);
		strftime(worker->time, sizeof(worker->time), "%Y-%m-%dT%H:%M:%SZ",
		    &tm);
	}
	return wps_span_str(worker->time);
}

enum wps_log_level
events_worker_level(struct events_worker *worker)
{
	uint64_t second = worker->plugin->host->now_ms(worker->worker) / 1000;

	if (second != worker->log_second) {
		if (worker->log_count > LOG_PER_SECOND)
			worker->plugin->host->log(worker->plugin->self,
			    WPS_LOG_WARN, "more events have failed count=%u",
			    worker->log_count - LOG_PER_SECOND);
		worker->log_second = second;
		worker->log_count = 0;
	}
	return worker->log_count++ < LOG_PER_SECOND ?
	    WPS_LOG_WARN : WPS_LOG_DEBUG;
}
