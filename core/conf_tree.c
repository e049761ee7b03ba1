/* SPDX-License-Identifier: MIT */
/*
 * The tree of a YAML file: maps, lists and scalars with their places. What YAML
 * has beyond that (anchors, tags, several documents) is refused.
 *
 * Where the grammar is broken, reading ends. All else that is refused goes to the
 * report and reading goes on, so that one run finds as much as it can.
 */
#include "conf_impl.h"

#include "util/alloc.h"
#include "util/attr.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

#define DEPTH_MAX 16 /* of maps and lists */
#define FILE_MAX (1 << 20)
#define ITEMS_MAX 256 /* of lists that are looked at before they are judged */

struct reader {
	yaml_parser_t parser;
	const char *path;
	struct wps_span text;
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

/* --- errors -------------------------------------------------------------- */

static void ATTR_PRINTF(3, 4)
complain(const struct reader *reader, yaml_mark_t mark, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	conf_report_add(reader->report, "%s:%zu:%zu: %s", reader->path,
	    mark.line + 1, mark.column + 1, text);
}

/* What does not begin a character of UTF-8. */
static bool
is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Errors of bytes have an offset, and no mark. */
static yaml_mark_t
mark_of_offset(struct wps_span text, size_t offset)
{
	yaml_mark_t mark = { 0 };

	for (size_t i = 0; i < offset && i < text.len; i++) {
		if (text.data[i] == '\n') {
			mark.line++;
			mark.column = 0;
		} else if (!is_continuation(text.data[i])) {
			mark.column++;
		}
	}
	return mark;
}

static bool
is_tab_at(struct wps_span text, yaml_mark_t mark)
{
	size_t i = 0;

	for (size_t line = 0; i < text.len && line < mark.line; i++)
		line += text.data[i] == '\n';
	for (size_t column = 0; i < text.len; i++) {
		if (is_continuation(text.data[i]))
			continue;
		if (column++ == mark.column)
			return text.data[i] == '\t';
	}
	return false;
}

/* What libyaml says in the words of its own grammar. */
static const struct {
	const char *part, *better;
} translations[] = {
	{ "tab character", "a tab stands where only spaces may" },
	{ "alphabetic or numeric character",
	  "a text that begins with * or & must stand in quotes" },
	{ "cannot start any token",
	  "a text that begins with this character must stand in quotes" },
	{ "<document start>", "there must be one document in the file" },
};

static const char *
translate(const char *problem)
{
	for (size_t i = 0; i < ARRAY_LEN(translations); i++)
		if (strstr(problem, translations[i].part))
			return translations[i].better;
	return problem;
}

/* What the parser stopped at. */
static void
complain_parser(const struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	yaml_mark_t mark = parser->problem_mark;
	const char *problem =
	    parser->problem ? translate(parser->problem) : "is no YAML";

	if (parser->error == YAML_READER_ERROR)
		mark = mark_of_offset(reader->text, parser->problem_offset);
	else if (is_tab_at(reader->text, mark))
		problem = translate("tab character");
	/* A list that lacks its end is best looked for where it begins. */
	if (parser->context && problem == parser->problem &&
	    parser->context_mark.line != mark.line)
		complain(reader, mark, "%s, %s that begins in line %zu", problem,
		    parser->context, parser->context_mark.line + 1);
	else
		complain(reader, mark, "%s", problem);
}

/* --- events -------------------------------------------------------------- */

/* False at the end of what can be read: the report says why. */
static bool
next_event(struct reader *reader, yaml_event_t *event)
{
	if (yaml_parser_parse(&reader->parser, event))
		return true;
	complain_parser(reader);
	return false;
}

/* Any scalar may be a secret. */
static void
end_event(yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT)
		explicit_bzero(event->data.scalar.value,
		    event->data.scalar.length);
	yaml_event_delete(event);
}

/* An anchor, tag or alias in front of a value: what is refused of YAML. */
static void
check_plain(const struct reader *reader, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (event->type == YAML_ALIAS_EVENT) {
		complain(reader, event->start_mark, "aliases are not supported; "
		    "a text that begins with * must stand in quotes");
	} else if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (anchor)
		complain(reader, event->start_mark, "anchors are not supported; "
		    "a text that begins with & must stand in quotes");
	if (tag)
		complain(reader, event->start_mark, "tags are not supported; "
		    "a text that begins with ! must stand in quotes");
}

/* --- nodes --------------------------------------------------------------- */

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

static struct conf_node *
read_alias(const yaml_event_t *event)
{
	struct conf_node *node = new_node(event, CONF_SCALAR);

	node->refused = true;
	node->text = xdup(WPS_SPAN(""));
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
		end_event(&event);
		if (end || item == NULL)
			return end;
		append(list, item);
	}
	return false;
}

/*
 * A key of a map. NULL in *key_out: it cannot be one, and its value is to be
 * passed over; false: nothing more can be read.
 */
static bool
read_key(struct reader *reader, const yaml_event_t *event, char **key_out)
{
	*key_out = NULL;
	if (event->type != YAML_SCALAR_EVENT) {
		if (event->type != YAML_ALIAS_EVENT)
			complain(reader, event->start_mark,
			    "the name of an option must be a text");
		struct conf_node *node = read_node(reader, event);
		free_node(node);
		return node != NULL;
	}
	const char *key = (const char *)event->data.scalar.value;
	check_plain(reader, event);
	if (strlen(key) == event->data.scalar.length)
		*key_out = xdup(wps_span_str(key));
	else
		complain(reader, event->start_mark,
		    "the name of an option has a NUL in it");
	return true;
}

static bool
read_entry(struct reader *reader, struct conf_node *map,
    const yaml_event_t *key_event)
{
	struct conf_node *value = NULL;
	yaml_event_t event;
	char *key;

	if (!read_key(reader, key_event, &key))
		return false;
	if (next_event(reader, &event)) {
		value = read_node(reader, &event);
		end_event(&event);
	}
	if (value == NULL || key == NULL) {
		free(key);
		free_node(value);
		return value != NULL;
	}
	value->key = key;
	/* Errors point at the name. */
	value->line = (unsigned)key_event->start_mark.line + 1;
	value->column = (unsigned)key_event->start_mark.column + 1;
	append(map, value);
	return true;
}

static int
compare_keys(const void *first, const void *second)
{
	const struct conf_node *a = *(struct conf_node *const *)first;
	const struct conf_node *b = *(struct conf_node *const *)second;
	int order = strcmp(a->key, b->key);

	if (order != 0)
		return order;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->column < b->column ? -1 : a->column > b->column;
}

static void
refuse_twins(const struct reader *reader, const struct conf_node *map)
{
	size_t count = 0, i = 0;

	for (struct conf_node *node = map->first; node; node = node->next)
		count++;
	struct conf_node **sorted = xcalloc(count, sizeof(struct conf_node *));
	for (struct conf_node *node = map->first; node; node = node->next)
		sorted[i++] = node;
	qsort(sorted, count, sizeof(struct conf_node *), compare_keys);
	const struct conf_node *first = NULL;
	for (i = 0; i < count; i++) {
		struct conf_node *node = sorted[i];
		if (first == NULL || strcmp(first->key, node->key) != 0) {
			first = node;
			continue;
		}
		node->refused = true;
		conf_report_add(reader->report, "%s:%u:%u: \"%.200s\" stands "
		    "here twice, first in line %u", reader->path, node->line,
		    node->column, node->key, first->line);
	}
	free(sorted);
}

static bool
read_map(struct reader *reader, struct conf_node *map)
{
	yaml_event_t event;
	bool end = false, good = true;

	while (good && !end && (good = next_event(reader, &event))) {
		end = event.type == YAML_MAPPING_END_EVENT;
		good = end || read_entry(reader, map, &event);
		end_event(&event);
	}
	refuse_twins(reader, map);
	return good;
}

/* NULL: nothing more can be read, and the report says why. */
static struct conf_node *
read_node(struct reader *reader, const yaml_event_t *event)
{
	bool list = event->type == YAML_SEQUENCE_START_EVENT;

	check_plain(reader, event);
	if (event->type == YAML_ALIAS_EVENT)
		return read_alias(event);
	if (event->type == YAML_SCALAR_EVENT)
		return read_scalar(event);
	if (reader->depth == DEPTH_MAX) {
		complain(reader, event->start_mark,
		    "maps and lists are nested more than %d deep", DEPTH_MAX);
		return NULL;
	}
	struct conf_node *node = new_node(event, list ? CONF_LIST : CONF_MAP);
	reader->depth++;
	bool good = list ? read_list(reader, node) : read_map(reader, node);
	reader->depth--;
	if (good)
		return node;
	free_node(node);
	return NULL;
}

/* --- documents ----------------------------------------------------------- */

/* Passes an event that frames the document; false at an error. */
static bool
expect(struct reader *reader, yaml_event_type_t type, const char *problem)
{
	yaml_event_t event;

	if (!next_event(reader, &event))
		return false;
	bool good = event.type == type;
	if (!good)
		complain(reader, event.start_mark, "%s", problem);
	end_event(&event);
	return good;
}

static struct conf_node *
read_root(struct reader *reader)
{
	struct conf_node *root = NULL;
	yaml_event_t event;

	if (!next_event(reader, &event))
		return NULL;
	if (event.type == YAML_MAPPING_START_EVENT)
		root = read_node(reader, &event);
	else
		complain(reader, event.start_mark,
		    "the file must be a map of options");
	end_event(&event);
	return root;
}

static struct conf_node *
read_document(struct reader *reader)
{
	static const char empty[] = "the file has no options";
	static const char more[] = "there must be one document in the file";

	if (!expect(reader, YAML_STREAM_START_EVENT, empty) ||
	    !expect(reader, YAML_DOCUMENT_START_EVENT, empty))
		return NULL;
	struct conf_node *root = read_root(reader);
	if (root && expect(reader, YAML_DOCUMENT_END_EVENT, more) &&
	    expect(reader, YAML_STREAM_END_EVENT, more))
		return root;
	free_node(root);
	return NULL;
}

/* The parser's copies of the text; what it grew out of is beyond reach. */
static void
end_parser(yaml_parser_t *parser)
{
	explicit_bzero(parser->raw_buffer.start,
	    (size_t)(parser->raw_buffer.end - parser->raw_buffer.start));
	explicit_bzero(parser->buffer.start,
	    (size_t)(parser->buffer.end - parser->buffer.start));
	yaml_parser_delete(parser);
}

static struct wps_span
without_bom(struct wps_span text)
{
	bool bom = text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0;

	return bom ? (struct wps_span){ text.data + 3, text.len - 3 } : text;
}

struct conf_tree *
conf_tree_parse(const char *path, struct wps_span text, bool shared,
    struct conf_report *report)
{
	struct reader reader = { .path = path, .report = report };
	unsigned before = report->count;

	reader.text = without_bom(text);
	int ready = yaml_parser_initialize(&reader.parser);
	wps_assert(ready);
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser,
	    (const unsigned char *)reader.text.data, reader.text.len);
	struct conf_node *root = read_document(&reader);
	end_parser(&reader.parser);
	if (root == NULL)
		return NULL;
	struct conf_tree *tree = xcalloc(1, sizeof(*tree));
	tree->path = xdup(wps_span_str(path));
	tree->shared = shared;
	tree->faulty = report->count > before;
	tree->root = root;
	return tree;
}

/* --- files --------------------------------------------------------------- */

/* The whole file, into room for FILE_MAX + 1 bytes; false: errno says why, or
 * *len_out is above FILE_MAX. */
static bool
load(const char *path, char *text, size_t *len_out, bool *shared_out)
{
	FILE *file = fopen(path, "re");
	struct stat st;

	*len_out = 0;
	if (file == NULL)
		return false;
	/* A buffer of stdio would keep what it has read. */
	bool good = setvbuf(file, NULL, _IONBF, 0) == 0 &&
	    fstat(fileno(file), &st) == 0;
	if (good) {
		*shared_out = (st.st_mode & (S_IRWXG | S_IRWXO)) != 0;
		*len_out = fread(text, 1, FILE_MAX + 1, file);
		good = !ferror(file);
	}
	int saved = errno;
	fclose(file);
	errno = saved;
	return good && *len_out <= FILE_MAX;
}

struct conf_tree *
conf_tree_read(const char *path, struct conf_report *report)
{
	char *text = xmalloc(FILE_MAX + 1);
	struct conf_tree *tree = NULL;
	bool shared = true;
	size_t len;

	if (load(path, text, &len, &shared))
		tree = conf_tree_parse(path, (struct wps_span){ text, len },
		    shared, report);
	else if (len > FILE_MAX)
		conf_report_add(report, "%s: is larger than 1 MiB", path);
	else
		conf_report_add(report, "%s: %s", path, strerror(errno));
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

/* --- looking ------------------------------------------------------------- */

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

static bool
is_text(const struct conf_node *node)
{
	return node->kind == CONF_SCALAR && !node->refused &&
	    !conf_node_is_null(node);
}

/* The i-th text of an option that is a list, or the text that it is. What is no
 * text is passed over: judging says so. */
static const struct conf_node *
find_item(const struct conf_tree *tree, const char *name, size_t i)
{
	const struct conf_node *node = conf_node_find(tree->root, name);

	if (node == NULL || node->kind == CONF_MAP || i >= ITEMS_MAX)
		return NULL;
	if (node->kind == CONF_SCALAR)
		return i == 0 && is_text(node) ? node : NULL;
	for (node = node->first; node; node = node->next)
		if (is_text(node) && i-- == 0)
			return node;
	return NULL;
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

static bool
is_equal(const struct conf_node *node, const char *text)
{
	return is_text(node) && strcmp(node->text, text) == 0;
}

bool
conf_tree_has(const struct conf_tree *tree, const char *name, const char *text)
{
	const struct conf_node *node = conf_node_find(tree->root, name);

	if (node == NULL || node->kind != CONF_LIST)
		return node && is_equal(node, text);
	node = node->first;
	for (size_t i = 0; node && i < ITEMS_MAX; i++, node = node->next)
		if (is_equal(node, text))
			return true;
	return false;
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
