/* SPDX-License-Identifier: MIT */
/*
 * Parsing filters, by recursive descent with a limit of depth.
 *
 * Types are checked here, for every operand, whether it will be reached or not:
 * a filter that passes cannot fail for a connection. What may be null at run time
 * has the type that it has otherwise; only the literal null is of the type null.
 */
#include "filter_code.h"
#include "filter_lex.h"

#include "lib/utf8.h"

#include <stdlib.h>

#define INT_LIMIT ((uint64_t)INT32_MAX)

struct parser {
	struct lexer lexer;
	struct filter *filter;
	size_t cap; /* of its ops */
	char *texts;
	unsigned nodes, depth, stack;
};

/* An expression whose program was written. */
struct operand {
	enum filter_type type;
	size_t start;
};

static bool parse_or(struct parser *parser, struct operand *out);

/* --- words ---------------------------------------------------------------- */

static void
next(struct parser *parser)
{
	lexer_next(&parser->lexer);
}

static bool
is_word(const struct parser *parser, const char *word)
{
	return lexer_is(&parser->lexer, word);
}

static enum token_kind
kind(const struct parser *parser)
{
	return parser->lexer.token.kind;
}

static bool
fail_at(struct parser *parser, size_t start, const char *message)
{
	return lexer_fail(&parser->lexer, start, message);
}

static bool
fail(struct parser *parser, const char *message)
{
	return fail_at(parser, parser->lexer.token.start, message);
}

static bool
expect_close(struct parser *parser)
{
	if (kind(parser) != TOKEN_CLOSE)
		return fail(parser, "a closing parenthesis is missing");
	next(parser);
	return true;
}

/* What was expected is not there. */
static bool
unexpected(struct parser *parser)
{
	switch (kind(parser)) {
	case TOKEN_BAD:
		if (parser->lexer.text.data[parser->lexer.token.start] == '\'')
			return fail(parser, "the closing quote is missing");
		return fail(parser, "this is no literal, name or parenthesis");
	case TOKEN_END:
		return fail(parser, "an operand is missing");
	case TOKEN_WORD:
	case TOKEN_STRING:
	case TOKEN_INT:
	case TOKEN_OPEN:
	case TOKEN_CLOSE:
	case TOKEN_COMMA:
		break;
	}
	return fail(parser, "an operand was expected here");
}

/* --- writing the program -------------------------------------------------- */

static struct filter_op *
emit(struct parser *parser, enum filter_code code)
{
	struct filter *filter = parser->filter;

	/* Each one stands for a character of the text at least. */
	if (filter->count == parser->cap)
		abort();
	struct filter_op *op = &filter->ops[filter->count++];
	*op = (struct filter_op){ .code = code };
	return op;
}

static bool
count_node(struct parser *parser)
{
	if (++parser->nodes > FILTER_NODES_MAX)
		return fail(parser, "the filter has more than 1000 parts");
	return true;
}

static struct filter_op *
emit_push(struct parser *parser, enum filter_code code)
{
	if (!count_node(parser))
		return NULL;
	if (++parser->stack > FILTER_STACK_MAX) {
		fail(parser, "the filter is nested too deep");
		return NULL;
	}
	return emit(parser, code);
}

/* One that takes `pops` values more than it leaves. */
static struct filter_op *
emit_pop(struct parser *parser, enum filter_code code, unsigned pops)
{
	parser->stack -= pops;
	return emit(parser, code);
}

static bool
enter(struct parser *parser)
{
	if (++parser->depth > FILTER_DEPTH_MAX)
		return fail(parser, "the filter is nested too deep");
	return true;
}

/* --- literals and identifiers --------------------------------------------- */

static bool
parse_string(struct parser *parser)
{
	struct wps_span raw = parser->lexer.token.text;
	struct filter_op *op = emit_push(parser, CODE_STRING);

	if (op == NULL)
		return false;
	op->text.data = parser->texts;
	for (size_t i = 1; i + 1 < raw.len; i++) {
		*parser->texts++ = raw.data[i];
		i += raw.data[i] == '\'';
	}
	op->text.len = (size_t)(parser->texts - op->text.data);
	next(parser);
	return true;
}

static bool
parse_int(struct parser *parser)
{
	struct wps_span raw = parser->lexer.token.text;
	bool negative = raw.data[0] == '-';
	uint64_t number = 0;

	for (size_t i = negative || raw.data[0] == '+'; i < raw.len; i++) {
		number = number * 10 + (unsigned)(raw.data[i] - '0');
		if (number > INT_LIMIT + negative)
			return fail(parser,
			    "the integer does not fit into 32 bits");
	}
	struct filter_op *op = emit_push(parser, CODE_INT);
	if (op == NULL)
		return false;
	op->number = (int32_t)(negative ? -(int64_t)number : (int64_t)number);
	next(parser);
	return true;
}

static const struct {
	const char *name;
	enum filter_code code;
	int32_t number;
	enum filter_type type;
} words[] = {
	{ "userId", CODE_USER, 0, TYPE_STRING },
	{ "connectionId", CODE_CONN, 0, TYPE_STRING },
	{ "protocol", CODE_PROTOCOL, 0, TYPE_STRING },
	{ "true", CODE_BOOL, true, TYPE_BOOL },
	{ "false", CODE_BOOL, false, TYPE_BOOL },
	{ "null", CODE_NULL, 0, TYPE_NULL },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool
parse_word(struct parser *parser, struct operand *out)
{
	size_t i = 0;

	while (i < COUNT(words) && !is_word(parser, words[i].name))
		i++;
	if (i == COUNT(words) && is_word(parser, "groups"))
		return fail(parser,
		    "groups may only stand behind in, or in length()");
	if (i == COUNT(words))
		return fail(parser, "there is no such name");
	struct filter_op *op = emit_push(parser, words[i].code);
	if (op == NULL)
		return false;
	op->number = words[i].number;
	out->type = words[i].type;
	next(parser);
	return true;
}

/* --- groups and calls ----------------------------------------------------- */

/* Whether `groups` stands here, in any parentheses; if not nothing is used. */
static bool
take_groups(struct parser *parser)
{
	struct token token = parser->lexer.token;
	size_t at = parser->lexer.at, open = 0;

	while (kind(parser) == TOKEN_OPEN && open <= FILTER_DEPTH_MAX) {
		open++;
		next(parser);
	}
	bool found = is_word(parser, "groups");
	if (found)
		next(parser);
	while (found && open > 0) {
		found = kind(parser) == TOKEN_CLOSE;
		open--;
		if (found)
			next(parser);
	}
	if (!found) {
		parser->lexer.token = token;
		parser->lexer.at = at;
	}
	return found;
}

static bool
parse_arg(struct parser *parser, enum filter_type wanted)
{
	struct operand arg;

	if (!parse_or(parser, &arg))
		return false;
	if (arg.type != wanted && arg.type != TYPE_NULL)
		return fail_at(parser, arg.start, wanted == TYPE_INT ?
		    "the argument must be an integer" :
		    "the argument must be a string");
	return true;
}

static bool
parse_args(struct parser *parser, const struct filter_function *function)
{
	unsigned count = 0;

	while (kind(parser) != TOKEN_CLOSE || count > 0) {
		if (count == function->max_args)
			return fail(parser, "there are too many arguments");
		if (!parse_arg(parser, function->args[count++]))
			return false;
		if (kind(parser) != TOKEN_COMMA)
			break;
		next(parser);
	}
	if (count < function->min_args)
		return fail(parser, "there are too few arguments");
	struct filter_op *op = emit_pop(parser, CODE_CALL, count - 1);
	op->args = count;
	op->function = function;
	return expect_close(parser);
}

/* The opening parenthesis is next. */
static bool
parse_call(struct parser *parser, struct operand *out)
{
	const struct filter_function *function =
	    filter_function_find(parser->lexer.token.text);
	bool is_length = is_word(parser, "length");

	if (function == NULL)
		return fail(parser, "there is no such function");
	if (!count_node(parser) || !enter(parser))
		return false;
	next(parser);
	next(parser);
	out->type = function->result;
	bool done = is_length && take_groups(parser) ?
	    emit_push(parser, CODE_GROUP_COUNT) && expect_close(parser) :
	    parse_args(parser, function);
	parser->depth--;
	return done;
}

/* --- expressions ---------------------------------------------------------- */

static bool
parse_parentheses(struct parser *parser, struct operand *out)
{
	if (!enter(parser))
		return false;
	next(parser);
	if (!parse_or(parser, out) || !expect_close(parser))
		return false;
	parser->depth--;
	return true;
}

static bool
parse_primary(struct parser *parser, struct operand *out)
{
	bool ok = false;

	out->start = parser->lexer.token.start;
	switch (kind(parser)) {
	case TOKEN_OPEN:
		ok = parse_parentheses(parser, out);
		break;
	case TOKEN_STRING:
		out->type = TYPE_STRING;
		ok = parse_string(parser);
		break;
	case TOKEN_INT:
		out->type = TYPE_INT;
		ok = parse_int(parser);
		break;
	case TOKEN_WORD:
		ok = lexer_opens(&parser->lexer) ? parse_call(parser, out) :
		    parse_word(parser, out);
		break;
	case TOKEN_END:
	case TOKEN_CLOSE:
	case TOKEN_COMMA:
	case TOKEN_BAD:
		return unexpected(parser);
	}
	return ok;
}

static bool
must_be_bool(struct parser *parser, const struct operand *operand)
{
	return operand->type == TYPE_BOOL ||
	    fail_at(parser, operand->start, "this must be true or false");
}

static bool
parse_unary(struct parser *parser, struct operand *out)
{
	struct operand operand;
	size_t start = parser->lexer.token.start;

	if (!is_word(parser, "not"))
		return parse_primary(parser, out);
	if (!count_node(parser) || !enter(parser))
		return false;
	next(parser);
	if (!parse_unary(parser, &operand) || !must_be_bool(parser, &operand))
		return false;
	parser->depth--;
	emit_pop(parser, CODE_NOT, 0);
	*out = (struct operand){ TYPE_BOOL, start };
	return true;
}

/* The items of a list; a missing one is passed over. */
static bool
parse_items(struct parser *parser)
{
	struct operand item;

	while (kind(parser) != TOKEN_CLOSE) {
		if (kind(parser) == TOKEN_COMMA) {
			next(parser);
			continue;
		}
		if (!parse_or(parser, &item))
			return false;
		emit_pop(parser, CODE_IN_ITEM, 1);
		if (kind(parser) != TOKEN_COMMA)
			break;
	}
	return expect_close(parser);
}

/* Sends all jumps of one kind that are written from `first` on to the end; those
 * of inner lists know their way already. */
static void
land(struct parser *parser, size_t first, enum filter_code code)
{
	struct filter *filter = parser->filter;

	for (size_t i = first; i < filter->count; i++) {
		struct filter_op *op = &filter->ops[i];
		if (op->code == code && op->jump == 0)
			op->jump = (uint32_t)filter->count;
	}
}

static bool
parse_in(struct parser *parser)
{
	size_t first = parser->filter->count;

	if (take_groups(parser)) {
		emit_pop(parser, CODE_IN_GROUPS, 0);
		return true;
	}
	if (kind(parser) != TOKEN_OPEN)
		return fail(parser, "a list or groups must follow in");
	if (!enter(parser))
		return false;
	next(parser);
	if (!parse_items(parser))
		return false;
	parser->depth--;
	emit_pop(parser, CODE_IN_NONE, 0);
	land(parser, first, CODE_IN_ITEM);
	return true;
}

static const struct {
	const char *name;
	enum filter_code code;
	bool orders;
} comparisons[] = {
	{ "eq", CODE_EQ, false }, { "ne", CODE_NE, false },
	{ "gt", CODE_GT, true },  { "ge", CODE_GE, true },
	{ "lt", CODE_LT, true },  { "le", CODE_LE, true },
};

static bool
must_be_ordered(struct parser *parser, const struct operand *operand)
{
	return operand->type == TYPE_INT || operand->type == TYPE_NULL ||
	    fail_at(parser, operand->start, "only integers have an order");
}

/* The comparison that stands here, if one does. */
static size_t
find_comparison(const struct parser *parser)
{
	size_t i = 0;

	while (i < COUNT(comparisons) && !is_word(parser, comparisons[i].name))
		i++;
	return i;
}

static bool
parse_comparison(struct parser *parser, size_t which,
    const struct operand *left)
{
	struct operand right;

	if (!count_node(parser))
		return false;
	next(parser);
	if (!parse_unary(parser, &right))
		return false;
	if (comparisons[which].orders &&
	    (!must_be_ordered(parser, left) ||
	    !must_be_ordered(parser, &right)))
		return false;
	emit_pop(parser, comparisons[which].code, 1);
	return true;
}

static bool
parse_cmp(struct parser *parser, struct operand *out)
{
	if (!parse_unary(parser, out))
		return false;
	for (;;) {
		size_t which = find_comparison(parser);
		if (which < COUNT(comparisons)) {
			if (!parse_comparison(parser, which, out))
				return false;
		} else if (is_word(parser, "in")) {
			if (!count_node(parser))
				return false;
			next(parser);
			if (!parse_in(parser))
				return false;
		} else {
			return true;
		}
		out->type = TYPE_BOOL;
	}
}

/* One level of precedence: operands with `word` between them. */
static bool
parse_chain(struct parser *parser, const char *word, enum filter_code code,
    bool (*parse)(struct parser *parser, struct operand *out),
    struct operand *out)
{
	size_t first = parser->filter->count;
	struct operand more;

	if (!parse(parser, out))
		return false;
	while (is_word(parser, word)) {
		if (!must_be_bool(parser, out) || !count_node(parser))
			return false;
		emit_pop(parser, code, 1);
		next(parser);
		if (!parse(parser, &more) || !must_be_bool(parser, &more))
			return false;
	}
	land(parser, first, code);
	return true;
}

static bool
parse_and(struct parser *parser, struct operand *out)
{
	return parse_chain(parser, "and", CODE_AND, parse_cmp, out);
}

static bool
parse_or(struct parser *parser, struct operand *out)
{
	return parse_chain(parser, "or", CODE_OR, parse_and, out);
}

static bool
parse_all(struct parser *parser)
{
	struct operand whole;

	next(parser);
	if (!parse_or(parser, &whole))
		return false;
	if (kind(parser) == TOKEN_BAD)
		return unexpected(parser);
	if (kind(parser) != TOKEN_END)
		return fail(parser, "an operator or the end was expected here");
	return must_be_bool(parser, &whole);
}

struct filter *
filter_parse(struct wps_span text, locale_t locale, struct error *error)
{
	/* A part writes two operations at most, and a list one more. */
	size_t most = 3 * FILTER_NODES_MAX + 3;
	size_t cap = text.len < most ? text.len + 1 : most;

	if (!utf8_valid(text)) {
		error_bad(error, "filter", "the filter is not UTF-8");
		return NULL;
	}
	struct filter *filter = filter_new(cap, text.len, locale);
	if (filter == NULL) {
		error_no_memory(error);
		return NULL;
	}
	struct parser parser = {
		.lexer = { .text = text, .error = error },
		.filter = filter,
		.cap = cap,
		.texts = (char *)&filter->ops[cap],
	};
	if (parse_all(&parser))
		return filter;
	filter_unref(filter);
	return NULL;
}
