/* SPDX-License-Identifier: MIT */
/*
 * The loop of the fake host: watch, timer and post over poll(2), on the thread
 * of the test.
 *
 * Its clock is its own: it stands still while something happens and jumps to
 * the next timer when nothing has happened for a moment. A test of a pause of
 * one minute takes no time, and no test sleeps.
 */
#ifndef FAKEHOST_LOOP_H
#define FAKEHOST_LOOP_H

#include <wps/host.h>

#include <sys/queue.h>

struct wps_watch;
struct wps_timer;
struct fakehost_post;

struct fakehost_loop {
	uint64_t now_ms;
	LIST_HEAD(, wps_watch) watches;
	LIST_HEAD(, wps_timer) timers;
	TAILQ_HEAD(, fakehost_post) posts;
};

/*
 * Makes the loop and puts its functions (now_ms, post, watch, timer_start and
 * their like) into the table. Workers are made with fakehost_loop_worker.
 */
void fakehost_loop_init(struct fakehost_loop *loop, struct wps_host *host);

/* Drops what was not run; complains of nothing. */
void fakehost_loop_fini(struct fakehost_loop *loop);

/* The one worker of this loop, as the host's functions take it. */
struct wps_worker *fakehost_loop_worker(struct fakehost_loop *loop);

/*
 * Runs the loop until the predicate holds; false when its clock has gone on by
 * deadline_ms before, or nothing is left to wait for.
 */
bool fakehost_loop_until(struct fakehost_loop *loop,
    bool (*predicate)(void *data), void *data, uint64_t deadline_ms);

/* Runs it for so many milliseconds of its clock. */
void fakehost_loop_run(struct fakehost_loop *loop, uint64_t ms);

/* How many watches and timers there are: for tests of tidiness. */
size_t fakehost_loop_watches(const struct fakehost_loop *loop);
size_t fakehost_loop_timers(const struct fakehost_loop *loop);

#endif
