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
	bool refused;          /* the report says why; it has no value */
	char *key;             /* owned; of an entry of a map */
	char *text;            /* owned; of a scalar */
	size_t len;
	struct conf_node *first, *last, *next; /* children, owned; siblings */
};

struct conf_tree {
	char *path;  /* owned; as it was given */
	bool shared; /* others than its owner may read the file */
	bool faulty; /* the report has errors of it */
	struct conf_node *root; /* owned; a map */
};

/* Reads text as the file `path`; `shared` as in the tree. NULL like
 * conf_tree_read. */
struct conf_tree *conf_tree_parse(const char *path, struct wps_span text,
    bool shared, struct conf_report *report);

/* Whether a text is among the first ones of a top-level list. */
bool conf_tree_has(const struct conf_tree *tree, const char *name,
    const char *text);

/* The child of a map by its key; NULL. */
const struct conf_node *conf_node_find(const struct conf_node *map,
    const char *key);

/* Whether a scalar says nothing: unquoted and empty, ~ or null. */
bool conf_node_is_null(const struct conf_node *node);

/* --- values -------------------------------------------------------------- */

/* The rows that judge one map. */
struct conf_schema {
	const struct wps_option **rows; /* of the set; the rows are borrowed */
	size_t count;
	bool top; /* sections of plugins and "hubs" stand in its map */
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
	size_t text_len; /* of a text: it is overwritten before it is freed */
	max_align_t bytes[];
};

struct conf_set {
	char *path; /* owned */
	bool shared;
	bool plugin_lost; /* the file names one that could not be loaded */
	struct conf_block *blocks; /* owned */
	struct conf_schema *core_schema, *hub_schema;
	struct wps_conf core, any_hub; /* of all hubs that have no name there */
	struct wps_conf *plugins;
	struct wps_conf *hubs; /* named ones, sorted by their names in lower case */
	struct wps_span *hub_names; /* in the same order */
	size_t hub_count;
	const struct conf_tree *tree; /* these two are borrowed while it is judged */
	struct conf_report *report;
};

void *conf_alloc(struct conf_set *set, size_t size);
/* A copy of a text. Any may hold a secret, as a URL with a key in its query. */
struct wps_span conf_keep(struct conf_set *set, const char *bytes, size_t len);

/* A schema of some tables, each ending with an empty row; NULL is an empty one. */
struct conf_schema *conf_schema_new(struct conf_set *set,
    const struct wps_option *const *tables, size_t count);

/* The place of a row among the values; false: no row has the name. */
bool conf_schema_find(const struct conf_schema *schema, const char *name,
    size_t *index_out);

/*
 * Judges one map by its schema (conf_judge.c); errors go to the report. `node` is
 * NULL for one that the file does not have; `what` stands in front of messages
 * ("hub \"chat\"", or ""). What is not set is taken from `under`, a map of the
 * same schema, or where that is NULL, from the rows.
 */
void conf_judge(struct conf_set *set, struct wps_conf *conf,
    const struct conf_schema *schema, const struct conf_node *node,
    const char *what, const struct wps_conf *under);

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

/* A path that the file `conf` names: relative ones begin at its folder. The
 * caller frees it. */
char *conf_beside(const char *conf, const char *path);

/* Reads what a secret stands for (conf_secret.c); as above. */
bool conf_read_secret(struct conf_set *set, struct wps_span text,
    struct wps_span *out, struct wps_err *err);

#endif
