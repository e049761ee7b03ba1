/* SPDX-License-Identifier: MIT */
/*
 * The tree of a YAML file: maps, lists and scalars with their places. What YAML
 * has beyond that (anchors, tags, several documents) is refused.
 */
#include "conf_impl.h"

#include "util/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

#define DEPTH_MAX 16
#define FILE_MAX (1 << 20)

struct reader {
	yaml_parser_t parser;
	const char *path;
	struct conf_report *report;
	unsigned depth;
};

static void
free_node(struct conf_node *node)
{
	while (node) {
		struct conf_node *next = node->next;
		free_node(node->first);
		if (node->text)
			explicit_bzero(node->text, node->len);
		free(node->key);
		free(node->text);
		free(node);
		node = next;
	}
}

/* --- events ----------------------------------------------------------------------- */

static void
complain(struct reader *reader, yaml_mark_t mark, const char *what)
{
	conf_report_add(reader->report, "%s:%zu:%zu: %s", reader->path,
	    mark.line + 1, mark.column + 1, what);
}

static bool
next_event(struct reader *reader, yaml_event_t *event)
{
	const yaml_parser_t *parser = &reader->parser;

	if (yaml_parser_parse(&reader->parser, event))
		return true;
	complain(reader, parser->problem_mark,
	    parser->problem ? parser->problem : "not YAML");
	return false;
}

static const char *
unwanted(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return "aliases are not supported";
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor ? "anchors are not supported" :
		    event->data.scalar.tag ? "tags are not supported" : NULL;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor ?
		    "anchors are not supported" :
		    event->data.sequence_start.tag ? "tags are not supported" :
		    NULL;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor ?
		    "anchors are not supported" :
		    event->data.mapping_start.tag ? "tags are not supported" :
		    NULL;
	default:
		return NULL;
	}
}

static struct conf_node *
new_node(const yaml_event_t *event, enum conf_kind kind)
{
	struct conf_node *node = xcalloc(1, sizeof(*node));

	node->kind = kind;
	node->line = (unsigned)event->start_mark.line + 1;
	node->column = (unsigned)event->start_mark.column + 1;
	return node;
}

static void
append(struct conf_node *parent, struct conf_node *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

static struct conf_node *read_node(struct reader *reader,
    const yaml_event_t *event);

static struct conf_node *
read_scalar(const yaml_event_t *event)
{
	struct conf_node *node = new_node(event, CONF_SCALAR);

	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->len = event->data.scalar.length;
	node->text = xdup((struct wps_span){
	    (const char *)event->data.scalar.value, node->len });
	return node;
}

/* The rest of a list, up to its end; false: the report says why. */
static bool
read_list(struct reader *reader, struct conf_node *list)
{
	yaml_event_t event;

	while (next_event(reader, &event)) {
		bool end = event.type == YAML_SEQUENCE_END_EVENT;
		struct conf_node *item = end ? NULL : read_node(reader, &event);
		yaml_event_delete(&event);
		if (end || item == NULL)
			return end;
		append(list, item);
	}
	return false;
}

/* A key of a map; NULL: the report says why. */
static char *
read_key(struct reader *reader, const struct conf_node *map,
    const yaml_event_t *event)
{
	const char *problem = unwanted(event);

	if (event->type != YAML_SCALAR_EVENT)
		problem = "the name of an option must be a plain text";
	else if (strlen((const char *)event->data.scalar.value) !=
	    event->data.scalar.length)
		problem = "the name of an option has a NUL";
	if (problem) {
		complain(reader, event->start_mark, problem);
		return NULL;
	}
	const char *key = (const char *)event->data.scalar.value;
	if (conf_node_find(map, key)) {
		char text[300];
		snprintf(text, sizeof(text), "\"%.200s\" stands here twice", key);
		complain(reader, event->start_mark, text);
		return NULL;
	}
	return xdup(wps_span_str(key));
}

static bool
read_entry(struct reader *reader, struct conf_node *map,
    const yaml_event_t *key_event)
{
	char *key = read_key(reader, map, key_event);
	yaml_event_t event;

	if (key == NULL)
		return false;
	if (!next_event(reader, &event)) {
		free(key);
		return false;
	}
	struct conf_node *value = read_node(reader, &event);
	yaml_event_delete(&event);
	if (value == NULL) {
		free(key);
		return false;
	}
	value->key = key;
	/* Errors point at the name. */
	value->line = (unsigned)key_event->start_mark.line + 1;
	value->column = (unsigned)key_event->start_mark.column + 1;
	append(map, value);
	return true;
}

static bool
read_map(struct reader *reader, struct conf_node *map)
{
	yaml_event_t event;

	while (next_event(reader, &event)) {
		bool end = event.type == YAML_MAPPING_END_EVENT;
		bool good = !end && read_entry(reader, map, &event);
		yaml_event_delete(&event);
		if (end || !good)
			return end;
	}
	return false;
}

static struct conf_node *
read_node(struct reader *reader, const yaml_event_t *event)
{
	const char *problem = unwanted(event);
	bool list = event->type == YAML_SEQUENCE_START_EVENT;

	if (problem == NULL && reader->depth >= DEPTH_MAX)
		problem = "nested too deeply";
	if (problem) {
		complain(reader, event->start_mark, problem);
		return NULL;
	}
	if (event->type == YAML_SCALAR_EVENT)
		return read_scalar(event);
	struct conf_node *node = new_node(event, list ? CONF_LIST : CONF_MAP);
	reader->depth++;
	bool good = list ? read_list(reader, node) : read_map(reader, node);
	reader->depth--;
	if (good)
		return node;
	free_node(node);
	return NULL;
}

/* Passes the events that frame a document; false at an error. */
static bool
expect(struct reader *reader, yaml_event_type_t type)
{
	yaml_event_t event;

	if (!next_event(reader, &event))
		return false;
	bool good = event.type == type;
	if (!good)
		complain(reader, event.start_mark,
		    "there must be one document in the file");
	yaml_event_delete(&event);
	return good;
}

static struct conf_node *
read_document(struct reader *reader)
{
	struct conf_node *root = NULL;
	yaml_event_t event;

	if (!expect(reader, YAML_STREAM_START_EVENT) ||
	    !expect(reader, YAML_DOCUMENT_START_EVENT) ||
	    !next_event(reader, &event))
		return NULL;
	if (event.type == YAML_MAPPING_START_EVENT)
		root = read_node(reader, &event);
	else
		complain(reader, event.start_mark,
		    "the file must be a map of options");
	yaml_event_delete(&event);
	if (root && expect(reader, YAML_DOCUMENT_END_EVENT) &&
	    expect(reader, YAML_STREAM_END_EVENT))
		return root;
	free_node(root);
	return NULL;
}

/* --- files ------------------------------------------------------------------------- */

/* The whole file; NULL: the report says why. */
static char *
load(const char *path, size_t *len_out, bool *shared_out,
    struct conf_report *report)
{
	FILE *file = fopen(path, "re");
	struct stat st;

	if (file == NULL || fstat(fileno(file), &st) != 0) {
		conf_report_add(report, "%s: %s", path, strerror(errno));
		if (file)
			fclose(file);
		return NULL;
	}
	char *text = xmalloc(FILE_MAX + 1);
	*len_out = fread(text, 1, FILE_MAX + 1, file);
	*shared_out = (st.st_mode & (S_IRWXG | S_IRWXO)) != 0;
	const char *problem = ferror(file) ? strerror(errno) :
	    *len_out > FILE_MAX ? "is larger than 1 MiB" : NULL;
	fclose(file);
	if (problem == NULL)
		return text;
	conf_report_add(report, "%s: %s", path, problem);
	explicit_bzero(text, *len_out);
	free(text);
	return NULL;
}

struct conf_tree *
conf_tree_read(const char *path, struct conf_report *report)
{
	struct reader reader = { .path = path, .report = report };
	size_t len;
	bool shared;
	char *text = load(path, &len, &shared, report);

	if (text == NULL)
		return NULL;
	struct conf_tree *tree = NULL;
	if (yaml_parser_initialize(&reader.parser)) {
		yaml_parser_set_input_string(&reader.parser,
		    (const unsigned char *)text, len);
		struct conf_node *root = read_document(&reader);
		yaml_parser_delete(&reader.parser);
		if (root) {
			tree = xcalloc(1, sizeof(*tree));
			tree->path = xdup(wps_span_str(path));
			tree->shared = shared;
			tree->root = root;
		}
	}
	explicit_bzero(text, len);
	free(text);
	return tree;
}

void
conf_tree_free(struct conf_tree **tree)
{
	struct conf_tree *t = *tree;

	*tree = NULL;
	if (t == NULL)
		return;
	free_node(t->root);
	free(t->path);
	free(t);
}

/* --- looking ------------------------------------------------------------------------ */

const struct conf_node *
conf_node_find(const struct conf_node *map, const char *key)
{
	for (const struct conf_node *node = map->first; node; node = node->next)
		if (strcmp(node->key, key) == 0)
			return node;
	return NULL;
}

bool
conf_node_is_null(const struct conf_node *node)
{
	return node->kind == CONF_SCALAR && node->plain &&
	    (node->len == 0 || strcmp(node->text, "~") == 0 ||
	     strcmp(node->text, "null") == 0);
}

/* The i-th text of an option that is a list, or the text that it is. */
static const struct conf_node *
find_item(const struct conf_tree *tree, const char *name, size_t i)
{
	const struct conf_node *node = conf_node_find(tree->root, name);

	if (node == NULL || node->kind == CONF_MAP || conf_node_is_null(node))
		return NULL;
	if (node->kind == CONF_SCALAR)
		return i == 0 ? node : NULL;
	node = node->first;
	while (node && i-- > 0)
		node = node->next;
	return node && node->kind == CONF_SCALAR ? node : NULL;
}

bool
conf_tree_item(const struct conf_tree *tree, const char *name, size_t i,
    struct wps_span *out)
{
	const struct conf_node *node = find_item(tree, name, i);

	if (node)
		*out = (struct wps_span){ node->text, node->len };
	return node != NULL;
}

void
conf_tree_where(const struct conf_tree *tree, const char *name, size_t i,
    char *dst, size_t cap)
{
	const struct conf_node *node = find_item(tree, name, i);

	if (node == NULL)
		node = conf_node_find(tree->root, name);
	if (node == NULL)
		node = tree->root;
	snprintf(dst, cap, "%s:%u:%u", tree->path, node->line, node->column);
}
