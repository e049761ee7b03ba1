/* SPDX-License-Identifier: MIT */
#include "hub/points.h"

#include "lib/names.h"
#include "net/loop.h"

void *
plugin_state(const struct worker *worker, const struct wps_self *self)
{
	return worker->plugin_states[self->index];
}

const struct subprotocol *
points_subprotocol(const struct points *points, struct wps_span name)
{
	for (unsigned i = 0; i < points->subprotocol_count; i++) {
		const struct subprotocol *sub = &points->subprotocols[i];
		if (!(sub->ops.flags & WPS_SUBPROTOCOL_NAMELESS) &&
		    name_eq_nocase(wps_span_str(sub->ops.name), name))
			return sub;
	}
	return NULL;
}

const struct subprotocol *
points_registered(const struct points *points, struct wps_span name)
{
	for (unsigned i = 0; i < points->subprotocol_count; i++)
		if (wps_span_eq(wps_span_str(points->subprotocols[i].ops.name),
		    name))
			return &points->subprotocols[i];
	return NULL;
}

const struct wps_self *
points_plugin(const struct points *points, struct wps_span name)
{
	for (unsigned i = 0; i < points->plugin_count; i++)
		if (wps_span_eq(wps_span_str(points->plugins[i].plugin->name),
		    name))
			return &points->plugins[i];
	return NULL;
}

const struct upstream *
points_upstream(const struct points *points, const struct wps_self *self)
{
	for (unsigned i = 0; i < points->upstream_count; i++)
		if (points->upstreams[i].self == self)
			return &points->upstreams[i];
	return NULL;
}

const struct subprotocol *
points_nameless(const struct points *points, struct wps_span name)
{
	for (unsigned i = 0; i < points->subprotocol_count; i++) {
		const struct subprotocol *sub = &points->subprotocols[i];
		if ((sub->ops.flags & WPS_SUBPROTOCOL_NAMELESS) &&
		    (name.len == 0 ||
		     name_eq_nocase(wps_span_str(sub->ops.name), name)))
			return sub;
	}
	return NULL;
}

const struct route *
points_route(const struct points *points, struct wps_span path)
{
	const struct route *best = NULL;

	for (unsigned i = 0; i < points->route_count; i++) {
		const struct route *route = &points->routes[i];
		if (path.len >= route->prefix_len &&
		    memcmp(path.data, route->ops.prefix,
			route->prefix_len) == 0 &&
		    (best == NULL || route->prefix_len > best->prefix_len))
			best = route;
	}
	return best;
}
