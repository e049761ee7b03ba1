/* SPDX-License-Identifier: MIT */
/*
 * Hash tables against a plain model, and the hash that fills them.
 */
#include "util/htab.h"

#include "support/check.h"
#include "util/hash.h"

#define NODES 3000

struct item {
	struct htab_node node;
	unsigned key;
	bool in;
};

static struct item items[NODES];

static uint64_t
draw(uint64_t *seed, uint64_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (*seed >> 33) % below;
}

static unsigned
seen(const struct htab *tab, const struct item *item, uint64_t hash)
{
	unsigned count = 0;

	for (const struct htab_node *node = htab_first(tab, hash); node;
	    node = htab_next(node)) {
		CU_ASSERT_FATAL(node->hash == hash);
		count += node == &item->node;
	}
	return count;
}

/* As many slots as nodes at least, and not many more. */
static void
check_size(const struct htab *tab)
{
	if (tab->count == 0) {
		CU_ASSERT_PTR_NULL(tab->slots);
		return;
	}
	CU_ASSERT_FATAL(tab->count <= tab->mask + 1);
	CU_ASSERT_FATAL(tab->mask + 1 <= 8 || tab->count >= tab->mask / 8);
}

static void
follow_model(uint64_t (*hash_of)(unsigned key))
{
	struct htab tab = { 0 };
	uint64_t seed = 11;
	size_t count = 0;

	memset(items, 0, sizeof(items));
	for (unsigned step = 0; step < 40000; step++) {
		/* Mostly more, then mostly fewer, so that it grows and shrinks. */
		bool grow = draw(&seed, 10) < (step / 10000 % 2 ? 2 : 8);
		unsigned i = (unsigned)draw(&seed, NODES);
		struct item *item = &items[i];
		CU_ASSERT_FATAL(seen(&tab, item, hash_of(i)) == item->in);
		if (grow && !item->in)
			htab_add(&tab, &item->node, hash_of(i));
		else if (!grow && item->in)
			htab_remove(&tab, &item->node);
		else
			continue;
		item->in = grow;
		count = grow ? count + 1 : count - 1;
		CU_ASSERT_FATAL(tab.count == count);
		check_size(&tab);
	}
	for (unsigned i = 0; i < NODES; i++) {
		CU_ASSERT_FATAL(seen(&tab, &items[i], hash_of(i)) ==
		    items[i].in);
		if (items[i].in)
			htab_remove(&tab, &items[i].node);
	}
	check_size(&tab);
	htab_fini(&tab);
}

static uint64_t
scattered(unsigned key)
{
	return (key + 1) * 0x9e3779b97f4a7c15u;
}

/* The same slot whatever the size. */
static uint64_t
one_slot(unsigned key)
{
	return (uint64_t)key << 32;
}

static uint64_t
few_hashes(unsigned key)
{
	return key % 7;
}

static void
test_nodes_follow_a_plain_model(void)
{
	follow_model(scattered);
}

static void
test_nodes_of_one_slot_follow_a_plain_model(void)
{
	follow_model(one_slot);
}

static void
test_nodes_of_one_hash_follow_a_plain_model(void)
{
	follow_model(few_hashes);
}

static void
test_a_chain_holds_all_nodes_of_its_hash(void)
{
	struct htab tab = { 0 };
	unsigned count = 0;

	memset(items, 0, sizeof(items));
	for (unsigned i = 0; i < 60; i++)
		htab_add(&tab, &items[i].node, i % 3);
	for (struct htab_node *node = htab_first(&tab, 1); node;
	    node = htab_next(node))
		count++;
	check_number("nodes of hash 1", count, 20);
	CU_ASSERT_PTR_NULL(htab_first(&tab, 3));
	for (unsigned i = 0; i < 60; i++)
		htab_remove(&tab, &items[i].node);
	htab_fini(&tab);
}

static void
test_an_empty_table_has_no_memory(void)
{
	struct htab tab = { 0 };

	memset(items, 0, sizeof(items));
	CU_ASSERT_PTR_NULL(htab_first(&tab, 0));
	htab_add(&tab, &items[0].node, 5);
	CU_ASSERT_PTR_EQUAL(htab_first(&tab, 5), &items[0].node);
	htab_remove(&tab, &items[0].node);
	CU_ASSERT_PTR_NULL(tab.slots);
	htab_fini(&tab);
	htab_fini(&tab);
}

/* --- the hash ------------------------------------------------------------- */

/* SipHash-1-3 with a key of zeros; each input is 00 01 02 ... */
static void
test_hash_is_siphash_1_3(void)
{
	static const uint64_t expected[] = {
		0xd1fba762150c532c, 0x68a914128e01e473,
		0x010bac45c41e3669, 0x4d4c9a4a8ef6e0ad,
		0x7cc43f98813e4dbd, 0x5abe2169dff36275,
		0xe3c25f87624f1cdb, 0x2f098ab0c751325a,
		0xead411e67ebe2eea, 0x75927f9d95124362,
		0xaf9f77a65ab51a1d, 0xfe64ce8b6617fcff,
		0xa6baf4fb0f9fe1c2, 0xa0cf3211850f8e0d,
		0x7f86049379fbfe67, 0xf30eb725bb91c9ea,
		0x8972188433a5c5b7,
	};
	char bytes[16];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	for (size_t len = 0; len < sizeof(expected) / 8; len++)
		check_number("hash", (long long)hash_bytes((struct wps_span){
		    bytes, len }), (long long)expected[len]);
}

static void
test_nothing_has_the_hash_of_empty(void)
{
	check_number("hash", (long long)hash_bytes(WPS_SPAN_NONE),
	    (long long)hash_bytes(WPS_SPAN("")));
}

static void
test_hash_depends_on_the_seed(void)
{
	uint64_t before = hash_bytes(WPS_SPAN("name"));

	hash_seed();
	check_number("differs", before != hash_bytes(WPS_SPAN("name")), true);
	check_number("is stable", hash_bytes(WPS_SPAN("name")) ==
	    hash_bytes(WPS_SPAN("name")), true);
}

/* The seed is set by the last of them. */
static const struct named_test tests[] = {
	TEST(test_nodes_follow_a_plain_model),
	TEST(test_nodes_of_one_slot_follow_a_plain_model),
	TEST(test_nodes_of_one_hash_follow_a_plain_model),
	TEST(test_a_chain_holds_all_nodes_of_its_hash),
	TEST(test_an_empty_table_has_no_memory),
	TEST(test_hash_is_siphash_1_3),
	TEST(test_nothing_has_the_hash_of_empty),
	TEST(test_hash_depends_on_the_seed),
};

int
main(void)
{
	return RUN_TESTS("htab", tests);
}
