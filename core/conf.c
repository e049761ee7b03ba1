/* SPDX-License-Identifier: MIT */
/*
 * Whole files: the sections, the hubs and what they inherit; and the values as
 * the rest of the program reads them.
 *
 * Every named hub has all values, its own over those of "*", from the start:
 * finding them takes no lock and no memory, on any thread.
 */
#include "conf_impl.h"

#include "lib/names.h"
#include "util/alloc.h"
#include "util/attr.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HUBS_MAX 10000 /* with options of their own: some KiB each */

/* --- memory -------------------------------------------------------------- */

static struct conf_block *
add_block(struct conf_set *set, size_t size)
{
	struct conf_block *block = xcalloc(1, sizeof(*block) + size);

	block->next = set->blocks;
	set->blocks = block;
	return block;
}

void *
conf_alloc(struct conf_set *set, size_t size)
{
	return add_block(set, size)->bytes;
}

struct wps_span
conf_keep(struct conf_set *set, const char *bytes, size_t len)
{
	struct conf_block *block = add_block(set, len + 1);

	block->text_len = len;
	memcpy(block->bytes, bytes, len);
	return (struct wps_span){ (char *)block->bytes, len };
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
		explicit_bzero(block->bytes, block->text_len);
		free(block);
	}
	free(set->path);
	free(set);
}

/* --- plugins ------------------------------------------------------------- */

/* An error at the name of a plugin in the file. */
static void ATTR_PRINTF(3, 4)
complain_plugin(const struct conf_set *set, const char *plugin,
    const char *format, ...)
{
	char where[512], text[300];
	struct wps_span name;
	va_list args;
	size_t i = 0;

	while (conf_tree_item(set->tree, "plugins", i, &name) &&
	    !wps_span_eq(name, wps_span_str(plugin)))
		i++;
	conf_tree_where(set->tree, "plugins", i, where, sizeof(where));
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	conf_report_add(set->report, "%s: plugin \"%.64s\": %s", where, plugin,
	    text);
}

/* A row for the section of each plugin. */
static const struct wps_option *
section_rows(struct conf_set *set, const struct conf_rows *plugins,
    unsigned count)
{
	static const struct wps_option none[] = { WPS_OPTION_END };
	struct wps_option *rows =
	    conf_alloc(set, (count + 1) * sizeof(*rows));

	for (unsigned i = 0; i < count; i++) {
		rows[i].name = plugins[i].name;
		rows[i].type = WPS_OPT_MAP;
		rows[i].members = plugins[i].options ? plugins[i].options : none;
	}
	return rows;
}

/* Whether another row stands in front of this one with its name. */
static bool
is_taken(const struct conf_schema *schema, const struct wps_option *row)
{
	size_t at;

	return !conf_schema_find(schema, row->name, &at) ||
	    schema->rows[at] != row;
}

static void
check_plugin(const struct conf_set *set, const struct conf_rows *plugin,
    const struct wps_option *section)
{
	if (is_taken(set->core_schema, section) ||
	    strcmp(section->name, "hubs") == 0)
		complain_plugin(set, plugin->name,
		    "there is an option with its name");
	for (const struct wps_option *row = plugin->hub_options;
	    row && row->name; row++)
		if (is_taken(set->hub_schema, row))
			complain_plugin(set, plugin->name, "it adds the hub "
			    "option \"%s\", which there is already", row->name);
}

static void
judge_top(struct conf_set *set, const struct wps_option *core,
    const struct conf_rows *plugins, unsigned count)
{
	const struct wps_option *sections = section_rows(set, plugins, count);
	const struct wps_option *tables[] = { core, sections };

	set->core_schema = conf_schema_new(set, tables, ARRAY_LEN(tables));
	set->core_schema->top = true;
	conf_judge(set, &set->core, set->core_schema, set->tree->root, "", NULL);
	set->plugins = conf_alloc(set, count * sizeof(*set->plugins));
	for (unsigned i = 0; i < count; i++) {
		const struct conf_value *value =
		    &set->core.values[set->core_schema->count - count + i];
		check_plugin(set, &plugins[i], &sections[i]);
		if (value->count > 0)
			set->plugins[i] = value->maps[0];
		else
			conf_judge_section(set, &set->plugins[i], &sections[i],
			    NULL);
	}
}

/* --- hubs ---------------------------------------------------------------- */

/* Its place among the sorted names; false: it is not there, but would be. */
static bool
find_hub(const struct conf_set *set, struct wps_span lower, size_t *at_out)
{
	size_t from = 0, to = set->hub_count;

	while (from < to) {
		size_t middle = (from + to) / 2;
		int order = name_order(lower, set->hub_names[middle]);
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

/* Judged for its errors even where it has no place among the hubs. */
static void
judge_hub(struct conf_set *set, struct wps_conf *conf,
    const struct conf_node *node, const struct wps_conf *under)
{
	bool map = node->kind == CONF_MAP;
	char what[300];

	if (!map && !node->refused && !conf_node_is_null(node))
		complain(set, node, "must be a map of options");
	snprintf(what, sizeof(what), "hub \"%.200s\"", node->key);
	conf_judge(set, conf, set->hub_schema, map ? node : NULL, what, under);
}

static struct wps_span
lower_name(struct conf_set *set, struct wps_span name)
{
	char *lower = conf_alloc(set, name.len + 1);

	name_lower(lower, name);
	return (struct wps_span){ lower, name.len };
}

/* The names stay sorted. */
static void
add_hub(struct conf_set *set, const struct conf_node *node,
    const struct wps_conf *conf)
{
	struct wps_span name = wps_span_str(node->key);
	size_t at;

	if (!name_hub_valid(name)) {
		complain(set, node, "is no name of a hub");
		return;
	}
	name = lower_name(set, name);
	if (find_hub(set, name, &at)) {
		complain(set, node, "stands here twice: the case of letters "
		    "makes no difference");
		return;
	}
	size_t behind = set->hub_count++ - at;
	memmove(&set->hubs[at + 1], &set->hubs[at], behind * sizeof(*set->hubs));
	memmove(&set->hub_names[at + 1], &set->hub_names[at],
	    behind * sizeof(*set->hub_names));
	set->hub_names[at] = name;
	set->hubs[at] = *conf;
}

/* The hub "*", which all others stand on. */
static void
judge_any_hub(struct conf_set *set, const struct conf_node *hubs)
{
	const struct conf_node *node = hubs ? conf_node_find(hubs, "*") : NULL;

	if (node)
		judge_hub(set, &set->any_hub, node, NULL);
	else
		conf_judge(set, &set->any_hub, set->hub_schema, NULL,
		    "hub \"*\"", NULL);
}

static void
judge_named_hubs(struct conf_set *set, const struct conf_node *hubs)
{
	size_t count = 0;

	for (const struct conf_node *node = hubs->first; node; node = node->next)
		count++;
	if (count > HUBS_MAX) {
		conf_report_add(set->report, "%s:%u:%u: hubs: must have at most "
		    "%d hubs, not %zu", set->path, hubs->line, hubs->column,
		    HUBS_MAX, count);
		return;
	}
	set->hubs = conf_alloc(set, count * sizeof(*set->hubs));
	set->hub_names = conf_alloc(set, count * sizeof(*set->hub_names));
	for (const struct conf_node *node = hubs->first; node;
	    node = node->next) {
		struct wps_conf conf;
		if (node->refused || strcmp(node->key, "*") == 0)
			continue;
		judge_hub(set, &conf, node, &set->any_hub);
		add_hub(set, node, &conf);
	}
}

static void
judge_hubs(struct conf_set *set)
{
	const struct conf_node *hubs = conf_node_find(set->tree->root, "hubs");

	if (hubs && hubs->kind != CONF_MAP) {
		if (!hubs->refused && !conf_node_is_null(hubs))
			conf_report_add(set->report, "%s:%u:%u: hubs: must be a "
			    "map of hubs", set->path, hubs->line, hubs->column);
		hubs = NULL;
	}
	judge_any_hub(set, hubs);
	if (hubs)
		judge_named_hubs(set, hubs);
}

/* --- the whole ----------------------------------------------------------- */

static void
make_hub_schema(struct conf_set *set, const struct wps_option *core_hub,
    const struct conf_rows *plugins, unsigned count)
{
	const struct wps_option **tables =
	    xcalloc(count + 1, sizeof(const struct wps_option *));

	tables[0] = core_hub;
	for (unsigned i = 0; i < count; i++)
		tables[i + 1] = plugins[i].hub_options;
	set->hub_schema = conf_schema_new(set, tables, count + 1);
	free(tables);
}

/* Whether the file names a plugin that has no rows here. */
static bool
lost_plugin(const struct conf_tree *tree, const struct conf_rows *plugins,
    unsigned count)
{
	struct wps_span name;

	for (size_t i = 0; conf_tree_item(tree, "plugins", i, &name); i++) {
		unsigned k = 0;
		while (k < count &&
		    !wps_span_eq(name, wps_span_str(plugins[k].name)))
			k++;
		if (k == count)
			return true;
	}
	return false;
}

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
	set->plugin_lost = lost_plugin(tree, plugins, count);
	make_hub_schema(set, core_hub, plugins, count);
	judge_top(set, core, plugins, count);
	judge_hubs(set);
	set->tree = NULL;
	set->report = NULL;
	if (tree->faulty || report->count > before)
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

/* --- values -------------------------------------------------------------- */

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
	size_t index = 0;
	bool known = conf_schema_find(conf->schema, name, &index);

	wps_assert(known && types & bit(conf->schema->rows[index]->type));
	return &conf->values[index];
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

char *
conf_beside(const char *conf, const char *path)
{
	const char *slash = strrchr(conf, '/');
	size_t folder = slash && path[0] != '/' ? (size_t)(slash - conf) + 1 : 0;
	char *full = xmalloc(folder + strlen(path) + 1);

	memcpy(full, conf, folder);
	memcpy(full + folder, path, strlen(path) + 1);
	return full;
}

char *
conf_file(const struct wps_conf *conf, const char *name)
{
	struct wps_span path = conf_span(conf, name);

	return path.data ? conf_beside(conf->path, path.data) : NULL;
}

void
conf_where(const struct wps_conf *conf, const char *name, char *dst, size_t cap)
{
	const struct conf_value *value =
	    value_of(conf, name, NUMBERS | TEXTS | LISTS | MAPS | bit(WPS_OPT_BOOL));

	snprintf(dst, cap, "%s:%u:%u", conf->path, value->line, value->column);
}
