/* SPDX-License-Identifier: MIT */
/*
 * Scalars, typed by their row.
 */
#include "conf_impl.h"

#include "util/attr.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

/* --- numbers ------------------------------------------------------------- */

/* A number as it is written. */
struct numeral {
	int64_t value;
	bool huge; /* of the right form, but no integer holds it */
};

/* Digits, with a sign; *end_out is what follows. */
static bool
read_digits(const char *text, struct numeral *out, const char **end_out)
{
	const char *digits = text + (*text == '-');
	char *end;

	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	out->value = strtoimax(text, &end, 10);
	out->huge = errno != 0;
	*end_out = end;
	return true;
}

static bool
read_with_unit(const char *text, const struct unit *units, struct numeral *out)
{
	const char *end;

	if (!read_digits(text, out, &end))
		return false;
	while (units->name && strcmp(end, units->name) != 0)
		units++;
	if (units->name && __builtin_mul_overflow(out->value, units->factor,
	    &out->value))
		out->huge = true;
	return units->name != NULL;
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

/* The bounds of a row in its own units: "from 1s to 2m". */
static void
format_bounds(const struct wps_option *row, char *dst, size_t cap)
{
	char min[32], max[32];

	format_number(row->type, row->min, min, sizeof(min));
	format_number(row->type, row->max, max, sizeof(max));
	snprintf(dst, cap, "from %s to %s", min, max);
}

static bool
is_unbounded(const struct wps_option *row)
{
	return row->min == 0 && row->max == 0;
}

static bool
in_bounds(const struct wps_option *row, int64_t value)
{
	return is_unbounded(row) || (value >= row->min && value <= row->max);
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
	struct numeral numeral;
	char bounds[80];

	if (!read_with_unit(text, units, &numeral) ||
	    (row->type != WPS_OPT_INT && text[0] == '-'))
		return fail(err, "must be %s, not \"%.64s\"", forms[row->type],
		    text);
	if (numeral.huge && is_unbounded(row))
		return fail(err, "%.64s is beyond all numbers", text);
	out->number = numeral.value;
	format_bounds(row, bounds, sizeof(bounds));
	return (!numeral.huge && in_bounds(row, numeral.value)) ||
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

/* --- texts --------------------------------------------------------------- */

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
		out->text = conf_keep(set, text.data, text.len);
		return check_length(row, type, text.len, err);
	case WPS_OPT_SECRET:
		return conf_read_secret(set, text, &out->text, err) &&
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
