/* SPDX-License-Identifier: MIT */
/*
 * Runs a harness over all files of folders: those given as arguments, or its own
 * corpus. A file called ok-* must be accepted, one called no-* refused.
 */
#include "fuzz.h"

#include <dirent.h>

#define PATH_SIZE 4096
#define INPUT_MAX (1 << 20)

/* The bytes of a file, in memory of just that size; none when it cannot be read
 * or is too big. */
static struct wps_span
read_file(const char *path, char **room_out)
{
	FILE *file = fopen(path, "rb");
	long size = -1;

	*room_out = NULL;
	if (!file)
		return WPS_SPAN_NONE;
	if (fseek(file, 0, SEEK_END) == 0)
		size = ftell(file);
	if (size >= 0 && size <= INPUT_MAX && fseek(file, 0, SEEK_SET) == 0)
		*room_out = malloc(size ? (size_t)size : 1);
	if (*room_out && fread(*room_out, 1, (size_t)size, file) != (size_t)size) {
		free(*room_out);
		*room_out = NULL;
	}
	fclose(file);
	return (struct wps_span){ *room_out, *room_out ? (size_t)size : 0 };
}

static bool
answers_as_named(const char *name, struct wps_span input)
{
	bool ok = strncmp(name, "ok-", 3) == 0;

	if (!ok && strncmp(name, "no-", 3) != 0)
		return true;
	return fuzz_accepts(input) == ok;
}

static bool
run_file(const char *folder, const char *name)
{
	char path[PATH_SIZE], *room;
	struct wps_span input;
	bool good;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= PATH_SIZE)
		return false;
	input = read_file(path, &room);
	if (!room) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return false;
	}
	LLVMFuzzerTestOneInput((const uint8_t *)input.data, input.len);
	good = answers_as_named(name, input);
	if (!good)
		fprintf(stderr, "%s: expected to be %s\n", path,
		    name[0] == 'o' ? "accepted" : "refused");
	free(room);
	return good;
}

/* Counts the files of a folder, and those with a fault. */
static void
run_folder(const char *folder, unsigned *files, unsigned *faults)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir) {
		fprintf(stderr, "%s: cannot be opened\n", folder);
		(*faults)++;
		return;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		(*files)++;
		*faults += !run_file(folder, entry->d_name);
	}
	closedir(dir);
}

int
main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	unsigned files = 0, faults = 0;
	char own[PATH_SIZE];

	for (int i = 1; i < argc; i++)
		run_folder(argv[i], &files, &faults);
	if (argc < 2) {
		snprintf(own, sizeof(own), "%s/tests/fuzz/corpus/%s",
		    srcdir ? srcdir : ".", FUZZ_CORPUS);
		run_folder(own, &files, &faults);
	}
	printf("%u files, %u faults\n", files, faults);
	return files == 0 || faults > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
