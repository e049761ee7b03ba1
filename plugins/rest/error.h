/* SPDX-License-Identifier: MIT */
/*
 * Errors as callers see them: a status, a code, what is wrong and where.
 */
#ifndef REST_ERROR_H
#define REST_ERROR_H

#include <stdbool.h>
#include <stddef.h>

enum error_code {
	ERROR_BAD_REQUEST = 1,
	ERROR_UNAUTHORIZED,
	ERROR_NOT_FOUND,
	ERROR_METHOD,
	ERROR_CONFLICT,
	ERROR_MEDIA_TYPE,
	ERROR_INTERNAL,
	ERROR_UNAVAILABLE,
};

#define ERROR_NEAR_MAX 40

/* Texts are constants without anything that JSON escapes. */
struct error {
	enum error_code code;
	const char *target;  /* the parameter's name; NULL: none */
	const char *message;

	/* Of a text with a syntax: where it is wrong, and what stands there. */
	bool placed;
	size_t offset; /* UTF-16 units in front of it */
	size_t near_len;
	char near[ERROR_NEAR_MAX]; /* UTF-8 */
};

#define ERROR_BODY_MAX 1024

int error_status(const struct error *error);
const char *error_name(const struct error *error);

/* Writes the body, at most ERROR_BODY_MAX bytes; returns its length. */
size_t error_body(const struct error *error, char *dst);

/* Fills an error about a parameter; returns false, for the caller to pass on. */
bool error_bad(struct error *error, const char *target, const char *message);

/* The same for want of memory. */
bool error_no_memory(struct error *error);

#endif
