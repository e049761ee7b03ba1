/* SPDX-License-Identifier: MIT */
/*
 * What a filter is to the rest of the plugin: counted, and of a shape.
 */
#include "filter_code.h"

#include <stdlib.h>

/* --- life ------------------------------------------------------------------ */

static void
ref(const struct wps_match *match)
{
	struct filter *filter = (struct filter *)(uintptr_t)match;

	atomic_fetch_add_explicit(&filter->refs, 1, memory_order_relaxed);
}

static void
unref(const struct wps_match *match)
{
	struct filter *filter = (struct filter *)(uintptr_t)match;

	if (atomic_fetch_sub_explicit(&filter->refs, 1,
	    memory_order_acq_rel) == 1)
		free(filter);
}

void
filter_unref(struct filter *filter)
{
	if (filter)
		unref(&filter->match);
}

const struct wps_match *
filter_match(const struct filter *filter)
{
	return &filter->match;
}

struct filter *
filter_new(size_t cap, size_t texts, locale_t locale)
{
	struct filter *filter = malloc(sizeof(*filter) +
	    cap * sizeof(struct filter_op) + texts);

	if (filter == NULL)
		return NULL;
	*filter = (struct filter){
		.match = {
			.struct_size = sizeof(struct wps_match),
			.test = filter_run,
			.ref = ref,
			.unref = unref,
		},
		.locale = locale,
	};
	atomic_init(&filter->refs, 1);
	return filter;
}

/* --- shapes ------------------------------------------------------------------ */

/* identifier eq 'x', or the other way round. */
static bool
names_one(const struct filter_op *ops, enum filter_code code,
    struct wps_span *name_out)
{
	if (ops[2].code != CODE_EQ)
		return false;
	for (unsigned i = 0; i < 2; i++) {
		if (ops[i].code == code && ops[1 - i].code == CODE_STRING) {
			*name_out = ops[1 - i].text;
			return true;
		}
	}
	return false;
}

/* How many operations at the start say whom the rest is about; 0: none do. */
static size_t
first_condition(const struct filter *filter, enum wps_whom *whom,
    struct wps_span *name)
{
	const struct filter_op *ops = filter->ops;

	if (filter->count >= 2 && ops[0].code == CODE_STRING &&
	    ops[1].code == CODE_IN_GROUPS) {
		*whom = WPS_TO_GROUP;
		*name = ops[0].text;
		return 2;
	}
	*whom = WPS_TO_CONN;
	if (filter->count >= 3 && names_one(ops, CODE_CONN, name))
		return 3;
	*whom = WPS_TO_USER;
	if (filter->count >= 3 && names_one(ops, CODE_USER, name))
		return 3;
	return 0;
}

bool
filter_narrows(const struct filter *filter, enum wps_whom *whom,
    struct wps_span *name, bool *whole)
{
	size_t used = first_condition(filter, whom, name);

	*whole = used == filter->count;
	return used > 0 && (*whole || (filter->ops[used].code == CODE_AND &&
	    filter->ops[used].jump == filter->count));
}
