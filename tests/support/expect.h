/* SPDX-License-Identifier: MIT */
/*
 * Checks for tests with tables: they print what was expected, what came, and
 * the row that it came for.
 */
#ifndef SUPPORT_EXPECT_H
#define SUPPORT_EXPECT_H

#include <wps/span.h>

#include <stdbool.h>

/* The row that the next checks are about; `detail` is a number of the case. */
void expect_in(const char *row, long detail);

bool expect_int(const char *what, long long got, long long expected);

/* An expected NULL stands for an absent span. */
bool expect_span(const char *what, struct wps_span got, const char *expected);

#endif
