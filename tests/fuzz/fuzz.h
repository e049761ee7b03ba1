/* SPDX-License-Identifier: MIT */
/*
 * What a harness is made of. It is linked with libFuzzer, or with replay.c, which
 * runs it over a corpus of files. A broken promise of the code under test aborts.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <wps/span.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROMISE(what)                                                          \
	((what) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #what))

static inline void
fuzz_broken(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: broken: %s\n", file, line, what);
	abort();
}

/* Takes what is in front of the separator, which goes too, or all. */
static inline struct wps_span
fuzz_cut(struct wps_span *rest, char separator)
{
	struct wps_span part = *rest;
	const char *at = rest->len ?
	    memchr(rest->data, separator, rest->len) : NULL;

	if (at)
		part.len = (size_t)(at - rest->data);
	size_t used = part.len + (at != NULL);
	rest->data += used;
	rest->len -= used;
	return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether the code under test takes this input. */
bool fuzz_accepts(struct wps_span input);

#endif
