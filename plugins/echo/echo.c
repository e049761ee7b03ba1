/* SPDX-License-Identifier: MIT */
/*
 * The smallest subprotocol: every message comes back to its sender, byte for
 * byte. Copy this folder to begin a plugin of your own.
 *
 * A plugin exports one symbol, which WPS_PLUGIN_DEFINE makes at the end of the
 * file: its name, its options, its life. `init` is handed the host table, all
 * that a plugin may ask of the server, and registers what the plugin offers:
 * here one subprotocol. The host then calls the subprotocol's ops, each
 * connection's always on the one thread that owns it. `recv` gets what a client
 * has sent; `encode` writes what others send to such clients (REST, groups),
 * once for all receivers of a thread. `worker_start` makes the state that the
 * ops are given first; a plugin without one is given what `init` made. What a
 * connection has to remember goes into `conn_size` bytes, see host->conn_data.
 *
 * With WPS_SUBPROTOCOL_NAMELESS it serves clients that agree on no subprotocol,
 * in hubs that say `default_subprotocol: echo`. Leave the flag out, and clients
 * ask for it by its name.
 */
#include <wps/wps.h>

#include <stdlib.h>

struct echo {
	const struct wps_host *host; /* borrowed: stays valid until fini */
};

/* A full queue closes the connection: nothing is left to be done about it. */
static void
on_recv(void *state, struct wps_conn *conn, enum wps_frame frame,
    struct wps_span data)
{
	const struct echo *echo = state;

	echo->host->conn_send(conn, frame, data);
}

static int
on_encode(void *state, const struct wps_msg_view *msg, struct wps_body *body)
{
	const struct echo *echo = state;
	bool text = msg->type == WPS_DATA_TEXT || msg->type == WPS_DATA_JSON;
	char *room = echo->host->body_make(body,
	    text ? WPS_FRAME_TEXT : WPS_FRAME_BINARY, msg->payload.len);

	if (room == NULL)
		return WPS_ENOMEM;
	if (msg->payload.len > 0)
		memcpy(room, msg->payload.data, msg->payload.len);
	return WPS_OK;
}

static const struct wps_subprotocol echo_subprotocol = {
	.struct_size = sizeof(struct wps_subprotocol),
	.flags = WPS_SUBPROTOCOL_NAMELESS,
	.name = "echo",
	.recv = on_recv,
	.encode = on_encode,
};

static int
echo_init(const struct wps_host *host, struct wps_self *self, void **state_out)
{
	struct echo *echo = calloc(1, sizeof(*echo));

	if (echo == NULL)
		return WPS_ENOMEM;
	echo->host = host;
	if (host->add_subprotocol(self, &echo_subprotocol) != WPS_OK) {
		free(echo);
		return WPS_EINVAL;
	}
	*state_out = echo;
	return WPS_OK;
}

static void
echo_fini(void *state)
{
	free(state);
}

WPS_PLUGIN_DEFINE("echo",
	.version = "1.0",
	.init = echo_init,
	.fini = echo_fini);
