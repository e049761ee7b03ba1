/* SPDX-License-Identifier: MIT */
/*
 * Authentication with access keys: who a caller is, what its roles allow, and
 * the signatures and tokens that the server makes itself.
 *
 * This file ties the plugin to the host: options, life, and the operations.
 * caller.c judges a request by its token, token.c reads tokens, audience.c says
 * what they are for, cache.c remembers them, permit.c reads role texts, issue.c
 * makes client tokens, keys.c holds the keys.
 */
#include "caller.h"
#include "issue.h"
#include "permit.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

enum audience_check { AUDIENCE_STRICT, AUDIENCE_PATH };

static const char *const audience_checks[] = {
	[AUDIENCE_STRICT] = "strict",
	[AUDIENCE_PATH] = "path",
	NULL,
};

static const struct wps_option options[] = {
	{ .name = "access_keys", .type = WPS_OPT_SECRETS, .max = KEYS_MAX,
	  .help = "Keys of applications, the primary one first; two sign, all "
		  "verify." },
	{ .name = "local_auth", .type = WPS_OPT_BOOL, .fallback = "true",
	  .help = "Whether access keys sign and verify anything." },
	{ .name = "client_token_key", .type = WPS_OPT_SECRET,
	  .help = "Signs the client tokens that the server makes; without it "
		  "the primary access key does, or, with local_auth off, a "
		  "random key of this process." },
	{ .name = "audience_check", .type = WPS_OPT_ENUM, .fallback = "strict",
	  .choices = audience_checks,
	  .help = "What of a token's audience is compared: strict (host and "
		  "path) or path." },
	{ .name = "clock_skew", .type = WPS_OPT_DURATION, .fallback = "5m",
	  .min = 0, .max = 24 * 60 * 60 * 1000,
	  .help = "How far the clocks of token makers may be off, both ways." },
	{ .name = "max_token", .type = WPS_OPT_SIZE, .fallback = "8KiB",
	  .min = 256, .max = 256 * 1024, .help = "Longest token." },
	{ .name = "token_cache", .type = WPS_OPT_INT, .fallback = "4096",
	  .min = 0, .max = 1000000,
	  .help = "Verified tokens that a worker remembers, rounded up to a "
		  "multiple of 4; 0: none." },
	WPS_OPTION_END,
};

/* --- check ---------------------------------------------------------------------- */

static int
complain(const struct wps_host *host, const struct wps_conf *conf,
    const char *name, const char *fault, struct wps_err *err)
{
	char where[256];

	host->conf_where(conf, name, where, sizeof(where));
	snprintf(err->text, sizeof(err->text), "%s: auth: %s: %s", where, name,
	    fault);
	return WPS_EINVAL;
}

static int
check_access_key(const struct wps_host *host, const struct wps_conf *conf,
    size_t i, struct wps_err *err)
{
	struct wps_span key = host->conf_item(conf, "access_keys", i);
	struct wps_span client = host->conf_span(conf, "client_token_key");
	const char *fault = key_fault(key);
	char text[128];

	/* A key that is switched off must not live on under another name. */
	if (fault == NULL && client.data && wps_span_eq(key, client))
		fault = "is the client_token_key too";
	if (fault == NULL)
		return WPS_OK;
	snprintf(text, sizeof(text), "key %zu %s", i + 1, fault);
	return complain(host, conf, "access_keys", text, err);
}

static int
on_check(const struct wps_host *host, const struct wps_conf *conf,
    const char *hub, struct wps_err *err)
{
	if (hub)
		return WPS_OK;
	size_t count = host->conf_count(conf, "access_keys");
	for (size_t i = 0; i < count; i++) {
		int rc = check_access_key(host, conf, i, err);
		if (rc != WPS_OK)
			return rc;
	}
	struct wps_span client = host->conf_span(conf, "client_token_key");
	const char *fault = client.data ? key_fault(client) : NULL;
	return fault ? complain(host, conf, "client_token_key", fault, err) :
	    WPS_OK;
}

/* --- operations -------------------------------------------------------------------- */

static void
on_authenticate(void *worker_state, const struct wps_auth_request *request,
    struct wps_auth_reply *reply)
{
	caller_ask(worker_state, request, reply);
}

static int
on_permit(void *worker_state, struct wps_span role, struct wps_permit *out)
{
	(void)worker_state;
	return permit_read(role, out);
}

static int
on_sign(void *state, unsigned key, struct wps_span bytes,
    uint8_t mac_out[MAC_LEN])
{
	const struct auth *auth = state;

	if (key == WPS_KEY_OWN) {
		const EVP_MAC_CTX *own = keys_own(&auth->keys);
		if (own == NULL)
			return WPS_NOT_FOUND;
		return mac_compute_shared(own, bytes, mac_out) ? WPS_OK :
		    WPS_ENOMEM;
	}
	if (!auth->local)
		return WPS_DECLINED;
	if (key >= KEYS_SIGNING || key >= auth->keys.access_count)
		return WPS_NOT_FOUND;
	return mac_compute_shared(auth->keys.access[key], bytes, mac_out) ?
	    WPS_OK : WPS_ENOMEM;
}

static int
on_issue(void *state, const struct wps_claims *claims, char *dst, size_t cap,
    size_t *len_out)
{
	return issue_token(state, claims, dst, cap, len_out);
}

static const struct wps_auth ops = {
	.struct_size = sizeof(ops),
	.authenticate = on_authenticate,
	.permit = on_permit,
	.sign = on_sign,
	.issue = on_issue,
};

/* --- init ----------------------------------------------------------------------------- */

static int
load_access_keys(struct auth *auth, const struct wps_conf *conf)
{
	struct keys *keys = &auth->keys;
	size_t count = auth->host->conf_count(conf, "access_keys");

	if (!auth->local)
		return WPS_OK;
	if (count == 0)
		auth->host->log(auth->self, WPS_LOG_WARN,
		    "no access_keys: only anonymous clients are let in");
	for (size_t i = 0; i < count; i++) {
		keys->access[i] = key_new(
		    auth->host->conf_item(conf, "access_keys", i));
		if (keys->access[i] == NULL)
			return WPS_ENOMEM;
		keys->access_count++;
	}
	return WPS_OK;
}

static int
random_client_key(struct auth *auth)
{
	unsigned char bytes[KEY_MIN];

	if (RAND_priv_bytes(bytes, sizeof(bytes)) != 1)
		return WPS_ESYS;
	auth->host->log(auth->self, WPS_LOG_WARN, "no client_token_key: client "
	    "tokens that the server makes end with this process");
	auth->keys.client = key_new(
	    (struct wps_span){ (char *)bytes, sizeof(bytes) });
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return auth->keys.client ? WPS_OK : WPS_ENOMEM;
}

static int
load_client_key(struct auth *auth, const struct wps_conf *conf)
{
	struct wps_span key = auth->host->conf_span(conf, "client_token_key");

	if (key.data == NULL)
		return auth->local ? WPS_OK : random_client_key(auth);
	auth->keys.client = key_new(key);
	return auth->keys.client ? WPS_OK : WPS_ENOMEM;
}

static int
load_endpoints(struct auth *auth)
{
	const struct wps_host *host = auth->host;
	const struct wps_conf *core = host->conf_core(auth->self);
	size_t count = host->conf_count(core, "public_endpoints");
	char where[256];

	auth->endpoints.base = host->conf_span(core, "base_path");
	for (size_t i = 0; i < count; i++) {
		int rc = endpoints_add(&auth->endpoints,
		    host->conf_item(core, "public_endpoints", i));
		if (rc == WPS_OK)
			continue;
		host->conf_where(core, "public_endpoints", where, sizeof(where));
		host->log(auth->self, WPS_LOG_ERR, "%s: public_endpoints: "
		    "item %zu is no URL and no host", where, i + 1);
		return rc;
	}
	return WPS_OK;
}

static int
load(struct auth *auth)
{
	const struct wps_host *host = auth->host;
	const struct wps_conf *conf = host->conf(auth->self);

	auth->local = host->conf_bool(conf, "local_auth");
	auth->skew_s = (double)host->conf_int(conf, "clock_skew") / 1000;
	auth->max_token = (size_t)host->conf_int(conf, "max_token");
	auth->max_cached = (size_t)host->conf_int(conf, "token_cache");
	auth->endpoints.any_host =
	    host->conf_int(conf, "audience_check") == AUDIENCE_PATH;
	int rc = load_access_keys(auth, conf);
	if (rc == WPS_OK)
		rc = load_client_key(auth, conf);
	if (rc == WPS_OK)
		rc = load_endpoints(auth);
	return rc;
}

static void
on_fini(void *state)
{
	struct auth *auth = state;

	keys_fini(&auth->keys);
	endpoints_fini(&auth->endpoints);
	free(auth);
}

static int
on_init(const struct wps_host *host, struct wps_self *self, void **state_out)
{
	struct auth *auth = calloc(1, sizeof(*auth));

	if (auth == NULL)
		return WPS_ENOMEM;
	auth->host = host;
	auth->self = self;
	int rc = load(auth);
	if (rc == WPS_OK)
		rc = host->add_auth(self, &ops);
	if (rc != WPS_OK) {
		on_fini(auth);
		return rc;
	}
	*state_out = auth;
	return WPS_OK;
}

/* --- workers ----------------------------------------------------------------------------- */

static void
on_worker_stop(void *worker_state)
{
	struct auth_worker *worker = worker_state;

	keys_fini(&worker->reader.keys);
	cache_fini(&worker->cache);
	free(worker->reader.room);
	free(worker->path);
	free(worker);
}

static int
on_worker_start(void *state, struct wps_worker *loop, void **worker_state_out)
{
	const struct auth *auth = state;
	struct auth_worker *worker = calloc(1, sizeof(*worker));

	(void)loop;
	if (worker == NULL)
		return WPS_ENOMEM;
	worker->auth = auth;
	worker->reader.max = auth->max_token;
	worker->reader.room = malloc(auth->max_token);
	/* Encoded, a path is up to three times as long as in an audience. */
	worker->path_max = 3 * auth->max_token;
	worker->path = malloc(worker->path_max);
	if (worker->reader.room && worker->path &&
	    keys_copy(&worker->reader.keys, &auth->keys) &&
	    cache_init(&worker->cache, auth->max_cached) == WPS_OK) {
		*worker_state_out = worker;
		return WPS_OK;
	}
	on_worker_stop(worker);
	return WPS_ENOMEM;
}

WPS_PLUGIN_DEFINE("auth",
	.version = PACKAGE_VERSION,
	.options = options,
	.check = on_check,
	.init = on_init,
	.worker_start = on_worker_start,
	.worker_stop = on_worker_stop,
	.fini = on_fini);
