/* SPDX-License-Identifier: MIT */
/*
 * The host's side of a request, for tests of the rest plugin.
 *
 * A request is one line with headers and a body; what the plugin did with it is
 * one line too: the command that it submitted, an arrow, the answer. The two
 * headers that all answers have are checked here and not said.
 */
#ifndef REST_SCENE_H
#define REST_SCENE_H

#include "support/fakehost.h"

#define HEADERS_MAX 16
#define TEXT_MAX 8192

struct wps_request {
	struct wps_request_view view;
	struct wps_header headers[HEADERS_MAX];
	struct scene *scene;
	wps_identity_fn on_identity; /* asked, and not answered yet */
	wps_done_fn on_done;
	wps_list_fn on_list;
	void *data;
	LIST_ENTRY(wps_request) link;
};

/* A host with a plugin, and how it behaves. */
struct scene {
	struct fakehost fake;
	bool later;        /* questions are answered by answer_later */
	uint64_t send_ms;  /* how long a send takes */
	int identity;      /* the result of authentication */
	struct wps_outcome outcome;
	struct wps_page page; /* what is listed */
	unsigned keys;        /* that sign; the first one is number first_key */
	unsigned first_key;
	int issue_result;
	bool out_of_memory;
	bool stopping;
	char text[TEXT_MAX];
	size_t text_len;
	char hub[256];     /* of the last authentication */
	char last_id[64];  /* of the last answer */
	unsigned answers;
	struct wps_request *current; /* the one that is being served */
	LIST_HEAD(, wps_request) requests; /* owned; not answered yet */
};

/* A plugin that was started; conf may be NULL. */
struct scene *scene_new(const struct fakehost_conf *conf);

/* Stops it, and frees the requests that were not answered. */
void scene_free(struct scene *scene);

/* A copy without a byte to spare, so that reading too far is noticed; drop
 * frees it. */
struct wps_span copy(struct wps_span span);
void drop(struct wps_span span);

/* `line` is "METHOD target"; `headers` is "Name: value\n" for each, or NULL. */
struct wps_request *request_new(struct scene *scene, const char *line,
    const char *headers, struct wps_span body);

/* Gives a request to the plugin; what happens is said in scene->text. */
void serve_request(struct scene *scene, struct wps_request *request);

/* Both: the request is gone when it was answered. */
struct wps_request *serve(struct scene *scene, const char *line,
    const char *headers, struct wps_span body);

/* What a scene with `later` leaves to the test. */
void answer_identity(struct wps_request *request);
void answer_done(struct wps_request *request);
void answer_list(struct wps_request *request);

/* Serves a request to its end, and says what happened. */
const char *happens(struct scene *scene, const char *line, const char *headers,
    struct wps_span body);

#endif
