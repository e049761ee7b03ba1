/* SPDX-License-Identifier: MIT */
/*
 * The REST API: what its files share.
 *
 * A call is one request from its arrival to its answer. It is routed
 * (router.h), its caller is asked for, its parameters are read (params.h), and
 * its operation runs. What stands in the parameters lives only while the
 * operation runs; afterwards a call knows no more than what it waits for.
 */
#ifndef REST_REST_H
#define REST_REST_H

#include "error.h"
#include "page.h"
#include "router.h"
#include "text.h"

#include <wps/wps.h>

#include "lib/names.h"

#include <locale.h>
#include <sys/queue.h>

struct many;
struct params;

struct rest {
	const struct wps_host *host;
	const struct wps_self *self;
	bool permissions_without_target; /* then they mean all groups */
	bool legacy_path_decoding;       /* %2F in users and groups stays */
	bool access_log;                 /* answers are logged as info */
	locale_t letters;                /* their case in filters; 0: ASCII */
};

struct rest_worker {
	const struct rest *rest;
	struct wps_worker *worker;
	uint64_t id_base, id_next; /* of x-ms-request-id */
	LIST_HEAD(, call) calls;   /* owned; not answered yet */
	LIST_HEAD(, call) spare;   /* owned */
	unsigned spare_count;
};

/* A call asks the host twice: who its caller is, and what a command did. The
 * answer may come inside the question or later. */
enum call_state {
	CALL_RUNNING = 1, /* its code is on the stack */
	CALL_ASKING,      /* so is the host, which was asked */
	CALL_HEARD,       /* the answer came inside */
	CALL_WAITING,     /* the answer is still to come */
};

struct call {
	LIST_ENTRY(call) link;
	struct rest_worker *worker;
	struct wps_request *request;
	const struct wps_request_view *view; /* borrowed from the request */
	struct route route;
	char hub_text[NAME_HUB_MAX];
	struct wps_span hub; /* in lower case; absent: the path names no hub */
	enum call_state state;
	int identified;      /* the result of asking who calls */
	struct wps_outcome outcome;
	uint64_t started_ms;
	struct page_request page; /* of a listing */
	struct text answer;       /* owned; JSON that waits to be sent */
	struct many *many;        /* owned; what is left of many sends */
};

/* --- rest.c -------------------------------------------------------------- */

/*
 * Submits a command and answers with what its operation says of the outcome
 * (struct operation). The call is gone afterwards, or will be.
 */
void call_submit(struct call *call, const struct wps_command *command);

/* The same for a listing; list_write makes the answer of the page. */
void call_submit_list(struct call *call, const struct wps_command *command);

/* A command of the call's operation, with hub and whom from its path. */
struct wps_command call_command(const struct call *call,
    const struct params *params);

/* The call's end: only for reply.c. */
void call_end(struct call *call);

/* --- reply.c ----------------------------------------------------------------
 * Each answers the request; the call is gone then. */

/* Success without a body. */
void reply_empty(struct call *call, int status);

/* 200 with a JSON text; HEAD gets none. */
void reply_json(struct call *call, struct wps_span body);

void reply_error(struct call *call, const struct error *error);

/* The host's own refusals in the form of this API's errors. */
void reply_refusal(struct wps_refusal *refusal);

/* --- operations: run, and answer now or later ---------------------------- */

void health_run(struct call *call, const struct params *params);
void send_run(struct call *call, const struct params *params);
void many_run(struct call *call, const struct params *params);
void groups_run(struct call *call, const struct params *params);
void list_run(struct call *call, const struct params *params);
void count_run(struct call *call, const struct params *params);
void manage_run(struct call *call, const struct params *params);
void membership_run(struct call *call, const struct params *params);
void permission_run(struct call *call, const struct params *params);
void token_run(struct call *call, const struct params *params);

/* --- many.c */

void many_free(struct many **many);

/* --- list.c: the page into call->answer, which stays empty for no connection */

void list_write(struct call *call, const struct wps_page *page);

/* --- headers ------------------------------------------------------------- */

/* The first header of that name (without case); absent. */
struct wps_span header_find(const struct wps_request_view *view,
    struct wps_span name);

#endif
