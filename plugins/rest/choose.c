/* SPDX-License-Identifier: MIT */
#include "choose.h"

/* A command to all becomes one to those that the filter names. */
static void
narrow(struct wps_command *command, const struct filter *filter)
{
	enum wps_whom whom;
	struct wps_span name;
	bool whole;

	command->match = filter_match(filter);
	if (command->whom != WPS_TO_ALL ||
	    !filter_narrows(filter, &whom, &name, &whole))
		return;
	command->whom = whom;
	command->name = name;
	if (whole)
		command->match = NULL;
}

bool
choose(const struct rest *rest, struct choice *choice,
    struct wps_command *command, struct wps_span text, size_t max,
    struct error *error)
{
	choice->filter = NULL;
	if (text.len == 0)
		return true;
	if (text.len > max)
		return error_bad(error, "filter", "the filter is too long");
	choice->filter = filter_parse(text, rest->letters, error);
	if (choice->filter == NULL)
		return false;
	narrow(command, choice->filter);
	return true;
}

void
choice_fini(struct choice *choice)
{
	filter_unref(choice->filter);
	choice->filter = NULL;
}
