/* SPDX-License-Identifier: MIT */
/*
 * What the rest plugin reads of a request before anything is done: a line with
 * method and target, lines of headers, an empty line, the body. What it made of
 * them is written down again, encoded, and must be read as the same.
 */
#include "fuzz.h"

#include "plugins/rest/content.h"
#include "plugins/rest/metadata.h"
#include "plugins/rest/params.h"

#include "lib/names.h"
#include "lib/pct.h"
#include "lib/utf8.h"

#define HEADERS_MAX 64

struct input {
	struct wps_span method, path, query, body;
	struct wps_header headers[HEADERS_MAX];
	size_t header_count;
};

/* --- the input ----------------------------------------------------------- */

static void
read_input(struct input *input, struct wps_span text)
{
	struct wps_span line = fuzz_cut(&text, '\n');

	input->header_count = 0;
	input->method = fuzz_cut(&line, ' ');
	input->path = fuzz_cut(&line, '?');
	input->query = line;
	while (text.len > 0) {
		line = fuzz_cut(&text, '\n');
		if (line.len == 0)
			break;
		if (input->header_count == HEADERS_MAX)
			continue;
		struct wps_header *header =
		    &input->headers[input->header_count++];
		header->name = fuzz_cut(&line, ':');
		header->value = line;
	}
	input->body = text;
}

/* --- routes and parameters ------------------------------------------------- */

struct writer {
	char *data;
	size_t len;
};

static void
write_text(struct writer *writer, const char *text)
{
	size_t len = strlen(text);

	memcpy(writer->data + writer->len, text, len);
	writer->len += len;
}

static void
write_encoded(struct writer *writer, struct wps_span text)
{
	writer->len = (size_t)(pct_encode(writer->data + writer->len, text) -
	    writer->data);
}

/* The path of a route, with each of its parameters encoded anew. */
static void
write_path(struct writer *writer, const struct route *route,
    const struct params *params, struct wps_span hub)
{
	const struct operation *operation = route->operation;

	write_text(writer, "/api");
	for (size_t i = 0; i < operation->segment_count; i++) {
		const struct route_segment *segment = &operation->segments[i];
		write_text(writer, "/");
		if (segment->fixed)
			write_text(writer, segment->fixed);
		else
			write_encoded(writer, segment->param == ROUTE_HUB ?
			    hub : params->path[segment->param]);
	}
}

static void
write_query(struct writer *writer, const struct params *params)
{
	static const struct {
		enum query_param param;
		const char *text;
	} singles[] = {
		{ QUERY_API_VERSION, "&api-version=" },
		{ QUERY_FILTER, "&FILTER=" },
		{ QUERY_TTL, "&messageTtlSeconds=" },
		{ QUERY_REASON, "&reason=" },
		{ QUERY_TARGET, "&targetName=" },
		{ QUERY_USER_ID, "&userId=" },
		{ QUERY_MINUTES, "&minutesToExpire=" },
		{ QUERY_CLIENT_TYPE, "&clientType=" },
		{ QUERY_PAGE_SIZE, "&maxPageSize=" },
		{ QUERY_TOP, "&top=" },
		{ QUERY_TOKEN, "&continuationToken=" },
	};
	static const struct {
		enum query_param param;
		const char *text;
	} lists[] = {
		{ QUERY_EXCLUDED, "&excluded=" },
		{ QUERY_ROLE, "&Role=" },
		{ QUERY_GROUP, "&group=" },
	};

	for (size_t i = 0; i < sizeof(singles) / sizeof(*singles); i++) {
		if (params->query[singles[i].param].data == NULL)
			continue;
		write_text(writer, singles[i].text);
		write_encoded(writer, params->query[singles[i].param]);
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		for (size_t j = 0; j < params->count[lists[i].param]; j++) {
			write_text(writer, lists[i].text);
			write_encoded(writer,
			    params_items(params, lists[i].param)[j]);
		}
	}
}

static void
compare(const struct params *a, const struct params *b)
{
	for (size_t i = 0; i < ROUTE_PARAM_COUNT; i++)
		PROMISE(wps_span_eq(a->path[i], b->path[i]));
	for (size_t i = 0; i < QUERY_PARAM_COUNT; i++) {
		PROMISE(!a->query[i].data == !b->query[i].data);
		PROMISE(wps_span_eq(a->query[i], b->query[i]));
		PROMISE(a->count[i] == b->count[i]);
		for (size_t j = 0; j < a->count[i]; j++)
			PROMISE(wps_span_eq(params_items(a, i)[j],
			    params_items(b, i)[j]));
	}
}

/* Written down and read again, it is the same request. */
static void
check_round_trip(const struct input *input, const struct route *route,
    const struct params *params, struct wps_span hub)
{
	size_t room = 1024 + 8 * (input->path.len + input->query.len) +
	    20 * input->query.len;
	struct writer path = { malloc(room), 0 }, query = { malloc(room), 0 };
	static struct params again;
	struct route route_again;
	struct error error;
	char hub_again[NAME_HUB_MAX];

	PROMISE(path.data && query.data);
	write_path(&path, route, params, hub);
	write_query(&query, params);
	PROMISE(route_find(input->method, (struct wps_span){ path.data,
	    path.len }, &route_again) == ROUTE_FOUND);
	PROMISE(route_again.operation == route->operation);
	PROMISE(wps_span_eq(params_hub(&route_again, hub_again), hub));
	PROMISE(params_read(&again, &route_again, (struct wps_span){ query.data,
	    query.len }, false, &error));
	compare(params, &again);
	params_fini(&again);
	free(path.data);
	free(query.data);
}

static void
check_names(const struct params *params)
{
	for (size_t i = 1; i < ROUTE_PARAM_COUNT; i++) {
		struct wps_span name = params->path[i];
		if (name.data == NULL || i == ROUTE_PERMISSION)
			continue;
		PROMISE(name.len > 0 && utf8_valid(name));
		PROMISE(i == ROUTE_GROUP ? name_group_valid(name) :
		    name.len <= 1024);
	}
}

static void
check_legacy(const struct input *input, const struct route *route,
    const struct params *params)
{
	static struct params legacy;
	struct error error;
	bool slash = input->path.len && memmem(input->path.data,
	    input->path.len, "%2", 2);
	bool ok = params_read(&legacy, route, input->query, true, &error);

	PROMISE(ok || slash);
	if (ok && !slash)
		compare(params, &legacy);
	params_fini(&legacy);
}

/* Whether a route is found and its parameters are accepted. */
static bool
check_target(const struct input *input)
{
	static struct params params;
	struct route route;
	struct error error;
	char hub_text[NAME_HUB_MAX], allow[ROUTE_ALLOW_MAX];
	enum route_result result = route_find(input->method, input->path, &route);

	if (result == ROUTE_OTHER_METHOD) {
		size_t len = route_allow(route.methods, allow);
		PROMISE(len > 0 && len < sizeof(allow));
	}
	if (result != ROUTE_FOUND)
		return false;

	struct wps_span hub = params_hub(&route, hub_text);
	bool ok = params_read(&params, &route, input->query, false, &error);
	PROMISE(ok || (error.message && error_status(&error) >= 400));
	ok = ok && (hub.data || route.params[ROUTE_HUB].data == NULL);
	if (ok) {
		check_names(&params);
		check_round_trip(input, &route, &params, hub);
		check_legacy(input, &route, &params);
	}
	params_fini(&params);
	return ok;
}

/* --- headers and body -------------------------------------------------------- */

static bool
check_metadata(const struct wps_request_view *view)
{
	static struct metadata metadata;
	struct error error;
	size_t sum = 0;

	if (!metadata_read(&metadata, view, &error)) {
		PROMISE(error_status(&error) == 400);
		return false;
	}
	PROMISE(metadata.count <= METADATA_PAIRS_MAX);
	for (size_t i = 0; i < metadata.count; i++) {
		const struct wps_pair *pair = &metadata.pairs[i];
		PROMISE(pair->key.len > 0 && pair->value.data);
		PROMISE(utf8_valid(pair->value));
		sum += pair->key.len + pair->value.len;
		for (size_t j = 0; j < i; j++)
			PROMISE(!name_eq_nocase(pair->key,
			    metadata.pairs[j].key));
	}
	PROMISE(sum <= METADATA_SUM_MAX);
	return true;
}

static bool
check_content(const struct input *input)
{
	struct wps_span type = WPS_SPAN_NONE, payload;
	struct content content;
	struct error error;
	char *owned = NULL;

	for (size_t i = 0; i < input->header_count && !type.data; i++) {
		if (name_eq_nocase(input->headers[i].name,
		    WPS_SPAN("content-type")))
			type = input->headers[i].value;
	}
	bool ok = content_read(type, &content, &error) &&
	    content_payload(&content, input->body, &payload, &owned, &error);
	if (ok) {
		PROMISE(payload.data);
		PROMISE(content.type == WPS_DATA_BINARY || utf8_valid(payload));
		PROMISE(payload.len <= 2 * input->body.len);
	}
	free(owned);
	return ok;
}

bool
fuzz_accepts(struct wps_span text)
{
	struct input input;

	read_input(&input, text);
	bool target = check_target(&input), content = check_content(&input);
	return check_metadata(&(struct wps_request_view){
		.headers = input.headers,
		.header_count = input.header_count,
	}) && target && content;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)fuzz_accepts((struct wps_span){ (const char *)data, size });
	return 0;
}
