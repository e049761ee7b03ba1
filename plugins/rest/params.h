/* SPDX-License-Identifier: MIT */
/*
 * The parameters of a call, from its path and its query.
 *
 * All are decoded once, into one room, and live as long as the struct params. A
 * parameter that its operation does not read is passed over.
 */
#ifndef REST_PARAMS_H
#define REST_PARAMS_H

#include "error.h"
#include "router.h"

#include <stdint.h>

enum query_param {
	QUERY_API_VERSION = 1,
	QUERY_FILTER,
	QUERY_TTL,
	QUERY_REASON,
	QUERY_TARGET,
	QUERY_USER_ID,
	QUERY_MINUTES,
	QUERY_CLIENT_TYPE,
	QUERY_PAGE_SIZE,
	QUERY_TOP,
	QUERY_TOKEN,
	QUERY_EXCLUDED, /* from here on they may be repeated */
	QUERY_ROLE,
	QUERY_GROUP,
	QUERY_PARAM_COUNT,
};

/* What is held without taking memory. */
#define PARAMS_ROOM 2048
#define PARAMS_ITEMS 16

struct params {
	struct wps_span path[ROUTE_PARAM_COUNT];  /* absent: not in this path; the
						     hub is read by params_hub */
	struct wps_span query[QUERY_PARAM_COUNT]; /* absent: not given */

	/* Those that may be repeated, in the order of their names. */
	struct wps_span *items;
	size_t first[QUERY_PARAM_COUNT], count[QUERY_PARAM_COUNT];

	char *room; /* owned unless it is own_room */
	size_t room_used;
	char own_room[PARAMS_ROOM];
	struct wps_span own_items[PARAMS_ITEMS];
};

/* The items of a repeated parameter. */
static inline const struct wps_span *
params_items(const struct params *params, enum query_param name)
{
	return params->items + params->first[name];
}

/*
 * Reads and judges them, as far as that needs no knowledge of the operation:
 * names are valid, and nothing is given twice that stands for one value. False
 * with the error filled; params_fini follows in either case. `legacy` keeps %2F
 * in groups and users as these three characters.
 */
bool params_read(struct params *params, const struct route *route,
    struct wps_span query, bool legacy, struct error *error_out);
void params_fini(struct params *params);

/* The hub of a route in lower case, into room for NAME_HUB_MAX bytes; absent
 * when it is no hub's name. */
struct wps_span params_hub(const struct route *route, char *dst);

/* As it is spelled in a query. */
const char *params_name(enum query_param name);

/* Digits only, at most `max`. */
bool params_number(struct wps_span text, uint64_t max, uint64_t *out);

#endif
