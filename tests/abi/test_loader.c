/* SPDX-License-Identifier: MIT */
/*
 * The loader against good and bad plugins: each cause has its own line.
 */
#include "hub/server.h"
#include "plug/hostapi.h"
#include "plug/loader.h"
#include "support/check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR FIXTURE_DIR

/* The version of this server, as the lines say it. */
#define TEXT_OF(number) TEXT(number)
#define TEXT(number) #number
#define HAVE TEXT_OF(WPS_ABI_MAJOR) "." TEXT_OF(WPS_ABI_MINOR)

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

static void
tear_down(struct fixture *f)
{
	loader_fini(&f->server);
	loader_close(&f->server);
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
		  "wps has " HAVE ": rebuild the plugin" },
		{ "newer_minor", DIR "/newer_minor.so: needs ABI 1.99, this wps "
		  "has " HAVE ": upgrade wps or rebuild the plugin" },
		{ "no_symbol", DIR "/no_symbol.so: exports no wps_plugin_v1: it "
		  "is no plugin of wps" },
		{ "other_name", DIR "/other_name.so: calls itself "
		  "\"somebody_else\": the file must be named like the plugin" },
		{ "no_init", DIR "/no_init.so: has no init" },
		{ "depends", DIR "/depends.so: needs the plugin "
		  "\"webpubsub_of_tomorrow\" before it: add it to \"plugins\"" },
		{ "missing", DIR "/missing.so: No such file or directory: "
		  "install the plugin, or set \"plugin_dir\"" },
		{ "unresolved", DIR "/unresolved.so: cannot be loaded: "
		  "undefined symbol: wps_function_of_the_server: install "
		  "what it needs, or rebuild the plugin" },
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
test_option_rows_of_another_size_are_refused(void)
{
	struct fixture f;
	char expected[256];

	set_up(&f);
	check_number("open", open_one(&f, "other_rows"), WPS_EINVAL);
	snprintf(expected, sizeof(expected), DIR "/other_rows.so: its option "
	    "rows have 8 bytes, this wps has %zu: rebuild the plugin",
	    sizeof(struct wps_option));
	check_text("line", f.err.text, expected);
}

static void
test_plugin_that_is_named_twice_is_refused(void)
{
	struct fixture f;

	set_up(&f);
	check_number("first", open_one(&f, "good"), WPS_OK);
	check_number("second", open_one(&f, "good"), WPS_EINVAL);
	check_text("line", f.err.text,
	    "stands twice in \"plugins\": remove one");
	check_number("plugins", f.server.points.plugin_count, 1);
	tear_down(&f);
}

/* A folder with things in it that are no plugins. */
struct odd_dir {
	char path[64];
	char directory[80], text[80], secret[80];
};

static void
write_file(const char *path, mode_t mode)
{
	static const char text[] = "this is not a shared object\n";
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_FATAL(write(fd, text, sizeof(text)) == sizeof(text));
	close(fd);
}

static void
make_odd_dir(struct odd_dir *odd)
{
	snprintf(odd->path, sizeof(odd->path), "loader-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(odd->path));
	snprintf(odd->directory, sizeof(odd->directory), "%s/directory.so",
	    odd->path);
	snprintf(odd->text, sizeof(odd->text), "%s/text.so", odd->path);
	snprintf(odd->secret, sizeof(odd->secret), "%s/secret.so", odd->path);
	CU_ASSERT_FATAL(mkdir(odd->directory, 0700) == 0);
	write_file(odd->text, 0600);
	write_file(odd->secret, 0);
}

static void
remove_odd_dir(const struct odd_dir *odd)
{
	rmdir(odd->directory);
	unlink(odd->text);
	unlink(odd->secret);
	rmdir(odd->path);
}

static void
check_odd(const struct odd_dir *odd, const char *name, const char *why)
{
	struct fixture f;
	char expected[256];

	set_up(&f);
	snprintf(expected, sizeof(expected), "%s/%s.so: %s", odd->path, name,
	    why);
	check_number(name, loader_open(&f.server, odd->path,
	    wps_span_str(name), &f.err), WPS_EINVAL);
	check_text(name, f.err.text, expected);
}

static void
test_what_is_no_shared_object_has_its_own_line(void)
{
	struct odd_dir odd;

	make_odd_dir(&odd);
	check_odd(&odd, "directory",
	    "is no file: a shared object is expected there");
	check_odd(&odd, "text", "cannot be loaded: file too short: install "
	    "what it needs, or rebuild the plugin");
	/* The superuser reads everything. */
	if (geteuid() != 0)
		check_odd(&odd, "secret", "Permission denied: let the user of "
		    "the server read it");
	remove_odd_dir(&odd);
}

static void
test_leaving_plugin_takes_back_what_it_registered(void)
{
	struct fixture f;

	set_up(&f);
	check_number("open", open_one(&f, "good"), WPS_OK);
	check_number("init", loader_init(&f.server, &f.err), WPS_OK);
	check_number("subprotocols", f.server.points.subprotocol_count, 1);
	loader_fini(&f.server);
	check_number("subprotocols", f.server.points.subprotocol_count, 0);
	check_number("plugins", f.server.points.plugin_count, 1);
	loader_close(&f.server);
	check_number("plugins", f.server.points.plugin_count, 0);
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
	tear_down(&f);
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
	tear_down(&f);
}

static void
test_failed_init_names_the_plugin(void)
{
	struct fixture f;

	set_up(&f);
	check_number("open", open_one(&f, "init_fails"), WPS_OK);
	check_number("init", loader_init(&f.server, &f.err), WPS_EINVAL);
	check_text("line", f.err.text, "init_fails.so: init failed (-3)");
	tear_down(&f);
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
	tear_down(&f);
}

static void
test_missing_op_is_named(void)
{
	check_log("no_recv", NULL, "error core: plugin no_recv: cannot add "
	    "fixture.v1: recv is missing\n");
}

static void
test_what_is_saved_must_be_restored(void)
{
	check_log("half_record", NULL, "error core: plugin half_record: cannot "
	    "add fixture.v1: save or restore is missing\n");
}

static void
test_taken_name_is_refused(void)
{
	check_log("good", "older_ops", "error core: plugin older_ops: cannot "
	    "add fixture.v1: the name is taken\n");
}

/* A plugin that registers when it is too late. */
static void
add_late(struct fixture *f)
{
	static const struct wps_route route = {
		.struct_size = sizeof(route),
		.prefix = "/late/",
	};

	check_number("add_route", f->server.host.add_route(
	    &f->server.points.plugins[0], &route), WPS_EINVAL);
}

static void
test_only_init_registers(void)
{
	struct fixture f;
	char log[1024];

	set_up(&f);
	check_number("open", open_one(&f, "good"), WPS_OK);
	check_number("init", loader_init(&f.server, &f.err), WPS_OK);
	read_log(add_late, &f, log, sizeof(log));
	const char *line = strstr(log, "error core: ");
	check_text("line", line ? line : log, "error core: plugin good: cannot "
	    "add route: only init registers anything\n");
	check_number("routes", f.server.points.route_count, 0);
	tear_down(&f);
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_each_refusal_has_its_own_line),
		TEST(test_short_description_is_refused_unread),
		TEST(test_option_rows_of_another_size_are_refused),
		TEST(test_plugin_that_is_named_twice_is_refused),
		TEST(test_what_is_no_shared_object_has_its_own_line),
		TEST(test_leaving_plugin_takes_back_what_it_registered),
		TEST(test_good_plugin_registers_and_leaves),
		TEST(test_missing_tail_of_older_ops_reads_as_null),
		TEST(test_failed_init_names_the_plugin),
		TEST(test_missing_op_is_named),
		TEST(test_what_is_saved_must_be_restored),
		TEST(test_taken_name_is_refused),
		TEST(test_only_init_registers),
	};

	return RUN_TESTS("loader", tests);
}
