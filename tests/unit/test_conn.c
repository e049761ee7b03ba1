/* SPDX-License-Identifier: MIT */
/*
 * A connection on one end of a socket pair: which ends of its transport leave it,
 * and in which order the application hears of it.
 */
#include "hub/conn.h"
#include "hub/delivery.h"
#include "hub/event.h"
#include "hub/invoke.h"
#include "hub/record.h"
#include "hub/server.h"
#include "net/stream.h"
#include "net/wsinput.h"
#include "support/check.h"
#include "support/wsframe.h"
#include "util/alloc.h"
#include "util/hash.h"

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
	char reason[HEARD]; /* of the end, as it was told */
	struct wps_reply *reply; /* the first that is awaited */
	char received[HEARD]; /* by the subprotocol */
	unsigned urgent, goodbyes, answers;
	bool close_each; /* at each message */
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
	if (at.reply == NULL)
		at.reply = reply;
	snprintf(at.heard + len, HEARD - len, "%s%.*s", len ? " " : "",
	    (int)event->name.len, event->name.data);
	if (event->kind == WPS_EVENT_DISCONNECTED)
		snprintf(at.reason, HEARD, "%.*s", (int)event->reason.len,
		    event->reason.data);
}

static void
on_cancel(void *worker_state, struct wps_reply *reply)
{
	size_t len = strlen(at.heard);

	(void)worker_state;
	if (at.reply == reply)
		at.reply = NULL;
	snprintf(at.heard + len, HEARD - len, " cancel");
}

static void
on_done(void *worker_state, struct wps_conn *conn,
    const struct wps_answer *answer)
{
	(void)worker_state;
	(void)conn;
	(void)answer;
	at.answers++;
}

static void
on_invoked(void *worker_state, struct wps_conn *conn, struct wps_span id,
    const struct wps_answer *answer)
{
	(void)worker_state;
	(void)conn;
	(void)id;
	(void)answer;
}

static void
on_recv(void *worker_state, struct wps_conn *conn, enum wps_frame frame,
    struct wps_span data)
{
	size_t len = strlen(at.received);

	(void)worker_state;
	(void)frame;
	snprintf(at.received + len, HEARD - len, "%.*s", (int)data.len,
	    data.data);
	if (at.close_each)
		conn_close(conn, 1000, WPS_SPAN("enough"));
}

static bool
on_urgent(void *worker_state, struct wps_conn *conn, enum wps_frame frame,
    struct wps_span data)
{
	(void)worker_state;
	(void)frame;
	(void)data;
	at.urgent++;
	conn_close(conn, 1000, WPS_SPAN("enough"));
	return true;
}

static void
on_goodbye(void *worker_state, struct wps_conn *conn, struct wps_span reason)
{
	(void)worker_state;
	(void)conn;
	(void)reason;
	at.goodbyes++;
}

static int
encode(void *worker_state, const struct wps_msg_view *msg,
    struct wps_body *body)
{
	(void)worker_state;
	(void)msg;
	*delivery_body_make(body, WPS_FRAME_TEXT, 1) = 'm';
	return WPS_OK;
}

static int
encode_nothing(void *worker_state, const struct wps_msg_view *msg,
    struct wps_body *body)
{
	(void)worker_state;
	(void)msg;
	(void)body;
	return WPS_OK;
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
	at.sub.ops.recv = on_recv;
	at.sub.ops.encode = encode;
}

static void
set_up_with(struct wps_span early)
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
	    make_stream(&first), &first, early);
	sender_fini(&first);
}

static void
set_up(void)
{
	set_up_with(WPS_SPAN_NONE);
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

/* A text for each letter, in one write. */
static void
client_sends(const char *letters)
{
	char bytes[256];
	char *end = bytes;

	for (; *letters; letters++)
		end = frame_put(end, FRAME_FIN | FRAME_TEXT,
		    (struct wps_span){ letters, 1 });
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
test_a_join_is_told_before_an_invocation(void)
{
	const struct wps_event event = { .name = WPS_SPAN("i"),
		.type = WPS_DATA_TEXT, .payload = WPS_SPAN("x") };

	set_up();
	(void)conn_join(at.conn, WPS_SPAN("g"));
	check_number("started", invoke_start(at.conn, WPS_SPAN("1"), &event,
	    on_invoked), WPS_OK);
	check_text("heard", at.heard, "connected joined i");
	tear_down();
}

static void
test_the_groups_are_left_before_the_end(void)
{
	set_up();
	(void)conn_join(at.conn, WPS_SPAN("g"));
	turn();
	conn_close(at.conn, 1000, WPS_SPAN("bye"));
	turn();
	check_text("heard", at.heard, "connected joined left disconnected");
	tear_down();
}

/* The next owner does not know who was told what. */
static void
test_nothing_is_written_before_a_join_is_told(void)
{
	for (unsigned told = 0; told < 2; told++) {
		struct wps_record record = { .data = NULL };
		struct wps_err err;
		set_up();
		(void)conn_join(at.conn, WPS_SPAN("g"));
		if (told)
			turn();
		check_number("record", record_write(at.conn, &record, &err),
		    told ? WPS_OK : WPS_PENDING);
		record_fini(&record);
		tear_down();
	}
}

/* At the end of the server the application has heard enough. */
static void
test_a_join_is_not_told_when_the_server_has_stopped(void)
{
	set_up();
	check_number("join", conn_join(at.conn, WPS_SPAN("g")), WPS_OK);
	at.worker->stopped = true;
	turn();
	check_text("heard", at.heard, "connected");
	at.worker->stopped = false;
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

static void
ask(void)
{
	const struct wps_event event = { .name = WPS_SPAN("e"),
		.type = WPS_DATA_TEXT, .payload = WPS_SPAN("x") };

	check_number("event", event_user(at.conn, &event, on_done), WPS_OK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at.reply);
}

static void
test_an_answer_is_not_awaited_when_the_end_is_told(void)
{
	set_up();
	ask();
	conn_close(at.conn, 1000, WPS_SPAN("bye"));
	turn();
	check_text("heard", at.heard, "connected e cancel disconnected");
	tear_down();
}

static void
test_the_reason_of_an_end_by_the_client_is_told(void)
{
	static const struct {
		void (*end)(void);
		const char *reason;
	} rows[] = {
		{ end_lost_in_drain, "connection lost" },
		{ end_1000, "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_up();
		rows[i].end();
		turn();
		check_text("heard", at.heard, "connected disconnected");
		check_text("reason", at.reason, rows[i].reason);
		tear_down();
	}
}

/* Without a word of its own: in a drain nobody comes back. */
static void
test_a_lost_client_awaits_no_answer(void)
{
	set_up();
	ask();
	at.worker->draining = true;
	ws_cut_all(at.worker);
	turn();
	check_text("heard", at.heard, "connected e cancel disconnected");
	tear_down();
}

/* The event is cancelled at the end of the turn. */
static void
test_an_answer_behind_the_close_is_not_heard(void)
{
	set_up();
	ask();
	conn_close(at.conn, 1000, WPS_SPAN("bye"));
	event_answer(at.reply, &(struct wps_answer){ .result = WPS_OK });
	at.reply = NULL;
	turn();
	check_number("answers", at.answers, 0);
	check_text("heard", at.heard, "connected e disconnected");
	tear_down();
}

/* Its transport may end in the turn of the close. */
static void
test_the_reason_of_a_close_is_told(void)
{
	for (unsigned lost = 0; lost < 2; lost++) {
		set_up();
		if (lost)
			ws_cut_all(at.worker);
		conn_close(at.conn, 1011, WPS_SPAN("bye"));
		turn();
		check_text("heard", at.heard, "connected disconnected");
		check_text("reason", at.reason, "bye");
		tear_down();
	}
}

/* --- closing ------------------------------------------------------------------------ */

static void
test_behind_its_close_nothing_is_received(void)
{
	set_up();
	at.close_each = true;
	client_sends("ab");
	turn();
	check_text("received", at.received, "a");
	tear_down();
}

static void
test_behind_its_close_nothing_is_joined(void)
{
	set_up();
	conn_close(at.conn, 1000, WPS_SPAN("bye"));
	check_number("join", conn_join(at.conn, WPS_SPAN("g")), WPS_OK);
	check_number("groups", at.conn->group_count, 0);
	CU_ASSERT_PTR_NULL(shard_group(at.conn->shard, WPS_SPAN("g"),
	    hash_bytes(WPS_SPAN("g"))));
	tear_down();
}

static void
test_behind_its_close_nothing_is_urgent(void)
{
	set_up();
	at.sub.ops.urgent = on_urgent;
	ask();
	client_sends("ab");
	turn();
	check_number("offered", at.urgent, 1);
	check_text("received", at.received, "");
	tear_down();
}

/* Who does not read what it is sent gets the close, and no last words before it. */
static void
test_a_slow_client_is_only_told_that_it_ends(void)
{
	for (unsigned slow = 0; slow < 2; slow++) {
		char got[64];
		set_up();
		at.sub.ops.goodbye = on_goodbye;
		check_number("sent", delivery_send(at.conn, WPS_FRAME_TEXT,
		    WPS_SPAN("unsent")), WPS_OK);
		if (slow)
			conn_overflow(at.conn, "slow");
		else
			conn_close(at.conn, 1000, WPS_SPAN("bye"));
		turn();
		ssize_t n = recv(at.fd, got, sizeof(got), 0);
		check_number("first", n > 0 ? got[0] & 0xf : -1,
		    slow ? FRAME_CLOSE : FRAME_TEXT);
		check_number("last words", at.goodbyes, !slow);
		tear_down();
	}
}

/* --- sending ------------------------------------------------------------------------- */

static const struct wps_msg_view message = { .payload = WPS_SPAN("m") };

static void
test_behind_its_close_a_reliable_client_gets_no_message(void)
{
	char got[64];

	set_up();
	conn_close(at.conn, 1000, WPS_SPAN("bye"));
	check_number("sent", delivery_deliver(at.conn, &message), WPS_OK);
	turn();
	ssize_t n = recv(at.fd, got, sizeof(got), 0);
	check_number("first", n > 0 ? got[0] & 0xf : -1, FRAME_CLOSE);
	tear_down();
}

/* No more than the one that any has room for is kept here. */
static void
test_who_delivers_hears_of_a_full_queue(void)
{
	set_up();
	check_number("room", delivery_deliver(at.conn, &message), WPS_OK);
	check_number("none", delivery_deliver(at.conn, &message), WPS_FULL);
	check_number("closed", at.conn->state, CONN_CLOSING);
	tear_down();
}

/* It would not be sent again. */
static void
test_what_has_expired_makes_room(void)
{
	struct delivery old;

	set_up();
	delivery_init(&old, at.worker, &message, 1);
	check_number("room", delivery_push(&old, at.conn), WPS_OK);
	delivery_fini(&old);
	check_number("room again", delivery_deliver(at.conn, &message), WPS_OK);
	check_number("open", at.conn->state, CONN_OPEN);
	tear_down();
}

static void
test_a_subprotocol_that_makes_nothing_sends_nothing(void)
{
	char got[64];

	set_up();
	at.sub.ops.encode = encode_nothing;
	check_number("sent", delivery_deliver(at.conn, &message), WPS_OK);
	turn();
	check_number("nothing", recv(at.fd, got, sizeof(got), 0), -1);
	check_number("open", at.conn->state, CONN_OPEN);
	tear_down();
}

static void
test_who_is_not_open_yet_gets_nothing(void)
{
	set_up();
	struct wps_conn *early = conn_new(at.worker, at.hub);
	check_number("sent", delivery_deliver(early, &message), WPS_OK);
	conn_set_state(early, CONN_GONE);
	conn_unref(&early);
	tear_down();
}

/* --- recovery ------------------------------------------------------------------------ */

static void
recover_with(struct wps_span early)
{
	struct sender first;

	close(at.fd);
	struct stream *stream = make_stream(&first);
	conn_recover(at.conn, stream, &first, early);
	sender_fini(&first);
}

/* Its first message may come with the request. */
static void
test_what_came_early_is_received(void)
{
	char bytes[16];
	char *end = frame_put(bytes, FRAME_FIN | FRAME_TEXT, WPS_SPAN("a"));
	struct wps_span early = { bytes, (size_t)(end - bytes) };

	set_up_with(early);
	check_text("with the first", at.received, "a");
	recover_with(early);
	check_text("with the next", at.received, "aa");
	tear_down();
}

/* The limit of what waits is 3. */
static void
test_what_waits_for_an_answer_goes_on_on_the_new_transport(void)
{
	static const char *const before[] = { "", "abc" };

	for (size_t i = 0; i < 2; i++) {
		set_up();
		ask();
		client_sends(before[i]);
		turn();
		recover_with(WPS_SPAN_NONE);
		client_sends("d");
		turn();
		check_text("nothing", at.received, "");
		check_number("rests", !ws_listens(at.conn->ws), i == 1);
		event_answer(at.reply,
		    &(struct wps_answer){ .result = WPS_OK });
		turn();
		check_text("in order", at.received, i ? "abcd" : "d");
		check_number("reads on", ws_listens(at.conn->ws), true);
		tear_down();
	}
}

/* Beside what comes anew, all that is kept has room. */
static void
test_a_replay_is_no_full_queue(void)
{
	const char junk[4096] = "";
	struct sender first;

	set_up();
	at.hub->options.ws.out.items = 1;
	at.hub->options.replay = (struct replay_limits){
		.messages = 5, .bytes = 1000,
	};
	for (unsigned i = 0; i < 5; i++)
		check_number("kept", delivery_deliver(at.conn, &message), WPS_OK);
	close(at.fd);
	struct stream *stream = make_stream(&first);
	while (send(stream->io.fd, junk, sizeof(junk), MSG_NOSIGNAL) > 0)
		continue;
	conn_recover(at.conn, stream, &first, WPS_SPAN_NONE);
	sender_fini(&first);
	check_number("open", at.conn->state, CONN_OPEN);
	check_number("waits", at.conn->ws->sender.items, 5);
	tear_down();
}

/* --- invocations --------------------------------------------------------------------- */

/* Sixteen run, and the limit of what waits is 3. */
static void
test_what_comes_behind_too_many_invocations_waits(void)
{
	const struct wps_event event = { .name = WPS_SPAN("i"),
		.type = WPS_DATA_TEXT, .payload = WPS_SPAN("x") };

	set_up();
	at.hub->options.ws.held_bytes = 1 << 20;
	for (char id = 'a'; id < 'a' + 16 + 3; id++)
		check_number("started", invoke_start(at.conn,
		    (struct wps_span){ &id, 1 }, &event, on_invoked), WPS_OK);
	client_sends("x");
	turn();
	check_text("waits", at.received, "");
	event_answer(at.reply, &(struct wps_answer){ .result = WPS_OK });
	turn();
	check_text("goes on", at.received, "x");
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
	TEST(test_a_join_is_told_before_an_invocation),
	TEST(test_the_groups_are_left_before_the_end),
	TEST(test_nothing_is_written_before_a_join_is_told),
	TEST(test_a_join_is_not_told_when_the_server_has_stopped),
	TEST(test_nobody_hears_an_event_behind_the_close),
	TEST(test_an_answer_is_not_awaited_when_the_end_is_told),
	TEST(test_the_reason_of_an_end_by_the_client_is_told),
	TEST(test_a_lost_client_awaits_no_answer),
	TEST(test_an_answer_behind_the_close_is_not_heard),
	TEST(test_the_reason_of_a_close_is_told),
	TEST(test_behind_its_close_nothing_is_received),
	TEST(test_behind_its_close_nothing_is_joined),
	TEST(test_behind_its_close_nothing_is_urgent),
	TEST(test_a_slow_client_is_only_told_that_it_ends),
	TEST(test_behind_its_close_a_reliable_client_gets_no_message),
	TEST(test_who_delivers_hears_of_a_full_queue),
	TEST(test_what_has_expired_makes_room),
	TEST(test_a_subprotocol_that_makes_nothing_sends_nothing),
	TEST(test_who_is_not_open_yet_gets_nothing),
	TEST(test_what_came_early_is_received),
	TEST(test_what_waits_for_an_answer_goes_on_on_the_new_transport),
	TEST(test_a_replay_is_no_full_queue),
	TEST(test_what_comes_behind_too_many_invocations_waits),
	TEST(test_nothing_is_written_while_a_message_waits),
};

int
main(void)
{
	return RUN_TESTS("conn", tests);
}
