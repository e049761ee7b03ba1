/* SPDX-License-Identifier: MIT */
#include "support/expect.h"

#include <CUnit/CUnit.h>
#include <stdio.h>

static struct {
	const char *row;
	long detail;
} at = { "", 0 };

void
expect_in(const char *row, long detail)
{
	at.row = row;
	at.detail = detail;
}

static bool
judge(bool good)
{
	CU_assertImplementation(good, __LINE__, at.row, __FILE__, "", CU_FALSE);
	return good;
}

bool
expect_int(const char *what, long long got, long long expected)
{
	if (got != expected)
		printf("\n  %s (%ld): %s: expected %lld, got %lld\n", at.row,
		    at.detail, what, expected, got);
	return judge(got == expected);
}

static void
print_span(const char *label, struct wps_span span)
{
	if (span.data == NULL)
		printf("    %s: absent\n", label);
	else
		printf("    %s: \"%.*s\" (%zu bytes)\n", label, (int)span.len,
		    span.data, span.len);
}

bool
expect_span(const char *what, struct wps_span got, const char *expected)
{
	struct wps_span wanted = wps_span_str(expected);
	bool good = wps_span_eq(got, wanted) &&
	    (got.data == NULL) == (expected == NULL);

	if (!good) {
		printf("\n  %s (%ld): %s\n", at.row, at.detail, what);
		print_span("expected", wanted);
		print_span("got", got);
	}
	return judge(good);
}
