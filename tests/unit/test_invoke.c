/* SPDX-License-Identifier: MIT */
/*
 * Invocations of one connection, in front of an upstream that answers when the
 * test says so. What the upstream and the connection hear is one text: ">a" was
 * delivered, "<a" answered, "xa" canceled.
 */
#include "hub/invoke.h"

#include "hub/conn.h"
#include "hub/event.h"
#include "hub/server.h"
#include "support/check.h"
#include "util/alloc.h"
#include "util/hash.h"

#include <stdlib.h>

#define REPLIES 64
#define HEARD 512

static const struct loop_limits limits = { .mailbox_bytes = 1 << 20 };

static struct {
	struct server server;
	struct hub *hub;
	struct wps_self self;
	struct subprotocol sub;
	struct wps_conn *conn; /* a reference */
	struct wps_reply *replies[REPLIES]; /* by the letter of the event */
	char heard[HEARD];
	wps_invoke_fn inside; /* `done`, besides what it notes */
} at;

static void
note(char what, struct wps_span name)
{
	size_t len = strlen(at.heard);

	snprintf(at.heard + len, HEARD - len, "%s%c%.*s", len ? " " : "", what,
	    (int)name.len, name.data);
}

/* What was heard since the last check. */
static void
check_heard(const char *what, const char *expected)
{
	check_text(what, at.heard, expected);
	at.heard[0] = '\0';
}

/* --- the upstream and the subprotocol ---------------------------------------- */

static struct wps_reply **
place_of(struct wps_span name)
{
	return &at.replies[(unsigned char)name.data[0] % REPLIES];
}

static bool
on_wants(void *worker_state, const struct wps_event *event)
{
	(void)worker_state;
	return !wps_span_eq(event->name, WPS_SPAN("nobody"));
}

static void
on_deliver(void *worker_state, const struct wps_event *event,
    struct wps_reply *reply)
{
	(void)worker_state;
	note('>', event->name);
	*place_of(event->name) = reply;
}

static void
on_cancel(void *worker_state, struct wps_reply *reply)
{
	(void)worker_state;
	for (size_t i = 0; i < REPLIES; i++) {
		if (at.replies[i] != reply)
			continue;
		char letter = (char)(i + REPLIES);
		note('x', (struct wps_span){ &letter, 1 });
		at.replies[i] = NULL;
		return;
	}
	CU_FAIL("a reply that is gone was canceled");
}

static void
on_done(void *worker_state, struct wps_conn *conn, struct wps_span id,
    const struct wps_answer *answer)
{
	note('<', id);
	if (at.inside)
		at.inside(worker_state, conn, id, answer);
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

/* --- the scene ----------------------------------------------------------------- */

static void
make_upstream(struct points *points)
{
	points->plugin_count = 1;
	points->upstream_count = 1;
	points->upstreams[0] = (struct upstream){
		.ops = { .wants = on_wants, .deliver = on_deliver,
		    .cancel = on_cancel },
		.self = &at.self,
	};
	at.sub.self = &at.self;
	at.sub.ops.name = "s";
	at.sub.ops.recv = recv_nothing;
}

static void
set_up(void)
{
	memset(&at, 0, sizeof(at));
	at.server.worker_count = 1;
	make_upstream(&at.server.points);
	at.hub = xcalloc(1, sizeof(*at.hub));
	at.hub->options.ws.held_items = 4;
	at.hub->options.ws.held_bytes = 1 << 20;
	struct worker *worker = worker_new(0, at.server.workers, 1, &limits);
	worker->server = &at.server;
	worker->plugin_states = xcalloc(1, sizeof(void *));
	at.server.workers[0] = worker;
	at.conn = conn_new(worker, at.hub);
	at.conn->sub = &at.sub;
	conn_set_state(at.conn, CONN_CONNECT_EVENT);
	conn_set_state(at.conn, CONN_OPEN);
	shard_enter(at.conn->shard, conn_ref(at.conn));
}

static void
end_conn(void)
{
	conn_close(at.conn, 1000, WPS_SPAN(""));
	worker_settle(at.server.workers[0]);
}

static void
tear_down(void)
{
	end_conn();
	check_number("references", at.conn->refs, 1);
	conn_unref(&at.conn);
	shard_free(&at.hub->shards[0]);
	free(at.server.workers[0]->plugin_states);
	worker_free(&at.server.workers[0]);
	free(at.hub);
}

/* An event of one letter, which is its id, too. */
static int
invoke(const char *name)
{
	return invoke_start(at.conn, wps_span_str(name), &(struct wps_event){
	    .name = wps_span_str(name),
	    .type = WPS_DATA_TEXT,
	    .payload = WPS_SPAN("x"),
	}, on_done);
}

static void
invoke_each(const char *letters)
{
	for (; *letters; letters++)
		check_number("started", invoke((char[]){ *letters, '\0' }),
		    WPS_OK);
}

static void
answer(const char *name)
{
	struct wps_reply **place = place_of(wps_span_str(name));
	struct wps_reply *reply = *place;

	CU_ASSERT_FATAL(reply != NULL);
	*place = NULL;
	event_answer(reply, &(struct wps_answer){ .result = WPS_OK });
}

static int
cancel(const char *id)
{
	return invoke_cancel(at.conn, wps_span_str(id));
}

#define SIXTEEN "abcdefghijklmnop"
#define ALL_SIXTEEN ">a >b >c >d >e >f >g >h >i >j >k >l >m >n >o >p"

/* --- tests ------------------------------------------------------------------------ */

static void
test_sixteen_run_and_others_wait_in_their_order(void)
{
	set_up();
	invoke_each(SIXTEEN "qrs");
	check_heard("at once", ALL_SIXTEEN);
	answer("c");
	answer("a");
	check_heard("one for each answer", "<c >q <a >r");
	answer("q");
	answer("b");
	check_heard("the last one", "<q >s <b");
	tear_down();
}

static void
test_too_many_waiting_hold_the_connection(void)
{
	set_up();
	invoke_each(SIXTEEN "qrs");
	check_number("three wait", invoke_is_full(at.conn), false);
	invoke_each("t");
	check_number("four wait", invoke_is_full(at.conn), true);
	answer("a");
	check_number("three again", invoke_is_full(at.conn), false);
	tear_down();
}

/* At the limit one has room, however large it is. */
static void
test_too_many_bytes_waiting_hold_the_connection(void)
{
	set_up();
	at.hub->options.ws.held_bytes = 1;
	invoke_each(SIXTEEN);
	check_number("none waits", invoke_is_full(at.conn), false);
	invoke_each("q");
	check_number("one waits", invoke_is_full(at.conn), true);
	answer("a");
	check_number("it runs", invoke_is_full(at.conn), false);
	invoke_each("r");
	check_number("another waits", invoke_is_full(at.conn), true);
	cancel("r");
	check_number("it is canceled", invoke_is_full(at.conn), false);
	tear_down();
}

static void
test_an_id_is_taken_until_its_answer(void)
{
	set_up();
	invoke_each(SIXTEEN "q");
	check_number("running", invoke("a"), WPS_DUPLICATE);
	check_number("waiting", invoke("q"), WPS_DUPLICATE);
	answer("a");
	at.heard[0] = '\0';
	check_number("answered", invoke("a"), WPS_OK);
	answer("b");
	check_heard("waits like any", "<b >a");
	tear_down();
}

static void
test_what_nobody_wants_is_told(void)
{
	set_up();
	check_number("nobody", invoke("nobody"), WPS_NOT_FOUND);
	check_number("busy", invoke_is_busy(at.conn), false);
	check_heard("nothing", "");
	tear_down();
}

static void
test_a_canceled_one_gives_its_place_away(void)
{
	set_up();
	invoke_each(SIXTEEN "qr");
	at.heard[0] = '\0';
	check_number("waiting", cancel("q"), WPS_OK);
	check_heard("the upstream knows nothing of it", "");
	check_number("running", cancel("a"), WPS_OK);
	check_heard("the next one", "xa >r");
	check_number("unknown", cancel("q"), WPS_NOT_FOUND);
	tear_down();
}

static void
cancel_itself(void *worker_state, struct wps_conn *conn, struct wps_span id,
    const struct wps_answer *answer)
{
	(void)worker_state;
	(void)answer;
	check_number("it has its answer", invoke_cancel(conn, id),
	    WPS_NOT_FOUND);
}

static void
test_one_with_its_answer_cannot_be_canceled(void)
{
	set_up();
	at.inside = cancel_itself;
	invoke_each("ab");
	answer("a");
	check_heard("not canceled", ">a >b <a");
	tear_down();
}

static void
invoke_again(void *worker_state, struct wps_conn *conn, struct wps_span id,
    const struct wps_answer *answer)
{
	(void)worker_state;
	(void)conn;
	(void)id;
	(void)answer;
	at.inside = NULL;
	check_number("inside an answer", invoke("z"), WPS_OK);
}

static void
test_one_from_inside_an_answer_waits_behind_the_others(void)
{
	set_up();
	invoke_each(SIXTEEN "q");
	at.heard[0] = '\0';
	at.inside = invoke_again;
	answer("a");
	answer("b");
	check_heard("in their order", "<a >q <b >z");
	tear_down();
}

static void
test_the_end_of_the_connection_cancels_all(void)
{
	set_up();
	invoke_each(SIXTEEN "q");
	at.heard[0] = '\0';
	end_conn();
	check_heard("those that run",
	    "xa xb xc xd xe xf xg xh xi xj xk xl xm xn xo xp");
	check_number("busy", invoke_is_busy(at.conn), false);
	check_number("nobody will hear", invoke("a"), WPS_OK);
	check_heard("nothing", "");
	tear_down();
}

/* The end cancels at the end of the turn. */
static void
test_an_answer_behind_the_close_is_not_heard(void)
{
	set_up();
	invoke_each("a");
	at.heard[0] = '\0';
	conn_close(at.conn, 1000, WPS_SPAN(""));
	answer("a");
	check_heard("nothing", "");
	tear_down();
}

static const struct named_test tests[] = {
	TEST(test_sixteen_run_and_others_wait_in_their_order),
	TEST(test_too_many_waiting_hold_the_connection),
	TEST(test_too_many_bytes_waiting_hold_the_connection),
	TEST(test_an_id_is_taken_until_its_answer),
	TEST(test_what_nobody_wants_is_told),
	TEST(test_a_canceled_one_gives_its_place_away),
	TEST(test_one_with_its_answer_cannot_be_canceled),
	TEST(test_one_from_inside_an_answer_waits_behind_the_others),
	TEST(test_the_end_of_the_connection_cancels_all),
	TEST(test_an_answer_behind_the_close_is_not_heard),
};

int
main(void)
{
	return RUN_TESTS("invoke", tests);
}
