/* SPDX-License-Identifier: MIT */
/*
 * Which operation a method and a path mean (rest-api.md, section 2).
 */
#ifndef REST_ROUTER_H
#define REST_ROUTER_H

#include <wps/command.h>

struct call;
struct params;

#define ROUTE_PREFIX "/api/"
#define ROUTE_SEGMENTS_MAX 6

enum route_method {
	ROUTE_GET = 1 << 0,
	ROUTE_HEAD = 1 << 1,
	ROUTE_POST = 1 << 2,
	ROUTE_PUT = 1 << 3,
	ROUTE_DELETE = 1 << 4,
};

#define ROUTE_ALLOW_MAX 40 /* "GET, HEAD, POST, PUT, DELETE" and a NUL */

/* What stands in a path where its segments are not fixed. */
enum route_param {
	ROUTE_HUB = 1,
	ROUTE_CONN,
	ROUTE_GROUP,
	ROUTE_USER,
	ROUTE_PERMISSION,
	ROUTE_PARAM_COUNT,
};

struct route_segment {
	const char *fixed;      /* NULL: the parameter */
	enum route_param param;
};

struct operation {
	const char *name;
	unsigned methods; /* bits of route_method */
	struct route_segment segments[ROUTE_SEGMENTS_MAX];
	size_t segment_count;
	void (*run)(struct call *call, const struct params *params);
	unsigned queries; /* bits 1 << query_param: those that are read */

	/* The command that it is, if it is one. */
	enum wps_op op;
	enum wps_whom whom;
	enum wps_list list; /* of WPS_OP_LIST */
	bool detail;        /* the same: all of one connection */
	int success;     /* the status when it is done */
	bool must_match; /* 404 when it was done to no connection */

	bool open;       /* for callers without a token */
};

struct route {
	const struct operation *operation; /* ROUTE_FOUND only */
	struct wps_span params[ROUTE_PARAM_COUNT]; /* still percent-encoded */
	unsigned methods; /* ROUTE_OTHER_METHOD: what this path knows */
};

enum route_result {
	ROUTE_FOUND = 1,
	ROUTE_OTHER_METHOD, /* the path is known, with other methods */
	ROUTE_UNKNOWN,
};

/* The spans of the route are part of the path. */
enum route_result route_find(struct wps_span method, struct wps_span path,
    struct route *out);

/* The text of an Allow header, into room for ROUTE_ALLOW_MAX bytes. */
size_t route_allow(unsigned methods, char *dst);

#endif
