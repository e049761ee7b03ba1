/* SPDX-License-Identifier: MIT */
/*
 * Reads a request out of an UpstreamMessage without building a tree.
 *
 * A table says for each kind of request which of its field numbers is what; one
 * walk remembers where these are, and all else is passed over. Texts and payloads
 * stay slices of the message. Of a field that is there twice the last one counts,
 * but for the entries of maps.
 */
#include "protobuf_request.h"

#include "any.h"
#include "dictionary.h"
#include "metadata.h"
#include "wire.h"

#include "lib/jscan.h"
#include "lib/names.h"
#include "lib/utf8.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TTL_MAX_S 300
#define FIELDS_MAX 8 /* field numbers of one request, with 0 */

/* What a field of a request is. */
enum part {
	PART_NONE,
	PART_GROUP,
	PART_EVENT,
	PART_ACK_ID,
	PART_DATA,
	PART_NO_ECHO,
	PART_TTL,
	PART_METADATA, /* one entry each */
	PART_SEQUENCE_ID,
	PART_INVOCATION_ID,
	PART_STREAM,
	PART_STREAM_ID,
	PART_STREAM_SEQUENCE_ID,
	PART_ERROR,
	PART_STATE,
	PARTS,
};

static const enum wire_type part_types[PARTS] = {
	[PART_GROUP] = WIRE_BYTES,
	[PART_EVENT] = WIRE_BYTES,
	[PART_ACK_ID] = WIRE_VARINT,
	[PART_DATA] = WIRE_BYTES,
	[PART_NO_ECHO] = WIRE_VARINT,
	[PART_TTL] = WIRE_VARINT,
	[PART_METADATA] = WIRE_BYTES,
	[PART_SEQUENCE_ID] = WIRE_VARINT,
	[PART_INVOCATION_ID] = WIRE_BYTES,
	[PART_STREAM] = WIRE_BYTES,
	[PART_STREAM_ID] = WIRE_BYTES,
	[PART_STREAM_SEQUENCE_ID] = WIRE_VARINT,
	[PART_ERROR] = WIRE_BYTES,
	[PART_STATE] = WIRE_BYTES,
};

/* A message that is being read. */
struct reading {
	struct scratch *scratch;
	struct wps_span message;
	const uint8_t *numbers;         /* the part of each field number */
	struct wire_field parts[PARTS]; /* number 0: absent */
	struct request *out;
};

static enum part
part_of(const struct reading *reading, const struct wire_field *field)
{
	return field->number < FIELDS_MAX ? reading->numbers[field->number] :
	    PART_NONE;
}

/* NULL when it is absent. */
static const struct wire_field *
part(const struct reading *reading, enum part which)
{
	const struct wire_field *field = &reading->parts[which];

	return field->number ? field : NULL;
}

static int
find_parts(struct reading *reading)
{
	struct wps_span rest = reading->message;
	struct wire_field field;
	int rc;

	while ((rc = wire_next(&rest, &field)) == WPS_OK) {
		enum part which = part_of(reading, &field);
		if (which == PART_NONE)
			continue;
		if (field.type != part_types[which])
			return WPS_EPROTO;
		reading->parts[which] = field;
	}
	return rc == WPS_NOT_FOUND ? WPS_OK : WPS_EPROTO;
}

/* --- payload and metadata ------------------------------------------------- */

static bool
payload_valid(enum wps_data type, struct wps_span bytes)
{
	struct jscan_value value;

	switch (type) {
	case WPS_DATA_TEXT:
		return utf8_valid(bytes);
	case WPS_DATA_JSON:
		return utf8_valid(bytes) && jscan_text(bytes, &value) == WPS_OK &&
		    value.kind != JSCAN_NULL;
	case WPS_DATA_BINARY:
		return true;
	case WPS_DATA_PROTOBUF:
		return any_valid(bytes);
	}
	return false;
}

/* The members of MessageData by their numbers. */
static const enum wps_data data_types[] = {
	[1] = WPS_DATA_TEXT,
	[2] = WPS_DATA_BINARY,
	[3] = WPS_DATA_PROTOBUF,
	[4] = WPS_DATA_JSON,
};

/* WPS_NOT_FOUND: no member is set. */
static int
read_data(struct wps_span message, struct request *out)
{
	struct wire_field field;
	bool found = false;
	int rc;

	while ((rc = wire_next(&message, &field)) == WPS_OK) {
		if (field.number >= COUNT(data_types))
			continue;
		if (field.type != WIRE_BYTES)
			return WPS_EPROTO;
		out->type = data_types[field.number];
		out->payload = field.bytes;
		found = true;
	}
	if (rc != WPS_NOT_FOUND || !found)
		return rc;
	return payload_valid(out->type, out->payload) ? WPS_OK : WPS_EPROTO;
}

/* An entry of a map: 1 is its key, 2 its value; an absent one is empty. */
static int
read_pair(struct wps_span message, struct wps_pair *out)
{
	struct wire_field field;
	int rc;

	*out = (struct wps_pair){ WPS_SPAN(""), WPS_SPAN("") };
	while ((rc = wire_next(&message, &field)) == WPS_OK) {
		if (field.number > 2)
			continue;
		if (field.type != WIRE_BYTES)
			return WPS_EPROTO;
		if (field.number == 1)
			out->key = field.bytes;
		else
			out->value = field.bytes;
	}
	return rc == WPS_NOT_FOUND ? WPS_OK : rc;
}

static int
read_entry(struct reading *reading, struct wps_span message,
    struct metadata *metadata)
{
	struct wps_pair pair;
	int rc = read_pair(message, &pair);

	return rc == WPS_OK ?
	    metadata_add(metadata, reading->scratch, pair.key, pair.value) : rc;
}

static int
read_metadata(struct reading *reading)
{
	struct metadata metadata = { .count = 0 };
	struct wps_span rest = reading->message;
	struct wire_field field;
	int rc = WPS_OK;

	while (rc == WPS_OK && wire_next(&rest, &field) == WPS_OK)
		if (part_of(reading, &field) == PART_METADATA)
			rc = read_entry(reading, field.bytes, &metadata);
	if (rc == WPS_OK)
		rc = metadata_unite(&metadata, reading->scratch);
	reading->out->metadata = reading->scratch->pairs;
	reading->out->metadata_count = metadata.count;
	return rc;
}

/* Metadata, and data if there is any; WPS_NOT_FOUND: there is none. */
static int
read_parts(struct reading *reading)
{
	const struct wire_field *data = part(reading, PART_DATA);
	int rc = WPS_OK;

	reading->out->payload = WPS_SPAN("");
	if (part(reading, PART_METADATA))
		rc = read_metadata(reading);
	if (rc != WPS_OK)
		return rc;
	return data ? read_data(data->bytes, reading->out) : WPS_NOT_FOUND;
}

/* A message: data, metadata, or both; metadata alone makes it an empty text. */
static int
read_content(struct reading *reading)
{
	int rc = read_parts(reading);

	if (rc != WPS_NOT_FOUND)
		return rc;
	reading->out->type = WPS_DATA_TEXT;
	return reading->out->metadata_count > 0 ? WPS_OK : WPS_EPROTO;
}

/* --- requests ------------------------------------------------------------- */

static int
read_group(struct reading *reading)
{
	const struct wire_field *name = part(reading, PART_GROUP);

	if (name == NULL || !name_group_valid(name->bytes))
		return WPS_EPROTO;
	reading->out->name = name->bytes;
	return WPS_OK;
}

/* --- streams -------------------------------------------------------------- */

/* An absent id is an empty one, which is answered. */
static int
take_stream_id(struct reading *reading, struct wps_span id)
{
	reading->out->stream.id = id.data ? id : WPS_SPAN("");
	if (!utf8_valid(reading->out->stream.id))
		return WPS_EPROTO;
	if (!id_valid(reading->out->stream.id))
		reading->out->stream.invalid = true;
	return WPS_OK;
}

static int
read_stream_id(struct reading *reading)
{
	return take_stream_id(reading, reading->parts[PART_STREAM_ID].bytes);
}

/* 1 is the id, 2 the idle time. */
static int
read_stream_start(struct reading *reading)
{
	struct request_stream *stream = &reading->out->stream;
	struct wps_span rest = reading->parts[PART_STREAM].bytes;
	struct wps_span id = WPS_SPAN("");
	uint64_t idle_ms = STREAM_IDLE_MS;
	struct wire_field field;
	int rc;

	reading->out->kind = REQUEST_STREAM_START;
	reading->out->has_ack = false;
	while ((rc = wire_next(&rest, &field)) == WPS_OK) {
		if (field.number == 1 && field.type == WIRE_BYTES)
			id = field.bytes;
		else if (field.number == 2 && field.type == WIRE_VARINT)
			idle_ms = field.value;
		else if (field.number <= 2)
			return WPS_EPROTO;
	}
	if (rc != WPS_NOT_FOUND)
		return rc;
	stream->idle_ms = (uint32_t)idle_ms;
	stream->invalid = idle_ms == 0 || idle_ms > UINT32_MAX ||
	    part(reading, PART_DATA);
	return take_stream_id(reading, id);
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
	const struct wire_field *sequence =
	    part(reading, PART_STREAM_SEQUENCE_ID);
	const struct wire_field *data = part(reading, PART_DATA);
	struct request *out = reading->out;
	int rc = read_stream_id(reading);

	if (rc != WPS_OK)
		return rc;
	if (!sequence && !data) {
		out->kind = REQUEST_STREAM_KEEP_ALIVE;
		return WPS_OK;
	}
	rc = data ? read_data(data->bytes, out) : WPS_NOT_FOUND;
	if (!sequence || rc == WPS_NOT_FOUND)
		out->stream.invalid = true;
	out->stream.sequence = sequence ? sequence->value : 0;
	return rc == WPS_NOT_FOUND ? WPS_OK : rc;
}

/* 1 is the message, 2 the code. */
static int
read_stream_error(struct wps_span rest, struct request_stream *stream)
{
	struct wire_field field;
	int rc;

	stream->has_error = true;
	while ((rc = wire_next(&rest, &field)) == WPS_OK) {
		if (field.number > 2)
			continue;
		if (field.type != WIRE_BYTES || !utf8_valid(field.bytes))
			return WPS_EPROTO;
		if (field.number == 1)
			stream->error_message = field.bytes;
		else
			stream->error_code = field.bytes;
	}
	return rc == WPS_NOT_FOUND ? WPS_OK : rc;
}

static int
read_stream_end(struct reading *reading)
{
	const struct wire_field *error = part(reading, PART_ERROR);
	int rc = read_stream_id(reading);

	return rc == WPS_OK && error ?
	    read_stream_error(error->bytes, &reading->out->stream) : rc;
}

/* --- more requests -------------------------------------------------------- */

static int
read_send(struct reading *reading)
{
	const struct wire_field *no_echo = part(reading, PART_NO_ECHO);
	const struct wire_field *ttl = part(reading, PART_TTL);
	int rc = read_group(reading);

	if (rc != WPS_OK || (ttl && ttl->value > TTL_MAX_S))
		return WPS_EPROTO;
	reading->out->no_echo = no_echo && no_echo->value;
	reading->out->ttl_s = ttl ? (uint32_t)ttl->value : 0;
	if (part(reading, PART_STREAM))
		return read_stream_start(reading);
	return read_content(reading);
}

static int
read_event_name(struct reading *reading)
{
	const struct wire_field *name = part(reading, PART_EVENT);

	if (name == NULL || !name_event_valid(name->bytes))
		return WPS_EPROTO;
	reading->out->name = name->bytes;
	return WPS_OK;
}

static int
read_event(struct reading *reading)
{
	int rc = read_event_name(reading);

	if (rc == WPS_OK && part(reading, PART_STREAM))
		return read_misplaced_stream(reading);
	return rc == WPS_OK ? read_content(reading) : rc;
}

static int
read_invocation(struct reading *reading)
{
	const struct wire_field *id = part(reading, PART_INVOCATION_ID);

	if (id == NULL || !id_valid(id->bytes))
		return WPS_EPROTO;
	reading->out->invocation = id->bytes;
	return WPS_OK;
}

/* Without data it is an empty message of no type. */
static int
read_invoke(struct reading *reading)
{
	int rc = read_invocation(reading);

	if (rc == WPS_OK)
		rc = read_event_name(reading);
	if (rc == WPS_OK && part(reading, PART_STREAM))
		return read_misplaced_stream(reading);
	if (rc == WPS_OK)
		rc = read_parts(reading);
	if (rc != WPS_NOT_FOUND)
		return rc;
	reading->out->type = WPS_DATA_BINARY;
	return WPS_OK;
}

/* --- group state ---------------------------------------------------------- */

static int
read_state_entry(struct reading *reading, struct wps_span message,
    struct dictionary *dictionary)
{
	struct wps_pair pair;
	int rc = read_pair(message, &pair);

	if (rc != WPS_OK || !utf8_valid(pair.key) || !utf8_valid(pair.value))
		return WPS_EPROTO;
	return dictionary_add(dictionary, reading->scratch, pair.key,
	    pair.value);
}

/* 1 is an entry. */
static int
read_state(struct reading *reading, struct wps_span rest)
{
	struct dictionary dictionary = { .count = 0 };
	struct wire_field field;
	int rc;

	while ((rc = wire_next(&rest, &field)) == WPS_OK) {
		if (field.number != 1)
			continue;
		if (field.type != WIRE_BYTES)
			return WPS_EPROTO;
		rc = read_state_entry(reading, field.bytes, &dictionary);
		if (rc != WPS_OK)
			return rc;
	}
	return rc == WPS_NOT_FOUND ? dictionary_end(&dictionary,
	    reading->scratch, &reading->out->state) : rc;
}

static int
read_state_set(struct reading *reading)
{
	const struct wire_field *state = part(reading, PART_STATE);
	int rc = read_group(reading);

	reading->out->state.cleared = state == NULL;
	return rc == WPS_OK && state ? read_state(reading, state->bytes) : rc;
}

/* --- the shapes of all ------------------------------------------------------ */

/* An absent id is 0, as proto3 has it. */
static int
read_sequence_ack(struct reading *reading)
{
	const struct wire_field *id = part(reading, PART_SEQUENCE_ID);

	reading->out->sequence_id = id ? id->value : 0;
	return WPS_OK;
}

static int
read_nothing(struct reading *reading)
{
	(void)reading;
	return WPS_OK;
}

/* The members of UpstreamMessage. */
static const struct shape {
	uint32_t number;
	enum request_kind kind;
	int (*read)(struct reading *reading);
	uint8_t numbers[FIELDS_MAX];
} shapes[] = {
	{ 1, REQUEST_SEND, read_send, {
	    [1] = PART_GROUP, [2] = PART_ACK_ID, [3] = PART_DATA,
	    [4] = PART_NO_ECHO, [5] = PART_TTL, [6] = PART_METADATA,
	    [7] = PART_STREAM } },
	{ 5, REQUEST_EVENT, read_event, {
	    [1] = PART_EVENT, [2] = PART_DATA, [3] = PART_ACK_ID,
	    [4] = PART_METADATA, [5] = PART_STREAM } },
	{ 6, REQUEST_JOIN, read_group, {
	    [1] = PART_GROUP, [2] = PART_ACK_ID } },
	{ 7, REQUEST_LEAVE, read_group, {
	    [1] = PART_GROUP, [2] = PART_ACK_ID } },
	{ 8, REQUEST_SEQUENCE_ACK, read_sequence_ack, {
	    [1] = PART_SEQUENCE_ID } },
	{ 9, REQUEST_PING, read_nothing, { 0 } },
	{ 10, REQUEST_INVOKE, read_invoke, {
	    [1] = PART_EVENT, [2] = PART_INVOCATION_ID, [3] = PART_DATA,
	    [4] = PART_METADATA, [5] = PART_STREAM } },
	{ 11, REQUEST_CANCEL, read_invocation, {
	    [1] = PART_INVOCATION_ID } },
	{ 13, REQUEST_STREAM_DATA, read_stream_data, {
	    [1] = PART_STREAM_ID, [2] = PART_STREAM_SEQUENCE_ID,
	    [3] = PART_DATA } },
	{ 14, REQUEST_STREAM_END, read_stream_end, {
	    [1] = PART_STREAM_ID, [2] = PART_ERROR } },
	{ 15, REQUEST_STATE_SET, read_state_set, {
	    [1] = PART_GROUP, [2] = PART_ACK_ID, [3] = PART_STATE } },
	{ 16, REQUEST_STATE_WATCH, read_group, {
	    [1] = PART_GROUP, [2] = PART_ACK_ID } },
	{ 17, REQUEST_STATE_UNWATCH, read_group, {
	    [1] = PART_GROUP, [2] = PART_ACK_ID } },
};

static const struct shape *
find_shape(uint32_t number)
{
	for (size_t i = 0; i < COUNT(shapes); i++) {
		if (shapes[i].number == number)
			return &shapes[i];
	}
	return NULL;
}

/* Of the members the last one counts; what is no member is passed over. */
static int
find_member(struct wps_span envelope, const struct shape **shape_out,
    struct wps_span *message_out)
{
	struct wire_field field;
	int rc;

	*shape_out = NULL;
	while ((rc = wire_next(&envelope, &field)) == WPS_OK) {
		const struct shape *shape = find_shape(field.number);
		if (shape == NULL)
			continue;
		if (field.type != WIRE_BYTES)
			return WPS_EPROTO;
		*shape_out = shape;
		*message_out = field.bytes;
	}
	return rc == WPS_NOT_FOUND && *shape_out ? WPS_OK : WPS_EPROTO;
}

int
protobuf_request_parse(struct scratch *scratch, struct wps_span message,
    struct request *out)
{
	struct reading reading = { .scratch = scratch, .out = out };
	const struct shape *shape;

	*out = (struct request){ .has_ack = false };
	if (find_member(message, &shape, &reading.message) != WPS_OK)
		return WPS_EPROTO;
	reading.numbers = shape->numbers;
	if (find_parts(&reading) != WPS_OK)
		return WPS_EPROTO;
	scratch_begin(scratch, 0); /* all texts are slices */
	out->kind = shape->kind;
	out->has_ack = part(&reading, PART_ACK_ID) != NULL;
	out->ack_id = reading.parts[PART_ACK_ID].value;
	return shape->read(&reading);
}
