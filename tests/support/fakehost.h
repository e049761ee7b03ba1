/* SPDX-License-Identifier: MIT */
/*
 * The part of a fake host that all tests of plugins share: configuration,
 * log, registration, messages, and the life of the plugin that the test is
 * linked with.
 *
 *	static const struct fakehost_value values[] = {
 *		{ .name = "access_keys", .items = ITEMS("first", "second") },
 *		{ .name = "max_token", .number = 64 },
 *		{ .name = NULL },
 *	};
 *	struct fakehost fake;
 *
 *	fakehost_init(&fake, &(struct fakehost_conf){ .own = values });
 *	fake.host.submit = my_submit;
 *	CU_ASSERT_FATAL(fakehost_start(&fake) == WPS_OK);
 *	fake.auth.authenticate(fake.worker_state, ...);
 *	fakehost_fini(&fake);
 *
 * What a test does not set has the fallback of the plugin's own row, so that
 * defaults are tested too. A host function that neither this nor the test
 * provides aborts with its name.
 */
#ifndef FAKEHOST_H
#define FAKEHOST_H

#include "support/check.h"
#include "support/fakehost_loop.h"

#define FAKEHOST_OPS_MAX 8

/* A list of texts, for `items`; inside of functions the array of values must not
 * be static. */
#define ITEMS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* The plugin's symbol; the test program is linked with its objects. */
extern const struct wps_plugin wps_plugin_v1;

/* One option as a test sets it; arrays of them end with a nameless one. */
struct fakehost_value {
	const char *name;
	int64_t number;           /* BOOL, INT, SIZE, DURATION, ENUM (index) */
	const char *text;         /* STRING, SECRET; NULL: absent */
	const char *const *items; /* STRINGS, SECRETS; ends with NULL */
	const struct fakehost_value *const *maps; /* MAPS, MAP; ends with NULL */
};

struct fakehost_hub {
	const char *name; /* lower case, or "*" */
	const struct fakehost_value *values;
};

/* What stands in the file; each may be NULL. Borrowed by the fake host. */
struct fakehost_conf {
	const struct fakehost_value *own;  /* the plugin's section */
	const struct fakehost_value *core; /* any names: the core's rows are not here */
	const struct fakehost_hub *hubs;   /* ends with a nameless one */
};

struct fakehost;

/* The plugin, as the fake host knows it. */
struct wps_self {
	struct fakehost *fake;
};

struct fakehost {
	struct wps_host host; /* given to init; a test sets what it needs more */
	struct fakehost_loop loop;
	struct wps_self self;
	void *data;           /* the test's own */

	/* What the plugin registered. */
	struct wps_auth auth;
	struct wps_upstream upstream;
	struct wps_subprotocol subprotocols[FAKEHOST_OPS_MAX];
	size_t subprotocol_count;
	struct wps_route routes[FAKEHOST_OPS_MAX];
	size_t route_count;

	void *state, *worker_state;
	struct wps_err err;  /* what check said */
	bool initialised;    /* init returned WPS_OK */
	bool started;        /* so did worker_start */

	char log[16384];     /* lines such as "warn: text\n"; further ones are dropped */

	struct fakehost_conf conf;
	LIST_HEAD(, wps_conf) confs; /* owned */
	struct wps_conf *own, *core;
};

/* Fills the table; the plugin hears nothing yet. A name that is no row of the
 * plugin aborts. */
void fakehost_init(struct fakehost *fake, const struct fakehost_conf *conf);

/*
 * check (of the section, then of each hub), init and worker_start, as the
 * server calls them. Returns the first result that is not WPS_OK.
 */
int fakehost_start(struct fakehost *fake);

/* worker_stop and fini, and checks that the plugin left no message, timer or
 * watch. Harmless when fakehost_start failed. */
void fakehost_fini(struct fakehost *fake);

/* The worker, as the host's functions take it, and the other way. */
struct wps_worker *fakehost_worker(struct fakehost *fake);
struct fakehost *fakehost_of(const struct wps_worker *worker);

/* Messages that live: made by msg_create and not yet given up by all. */
size_t fakehost_messages(void);

/* Whether a line of the log holds the text. */
bool fakehost_logged(const struct fakehost *fake, const char *text);

/* --- configuration (fakehost_conf.c) ---------------------------------------- */

void fakehost_conf_init(struct fakehost *fake, const struct fakehost_conf *conf);
void fakehost_conf_fini(struct fakehost *fake);

#endif
