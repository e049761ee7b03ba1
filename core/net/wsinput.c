/* SPDX-License-Identifier: MIT */
#include "net/wsinput.h"

#include "lib/utf8.h"
#include "net/stream.h"
#include "util/alloc.h"

#include <stdlib.h>
#include <wslay/wslay.h>

#define CONTROL_MAX 125 /* RFC 6455, section 5.5 */
#define MASK_SIZE 4

struct ws_input {
	struct wslay_frame_context *frames; /* owned */
	struct wps_span source; /* not yet taken by the context */
	uint64_t fed;           /* bytes the context took */
	uint64_t done;          /* bytes of finished frames */

	/* The frame that is being read. */
	bool in_frame;
	bool fin;
	uint8_t opcode;
	uint64_t left; /* payload still to come */
	uint8_t control[CONTROL_MAX];
	size_t control_len;

	/* The message that is being put together; frame 0: none. */
	enum wps_frame message;
	char *data; /* owned */
	size_t len, cap;
	struct utf8_state utf8;
};

/* --- contexts ------------------------------------------------------------- */

static ssize_t
take_source(uint8_t *dst, size_t cap, int flags, void *data)
{
	struct ws_input *input = data;
	size_t n = input->source.len < cap ? input->source.len : cap;

	(void)flags;
	if (n == 0)
		return -1;
	memcpy(dst, input->source.data, n);
	input->source.data += n;
	input->source.len -= n;
	input->fed += n;
	return (ssize_t)n;
}

static struct ws_input *
input_new(void)
{
	static const struct wslay_frame_callbacks callbacks = {
		.recv_callback = take_source,
	};
	struct ws_input *input = xcalloc(1, sizeof(*input));

	int rc = wslay_frame_context_init(&input->frames, &callbacks, input);
	wps_assert(rc == 0);
	return input;
}

static void
input_free(struct ws_input *input)
{
	wslay_frame_context_free(input->frames);
	free(input->data);
	free(input);
}

static void
attach(struct ws *ws)
{
	struct worker *worker = stream_worker(ws->stream);

	if (ws->input)
		return;
	ws->input = worker->frame_pool_count > 0 ?
	    worker->frame_pool[--worker->frame_pool_count] : input_new();
}

void
wsinput_detach(struct ws *ws)
{
	if (ws->input)
		input_free(ws->input);
	ws->input = NULL;
}

/* Nothing of the peer is left in it: another connection may use it. */
static void
give_back(struct ws *ws)
{
	struct worker *worker = stream_worker(ws->stream);
	struct ws_input *input = ws->input;

	if (worker->frame_pool_count == ARRAY_LEN(worker->frame_pool)) {
		wsinput_detach(ws);
		return;
	}
	free(input->data);
	input->data = NULL;
	input->cap = 0;
	input->fed = input->done = 0;
	worker->frame_pool[worker->frame_pool_count++] = input;
	ws->input = NULL;
}

void
wsinput_pool_fini(struct worker *worker)
{
	while (worker->frame_pool_count > 0)
		input_free(worker->frame_pool[--worker->frame_pool_count]);
}

/* --- messages ------------------------------------------------------------- */

static void
give(struct ws *ws, enum wps_frame frame, struct wps_span data)
{
	wsinput_message(ws, frame, data);
}

static void
finish_message(struct ws *ws)
{
	struct ws_input *input = ws->input;
	enum wps_frame frame = input->message;

	if (frame == WPS_FRAME_TEXT && !utf8_done(&input->utf8)) {
		wsinput_fail(ws, 1007, "text is not UTF-8");
		return;
	}
	give(ws, frame,
	    (struct wps_span){ input->data ? input->data : "", input->len });
	input->message = 0;
	input->len = 0;
}

/* Room for what the frame still brings; its size passed the limit before. */
static bool
reserve(struct ws_input *input, size_t more)
{
	if (input->len + more <= input->cap)
		return true;
	char *data = realloc(input->data, input->len + more);
	if (data == NULL)
		return false;
	input->data = data;
	input->cap = input->len + more;
	return true;
}

static void
append(struct ws *ws, const struct wslay_frame_iocb *iocb)
{
	struct ws_input *input = ws->input;
	struct wps_span chunk = { (const char *)iocb->data, iocb->data_length };

	if (chunk.len == 0)
		return;
	if (input->message == WPS_FRAME_TEXT && !utf8_feed(&input->utf8, chunk)) {
		wsinput_fail(ws, 1007, "text is not UTF-8");
		return;
	}
	if (!reserve(input, chunk.len + (size_t)input->left)) {
		wsinput_fail(ws, 1011, "out of memory");
		return;
	}
	memcpy(input->data + input->len, chunk.data, chunk.len);
	input->len += chunk.len;
}

/* --- control frames ------------------------------------------------------- */

/* RFC 6455, section 7.4. */
static bool
close_code_valid(uint16_t code)
{
	if (code >= 3000 && code <= 4999)
		return true;
	return code >= 1000 && code <= 1014 && code != 1004 &&
	    code != WS_NO_STATUS && code != WS_ABNORMAL;
}

static void
got_close(struct ws *ws)
{
	const struct ws_input *input = ws->input;
	struct wps_span payload = { (const char *)input->control,
		input->control_len };

	if (payload.len == 0) {
		wsinput_closed(ws, WS_NO_STATUS);
		return;
	}
	if (payload.len == 1) {
		wsinput_fail(ws, 1002, "close frame of one byte");
		return;
	}
	uint16_t code = (uint16_t)(input->control[0] << 8 | input->control[1]);
	if (!close_code_valid(code))
		wsinput_fail(ws, 1002, "close code not valid");
	else if (!utf8_valid((struct wps_span){ payload.data + 2,
	    payload.len - 2 }))
		wsinput_fail(ws, 1007, "close reason is not UTF-8");
	else
		wsinput_closed(ws, code);
}

static void
finish_control(struct ws *ws)
{
	struct ws_input *input = ws->input;

	switch (input->opcode) {
	case WSLAY_CONNECTION_CLOSE:
		got_close(ws);
		break;
	case WSLAY_PING:
		wsinput_ping(ws, (struct wps_span){
		    (const char *)input->control, input->control_len });
		break;
	default: /* a pong: a sign of life, nothing else */
		break;
	}
	input->control_len = 0;
}

/* --- frames --------------------------------------------------------------- */

static const char *
frame_fault(const struct ws_input *input, const struct wslay_frame_iocb *iocb)
{
	if (iocb->rsv != 0)
		return "reserved bits are set";
	if (!iocb->mask)
		return "frame is not masked";
	switch (iocb->opcode) {
	case WSLAY_CONTINUATION_FRAME:
		return input->message ? NULL : "continuation of nothing";
	case WSLAY_TEXT_FRAME:
	case WSLAY_BINARY_FRAME:
		return input->message ? "message inside a message" : NULL;
	case WSLAY_CONNECTION_CLOSE:
	case WSLAY_PING:
	case WSLAY_PONG:
		if (!iocb->fin || iocb->payload_length > CONTROL_MAX)
			return "control frame too long or in fragments";
		return NULL;
	default:
		return "opcode not known";
	}
}

static uint64_t
header_size(uint64_t payload)
{
	if (payload < 126)
		return 2 + MASK_SIZE;
	return (payload <= UINT16_MAX ? 4 : 10) + MASK_SIZE;
}

/* Judges a frame by its header; false: the connection fails. */
static bool
begin_frame(struct ws *ws, const struct wslay_frame_iocb *iocb)
{
	struct ws_input *input = ws->input;
	const char *fault = frame_fault(input, iocb);

	if (fault) {
		wsinput_fail(ws, 1002, fault);
		return false;
	}
	if (!wslay_is_ctrl_frame(iocb->opcode) &&
	    iocb->payload_length > ws->limits->message - input->len) {
		wsinput_fail(ws, 1009, "message too large");
		return false;
	}
	input->in_frame = true;
	input->fin = iocb->fin;
	input->opcode = iocb->opcode;
	input->left = iocb->payload_length;
	input->done += header_size(iocb->payload_length) + iocb->payload_length;
	if (iocb->opcode == WSLAY_TEXT_FRAME ||
	    iocb->opcode == WSLAY_BINARY_FRAME) {
		input->message = iocb->opcode == WSLAY_TEXT_FRAME ?
		    WPS_FRAME_TEXT : WPS_FRAME_BINARY;
		input->utf8 = (struct utf8_state){ 0 };
	}
	return true;
}

/* The usual case: a message of one frame that is here as a whole. */
static bool
give_whole(struct ws *ws, const struct wslay_frame_iocb *iocb)
{
	struct ws_input *input = ws->input;
	struct wps_span data = { (const char *)iocb->data, iocb->data_length };

	if (input->opcode == WSLAY_CONTINUATION_FRAME || !input->fin ||
	    iocb->data_length != iocb->payload_length)
		return false;
	enum wps_frame frame = input->message;
	input->message = 0;
	if (frame == WPS_FRAME_TEXT && !utf8_valid(data))
		wsinput_fail(ws, 1007, "text is not UTF-8");
	else
		give(ws, frame, data);
	return true;
}

static void
on_chunk(struct ws *ws, const struct wslay_frame_iocb *iocb)
{
	struct ws_input *input = ws->input;
	bool control = wslay_is_ctrl_frame(iocb->opcode);

	if (!input->in_frame && !begin_frame(ws, iocb))
		return;
	input->left -= iocb->data_length;
	input->in_frame = input->left > 0;
	if (control) {
		memcpy(input->control + input->control_len, iocb->data,
		    iocb->data_length);
		input->control_len += iocb->data_length;
		if (!input->in_frame)
			finish_control(ws);
		return;
	}
	if (give_whole(ws, iocb))
		return;
	append(ws, iocb);
	if (!input->in_frame && input->fin && !ws->deaf)
		finish_message(ws);
}

struct wps_span
wsinput_feed(struct ws *ws, struct wps_span bytes)
{
	attach(ws);
	struct ws_input *input = ws->input;
	input->source = bytes;
	while (!ws->deaf && !wsinput_pauses(ws)) {
		struct wslay_frame_iocb iocb;
		memset(&iocb, 0, sizeof(iocb));
		ssize_t n = wslay_frame_recv(input->frames, &iocb);
		if (n == WSLAY_ERR_WANT_READ)
			break;
		if (n < 0)
			wsinput_fail(ws, 1002, "frame not valid");
		else
			on_chunk(ws, &iocb);
	}
	struct wps_span left = input->source;
	input->source = WPS_SPAN_NONE;
	if (ws->deaf)
		wsinput_detach(ws);
	else if (input->fed == input->done && input->message == 0)
		give_back(ws);
	return left;
}
