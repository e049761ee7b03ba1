/* SPDX-License-Identifier: MIT */
/*
 * Secrets: where they may stand, who may read them, and that nothing of them is
 * left behind.
 */
#include "conf_scene.h"
#include "unit.h"

#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every secret of this file has it, so that traces can be found. */
#define TRACE "5ecr3t"
#define SECRET_MAX (64 * 1024)

/* --- traces in freed memory ---------------------------------------------- */

void __real_free(void *memory);
void __wrap_free(void *memory);

/* Compilers know that free has no such effects. */
static volatile unsigned traces, frees;

void
__wrap_free(void *memory)
{
	if (memory && memmem(memory, malloc_usable_size(memory), TRACE,
	    sizeof(TRACE) - 1))
		traces++;
	frees++;
	__real_free(memory);
}

/* --- reading ------------------------------------------------------------- */

static void
write_text(const char *path, const char *text, mode_t mode)
{
	scene_write(path, text, strlen(text), mode);
}

/* wps.conf, which refers to `any_key` as it says; checks the value or report. */
static void
check_key(const char *key, mode_t mode, const char *value, const char *report)
{
	struct scene scene;
	char text[300];

	snprintf(text, sizeof(text), "safe:\n  any_key: %s\n", key);
	write_text("wps.conf", text, mode);
	scene_read(&scene, "wps.conf");
	check_text(key, scene_report(&scene), report);
	CU_ASSERT_EQUAL(scene.set != NULL, value != NULL);
	if (scene.set && value)
		check_bytes(key, conf_span(conf_plugin(scene.set, 0), "any_key"),
		    wps_span_str(value));
	scene_close(&scene);
}

static void
test_secret_may_stand_in_a_file_for_its_owner(void)
{
	check_key(TRACE, 0600, TRACE, NULL);
	check_key(TRACE, 0400, TRACE, NULL);
	check_key("\"" TRACE "\"", 0700, TRACE, NULL);
}

static void
test_secret_in_a_file_for_others_is_refused(void)
{
	static const mode_t modes[] = { 0640, 0620, 0610, 0604, 0602, 0601 };

	for (size_t i = 0; i < COUNT(modes); i++)
		check_key(TRACE, modes[i], NULL, "wps.conf:2:3: section "
		    "\"safe\": any_key: a secret stands in a file that others "
		    "may read: chmod 600 it, or use file:PATH\n");
}

static void
test_secret_of_a_file_may_be_named_by_a_file_for_others(void)
{
	write_text("key", TRACE "\n", 0600);
	check_key("file:key", 0644, TRACE, NULL);
	setenv("WPS_TEST_KEY", TRACE, 1);
	check_key("env:WPS_TEST_KEY", 0644, TRACE, NULL);
	unsetenv("WPS_TEST_KEY");
}

static void
test_one_line_end_is_cut_from_a_file(void)
{
	static const char *const rows[][2] = {
		{ TRACE, TRACE },
		{ TRACE "\n", TRACE },
		{ TRACE "\r\n", TRACE },
		{ TRACE "\n\n", TRACE "\n" },
		{ TRACE "\r", TRACE "\r" },
		{ "\n" TRACE, "\n" TRACE },
		{ " " TRACE " \n", " " TRACE " " },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		write_text("key", rows[i][0], 0600);
		check_key("file:key", 0600, rows[i][1], NULL);
	}
}

static void
test_secret_file_that_others_may_use_is_refused(void)
{
	static const mode_t modes[] = { 0640, 0620, 0610, 0604, 0602, 0601 };

	for (size_t i = 0; i < COUNT(modes); i++) {
		write_text("key", TRACE, modes[i]);
		check_key("file:key", 0600, NULL, "wps.conf:2:3: section "
		    "\"safe\": any_key: key: others than its owner may read or "
		    "write it: chmod 600\n");
	}
}

static void
test_secret_of_no_regular_file_is_refused(void)
{
	mkdir("folder", 0700);
	check_key("file:folder", 0600, NULL, "wps.conf:2:3: section \"safe\": "
	    "any_key: folder: is not a regular file\n");
	mkfifo("pipe", 0600);
	check_key("file:pipe", 0600, NULL, "wps.conf:2:3: section \"safe\": "
	    "any_key: pipe: is not a regular file\n");
	check_key("file:nothing", 0600, NULL, "wps.conf:2:3: section \"safe\": "
	    "any_key: nothing: No such file or directory\n");
}

static void
test_symbolic_link_is_judged_by_what_it_names(void)
{
	write_text("key", TRACE, 0600);
	CU_ASSERT_EQUAL(symlink("key", "link"), 0);
	check_key("file:link", 0600, TRACE, NULL);
	CU_ASSERT_EQUAL(chmod("key", 0604), 0);
	check_key("file:link", 0600, NULL, "wps.conf:2:3: section \"safe\": "
	    "any_key: link: others than its owner may read or write it: "
	    "chmod 600\n");
}

static void
test_secret_file_of_64_kib_is_read_and_no_more(void)
{
	char *bytes = malloc(SECRET_MAX + 1);
	struct scene scene;

	memset(bytes, 'k', SECRET_MAX + 1);
	scene_write("key", bytes, SECRET_MAX, 0600);
	scene_open(&scene, "safe: { any_key: \"file:key\" }\n");
	check_text("64 KiB", scene_report(&scene), NULL);
	if (scene.set)
		check_number("64 KiB", (long long)conf_span(
		    conf_plugin(scene.set, 0), "any_key").len, SECRET_MAX);
	scene_close(&scene);
	scene_write("key", bytes, SECRET_MAX + 1, 0600);
	scene_open(&scene, "safe: { any_key: \"file:key\" }\n");
	check_text("one more", scene_report(&scene), "wps.conf:1:9: section "
	    "\"safe\": any_key: key: is larger than 64 KiB\n");
	scene_close(&scene);
	free(bytes);
}

static void
test_secret_of_a_file_may_have_any_bytes(void)
{
	struct scene scene;

	scene_write("key", "\0\xff\0", 3, 0600);
	scene_open(&scene, "safe: { any_key: \"file:key\" }\n");
	check_text("report", scene_report(&scene), NULL);
	if (scene.set)
		check_bytes("bytes",
		    conf_span(conf_plugin(scene.set, 0), "any_key"),
		    (struct wps_span){ "\0\xff\0", 3 });
	scene_close(&scene);
}

static void
test_relative_path_begins_at_the_folder_of_the_configuration(void)
{
	char absolute[600], folder[500];
	struct scene scene;

	mkdir("below", 0700);
	write_text("below/key", TRACE "-below", 0600);
	write_text("key", TRACE "-here", 0600);
	snprintf(absolute, sizeof(absolute),
	    "safe: { any_key: \"file:key\", keys: \"file:%s/key\" }\n",
	    getcwd(folder, sizeof(folder)));
	write_text("below/wps.conf", absolute, 0600);
	scene_read(&scene, "below/wps.conf");
	check_text("report", scene_report(&scene), NULL);
	if (scene.set) {
		const struct wps_conf *safe = conf_plugin(scene.set, 0);
		check_bytes("relative", conf_span(safe, "any_key"),
		    WPS_SPAN(TRACE "-below"));
		check_bytes("absolute", conf_item(safe, "keys", 0),
		    WPS_SPAN(TRACE "-here"));
	}
	scene_close(&scene);
}

static void
test_variable_that_is_missing_is_named(void)
{
	unsetenv("WPS_TEST_KEY");
	check_key("env:WPS_TEST_KEY", 0600, NULL, "wps.conf:2:3: section "
	    "\"safe\": any_key: the environment has no \"WPS_TEST_KEY\"\n");
	check_key("\"env:\"", 0600, NULL, "wps.conf:2:3: section \"safe\": "
	    "any_key: the environment has no \"\"\n");
}

static void
test_empty_secret_is_refused(void)
{
	check_key("\"\"", 0600, NULL,
	    "wps.conf:2:3: section \"safe\": any_key: is empty\n");
	write_text("key", "\n", 0600);
	check_key("file:key", 0600, NULL,
	    "wps.conf:2:3: section \"safe\": any_key: key: is empty\n");
	setenv("WPS_TEST_KEY", "", 1);
	check_key("env:WPS_TEST_KEY", 0600, NULL, "wps.conf:2:3: section "
	    "\"safe\": any_key: \"WPS_TEST_KEY\" is empty in the environment\n");
	unsetenv("WPS_TEST_KEY");
}

static void
test_length_of_a_secret_is_that_of_its_content(void)
{
	static const struct {
		const char *content, *report;
	} rows[] = {
		{ "1\n", "wps.conf:1:9: section \"safe\": key: must have 2 to 8 "
		  "bytes, not 1\n" },
		{ "12\n", NULL },
		{ "12345678\n", NULL },
		{ "123456789\n", "wps.conf:1:9: section \"safe\": key: must have "
		  "2 to 8 bytes, not 9\n" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct scene scene;
		write_text("key", rows[i].content, 0600);
		scene_open(&scene, "safe: { key: \"file:key\" }\n");
		check_text(rows[i].content, scene_report(&scene),
		    rows[i].report);
		scene_close(&scene);
	}
}

static void
test_list_of_secrets_takes_each_form(void)
{
	struct scene scene;

	write_text("key", TRACE "\n", 0600);
	scene_open(&scene, "safe: { keys: [\"file:key\", \"" TRACE "2\"] }\n");
	check_text("report", scene_report(&scene), NULL);
	if (scene.set) {
		const struct wps_conf *safe = conf_plugin(scene.set, 0);
		check_number("count", (long long)conf_count(safe, "keys"), 2);
		check_bytes("0", conf_item(safe, "keys", 0), WPS_SPAN(TRACE));
		check_bytes("1", conf_item(safe, "keys", 1),
		    WPS_SPAN(TRACE "2"));
	}
	scene_close(&scene);
	scene_open(&scene, "safe:\n  keys:\n    - \"file:nothing\"\n    - ~\n"
	    "    - \"" TRACE "\"\n");
	check_text("bad items", scene_report(&scene),
	    "wps.conf:2:3: section \"safe\": keys: must have 0 to 2 items, not "
	    "3\n"
	    "wps.conf:3:7: section \"safe\": keys: nothing: No such file or "
	    "directory\n"
	    "wps.conf:4:7: section \"safe\": keys: an item has no value\n");
	scene_close(&scene);
}

/* --- what is left behind ------------------------------------------------- */

static void
test_no_report_has_a_secret(void)
{
	static const char *const texts[] = {
		"safe: { key: " TRACE TRACE " }\n",
		"safe: { key: [" TRACE "] }\n",
		"safe: { keys: { a: " TRACE " } }\n",
		"safe: { keys: [" TRACE ", [" TRACE "], " TRACE ", x] }\n",
		"safe: { key: \"" TRACE "\\0\" }\n",
		"safe: { key: &a " TRACE ", keys: *a }\n",
		"safe: { key: !a " TRACE " }\n",
		"safe: { key: " TRACE ", key: " TRACE " }\n",
		"safe: { kye: " TRACE " }\n",
		"safe: " TRACE "\n",
		"safe: { key: " TRACE "\n",
		"safe: { key: \"" TRACE "\n",
		"safe: { key: \"" TRACE "\\q\" }\n",
		"safe: { key: a: " TRACE " }\n",
		"safe: { key: \"" TRACE "\xff\" }\n",
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct scene scene;
		scene_open(&scene, texts[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(scene_report(&scene));
		if (strstr(scene_report(&scene), TRACE))
			check_text(texts[i], scene_report(&scene), "no secret");
		scene_close(&scene);
	}
}

static void
test_freed_memory_has_no_secret(void)
{
	static const char *const texts[] = {
		"safe: { any_key: " TRACE ", keys: [\"file:key\", "
		"\"env:WPS_TEST_KEY\"] }\n",
		/* Plain texts may hold secrets. */
		"doors: [{ url: \"http://a/?code=" TRACE "\" }]\n",
		"any_list: [\"" TRACE "\", b]\nhubs: { a: { greeting: " TRACE " } }\n",
		/* These have errors too. */
		"safe: { any_key: " TRACE ", key: \"file:key\" }\nx: y\n",
		"safe: { key: \"file:key\", keys: [" TRACE ", [\n",
	};

	write_text("key", TRACE TRACE "\n", 0600);
	setenv("WPS_TEST_KEY", TRACE, 1);
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct scene scene;
		write_text("wps.conf", texts[i], 0600);
		traces = frees = 0;
		scene_read(&scene, "wps.conf");
		scene_close(&scene);
		check_number(texts[i], traces, 0);
		CU_ASSERT_TRUE(frees > 0);
	}
	unsetenv("WPS_TEST_KEY");
	/* What would be found. */
	char *volatile copy = strdup(TRACE);
	traces = 0;
	free(copy);
	check_number("a trace", traces, 1);
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_secret_may_stand_in_a_file_for_its_owner),
		TEST(test_secret_in_a_file_for_others_is_refused),
		TEST(test_secret_of_a_file_may_be_named_by_a_file_for_others),
		TEST(test_one_line_end_is_cut_from_a_file),
		TEST(test_secret_file_that_others_may_use_is_refused),
		TEST(test_secret_of_no_regular_file_is_refused),
		TEST(test_symbolic_link_is_judged_by_what_it_names),
		TEST(test_secret_file_of_64_kib_is_read_and_no_more),
		TEST(test_secret_of_a_file_may_have_any_bytes),
		TEST(test_relative_path_begins_at_the_folder_of_the_configuration),
		TEST(test_variable_that_is_missing_is_named),
		TEST(test_empty_secret_is_refused),
		TEST(test_length_of_a_secret_is_that_of_its_content),
		TEST(test_list_of_secrets_takes_each_form),
		TEST(test_no_report_has_a_secret),
		TEST(test_freed_memory_has_no_secret),
	};

	scene_enter();
	int code = RUN_TESTS("secrets of wps.conf", tests);
	scene_leave();
	return code;
}
