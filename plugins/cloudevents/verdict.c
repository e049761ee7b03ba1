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
	    "it hang, or is it another service's port?", seconds);
}

void
verdict_endless(struct wps_err *err, long status, unsigned seconds)
{
	judge(err, "it begins an answer (status %ld), but does not end it within "
	    "%u s: is Content-Length larger than the body, or does it stream?",
	    status, seconds);
}

void
verdict_no_tls(struct wps_err *err)
{
	judge(err, "it is connected to, but does not end the handshake of TLS in "
	    "time: does it hang, does that port speak TLS, or should the URL "
	    "begin with http://?");
}

void
verdict_late(struct wps_err *err, unsigned seconds)
{
	judge(err, "it does not answer within %u s: does it hang, or does a "
	    "firewall drop the connection?", seconds);
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
		judge(err, "the connection is refused: is it started, and is "
		    "that the right port?");
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
	case CURLE_UNSUPPORTED_PROTOCOL: /* an answer without a status line */
	case CURLE_WEIRD_SERVER_REPLY:
		judge(err, "what it answers is no HTTP (%.200s): is that the "
		    "right port?", why);
		break;
	case CURLE_WRITE_ERROR:
	case CURLE_OUT_OF_MEMORY: /* libcurl's own limit for a header line */
		judge(err, "its answer is too large: is that the right path?");
		break;
	default:
		judge(err, "%.200s", why);
	}
}

static bool
is_redirect(struct wps_err *err, long status)
{
	if (status < 300 || status > 399)
		return false;
	judge(err, "it redirects (status %ld), and redirects are not followed: "
	    "write the URL that it leads to", status);
	return true;
}

void
verdict_status(struct wps_err *err, long status)
{
	if (is_redirect(err, status))
		return;
	if (status == 401 || status == 403)
		judge(err, "it refuses the handshake (status %ld): let the "
		    "application answer OPTIONS without credentials", status);
	else if (status == 404 || status == 405)
		judge(err, "it knows no such path (status %ld): compare the URL "
		    "with the path of the application's event handler", status);
	else
		judge(err, "it fails (status %ld): look into the application's "
		    "log", status);
}

/* RFC 6749, section 5.2, RFC 8707, and what is widely in use beside them. */
static const struct {
	const char *error, *words;
} token_errors[] = {
	{ "invalid_client", "it does not know the client by this secret: "
	    "correct auth_client or auth_secret, or set auth_method to the "
	    "other way" },
	{ "unauthorized_client", "the client may not use client credentials: "
	    "allow it there, or correct auth_client" },
	{ "unsupported_grant_type", "it has no tokens for client credentials: "
	    "allow them there, or correct auth_url" },
	{ "invalid_scope", "it does not grant the client that scope: correct "
	    "auth_scope, or allow it there" },
	{ "invalid_target", "it has no tokens for that audience: correct "
	    "auth_audience, or allow it there" },
	{ "access_denied", "the client may not have such a token: allow it "
	    "there, or correct auth_scope or auth_audience" },
	{ "invalid_request", "it cannot use the request: does it want "
	    "auth_scope or auth_audience, or not want them?" },
};

static const char *
words_of_status(long status)
{
	if (status_is_success(status))
		return "its answer has no access_token that can be used: is "
		    "that the URL of its tokens?";
	switch (status) {
	case 400:
		return "it refuses the request: compare auth_client, auth_scope "
		    "and auth_audience with what it knows";
	case 401:
	case 403:
		return "it refuses the client: correct auth_client or "
		    "auth_secret, or set auth_method to the other way";
	case 404:
	case 405:
		return "it has no tokens at such a path: correct auth_url";
	case 429:
		return "it is asked too often: wait, and try again";
	}
	return "it fails: look into its log";
}

void
verdict_token(struct wps_err *err, long status, const char *error)
{
	const char *words = words_of_status(status);

	if (is_redirect(err, status))
		return;
	for (size_t i = 0; i < sizeof(token_errors) / sizeof(token_errors[0]);
	    i++) {
		if (strcmp(token_errors[i].error, error) == 0)
			words = token_errors[i].words;
	}
	judge(err, "%s (status %ld%s%s)", words, status, error[0] ? ", " : "",
	    error);
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
