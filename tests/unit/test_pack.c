/* SPDX-License-Identifier: MIT */
#include "lib/pack.h"

#include "unit.h"

static const struct {
	uint64_t value;
	struct wps_span bytes;
} numbers[] = {
	{ 0, WPS_SPAN("\0") },
	{ 1, WPS_SPAN("\1") },
	{ 127, WPS_SPAN("\x7f") },
	{ 128, WPS_SPAN("\x80\1") },
	{ 300, WPS_SPAN("\xac\2") },
	{ 16383, WPS_SPAN("\xff\x7f") },
	{ 16384, WPS_SPAN("\x80\x80\1") },
	{ UINT32_MAX, WPS_SPAN("\xff\xff\xff\xff\x0f") },
	{ INT64_MAX, WPS_SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\x7f") },
	{ UINT64_MAX, WPS_SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\1") },
};

static void
test_numbers_are_written_and_read(void)
{
	for (size_t i = 0; i < COUNT(numbers); i++) {
		struct unpack in = { .rest = numbers[i].bytes };
		char bytes[PACK_NUMBER_MAX];
		size_t len = pack_number(bytes, numbers[i].value);
		CU_ASSERT(wps_span_eq((struct wps_span){ bytes, len },
		    numbers[i].bytes));
		CU_ASSERT(unpack_number(&in, 0, UINT64_MAX) ==
		    numbers[i].value);
		CU_ASSERT(unpack_done(&in));
	}
}

static void
test_numbers_that_are_cut_are_refused(void)
{
	for (size_t i = 0; i < COUNT(numbers); i++)
		for (size_t len = 0; len < numbers[i].bytes.len; len++) {
			struct unpack in = {
				.rest = { numbers[i].bytes.data, len },
			};
			CU_ASSERT(unpack_number(&in, 0, UINT64_MAX) == 0);
			CU_ASSERT(in.failed);
		}
}

static void
test_numbers_have_one_form(void)
{
	static const struct wps_span refused[] = {
		WPS_SPAN("\x80\0"),
		WPS_SPAN("\xac\x82\0"),
		WPS_SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\2"),
		WPS_SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\0"),
		WPS_SPAN("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1"),
	};

	for (size_t i = 0; i < COUNT(refused); i++) {
		struct unpack in = { .rest = refused[i] };
		CU_ASSERT(unpack_number(&in, 0, UINT64_MAX) == 0);
		CU_ASSERT(in.failed);
	}
}

static void
test_numbers_have_bounds(void)
{
	static const struct {
		uint64_t min, max;
		bool failed;
	} rows[] = {
		{ 0, 6, true }, { 0, 7, false }, { 7, 7, false }, { 8, 9, true },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct unpack in = { .rest = WPS_SPAN("\7") };
		(void)unpack_number(&in, rows[i].min, rows[i].max);
		CU_ASSERT(in.failed == rows[i].failed);
	}
}

static void
test_bytes_stand_behind_their_length(void)
{
	struct unpack in = { .rest = WPS_SPAN("\2ab" "\0" "\1c") };

	CU_ASSERT(wps_span_eq(unpack_bytes(&in, 2), WPS_SPAN("ab")));
	struct wps_span empty = unpack_bytes(&in, 0);
	CU_ASSERT(empty.data != NULL && empty.len == 0);
	CU_ASSERT(unpack_more(&in) && !unpack_done(&in));
	CU_ASSERT(wps_span_eq(unpack_bytes(&in, SIZE_MAX), WPS_SPAN("c")));
	CU_ASSERT(!unpack_more(&in) && unpack_done(&in));
}

static void
test_bytes_that_are_cut_or_too_long_are_refused(void)
{
	static const struct {
		struct wps_span bytes;
		size_t max;
	} rows[] = {
		{ WPS_SPAN("\3ab"), 9 },
		{ WPS_SPAN("\2ab"), 1 },
		{ WPS_SPAN(""), 9 },
		{ WPS_SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), SIZE_MAX },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct unpack in = { .rest = rows[i].bytes };
		CU_ASSERT_PTR_NULL(unpack_bytes(&in, rows[i].max).data);
		CU_ASSERT(in.failed && !unpack_more(&in) && !unpack_done(&in));
	}
}

static void
test_nothing_comes_behind_a_failure(void)
{
	struct unpack in = { .rest = WPS_SPAN("\5" "\1a") };

	(void)unpack_number(&in, 0, 4);
	CU_ASSERT(unpack_number(&in, 0, 9) == 0);
	CU_ASSERT_PTR_NULL(unpack_bytes(&in, 9).data);
	CU_ASSERT(!unpack_done(&in));
}

/* Bytes that were put one behind the other. */
struct wps_record {
	char bytes[32];
	size_t len;
};

static void
put(struct wps_record *record, struct wps_span bytes)
{
	CU_ASSERT_FATAL(bytes.len <= sizeof(record->bytes) - record->len);
	if (bytes.len > 0)
		memcpy(record->bytes + record->len, bytes.data, bytes.len);
	record->len += bytes.len;
}

static void
test_what_is_added_can_be_read(void)
{
	struct wps_record record = { .len = 0 };
	const struct pack out = { put, &record };

	pack_add_number(&out, 300);
	pack_add_bytes(&out, WPS_SPAN("ab"));
	pack_add_bytes(&out, WPS_SPAN_NONE);
	CU_ASSERT(wps_span_eq((struct wps_span){ record.bytes, record.len },
	    WPS_SPAN("\xac\2" "\2ab" "\0")));
	struct unpack in = { .rest = { record.bytes, record.len } };
	CU_ASSERT(unpack_number(&in, 0, 300) == 300);
	CU_ASSERT(wps_span_eq(unpack_bytes(&in, 2), WPS_SPAN("ab")));
	CU_ASSERT(unpack_bytes(&in, 0).len == 0);
	CU_ASSERT(unpack_done(&in));
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_numbers_are_written_and_read),
		TEST(test_numbers_that_are_cut_are_refused),
		TEST(test_numbers_have_one_form),
		TEST(test_numbers_have_bounds),
		TEST(test_bytes_stand_behind_their_length),
		TEST(test_bytes_that_are_cut_or_too_long_are_refused),
		TEST(test_what_is_added_can_be_read),
		TEST(test_nothing_comes_behind_a_failure),
	};

	return RUN_TESTS("pack", tests);
}
