/* SPDX-License-Identifier: MIT */
/*
 * A walk over the wire format of one message: a key (field number and wire
 * type), then a value whose length the wire type tells.
 */
#include "any.h"

#include "lib/utf8.h"

#include <stdint.h>

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_64 = 1,
	WIRE_BYTES = 2,
	WIRE_32 = 5,
};

#define FIELD_TYPE_URL 1
#define FIELD_VALUE 2
#define FIELD_MAX ((1u << 29) - 1)

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

	for (unsigned i = 0; i < 10 && i < rest->len; i++) {
		uint8_t byte = (uint8_t)rest->data[i];
		if (i == 9 && byte > 1)
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
take_field(struct wps_span *rest)
{
	struct wps_span bytes = WPS_SPAN_NONE;
	uint64_t key, number;

	if (!take_varint(rest, &key) || key >> 3 == 0 || key >> 3 > FIELD_MAX)
		return false;
	bool known = key >> 3 == FIELD_TYPE_URL || key >> 3 == FIELD_VALUE;
	switch (key & 7) {
	case WIRE_BYTES:
		return take_bytes(rest, &bytes) &&
		    (key >> 3 != FIELD_TYPE_URL || utf8_valid(bytes));
	case WIRE_VARINT:
		return !known && take_varint(rest, &number);
	case WIRE_64:
		return !known && skip(rest, 8);
	case WIRE_32:
		return !known && skip(rest, 4);
	}
	return false;
}

bool
any_valid(struct wps_span bytes)
{
	while (bytes.len > 0) {
		if (!take_field(&bytes))
			return false;
	}
	return true;
}
