/* SPDX-License-Identifier: MIT */
/*
 * Many sends in one request. Each is accepted or refused for itself, in order;
 * the answer has a status for each. They take several turns of the loop if they
 * would make a long one.
 */
#include "filter.h"
#include "send.h"

#include "lib/base64.h"
#include "lib/jscan.h"
#include "lib/utf8.h"

#include <stdlib.h>

#define ITEMS_MAX 1000
#define SLICE_MS 8 /* of sends, then all others have a turn */

/* The members of one send, as they stand; `kind` is 0 where there is none. */
enum member {
	MEMBER_TO,
	MEMBER_NAME,
	MEMBER_DATA_TYPE,
	MEMBER_DATA,
	MEMBER_EXCLUDED,
	MEMBER_FILTER,
	MEMBER_TTL,
	MEMBERS,
};

static const char *const member_names[MEMBERS] = {
	[MEMBER_TO] = "to", [MEMBER_NAME] = "name",
	[MEMBER_DATA_TYPE] = "dataType", [MEMBER_DATA] = "data",
	[MEMBER_EXCLUDED] = "excluded", [MEMBER_FILTER] = "filter",
	[MEMBER_TTL] = "messageTtlSeconds",
};

struct item {
	struct jscan_value members[MEMBERS];
	char *room;                /* where the next text goes */
	struct wps_span *excluded; /* owned */
};

/* --- members --------------------------------------------------------------- */

static bool
find_members(struct item *item, struct wps_span text, struct error *error)
{
	struct jscan_value key, value;
	struct jscan scan;

	if (jscan_begin_object(&scan, text) != WPS_OK)
		return error_bad(error, "Request", "a send must be an object");
	while (jscan_member(&scan, &key, &value) == WPS_OK)
		for (unsigned i = 0; i < MEMBERS; i++) {
			if (!jscan_is_nocase(&key, member_names[i]))
				continue;
			if (item->members[i].kind)
				return error_bad(error, member_names[i],
				    "the member is given twice");
			item->members[i] = value;
		}
	return true;
}

static bool
take_text(struct item *item, const struct jscan_value *value,
    struct wps_span *out)
{
	if (value->kind != JSCAN_STRING ||
	    !jscan_unescape(item->room, value, &out->len))
		return false;
	out->data = item->room;
	item->room += out->len;
	return true;
}

/* --- whom ------------------------------------------------------------------- */

static const struct {
	const char *name;
	enum wps_whom whom;
	bool (*is_valid)(struct wps_span name); /* NULL: it has no name */
} targets[] = {
	{ "all", WPS_TO_ALL, NULL },
	{ "group", WPS_TO_GROUP, name_group_valid },
	{ "user", WPS_TO_USER, name_id_valid },
	{ "connection", WPS_TO_CONN, name_id_valid },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool
read_target(struct item *item, struct send *send, struct error *error)
{
	const struct jscan_value *to = &item->members[MEMBER_TO];
	size_t i = 0;

	while (i < COUNT(targets) && !(to->kind == JSCAN_STRING &&
	    jscan_is_nocase(to, targets[i].name)))
		i++;
	if (i == COUNT(targets))
		return error_bad(error, "to",
		    "the value must be all, group, user or connection");
	send->command.whom = targets[i].whom;
	if (targets[i].is_valid == NULL)
		return true;
	if (!take_text(item, &item->members[MEMBER_NAME], &send->command.name) ||
	    !targets[i].is_valid(send->command.name))
		return error_bad(error, "name", "a valid name is needed");
	return true;
}

static bool
read_excluded(struct item *item, struct send *send, struct error *error)
{
	const struct jscan_value *list = &item->members[MEMBER_EXCLUDED];
	struct jscan_value value;
	struct jscan scan;
	size_t count = 0;

	if (list->kind == 0)
		return true;
	if (list->kind != JSCAN_ARRAY)
		return error_bad(error, "excluded", "the value is no list");
	/* Two characters stand for each of them at least. */
	item->excluded = calloc(list->raw.len / 2 + 1, sizeof(struct wps_span));
	if (item->excluded == NULL)
		return error_no_memory(error);
	(void)jscan_begin_array(&scan, list->raw);
	while (jscan_item(&scan, &value) == WPS_OK)
		if (!take_text(item, &value, &item->excluded[count++]))
			return error_bad(error, "excluded",
			    "a connection id is no string");
	send->command.excluded = item->excluded;
	send->command.excluded_count = count;
	return true;
}

/* --- what ------------------------------------------------------------------- */

static bool
take_base64(struct item *item, const struct jscan_value *data,
    struct wps_span *out)
{
	struct wps_span text;

	if (!take_text(item, data, &text) ||
	    !base64_decode(item->room, text, &out->len))
		return false;
	out->data = item->room;
	item->room += out->len;
	return true;
}

static bool
read_data(struct item *item, struct send *send, struct error *error)
{
	const struct jscan_value *type = &item->members[MEMBER_DATA_TYPE];
	const struct jscan_value *data = &item->members[MEMBER_DATA];
	struct wps_msg_view *view = &send->view;
	bool text = type->kind == JSCAN_STRING;

	if (text && jscan_is_nocase(type, "text")) {
		view->type = WPS_DATA_TEXT;
		return take_text(item, data, &view->payload) ||
		    error_bad(error, "data", "the value must be a string");
	}
	if (text && jscan_is_nocase(type, "binary")) {
		view->type = WPS_DATA_BINARY;
		return take_base64(item, data, &view->payload) ||
		    error_bad(error, "data", "the value must be base64");
	}
	if (!text || !jscan_is_nocase(type, "json"))
		return error_bad(error, "dataType",
		    "the value must be text, json or binary");
	view->type = WPS_DATA_JSON;
	view->payload = data->raw;
	return (data->kind != 0 && data->kind != JSCAN_NULL) ||
	    error_bad(error, "data", "there is no value");
}

static bool
read_options(struct item *item, struct send *send, struct error *error)
{
	const struct jscan_value *filter = &item->members[MEMBER_FILTER];
	const struct jscan_value *ttl = &item->members[MEMBER_TTL];
	uint64_t seconds = 0;

	if (ttl->kind && (!jscan_uint64(ttl, &seconds) || seconds > TTL_MAX))
		return error_bad(error, "messageTtlSeconds",
		    "the value must be an integer from 0 to 300");
	send->view.ttl_s = (uint32_t)seconds;
	send->filter_max = FILTER_BODY_MAX;
	if (filter->kind && filter->kind != JSCAN_NULL &&
	    !take_text(item, filter, &send->filter))
		return error_bad(error, "filter", "the filter is not a string");
	return true;
}

/* --- the request ------------------------------------------------------------- */

static bool
send_item(const struct call *call, struct item *item, struct wps_span text,
    struct error *error)
{
	struct send send = {
		.command = { .op = WPS_OP_SEND, .hub = call->hub },
		.view = { .from = WPS_FROM_SERVER },
	};

	return find_members(item, text, error) &&
	    read_target(item, &send, error) &&
	    read_excluded(item, &send, error) &&
	    read_data(item, &send, error) &&
	    read_options(item, &send, error) &&
	    send_submit(call->worker, &send, error);
}

static void
put_result(struct text *text, bool done, const struct error *error)
{
	char body[ERROR_BODY_MAX];

	text_put_str(text, text->len ? "," : "{\"value\":[");
	text_put_str(text, "{\"status\":");
	text_put_number(text, done ? 202 : (uint64_t)error_status(error));
	if (!done) {
		text_put_str(text, ",\"error\":");
		text_put(text, (struct wps_span){
		    body, error_body(error, body) });
	}
	text_put_str(text, "}");
}

/* The number of items of an array; SIZE_MAX when it is none. */
static size_t
count_items(struct wps_span body)
{
	struct jscan_value value;
	struct jscan scan;
	size_t count = 0;
	int rc = body.data && utf8_valid(body) ?
	    jscan_begin_array(&scan, body) : WPS_EPROTO;

	while (rc == WPS_OK && (rc = jscan_item(&scan, &value)) == WPS_OK)
		count++;
	return rc == WPS_NOT_FOUND ? count : SIZE_MAX;
}

#define RESULT_MAX (ERROR_BODY_MAX + 40)

/* The sends that are still to be made. */
struct many {
	struct jscan scan; /* in the body */
	char room[];       /* of each text one copy, and one that is decoded */
};

void
many_free(struct many **many)
{
	free(*many);
	*many = NULL;
}

static void
refuse(struct call *call, const char *why)
{
	struct error error;

	if (why)
		error_bad(&error, "Request", why);
	else
		error_no_memory(&error);
	reply_error(call, &error);
}

static void
finish(struct call *call)
{
	struct text *text = &call->answer;

	text_put_str(text, text->len ? "]}" : "{\"value\":[]}");
	if (text->failed)
		refuse(call, NULL);
	else
		reply_json(call, text_span(text));
}

static void
send_some(struct wps_worker *worker, void *data)
{
	struct call *call = data;
	struct many *many = call->many;
	const struct wps_host *host = call->worker->rest->host;
	uint64_t began_ms = host->now_ms(worker);
	struct jscan_value value;

	while (jscan_item(&many->scan, &value) == WPS_OK) {
		struct item item = { .room = many->room };
		struct error error;
		bool done = send_item(call, &item, value.raw, &error);
		put_result(&call->answer, done, &error);
		free(item.excluded);
		if (host->now_ms(worker) - began_ms >= SLICE_MS) {
			host->post(worker, send_some, call);
			return;
		}
	}
	finish(call);
}

void
many_run(struct call *call, const struct params *params)
{
	struct wps_span body = call->view->body;
	size_t count = count_items(body);

	(void)params;
	if (count > ITEMS_MAX) {
		refuse(call, count == SIZE_MAX ?
		    "the body is not a JSON array" :
		    "there are more than 1000 sends");
		return;
	}
	/* All memory is there before: nothing fails once a send is accepted. */
	text_reserve(&call->answer, (count + 1) * RESULT_MAX);
	call->many = malloc(sizeof(*call->many) + 2 * body.len);
	if (call->answer.failed || call->many == NULL) {
		refuse(call, NULL);
		return;
	}
	(void)jscan_begin_array(&call->many->scan, body);
	send_some(call->worker->worker, call);
}
