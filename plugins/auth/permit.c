/* SPDX-License-Identifier: MIT */
#include "permit.h"

#include "lib/names.h"

static int
read_group(struct wps_span group, struct wps_permit *out)
{
	out->scope = WPS_PERMIT_GROUP;
	out->name = group;
	return name_group_valid(group) ? WPS_OK : WPS_EINVAL;
}

static int
read_pattern(struct wps_span pattern, struct wps_permit *out)
{
	if (!pattern_valid(pattern))
		return WPS_EINVAL;
	if (wps_span_eq(pattern, WPS_SPAN("**"))) {
		out->scope = WPS_PERMIT_ALL;
		return WPS_OK;
	}
	if (pattern_is_literal(pattern))
		return read_group(pattern, out);
	out->scope = WPS_PERMIT_PATTERN;
	out->name = pattern;
	return WPS_OK;
}

/* Of the roles that have one form only: what is no pattern is a name. */
static int
read_either(struct wps_span text, struct wps_permit *out)
{
	return pattern_valid(text) ? read_pattern(text, out) :
	    read_group(text, out);
}

static const struct keyword {
	struct wps_span text;
	enum wps_perm perm;
	int (*read)(struct wps_span rest, struct wps_permit *out);
	bool alone; /* without a rest: all groups */
} keywords[] = {
	{ { "webpubsub.sendToGroup", 21 }, WPS_PERM_SEND, read_group, true },
	{ { "webpubsub.joinLeaveGroup", 24 }, WPS_PERM_JOIN_LEAVE, read_group, true },
	{ { "webpubsub.sendToGroups", 22 }, WPS_PERM_SEND, read_pattern, false },
	{ { "webpubsub.joinLeaveGroups", 25 }, WPS_PERM_JOIN_LEAVE, read_pattern, false },
	{ { "webpubsub.setGroupState", 23 }, WPS_PERM_SET_STATE, read_either, true },
	{ { "webpubsub.getGroupState", 23 }, WPS_PERM_GET_STATE, read_either, true },
};

/* Whether the role is the keyword, alone or with a dot and more behind it. */
static bool
begins(struct wps_span role, const struct keyword *keyword)
{
	size_t len = keyword->text.len;

	return role.len >= len && memcmp(role.data, keyword->text.data, len) == 0 &&
	    (role.len == len || role.data[len] == '.');
}

int
permit_read(struct wps_span role, struct wps_permit *out)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		const struct keyword *keyword = &keywords[i];
		if (!begins(role, keyword))
			continue;
		*out = (struct wps_permit){ .perm = keyword->perm,
			.scope = WPS_PERMIT_ALL };
		if (role.len == keyword->text.len)
			return keyword->alone ? WPS_OK : WPS_EINVAL;
		struct wps_span rest = {
			role.data + keyword->text.len + 1,
			role.len - keyword->text.len - 1,
		};
		return keyword->read(rest, out);
	}
	return WPS_DECLINED;
}
