/* SPDX-License-Identifier: MIT */
/*
 * The wire format of protocol buffers: a message is a row of fields, each a key
 * (field number and wire type) and a value whose length the wire type tells.
 */
#ifndef WEBPUBSUB_WIRE_H
#define WEBPUBSUB_WIRE_H

#include "out.h"

#include <wps/abi.h>

#include <stdint.h>

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_64 = 1,
	WIRE_BYTES = 2, /* texts, bytes and messages */
	WIRE_GROUP = 3, /* fields up to the end of the same number; given up */
	WIRE_GROUP_END = 4,
	WIRE_32 = 5,
};

struct wire_field {
	uint32_t number; /* from 1; 0: no field */
	enum wire_type type;
	uint64_t value;        /* WIRE_VARINT */
	struct wps_span bytes; /* WIRE_BYTES; a slice of the message */
};

/*
 * Takes the first field off a message. Returns WPS_OK; WPS_NOT_FOUND: nothing is
 * left; WPS_EPROTO: this is no message. A group is taken as a whole; none of our
 * fields is one.
 */
int wire_next(struct wps_span *rest, struct wire_field *out);

void wire_put_varint(struct out *out, uint64_t value);
void wire_put_number(struct out *out, unsigned field, uint64_t value);
void wire_put_bytes(struct out *out, unsigned field, struct wps_span bytes);

/* What stands before so many bytes: texts, bytes or a message. */
void wire_put_head(struct out *out, unsigned field, size_t len);

/* A text that is left out when it is empty, as proto3 has it. */
void wire_put_text(struct out *out, unsigned field, struct wps_span text);

/* What a message inside of another one holds; called once to measure it. */
typedef void (*wire_put_fn)(struct out *out, const void *what);
void wire_put_message(struct out *out, unsigned field, wire_put_fn put,
    const void *what);

#endif
