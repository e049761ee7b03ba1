/* SPDX-License-Identifier: MIT */
/*
 * HTTP requests on the worker's loop: one libcurl multi handle per worker.
 *
 * libcurl says which descriptors and which time it waits for; the host's
 * watchers and timers wait. A transfer ends by exactly one call of `done`, or by
 * transfer_cancel. No redirects, no proxy, no cookies, no other protocols.
 */
#ifndef CLOUDEVENTS_TRANSPORT_H
#define CLOUDEVENTS_TRANSPORT_H

#include "text.h"

#include <wps/host.h>

#include <curl/curl.h>
#include <sys/queue.h>

#define TRANSFER_HEAD_MAX (32 * 1024)
/* Of answers with a status outside 2xx this is kept; what follows is read and
 * dropped, so that the connection can be used again, but not for ever. */
#define TRANSFER_REFUSAL_MAX 4096
#define TRANSFER_DROPPED_MAX (64 * 1024)

enum transfer_end {
	TRANSFER_ANSWERED = 1, /* whole, whatever its status */
	TRANSFER_FAILED,       /* no connection, or it broke */
	TRANSFER_TOO_LARGE,    /* headers or body over their limit */
	TRANSFER_FORBIDDEN,    /* no connection may go to that address */
};

static inline bool
status_is_success(long status)
{
	return status >= 200 && status <= 299;
}

struct transfer_answer {
	enum transfer_end end;
	int status;            /* 0: none came */
	struct wps_span head;  /* header lines, each with its line end */
	struct wps_span body;
	CURLcode code;         /* FAILED: why */
	const char *problem;   /* a constant text without secrets; may be NULL */
	bool has_cookies;      /* a success that sets some */
	struct transfer *transfer; /* for transfer_cookies, during the call */
};

/* How a connection is made; owned by a handler, the same for all its requests. */
struct transfer_tls {
	char *ca;          /* PEM file; NULL: the system's */
	char *certificate; /* PEM files; NULL: none */
	char *key;
};

struct transfer_request {
	const char *method;   /* GET, OPTIONS, POST */
	const char *url;      /* these three are borrowed until the end */
	struct curl_slist *headers;
	struct wps_span body; /* POST */
	size_t max_body;      /* of the answer */
	bool secret;          /* the answer's body is one */
	const struct transfer_tls *tls; /* may be NULL; outlives the transport */
	bool with_cookies;    /* send these, and those of an earlier answer */
	const struct curl_slist *cookies; /* borrowed during the call; may be NULL */
	bool once;            /* never sent twice, not even after a kept connection died */

	/* The status and all headers are there; may be NULL. Only timers may
	 * be touched. */
	void (*head)(void *data);
	void (*done)(void *data, const struct transfer_answer *answer);
	void *data;
};

struct transfer;
TAILQ_HEAD(transfer_list, transfer);

struct transport {
	const struct wps_host *host;
	struct wps_worker *worker;
	CURLM *multi; /* owned */
	struct wps_timer *timer;
	uint64_t timer_ms; /* when it runs out */
	bool posted;  /* a turn of libcurl is in the mailbox */
	bool allow_link_local;
	long connect_ms;
	long idle_s;  /* how long a kept connection may rest */
	struct transfer_list running;
	size_t running_count;
	long idle_connections; /* that may be kept, at most */
	struct transfer_list pool; /* with easy handles that are set up */
	size_t pooled;
	size_t unused;          /* of them: not taken since `trim` was started */
	struct wps_timer *trim; /* runs while the pool has some */
};

struct transport_options {
	long idle_connections; /* kept at most */
	long idle_s;
	long connect_ms; /* until a connection is there */
	bool allow_link_local;
};

/* Returns WPS_OK or WPS_ESYS. */
int transport_init(struct transport *transport, const struct wps_host *host,
    struct wps_worker *worker, const struct transport_options *options);

/* Cancels what runs. */
void transport_fini(struct transport *transport);

/* NULL when libcurl refuses; `done` never runs before this returns. */
struct transfer *transport_start(struct transport *transport,
    const struct transfer_request *request);

/* From `done`: the cookies that it has now. The caller frees the list, which may
 * be NULL. */
struct curl_slist *transfer_cookies(const struct transfer *transfer);

/* Not from `head`. Accepts NULL, leaves NULL. */
void transfer_cancel(struct transfer **transfer);

/* Which addresses may be connected to. */
struct gate {
	bool allow_link_local;
	bool refused; /* one was not */
};

/* For easy handles of others: what holds for all, and what a connection is made
 * with; NULL is as none. The gate is borrowed. */
void transport_set_up(CURL *easy, struct gate *gate, long connect_ms);
void transport_set_tls(CURL *easy, const struct transfer_tls *tls);

/*
 * The next line named `name` (without case) of a head; false at its end. The
 * value is trimmed. Start with *rest as the whole head.
 */
bool head_find(struct wps_span *rest, struct wps_span name,
    struct wps_span *value_out);

/* The next line of any name; what is no field is skipped. */
bool head_next(struct wps_span *rest, struct wps_header *out);

#endif
