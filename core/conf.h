/* SPDX-License-Identifier: MIT */
/*
 * The configuration file: YAML, read with libyaml's events into a tree whose
 * nodes know line and column, then judged by option rows.
 *
 * Two steps, because the rows of plugins are known only when the file has said
 * which plugins there are. All errors of a file are found in one run and go to a
 * report, a line each:
 *
 *	wps.conf:12:5: hub "chat": unknown option "grups" (did you mean "groups"?)
 *
 * A struct wps_conf holds the values of one table of rows, by the name of the
 * row; what the file leaves out has the row's fallback. Scalars are typed by
 * their row, never guessed from their spelling. Only an unquoted null, ~ or
 * nothing means that an option is not set; in quotes these are texts.
 */
#ifndef CONF_H
#define CONF_H

#include <wps/option.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_tree;
struct conf_set;

/* Lines for people, each with its end; `count` of them are errors. */
struct conf_report {
	char *text; /* owned; NULL while empty */
	size_t len;
	unsigned count;
};

void conf_report_fini(struct conf_report *report);

/* Adds one line; control characters in it become "?". */
void conf_report_add(struct conf_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* By the places in the file; lines that have none stand first. */
void conf_report_sort(struct conf_report *report);

/* --- step one: the tree -------------------------------------------------- */

/*
 * NULL when the file cannot be read, is above 1 MiB, is no YAML or no map, or
 * nests deeper than 16. A tree may come with errors too, of options that stand
 * there twice and of anchors, aliases and tags: judged all the same, it gives the
 * rest of the errors.
 */
struct conf_tree *conf_tree_read(const char *path, struct conf_report *report);
void conf_tree_free(struct conf_tree **tree);

/* The texts of the top-level list `name` (or its one text), before any judging;
 * false behind the last, and behind 256. Items that are no texts are left out.
 * Used for `plugins` and `plugin_dir`. */
bool conf_tree_item(const struct conf_tree *tree, const char *name, size_t i,
    struct wps_span *out);

/* "file:line:column" of the i-th item of a top-level list, or of its option. */
void conf_tree_where(const struct conf_tree *tree, const char *name, size_t i,
    char *dst, size_t cap);

/* --- step two: judging --------------------------------------------------- */

/* The rows of one plugin; its section is named like it. */
struct conf_rows {
	const char *name;
	const struct wps_option *options;     /* may be NULL */
	const struct wps_option *hub_options; /* may be NULL */
};

/*
 * Judges the tree: top level by `core` rows and one section per plugin, the maps
 * under `hubs` by `core_hub` rows and those of all plugins. Two plugins that add
 * one hub option are an error. NULL when the report got an error, here or by the
 * tree. Secrets are read here; an empty one is an error. A hub option that is
 * required is required of "*". The rows are borrowed, the tree is not needed
 * afterwards. A fallback that its row does not take aborts.
 */
struct conf_set *conf_set_new(const struct conf_tree *tree,
    const struct wps_option *core, const struct wps_option *core_hub,
    const struct conf_rows *plugins, unsigned count,
    struct conf_report *report);
void conf_set_free(struct conf_set **set);

const struct wps_conf *conf_core(const struct conf_set *set);
const struct wps_conf *conf_plugin(const struct conf_set *set, unsigned i);

/* The hub's options: its own, else those of "*", else the fallbacks. Any thread;
 * the name in any case of letters. */
const struct wps_conf *conf_hub(const struct conf_set *set,
    struct wps_span name);

/* The hubs that the file names, but "*", from 0, in lower case and sorted; absent
 * behind the last. */
struct wps_span conf_hub_name(const struct conf_set *set, size_t i);

/* --- values -------------------------------------------------------------- */

/* By the name of the row; a name that is no row, or one of another type, aborts. */
bool conf_bool(const struct wps_conf *conf, const char *name);
int64_t conf_int(const struct wps_conf *conf, const char *name);
struct wps_span conf_span(const struct wps_conf *conf, const char *name);
size_t conf_count(const struct wps_conf *conf, const char *name);
struct wps_span conf_item(const struct wps_conf *conf, const char *name,
    size_t i);
const struct wps_conf *conf_map(const struct wps_conf *conf, const char *name,
    size_t i);

/* The path that a text names, relative ones from the folder of the configuration;
 * NULL where it is not set. The caller frees it. */
char *conf_file(const struct wps_conf *conf, const char *name);

/* "file:line:column" of an option, or of its map where it is not set; of what a
 * hub has from "*", the place there. */
void conf_where(const struct wps_conf *conf, const char *name, char *dst,
    size_t cap);

#endif
