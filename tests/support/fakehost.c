/* SPDX-License-Identifier: MIT */
/*
 * The fake host: see fakehost.h.
 */
#include "support/fakehost.h"

#include <stdarg.h>
#include <strings.h>

struct wps_msg {
	unsigned refs;
	struct wps_msg_view view; /* its bytes follow */
	struct wps_stream stream;
};

static size_t messages; /* that live, over all fake hosts */

/* --- what nobody provides --------------------------------------------------------- */

static void __attribute__((noreturn))
unset(const char *name)
{
	fprintf(stderr, "fake host: host->%s is not set by this test\n", name);
	abort();
}

#define UNSETS(ROW)                                                            \
	ROW(submit)                                                            \
	ROW(body_make)                                                         \
	ROW(body_insert)                                                       \
	ROW(conn_view)                                                         \
	ROW(conn_worker)                                                       \
	ROW(conn_data)                                                         \
	ROW(conn_slot)                                                         \
	ROW(conn_send)                                                         \
	ROW(conn_close)                                                        \
	ROW(conn_may)                                                          \
	ROW(conn_join)                                                         \
	ROW(conn_leave)                                                        \
	ROW(conn_event)                                                        \
	ROW(answer)                                                            \
	ROW(auth_answer)                                                       \
	ROW(sign)                                                              \
	ROW(issue)                                                             \
	ROW(request_view)                                                      \
	ROW(request_worker)                                                    \
	ROW(request_authenticate)                                              \
	ROW(respond)

#define UNSET_FUNCTION(member)                                                 \
	static void unset_##member(void) { unset(#member); }
UNSETS(UNSET_FUNCTION)

/* The functions take no arguments, which a call with some does not notice
 * before they abort. */
static void
fill_unset(struct wps_host *host)
{
#define UNSET_MEMBER(member)                                                   \
	host->member = (__typeof__(host->member))unset_##member;
	UNSETS(UNSET_MEMBER)
}

/* --- log ----------------------------------------------------------------------------- */

static void WPS_PRINTF(3, 4)
host_log(const struct wps_self *self, enum wps_log_level level,
    const char *format, ...)
{
	static const char *const names[] = { "", "err", "warn", "info", "debug" };
	struct fakehost *fake = self->fake;
	size_t used = strlen(fake->log);
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	snprintf(fake->log + used, sizeof(fake->log) - used, "%s: %s\n",
	    names[level], line);
}

bool
fakehost_logged(const struct fakehost *fake, const char *text)
{
	return strstr(fake->log, text) != NULL;
}

/* --- registration ---------------------------------------------------------------------- */

#define COPY_OPS(dst, src)                                                     \
	copy_ops(dst, sizeof(*(dst)), src, (src)->struct_size)

static void
copy_ops(void *dst, size_t size, const void *src, size_t src_size)
{
	memset(dst, 0, size);
	memcpy(dst, src, src_size < size ? src_size : size);
}

static int
host_add_subprotocol(struct wps_self *self, const struct wps_subprotocol *ops)
{
	struct fakehost *fake = self->fake;

	if (ops->name == NULL || ops->recv == NULL || ops->encode == NULL)
		return WPS_EINVAL;
	for (size_t i = 0; i < fake->subprotocol_count; i++)
		if (strcasecmp(fake->subprotocols[i].name, ops->name) == 0)
			return WPS_DUPLICATE;
	if (fake->subprotocol_count == FAKEHOST_OPS_MAX)
		abort();
	COPY_OPS(&fake->subprotocols[fake->subprotocol_count++], ops);
	return WPS_OK;
}

static int
host_add_auth(struct wps_self *self, const struct wps_auth *ops)
{
	if (ops->authenticate == NULL || ops->permit == NULL)
		return WPS_EINVAL;
	if (self->fake->auth.authenticate)
		return WPS_DUPLICATE;
	COPY_OPS(&self->fake->auth, ops);
	return WPS_OK;
}

static int
host_add_upstream(struct wps_self *self, const struct wps_upstream *ops)
{
	if (ops->wants == NULL || ops->deliver == NULL || ops->cancel == NULL)
		return WPS_EINVAL;
	COPY_OPS(&self->fake->upstream, ops);
	return WPS_OK;
}

static int
host_add_route(struct wps_self *self, const struct wps_route *ops)
{
	struct fakehost *fake = self->fake;

	if (ops->prefix == NULL || ops->serve == NULL)
		return WPS_EINVAL;
	for (size_t i = 0; i < fake->route_count; i++)
		if (strcmp(fake->routes[i].prefix, ops->prefix) == 0)
			return WPS_DUPLICATE;
	if (fake->route_count == FAKEHOST_OPS_MAX)
		abort();
	COPY_OPS(&fake->routes[fake->route_count++], ops);
	return WPS_OK;
}

static const struct wps_subprotocol *
host_find_subprotocol(const struct wps_self *self, struct wps_span name)
{
	const struct fakehost *fake = self->fake;

	for (size_t i = 0; i < fake->subprotocol_count; i++) {
		const char *known = fake->subprotocols[i].name;
		if (strlen(known) == name.len &&
		    strncasecmp(known, name.data, name.len) == 0)
			return &fake->subprotocols[i];
	}
	return NULL;
}

/* --- workers: one ------------------------------------------------------------------------ */

static unsigned
host_worker_count(const struct wps_self *self)
{
	(void)self;
	return 1;
}

static struct wps_worker *
host_worker_at(const struct wps_self *self, unsigned index)
{
	if (index != 0)
		abort();
	return fakehost_worker(self->fake);
}

static unsigned
host_worker_index(const struct wps_worker *worker)
{
	(void)worker;
	return 0;
}

struct wps_worker *
fakehost_worker(struct fakehost *fake)
{
	return fakehost_loop_worker(&fake->loop);
}

struct fakehost *
fakehost_of(const struct wps_worker *worker)
{
	return (struct fakehost *)((uintptr_t)worker -
	    offsetof(struct fakehost, loop));
}

/* --- messages ------------------------------------------------------------------------------ */

static struct wps_span
put(char **end, struct wps_span bytes)
{
	struct wps_span copy = { bytes.data ? *end : NULL, bytes.len };

	if (bytes.len)
		memcpy(*end, bytes.data, bytes.len);
	*end += bytes.len;
	return copy;
}

static size_t
bytes_of(const struct wps_msg_view *view)
{
	size_t len = view->group.len + view->from_user.len + view->payload.len;

	for (size_t i = 0; i < view->metadata_count; i++)
		len += view->metadata[i].key.len + view->metadata[i].value.len;
	return len;
}

static size_t
stream_bytes(const struct wps_stream *stream)
{
	return stream ? stream->id.len + stream->error_name.len +
	    stream->error_message.len + stream->error_code.len : 0;
}

static void
put_stream(struct wps_msg *msg, char **end)
{
	if (msg->view.stream == NULL)
		return;
	msg->stream = *msg->view.stream;
	msg->view.stream = &msg->stream;
	msg->stream.id = put(end, msg->stream.id);
	msg->stream.error_name = put(end, msg->stream.error_name);
	msg->stream.error_message = put(end, msg->stream.error_message);
	msg->stream.error_code = put(end, msg->stream.error_code);
}

static struct wps_msg *
host_msg_create(const struct wps_msg_view *view)
{
	size_t pairs_size = view->metadata_count * sizeof(*view->metadata);
	struct wps_msg *msg = calloc(1, sizeof(*msg) + pairs_size +
	    bytes_of(view) + stream_bytes(view->stream));

	if (msg == NULL)
		abort();
	struct wps_pair *pairs = (struct wps_pair *)(msg + 1);
	char *end = (char *)pairs + pairs_size;
	msg->refs = 1;
	msg->view = *view;
	msg->view.group = put(&end, view->group);
	msg->view.from_user = put(&end, view->from_user);
	msg->view.payload = put(&end, view->payload);
	msg->view.metadata = pairs;
	for (size_t i = 0; i < view->metadata_count; i++) {
		pairs[i].key = put(&end, view->metadata[i].key);
		pairs[i].value = put(&end, view->metadata[i].value);
	}
	put_stream(msg, &end);
	messages++;
	return msg;
}

static struct wps_msg *
host_msg_ref(struct wps_msg *msg)
{
	msg->refs++;
	return msg;
}

static void
host_msg_unref(struct wps_msg *msg)
{
	if (msg == NULL || --msg->refs > 0)
		return;
	messages--;
	free(msg);
}

static const struct wps_msg_view *
host_msg_view(const struct wps_msg *msg)
{
	return &msg->view;
}

size_t
fakehost_messages(void)
{
	return messages;
}

/* --- life ------------------------------------------------------------------------------------ */

static int
check_all(struct fakehost *fake)
{
	const struct wps_plugin *plugin = &wps_plugin_v1;
	struct wps_span name;

	if (plugin->check == NULL)
		return WPS_OK;
	int rc = plugin->check(&fake->host, fake->host.conf(&fake->self), NULL,
	    &fake->err);
	if (rc == WPS_OK)
		rc = plugin->check(&fake->host, fake->host.conf_hub(&fake->self,
		    WPS_SPAN("*")), "*", &fake->err);
	for (size_t i = 0; rc == WPS_OK &&
	    (name = fake->host.conf_hub_name(&fake->self, i)).data; i++)
		rc = plugin->check(&fake->host,
		    fake->host.conf_hub(&fake->self, name), name.data, &fake->err);
	return rc;
}

int
fakehost_start(struct fakehost *fake)
{
	const struct wps_plugin *plugin = &wps_plugin_v1;
	int rc = check_all(fake);

	if (rc == WPS_OK && plugin->init)
		rc = plugin->init(&fake->host, &fake->self, &fake->state);
	if (rc != WPS_OK)
		return rc;
	fake->initialised = true;
	fake->worker_state = fake->state;
	if (plugin->worker_start)
		rc = plugin->worker_start(fake->state, fakehost_worker(fake),
		    &fake->worker_state);
	fake->started = rc == WPS_OK;
	return rc;
}

void
fakehost_init(struct fakehost *fake, const struct fakehost_conf *conf)
{
	memset(fake, 0, sizeof(*fake));
	fake->self.fake = fake;
	fake->host.struct_size = sizeof(fake->host);
	fake->host.abi_minor = WPS_ABI_MINOR;
	fill_unset(&fake->host);
	fake->host.log = host_log;
	fake->host.add_subprotocol = host_add_subprotocol;
	fake->host.add_auth = host_add_auth;
	fake->host.add_upstream = host_add_upstream;
	fake->host.add_route = host_add_route;
	fake->host.find_subprotocol = host_find_subprotocol;
	fake->host.worker_count = host_worker_count;
	fake->host.worker_at = host_worker_at;
	fake->host.worker_index = host_worker_index;
	fake->host.msg_create = host_msg_create;
	fake->host.msg_ref = host_msg_ref;
	fake->host.msg_unref = host_msg_unref;
	fake->host.msg_view = host_msg_view;
	fakehost_loop_init(&fake->loop, &fake->host);
	fakehost_conf_init(fake, conf);
}

void
fakehost_fini(struct fakehost *fake)
{
	const struct wps_plugin *plugin = &wps_plugin_v1;

	if (fake->started && plugin->worker_stop)
		plugin->worker_stop(fake->worker_state);
	if (fake->initialised && plugin->fini)
		plugin->fini(fake->state);
	check_number("messages that are left", (long long)messages, 0);
	check_number("watches that are left",
	    (long long)fakehost_loop_watches(&fake->loop), 0);
	check_number("timers that are left",
	    (long long)fakehost_loop_timers(&fake->loop), 0);
	fakehost_loop_fini(&fake->loop);
	fakehost_conf_fini(fake);
}
