/* SPDX-License-Identifier: MIT */
/*
 * Comparisons that say what was expected and what was got, and the end of a test
 * program.
 */
#ifndef CHECK_H
#define CHECK_H

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline void
check_text(const char *what, const char *got, const char *expected)
{
	if (strcmp(got, expected) == 0) {
		CU_PASS(what);
		return;
	}
	fprintf(stderr, "\n%.200s\n  expected: %.2000s\n  got:      %.2000s\n", what,
	    expected, got);
	CU_FAIL(what);
}

static inline void
check_number(const char *what, long got, long expected)
{
	if (got == expected) {
		CU_PASS(what);
		return;
	}
	fprintf(stderr, "\n%.200s\n  expected: %ld\n  got:      %ld\n", what,
	    expected, got);
	CU_FAIL(what);
}

/* Runs the suites; what main returns. */
static inline int
check_run(CU_SuiteInfo *suites)
{
	if (CU_initialize_registry() != CUE_SUCCESS ||
	    CU_register_suites(suites) != CUE_SUCCESS)
		return EXIT_FAILURE;
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	int good = CU_get_number_of_tests_run() > 0 &&
	    CU_get_number_of_failures() == 0;
	CU_cleanup_registry();
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
