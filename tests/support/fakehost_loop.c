/* SPDX-License-Identifier: MIT */
/*
 * The loop of the fake host: see fakehost_loop.h.
 */
#include "support/fakehost_loop.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define WATCHES_MAX 512
/* How long nothing must happen, in real time, before the clock jumps. */
#define QUIET_MS 10

struct wps_watch {
	LIST_ENTRY(wps_watch) link;
	int fd;
	unsigned events;
	wps_watch_fn fn;
	void *data;
};

struct wps_timer {
	LIST_ENTRY(wps_timer) link;
	uint64_t due_ms;
	wps_timer_fn fn;
	void *data;
};

struct fakehost_post {
	TAILQ_ENTRY(fakehost_post) link;
	wps_post_fn fn;
	void *data;
};

static struct fakehost_loop *
loop_of(const struct wps_worker *worker)
{
	return (struct fakehost_loop *)(uintptr_t)worker;
}

static void *
need(size_t size)
{
	void *memory = calloc(1, size);

	if (memory == NULL)
		abort();
	return memory;
}

/* --- the host's functions ----------------------------------------------------- */

static uint64_t
host_now_ms(const struct wps_worker *worker)
{
	return loop_of(worker)->now_ms;
}

static void
host_post(struct wps_worker *worker, wps_post_fn fn, void *data)
{
	struct fakehost_post *post = need(sizeof(*post));

	post->fn = fn;
	post->data = data;
	TAILQ_INSERT_TAIL(&loop_of(worker)->posts, post, link);
}

static struct wps_watch *
host_watch(struct wps_worker *worker, int fd, unsigned events, wps_watch_fn fn,
    void *data)
{
	struct wps_watch *watch = need(sizeof(*watch));

	watch->fd = fd;
	watch->events = events;
	watch->fn = fn;
	watch->data = data;
	LIST_INSERT_HEAD(&loop_of(worker)->watches, watch, link);
	return watch;
}

static void
host_watch_set(struct wps_watch *watch, unsigned events)
{
	watch->events = events;
}

static void
host_unwatch(struct wps_watch *watch)
{
	if (watch == NULL)
		return;
	LIST_REMOVE(watch, link);
	free(watch);
}

static struct wps_timer *
host_timer_start(struct wps_worker *worker, uint64_t after_ms, wps_timer_fn fn,
    void *data)
{
	struct wps_timer *timer = need(sizeof(*timer));

	timer->due_ms = loop_of(worker)->now_ms + after_ms;
	timer->fn = fn;
	timer->data = data;
	LIST_INSERT_HEAD(&loop_of(worker)->timers, timer, link);
	return timer;
}

static void
host_timer_stop(struct wps_timer *timer)
{
	if (timer == NULL)
		return;
	LIST_REMOVE(timer, link);
	free(timer);
}

/* --- turns --------------------------------------------------------------------- */

static bool
run_posts(struct fakehost_loop *loop)
{
	struct fakehost_post *post = TAILQ_FIRST(&loop->posts);

	if (post == NULL)
		return false;
	TAILQ_REMOVE(&loop->posts, post, link);
	post->fn(fakehost_loop_worker(loop), post->data);
	free(post);
	return true;
}

static struct wps_timer *
first_timer(const struct fakehost_loop *loop)
{
	struct wps_timer *timer, *first = NULL;

	LIST_FOREACH(timer, &loop->timers, link) {
		if (first == NULL || timer->due_ms < first->due_ms)
			first = timer;
	}
	return first;
}

static bool
run_timer(struct fakehost_loop *loop)
{
	struct wps_timer *timer = first_timer(loop);

	if (timer == NULL || timer->due_ms > loop->now_ms)
		return false;
	LIST_REMOVE(timer, link);
	timer->fn(timer->data);
	free(timer);
	return true;
}

/* A watch may have gone, or changed, since its descriptor was polled. */
static void
call_watch(struct fakehost_loop *loop, int fd, short ready)
{
	struct wps_watch *watch;
	unsigned events = 0;

	if (ready & (POLLIN | POLLHUP | POLLERR))
		events |= WPS_READABLE;
	if (ready & (POLLOUT | POLLHUP | POLLERR))
		events |= WPS_WRITABLE;
	LIST_FOREACH(watch, &loop->watches, link) {
		if (watch->fd == fd && watch->events & events) {
			watch->fn(fd, watch->events & events, watch->data);
			return;
		}
	}
}

static bool
run_watches(struct fakehost_loop *loop, int timeout_ms)
{
	struct pollfd fds[WATCHES_MAX];
	struct wps_watch *watch;
	nfds_t count = 0;

	LIST_FOREACH(watch, &loop->watches, link) {
		if (count == WATCHES_MAX)
			abort();
		fds[count++] = (struct pollfd){
			.fd = watch->fd,
			.events = (short)(
			    (watch->events & WPS_READABLE ? POLLIN : 0) |
			    (watch->events & WPS_WRITABLE ? POLLOUT : 0)),
		};
	}
	if (poll(fds, count, timeout_ms) <= 0)
		return false;
	for (nfds_t i = 0; i < count; i++) {
		if (fds[i].revents)
			call_watch(loop, fds[i].fd, fds[i].revents);
	}
	return true;
}

/* Something that can be done now, or a jump; false when the end is reached. */
static bool
turn(struct fakehost_loop *loop, uint64_t end_ms)
{
	if (run_posts(loop) || run_timer(loop) || run_watches(loop, 0) ||
	    run_watches(loop, QUIET_MS))
		return true;

	const struct wps_timer *timer = first_timer(loop);
	if (timer == NULL || timer->due_ms > end_ms) {
		loop->now_ms = end_ms;
		return false;
	}
	loop->now_ms = timer->due_ms;
	return true;
}

bool
fakehost_loop_until(struct fakehost_loop *loop, bool (*predicate)(void *data),
    void *data, uint64_t deadline_ms)
{
	uint64_t end_ms = loop->now_ms + deadline_ms;

	while (!predicate(data)) {
		if (!turn(loop, end_ms))
			return predicate(data);
	}
	return true;
}

void
fakehost_loop_run(struct fakehost_loop *loop, uint64_t ms)
{
	uint64_t end_ms = loop->now_ms + ms;

	while (turn(loop, end_ms))
		continue;
}

/* --- life ------------------------------------------------------------------------ */

struct wps_worker *
fakehost_loop_worker(struct fakehost_loop *loop)
{
	return (struct wps_worker *)(void *)loop;
}

void
fakehost_loop_init(struct fakehost_loop *loop, struct wps_host *host)
{
	loop->now_ms = 1000;
	LIST_INIT(&loop->watches);
	LIST_INIT(&loop->timers);
	TAILQ_INIT(&loop->posts);
	host->now_ms = host_now_ms;
	host->post = host_post;
	host->watch = host_watch;
	host->watch_set = host_watch_set;
	host->unwatch = host_unwatch;
	host->timer_start = host_timer_start;
	host->timer_stop = host_timer_stop;
}

void
fakehost_loop_fini(struct fakehost_loop *loop)
{
	struct fakehost_post *post;

	while (!LIST_EMPTY(&loop->watches))
		host_unwatch(LIST_FIRST(&loop->watches));
	while (!LIST_EMPTY(&loop->timers))
		host_timer_stop(LIST_FIRST(&loop->timers));
	while ((post = TAILQ_FIRST(&loop->posts))) {
		TAILQ_REMOVE(&loop->posts, post, link);
		free(post);
	}
}

size_t
fakehost_loop_watches(const struct fakehost_loop *loop)
{
	const struct wps_watch *watch;
	size_t count = 0;

	LIST_FOREACH(watch, &loop->watches, link)
		count++;
	return count;
}

size_t
fakehost_loop_timers(const struct fakehost_loop *loop)
{
	const struct wps_timer *timer;
	size_t count = 0;

	LIST_FOREACH(timer, &loop->timers, link)
		count++;
	return count;
}
