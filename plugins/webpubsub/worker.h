/* SPDX-License-Identifier: MIT */
/*
 * What the plugin keeps: once, and once per worker.
 */
#ifndef WEBPUBSUB_WORKER_H
#define WEBPUBSUB_WORKER_H

#include "request.h"
#include "scratch.h"

#include <wps/wps.h>

#include <sys/queue.h>

struct stream;

struct plugin {
	const struct wps_host *host; /* borrowed: outlives the plugin */
	struct wps_self *self;       /* borrowed, as above */
	uint32_t ack_ids;            /* remembered per connection */
	bool drops;                  /* clients whose events fail are closed */
	size_t state_size;           /* bytes of a group state at most */
	uint64_t retoken_s;          /* seconds that a reconnection token lives */
};

struct worker {
	const struct plugin *plugin; /* borrowed: outlives its workers */
	struct scratch requests;     /* what is read */
	struct scratch replies;      /* what is written to one connection */
	LIST_HEAD(, stream) due;     /* streams with fragments to acknowledge */
	bool acks_posted;            /* at the end of this turn they are */
};

#endif
