/* SPDX-License-Identifier: MIT */
/*
 * Tokens and audiences. An input is four parts with line ends between them: the
 * Host header, the path of the request, the token's header and its payload, in
 * JSON. The harness signs the token, because behind a wrong signature nothing is
 * read; the input as it stands is tried as a token too.
 */
#include "fuzz.h"

#include "lib/base64.h"
#include "plugins/auth/cache.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define TOKEN_MAX 8192
#define NOW 1000

struct input {
	struct wps_span host, path, header, payload;
};

static struct token_reader reader;
static struct cache cache;

static void
prepare(void)
{
	static char room[TOKEN_MAX];

	if (reader.room)
		return;
	reader.keys.access[0] = key_new(WPS_SPAN(KEY));
	reader.keys.access_count = 1;
	reader.max = TOKEN_MAX;
	reader.room = room;
	PROMISE(reader.keys.access[0] && cache_init(&cache, 8) == WPS_OK);
}

static struct wps_span
cut_line(struct wps_span *rest)
{
	const char *end = memchr(rest->data, '\n', rest->len);
	struct wps_span line = { rest->data,
		end ? (size_t)(end - rest->data) : rest->len };

	rest->data += line.len + (end != NULL);
	rest->len -= line.len + (end != NULL);
	return line;
}

static struct input
read_input(struct wps_span text)
{
	struct input input;

	input.host = cut_line(&text);
	input.path = cut_line(&text);
	input.header = cut_line(&text);
	input.payload = text;
	return input;
}

/* In memory of just its size. */
static struct wps_span
make_token(const struct input *input)
{
	size_t size = (input->header.len + input->payload.len) * 2 + 64;
	char *token = malloc(size);
	uint8_t mac[MAC_LEN];

	PROMISE(token != NULL);
	char *end = base64url_encode(token, input->header);
	*end++ = '.';
	end = base64url_encode(end, input->payload);
	PROMISE(mac_compute(reader.keys.access[0],
	    (struct wps_span){ token, (size_t)(end - token) }, mac));
	*end++ = '.';
	end = base64url_encode(end, (struct wps_span){ (char *)mac, MAC_LEN });
	size_t len = (size_t)(end - token);
	token = realloc(token, len);
	PROMISE(token != NULL);
	return (struct wps_span){ token, len };
}

static void
check_inside(const struct token *token, struct wps_span span)
{
	const char *begin = (const char *)token;

	PROMISE(span.data == NULL || (span.data >= begin &&
	    span.data + span.len <= begin + token->size));
}

static void
check_identity(const struct token *token)
{
	const struct wps_identity *identity = &token->identity;

	check_inside(token, identity->user);
	check_inside(token, identity->claims);
	for (size_t i = 0; i < identity->role_count; i++)
		check_inside(token, identity->roles[i]);
	for (size_t i = 0; i < identity->group_count; i++)
		check_inside(token, identity->groups[i]);
	for (size_t i = 0; i < token->audience_count; i++) {
		check_inside(token, token->audiences[i].host);
		check_inside(token, token->audiences[i].path);
	}
}

/* An audience is for one path alone: none is for a longer one too. */
static bool
check_audience(const struct audience *audience, const struct input *input)
{
	const struct endpoints none = { .items = NULL };
	const struct endpoints any = { .any_host = true };
	char *room = malloc(input->path.len + 2);

	PROMISE(room != NULL);
	struct wps_span path = path_parse(room, input->path);
	bool matches = path.data &&
	    audience_matches(audience, &none, input->host, path);
	if (matches) {
		PROMISE(audience_matches(audience, &any, WPS_SPAN_NONE, path));
		room[path.len++] = 'x';
		PROMISE(!audience_matches(audience, &any, WPS_SPAN_NONE, path));
	}
	free(room);
	return matches;
}

/* Whether it may be used now, as the plugin judges it. */
static bool
use(const struct token *token, const struct input *input)
{
	bool ok = false;

	check_identity(token);
	for (size_t i = 0; i < token->audience_count; i++)
		ok = check_audience(&token->audiences[i], input) || ok;
	return ok && token_untimely(token, NOW, 0) == NULL;
}

static bool
judge(const struct input *input, enum wps_caller caller)
{
	struct wps_span text = make_token(input);
	const char *reason;
	struct token *token = token_read(&reader, caller, text, &reason);
	bool ok = false;

	PROMISE((token == NULL) == (reason != NULL));
	if (token) {
		cache_add(&cache, token);
		PROMISE(token->size > CACHE_TOKEN_MAX ||
		    cache_find(&cache, caller, text) == token);
		ok = use(token, input);
		cache_drop(&cache, token);
		PROMISE(cache_find(&cache, caller, text) == NULL);
	}
	token_unref(&token);
	free((char *)(uintptr_t)text.data);
	return ok;
}

bool
fuzz_accepts(struct wps_span text)
{
	struct input input = read_input(text);

	prepare();
	return judge(&input, WPS_CALLER_CLIENT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wps_span text = { (const char *)data, size };
	struct input input = read_input(text);
	const char *reason;

	prepare();
	PROMISE(token_read(&reader, WPS_CALLER_CLIENT, text, &reason) == NULL);
	judge(&input, WPS_CALLER_CLIENT);
	judge(&input, WPS_CALLER_SERVER);
	return 0;
}
