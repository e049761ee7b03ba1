/* SPDX-License-Identifier: MIT */
/*
 * Monotonic time that stands still until a test moves it. The program is linked
 * with --wrap=clock_gettime; libev, a shared library, keeps the real one.
 */
#ifndef SUPPORT_CLOCK_H
#define SUPPORT_CLOCK_H

#include "net/loop.h"

#include <time.h>

#define CLOCK_START_MS 1000000

static uint64_t clock_ms = CLOCK_START_MS;

int __real_clock_gettime(clockid_t id, struct timespec *out);
int __wrap_clock_gettime(clockid_t id, struct timespec *out);

int
__wrap_clock_gettime(clockid_t id, struct timespec *out)
{
	if (id != CLOCK_MONOTONIC_COARSE)
		return __real_clock_gettime(id, out);
	out->tv_sec = (time_t)(clock_ms / 1000);
	out->tv_nsec = (long)(clock_ms % 1000) * 1000000;
	return 0;
}

/* Lets time pass tick by tick, and runs the timers of a worker. */
static inline void
clock_pass(struct worker *worker, uint64_t ms)
{
	const uint64_t end = clock_ms + ms;

	while (clock_ms < end) {
		clock_ms = end - clock_ms > WHEEL_TICK_MS ?
		    clock_ms + WHEEL_TICK_MS : end;
		wheel_run(&worker->wheel, clock_ms);
		worker_settle(worker);
	}
}

#endif
