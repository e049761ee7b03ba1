/* SPDX-License-Identifier: MIT */
/*
 * The early check: see early.h.
 */
#include "early.h"

#include "worker.h"

#include <stdlib.h>
#include <string.h>

/* --- what is asked -------------------------------------------------------------- */

static bool
is_listed(const struct early *early, const char *url)
{
	for (size_t i = 0; i < early->count; i++) {
		if (strcmp(early->urls[i].url.data, url) == 0)
			return true;
	}
	return false;
}

static void
add_set(struct early *early, struct cloudevents *plugin,
    const struct handler_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct handler *handler = &set->handlers[i];
		struct early_url *url = &early->urls[early->count];
		if (!handler->validation)
			continue;
		*url = (struct early_url){ .plugin = plugin, .handler = handler };
		if (handler_check_url(handler, &url->url) == WPS_OK &&
		    !is_listed(early, url->url.data))
			early->count++;
		else
			text_free(&url->url);
	}
}

void
early_init(struct early *early, struct cloudevents *plugin)
{
	const struct handlers *handlers = &plugin->handlers;

	early->urls = must_calloc(handlers->handler_count, sizeof(*early->urls));
	for (size_t i = 0; i < handlers->hub_count; i++)
		add_set(early, plugin, &handlers->hubs[i]);
	add_set(early, plugin, &handlers->any);
}

void
early_fini(struct early *early)
{
	for (size_t i = 0; i < early->count; i++)
		text_free(&early->urls[i].url);
	free(early->urls);
	*early = (struct early){ .urls = NULL };
}

/* --- asking ---------------------------------------------------------------------- */

static struct validate_request
request_of(const struct early_url *url)
{
	return (struct validate_request){
		.url = url->url.data,
		.handler = url->handler,
		.early = true,
	};
}

static void
on_learned(struct wps_worker *worker, void *data)
{
	const struct early_url *url = data;
	const struct cloudevents *plugin = url->plugin;
	struct validate_request request = request_of(url);

	validator_learn(
	    &plugin->workers[plugin->host->worker_index(worker)]->validator,
	    &request);
}

static void
tell_others(const struct early *early, struct early_url *url)
{
	const struct cloudevents *plugin = early->worker->plugin;
	const struct wps_host *host = plugin->host;

	for (unsigned i = 0; i < host->worker_count(plugin->self); i++) {
		struct wps_worker *worker = plugin->workers[i]->worker;
		if (worker != early->worker->worker)
			host->post(worker, on_learned, url);
	}
}

/* The next URL that is not known yet: a client may have been faster. */
static void
go_on(struct early_turn *turn)
{
	struct early *early = turn->early;
	int rc = WPS_OK;

	while (rc != WPS_PENDING && early->next < early->count) {
		turn->url = &early->urls[early->next++];
		struct validate_request request = request_of(turn->url);
		rc = validator_ask(&early->worker->validator, &request,
		    &turn->waiter);
		if (rc == WPS_OK)
			tell_others(early, turn->url);
	}
}

static void
on_asked(struct waiter *waiter, bool agreed)
{
	struct early_turn *turn = (struct early_turn *)(void *)
	    ((char *)waiter - offsetof(struct early_turn, waiter));

	if (agreed)
		tell_others(turn->early, turn->url);
	go_on(turn);
}

static void
on_start(struct wps_worker *worker, void *data)
{
	struct early *early = data;

	(void)worker;
	for (size_t i = 0; i < EARLY_AT_ONCE; i++) {
		early->turns[i] = (struct early_turn){
			.waiter = { .ready = on_asked },
			.early = early,
		};
		go_on(&early->turns[i]);
	}
}

void
early_start(struct early *early, struct events_worker *worker)
{
	early->worker = worker;
	worker->plugin->host->post(worker->worker, on_start, early);
}
