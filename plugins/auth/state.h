/* SPDX-License-Identifier: MIT */
/*
 * The plugin's state, and that of each worker.
 */
#ifndef AUTH_STATE_H
#define AUTH_STATE_H

#include "cache.h"

#include <wps/host.h>

/* Written by init, only read afterwards. */
struct auth {
	const struct wps_host *host;
	struct wps_self *self;
	struct keys keys;
	struct endpoints endpoints;
	bool local; /* access keys sign and verify */
	double skew_s;
	size_t max_token, max_cached;
};

struct auth_worker {
	const struct auth *auth;
	struct token_reader reader;
	struct cache cache;
	char *path; /* owned; room for the path of a request */
	size_t path_max;
};

#endif
