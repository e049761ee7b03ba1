/* SPDX-License-Identifier: MIT */
#include "plugins/test_auth.h"

#include "lib/base64.h"

#include <malloc.h>
#include <openssl/hmac.h>

struct fakehost fake;

/* --- tokens and keys in memory that is freed ------------------------------ */

/* A part of each key, and the begin of each token. */
#define KEY_PART "-key-0123456789"
#define TOKEN_PART "eyJ"

void __real_free(void *memory);
void __wrap_free(void *memory);

/* Compilers know that free has no such effects. */
static volatile unsigned traces;

void
__wrap_free(void *memory)
{
	size_t size = memory ? malloc_usable_size(memory) : 0;

	if (size > 0 && (memmem(memory, size, KEY_PART, strlen(KEY_PART)) ||
	    memmem(memory, size, TOKEN_PART, strlen(TOKEN_PART))))
		traces++;
	__real_free(memory);
}

/* --- answers -------------------------------------------------------------- */

static void
print_list(char **at, char *end, const char *name, const struct wps_span *list,
    size_t count)
{
	for (size_t i = 0; i < count; i++)
		*at += snprintf(*at, (size_t)(end - *at), "%s%.*s",
		    i ? "," : name, (int)list[i].len, list[i].data);
}

static void
host_auth_answer(struct wps_auth_reply *reply, int result,
    const struct wps_identity *identity, const char *reason)
{
	char *at = reply->text, *end = at + sizeof(reply->text);

	reply->count++;
	if (reply->before)
		reply->before();
	if (result != WPS_OK) {
		CU_ASSERT(result == WPS_DECLINED && identity == NULL);
		snprintf(at, sizeof(reply->text), "%s", reason);
		return;
	}
	at += snprintf(at, (size_t)(end - at), "ok");
	if (identity->user.data)
		at += snprintf(at, (size_t)(end - at), " user=%.*s",
		    (int)identity->user.len, identity->user.data);
	print_list(&at, end, " roles=", identity->roles, identity->role_count);
	print_list(&at, end, " groups=", identity->groups,
	    identity->group_count);
}

const char *
ask_request(struct wps_auth_request request)
{
	static struct wps_auth_reply reply;

	reply = (struct wps_auth_reply){ .count = 0 };
	fake.auth.authenticate(fake.worker_state, &request, &reply);
	check_number("answers", reply.count, 1);
	return reply.text;
}

const char *
ask(enum wps_caller caller, const char *path, const char *token)
{
	return ask_request((struct wps_auth_request){
	    .caller = caller,
	    .token = wps_span_str(token),
	    .host = WPS_SPAN(HOST),
	    .path = wps_span_str(path),
	});
}

const char *
ask_client(const char *token)
{
	return ask(WPS_CALLER_CLIENT, CHAT, token);
}

/* --- tokens --------------------------------------------------------------- */

const char *
sign_text(const char *key, const char *header, const char *payload)
{
	static char token[TOKEN_CAP];
	unsigned char mac[32];
	unsigned len;

	CU_ASSERT_FATAL(strlen(payload) < sizeof(token) / 2);
	char *end = base64url_encode(token, wps_span_str(header));
	*end++ = '.';
	end = base64url_encode(end, wps_span_str(payload));
	HMAC(EVP_sha256(), key, (int)strlen(key), (unsigned char *)token,
	    (size_t)(end - token), mac, &len);
	*end++ = '.';
	end = base64url_encode(end, (struct wps_span){ (char *)mac, len });
	*end = '\0';
	return token;
}

const char *
token_for(const char *key, const char *aud, const char *more)
{
	static char payload[TOKEN_CAP / 2];

	snprintf(payload, sizeof(payload), "{\"aud\":\"%s\",\"exp\":%lld%s}",
	    aud, (long long)time(NULL) + 3600, more);
	return sign_text(key, HS256, payload);
}

const char *
client_token(const char *more)
{
	return token_for(KEY1, "https://" HOST CHAT, more);
}

/* --- life ----------------------------------------------------------------- */

const char *const auth_keys[] = { KEY1, KEY2, KEY3, NULL };
const struct fakehost_value three_keys[] = { KEYS, { .name = NULL } };

int
try_start(const struct fakehost_value *own, const struct fakehost_value *core)
{
	fakehost_init(&fake, &(struct fakehost_conf){ .own = own, .core = core });
	fake.host.auth_answer = host_auth_answer;
	return fakehost_start(&fake);
}

void
start(const struct fakehost_value *own)
{
	int rc = try_start(own, NULL);

	check_number("start", rc, WPS_OK);
	CU_ASSERT_FATAL(rc == WPS_OK);
}

/* No key and no token is in the log or in freed memory, whatever was done. */
void
stop(void)
{
	static const char *const secrets[] = {
		KEY_PART, TOKEN_PART, "secret",
	};

	for (size_t i = 0; i < COUNT(secrets); i++)
		CU_ASSERT_FALSE(fakehost_logged(&fake, secrets[i]));
	fakehost_fini(&fake);
	check_number("tokens and keys in freed memory", traces, 0);
	traces = 0;
}
