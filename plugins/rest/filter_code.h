/* SPDX-License-Identifier: MIT */
/*
 * The program that a filter is: filter_parse.c writes it, filter_run.c runs it.
 */
#ifndef REST_FILTER_CODE_H
#define REST_FILTER_CODE_H

#include "filter.h"

#include <stdatomic.h>
#include <stdint.h>

enum filter_code {
	CODE_STRING = 1, /* push `text` */
	CODE_INT,        /* push `number` */
	CODE_BOOL,       /* the same */
	CODE_NULL,
	CODE_USER,
	CODE_CONN,
	CODE_PROTOCOL,
	CODE_GROUP_COUNT,
	CODE_EQ, /* pop two, push a boolean; so the next five */
	CODE_NE,
	CODE_GT,
	CODE_GE,
	CODE_LT,
	CODE_LE,
	CODE_NOT,
	CODE_IN_GROUPS,  /* replace a value */
	CODE_AND,        /* false: go to `jump`; else pop */
	CODE_OR,         /* true: go to `jump`; else pop */
	CODE_IN_ITEM,    /* pop; equal to what is below: replace that by true and
			    go to `jump` */
	CODE_IN_NONE,    /* replace a value by false */
	CODE_CALL,       /* pop `args`, push what `function` makes of them */
};

enum filter_type {
	TYPE_NULL = 1,
	TYPE_BOOL,
	TYPE_INT,
	TYPE_STRING,
};

struct filter_value {
	enum filter_type type;
	int32_t number; /* boolean and integer */
	struct wps_span text;
};

/* Memory for texts that functions make while a filter runs. */
struct filter_scratch;
char *filter_scratch_take(struct filter_scratch *scratch, size_t len);

/* A function gets as many values as its row says; each is of the row's type or
 * null. */
struct filter_function {
	const char *name;
	enum filter_type result;
	unsigned min_args, max_args;
	enum filter_type args[3];
	struct filter_value (*call)(struct filter_scratch *scratch,
	    locale_t locale, const struct filter_value *args, unsigned count);
};

/* Without case; NULL. */
const struct filter_function *filter_function_find(struct wps_span name);

struct filter_op {
	enum filter_code code;
	union {
		int32_t number;
		uint32_t jump;
		uint32_t args;
	};
	union {
		struct wps_span text; /* in the filter */
		const struct filter_function *function;
	};
};

struct filter {
	struct wps_match match; /* first */
	_Atomic uint32_t refs;
	locale_t locale;
	size_t count;
	struct filter_op ops[]; /* behind them the texts */
};

/* With room for so many operations and bytes of text; NULL: no memory. */
struct filter *filter_new(size_t cap, size_t texts, locale_t locale);

/* The test of a filter's match. */
bool filter_run(const struct wps_match *match,
    const struct wps_conn_facts *facts);

#endif
