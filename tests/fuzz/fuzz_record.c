/* SPDX-License-Identifier: MIT */
/*
 * Records of connections, through the core and the plugins as they are installed.
 *
 * Of a refused record nothing is left. One that is taken can be written, and what
 * is written is taken and written as the same bytes; the connection then lives
 * on: its kept messages have their inserts, requests are answered, its timers run.
 */
#include "fuzz.h"

#include "hub/conn.h"
#include "hub/delivery.h"
#include "record/still.h"

static struct server *
server_of_all(void)
{
	static struct server *server;

	if (server == NULL)
		server = still_start("");
	PROMISE(server != NULL);
	return server;
}

static struct wps_conn *
read_record(struct wps_span bytes)
{
	struct wps_conn *conn = NULL;
	struct wps_err err;
	int rc = record_read(still_worker(server_of_all()), bytes, &conn, &err);

	PROMISE((rc == WPS_OK) == (conn != NULL));
	PROMISE((rc == WPS_OK) == (err.text[0] == '\0'));
	return conn;
}

static void
write_record(struct wps_conn *conn, struct wps_record *record)
{
	struct wps_err err;

	PROMISE(record_write(conn, record, &err) == WPS_OK);
}

static void
end(struct wps_conn *conn)
{
	still_end(server_of_all(), conn);
	PROMISE(still_empty(server_of_all()));
}

/* The connection as it is after a second reading. */
static struct wps_conn *
check_stable(struct wps_conn *conn)
{
	struct wps_record first = { .data = NULL }, second = { .data = NULL };

	write_record(conn, &first);
	end(conn);
	conn = read_record((struct wps_span){ first.data, first.len });
	PROMISE(conn != NULL);
	write_record(conn, &second);
	PROMISE(first.len == second.len &&
	    memcmp(first.data, second.data, first.len) == 0);
	record_fini(&first);
	record_fini(&second);
	return conn;
}

static void
check_inserts(struct wps_conn *conn)
{
	char insert[WPS_INSERT_MAX];

	for (uint32_t i = 0; conn->replay && i < conn->replay->count; i++) {
		const struct replay_entry *entry = replay_at(conn->replay, i);
		for (unsigned k = 0; k < entry->body->insert_count; k++)
			PROMISE(conn->sub->ops.insert(conn_sub_state(conn),
			    conn, entry->body->insert_slot[k], entry->sequence,
			    entry->body->len, insert) <= sizeof(insert));
	}
}

static void
live_on(struct wps_conn *conn)
{
	static const char *const requests[] = {
		"{\"type\":\"ping\"}",
		"{\"type\":\"streamEnd\",\"streamId\":\"s\"}",
		"\1",
	};
	struct server *server = server_of_all();
	const struct hub *hub = conn->shard->hub;
	struct wps_conn *mine = conn_ref(conn);

	check_inserts(conn);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]) &&
	    conn_is_live(mine); i++)
		mine->sub->ops.recv(conn_sub_state(mine), mine,
		    requests[i][0] == '{' ? WPS_FRAME_TEXT : WPS_FRAME_BINARY,
		    wps_span_str(requests[i]));
	still_pass(server, hub->options.recovery_window_ms / 2);
	still_pass(server, hub->options.recovery_window_ms);
	if (conn_is_live(mine))
		still_end(server, mine);
	conn_unref(&mine);
	PROMISE(still_empty(server));
}

bool
fuzz_accepts(struct wps_span input)
{
	struct wps_conn *conn = read_record(input);

	if (conn)
		end(conn);
	return conn != NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wps_conn *conn =
	    read_record((struct wps_span){ (const char *)data, size });

	if (conn)
		live_on(check_stable(conn));
	else
		PROMISE(still_empty(server_of_all()));
	return 0;
}
