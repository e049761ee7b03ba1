/* SPDX-License-Identifier: MIT */
/*
 * Parts of the webpubsub plugin by themselves: the memory of ack ids, the wire
 * format of an Any, the scratch.
 */
#include "plugins/test_webpubsub.h"

#include "plugins/webpubsub/ackmem.h"
#include "plugins/webpubsub/any.h"
#include "plugins/webpubsub/scratch.h"

/* --- ack ids -------------------------------------------------------------- */

static void
test_no_memory_is_an_empty_memory(void)
{
	struct ackmem *memory = NULL;

	CU_ASSERT(!ackmem_has(memory, 0));
	ackmem_free(&memory);
	ackmem_add(&memory, 0, 10);
	CU_ASSERT(ackmem_has(memory, 0));
	CU_ASSERT(!ackmem_has(memory, 1));
	ackmem_free(&memory);
	CU_ASSERT_PTR_NULL(memory);
}

/* Ids that are dense, far apart, equal in their lower or in their upper half. */
static uint64_t
id_at(unsigned pattern, unsigned i)
{
	static const uint64_t steps[] = {
		1, UINT64_C(1) << 32, UINT64_C(0x100000001), 65536,
		UINT64_C(0x9e3779b97f4a7c15),
	};

	return steps[pattern] * i;
}

/* Compares with the plain meaning after every addition: the newest are there. */
static void
check_window(unsigned pattern, uint32_t capacity, unsigned count)
{
	struct ackmem *memory = NULL;
	unsigned wrong = 0;

	for (unsigned i = 0; i < count; i++) {
		ackmem_add(&memory, id_at(pattern, i), capacity);
		for (unsigned k = i > 2 * capacity ? i - 2 * capacity : 0;
		    k <= i + 2; k++) {
			bool expected = k <= i && i - k < capacity;
			wrong += ackmem_has(memory, id_at(pattern, k)) != expected;
		}
	}
	check_number("wrong answers", wrong, 0);
	ackmem_free(&memory);
}

static void
test_the_newest_ids_are_there_and_no_others(void)
{
	static const uint32_t capacities[] = { 1, 2, 7, 8, 9, 16, 100 };

	for (unsigned pattern = 0; pattern < 5; pattern++) {
		for (size_t i = 0; i < COUNT(capacities); i++)
			check_window(pattern, capacities[i],
			    4 * capacities[i] + 3);
	}
	check_window(0, 1000, 2100);
}

static void
test_the_largest_capacity_works(void)
{
	struct ackmem *memory = NULL;

	for (unsigned i = 0; i <= ACKMEM_MAX; i++)
		ackmem_add(&memory, i, ACKMEM_MAX);
	CU_ASSERT(!ackmem_has(memory, 0));
	CU_ASSERT(ackmem_has(memory, 1));
	CU_ASSERT(ackmem_has(memory, ACKMEM_MAX));
	ackmem_free(&memory);
}

/* --- Any ------------------------------------------------------------------ */

static void
test_any_is_told_from_other_bytes(void)
{
	static const struct {
		struct wps_span bytes;
		bool valid;
	} rows[] = {
		{ { "", 0 }, true },
		{ { "\x0a\x05t/x.Y\x12\x02\x08\x01", 11 }, true },
		{ { "\x12\x02\x08\x01\x0a\x05t/x.Y", 11 }, true },
		{ { "\x0a\x00\x12\x00", 4 }, true },
		{ { "\x12\x01\xff", 3 }, true },         /* bytes may be any */
		{ { "\x0a\x01\xff", 3 }, false },        /* a text may not */
		{ { "\x0a\x02t", 3 }, false },           /* breaks off */
		{ { "\x0a", 1 }, false },
		{ { "\x8a", 1 }, false },
		{ { "\x08\x01", 2 }, false },            /* field 1 as a number */
		{ { "\x15\x01\x02\x03\x04", 5 }, false }, /* field 2 as 32 bits */
		{ { "\x18\x01", 2 }, true },             /* unknown ones */
		{ { "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 }, true },
		{ { "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11 }, false },
		{ { "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 12 }, false },
		{ { "\x19" "12345678", 9 }, true },
		{ { "\x19" "1234567", 8 }, false },
		{ { "\x1a\x02hi", 4 }, true },
		{ { "\x1d" "1234", 5 }, true },
		{ { "\x1d" "123", 4 }, false },
		{ { "\x1b\x1c", 2 }, true },             /* groups */
		{ { "\x1b", 1 }, false }, { { "\x1b\x24", 2 }, false },
		{ { "\x1c", 1 }, false }, { { "\x0b\x0c", 2 }, false },
		{ { "\x1e", 1 }, false }, { { "\x1f", 1 }, false },
		{ { "\x02\x00", 2 }, false },            /* field 0 */
		{ { "\xfa\xff\xff\xff\x0f\x00", 6 }, true }, /* the largest field */
		{ { "\x82\x80\x80\x80\x10\x00", 6 }, false }, /* beyond it */
		{ { "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 }, false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char name[32];
		snprintf(name, sizeof(name), "row %zu", i);
		check_number(name, any_valid(rows[i].bytes), rows[i].valid);
	}
}

/* --- scratch -------------------------------------------------------------- */

static void
test_scratch_stays_in_its_limit_and_in_place(void)
{
	struct scratch scratch = { .bytes = NULL };

	scratch_begin(&scratch, 10);
	CU_ASSERT_PTR_NULL(scratch.bytes); /* nothing before it is needed */
	char *first = scratch_take(&scratch, 4);
	CU_ASSERT_PTR_NOT_NULL_FATAL(first);
	CU_ASSERT_PTR_EQUAL(scratch_take(&scratch, 6), first + 4);
	CU_ASSERT_PTR_NULL(scratch_take(&scratch, 1));
	scratch_end(&scratch);
	scratch_begin(&scratch, 10);
	CU_ASSERT_PTR_EQUAL(scratch_take(&scratch, 10), first);
	scratch_fini(&scratch);
	scratch_fini(&scratch);
}

static void
test_scratch_gives_back_what_is_large(void)
{
	static const struct {
		size_t len;
		bool kept;
	} rows[] = { { SCRATCH_KEEP, true }, { SCRATCH_KEEP + 1, false } };
	struct scratch scratch = { .bytes = NULL };

	for (size_t i = 0; i < COUNT(rows); i++) {
		scratch_begin(&scratch, rows[i].len);
		CU_ASSERT_PTR_NOT_NULL(scratch_take(&scratch, rows[i].len));
		scratch_end(&scratch);
		check_number("kept", scratch.bytes != NULL, rows[i].kept);
	}
	size_t pairs = SCRATCH_KEEP / sizeof(struct wps_pair);
	CU_ASSERT_PTR_NOT_NULL(scratch_pairs(&scratch, pairs));
	scratch_end(&scratch);
	CU_ASSERT_PTR_NOT_NULL(scratch.pairs);
	CU_ASSERT_PTR_NOT_NULL(scratch_pairs(&scratch, pairs + 1));
	scratch_end(&scratch);
	CU_ASSERT_PTR_NULL(scratch.pairs);
	scratch_fini(&scratch);
}

CU_TestInfo webpubsub_parts_tests[] = {
	{ "no memory is an empty memory", test_no_memory_is_an_empty_memory },
	{ "the newest ids are there and no others",
	  test_the_newest_ids_are_there_and_no_others },
	{ "the largest capacity works", test_the_largest_capacity_works },
	{ "any is told from other bytes", test_any_is_told_from_other_bytes },
	{ "scratch stays in its limit and in place",
	  test_scratch_stays_in_its_limit_and_in_place },
	{ "scratch gives back what is large", test_scratch_gives_back_what_is_large },
	CU_TEST_INFO_NULL,
};
