/* SPDX-License-Identifier: MIT */
#include "audience.h"

#include "lib/names.h"
#include "lib/pct.h"

#include <stdlib.h>

/* A URL in pieces, as it is written. */
struct url {
	struct wps_span scheme; /* absent: there is none */
	struct wps_span host;   /* with its port */
	struct wps_span path, query;
};

static struct wps_span
cut(struct wps_span text, size_t from, size_t to)
{
	return (struct wps_span){ text.data + from, to - from };
}

/* The first position of one of the characters; the length when there is none. */
static size_t
find_any(struct wps_span text, const char *wanted)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] && strchr(wanted, text.data[i]))
			return i;
	return text.len;
}

static bool
ends_with(struct wps_span text, struct wps_span end)
{
	return text.len >= end.len && name_eq_nocase(
	    cut(text, text.len - end.len, text.len), end);
}

static struct wps_span
drop_slash(struct wps_span path)
{
	if (path.len > 0 && path.data[path.len - 1] == '/')
		path.len--;
	return path;
}

static bool
known_scheme(struct wps_span scheme)
{
	static const struct wps_span known[] = {
		{ "https", 5 }, { "http", 4 }, { "wss", 3 }, { "ws", 2 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (name_eq_nocase(scheme, known[i]))
			return true;
	return false;
}

/* The default ports of all schemes, because schemes are not compared. */
static struct wps_span
drop_port(struct wps_span host)
{
	static const struct wps_span ports[] = {
		{ ":443", 4 }, { ":80", 3 }, { ":", 1 },
	};

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (ends_with(host, ports[i]))
			return cut(host, 0, host.len - ports[i].len);
	return host;
}

static struct url
split(struct wps_span text)
{
	struct url url = { .scheme = WPS_SPAN_NONE };
	const char *mark = memmem(text.data, text.len, "://", 3);

	/* One inside a path or query is no scheme's. */
	if (mark && (size_t)(mark - text.data) < find_any(text, "/?#")) {
		url.scheme = cut(text, 0, (size_t)(mark - text.data));
		text = cut(text, url.scheme.len + 3, text.len);
	}
	text = cut(text, 0, find_any(text, "#"));
	size_t query = find_any(text, "?");
	if (query < text.len)
		url.query = cut(text, query + 1, text.len);
	text = cut(text, 0, query);
	size_t path = find_any(text, "/");
	url.path = drop_slash(cut(text, path, text.len));
	url.host = drop_port(cut(text, 0, path));
	return url;
}

static bool
host_valid(struct wps_span host)
{
	return host.len > 0 && find_any(host, "@\\ ") == host.len;
}

/* --- the audience of a token --------------------------------------------------- */

/* The raw value of the last parameter `hub`, as the client endpoint reads it. */
static struct wps_span
query_hub(struct wps_span query)
{
	struct wps_span name, value, hub = WPS_SPAN_NONE;

	while (query_next(&query, &name, &value))
		if (wps_span_eq(name, WPS_SPAN("hub")))
			hub = value;
	return hub;
}

/*
 * Puts the hub behind the path, in the same text: "?hub=" or "/?hub=" stood
 * between them, which is at most one byte less than what takes its place.
 */
static struct wps_span
join_hub(struct wps_span path, struct wps_span hub)
{
	static const struct wps_span middle = { "/hubs/", 6 };
	char *text = (char *)(uintptr_t)path.data;

	memmove(text + path.len + middle.len, hub.data, hub.len);
	memcpy(text + path.len, middle.data, middle.len);
	return (struct wps_span){ text, path.len + middle.len + hub.len };
}

struct audience
audience_parse(char *text, size_t len, enum wps_caller caller)
{
	struct url url = split((struct wps_span){ text, len });
	struct audience audience = { .host = url.host, .path = url.path };
	struct wps_span hub = query_hub(url.query);

	if (caller == WPS_CALLER_CLIENT && hub.len > 0 &&
	    ends_with(url.path, WPS_SPAN("/client")))
		audience.path = join_hub(url.path, hub);
	char *path = text + (audience.path.data - text);
	if (!known_scheme(url.scheme) || !host_valid(url.host) ||
	    !pct_decode(path, audience.path, &audience.path.len))
		audience.host = WPS_SPAN_NONE;
	return audience;
}

/* --- endpoints -------------------------------------------------------------------- */

/* Each has its own copy of its texts, the host first. */
static bool
endpoint_fill(struct audience *endpoint, const struct url *url)
{
	size_t size = url->host.len + url->path.len;
	char *text = malloc(size);

	if (text == NULL)
		return false;
	memcpy(text, url->host.data, url->host.len);
	endpoint->host = (struct wps_span){ text, url->host.len };
	text += url->host.len;
	endpoint->path.data = text;
	return pct_decode(text, url->path, &endpoint->path.len);
}

int
endpoints_add(struct endpoints *endpoints, struct wps_span text)
{
	struct url url = split(text);

	if ((url.scheme.data && !known_scheme(url.scheme)) ||
	    !host_valid(url.host))
		return WPS_EINVAL;
	struct audience *items = reallocarray(endpoints->items,
	    endpoints->count + 1, sizeof(*items));
	if (items == NULL)
		return WPS_ENOMEM;
	endpoints->items = items;
	struct audience *item = &items[endpoints->count++];
	*item = (struct audience){ .host = WPS_SPAN_NONE };
	if (endpoint_fill(item, &url))
		return WPS_OK;
	return item->host.data ? WPS_EINVAL : WPS_ENOMEM;
}

void
endpoints_fini(struct endpoints *endpoints)
{
	for (size_t i = 0; i < endpoints->count; i++)
		free((char *)(uintptr_t)endpoints->items[i].host.data);
	free(endpoints->items);
	*endpoints = (struct endpoints){ .items = NULL };
}

/* --- comparison ----------------------------------------------------------------------- */

struct wps_span
path_parse(char *dst, struct wps_span path)
{
	struct wps_span parsed = { dst, 0 };

	if (!pct_decode(dst, drop_slash(path), &parsed.len))
		return WPS_SPAN_NONE;
	return parsed;
}

/* Where the hub's name ends in a path; 0 when it names none. */
static size_t
hub_end(struct wps_span path)
{
	static const struct wps_span mark = { "/hubs/", 6 };

	for (size_t i = 0; i + mark.len <= path.len; i++) {
		if (!name_eq_nocase(cut(path, i, i + mark.len), mark))
			continue;
		i += mark.len;
		return i + find_any(cut(path, i, path.len), "/");
	}
	return 0;
}

static bool
path_matches(struct wps_span audience, struct wps_span base,
    struct wps_span path)
{
	if (audience.len != base.len + path.len)
		return false;
	size_t loose = hub_end(path);
	struct wps_span rest = cut(audience, base.len, audience.len);
	return name_eq_nocase(cut(audience, 0, base.len), base) &&
	    name_eq_nocase(cut(rest, 0, loose), cut(path, 0, loose)) &&
	    wps_span_eq(cut(rest, loose, rest.len), cut(path, loose, path.len));
}

/* Whether the path is the request's below a base path, or below the server's own
 * where there is none. */
static bool
below_base(struct wps_span audience, const struct endpoints *endpoints,
    struct wps_span base, struct wps_span path)
{
	return path_matches(audience, base, path) || (base.len == 0 &&
	    endpoints->base.len > 0 &&
	    path_matches(audience, endpoints->base, path));
}

bool
audience_matches(const struct audience *audience,
    const struct endpoints *endpoints, struct wps_span host,
    struct wps_span path)
{
	if (audience->host.data == NULL)
		return false;
	for (size_t i = 0; i < endpoints->count; i++) {
		const struct audience *ours = &endpoints->items[i];
		if ((endpoints->any_host ||
		    name_eq_nocase(audience->host, ours->host)) &&
		    below_base(audience->path, endpoints, ours->path, path))
			return true;
	}
	if (!endpoints->any_host && (endpoints->count > 0 ||
	    !name_eq_nocase(audience->host, drop_port(host))))
		return false;
	return below_base(audience->path, endpoints, WPS_SPAN(""), path);
}

const struct audience *
endpoints_meant(const struct endpoints *endpoints,
    const struct audience *audience)
{
	for (size_t i = 0; i < endpoints->count; i++)
		if (name_eq_nocase(endpoints->items[i].host, audience->host))
			return &endpoints->items[i];
	return endpoints->count > 0 ? &endpoints->items[0] : NULL;
}
