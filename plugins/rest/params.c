/* SPDX-License-Identifier: MIT */
/*
 * Parameters. Names in a query compare without case; an operation's table row
 * says which of them it reads.
 */
#include "params.h"

#include "lib/names.h"
#include "lib/pct.h"
#include "lib/utf8.h"

#include <stdlib.h>

/* Decoded, so long a segment can be no name any more. */
#define HUB_ENCODED_MAX (3 * NAME_HUB_MAX)

static const char *const query_names[QUERY_PARAM_COUNT] = {
	[QUERY_API_VERSION] = "api-version",
	[QUERY_FILTER] = "filter",
	[QUERY_TTL] = "messageTtlSeconds",
	[QUERY_REASON] = "reason",
	[QUERY_TARGET] = "targetName",
	[QUERY_USER_ID] = "userId",
	[QUERY_MINUTES] = "minutesToExpire",
	[QUERY_CLIENT_TYPE] = "clientType",
	[QUERY_PAGE_SIZE] = "maxpagesize",
	[QUERY_TOP] = "top",
	[QUERY_TOKEN] = "continuationToken",
	[QUERY_EXCLUDED] = "excluded",
	[QUERY_ROLE] = "role",
	[QUERY_GROUP] = "group",
};

/* --- the room ------------------------------------------------------------ */

static bool
make_room(struct params *params, size_t need)
{
	params->room = need <= PARAMS_ROOM ? params->own_room : malloc(need);
	return params->room != NULL;
}

static bool
make_items(struct params *params, size_t need)
{
	params->items = need <= PARAMS_ITEMS ? params->own_items :
	    calloc(need, sizeof(*params->items));
	return params->items != NULL;
}

/* Keeps what was just decoded to the end of the used room. */
static struct wps_span
keep(struct params *params, size_t len)
{
	struct wps_span kept = { params->room + params->room_used, len };

	params->room_used += len;
	return kept;
}

static char *
room_end(const struct params *params)
{
	return params->room + params->room_used;
}

/* --- the path ------------------------------------------------------------ */

/* The length of the text in front of the first encoded slash, or of all of it. */
static size_t
before_slash(struct wps_span text)
{
	for (size_t i = 0; i + 2 < text.len; i++) {
		if (text.data[i] == '%' && text.data[i + 1] == '2' &&
		    (text.data[i + 2] | 0x20) == 'f')
			return i;
	}
	return text.len;
}

static bool
decode_legacy(char *dst, struct wps_span text, size_t *len_out)
{
	size_t done = 0;

	while (text.len > 0) {
		size_t part = before_slash(text), len;
		if (!pct_decode(dst + done, (struct wps_span){ text.data, part },
		    &len))
			return false;
		done += len;
		size_t kept = part < text.len ? 3 : 0;
		memcpy(dst + done, text.data + part, kept);
		done += kept;
		text.data += part + kept;
		text.len -= part + kept;
	}
	*len_out = done;
	return true;
}

static bool
any_is_valid(struct wps_span text)
{
	(void)text;
	return true;
}

static const struct {
	const char *name;
	bool (*is_valid)(struct wps_span text);
	bool (*legacy)(char *dst, struct wps_span text, size_t *len_out);
	const char *complaint;
} path_rules[ROUTE_PARAM_COUNT] = {
	[ROUTE_CONN] = { "connectionId", name_id_valid, pct_decode,
	    "a connection id has 1 to 1024 bytes of UTF-8" },
	[ROUTE_GROUP] = { "group", name_group_valid, decode_legacy,
	    "a group name has 1 to 1024 characters and is not blank" },
	[ROUTE_USER] = { "userId", name_id_valid, decode_legacy,
	    "a user id has 1 to 1024 bytes of UTF-8" },
	[ROUTE_PERMISSION] = { "permission", any_is_valid, pct_decode,
	    "the permission is not percent-encoded text" },
};

static bool
read_path(struct params *params, const struct route *route, bool legacy,
    struct error *error)
{
	for (size_t i = ROUTE_CONN; i < ROUTE_PARAM_COUNT; i++) {
		struct wps_span raw = route->params[i];
		size_t len;
		if (raw.data == NULL)
			continue;
		bool (*decode)(char *, struct wps_span, size_t *) =
		    legacy ? path_rules[i].legacy : pct_decode;
		if (!decode(room_end(params), raw, &len) ||
		    !path_rules[i].is_valid((struct wps_span){
		        room_end(params), len }))
			return error_bad(error, path_rules[i].name,
			    path_rules[i].complaint);
		params->path[i] = keep(params, len);
	}
	return true;
}

struct wps_span
params_hub(const struct route *route, char *dst)
{
	struct wps_span raw = route->params[ROUTE_HUB];
	char text[HUB_ENCODED_MAX];
	struct wps_span name = { text, 0 };

	if (raw.len > sizeof(text) || !pct_decode(text, raw, &name.len) ||
	    !name_hub_valid(name))
		return WPS_SPAN_NONE;
	name_lower(dst, name);
	return (struct wps_span){ dst, name.len };
}

/* --- the query ----------------------------------------------------------- */

/* Which parameter it is that the operation reads; 0: none. */
static enum query_param
find_query(const struct params *params, struct wps_span raw, unsigned reads)
{
	struct wps_span name = { room_end(params), 0 };

	if (!pct_decode_query(room_end(params), raw, &name.len))
		return 0;
	for (size_t i = 1; i < QUERY_PARAM_COUNT; i++) {
		if (reads & 1u << i &&
		    name_eq_nocase(name, wps_span_str(query_names[i])))
			return (enum query_param)i;
	}
	return 0;
}

/* How many there are of each that may be repeated. */
static bool
count_items(struct params *params, struct wps_span query, unsigned reads)
{
	struct wps_span name, value;
	size_t sum = 0;

	while (query_next(&query, &name, &value))
		params->count[find_query(params, name, reads)]++;
	for (size_t i = QUERY_EXCLUDED; i < QUERY_PARAM_COUNT; i++) {
		params->first[i] = sum;
		sum += params->count[i];
	}
	return make_items(params, sum);
}

static bool
take_query(struct params *params, enum query_param name, struct wps_span raw,
    struct error *error)
{
	size_t len;

	if (!pct_decode_query(room_end(params), raw, &len))
		return error_bad(error, query_names[name],
		    "the value is not percent-encoded text");
	struct wps_span value = keep(params, len);
	if (name >= QUERY_EXCLUDED) {
		params->items[params->first[name] + params->count[name]++] = value;
		return true;
	}
	if (params->query[name].data)
		return error_bad(error, query_names[name],
		    "the parameter is given twice");
	params->query[name] = value;
	return true;
}

static bool
read_query(struct params *params, struct wps_span query, unsigned reads,
    struct error *error)
{
	struct wps_span rest = query, name, value;

	reads |= 1u << QUERY_API_VERSION;
	if (!count_items(params, query, reads))
		return error_no_memory(error);
	memset(params->count, 0, sizeof(params->count));
	while (query_next(&rest, &name, &value)) {
		enum query_param param = find_query(params, name, reads);
		if (param && !take_query(params, param, value, error))
			return false;
	}
	return true;
}

/* YYYY-MM-DD or YYYY-MM-DD-preview (rest-api.md, section 1.2). */
static bool
version_is_valid(struct wps_span version)
{
	static const char form[] = "dddd-dd-dd";
	const size_t len = sizeof(form) - 1;

	if (version.len < len)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = version.data[i];
		if (form[i] == 'd' ? c < '0' || c > '9' : c != form[i])
			return false;
	}
	struct wps_span rest = { version.data + len, version.len - len };
	return rest.len == 0 || name_eq_nocase(rest, WPS_SPAN("-preview"));
}

/* --- both ---------------------------------------------------------------- */

bool
params_read(struct params *params, const struct route *route,
    struct wps_span query, bool legacy, struct error *error)
{
	size_t need = query.len;

	params->items = NULL;
	params->room_used = 0;
	memset(params->path, 0, sizeof(params->path));
	memset(params->query, 0, sizeof(params->query));
	memset(params->count, 0, sizeof(params->count));
	for (size_t i = 0; i < ROUTE_PARAM_COUNT; i++)
		need += route->params[i].len;
	if (!make_room(params, need))
		return error_no_memory(error);

	if (!read_path(params, route, legacy, error) ||
	    !read_query(params, query, route->operation->queries, error))
		return false;
	struct wps_span version = params->query[QUERY_API_VERSION];
	if (version.data && !version_is_valid(version))
		return error_bad(error, query_names[QUERY_API_VERSION],
		    "the version is not of the form YYYY-MM-DD");
	return true;
}

void
params_fini(struct params *params)
{
	if (params->room != params->own_room)
		free(params->room);
	if (params->items != params->own_items)
		free(params->items);
	params->room = NULL;
	params->items = NULL;
}

const char *
params_name(enum query_param name)
{
	return query_names[name];
}

bool
params_number(struct wps_span text, uint64_t max, uint64_t *out)
{
	uint64_t number = 0;

	if (text.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned char)text.data[i] - '0';
		if (digit > 9 || digit > max || number > (max - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*out = number;
	return true;
}
