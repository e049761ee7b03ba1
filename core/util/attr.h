/* SPDX-License-Identifier: MIT */
/*
 * Compiler attributes and the two macros that every layer needs.
 */
#ifndef UTIL_ATTR_H
#define UTIL_ATTR_H

#include <stddef.h>

#define ATTR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ATTR_NORETURN __attribute__((noreturn))

/* The struct that holds `member` at `ptr`. */
#define container_of(ptr, type, member)                                        \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Holds in production too: what only we can break. */
#define wps_assert(cond)                                                       \
	((cond) ? (void)0 : assert_failed(#cond, __FILE__, __LINE__))

ATTR_NORETURN void assert_failed(const char *what, const char *file, int line);

#endif
