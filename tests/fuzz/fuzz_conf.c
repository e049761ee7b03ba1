/* SPDX-License-Identifier: MIT */
/*
 * wps.conf, judged by the rows of the core and of a plugin with secrets: a file
 * is taken whole, with every value in its bounds, or refused with places in order.
 */
#include "fuzz.h"

#include "conf_impl.h"
#include "options.h"

#include <ctype.h>
#include <string.h>

#define PATH "fuzz.conf"

static const struct wps_option plugin_options[] = {
	{ .name = "key", .type = WPS_OPT_SECRET, .min = 2, .max = 64 },
	{ .name = "keys", .type = WPS_OPT_SECRETS, .max = 2 },
	WPS_OPTION_END,
};

static const struct wps_option door_members[] = {
	{ .name = "url", .type = WPS_OPT_STRING, .required = true },
	{ .name = "wait", .type = WPS_OPT_DURATION, .fallback = "5s" },
	WPS_OPTION_END,
};

static const struct wps_option plugin_hub_options[] = {
	{ .name = "doors", .type = WPS_OPT_MAPS, .max = 4,
	  .members = door_members },
	{ .name = "box", .type = WPS_OPT_MAP, .members = door_members },
	WPS_OPTION_END,
};

static const struct conf_rows plugins[] = {
	{ "safe", plugin_options, plugin_hub_options },
};

struct judged {
	struct conf_report report;
	struct conf_set *set; /* NULL: refused */
};

static struct judged
judge(struct wps_span text)
{
	struct judged out = { .set = NULL };
	struct conf_tree *tree =
	    conf_tree_parse(PATH, text, false, &out.report);

	if (tree)
		out.set = conf_set_new(tree, core_options, core_hub_options,
		    plugins, 1, &out.report);
	PROMISE((out.set == NULL) == (out.report.count > 0));
	conf_tree_free(&tree);
	conf_report_sort(&out.report);
	return out;
}

static void
judged_fini(struct judged *judged)
{
	conf_set_free(&judged->set);
	conf_report_fini(&judged->report);
}

/* Lines for people: each with a place, none before its forerunner's. */
static void
check_report(const struct conf_report *report)
{
	unsigned long last = 0;
	unsigned lines = 0;
	const char *at = report->text;

	PROMISE((at == NULL) == (report->count == 0));
	for (; at && *at; lines++) {
		PROMISE(strncmp(at, PATH ":", sizeof(PATH)) == 0);
		unsigned long line = strtoul(at + sizeof(PATH), NULL, 10);
		PROMISE(line >= last && line > 0);
		last = line;
		for (; *at != '\n'; at++)
			PROMISE(!iscntrl((unsigned char)*at));
		at++;
	}
	PROMISE(lines == report->count);
}

static bool
in_bounds(const struct wps_option *row, int64_t value)
{
	return (row->min == 0 && row->max == 0) ||
	    (value >= row->min && value <= row->max);
}

static void check_values(const struct wps_conf *conf,
    const struct wps_option *rows);

static void
check_maps(const struct wps_conf *conf, const struct wps_option *row)
{
	for (size_t i = 0; i < conf_count(conf, row->name); i++)
		check_values(conf_map(conf, row->name, i), row->members);
}

static void
check_texts(const struct wps_conf *conf, const struct wps_option *row)
{
	for (size_t i = 0; i < conf_count(conf, row->name); i++)
		PROMISE(conf_item(conf, row->name, i).data != NULL);
}

static void
check_number(const struct wps_conf *conf, const struct wps_option *row)
{
	PROMISE(in_bounds(row, conf_int(conf, row->name)));
}

static void
check_value(const struct wps_conf *conf, const struct wps_option *row)
{
	struct wps_span text;

	switch (row->type) {
	case WPS_OPT_INT:
	case WPS_OPT_SIZE:
	case WPS_OPT_DURATION:
		check_number(conf, row);
		break;
	case WPS_OPT_STRING:
	case WPS_OPT_SECRET:
		text = conf_span(conf, row->name);
		PROMISE(text.data == NULL || in_bounds(row, (int64_t)text.len));
		break;
	case WPS_OPT_STRINGS:
	case WPS_OPT_SECRETS:
		check_texts(conf, row);
		break;
	case WPS_OPT_MAPS:
	case WPS_OPT_MAP:
		check_maps(conf, row);
		break;
	case WPS_OPT_BOOL:
		(void)conf_bool(conf, row->name);
		break;
	case WPS_OPT_ENUM:
		PROMISE(row->choices[conf_int(conf, row->name)] != NULL);
		break;
	case WPS_OPT_END:
		break;
	}
}

static void
check_values(const struct wps_conf *conf, const struct wps_option *rows)
{
	char where[256];

	for (const struct wps_option *row = rows; row->name; row++) {
		check_value(conf, row);
		conf_where(conf, row->name, where, sizeof(where));
		PROMISE(strncmp(where, PATH ":", sizeof(PATH)) == 0);
	}
}

static void
check_hub(const struct conf_set *set, struct wps_span name)
{
	const struct wps_conf *conf = conf_hub(set, name);

	check_values(conf, core_hub_options);
	check_values(conf, plugin_hub_options);
}

/* Names have no case. */
static void
check_hub_name(const struct conf_set *set, struct wps_span name)
{
	char upper[256];

	PROMISE(name.len <= sizeof(upper));
	for (size_t i = 0; i < name.len; i++)
		upper[i] = (char)toupper((unsigned char)name.data[i]);
	PROMISE(conf_hub(set, name) ==
	    conf_hub(set, (struct wps_span){ upper, name.len }));
}

static void
check_set(const struct conf_set *set)
{
	struct wps_span name;

	check_values(conf_core(set), core_options);
	check_values(conf_plugin(set, 0), plugin_options);
	check_hub(set, WPS_SPAN("*"));
	for (size_t i = 0; (name = conf_hub_name(set, i)).data; i++) {
		check_hub(set, name);
		check_hub_name(set, name);
	}
}

bool
fuzz_accepts(struct wps_span input)
{
	struct judged judged = judge(input);
	bool good = judged.report.count == 0;

	judged_fini(&judged);
	return good;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct judged judged =
	    judge((struct wps_span){ (const char *)data, size });

	check_report(&judged.report);
	if (judged.set)
		check_set(judged.set);
	judged_fini(&judged);
	return 0;
}
