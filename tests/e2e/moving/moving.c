/* SPDX-License-Identifier: MIT */
/*
 * A server whose connections move to another one.
 *
 *   moving -c CONFIG [-r RECORDS] [-w RECORDS]
 *
 * It reads the records of a file and brings their connections back. On SIGUSR1 it
 * writes all that it has to a file, and is gone without a word to anybody, as a
 * process that is killed.
 *
 * Workers write when none of them runs commands any more: then all that they have
 * sent to each other stands in mailboxes, and so gets into the records.
 */
#include "conf.h"
#include "hub/conn.h"
#include "hub/record.h"
#include "hub/server.h"
#include "server.h"
#include "util/alloc.h"
#include "util/attr.h"

#include <getopt.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HEAD 2 /* numbers in front of a record: worker, length */

struct work {
	struct mail mail;
	struct moving *moving;
	struct wps_span record; /* reading */
};

struct moving {
	struct server *server;
	FILE *file;
	pthread_mutex_t lock;      /* of the file */
	pthread_barrier_t barrier; /* writing: all workers, and the main thread */
	sem_t arrived;             /* reading: one is there */
	unsigned count;
};

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "moving: %s: %s\n", what, why);
	_exit(EXIT_FAILURE);
}

static void
post(struct moving *moving, unsigned worker, struct wps_span record,
    void (*run)(struct worker *worker, struct mail *mail))
{
	struct work *work = xcalloc(1, sizeof(*work));

	work->mail.run = run;
	work->mail.call = true;
	work->moving = moving;
	work->record = record;
	worker_post(moving->server->workers[worker], &work->mail);
}

/* --- writing ---------------------------------------------------------------- */

static void
write_one(struct moving *moving, struct wps_conn *conn)
{
	struct wps_record record = { .data = NULL };
	struct wps_err err = { "" };

	if (record_write(conn, &record, &err) != WPS_OK)
		fail("a connection cannot be written", err.text);
	uint64_t head[HEAD] = { conn->worker->index, record.len };
	pthread_mutex_lock(&moving->lock);
	fwrite(head, sizeof(head), 1, moving->file);
	fwrite(record.data, 1, record.len, moving->file);
	moving->count++;
	pthread_mutex_unlock(&moving->lock);
	record_fini(&record);
}

/* The answers that it waits for still come. */
static bool
is_busy(struct wps_conn *conn)
{
	struct wps_record record = { .data = NULL };
	struct wps_err err;
	int rc = record_write(conn, &record, &err);

	record_fini(&record);
	return rc == WPS_PENDING;
}

/* Of a worker's connections, until `visit` says enough. */
static bool
any(struct moving *moving, struct worker *worker,
    bool (*visit)(struct moving *moving, struct wps_conn *conn))
{
	struct hub_table *hubs = &moving->server->hubs;

	for (unsigned i = 0; i < HUB_BUCKETS; i++)
		for (struct hub *hub = atomic_load(&hubs->buckets[i]); hub;
		    hub = hub->next) {
			struct shard *shard = shard_find(hub, worker);
			for (uint32_t k = 0; shard && k < shard->all.count; k++)
				if (visit(moving, shard->all.items[k].conn))
					return true;
		}
	return false;
}

static bool
visit_busy(struct moving *moving, struct wps_conn *conn)
{
	(void)moving;
	return is_busy(conn);
}

static bool
visit_write(struct moving *moving, struct wps_conn *conn)
{
	write_one(moving, conn);
	return false;
}

static void
write_all(struct worker *worker, struct mail *mail)
{
	struct moving *moving = container_of(mail, struct work, mail)->moving;

	if (any(moving, worker, visit_busy)) {
		worker_post(worker, mail);
		return;
	}
	pthread_barrier_wait(&moving->barrier);
	(void)any(moving, worker, visit_write);
	pthread_barrier_wait(&moving->barrier);
	for (;;)
		pause();
}

static void
leave(struct moving *moving, const char *path)
{
	moving->file = fopen(path, "wb");
	if (moving->file == NULL)
		fail(path, "cannot be written");
	pthread_barrier_init(&moving->barrier, NULL,
	    moving->server->worker_count + 1);
	for (unsigned i = 0; i < moving->server->worker_count; i++)
		post(moving, i, WPS_SPAN_NONE, write_all);
	pthread_barrier_wait(&moving->barrier);
	pthread_barrier_wait(&moving->barrier);
	if (fclose(moving->file) != 0)
		fail(path, "cannot be written");
	fprintf(stderr, "moving: written=%u\n", moving->count);
	_exit(EXIT_SUCCESS);
}

/* --- reading ---------------------------------------------------------------- */

static void
read_one(struct worker *worker, struct mail *mail)
{
	struct work *work = container_of(mail, struct work, mail);
	struct wps_err err = { "" };
	struct wps_conn *conn;

	if (record_read(worker, work->record, &conn, &err) != WPS_OK)
		fail("a connection cannot be read", err.text);
	free((char *)(uintptr_t)work->record.data);
	sem_post(&work->moving->arrived);
	free(work);
}

/* One after the other. */
static void
arrive(struct moving *moving, const char *path)
{
	uint64_t head[HEAD];

	moving->file = fopen(path, "rb");
	if (moving->file == NULL)
		fail(path, "cannot be read");
	sem_init(&moving->arrived, 0, 0);
	while (fread(head, sizeof(head), 1, moving->file) == 1) {
		char *record = xmalloc(head[1] + 1);
		if (fread(record, 1, head[1], moving->file) != head[1] ||
		    head[0] >= moving->server->worker_count)
			fail(path, "is no file of records");
		post(moving, (unsigned)head[0],
		    (struct wps_span){ record, head[1] }, read_one);
		while (sem_wait(&moving->arrived) != 0)
			continue;
		moving->count++;
	}
	fclose(moving->file);
	fprintf(stderr, "moving: read=%u\n", moving->count);
	moving->count = 0;
}

/* --- the server --------------------------------------------------------------- */

struct arguments {
	const char *config, *from, *to;
};

static void
parse(int argc, char **argv, struct arguments *out)
{
	int option;

	while ((option = getopt(argc, argv, "c:r:w:")) != -1)
		switch (option) {
		case 'c':
			out->config = optarg;
			break;
		case 'r':
			out->from = optarg;
			break;
		case 'w':
			out->to = optarg;
			break;
		default:
			fail("usage", "moving -c CONFIG [-r FILE] [-w FILE]");
		}
}

static struct server *
load(const char *path)
{
	struct conf_report report = { 0 };
	struct server *server = server_load(path, &report);

	if (server == NULL)
		fail(path, report.text);
	conf_report_fini(&report);
	return server;
}

int
main(int argc, char **argv)
{
	struct arguments arguments = { .config = "wps.conf" };
	struct moving moving = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct wps_err err = { "" };
	sigset_t set;
	int signal_number;

	parse(argc, argv, &arguments);
	moving.server = load(arguments.config);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (server_start(moving.server, &err) != WPS_OK)
		fail("start", err.text);
	if (arguments.from)
		arrive(&moving, arguments.from);
	sigwait(&set, &signal_number);
	if (signal_number == SIGUSR1)
		leave(&moving, arguments.to);
	server_stop(moving.server);
	server_free(&moving.server);
	return EXIT_SUCCESS;
}
