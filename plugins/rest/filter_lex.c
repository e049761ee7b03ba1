/* SPDX-License-Identifier: MIT */
#include "filter_lex.h"

#include "lib/names.h"
#include "lib/utf8.h"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static size_t
word_len(struct wps_span text)
{
	size_t len = 0;

	while (len < text.len &&
	    (is_letter(text.data[len]) || is_digit(text.data[len])))
		len++;
	return len;
}

/* The length with both quotes; 0: the second one is missing. */
static size_t
string_len(struct wps_span text)
{
	for (size_t i = 1; i < text.len; i++) {
		if (text.data[i] != '\'')
			continue;
		if (i + 1 == text.len || text.data[i + 1] != '\'')
			return i + 1;
		i++;
	}
	return 0;
}

/* 0: there is no digit, or a letter follows. */
static size_t
int_len(struct wps_span text)
{
	size_t sign = text.data[0] == '-' || text.data[0] == '+';
	size_t len = sign;

	while (len < text.len && is_digit(text.data[len]))
		len++;
	if (len == sign || (len < text.len &&
	    (is_letter(text.data[len]) || text.data[len] == '.')))
		return 0;
	return len;
}

static enum token_kind
classify(struct wps_span rest, size_t *len_out)
{
	char c = rest.data[0];

	*len_out = 1;
	if (c == '(')
		return TOKEN_OPEN;
	if (c == ')')
		return TOKEN_CLOSE;
	if (c == ',')
		return TOKEN_COMMA;
	if (is_letter(c)) {
		*len_out = word_len(rest);
		return TOKEN_WORD;
	}
	*len_out = c == '\'' ? string_len(rest) : int_len(rest);
	if (*len_out == 0)
		return TOKEN_BAD;
	return c == '\'' ? TOKEN_STRING : TOKEN_INT;
}

void
lexer_next(struct lexer *lexer)
{
	struct wps_span text = lexer->text;
	size_t at = lexer->at, len = 0;

	while (at < text.len && is_space(text.data[at]))
		at++;
	struct wps_span rest = { text.data + at, text.len - at };
	enum token_kind kind =
	    rest.len ? classify(rest, &len) : TOKEN_END;
	lexer->token = (struct token){
		.kind = kind,
		.start = at,
		.text = { rest.data, len },
	};
	lexer->at = at + len;
}

bool
lexer_is(const struct lexer *lexer, const char *word)
{
	return lexer->token.kind == TOKEN_WORD &&
	    name_eq_nocase(lexer->token.text, wps_span_str(word));
}

bool
lexer_opens(const struct lexer *lexer)
{
	size_t at = lexer->at;

	while (at < lexer->text.len && is_space(lexer->text.data[at]))
		at++;
	return at < lexer->text.len && lexer->text.data[at] == '(';
}

bool
lexer_fail(struct lexer *lexer, size_t start, const char *message)
{
	struct wps_span near = { lexer->text.data + start,
		lexer->text.len - start };
	struct error *error = lexer->error;

	error_bad(error, "filter", message);
	near.len = utf8_cut(near, ERROR_NEAR_MAX);
	error->placed = true;
	error->offset =
	    utf8_units((struct wps_span){ lexer->text.data, start });
	error->near_len = near.len;
	memcpy(error->near, near.data, near.len);
	return false;
}
