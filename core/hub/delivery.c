/* SPDX-License-Identifier: MIT */
#include "hub/delivery.h"

#include "hub/conn.h"
#include "util/attr.h"
#include "util/log.h"

/* What plugins know as the body: the place for the one they make. */
struct wps_body {
	struct body *made;
};

void
delivery_init(struct delivery *delivery, struct worker *worker,
    const struct wps_msg_view *msg, uint64_t expires_ms)
{
	*delivery = (struct delivery){
		.worker = worker,
		.msg = msg,
		.expires_ms = expires_ms,
	};
}

void
delivery_fini(struct delivery *delivery)
{
	for (unsigned i = 0; i < SUBPROTOCOLS_MAX; i++)
		body_unref(delivery->bodies[i]);
}

char *
delivery_body_make(struct wps_body *body, enum wps_frame frame, size_t len)
{
	wps_assert(body->made == NULL);
	body->made = body_new((uint8_t)frame, len);
	return body->made ? body_data(body->made) : NULL;
}

void
delivery_body_insert(struct wps_body *body, unsigned slot, size_t offset)
{
	struct body *made = body->made;

	wps_assert(made && made->insert_count < WPS_INSERTS);
	unsigned i = made->insert_count++;
	wps_assert(slot < WPS_SLOTS && offset <= made->len);
	wps_assert(i == 0 || (slot > made->insert_slot[i - 1] &&
	    offset >= made->insert_at[i - 1]));
	made->insert_slot[i] = (uint8_t)slot;
	made->insert_at[i] = (uint32_t)offset;
}

/* Those of before group state do not know that there are such messages. */
static bool
is_strange(const struct wps_msg_view *msg, const struct subprotocol *sub)
{
	return msg->states && !(sub->ops.flags & WPS_SUBPROTOCOL_STATES);
}

static void
encode(struct delivery *delivery, const struct subprotocol *sub)
{
	struct wps_body body = { NULL };

	if (is_strange(delivery->msg, sub)) {
		delivery->states[sub->index] = DELIVERY_DECLINED;
		return;
	}
	int rc = sub->ops.encode(plugin_state(delivery->worker, sub->self),
	    delivery->msg, &body);

	if (rc == WPS_OK && body.made) {
		body.made->expires_ms = delivery->expires_ms;
		body_seal(body.made);
		delivery->bodies[sub->index] = body.made;
		delivery->states[sub->index] = DELIVERY_MADE;
		return;
	}
	if (rc != WPS_DECLINED)
		log_warnx("core", "message cannot be encoded subprotocol=%s",
		    sub->ops.name);
	body_unref(body.made);
	delivery->states[sub->index] = DELIVERY_DECLINED;
}

/* A full buffer gives up first what would not be sent again. */
static int
keep(struct wps_conn *conn, struct body *body, uint64_t *sequence_out)
{
	const struct replay_limits *limits = &conn->shard->hub->options.replay;

	if (replay_add(conn->replay, body, limits, sequence_out) == WPS_OK)
		return WPS_OK;
	replay_drop_expired(conn->replay, worker_now_ms(conn->worker));
	return replay_add(conn->replay, body, limits, sequence_out);
}

/* Numbered and kept, and sent if there is a transport. */
static int
push_reliably(struct wps_conn *conn, struct body *body)
{
	uint64_t sequence;

	if (!conn_is_live(conn))
		return WPS_OK;
	if (keep(conn, body, &sequence) != WPS_OK) {
		conn_overflow(conn, "too many unacknowledged messages");
		return WPS_FULL;
	}
	return conn_push(conn, body, sequence);
}

int
delivery_push(struct delivery *delivery, struct wps_conn *conn)
{
	const struct subprotocol *sub = conn->sub;

	if (delivery->states[sub->index] == DELIVERY_UNMADE)
		encode(delivery, sub);
	if (delivery->states[sub->index] == DELIVERY_DECLINED)
		return WPS_DECLINED;
	struct body *body = delivery->bodies[sub->index];
	if (conn->replay)
		return push_reliably(conn, body);
	return conn_push(conn, body, 0);
}

int
delivery_deliver(struct wps_conn *conn, const struct wps_msg_view *msg)
{
	struct delivery delivery;

	if (conn->sub == NULL)
		return WPS_OK;
	delivery_init(&delivery, conn->worker, msg, msg->ttl_s ?
	    worker_now_ms(conn->worker) + UINT64_C(1000) * msg->ttl_s : 0);
	int rc = delivery_push(&delivery, conn);
	delivery_fini(&delivery);
	return rc == WPS_FULL ? WPS_FULL : WPS_OK;
}

void
delivery_replay(struct wps_conn *conn)
{
	uint64_t now_ms = worker_now_ms(conn->worker);

	for (uint32_t i = 0; i < conn->replay->count && conn->ws; i++) {
		const struct replay_entry *entry = replay_at(conn->replay, i);
		uint64_t expires_ms = entry->body->expires_ms;
		if (expires_ms == 0 || expires_ms > now_ms)
			(void)conn_push(conn, entry->body, entry->sequence);
	}
}

int
delivery_send(struct wps_conn *conn, enum wps_frame frame, struct wps_span data)
{
	if (conn->ws == NULL)
		return WPS_OK; /* nobody hears it */
	struct body *body = body_new((uint8_t)frame, data.len);
	if (body == NULL)
		return WPS_FULL;
	if (data.len > 0)
		memcpy(body_data(body), data.data, data.len);
	body_seal(body);
	int rc = conn_push(conn, body, 0);
	body_unref(body);
	return rc;
}
