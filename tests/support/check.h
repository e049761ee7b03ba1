/* SPDX-License-Identifier: MIT */
/*
 * Checks that print what was expected and what came.
 */
#ifndef SUPPORT_CHECK_H
#define SUPPORT_CHECK_H

#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void
check_number(const char *what, long long got, long long expected)
{
	if (got != expected)
		fprintf(stderr, "\n%s\n  expected: %lld\n  got:      %lld\n",
		    what, expected, got);
	CU_assertImplementation(got == expected, __LINE__, what, __FILE__, "",
	    CU_FALSE);
}

/* NULL is printed as "(none)" and equals only itself. */
static inline void
check_text(const char *what, const char *got, const char *expected)
{
	bool same = got && expected ? strcmp(got, expected) == 0 :
	    got == expected;

	if (!same)
		fprintf(stderr, "\n%s\n  expected: %s\n  got:      %s\n", what,
		    expected ? expected : "(none)", got ? got : "(none)");
	CU_assertImplementation(same, __LINE__, what, __FILE__, "", CU_FALSE);
}

/* Runs a table of tests as one suite; the exit code of the program. */
struct named_test {
	const char *name;
	void (*run)(void);
};

static inline int
run_tests(const char *suite_name, const struct named_test *tests, size_t count)
{
	if (CU_initialize_registry() != CUE_SUCCESS)
		return EXIT_FAILURE;
	CU_pSuite suite = CU_add_suite(suite_name, NULL, NULL);
	for (size_t i = 0; suite && i < count; i++)
		if (CU_add_test(suite, tests[i].name, tests[i].run) == NULL)
			suite = NULL;
	if (suite == NULL)
		return EXIT_FAILURE;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	unsigned failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The same for suites that are written as a table. */
static inline int
run_suites(CU_SuiteInfo *suites)
{
	if (CU_initialize_registry() != CUE_SUCCESS ||
	    CU_register_suites(suites) != CUE_SUCCESS)
		return EXIT_FAILURE;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	unsigned run = CU_get_number_of_tests_run();
	unsigned failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return run == 0 || failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define TEST(function) { #function, function }
#define RUN_TESTS(suite, tests)                                                \
	run_tests(suite, tests, sizeof(tests) / sizeof((tests)[0]))

#endif
