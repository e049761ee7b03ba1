/* SPDX-License-Identifier: MIT */
/*
 * The configuration of the fake host: values of the test in front of the
 * fallbacks of the plugin's rows.
 *
 * Each struct wps_conf is made when it is first asked for and lives until the
 * fake host ends, as the ABI promises.
 */
#include "support/fakehost.h"

#include <strings.h>

struct wps_conf {
	LIST_ENTRY(wps_conf) link;
	struct fakehost *fake;         /* borrowed */
	const struct wps_option *rows; /* NULL: any name is a row */
	const struct fakehost_value *values, *defaults; /* may be NULL */
	char *hub;                     /* owned; NULL: no hub's */
};

static void
fail(const char *name, const char *what)
{
	fprintf(stderr, "fake host: option \"%s\" %s\n", name, what);
	abort();
}

static const struct wps_option *
find_row(const struct wps_option *rows, const char *name)
{
	for (; rows && rows->name; rows++)
		if (strcmp(rows->name, name) == 0)
			return rows;
	return NULL;
}

static const struct fakehost_value *
find_value(const struct fakehost_value *values, const char *name)
{
	for (; values && values->name; values++)
		if (strcmp(values->name, name) == 0)
			return values;
	return NULL;
}

static const struct fakehost_value *
value_of(const struct wps_conf *conf, const char *name)
{
	const struct fakehost_value *value = find_value(conf->values, name);

	return value ? value : find_value(conf->defaults, name);
}

#define KIND(type) (1u << (type))
#define KINDS_NUMBER (KIND(WPS_OPT_INT) | KIND(WPS_OPT_SIZE) |                 \
	KIND(WPS_OPT_DURATION) | KIND(WPS_OPT_ENUM))
#define KINDS_TEXT (KIND(WPS_OPT_STRING) | KIND(WPS_OPT_SECRET))
#define KINDS_ITEMS (KIND(WPS_OPT_STRINGS) | KIND(WPS_OPT_SECRETS))
#define KINDS_MAPS (KIND(WPS_OPT_MAP) | KIND(WPS_OPT_MAPS))

/* The row, or NULL where any name is one: a hub also has rows of the core. */
static const struct wps_option *
row_of(const struct wps_conf *conf, const char *name, unsigned kinds)
{
	const struct wps_option *row = find_row(conf->rows, name);

	if (conf->rows == NULL)
		return NULL;
	if (row == NULL && conf->hub && value_of(conf, name))
		return NULL;
	if (row == NULL)
		fail(name, "is no row");
	if ((KIND(row->type) & kinds) == 0)
		fail(name, "is of another type");
	return row;
}

/* --- fallbacks ----------------------------------------------------------------- */

static const struct unit {
	const char *text;
	int64_t size, duration; /* 0: not of that type */
} units[] = {
	{ .text = "", .size = 1 },
	{ .text = "k", .size = 1 << 10 },
	{ .text = "KiB", .size = 1 << 10 },
	{ .text = "M", .size = 1 << 20 },
	{ .text = "MiB", .size = 1 << 20 },
	{ .text = "G", .size = 1 << 30 },
	{ .text = "GiB", .size = 1 << 30 },
	{ .text = "ms", .duration = 1 },
	{ .text = "s", .duration = 1000 },
	{ .text = "m", .duration = 60 * 1000 },
	{ .text = "h", .duration = 60 * 60 * 1000 },
	{ .text = "d", .duration = 24 * 60 * 60 * 1000 },
};

static int64_t
scale(const struct wps_option *row, const char *unit)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(units[i].text, unit) != 0)
			continue;
		if (row->type == WPS_OPT_INT && *unit == '\0')
			return 1;
		if (row->type == WPS_OPT_SIZE && units[i].size)
			return units[i].size;
		if (row->type == WPS_OPT_DURATION && units[i].duration)
			return units[i].duration;
	}
	if (row->type == WPS_OPT_DURATION && *unit == '\0')
		return 1; /* a bare 0 */
	fail(row->name, "has a fallback without meaning");
	return 0;
}

static int64_t
choice(const struct wps_option *row)
{
	for (int64_t i = 0; row->choices && row->choices[i]; i++)
		if (strcmp(row->choices[i], row->fallback) == 0)
			return i;
	fail(row->name, "has a fallback that is no choice");
	return 0;
}

static int64_t
number_of(const struct wps_option *row)
{
	char *unit;

	if (row == NULL || row->fallback == NULL)
		return 0;
	if (row->type == WPS_OPT_ENUM)
		return choice(row);
	int64_t number = strtoll(row->fallback, &unit, 10);
	number *= scale(row, unit);
	if ((row->min || row->max) && (number < row->min || number > row->max))
		fail(row->name, "has a fallback out of its bounds");
	return number;
}

/* --- the host's functions --------------------------------------------------------- */

static bool
host_conf_bool(const struct wps_conf *conf, const char *name)
{
	const struct wps_option *row = row_of(conf, name, KIND(WPS_OPT_BOOL));
	const struct fakehost_value *value = value_of(conf, name);

	if (value)
		return value->number != 0;
	return row && row->fallback && strcmp(row->fallback, "true") == 0;
}

static int64_t
host_conf_int(const struct wps_conf *conf, const char *name)
{
	const struct wps_option *row = row_of(conf, name, KINDS_NUMBER);
	const struct fakehost_value *value = value_of(conf, name);

	return value ? value->number : number_of(row);
}

static struct wps_span
host_conf_span(const struct wps_conf *conf, const char *name)
{
	const struct wps_option *row = row_of(conf, name, KINDS_TEXT);
	const struct fakehost_value *value = value_of(conf, name);

	return wps_span_str(value ? value->text : row ? row->fallback : NULL);
}

static size_t
count_items(const struct fakehost_value *value)
{
	size_t count = 0;

	while (value->items && value->items[count])
		count++;
	while (value->maps && value->maps[count])
		count++;
	return count;
}

static size_t
host_conf_count(const struct wps_conf *conf, const char *name)
{
	const struct wps_option *row = row_of(conf, name, KINDS_ITEMS | KINDS_MAPS);
	const struct fakehost_value *value = value_of(conf, name);

	if (value)
		return count_items(value);
	return row && row->fallback ? 1 : 0;
}

static struct wps_span
host_conf_item(const struct wps_conf *conf, const char *name, size_t i)
{
	const struct wps_option *row = row_of(conf, name, KINDS_ITEMS);
	const struct fakehost_value *value = value_of(conf, name);

	if (i >= host_conf_count(conf, name))
		fail(name, "has no such item");
	return wps_span_str(value ? value->items[i] : row->fallback);
}

static void
host_conf_where(const struct wps_conf *conf, const char *name, char *dst,
    size_t cap)
{
	(void)conf;
	(void)name;
	snprintf(dst, cap, "wps.conf:7:3");
}

/* --- sections ------------------------------------------------------------------------ */

static void
check_names(const struct wps_option *rows, const struct fakehost_value *values)
{
	for (; rows && values && values->name; values++)
		if (find_row(rows, values->name) == NULL)
			fail(values->name, "is no row");
}

static struct wps_conf *
conf_new(struct fakehost *fake, const struct wps_option *rows,
    const struct fakehost_value *values, const struct fakehost_value *defaults)
{
	struct wps_conf *conf = calloc(1, sizeof(*conf));

	if (conf == NULL)
		abort();
	check_names(rows, values);
	conf->fake = fake;
	conf->rows = rows;
	conf->values = values;
	conf->defaults = defaults;
	LIST_INSERT_HEAD(&fake->confs, conf, link);
	return conf;
}

static const struct wps_conf *
host_conf_map(const struct wps_conf *conf, const char *name, size_t i)
{
	const struct wps_option *row = row_of(conf, name, KINDS_MAPS);
	const struct fakehost_value *value = value_of(conf, name);
	const struct wps_option *rows = row ? row->members : NULL;
	const struct wps_conf *known;

	if (i >= host_conf_count(conf, name))
		fail(name, "has no such map");
	LIST_FOREACH(known, &conf->fake->confs, link)
		if (known->hub == NULL && known->rows == rows &&
		    known->values == value->maps[i])
			return known;
	return conf_new(conf->fake, rows, value->maps[i], NULL);
}

static const struct wps_conf *
host_conf(const struct wps_self *self)
{
	return self->fake->own;
}

static const struct wps_conf *
host_conf_core(const struct wps_self *self)
{
	return self->fake->core;
}

static const struct fakehost_value *
hub_values(const struct fakehost *fake, const char *name)
{
	for (const struct fakehost_hub *hub = fake->conf.hubs; hub && hub->name;
	    hub++)
		if (strcmp(hub->name, name) == 0)
			return hub->values;
	return NULL;
}

static const struct wps_conf *
host_conf_hub(const struct wps_self *self, struct wps_span hub)
{
	struct fakehost *fake = self->fake;
	char *name = strndup(hub.data, hub.len);
	struct wps_conf *conf;

	if (name == NULL)
		abort();
	LIST_FOREACH(conf, &fake->confs, link) {
		if (conf->hub && strcasecmp(conf->hub, name) == 0) {
			free(name);
			return conf;
		}
	}
	for (char *c = name; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	conf = conf_new(fake, NULL, hub_values(fake, name), hub_values(fake, "*"));
	conf->rows = wps_plugin_v1.hub_options;
	conf->hub = name;
	return conf;
}

static struct wps_span
host_conf_hub_name(const struct wps_self *self, size_t i)
{
	const struct fakehost_hub *hub = self->fake->conf.hubs;

	for (; hub && hub->name; hub++) {
		if (strcmp(hub->name, "*") == 0)
			continue;
		if (i-- == 0)
			return wps_span_str(hub->name);
	}
	return WPS_SPAN_NONE;
}

/* --- life -------------------------------------------------------------------------------- */

void
fakehost_conf_init(struct fakehost *fake, const struct fakehost_conf *conf)
{
	static const struct wps_option none[] = { WPS_OPTION_END };
	const struct wps_option *rows = wps_plugin_v1.options;

	fake->conf = *conf;
	LIST_INIT(&fake->confs);
	fake->own = conf_new(fake, rows ? rows : none, conf->own, NULL);
	fake->core = conf_new(fake, NULL, conf->core, NULL);
	fake->host.conf = host_conf;
	fake->host.conf_core = host_conf_core;
	fake->host.conf_hub = host_conf_hub;
	fake->host.conf_hub_name = host_conf_hub_name;
	fake->host.conf_bool = host_conf_bool;
	fake->host.conf_int = host_conf_int;
	fake->host.conf_span = host_conf_span;
	fake->host.conf_count = host_conf_count;
	fake->host.conf_item = host_conf_item;
	fake->host.conf_map = host_conf_map;
	fake->host.conf_where = host_conf_where;
}

void
fakehost_conf_fini(struct fakehost *fake)
{
	struct wps_conf *conf;

	while ((conf = LIST_FIRST(&fake->confs))) {
		LIST_REMOVE(conf, link);
		free(conf->hub);
		free(conf);
	}
}
