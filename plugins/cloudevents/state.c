/* SPDX-License-Identifier: MIT */
/*
 * Connection state: see state.h.
 */
#include "state.h"

#include <stdlib.h>

struct conn_state *
state_get(const struct wps_host *host, const struct wps_self *self,
    struct wps_conn *conn)
{
	void **slot = host->conn_slot(self, conn);

	if (*slot == NULL)
		*slot = must_calloc(1, sizeof(struct conn_state));
	return *slot;
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

void
state_free(struct conn_state **state)
{
	if (*state == NULL)
		return;
	text_free(&(*state)->value);
	free(*state);
	*state = NULL;
}
