/* SPDX-License-Identifier: MIT */
/*
 * Workers: mail of many threads, calls at the end of a turn, and feeders that
 * rest while a mailbox is over its mark.
 */
#include "net/loop.h"

#include "net/stream.h"
#include "support/check.h"
#include "util/alloc.h"

#include <stdlib.h>
#include <unistd.h>

#define MARK 100 /* bytes of a mailbox */

static const struct loop_limits limits = { .mailbox_bytes = MARK };
static struct worker *workers[2];

static void
begin(void)
{
	for (unsigned i = 0; i < 2; i++)
		workers[i] = worker_new(i, workers, 2, &limits);
}

static void
end(void)
{
	for (unsigned i = 0; i < 2; i++)
		worker_free(&workers[i]);
}

/* --- mail of one thread --------------------------------------------------- */

static char written[64];

/* Writes its letter; the last one breaks the loop. */
struct letter {
	struct mail mail;
	char name;
	bool last;
	struct letter *then; /* kept for a later turn when this one runs */
};

static void
run_letter(struct worker *worker, struct mail *mail)
{
	struct letter *letter = container_of(mail, struct letter, mail);
	size_t len = strlen(written);

	CU_ASSERT_FATAL(len + 1 < sizeof(written));
	written[len] = letter->name;
	written[len + 1] = '\0';
	if (letter->then)
		worker_later(worker, &letter->then->mail);
	if (letter->last)
		ev_break(worker->loop, EVBREAK_ALL);
}

static struct letter
letter_of(char name, bool call)
{
	written[0] = '\0';
	return (struct letter){
		.mail = { .run = run_letter, .call = call },
		.name = name,
	};
}

static void
test_mail_runs_in_the_order_of_posting(void)
{
	struct letter letters[] = { letter_of('a', false),
		letter_of('b', false), letter_of('c', false) };

	begin();
	for (unsigned i = 0; i < 3; i++)
		worker_post(workers[0], &letters[i].mail);
	worker_drain(workers[0]);
	check_text("order", written, "abc");
	worker_drain(workers[0]);
	check_text("once", written, "abc");
	end();
}

static void
test_calls_wait_for_the_end_of_the_turn(void)
{
	struct letter letters[] = { letter_of('A', true), letter_of('b', false),
		letter_of('C', true), letter_of('d', false) };

	begin();
	for (unsigned i = 0; i < 4; i++)
		worker_post(workers[0], &letters[i].mail);
	worker_drain(workers[0]);
	check_text("work", written, "bd");
	check_number("busy", worker_busy(workers[0]), true);
	worker_settle(workers[0]);
	check_text("calls", written, "bdAC");
	check_number("busy", worker_busy(workers[0]), false);
	end();
}

static void
test_a_call_made_by_a_call_runs_in_the_next_turn(void)
{
	struct letter second = letter_of('2', true);
	struct letter first = letter_of('1', true);
	struct letter other = letter_of('x', true);

	begin();
	first.then = &second;
	second.last = true;
	worker_later(workers[0], &first.mail);
	worker_later(workers[0], &other.mail);
	worker_settle(workers[0]);
	check_text("this turn", written, "1x");
	/* It must not sleep before the next one. */
	worker_run(workers[0]);
	check_text("the next", written, "1x2");
	end();
}

static void
test_posting_wakes_a_loop_that_sleeps(void)
{
	struct letter letter = letter_of('a', true);

	begin();
	letter.last = true;
	worker_post(workers[0], &letter.mail);
	worker_run(workers[0]);
	check_text("woken", written, "a");
	end();
}

/* --- timers --------------------------------------------------------------- */

static void
break_loop(struct wheel_timer *timer)
{
	(void)timer;
	ev_break(workers[0]->loop, EVBREAK_ALL);
}

static void
test_a_timer_wakes_a_loop_that_sleeps(void)
{
	struct wheel_timer timer;

	begin();
	wheel_timer_init(&timer, break_loop);
	worker_timer_start(workers[0], &timer, 0);
	uint64_t before_ms = worker_now_ms(workers[0]);
	worker_run(workers[0]);
	check_number("ran", wheel_running(&timer), false);
	check_number("time goes on",
	    worker_now_ms(workers[0]) >= before_ms, true);
	end();
}

static void
test_ticks_end_with_the_last_timer(void)
{
	struct wheel_timer timer;

	begin();
	check_number("none", ev_is_active(&workers[0]->tick) != 0, false);
	wheel_timer_init(&timer, break_loop);
	worker_timer_start(workers[0], &timer, 0);
	check_number("ticks", ev_is_active(&workers[0]->tick) != 0, true);
	worker_run(workers[0]);
	check_number("none", ev_is_active(&workers[0]->tick) != 0, false);
	end();
}

static void
test_date_is_that_of_http(void)
{
	struct tm tm;

	begin();
	const char *date = worker_date(workers[0]);
	check_number("length", (long long)strlen(date), 29);
	const char *rest = strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	check_text("whole", rest, "");
	end();
}

/* --- turns that are full ---------------------------------------------------- */

#define BEYOND 40
#define CROWD (WORKER_TURN_SOCKETS + BEYOND)

/* Sockets that stay ready. */
static struct guest {
	struct stream *stream;
	unsigned served;
} crowd[CROWD];

static void
count_guest(void *owner)
{
	struct guest *guest = owner;

	guest->served++;
}

static void
serve_once(void *owner)
{
	struct guest *guest = owner;

	guest->served++;
	stream_want_read(guest->stream, false);
}

static void
end_others(void *owner)
{
	struct guest *guest = owner;

	guest->served++;
	for (unsigned i = 0; i < CROWD; i++) {
		if (i % 2)
			stream_free(&crowd[i].stream);
		else
			stream_want_read(crowd[i].stream, false);
	}
}

/* They share a pipe whose other end is closed. */
static void
begin_crowd(void (*readable)(void *owner))
{
	static struct stream_ops ops;
	int ends[2];

	begin();
	ops.readable = readable;
	CU_ASSERT_FATAL(pipe(ends) == 0);
	for (unsigned i = 0; i < CROWD; i++) {
		int fd = dup(ends[0]);
		CU_ASSERT_FATAL(fd >= 0);
		crowd[i] = (struct guest){
			.stream = stream_new(workers[0], fd, NULL),
		};
		stream_set_owner(crowd[i].stream, &ops, &crowd[i]);
		stream_want_read(crowd[i].stream, true);
	}
	close(ends[0]);
	close(ends[1]);
	/* The kernel tells of 64 at first, and of more when there were more. */
	for (unsigned n = 64; n < CROWD; n *= 2)
		ev_run(workers[0]->loop, EVRUN_NOWAIT);
}

static void
end_crowd(void)
{
	for (unsigned i = 0; i < CROWD; i++)
		stream_free(&crowd[i].stream);
	end();
}

static unsigned
served_in_all(void)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < CROWD; i++)
		sum += crowd[i].served;
	return sum;
}

static void
test_a_turn_serves_so_many_sockets(void)
{
	begin_crowd(count_guest);
	for (unsigned i = 0; i < 10; i++) {
		unsigned before = served_in_all();
		ev_run(workers[0]->loop, EVRUN_ONCE);
		check_number("served in a turn", served_in_all() - before,
		    WORKER_TURN_SOCKETS);
	}
	end_crowd();
}

static void
test_sockets_beyond_are_served_first_in_the_next_turn(void)
{
	unsigned unserved = 0;

	begin_crowd(count_guest);
	for (unsigned turn = 0; turn < 20; turn++) {
		if (turn % 2 == 0)
			for (unsigned i = 0; i < CROWD; i++)
				crowd[i].served = 0;
		ev_run(workers[0]->loop, EVRUN_ONCE);
		for (unsigned i = 0; i < CROWD; i++)
			unserved += turn % 2 == 1 && crowd[i].served == 0;
	}
	check_number("not served in two turns", unserved, 0);
	end_crowd();
}

static void
tire(void *owner)
{
	count_guest(owner);
	workers[0]->pushed += WORKER_TURN_PUSHES / 4;
}

static void
test_a_turn_makes_so_many_deliveries(void)
{
	begin_crowd(tire);
	for (unsigned i = 0; i < 2 * CROWD / 4; i++) {
		unsigned before = served_in_all();
		ev_run(workers[0]->loop, EVRUN_ONCE);
		check_number("served in a turn", served_in_all() - before, 4);
	}
	for (unsigned i = 0; i < CROWD; i++)
		CU_ASSERT(crowd[i].served >= 1 && crowd[i].served <= 3);
	end_crowd();
}

static void
test_sockets_that_wait_are_served_once(void)
{
	begin_crowd(serve_once);
	for (unsigned i = 0; i < 10; i++)
		ev_run(workers[0]->loop, EVRUN_NOWAIT);
	for (unsigned i = 0; i < CROWD; i++)
		check_number("served", crowd[i].served, 1);
	end_crowd();
}

static void
test_what_is_not_watched_any_more_does_not_wait(void)
{
	begin_crowd(count_guest);
	CU_ASSERT_FALSE(list_empty(&workers[0]->late));
	static const struct stream_ops ops = { .readable = end_others };
	for (unsigned i = 0; i < CROWD; i++) {
		crowd[i].served = 0;
		stream_set_owner(crowd[i].stream, &ops, &crowd[i]);
	}
	for (unsigned i = 0; i < 10; i++)
		ev_run(workers[0]->loop, EVRUN_NOWAIT);
	check_number("served", served_in_all(), 1);
	CU_ASSERT(list_empty(&workers[0]->late));
	end_crowd();
}

/* Its turn there is nothing to the worker that has it now. */
static void
test_who_waits_may_move_to_another_worker(void)
{
	begin_crowd(count_guest);
	CU_ASSERT_FATAL(!list_empty(&workers[0]->late));
	struct stream *stream =
	    container_of(workers[0]->late.next, struct stream, late);
	struct guest *guest = stream->owner;
	stream_want_read(stream, false);
	stream_move(stream, workers[1]);
	stream_want_read(stream, true);
	guest->served = 0;
	for (unsigned i = 0; i < 10; i++)
		ev_run(workers[0]->loop, EVRUN_NOWAIT);
	check_number("served by the old one", guest->served, 0);
	ev_run(workers[1]->loop, EVRUN_NOWAIT);
	check_number("served by the new one", guest->served, 1);
	end_crowd();
}

/* --- congestion ----------------------------------------------------------- */

struct feeder {
	struct mail mail;  /* a call on worker 0, which feeds worker 1 */
	struct mail fed[2];
	size_t bytes;
	bool congested;    /* after feeding */
	struct rester rester;
	unsigned woken;
};

static void
count_nothing(struct worker *worker, struct mail *mail)
{
	(void)worker;
	(void)mail;
}

static void
on_woken(struct rester *rester)
{
	container_of(rester, struct feeder, rester)->woken++;
}

static void
run_feeder(struct worker *worker, struct mail *mail)
{
	struct feeder *feeder = container_of(mail, struct feeder, mail);

	for (unsigned i = 0; i < 2; i++) {
		feeder->fed[i].run = count_nothing;
		feeder->fed[i].bytes = i ? feeder->bytes - 1 : 1;
		worker_post(workers[1], &feeder->fed[i]);
	}
	feeder->congested = worker_congested(worker);
	if (feeder->congested)
		worker_rest(worker, &feeder->rester);
	ev_break(worker->loop, EVBREAK_ALL);
}

static void
feed(struct feeder *feeder, size_t bytes)
{
	*feeder = (struct feeder){
		.mail = { .run = run_feeder, .call = true },
		.bytes = bytes,
		.rester = { .wake = on_woken },
	};
	list_init(&feeder->rester.link);
	worker_post(workers[0], &feeder->mail);
	worker_run(workers[0]);
}

static void
settle(void)
{
	for (unsigned i = 0; i < 4; i++)
		ev_run(workers[0]->loop, EVRUN_NOWAIT);
}

static void
test_a_feeder_rests_above_the_mark_only(void)
{
	struct feeder feeder;

	for (size_t more = 0; more <= 1; more++) {
		begin();
		feed(&feeder, MARK + more);
		check_number("congested", feeder.congested, more == 1);
		worker_drain(workers[1]);
		settle();
		end();
	}
}

static void
test_a_feeder_is_woken_when_the_mailbox_is_drained(void)
{
	struct feeder feeder;

	begin();
	feed(&feeder, MARK + 1);
	settle();
	check_number("rests", feeder.woken, 0);
	check_number("congested", worker_congested(workers[0]), true);
	worker_drain(workers[1]);
	settle();
	check_number("woken", feeder.woken, 1);
	check_number("congested", worker_congested(workers[0]), false);
	check_number("in no list", list_empty(&feeder.rester.link), true);
	end();
}

/* Answers and closes always pass. */
static void
test_mail_above_the_mark_is_taken(void)
{
	struct feeder feeders[3];

	begin();
	for (unsigned i = 0; i < 3; i++)
		feed(&feeders[i], 10 * MARK);
	check_number("waits", (long long)workers[1]->mail_bytes, 30 * MARK);
	worker_drain(workers[1]);
	check_number("taken", (long long)workers[1]->mail_bytes, 0);
	settle();
	for (unsigned i = 0; i < 3; i++)
		check_number("woken", feeders[i].woken, 1);
	end();
}

static void
test_mail_to_itself_does_not_congest(void)
{
	struct letter letter = letter_of('a', true);

	begin();
	letter.mail.bytes = 10 * MARK;
	letter.last = true;
	worker_post(workers[0], &letter.mail);
	worker_run(workers[0]);
	check_number("congested", worker_congested(workers[0]), false);
	end();
}

/* --- many threads --------------------------------------------------------- */

#define PRODUCERS 4
#define MAILS 5000

struct numbered {
	struct mail mail;
	unsigned producer, number;
};

static unsigned next_number[PRODUCERS];
static unsigned arrived;
static bool in_order;

static void
run_numbered(struct worker *worker, struct mail *mail)
{
	struct numbered *numbered = container_of(mail, struct numbered, mail);

	in_order &= numbered->number == next_number[numbered->producer]++;
	free(numbered);
	if (++arrived == PRODUCERS * MAILS)
		ev_break(worker->loop, EVBREAK_ALL);
}

static void *
produce(void *data)
{
	const unsigned *producer = data;

	for (unsigned i = 0; i < MAILS; i++) {
		struct numbered *numbered = xcalloc(1, sizeof(*numbered));
		numbered->mail.run = run_numbered;
		numbered->mail.bytes = 1;
		numbered->producer = *producer;
		numbered->number = i;
		worker_post(workers[0], &numbered->mail);
	}
	return NULL;
}

static void
test_mail_of_many_threads_is_all_there_and_in_order(void)
{
	static unsigned names[PRODUCERS] = { 0, 1, 2, 3 };
	pthread_t threads[PRODUCERS];

	begin();
	memset(next_number, 0, sizeof(next_number));
	arrived = 0;
	in_order = true;
	for (unsigned i = 0; i < PRODUCERS; i++)
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, produce,
		    &names[i]) == 0);
	worker_run(workers[0]);
	for (unsigned i = 0; i < PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	check_number("arrived", arrived, PRODUCERS * MAILS);
	check_number("in order", in_order, true);
	check_number("bytes", (long long)workers[0]->mail_bytes, 0);
	end();
}

/* Both workers feed each other and rest when they should: nobody sleeps on. */
struct pump {
	struct mail mail;
	struct worker *from, *to;
	struct rester rester;
	unsigned sent;
	bool over;     /* a mailbox held more than it can when feeders rest */
};

static struct pump pumps[2];
static _Atomic unsigned received;

static void
run_parcel(struct worker *worker, struct mail *mail)
{
	(void)worker;
	free(mail);
	if (atomic_fetch_add(&received, 1) + 1 == 2 * MAILS)
		for (unsigned i = 0; i < 2; i++)
			ev_async_send(workers[i]->loop, &workers[i]->wake);
}

static void
pump_some(struct pump *pump)
{
	while (pump->sent < MAILS) {
		if (worker_congested(pump->from)) {
			worker_rest(pump->from, &pump->rester);
			return;
		}
		struct mail *mail = xcalloc(1, sizeof(*mail));
		mail->run = run_parcel;
		mail->bytes = 30;
		pump->sent++;
		worker_post(pump->to, mail);
		pump->over |= atomic_load(&pump->to->mail_bytes) > MARK + 60;
	}
}

static void
run_pump(struct worker *worker, struct mail *mail)
{
	(void)worker;
	pump_some(container_of(mail, struct pump, mail));
}

static void
on_pump_woken(struct rester *rester)
{
	pump_some(container_of(rester, struct pump, rester));
}

static void
stop_when_all_is_there(struct ev_loop *loop, ev_check *watcher, int events)
{
	(void)watcher;
	(void)events;
	if (atomic_load(&received) == 2 * MAILS)
		ev_break(loop, EVBREAK_ALL);
}

static void *
run_thread(void *data)
{
	struct worker *worker = data;
	ev_check check;

	ev_check_init(&check, stop_when_all_is_there);
	ev_check_start(worker->loop, &check);
	worker_run(worker);
	ev_check_stop(worker->loop, &check);
	return NULL;
}

static void
test_feeders_of_each_other_never_sleep_on(void)
{
	pthread_t threads[2];

	begin();
	atomic_store(&received, 0);
	for (unsigned i = 0; i < 2; i++) {
		pumps[i] = (struct pump){
			.mail = { .run = run_pump, .call = true },
			.from = workers[i],
			.to = workers[1 - i],
			.rester = { .wake = on_pump_woken },
		};
		list_init(&pumps[i].rester.link);
		worker_post(workers[i], &pumps[i].mail);
	}
	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, run_thread,
		    workers[i]) == 0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	check_number("received", received, 2 * MAILS);
	for (unsigned i = 0; i < 2; i++)
		check_number("over the mark", pumps[i].over, false);
	/* Relief that came behind the last parcel. */
	for (unsigned i = 0; i < 4; i++) {
		worker_drain(workers[i % 2]);
		worker_settle(workers[i % 2]);
	}
	end();
}

static const struct named_test tests[] = {
	TEST(test_mail_runs_in_the_order_of_posting),
	TEST(test_calls_wait_for_the_end_of_the_turn),
	TEST(test_a_call_made_by_a_call_runs_in_the_next_turn),
	TEST(test_posting_wakes_a_loop_that_sleeps),
	TEST(test_a_timer_wakes_a_loop_that_sleeps),
	TEST(test_ticks_end_with_the_last_timer),
	TEST(test_date_is_that_of_http),
	TEST(test_a_turn_serves_so_many_sockets),
	TEST(test_sockets_beyond_are_served_first_in_the_next_turn),
	TEST(test_a_turn_makes_so_many_deliveries),
	TEST(test_sockets_that_wait_are_served_once),
	TEST(test_what_is_not_watched_any_more_does_not_wait),
	TEST(test_who_waits_may_move_to_another_worker),
	TEST(test_a_feeder_rests_above_the_mark_only),
	TEST(test_a_feeder_is_woken_when_the_mailbox_is_drained),
	TEST(test_mail_above_the_mark_is_taken),
	TEST(test_mail_to_itself_does_not_congest),
	TEST(test_mail_of_many_threads_is_all_there_and_in_order),
	TEST(test_feeders_of_each_other_never_sleep_on),
};

int
main(void)
{
	return RUN_TESTS("loop", tests);
}
