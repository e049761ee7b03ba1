/* SPDX-License-Identifier: MIT */
/*
 * Reads a request out of JSON text without building a tree.
 *
 * One walk finds the members that any request has; a table says for each type
 * which of them it reads. What a type does not read may hold anything. Payloads
 * stay slices of the text; only what has escapes or is base64 is written anew,
 * into the scratch.
 */
#include "json_request.h"

#include "any.h"
#include "dictionary.h"
#include "metadata.h"

#include "lib/base64.h"
#include "lib/jscan.h"
#include "lib/names.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TTL_MAX_S 300

enum member {
	MEMBER_TYPE,
	MEMBER_GROUP,
	MEMBER_EVENT,
	MEMBER_DATA,
	MEMBER_DATA_TYPE,
	MEMBER_NO_ECHO,
	MEMBER_ACK_ID,
	MEMBER_TTL,
	MEMBER_METADATA,
	MEMBER_SEQUENCE_ID,
	MEMBER_INVOCATION_ID,
	MEMBER_TARGET,
	MEMBER_STREAM,
	MEMBER_STREAM_ID,
	MEMBER_STREAM_SEQUENCE_ID,
	MEMBER_ERROR,
	MEMBER_STATE,
	MEMBERS,
};

static const struct wps_span member_names[MEMBERS] = {
	[MEMBER_TYPE] = { "type", 4 },
	[MEMBER_GROUP] = { "group", 5 },
	[MEMBER_EVENT] = { "event", 5 },
	[MEMBER_DATA] = { "data", 4 },
	[MEMBER_DATA_TYPE] = { "dataType", 8 },
	[MEMBER_NO_ECHO] = { "noEcho", 6 },
	[MEMBER_ACK_ID] = { "ackId", 5 },
	[MEMBER_TTL] = { "ttlSeconds", 10 },
	[MEMBER_METADATA] = { "metadata", 8 },
	[MEMBER_SEQUENCE_ID] = { "sequenceId", 10 },
	[MEMBER_INVOCATION_ID] = { "invocationId", 12 },
	[MEMBER_TARGET] = { "target", 6 },
	[MEMBER_STREAM] = { "stream", 6 },
	[MEMBER_STREAM_ID] = { "streamId", 8 },
	[MEMBER_STREAM_SEQUENCE_ID] = { "streamSequenceId", 16 },
	[MEMBER_ERROR] = { "error", 5 },
	[MEMBER_STATE] = { "state", 5 },
};

/* A text that is being read. */
struct reading {
	struct scratch *scratch;
	struct jscan_value members[MEMBERS]; /* kind 0: absent */
	struct request *out;
};

/* NULL when it is absent. */
static const struct jscan_value *
member(const struct reading *reading, enum member which)
{
	const struct jscan_value *value = &reading->members[which];

	return value->kind ? value : NULL;
}

static bool
is_member_name(const struct jscan_value *key, enum member which)
{
	const struct wps_span *name = &member_names[which];

	if (key->escaped)
		return jscan_is(key, name->data);
	return key->raw.len == name->len + 2 &&
	    memcmp(key->raw.data + 1, name->data, name->len) == 0;
}

/* Of members with the same name the last one counts. */
static int
find_members(struct reading *reading, struct wps_span text)
{
	struct jscan scan;
	struct jscan_value key, value;
	int rc = jscan_begin_object(&scan, text);

	while (rc == WPS_OK &&
	    (rc = jscan_member(&scan, &key, &value)) == WPS_OK) {
		for (unsigned i = 0; i < MEMBERS; i++) {
			if (is_member_name(&key, i)) {
				reading->members[i] = value;
				break;
			}
		}
	}
	return rc == WPS_NOT_FOUND ? WPS_OK : WPS_EPROTO;
}

/* --- values --------------------------------------------------------------- */

static int
read_string(struct scratch *scratch, const struct jscan_value *value,
    struct wps_span *out)
{
	if (value == NULL || value->kind != JSCAN_STRING)
		return WPS_EPROTO;
	if (!value->escaped) {
		*out = (struct wps_span){ value->raw.data + 1, value->raw.len - 2 };
		return WPS_OK;
	}
	char *text = scratch_take(scratch, value->raw.len);
	if (text == NULL)
		return WPS_ENOMEM;
	out->data = text;
	return jscan_unescape(text, value, &out->len) ? WPS_OK : WPS_EPROTO;
}

static int
read_base64(struct scratch *scratch, const struct jscan_value *value,
    struct wps_span *out)
{
	struct wps_span text;
	int rc = read_string(scratch, value, &text);

	if (rc != WPS_OK)
		return rc;
	char *bytes = scratch_take(scratch, text.len / 4 * 3);
	if (bytes == NULL)
		return WPS_ENOMEM;
	out->data = bytes;
	return base64_decode(bytes, text, &out->len) ? WPS_OK : WPS_EPROTO;
}

static int
read_bool(const struct jscan_value *value, bool *out)
{
	if (value == NULL)
		return WPS_OK;
	*out = value->kind == JSCAN_TRUE;
	return *out || value->kind == JSCAN_FALSE ? WPS_OK : WPS_EPROTO;
}

static int
read_ttl(const struct jscan_value *value, uint32_t *out)
{
	uint64_t seconds = 0;

	if (value && (!jscan_uint64(value, &seconds) || seconds > TTL_MAX_S))
		return WPS_EPROTO;
	*out = (uint32_t)seconds;
	return WPS_OK;
}

static int
read_ack(struct reading *reading)
{
	const struct jscan_value *value = member(reading, MEMBER_ACK_ID);

	reading->out->has_ack = value != NULL;
	if (value && !jscan_uint64(value, &reading->out->ack_id))
		return WPS_EPROTO;
	return WPS_OK;
}

/* --- payload and metadata ------------------------------------------------- */

static const struct {
	const char *name;
	enum wps_data type;
} data_types[] = {
	{ "json", WPS_DATA_JSON },
	{ "text", WPS_DATA_TEXT },
	{ "binary", WPS_DATA_BINARY },
	{ "protobuf", WPS_DATA_PROTOBUF },
};

static int
read_data_type(const struct jscan_value *value, enum wps_data *out)
{
	*out = WPS_DATA_JSON;
	if (value == NULL)
		return WPS_OK;
	if (value->kind != JSCAN_STRING)
		return WPS_EPROTO;
	for (size_t i = 0; i < COUNT(data_types); i++) {
		if (jscan_is_nocase(value, data_types[i].name)) {
			*out = data_types[i].type;
			return WPS_OK;
		}
	}
	return WPS_EPROTO;
}

static int
read_data(struct reading *reading, const struct jscan_value *value)
{
	struct request *out = reading->out;
	int rc;

	switch (out->type) {
	case WPS_DATA_JSON:
		out->payload = value->raw;
		return value->kind == JSCAN_NULL ? WPS_EPROTO : WPS_OK;
	case WPS_DATA_TEXT:
		return read_string(reading->scratch, value, &out->payload);
	case WPS_DATA_BINARY:
		return read_base64(reading->scratch, value, &out->payload);
	case WPS_DATA_PROTOBUF:
		rc = read_base64(reading->scratch, value, &out->payload);
		return rc == WPS_OK && !any_valid(out->payload) ? WPS_EPROTO : rc;
	}
	return WPS_EPROTO;
}

/* Takes one entry of an object of texts; what it returns ends the reading, unless
 * it is WPS_OK. */
typedef int (*add_entry_fn)(void *to, struct scratch *scratch,
    struct wps_span key, struct wps_span value);

static int
read_entries(struct scratch *scratch, const struct jscan_value *object,
    add_entry_fn add, void *to)
{
	struct jscan scan;
	struct jscan_value key, value;
	struct wps_span key_text, value_text;

	int rc = jscan_begin_object(&scan, object->raw);
	while (rc == WPS_OK &&
	    (rc = jscan_member(&scan, &key, &value)) == WPS_OK) {
		rc = read_string(scratch, &key, &key_text);
		if (rc == WPS_OK)
			rc = read_string(scratch, &value, &value_text);
		if (rc == WPS_OK)
			rc = add(to, scratch, key_text, value_text);
	}
	return rc == WPS_NOT_FOUND ? WPS_OK : rc;
}

static int
add_metadata(void *to, struct scratch *scratch, struct wps_span key,
    struct wps_span value)
{
	return metadata_add(to, scratch, key, value);
}

static int
read_metadata(struct reading *reading, const struct jscan_value *object)
{
	struct metadata metadata = { .count = 0 };
	int rc = read_entries(reading->scratch, object, add_metadata,
	    &metadata);

	if (rc != WPS_OK)
		return rc;
	rc = metadata_check_keys(&metadata, reading->scratch);
	reading->out->metadata = reading->scratch->pairs;
	reading->out->metadata_count = metadata.count;
	return rc;
}

/* Data of a type, if there is any, and metadata. */
static int
read_parts(struct reading *reading)
{
	const struct jscan_value *data = member(reading, MEMBER_DATA);
	const struct jscan_value *metadata = member(reading, MEMBER_METADATA);
	int rc = read_data_type(member(reading, MEMBER_DATA_TYPE),
	    &reading->out->type);

	reading->out->payload = WPS_SPAN("");
	if (rc == WPS_OK && metadata && metadata->kind != JSCAN_NULL)
		rc = read_metadata(reading, metadata);
	return rc == WPS_OK && data ? read_data(reading, data) : rc;
}

/* A message: data, metadata, or both; metadata alone makes it an empty text. */
static int
read_content(struct reading *reading)
{
	const struct jscan_value *metadata = member(reading, MEMBER_METADATA);
	int rc = read_parts(reading);

	if (rc != WPS_OK || member(reading, MEMBER_DATA))
		return rc;
	reading->out->type = WPS_DATA_TEXT;
	return metadata && metadata->kind != JSCAN_NULL ? WPS_OK : WPS_EPROTO;
}

/* --- requests ------------------------------------------------------------- */

static int
read_group_name(struct reading *reading)
{
	struct wps_span *name = &reading->out->name;
	int rc = read_string(reading->scratch, member(reading, MEMBER_GROUP), name);

	return rc == WPS_OK && !name_group_valid(*name) ? WPS_EPROTO : rc;
}

static int
read_membership(struct reading *reading)
{
	int rc = read_ack(reading);

	return rc == WPS_OK ? read_group_name(reading) : rc;
}

/* --- streams -------------------------------------------------------------- */

/* An id that breaks the rules is answered, so it is read as far as it goes. */
static int
read_stream_id(struct reading *reading, const struct jscan_value *value)
{
	struct request_stream *stream = &reading->out->stream;
	int rc = read_string(reading->scratch, value, &stream->id);

	if (rc == WPS_OK && !id_valid(stream->id))
		stream->invalid = true;
	return rc;
}

static int
read_idle_timeout(const struct jscan_value *value, struct request_stream *out)
{
	uint64_t ms;

	if (!jscan_uint64(value, &ms))
		return WPS_EPROTO;
	if (ms == 0 || ms > UINT32_MAX)
		out->invalid = true;
	out->idle_ms = (uint32_t)ms;
	return WPS_OK;
}

static int
read_stream_object(struct reading *reading, const struct jscan_value *object)
{
	struct request_stream *stream = &reading->out->stream;
	struct jscan scan;
	struct jscan_value key, value, id = { .kind = 0 };
	int rc = jscan_begin_object(&scan, object->raw);

	stream->idle_ms = STREAM_IDLE_MS;
	while (rc == WPS_OK &&
	    (rc = jscan_member(&scan, &key, &value)) == WPS_OK) {
		if (is_member_name(&key, MEMBER_STREAM_ID))
			id = value;
		else if (jscan_is(&key, "idleTimeoutMs"))
			rc = read_idle_timeout(&value, stream);
	}
	return rc == WPS_NOT_FOUND ? read_stream_id(reading, &id) : WPS_EPROTO;
}

/* A start has no ack id and no data of its own. */
static int
read_stream_start(struct reading *reading)
{
	const struct jscan_value *object = member(reading, MEMBER_STREAM);

	reading->out->kind = REQUEST_STREAM_START;
	reading->out->has_ack = false;
	if (member(reading, MEMBER_DATA) || member(reading, MEMBER_DATA_TYPE))
		reading->out->stream.invalid = true;
	return read_stream_object(reading, object);
}

/* Streams go to groups alone. */
static int
read_misplaced_stream(struct reading *reading)
{
	int rc = read_stream_start(reading);

	reading->out->stream.invalid = true;
	return rc;
}

/* All of a fragment, or nothing of it. */
static int
read_stream_data(struct reading *reading)
{
	const struct jscan_value *sequence =
	    member(reading, MEMBER_STREAM_SEQUENCE_ID);
	const struct jscan_value *type = member(reading, MEMBER_DATA_TYPE);
	const struct jscan_value *data = member(reading, MEMBER_DATA);
	struct request *out = reading->out;
	int rc = read_stream_id(reading, member(reading, MEMBER_STREAM_ID));

	if (rc != WPS_OK)
		return rc;
	if (!sequence && !type && !data) {
		out->kind = REQUEST_STREAM_KEEP_ALIVE;
		return WPS_OK;
	}
	if (!sequence || !type || !data) {
		out->stream.invalid = true;
		return WPS_OK;
	}
	if (!jscan_uint64(sequence, &out->stream.sequence))
		return WPS_EPROTO;
	rc = read_data_type(type, &out->type);
	return rc == WPS_OK ? read_data(reading, data) : rc;
}

static int
read_stream_error(struct reading *reading, const struct jscan_value *object)
{
	struct request_stream *stream = &reading->out->stream;
	struct jscan scan;
	struct jscan_value key, value;

	stream->has_error = true;
	int rc = jscan_begin_object(&scan, object->raw);
	while (rc == WPS_OK &&
	    (rc = jscan_member(&scan, &key, &value)) == WPS_OK) {
		if (value.kind == JSCAN_NULL)
			continue;
		if (jscan_is(&key, "message"))
			rc = read_string(reading->scratch, &value,
			    &stream->error_message);
		else if (jscan_is(&key, "userErrorCode"))
			rc = read_string(reading->scratch, &value,
			    &stream->error_code);
	}
	return rc == WPS_NOT_FOUND ? WPS_OK : rc;
}

static int
read_stream_end(struct reading *reading)
{
	const struct jscan_value *error = member(reading, MEMBER_ERROR);
	int rc = read_stream_id(reading, member(reading, MEMBER_STREAM_ID));

	if (rc != WPS_OK || error == NULL || error->kind == JSCAN_NULL)
		return rc;
	return read_stream_error(reading, error);
}

/* Whether a request opens a stream; null is the same as nothing. */
static bool
has_stream(const struct reading *reading)
{
	const struct jscan_value *stream = member(reading, MEMBER_STREAM);

	return stream && stream->kind != JSCAN_NULL;
}

/* --- more requests -------------------------------------------------------- */

static int
read_send(struct reading *reading)
{
	int rc = read_membership(reading);

	if (rc == WPS_OK)
		rc = read_bool(member(reading, MEMBER_NO_ECHO),
		    &reading->out->no_echo);
	if (rc == WPS_OK)
		rc = read_ttl(member(reading, MEMBER_TTL), &reading->out->ttl_s);
	if (rc == WPS_OK && has_stream(reading))
		return read_stream_start(reading);
	return rc == WPS_OK ? read_content(reading) : rc;
}

static int
read_event(struct reading *reading)
{
	struct wps_span *name = &reading->out->name;
	int rc = read_ack(reading);

	if (rc == WPS_OK)
		rc = read_string(reading->scratch,
		    member(reading, MEMBER_EVENT), name);
	if (rc == WPS_OK && !name_event_valid(*name))
		rc = WPS_EPROTO;
	if (rc == WPS_OK && has_stream(reading))
		return read_misplaced_stream(reading);
	return rc == WPS_OK ? read_content(reading) : rc;
}

static int
read_invocation(struct reading *reading)
{
	struct wps_span *id = &reading->out->invocation;
	int rc = read_string(reading->scratch,
	    member(reading, MEMBER_INVOCATION_ID), id);

	return rc == WPS_OK && !id_valid(*id) ? WPS_EPROTO : rc;
}

/* Without data it is an empty message of no type. */
static int
read_invoke(struct reading *reading)
{
	const struct jscan_value *target = member(reading, MEMBER_TARGET);
	struct request *out = reading->out;
	int rc = read_invocation(reading);

	if (rc != WPS_OK)
		return rc;
	out->bad_target = target && (target->kind != JSCAN_STRING ||
	    !jscan_is_nocase(target, "event"));
	if (out->bad_target)
		return WPS_OK;
	rc = read_string(reading->scratch, member(reading, MEMBER_EVENT),
	    &out->name);
	if (rc == WPS_OK && !name_event_valid(out->name))
		rc = WPS_EPROTO;
	if (rc == WPS_OK && has_stream(reading))
		return read_misplaced_stream(reading);
	if (rc == WPS_OK)
		rc = read_parts(reading);
	if (member(reading, MEMBER_DATA) == NULL)
		out->type = WPS_DATA_BINARY;
	return rc;
}

/* --- group state ---------------------------------------------------------- */

static int
add_to_state(void *to, struct scratch *scratch, struct wps_span key,
    struct wps_span value)
{
	return dictionary_add(to, scratch, key, value);
}

static int
read_state_object(struct reading *reading, const struct jscan_value *object)
{
	struct dictionary dictionary = { .count = 0 };
	int rc = read_entries(reading->scratch, object, add_to_state,
	    &dictionary);

	return rc == WPS_OK ? dictionary_end(&dictionary, reading->scratch,
	    &reading->out->state) : rc;
}

/* null is the same as nothing. */
static int
read_state_set(struct reading *reading)
{
	const struct jscan_value *state = member(reading, MEMBER_STATE);
	int rc = read_membership(reading);

	reading->out->state.cleared = !state || state->kind == JSCAN_NULL;
	return rc == WPS_OK && !reading->out->state.cleared ?
	    read_state_object(reading, state) : rc;
}

/* --- the shapes of all ------------------------------------------------------ */

static int
read_sequence_ack(struct reading *reading)
{
	const struct jscan_value *value = member(reading, MEMBER_SEQUENCE_ID);

	return value && jscan_uint64(value, &reading->out->sequence_id) ?
	    WPS_OK : WPS_EPROTO;
}

static int
read_nothing(struct reading *reading)
{
	(void)reading;
	return WPS_OK;
}

static const struct shape {
	const char *type;
	enum request_kind kind;
	int (*read)(struct reading *reading);
} shapes[] = {
	{ "sendToGroup", REQUEST_SEND, read_send },
	{ "event", REQUEST_EVENT, read_event },
	{ "joinGroup", REQUEST_JOIN, read_membership },
	{ "leaveGroup", REQUEST_LEAVE, read_membership },
	{ "ping", REQUEST_PING, read_nothing },
	{ "sequenceAck", REQUEST_SEQUENCE_ACK, read_sequence_ack },
	{ "invokeResponse", REQUEST_INVOKE_RESPONSE, read_nothing },
	{ "invoke", REQUEST_INVOKE, read_invoke },
	{ "cancelInvocation", REQUEST_CANCEL, read_invocation },
	{ "streamData", REQUEST_STREAM_DATA, read_stream_data },
	{ "streamEnd", REQUEST_STREAM_END, read_stream_end },
	{ "setGroupState", REQUEST_STATE_SET, read_state_set },
	{ "subscribeGroupState", REQUEST_STATE_WATCH, read_membership },
	{ "unsubscribeGroupState", REQUEST_STATE_UNWATCH, read_membership },
};

/* NULL when the type is absent, no text, or unknown. */
static const struct shape *
find_shape(const struct jscan_value *type)
{
	if (type == NULL || type->kind != JSCAN_STRING)
		return NULL;
	for (size_t i = 0; i < COUNT(shapes); i++) {
		if (jscan_is_nocase(type, shapes[i].type))
			return &shapes[i];
	}
	return NULL;
}

int
json_request_parse(struct scratch *scratch, struct wps_span text,
    struct request *out)
{
	struct reading reading = { .scratch = scratch, .out = out };

	*out = (struct request){ .has_ack = false };
	int rc = find_members(&reading, text);
	if (rc != WPS_OK)
		return rc;
	const struct shape *shape = find_shape(member(&reading, MEMBER_TYPE));
	if (shape == NULL)
		return WPS_EPROTO;
	/* A text is taken once without its escapes, and once as bytes at most. */
	scratch_begin(scratch, 2 * text.len);
	out->kind = shape->kind;
	return shape->read(&reading);
}
