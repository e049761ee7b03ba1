/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#include "transport.h"

#include <stdarg.h>
#include <stdio.h>

static void WPS_PRINTF(2, 3)
judge(struct wps_err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
}

void
verdict_silent(struct wps_err *err, unsigned seconds)
{
	judge(err, "it is connected to, but does not answer within %u s: does "
	    "the application hang, or is it another service's port?", seconds);
}

void
verdict_late(struct wps_err *err, unsigned seconds)
{
	judge(err, "it does not answer within %u s: does the application hang, "
	    "or does a firewall drop the connection?", seconds);
}

void
verdict_forbidden(struct wps_err *err)
{
	judge(err, "its address is link-local or of a metadata service: use "
	    "another, or set allow_link_local");
}

void
verdict_failure(struct wps_err *err, CURLcode code, const char *detail)
{
	const char *why = detail[0] ? detail : curl_easy_strerror(code);

	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		judge(err, "the host's name cannot be resolved: is it written "
		    "right, and does this machine's DNS know it?");
		break;
	case CURLE_COULDNT_CONNECT:
		judge(err, "the connection is refused: is the application "
		    "started, and is it the right port?");
		break;
	case CURLE_OPERATION_TIMEDOUT:
		judge(err, "no connection can be made in time: does a firewall "
		    "drop it, or is the machine down?");
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		judge(err, "its certificate is not trusted (%.200s): set \"ca\" "
		    "to who has signed it, or correct the host's name", why);
		break;
	case CURLE_SSL_CONNECT_ERROR:
		judge(err, "TLS fails (%.200s): does that port speak TLS, or "
		    "should the URL begin with http://?", why);
		break;
	case CURLE_SSL_CERTPROBLEM:
		judge(err, "the certificate cannot be shown (%.200s): check "
		    "\"certificate\" and \"key\"", why);
		break;
	case CURLE_SSL_CACERT_BADFILE:
		judge(err, "the file \"ca\" cannot be used (%.200s)", why);
		break;
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
		judge(err, "it closes the connection without an answer: does "
		    "that port speak HTTP, or should the URL begin with "
		    "https://?");
		break;
	case CURLE_WRITE_ERROR:
		judge(err, "its answer is too large: is that the path of an "
		    "event handler?");
		break;
	default:
		judge(err, "%.200s", why);
	}
}

void
verdict_status(struct wps_err *err, long status)
{
	if (status >= 300 && status <= 399)
		judge(err, "it redirects (status %ld), and redirects are not "
		    "followed: write the URL that it leads to", status);
	else if (status == 401 || status == 403)
		judge(err, "it refuses the handshake (status %ld): let the "
		    "application answer OPTIONS without credentials", status);
	else if (status == 404 || status == 405)
		judge(err, "it knows no such path (status %ld): compare the URL "
		    "with the path of the application's event handler", status);
	else
		judge(err, "it fails (status %ld): look into the application's "
		    "log", status);
}

int
verdict_origin(struct wps_err *err, const struct origin *origin,
    struct wps_span head)
{
	struct wps_span value;
	bool some = false;

	while (head_find(&head, WPS_SPAN("WebHook-Allowed-Origin"), &value)) {
		if (origin_is_allowed(origin, value))
			return WPS_OK;
		some = true;
	}
	if (some)
		judge(err, "it allows other origins than \"%.*s\": allow that "
		    "one there, or correct public_endpoints",
		    (int)origin->hosts.len, origin->hosts.data);
	else
		judge(err, "its answer has no WebHook-Allowed-Origin: is the "
		    "event handler of an SDK mounted at that path?");
	return WPS_DECLINED;
}
