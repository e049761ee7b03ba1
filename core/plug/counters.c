/* SPDX-License-Identifier: MIT */
#include "plug/counters.h"

#include "hub/server.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/log.h"

#include <pthread.h>
#include <stdlib.h>

/* Of the texts, which go with their plugin: threads of another may be reading
 * then. Numbers need none. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* --- texts ------------------------------------------------------------------- */

/* How long the name at the start is. */
static size_t
name_len(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	return *text >= '0' && *text <= '9' ? 0 : strspn(text, letters);
}

bool
counter_name_valid(const char *name)
{
	return *name != '\0' && name[name_len(name)] == '\0';
}

/* Where a label ends; NULL when it is none. */
static const char *
label_end(const char *text)
{
	size_t len = name_len(text);

	if (len == 0 || text[len] != '=' || text[len + 1] != '"')
		return NULL;
	for (text += len + 2; *text != '"'; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f ||
		    *text == '\\')
			return NULL;
	}
	return text + 1;
}

bool
counter_labels_valid(const char *labels)
{
	while ((labels = label_end(labels)) && *labels == ',')
		labels++;
	return labels && *labels == '\0';
}

static const char *
labels_of(const struct wps_counter *counter)
{
	return counter->labels ? counter->labels : "";
}

bool
counters_taken(const struct points *points, const struct wps_counter *counter)
{
	for (unsigned i = 0; i < points->counter_count; i++) {
		const struct wps_counter *other = &points->counters[i].ops;
		/* The texts of a withdrawn one are gone. */
		if (points->counters[i].self &&
		    strcmp(other->name, counter->name) == 0 &&
		    strcmp(labels_of(other), labels_of(counter)) == 0)
			return true;
	}
	return false;
}

/* --- numbers ----------------------------------------------------------------- */

void
counters_worker_init(struct worker *worker)
{
	worker->counts = xaligned(CACHE_LINE,
	    COUNTERS_MAX * sizeof(*worker->counts));
	for (unsigned i = 0; i < COUNTERS_MAX; i++)
		atomic_init(&worker->counts[i], 0);
}

void
counters_worker_fini(struct worker *worker)
{
	free(worker->counts);
	worker->counts = NULL;
}

/* There is one writer: no locked instruction is needed. */
void
counters_add(struct worker *worker, unsigned id, uint64_t n)
{
	wps_assert(id < worker_server(worker)->points.counter_count);

	_Atomic uint64_t *count = &worker->counts[id];
	atomic_store_explicit(count,
	    atomic_load_explicit(count, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

static uint64_t
sum(const struct server *server, unsigned id)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < server->worker_count; i++) {
		if (server->workers[i])
			total += atomic_load_explicit(
			    &server->workers[i]->counts[id],
			    memory_order_relaxed);
	}
	return total;
}

void
counters_each(const struct server *server, wps_counter_fn fn, void *data)
{
	const struct points *points = &server->points;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < points->counter_count; i++) {
		const struct counter *counter = &points->counters[i];
		if (counter->self)
			fn(data, &(struct wps_counter_view){
				.name = counter->ops.name,
				.labels = labels_of(&counter->ops),
				.help = counter->ops.help,
				.value = sum(server, i),
			});
	}
	pthread_mutex_unlock(&lock);
}

void
counters_withdraw(struct points *points, const struct wps_self *self)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < points->counter_count; i++)
		if (points->counters[i].self == self)
			points->counters[i].self = NULL;
	pthread_mutex_unlock(&lock);
}

static void
log_one(void *data, const struct wps_counter_view *view)
{
	(void)data;
	if (view->value > 0)
		log_info("core", "counted %s%s%s%s %llu", view->name,
		    *view->labels ? "{" : "", view->labels,
		    *view->labels ? "}" : "", (unsigned long long)view->value);
}

void
counters_log(const struct server *server)
{
	counters_each(server, log_one, NULL);
}
