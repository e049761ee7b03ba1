/* SPDX-License-Identifier: MIT */
/*
 * Connection state as bytes: the plugin's part of a connection's record.
 *
 *   version, last id, value, cookie...
 *
 * Numbers and lengths are as lib/pack.h writes them.
 */
#include "state.h"

#include "lib/pack.h"

#include <stdlib.h>

#define RECORD_VERSION 1
#define COOKIE_FIELDS 7 /* of a line, with tabs between */

int
state_save(const struct wps_host *host, const struct conn_state *state,
    struct wps_record *record)
{
	const struct pack out = { host->record_put, record };

	if (!TAILQ_EMPTY(&state->chain))
		return WPS_PENDING;
	pack_add_number(&out, RECORD_VERSION);
	pack_add_number(&out, state->last_id);
	pack_add_bytes(&out, text_span(&state->value));
	for (const struct curl_slist *cookie = state->cookies; cookie;
	    cookie = cookie->next)
		pack_add_bytes(&out, wps_span_str(cookie->data));
	return WPS_OK;
}

/* libcurl takes other lines for orders. */
static bool
is_cookie(struct wps_span line)
{
	unsigned fields = 1;

	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.data[i];
		if (c == 0x7f || (c < ' ' && c != '\t'))
			return false;
		fields += c == '\t';
	}
	return fields == COOKIE_FIELDS;
}

static int
add_cookie(struct curl_slist **list, struct wps_span line)
{
	char text[COOKIES_BYTES_MAX + 1];

	memcpy(text, line.data, line.len);
	text[line.len] = '\0';
	struct curl_slist *longer = curl_slist_append(*list, text);
	if (longer == NULL)
		return WPS_ENOMEM;
	*list = longer;
	return WPS_OK;
}

/* Into a list that is to be freed in any case. */
static int
read_cookies(struct unpack *in, struct curl_slist **list)
{
	size_t left = COOKIES_BYTES_MAX;

	for (unsigned count = 0; unpack_more(in); count++) {
		struct wps_span line = unpack_bytes(in, left);
		if (in->failed || count == COOKIES_MAX || !is_cookie(line))
			return WPS_EPROTO;
		if (add_cookie(list, line) != WPS_OK)
			return WPS_ENOMEM;
		left -= line.len;
	}
	return unpack_done(in) ? WPS_OK : WPS_EPROTO;
}

static int
read_state(struct unpack *in, struct conn_state *state)
{
	if (unpack_number(in, 0, UINT64_MAX) != RECORD_VERSION)
		return WPS_EPROTO;
	state->last_id = unpack_number(in, 0, INT64_MAX);
	struct wps_span value = unpack_bytes(in, STATE_MAX);
	if (in->failed || !state_is_ascii(value))
		return WPS_EPROTO;
	int rc = state_set(state, value);
	return rc == WPS_OK ? read_cookies(in, &state->cookies) : rc;
}

int
state_restore(struct wps_span bytes, struct conn_state **state_out)
{
	struct unpack in = { .rest = bytes };
	struct conn_state *state = state_new();
	int rc = read_state(&in, state);

	if (rc == WPS_OK)
		*state_out = state;
	else
		state_unref(&state);
	return rc;
}
