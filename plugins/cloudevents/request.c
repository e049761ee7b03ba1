/* SPDX-License-Identifier: MIT */
/*
 * Requests: headers and bodies of events. See request.h.
 */
#include "request.h"

#include "template.h"

#include "lib/names.h"

#include <jansson.h>
#include <stdlib.h>

static const struct {
	const char *name;   /* in the log and, of system events, in the headers */
	const char *prefix; /* of ce-type */
} kinds[] = {
	[WPS_EVENT_CONNECT] = { "connect", "azure.webpubsub.sys." },
	[WPS_EVENT_CONNECTED] = { "connected", "azure.webpubsub.sys." },
	[WPS_EVENT_DISCONNECTED] = { "disconnected", "azure.webpubsub.sys." },
	[WPS_EVENT_USER] = { "user", "azure.webpubsub.user." },
	[WPS_EVENT_JOINED] = { "joined", "azure.webpubsub.gp." },
	[WPS_EVENT_LEFT] = { "left", "azure.webpubsub.gp." },
};

/* Of user events, by the type of their data; 0: of all others. Not const because
 * libcurl's list is not; it only reads it. */
static char content_lines[][48] = {
	"Content-Type: application/json; charset=utf-8",
	[WPS_DATA_TEXT] = "Content-Type: text/plain",
	[WPS_DATA_JSON] = "Content-Type: application/json",
	[WPS_DATA_BINARY] = "Content-Type: application/octet-stream",
	[WPS_DATA_PROTOBUF] = "Content-Type: application/x-protobuf",
};

#define SCRATCH_KEEP (64 * 1024) /* bytes that stay between requests */

struct place {
	size_t at, len;
};

/* A request that is being written, in the worker's scratch: its URL, the URL of
 * the handshake, header lines, body. Places, because the text may move. */
struct draft {
	struct text *text;
	size_t check, block, body; /* where these begin */
	struct place hub, conn, event;
};

const char *
event_kind_name(enum wps_event_kind kind)
{
	return kinds[kind].name;
}

static struct wps_span
event_name(const struct wps_event *event)
{
	return event->kind == WPS_EVENT_USER ? event->name :
	    wps_span_str(kinds[event->kind].name);
}

/* --- header lines ------------------------------------------------------------- */

static bool
is_printable(struct wps_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < ' ' || text.data[i] > '~')
			return false;
	}
	return true;
}

/* A name that is the same before and behind a header line: printable ASCII, no
 * blank at its ends. */
static bool
name_is_sendable(struct wps_span name)
{
	return name.len > 0 && is_printable(name) && name.data[0] != ' ' &&
	    name.data[name.len - 1] != ' ';
}

static void
end_line(struct text *lines)
{
	text_add(lines, WPS_SPAN("\r\n"));
}

static void
add_line(struct text *lines, struct wps_span name, struct wps_span value)
{
	text_add(lines, name);
	text_add(lines, value.len ? WPS_SPAN(": ") : WPS_SPAN(":"));
	text_add(lines, value);
	end_line(lines);
}

/* What would break the line is encoded always; as CloudEvents has it, all that is
 * not printable ASCII, and blanks, quotes and percent signs. */
static bool
needs_encoding(char c, enum handler_encoding encoding)
{
	if (encoding == ENCODING_CLOUDEVENTS)
		return c <= ' ' || c > '~' || c == '"' || c == '%';
	return c == '\r' || c == '\n' || c == '\0';
}

static void
add_encoded(struct text *lines, enum handler_encoding encoding,
    struct wps_span value)
{
	size_t plain = 0; /* begins what stays as it is */

	for (size_t i = 0; i < value.len; i++) {
		if (!needs_encoding(value.data[i], encoding))
			continue;
		text_add(lines, (struct wps_span){ value.data + plain, i - plain });
		text_add_char(lines, '%');
		text_add_hex(lines, value.data[i], "0123456789ABCDEF");
		plain = i + 1;
	}
	text_add(lines,
	    (struct wps_span){ value.data + plain, value.len - plain });
}

/* Ids come from applications and clients: their bytes are sent as they are,
 * unless the handler wants them encoded. Returns where the value stands. */
static struct place
add_id_line(struct text *lines, const struct request_facts *facts,
    struct wps_span name, struct wps_span id)
{
	text_add(lines, name);
	text_add(lines, WPS_SPAN(": "));
	size_t at = lines->len;
	add_encoded(lines, facts->handler->encoding, id);
	struct place place = { at, lines->len - at };
	end_line(lines);
	return place;
}

static void
add_type(struct text *lines, const struct request_facts *facts,
    const struct wps_event *event)
{
	text_add(lines, WPS_SPAN("ce-type: "));
	text_add(lines, wps_span_str(kinds[event->kind].prefix));
	add_encoded(lines, facts->handler->encoding, event_name(event));
	end_line(lines);
}

static void
add_source(struct text *lines, const struct request_facts *facts,
    const struct wps_conn_view *conn)
{
	text_add(lines, WPS_SPAN("ce-source: /hubs/"));
	text_add(lines, conn->hub);
	text_add(lines, WPS_SPAN("/client/"));
	add_encoded(lines, facts->handler->encoding, conn->id);
	end_line(lines);
}

static void
add_number_line(struct text *lines, struct wps_span before, uint64_t number)
{
	text_add(lines, before);
	text_add_number(lines, number);
	end_line(lines);
}

/* One item per access key, the primary first; no line where keys are off. */
static void
add_signature(struct text *lines, const struct request_facts *facts,
    struct wps_span id)
{
	struct signature *signature = facts->signature;
	bool any = false;

	for (unsigned key = 0; key < 2 && !signature->made; key++)
		signature->has[key] = facts->host->sign(facts->self, key, id,
		    signature->mac[key]) == WPS_OK;
	signature->made = true;
	for (unsigned key = 0; key < 2; key++) {
		if (!signature->has[key])
			continue;
		text_add(lines, any ? WPS_SPAN(",sha256=") :
		    WPS_SPAN("ce-signature: sha256="));
		for (size_t i = 0; i < sizeof(signature->mac[key]); i++)
			text_add_hex(lines, (char)signature->mac[key][i],
			    "0123456789abcdef");
		any = true;
	}
	if (any)
		end_line(lines);
}

static void
add_connection(struct draft *draft, const struct request_facts *facts,
    const struct wps_event *event)
{
	const struct wps_conn_view *conn = facts->host->conn_view(event->conn);
	struct text *lines = draft->text;

	add_signature(lines, facts, conn->id);
	draft->hub = add_id_line(lines, facts, WPS_SPAN("ce-hub"), conn->hub);
	draft->conn = add_id_line(lines, facts, WPS_SPAN("ce-connectionId"),
	    conn->id);
	draft->event = add_id_line(lines, facts, WPS_SPAN("ce-eventName"),
	    event_name(event));
	if (conn->user.len > 0)
		add_id_line(lines, facts, WPS_SPAN("ce-userId"), conn->user);
	if (conn->subprotocol.len > 0 && event->kind != WPS_EVENT_CONNECT)
		add_id_line(lines, facts, WPS_SPAN("ce-subprotocol"),
		    conn->subprotocol);
	if (facts->state.len > 0)
		add_id_line(lines, facts, WPS_SPAN("ce-connectionState"),
		    facts->state);
}

/* Whether a later entry has the same key: of those, the last counts. */
static bool
is_replaced(const struct wps_event *event, size_t i)
{
	for (size_t k = i + 1; k < event->metadata_count; k++) {
		if (name_eq_nocase(event->metadata[i].key, event->metadata[k].key))
			return true;
	}
	return false;
}

static int
add_metadata(struct text *lines, const struct wps_event *event)
{
	if (event->metadata_count > REQUEST_METADATA_MAX)
		return WPS_EINVAL;
	for (size_t i = 0; i < event->metadata_count; i++) {
		const struct wps_pair *pair = &event->metadata[i];
		if (!name_is_token(pair->key) || !is_printable(pair->value))
			return WPS_EINVAL;
		if (is_replaced(event, i))
			continue;
		text_add(lines, WPS_SPAN("x-webpubsub-metadata-"));
		text_add_lower(lines, pair->key);
		add_line(lines, WPS_SPAN(""), pair->value);
	}
	return WPS_OK;
}

static bool
is_sendable(const struct request_facts *facts, const struct wps_event *event)
{
	const struct wps_conn_view *conn = facts->host->conn_view(event->conn);

	if (facts->handler->encoding == ENCODING_UTF8 &&
	    (!name_is_sendable(event_name(event)) ||
	     !is_printable(conn->subprotocol)))
		return false;
	return event_name(event).len > 0 && is_printable(conn->hub);
}

static int
add_lines(struct draft *draft, const struct request_facts *facts,
    const struct wps_event *event)
{
	const struct wps_conn_view *conn = facts->host->conn_view(event->conn);
	struct text *lines = draft->text;

	if (!is_sendable(facts, event))
		return WPS_EINVAL;
	draft->block = lines->len;
	add_line(lines, WPS_SPAN("WebHook-Request-Origin"), facts->origin);
	text_add(lines, WPS_SPAN("ce-awpsversion: 1.0\r\nce-specversion: 1.0\r\n"));
	add_type(lines, facts, event);
	add_source(lines, facts, conn);
	add_number_line(lines, WPS_SPAN("ce-id: "), facts->event_id);
	add_line(lines, WPS_SPAN("ce-time"), facts->time);
	add_connection(draft, facts, event);
	text_add(lines, WPS_SPAN("x-ms-client-request-id: "));
	text_add(lines, facts->series);
	add_number_line(lines, WPS_SPAN("-"), facts->number);
	text_add(lines, wps_span_str(facts->user_agent));
	end_line(lines);
	if (add_metadata(lines, event) != WPS_OK)
		return WPS_EINVAL;
	/* libcurl ends each item of its list itself. */
	lines->len -= 2;
	text_add_char(lines, '\0');
	return WPS_OK;
}

/* --- bodies --------------------------------------------------------------------- */

static struct wps_span
cut_reason(struct wps_span reason)
{
	if (reason.len > REQUEST_REASON_MAX) {
		reason.len = REQUEST_REASON_MAX;
		while (reason.len > 0 && (reason.data[reason.len] & 0xc0) == 0x80)
			reason.len--;
	}
	return reason;
}

/* {"<name>":"<value>"} */
static int
member_body(const char *name, struct wps_span value, struct text *out)
{
	json_t *body = json_pack("{s:s%}", name,
	    value.len ? value.data : "", value.len);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	if (text == NULL)
		return WPS_EINVAL;
	text_add(out, wps_span_str(text));
	free(text);
	return WPS_OK;
}

/* The bodies that are not the event's own payload. */
static int
add_body(struct text *out, const struct handler *handler,
    const struct wps_event *event)
{
	switch (event->kind) {
	case WPS_EVENT_CONNECT:
		return connect_body_make(event->handshake,
		    handler->client_tokens, out);
	case WPS_EVENT_CONNECTED:
		text_add(out, WPS_SPAN("{}"));
		return WPS_OK;
	case WPS_EVENT_DISCONNECTED:
		return member_body("reason", cut_reason(event->reason), out);
	case WPS_EVENT_JOINED:
	case WPS_EVENT_LEFT:
		return member_body("group", event->group, out);
	case WPS_EVENT_USER:
		return WPS_OK;
	}
	return WPS_EINVAL;
}

/* --- the whole -------------------------------------------------------------------- */

static int
write_draft(struct draft *draft, const struct request_facts *facts,
    const struct wps_event *event)
{
	const struct handler *handler = facts->handler;
	struct wps_span hub = facts->host->conn_view(event->conn)->hub;
	struct text *text = draft->text;
	int rc = template_expand(text_span(&handler->url), hub,
	    event_name(event), text);

	draft->check = text->len;
	if (rc == WPS_OK && handler->validation)
		rc = template_expand(text_span(&handler->url), hub,
		    WPS_SPAN("validate"), text);
	if (rc == WPS_OK)
		rc = add_lines(draft, facts, event);
	draft->body = text->len;
	if (rc == WPS_OK)
		rc = add_body(text, handler, event);
	return rc == WPS_OK && text->failed ? WPS_ENOMEM : rc;
}

static struct wps_span
span_at(const char *bytes, struct place place)
{
	return (struct wps_span){ bytes + place.at, place.len };
}

/*
 * What libcurl has to know stands in items of its own: the content type, and the
 * two lines that it would add itself. All others are one item, which it passes on
 * verbatim (CURLOPT_HTTPHEADER(3)) instead of looking at each.
 */
static void
list_lines(struct request *request, const struct wps_event *event, char *block)
{
	static char accept[] = "Accept:", expect[] = "Expect:";
	char *const items[REQUEST_ITEMS] = {
		content_lines[event->kind == WPS_EVENT_USER ? event->type : 0],
		accept, expect, block,
	};

	for (size_t i = 0; i < REQUEST_ITEMS; i++)
		request->headers[i] = (struct curl_slist){
			.data = items[i],
			.next = i + 1 < REQUEST_ITEMS ?
			    &request->headers[i + 1] : NULL,
		};
}

static int
fill(struct request *request, const struct draft *draft,
    const struct wps_event *event)
{
	const struct text *text = draft->text;
	struct wps_span payload = event->kind == WPS_EVENT_USER ?
	    event->payload : WPS_SPAN_NONE;
	char *bytes = malloc(text->len + payload.len);

	if (bytes == NULL)
		return WPS_ENOMEM;
	memcpy(bytes, text->data, text->len);
	if (payload.len > 0)
		memcpy(bytes + text->len, payload.data, payload.len);
	request->bytes = bytes;
	request->url = bytes;
	request->check = bytes + draft->check;
	request->hub = span_at(bytes, draft->hub);
	request->conn = span_at(bytes, draft->conn);
	request->event = span_at(bytes, draft->event);
	request->body = (struct wps_span){ bytes + draft->body,
		text->len - draft->body + payload.len };
	list_lines(request, event, bytes + draft->block);
	return WPS_OK;
}

int
request_make(struct request *request, const struct request_facts *facts,
    const struct wps_event *event)
{
	struct draft draft = { .text = facts->scratch };

	int rc = write_draft(&draft, facts, event);
	if (rc == WPS_OK)
		rc = fill(request, &draft, event);
	if (draft.text->failed || draft.text->cap > SCRATCH_KEEP)
		text_free(draft.text);
	else
		text_empty(draft.text);
	return rc;
}

void
request_free(struct request *request)
{
	/* The URL and the header lines; a payload may be long. */
	if (request->bytes)
		explicit_bzero(request->bytes,
		    (size_t)(request->body.data - request->bytes));
	free(request->bytes);
	request->bytes = NULL;
}
