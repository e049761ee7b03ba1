/*
 * hello: a chat for clients of the subprotocol hello.v1. Everyone is greeted;
 * what one writes, all such clients of its hub read.
 */
#include <wps/wps.h>

#include <stdlib.h>

struct hello {
	const struct wps_host *host;
	struct wps_self *self;
	struct wps_span greeting; /* of the configuration: lives until fini */
};

static void
on_open(void *state, struct wps_conn *conn,
    const struct wps_handshake *handshake)
{
	const struct hello *hello = state;

	(void)handshake;
	hello->host->conn_send(conn, WPS_FRAME_TEXT, hello->greeting);
}

static void
on_recv(void *state, struct wps_conn *conn, enum wps_frame frame,
    struct wps_span data)
{
	const struct hello *hello = state;
	const struct wps_host *host = hello->host;
	const struct wps_conn_view *from = host->conn_view(conn);

	if (frame != WPS_FRAME_TEXT) {
		host->conn_close(conn, 1003, WPS_SPAN("text only"));
		return;
	}
	struct wps_msg *msg = host->msg_create(&(struct wps_msg_view){
		.type = WPS_DATA_TEXT,
		.from = WPS_FROM_SERVER,
		.from_user = from->user,
		.payload = data,
	});
	if (msg == NULL) {
		host->log(hello->self, WPS_LOG_WARN, "no memory for a message");
		return;
	}
	host->submit(host->conn_worker(conn), &(struct wps_command){
		.op = WPS_OP_SEND,
		.whom = WPS_TO_ALL,
		.hub = from->hub,
		.msg = msg,
	}, NULL, NULL);
	host->msg_unref(msg);
}

/* Once per message and worker; all receivers share what it writes. */
static int
on_encode(void *state, const struct wps_msg_view *msg, struct wps_body *body)
{
	const struct hello *hello = state;

	if (msg->type != WPS_DATA_TEXT && msg->type != WPS_DATA_JSON)
		return WPS_DECLINED;
	char *room = hello->host->body_make(body, WPS_FRAME_TEXT,
	    msg->payload.len);
	if (room == NULL)
		return WPS_ENOMEM;
	if (msg->payload.len > 0)
		memcpy(room, msg->payload.data, msg->payload.len);
	return WPS_OK;
}

static const struct wps_subprotocol subprotocol = {
	.struct_size = sizeof(struct wps_subprotocol),
	.name = "hello.v1",
	.open = on_open,
	.recv = on_recv,
	.encode = on_encode,
};

static int
hello_init(const struct wps_host *host, struct wps_self *self, void **state_out)
{
	struct hello *hello = calloc(1, sizeof(*hello));

	if (hello == NULL)
		return WPS_ENOMEM;
	hello->host = host;
	hello->self = self;
	hello->greeting = host->conf_span(host->conf(self), "greeting");
	if (host->add_subprotocol(self, &subprotocol) != WPS_OK) {
		free(hello);
		return WPS_EINVAL;
	}
	*state_out = hello;
	return WPS_OK;
}

static void
hello_fini(void *state)
{
	free(state);
}

static const struct wps_option options[] = {
	{ .name = "greeting", .type = WPS_OPT_STRING, .fallback = "hello",
	  .min = 1, .max = 1000, .help = "What a client reads first." },
	WPS_OPTION_END,
};

WPS_PLUGIN_DEFINE("hello",
	.version = "1.0",
	.options = options,
	.init = hello_init,
	.fini = hello_fini);
