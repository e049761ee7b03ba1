/* SPDX-License-Identifier: MIT */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES 1024

static int WPS_PRINTF(2, 3)
fail(struct wps_err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return WPS_EINVAL;
}

static bool
to_string(struct wps_span text, char dst[NAME_MAX_BYTES])
{
	if (text.len == 0 || text.len >= NAME_MAX_BYTES)
		return false;
	memcpy(dst, text.data, text.len);
	dst[text.len] = '\0';
	return true;
}

int
secret_variable(struct wps_span name, struct text *out, struct wps_err *err)
{
	char text[NAME_MAX_BYTES];

	if (!to_string(name, text))
		return fail(err, "{env:NAME} has no name");
	const char *value = getenv(text);
	if (value == NULL || value[0] == '\0')
		return fail(err, "the environment has no \"%.100s\"", text);
	if (strlen(value) > SECRET_MAX)
		return fail(err, "\"%.100s\" is larger than 4 KiB", text);
	text_add(out, wps_span_str(value));
	return WPS_OK;
}

static int
check_file(int fd, const char *path, struct wps_err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail(err, "%.200s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(err, "%.200s: is not a regular file", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return fail(err, "%.200s: others than its owner may read or "
		    "write it: chmod 600", path);
	return WPS_OK;
}

static int
read_content(int fd, const char *path, struct text *out, struct wps_err *err)
{
	char bytes[SECRET_MAX + 2];
	int rc = check_file(fd, path, err);

	if (rc != WPS_OK)
		return rc;
	ssize_t len = read(fd, bytes, sizeof(bytes));
	if (len < 0)
		return fail(err, "%.200s: %s", path, strerror(errno));
	if (len > 0 && bytes[len - 1] == '\n')
		len--;
	if (len > 0 && bytes[len - 1] == '\r')
		len--;
	if (len == 0 || len > SECRET_MAX)
		rc = fail(err, "%.200s: is %s", path,
		    len ? "larger than 4 KiB" : "empty");
	else
		text_add(out, (struct wps_span){ bytes, (size_t)len });
	explicit_bzero(bytes, sizeof(bytes));
	return rc;
}

int
secret_file(struct wps_span path, struct text *out, struct wps_err *err)
{
	char text[NAME_MAX_BYTES];

	if (!to_string(path, text) || text[0] != '/')
		return fail(err, "{file:PATH} needs an absolute path");
	/* A pipe without a writer must not stop the server. */
	int fd = open(text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail(err, "%.200s: %s", text, strerror(errno));
	int rc = read_content(fd, text, out, err);
	close(fd);
	return rc;
}
