/* SPDX-License-Identifier: MIT */
/*
 * What unit tests share: comparisons that print what was expected and what came,
 * and a main that fails when one of them did.
 */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

#include <wps/span.h>

#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline void
check_number(const char *what, unsigned long long got, unsigned long long expected)
{
	CU_assertImplementation(got == expected, __LINE__, what, __FILE__, "",
	    CU_FALSE);
	if (got != expected)
		fprintf(stderr, "\n%s\n  expected: %llu\n  got:      %llu\n",
		    what, expected, got);
}

static inline void
check_bytes(const char *what, struct wps_span got, struct wps_span expected)
{
	bool same = wps_span_eq(got, expected);

	CU_assertImplementation(same, __LINE__, what, __FILE__, "", CU_FALSE);
	if (!same)
		fprintf(stderr, "\n%s\n  expected: %.*s\n  got:      %.*s\n",
		    what, (int)expected.len, expected.data, (int)got.len,
		    got.data);
}

/* A copy with not a byte to spare, so that a sanitizer sees who reads beyond. */
static inline struct wps_span
exact_copy(struct wps_span bytes)
{
	char *copy = malloc(bytes.len ? bytes.len : 1);

	if (!copy)
		abort();
	if (bytes.len)
		memcpy(copy, bytes.data, bytes.len);
	return (struct wps_span){ copy, bytes.len };
}

static inline void
free_copy(struct wps_span copy)
{
	union {
		const char *from;
		void *to;
	} pointer = { .from = copy.data };

	free(pointer.to);
}

static inline int
unit_main(const char *name, CU_TestInfo *tests)
{
	CU_SuiteInfo suites[] = {
		{ .pName = name, .pTests = tests },
		CU_SUITE_INFO_NULL,
	};
	unsigned failures;

	if (CU_initialize_registry() != CUE_SUCCESS ||
	    CU_register_suites(suites) != CUE_SUCCESS)
		return EXIT_FAILURE;
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	if (CU_get_number_of_tests_run() == 0)
		failures++;
	CU_cleanup_registry();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
