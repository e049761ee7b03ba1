/* SPDX-License-Identifier: MIT */
/*
 * Judging: a map of the tree against the rows of its schema.
 */
#include "conf_impl.h"

#include "util/alloc.h"
#include "util/attr.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_SUGGESTED 63
#define DISTANCE_MAX 2 /* of a name that may have been meant */

/* One map that is being judged. */
struct judge {
	struct conf_set *set;
	struct wps_conf *conf;
	const char *what; /* in front of messages; "" */
};

static void ATTR_PRINTF(4, 5)
complain(const struct judge *judge, unsigned line, unsigned column,
    const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	conf_report_add(judge->set->report, "%s:%u:%u: %s%s%s",
	    judge->set->path, line, column, judge->what,
	    judge->what[0] ? ": " : "", text);
}

/* --- suggestions --------------------------------------------------------- */

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Levenshtein's; of texts of up to NAME_MAX_SUGGESTED bytes. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned row[NAME_MAX_SUGGESTED + 1];
	size_t len = strlen(b);

	for (size_t k = 0; k <= len; k++)
		row[k] = (unsigned)k;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned corner = row[0];
		row[0] = (unsigned)i;
		for (size_t k = 1; k <= len; k++) {
			unsigned up = row[k];
			row[k] = least(up + 1, row[k - 1] + 1,
			    corner + (a[i - 1] != b[k - 1]));
			corner = up;
		}
	}
	return row[len];
}

/* The only name that begins with the given one; NULL. */
static const char *
begun(const struct conf_schema *schema, const char *name)
{
	const char *found = NULL;

	for (size_t i = 0; i < schema->count; i++) {
		if (strncmp(schema->rows[i]->name, name, strlen(name)) != 0)
			continue;
		if (found)
			return NULL;
		found = schema->rows[i]->name;
	}
	return found;
}

/* The known name that may have been meant; NULL. A name that was not written to
 * its end counts more than two other letters. */
static const char *
meant(const struct conf_schema *schema, const char *name)
{
	const char *best = NULL;
	unsigned nearest = DISTANCE_MAX + 1;

	if (name[0] == '\0' || strlen(name) > NAME_MAX_SUGGESTED)
		return NULL;
	for (size_t i = 0; i < schema->count + schema->top; i++) {
		const char *known =
		    i < schema->count ? schema->rows[i]->name : "hubs";
		if (strlen(known) > NAME_MAX_SUGGESTED)
			continue;
		unsigned far = distance(name, known);
		if (far < nearest && far < strlen(known)) {
			nearest = far;
			best = known;
		}
	}
	const char *whole = nearest > 1 ? begun(schema, name) : NULL;
	return whole ? whole : best;
}

/* Only who lists a plugin in "plugins" gives its section a meaning. */
static void
complain_unknown(const struct judge *judge, const struct conf_node *node)
{
	const struct conf_schema *schema = judge->conf->schema;
	bool section = schema->top && node->kind == CONF_MAP;
	const char *known = meant(schema, node->key);
	char text[200], hint[120] = "";

	if (known)
		snprintf(hint, sizeof(hint), " (did you mean \"%s\"?)", known);
	else if (schema == judge->set->hub_schema)
		snprintf(hint, sizeof(hint), " (if it is a plugin's, name that "
		    "in \"plugins\")");
	snprintf(text, sizeof(text), section ?
	    "section \"%.100s\" belongs to no plugin in \"plugins\"" :
	    "unknown option \"%.100s\"", node->key);
	complain(judge, node->line, node->column, "%s%s", text, hint);
}

/* --- values -------------------------------------------------------------- */

static bool
read_text(const struct judge *judge, const struct wps_option *row,
    enum wps_option_type type, const struct conf_node *node,
    struct conf_value *out)
{
	struct wps_err err;

	if (node->refused)
		return false;
	if (node->kind != CONF_SCALAR) {
		complain(judge, node->line, node->column, "%s: must be one "
		    "value, not a %s", row->name,
		    node->kind == CONF_LIST ? "list" : "map");
		return false;
	}
	if (conf_node_is_null(node)) {
		complain(judge, node->line, node->column,
		    "%s: an item has no value", row->name);
		return false;
	}
	if (conf_read_scalar(judge->set, row, type,
	    (struct wps_span){ node->text, node->len }, out, &err))
		return true;
	complain(judge, node->line, node->column, "%s: %s", row->name, err.text);
	return false;
}

static size_t
count_children(const struct conf_node *node)
{
	size_t count = 0;

	for (const struct conf_node *item = node->first; item; item = item->next)
		count++;
	return count;
}

/* How many of them are judged: what is beyond the bounds takes no memory. */
static size_t
check_count(const struct judge *judge, const struct wps_option *row,
    const struct conf_node *node, size_t count)
{
	if ((row->min == 0 && row->max == 0) || ((int64_t)count >= row->min &&
	    (int64_t)count <= row->max))
		return count;
	complain(judge, node->line, node->column, "%s: must have %" PRId64
	    " to %" PRId64 " items, not %zu", row->name, row->min, row->max,
	    count);
	return (int64_t)count > row->max ? (size_t)row->max : count;
}

/* A list of texts, or the one text that stands for it. */
static void
read_texts(const struct judge *judge, const struct wps_option *row,
    const struct conf_node *node, struct conf_value *out)
{
	enum wps_option_type type = row->type == WPS_OPT_SECRETS ?
	    WPS_OPT_SECRET : WPS_OPT_STRING;
	bool list = node->kind == CONF_LIST;
	const struct conf_node *item = list ? node->first : node;
	size_t count = list ? count_children(node) : 1;

	if (node->kind == CONF_MAP) {
		complain(judge, node->line, node->column,
		    "%s: must be a list of texts, not a map", row->name);
		return;
	}
	count = check_count(judge, row, node, count);
	out->items = conf_alloc(judge->set, count * sizeof(*out->items));
	for (size_t i = 0; i < count; i++, item = item->next) {
		struct conf_value one = { .text = WPS_SPAN_NONE };
		if (read_text(judge, row, type, item, &one))
			out->items[out->count++] = one.text;
	}
}

static const struct conf_schema *
members_schema(struct conf_set *set, const struct wps_option *row)
{
	return conf_schema_new(set, &row->members, 1);
}

void
conf_judge_section(struct conf_set *set, struct wps_conf *conf,
    const struct wps_option *row, const struct conf_node *node)
{
	char what[80];

	snprintf(what, sizeof(what), "section \"%.64s\"", row->name);
	conf_judge(set, conf, members_schema(set, row), node, what, NULL);
}

static void
read_section(const struct judge *judge, const struct wps_option *row,
    const struct conf_node *node, struct conf_value *out)
{
	if (node->kind != CONF_MAP) {
		complain(judge, node->line, node->column, "%s: must be a map",
		    row->name);
		return;
	}
	out->maps = conf_alloc(judge->set, sizeof(*out->maps));
	out->count = 1;
	conf_judge_section(judge->set, out->maps, row, node);
}

static void
read_maps(const struct judge *judge, const struct wps_option *row,
    const struct conf_node *node, struct conf_value *out)
{
	if (node->kind != CONF_LIST) {
		complain(judge, node->line, node->column,
		    "%s: must be a list of maps", row->name);
		return;
	}
	const struct conf_schema *schema = members_schema(judge->set, row);
	const struct conf_node *item = node->first;
	size_t count = count_children(node);
	count = check_count(judge, row, node, count);
	out->maps = conf_alloc(judge->set, count * sizeof(*out->maps));
	for (size_t i = 0; i < count; i++, item = item->next) {
		if (item->kind == CONF_MAP)
			conf_judge(judge->set, &out->maps[out->count++], schema,
			    item, judge->what, NULL);
		else if (!item->refused)
			complain(judge, item->line, item->column,
			    "%s: must be a list of maps", row->name);
	}
}

static void
read_value(const struct judge *judge, const struct wps_option *row,
    const struct conf_node *node, struct conf_value *out)
{
	out->set = true;
	out->line = node->line;
	out->column = node->column;
	if (node->refused)
		return;
	switch (row->type) {
	case WPS_OPT_STRINGS:
	case WPS_OPT_SECRETS:
		read_texts(judge, row, node, out);
		break;
	case WPS_OPT_MAP:
		read_section(judge, row, node, out);
		break;
	case WPS_OPT_MAPS:
		read_maps(judge, row, node, out);
		break;
	case WPS_OPT_END:
	case WPS_OPT_BOOL:
	case WPS_OPT_INT:
	case WPS_OPT_SIZE:
	case WPS_OPT_DURATION:
	case WPS_OPT_STRING:
	case WPS_OPT_ENUM:
	case WPS_OPT_SECRET:
		(void)read_text(judge, row, row->type, node, out);
		break;
	}
}

/* A list is written in a fallback as it is in the file. */
static void
take_list(const struct judge *judge, const struct wps_option *row,
    struct conf_value *out)
{
	size_t size = strlen(row->fallback) + sizeof("x: ");
	char *text = xmalloc(size);

	snprintf(text, size, "x: %s", row->fallback);
	struct conf_tree *tree = conf_tree_parse("fallback", wps_span_str(text),
	    false, judge->set->report);
	if (tree)
		read_texts(judge, row, tree->root->first, out);
	conf_tree_free(&tree);
	free(text);
}

/* What the row says; one that does not fit its row is our own mistake. */
static void
take_fallback(const struct judge *judge, const struct wps_option *row,
    struct conf_value *out)
{
	unsigned before = judge->set->report->count;
	struct wps_err err;
	bool good = true;

	out->line = judge->conf->line;
	out->column = judge->conf->column;
	if (row->fallback == NULL)
		return;
	/* Whether one is taken would hang on the mode of the file. */
	wps_assert(row->type != WPS_OPT_SECRET && row->type != WPS_OPT_SECRETS);
	if (row->type == WPS_OPT_STRINGS)
		take_list(judge, row, out);
	else
		good = conf_read_scalar(judge->set, row, row->type,
		    wps_span_str(row->fallback), out, &err);
	wps_assert(good && judge->set->report->count == before);
}

/* --- maps ---------------------------------------------------------------- */

struct conf_schema *
conf_schema_new(struct conf_set *set, const struct wps_option *const *tables,
    size_t count)
{
	struct conf_schema *schema = conf_alloc(set, sizeof(*schema));
	size_t room = 0;

	for (size_t i = 0; i < count; i++)
		for (const struct wps_option *row = tables[i]; row && row->name;
		    row++)
			room++;
	schema->rows =
	    conf_alloc(set, room * sizeof(const struct wps_option *));
	for (size_t i = 0; i < count; i++)
		for (const struct wps_option *row = tables[i]; row && row->name;
		    row++)
			schema->rows[schema->count++] = row;
	return schema;
}

bool
conf_schema_find(const struct conf_schema *schema, const char *name,
    size_t *index_out)
{
	for (size_t i = 0; i < schema->count; i++) {
		if (strcmp(schema->rows[i]->name, name) == 0) {
			*index_out = i;
			return true;
		}
	}
	return false;
}

/* What belongs to a plugin that could not be loaded: that is said already. Its hub
 * options are not known. */
static bool
may_be_lost(const struct judge *judge)
{
	return judge->set->plugin_lost &&
	    judge->conf->schema == judge->set->hub_schema;
}

/* Judged on its own, or of a plugin that could not be loaded: said already. */
static bool
is_elsewhere(const struct judge *judge, const char *key)
{
	return judge->conf->schema->top && (strcmp(key, "hubs") == 0 ||
	    conf_tree_has(judge->set->tree, "plugins", key));
}

static void
judge_entries(const struct judge *judge, const struct conf_node *map)
{
	const struct conf_schema *schema = judge->conf->schema;
	size_t index;

	for (const struct conf_node *node = map ? map->first : NULL; node;
	    node = node->next) {
		if (conf_schema_find(schema, node->key, &index)) {
			if (!conf_node_is_null(node))
				read_value(judge, schema->rows[index], node,
				    &judge->conf->values[index]);
		} else if (!node->refused && !may_be_lost(judge) &&
		    !is_elsewhere(judge, node->key)) {
			complain_unknown(judge, node);
		}
	}
}

static void
take_missing(const struct judge *judge, const struct wps_conf *under)
{
	struct wps_conf *conf = judge->conf;

	for (size_t i = 0; i < conf->schema->count; i++) {
		const struct wps_option *row = conf->schema->rows[i];
		if (conf->values[i].set)
			continue;
		if (under) {
			conf->values[i] = under->values[i];
			continue;
		}
		take_fallback(judge, row, &conf->values[i]);
		if (row->required)
			complain(judge, conf->line, conf->column,
			    "option \"%s\" is missing", row->name);
	}
}

void
conf_judge(struct conf_set *set, struct wps_conf *conf,
    const struct conf_schema *schema, const struct conf_node *map,
    const char *what, const struct wps_conf *under)
{
	const struct judge judge = { set, conf, what };

	*conf = (struct wps_conf){
		.path = set->path,
		.schema = schema,
		.values = conf_alloc(set,
		    schema->count * sizeof(*conf->values)),
		.line = map ? map->line : 1,
		.column = map ? map->column : 1,
	};
	judge_entries(&judge, map);
	take_missing(&judge, under);
}
