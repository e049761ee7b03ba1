/* SPDX-License-Identifier: MIT */
#include "group_body.h"

#include "lib/jscan.h"
#include "lib/names.h"
#include "lib/utf8.h"

#include <stdlib.h>

/* The two members, as they stand. */
struct members {
	struct jscan_value groups, filter;
	bool has_groups, has_filter;
};

static bool
take(struct jscan_value *to, bool *has, const struct jscan_value *value,
    const char *name, struct error *error)
{
	if (*has)
		return error_bad(error, name, "the member is given twice");
	*to = *value;
	*has = true;
	return true;
}

/* Members that are not known are passed over. */
static bool
find_members(struct members *members, struct wps_span text,
    struct error *error)
{
	struct jscan_value key, value;
	struct jscan scan;
	int rc = jscan_begin_object(&scan, text);
	bool ok = true;

	while (ok && rc == WPS_OK &&
	    (rc = jscan_member(&scan, &key, &value)) == WPS_OK) {
		if (jscan_is_nocase(&key, "groups"))
			ok = take(&members->groups, &members->has_groups,
			    &value, "groups", error);
		else if (jscan_is_nocase(&key, "filter"))
			ok = take(&members->filter, &members->has_filter,
			    &value, "filter", error);
	}
	if (!ok || rc == WPS_NOT_FOUND)
		return ok;
	return error_bad(error, "Request", "the body is not a JSON object");
}

/* The number of items; 0 when it is no array. */
static size_t
count_items(const struct jscan_value *array)
{
	struct jscan_value item;
	struct jscan scan;
	size_t count = 0;

	if (array->kind != JSCAN_ARRAY ||
	    jscan_begin_array(&scan, array->raw) != WPS_OK)
		return 0;
	while (jscan_item(&scan, &item) == WPS_OK)
		count++;
	return count;
}

/* Unescapes to *dst, which is moved on. */
static bool
read_text(const struct jscan_value *value, char **dst, struct wps_span *out)
{
	if (value->kind != JSCAN_STRING ||
	    !jscan_unescape(*dst, value, &out->len))
		return false;
	out->data = *dst;
	*dst += out->len;
	return true;
}

static bool
read_groups(struct group_body *body, const struct jscan_value *array,
    char **dst, struct error *error)
{
	struct jscan_value item;
	struct jscan scan;

	(void)jscan_begin_array(&scan, array->raw);
	while (jscan_item(&scan, &item) == WPS_OK) {
		struct wps_span *group = &body->groups[body->group_count++];
		if (!read_text(&item, dst, group) || !name_group_valid(*group))
			return error_bad(error, "groups", "a group name has 1 "
			    "to 1024 characters and is not blank");
	}
	return true;
}

static bool
read_members(struct group_body *body, const struct members *members,
    size_t room, struct error *error)
{
	size_t count = members->has_groups ? count_items(&members->groups) : 0;

	if (count == 0)
		return error_bad(error, "groups",
		    "a list of one group at least is needed");
	body->groups = malloc(count * sizeof(struct wps_span) + room);
	if (body->groups == NULL)
		return error_no_memory(error);
	char *dst = (char *)&body->groups[count];
	if (!read_groups(body, &members->groups, &dst, error))
		return false;
	if (members->has_filter && members->filter.kind != JSCAN_NULL &&
	    !read_text(&members->filter, &dst, &body->filter))
		return error_bad(error, "filter", "the filter is not a string");
	return true;
}

bool
group_body_read(struct group_body *body, struct wps_span text,
    struct error *error)
{
	struct members members = { .has_groups = false };

	*body = (struct group_body){ .groups = NULL };
	if (text.data == NULL || !utf8_valid(text))
		return error_bad(error, "Request",
		    "the body is not a JSON object");
	return find_members(&members, text, error) &&
	    read_members(body, &members, text.len, error);
}

void
group_body_fini(struct group_body *body)
{
	free(body->groups);
	*body = (struct group_body){ .groups = NULL };
}
