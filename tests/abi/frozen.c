/* SPDX-License-Identifier: MIT */
/*
 * A plugin of ABI 1.0: compiled with the frozen headers alone, it registers one of
 * each kind and uses every part of the host table. Its last words in the log say
 * what it has seen.
 */
#include <wps/wps.h>

#include <stdlib.h>

#define TOKEN WPS_SPAN("let-me-in")

struct frozen {
	const struct wps_host *host;
	struct wps_self *self;
	unsigned opened, closed, connected, disconnected, forgotten;
	unsigned posted, timed;
};

/* One worker is enough for what this is for, so there is no state per worker but
 * its timer. */
struct at_worker {
	struct frozen *frozen;
	struct wps_timer *timer;
};

/* --- auth -------------------------------------------------------------------------- */

static void
authenticate(void *state, const struct wps_auth_request *request,
    struct wps_auth_reply *reply)
{
	const struct at_worker *at = state;
	const struct wps_span roles[] = { WPS_SPAN("all") };
	const struct wps_span groups[] = { WPS_SPAN("first") };
	const struct wps_identity identity = {
		.user = WPS_SPAN("somebody"),
		.roles = roles,
		.role_count = 1,
		.groups = groups,
		.group_count = 1,
		.claims = WPS_SPAN("{}"),
	};
	bool known = wps_span_eq(request->token, TOKEN);

	at->frozen->host->auth_answer(reply, known ? WPS_OK : WPS_DECLINED,
	    known ? &identity : NULL, "another token");
}

static int
permit(void *state, struct wps_span role, struct wps_permit *out)
{
	(void)state;
	if (!wps_span_eq(role, WPS_SPAN("all")))
		return WPS_DECLINED;
	out->perm = WPS_PERM_SEND;
	out->scope = WPS_PERMIT_ALL;
	return WPS_OK;
}

static int
sign(void *state, unsigned key, struct wps_span bytes, uint8_t mac_out[32])
{
	(void)state;
	if (key > 0)
		return WPS_NOT_FOUND;
	memset(mac_out, (int)bytes.len, 32);
	return WPS_OK;
}

static int
issue(void *state, const struct wps_claims *claims, char *dst, size_t cap,
    size_t *len_out)
{
	(void)state;
	(void)claims;
	if (cap < TOKEN.len)
		return WPS_FULL;
	memcpy(dst, TOKEN.data, TOKEN.len);
	*len_out = TOKEN.len;
	return WPS_OK;
}

static const struct wps_auth auth = {
	.struct_size = sizeof(struct wps_auth),
	.authenticate = authenticate,
	.permit = permit,
	.sign = sign,
	.issue = issue,
};

/* --- upstream ------------------------------------------------------------------------ */

static bool
wants(void *state, const struct wps_event *event)
{
	(void)state;
	(void)event;
	return true;
}

static void
deliver(void *state, const struct wps_event *event, struct wps_reply *reply)
{
	struct frozen *frozen = ((const struct at_worker *)state)->frozen;
	const struct wps_host *host = frozen->host;

	/* Kinds that are appended later are not for this plugin. */
	switch ((int)event->kind) {
	case WPS_EVENT_CONNECT:
		*host->conn_slot(frozen->self, event->conn) = frozen;
		host->answer(reply, &(struct wps_answer){
			.result = WPS_OK,
			.user = WPS_SPAN("nobody"),
		});
		break;
	case WPS_EVENT_CONNECTED:
		frozen->connected++;
		break;
	case WPS_EVENT_DISCONNECTED:
		frozen->disconnected++;
		break;
	case WPS_EVENT_USER:
		host->answer(reply, &(struct wps_answer){
			.result = WPS_OK,
			.has_message = true,
			.type = event->type,
			.payload = event->payload,
		});
		break;
	case WPS_EVENT_JOINED:
	case WPS_EVENT_LEFT:
		break;
	}
}

static void
cancel(void *state, struct wps_reply *reply)
{
	(void)state;
	(void)reply;
}

static bool
busy(void *state)
{
	(void)state;
	return false;
}

static void
forget(void *state, void *slot)
{
	struct frozen *frozen = slot;

	(void)state;
	frozen->forgotten++;
}

static const struct wps_upstream upstream = {
	.struct_size = sizeof(struct wps_upstream),
	.wants = wants,
	.deliver = deliver,
	.cancel = cancel,
	.busy = busy,
	.forget = forget,
};

/* --- route ---------------------------------------------------------------------------- */

static void
on_identity(struct wps_request *request, int result,
    const struct wps_identity *identity, void *data)
{
	const struct wps_host *host = ((struct at_worker *)data)->frozen->host;
	const struct wps_header type = {
		WPS_SPAN("Content-Type"), WPS_SPAN("text/plain"),
	};

	host->respond(request, &(struct wps_response){
		.status = result == WPS_OK ? 200 : 401,
		.headers = &type,
		.header_count = 1,
		.body = result == WPS_OK ? identity->user : WPS_SPAN("who?"),
	});
}

static void
serve(void *state, struct wps_request *request)
{
	const struct wps_host *host = ((const struct at_worker *)state)->frozen->host;

	host->request_authenticate(request, WPS_SPAN_NONE, on_identity, state);
}

static const struct wps_route route = {
	.struct_size = sizeof(struct wps_route),
	.prefix = "/frozen/",
	.serve = serve,
};

/* --- subprotocol ------------------------------------------------------------------------ */

static int
judge_query(void *state, const struct wps_handshake *handshake,
    struct wps_err *err)
{
	(void)state;
	(void)err;
	return handshake->subprotocol_count > 0 ? WPS_OK : WPS_EINVAL;
}

static void
on_open(void *state, struct wps_conn *conn,
    const struct wps_handshake *handshake)
{
	struct frozen *frozen = ((const struct at_worker *)state)->frozen;
	unsigned *messages = frozen->host->conn_data(conn);

	(void)handshake;
	*messages = 0;
	frozen->opened++;
	frozen->host->conn_send(conn, WPS_FRAME_TEXT,
	    frozen->host->conn_view(conn)->user);
}

static void
on_answer(void *state, struct wps_conn *conn, const struct wps_answer *answer)
{
	const struct frozen *frozen = ((const struct at_worker *)state)->frozen;

	frozen->host->conn_send(conn, WPS_FRAME_TEXT, answer->payload);
}

static void
on_done(const struct wps_outcome *outcome, void *data)
{
	const struct frozen *frozen = data;

	frozen->host->log(frozen->self, WPS_LOG_INFO, "sent matched=%d",
	    (int)outcome->matched);
}

static void
send_to_group(const struct frozen *frozen, struct wps_conn *conn,
    struct wps_span payload)
{
	const struct wps_host *host = frozen->host;
	struct wps_msg *msg = host->msg_create(&(struct wps_msg_view){
		.type = WPS_DATA_TEXT,
		.from = WPS_FROM_GROUP,
		.group = WPS_SPAN("first"),
		.payload = payload,
	});

	if (host->conn_may(conn, WPS_PERM_SEND, WPS_SPAN("first")))
		host->submit(host->conn_worker(conn), &(struct wps_command){
			.op = WPS_OP_SEND,
			.whom = WPS_TO_GROUP,
			.hub = host->conn_view(conn)->hub,
			.name = WPS_SPAN("first"),
			.msg = msg,
		}, on_done, (void *)(uintptr_t)frozen);
	host->msg_unref(msg);
}

/* The first message is an event, all others go to the group. */
static void
on_recv(void *state, struct wps_conn *conn, enum wps_frame frame,
    struct wps_span data)
{
	const struct frozen *frozen = ((const struct at_worker *)state)->frozen;
	unsigned *messages = frozen->host->conn_data(conn);

	(void)frame;
	if ((*messages)++ > 0) {
		send_to_group(frozen, conn, data);
		return;
	}
	frozen->host->conn_event(conn, &(struct wps_event){
		.name = WPS_SPAN("said"),
		.type = WPS_DATA_TEXT,
		.payload = data,
	}, on_answer);
}

static void
on_goodbye(void *state, struct wps_conn *conn, struct wps_span reason)
{
	const struct frozen *frozen = ((const struct at_worker *)state)->frozen;

	frozen->host->conn_send(conn, WPS_FRAME_TEXT, reason);
}

static void
on_close(void *state, struct wps_conn *conn)
{
	struct frozen *frozen = ((const struct at_worker *)state)->frozen;

	(void)conn;
	frozen->closed++;
}

static int
encode(void *state, const struct wps_msg_view *msg, struct wps_body *body)
{
	const struct wps_host *host = ((const struct at_worker *)state)->frozen->host;
	char *room = host->body_make(body, WPS_FRAME_TEXT, msg->payload.len);

	if (room == NULL)
		return WPS_ENOMEM;
	memcpy(room, msg->payload.data, msg->payload.len);
	host->body_insert(body, 0, 0);
	return WPS_OK;
}

static size_t
insert(void *state, struct wps_conn *conn, unsigned slot, uint64_t sequence,
    size_t body_len, char *dst)
{
	(void)body_len;
	(void)state;
	(void)conn;
	(void)slot;
	(void)sequence;
	memcpy(dst, "> ", 2);
	return 2;
}

static const struct wps_subprotocol subprotocol = {
	.struct_size = sizeof(struct wps_subprotocol),
	.name = "frozen.v1",
	.conn_size = sizeof(unsigned),
	.check = judge_query,
	.open = on_open,
	.recv = on_recv,
	.goodbye = on_goodbye,
	.close = on_close,
	.encode = encode,
	.insert = insert,
};

/* --- life ------------------------------------------------------------------------------- */

static int
frozen_check(const struct wps_host *host, const struct wps_conf *conf,
    const char *hub, struct wps_err *err)
{
	(void)err;
	if (hub)
		return host->conf_int(conf, "frozen_number") == 3 ? WPS_OK :
		    WPS_EINVAL;
	return wps_span_eq(host->conf_span(conf, "word"), WPS_SPAN("ice")) ?
	    WPS_OK : WPS_EINVAL;
}

static int
frozen_init(const struct wps_host *host, struct wps_self *self,
    void **state_out)
{
	struct frozen *frozen = calloc(1, sizeof(*frozen));

	if (frozen == NULL)
		return WPS_ENOMEM;
	frozen->host = host;
	frozen->self = self;
	if (host->add_subprotocol(self, &subprotocol) != WPS_OK ||
	    host->add_auth(self, &auth) != WPS_OK ||
	    host->add_upstream(self, &upstream) != WPS_OK ||
	    host->add_route(self, &route) != WPS_OK) {
		free(frozen);
		return WPS_EINVAL;
	}
	*state_out = frozen;
	return WPS_OK;
}

static void
on_timer(void *data)
{
	struct at_worker *at = data;

	at->timer = NULL;
	at->frozen->timed++;
}

static void
on_post(struct wps_worker *worker, void *data)
{
	(void)worker;
	((struct frozen *)data)->posted++;
}

static int
frozen_worker_start(void *state, struct wps_worker *worker,
    void **worker_state_out)
{
	struct at_worker *at = calloc(1, sizeof(*at));

	if (at == NULL)
		return WPS_ENOMEM;
	at->frozen = state;
	at->timer = at->frozen->host->timer_start(worker, 3600 * 1000, on_timer, at);
	at->frozen->host->post(worker, on_post, state);
	*worker_state_out = at;
	return WPS_OK;
}

static void
frozen_worker_stop(void *worker_state)
{
	struct at_worker *at = worker_state;

	at->frozen->host->timer_stop(at->timer);
	free(at);
}

static void
frozen_fini(void *state)
{
	struct frozen *frozen = state;
	uint8_t mac[32];

	/* What it has registered is gone already. */
	frozen->host->log(frozen->self, WPS_LOG_INFO, "fini opened=%u closed=%u "
	    "connected=%u disconnected=%u forgotten=%u posted=%u sign=%d",
	    frozen->opened, frozen->closed, frozen->connected,
	    frozen->disconnected, frozen->forgotten, frozen->posted,
	    frozen->host->sign(frozen->self, 0, WPS_SPAN("x"), mac));
	free(frozen);
}

static const struct wps_option options[] = {
	{ .name = "word", .type = WPS_OPT_STRING, .fallback = "ice",
	  .help = "What it is made of." },
	WPS_OPTION_END,
};

static const struct wps_option hub_options[] = {
	{ .name = "frozen_number", .type = WPS_OPT_INT, .fallback = "3",
	  .min = 1, .max = 9, .help = "A number." },
	WPS_OPTION_END,
};

WPS_PLUGIN_DEFINE("frozen",
	.version = "1.0",
	.options = options,
	.hub_options = hub_options,
	.check = frozen_check,
	.init = frozen_init,
	.worker_start = frozen_worker_start,
	.worker_stop = frozen_worker_stop,
	.fini = frozen_fini);
