/* SPDX-License-Identifier: MIT */
/*
 * Good configurations: values of every type, what is not set, and the hubs.
 */
#include "conf_scene.h"
#include "unit.h"

/* --- counting allocations ------------------------------------------------ */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static unsigned allocations;

void *
__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	allocations++;
	return __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	allocations++;
	return __real_realloc(old, size);
}

/* --- scalars ------------------------------------------------------------- */

struct good {
	const char *text, *name;
	int64_t expected;
};

/* Opens a file without errors. */
static void
open_good(struct scene *scene, const char *text)
{
	scene_open(scene, text);
	check_text(text, scene_report(scene), NULL);
	if (scene->set == NULL)
		abort();
}

static void
check_numbers(const struct good *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct scene scene;
		open_good(&scene, rows[i].text);
		check_number(rows[i].text,
		    conf_int(conf_core(scene.set), rows[i].name),
		    rows[i].expected);
		scene_close(&scene);
	}
}

static void
test_whole_numbers_are_read_up_to_their_bounds(void)
{
	static const struct good rows[] = {
		{ "number: -3\n", "number", -3 },
		{ "number: 0\n", "number", 0 },
		{ "number: 7\n", "number", 7 },
		{ "number: \"7\"\n", "number", 7 },
		{ "number: 007\n", "number", 7 },
		{ "any_number: 9223372036854775807\n", "any_number", INT64_MAX },
		{ "any_number: -9223372036854775808\n", "any_number", INT64_MIN },
	};

	check_numbers(rows, COUNT(rows));
}

static void
test_sizes_are_read_in_all_units_up_to_their_bounds(void)
{
	static const struct good rows[] = {
		{ "size: 1024\n", "size", 1024 },
		{ "size: 1KiB\n", "size", 1024 },
		{ "size: 1MiB\n", "size", 1 << 20 },
		{ "size: 1048576\n", "size", 1 << 20 },
		{ "any_size: 0\n", "any_size", 0 },
		{ "any_size: 3k\n", "any_size", 3 << 10 },
		{ "any_size: 3K\n", "any_size", 3 << 10 },
		{ "any_size: 3M\n", "any_size", 3 << 20 },
		{ "any_size: 3G\n", "any_size", INT64_C(3) << 30 },
		{ "any_size: 3GiB\n", "any_size", INT64_C(3) << 30 },
		{ "any_size: 8589934591GiB\n", "any_size",
		  INT64_C(8589934591) << 30 },
	};

	check_numbers(rows, COUNT(rows));
}

static void
test_durations_are_read_in_all_units_up_to_their_bounds(void)
{
	static const struct good rows[] = {
		{ "wait: 500ms\n", "wait", 500 },
		{ "wait: 120s\n", "wait", 120000 },
		{ "wait: 2m\n", "wait", 120000 },
		{ "any_wait: 0s\n", "any_wait", 0 },
		{ "any_wait: 24h\n", "any_wait", 24 * 3600000 },
		{ "any_wait: 7d\n", "any_wait", 7 * 24 * 3600000 },
	};

	check_numbers(rows, COUNT(rows));
}

static void
test_choice_is_read_as_its_index(void)
{
	static const struct good rows[] = {
		{ "color: red\n", "color", 0 },
		{ "color: \"blue\"\n", "color", 2 },
	};

	check_numbers(rows, COUNT(rows));
}

static void
test_truths_are_read(void)
{
	struct scene scene;

	open_good(&scene, "flag: false\n");
	CU_ASSERT_FALSE(conf_bool(conf_core(scene.set), "flag"));
	scene_close(&scene);
	open_good(&scene, "flag: \"true\"\n");
	CU_ASSERT_TRUE(conf_bool(conf_core(scene.set), "flag"));
	scene_close(&scene);
}

static void
test_texts_are_read_as_they_are_spelled(void)
{
	static const struct {
		const char *text, *name, *expected;
	} rows[] = {
		{ "name: ab\n", "name", "ab" },
		{ "name: abcde\n", "name", "abcde" },
		{ "name: 010\n", "name", "010" },
		{ "any_text: true\n", "any_text", "true" },
		{ "any_text: \"null\"\n", "any_text", "null" },
		{ "any_text: '~'\n", "any_text", "~" },
		{ "any_text: \"\"\n", "any_text", "" },
		{ "any_text: NULL\n", "any_text", "NULL" },
		{ "any_text: \"*\"\n", "any_text", "*" },
		{ "any_text: a # b\n", "any_text", "a" },
		{ "any_text: |\n  a\n  b\n", "any_text", "a\nb\n" },
		{ "any_text: >-\n  a\n  b\n", "any_text", "a b" },
		{ "{ \"any_text\": \"a\\u00e4\" }\n", "any_text", "a\xc3\xa4" },
		{ "\xef\xbb\xbf" "any_text: a\n", "any_text", "a" },
		{ "%YAML 1.1\n---\nany_text: a\n...\n", "any_text", "a" },
		{ "any_text: a\r\nname: abc\r\n", "any_text", "a" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct scene scene;
		open_good(&scene, rows[i].text);
		check_bytes(rows[i].text,
		    conf_span(conf_core(scene.set), rows[i].name),
		    wps_span_str(rows[i].expected));
		scene_close(&scene);
	}
}

/* --- what is not set ----------------------------------------------------- */

static void
check_fallbacks(const char *text)
{
	struct scene scene;

	open_good(&scene, text);
	const struct wps_conf *core = conf_core(scene.set);
	CU_ASSERT_TRUE(conf_bool(core, "flag"));
	check_number("number", conf_int(core, "number"), 1);
	check_number("any_number", conf_int(core, "any_number"), 0);
	check_number("size", conf_int(core, "size"), 2048);
	check_number("wait", conf_int(core, "wait"), 20000);
	check_number("color", conf_int(core, "color"), 1);
	check_bytes("name", conf_span(core, "name"), WPS_SPAN("none"));
	CU_ASSERT_PTR_NULL(conf_span(core, "any_text").data);
	check_number("list", (long long)conf_count(core, "list"), 2);
	check_bytes("list 0", conf_item(core, "list", 0), WPS_SPAN("x"));
	check_bytes("list 1", conf_item(core, "list", 1), WPS_SPAN("y, z"));
	check_number("any_list", (long long)conf_count(core, "any_list"), 1);
	check_bytes("any_list 0", conf_item(core, "any_list", 0),
	    WPS_SPAN("one"));
	check_number("doors", (long long)conf_count(core, "doors"), 0);
	check_number("box", (long long)conf_count(core, "box"), 0);
	scene_close(&scene);
}

static void
test_what_is_absent_has_the_fallback(void)
{
	check_fallbacks("{}\n");
}

static void
test_what_is_null_counts_as_absent(void)
{
	check_fallbacks("flag: ~\nnumber: null\nsize:\nwait: ~\ncolor: null\n"
	    "name:\nany_text: ~\nlist:\nany_list: null\ndoors: ~\nbox:\n"
	    "plugins: ~\nsafe:\nbare: ~\nhubs:\n");
}

/* --- lists and maps ------------------------------------------------------ */

static void
test_list_of_texts_may_be_one_text(void)
{
	struct scene scene;

	open_good(&scene, "list: [a, \"\", \"~\"]\nany_list: b\n");
	const struct wps_conf *core = conf_core(scene.set);
	check_number("list", (long long)conf_count(core, "list"), 3);
	check_bytes("list 0", conf_item(core, "list", 0), WPS_SPAN("a"));
	check_bytes("list 1", conf_item(core, "list", 1), WPS_SPAN(""));
	check_bytes("list 2", conf_item(core, "list", 2), WPS_SPAN("~"));
	check_number("any_list", (long long)conf_count(core, "any_list"), 1);
	check_bytes("any_list 0", conf_item(core, "any_list", 0), WPS_SPAN("b"));
	scene_close(&scene);
	open_good(&scene, "any_list: []\n");
	check_number("empty",
	    (long long)conf_count(conf_core(scene.set), "any_list"), 0);
	scene_close(&scene);
}

static void
test_maps_have_values_of_their_own(void)
{
	struct scene scene;

	open_good(&scene, "doors:\n  - url: a\n    weight: 3\n  - { url: b }\n"
	    "box:\n  doors:\n  - url: c\n");
	const struct wps_conf *core = conf_core(scene.set);
	check_number("doors", (long long)conf_count(core, "doors"), 2);
	const struct wps_conf *a = conf_map(core, "doors", 0);
	const struct wps_conf *b = conf_map(core, "doors", 1);
	check_bytes("a", conf_span(a, "url"), WPS_SPAN("a"));
	check_number("a's weight", conf_int(a, "weight"), 3);
	check_bytes("b", conf_span(b, "url"), WPS_SPAN("b"));
	check_number("b's weight", conf_int(b, "weight"), 10);
	check_number("box", (long long)conf_count(core, "box"), 1);
	const struct wps_conf *box = conf_map(core, "box", 0);
	check_number("depth", conf_int(box, "depth"), 3);
	check_bytes("c", conf_span(conf_map(box, "doors", 0), "url"),
	    WPS_SPAN("c"));
	scene_close(&scene);
}

static void
test_plugins_have_sections_with_and_without_rows(void)
{
	struct scene scene;

	open_good(&scene, "safe: { owner: me }\nbare: {}\n");
	check_bytes("owner", conf_span(conf_plugin(scene.set, 0), "owner"),
	    WPS_SPAN("me"));
	CU_ASSERT_PTR_NOT_NULL(conf_plugin(scene.set, 1));
	scene_close(&scene);
	open_good(&scene, "flag: true\n");
	CU_ASSERT_PTR_NULL(conf_span(conf_plugin(scene.set, 0), "owner").data);
	check_number("keys",
	    (long long)conf_count(conf_plugin(scene.set, 0), "keys"), 0);
	scene_close(&scene);
}

/* --- hubs ---------------------------------------------------------------- */

static const struct wps_conf *
hub(const struct scene *scene, const char *name)
{
	return conf_hub(scene->set, wps_span_str(name));
}

static void
test_hub_takes_its_own_then_the_stars_then_the_fallbacks(void)
{
	struct scene scene;

	/* The star need not stand first. */
	open_good(&scene, "hubs:\n  chat: { limit: 7, doors: [url: own] }\n"
	    "  \"*\": { open: true, limit: 6, doors: [url: a, url: b] }\n"
	    "  game: { greeting: hi, limit: ~ }\n");
	CU_ASSERT_TRUE(conf_bool(hub(&scene, "chat"), "open"));
	check_number("own", conf_int(hub(&scene, "chat"), "limit"), 7);
	check_number("own list",
	    (long long)conf_count(hub(&scene, "chat"), "doors"), 1);
	check_bytes("fallback", conf_span(hub(&scene, "chat"), "greeting"),
	    WPS_SPAN("hello"));
	check_number("null", conf_int(hub(&scene, "game"), "limit"), 6);
	check_number("the star's list",
	    (long long)conf_count(hub(&scene, "game"), "doors"), 2);
	check_bytes("plugin's", conf_span(hub(&scene, "game"), "greeting"),
	    WPS_SPAN("hi"));
	CU_ASSERT_TRUE(conf_bool(hub(&scene, "other"), "open"));
	check_bytes("other", conf_span(hub(&scene, "other"), "greeting"),
	    WPS_SPAN("hello"));
	CU_ASSERT_PTR_EQUAL(hub(&scene, "other"), hub(&scene, "*"));
	scene_close(&scene);
}

static void
test_hubs_without_a_star_stand_on_the_fallbacks(void)
{
	struct scene scene;

	open_good(&scene, "hubs: { chat: { open: true }, game: }\n");
	CU_ASSERT_TRUE(conf_bool(hub(&scene, "chat"), "open"));
	check_number("chat", conf_int(hub(&scene, "chat"), "limit"), 5);
	CU_ASSERT_FALSE(conf_bool(hub(&scene, "game"), "open"));
	CU_ASSERT_FALSE(conf_bool(hub(&scene, "other"), "open"));
	scene_close(&scene);
}

static void
test_name_of_a_hub_is_found_in_any_case(void)
{
	static const char *const names[] = { "Chat_1", "CHAT_1", "chat_1" };
	char longest[130], longer[300];
	char text[300];
	struct scene scene;

	memset(longest, 'N', 128);
	longest[128] = '\0';
	memset(longer, 'n', 299);
	longer[299] = '\0';
	snprintf(text, sizeof(text), "hubs: { cHat_1: { limit: 7 }, "
	    "%s: { limit: 8 } }\n", longest);
	open_good(&scene, text);
	for (size_t i = 0; i < COUNT(names); i++)
		check_number(names[i], conf_int(hub(&scene, names[i]), "limit"),
		    7);
	longer[128] = '\0';
	check_number("longest", conf_int(hub(&scene, longer), "limit"), 8);
	longer[128] = 'n';
	check_number("longer", conf_int(hub(&scene, longer), "limit"), 5);
	check_number("shorter", conf_int(hub(&scene, "chat_"), "limit"), 5);
	check_number("none", conf_int(conf_hub(scene.set, WPS_SPAN_NONE),
	    "limit"), 5);
	scene_close(&scene);
}

static void
test_hubs_are_listed_without_the_star(void)
{
	static const char *const names[] = { "a", "b", "chat", "d" };
	struct scene scene;

	open_good(&scene, "hubs: { d: , Chat: , a: , \"*\": , b: }\n");
	for (size_t i = 0; i < COUNT(names); i++)
		check_bytes(names[i], conf_hub_name(scene.set, i),
		    wps_span_str(names[i]));
	CU_ASSERT_PTR_NULL(conf_hub_name(scene.set, COUNT(names)).data);
	scene_close(&scene);
}

static void
test_finding_a_hub_takes_no_memory(void)
{
	struct scene scene;
	unsigned before = allocations;

	open_good(&scene, "hubs: { chat: { limit: 7 } }\n");
	CU_ASSERT_TRUE(allocations > before);
	before = allocations;
	int64_t sum = conf_int(hub(&scene, "CHAT"), "limit") +
	    conf_int(hub(&scene, "other"), "limit");
	check_number("allocations", allocations, before);
	check_number("limits", sum, 12);
	scene_close(&scene);
}

/* --- places -------------------------------------------------------------- */

static void
check_where(const struct wps_conf *conf, const char *name, const char *expected)
{
	char where[64];

	conf_where(conf, name, where, sizeof(where));
	check_text(name, where, expected);
}

static void
test_place_is_that_of_the_option_or_of_its_map(void)
{
	struct scene scene;

	open_good(&scene, "flag: true\nlist: [a]\nbox:\n  depth: 1\n"
	    "doors:\n  - url: a\n  - { url: b, weight: 1 }\n"
	    "hubs:\n  chat: { limit: 1 }\n  \"*\":\n    open: true\n");
	const struct wps_conf *core = conf_core(scene.set);
	check_where(core, "flag", "wps.conf:1:1");
	check_where(core, "list", "wps.conf:2:1");
	check_where(core, "name", "wps.conf:1:1");
	check_where(conf_map(core, "box", 0), "depth", "wps.conf:4:3");
	check_where(conf_map(core, "box", 0), "doors", "wps.conf:3:1");
	check_where(conf_map(core, "doors", 0), "weight", "wps.conf:6:5");
	check_where(conf_map(core, "doors", 1), "weight", "wps.conf:7:15");
	check_where(hub(&scene, "chat"), "limit", "wps.conf:9:11");
	check_where(hub(&scene, "chat"), "open", "wps.conf:11:5");
	check_where(hub(&scene, "chat"), "greeting", "wps.conf:10:3");
	check_where(conf_plugin(scene.set, 0), "owner", "wps.conf:1:1");
	scene_close(&scene);
}

static void
test_relative_path_begins_at_the_folder_of_the_configuration(void)
{
	static const struct {
		const char *conf, *given, *expected;
	} rows[] = {
		{ "wps.conf", "any_text: a.pem\n", "a.pem" },
		{ "./wps.conf", "any_text: b/a.pem\n", "./b/a.pem" },
		{ "./wps.conf", "any_text: /b/a.pem\n", "/b/a.pem" },
		{ "./wps.conf", "flag: true\n", NULL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct scene scene;
		scene_write(rows[i].conf, rows[i].given, strlen(rows[i].given),
		    0600);
		scene_read(&scene, rows[i].conf);
		char *path = conf_file(conf_core(scene.set), "any_text");
		check_text(rows[i].given, path, rows[i].expected);
		free(path);
		scene_close(&scene);
	}
}

/* --- before judging ------------------------------------------------------ */

static void
check_tree_where(const struct scene *scene, const char *name, size_t i,
    const char *expected)
{
	char where[64];

	conf_tree_where(scene->tree, name, i, where, sizeof(where));
	check_text(name, where, expected);
}

static void
test_texts_of_a_list_are_there_before_judging(void)
{
	struct wps_span item;
	struct scene scene;

	scene_open(&scene, "flag: true\nplugins:\n  - safe\n  - ~\n  - {}\n"
	    "  - bare\nname: abc\nsize:\nbox: {}\n");
	CU_ASSERT_TRUE(conf_tree_item(scene.tree, "plugins", 0, &item));
	check_bytes("first", item, WPS_SPAN("safe"));
	CU_ASSERT_TRUE(conf_tree_item(scene.tree, "plugins", 1, &item));
	check_bytes("second", item, WPS_SPAN("bare"));
	CU_ASSERT_FALSE(conf_tree_item(scene.tree, "plugins", 2, &item));
	CU_ASSERT_TRUE(conf_tree_item(scene.tree, "name", 0, &item));
	check_bytes("one text", item, WPS_SPAN("abc"));
	CU_ASSERT_FALSE(conf_tree_item(scene.tree, "name", 1, &item));
	CU_ASSERT_FALSE(conf_tree_item(scene.tree, "size", 0, &item));
	CU_ASSERT_FALSE(conf_tree_item(scene.tree, "box", 0, &item));
	CU_ASSERT_FALSE(conf_tree_item(scene.tree, "absent", 0, &item));
	check_tree_where(&scene, "plugins", 0, "wps.conf:3:5");
	check_tree_where(&scene, "plugins", 1, "wps.conf:6:5");
	check_tree_where(&scene, "plugins", 2, "wps.conf:2:1");
	check_tree_where(&scene, "absent", 0, "wps.conf:1:1");
	scene_close(&scene);
}

static void
test_long_list_is_looked_at_in_part(void)
{
	char text[1024] = "plugins: [";
	struct wps_span item;
	struct scene scene;

	for (size_t i = 0; i < 257; i++)
		memcpy(text + 10 + 2 * i, "a,", 3);
	memcpy(text + 10 + 2 * 257, "]\n", 3);
	scene_open(&scene, text);
	CU_ASSERT_TRUE(conf_tree_item(scene.tree, "plugins", 255, &item));
	CU_ASSERT_FALSE(conf_tree_item(scene.tree, "plugins", 256, &item));
	scene_close(&scene);
}

/* --- our own mistakes ---------------------------------------------------- */

static void
ask_unknown(const void *set)
{
	(void)conf_int(conf_core(set), "nothing");
}

static void
ask_other_type(const void *set)
{
	(void)conf_int(conf_core(set), "name");
}

static void
ask_behind_the_list(const void *set)
{
	(void)conf_item(conf_core(set), "list", 2);
}

static void
ask_behind_the_maps(const void *set)
{
	(void)conf_map(conf_core(set), "doors", 0);
}

static void
ask_rightly(const void *set)
{
	(void)conf_item(conf_core(set), "list", 1);
}

static void
test_asking_wrongly_aborts(void)
{
	struct scene scene;

	open_good(&scene, "flag: true\n");
	CU_ASSERT_TRUE(scene_aborts(ask_unknown, scene.set));
	CU_ASSERT_TRUE(scene_aborts(ask_other_type, scene.set));
	CU_ASSERT_TRUE(scene_aborts(ask_behind_the_list, scene.set));
	CU_ASSERT_TRUE(scene_aborts(ask_behind_the_maps, scene.set));
	CU_ASSERT_FALSE(scene_aborts(ask_rightly, scene.set));
	scene_close(&scene);
}

static void
judge_by(const void *row)
{
	const struct wps_option *one = row;
	const struct wps_option rows[] = { *one, WPS_OPTION_END };
	struct conf_report report = { 0 };
	struct conf_tree *tree = conf_tree_read("wps.conf", &report);
	struct conf_set *set =
	    conf_set_new(tree, rows, scene_hub, NULL, 0, &report);

	conf_set_free(&set);
	conf_tree_free(&tree);
	conf_report_fini(&report);
}

static void
test_bad_fallback_aborts(void)
{
	static const char *const choices[] = { "a", NULL };
	static const struct wps_option bad[] = {
		{ .name = "x", .type = WPS_OPT_INT, .fallback = "8", .max = 7 },
		{ .name = "x", .type = WPS_OPT_BOOL, .fallback = "no" },
		{ .name = "x", .type = WPS_OPT_ENUM, .fallback = "b",
		  .choices = choices },
		{ .name = "x", .type = WPS_OPT_DURATION, .fallback = "5" },
		{ .name = "x", .type = WPS_OPT_STRING, .fallback = "abc",
		  .max = 2 },
		{ .name = "x", .type = WPS_OPT_STRINGS, .fallback = "[a, b]",
		  .max = 1 },
		{ .name = "x", .type = WPS_OPT_STRINGS, .fallback = "[a" },
		{ .name = "x", .type = WPS_OPT_SECRET, .fallback = "abc" },
		{ .name = "x", .type = WPS_OPT_MAP, .fallback = "{}" },
	};
	static const struct wps_option good = {
		.name = "x", .type = WPS_OPT_INT, .fallback = "7", .max = 7,
	};

	scene_write("wps.conf", "{}\n", 3, 0600);
	for (size_t i = 0; i < COUNT(bad); i++)
		check_number(bad[i].fallback, scene_aborts(judge_by, &bad[i]),
		    true);
	CU_ASSERT_FALSE(scene_aborts(judge_by, &good));
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_whole_numbers_are_read_up_to_their_bounds),
		TEST(test_sizes_are_read_in_all_units_up_to_their_bounds),
		TEST(test_durations_are_read_in_all_units_up_to_their_bounds),
		TEST(test_choice_is_read_as_its_index),
		TEST(test_truths_are_read),
		TEST(test_texts_are_read_as_they_are_spelled),
		TEST(test_what_is_absent_has_the_fallback),
		TEST(test_what_is_null_counts_as_absent),
		TEST(test_list_of_texts_may_be_one_text),
		TEST(test_maps_have_values_of_their_own),
		TEST(test_plugins_have_sections_with_and_without_rows),
		TEST(test_hub_takes_its_own_then_the_stars_then_the_fallbacks),
		TEST(test_hubs_without_a_star_stand_on_the_fallbacks),
		TEST(test_name_of_a_hub_is_found_in_any_case),
		TEST(test_hubs_are_listed_without_the_star),
		TEST(test_finding_a_hub_takes_no_memory),
		TEST(test_place_is_that_of_the_option_or_of_its_map),
		TEST(test_relative_path_begins_at_the_folder_of_the_configuration),
		TEST(test_texts_of_a_list_are_there_before_judging),
		TEST(test_long_list_is_looked_at_in_part),
		TEST(test_asking_wrongly_aborts),
		TEST(test_bad_fallback_aborts),
	};

	scene_enter();
	int code = RUN_TESTS("values of wps.conf", tests);
	scene_leave();
	return code;
}
