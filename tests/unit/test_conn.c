/* SPDX-License-Identifier: MIT */
/*
 * A connection on one end of a socket pair: which ends of its transport leave it,
 * and in which order the application hears of it.
 */
#include "hub/conn.h"
#include "hub/event.h"
#include "hub/record.h"
#include "hub/server.h"
#include "net/stream.h"
#include "net/wsinput.h"
#include "support/check.h"
#include "support/wsframe.h"
#include "util/alloc.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 6
#define HEARD 512

static const struct loop_limits limits = { .mailbox_bytes = 1 << 20 };

static struct {
	struct server server;
	struct worker *worker;
	struct hub *hub;
	struct wps_self self;
	struct subprotocol sub;
	struct wps_conn *conn; /* a reference */
	int fd; /* the client's end */
	char heard[HEARD]; /* by the application */
} at;

/* --- the application and the subprotocol --------------------------------------- */

static bool
on_wants(void *worker_state, const struct wps_event *event)
{
	(void)worker_state;
	(void)event;
	return true;
}

static bool
on_wants_presence(void *worker_state, struct wps_span hub)
{
	(void)worker_state;
	(void)hub;
	return true;
}

static void
on_deliver(void *worker_state, const struct wps_event *event,
    struct wps_reply *reply)
{
	size_t len = strlen(at.heard);

	(void)worker_state;
	(void)reply;
	snprintf(at.heard + len, HEARD - len, "%s%.*s", len ? " " : "",
	    (int)event->name.len, event->name.data);
}

static void
on_cancel(void *worker_state, struct wps_reply *reply)
{
	(void)worker_state;
	(void)reply;
}

static void
on_done(void *worker_state, struct wps_conn *conn,
    const struct wps_answer *answer)
{
	(void)worker_state;
	(void)conn;
	(void)answer;
}

static void
recv_nothing(void *worker_state, struct wps_conn *conn, enum wps_frame frame,
    struct wps_span data)
{
	(void)worker_state;
	(void)conn;
	(void)frame;
	(void)data;
}

/* --- the scene ------------------------------------------------------------------- */

static void
on_flushed(struct sender *sender)
{
	(void)sender;
}

static const struct sender_ops sender_ops = { .flushed = on_flushed };

/* A stream with its queue; the client has the other end. */
static struct stream *
make_stream(struct sender *first)
{
	int fds[2];

	CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds) == 0);
	at.fd = fds[0];
	struct stream *stream = stream_new(at.worker, fds[1], NULL);
	sender_init(first, stream, &at.hub->options.ws.out, &sender_ops);
	return stream;
}

static void
make_hub(void)
{
	const struct ws_limits ws = {
		.message = 1000, .ping_ms = 20000, .close_wait_ms = 5000,
		.held_items = 3, .held_bytes = 1000,
		.out = { .bytes = 1000, .items = 10 },
	};

	at.hub = xcalloc(1, sizeof(*at.hub));
	at.hub->options.ws = at.hub->options.reliable_ws = ws;
	at.hub->options.groups_per_conn = 10;
	at.hub->options.recovery_window_ms = 30000;
}

static void
make_plugin(void)
{
	struct points *points = &at.server.points;

	points->plugin_count = 1;
	points->upstream_count = 1;
	points->upstreams[0] = (struct upstream){
		.ops = { .wants = on_wants, .deliver = on_deliver,
		    .cancel = on_cancel, .wants_presence = on_wants_presence },
		.self = &at.self,
	};
	at.sub.self = &at.self;
	at.sub.ops.name = "s";
	at.sub.ops.flags = WPS_SUBPROTOCOL_RELIABLE;
	at.sub.ops.recv = recv_nothing;
}

static void
set_up(void)
{
	struct sender first;

	memset(&at, 0, sizeof(at));
	at.server.worker_count = 1;
	make_plugin();
	make_hub();
	at.worker = worker_new(0, at.server.workers, 1, &limits);
	at.worker->server = &at.server;
	at.worker->plugin_states = xcalloc(1, sizeof(void *));
	at.server.workers[0] = at.worker;
	at.conn = conn_new(at.worker, at.hub);
	conn_set_state(at.conn, CONN_CONNECT_EVENT);
	conn_open(&(struct conn_opening){ .conn = at.conn, .sub = &at.sub },
	    make_stream(&first), &first, WPS_SPAN_NONE);
	sender_fini(&first);
}

static void
turn(void)
{
	for (unsigned i = 0; i < TURNS; i++)
		ev_run(at.worker->loop, EVRUN_NOWAIT);
}

static void
tear_down(void)
{
	conn_close(at.conn, 1000, WPS_SPAN(""));
	ws_cut_all(at.worker);
	turn();
	check_number("references", at.conn->refs, 1);
	conn_unref(&at.conn);
	close(at.fd);
	shard_free(&at.hub->shards[0]);
	free(at.worker->plugin_states);
	wsinput_pool_fini(at.worker);
	worker_free(&at.worker);
	free(at.hub);
}

static void
client_says(unsigned opcode, const char *payload)
{
	char bytes[32];
	char *end = frame_put(bytes, FRAME_FIN | opcode, wps_span_str(payload));

	check_number("written", send(at.fd, bytes, (size_t)(end - bytes),
	    MSG_NOSIGNAL), end - bytes);
}

static void
client_closes(const char *code)
{
	client_says(FRAME_CLOSE, code);
}

static void
client_is_lost(void)
{
	shutdown(at.fd, SHUT_WR);
}

/* --- ends -------------------------------------------------------------------------- */

static void
end_lost(void)
{
	client_is_lost();
}

static void
end_1000(void)
{
	client_closes("\x03\xe8");
	turn();
	client_is_lost();
}

static void
end_1001(void)
{
	client_closes("\x03\xe9");
	turn();
	client_is_lost();
}

static void
end_without_code(void)
{
	client_closes("");
	turn();
	client_is_lost();
}

static void
end_by_server(void)
{
	conn_close(at.conn, 1011, WPS_SPAN("bye"));
	turn();
	client_closes("\x03\xe9");
	turn();
	client_is_lost();
}

static void
end_by_server_unanswered(void)
{
	conn_close(at.conn, 1011, WPS_SPAN("bye"));
	turn();
	client_is_lost();
}

/* The close frame finds nobody any more. */
static void
end_by_both(void)
{
	client_is_lost();
	conn_close(at.conn, 1011, WPS_SPAN("bye"));
}

static void
end_lost_in_drain(void)
{
	at.worker->draining = true;
	client_is_lost();
}

/* client-protocols.md, section 13.6. */
static void
test_ends_that_leave_the_connection(void)
{
	static const struct {
		const char *what;
		void (*end)(void);
		enum conn_state state;
	} rows[] = {
		{ "lost", end_lost, CONN_DETACHED },
		{ "closed with 1001", end_1001, CONN_DETACHED },
		{ "closed without a code", end_without_code, CONN_DETACHED },
		{ "closed with 1000", end_1000, CONN_GONE },
		{ "closed by the server", end_by_server, CONN_GONE },
		{ "closed by the server, then lost", end_by_server_unanswered,
		  CONN_GONE },
		{ "closed by the server and lost", end_by_both, CONN_GONE },
		{ "lost while the server drains", end_lost_in_drain, CONN_GONE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_up();
		rows[i].end();
		turn();
		check_text(rows[i].what, conn_state_name(at.conn->state),
		    conn_state_name(rows[i].state));
		tear_down();
	}
}

/* --- events ------------------------------------------------------------------------- */

static void
test_the_end_is_told_once(void)
{
	set_up();
	conn_close(at.conn, 1000, WPS_SPAN("bye"));
	turn();
	check_text("before the client answers", at.heard,
	    "connected disconnected");
	client_closes("\x03\xe8");
	client_is_lost();
	turn();
	check_number("gone", at.conn->state, CONN_GONE);
	check_text("behind it", at.heard, "connected disconnected");
	tear_down();
}

static void
test_a_join_is_told_before_the_next_event(void)
{
	const struct wps_event event = { .name = WPS_SPAN("e"),
		.type = WPS_DATA_TEXT, .payload = WPS_SPAN("x") };

	set_up();
	check_number("join", conn_join(at.conn, WPS_SPAN("g")), WPS_OK);
	check_number("event", event_user(at.conn, &event, on_done), WPS_OK);
	check_text("heard", at.heard, "connected joined e");
	turn();
	check_text("and no more", at.heard, "connected joined e");
	tear_down();
}

static void
test_nobody_hears_an_event_behind_the_close(void)
{
	const struct wps_event event = { .name = WPS_SPAN("e"),
		.type = WPS_DATA_TEXT, .payload = WPS_SPAN("x") };

	set_up();
	conn_close(at.conn, 1000, WPS_SPAN("bye"));
	check_number("event", event_user(at.conn, &event, on_done), WPS_OK);
	turn();
	check_text("heard", at.heard, "connected disconnected");
	tear_down();
}

/* --- records ------------------------------------------------------------------------ */

static int
try_to_write(void)
{
	struct wps_record record = { .data = NULL };
	struct wps_err err;
	int rc = record_write(at.conn, &record, &err);

	record_fini(&record);
	return rc;
}

/* The answer before it is there, its own turn is the next. */
static void
test_nothing_is_written_while_a_message_waits(void)
{
	set_up();
	ws_hold(at.conn->ws, true);
	client_says(FRAME_TEXT, "x");
	turn();
	ws_hold(at.conn->ws, false);
	check_number("waits", try_to_write(), WPS_PENDING);
	turn();
	check_number("is done", try_to_write(), WPS_OK);
	tear_down();
}

static const struct named_test tests[] = {
	TEST(test_ends_that_leave_the_connection),
	TEST(test_the_end_is_told_once),
	TEST(test_a_join_is_told_before_the_next_event),
	TEST(test_nobody_hears_an_event_behind_the_close),
	TEST(test_nothing_is_written_while_a_message_waits),
};

int
main(void)
{
	return RUN_TESTS("conn", tests);
}
