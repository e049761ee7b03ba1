/* SPDX-License-Identifier: MIT */
/*
 * Checks that print what was expected and what came, and the row of the table
 * that it came for.
 */
#ifndef SUPPORT_EXPECT_H
#define SUPPORT_EXPECT_H

#include <wps/span.h>

#include <CUnit/CUnit.h>
#include <stdbool.h>

/* The row that the next checks are about; `detail` is a number of the case. */
void expect_in(const char *row, long detail);

bool expect_int(const char *what, long long got, long long expected);

/* An expected NULL stands for an absent span. */
bool expect_span(const char *what, struct wps_span got, const char *expected);

/* Runs the suite; the exit status of a test program. */
int expect_run(const char *suite, CU_TestInfo *tests);

#endif
