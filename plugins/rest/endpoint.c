/* SPDX-License-Identifier: MIT */
#include "endpoint.h"

#include "rest.h"

#include <stdio.h>

#define URL_MAX 1024 /* bytes of a host, or of a public endpoint */

/* Where the authority begins in a URL; 0 when it is no URL. */
static size_t
behind_scheme(struct wps_span url)
{
	const char *at = url.len ? memmem(url.data, url.len, "://", 3) : NULL;

	return at ? (size_t)(at + 3 - url.data) : 0;
}

static bool
names_host(struct wps_span url, struct wps_span host)
{
	size_t start = behind_scheme(url);
	struct wps_span authority = { url.data + start, url.len - start };
	const char *slash = memchr(authority.data, '/', authority.len);

	if (slash)
		authority.len = (size_t)(slash - authority.data);
	return name_eq_nocase(authority, host);
}

/* The public endpoint that the caller used, else the first; absent: none. */
static struct wps_span
public_endpoint(const struct rest *rest, struct wps_span host)
{
	const struct wps_conf *core = rest->host->conf_core(rest->self);
	size_t count = rest->host->conf_count(core, "public_endpoints");

	for (size_t i = 0; i < count; i++) {
		struct wps_span url =
		    rest->host->conf_item(core, "public_endpoints", i);
		if (url.len > 0 && names_host(url, host))
			return url;
	}
	return count ? rest->host->conf_item(core, "public_endpoints", 0) :
	    WPS_SPAN_NONE;
}

static size_t
write_url(char *dst, const char *scheme, struct wps_span url,
    struct wps_span base)
{
	int len = snprintf(dst, ENDPOINT_MAX, "%s%.*s%.*s", scheme,
	    (int)url.len, url.data, (int)base.len, base.data ? base.data : "");

	return len < 0 || len >= ENDPOINT_MAX ? 0 : (size_t)len;
}

size_t
endpoint_write(const struct call *call, char *dst)
{
	const struct rest *rest = call->worker->rest;
	const struct wps_host *host = rest->host;
	struct wps_span own = call->view->host;
	struct wps_span url = public_endpoint(rest, own);

	while (url.len > 0 && url.data[url.len - 1] == '/')
		url.len--;
	if (url.len > URL_MAX || own.len > URL_MAX)
		return 0;
	if (url.len > 0)
		return write_url(dst, behind_scheme(url) ? "" : "http://", url,
		    WPS_SPAN_NONE);
	if (own.len == 0)
		return 0;
	return write_url(dst, call->view->secure ? "https://" : "http://", own,
	    host->conf_span(host->conf_core(rest->self), "base_path"));
}
