/* SPDX-License-Identifier: MIT */
/*
 * Counters: numbers that only grow, for whoever watches the server.
 *
 * A plugin registers them in init and counts on its workers, each of which has a
 * place of its own: counting is an addition to memory that nobody else writes.
 * Whoever reads gets the sum of all workers. Names and labels are those of the
 * Prometheus text format.
 */
#ifndef WPS_COUNTER_H
#define WPS_COUNTER_H

#include <wps/abi.h>

/* A counter, as a plugin registers it. */
struct wps_counter {
	uint32_t struct_size;

	/* [a-zA-Z_][a-zA-Z0-9_]*, best "wps_..._total". Mandatory. Counters may
	 * share a name: then their labels differ and their help does not. */
	const char *name;

	/* What stands between the braces: a="x",b="y"; a value has no control
	 * character, no backslash and no quote. NULL: none. */
	const char *labels;

	const char *help; /* one line; mandatory */
};

/* A counter, as it is read. The host makes it; borrowed during the call. */
struct wps_counter_view {
	const char *name;
	const char *labels; /* "" if there are none */
	const char *help;
	uint64_t value;     /* since the start */
};

/* [any] Called on the thread that reads. It must not read the counters itself. */
typedef void (*wps_counter_fn)(void *data, const struct wps_counter_view *view);

#endif
