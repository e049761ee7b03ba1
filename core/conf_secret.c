/* SPDX-License-Identifier: MIT */
/*
 * What secrets stand for: the content of a file, a variable of the environment,
 * or themselves.
 *
 * A secret that others may read is refused, wherever it stands. No error text
 * holds one, and no copy outlives its use uncleared.
 */
#include "conf_impl.h"

#include "util/alloc.h"
#include "util/attr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX (64 * 1024)

static bool ATTR_PRINTF(2, 3)
fail(struct wps_err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return false;
}

static bool
check_file(int fd, const char *path, struct wps_err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail(err, "%.300s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(err, "%.300s: is not a regular file", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return fail(err, "%.300s: others than its owner may read or "
		    "write it: chmod 600", path);
	return true;
}

/* Up to `cap` bytes; -1: errno. */
static ssize_t
read_bytes(int fd, char *dst, size_t cap)
{
	size_t len = 0;

	while (len < cap) {
		ssize_t got = read(fd, dst + len, cap - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

static size_t
without_line_end(const char *bytes, size_t len)
{
	if (len == 0 || bytes[len - 1] != '\n')
		return len;
	len--;
	return len > 0 && bytes[len - 1] == '\r' ? len - 1 : len;
}

/* Into room for SECRET_MAX + 1 bytes. */
static bool
read_content(int fd, const char *path, char *dst, size_t *len_out,
    struct wps_err *err)
{
	if (!check_file(fd, path, err))
		return false;
	ssize_t len = read_bytes(fd, dst, SECRET_MAX + 1);
	if (len < 0)
		return fail(err, "%.300s: %s", path, strerror(errno));
	if (len > SECRET_MAX)
		return fail(err, "%.300s: is larger than 64 KiB", path);
	*len_out = without_line_end(dst, (size_t)len);
	return *len_out > 0 || fail(err, "%.300s: is empty", path);
}

static bool
read_file(struct conf_set *set, const char *given, struct wps_span *out,
    struct wps_err *err)
{
	char *path = conf_beside(set->path, given);
	char *bytes = xmalloc(SECRET_MAX + 1);
	size_t len = 0;
	/* A pipe without a writer must not stop the server. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool good = fd >= 0 ? read_content(fd, path, bytes, &len, err) :
	    fail(err, "%.300s: %s", path, strerror(errno));

	if (good)
		*out = conf_keep(set, bytes, len);
	if (fd >= 0)
		close(fd);
	explicit_bzero(bytes, SECRET_MAX + 1);
	free(bytes);
	free(path);
	return good;
}

static bool
read_variable(struct conf_set *set, const char *name, struct wps_span *out,
    struct wps_err *err)
{
	const char *value = getenv(name);

	if (value == NULL)
		return fail(err, "the environment has no \"%.100s\"", name);
	if (value[0] == '\0')
		return fail(err, "\"%.100s\" is empty in the environment",
		    name);
	*out = conf_keep(set, value, strlen(value));
	return true;
}

bool
conf_read_secret(struct conf_set *set, struct wps_span text,
    struct wps_span *out, struct wps_err *err)
{
	if (strncmp(text.data, "file:", 5) == 0)
		return read_file(set, text.data + 5, out, err);
	if (strncmp(text.data, "env:", 4) == 0)
		return read_variable(set, text.data + 4, out, err);
	if (text.len == 0)
		return fail(err, "is empty");
	if (set->shared)
		return fail(err, "a secret stands in a file that others may "
		    "read: chmod 600 it, or use file:PATH");
	*out = conf_keep(set, text.data, text.len);
	return true;
}
