/* SPDX-License-Identifier: MIT */
/*
 * One stream: what streams.c, which runs them, and record.c, which writes them
 * down, both know.
 */
#ifndef WEBPUBSUB_STREAM_H
#define WEBPUBSUB_STREAM_H

#include "reply.h"
#include "streams.h"

enum stream_state {
	STREAM_UNKNOWN,
	STREAM_ACTIVE,
	STREAM_CLOSED, /* only remembered */
	STREAM_STATES,
};

struct stream {
	LIST_ENTRY(stream) link; /* in the connection's list */
	LIST_ENTRY(stream) due;  /* in the worker's, while is_due */
	struct worker *worker;   /* borrowed */
	struct wps_conn *conn;   /* borrowed: it ends after its streams */
	struct wps_timer *timer; /* owned */
	enum stream_state state;
	bool no_echo, is_due;
	uint32_t idle_ms;
	uint64_t deadline_ms; /* of its idle time; CLOSED: of the memory of it */
	uint64_t expected; /* the next fragment */
	const struct failure *outcome; /* CLOSED; NULL: as it should */
	struct wps_span group, id;     /* in `bytes` */
	char bytes[];
};

/* Why a stream may have been closed. */
extern const struct failure stream_forbidden, stream_bad_request,
    stream_idle_timeout;

/* In no list yet; NULL without memory. */
struct stream *stream_make(struct worker *worker, struct wps_conn *conn,
    struct wps_span group, struct wps_span id);

/* Takes it out of its lists; without a word. */
void stream_free(struct stream *stream);

/* As the oldest one. */
void streams_append(struct streams *streams, struct stream *stream);

struct stream *stream_find(const struct streams *streams, struct wps_span id);

/* Looks after it then, and not earlier. */
void stream_wake_after(struct stream *stream, uint64_t ms);

/* How long it is remembered from its end on. */
uint64_t stream_memory_ms(const struct stream *stream);

#endif
