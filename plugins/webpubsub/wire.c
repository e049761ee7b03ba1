/* SPDX-License-Identifier: MIT */
#include "wire.h"

#define FIELD_MAX ((1u << 29) - 1)
#define VARINT_MAX 10 /* bytes */
#define GROUPS_MAX 32 /* one inside the other */

/* --- reading -------------------------------------------------------------- */

static bool
skip(struct wps_span *rest, uint64_t count)
{
	if (count > rest->len)
		return false;
	rest->data += count;
	rest->len -= (size_t)count;
	return true;
}

/* At most ten bytes of seven bits, the lowest first. */
static bool
take_varint(struct wps_span *rest, uint64_t *value_out)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < VARINT_MAX && i < rest->len; i++) {
		uint8_t byte = (uint8_t)rest->data[i];
		if (i == VARINT_MAX - 1 && byte > 1)
			return false;
		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			*value_out = value;
			return skip(rest, i + 1);
		}
	}
	return false;
}

static bool
take_bytes(struct wps_span *rest, struct wps_span *bytes_out)
{
	uint64_t len;

	if (!take_varint(rest, &len))
		return false;
	*bytes_out = (struct wps_span){ rest->data, (size_t)len };
	return skip(rest, len);
}

static bool
take_key(struct wps_span *rest, struct wire_field *field)
{
	uint64_t key;

	if (!take_varint(rest, &key) || key >> 3 == 0 || key >> 3 > FIELD_MAX)
		return false;
	field->number = (uint32_t)(key >> 3);
	field->type = (enum wire_type)(key & 7);
	return true;
}

static bool take_value(struct wps_span *rest, struct wire_field *field);

/* What is inside of the group of that number, and its end. */
static bool
skip_group(struct wps_span *rest, uint32_t number)
{
	uint32_t open[GROUPS_MAX] = { number };
	unsigned depth = 1;
	struct wire_field field;

	while (depth > 0) {
		if (!take_key(rest, &field))
			return false;
		if (field.type == WIRE_GROUP && depth < GROUPS_MAX)
			open[depth++] = field.number;
		else if (field.type == WIRE_GROUP_END &&
		    open[depth - 1] == field.number)
			depth--;
		else if (field.type == WIRE_GROUP ||
		    !take_value(rest, &field))
			return false;
	}
	return true;
}

static bool
take_value(struct wps_span *rest, struct wire_field *field)
{
	switch (field->type) {
	case WIRE_VARINT:
		return take_varint(rest, &field->value);
	case WIRE_64:
		return skip(rest, 8);
	case WIRE_BYTES:
		return take_bytes(rest, &field->bytes);
	case WIRE_GROUP:
		return skip_group(rest, field->number);
	case WIRE_GROUP_END:
		return false;
	case WIRE_32:
		return skip(rest, 4);
	}
	return false;
}

int
wire_next(struct wps_span *rest, struct wire_field *out)
{
	*out = (struct wire_field){ .number = 0 };
	if (rest->len == 0)
		return WPS_NOT_FOUND;
	return take_key(rest, out) && take_value(rest, out) ? WPS_OK : WPS_EPROTO;
}

/* --- writing -------------------------------------------------------------- */

void
wire_put_varint(struct out *out, uint64_t value)
{
	char bytes[VARINT_MAX];
	size_t len = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[len++] = (char)(value | 0x80);
	bytes[len++] = (char)value;
	out_put(out, (struct wps_span){ bytes, len });
}

static void
put_key(struct out *out, unsigned field, enum wire_type type)
{
	wire_put_varint(out, (uint64_t)field << 3 | type);
}

void
wire_put_number(struct out *out, unsigned field, uint64_t value)
{
	put_key(out, field, WIRE_VARINT);
	wire_put_varint(out, value);
}

void
wire_put_head(struct out *out, unsigned field, size_t len)
{
	put_key(out, field, WIRE_BYTES);
	wire_put_varint(out, len);
}

void
wire_put_bytes(struct out *out, unsigned field, struct wps_span bytes)
{
	wire_put_head(out, field, bytes.len);
	out_put(out, bytes);
}

void
wire_put_text(struct out *out, unsigned field, struct wps_span text)
{
	if (text.len > 0)
		wire_put_bytes(out, field, text);
}

void
wire_put_message(struct out *out, unsigned field, wire_put_fn put,
    const void *what)
{
	struct out measured = { .at = NULL };

	put(&measured, what);
	wire_put_head(out, field, measured.size);
	if (out->at)
		put(out, what);
	else
		out->size += measured.size;
}
