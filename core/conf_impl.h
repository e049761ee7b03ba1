/* SPDX-License-Identifier: MIT */
/*
 * What the files of the configuration share: the tree, and the shape of values.
 */
#ifndef CONF_IMPL_H
#define CONF_IMPL_H

#include "conf.h"

#include <stddef.h>

enum conf_kind {
	CONF_SCALAR = 1,
	CONF_LIST,
	CONF_MAP,
};

struct conf_node {
	enum conf_kind kind;
	unsigned line, column; /* from 1 */
	bool plain;            /* a scalar without quotes */
	char *key;             /* owned; of an entry of a map */
	char *text;            /* owned; of a scalar */
	size_t len;
	struct conf_node *first, *last, *next; /* children, owned; siblings */
};

struct conf_tree {
	char *path;  /* owned; as it was given */
	bool shared; /* others than its owner may read the file */
	struct conf_node *root; /* owned; a map */
};

/* The child of a map by its key; NULL. */
const struct conf_node *conf_node_find(const struct conf_node *map,
    const char *key);

/* Whether a scalar says nothing: unquoted and empty, ~ or null. */
bool conf_node_is_null(const struct conf_node *node);

/* --- values ------------------------------------------------------------------ */

#define CONF_TABLES 33 /* the core's rows and those of every plugin */

/* The tables of rows that judge one map. */
struct conf_schema {
	const struct wps_option *tables[CONF_TABLES];
	unsigned table_count;
	size_t row_count;
	const char *elsewhere; /* an entry that is judged on its own; may be NULL */
};

struct conf_value {
	bool set;              /* in the file, not by the fallback */
	unsigned line, column;
	int64_t number;
	struct wps_span text;
	size_t count;
	struct wps_span *items;  /* of a list of texts */
	struct wps_conf *maps;   /* of a list of maps */
};

struct wps_conf {
	const char *path; /* borrowed of the set */
	const struct conf_schema *schema;
	struct conf_value *values; /* by the order of the rows */
	unsigned line, column;
};

/* Memory that lives as long as the set. */
struct conf_block {
	struct conf_block *next;
	size_t size;
	bool secret; /* overwritten before it is freed */
	max_align_t bytes[];
};

struct conf_set {
	char *path; /* owned */
	bool shared;
	struct conf_block *blocks; /* owned */
	struct conf_schema core_schema, hub_schema;
	struct wps_conf core, any_hub;
	struct wps_conf *plugins;
	struct wps_conf *hubs; /* named ones, sorted by their names in lower case */
	struct wps_span *hub_names; /* in the same order */
	size_t hub_count;
	const struct conf_tree *tree; /* these two are borrowed while it is judged */
	struct conf_report *report;
};

void *conf_alloc(struct conf_set *set, size_t size, bool secret);
struct wps_span conf_keep(struct conf_set *set, const char *bytes, size_t len,
    bool secret);

/* The i-th row over all tables. */
const struct wps_option *conf_schema_row(const struct conf_schema *schema,
    size_t i);

/*
 * Judges one map by its schema (conf_judge.c); errors go to the report. `node` is
 * NULL for one that the file does not have; `what` stands in front of messages
 * ("hub \"chat\"", or "").
 */
void conf_judge(struct conf_set *set, struct wps_conf *conf,
    const struct conf_schema *schema, const struct conf_node *node,
    const char *what);

/* The same for the section that a row of type WPS_OPT_MAP describes. */
void conf_judge_section(struct conf_set *set, struct wps_conf *conf,
    const struct wps_option *row, const struct conf_node *node);

/*
 * Reads one scalar by its row (conf_value.c). False: `err` says why, without the
 * scalar where it may be a secret.
 */
bool conf_read_scalar(struct conf_set *set, const struct wps_option *row,
    enum wps_option_type type, struct wps_span text, struct conf_value *out,
    struct wps_err *err);

/* Of lists of scalars: the type of an item. */
enum wps_option_type conf_item_type(enum wps_option_type type);

/* The bounds of a row in its own units, "from 1s to 2m". */
void conf_format_bounds(const struct wps_option *row, char *dst, size_t cap);

#endif
