/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with a handler that does not agree, or with where its tokens come
 * from, in words that say what to do about it: for wps -t --upstreams, and for
 * the log.
 */
#ifndef CLOUDEVENTS_VERDICT_H
#define CLOUDEVENTS_VERDICT_H

#include "origin.h"

#include <curl/curl.h>

/* No answer came; `detail` is what libcurl says beside the code, or "". */
void verdict_failure(struct wps_err *err, CURLcode code, const char *detail);

/* It is connected to, and does not answer within so many seconds. */
void verdict_silent(struct wps_err *err, unsigned seconds);

/* It begins an answer, and does not end it within so many seconds. */
void verdict_endless(struct wps_err *err, long status, unsigned seconds);

/* It is connected to, and does not do its part of TLS's handshake in time. */
void verdict_no_tls(struct wps_err *err);

/* As verdict_silent, when nobody knows whether it is connected to. */
void verdict_late(struct wps_err *err, unsigned seconds);

/* Its address is one that allow_link_local is about. */
void verdict_forbidden(struct wps_err *err);

/* A status outside 2xx. */
void verdict_status(struct wps_err *err, long status);

/* No token came with that status; `error` is the name that OAuth has for why, or
 * "". */
void verdict_token(struct wps_err *err, long status, const char *error);

/* Whether the head of an answer admits this server: WPS_OK, or WPS_DECLINED with
 * err filled. */
int verdict_origin(struct wps_err *err, const struct origin *origin,
    struct wps_span head);

#endif
