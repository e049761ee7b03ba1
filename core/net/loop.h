/* SPDX-License-Identifier: MIT */
/*
 * Workers: threads, each with a libev loop of its own and a mailbox.
 *
 * Nothing of a worker is touched by another thread but its mailbox. Mail runs
 * in the order in which it was put there. There are two kinds: work on the
 * shard, run wherever the mailbox is drained and calling no plugin (but to
 * encode); and calls, kept for the end of the loop's turn, so that a plugin is
 * never entered from inside another command.
 *
 * A turn: sockets and timers, then the calls, then one flush of every sender
 * that has something to write.
 *
 * A turn serves so many sockets. Those that are ready beyond wait in a line, in
 * front of all others, for the next turns, so that thousands at once do not make
 * one long turn: timers, mail and writing come in between.
 *
 * Mail never blocks and is never refused. Above a mark of waiting bytes, those
 * that feed a mailbox rest: their sockets are not read until it has drained.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "net/wheel.h"
#include "util/list.h"

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORKERS_MAX 64 /* one bit each in a word */

struct worker;
struct body;
struct http_reader;
struct keepalive;
struct out_entry;
struct ws_input;

/* Spare blocks of queues. */
struct block_pool {
	struct out_block *first; /* owned */
	size_t count;
};

struct mail {
	struct mail *next;
	void (*run)(struct worker *worker, struct mail *mail);
	size_t bytes; /* that it holds, against the mark */
	bool call;    /* enters a plugin: run at the end of the turn */
};

/* Who rests while a mailbox is over its mark; woken by its `wake`. */
struct rester {
	struct list link;
	void (*wake)(struct rester *rester);
};

/* Read at start; the same for all workers. */
struct loop_limits {
	size_t mailbox_bytes; /* the mark above which feeders rest */
};

struct worker {
	unsigned index;
	struct worker *const *peers; /* all workers, this one too */
	unsigned peer_count;
	struct ev_loop *loop; /* owned */
	pthread_t thread;
	_Atomic bool runs; /* a thread is in its loop */
	const struct loop_limits *limits; /* borrowed */

	/* Mailbox: a stack that others push to; the owner takes it whole. */
	_Atomic(struct mail *) mailbox;
	_Atomic size_t mail_bytes;
	_Atomic uint64_t feeders; /* workers that wait for it to drain */
	ev_async wake;

	uint64_t congested;   /* mailboxes over their mark that we feed */
	struct list resting;  /* of struct rester */

	struct mail *calls, **calls_end;
	bool draining; /* the server ends: no further requests */
	bool stopped; /* plugins have left: no call may reach one */
	struct list dirty; /* of struct sender: something to write */
	ev_prepare prepare;
	ev_check check;
	struct list late;  /* of struct stream: ready, and wait for the next turn */
	unsigned served;   /* sockets in this turn */
	unsigned pushed;   /* items of queues in this turn */
	uint64_t turn_ns; /* the thread's CPU time at the start of this turn */

	struct wheel wheel;
	ev_timer tick;

	char *read_buf; /* owned; shared by all its sockets */
	struct block_pool blocks;
	struct ws_input *frame_pool[16];
	unsigned frame_pool_count;
	struct http_reader *reader_pool[64];
	unsigned reader_pool_count;
	time_t date_second;
	char date[32]; /* of HTTP answers; made once a second */

	struct list https;    /* of struct http: all that are not upgraded */
	struct list wss;      /* of struct ws */
	struct keepalive *keepalives; /* owned; by interval */
	struct body *ping;    /* owned; shared by all pings; NULL until the first */
	void **plugin_states; /* of the layer above */
	_Atomic uint64_t *counts; /* of the layer above */
	unsigned plugins_started;
	void *server;         /* of the layer above */
};

#define WORKER_TURN_SOCKETS 512
#define WORKER_TURN_PUSHES (128 * 1024)
#define WORKER_READ_SIZE (64 * 1024)

/* On the main thread, before threads start. `peers` may still be filling. */
struct worker *worker_new(unsigned index, struct worker *const *peers,
    unsigned peer_count, const struct loop_limits *limits);
void worker_free(struct worker **worker);

/* Runs the loop on the calling thread until something in it breaks it. */
void worker_run(struct worker *worker);

/* Any thread: whether it may touch the worker: it is the worker's own, or no
 * thread is in the loop. */
bool worker_is_here(const struct worker *worker);

/* Any thread: the mail is the callee's until it runs; `run` frees it. */
void worker_post(struct worker *worker, struct mail *mail);

/* The owner: runs all that is in the mailbox now. Calls are kept. */
void worker_drain(struct worker *worker);

/* The owner: runs at the end of this turn. */
void worker_later(struct worker *worker, struct mail *mail);

/* The owner: runs the calls and flushes, as at the end of a turn. */
void worker_settle(struct worker *worker);

/* Whether the end of a turn has something to do. */
bool worker_busy(const struct worker *worker);

/* Whether a mailbox that this worker feeds is over its mark. */
bool worker_congested(const struct worker *worker);

/* Wakes the rester once no mailbox is over its mark any more. */
void worker_rest(struct worker *worker, struct rester *rester);

/* Whether this turn serves one more socket, which it then does. */
bool worker_serves(struct worker *worker);

/* Whether this turn has made so many deliveries that whatever can wait shall. */
bool worker_tired(const struct worker *worker);

/* Monotonic milliseconds, as the kernel's ticks have them. */
uint64_t worker_now_ms(const struct worker *worker);

void worker_timer_start(struct worker *worker, struct wheel_timer *timer,
    uint64_t after_ms);
void worker_timer_stop(struct worker *worker, struct wheel_timer *timer);

/* The value of a Date header (RFC 9110, section 5.6.7). */
const char *worker_date(struct worker *worker);

#endif
