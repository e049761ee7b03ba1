/* SPDX-License-Identifier: MIT */
/*
 * Scalars, typed by their row.
 */
#include "conf_impl.h"

#include "util/alloc.h"
#include "util/attr.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX (64 * 1024)

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit sizes[] = {
	{ "GiB", INT64_C(1) << 30 }, { "MiB", INT64_C(1) << 20 },
	{ "KiB", INT64_C(1) << 10 }, { "G", INT64_C(1) << 30 },
	{ "M", INT64_C(1) << 20 }, { "k", INT64_C(1) << 10 },
	{ "K", INT64_C(1) << 10 }, { "", 1 }, { NULL, 0 },
};

static const struct unit durations[] = {
	{ "d", 24 * 60 * 60 * 1000 }, { "h", 60 * 60 * 1000 },
	{ "m", 60 * 1000 }, { "s", 1000 }, { "ms", 1 }, { NULL, 0 },
};

static bool ATTR_PRINTF(2, 3)
fail(struct wps_err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return false;
}

/* --- numbers ------------------------------------------------------------------------ */

/* Digits, with a sign; *end_out is what follows. */
static bool
read_digits(const char *text, int64_t *out, const char **end_out)
{
	const char *digits = text + (*text == '-');
	char *end;

	if (!isdigit((unsigned char)*digits))
		return false;
	errno = 0;
	intmax_t value = strtoimax(text, &end, 10);
	*end_out = end;
	*out = value;
	return errno == 0;
}

static bool
read_with_unit(const char *text, const struct unit *units, int64_t *out)
{
	const char *end;

	if (!read_digits(text, out, &end))
		return false;
	for (; units->name; units++)
		if (strcmp(end, units->name) == 0)
			return !__builtin_mul_overflow(*out, units->factor, out);
	return false;
}

/* The largest unit that shows the value without a rest. */
static void
format_with_unit(const struct unit *units, int64_t value, char *dst, size_t cap)
{
	while (units[1].name && (value == 0 || value % units->factor != 0))
		units++;
	snprintf(dst, cap, "%" PRId64 "%s", value / units->factor, units->name);
}

static void
format_number(enum wps_option_type type, int64_t value, char *dst, size_t cap)
{
	if (type == WPS_OPT_SIZE)
		format_with_unit(sizes, value, dst, cap);
	else if (type == WPS_OPT_DURATION)
		format_with_unit(durations, value, dst, cap);
	else
		snprintf(dst, cap, "%" PRId64, value);
}

void
conf_format_bounds(const struct wps_option *row, char *dst, size_t cap)
{
	char min[32], max[32];

	format_number(row->type, row->min, min, sizeof(min));
	format_number(row->type, row->max, max, sizeof(max));
	snprintf(dst, cap, "from %s to %s", min, max);
}

static bool
in_bounds(const struct wps_option *row, int64_t value)
{
	return (row->min == 0 && row->max == 0) ||
	    (value >= row->min && value <= row->max);
}

static bool
read_number(const struct wps_option *row, const char *text,
    struct conf_value *out, struct wps_err *err)
{
	static const char *const forms[] = {
		[WPS_OPT_INT] = "a whole number",
		[WPS_OPT_SIZE] = "a size like 512, 64KiB or 16M",
		[WPS_OPT_DURATION] = "a time like 500ms, 20s, 5m, 24h or 7d",
	};
	static const struct unit none[] = { { "", 1 }, { NULL, 0 } };
	const struct unit *units = row->type == WPS_OPT_SIZE ? sizes :
	    row->type == WPS_OPT_DURATION ? durations : none;
	char bounds[80];

	if (!read_with_unit(text, units, &out->number) ||
	    (row->type != WPS_OPT_INT && out->number < 0))
		return fail(err, "must be %s, not \"%.64s\"", forms[row->type],
		    text);
	conf_format_bounds(row, bounds, sizeof(bounds));
	return in_bounds(row, out->number) ||
	    fail(err, "must be %s, not %.64s", bounds, text);
}

static bool
read_bool(const char *text, struct conf_value *out, struct wps_err *err)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return fail(err, "must be true or false, not \"%.64s\"", text);
	out->number = text[0] == 't';
	return true;
}

static bool
read_choice(const struct wps_option *row, const char *text,
    struct conf_value *out, struct wps_err *err)
{
	char list[256] = "";
	size_t len = 0;

	for (size_t i = 0; row->choices[i]; i++) {
		if (strcmp(text, row->choices[i]) == 0) {
			out->number = (int64_t)i;
			return true;
		}
		if (len < sizeof(list))
			len += (size_t)snprintf(list + len, sizeof(list) - len,
			    "%s%s", i ? ", " : "", row->choices[i]);
	}
	return fail(err, "must be one of %s, not \"%.64s\"", list, text);
}

/* --- texts --------------------------------------------------------------------------- */

/* Lists have their bounds for the number of items. */
static bool
check_length(const struct wps_option *row, enum wps_option_type type,
    size_t len, struct wps_err *err)
{
	bool item = row->type != type;

	return item || in_bounds(row, (int64_t)len) ||
	    fail(err, "must have %" PRId64 " to %" PRId64 " bytes, not %zu",
	    row->min, row->max, len);
}

static bool
read_file(int fd, const char *path, char *dst, size_t *len_out,
    struct wps_err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail(err, "%.300s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(err, "%.300s: is not a plain file", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return fail(err, "%.300s: others than its owner may read or "
		    "write it: chmod 600", path);
	if (st.st_size > SECRET_MAX)
		return fail(err, "%.300s: is larger than 64 KiB", path);
	ssize_t len = read(fd, dst, SECRET_MAX);
	if (len < 0)
		return fail(err, "%.300s: %s", path, strerror(errno));
	*len_out = (size_t)len;
	if (*len_out > 0 && dst[*len_out - 1] == '\n')
		--*len_out;
	if (*len_out > 0 && dst[*len_out - 1] == '\r')
		--*len_out;
	return true;
}

/* Relative paths begin at the folder of the configuration. */
static char *
secret_path(const struct conf_set *set, const char *path)
{
	const char *slash = strrchr(set->path, '/');
	size_t folder = slash && path[0] != '/' ?
	    (size_t)(slash - set->path) + 1 : 0;
	char *full = xmalloc(folder + strlen(path) + 1);

	memcpy(full, set->path, folder);
	memcpy(full + folder, path, strlen(path) + 1);
	return full;
}

static bool
read_secret_file(struct conf_set *set, const char *given,
    struct wps_span *out, struct wps_err *err)
{
	char *path = secret_path(set, given);
	char *bytes = xmalloc(SECRET_MAX);
	size_t len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool good = fd >= 0 ? read_file(fd, path, bytes, &len, err) :
	    fail(err, "%.300s: %s", path, strerror(errno));

	if (good)
		*out = conf_keep(set, bytes, len, true);
	if (fd >= 0)
		close(fd);
	explicit_bzero(bytes, SECRET_MAX);
	free(bytes);
	free(path);
	return good;
}

static bool
read_secret(struct conf_set *set, struct wps_span text, struct wps_span *out,
    struct wps_err *err)
{
	if (strncmp(text.data, "file:", 5) == 0)
		return read_secret_file(set, text.data + 5, out, err);
	if (strncmp(text.data, "env:", 4) == 0) {
		const char *value = getenv(text.data + 4);
		if (value == NULL)
			return fail(err, "the environment has no %.64s",
			    text.data + 4);
		*out = conf_keep(set, value, strlen(value), true);
		return true;
	}
	if (set->shared)
		return fail(err, "a secret stands in a file that others may "
		    "read: chmod 600 it, or use file:PATH");
	*out = conf_keep(set, text.data, text.len, true);
	return true;
}

enum wps_option_type
conf_item_type(enum wps_option_type type)
{
	return type == WPS_OPT_SECRETS ? WPS_OPT_SECRET : WPS_OPT_STRING;
}

bool
conf_read_scalar(struct conf_set *set, const struct wps_option *row,
    enum wps_option_type type, struct wps_span text, struct conf_value *out,
    struct wps_err *err)
{
	if (strlen(text.data) != text.len)
		return fail(err, "has a NUL in it");
	switch (type) {
	case WPS_OPT_BOOL:
		return read_bool(text.data, out, err);
	case WPS_OPT_INT:
	case WPS_OPT_SIZE:
	case WPS_OPT_DURATION:
		return read_number(row, text.data, out, err);
	case WPS_OPT_ENUM:
		return read_choice(row, text.data, out, err);
	case WPS_OPT_STRING:
		out->text = conf_keep(set, text.data, text.len, false);
		return check_length(row, type, text.len, err);
	case WPS_OPT_SECRET:
		return read_secret(set, text, &out->text, err) &&
		    check_length(row, type, out->text.len, err);
	case WPS_OPT_END:
	case WPS_OPT_STRINGS:
	case WPS_OPT_SECRETS:
	case WPS_OPT_MAPS:
	case WPS_OPT_MAP:
		break;
	}
	return fail(err, "is no plain value");
}
