/* SPDX-License-Identifier: MIT */
/*
 * HTTP connections of a server (RFC 9112), on streams.
 *
 * One request at a time: what is pipelined behind it waits, unread, until its
 * answer is written. State is held only during a request; an idle connection
 * keeps none but this struct.
 * Upgrades leave by http_upgrade, which takes the stream away.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "net/httpreq.h"
#include "net/loop.h"
#include "net/sender.h"

struct http;
struct stream;
struct tls_context;

struct http_service {
	/* A whole request; http_respond follows, now or later. */
	void (*serve)(struct http *http);
	/* The head of an upgrade request, without a body; http_respond or
	 * http_upgrade follows, now or later. */
	void (*upgrade)(struct http *http);
	/* The peer has gone before the answer to an upgrade request. */
	void (*gone)(struct http *http);
	/* Answers a request that was not read to its end: http_refuse, or
	 * http_respond with better words. NULL: http_refuse. */
	void (*refuse)(struct http *http, int status, const char *reason);
	struct wps_span base_path; /* in front of all paths; borrowed */
	struct http_limits limits;
	struct sender_limits out;
	uint64_t request_ms;  /* from the first byte to the last of a request, and
				 for a handshake of TLS */
	uint64_t idle_ms;     /* between requests */
	uint64_t linger_ms;   /* for the rest of a refused request */
	size_t linger_bytes;
};

enum http_state {
	HTTP_HANDSHAKE = 1, /* of TLS: no request can have come yet */
	HTTP_IDLE,          /* between requests */
	HTTP_READING,
	HTTP_SERVING,
	HTTP_UPGRADING,
	HTTP_LINGERING, /* answered, and reading on so that the answer arrives */
	HTTP_GONE,      /* the peer has gone; the answer is still awaited */
	HTTP_CLOSED,    /* to be freed at the end of the turn */
};

struct http {
	uint32_t magic;
	enum http_state state;
	struct stream *stream; /* owned */
	struct list link;      /* of the worker's */
	struct sender sender;
	const struct http_service *service;
	struct http_reader *reader; /* owned; none while idle */
	bool whole;                 /* the request was read to its end */
	bool outside;               /* its path is not below the base path */
	struct wheel_timer timer;
	struct mail next;    /* takes up what waits, or frees */
	bool next_due;
	char *waiting;       /* owned; pipelined bytes */
	size_t waiting_len;
	size_t lingered;
	struct rester rester;
	/* Of the layer above, during a request; `abandon` ends it without an
	 * answer, at the end of the server. */
	void *exchange;
	void (*abandon)(struct http *http);
};

#define HTTP_MAGIC 0x77687470u

/* Takes the descriptor; `tls` is NULL for plain HTTP. */
void http_accept(struct worker *worker, int fd,
    const struct http_service *service, struct tls_context *tls);

static inline const struct http_request *
http_request(const struct http *http)
{
	return http_reader_request(http->reader);
}

struct worker *http_worker(const struct http *http);

/* Whether it came over TLS. */
bool http_is_secure(const struct http *http);

/* Answers the request; `http` must not be used by the caller afterwards. */
void http_respond(struct http *http, int status,
    const struct wps_header *headers, size_t count, struct wps_span body);

/* A text/plain answer with a short reason. */
void http_refuse(struct http *http, int status, const char *reason);

/*
 * Answers 101 with the key's proof and the subprotocol (absent: none), and gives
 * the stream and its sender to `take`; `http` is gone then. `early` is what came
 * behind the request.
 */
typedef void (*http_take_fn)(struct stream *stream, struct sender *first,
    struct wps_span early, void *data);
void http_upgrade(struct http *http, struct wps_span subprotocol,
    http_take_fn take, void *data);

/*
 * Moves an upgrade request, with its transport and all that was read, to another
 * worker (or this one), where `taken` goes on with it. Nothing of it may be
 * touched here afterwards.
 */
typedef void (*http_taken_fn)(struct http *http, void *data);
void http_hand_over(struct http *http, struct worker *to, http_taken_fn taken,
    void *data);

/* At the end of the server: no further requests; those that are answered get
 * their answers. http_abandon_all then frees what is left. */
void http_drain(struct worker *worker);
void http_abandon_all(struct worker *worker);

/* Frees the readers that a worker keeps. */
void http_pool_fini(struct worker *worker);

#endif
