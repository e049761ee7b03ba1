/* SPDX-License-Identifier: MIT */
#include "publish.h"

int
publish(const struct worker *worker, struct wps_conn *conn,
    struct wps_msg_view draft, bool no_echo)
{
	const struct wps_host *host = worker->plugin->host;
	const struct wps_conn_view *sender = host->conn_view(conn);

	draft.from = WPS_FROM_GROUP;
	draft.from_user = sender->user;
	struct wps_msg *msg = host->msg_create(&draft);
	if (msg == NULL)
		return WPS_ENOMEM;
	struct wps_command command = {
		.op = WPS_OP_SEND,
		.whom = WPS_TO_GROUP,
		.hub = sender->hub,
		.name = draft.group,
		.msg = msg,
		.except = no_echo ? conn : NULL,
	};
	host->submit(host->conn_worker(conn), &command, NULL, NULL);
	host->msg_unref(msg);
	return WPS_OK;
}
