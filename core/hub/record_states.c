/* SPDX-License-Identifier: MIT */
#include "hub/record_impl.h"

#include "hub/conn.h"
#include "hub/msg.h"
#include "lib/names.h"
#include "lib/pack.h"
#include "lib/utf8.h"
#include "util/alloc.h"

#include <stdlib.h>

/* What there is of a membership. */
#define WATCHES 1u
#define HAS_STATE 2u

#define ENTRIES_MAX 65536 /* of one state: its bytes are limited elsewhere */

/* --- writing ------------------------------------------------------------------- */

static int
compare_pairs(const void *a, const void *b)
{
	return name_order(((const struct wps_pair *)a)->key,
	    ((const struct wps_pair *)b)->key);
}

static int
put_state(struct wps_record *record, const struct wps_state *state)
{
	size_t count = state->entry_count;
	struct wps_pair *pairs = malloc((count + 1) * sizeof(*pairs));

	if (pairs == NULL)
		return WPS_ENOMEM;
	if (count > 0)
		memcpy(pairs, state->entries, count * sizeof(*pairs));
	qsort(pairs, count, sizeof(*pairs), compare_pairs);
	record_number(record, state->updated_ms);
	record_number(record, count);
	for (size_t i = 0; i < count; i++) {
		record_bytes(record, pairs[i].key);
		record_bytes(record, pairs[i].value);
	}
	free(pairs);
	return WPS_OK;
}

static int
put_entry(struct wps_record *record, const struct groupstate_entry *entry)
{
	record_bytes(record, entry->group);
	record_number(record, (entry->watches ? WATCHES : 0) |
	    (entry->state ? HAS_STATE : 0));
	return entry->state ?
	    put_state(record, msg_view(entry->state)->states->items) : WPS_OK;
}

static int
compare_entries(const void *a, const void *b)
{
	return name_order(((const struct groupstate_entry *)a)->group,
	    ((const struct groupstate_entry *)b)->group);
}

int
record_put_states(struct wps_conn *conn, struct wps_record *record,
    struct wps_err *err)
{
	size_t count = groupstate_count(conn);
	int rc = WPS_OK;

	(void)err;
	if (groupstate_updated_ms(conn) == 0 && count == 0)
		return WPS_OK;
	struct groupstate_entry *entries = malloc((count + 1) * sizeof(*entries));
	if (entries == NULL)
		return WPS_ENOMEM;
	for (size_t i = 0; i < count; i++)
		entries[i] = groupstate_at(conn, i);
	qsort(entries, count, sizeof(*entries), compare_entries);
	record_number(record, groupstate_updated_ms(conn));
	for (size_t i = 0; rc == WPS_OK && i < count; i++)
		rc = put_entry(record, &entries[i]);
	free(entries);
	return rc;
}

/* --- reading -------------------------------------------------------------------- */

/* Keys ascend, so none is there twice. */
static bool
read_pairs(struct unpack *in, struct wps_pair *pairs, size_t count)
{
	struct wps_span last = WPS_SPAN_NONE;

	for (size_t i = 0; i < count; i++) {
		pairs[i].key = unpack_bytes(in, SIZE_MAX);
		pairs[i].value = unpack_bytes(in, SIZE_MAX);
		if (in->failed || !utf8_valid(pairs[i].key) ||
		    !utf8_valid(pairs[i].value) ||
		    (i > 0 && name_order(last, pairs[i].key) >= 0))
			return false;
		last = pairs[i].key;
	}
	return !in->failed;
}

static struct wps_msg *
make_state(struct wps_span group, const struct wps_state *state)
{
	const struct wps_states states = { .items = state, .count = 1 };

	return msg_new(&(struct wps_msg_view){
		.from = WPS_FROM_GROUP,
		.group = group,
		.states = &states,
	});
}

static int
read_state(struct unpack *in, struct groupstate_entry *entry,
    const struct wps_state *whose, uint64_t updated_ms)
{
	struct wps_state state = *whose;

	state.updated_ms = unpack_number(in, 1, updated_ms);
	state.entry_count = unpack_number(in, 0, ENTRIES_MAX);
	/* Each has two lengths at least. */
	if (in->failed || state.entry_count > in->rest.len / 2)
		return WPS_EPROTO;
	struct wps_pair *pairs =
	    malloc((state.entry_count + 1) * sizeof(*pairs));
	if (pairs == NULL)
		return WPS_ENOMEM;
	state.entries = pairs;
	int rc = WPS_EPROTO;
	if (read_pairs(in, pairs, state.entry_count)) {
		entry->state = make_state(entry->group, &state);
		rc = entry->state ? WPS_OK : WPS_ENOMEM;
	}
	free(pairs);
	return rc;
}

/* Whether it is one of the groups that are left, which ascend as those that are
 * asked for do. */
static bool
is_member(struct unpack *groups, struct wps_span group)
{
	while (unpack_more(groups)) {
		int order = name_order(
		    unpack_bytes(groups, NAME_GROUP_MAX_BYTES), group);
		if (order >= 0)
			return order == 0;
	}
	return false;
}

static int
read_entry(struct record_states *states, struct unpack *in,
    struct unpack *groups, const struct wps_state *whose)
{
	struct groupstate_entry entry = {
		.group = unpack_bytes(in, NAME_GROUP_MAX_BYTES),
	};
	uint64_t what = unpack_number(in, 1, WATCHES | HAS_STATE);

	entry.watches = (what & WATCHES) != 0;
	if (in->failed || !is_member(groups, entry.group))
		return WPS_EPROTO;
	int rc = what & HAS_STATE ?
	    read_state(in, &entry, whose, states->updated_ms) : WPS_OK;
	if (rc != WPS_OK)
		return rc;
	states->entries = xgrow(states->entries, states->count, &states->cap,
	    sizeof(*states->entries));
	states->entries[states->count++] = entry;
	return WPS_OK;
}

int
record_read_states(struct record_states *states, struct wps_span section,
    struct wps_span groups, const struct wps_state *whose)
{
	struct unpack in = { .rest = section }, members = { .rest = groups };
	int rc = WPS_OK;

	if (section.data == NULL)
		return WPS_OK;
	states->updated_ms = unpack_number(&in, 0, INT64_MAX);
	while (rc == WPS_OK && unpack_more(&in))
		rc = read_entry(states, &in, &members, whose);
	return rc == WPS_OK && !unpack_done(&in) ? WPS_EPROTO : rc;
}

void
record_enter_states(struct record_states *states, struct wps_conn *conn)
{
	for (size_t i = 0; i < states->count; i++)
		groupstate_restore(conn, &states->entries[i]);
	groupstate_restore_updated_ms(conn, states->updated_ms);
	states->count = 0; /* the connection has them */
}

void
record_states_fini(struct record_states *states)
{
	for (size_t i = 0; i < states->count; i++)
		msg_unref(states->entries[i].state);
	free(states->entries);
	*states = (struct record_states){ .entries = NULL };
}
