/* SPDX-License-Identifier: MIT */
/*
 * Configurations of a test: files in a folder of its own, judged by rows that
 * have every type.
 *
 * The program stands in that folder, so that reports name files as the test does.
 */
#ifndef UNIT_CONF_SCENE_H
#define UNIT_CONF_SCENE_H

#include "conf.h"

#include <stdbool.h>
#include <sys/types.h>

struct scene {
	struct conf_tree *tree;
	struct conf_set *set; /* NULL: the report says why */
	struct conf_report report;
};

/* What the rows are, for tests that judge by others. */
extern const struct wps_option scene_core[], scene_hub[];
extern const struct conf_rows scene_plugins[];
extern const unsigned scene_plugin_count;

/* A new folder, which the program then stands in; gone with scene_leave. */
void scene_enter(void);
void scene_leave(void);

void scene_write(const char *path, const char *bytes, size_t len, mode_t mode);

/* Reads and judges a file that there is; or writes wps.conf (0600) first. */
void scene_read(struct scene *scene, const char *path);
void scene_open(struct scene *scene, const char *text);
void scene_close(struct scene *scene);

/* The report; NULL when it is empty. */
const char *scene_report(struct scene *scene);

/* Whether the function aborts; run in a process of its own. */
bool scene_aborts(void (*run)(const void *data), const void *data);

#endif
