/* SPDX-License-Identifier: MIT */
/*
 * The log: one line per event on standard error, whole lines only.
 *
 *   2026-01-31T09:00:00.123Z info core: ready workers=4
 *
 * A short sentence, then key=value. Never a token, key, query string or
 * payload. log_err and log_warn append strerror(errno); the x variants do not.
 * errno survives every call. Safe on any thread.
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include "util/attr.h"

#include <wps/abi.h>

#include <stdarg.h>
#include <stdbool.h>

/* Set once before threads start. */
void log_set_level(enum wps_log_level level);
bool log_enabled(enum wps_log_level level);

/* `who` is the part of the program: "core", or a plugin's name. */
void log_line(enum wps_log_level level, const char *who, int error,
    const char *format, va_list args) ATTR_PRINTF(4, 0);

void log_err(const char *who, const char *format, ...) ATTR_PRINTF(2, 3);
void log_errx(const char *who, const char *format, ...) ATTR_PRINTF(2, 3);
void log_warn(const char *who, const char *format, ...) ATTR_PRINTF(2, 3);
void log_warnx(const char *who, const char *format, ...) ATTR_PRINTF(2, 3);
void log_info(const char *who, const char *format, ...) ATTR_PRINTF(2, 3);
void log_debug(const char *who, const char *format, ...) ATTR_PRINTF(2, 3);

#endif
