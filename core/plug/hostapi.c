/* SPDX-License-Identifier: MIT */
#include "plug/hostapi.h"

#include "conf.h"
#include "hub/command.h"
#include "hub/conn.h"
#include "hub/delivery.h"
#include "hub/event.h"
#include "hub/groupstate.h"
#include "hub/identity.h"
#include "hub/invoke.h"
#include "hub/msg.h"
#include "hub/record.h"
#include "hub/request.h"
#include "hub/server.h"
#include "plug/counters.h"
#include "plug/registry.h"
#include "util/alloc.h"
#include "util/attr.h"
#include "util/log.h"

#include <stdarg.h>
#include <stdlib.h>

static struct worker *
worker_of(const struct wps_worker *worker)
{
	return (struct worker *)(uintptr_t)worker;
}

static struct wps_worker *
handle_of(const struct worker *worker)
{
	return (struct wps_worker *)(uintptr_t)worker;
}

/*
 * Plugins are told what is [loop]; one that calls such a function on another
 * thread corrupts memory now and then, far from the mistake. So it is looked at:
 * a thread-local load and a comparison on the right thread. Builds with NDEBUG
 * leave it out.
 */
static void
check_here(const struct worker *worker, const char *function)
{
#ifndef NDEBUG
	if (worker_is_here(worker))
		return;
	log_errx("core", "a plugin called %s on another thread than its "
	    "worker's", function + sizeof("api_") - 1);
	abort();
#else
	(void)worker;
	(void)function;
#endif
}

/* The worker of a [loop] function. */
#define here(worker) here_in(worker, __func__)
static struct worker *
here_in(const struct wps_worker *worker, const char *function)
{
	check_here(worker_of(worker), function);
	return worker_of(worker);
}

/* A connection that comes back from a plugin, in a [loop] function. */
#define checked(conn) checked_in(conn, __func__)
static const struct wps_conn *
checked_in(const struct wps_conn *conn, const char *function)
{
	wps_assert(conn->magic == CONN_MAGIC);
	check_here(conn->worker, function);
	return conn;
}

/* --- the plugin itself ----------------------------------------------------------- */

static void ATTR_PRINTF(3, 4)
api_log(const struct wps_self *self, enum wps_log_level level,
    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(level, self->plugin->name, 0, format, args);
	va_end(args);
}

static const struct wps_conf *
api_conf(const struct wps_self *self)
{
	return self->conf;
}

static const struct wps_conf *
api_conf_core(const struct wps_self *self)
{
	return conf_core(self->server->conf);
}

static const struct wps_conf *
api_conf_hub(const struct wps_self *self, struct wps_span hub)
{
	return conf_hub(self->server->conf, hub);
}

static struct wps_span
api_conf_hub_name(const struct wps_self *self, size_t i)
{
	return conf_hub_name(self->server->conf, i);
}

static int
api_conf_file(const struct wps_conf *conf, const char *name, char *dst,
    size_t cap)
{
	char *path = conf_file(conf, name);

	if (path == NULL)
		return WPS_NOT_FOUND;
	size_t len = strlen(path);
	if (len < cap)
		memcpy(dst, path, len + 1);
	free(path);
	return len < cap ? WPS_OK : WPS_FULL;
}

/* --- workers ---------------------------------------------------------------------- */

static unsigned
api_worker_count(const struct wps_self *self)
{
	return self->server->worker_count;
}

static struct wps_worker *
api_worker_at(const struct wps_self *self, unsigned index)
{
	wps_assert(index < self->server->worker_count);
	return handle_of(self->server->workers[index]);
}

static unsigned
api_worker_index(const struct wps_worker *worker)
{
	return worker_of(worker)->index;
}

static uint64_t
api_now_ms(const struct wps_worker *worker)
{
	return worker_now_ms(here(worker));
}

struct post {
	struct mail mail;
	wps_post_fn fn;
	void *data;
};

static void
run_post(struct worker *worker, struct mail *mail)
{
	struct post *post = container_of(mail, struct post, mail);

	if (!worker->stopped)
		post->fn(handle_of(worker), post->data);
	free(post);
}

static void
api_post(struct wps_worker *worker, wps_post_fn fn, void *data)
{
	struct post *post = xcalloc(1, sizeof(*post));

	post->mail.run = run_post;
	post->mail.call = true;
	post->fn = fn;
	post->data = data;
	worker_post(worker_of(worker), &post->mail);
}

/* --- watches and timers -------------------------------------------------------------- */

struct wps_watch {
	ev_io io;
	struct worker *worker;
	wps_watch_fn fn;
	void *data;
};

static void
on_watch(struct ev_loop *loop, ev_io *io, int events)
{
	struct wps_watch *watch = io->data;

	(void)loop;
	watch->fn(io->fd, (events & EV_READ ? WPS_READABLE : 0u) |
	    (events & EV_WRITE ? WPS_WRITABLE : 0u), watch->data);
}

static int
ev_events(unsigned events)
{
	return (events & WPS_READABLE ? EV_READ : 0) |
	    (events & WPS_WRITABLE ? EV_WRITE : 0);
}

static struct wps_watch *
api_watch(struct wps_worker *worker, int fd, unsigned events, wps_watch_fn fn,
    void *data)
{
	struct wps_watch *watch = xcalloc(1, sizeof(*watch));

	watch->worker = here(worker);
	watch->fn = fn;
	watch->data = data;
	ev_io_init(&watch->io, on_watch, fd, ev_events(events));
	watch->io.data = watch;
	if (events)
		ev_io_start(watch->worker->loop, &watch->io);
	return watch;
}

static void
api_watch_set(struct wps_watch *watch, unsigned events)
{
	check_here(watch->worker, __func__);
	ev_io_stop(watch->worker->loop, &watch->io);
	ev_io_set(&watch->io, watch->io.fd, ev_events(events));
	if (events)
		ev_io_start(watch->worker->loop, &watch->io);
}

static void
api_unwatch(struct wps_watch *watch)
{
	if (watch == NULL)
		return;
	check_here(watch->worker, __func__);
	ev_io_stop(watch->worker->loop, &watch->io);
	free(watch);
}

struct wps_timer {
	struct wheel_timer timer;
	struct worker *worker;
	wps_timer_fn fn;
	void *data;
};

static void
on_timer(struct wheel_timer *wheel_timer)
{
	struct wps_timer *timer =
	    container_of(wheel_timer, struct wps_timer, timer);
	wps_timer_fn fn = timer->fn;
	void *data = timer->data;

	free(timer);
	fn(data);
}

static struct wps_timer *
api_timer_start(struct wps_worker *worker, uint64_t after_ms, wps_timer_fn fn,
    void *data)
{
	struct wps_timer *timer = xcalloc(1, sizeof(*timer));

	timer->worker = here(worker);
	timer->fn = fn;
	timer->data = data;
	wheel_timer_init(&timer->timer, on_timer);
	worker_timer_start(timer->worker, &timer->timer, after_ms);
	return timer;
}

static void
api_timer_stop(struct wps_timer *timer)
{
	if (timer == NULL)
		return;
	check_here(timer->worker, __func__);
	worker_timer_stop(timer->worker, &timer->timer);
	free(timer);
}

/* --- commands ------------------------------------------------------------------------- */

static void
api_submit(struct wps_worker *worker, const struct wps_command *command,
    wps_done_fn done, void *data)
{
	command_submit(here(worker), command, done, data);
}

static void
api_submit_list(struct wps_worker *worker, const struct wps_command *command,
    wps_list_fn done, void *data)
{
	command_submit_list(here(worker), command, done, data);
}

/* --- connections ------------------------------------------------------------------------ */

static const struct wps_conn_view *
api_conn_view(const struct wps_conn *conn)
{
	return &checked(conn)->view;
}

static struct wps_worker *
api_conn_worker(const struct wps_conn *conn)
{
	return handle_of(checked(conn)->worker);
}

static void *
api_conn_data(const struct wps_conn *conn)
{
	return checked(conn)->data;
}

static void **
api_conn_slot(const struct wps_self *self, struct wps_conn *conn)
{
	(void)checked(conn);
	return conn_slot(conn, self);
}

static int
api_conn_send(struct wps_conn *conn, enum wps_frame frame, struct wps_span data)
{
	(void)checked(conn);
	return delivery_send(conn, frame, data);
}

static int
api_conn_deliver(struct wps_conn *conn, const struct wps_msg_view *msg)
{
	(void)checked(conn);
	return delivery_deliver(conn, msg);
}

static void
api_conn_acked(struct wps_conn *conn, uint64_t sequence)
{
	(void)checked(conn);
	if (conn->replay)
		replay_ack(conn->replay, sequence);
}

static void
api_conn_close(struct wps_conn *conn, uint16_t code, struct wps_span reason)
{
	(void)checked(conn);
	conn_close(conn, code, reason);
}

static bool
api_conn_may(const struct wps_conn *conn, enum wps_perm perm,
    struct wps_span group)
{
	return perms_allow(&checked(conn)->perms, perm, group);
}

static int
api_conn_join(struct wps_conn *conn, struct wps_span group)
{
	(void)checked(conn);
	return conn_join(conn, group);
}

static int
api_conn_leave(struct wps_conn *conn, struct wps_span group)
{
	(void)checked(conn);
	conn_leave(conn, group);
	return WPS_OK;
}

static int
api_conn_event(struct wps_conn *conn, const struct wps_event *event,
    wps_event_fn done)
{
	(void)checked(conn);
	return event_user(conn, event, done);
}

static int
api_conn_invoke(struct wps_conn *conn, struct wps_span id,
    const struct wps_event *event, wps_invoke_fn done)
{
	(void)checked(conn);
	return invoke_start(conn, id, event, done);
}

static int
api_conn_cancel(struct wps_conn *conn, struct wps_span id)
{
	(void)checked(conn);
	return invoke_cancel(conn, id);
}

static int
api_conn_state_set(struct wps_conn *conn, struct wps_span group,
    const struct wps_pair *entries, size_t count)
{
	(void)checked(conn);
	return groupstate_set(conn, group, entries, count);
}

static int
api_conn_state_clear(struct wps_conn *conn, struct wps_span group)
{
	(void)checked(conn);
	return groupstate_clear(conn, group);
}

static int
api_conn_state_watch(struct wps_conn *conn, struct wps_span group)
{
	(void)checked(conn);
	return groupstate_watch(conn, group);
}

static void
api_conn_state_unwatch(struct wps_conn *conn, struct wps_span group)
{
	(void)checked(conn);
	groupstate_unwatch(conn, group);
}

static void
api_answer(struct wps_reply *reply, const struct wps_answer *answer)
{
	check_here(event_worker(reply), __func__);
	event_answer(reply, answer);
}

/* --- keys -------------------------------------------------------------------------------- */

static int
api_sign(const struct wps_self *self, unsigned key, struct wps_span bytes,
    uint8_t mac_out[32])
{
	const struct points *points = &self->server->points;

	if (points->auth_self == NULL || points->auth.sign == NULL)
		return WPS_NOT_FOUND;
	return points->auth.sign(points->auth_self->state, key, bytes, mac_out);
}

static int
api_issue(const struct wps_self *self, const struct wps_claims *claims,
    char *dst, size_t cap, size_t *len_out)
{
	const struct points *points = &self->server->points;

	if (points->auth_self == NULL || points->auth.issue == NULL)
		return WPS_DECLINED;
	return points->auth.issue(points->auth_self->state, claims, dst, cap,
	    len_out);
}

/* --- requests ------------------------------------------------------------------------------ */

static struct wps_worker *
api_request_worker(const struct wps_request *request)
{
	return handle_of(request_worker(request));
}

static void
api_request_authenticate(struct wps_request *request, struct wps_span hub,
    wps_identity_fn done, void *data)
{
	check_here(request_worker(request), __func__);
	request_authenticate(request, hub, done, data);
}

static void
api_respond(struct wps_request *request, const struct wps_response *response)
{
	check_here(request_worker(request), __func__);
	request_respond(request, response);
}

static bool
api_stopping(const struct wps_self *self)
{
	return atomic_load(&self->server->stopping);
}

static const struct wps_subprotocol *
api_find_subprotocol(const struct wps_self *self, struct wps_span name)
{
	const struct subprotocol *sub =
	    points_subprotocol(&self->server->points, name);

	return sub ? &sub->ops : NULL;
}

static void
api_count(struct wps_worker *worker, unsigned id, uint64_t n)
{
	counters_add(here(worker), id, n);
}

static void
api_counters_each(const struct wps_self *self, wps_counter_fn fn, void *data)
{
	counters_each(self->server, fn, data);
}

void
hostapi_fill(struct wps_host *host)
{
	*host = (struct wps_host){
		.struct_size = sizeof(*host),
		.abi_minor = WPS_ABI_MINOR,
		.log = api_log,
		.conf = api_conf,
		.conf_core = api_conf_core,
		.conf_hub = api_conf_hub,
		.conf_hub_name = api_conf_hub_name,
		.conf_bool = conf_bool,
		.conf_int = conf_int,
		.conf_span = conf_span,
		.conf_count = conf_count,
		.conf_item = conf_item,
		.conf_map = conf_map,
		.conf_where = conf_where,
		.add_subprotocol = registry_add_subprotocol,
		.add_auth = registry_add_auth,
		.add_upstream = registry_add_upstream,
		.add_route = registry_add_route,
		.worker_count = api_worker_count,
		.worker_at = api_worker_at,
		.worker_index = api_worker_index,
		.now_ms = api_now_ms,
		.post = api_post,
		.watch = api_watch,
		.watch_set = api_watch_set,
		.unwatch = api_unwatch,
		.timer_start = api_timer_start,
		.timer_stop = api_timer_stop,
		.msg_create = msg_new,
		.msg_ref = msg_ref,
		.msg_unref = msg_unref,
		.msg_view = msg_view,
		.submit = api_submit,
		.body_make = delivery_body_make,
		.body_insert = delivery_body_insert,
		.conn_view = api_conn_view,
		.conn_worker = api_conn_worker,
		.conn_data = api_conn_data,
		.conn_slot = api_conn_slot,
		.conn_send = api_conn_send,
		.conn_deliver = api_conn_deliver,
		.conn_acked = api_conn_acked,
		.conn_close = api_conn_close,
		.conn_may = api_conn_may,
		.conn_join = api_conn_join,
		.conn_leave = api_conn_leave,
		.conn_event = api_conn_event,
		.answer = api_answer,
		.auth_answer = identity_answer,
		.sign = api_sign,
		.issue = api_issue,
		.request_view = request_view,
		.request_worker = api_request_worker,
		.request_authenticate = api_request_authenticate,
		.respond = api_respond,
		.find_subprotocol = api_find_subprotocol,
		.submit_list = api_submit_list,
		.conf_file = api_conf_file,
		.stopping = api_stopping,
		.conn_invoke = api_conn_invoke,
		.conn_cancel = api_conn_cancel,
		.conn_state_set = api_conn_state_set,
		.conn_state_clear = api_conn_state_clear,
		.conn_state_watch = api_conn_state_watch,
		.conn_state_unwatch = api_conn_state_unwatch,
		.add_counter = registry_add_counter,
		.count = api_count,
		.counters_each = api_counters_each,
		.record_put = record_put,
	};
}
