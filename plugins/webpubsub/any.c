/* SPDX-License-Identifier: MIT */
#include "any.h"

#include "wire.h"

#include "lib/utf8.h"

#define FIELD_TYPE_URL 1
#define FIELD_VALUE 2

bool
any_valid(struct wps_span bytes)
{
	struct wire_field field;
	int rc;

	while ((rc = wire_next(&bytes, &field)) == WPS_OK) {
		if (field.number != FIELD_TYPE_URL && field.number != FIELD_VALUE)
			continue;
		if (field.type != WIRE_BYTES ||
		    (field.number == FIELD_TYPE_URL && !utf8_valid(field.bytes)))
			return false;
	}
	return rc == WPS_NOT_FOUND;
}
