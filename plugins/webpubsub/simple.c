/* SPDX-License-Identifier: MIT */
/*
 * A frame is a message, as it is. The query of the upgrade says what becomes of
 * it, for the life of the connection: the user event `message`, or a message to
 * one group.
 */
#include "simple.h"

#include "publish.h"

#include "lib/names.h"
#include "lib/pack.h"
#include "lib/pct.h"

#include <stdlib.h>

#define MODE_TEXT_MAX 48 /* an encoded mode or boolean; longer ones are none */
#define GROUP_TEXT_MAX (3 * NAME_GROUP_MAX_BYTES) /* an encoded group name */

/* The group that all frames of a connection go to. */
struct target {
	bool no_echo;
	size_t len;
	char group[];
};

/* The state of a simple connection: conn_data. */
struct simple {
	struct target *target; /* owned; NULL: frames are events */
};

/* What the query says; the values are still encoded. */
struct parameters {
	struct wps_span mode, group, no_echo; /* absent: not given */
};

/* What it means. */
struct mode {
	bool to_group, no_echo;
	size_t group_len;
	char group[GROUP_TEXT_MAX];
};

static const struct wps_host *
host_of(void *worker_state)
{
	return ((const struct worker *)worker_state)->plugin->host;
}

static struct simple *
simple_of(void *worker_state, const struct wps_conn *conn)
{
	return host_of(worker_state)->conn_data(conn);
}

/* --- the query ------------------------------------------------------------ */

static bool
is_text(struct wps_span encoded, struct wps_span text)
{
	char decoded[MODE_TEXT_MAX];
	size_t len;

	return encoded.len <= sizeof(decoded) &&
	    pct_decode_query(decoded, encoded, &len) &&
	    name_eq_nocase((struct wps_span){ decoded, len }, text);
}

static bool
is_name(struct wps_span encoded, struct wps_span name)
{
	char decoded[MODE_TEXT_MAX];
	size_t len;

	return encoded.len <= sizeof(decoded) &&
	    pct_decode_query(decoded, encoded, &len) &&
	    wps_span_eq((struct wps_span){ decoded, len }, name);
}

/* Of a parameter that is given several times the last value counts. */
static struct parameters
find_parameters(struct wps_span query)
{
	struct parameters found = { .mode = WPS_SPAN_NONE };
	struct wps_span name, value;

	while (query_next(&query, &name, &value)) {
		if (is_name(name, WPS_SPAN("webpubsub_mode")))
			found.mode = value;
		else if (is_name(name, WPS_SPAN("group")))
			found.group = value;
		else if (is_name(name, WPS_SPAN("noEcho")))
			found.no_echo = value;
	}
	return found;
}

static bool
read_group(struct mode *mode, struct wps_span encoded)
{
	return encoded.len <= sizeof(mode->group) &&
	    pct_decode_query(mode->group, encoded, &mode->group_len) &&
	    name_group_valid((struct wps_span){ mode->group, mode->group_len });
}

static bool
read_no_echo(struct mode *mode, struct wps_span encoded)
{
	mode->no_echo = is_text(encoded, WPS_SPAN("true"));
	return encoded.data == NULL || mode->no_echo ||
	    is_text(encoded, WPS_SPAN("false"));
}

/* NULL: the mode is filled; else what is wrong with the query. */
static const char *
read_mode(struct mode *mode, struct wps_span query)
{
	struct parameters found = find_parameters(query);

	mode->to_group = false;
	if (found.mode.len == 0 || is_text(found.mode, WPS_SPAN("sendEvent")))
		return NULL;
	if (!is_text(found.mode, WPS_SPAN("sendToGroup")))
		return "webpubsub_mode must be sendEvent or sendToGroup";
	mode->to_group = true;
	if (!read_group(mode, found.group))
		return "group must be a valid group name";
	if (!read_no_echo(mode, found.no_echo))
		return "noEcho must be true or false";
	return NULL;
}

static int
on_check(void *worker_state, const struct wps_handshake *handshake,
    struct wps_err *err)
{
	struct mode mode;
	const char *wrong = read_mode(&mode, handshake->query);

	(void)worker_state;
	if (wrong == NULL)
		return WPS_OK;
	snprintf(err->text, sizeof(err->text), "%s", wrong);
	return WPS_EINVAL;
}

/* --- what comes in -------------------------------------------------------- */

static void
give_up(void *worker_state, struct wps_conn *conn)
{
	host_of(worker_state)->conn_close(conn, 1011,
	    WPS_SPAN("Internal server error"));
}

static struct target *
make_target(const struct mode *mode)
{
	struct target *target = malloc(sizeof(*target) + mode->group_len);

	if (target == NULL)
		return NULL;
	target->no_echo = mode->no_echo;
	target->len = mode->group_len;
	memcpy(target->group, mode->group, mode->group_len);
	return target;
}

/* The query was judged by on_check before the upgrade. */
static void
on_open(void *worker_state, struct wps_conn *conn,
    const struct wps_handshake *handshake)
{
	struct mode mode;

	if (read_mode(&mode, handshake->query) != NULL || !mode.to_group)
		return;
	struct target *target = make_target(&mode);
	simple_of(worker_state, conn)->target = target;
	if (target == NULL)
		give_up(worker_state, conn);
}

static enum wps_frame
frame_of(enum wps_data type)
{
	return type == WPS_DATA_TEXT || type == WPS_DATA_JSON ?
	    WPS_FRAME_TEXT : WPS_FRAME_BINARY;
}

static enum wps_data
type_of(enum wps_frame frame)
{
	return frame == WPS_FRAME_TEXT ? WPS_DATA_TEXT : WPS_DATA_BINARY;
}

static void
on_answer(void *worker_state, struct wps_conn *conn,
    const struct wps_answer *answer)
{
	if (answer->result != WPS_OK)
		give_up(worker_state, conn);
	else if (answer->has_message)
		host_of(worker_state)->conn_send(conn, frame_of(answer->type),
		    answer->payload);
}

static void
send_event(void *worker_state, struct wps_conn *conn, enum wps_frame frame,
    struct wps_span data)
{
	struct wps_event event = {
		.name = WPS_SPAN("message"),
		.type = type_of(frame),
		.payload = data,
	};

	if (host_of(worker_state)->conn_event(conn, &event, on_answer) != WPS_OK)
		give_up(worker_state, conn);
}

static void
send_to_group(void *worker_state, struct wps_conn *conn,
    const struct target *target, enum wps_frame frame, struct wps_span data)
{
	const struct wps_host *host = host_of(worker_state);
	struct wps_msg_view draft = {
		.type = type_of(frame),
		.group = { target->group, target->len },
		.payload = data,
	};

	if (!host->conn_may(conn, WPS_PERM_SEND, draft.group))
		host->conn_close(conn, 1008,
		    WPS_SPAN("No permission to send to the group"));
	else if (publish(worker_state, conn, draft, target->no_echo) != WPS_OK)
		give_up(worker_state, conn);
}

static void
on_recv(void *worker_state, struct wps_conn *conn, enum wps_frame frame,
    struct wps_span data)
{
	const struct target *target = simple_of(worker_state, conn)->target;

	if (target)
		send_to_group(worker_state, conn, target, frame, data);
	else
		send_event(worker_state, conn, frame, data);
}

static void
on_close(void *worker_state, struct wps_conn *conn)
{
	struct simple *simple = simple_of(worker_state, conn);

	free(simple->target);
	simple->target = NULL;
}

/* --- records --------------------------------------------------------------- */

/* What the query said: a version, then no_echo and the group, or nothing. */
#define RECORD_VERSION 1

static int
on_save(void *worker_state, struct wps_conn *conn, struct wps_record *record)
{
	const struct worker *worker = worker_state;
	const struct target *target = simple_of(worker_state, conn)->target;
	const struct pack out = { worker->plugin->host->record_put, record };

	pack_add_number(&out, RECORD_VERSION);
	if (target == NULL)
		return WPS_OK;
	pack_add_number(&out, target->no_echo);
	pack_add_bytes(&out,
	    (struct wps_span){ target->group, target->len });
	return WPS_OK;
}

static int
on_restore(void *worker_state, struct wps_conn *conn, struct wps_span bytes)
{
	struct unpack in = { .rest = bytes };
	struct mode mode = { .to_group = true };
	struct target *target;

	if (unpack_number(&in, 0, UINT64_MAX) != RECORD_VERSION)
		return WPS_EPROTO;
	if (unpack_done(&in))
		return WPS_OK;
	mode.no_echo = unpack_number(&in, 0, 1) != 0;
	struct wps_span group = unpack_bytes(&in, sizeof(mode.group));
	if (!unpack_done(&in) || !name_group_valid(group))
		return WPS_EPROTO;
	memcpy(mode.group, group.data, group.len);
	mode.group_len = group.len;
	target = make_target(&mode);
	simple_of(worker_state, conn)->target = target;
	return target ? WPS_OK : WPS_ENOMEM;
}

/* --- what goes out -------------------------------------------------------- */

static int
on_encode(void *worker_state, const struct wps_msg_view *msg,
    struct wps_body *body)
{
	/* Without an envelope the end of a stream would be a message of nothing. */
	if (msg->stream && msg->stream->end)
		return WPS_DECLINED;
	char *room = host_of(worker_state)->body_make(body, frame_of(msg->type),
	    msg->payload.len);
	if (room == NULL)
		return WPS_ENOMEM;
	if (msg->payload.len > 0)
		memcpy(room, msg->payload.data, msg->payload.len);
	return WPS_OK;
}

const struct wps_subprotocol simple_subprotocol = {
	.struct_size = sizeof(struct wps_subprotocol),
	.flags = WPS_SUBPROTOCOL_NAMELESS,
	.name = "simple",
	.conn_size = sizeof(struct simple),
	.check = on_check,
	.open = on_open,
	.recv = on_recv,
	.close = on_close,
	.encode = on_encode,
	.save = on_save,
	.restore = on_restore,
};
