/* SPDX-License-Identifier: MIT */
/*
 * Replay buffers: numbers, acknowledgements, both limits, and random operations
 * against a model that keeps everything.
 */
#include "hub/replay.h"

#include "net/sender.h"
#include "support/check.h"

#include <wps/wps.h>

#define KIB 1024
#define MODEL_MAX 4096

static const struct replay_limits wide = { .messages = 1000, .bytes = 1 << 20 };
static struct replay replay;

static void
ignore_timer(struct wheel_timer *timer)
{
	(void)timer;
}

static void
begin(void)
{
	replay_init(&replay, NULL, ignore_timer);
}

/* Adds a body of so many bytes that nobody else holds; its id, 0 when full. */
static uint64_t
add(const struct replay_limits *limits, size_t len)
{
	struct body *body = body_new(WPS_FRAME_TEXT, len);
	uint64_t sequence = 0;

	if (replay_add(&replay, body, limits, &sequence) != WPS_OK)
		check_number("nothing is numbered", (long long)sequence, 0);
	body_unref(body);
	return sequence;
}

static void
check_kept(const char *what, uint32_t count, uint64_t first, size_t bytes)
{
	check_number(what, replay.count, count);
	check_number(what, (long long)replay.bytes, (long long)bytes);
	for (uint32_t i = 0; i < count && i < replay.count; i++)
		check_number(what,
		    (long long)replay_at(&replay, i)->sequence,
		    (long long)(first + i));
}

static void
test_messages_are_numbered_from_one(void)
{
	begin();
	for (uint64_t i = 1; i <= 100; i++)
		check_number("id", (long long)add(&wide, 1), (long long)i);
	check_kept("all", 100, 1, 100);
	replay_fini(&replay);
}

static void
test_an_ack_forgets_all_up_to_its_id(void)
{
	static const struct {
		uint64_t acked;
		uint32_t kept;
	} rows[] = {
		{ 0, 5 }, { 2, 3 }, { 1, 3 }, { 2, 3 }, { 4, 1 }, { 5, 0 },
		{ 5, 0 }, { UINT64_MAX, 0 },
	};

	begin();
	for (int i = 0; i < 5; i++)
		(void)add(&wide, 10);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		replay_ack(&replay, rows[i].acked);
		check_kept("kept", rows[i].kept, 6 - rows[i].kept,
		    10 * rows[i].kept);
	}
	check_number("ids go on", (long long)add(&wide, 1), 6);
	replay_fini(&replay);
}

static void
test_an_ack_beyond_the_newest_id_forgets_everything_and_no_more(void)
{
	begin();
	(void)add(&wide, 1);
	replay_ack(&replay, UINT64_MAX);
	check_kept("nothing", 0, 0, 0);
	check_number("the next id", (long long)add(&wide, 1), 2);
	check_kept("it is kept", 1, 2, 1);
	replay_fini(&replay);
}

static void
test_messages_are_limited(void)
{
	const struct replay_limits limits = { .messages = 3, .bytes = 1 << 20 };

	begin();
	for (uint64_t i = 1; i <= 3; i++)
		check_number("fits", (long long)add(&limits, 1), (long long)i);
	check_number("one too many", (long long)add(&limits, 1), 0);
	check_kept("as before", 3, 1, 3);
	replay_ack(&replay, 1);
	check_number("room again", (long long)add(&limits, 1), 4);
	replay_fini(&replay);
}

static void
test_bytes_are_limited(void)
{
	const struct replay_limits limits = { .messages = 100, .bytes = 10 };

	begin();
	check_number("fits", (long long)add(&limits, 6), 1);
	check_number("a byte too many", (long long)add(&limits, 5), 0);
	check_number("to the last byte", (long long)add(&limits, 4), 2);
	check_number("an empty one fits", (long long)add(&limits, 0), 3);
	check_kept("all", 3, 1, 10);
	replay_fini(&replay);
}

static void
test_an_empty_buffer_takes_any_one(void)
{
	const struct replay_limits limits = { .messages = 1, .bytes = 10 };

	begin();
	check_number("larger than all", (long long)add(&limits, 11), 1);
	check_number("but only one", (long long)add(&limits, 0), 0);
	replay_ack(&replay, 1);
	check_number("and the next", (long long)add(&limits, 11), 2);
	replay_fini(&replay);
}

static void
test_a_body_is_shared_until_it_is_acknowledged(void)
{
	struct body *body = body_new(WPS_FRAME_TEXT, 1);
	uint64_t sequence;

	begin();
	CU_ASSERT_EQUAL(replay_add(&replay, body, &wide, &sequence), WPS_OK);
	CU_ASSERT_EQUAL(replay_add(&replay, body, &wide, &sequence), WPS_OK);
	check_number("held twice", body->refs, 3);
	CU_ASSERT_PTR_EQUAL(replay_at(&replay, 0)->body, body);
	replay_ack(&replay, 1);
	check_number("held once", body->refs, 2);
	replay_fini(&replay);
	check_number("not held", body->refs, 1);
	body_unref(body);
}

static void
test_an_empty_buffer_gives_a_large_ring_back(void)
{
	begin();
	for (int i = 0; i < 500; i++)
		(void)add(&wide, 1);
	replay_ack(&replay, 500);
	CU_ASSERT_PTR_NULL(replay.ring);
	check_number("and goes on", (long long)add(&wide, 1), 501);
	replay_fini(&replay);
}

static void
add_until(uint64_t expires_ms)
{
	struct body *body = body_new(WPS_FRAME_TEXT, 3);
	uint64_t sequence;

	body->expires_ms = expires_ms;
	CU_ASSERT_EQUAL(replay_add(&replay, body, &wide, &sequence), WPS_OK);
	body_unref(body);
}

static void
test_expired_messages_are_dropped_wherever_they_stand(void)
{
	begin();
	/* The ring begins in its middle. */
	for (int i = 0; i < 5; i++)
		(void)add(&wide, 1);
	replay_ack(&replay, 5);
	add_until(100);
	add_until(0);
	add_until(101);
	add_until(99);
	replay_drop_expired(&replay, 98);
	check_kept("in time", 4, 6, 12);
	replay_drop_expired(&replay, 100);
	check_number("kept", replay.count, 2);
	check_number("bytes", (long long)replay.bytes, 6);
	check_number("forever", (long long)replay_at(&replay, 0)->sequence, 7);
	check_number("later", (long long)replay_at(&replay, 1)->sequence, 8);
	check_number("ids go on", (long long)add(&wide, 1), 10);
	replay_ack(&replay, 8);
	check_kept("acknowledged", 1, 10, 1);
	replay_fini(&replay);
}

/* --- the model -------------------------------------------------------------- */

/* All that was ever added, and how much of it is acknowledged. */
static struct {
	size_t len[MODEL_MAX];
	uint64_t last, acked;
} model;

static uint64_t
draw(uint64_t *seed, uint64_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (*seed >> 33) % below;
}

static size_t
model_bytes(void)
{
	size_t bytes = 0;

	for (uint64_t i = model.acked + 1; i <= model.last; i++)
		bytes += model.len[i];
	return bytes;
}

static bool
model_add(const struct replay_limits *limits, size_t len)
{
	uint64_t count = model.last - model.acked;

	if (count > 0 && (count + 1 > limits->messages ||
	    model_bytes() + len > limits->bytes))
		return false;
	model.len[++model.last] = len;
	return true;
}

static void
model_ack(uint64_t sequence)
{
	if (sequence > model.last)
		sequence = model.last;
	if (sequence > model.acked)
		model.acked = sequence;
}

static void
try_add(uint64_t *seed, const struct replay_limits *limits)
{
	size_t len = (size_t)draw(seed, draw(seed, 8) ? 64 : 4 * KIB);
	bool fits = model_add(limits, len);
	uint64_t sequence = add(limits, len);

	check_number("added", (long long)sequence,
	    fits ? (long long)model.last : 0);
}

static void
try_ack(uint64_t *seed)
{
	uint64_t sequence = draw(seed, model.last + 4);

	model_ack(sequence);
	replay_ack(&replay, sequence);
}

static void
run_model(uint64_t seed)
{
	const struct replay_limits limits = {
		.messages = (uint32_t)draw(&seed, 40) + 1,
		.bytes = (size_t)draw(&seed, 4 * KIB) + 1,
	};
	uint64_t acks_in = draw(&seed, 8) + 2; /* how rare they are */

	begin();
	memset(&model, 0, sizeof(model));
	for (int step = 0; step < MODEL_MAX - 1; step++) {
		if (draw(&seed, acks_in) == 0)
			try_ack(&seed);
		else
			try_add(&seed, &limits);
		check_kept("kept", (uint32_t)(model.last - model.acked),
		    model.acked + 1, model_bytes());
		if (CU_get_number_of_failures() > 0)
			break;
	}
	replay_fini(&replay);
}

static void
test_random_operations_do_what_the_model_does(void)
{
	for (uint64_t seed = 1; seed <= 50 && CU_get_number_of_failures() == 0;
	    seed++)
		run_model(seed);
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_messages_are_numbered_from_one),
		TEST(test_an_ack_forgets_all_up_to_its_id),
		TEST(test_an_ack_beyond_the_newest_id_forgets_everything_and_no_more),
		TEST(test_messages_are_limited),
		TEST(test_bytes_are_limited),
		TEST(test_an_empty_buffer_takes_any_one),
		TEST(test_a_body_is_shared_until_it_is_acknowledged),
		TEST(test_an_empty_buffer_gives_a_large_ring_back),
		TEST(test_expired_messages_are_dropped_wherever_they_stand),
		TEST(test_random_operations_do_what_the_model_does),
	};

	return RUN_TESTS("replay", tests);
}
