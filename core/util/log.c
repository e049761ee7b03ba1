/* SPDX-License-Identifier: MIT */
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Written before the first thread starts, only read afterwards. */
static enum wps_log_level max_level = WPS_LOG_INFO;

static const char *const level_names[] = {
	[WPS_LOG_ERR] = "error",
	[WPS_LOG_WARN] = "warning",
	[WPS_LOG_INFO] = "info",
	[WPS_LOG_DEBUG] = "debug",
};

void
log_set_level(enum wps_log_level level)
{
	max_level = level;
}

bool
log_enabled(enum wps_log_level level)
{
	return level <= max_level;
}

static size_t
format_head(char *dst, size_t cap, enum wps_log_level level, const char *who)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct tm tm;
	gmtime_r(&now.tv_sec, &tm);

	size_t n = strftime(dst, cap, "%Y-%m-%dT%H:%M:%S", &tm);
	int more = snprintf(dst + n, cap - n, ".%03ldZ %s %s: ",
	    now.tv_nsec / 1000000, level_names[level], who);
	return n + (size_t)more;
}

/* Line ends and other control characters in values would forge lines. */
static void
blunt_controls(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < 0x20 || c == 0x7f)
			text[i] = '?';
	}
}

void
log_line(enum wps_log_level level, const char *who, int error,
    const char *format, va_list args)
{
	if (!log_enabled(level))
		return;

	char line[1024];
	const size_t cap = sizeof(line) - 1;
	size_t head = format_head(line, sizeof(line), level, who);
	int more = vsnprintf(line + head, cap - head, format, args);
	size_t n = head + (more > 0 ? (size_t)more : 0);
	if (n < cap && error != 0) {
		more = snprintf(line + n, cap - n, ": %s", strerror(error));
		n += more > 0 ? (size_t)more : 0;
	}
	if (n >= cap)
		n = cap - 1;
	blunt_controls(line + head, n - head);
	line[n++] = '\n';
	/* One write per line: lines of threads never mix. */
	ssize_t written = write(STDERR_FILENO, line, n);
	(void)written;
}

#define LOG_FUNCTION(name, level, error)                                       \
	void name(const char *who, const char *format, ...)                    \
	{                                                                      \
		int saved = errno;                                             \
		va_list args;                                                  \
		va_start(args, format);                                        \
		log_line(level, who, error, format, args);                     \
		va_end(args);                                                  \
		errno = saved;                                                 \
	}

LOG_FUNCTION(log_err, WPS_LOG_ERR, saved)
LOG_FUNCTION(log_errx, WPS_LOG_ERR, 0)
LOG_FUNCTION(log_warn, WPS_LOG_WARN, saved)
LOG_FUNCTION(log_warnx, WPS_LOG_WARN, 0)
LOG_FUNCTION(log_info, WPS_LOG_INFO, 0)
LOG_FUNCTION(log_debug, WPS_LOG_DEBUG, 0)
