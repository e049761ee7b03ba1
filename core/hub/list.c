/* SPDX-License-Identifier: MIT */
#include "hub/list.h"

#include "hub/command.h"
#include "hub/conn.h"
#include "lib/names.h"
#include "util/attr.h"

#include <stdlib.h>

/* --- order ---------------------------------------------------------------------- */

int
list_pick_order(const void *a, const void *b)
{
	const struct list_pick *left = a, *right = b;

	return name_order(left->name, right->name);
}

/* --- the heap ------------------------------------------------------------------- */

static void
sift_up(struct list_pick *heap, size_t at)
{
	struct list_pick pick = heap[at];

	while (at > 0 && name_order(heap[(at - 1) / 2].name, pick.name) < 0) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = pick;
}

static void
sift_down(struct list_pick *heap, size_t count, struct list_pick pick)
{
	size_t at = 0;

	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count &&
		    name_order(heap[child].name, heap[child + 1].name) < 0)
			child++;
		if (name_order(heap[child].name, pick.name) <= 0)
			break;
		heap[at] = heap[child];
	}
	heap[at] = pick;
}

void
list_begin(struct listing *listing, const struct shard *shard,
    const struct wps_command *command)
{
	*listing = (struct listing){
		.shard = shard,
		.command = command,
		.picks = malloc(command->limit * sizeof(struct list_pick)),
	};
}

bool
list_of_names(const struct listing *listing)
{
	return listing->command->list != WPS_LIST_CONNS;
}

void
list_offer(struct listing *listing, struct wps_span name, const void *object)
{
	struct wps_span after = listing->command->after;
	struct list_pick pick = { name, object };

	if (listing->picks == NULL ||
	    (after.data && name_order(name, after) <= 0))
		return;
	if (listing->count < listing->command->limit) {
		listing->picks[listing->count] = pick;
		sift_up(listing->picks, listing->count++);
		return;
	}
	listing->more = true;
	if (name_order(name, listing->picks[0].name) < 0)
		sift_down(listing->picks, listing->count, pick);
}

/* --- users and groups ------------------------------------------------------------- */

static void
offer_named(struct htab_node *node, void *data)
{
	const struct named *named = container_of(node, struct named, node);

	list_offer(data, (struct wps_span){ named->name, named->len }, named);
}

static void
offer_groups_of(struct listing *listing, const struct wps_conn *conn)
{
	for (uint32_t i = 0; conn && i < conn->group_count; i++)
		offer_named(&conn->groups[i].group->node, listing);
}

static void
offer_names(struct listing *listing)
{
	const struct wps_command *command = listing->command;
	const struct shard *shard = listing->shard;

	if (command->list == WPS_LIST_USERS)
		htab_walk(&shard->users, offer_named, listing);
	else if (command->whom == WPS_TO_CONN)
		offer_groups_of(listing, shard_conn(shard, command->name));
	else
		htab_walk(&shard->groups, offer_named, listing);
}

/* --- pages ------------------------------------------------------------------------ */

/* Where a page's parts go; with a NULL page they are only counted. */
struct writer {
	const struct listing *listing;
	struct page *page;
	struct wps_rule *rules;
	struct wps_span *groups;
	char *texts;
	size_t rule_count, group_count, text_len;
	size_t rules_of_one; /* of the connection that is written */
};

static struct wps_span
put_text(struct writer *writer, struct wps_span text)
{
	size_t at = writer->text_len;

	writer->text_len += text.len;
	if (writer->page == NULL || text.data == NULL)
		return text;
	if (text.len > 0)
		memcpy(writer->texts + at, text.data, text.len);
	return (struct wps_span){ writer->texts + at, text.len };
}

static void
put_rule(const struct wps_rule *rule, void *data)
{
	struct writer *writer = data;

	if (writer->rules_of_one == writer->listing->command->limit)
		return;
	writer->rules_of_one++;
	struct wps_span name = put_text(writer, rule->name);
	if (writer->page) {
		writer->rules[writer->rule_count] = *rule;
		writer->rules[writer->rule_count].name = name;
	}
	writer->rule_count++;
}

static void
put_group(struct writer *writer, const struct named *group)
{
	struct wps_span name = put_text(writer,
	    (struct wps_span){ group->name, group->len });

	if (writer->page)
		writer->groups[writer->group_count] = name;
	writer->group_count++;
}

static void
put_detail(struct writer *writer, const struct wps_conn *conn,
    struct wps_listed *item)
{
	size_t rules = writer->rule_count, groups = writer->group_count;
	uint32_t limit = writer->listing->command->limit;

	writer->rules_of_one = 0;
	for (unsigned perm = 1; perm <= PERM_KINDS; perm++)
		perms_walk(&conn->perms, (enum wps_perm)perm, put_rule, writer);
	for (uint32_t i = 0; i < conn->group_count && i < limit; i++)
		put_group(writer, conn->groups[i].group);
	if (writer->page == NULL)
		return;
	item->rules = writer->rules + rules;
	item->shown_rules = writer->rule_count - rules;
	item->groups = writer->groups + groups;
	item->shown_groups = writer->group_count - groups;
}

static void
put_conn(struct writer *writer, const struct wps_conn *conn,
    struct wps_listed *item)
{
	/* One that waits for its recovery has no transport. */
	const struct sender *sender = conn->ws ? &conn->ws->sender : NULL;

	*item = (struct wps_listed){
		.name = put_text(writer, conn->view.id),
		.user = put_text(writer, conn->view.user),
		.subprotocol = put_text(writer, conn->view.subprotocol),
		.age_ms = worker_now_ms(conn->worker) - conn->opened_ms,
		.queued_bytes = sender ? sender->bytes : 0,
		.queued_messages = sender ? sender->items : 0,
		.group_count = conn->group_count,
	};
	if (writer->listing->command->detail)
		put_detail(writer, conn, item);
}

static void
put_named(struct writer *writer, const struct named *named,
    struct wps_listed *item)
{
	*item = (struct wps_listed){
		.name = put_text(writer,
		    (struct wps_span){ named->name, named->len }),
		.members = named->members.count,
	};
}

static void
put_all(struct writer *writer)
{
	const struct listing *listing = writer->listing;
	struct wps_listed counted;

	for (size_t i = 0; i < listing->count; i++) {
		struct wps_listed *item =
		    writer->page ? &writer->page->items[i] : &counted;
		if (list_of_names(listing))
			put_named(writer, listing->picks[i].object, item);
		else
			put_conn(writer, listing->picks[i].object, item);
	}
}

/* In one allocation: items, rules, groups, texts. */
static struct page *
page_new(const struct listing *listing)
{
	struct writer counted = { .listing = listing };

	put_all(&counted);
	size_t items = listing->count * sizeof(struct wps_listed);
	size_t rules = counted.rule_count * sizeof(struct wps_rule);
	size_t groups = counted.group_count * sizeof(struct wps_span);
	struct page *page = malloc(sizeof(*page) + items + rules + groups +
	    counted.text_len);
	if (page == NULL)
		return NULL;

	*page = (struct page){ .count = listing->count, .more = listing->more };
	char *end = (char *)page->items + items;
	struct writer writer = {
		.listing = listing,
		.page = page,
		.rules = (struct wps_rule *)(void *)end,
		.groups = (struct wps_span *)(void *)(end + rules),
		.texts = end + rules + groups,
	};
	put_all(&writer);
	return page;
}

void
list_end(struct listing *listing, struct command_result *result)
{
	if (list_of_names(listing))
		offer_names(listing);
	struct page *page = listing->picks ? page_new(listing) : NULL;
	if (page)
		list_append(&result->pages, &page);
	else
		result->no_memory = true;
	free(listing->picks);
}

void
list_append(struct page **to, struct page **from)
{
	struct page **end = from;

	while (*end)
		end = &(*end)->next;
	*end = *to;
	*to = *from;
	*from = NULL;
}

void
list_free(struct page **pages)
{
	while (*pages) {
		struct page *next = (*pages)->next;
		free(*pages);
		*pages = next;
	}
}

/* --- merging ----------------------------------------------------------------------- */

static size_t
count_all(const struct page *pages)
{
	size_t count = 0;

	for (; pages; pages = pages->next)
		count += pages->count;
	return count;
}

static void
gather(struct list_pick *picks, const struct page *pages)
{
	for (; pages; pages = pages->next)
		for (size_t i = 0; i < pages->count; i++)
			*picks++ = (struct list_pick){
				pages->items[i].name, &pages->items[i],
			};
}

/* Equal names become one; how many there are. */
static size_t
unite(struct wps_listed *items, const struct list_pick *picks, size_t count)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		const struct wps_listed *item = picks[i].object;
		if (used > 0 && wps_span_eq(items[used - 1].name, item->name))
			items[used - 1].members += item->members;
		else
			items[used++] = *item;
	}
	return used;
}

static bool
any_more(const struct page *pages)
{
	for (; pages; pages = pages->next)
		if (pages->more)
			return true;
	return false;
}

void
list_tell(const struct command_result *result, uint32_t limit, wps_list_fn done,
    void *data)
{
	size_t count = count_all(result->pages);
	struct list_pick *picks = malloc((count + 1) * sizeof(*picks));
	struct wps_listed *items = malloc((count + 1) * sizeof(*items));
	const struct wps_listed **shown = malloc((count + 1) * sizeof(*shown));
	struct wps_page page = { .failed = true };

	if (picks && items && shown && !result->no_memory) {
		gather(picks, result->pages);
		qsort(picks, count, sizeof(*picks), list_pick_order);
		count = unite(items, picks, count);
		for (size_t i = 0; i < count; i++)
			shown[i] = &items[i];
		page = (struct wps_page){
			.items = shown,
			.count = count < limit ? count : limit,
			.more = count > limit || any_more(result->pages),
		};
	}
	done(&page, data);
	free(picks);
	free(items);
	free(shown);
}
