/* SPDX-License-Identifier: MIT */
/*
 * Options as rows.
 *
 * The parser, `wps -t`, the error texts and the manual read the same rows. A
 * plugin brings one table for its own section of wps.conf (named like the
 * plugin) and one for what it adds to every hub; an option of a hub that is not
 * set there is taken from the hub "*", then from the row.
 *
 * Rows are static data of the plugin, borrowed until fini returns; the plugin's
 * description tells their size, so that they may grow at their end.
 */
#ifndef WPS_OPTION_H
#define WPS_OPTION_H

#include <wps/abi.h>

enum wps_option_type {
	WPS_OPT_END = 0,
	WPS_OPT_BOOL,     /* true, false */
	WPS_OPT_INT,      /* a decimal integer */
	WPS_OPT_SIZE,     /* bytes; k, M, G and KiB, MiB, GiB are powers of 1024 */
	WPS_OPT_DURATION, /* milliseconds; written 500ms, 20s, 5m, 24h, 7d */
	WPS_OPT_STRING,   /* text, UTF-8; min and max are its length in bytes */
	WPS_OPT_ENUM,     /* one of `choices`; its value is the index there */
	WPS_OPT_SECRET,   /* text, file:PATH (one trailing line end is cut; never
			     readable by others) or env:NAME; never printed */
	WPS_OPT_STRINGS,  /* a list of texts, or one text */
	WPS_OPT_SECRETS,  /* a list of secrets, or one */
	WPS_OPT_MAPS,     /* a list of maps, each judged by `members` */
	WPS_OPT_MAP,      /* one map, judged by `members` */
};

struct wps_option {
	const char *name;           /* as in the file: lower case and _; unique in
				       its table */
	enum wps_option_type type;
	const char *fallback;       /* as it would be written in the file; NULL:
				       absent (lists: empty; numbers: 0); always
				       NULL for secrets */
	int64_t min, max;           /* both 0: no bounds; lists: their length */
	const char *const *choices; /* WPS_OPT_ENUM; ends with NULL */
	const struct wps_option *members; /* WPS_OPT_MAP, WPS_OPT_MAPS */
	bool required;              /* must be set; in hub rows: of "*" */
	const char *help;           /* one sentence */
};

/* The last row of a table. */
#ifdef __cplusplus
#define WPS_OPTION_END {}
#else
#define WPS_OPTION_END { .name = NULL, .type = WPS_OPT_END }
#endif

#endif
