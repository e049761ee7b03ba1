/* SPDX-License-Identifier: MIT */
/*
 * Frames of a WebSocket client, good and bad, written into a buffer.
 */
#ifndef SUPPORT_WSFRAME_H
#define SUPPORT_WSFRAME_H

#include <wps/span.h>

#include <stdint.h>

#define FRAME_FIN 0x80
#define FRAME_TEXT 0x1
#define FRAME_BINARY 0x2
#define FRAME_CLOSE 0x8
#define FRAME_PING 0x9
#define FRAME_PONG 0xA
#define FRAME_MASKED 0x80
#define FRAME_HEAD_MAX 14

/* The bytes of a length, and what stands in the second byte for it. */
static inline char *
frame_length(char *dst, unsigned masked, uint64_t len, unsigned bytes)
{
	unsigned code = bytes == 8 ? 127 : bytes == 2 ? 126 : (unsigned)len;

	*dst++ = (char)(masked | code);
	while (bytes-- > 0)
		*dst++ = (char)(len >> (8 * bytes));
	return dst;
}

/* A header alone, with its length in 0, 2 or 8 further bytes; its mask is zero. */
static inline char *
frame_head(char *dst, unsigned first, uint64_t len, unsigned bytes)
{
	*dst++ = (char)first;
	dst = frame_length(dst, FRAME_MASKED, len, bytes);
	memset(dst, 0, 4);
	return dst + 4;
}

/* A whole masked frame; `first` holds FIN, reserved bits and the opcode. */
static inline char *
frame_put(char *dst, unsigned first, struct wps_span payload)
{
	static const char mask[4] = { 0x11, 0x52, '\xA3', '\xE4' };

	*dst++ = (char)first;
	dst = frame_length(dst, FRAME_MASKED, payload.len,
	    payload.len < 126 ? 0 : payload.len <= UINT16_MAX ? 2 : 8);
	memcpy(dst, mask, sizeof(mask));
	dst += sizeof(mask);
	for (size_t i = 0; i < payload.len; i++)
		*dst++ = (char)(payload.data[i] ^ mask[i % 4]);
	return dst;
}

#endif
