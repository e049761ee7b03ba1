/* SPDX-License-Identifier: MIT */
/*
 * What applications and token endpoints answer. An input is a line with what it is
 * judged as, the status and, of a transfer that was not whole, how it ended; header
 * lines, an empty line, the body. Whatever comes is read as the answer to each
 * event, to a handshake and to the request for a token; the first word only says
 * which of these is to accept it.
 */
#include "fuzz.h"

#include "plugins/cloudevents/answer.h"
#include "plugins/cloudevents/oauth.h"
#include "plugins/cloudevents/verdict.h"

#include "lib/jscan.h"
#include "lib/names.h"
#include "lib/utf8.h"

/* upstream-events.md, section 6.3; client-protocols.md, section 6.11 */
#define STATE_LIMIT 8192
#define KEY_LIMIT 256
#define VALUE_LIMIT 1024
#define METADATA_LIMIT 8192

#define TOKEN_LIMIT 16384
#define DAY_S (24 * 3600)

static bool
all_within(struct wps_span text, char first, char last, const char *others)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if ((c < first || c > last) && (c == '\0' || !strchr(others, c)))
			return false;
	}
	return true;
}

static bool
is_part(struct wps_span part, struct wps_span whole)
{
	return part.len == 0 || (part.data >= whole.data &&
	    part.data + part.len <= whole.data + whole.len);
}

static bool
has(struct wps_span text, char c)
{
	return text.len > 0 && memchr(text.data, c, text.len);
}

static void
check_head(struct wps_span head)
{
	const struct wps_span whole = head;
	struct wps_header header;

	while (head_next(&head, &header)) {
		PROMISE(header.name.len > 0 && is_part(header.name, whole));
		PROMISE(!has(header.name, ':') && !has(header.name, '\n'));
		PROMISE(is_part(header.value, whole));
		PROMISE(!has(header.value, '\n'));
		PROMISE(wps_span_eq(span_trim(header.value), header.value));
	}
}

/* The last line of that name, and how many there are. */
static size_t
find_last(struct wps_span head, struct wps_span name, struct wps_span *value_out)
{
	size_t count = 0;

	*value_out = WPS_SPAN_NONE;
	while (head_find(&head, name, value_out))
		count++;
	return count;
}

/* --- events ----------------------------------------------------------------------- */

static bool
is_blocking(enum wps_event_kind kind)
{
	return kind == WPS_EVENT_CONNECT || kind == WPS_EVENT_USER;
}

static bool
may_be(int result, enum wps_event_kind kind, const struct transfer_answer *from)
{
	if (from->end == TRANSFER_FAILED)
		return result == WPS_ESYS;
	if (from->end != TRANSFER_ANSWERED)
		return result == WPS_EPROTO;
	if (from->status >= 200 && from->status <= 299)
		return result == WPS_OK ||
		    (result == WPS_EPROTO && is_blocking(kind));
	if (kind == WPS_EVENT_CONNECT && from->status >= 400 &&
	    from->status <= 599)
		return result == WPS_DECLINED;
	return result == WPS_EPROTO;
}

static void
check_no_connect(const struct wps_answer *out)
{
	PROMISE(out->user.len == 0 && out->subprotocol.len == 0);
	PROMISE(!out->has_roles && out->role_count == 0);
	PROMISE(out->group_count == 0);
}

static void
check_no_message(const struct wps_answer *out)
{
	PROMISE(!out->has_message && out->payload.len == 0);
	PROMISE(out->metadata_count == 0);
}

static void
check_refusal(const struct wps_answer *out, const struct transfer_answer *from)
{
	PROMISE(out->status == from->status);
	if (from->status < 500) {
		PROMISE(is_part(out->content_type, from->head));
		PROMISE(wps_span_eq(out->body, from->body));
	} else {
		PROMISE(wps_span_eq(out->content_type, WPS_SPAN("text/plain")));
		PROMISE(out->body.len > 0 && !is_part(out->body, from->body));
	}
}

static void
check_failure(const struct answer *answer, const struct transfer_answer *from)
{
	const struct wps_answer *out = &answer->out;

	PROMISE(answer->problem != NULL);
	PROMISE(!answer->has_state);
	check_no_connect(out);
	check_no_message(out);
	if (out->result == WPS_DECLINED) {
		check_refusal(out, from);
		return;
	}
	PROMISE(out->status == 0);
	PROMISE(out->content_type.len == 0 && out->body.len == 0);
}

static void
check_state(const struct answer *answer, enum wps_event_kind kind,
    const struct transfer_answer *from)
{
	struct wps_span value;
	size_t lines =
	    find_last(from->head, WPS_SPAN("ce-connectionstate"), &value);

	PROMISE(answer->has_state == (lines > 0 && is_blocking(kind)));
	if (!answer->has_state)
		return;
	PROMISE(wps_span_eq(answer->state, value));
	PROMISE(answer->several_states == (lines > 1));
	PROMISE(value.len <= STATE_LIMIT);
	PROMISE(all_within(value, ' ', '~', "\t"));
}

static void
check_connect(const struct wps_answer *out)
{
	check_no_message(out);
	PROMISE(utf8_valid(out->user));
	PROMISE(utf8_valid(out->subprotocol));
	PROMISE(out->has_roles || out->role_count == 0);
	for (size_t i = 0; i < out->role_count; i++)
		PROMISE(utf8_valid(out->roles[i]));
	for (size_t i = 0; i < out->group_count; i++)
		PROMISE(name_group_valid(out->groups[i]));
}

static void
check_payload(const struct wps_answer *out, bool nameless,
    const struct transfer_answer *from)
{
	PROMISE(wps_span_eq(out->payload, from->body));
	PROMISE(out->payload.len > 0 || out->type == WPS_DATA_TEXT);
	switch (out->type) {
	case WPS_DATA_JSON:
		PROMISE(nameless || jscan_valid(out->payload));
		PROMISE(utf8_valid(out->payload));
		return;
	case WPS_DATA_TEXT:
		PROMISE(utf8_valid(out->payload));
		return;
	case WPS_DATA_BINARY:
	case WPS_DATA_PROTOBUF:
		return;
	}
	PROMISE(false);
}

static void
check_key(struct wps_span key)
{
	PROMISE(key.len <= KEY_LIMIT && name_is_token(key));
	for (size_t i = 0; i < key.len; i++)
		PROMISE(key.data[i] < 'A' || key.data[i] > 'Z');
}

static void
check_metadata(const struct wps_answer *out)
{
	const struct wps_pair *pairs = out->metadata;
	size_t total = 0;

	for (size_t i = 0; i < out->metadata_count; i++) {
		check_key(pairs[i].key);
		PROMISE(pairs[i].value.len <= VALUE_LIMIT);
		PROMISE(all_within(pairs[i].value, ' ', '~', "\t"));
		PROMISE(!has(pairs[i].value, ','));
		total += pairs[i].key.len + pairs[i].value.len;
		for (size_t k = 0; k < i; k++)
			PROMISE(!wps_span_eq(pairs[i].key, pairs[k].key));
	}
	PROMISE(total <= METADATA_LIMIT);
}

static void
check_user(const struct wps_answer *out, bool nameless,
    const struct transfer_answer *from)
{
	check_no_connect(out);
	PROMISE(out->has_message ==
	    (from->body.len > 0 || out->metadata_count > 0));
	if (!out->has_message)
		return;
	check_payload(out, nameless, from);
	check_metadata(out);
}

static void
check_success(const struct answer *answer, enum wps_event_kind kind,
    const struct transfer_answer *from)
{
	const struct wps_answer *out = &answer->out;

	PROMISE(out->status == 0 && out->body.len == 0);
	check_state(answer, kind, from);
	if (kind == WPS_EVENT_CONNECT) {
		check_connect(out);
	} else if (kind == WPS_EVENT_USER) {
		check_user(out, answer->nameless, from);
	} else {
		check_no_connect(out);
		check_no_message(out);
	}
}

static bool
read_event(enum wps_event_kind kind, bool nameless,
    const struct transfer_answer *from)
{
	struct answer answer;

	answer_read(&answer, kind, nameless, from);
	bool ok = answer.out.result == WPS_OK;
	PROMISE(may_be(answer.out.result, kind, from));
	if (ok)
		check_success(&answer, kind, from);
	else
		check_failure(&answer, from);
	answer_free(&answer);
	return ok;
}

/* --- handshakes and tokens -------------------------------------------------------- */

static bool
read_handshake(const struct transfer_answer *from)
{
	char hosts[] = "wps.example", endpoints[] = "wps.example:8443";
	const struct origin origin = {
		.hosts = { .data = hosts, .len = strlen(hosts) },
		.endpoints = { .data = endpoints, .len = strlen(endpoints) },
	};
	struct wps_err err = { .text = "" };
	struct wps_span value;
	size_t lines =
	    find_last(from->head, WPS_SPAN("webhook-allowed-origin"), &value);
	int rc = verdict_origin(&err, &origin, from->head);

	PROMISE(rc == WPS_OK || rc == WPS_DECLINED);
	PROMISE(rc == WPS_DECLINED || lines > 0);
	PROMISE((rc == WPS_OK) == (err.text[0] == '\0'));
	return rc == WPS_OK;
}

static bool
read_token(const struct transfer_answer *from)
{
	struct text token = { .data = NULL };
	uint64_t seconds = 0;
	int rc = oauth_read_token(from->body, &token, &seconds);

	PROMISE(rc == WPS_OK || rc == WPS_DECLINED);
	PROMISE((rc == WPS_OK) == (token.len > 0));
	PROMISE(token.len <= TOKEN_LIMIT);
	PROMISE(all_within(text_span(&token), '!', '~', ""));
	PROMISE(rc != WPS_OK || (seconds >= 1 && seconds <= DAY_S));
	text_free(&token);
	return rc == WPS_OK;
}

static bool
read_error(const struct transfer_answer *from)
{
	char name[OAUTH_ERROR_MAX + 1];

	memset(name, 'x', sizeof(name));
	oauth_read_error(from->body, name, sizeof(name));
	PROMISE(memchr(name, '\0', sizeof(name)));
	PROMISE(all_within(wps_span_str(name), 'a', 'z', "_"));
	return name[0] != '\0';
}

/* --- the input -------------------------------------------------------------------- */

static bool
is_word(struct wps_span text, const char *word)
{
	return wps_span_eq(text, wps_span_str(word));
}

static void
read_end(struct transfer_answer *answer, struct wps_span line)
{
	struct wps_span status = fuzz_cut(&line, ' ');

	for (size_t i = 0; i < status.len && i < 3; i++) {
		char c = status.data[i];
		if (c >= '0' && c <= '9')
			answer->status = answer->status * 10 + c - '0';
	}
	answer->problem = "problem";
	if (is_word(line, "failed"))
		answer->end = TRANSFER_FAILED;
	else if (is_word(line, "forbidden"))
		answer->end = TRANSFER_FORBIDDEN;
	else if (is_word(line, "too-large"))
		answer->end = TRANSFER_TOO_LARGE;
	else
		answer->end = TRANSFER_ANSWERED;
}

/* A copy with not a byte to spare, so that reading beyond it is found. */
static struct wps_span
copy(const char *from, size_t len)
{
	char *room = malloc(len ? len : 1);

	PROMISE(room != NULL);
	memcpy(room, from, len);
	return (struct wps_span){ room, len };
}

static void
read_input(struct transfer_answer *answer, struct wps_span text)
{
	const char *head = text.data, *end = head;
	struct wps_span line;

	while (text.len > 0) {
		end = text.data;
		line = fuzz_cut(&text, '\n');
		if (line.len == 0 || wps_span_eq(line, WPS_SPAN("\r")))
			break;
		end = text.data;
	}
	answer->head = copy(head, (size_t)(end - head));
	answer->body = copy(text.data, text.len);
}

/* As the answer to everything; whether what is called `name` accepts it. */
static bool
read_all(struct wps_span name, const struct transfer_answer *from)
{
	static const struct {
		const char *name;
		enum wps_event_kind kind;
	} events[] = {
		{ "connect", WPS_EVENT_CONNECT },
		{ "connected", WPS_EVENT_CONNECTED },
		{ "disconnected", WPS_EVENT_DISCONNECTED },
		{ "joined", WPS_EVENT_JOINED },
		{ "left", WPS_EVENT_LEFT },
		{ "user", WPS_EVENT_USER },
	};
	static const struct {
		const char *name;
		bool (*read)(const struct transfer_answer *from);
	} others[] = {
		{ "handshake", read_handshake },
		{ "token", read_token },
		{ "error", read_error },
	};
	bool accepted = false;

	check_head(from->head);
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
		bool ok = read_event(events[i].kind, false, from);
		bool nameless = read_event(events[i].kind, true, from);
		PROMISE(nameless || !ok);
		accepted |= ok && is_word(name, events[i].name);
		accepted |= nameless && events[i].kind == WPS_EVENT_USER &&
		    is_word(name, "nameless");
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		accepted |= others[i].read(from) && is_word(name, others[i].name);
	return accepted;
}

bool
fuzz_accepts(struct wps_span text)
{
	struct transfer_answer answer = { .status = 0 };
	struct wps_span line = fuzz_cut(&text, '\n');
	struct wps_span name = fuzz_cut(&line, ' ');

	read_end(&answer, line);
	read_input(&answer, text);
	bool accepted = read_all(name, &answer);
	free((char *)(uintptr_t)answer.head.data);
	free((char *)(uintptr_t)answer.body.data);
	return accepted;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		(void)fuzz_accepts((struct wps_span){ (const char *)data, size });
	return 0;
}
