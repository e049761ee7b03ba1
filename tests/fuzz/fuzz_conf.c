/* SPDX-License-Identifier: MIT */
/*
 * Files of the configuration, judged by rows of every type but those that reach
 * outside: a secret may name any file. What is refused has a report, each line of
 * it with a place, in order; what is taken has values within the bounds of its
 * rows; and a second reading gives the same.
 */
#include "fuzz.h"

#include "conf_impl.h"

#define LIST_MAX 3
#define NUMBER_MAX 100

static const char *const colors[] = { "red", "green", NULL };

static const struct wps_option door_members[] = {
	{ .name = "url", .type = WPS_OPT_STRING, .required = true },
	{ .name = "weight", .type = WPS_OPT_INT, .fallback = "10",
	  .min = -NUMBER_MAX, .max = NUMBER_MAX },
	WPS_OPTION_END,
};

static const struct wps_option box_members[] = {
	{ .name = "doors", .type = WPS_OPT_MAPS, .members = door_members },
	WPS_OPTION_END,
};

static const struct wps_option core_rows[] = {
	{ .name = "plugins", .type = WPS_OPT_STRINGS, .max = LIST_MAX },
	{ .name = "flag", .type = WPS_OPT_BOOL, .fallback = "true" },
	{ .name = "size", .type = WPS_OPT_SIZE, .fallback = "1KiB" },
	{ .name = "wait", .type = WPS_OPT_DURATION, .fallback = "1ms",
	  .min = 1, .max = NUMBER_MAX },
	{ .name = "color", .type = WPS_OPT_ENUM, .choices = colors },
	{ .name = "list", .type = WPS_OPT_STRINGS, .fallback = "[a, b]",
	  .max = LIST_MAX },
	{ .name = "doors", .type = WPS_OPT_MAPS, .members = door_members },
	{ .name = "box", .type = WPS_OPT_MAP, .members = box_members },
	WPS_OPTION_END,
};

static const struct wps_option hub_rows[] = {
	{ .name = "limit", .type = WPS_OPT_INT, .fallback = "5",
	  .min = 0, .max = NUMBER_MAX },
	WPS_OPTION_END,
};

static const struct wps_option plugin_hub_rows[] = {
	{ .name = "greeting", .type = WPS_OPT_STRING, .max = NUMBER_MAX },
	WPS_OPTION_END,
};

static const struct conf_rows plugins[] = {
	{ "first", box_members, plugin_hub_rows },
	{ "second", NULL, NULL },
};

struct result {
	struct conf_tree *tree;
	struct conf_set *set;
	struct conf_report report;
};

static void
result_init(struct result *result, struct wps_span input)
{
	*result = (struct result){ .tree = NULL };
	result->tree = conf_tree_parse("f", input, true, &result->report);
	if (result->tree)
		result->set = conf_set_new(result->tree, core_rows, hub_rows,
		    plugins, 2, &result->report);
	conf_report_sort(&result->report);
}

static void
result_fini(struct result *result)
{
	conf_set_free(&result->set);
	conf_tree_free(&result->tree);
	conf_report_fini(&result->report);
}

/* --- refused ------------------------------------------------------------- */

static void
check_report(const struct conf_report *report)
{
	unsigned long last_line = 1, last_column = 1;
	const char *at = report->text;
	unsigned count = 0;

	while (at && *at) {
		unsigned long line, column;
		char end;
		PROMISE(sscanf(at, "f:%lu:%lu%c", &line, &column, &end) == 3);
		PROMISE(end == ':' && line > 0 && column > 0);
		PROMISE(line > last_line ||
		    (line == last_line && column >= last_column));
		last_line = line;
		last_column = column;
		at = strchr(at, '\n');
		PROMISE(at != NULL);
		at++;
		count++;
	}
	PROMISE(count == report->count);
	PROMISE(report->text == NULL || strlen(report->text) == report->len);
}

/* --- taken --------------------------------------------------------------- */

static void
check_doors(const struct wps_conf *conf)
{
	for (size_t i = 0; i < conf_count(conf, "doors"); i++) {
		const struct wps_conf *door = conf_map(conf, "doors", i);
		int64_t weight = conf_int(door, "weight");
		PROMISE(weight >= -NUMBER_MAX && weight <= NUMBER_MAX);
		PROMISE(conf_span(door, "url").data != NULL);
	}
}

static void
check_core(const struct wps_conf *core)
{
	int64_t wait = conf_int(core, "wait");
	char where[16];

	(void)conf_bool(core, "flag");
	PROMISE(conf_int(core, "size") >= 0);
	PROMISE(wait >= 1 && wait <= NUMBER_MAX);
	PROMISE((uint64_t)conf_int(core, "color") < 2);
	PROMISE(conf_count(core, "list") <= LIST_MAX);
	for (size_t i = 0; i < conf_count(core, "list"); i++)
		PROMISE(conf_item(core, "list", i).data != NULL);
	check_doors(core);
	PROMISE(conf_count(core, "box") <= 1);
	if (conf_count(core, "box") == 1)
		check_doors(conf_map(core, "box", 0));
	conf_where(core, "wait", where, sizeof(where));
	PROMISE(strncmp(where, "f:", 2) == 0);
}

static void
check_hub(const struct wps_conf *hub)
{
	int64_t limit = conf_int(hub, "limit");

	PROMISE(limit >= 0 && limit <= NUMBER_MAX);
	PROMISE(conf_span(hub, "greeting").len <= NUMBER_MAX);
}

static void
check_set(const struct conf_set *set)
{
	const struct wps_conf *any = conf_hub(set, WPS_SPAN("*"));
	struct wps_span name;

	check_core(conf_core(set));
	check_doors(conf_plugin(set, 0));
	check_hub(any);
	for (size_t i = 0; (name = conf_hub_name(set, i)).data; i++) {
		PROMISE(conf_hub(set, name) != any);
		check_hub(conf_hub(set, name));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wps_span input = { (const char *)data, size };
	struct result first, second;

	result_init(&first, input);
	result_init(&second, input);
	PROMISE((first.set == NULL) == (first.report.count > 0));
	check_report(&first.report);
	if (first.set)
		check_set(first.set);
	PROMISE((second.set == NULL) == (first.set == NULL));
	PROMISE(first.report.len == second.report.len);
	PROMISE(first.report.len == 0 || memcmp(first.report.text,
	    second.report.text, first.report.len) == 0);
	result_fini(&first);
	result_fini(&second);
	return 0;
}

bool
fuzz_accepts(struct wps_span input)
{
	struct result result;

	result_init(&result, input);
	bool taken = result.set != NULL;
	result_fini(&result);
	return taken;
}
