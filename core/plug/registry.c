/* SPDX-License-Identifier: MIT */
#include "plug/registry.h"

#include "hub/server.h"
#include "lib/names.h"
#include "plug/counters.h"
#include "util/log.h"

/* Copies what both know of; the first member of every ops struct is its size. */
#define COPY_OPS(dst, ops)                                                     \
	copy_ops(dst, sizeof(*(dst)), ops, (ops)->struct_size)

static void
copy_ops(void *dst, size_t known, const void *ops, size_t given)
{
	memset(dst, 0, known);
	memcpy(dst, ops, given < known ? given : known);
}

static int
refuse(const struct wps_self *self, int rc, const char *what, const char *why)
{
	log_errx("core", "plugin %s: cannot add %s: %s", self->plugin->name,
	    what, why);
	return rc;
}

/* Workers read the tables without a lock: they change before they run. */
static int
check_time(const struct wps_self *self, const char *what)
{
	if (self->ready)
		return refuse(self, WPS_EINVAL, what,
		    "only init registers anything");
	return WPS_OK;
}

static bool
subprotocol_taken(const struct points *points, const char *name)
{
	for (unsigned i = 0; i < points->subprotocol_count; i++)
		if (name_eq_nocase(wps_span_str(name),
		    wps_span_str(points->subprotocols[i].ops.name)))
			return true;
	return false;
}

int
registry_add_subprotocol(struct wps_self *self,
    const struct wps_subprotocol *ops)
{
	struct points *points = &self->server->points;
	struct subprotocol *sub =
	    &points->subprotocols[points->subprotocol_count];

	if (check_time(self, "subprotocol") != WPS_OK)
		return WPS_EINVAL;
	if (points->subprotocol_count == SUBPROTOCOLS_MAX)
		return refuse(self, WPS_FULL, "subprotocol", "there are too many");
	COPY_OPS(&sub->ops, ops);
	if (sub->ops.name == NULL || *sub->ops.name == '\0')
		return refuse(self, WPS_EINVAL, "subprotocol", "name is missing");
	if (sub->ops.recv == NULL)
		return refuse(self, WPS_EINVAL, sub->ops.name, "recv is missing");
	if (sub->ops.encode == NULL)
		return refuse(self, WPS_EINVAL, sub->ops.name,
		    "encode is missing");
	if ((sub->ops.flags & WPS_SUBPROTOCOL_RELIABLE) &&
	    sub->ops.recover == NULL)
		return refuse(self, WPS_EINVAL, sub->ops.name,
		    "recover is missing");
	if (!sub->ops.save != !sub->ops.restore)
		return refuse(self, WPS_EINVAL, sub->ops.name,
		    "save or restore is missing");
	if (subprotocol_taken(points, sub->ops.name))
		return refuse(self, WPS_DUPLICATE, sub->ops.name,
		    "the name is taken");
	sub->self = self;
	sub->index = points->subprotocol_count++;
	return WPS_OK;
}

int
registry_add_auth(struct wps_self *self, const struct wps_auth *ops)
{
	struct points *points = &self->server->points;
	struct wps_auth copy;

	if (check_time(self, "auth") != WPS_OK)
		return WPS_EINVAL;
	COPY_OPS(&copy, ops);
	if (points->auth_self)
		return refuse(self, WPS_DUPLICATE, "auth",
		    "another plugin does this already");
	if (copy.authenticate == NULL)
		return refuse(self, WPS_EINVAL, "auth",
		    "authenticate is missing");
	if (copy.permit == NULL)
		return refuse(self, WPS_EINVAL, "auth", "permit is missing");
	points->auth = copy;
	points->auth_self = self;
	return WPS_OK;
}

int
registry_add_upstream(struct wps_self *self, const struct wps_upstream *ops)
{
	struct points *points = &self->server->points;
	struct upstream *upstream = &points->upstreams[points->upstream_count];

	if (check_time(self, "upstream") != WPS_OK)
		return WPS_EINVAL;
	if (points->upstream_count == UPSTREAMS_MAX)
		return refuse(self, WPS_FULL, "upstream", "there are too many");
	COPY_OPS(&upstream->ops, ops);
	if (upstream->ops.wants == NULL)
		return refuse(self, WPS_EINVAL, "upstream", "wants is missing");
	if (upstream->ops.deliver == NULL)
		return refuse(self, WPS_EINVAL, "upstream",
		    "deliver is missing");
	if (upstream->ops.cancel == NULL)
		return refuse(self, WPS_EINVAL, "upstream",
		    "cancel is missing");
	if (!upstream->ops.save != !upstream->ops.restore)
		return refuse(self, WPS_EINVAL, "upstream",
		    "save or restore is missing");
	upstream->self = self;
	points->upstream_count++;
	return WPS_OK;
}

static bool
prefix_taken(const struct points *points, const char *prefix)
{
	for (unsigned i = 0; i < points->route_count; i++)
		if (strcmp(points->routes[i].ops.prefix, prefix) == 0)
			return true;
	return false;
}

int
registry_add_route(struct wps_self *self, const struct wps_route *ops)
{
	struct points *points = &self->server->points;
	struct route *route = &points->routes[points->route_count];

	if (check_time(self, "route") != WPS_OK)
		return WPS_EINVAL;
	if (points->route_count == ROUTES_MAX)
		return refuse(self, WPS_FULL, "route", "there are too many");
	COPY_OPS(&route->ops, ops);
	const char *prefix = route->ops.prefix;
	size_t len = prefix ? strlen(prefix) : 0;
	if (len == 0 || prefix[0] != '/' || prefix[len - 1] != '/')
		return refuse(self, WPS_EINVAL, "route",
		    "prefix must begin and end with /");
	if (route->ops.serve == NULL)
		return refuse(self, WPS_EINVAL, prefix, "serve is missing");
	if (prefix_taken(points, prefix))
		return refuse(self, WPS_DUPLICATE, prefix, "the prefix is taken");
	route->self = self;
	route->prefix_len = len;
	points->route_count++;
	return WPS_OK;
}

int
registry_add_counter(struct wps_self *self, const struct wps_counter *given,
    unsigned *id_out)
{
	struct points *points = &self->server->points;
	struct counter *counter = &points->counters[points->counter_count];

	if (check_time(self, "counter") != WPS_OK)
		return WPS_EINVAL;
	if (points->counter_count == COUNTERS_MAX)
		return refuse(self, WPS_FULL, "counter", "there are too many");
	COPY_OPS(&counter->ops, given);
	const char *name = counter->ops.name, *labels = counter->ops.labels;
	if (name == NULL || !counter_name_valid(name))
		return refuse(self, WPS_EINVAL, "counter",
		    "name is missing, or no name of Prometheus");
	if (labels && !counter_labels_valid(labels))
		return refuse(self, WPS_EINVAL, name,
		    "labels are not of the form a=\"x\",b=\"y\"");
	if (counter->ops.help == NULL)
		return refuse(self, WPS_EINVAL, name, "help is missing");
	if (counters_taken(points, &counter->ops))
		return refuse(self, WPS_DUPLICATE, name,
		    "the name is taken, with the same labels");
	counter->self = self;
	*id_out = points->counter_count++;
	return WPS_OK;
}

/* --- withdrawing ------------------------------------------------------------- */

/* Closes the gaps in a table of registrations whose `self` stands at an offset;
 * returns how many are left. */
static unsigned
keep_others(void *table, size_t size, size_t self_at, unsigned count,
    const struct wps_self *self)
{
	char *items = table;
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct wps_self *of;
		memcpy(&of, items + i * size + self_at, sizeof(of));
		if (of != self)
			memmove(items + kept++ * size, items + i * size, size);
	}
	return kept;
}

void
registry_withdraw(const struct wps_self *self)
{
	struct points *points = &self->server->points;

	points->subprotocol_count = keep_others(points->subprotocols,
	    sizeof(struct subprotocol), offsetof(struct subprotocol, self),
	    points->subprotocol_count, self);
	points->upstream_count = keep_others(points->upstreams,
	    sizeof(struct upstream), offsetof(struct upstream, self),
	    points->upstream_count, self);
	points->route_count = keep_others(points->routes,
	    sizeof(struct route), offsetof(struct route, self),
	    points->route_count, self);
	counters_withdraw(points, self);
	if (points->auth_self == self)
		points->auth_self = NULL;
}
