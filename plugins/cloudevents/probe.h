/* SPDX-License-Identifier: MIT */
/*
 * The trial of wps -t --upstreams: is each handler there, and does it agree? Says
 * in words what is wrong, and what to do about it.
 *
 * It blocks: no worker runs.
 */
#ifndef CLOUDEVENTS_PROBE_H
#define CLOUDEVENTS_PROBE_H

#include "worker.h"

/* See wps_plugin.probe. */
int probe_handlers(const struct cloudevents *plugin,
    void (*say)(void *data, const char *line), void *data);

#endif
