/* SPDX-License-Identifier: MIT */
/*
 * Filters: any text is refused with its place, or is a program that holds or not.
 * In parentheses it says the same, behind not( ) the opposite.
 */
#include "fuzz.h"

#include "plugins/rest/filter.h"

#include "lib/utf8.h"

static bool
in_group(const struct wps_conn_facts *facts, struct wps_span group)
{
	PROMISE(utf8_valid(group));
	return facts->group_count > 0 && group.len > 0 && group.data[0] == 'g';
}

static const struct wps_conn_facts connections[] = {
	{ .id = { "c1", 2 }, .in_group = in_group },
	{ .id = { "c2", 2 }, .user = { "user", 4 }, .group_count = 2,
	  .subprotocol = { "json", 4 }, .in_group = in_group },
	{ .id = { "\xc3\xbc", 2 }, .user = { " \xf0\x9f\x8c\x8d" "A'b ", 9 },
	  .group_count = 1, .in_group = in_group },
};

#define CONNECTIONS (sizeof(connections) / sizeof(connections[0]))

/* Whether it holds, by connection. */
static unsigned
run(const struct filter *filter)
{
	const struct wps_match *match = filter_match(filter);
	unsigned holds = 0;

	for (size_t i = 0; i < CONNECTIONS; i++)
		holds |= (unsigned)match->test(match, &connections[i]) << i;
	return holds;
}

/* The text between two others; its filter may be too deep or too long. */
static void
check_wrapped(const char *before, struct wps_span text, const char *behind,
    unsigned expected)
{
	size_t first = strlen(before), last = strlen(behind);
	char *wrapped = malloc(first + text.len + last);
	struct error error;

	PROMISE(wrapped != NULL);
	memcpy(wrapped, before, first);
	memcpy(wrapped + first, text.data, text.len);
	memcpy(wrapped + first + text.len, behind, last);
	struct filter *filter = filter_parse((struct wps_span){ wrapped,
	    first + text.len + last }, (locale_t)0, &error);
	free(wrapped);
	PROMISE(filter || strstr(error.message, "deep") ||
	    strstr(error.message, "1000"));
	if (filter)
		PROMISE(run(filter) == expected);
	filter_unref(filter);
}

static void
check_error(struct wps_span text, const struct error *error)
{
	char body[ERROR_BODY_MAX];

	PROMISE(error_status(error) == 400);
	PROMISE(error_body(error, body) > 0);
	if (!error->placed)
		return;
	PROMISE(error->offset <= utf8_units(text));
	PROMISE(utf8_valid((struct wps_span){ error->near, error->near_len }));
}

bool
fuzz_accepts(struct wps_span text)
{
	const unsigned all = (1u << CONNECTIONS) - 1;
	enum wps_whom whom;
	struct wps_span name;
	struct error error;
	bool whole;
	struct filter *filter = filter_parse(text, (locale_t)0, &error);

	if (filter == NULL) {
		check_error(text, &error);
		return false;
	}
	unsigned holds = run(filter);
	if (filter_narrows(filter, &whom, &name, &whole))
		PROMISE(utf8_valid(name));
	filter_unref(filter);
	check_wrapped("(", text, ")", holds);
	check_wrapped("not (", text, ")", ~holds & all);
	check_wrapped("true and ( ", text, " )", holds);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		(void)fuzz_accepts((struct wps_span){ (const char *)data, size });
	return 0;
}
