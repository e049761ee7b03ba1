/* SPDX-License-Identifier: MIT */
#include "hub/client.h"

#include "hub/conn.h"
#include "hub/event.h"
#include "hub/identity.h"
#include "hub/recovery.h"
#include "hub/server.h"
#include "lib/base64.h"
#include "lib/names.h"
#include "lib/pct.h"
#include "net/httpbyte.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/log.h"

#include <stdio.h>
#include <stdlib.h>

#define OFFERED_MAX 32         /* subprotocols of one request that are looked at */
#define REFUSAL_BODY_MAX 4096  /* of the application's, to a refused client */

/* Texts of its own, all in one allocation. */
struct texts {
	struct wps_span *items;
	size_t count;
};

/* The subprotocols of a request, in order; they live in it. */
struct offer {
	struct wps_span names[OFFERED_MAX];
	size_t count;
};

/* One upgrade request, until it is answered. */
struct client {
	struct http *http;     /* its answer ends this */
	struct wps_conn *conn; /* counted; from the identity on, in no table yet */
	size_t hub_len;
	char hub[NAME_HUB_MAX]; /* lower case */
	struct wps_auth_reply auth;
	struct texts groups;   /* owned; to be joined when it opens */
	char *token;           /* owned; decoded where the query escapes it */
	bool gone;             /* the peer has left: only the application waits */
	const struct subprotocol *sub; /* as agreed, from the choice on */
	struct wps_span spelled;
	struct offer offer;
	struct wps_handshake handshake;
};

static void
texts_free(struct texts *texts)
{
	free(texts->items);
	*texts = (struct texts){ 0 };
}

static void
texts_set(struct texts *texts, const struct wps_span *from, size_t count)
{
	size_t size = count * sizeof(*from);

	for (size_t i = 0; i < count; i++)
		size += from[i].len;
	texts_free(texts);
	texts->items = xmalloc(size);
	texts->count = count;
	char *dst = (char *)&texts->items[count];
	for (size_t i = 0; i < count; i++) {
		texts->items[i] = (struct wps_span){ dst, from[i].len };
		memcpy(dst, from[i].data, from[i].len);
		dst += from[i].len;
	}
}

/* --- the end ------------------------------------------------------------------- */

static void
client_free(struct client *client)
{
	if (client->conn && client->conn->state != CONN_OPEN)
		conn_set_state(client->conn, CONN_GONE);
	conn_unref(&client->conn);
	texts_free(&client->groups);
	free(client->token);
	free(client);
}

static void
refuse(struct client *client, int status, const char *reason)
{
	struct http *http = client->http;

	client_free(client);
	http_refuse(http, status, reason);
}

/* The application has said no: its words, within limits. */
static void
refuse_as_told(struct client *client, const struct wps_answer *answer)
{
	struct http *http = client->http;
	const struct wps_header type = {
		WPS_SPAN("Content-Type"), answer->content_type,
	};
	struct wps_span body = answer->body;

	if (body.len > REFUSAL_BODY_MAX)
		body.len = REFUSAL_BODY_MAX;
	client_free(client);
	http_respond(http, answer->status ? answer->status : 500, &type,
	    answer->content_type.len > 0, body);
}

void
client_gone(struct http *http)
{
	struct client *client = http->exchange;

	client->gone = true;
}

static void
abandon(struct http *http)
{
	struct client *client = http->exchange;

	if (client->conn)
		event_cancel(client->conn);
	client_free(client);
}

/* --- the request ------------------------------------------------------------------ */

static const struct wps_span prefix = { "/client/hubs/", 13 };

static bool
starts_with_prefix(struct wps_span path)
{
	return path.len > prefix.len && name_eq_nocase(
	    (struct wps_span){ path.data, prefix.len }, prefix);
}

bool
client_path(struct wps_span path)
{
	return starts_with_prefix(path) ||
	    name_eq_nocase(path, WPS_SPAN("/client")) ||
	    name_eq_nocase(path, WPS_SPAN("/client/"));
}

/* The raw value of a query parameter, the last one counts; absent. */
static struct wps_span
parameter(struct wps_span query, const char *wanted)
{
	struct wps_span name, value, found = WPS_SPAN_NONE;

	while (query_next(&query, &name, &value))
		if (wps_span_eq(name, wps_span_str(wanted)))
			found = value;
	return found;
}

static struct wps_span
raw_hub(const struct http_request *request)
{
	struct wps_span path = request->path;

	if (!starts_with_prefix(path))
		return parameter(request->query, "hub");
	path.data += prefix.len;
	path.len -= prefix.len;
	if (path.data[path.len - 1] == '/')
		path.len--;
	return path;
}

/* The hub's name in lower case; its length, 0 when it is missing or not valid. */
static size_t
read_hub(char name[NAME_HUB_MAX], const struct http_request *request)
{
	struct wps_span raw = raw_hub(request);
	char decoded[3 * NAME_HUB_MAX];
	size_t len;

	if (raw.len == 0 || raw.len > sizeof(decoded) ||
	    !pct_decode(decoded, raw, &len) ||
	    !name_hub_valid((struct wps_span){ decoded, len }))
		return 0;
	name_lower(name, (struct wps_span){ decoded, len });
	return len;
}

static void
refuse_version(struct http *http)
{
	const struct wps_header headers[] = {
		{ WPS_SPAN("Connection"), WPS_SPAN("Upgrade") },
		{ WPS_SPAN("Upgrade"), WPS_SPAN("websocket") },
		{ WPS_SPAN("Sec-WebSocket-Version"), WPS_SPAN("13") },
	};

	http_respond(http, 426, headers, ARRAY_LEN(headers), WPS_SPAN_NONE);
}

/* RFC 6455, section 4.2.1: 16 bytes in base64. */
static bool
key_valid(struct wps_span key)
{
	size_t len;

	return key.len == 24 && base64_valid(key, &len) && len == 16;
}

/* False: it was refused. */
static bool
check_upgrade(struct http *http)
{
	const struct http_request *request = http_request(http);

	if (!client_path(request->path)) {
		http_refuse(http, 404, "there is nothing here");
	} else if (!wps_span_eq(http_header_find(request,
	    "Sec-WebSocket-Version"), WPS_SPAN("13"))) {
		refuse_version(http);
	} else if (!key_valid(http_header_find(request, "Sec-WebSocket-Key"))) {
		http_refuse(http, 400, "Sec-WebSocket-Key is not valid");
	} else {
		return true;
	}
	return false;
}

static void
read_list(struct offer *offer, struct wps_span list)
{
	while (list.len > 0 && offer->count < OFFERED_MAX) {
		const char *comma = memchr(list.data, ',', list.len);
		size_t len = comma ? (size_t)(comma - list.data) : list.len;
		struct wps_span item =
		    http_trim((struct wps_span){ list.data, len });
		if (item.len > 0)
			offer->names[offer->count++] = item;
		list.data += comma ? len + 1 : len;
		list.len -= comma ? len + 1 : len;
	}
}

static void
read_offer(struct offer *offer, const struct http_request *request)
{
	offer->count = 0;
	for (size_t i = 0; i < request->header_count; i++)
		if (name_eq_nocase(request->headers[i].name,
		    WPS_SPAN("Sec-WebSocket-Protocol")))
			read_list(offer, request->headers[i].value);
}

static void
read_handshake(struct client *client, const struct http_request *request)
{
	read_offer(&client->offer, request);
	client->handshake = (struct wps_handshake){
		.query = request->query,
		.headers = request->headers,
		.header_count = request->header_count,
		.subprotocols = client->offer.names,
		.subprotocol_count = client->offer.count,
	};
}

/* The token of the query, else of the header (the decision table of the spec). */
static struct wps_span
read_token(struct client *client, const struct http_request *request)
{
	struct wps_span token = parameter(request->query, "access_token");

	if (token.len == 0)
		return identity_bearer(request);
	if (memchr(token.data, '%', token.len) == NULL)
		return token;
	client->token = xmalloc(token.len);
	if (!pct_decode(client->token, token, &token.len))
		token.len = 0; /* present and not valid */
	token.data = client->token;
	return token;
}

/* --- the choice of the subprotocol --------------------------------------------------- */

static const struct points *
points_of(const struct client *client)
{
	return &worker_server(http_worker(client->http))->points;
}

static const struct subprotocol *
nameless_of(const struct client *client)
{
	return client->conn->shard->hub->options.nameless;
}

/* The first offered name that a plugin knows (client-protocols.md, section 4). */
static const struct subprotocol *
first_known(const struct points *points, const struct offer *offer,
    struct wps_span *spelled_out)
{
	for (size_t i = 0; i < offer->count; i++) {
		const struct subprotocol *sub =
		    points_subprotocol(points, offer->names[i]);
		if (sub) {
			*spelled_out = offer->names[i];
			return sub;
		}
	}
	*spelled_out = WPS_SPAN_NONE;
	return NULL;
}

/* A name that no plugin knows is served like none at all. */
static const struct subprotocol *
told_one(struct client *client, struct wps_span told)
{
	const struct offer *offer = &client->offer;

	for (size_t i = 0; i < offer->count; i++) {
		if (!name_eq_nocase(offer->names[i], told))
			continue;
		client->spelled = offer->names[i];
		const struct subprotocol *sub =
		    points_subprotocol(points_of(client), told);
		return sub ? sub : nameless_of(client);
	}
	return NULL;
}

/* False: there is none for this client. */
static bool
choose(struct client *client, struct wps_span told)
{
	if (told.len > 0) {
		client->sub = told_one(client, told);
	} else {
		client->sub = first_known(points_of(client), &client->offer,
		    &client->spelled);
		if (client->sub == NULL)
			client->sub = nameless_of(client);
	}
	return client->sub != NULL;
}

/* --- opening ---------------------------------------------------------------------------- */

static void
take_stream(struct stream *stream, struct sender *first, struct wps_span early,
    void *data)
{
	struct client *client = data;

	conn_open(&(struct conn_opening){
	    .conn = client->conn,
	    .sub = client->sub,
	    .spelled = client->spelled,
	    .groups = client->groups.items,
	    .group_count = client->groups.count,
	    .handshake = &client->handshake,
	}, stream, first, early);
}

/* An application that has let it in hears that it did not come. */
static void
turn_away(struct client *client, struct wps_span why, int status,
    const char *reason)
{
	event_disconnected(client->conn, why);
	refuse(client, status, reason);
}

static void
open_client(struct client *client, struct wps_span told)
{
	struct http *http = client->http;

	if (client->gone) {
		turn_away(client, WPS_SPAN("connection lost"), 500, "gone");
	} else if (http_worker(http)->draining) {
		/* All that were open have been closed: nobody would close it. */
		turn_away(client, WPS_SPAN("the server is shutting down"), 503,
		    "the server is stopping");
	} else if (!choose(client, told)) {
		turn_away(client, WPS_SPAN("subprotocol not available"), 500,
		    "no subprotocol could be agreed on");
	} else {
		http_upgrade(http, client->spelled, take_stream, client);
		client_free(client);
	}
}

/* --- roles and groups --------------------------------------------------------------------- */

static void
apply_roles(struct client *client, const struct wps_span *roles, size_t count)
{
	const struct points *points = points_of(client);
	struct wps_conn *conn = client->conn;
	uint32_t max = conn->shard->hub->options.rules_per_conn;

	perms_fini(&conn->perms);
	conn->perms = (struct perms){ 0 };
	if (points->auth_self == NULL)
		return;
	void *state = plugin_state(conn->worker, points->auth_self);
	for (size_t i = 0; i < count; i++) {
		struct wps_permit permit = { 0 };
		int rc = points->auth.permit(state, roles[i], &permit);
		if (rc == WPS_OK)
			rc = perms_permit(&conn->perms, &permit, max);
		if (rc == WPS_FULL || rc < 0)
			log_debug("core", "role skipped conn=%.*s reason=%s",
			    CONN_ID_SIZE, conn->id,
			    rc == WPS_FULL ? "limit" : "malformed");
	}
}

static bool
groups_valid(const struct wps_span *groups, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!name_group_valid(groups[i]))
			return false;
	return true;
}

static bool
user_valid(struct wps_span user)
{
	return user.len == 0 || name_id_valid(user);
}

/* --- the connect event ---------------------------------------------------------------------- */

static void
on_connect_answer(struct wps_conn *conn, const struct wps_answer *answer,
    void *data)
{
	struct client *client = data;

	if (answer->result == WPS_DECLINED) {
		refuse_as_told(client, answer);
		return;
	}
	conn->announced = answer->result == WPS_OK || answer->agreed;
	if (answer->result != WPS_OK && answer->result != WPS_NOT_FOUND) {
		turn_away(client, WPS_SPAN("answer to connect not valid"), 500,
		    "the application did not answer as it should");
		return;
	}
	if (!groups_valid(answer->groups, answer->group_count)) {
		turn_away(client, WPS_SPAN("group name not valid"), 500,
		    "the application named a group that is not valid");
		return;
	}
	if (!user_valid(answer->user)) {
		turn_away(client, WPS_SPAN("user id not valid"), 500,
		    "the application gave a user id that is not valid");
		return;
	}
	if (answer->user.len > 0)
		conn_set_user(conn, answer->user);
	if (answer->has_roles)
		apply_roles(client, answer->roles, answer->role_count);
	if (answer->group_count > 0)
		texts_set(&client->groups, answer->groups, answer->group_count);
	open_client(client, answer->subprotocol);
}

static void
ask_application(struct client *client, struct wps_span claims)
{
	struct wps_handshake handshake = client->handshake;

	handshake.claims = claims;
	conn_set_state(client->conn, CONN_CONNECT_EVENT);
	if (event_connect(client->conn, &handshake, on_connect_answer,
	    client) == WPS_NOT_FOUND)
		open_client(client, WPS_SPAN_NONE);
}

/* --- who it is ----------------------------------------------------------------------------- */

/* What subprotocols say to the query, whatever will be agreed on. */
static int
check_query(struct client *client, struct wps_err *err)
{
	const struct points *points = points_of(client);

	for (unsigned i = 0; i < points->subprotocol_count; i++) {
		const struct subprotocol *sub = &points->subprotocols[i];
		if (sub->ops.check && sub->ops.check(
		    plugin_state(http_worker(client->http), sub->self),
		    &client->handshake, err) != WPS_OK)
			return WPS_EINVAL;
	}
	return WPS_OK;
}

/* Only a caller who was let in makes a hub. */
static int
make_conn(struct client *client, const struct wps_identity *identity)
{
	struct worker *worker = http_worker(client->http);
	struct hub *hub = hub_get(&worker_server(worker)->hubs,
	    (struct wps_span){ client->hub, client->hub_len });

	if (hub == NULL)
		return WPS_FULL;
	client->conn = conn_new(worker, hub);
	conn_set_user(client->conn, identity->user);
	apply_roles(client, identity->roles, identity->role_count);
	if (identity->group_count > 0)
		texts_set(&client->groups, identity->groups,
		    identity->group_count);
	return WPS_OK;
}

static void
on_identity(struct wps_auth_reply *reply, int result,
    const struct wps_identity *identity)
{
	struct client *client = container_of(reply, struct client, auth);
	struct wps_err err = { "" };

	if (result != WPS_OK || client->gone)
		refuse(client, 401, "the access token is missing or not valid");
	else if (!groups_valid(identity->groups, identity->group_count))
		refuse(client, 400, "the token names a group that is not valid");
	else if (!user_valid(identity->user))
		refuse(client, 400, "the token names a user that is not valid");
	else if (check_query(client, &err) != WPS_OK)
		refuse(client, 400, err.text);
	else if (make_conn(client, identity) != WPS_OK)
		refuse(client, 503, "there are too many hubs");
	else
		ask_application(client, identity->claims);
}

static void
ask_identity(struct client *client, struct wps_span token)
{
	struct worker *worker = http_worker(client->http);
	struct wps_span name = { client->hub, client->hub_len };
	char path[sizeof("/client/hubs/") + 3 * NAME_HUB_MAX];

	memcpy(path, prefix.data, prefix.len);
	char *end = pct_encode(path + prefix.len, name);
	client->auth.done = on_identity;
	identity_ask(worker, &(struct wps_auth_request){
	    .caller = WPS_CALLER_CLIENT,
	    .token = token,
	    .host = http_request(client->http)->host,
	    .path = { path, (size_t)(end - path) },
	    .hub = name,
	    .anonymous =
		hub_anonymous(&worker_server(worker)->hubs, name),
	}, &client->auth);
}

/* Its connection says the subprotocol; without one the request must. */
static void
recover(struct http *http, struct wps_span hub, struct wps_span id)
{
	struct offer offer;
	struct wps_span spelled;

	read_offer(&offer, http_request(http));
	(void)first_known(&worker_server(http_worker(http))->points, &offer,
	    &spelled);
	recovery_begin(http, hub, id, spelled);
}

void
client_upgrade(struct http *http)
{
	const struct http_request *request = http_request(http);
	char hub[NAME_HUB_MAX];

	if (!check_upgrade(http))
		return;
	size_t hub_len = read_hub(hub, request);
	if (hub_len == 0) {
		http_refuse(http, 400, "the hub is missing or not valid");
		return;
	}
	struct wps_span lost = parameter(request->query, "awps_connection_id");
	if (lost.len > 0) {
		recover(http, (struct wps_span){ hub, hub_len }, lost);
		return;
	}
	struct client *client = xcalloc(1, sizeof(*client));
	http->exchange = client;
	http->abandon = abandon;
	client->http = http;
	client->hub_len = hub_len;
	memcpy(client->hub, hub, hub_len);
	read_handshake(client, request);
	ask_identity(client, read_token(client, request));
}
