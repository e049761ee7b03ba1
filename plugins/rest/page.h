/* SPDX-License-Identifier: MIT */
/*
 * What a listing remembers while its page is made.
 */
#ifndef REST_PAGE_H
#define REST_PAGE_H

#include "error.h"
#include "text.h"

struct call;

struct page_request {
	uint32_t size;      /* maxpagesize, or its default */
	uint64_t top;       /* names that are still wanted; 0: all */
	struct text scope;  /* owned; what a cursor is bound to */
	struct text filter; /* owned; "&filter=...", encoded; may be empty */
};

void page_fini(struct page_request *page);

#define CURSOR_MAX 3072 /* bytes: the longest name */

/*
 * A cursor as an opaque text: its code by the first access key, and the cursor.
 * Reading takes the code of any key, so that keys may change between two pages.
 * Where there are no keys the code only tells one listing from another.
 */
void cursor_write(const struct call *call, struct wps_span cursor,
    struct text *out);

/* Into room for CURSOR_MAX bytes; absent when it is not ours. */
struct wps_span cursor_read(const struct call *call, struct wps_span token,
    char *dst);

#endif
