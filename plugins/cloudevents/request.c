/* SPDX-License-Identifier: MIT */
/*
 * Requests: headers and bodies of events. See request.h.
 */
#include "request.h"

#include "template.h"

#include "lib/utf8.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

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

static const char *const content_types[] = {
	[WPS_DATA_TEXT] = "text/plain",
	[WPS_DATA_JSON] = "application/json",
	[WPS_DATA_BINARY] = "application/octet-stream",
	[WPS_DATA_PROTOBUF] = "application/x-protobuf",
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

/* libcurl sends a header without value only when it is written like this. */
static void
add_line(struct text *lines, const char *name, struct wps_span value)
{
	text_add(lines, wps_span_str(name));
	text_add(lines, value.len ? WPS_SPAN(": ") : WPS_SPAN(";"));
	text_add(lines, value);
	text_add_char(lines, '\0');
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
	for (size_t i = 0; i < value.len; i++) {
		if (needs_encoding(value.data[i], encoding))
			text_printf(lines, "%%%02X",
			    (unsigned char)value.data[i]);
		else
			text_add_char(lines, value.data[i]);
	}
}

/* Ids come from applications and clients: their bytes are sent as they are,
 * unless the handler wants them encoded. */
static void
add_id_line(struct text *lines, const struct request_facts *facts,
    const char *name, struct wps_span id)
{
	text_add(lines, wps_span_str(name));
	text_add(lines, WPS_SPAN(": "));
	add_encoded(lines, facts->handler->encoding, id);
	text_add_char(lines, '\0');
}

static void
add_type(struct text *lines, const struct request_facts *facts,
    const struct wps_event *event)
{
	text_add(lines, WPS_SPAN("ce-type: "));
	text_add(lines, wps_span_str(kinds[event->kind].prefix));
	add_encoded(lines, facts->handler->encoding, event_name(event));
	text_add_char(lines, '\0');
}

static void
add_source(struct text *lines, const struct request_facts *facts,
    const struct wps_conn_view *conn)
{
	text_add(lines, WPS_SPAN("ce-source: /hubs/"));
	text_add(lines, conn->hub);
	text_add(lines, WPS_SPAN("/client/"));
	add_encoded(lines, facts->handler->encoding, conn->id);
	text_add_char(lines, '\0');
}

static void
add_time(struct text *lines)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	add_line(lines, "ce-time", wps_span_str(text));
}

/* One item per access key, the primary first; no line where keys are off. */
static void
add_signature(struct text *lines, const struct request_facts *facts,
    struct wps_span id)
{
	struct text value = { .data = NULL };
	uint8_t mac[32];

	for (unsigned key = 0; key < 2; key++) {
		if (facts->host->sign(facts->self, key, id, mac) != WPS_OK)
			continue;
		text_add(&value, value.len ? WPS_SPAN(",sha256=") :
		    WPS_SPAN("sha256="));
		for (size_t i = 0; i < sizeof(mac); i++)
			text_printf(&value, "%02x", mac[i]);
	}
	if (value.len > 0)
		add_line(lines, "ce-signature", text_span(&value));
	lines->failed |= value.failed;
	text_free(&value);
}

static const char *
content_type(const struct wps_event *event)
{
	return event->kind == WPS_EVENT_USER ? content_types[event->type] :
	    "application/json; charset=utf-8";
}

static void
add_connection(struct text *lines, const struct request_facts *facts,
    const struct wps_event *event)
{
	const struct wps_conn_view *conn = facts->host->conn_view(event->conn);

	add_signature(lines, facts, conn->id);
	add_line(lines, "ce-hub", conn->hub);
	add_id_line(lines, facts, "ce-connectionId", conn->id);
	add_id_line(lines, facts, "ce-eventName", event_name(event));
	if (conn->user.len > 0)
		add_id_line(lines, facts, "ce-userId", conn->user);
	if (conn->subprotocol.len > 0 && event->kind != WPS_EVENT_CONNECT)
		add_id_line(lines, facts, "ce-subprotocol", conn->subprotocol);
	if (facts->state.len > 0)
		add_id_line(lines, facts, "ce-connectionState", facts->state);
}

/* Whether a later entry has the same key: of those, the last counts. */
static bool
is_replaced(const struct wps_event *event, size_t i)
{
	for (size_t k = i + 1; k < event->metadata_count; k++) {
		if (span_eq_nocase(event->metadata[i].key, event->metadata[k].key))
			return true;
	}
	return false;
}

static bool
is_token(struct wps_span text)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') ||
		    (c != '\0' && strchr(others, c) != NULL)))
			return false;
	}
	return text.len > 0;
}

static int
add_metadata(struct text *lines, const struct wps_event *event)
{
	if (event->metadata_count > REQUEST_METADATA_MAX)
		return WPS_EINVAL;
	for (size_t i = 0; i < event->metadata_count; i++) {
		const struct wps_pair *pair = &event->metadata[i];
		if (!is_token(pair->key) || !is_printable(pair->value))
			return WPS_EINVAL;
		if (is_replaced(event, i))
			continue;
		struct text name = { .data = NULL };
		text_add(&name, WPS_SPAN("x-webpubsub-metadata-"));
		for (size_t k = 0; k < pair->key.len; k++) {
			char c = pair->key.data[k];
			text_add_char(&name, c >= 'A' && c <= 'Z' ? c + 32 : c);
		}
		text_add_char(&name, '\0');
		if (!name.failed)
			add_line(lines, name.data, pair->value);
		lines->failed |= name.failed;
		text_free(&name);
	}
	return WPS_OK;
}

static int
add_lines(struct text *lines, const struct request_facts *facts,
    const struct wps_event *event)
{
	const struct wps_conn_view *conn = facts->host->conn_view(event->conn);

	if (facts->handler->encoding == ENCODING_UTF8 &&
	    (!name_is_sendable(event_name(event)) ||
	     !is_printable(conn->subprotocol)))
		return WPS_EINVAL;
	if (event_name(event).len == 0 || !is_printable(conn->hub))
		return WPS_EINVAL;

	add_line(lines, "Content-Type", wps_span_str(content_type(event)));
	add_line(lines, "WebHook-Request-Origin", facts->origin);
	add_line(lines, "ce-awpsversion", WPS_SPAN("1.0"));
	add_line(lines, "ce-specversion", WPS_SPAN("1.0"));
	add_type(lines, facts, event);
	add_source(lines, facts, conn);
	text_printf(lines, "ce-id: %llu", (unsigned long long)facts->event_id);
	text_add_char(lines, '\0');
	add_time(lines);
	add_connection(lines, facts, event);
	text_printf(lines, "x-ms-client-request-id: %016llx-%llu",
	    (unsigned long long)facts->series,
	    (unsigned long long)facts->number);
	text_add_char(lines, '\0');
	text_add(lines, wps_span_str(facts->user_agent));
	text_add_char(lines, '\0');
	/* What libcurl would add by itself. */
	text_add(lines, (struct wps_span){ "Accept:\0Expect:", 16 });
	return add_metadata(lines, event);
}

/* libcurl only reads its list: nodes over our lines spare a copy of each. */
static struct curl_slist *
list_lines(struct text *lines)
{
	size_t count = 0;

	for (size_t i = 0; i < lines->len; i++)
		count += lines->data[i] == '\0';
	struct curl_slist *nodes = must_calloc(count, sizeof(*nodes));
	char *line = lines->data;
	for (size_t i = 0; i < count; i++) {
		nodes[i].data = line;
		nodes[i].next = i + 1 < count ? &nodes[i + 1] : NULL;
		line += strlen(line) + 1;
	}
	return nodes;
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

static int
make_body(struct text *out, const struct wps_event *event)
{
	switch (event->kind) {
	case WPS_EVENT_CONNECT:
		return connect_body_make(event->handshake, out);
	case WPS_EVENT_CONNECTED:
		text_add(out, WPS_SPAN("{}"));
		return WPS_OK;
	case WPS_EVENT_DISCONNECTED:
		return member_body("reason", cut_reason(event->reason), out);
	case WPS_EVENT_JOINED:
	case WPS_EVENT_LEFT:
		return member_body("group", event->group, out);
	case WPS_EVENT_USER:
		text_add(out, event->payload);
		return WPS_OK;
	}
	return WPS_EINVAL;
}

/* --- the whole -------------------------------------------------------------------- */

int
request_make(struct request *request, const struct request_facts *facts,
    const struct wps_event *event)
{
	const struct handler *handler = facts->handler;
	struct wps_span hub = facts->host->conn_view(event->conn)->hub;
	int rc = add_lines(&request->lines, facts, event);

	if (rc == WPS_OK)
		rc = template_expand(text_span(&handler->url), hub, event_name(event),
		    &request->url);
	if (rc == WPS_OK && handler->validation)
		rc = template_expand(text_span(&handler->url), hub, WPS_SPAN("validate"),
		    &request->check);
	if (rc == WPS_OK)
		rc = make_body(&request->body, event);
	if (rc != WPS_OK)
		return rc;
	if (request->lines.failed || request->body.failed)
		return WPS_ENOMEM;
	request->headers = list_lines(&request->lines);
	return WPS_OK;
}

void
request_free(struct request *request)
{
	text_free(&request->url);
	text_free(&request->check);
	text_free(&request->lines);
	text_free(&request->body);
	free(request->headers);
	request->headers = NULL;
}
