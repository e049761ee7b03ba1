/* SPDX-License-Identifier: MIT */
/*
 * The words of filters.
 */
#ifndef REST_FILTER_LEX_H
#define REST_FILTER_LEX_H

#include "error.h"

#include <wps/span.h>

enum token_kind {
	TOKEN_END = 1,
	TOKEN_WORD,
	TOKEN_STRING, /* with its quotes */
	TOKEN_INT,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_COMMA,
	TOKEN_BAD,
};

struct token {
	enum token_kind kind;
	size_t start; /* in the text */
	struct wps_span text;
};

struct lexer {
	struct wps_span text;
	size_t at; /* behind the token */
	struct token token;
	struct error *error;
};

void lexer_next(struct lexer *lexer);

/* Whether the token is this word, without case. */
bool lexer_is(const struct lexer *lexer, const char *word);

/* Whether an opening parenthesis comes behind the token. */
bool lexer_opens(const struct lexer *lexer);

/* Fills the error, with what stands at `start`; returns false. */
bool lexer_fail(struct lexer *lexer, size_t start, const char *message);

#endif
