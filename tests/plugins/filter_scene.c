/* SPDX-License-Identifier: MIT */
#include "plugins/filter_scene.h"

static locale_t letters;

struct who_facts {
	struct wps_conn_facts facts; /* first */
	const struct who *who;
};

static bool
in_group(const struct wps_conn_facts *facts, struct wps_span group)
{
	const struct who_facts *self = (const void *)facts;

	for (size_t i = 0; self->who->groups[i]; i++)
		if (wps_span_eq(group, wps_span_str(self->who->groups[i])))
			return true;
	return false;
}

static struct who_facts
facts_of(const struct who *who)
{
	struct who_facts facts = {
		.who = who,
		.facts = {
			.id = wps_span_str(who->id ? who->id : ""),
			.user = wps_span_str(who->user),
			.subprotocol = wps_span_str(who->protocol),
			.in_group = in_group,
		},
	};

	while (who->groups[facts.facts.group_count])
		facts.facts.group_count++;
	return facts;
}

struct filter *
parse(const char *text, struct error *error)
{
	size_t len = strlen(text);
	char *own = malloc(len ? len : 1);

	CU_ASSERT_FATAL(own != NULL);
	memcpy(own, text, len);
	struct filter *filter =
	    filter_parse((struct wps_span){ own, len }, letters, error);
	free(own);
	return filter;
}

bool
holds(const struct filter *filter, const struct who *who)
{
	const struct wps_match *match = filter_match(filter);
	const struct who_facts facts = facts_of(who);

	return match->test(match, &facts.facts);
}

int
run_filter_tests(const char *suite, const struct named_test *tests,
    size_t count)
{
	letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	int status = run_tests(suite, tests, count);
	if (letters != (locale_t)0)
		freelocale(letters);
	return status;
}
