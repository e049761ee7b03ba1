/* SPDX-License-Identifier: MIT */
/*
 * Plugins for the tests of the loader: a good one, and one for each thing that
 * can be wrong with a plugin. FIXTURE says which one this is.
 */
#include <wps/wps.h>

#define GOOD 1
#define OTHER_MAJOR 2
#define NEWER_MINOR 3
#define NO_SYMBOL 4
#define OTHER_NAME 5
#define NO_INIT 6
#define SHORT_STRUCT 7
#define DEPENDS 8
#define INIT_FAILS 9
#define NO_RECV 10
#define OLDER_OPS 11
#define OTHER_ROWS 12
#define UNRESOLVED 13
#define HALF_RECORD 14

#if FIXTURE == UNRESOLVED
extern int wps_function_of_the_server(void);
#endif

static void
recv_nothing(void *worker_state, struct wps_conn *conn, enum wps_frame frame,
    struct wps_span data)
{
	(void)worker_state;
	(void)conn;
	(void)frame;
	(void)data;
}

static int
encode_nothing(void *worker_state, const struct wps_msg_view *msg,
    struct wps_body *body)
{
	(void)worker_state;
	(void)msg;
	(void)body;
	return WPS_DECLINED;
}

static int
save_nothing(void *worker_state, struct wps_conn *conn,
    struct wps_record *record)
{
	(void)worker_state;
	(void)conn;
	(void)record;
	return WPS_OK;
}

static const struct wps_subprotocol subprotocol = {
	/* A plugin that was made when the struct ended behind `encode`. */
	.struct_size = FIXTURE == OLDER_OPS ?
	    offsetof(struct wps_subprotocol, insert) :
	    sizeof(struct wps_subprotocol),
	.name = "fixture.v1",
	.recv = FIXTURE == NO_RECV ? NULL : recv_nothing,
	.encode = encode_nothing,
	.save = FIXTURE == HALF_RECORD ? save_nothing : NULL,
};

static int
fixture_init(const struct wps_host *host, struct wps_self *self,
    void **state_out)
{
	*state_out = NULL;
#if FIXTURE == UNRESOLVED
	if (wps_function_of_the_server())
		return WPS_ESYS;
#endif
	if (FIXTURE == INIT_FAILS)
		return WPS_ESYS;
	return host->add_subprotocol(self, &subprotocol);
}

#if FIXTURE == OTHER_MAJOR
extern const struct wps_plugin wps_plugin_v2;
WPS_EXPORT const struct wps_plugin wps_plugin_v2 = {
	.struct_size = sizeof(struct wps_plugin),
	.name = "other_major",
	.init = fixture_init,
};
#elif FIXTURE == NO_SYMBOL
extern int (*const fixture_answer)(const struct wps_host *host,
    struct wps_self *self, void **state_out);
WPS_EXPORT int (*const fixture_answer)(const struct wps_host *host,
    struct wps_self *self, void **state_out) = fixture_init;
#else
static const char *const depends[] = { "webpubsub_of_tomorrow", NULL };

extern const struct wps_plugin wps_plugin_v1;
WPS_EXPORT const struct wps_plugin wps_plugin_v1 = {
	.struct_size = FIXTURE == SHORT_STRUCT ? 16 : sizeof(struct wps_plugin),
	.abi_minor = FIXTURE == NEWER_MINOR ? 99 : WPS_ABI_MINOR,
	.made_minor = FIXTURE == NEWER_MINOR ? 99 : WPS_ABI_MINOR,
	.option_size = FIXTURE == OTHER_ROWS ? 8 : sizeof(struct wps_option),
	.name = FIXTURE == OTHER_NAME ? "somebody_else" : FIXTURE_NAME,
	.version = "1.0",
	.depends = FIXTURE == DEPENDS ? depends : NULL,
	.init = FIXTURE == NO_INIT ? NULL : fixture_init,
};
#endif
