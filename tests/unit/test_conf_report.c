/* SPDX-License-Identifier: MIT */
/*
 * What a bad configuration is told: the whole report, word by word.
 */
#include "conf_scene.h"
#include "unit.h"

struct bad {
	const char *text, *report;
};

static void
check_bad(const struct bad *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct scene scene;
		scene_open(&scene, rows[i].text);
		check_text(rows[i].text, scene_report(&scene), rows[i].report);
		check_number(rows[i].text, scene.set != NULL, 0);
		scene_close(&scene);
	}
}

/* --- what is no tree ----------------------------------------------------- */

static void
test_broken_yaml_is_told_with_its_place(void)
{
	static const struct bad rows[] = {
		{ "list: [x,\n  y\n",
		  "wps.conf:3:1: did not find expected ',' or ']', while "
		  "parsing a flow sequence that begins in line 1\n" },
		{ "box: { depth: 1\n",
		  "wps.conf:2:1: did not find expected ',' or '}', while "
		  "parsing a flow mapping that begins in line 1\n" },
		{ "name: \"abc",
		  "wps.conf:1:11: found unexpected end of stream\n" },
		{ "name: a: b\n",
		  "wps.conf:1:8: mapping values are not allowed in this "
		  "context\n" },
		{ "box:\n  depth: 1\n doors: []\n",
		  "wps.conf:3:2: did not find expected key, while parsing a "
		  "block mapping that begins in line 1\n" },
		{ "name: \"\\q\"\n",
		  "wps.conf:1:8: found unknown escape character\n" },
		{ "name: @x\n", "wps.conf:1:7: a text that begins with this "
		  "character must stand in quotes\n" },
		{ "%FOO\n---\nname: abc\n",
		  "wps.conf:1:5: found unknown directive name\n" },
	};

	check_bad(rows, COUNT(rows));
}

static void
test_tab_that_indents_is_named(void)
{
	static const struct bad rows[] = {
		{ "\tname: abc\n",
		  "wps.conf:1:1: a tab stands where only spaces may\n" },
		{ "box:\n\tdepth: 1\n",
		  "wps.conf:2:1: a tab stands where only spaces may\n" },
		{ "box:\n  depth: 1\n\tdoors: []\n",
		  "wps.conf:3:1: a tab stands where only spaces may\n" },
		{ "name: |\n\tabc\n",
		  "wps.conf:2:1: a tab stands where only spaces may\n" },
	};

	check_bad(rows, COUNT(rows));
}

static void
test_bytes_that_are_no_text_are_told_with_their_place(void)
{
	static const struct bad rows[] = {
		{ "flag: true\nname: \xff\n",
		  "wps.conf:2:7: invalid leading UTF-8 octet\n" },
		{ "flag: true\n# \xc3\xa4\xc3\xa4 \xc3(\n",
		  "wps.conf:2:7: invalid trailing UTF-8 octet\n" },
		{ "name: a\x01\n",
		  "wps.conf:1:8: control characters are not allowed\n" },
		{ "\xff\xfe" "a\n", "wps.conf:1:1: invalid leading UTF-8 octet\n" },
	};

	check_bad(rows, COUNT(rows));
}

static void
test_file_that_is_no_map_is_refused(void)
{
	static const struct bad rows[] = {
		{ "", "wps.conf:1:1: the file has no options\n" },
		{ "# nothing\n", "wps.conf:2:1: the file has no options\n" },
		{ "---\n", "wps.conf:2:1: the file must be a map of options\n" },
		{ "- name\n",
		  "wps.conf:1:1: the file must be a map of options\n" },
		{ "name\n", "wps.conf:1:1: the file must be a map of options\n" },
		{ "name: abc\n---\nname: abc\n",
		  "wps.conf:2:1: there must be one document in the file\n" },
		{ "name: abc\n...\nname: abc\n",
		  "wps.conf:3:1: there must be one document in the file\n" },
	};

	check_bad(rows, COUNT(rows));
}

static void
test_file_that_cannot_be_read_is_told_with_its_cause(void)
{
	struct scene scene;

	scene_read(&scene, "nothing.conf");
	check_text("missing", scene_report(&scene),
	    "nothing.conf: No such file or directory\n");
	CU_ASSERT_PTR_NULL(scene.tree);
	scene_close(&scene);
	scene_read(&scene, ".");
	check_text("a folder", scene_report(&scene), ".: Is a directory\n");
	scene_close(&scene);
}

static void
test_file_of_one_mebibyte_is_read_and_no_more(void)
{
	size_t size = 1 << 20;
	char *text = malloc(size + 1);
	struct scene scene;

	memset(text, '#', size + 1);
	memcpy(text, "name: abc\n", 10);
	scene_write("wps.conf", text, size, 0600);
	scene_read(&scene, "wps.conf");
	check_text("1 MiB", scene_report(&scene), NULL);
	CU_ASSERT_PTR_NOT_NULL(scene.set);
	scene_close(&scene);
	scene_write("wps.conf", text, size + 1, 0600);
	scene_read(&scene, "wps.conf");
	check_text("one more", scene_report(&scene),
	    "wps.conf: is larger than 1 MiB\n");
	scene_close(&scene);
	free(text);
}

static void
test_sixteen_levels_are_read_and_no_more(void)
{
	static const struct bad rows[] = {
		/* The map of the file is the first. */
		{ "name: [[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]\n",
		  "wps.conf:1:1: name: must be one value, not a list\n" },
		{ "name: [[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]\n",
		  "wps.conf:1:22: maps and lists are nested more than 16 "
		  "deep\n" },
		{ "name: [[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]]\n",
		  "wps.conf:1:22: maps and lists are nested more than 16 "
		  "deep\n" },
	};

	check_bad(rows, COUNT(rows));
}

/* --- what a tree must not have ------------------------------------------- */

static void
test_anchors_aliases_and_tags_are_refused(void)
{
	static const struct bad rows[] = {
		{ "name: &a abc\nlist: [*a]\n",
		  "wps.conf:1:7: anchors are not supported; a text that begins "
		  "with & must stand in quotes\n"
		  "wps.conf:2:8: aliases are not supported; a text that begins "
		  "with * must stand in quotes\n" },
		{ "name: *a\n",
		  "wps.conf:1:7: aliases are not supported; a text that begins "
		  "with * must stand in quotes\n" },
		{ "box: *a\nhubs: *a\n",
		  "wps.conf:1:6: aliases are not supported; a text that begins "
		  "with * must stand in quotes\n"
		  "wps.conf:2:7: aliases are not supported; a text that begins "
		  "with * must stand in quotes\n" },
		{ "doors: [*a]\nhubs: {chat: *a}\n",
		  "wps.conf:1:9: aliases are not supported; a text that begins "
		  "with * must stand in quotes\n"
		  "wps.conf:2:14: aliases are not supported; a text that begins "
		  "with * must stand in quotes\n" },
		{ "box: &b {}\nlist: &c [x]\n",
		  "wps.conf:1:6: anchors are not supported; a text that begins "
		  "with & must stand in quotes\n"
		  "wps.conf:2:7: anchors are not supported; a text that begins "
		  "with & must stand in quotes\n" },
		{ "number: !!int 5\n",
		  "wps.conf:1:9: tags are not supported; a text that begins "
		  "with ! must stand in quotes\n" },
		{ "name: !abc\n",
		  "wps.conf:1:7: tags are not supported; a text that begins "
		  "with ! must stand in quotes\n" },
		{ "hubs:\n  *: {}\n", "wps.conf:2:4: a text that begins with * "
		  "or & must stand in quotes\n" },
	};

	check_bad(rows, COUNT(rows));
}

static void
test_option_that_stands_there_twice_is_refused(void)
{
	static const struct bad rows[] = {
		{ "name: abc\nflag: true\nname: abc\n",
		  "wps.conf:3:1: \"name\" stands here twice, first in line 1\n" },
		{ "name: abc\nname: abc\n\"name\": abc\n",
		  "wps.conf:2:1: \"name\" stands here twice, first in line 1\n"
		  "wps.conf:3:1: \"name\" stands here twice, first in line 1\n" },
		{ "box: { depth: 1, doors: [], depth: 2 }\n",
		  "wps.conf:1:29: \"depth\" stands here twice, first in line "
		  "1\n" },
		{ "safe: {}\nsafe: {}\n",
		  "wps.conf:2:1: \"safe\" stands here twice, first in line 1\n" },
		{ "hubs: {chat: {}, \"*\": {}, chat: {}, \"*\": {}}\n",
		  "wps.conf:1:27: \"chat\" stands here twice, first in line 1\n"
		  "wps.conf:1:37: \"*\" stands here twice, first in line 1\n" },
	};

	check_bad(rows, COUNT(rows));
}

static void
test_name_that_is_no_text_is_refused(void)
{
	static const struct bad rows[] = {
		{ "[a, b]: c\nnumber: x\n",
		  "wps.conf:1:1: the name of an option must be a text\n"
		  "wps.conf:2:1: number: must be a whole number, not \"x\"\n" },
		{ "? {a: b}\n: c\n",
		  "wps.conf:1:3: the name of an option must be a text\n" },
		{ "\"a\\0b\": c\n",
		  "wps.conf:1:1: the name of an option has a NUL in it\n" },
		{ "*a : c\n",
		  "wps.conf:1:1: aliases are not supported; a text that begins "
		  "with * must stand in quotes\n" },
	};

	check_bad(rows, COUNT(rows));
}

/* --- judging ------------------------------------------------------------- */

static void
test_unknown_option_is_told_what_may_have_been_meant(void)
{
	static const struct bad rows[] = {
		{ "nmae: abc\n", "wps.conf:1:1: unknown option \"nmae\" (did you "
		  "mean \"name\"?)\n" },
		{ "doorrr: 1\n", "wps.conf:1:1: unknown option \"doorrr\" (did "
		  "you mean \"doors\"?)\n" },
		{ "doorrrs: 1\n", "wps.conf:1:1: unknown option \"doorrrs\" (did "
		  "you mean \"doors\"?)\n" },
		{ "doorrrrs: 1\n",
		  "wps.conf:1:1: unknown option \"doorrrrs\"\n" },
		{ "any_te: 1\n", "wps.conf:1:1: unknown option \"any_te\" (did "
		  "you mean \"any_text\"?)\n" },
		{ "plug: 1\n", "wps.conf:1:1: unknown option \"plug\" (did you "
		  "mean \"plugins\"?)\n" },
		/* Many begin with it. */
		{ "any_: 1\n", "wps.conf:1:1: unknown option \"any_\"\n" },
		{ "hub: 1\n", "wps.conf:1:1: unknown option \"hub\" (did you "
		  "mean \"hubs\"?)\n" },
		{ "\"\": 1\n", "wps.conf:1:1: unknown option \"\"\n" },
		{ "\"na\\nme\": 1\n", "wps.conf:1:1: unknown option \"na?me\" "
		  "(did you mean \"name\"?)\n" },
		{ "<<: 1\n", "wps.conf:1:1: unknown option \"<<\"\n" },
		{ "box: { dept: 1 }\n", "wps.conf:1:8: section \"box\": unknown "
		  "option \"dept\" (did you mean \"depth\"?)\n" },
		{ "hubs: { chat: { opn: true } }\n", "wps.conf:1:17: hub "
		  "\"chat\": unknown option \"opn\" (did you mean \"open\"?)\n" },
		{ "hubs: { chat: { welcome: x } }\n", "wps.conf:1:17: hub "
		  "\"chat\": unknown option \"welcome\" (if it is a plugin's, "
		  "name that in \"plugins\")\n" },
		{ "hubs: { \"*\": { greetings: x } }\n", "wps.conf:1:16: hub "
		  "\"*\": unknown option \"greetings\" (did you mean "
		  "\"greeting\"?)\n" },
		{ "safe: { ownr: x }\n", "wps.conf:1:9: section \"safe\": "
		  "unknown option \"ownr\" (did you mean \"owner\"?)\n" },
		{ "bare: { x: 1 }\n", "wps.conf:1:9: section \"bare\": unknown "
		  "option \"x\"\n" },
		{ "name:\n  abc\nnames: a\n", "wps.conf:3:1: unknown option "
		  "\"names\" (did you mean \"name\"?)\n" },
	};

	check_bad(rows, COUNT(rows));
}

static void
test_section_of_no_plugin_is_refused(void)
{
	static const struct bad rows[] = {
		{ "metric: { path: /m }\n", "wps.conf:1:1: section \"metric\" "
		  "belongs to no plugin in \"plugins\"\n" },
		{ "saef: {}\n", "wps.conf:1:1: section \"saef\" belongs to no "
		  "plugin in \"plugins\" (did you mean \"safe\"?)\n" },
		{ "metric: 1\n", "wps.conf:1:1: unknown option \"metric\"\n" },
	};

	check_bad(rows, COUNT(rows));
}

static void
test_long_name_is_cut_in_the_report(void)
{
	char text[400], name[301];
	struct scene scene;

	memset(name, 'n', 300);
	name[300] = '\0';
	snprintf(text, sizeof(text), "%s: 1\n", name);
	scene_open(&scene, text);
	snprintf(text, sizeof(text),
	    "wps.conf:1:1: unknown option \"%.100s\"\n", name);
	check_text("300 letters", scene_report(&scene), text);
	scene_close(&scene);
}

static void
test_value_of_a_wrong_kind_is_refused(void)
{
	static const struct bad rows[] = {
		{ "name: [a]\n",
		  "wps.conf:1:1: name: must be one value, not a list\n" },
		{ "number: {}\n",
		  "wps.conf:1:1: number: must be one value, not a map\n" },
		{ "list: {}\n",
		  "wps.conf:1:1: list: must be a list of texts, not a map\n" },
		{ "list: [a, [b]]\n",
		  "wps.conf:1:11: list: must be one value, not a list\n" },
		{ "list: [a, b: c]\n",
		  "wps.conf:1:11: list: must be one value, not a map\n" },
		{ "list: [a, ~]\n",
		  "wps.conf:1:11: list: an item has no value\n" },
		{ "list:\n  - a\n  -\n",
		  "wps.conf:3:4: list: an item has no value\n" },
		{ "doors: {}\n",
		  "wps.conf:1:1: doors: must be a list of maps\n" },
		{ "doors: [a, ~]\n",
		  "wps.conf:1:9: doors: must be a list of maps\n"
		  "wps.conf:1:12: doors: must be a list of maps\n" },
		{ "box: 1\n", "wps.conf:1:1: box: must be a map\n" },
		{ "safe: [a]\n", "wps.conf:1:1: safe: must be a map\n" },
		{ "hubs: []\n", "wps.conf:1:1: hubs: must be a map of hubs\n" },
		{ "hubs: { chat: 1 }\n",
		  "wps.conf:1:9: hub \"chat\": must be a map of options\n" },
		{ "hubs: { \"*\": [] }\n",
		  "wps.conf:1:9: hub \"*\": must be a map of options\n" },
	};

	check_bad(rows, COUNT(rows));
}

static void
test_scalar_that_its_row_does_not_take_is_refused(void)
{
	static const struct bad rows[] = {
		{ "flag: yes\n",
		  "wps.conf:1:1: flag: must be true or false, not \"yes\"\n" },
		{ "flag: True\n",
		  "wps.conf:1:1: flag: must be true or false, not \"True\"\n" },
		{ "number: 1.5\n",
		  "wps.conf:1:1: number: must be a whole number, not \"1.5\"\n" },
		{ "number: 0x7\n",
		  "wps.conf:1:1: number: must be a whole number, not \"0x7\"\n" },
		{ "number: +7\n",
		  "wps.conf:1:1: number: must be a whole number, not \"+7\"\n" },
		{ "number: \" 7\"\n",
		  "wps.conf:1:1: number: must be a whole number, not \" 7\"\n" },
		{ "number: \"\"\n",
		  "wps.conf:1:1: number: must be a whole number, not \"\"\n" },
		{ "number: \"-\"\n",
		  "wps.conf:1:1: number: must be a whole number, not \"-\"\n" },
		{ "number: 7k\n",
		  "wps.conf:1:1: number: must be a whole number, not \"7k\"\n" },
		{ "any_number: 9223372036854775808\n",
		  "wps.conf:1:1: any_number: 9223372036854775808 is beyond all "
		  "numbers\n" },
		{ "number: -9223372036854775809\n", "wps.conf:1:1: number: must "
		  "be from -3 to 7, not -9223372036854775809\n" },
		{ "size: 5 KiB\n", "wps.conf:1:1: size: must be a size like 512, "
		  "64KiB or 16M, not \"5 KiB\"\n" },
		{ "any_size: -1\n", "wps.conf:1:1: any_size: must be a size like "
		  "512, 64KiB or 16M, not \"-1\"\n" },
		{ "any_size: 8589934592GiB\n", "wps.conf:1:1: any_size: "
		  "8589934592GiB is beyond all numbers\n" },
		{ "size: 8589934592GiB\n", "wps.conf:1:1: size: must be from "
		  "1KiB to 1MiB, not 8589934592GiB\n" },
		{ "wait: 20\n", "wps.conf:1:1: wait: must be a time like 500ms, "
		  "20s, 5m, 24h or 7d, not \"20\"\n" },
		{ "any_wait: -1s\n", "wps.conf:1:1: any_wait: must be a time "
		  "like 500ms, 20s, 5m, 24h or 7d, not \"-1s\"\n" },
		{ "wait: 1m30s\n", "wps.conf:1:1: wait: must be a time like "
		  "500ms, 20s, 5m, 24h or 7d, not \"1m30s\"\n" },
		{ "color: Red\n", "wps.conf:1:1: color: must be one of red, "
		  "green, blue, not \"Red\"\n" },
		{ "any_text: \"a\\0b\"\n",
		  "wps.conf:1:1: any_text: has a NUL in it\n" },
	};

	check_bad(rows, COUNT(rows));
}

static void
test_value_out_of_bounds_is_told_the_bounds_in_its_units(void)
{
	static const struct bad rows[] = {
		{ "number: -4\n",
		  "wps.conf:1:1: number: must be from -3 to 7, not -4\n" },
		{ "number: 8\n",
		  "wps.conf:1:1: number: must be from -3 to 7, not 8\n" },
		{ "size: 1023\n",
		  "wps.conf:1:1: size: must be from 1KiB to 1MiB, not 1023\n" },
		{ "size: 1048577\n", "wps.conf:1:1: size: must be from 1KiB to "
		  "1MiB, not 1048577\n" },
		{ "wait: 499ms\n",
		  "wps.conf:1:1: wait: must be from 500ms to 2m, not 499ms\n" },
		{ "wait: 120001ms\n", "wps.conf:1:1: wait: must be from 500ms to "
		  "2m, not 120001ms\n" },
		{ "name: a\n",
		  "wps.conf:1:1: name: must have 2 to 5 bytes, not 1\n" },
		{ "name: abcdef\n",
		  "wps.conf:1:1: name: must have 2 to 5 bytes, not 6\n" },
		{ "list: []\n",
		  "wps.conf:1:1: list: must have 1 to 3 items, not 0\n" },
		{ "list: [a, b, c, d]\n",
		  "wps.conf:1:1: list: must have 1 to 3 items, not 4\n" },
		{ "doors: [{url: a}, {url: b}, {url: c}]\n",
		  "wps.conf:1:1: doors: must have 0 to 2 items, not 3\n" },
		{ "doors: [{}, {url: b}, {}]\n",
		  "wps.conf:1:1: doors: must have 0 to 2 items, not 3\n"
		  "wps.conf:1:9: option \"url\" is missing\n" },
		{ "hubs: { chat: { limit: 10 } }\n", "wps.conf:1:17: hub "
		  "\"chat\": limit: must be from 0 to 9, not 10\n" },
	};

	check_bad(rows, COUNT(rows));
}

static void
test_missing_option_is_told_at_its_map(void)
{
	static const struct bad rows[] = {
		{ "doors:\n  - weight: 1\n",
		  "wps.conf:2:5: option \"url\" is missing\n" },
		{ "doors:\n  - url:\n",
		  "wps.conf:2:5: option \"url\" is missing\n" },
		{ "box:\n  doors: [{}]\n", "wps.conf:2:11: section \"box\": "
		  "option \"url\" is missing\n" },
		{ "hubs:\n  chat:\n    doors: [{}]\n", "wps.conf:3:13: hub "
		  "\"chat\": option \"url\" is missing\n" },
	};

	check_bad(rows, COUNT(rows));
}

static void
test_names_of_hubs_are_checked(void)
{
	static const struct bad rows[] = {
		{ "hubs: { 1st: {} }\n",
		  "wps.conf:1:9: hub \"1st\": is no name of a hub\n" },
		{ "hubs: { \"\": {} }\n",
		  "wps.conf:1:9: hub \"\": is no name of a hub\n" },
		{ "hubs: { \"**\": { limit: 10 } }\n",
		  "wps.conf:1:9: hub \"**\": is no name of a hub\n"
		  "wps.conf:1:17: hub \"**\": limit: must be from 0 to 9, not "
		  "10\n" },
		{ "hubs:\n  Chat: {}\n  chat: {}\n", "wps.conf:3:3: hub "
		  "\"chat\": stands here twice: the case of letters makes no "
		  "difference\n" },
	};

	check_bad(rows, COUNT(rows));
}

static void
test_ten_thousand_hubs_are_taken_and_no_more(void)
{
	size_t cap = 200000, len = 0;
	char *text = malloc(cap);
	struct scene scene;

	len += (size_t)snprintf(text, cap, "hubs:\n");
	for (int i = 10000; i > 0; i--)
		len += (size_t)snprintf(text + len, cap - len, "  h%d:\n", i);
	scene_open(&scene, text);
	check_text("10000", scene_report(&scene), NULL);
	scene_close(&scene);
	snprintf(text + len, cap - len, "  h0:\n");
	scene_open(&scene, text);
	check_text("10001", scene_report(&scene), "wps.conf:1:1: hubs: must have "
	    "at most 10000 hubs, not 10001\n");
	scene_close(&scene);
	free(text);
}

static void
test_all_errors_come_in_one_run_in_the_order_of_the_file(void)
{
	static const struct bad rows[] = {
		{ "hubs:\n"
		  "  chat: { limit: 10, opn: true }\n"
		  "  \"*\": { limit: x }\n"
		  "doors:\n"
		  "  - { weight: x, wieght: 1 }\n"
		  "safe: { owner: [] }\n"
		  "flag: 1\n"
		  "nmae: &a abc\n"
		  "flag: 2\n",
		  "wps.conf:2:11: hub \"chat\": limit: must be from 0 to 9, not "
		  "10\n"
		  "wps.conf:2:22: hub \"chat\": unknown option \"opn\" (did you "
		  "mean \"open\"?)\n"
		  "wps.conf:3:10: hub \"*\": limit: must be a whole number, not "
		  "\"x\"\n"
		  "wps.conf:5:5: option \"url\" is missing\n"
		  "wps.conf:5:7: weight: must be a whole number, not \"x\"\n"
		  "wps.conf:5:18: unknown option \"wieght\" (did you mean "
		  "\"weight\"?)\n"
		  "wps.conf:6:9: section \"safe\": owner: must be one value, "
		  "not a list\n"
		  "wps.conf:7:1: flag: must be true or false, not \"1\"\n"
		  "wps.conf:8:1: unknown option \"nmae\" (did you mean "
		  "\"name\"?)\n"
		  "wps.conf:8:7: anchors are not supported; a text that begins "
		  "with & must stand in quotes\n"
		  "wps.conf:9:1: \"flag\" stands here twice, first in line "
		  "7\n" },
		{ "number: x\nname: [\n", "wps.conf:3:1: did not find expected "
		  "node content\n" },
	};

	check_bad(rows, COUNT(rows));
}

/* --- plugins ------------------------------------------------------------- */

static void
check_plugins(const char *text, const struct conf_rows *plugins, unsigned count,
    const char *expected)
{
	struct conf_report report = { 0 };

	scene_write("wps.conf", text, strlen(text), 0600);
	struct conf_tree *tree = conf_tree_read("wps.conf", &report);
	struct conf_set *set = conf_set_new(tree, scene_core, scene_hub, plugins,
	    count, &report);
	conf_report_sort(&report);
	check_text(text, report.text, expected);
	conf_set_free(&set);
	conf_tree_free(&tree);
	conf_report_fini(&report);
}

static const struct wps_option limit_row[] = {
	{ .name = "limit", .type = WPS_OPT_INT },
	WPS_OPTION_END,
};

static const struct wps_option motto_row[] = {
	{ .name = "motto", .type = WPS_OPT_STRING },
	WPS_OPTION_END,
};

static const struct wps_option other_motto[] = {
	{ .name = "motto", .type = WPS_OPT_STRING },
	WPS_OPTION_END,
};

static const struct wps_option required_motto[] = {
	{ .name = "motto", .type = WPS_OPT_STRING, .required = true },
	WPS_OPTION_END,
};

static void
test_two_plugins_with_one_hub_option_are_refused(void)
{
	static const struct conf_rows twins[] = {
		{ "first", NULL, motto_row },
		{ "second", NULL, other_motto },
	};
	static const struct conf_rows like_core[] = {
		{ "first", NULL, limit_row },
	};

	check_plugins("plugins: [first,\n  second]\nhubs: {\"*\": {motto: x}}\n",
	    twins, 2, "wps.conf:2:3: plugin \"second\": it adds the hub option "
	    "\"motto\", which there is already\n");
	check_plugins("plugins: first\n", like_core, 1, "wps.conf:1:1: plugin "
	    "\"first\": it adds the hub option \"limit\", which there is "
	    "already\n");
}

static void
test_plugin_named_like_an_option_is_refused(void)
{
	static const struct conf_rows plugins[] = {
		{ "name", NULL, NULL },
		{ "hubs", NULL, NULL },
	};

	check_plugins("plugins: [name, hubs]\n", plugins, 2,
	    "wps.conf:1:11: plugin \"name\": there is an option with its name\n"
	    "wps.conf:1:17: plugin \"hubs\": there is an option with its "
	    "name\n");
}

static void
test_section_of_a_plugin_that_did_not_load_is_passed_over(void)
{
	check_plugins("plugins: [lost, ~, {}, last]\nlost: { x: 1 }\nlast: 1\n",
	    NULL, 0, "wps.conf:1:17: plugins: an item has no value\n"
	    "wps.conf:1:20: plugins: must be one value, not a map\n");
	check_plugins("plugins: lost\nlost: {}\nname: away\naway: {}\n", NULL, 0,
	    "wps.conf:4:1: section \"away\" belongs to no plugin in "
	    "\"plugins\"\n");
}

static void
test_hub_options_are_passed_over_when_a_plugin_did_not_load(void)
{
	check_plugins("plugins: lost\nhubs: { a: { x: 1, limit: 99 } }\n", NULL,
	    0, "wps.conf:2:20: hub \"a\": limit: must be from 0 to 9, not "
	    "99\n");
	check_plugins("hubs: { a: { x: 1 } }\n", NULL, 0,
	    "wps.conf:1:14: hub \"a\": unknown option \"x\" (if it is a "
	    "plugin's, name that in \"plugins\")\n");
}

static void
test_required_hub_option_is_required_of_the_star(void)
{
	static const struct conf_rows plugins[] = {
		{ "first", NULL, required_motto },
	};

	check_plugins("hubs: { chat: { motto: x } }\n", plugins, 1,
	    "wps.conf:1:1: hub \"*\": option \"motto\" is missing\n");
	check_plugins("hubs: { chat: {}, \"*\": { motto: x } }\n", plugins, 1,
	    NULL);
}

/* --- reports ------------------------------------------------------------- */

static void
test_lines_without_a_place_come_first_and_keep_their_order(void)
{
	struct conf_report report = { 0 };

	conf_report_add(&report, "c:0:x.conf:10:2: ten");
	conf_report_add(&report, "one %s", "thing");
	conf_report_add(&report, "c:0:x.conf:9:20: nine");
	conf_report_add(&report, "another\tthing\n");
	conf_report_add(&report, "c:0:x.conf:9:3: nine before");
	conf_report_add(&report, "c:0:x.conf:10:2: ten again");
	conf_report_sort(&report);
	check_number("errors", report.count, 6);
	check_text("sorted", report.text, "one thing\nanother?thing?\n"
	    "c:0:x.conf:9:3: nine before\nc:0:x.conf:9:20: nine\n"
	    "c:0:x.conf:10:2: ten\nc:0:x.conf:10:2: ten again\n");
	check_number("length", (long long)report.len,
	    (long long)strlen(report.text));
	conf_report_fini(&report);
	conf_report_sort(&report);
	CU_ASSERT_PTR_NULL(report.text);
}

static void
test_line_may_be_longer_than_any_path(void)
{
	struct conf_report report = { 0 };
	char *path = malloc(5000);

	memset(path, 'p', 4999);
	path[4999] = '\0';
	conf_report_add(&report, "%s:1:2: message", path);
	check_number("length", (long long)report.len, 4999 + 14);
	check_text("end", report.text + 4999, ":1:2: message\n");
	conf_report_fini(&report);
	free(path);
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_broken_yaml_is_told_with_its_place),
		TEST(test_tab_that_indents_is_named),
		TEST(test_bytes_that_are_no_text_are_told_with_their_place),
		TEST(test_file_that_is_no_map_is_refused),
		TEST(test_file_that_cannot_be_read_is_told_with_its_cause),
		TEST(test_file_of_one_mebibyte_is_read_and_no_more),
		TEST(test_sixteen_levels_are_read_and_no_more),
		TEST(test_anchors_aliases_and_tags_are_refused),
		TEST(test_option_that_stands_there_twice_is_refused),
		TEST(test_name_that_is_no_text_is_refused),
		TEST(test_unknown_option_is_told_what_may_have_been_meant),
		TEST(test_section_of_no_plugin_is_refused),
		TEST(test_long_name_is_cut_in_the_report),
		TEST(test_value_of_a_wrong_kind_is_refused),
		TEST(test_scalar_that_its_row_does_not_take_is_refused),
		TEST(test_value_out_of_bounds_is_told_the_bounds_in_its_units),
		TEST(test_missing_option_is_told_at_its_map),
		TEST(test_names_of_hubs_are_checked),
		TEST(test_ten_thousand_hubs_are_taken_and_no_more),
		TEST(test_all_errors_come_in_one_run_in_the_order_of_the_file),
		TEST(test_two_plugins_with_one_hub_option_are_refused),
		TEST(test_plugin_named_like_an_option_is_refused),
		TEST(test_section_of_a_plugin_that_did_not_load_is_passed_over),
		TEST(test_hub_options_are_passed_over_when_a_plugin_did_not_load),
		TEST(test_required_hub_option_is_required_of_the_star),
		TEST(test_lines_without_a_place_come_first_and_keep_their_order),
		TEST(test_line_may_be_longer_than_any_path),
	};

	scene_enter();
	int code = RUN_TESTS("reports of wps.conf", tests);
	scene_leave();
	return code;
}
