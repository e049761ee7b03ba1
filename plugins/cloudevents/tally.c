/* SPDX-License-Identifier: MIT */
#include "tally.h"

static const struct {
	const char *labels, *event;
} failures[] = {
#define FAILURE(name, kind, event)                                             \
	[FAILURE_##name] = { "kind=\"" kind "\",event=\"" event "\"", event },
#include "failure_kind.h"
};

static const char *const requests[] = {
	[REQUEST_EVENT] = "kind=\"event\"",
	[REQUEST_HANDSHAKE] = "kind=\"handshake\"",
	[REQUEST_TOKEN] = "kind=\"token\"",
};

int
tally_init(struct tally *tally, const struct wps_host *host,
    struct wps_self *self)
{
	int rc = WPS_OK;

	tally->host = host;
	for (unsigned i = 0; rc == WPS_OK && i < REQUEST_COUNT; i++)
		rc = host->add_counter(self, &(struct wps_counter){
			.struct_size = sizeof(struct wps_counter),
			.name = "wps_upstream_requests_total",
			.labels = requests[i],
			.help = "Requests that were sent to applications, "
				"repetitions too.",
		}, &tally->requests[i]);
	for (unsigned i = FAILURE_NONE + 1; rc == WPS_OK && i < FAILURE_COUNT;
	    i++)
		rc = host->add_counter(self, &(struct wps_counter){
			.struct_size = sizeof(struct wps_counter),
			.name = "wps_upstream_failures_total",
			.labels = failures[i].labels,
			.help = "Events and handshakes that have failed, by what "
				"went wrong and the vendor's name of it.",
		}, &tally->failures[i]);
	return rc;
}

void
tally_failure(const struct tally *tally, struct wps_worker *worker,
    enum failure failure)
{
	tally->host->count(worker, tally->failures[failure], 1);
}

void
tally_request(const struct tally *tally, struct wps_worker *worker,
    enum request_kind kind)
{
	tally->host->count(worker, tally->requests[kind], 1);
}

const char *
failure_event(enum failure failure)
{
	return failures[failure].event;
}
