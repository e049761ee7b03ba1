/* SPDX-License-Identifier: MIT */
#include "record.h"

#include "semantics.h"
#include "stream.h"

#include "lib/names.h"
#include "lib/pack.h"

#define RECORD_VERSION 1

/* --- ack ids ------------------------------------------------------------------- */

static void
save_acks(const struct pack *out, const struct ackmem *acks)
{
	uint32_t count = ackmem_count(acks);

	pack_add_number(out, count);
	for (uint32_t i = 0; i < count; i++)
		pack_add_number(out, ackmem_at(acks, i));
}

/* Of more than are remembered here the newest stay. */
static bool
restore_acks(const struct worker *worker, struct session *session,
    struct unpack *in)
{
	uint64_t count = unpack_number(in, 0, ACKMEM_MAX);

	for (uint64_t i = 0; i < count; i++) {
		uint64_t id = unpack_number(in, 0, UINT64_MAX);
		if (in->failed || ackmem_has(session->acks, id))
			return false;
		ackmem_add(&session->acks, id, worker->plugin->ack_ids);
	}
	return !in->failed;
}

/* --- streams -------------------------------------------------------------------- */

/* Their places are what is written: new ones go to the end. */
static const struct failure *const outcomes[] = {
	NULL, /* as it should */
	&stream_forbidden,
	&stream_bad_request,
	&stream_idle_timeout,
};
#define OUTCOMES (sizeof(outcomes) / sizeof(outcomes[0]))

static unsigned
outcome_of(const struct stream *stream)
{
	unsigned i = OUTCOMES - 1;

	while (i > 0 && outcomes[i] != stream->outcome)
		i--;
	return i;
}

static void
save_stream(const struct pack *out, const struct stream *stream,
    uint64_t now_ms)
{
	bool late = stream->deadline_ms < now_ms;

	pack_add_bytes(out, stream->id);
	pack_add_bytes(out, stream->group);
	pack_add_number(out, stream->state);
	pack_add_number(out, stream->no_echo);
	pack_add_number(out, stream->idle_ms);
	pack_add_number(out, late ? 0 : stream->deadline_ms - now_ms);
	pack_add_number(out, stream->expected);
	pack_add_number(out, outcome_of(stream));
}

/* What a stream is when nobody knows it any more but its record. */
struct saved {
	struct wps_span id, group;
	enum stream_state state;
	bool no_echo;
	uint32_t idle_ms;
	uint64_t left_ms, expected;
	const struct failure *outcome;
};

static bool
read_stream(struct unpack *in, struct saved *saved)
{
	saved->id = unpack_bytes(in, ID_MAX_BYTES);
	saved->group = unpack_bytes(in, NAME_GROUP_MAX_BYTES);
	saved->state = (enum stream_state)unpack_number(in, STREAM_ACTIVE,
	    STREAM_CLOSED);
	saved->no_echo = unpack_number(in, 0, 1) != 0;
	saved->idle_ms = (uint32_t)unpack_number(in, 1, UINT32_MAX);
	saved->left_ms = unpack_number(in, 0, saved->state == STREAM_ACTIVE ?
	    saved->idle_ms : UINT32_MAX);
	saved->expected = unpack_number(in, 1, INT64_MAX);
	saved->outcome = outcomes[unpack_number(in, 0,
	    saved->state == STREAM_ACTIVE ? 0 : OUTCOMES - 1)];
	return !in->failed && id_valid(saved->id) &&
	    name_group_valid(saved->group);
}

/* Of one that is only remembered, no longer than here. */
static uint64_t
time_left_ms(const struct stream *stream, const struct saved *saved)
{
	if (saved->state == STREAM_ACTIVE)
		return saved->left_ms;
	uint64_t memory_ms = stream_memory_ms(stream);
	return saved->left_ms < memory_ms ? saved->left_ms : memory_ms;
}

static int
restore_stream(struct worker *worker, struct wps_conn *conn,
    struct session *session, const struct saved *saved)
{
	const struct wps_host *host = worker->plugin->host;
	struct stream *stream =
	    stream_make(worker, conn, saved->group, saved->id);

	if (stream == NULL)
		return WPS_ENOMEM;
	stream->state = saved->state;
	stream->no_echo = saved->no_echo;
	stream->idle_ms = saved->idle_ms;
	stream->expected = saved->expected;
	stream->outcome = saved->outcome;
	uint64_t left_ms = time_left_ms(stream, saved);
	stream->deadline_ms = host->now_ms(host->conn_worker(conn)) + left_ms;
	streams_append(&session->streams, stream);
	session->stream_count++;
	stream_wake_after(stream, left_ms);
	return WPS_OK;
}

static int
restore_streams(struct worker *worker, struct wps_conn *conn,
    struct session *session, struct unpack *in)
{
	struct saved saved;

	while (unpack_more(in)) {
		if (session->stream_count == STREAMS_MAX ||
		    !read_stream(in, &saved) ||
		    stream_find(&session->streams, saved.id) ||
		    (saved.state == STREAM_CLOSED && !session->codec->reliable))
			return WPS_EPROTO;
		int rc = restore_stream(worker, conn, session, &saved);
		if (rc != WPS_OK)
			return rc;
	}
	return unpack_done(in) ? WPS_OK : WPS_EPROTO;
}

/* --- sessions --------------------------------------------------------------------- */

int
session_save(void *worker_state, struct wps_conn *conn,
    struct wps_record *record)
{
	const struct worker *worker = worker_state;
	const struct wps_host *host = worker->plugin->host;
	const struct session *session = host->conn_data(conn);
	const struct pack out = { host->record_put, record };
	uint64_t now_ms = host->now_ms(host->conn_worker(conn));
	const struct stream *stream;

	pack_add_number(&out, RECORD_VERSION);
	save_acks(&out, session->acks);
	LIST_FOREACH(stream, &session->streams, link) {
		if (stream->is_due)
			return WPS_PENDING;
		save_stream(&out, stream, now_ms);
	}
	return WPS_OK;
}

static void
drop(struct session *session)
{
	while (!LIST_EMPTY(&session->streams))
		stream_free(LIST_FIRST(&session->streams));
	session->stream_count = 0;
	ackmem_free(&session->acks);
}

int
session_restore(struct worker *worker, struct wps_conn *conn,
    const struct codec *codec, struct wps_span bytes)
{
	struct session *session = worker->plugin->host->conn_data(conn);
	struct unpack in = { .rest = bytes };
	int rc = WPS_EPROTO;

	session->codec = codec;
	if (unpack_number(&in, 0, UINT64_MAX) == RECORD_VERSION &&
	    restore_acks(worker, session, &in))
		rc = restore_streams(worker, conn, session, &in);
	if (rc != WPS_OK)
		drop(session);
	return rc;
}
