/* SPDX-License-Identifier: MIT */
/*
 * Connection state: see state.h.
 */
#include "state.h"

#include "transport.h"

#include <stdlib.h>

#define NAME_FIELD 5 /* of a cookie's line, with tabs between */

struct conn_state *
state_new(void)
{
	struct conn_state *state = must_calloc(1, sizeof(*state));

	state->refs = 1;
	TAILQ_INIT(&state->chain);
	return state;
}

struct conn_state *
state_get(const struct wps_host *host, const struct wps_self *self,
    struct wps_conn *conn)
{
	void **slot = host->conn_slot(self, conn);

	if (*slot == NULL)
		*slot = state_new();
	return *slot;
}

struct conn_state *
state_ref(struct conn_state *state)
{
	state->refs++;
	return state;
}

bool
state_is_ascii(struct wps_span value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];
		if (c >= 0x7f || (c < ' ' && c != '\t'))
			return false;
	}
	return true;
}

int
state_set(struct conn_state *state, struct wps_span value)
{
	struct text fresh = { .data = NULL };

	text_add(&fresh, value);
	if (fresh.failed)
		return WPS_ENOMEM;
	text_free(&state->value);
	state->value = fresh;
	return WPS_OK;
}

/* Cuts the list where it is more than a connection may have. */
static void
limit_cookies(struct curl_slist **cookies)
{
	size_t bytes = 0;
	unsigned count = 0;

	for (; *cookies; cookies = &(*cookies)->next) {
		bytes += strlen((*cookies)->data);
		if (++count > COOKIES_MAX || bytes > COOKIES_BYTES_MAX) {
			curl_slist_free_all(*cookies);
			*cookies = NULL;
			return;
		}
	}
}

void
state_set_cookies(struct conn_state *state, struct curl_slist *cookies)
{
	curl_slist_free_all(state->cookies);
	state->cookies = cookies;
	state->cookie_changes++;
	limit_cookies(&state->cookies);
}

static struct wps_span
cookie_name(const struct curl_slist *cookie)
{
	struct wps_span rest = wps_span_str(cookie->data), field = WPS_SPAN_NONE;

	for (unsigned i = 0; i <= NAME_FIELD; i++) {
		if (!span_next(&rest, '\t', &field))
			return WPS_SPAN_NONE;
	}
	return field;
}

/* Whether a head sets that cookie, or takes it away. */
static bool
is_in(struct wps_span head, struct wps_span name)
{
	struct wps_span value, set;

	while (head_find(&head, WPS_SPAN("Set-Cookie"), &value)) {
		if (span_next(&value, '=', &set) &&
		    wps_span_eq(span_trim(set), name))
			return true;
	}
	return false;
}

/* Leaves of a list what the head sets, or all else. */
static void
keep_cookies(struct curl_slist **cookies, struct wps_span head, bool in)
{
	while (*cookies) {
		struct curl_slist *cookie = *cookies;
		if (is_in(head, cookie_name(cookie)) == in) {
			cookies = &cookie->next;
			continue;
		}
		*cookies = cookie->next;
		cookie->next = NULL;
		curl_slist_free_all(cookie);
	}
}

void
state_merge_cookies(struct conn_state *state, struct curl_slist *cookies,
    struct wps_span head)
{
	struct curl_slist **end = &state->cookies;

	keep_cookies(&state->cookies, head, false);
	keep_cookies(&cookies, head, true);
	while (*end)
		end = &(*end)->next;
	*end = cookies;
	state->cookie_changes++;
	limit_cookies(&state->cookies);
}

void
state_unref(struct conn_state **ref)
{
	struct conn_state *state = *ref;

	*ref = NULL;
	if (state == NULL || --state->refs > 0)
		return;
	text_free(&state->value);
	curl_slist_free_all(state->cookies);
	free(state);
}
