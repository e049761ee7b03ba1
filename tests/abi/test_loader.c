/* SPDX-License-Identifier: MIT */
/*
 * The loader against good and bad plugins: each cause has its own line.
 */
#include "hub/server.h"
#include "plug/hostapi.h"
#include "plug/loader.h"
#include "support/check.h"

#include <unistd.h>

#define DIR FIXTURE_DIR

struct fixture {
	struct server server;
	struct wps_err err;
};

static void
set_up(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	hostapi_fill(&f->server.host);
}

static int
open_one(struct fixture *f, const char *name)
{
	return loader_open(&f->server, DIR, wps_span_str(name), &f->err);
}

static void
test_each_refusal_has_its_own_line(void)
{
	static const struct {
		const char *name, *expected;
	} cases[] = {
		{ "other_major", DIR "/other_major.so: is made for ABI 2, this "
		  "wps has 1.0: rebuild the plugin" },
		{ "newer_minor", DIR "/newer_minor.so: needs ABI 1.99, this wps "
		  "has 1.0: upgrade wps or rebuild the plugin" },
		{ "no_symbol", DIR "/no_symbol.so: exports no wps_plugin_v1: it "
		  "is no plugin of wps" },
		{ "other_name", DIR "/other_name.so: calls itself "
		  "\"somebody_else\": the file must be named like the plugin" },
		{ "no_init", DIR "/no_init.so: has no init" },
		{ "depends", DIR "/depends.so: needs the plugin "
		  "\"webpubsub_of_tomorrow\" before it: add it to \"plugins\"" },
		{ "missing", "cannot be loaded: " DIR "/missing.so: cannot open "
		  "shared object file: No such file or directory" },
		{ "../good", "\"../good\" is no name of a plugin" },
		{ "", "\"\" is no name of a plugin" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		set_up(&f);
		check_number(cases[i].name, open_one(&f, cases[i].name),
		    WPS_EINVAL);
		check_text(cases[i].name, f.err.text, cases[i].expected);
		check_number("nothing is kept", f.server.points.plugin_count, 0);
	}
}

static void
test_short_description_is_refused_unread(void)
{
	struct fixture f;
	char expected[256];

	set_up(&f);
	check_number("open", open_one(&f, "short_struct"), WPS_EINVAL);
	snprintf(expected, sizeof(expected), DIR "/short_struct.so: its "
	    "description has 16 bytes, ABI 1.0 has %zu: rebuild the plugin",
	    sizeof(struct wps_plugin));
	check_text("line", f.err.text, expected);
}

static void
test_good_plugin_registers_and_leaves(void)
{
	struct fixture f;

	set_up(&f);
	check_number("open", open_one(&f, "good"), WPS_OK);
	check_number("init", loader_init(&f.server, &f.err), WPS_OK);
	check_number("subprotocols", f.server.points.subprotocol_count, 1);
	CU_ASSERT_PTR_NOT_NULL(points_subprotocol(&f.server.points,
	    WPS_SPAN("Fixture.V1")));
	loader_fini(&f.server);
}

static void
test_missing_tail_of_older_ops_reads_as_null(void)
{
	struct fixture f;

	set_up(&f);
	check_number("open", open_one(&f, "older_ops"), WPS_OK);
	check_number("init", loader_init(&f.server, &f.err), WPS_OK);
	CU_ASSERT_PTR_NULL(f.server.points.subprotocols[0].ops.insert);
	CU_ASSERT_PTR_NOT_NULL(f.server.points.subprotocols[0].ops.encode);
	loader_fini(&f.server);
}

static void
test_failed_init_names_the_plugin(void)
{
	struct fixture f;

	set_up(&f);
	check_number("open", open_one(&f, "init_fails"), WPS_OK);
	check_number("init", loader_init(&f.server, &f.err), WPS_EINVAL);
	check_text("line", f.err.text, "init_fails.so: init failed (-3)");
	loader_fini(&f.server);
}

/* What the registry says goes to the log: standard error, into a file. */
static void
read_log(void (*act)(struct fixture *f), struct fixture *f, char *dst,
    size_t cap)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	dup2(fileno(file), STDERR_FILENO);
	act(f);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	size_t len = fread(dst, 1, cap - 1, file);
	dst[len] = '\0';
	fclose(file);
}

static void
init_all(struct fixture *f)
{
	(void)loader_init(&f->server, &f->err);
}

static void
check_log(const char *name, const char *second, const char *expected)
{
	struct fixture f;
	char log[1024];

	set_up(&f);
	check_number("open", open_one(&f, name), WPS_OK);
	if (second)
		check_number("open", open_one(&f, second), WPS_OK);
	read_log(init_all, &f, log, sizeof(log));
	const char *line = strstr(log, "error core: ");
	check_text(name, line ? line : log, expected);
	loader_fini(&f.server);
}

static void
test_missing_op_is_named(void)
{
	check_log("no_recv", NULL, "error core: plugin no_recv: cannot add "
	    "fixture.v1: recv is missing\n");
}

static void
test_taken_name_is_refused(void)
{
	check_log("good", "older_ops", "error core: plugin older_ops: cannot "
	    "add fixture.v1: the name is taken\n");
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_each_refusal_has_its_own_line),
		TEST(test_short_description_is_refused_unread),
		TEST(test_good_plugin_registers_and_leaves),
		TEST(test_missing_tail_of_older_ops_reads_as_null),
		TEST(test_failed_init_names_the_plugin),
		TEST(test_missing_op_is_named),
		TEST(test_taken_name_is_refused),
	};

	return RUN_TESTS("loader", tests);
}
