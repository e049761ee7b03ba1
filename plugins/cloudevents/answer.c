/* SPDX-License-Identifier: MIT */
/*
 * Answers: see answer.h. The answer to connect is a document and is read as a
 * tree; those to user events are payload and only judged.
 */
#include "answer.h"

#include "state.h"

#include "lib/jscan.h"
#include "lib/names.h"
#include "lib/utf8.h"

#include <stdlib.h>

#define METADATA_KEY_MAX 256
#define METADATA_VALUE_MAX 1024
#define METADATA_TOTAL_MAX 8192

static void
fail(struct answer *answer, int result, const char *problem)
{
	answer->out = (struct wps_answer){ .result = result };
	answer->problem = problem;
}

/* What a head says that counts here; of a line that stands twice, the last. */
struct head {
	struct wps_span lines;
	struct wps_span content_type, state; /* absent: no such line */
	size_t states, metadata;             /* lines of them */
};

static const struct wps_span metadata_prefix = {
	"X-WebPubSub-Metadata-", 21,
};

static bool
has_prefix_nocase(struct wps_span text, struct wps_span prefix)
{
	return text.len > prefix.len && name_eq_nocase(
	    (struct wps_span){ text.data, prefix.len }, prefix);
}

static struct head
read_head(struct wps_span lines)
{
	struct head head = { .lines = lines };
	struct wps_header header;

	while (head_next(&lines, &header)) {
		if (name_eq_nocase(header.name, WPS_SPAN("Content-Type"))) {
			head.content_type = header.value;
		} else if (name_eq_nocase(header.name,
		    WPS_SPAN("ce-connectionState"))) {
			head.state = header.value;
			head.states++;
		} else {
			head.metadata +=
			    has_prefix_nocase(header.name, metadata_prefix);
		}
	}
	return head;
}

/* --- connection state ------------------------------------------------------------ */

static void
read_state(struct answer *answer, const struct head *head)
{
	if (head->states == 0)
		return;
	if (head->state.len > STATE_MAX) {
		fail(answer, WPS_EPROTO, "ce-connectionState is too long");
	} else if (!state_is_ascii(head->state)) {
		fail(answer, WPS_EPROTO, "ce-connectionState is not ASCII");
	} else {
		answer->has_state = true;
		answer->state = head->state;
		answer->several_states = head->states > 1;
	}
}

static const char no_memory[] = "no memory for the answer";

/* --- connect ------------------------------------------------------------------------ */

static int
read_text(struct answer *answer, const struct jscan_value *value,
    struct wps_span *out)
{
	char *text = answer->texts + answer->texts_len;

	if (value->kind != JSCAN_STRING ||
	    !jscan_unescape(text, value, &out->len) ||
	    (out->len > 0 && memchr(text, '\0', out->len)))
		return WPS_EPROTO;
	out->data = text;
	answer->texts_len += out->len;
	return WPS_OK;
}

static size_t
count_items(struct wps_span array)
{
	struct jscan scan;
	struct jscan_value item;
	size_t count = 0;

	jscan_begin_array(&scan, array);
	while (jscan_item(&scan, &item) == WPS_OK)
		count++;
	return count;
}

static int
read_texts(struct answer *answer, const struct jscan_value *value,
    struct wps_span **list_out, size_t *count_out)
{
	struct jscan scan;
	struct jscan_value item;

	if (value->kind != JSCAN_ARRAY)
		return WPS_EPROTO;
	free(*list_out);
	*list_out = calloc(count_items(value->raw) + 1, sizeof(**list_out));
	*count_out = 0;
	if (*list_out == NULL)
		return WPS_ENOMEM;
	jscan_begin_array(&scan, value->raw);
	while (jscan_item(&scan, &item) == WPS_OK) {
		if (read_text(answer, &item, &(*list_out)[*count_out]) != WPS_OK)
			return WPS_EPROTO;
		++*count_out;
	}
	return WPS_OK;
}

/* Null is as good as nothing; what is not known does not matter. */
static int
read_member(struct answer *answer, const struct jscan_value *name,
    const struct jscan_value *value)
{
	struct wps_answer *out = &answer->out;

	if (value->kind == JSCAN_NULL)
		return WPS_OK;
	if (jscan_is_nocase(name, "userId"))
		return read_text(answer, value, &out->user);
	if (jscan_is_nocase(name, "subprotocol"))
		return read_text(answer, value, &out->subprotocol);
	if (jscan_is_nocase(name, "groups"))
		return read_texts(answer, value, &answer->groups,
		    &out->group_count);
	if (!jscan_is_nocase(name, "roles"))
		return WPS_OK;
	out->has_roles = true;
	return read_texts(answer, value, &answer->roles, &out->role_count);
}

static void
read_members(struct answer *answer, struct wps_span object)
{
	struct jscan scan;
	struct jscan_value name, value;

	jscan_begin_object(&scan, object);
	while (jscan_member(&scan, &name, &value) == WPS_OK) {
		int rc = read_member(answer, &name, &value);
		if (rc != WPS_OK) {
			fail(answer, rc, rc == WPS_ENOMEM ? no_memory :
			    "a member has the wrong type");
			return;
		}
	}
	for (size_t i = 0; i < answer->out.group_count; i++) {
		if (!name_group_valid(answer->groups[i])) {
			fail(answer, WPS_EPROTO, "a group has no valid name");
			return;
		}
	}
	answer->out.roles = answer->roles;
	answer->out.groups = answer->groups;
}

static void
read_connect(struct answer *answer, struct wps_span body)
{
	struct jscan_value value;

	answer->out.result = WPS_OK;
	if (body.len == 0)
		return;
	if (!utf8_valid(body) || jscan_text(body, &value) != WPS_OK) {
		fail(answer, WPS_EPROTO, "the body is not JSON");
		return;
	}
	if (value.kind == JSCAN_NULL)
		return;
	answer->texts = malloc(body.len);
	if (answer->texts == NULL)
		fail(answer, WPS_ENOMEM, no_memory);
	else if (value.kind == JSCAN_OBJECT)
		read_members(answer, value.raw);
	else
		fail(answer, WPS_EPROTO, "the body is not a JSON object");
}

/* The client gets the status; of a 4xx also what the application says. */
static void
refuse_connect(struct answer *answer, const struct transfer_answer *from)
{
	fail(answer, WPS_DECLINED, "status");
	answer->out.status = from->status;
	if (from->status >= 500) {
		answer->out.content_type = WPS_SPAN("text/plain");
		answer->out.body =
		    WPS_SPAN("The application could not accept the connection.\n");
		return;
	}
	answer->out.content_type = read_head(from->head).content_type;
	answer->out.body = from->body;
}

/* --- user events ---------------------------------------------------------------------- */

static struct wps_span
media_type(struct wps_span content_type)
{
	struct wps_span type = WPS_SPAN_NONE;

	span_next(&content_type, ';', &type);
	return span_trim(type);
}

/* Which kind of data a media type is; 0 for one that is not supported. */
static int
data_type(struct wps_span type)
{
	static const struct {
		const char *type;
		enum wps_data data;
	} types[] = {
		{ "application/octet-stream", WPS_DATA_BINARY },
		{ "text/plain", WPS_DATA_TEXT },
		{ "application/json", WPS_DATA_JSON },
		{ "application/x-protobuf", WPS_DATA_PROTOBUF },
	};

	if (type.len == 0)
		return WPS_DATA_BINARY;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (name_eq_nocase(type, wps_span_str(types[i].type)))
			return (int)types[i].data;
	}
	return 0;
}

static void
read_payload(struct answer *answer, const struct head *head,
    const struct transfer_answer *from)
{
	int type = data_type(media_type(head->content_type));

	if (type == 0) {
		fail(answer, WPS_EPROTO, "unsupported content type");
	} else if (type == WPS_DATA_JSON && !answer->nameless &&
	    !jscan_valid(from->body)) {
		fail(answer, WPS_EPROTO, "the body is not JSON");
	} else if ((type == WPS_DATA_TEXT || type == WPS_DATA_JSON) &&
	    !utf8_valid(from->body)) {
		fail(answer, WPS_EPROTO, "the text is not UTF-8");
	} else {
		answer->out.has_message = true;
		answer->out.type = (enum wps_data)type;
		answer->out.payload = from->body;
	}
}

/* What counts of a value: the text behind its last comma. */
static struct wps_span
last_item(struct wps_span value)
{
	struct wps_span item = value;

	while (span_next(&value, ',', &item))
		continue;
	return span_trim(item);
}

/* A later line of the same name replaces an earlier one. */
static void
set_metadata(struct answer *answer, struct wps_span key, struct wps_span value)
{
	struct wps_pair *pairs = answer->metadata;
	size_t i = 0;

	while (i < answer->out.metadata_count && !wps_span_eq(pairs[i].key, key))
		i++;
	pairs[i] = (struct wps_pair){ key, value };
	if (i == answer->out.metadata_count)
		answer->out.metadata_count++;
}

/* The key in lower case, kept in room that does not move. */
static struct wps_span
keep_key(struct answer *answer, struct wps_span key)
{
	char *start = answer->keys.data + answer->keys.len;

	name_lower(start, key);
	answer->keys.len += key.len;
	return (struct wps_span){ start, key.len };
}

/* client-protocols.md, section 6.11. */
static bool
metadata_valid(struct wps_span key, struct wps_span value)
{
	return name_is_token(key) && key.len <= METADATA_KEY_MAX &&
	    state_is_ascii(value) && value.len <= METADATA_VALUE_MAX;
}

static void
read_metadata(struct answer *answer, const struct head *head)
{
	struct wps_span rest = head->lines;
	struct wps_header header;
	size_t total = 0;

	if (head->metadata == 0)
		return;
	answer->metadata = must_calloc(head->metadata, sizeof(*answer->metadata));
	answer->keys.data = must_calloc(1, rest.len);
	while (head_next(&rest, &header)) {
		if (!has_prefix_nocase(header.name, metadata_prefix))
			continue;
		header.name.data += metadata_prefix.len;
		header.name.len -= metadata_prefix.len;
		struct wps_span value = last_item(header.value);
		total += header.name.len + value.len;
		if (!metadata_valid(header.name, value) ||
		    total > METADATA_TOTAL_MAX) {
			fail(answer, WPS_EPROTO, "metadata is over its limits");
			return;
		}
		set_metadata(answer, keep_key(answer, header.name), value);
	}
	answer->out.metadata = answer->metadata;
}

static void
read_user(struct answer *answer, const struct head *head,
    const struct transfer_answer *from)
{
	answer->out.result = WPS_OK;
	if (from->body.len > 0)
		read_payload(answer, head, from);
	if (answer->out.result == WPS_OK)
		read_metadata(answer, head);
	if (answer->out.metadata_count > 0 && !answer->out.has_message) {
		answer->out.has_message = true;
		answer->out.type = WPS_DATA_TEXT;
		answer->out.payload = WPS_SPAN("");
	}
}

/* --- the whole ------------------------------------------------------------------------ */

static void
read_success(struct answer *answer, enum wps_event_kind kind,
    const struct transfer_answer *from)
{
	const struct head head = read_head(from->head);

	switch (kind) {
	case WPS_EVENT_CONNECT:
		read_connect(answer, from->body);
		break;
	case WPS_EVENT_USER:
		read_user(answer, &head, from);
		break;
	case WPS_EVENT_CONNECTED:
	case WPS_EVENT_DISCONNECTED:
	case WPS_EVENT_JOINED:
	case WPS_EVENT_LEFT:
		answer->out.result = WPS_OK;
		return;
	}
	if (answer->out.result == WPS_OK)
		read_state(answer, &head);
}

void
answer_read(struct answer *answer, enum wps_event_kind kind,
    bool nameless, const struct transfer_answer *from)
{
	*answer = (struct answer){ .nameless = nameless };
	if (from->end == TRANSFER_FAILED)
		fail(answer, WPS_ESYS, from->problem);
	else if (from->end == TRANSFER_FORBIDDEN)
		fail(answer, WPS_EPROTO, from->problem);
	else if (from->end == TRANSFER_TOO_LARGE)
		fail(answer, WPS_EPROTO, "the answer is too large");
	else if (status_is_success(from->status))
		read_success(answer, kind, from);
	else if (kind == WPS_EVENT_CONNECT && from->status >= 400 &&
	    from->status <= 599)
		refuse_connect(answer, from);
	else
		fail(answer, WPS_EPROTO, "status");
	answer->out.agreed = kind == WPS_EVENT_CONNECT &&
	    status_is_success(from->status);
}

void
answer_free(struct answer *answer)
{
	free(answer->texts);
	free(answer->roles);
	free(answer->groups);
	free(answer->metadata);
	text_free(&answer->keys);
	answer->texts = NULL;
	answer->roles = answer->groups = NULL;
	answer->metadata = NULL;
}
