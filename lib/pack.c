/* SPDX-License-Identifier: MIT */
#include "lib/pack.h"

size_t
pack_number(char dst[PACK_NUMBER_MAX], uint64_t value)
{
	size_t len = 0;

	while (value > 0x7f) {
		dst[len++] = (char)(value | 0x80);
		value >>= 7;
	}
	dst[len++] = (char)value;
	return len;
}

void
pack_add_number(const struct pack *out, uint64_t value)
{
	char number[PACK_NUMBER_MAX];

	out->put(out->record,
	    (struct wps_span){ number, pack_number(number, value) });
}

void
pack_add_bytes(const struct pack *out, struct wps_span bytes)
{
	pack_add_number(out, bytes.len);
	out->put(out->record, bytes);
}

static void
fail(struct unpack *in)
{
	in->failed = true;
	in->rest = WPS_SPAN_NONE;
}

/* False: it is cut, does not fit, or is longer than it has to be. */
static bool
take_number(struct unpack *in, uint64_t *value_out)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < PACK_NUMBER_MAX && i < in->rest.len; i++) {
		uint64_t byte = (unsigned char)in->rest.data[i];
		if (i == PACK_NUMBER_MAX - 1 && byte > 1)
			return false;
		value |= (byte & 0x7f) << (7 * i);
		if (byte & 0x80)
			continue;
		*value_out = value;
		in->rest.data += i + 1;
		in->rest.len -= i + 1;
		return i == 0 || byte != 0;
	}
	return false;
}

uint64_t
unpack_number(struct unpack *in, uint64_t min, uint64_t max)
{
	uint64_t value;

	if (in->failed)
		return 0;
	if (take_number(in, &value) && value >= min && value <= max)
		return value;
	fail(in);
	return 0;
}

struct wps_span
unpack_bytes(struct unpack *in, size_t max)
{
	uint64_t len = unpack_number(in, 0, max);

	if (len > in->rest.len)
		fail(in);
	if (in->failed)
		return WPS_SPAN_NONE;
	struct wps_span bytes = { in->rest.data, (size_t)len };
	in->rest.data += bytes.len;
	in->rest.len -= bytes.len;
	return bytes;
}

bool
unpack_more(const struct unpack *in)
{
	return !in->failed && in->rest.len > 0;
}

bool
unpack_done(const struct unpack *in)
{
	return !in->failed && in->rest.len == 0;
}
