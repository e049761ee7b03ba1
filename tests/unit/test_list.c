/* SPDX-License-Identifier: MIT */
/*
 * Linked lists: order, removal from anywhere, splicing.
 */
#include "util/list.h"

#include "support/check.h"

#define ITEMS 5

struct item {
	struct list link;
	char name;
};

static struct item items[ITEMS];
static struct list head;

static void
begin(unsigned count)
{
	list_init(&head);
	for (unsigned i = 0; i < ITEMS; i++) {
		items[i].name = (char)('a' + i);
		list_init(&items[i].link);
		if (i < count)
			list_add(&head, &items[i].link);
	}
}

/* Reads the list in both directions. */
static void
check_list(const char *what, const struct list *list, const char *expected)
{
	char names[ITEMS + 1] = "", back[ITEMS + 1] = "";
	size_t len = 0, n = 0;

	for (struct list *link = list->next; link != list && len < ITEMS;
	    link = link->next)
		names[len++] = container_of(link, struct item, link)->name;
	for (struct list *link = list->prev; link != list && n < ITEMS;
	    link = link->prev)
		back[len - ++n] = container_of(link, struct item, link)->name;
	check_text(what, names, expected);
	check_text(what, back, expected);
	check_number(what, list_empty(list), expected[0] == '\0');
}

static void
test_links_stand_in_the_order_of_adding(void)
{
	begin(0);
	check_list("empty", &head, "");
	begin(5);
	check_list("all", &head, "abcde");
}

static void
test_a_link_is_removed_from_anywhere(void)
{
	static const char *const expected[ITEMS] = {
		"bcde", "acde", "abde", "abce", "abcd",
	};

	for (unsigned i = 0; i < ITEMS; i++) {
		begin(5);
		list_remove(&items[i].link);
		check_list("others", &head, expected[i]);
		check_number("in no list", list_empty(&items[i].link), true);
		list_remove(&items[i].link);
		check_list("once more", &head, expected[i]);
		list_add(&head, &items[i].link);
		check_number("at the end", head.prev == &items[i].link, true);
	}
}

static void
test_taking_empties_a_list_from_its_front(void)
{
	begin(3);
	CU_ASSERT_PTR_EQUAL(list_take(&head), &items[0].link);
	check_number("in no list", list_empty(&items[0].link), true);
	check_list("rest", &head, "bc");
	CU_ASSERT_PTR_EQUAL(list_take(&head), &items[1].link);
	CU_ASSERT_PTR_EQUAL(list_take(&head), &items[2].link);
	CU_ASSERT_PTR_NULL(list_take(&head));
	check_list("empty", &head, "");
}

static void
test_splicing_appends_and_empties_the_other(void)
{
	for (unsigned count = 0; count <= 3; count++)
		for (unsigned more = 0; more <= 2; more++) {
			struct list other;
			char expected[ITEMS + 1] = "";
			size_t len = 0;
			begin(count);
			list_init(&other);
			for (unsigned i = 0; i < count; i++)
				expected[len++] = (char)('a' + i);
			for (unsigned i = 3; i < 3 + more; i++) {
				list_add(&other, &items[i].link);
				expected[len++] = (char)('a' + i);
			}
			list_splice(&head, &other);
			check_list("both", &head, expected);
			check_list("other", &other, "");
		}
}

static const struct named_test tests[] = {
	TEST(test_links_stand_in_the_order_of_adding),
	TEST(test_a_link_is_removed_from_anywhere),
	TEST(test_taking_empties_a_list_from_its_front),
	TEST(test_splicing_appends_and_empties_the_other),
};

int
main(void)
{
	return RUN_TESTS("list", tests);
}
