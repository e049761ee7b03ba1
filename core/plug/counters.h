/* SPDX-License-Identifier: MIT */
/*
 * Counters: a table of what is counted, and an array of numbers for each worker,
 * which it alone writes and which shares no cache line with anything else.
 */
#ifndef PLUG_COUNTERS_H
#define PLUG_COUNTERS_H

#include "hub/points.h"

struct server;
struct worker;

/* See wps_counter for what is valid. */
bool counter_name_valid(const char *name);
bool counter_labels_valid(const char *labels);

/* Whether one of that name and those labels is there. */
bool counters_taken(const struct points *points, const struct wps_counter *counter);

/* The numbers of a worker. */
void counters_worker_init(struct worker *worker);
void counters_worker_fini(struct worker *worker);

/* The owner. */
void counters_add(struct worker *worker, unsigned id, uint64_t n);

/* Any thread, until the server is freed. */
void counters_each(const struct server *server, wps_counter_fn fn, void *data);

/* No worker counts for the plugin any more; others may be reading. */
void counters_withdraw(struct points *points, const struct wps_self *self);

/* A line for each that is not zero. */
void counters_log(const struct server *server);

#endif
