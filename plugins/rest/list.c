/* SPDX-License-Identifier: MIT */
/*
 * Listings (rest-api.md, section 7), and those that the vendor does not have:
 * connections of the hub and of users, users, groups, and one connection.
 *
 * The cursor of a page is the last name of it, so a page needs nothing that was
 * kept since the one before.
 */
#include "choose.h"
#include "endpoint.h"
#include "params.h"
#include "rest.h"

#define PAGE_MAX 200
#define TOP_MAX INT32_MAX
#define LINK_VERSION "2024-12-01"

void
page_fini(struct page_request *page)
{
	text_fini(&page->scope);
	text_fini(&page->filter);
}

/* --- what is written of one ---------------------------------------------------- */

static void
put_member(struct text *text, const char *name, struct wps_span value)
{
	text_put_str(text, name);
	text_put_quoted(text, value);
}

static void
put_count(struct text *text, const char *name, uint64_t value)
{
	text_put_str(text, name);
	text_put_number(text, value);
}

static void
put_item(const struct call *call, struct text *text,
    const struct wps_listed *item)
{
	const struct operation *operation = call->route.operation;

	switch (operation->list) {
	case WPS_LIST_CONNS:
		put_member(text, "{\"connectionId\":", item->name);
		put_member(text, ",\"userId\":", item->user);
		break;
	case WPS_LIST_USERS:
		put_member(text, "{\"userId\":", item->name);
		put_count(text, ",\"connections\":", item->members);
		break;
	case WPS_LIST_GROUPS:
		put_member(text, "{\"group\":", item->name);
		/* Of one connection's groups its worker knows its own alone. */
		if (operation->whom == WPS_TO_ALL)
			put_count(text, ",\"connections\":", item->members);
		break;
	}
	text_put_str(text, "}");
}

/* --- pages ----------------------------------------------------------------------- */

/* The number of names that are wanted behind this page; 0: all, or none. */
static uint64_t
rest_of_top(const struct page_request *page, size_t count)
{
	return page->top > count ? page->top - count : 0;
}

/* The caller's own spelling; what should have been encoded is. */
static void
put_path(struct text *link, struct wps_span path)
{
	for (size_t i = 0; i < path.len; i++) {
		struct wps_span byte = { path.data + i, 1 };
		if (path.data[i] > ' ' && path.data[i] <= '~')
			text_put(link, byte);
		else
			text_put_encoded(link, byte);
	}
}

static void
put_link(const struct call *call, struct text *text, struct wps_span cursor,
    uint64_t top)
{
	char endpoint[ENDPOINT_MAX];
	struct text link = { .data = NULL };
	size_t len = endpoint_write(call, endpoint);

	text_put(&link, (struct wps_span){ endpoint, len });
	put_path(&link, call->view->path);
	text_put_str(&link, "?api-version=" LINK_VERSION);
	put_count(&link, "&maxpagesize=", call->page.size);
	if (top > 0)
		put_count(&link, "&top=", top);
	text_put(&link, text_span(&call->page.filter));
	text_put_str(&link, "&continuationToken=");
	cursor_write(call, cursor, &link);
	text->failed |= link.failed || len == 0;
	text_put_quoted(text, text_span(&link));
	text_fini(&link);
}

static void
write_page(struct call *call, const struct wps_page *page)
{
	struct text *text = &call->answer;
	uint64_t top = rest_of_top(&call->page, page->count);

	text_put_str(text, "{\"value\":[");
	for (size_t i = 0; i < page->count; i++) {
		if (i > 0)
			text_put_str(text, ",");
		put_item(call, text, page->items[i]);
	}
	text_put_str(text, "],\"nextLink\":");
	if (page->count > 0 && page->more && (call->page.top == 0 || top > 0))
		put_link(call, text, page->items[page->count - 1]->name, top);
	else
		text_put_str(text, "null");
	text_put_str(text, "}");
}

/* --- one connection ------------------------------------------------------------- */

static void
put_rule(struct text *text, const struct wps_rule *rule)
{
	static const char *const permissions[] = {
		[WPS_PERM_JOIN_LEAVE] = "joinLeaveGroup",
		[WPS_PERM_SEND] = "sendToGroup",
		[WPS_PERM_SET_STATE] = "setGroupState",
		[WPS_PERM_GET_STATE] = "getGroupState",
	};
	static const char *const kinds[] = {
		[WPS_RULE_ALL] = "all", [WPS_RULE_PATTERN] = "pattern",
		[WPS_RULE_ALLOW] = "allow", [WPS_RULE_DENY] = "deny",
	};

	put_member(text, "{\"permission\":",
	    wps_span_str(permissions[rule->perm]));
	put_member(text, ",\"rule\":", wps_span_str(kinds[rule->kind]));
	if (rule->kind != WPS_RULE_ALL)
		put_member(text, ",\"targetName\":", rule->name);
	text_put_str(text, "}");
}

static void
write_detail(struct call *call, const struct wps_page *page)
{
	struct text *text = &call->answer;

	if (page->count == 0)
		return;
	const struct wps_listed *item = page->items[0];
	put_member(text, "{\"connectionId\":", item->name);
	put_member(text, ",\"userId\":", item->user);
	put_member(text, ",\"protocol\":", item->subprotocol);
	put_count(text, ",\"ageSeconds\":", item->age_ms / 1000);
	put_count(text, ",\"queuedMessages\":", item->queued_messages);
	put_count(text, ",\"queuedBytes\":", item->queued_bytes);
	put_count(text, ",\"groupCount\":", item->group_count);
	text_put_str(text, ",\"groups\":[");
	for (size_t i = 0; i < item->shown_groups; i++)
		put_member(text, i ? "," : "", item->groups[i]);
	text_put_str(text, "],\"permissions\":[");
	for (size_t i = 0; i < item->shown_rules; i++) {
		text_put_str(text, i ? "," : "");
		put_rule(text, &item->rules[i]);
	}
	text_put_str(text, "]}");
}

void
list_write(struct call *call, const struct wps_page *page)
{
	call->answer.failed |= page->failed;
	if (call->route.operation->detail)
		write_detail(call, page);
	else
		write_page(call, page);
}

/* --- the request ----------------------------------------------------------------- */

static bool
read_count(const struct params *params, enum query_param name, uint64_t max,
    uint64_t *out, struct error *error, const char *complaint)
{
	struct wps_span text = params->query[name];

	if (text.data == NULL)
		return true;
	if (params_number(text, max, out) && *out > 0)
		return true;
	return error_bad(error, params_name(name), complaint);
}

/* A cursor of one listing is none of another. */
static void
write_scope(struct call *call, struct wps_span name)
{
	struct text *scope = &call->page.scope;

	text_put_str(scope, "wps page\n");
	text_put_str(scope, call->route.operation->name);
	text_put_str(scope, "\n");
	text_put(scope, call->hub);
	text_put_str(scope, "\n");
	text_put(scope, name);
	text_put_str(scope, "\n");
}

static bool
read_cursor(struct call *call, const struct params *params,
    struct wps_command *command, char *room, struct error *error)
{
	struct wps_span token = params->query[QUERY_TOKEN];

	write_scope(call, command->name);
	if (token.data == NULL)
		return true;
	command->after = cursor_read(call, token, room);
	return command->after.data != NULL || error_bad(error,
	    params_name(QUERY_TOKEN), "this is no token of this listing");
}

static bool
read_paging(struct call *call, const struct params *params,
    struct wps_command *command, char *room, struct error *error)
{
	struct page_request *page = &call->page;
	uint64_t size = PAGE_MAX, top = 0;

	if (!read_count(params, QUERY_PAGE_SIZE, PAGE_MAX, &size, error,
	        "the value must be an integer from 1 to 200") ||
	    !read_count(params, QUERY_TOP, TOP_MAX, &top, error,
	        "the value must be an integer of at least 1"))
		return false;
	page->size = (uint32_t)size;
	page->top = top;
	command->limit = (uint32_t)(top > 0 && top < size ? top : size);
	return read_cursor(call, params, command, room, error);
}

static void
keep_filter(struct call *call, struct wps_span filter)
{
	if (filter.len == 0)
		return;
	text_put_str(&call->page.filter, "&filter=");
	text_put_encoded(&call->page.filter, filter);
}

void
list_run(struct call *call, const struct params *params)
{
	const struct operation *operation = call->route.operation;
	struct wps_span filter = params->query[QUERY_FILTER];
	struct wps_command command = call_command(call, params);
	char room[CURSOR_MAX];
	struct choice choice;
	struct error error;

	command.list = operation->list;
	command.detail = operation->detail;
	if (!read_paging(call, params, &command, room, &error) ||
	    !choose(call->worker->rest, &choice, &command, filter,
	    FILTER_QUERY_MAX, &error)) {
		reply_error(call, &error);
		return;
	}
	keep_filter(call, filter);
	call_submit_list(call, &command);
	choice_fini(&choice);
}

void
count_run(struct call *call, const struct params *params)
{
	struct wps_command command = call_command(call, params);
	struct choice choice;
	struct error error;

	if (!choose(call->worker->rest, &choice, &command,
	    params->query[QUERY_FILTER], FILTER_QUERY_MAX, &error)) {
		reply_error(call, &error);
		return;
	}
	call_submit(call, &command);
	choice_fini(&choice);
}
