/* SPDX-License-Identifier: MIT */
#include "net/loop.h"

#include "net/keepalive.h"
#include "net/sender.h"
#include "net/stream.h"
#include "util/alloc.h"
#include "util/bits.h"
#include "util/clock.h"
#include "util/log.h"

#include <stdlib.h>
#include <time.h>

#define LONG_TURN_NS 50000000u

/* --- mailbox -------------------------------------------------------------- */

/*
 * The senders note congestion before they go on, the owner clears it after it
 * has drained; the bit in `feeders` is set before the mark is looked at again,
 * so that a drain in between is not missed.
 */
static void
note_congestion(struct worker *from, struct worker *to)
{
	uint64_t bit = UINT64_C(1) << from->index;

	if (atomic_load(&to->mail_bytes) <= to->limits->mailbox_bytes)
		return;
	atomic_fetch_or(&to->feeders, bit);
	if (atomic_load(&to->mail_bytes) > to->limits->mailbox_bytes)
		from->congested |= UINT64_C(1) << to->index;
}

/* The worker whose thread this is; NULL on other threads. */
static _Thread_local struct worker *current;

bool
worker_is_here(const struct worker *worker)
{
	return current == worker || !atomic_load(&worker->runs);
}

void
worker_post(struct worker *worker, struct mail *mail)
{
	struct mail *old = atomic_load(&worker->mailbox);

	atomic_fetch_add(&worker->mail_bytes, mail->bytes);
	do {
		mail->next = old;
	} while (!atomic_compare_exchange_weak(&worker->mailbox, &old, mail));
	/* Whoever fills the empty box rings. */
	if (old == NULL)
		ev_async_send(worker->loop, &worker->wake);
	if (current && current != worker)
		note_congestion(current, worker);
}

/* Tells a feeder that the mailbox of `of` is below its mark again. */
struct worker_relief {
	struct mail mail;
	const struct worker *of;
};

static struct mail *
reversed(struct mail *mail)
{
	struct mail *out = NULL;

	while (mail) {
		struct mail *next = mail->next;
		mail->next = out;
		out = mail;
		mail = next;
	}
	return out;
}

static void
end_congestion(struct worker *worker, struct mail *mail)
{
	struct worker_relief *relief =
	    container_of(mail, struct worker_relief, mail);

	worker->congested &= ~(UINT64_C(1) << relief->of->index);
	free(relief);
	if (worker->congested != 0)
		return;
	struct list woken;
	list_init(&woken);
	list_splice(&woken, &worker->resting);
	for (struct list *link; (link = list_take(&woken));) {
		struct rester *rester = container_of(link, struct rester, link);
		rester->wake(rester);
	}
}

static void
relieve_feeders(struct worker *worker)
{
	uint64_t feeders = atomic_exchange(&worker->feeders, 0);

	while (feeders) {
		struct worker *feeder = worker->peers[bits_take(&feeders)];
		struct worker_relief *relief = xcalloc(1, sizeof(*relief));
		relief->of = worker;
		relief->mail.run = end_congestion;
		relief->mail.call = true;
		worker_post(feeder, &relief->mail);
	}
}

void
worker_later(struct worker *worker, struct mail *mail)
{
	mail->next = NULL;
	*worker->calls_end = mail;
	worker->calls_end = &mail->next;
}

void
worker_drain(struct worker *worker)
{
	if (atomic_load_explicit(&worker->mailbox, memory_order_relaxed) == NULL)
		return;

	struct mail *mail = reversed(atomic_exchange(&worker->mailbox, NULL));
	size_t bytes = 0;
	while (mail) {
		struct mail *next = mail->next;
		bytes += mail->bytes;
		if (mail->call)
			worker_later(worker, mail);
		else
			mail->run(worker, mail);
		mail = next;
	}
	atomic_fetch_sub(&worker->mail_bytes, bytes);
	if (atomic_load(&worker->feeders) != 0 &&
	    atomic_load(&worker->mail_bytes) <= worker->limits->mailbox_bytes)
		relieve_feeders(worker);
}

bool
worker_congested(const struct worker *worker)
{
	return worker->congested != 0;
}

void
worker_rest(struct worker *worker, struct rester *rester)
{
	list_add(&worker->resting, &rester->link);
}

/* --- turns ---------------------------------------------------------------- */

static void
run_calls(struct worker *worker)
{
	struct mail *mail = worker->calls;

	worker->calls = NULL;
	worker->calls_end = &worker->calls;
	while (mail) {
		struct mail *next = mail->next;
		mail->run(worker, mail);
		mail = next;
	}
}

static void
flush_dirty(struct worker *worker)
{
	struct list dirty;

	list_init(&dirty);
	list_splice(&dirty, &worker->dirty);
	for (struct list *link; (link = list_take(&dirty));)
		sender_flush(container_of(link, struct sender, dirty));
}

void
worker_settle(struct worker *worker)
{
	worker->pushed = 0; /* what was put off gets a share of its own */
	run_calls(worker);
	flush_dirty(worker);
	/* What these have caused belongs to the next turn, which must not sleep. */
	if (worker_busy(worker))
		ev_async_send(worker->loop, &worker->wake);
}

bool
worker_busy(const struct worker *worker)
{
	return worker->calls != NULL || !list_empty(&worker->dirty);
}

bool
worker_tired(const struct worker *worker)
{
	return worker->pushed >= WORKER_TURN_PUSHES;
}

bool
worker_serves(struct worker *worker)
{
	if (worker->served == WORKER_TURN_SOCKETS || worker_tired(worker))
		return false;
	worker->served++;
	return true;
}

static void
serve_late(struct worker *worker)
{
	while (!list_empty(&worker->late) && worker_serves(worker))
		stream_serve_late(container_of(list_take(&worker->late),
		    struct stream, late));
}

static void
start_ticks(struct worker *worker)
{
	if (worker->wheel.count > 0 && !ev_is_active(&worker->tick))
		ev_timer_again(worker->loop, &worker->tick);
}

static uint64_t
cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void
on_check(struct ev_loop *loop, ev_check *watcher, int events)
{
	struct worker *worker = watcher->data;

	(void)loop;
	(void)events;
	worker->turn_ns = cpu_ns();
}

/* All other connections of the worker have waited for it. */
static void
judge_turn(const struct worker *worker)
{
	uint64_t took = cpu_ns() - worker->turn_ns;

	if (worker->turn_ns > 0 && took > LONG_TURN_NS)
		log_debug("core", "long turn worker=%u ms=%u", worker->index,
		    (unsigned)(took / 1000000));
}

static void
on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events)
{
	struct worker *worker = watcher->data;

	(void)loop;
	(void)events;
	worker_settle(worker);
	worker->served = worker->pushed = 0;
	if (!list_empty(&worker->late))
		ev_async_send(worker->loop, &worker->wake);
	if (ev_is_active(&worker->check))
		judge_turn(worker);
}

static void
on_wake(struct ev_loop *loop, ev_async *watcher, int events)
{
	(void)loop;
	(void)events;
	worker_drain(watcher->data);
	serve_late(watcher->data);
}

static void
on_tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct worker *worker = watcher->data;

	(void)events;
	wheel_run(&worker->wheel, worker_now_ms(worker));
	if (worker->wheel.count == 0)
		ev_timer_stop(loop, watcher);
}

uint64_t
worker_now_ms(const struct worker *worker)
{
	(void)worker;
	return clock_ms();
}

void
worker_timer_start(struct worker *worker, struct wheel_timer *timer,
    uint64_t after_ms)
{
	wheel_start(&worker->wheel, timer, worker_now_ms(worker), after_ms);
	start_ticks(worker);
}

void
worker_timer_stop(struct worker *worker, struct wheel_timer *timer)
{
	wheel_stop(&worker->wheel, timer);
}

const char *
worker_date(struct worker *worker)
{
	time_t now = time(NULL);

	if (now != worker->date_second) {
		struct tm tm;
		gmtime_r(&now, &tm);
		strftime(worker->date, sizeof(worker->date),
		    "%a, %d %b %Y %H:%M:%S GMT", &tm);
		worker->date_second = now;
	}
	return worker->date;
}

/* --- life ----------------------------------------------------------------- */

struct worker *
worker_new(unsigned index, struct worker *const *peers, unsigned peer_count,
    const struct loop_limits *limits)
{
	struct worker *worker = xcalloc(1, sizeof(*worker));

	worker->index = index;
	worker->peers = peers;
	worker->peer_count = peer_count;
	worker->limits = limits;
	worker->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	wps_assert(worker->loop != NULL);
	worker->read_buf = xmalloc(WORKER_READ_SIZE);
	worker->calls_end = &worker->calls;
	list_init(&worker->dirty);
	list_init(&worker->resting);
	list_init(&worker->late);
	list_init(&worker->https);
	list_init(&worker->wss);
	wheel_init(&worker->wheel, worker_now_ms(worker));

	ev_async_init(&worker->wake, on_wake);
	worker->wake.data = worker;
	ev_async_start(worker->loop, &worker->wake);
	ev_prepare_init(&worker->prepare, on_prepare);
	worker->prepare.data = worker;
	ev_prepare_start(worker->loop, &worker->prepare);
	ev_check_init(&worker->check, on_check);
	worker->check.data = worker;
	/* Before all others; without the log's interest a turn costs no call. */
	ev_set_priority(&worker->check, EV_MAXPRI);
	if (log_enabled(WPS_LOG_DEBUG))
		ev_check_start(worker->loop, &worker->check);
	ev_timer_init(&worker->tick, on_tick, 0., WHEEL_TICK_MS / 1000.);
	worker->tick.data = worker;
	return worker;
}

void
worker_run(struct worker *worker)
{
	current = worker;
	atomic_store(&worker->runs, true);
	ev_run(worker->loop, 0);
	atomic_store(&worker->runs, false);
	current = NULL;
}

void
worker_free(struct worker **worker)
{
	struct worker *w = *worker;

	if (w == NULL)
		return;
	keepalive_fini(w);
	body_unref(w->ping);
	out_pool_fini(w);
	ev_loop_destroy(w->loop);
	free(w->read_buf);
	free(w);
	*worker = NULL;
}
