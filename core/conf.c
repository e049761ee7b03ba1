/* SPDX-License-Identifier: MIT */
/*
 * Whole files: the sections, the hubs and what they inherit; and the values as
 * the rest of the program reads them.
 */
#include "conf_impl.h"

#include "lib/names.h"
#include "util/alloc.h"
#include "util/attr.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- reports ----------------------------------------------------------------------- */

void
conf_report_add(struct conf_report *report, const char *format, ...)
{
	char line[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	size_t len = strlen(line);
	line[len++] = '\n';
	report->text = xrealloc(report->text, report->len + len + 1, 1);
	memcpy(report->text + report->len, line, len);
	report->len += len;
	report->text[report->len] = '\0';
	report->count++;
}

void
conf_report_fini(struct conf_report *report)
{
	free(report->text);
	*report = (struct conf_report){ 0 };
}

/* --- memory -------------------------------------------------------------------------- */

void *
conf_alloc(struct conf_set *set, size_t size, bool secret)
{
	struct conf_block *block = xcalloc(1, sizeof(*block) + size);

	block->size = size;
	block->secret = secret;
	block->next = set->blocks;
	set->blocks = block;
	return block->bytes;
}

struct wps_span
conf_keep(struct conf_set *set, const char *bytes, size_t len, bool secret)
{
	char *copy = conf_alloc(set, len + 1, secret);

	memcpy(copy, bytes, len);
	return (struct wps_span){ copy, len };
}

void
conf_set_free(struct conf_set **ref)
{
	struct conf_set *set = *ref;

	*ref = NULL;
	if (set == NULL)
		return;
	while (set->blocks) {
		struct conf_block *block = set->blocks;
		set->blocks = block->next;
		if (block->secret)
			explicit_bzero(block->bytes, block->size);
		free(block);
	}
	free(set->path);
	free(set);
}

/* --- schemas --------------------------------------------------------------------------- */

static void
schema_add(struct conf_schema *schema, const struct wps_option *rows)
{
	if (rows == NULL)
		return;
	wps_assert(schema->table_count < CONF_TABLES);
	schema->tables[schema->table_count++] = rows;
	for (; rows->name; rows++)
		schema->row_count++;
}

/* Two plugins must not add one hub option. */
static void
check_hub_rows(struct conf_set *set, const struct conf_rows *plugin)
{
	for (const struct wps_option *row = plugin->hub_options;
	    row && row->name; row++)
		for (size_t i = 0; i < set->hub_schema.row_count; i++)
			if (strcmp(row->name, conf_schema_row(
			    &set->hub_schema, i)->name) == 0)
				conf_report_add(set->report, "%s: plugin "
				    "\"%s\" adds the hub option \"%s\", which "
				    "there is already", set->path, plugin->name,
				    row->name);
}

/* A row for each plugin's section, behind the core's rows. */
static const struct wps_option *
section_rows(struct conf_set *set, const struct conf_rows *plugins,
    unsigned count)
{
	static const struct wps_option none[] = { WPS_OPTION_END };
	struct wps_option *rows =
	    conf_alloc(set, (count + 1) * sizeof(*rows), false);

	for (unsigned i = 0; i < count; i++) {
		rows[i].name = plugins[i].name;
		rows[i].type = WPS_OPT_MAP;
		rows[i].members = plugins[i].options ? plugins[i].options : none;
	}
	return rows;
}

/* --- sections ---------------------------------------------------------------------------- */

static void
judge_top(struct conf_set *set, const struct wps_option *core,
    const struct conf_rows *plugins, unsigned count)
{
	const struct wps_option *sections = section_rows(set, plugins, count);

	schema_add(&set->core_schema, core);
	size_t first = set->core_schema.row_count;
	schema_add(&set->core_schema, sections);
	set->core_schema.elsewhere = "hubs";
	conf_judge(set, &set->core, &set->core_schema, set->tree->root, "");
	set->plugins = conf_alloc(set, count * sizeof(*set->plugins), false);
	for (unsigned i = 0; i < count; i++) {
		const struct conf_value *value = &set->core.values[first + i];
		if (value->count > 0)
			set->plugins[i] = value->maps[0];
		else
			conf_judge_section(set, &set->plugins[i], &sections[i],
			    NULL);
	}
}

/* --- hubs ---------------------------------------------------------------------------------- */

static int
compare_names(struct wps_span a, struct wps_span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = memcmp(a.data, b.data, len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Its place among the sorted names; false: it is not there, but would be. */
static bool
find_hub(const struct conf_set *set, struct wps_span lower, size_t *at_out)
{
	size_t from = 0, to = set->hub_count;

	while (from < to) {
		size_t middle = (from + to) / 2;
		int order = compare_names(lower, set->hub_names[middle]);
		if (order == 0) {
			*at_out = middle;
			return true;
		}
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	*at_out = from;
	return false;
}

static void
complain(const struct conf_set *set, const struct conf_node *node,
    const char *text)
{
	conf_report_add(set->report, "%s:%u:%u: hub \"%.200s\": %s", set->path,
	    node->line, node->column, node->key, text);
}

/* Keeps the sorted order; NULL: the report says why. */
static struct wps_conf *
add_hub(struct conf_set *set, const struct conf_node *node)
{
	struct wps_span name = { node->key, strlen(node->key) };
	size_t at;

	if (!name_hub_valid(name)) {
		complain(set, node, "is no name of a hub");
		return NULL;
	}
	struct wps_span lower = conf_keep(set, name.data, name.len, false);
	char *letters = conf_alloc(set, name.len + 1, false);
	name_lower(letters, name);
	lower.data = letters;
	if (find_hub(set, lower, &at)) {
		complain(set, node, "stands here twice: names of hubs have no case");
		return NULL;
	}
	size_t behind = set->hub_count - at;
	memmove(&set->hubs[at + 1], &set->hubs[at], behind * sizeof(*set->hubs));
	memmove(&set->hub_names[at + 1], &set->hub_names[at],
	    behind * sizeof(*set->hub_names));
	set->hub_names[at] = lower;
	set->hub_count++;
	return &set->hubs[at];
}

static void
judge_hub(struct conf_set *set, struct wps_conf *conf,
    const struct conf_node *node)
{
	char what[300];

	if (node->kind != CONF_MAP && !conf_node_is_null(node)) {
		complain(set, node, "must be a map of options");
		node = NULL;
	}
	snprintf(what, sizeof(what), "hub \"%.200s\"", node ? node->key : "");
	conf_judge(set, conf, &set->hub_schema, node, what);
}

/* What a hub does not say it has from the hub "*". */
static void
inherit(const struct conf_set *set, struct wps_conf *hub)
{
	for (size_t i = 0; i < set->hub_schema.row_count; i++)
		if (!hub->values[i].set)
			hub->values[i] = set->any_hub.values[i];
}

static void
judge_hubs(struct conf_set *set)
{
	const struct conf_node *hubs = conf_node_find(set->tree->root, "hubs");
	const struct conf_node *any = NULL;
	size_t count = 0;

	if (hubs && hubs->kind == CONF_MAP)
		any = conf_node_find(hubs, "*");
	else if (hubs && !conf_node_is_null(hubs))
		conf_report_add(set->report, "%s:%u:%u: hubs: must be a map of "
		    "hubs", set->path, hubs->line, hubs->column);
	if (any)
		judge_hub(set, &set->any_hub, any);
	else
		conf_judge(set, &set->any_hub, &set->hub_schema, NULL, "");

	for (const struct conf_node *node = hubs ? hubs->first : NULL; node;
	    node = node->next)
		count++;
	set->hubs = conf_alloc(set, count * sizeof(*set->hubs), false);
	set->hub_names = conf_alloc(set, count * sizeof(*set->hub_names), false);
	for (const struct conf_node *node =
	    hubs && hubs->kind == CONF_MAP ? hubs->first : NULL; node;
	    node = node->next) {
		struct wps_conf *hub =
		    node == any ? NULL : add_hub(set, node);
		if (hub == NULL)
			continue;
		judge_hub(set, hub, node);
		inherit(set, hub);
	}
}

/* --- the whole -------------------------------------------------------------------------------- */

struct conf_set *
conf_set_new(const struct conf_tree *tree, const struct wps_option *core,
    const struct wps_option *core_hub, const struct conf_rows *plugins,
    unsigned count, struct conf_report *report)
{
	struct conf_set *set = xcalloc(1, sizeof(*set));
	unsigned before = report->count;

	set->path = xdup(wps_span_str(tree->path));
	set->shared = tree->shared;
	set->tree = tree;
	set->report = report;
	schema_add(&set->hub_schema, core_hub);
	for (unsigned i = 0; i < count; i++) {
		check_hub_rows(set, &plugins[i]);
		schema_add(&set->hub_schema, plugins[i].hub_options);
	}
	judge_top(set, core, plugins, count);
	judge_hubs(set);
	set->tree = NULL;
	set->report = NULL;
	if (report->count > before)
		conf_set_free(&set);
	return set;
}

const struct wps_conf *
conf_core(const struct conf_set *set)
{
	return &set->core;
}

const struct wps_conf *
conf_plugin(const struct conf_set *set, unsigned i)
{
	return &set->plugins[i];
}

const struct wps_conf *
conf_hub(const struct conf_set *set, struct wps_span name)
{
	char lower[NAME_HUB_MAX];
	size_t at;

	if (name.len > sizeof(lower))
		return &set->any_hub;
	name_lower(lower, name);
	return find_hub(set, (struct wps_span){ lower, name.len }, &at) ?
	    &set->hubs[at] : &set->any_hub;
}

struct wps_span
conf_hub_name(const struct conf_set *set, size_t i)
{
	return i < set->hub_count ? set->hub_names[i] : WPS_SPAN_NONE;
}

/* --- values -------------------------------------------------------------------------------------- */

static unsigned
bit(enum wps_option_type type)
{
	return 1u << type;
}

#define NUMBERS                                                                \
	(bit(WPS_OPT_INT) | bit(WPS_OPT_SIZE) | bit(WPS_OPT_DURATION) |        \
	 bit(WPS_OPT_ENUM))
#define TEXTS (bit(WPS_OPT_STRING) | bit(WPS_OPT_SECRET))
#define LISTS (bit(WPS_OPT_STRINGS) | bit(WPS_OPT_SECRETS))
#define MAPS (bit(WPS_OPT_MAPS) | bit(WPS_OPT_MAP))

/* A name that is no row, or of another type, is a mistake of who asks. */
static const struct conf_value *
value_of(const struct wps_conf *conf, const char *name, unsigned types)
{
	for (size_t i = 0; i < conf->schema->row_count; i++) {
		const struct wps_option *row = conf_schema_row(conf->schema, i);
		if (strcmp(row->name, name) == 0) {
			wps_assert(types & bit(row->type));
			return &conf->values[i];
		}
	}
	wps_assert(!"the option has a row");
	return NULL;
}

bool
conf_bool(const struct wps_conf *conf, const char *name)
{
	return value_of(conf, name, bit(WPS_OPT_BOOL))->number != 0;
}

int64_t
conf_int(const struct wps_conf *conf, const char *name)
{
	return value_of(conf, name, NUMBERS)->number;
}

struct wps_span
conf_span(const struct wps_conf *conf, const char *name)
{
	return value_of(conf, name, TEXTS)->text;
}

size_t
conf_count(const struct wps_conf *conf, const char *name)
{
	return value_of(conf, name, LISTS | MAPS)->count;
}

struct wps_span
conf_item(const struct wps_conf *conf, const char *name, size_t i)
{
	const struct conf_value *value = value_of(conf, name, LISTS);

	wps_assert(i < value->count);
	return value->items[i];
}

const struct wps_conf *
conf_map(const struct wps_conf *conf, const char *name, size_t i)
{
	const struct conf_value *value = value_of(conf, name, MAPS);

	wps_assert(i < value->count);
	return &value->maps[i];
}

void
conf_where(const struct wps_conf *conf, const char *name, char *dst, size_t cap)
{
	const struct conf_value *value =
	    value_of(conf, name, NUMBERS | TEXTS | LISTS | MAPS | bit(WPS_OPT_BOOL));

	snprintf(dst, cap, "%s:%u:%u", conf->path, value->line, value->column);
}
