/* SPDX-License-Identifier: MIT */
/*
 * Prints every row of an option, for scripts/check-options: those of the core and
 * those of the plugins whose files are given as arguments. A line each, with tabs
 * between name, whose row it is, fallback and bounds:
 *
 *	listen.backlog	core	1024	1 to 65535
 *	hubs.event_handlers.timeout	cloudevents	100s	10ms to 1h
 *
 * A name is where the option stands in the file; "-" is what a row does not have.
 */
#include "options.h"

#include <wps/plugin.h>

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit sizes[] = {
	{ "GiB", INT64_C(1) << 30 }, { "MiB", INT64_C(1) << 20 },
	{ "KiB", INT64_C(1) << 10 }, { "", 1 },
};

static const struct unit durations[] = {
	{ "h", 60 * 60 * 1000 }, { "m", 60 * 1000 }, { "s", 1000 }, { "ms", 1 },
};

/* In the largest unit that leaves no rest. */
static void
print_with_unit(int64_t value, const struct unit *unit)
{
	while (unit->factor > 1 && (value == 0 || value % unit->factor != 0))
		unit++;
	printf("%" PRId64 "%s", value / unit->factor, unit->name);
}

static void
print_number(enum wps_option_type type, int64_t value)
{
	if (type == WPS_OPT_SIZE)
		print_with_unit(value, sizes);
	else if (type == WPS_OPT_DURATION)
		print_with_unit(value, durations);
	else
		printf("%" PRId64, value);
}

static void
print_bounds(const struct wps_option *row)
{
	if (row->choices) {
		for (size_t i = 0; row->choices[i]; i++)
			printf("%s%s", i ? ", " : "", row->choices[i]);
	} else if (row->type == WPS_OPT_BOOL) {
		printf("true, false");
	} else if (row->min == 0 && row->max == 0) {
		putchar('-');
	} else {
		print_number(row->type, row->min);
		printf(" to ");
		print_number(row->type, row->max);
	}
}

static void
print_rows(const char *prefix, const char *owner, const struct wps_option *rows)
{
	for (const struct wps_option *row = rows; row && row->name; row++) {
		char name[256];
		snprintf(name, sizeof(name), "%s%s", prefix, row->name);
		printf("%s\t%s\t%s\t", name, owner, row->required ? "required" :
		    row->fallback ? row->fallback : "-");
		print_bounds(row);
		putchar('\n');
		if (row->members) {
			snprintf(name, sizeof(name), "%s%s.", prefix, row->name);
			print_rows(name, owner, row->members);
		}
	}
}

static bool
print_plugin(const char *file)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	const struct wps_plugin *plugin =
	    library ? dlsym(library, "wps_plugin_v1") : NULL;
	char prefix[80];

	if (plugin == NULL) {
		fprintf(stderr, "%s: %s\n", file, dlerror());
		return false;
	}
	snprintf(prefix, sizeof(prefix), "%s.", plugin->name);
	print_rows(prefix, plugin->name, plugin->options);
	print_rows("hubs.", plugin->name, plugin->hub_options);
	dlclose(library);
	return true;
}

int
main(int argc, char **argv)
{
	print_rows("", "core", core_options);
	print_rows("hubs.", "core", core_hub_options);
	for (int i = 1; i < argc; i++)
		if (!print_plugin(argv[i]))
			return EXIT_FAILURE;
	return EXIT_SUCCESS;
}
