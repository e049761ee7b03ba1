/* SPDX-License-Identifier: MIT */
/*
 * The origin: see origin.h. Receivers split the list at its commas without
 * trimming, so it has no blanks.
 */
#include "origin.h"

#include "lib/names.h"

/* The authority of an endpoint that may be a URL or "host:port". */
static struct wps_span
authority(struct wps_span endpoint)
{
	for (size_t i = 0; i + 2 < endpoint.len; i++) {
		if (memcmp(endpoint.data + i, "://", 3) == 0) {
			endpoint.data += i + 3;
			endpoint.len -= i + 3;
			break;
		}
	}
	size_t len = 0;
	while (len < endpoint.len && endpoint.data[len] != '/' &&
	    endpoint.data[len] != '?')
		len++;
	endpoint.len = len;
	return endpoint;
}

/* Without its port; IPv6 addresses keep their brackets. */
static struct wps_span
host_part(struct wps_span endpoint)
{
	const char *colon = endpoint.len ?
	    memrchr(endpoint.data, ':', endpoint.len) : NULL;
	const char *bracket = endpoint.len ?
	    memrchr(endpoint.data, ']', endpoint.len) : NULL;

	if (colon && (bracket == NULL || colon > bracket))
		endpoint.len = (size_t)(colon - endpoint.data);
	return endpoint;
}

static bool
holds(const struct text *list, struct wps_span wanted)
{
	struct wps_span rest = text_span(list);
	struct wps_span item;

	while (span_next(&rest, ',', &item)) {
		if (name_eq_nocase(item, wanted))
			return true;
	}
	return false;
}

static void
add(struct text *list, struct wps_span item)
{
	if (item.len == 0 || (list->len > 0 && holds(list, item)))
		return;
	if (list->len > 0)
		text_add_char(list, ',');
	text_add(list, item);
}

static bool
is_no_name(struct wps_span host)
{
	return host.len == 0 || wps_span_eq(host, WPS_SPAN("*")) ||
	    wps_span_eq(host, WPS_SPAN("0.0.0.0")) ||
	    wps_span_eq(host, WPS_SPAN("[::]")) || host.data[0] == '/' ||
	    wps_span_eq(host, WPS_SPAN("unix"));
}

static void
add_listener(struct origin *origin, const struct wps_host *host,
    const struct wps_conf *core)
{
	struct wps_span name = WPS_SPAN_NONE;

	if (host->conf_count(core, "listen") > 0)
		name = host_part(host->conf_span(
		    host->conf_map(core, "listen", 0), "address"));
	if (is_no_name(name))
		name = WPS_SPAN("localhost");
	add(&origin->hosts, name);
	add(&origin->endpoints, name);
}

static bool
ends_with(struct wps_span text, struct wps_span end)
{
	return text.len >= end.len && (end.len == 0 ||
	    memcmp(text.data + text.len - end.len, end.data, end.len) == 0);
}

/* Without a slash at its end, with a scheme, and with the path in front of all. */
static void
set_issuer(struct text *issuer, struct wps_span endpoint, struct wps_span path)
{
	if (memmem(endpoint.data, endpoint.len, "://", 3) == NULL)
		text_add(issuer, WPS_SPAN("https://"));
	while (ends_with(endpoint, WPS_SPAN("/")))
		endpoint.len--;
	text_add(issuer, endpoint);
	if (!ends_with(endpoint, path))
		text_add(issuer, path);
}

void
origin_init(struct origin *origin, const struct wps_host *host,
    const struct wps_self *self)
{
	const struct wps_conf *core = host->conf_core(self);

	*origin = (struct origin){ .hosts = { .data = NULL } };
	for (size_t i = 0; i < host->conf_count(core, "public_endpoints"); i++) {
		struct wps_span endpoint =
		    authority(host->conf_item(core, "public_endpoints", i));
		add(&origin->hosts, host_part(endpoint));
		add(&origin->endpoints, endpoint);
	}
	if (origin->hosts.len > 0)
		set_issuer(&origin->issuer,
		    host->conf_item(core, "public_endpoints", 0),
		    host->conf_span(core, "base_path"));
	else
		add_listener(origin, host, core);
}

void
origin_fini(struct origin *origin)
{
	text_free(&origin->hosts);
	text_free(&origin->endpoints);
	text_free(&origin->issuer);
}

bool
origin_is_allowed(const struct origin *origin, struct wps_span value)
{
	struct wps_span item;

	while (span_next(&value, ',', &item)) {
		item = span_trim(item);
		if (wps_span_eq(item, WPS_SPAN("*")))
			return true;
		if (item.len > 0 && (holds(&origin->hosts, item) ||
		    holds(&origin->endpoints, item)))
			return true;
	}
	return false;
}
