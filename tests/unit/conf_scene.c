/* SPDX-License-Identifier: MIT */
#include "conf_scene.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KIB 1024
#define SECOND 1000

static const char *const colors[] = { "red", "green", "blue", NULL };

static const struct wps_option door_members[] = {
	{ .name = "url", .type = WPS_OPT_STRING, .required = true },
	{ .name = "weight", .type = WPS_OPT_INT, .fallback = "10" },
	WPS_OPTION_END,
};

static const struct wps_option box_members[] = {
	{ .name = "depth", .type = WPS_OPT_INT, .fallback = "3" },
	{ .name = "doors", .type = WPS_OPT_MAPS, .members = door_members },
	WPS_OPTION_END,
};

const struct wps_option scene_core[] = {
	{ .name = "plugins", .type = WPS_OPT_STRINGS, .max = 4 },
	{ .name = "flag", .type = WPS_OPT_BOOL, .fallback = "true" },
	{ .name = "number", .type = WPS_OPT_INT, .fallback = "1",
	  .min = -3, .max = 7 },
	{ .name = "any_number", .type = WPS_OPT_INT },
	{ .name = "size", .type = WPS_OPT_SIZE, .fallback = "2KiB",
	  .min = KIB, .max = KIB * KIB },
	{ .name = "any_size", .type = WPS_OPT_SIZE },
	{ .name = "wait", .type = WPS_OPT_DURATION, .fallback = "20s",
	  .min = 500, .max = 120 * SECOND },
	{ .name = "any_wait", .type = WPS_OPT_DURATION },
	{ .name = "name", .type = WPS_OPT_STRING, .fallback = "none",
	  .min = 2, .max = 5 },
	{ .name = "any_text", .type = WPS_OPT_STRING },
	{ .name = "color", .type = WPS_OPT_ENUM, .fallback = "green",
	  .choices = colors },
	{ .name = "list", .type = WPS_OPT_STRINGS, .fallback = "[x, \"y, z\"]",
	  .min = 1, .max = 3 },
	{ .name = "any_list", .type = WPS_OPT_STRINGS, .fallback = "one" },
	{ .name = "doors", .type = WPS_OPT_MAPS, .max = 2,
	  .members = door_members },
	{ .name = "box", .type = WPS_OPT_MAP, .members = box_members },
	WPS_OPTION_END,
};

const struct wps_option scene_hub[] = {
	{ .name = "open", .type = WPS_OPT_BOOL, .fallback = "false" },
	{ .name = "limit", .type = WPS_OPT_INT, .fallback = "5",
	  .min = 0, .max = 9 },
	{ .name = "doors", .type = WPS_OPT_MAPS, .members = door_members },
	WPS_OPTION_END,
};

static const struct wps_option safe_options[] = {
	{ .name = "key", .type = WPS_OPT_SECRET, .min = 2, .max = 8 },
	{ .name = "any_key", .type = WPS_OPT_SECRET },
	{ .name = "keys", .type = WPS_OPT_SECRETS, .max = 2 },
	{ .name = "owner", .type = WPS_OPT_STRING },
	WPS_OPTION_END,
};

static const struct wps_option safe_hub_options[] = {
	{ .name = "greeting", .type = WPS_OPT_STRING, .fallback = "hello" },
	WPS_OPTION_END,
};

const struct conf_rows scene_plugins[] = {
	{ "safe", safe_options, safe_hub_options },
	{ "bare", NULL, NULL },
};

const unsigned scene_plugin_count = 2;

/* --- the folder ---------------------------------------------------------- */

static char folder[] = "/tmp/wps-conf-XXXXXX";

static void
must(bool done, const char *what)
{
	if (done)
		return;
	perror(what);
	abort();
}

void
scene_enter(void)
{
	must(mkdtemp(folder) && chdir(folder) == 0, folder);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

void
scene_leave(void)
{
	must(chdir("/") == 0 &&
	    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0, folder);
}

void
scene_write(const char *path, const char *bytes, size_t len, mode_t mode)
{
	FILE *file = fopen(path, "w");

	must(file && fwrite(bytes, 1, len, file) == len && fclose(file) == 0 &&
	    chmod(path, mode) == 0, path);
}

/* --- files --------------------------------------------------------------- */

void
scene_read(struct scene *scene, const char *path)
{
	*scene = (struct scene){ 0 };
	scene->tree = conf_tree_read(path, &scene->report);
	if (scene->tree)
		scene->set = conf_set_new(scene->tree, scene_core, scene_hub,
		    scene_plugins, scene_plugin_count, &scene->report);
	conf_report_sort(&scene->report);
}

void
scene_open(struct scene *scene, const char *text)
{
	scene_write("wps.conf", text, strlen(text), 0600);
	scene_read(scene, "wps.conf");
}

void
scene_close(struct scene *scene)
{
	conf_set_free(&scene->set);
	conf_tree_free(&scene->tree);
	conf_report_fini(&scene->report);
}

const char *
scene_report(struct scene *scene)
{
	return scene->report.text;
}

bool
scene_aborts(void (*run)(const void *data), const void *data)
{
	const struct rlimit no_core = { 0, 0 };
	int status = 0;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY);
		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGABRT, SIG_DFL);
		dup2(null, STDERR_FILENO);
		run(data);
		_exit(0);
	}
	must(child > 0 && waitpid(child, &status, 0) == child, "a child");
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}
