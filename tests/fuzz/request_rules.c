/* SPDX-License-Identifier: MIT */
#include "request_rules.h"

#include "fuzz.h"

#include "plugins/webpubsub/any.h"
#include "plugins/webpubsub/dictionary.h"
#include "plugins/webpubsub/json_codec.h"
#include "plugins/webpubsub/metadata.h"
#include "plugins/webpubsub/protobuf_codec.h"
#include "plugins/webpubsub/wire.h"

#include "lib/jscan.h"
#include "lib/names.h"
#include "lib/utf8.h"

static void
check_metadata(const struct request *request)
{
	size_t total = 0;

	for (size_t i = 0; i < request->metadata_count; i++) {
		const struct wps_pair *pair = &request->metadata[i];
		PROMISE(pair->key.len >= 1 && pair->key.len <= METADATA_KEY_MAX);
		PROMISE(pair->value.len <= METADATA_VALUE_MAX);
		total += pair->key.len + pair->value.len;
		for (size_t k = 0; k < i; k++)
			PROMISE(!wps_span_eq(pair->key, request->metadata[k].key));
	}
	PROMISE(total <= METADATA_TOTAL_MAX);
}

static void
check_payload(const struct request *request)
{
	struct jscan_value value;

	switch (request->type) {
	case WPS_DATA_JSON:
		PROMISE(jscan_text(request->payload, &value) == WPS_OK);
		PROMISE(value.kind != JSCAN_NULL);
		return;
	case WPS_DATA_TEXT:
		PROMISE(utf8_valid(request->payload));
		return;
	case WPS_DATA_BINARY:
		return;
	case WPS_DATA_PROTOBUF:
		PROMISE(any_valid(request->payload));
		return;
	}
	PROMISE(false);
}

static struct wps_span
write(const struct codec *codec, const struct reply *reply)
{
	struct out measured = { .at = NULL };

	codec->write(&measured, reply);
	char *room = malloc(measured.size);
	PROMISE(room);
	struct out written = { .at = room };
	codec->write(&written, reply);
	PROMISE(written.at == room + measured.size);
	return (struct wps_span){ room, measured.size };
}

/* One such member of the envelope and nothing else. */
static void
check_protobuf(struct wps_span written, uint32_t member)
{
	struct wire_field field;

	PROMISE(wire_next(&written, &field) == WPS_OK);
	PROMISE(field.type == WIRE_BYTES && field.number == member);
	PROMISE(written.len == 0);
	while (field.bytes.len > 0) {
		struct wire_field inner;
		PROMISE(wire_next(&field.bytes, &inner) == WPS_OK);
		PROMISE(inner.type == WIRE_BYTES);
	}
}

static void
check_reply(const struct reply *reply, uint32_t member)
{
	struct wps_span json = write(&json_codec, reply);
	PROMISE(jscan_valid(json) && utf8_valid(json));
	struct wps_span protobuf = write(&protobuf_codec, reply);
	check_protobuf(protobuf, member);
	free((char *)(uintptr_t)json.data);
	free((char *)(uintptr_t)protobuf.data);
}

static void
check_written(const struct request *request, enum wps_from from)
{
	struct wps_msg_view view = {
		.type = request->type, .from = from, .group = request->name,
		.payload = request->payload, .metadata = request->metadata,
		.metadata_count = request->metadata_count,
	};

	check_reply(&(struct reply){ .kind = REPLY_MESSAGE, .msg = &view }, 2);
}

static void
check_content(const struct request *request)
{
	PROMISE(request->ttl_s <= 300);
	check_payload(request);
	check_metadata(request);
	check_written(request, WPS_FROM_GROUP);
	check_written(request, WPS_FROM_SERVER);
}

static void
check_invocation(const struct request *request)
{
	PROMISE(!request->has_ack);
	PROMISE(id_valid(request->invocation));
}

static void
check_stream(const struct request *request)
{
	PROMISE(!request->has_ack);
	PROMISE(utf8_valid(request->stream.id));
	PROMISE(utf8_valid(request->stream.error_message));
	PROMISE(utf8_valid(request->stream.error_code));
	if (request->stream.invalid)
		return;
	PROMISE(id_valid(request->stream.id));
	if (request->kind == REQUEST_STREAM_START)
		PROMISE(request->stream.idle_ms > 0);
	if (request->kind == REQUEST_STREAM_DATA)
		check_payload(request);
}

/* A state can be told as it is: its size is right, no key is there twice. */
static void
check_state(const struct request *request)
{
	const struct request_state *state = &request->state;
	const struct wps_state item = {
		.conn = WPS_SPAN("id"), .entries = state->entries,
		.entry_count = state->count, .cleared = state->cleared,
		.updated_ms = 1,
	};
	const struct wps_states states = { .items = &item, .count = 1 };
	const struct wps_msg_view view = {
		.from = WPS_FROM_GROUP, .group = request->name, .states = &states,
	};
	size_t size = 0;

	if (state->size == SIZE_MAX || state->cleared) {
		PROMISE(state->count == 0);
		return;
	}
	for (size_t i = 0; i < state->count; i++) {
		size += state->entries[i].key.len + state->entries[i].value.len;
		for (size_t k = 0; k < i; k++)
			PROMISE(!wps_span_eq(state->entries[i].key,
			    state->entries[k].key));
	}
	PROMISE(size == state->size && size <= DICTIONARY_MAX);
	check_reply(&(struct reply){ .kind = REPLY_STATES, .msg = &view }, 9);
}

void
request_rules_check(const struct request *request)
{
	switch (request->kind) {
	case REQUEST_JOIN:
	case REQUEST_LEAVE:
	case REQUEST_STATE_WATCH:
	case REQUEST_STATE_UNWATCH:
		PROMISE(name_group_valid(request->name));
		return;
	case REQUEST_SEND:
		PROMISE(name_group_valid(request->name));
		check_content(request);
		return;
	case REQUEST_EVENT:
		PROMISE(name_event_valid(request->name));
		check_content(request);
		return;
	case REQUEST_INVOKE:
		check_invocation(request);
		if (request->bad_target)
			return;
		PROMISE(name_event_valid(request->name));
		check_content(request);
		return;
	case REQUEST_CANCEL:
		check_invocation(request);
		return;
	case REQUEST_STREAM_START:
	case REQUEST_STREAM_DATA:
	case REQUEST_STREAM_KEEP_ALIVE:
	case REQUEST_STREAM_END:
		check_stream(request);
		return;
	case REQUEST_STATE_SET:
		PROMISE(name_group_valid(request->name));
		check_state(request);
		return;
	case REQUEST_PING:
	case REQUEST_SEQUENCE_ACK:
	case REQUEST_INVOKE_RESPONSE:
		PROMISE(!request->has_ack);
		return;
	}
	PROMISE(false);
}
