/* SPDX-License-Identifier: MIT */
/*
 * Order across workers.
 *
 *   order [--ops N] [--seed N] HOST:PORT ...
 *
 * The addresses are listeners pinned to the workers of a server whose access key
 * is in WPS_KEY. Clients are spread over them. Several strands (world.h) do random
 * operations at the same time: each awaits every answer, whatever connection and
 * worker it went through, and goes on with its next. The order of operations
 * follows from the seed alone; how strands mix does not.
 */
#include "jwt.h"
#include "link.h"
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 16
#define PATIENCE_MS 10000
#define HUB_PATH "/api/hubs/order"
#define CLIENT_PATH "/client/hubs/order"

enum op_kind {
	OP_JOIN,
	OP_LEAVE,
	OP_SEND,
	OP_REST_JOIN,
	OP_REST_LEAVE,
	OP_REST_USER_JOIN,
	OP_REST_USER_LEAVE,
	OP_REST_SEND_GROUP,
	OP_REST_SEND_USER,
	OP_REST_SEND_CLIENT,
	OP_REST_SEND_ALL,
	OP_REST_GROUP_EXISTS,
};

struct client {
	struct link link;
	bool greeted;
	char id[128];
};

struct strand {
	unsigned index;
	uint64_t random;
	uint64_t left;      /* operations to do */
	uint32_t number;    /* of its last message */
	struct link http[WORKERS_MAX];
	bool waiting;
	uint64_t ack_id;    /* that it waits for; 0: an HTTP answer */
	int status;         /* of that */
	const char *doing;  /* the operation, for messages */
	unsigned group, client;
};

struct run {
	const char *key;
	uint64_t ops, seed;
	const char *addresses[WORKERS_MAX];
	unsigned workers;
	int epoll;
	uint64_t acks;
	struct client clients[CLIENTS];
	struct strand strands[STRANDS];
	struct world world;
};

/* An event's tag: a client, or a strand's HTTP connection. */
#define TAG_CLIENT(c) ((uint64_t)(c))
#define TAG_HTTP(s, w) (CLIENTS + (uint64_t)(s) * WORKERS_MAX + (w))

/* splitmix64 */
static uint64_t
random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static unsigned
random_below(struct strand *strand, unsigned bound)
{
	return (unsigned)(random_next(&strand->random) % bound);
}

/* --- asking ----------------------------------------------------------------- */

static void
ask_client(struct run *run, struct strand *strand, const char *type,
    const char *more)
{
	char text[512];

	strand->ack_id = ++run->acks;
	int n = snprintf(text, sizeof(text),
	    "{\"type\":\"%s\",\"group\":\"s%ug%u\",\"ackId\":%llu%s}", type,
	    strand->index, strand->group, (unsigned long long)strand->ack_id,
	    more);
	ws_send(&run->clients[strand->client].link, WS_TEXT, text, (size_t)n);
}

/* Through any worker, whichever is the one of the receivers. */
static void
ask_rest(struct run *run, struct strand *strand, int status, const char *method,
    const char *path, const char *body)
{
	struct link *link = &strand->http[random_below(strand, run->workers)];
	char token[JWT_MAX];
	char url[512];

	snprintf(url, sizeof(url), "http://%s%s", link->address, path);
	jwt_sign(token, run->key, url, "");
	strand->ack_id = 0;
	strand->status = status;
	http_send(link, method, path, token, body);
}

/* --- operations: what is asked, and what must follow from it ---------------- */

static void
set_member(struct run *run, const struct strand *strand, bool in)
{
	run->world.member[strand->index][strand->group][strand->client] = in;
}

static void
set_user_member(struct run *run, const struct strand *strand, bool in)
{
	for (unsigned c = strand->client % USERS; c < CLIENTS; c += USERS)
		run->world.member[strand->index][strand->group][c] = in;
}

static void
expect_group(struct run *run, const struct strand *strand, bool echo)
{
	for (unsigned c = 0; c < CLIENTS; c++) {
		if (run->world.member[strand->index][strand->group][c] &&
		    (echo || c != strand->client))
			world_expect(&run->world, c, strand->index,
			    strand->number);
	}
}

static void
do_send(struct run *run, struct strand *strand)
{
	bool echo = random_below(strand, 2) == 0;
	char more[128];

	snprintf(more, sizeof(more),
	    ",\"dataType\":\"text\",\"data\":\"#%u.%u#\",\"noEcho\":%s",
	    strand->index, ++strand->number, echo ? "false" : "true");
	expect_group(run, strand, echo);
	ask_client(run, strand, "sendToGroup", more);
}

static void
rest_send(struct run *run, struct strand *strand, const char *whom)
{
	char path[300];
	char body[64];

	snprintf(path, sizeof(path), "%s/%s:send", HUB_PATH, whom);
	snprintf(body, sizeof(body), "#%u.%u#", strand->index, strand->number);
	ask_rest(run, strand, 202, "POST", path, body);
}

static void
do_rest_send_group(struct run *run, struct strand *strand)
{
	char whom[64];

	strand->number++;
	expect_group(run, strand, true);
	snprintf(whom, sizeof(whom), "groups/s%ug%u/", strand->index,
	    strand->group);
	rest_send(run, strand, whom);
}

static void
do_rest_send_user(struct run *run, struct strand *strand)
{
	char whom[64];

	strand->number++;
	for (unsigned c = strand->client % USERS; c < CLIENTS; c += USERS)
		world_expect(&run->world, c, strand->index, strand->number);
	snprintf(whom, sizeof(whom), "users/u%u/", strand->client % USERS);
	rest_send(run, strand, whom);
}

static void
do_rest_send_client(struct run *run, struct strand *strand)
{
	char whom[256];

	world_expect(&run->world, strand->client, strand->index,
	    ++strand->number);
	snprintf(whom, sizeof(whom), "connections/%s/",
	    run->clients[strand->client].id);
	rest_send(run, strand, whom);
}

static void
do_rest_send_all(struct run *run, struct strand *strand)
{
	strand->number++;
	for (unsigned c = 0; c < CLIENTS; c++)
		world_expect(&run->world, c, strand->index, strand->number);
	rest_send(run, strand, "");
}

static void
rest_member(struct run *run, struct strand *strand, bool in)
{
	char path[300];

	snprintf(path, sizeof(path), HUB_PATH "/groups/s%ug%u/connections/%s",
	    strand->index, strand->group, run->clients[strand->client].id);
	set_member(run, strand, in);
	ask_rest(run, strand, in ? 200 : 204, in ? "PUT" : "DELETE", path, "");
}

static void
rest_user_member(struct run *run, struct strand *strand, bool in)
{
	char path[300];

	snprintf(path, sizeof(path), HUB_PATH "/users/u%u/groups/s%ug%u",
	    strand->client % USERS, strand->index, strand->group);
	set_user_member(run, strand, in);
	ask_rest(run, strand, in ? 200 : 204, in ? "PUT" : "DELETE", path, "");
}

static void
do_rest_group_exists(struct run *run, struct strand *strand)
{
	char path[300];
	bool exists = world_has_member(&run->world, strand->index,
	    strand->group);

	snprintf(path, sizeof(path), HUB_PATH "/groups/s%ug%u", strand->index,
	    strand->group);
	ask_rest(run, strand, exists ? 200 : 404, "HEAD", path, "");
}

static void
do_membership(struct run *run, struct strand *strand, enum op_kind kind)
{
	switch (kind) {
	case OP_JOIN:
	case OP_LEAVE:
		set_member(run, strand, kind == OP_JOIN);
		ask_client(run, strand,
		    kind == OP_JOIN ? "joinGroup" : "leaveGroup", "");
		break;
	case OP_REST_JOIN:
	case OP_REST_LEAVE:
		rest_member(run, strand, kind == OP_REST_JOIN);
		break;
	default:
		rest_user_member(run, strand, kind == OP_REST_USER_JOIN);
	}
}

static void
do_op(struct run *run, struct strand *strand, enum op_kind kind)
{
	switch (kind) {
	case OP_SEND:
		do_send(run, strand);
		break;
	case OP_REST_SEND_GROUP:
		do_rest_send_group(run, strand);
		break;
	case OP_REST_SEND_USER:
		do_rest_send_user(run, strand);
		break;
	case OP_REST_SEND_CLIENT:
		do_rest_send_client(run, strand);
		break;
	case OP_REST_SEND_ALL:
		do_rest_send_all(run, strand);
		break;
	case OP_REST_GROUP_EXISTS:
		do_rest_group_exists(run, strand);
		break;
	default:
		do_membership(run, strand, kind);
	}
}

static const struct {
	enum op_kind kind;
	unsigned weight;
	const char *name;
} mix[] = {
	{ OP_JOIN, 17, "join" },
	{ OP_LEAVE, 13, "leave" },
	{ OP_SEND, 25, "send" },
	{ OP_REST_JOIN, 5, "REST join" },
	{ OP_REST_LEAVE, 5, "REST leave" },
	{ OP_REST_USER_JOIN, 1, "REST join of a user" },
	{ OP_REST_USER_LEAVE, 3, "REST leave of a user" },
	{ OP_REST_SEND_GROUP, 16, "REST send to a group" },
	{ OP_REST_SEND_USER, 4, "REST send to a user" },
	{ OP_REST_SEND_CLIENT, 5, "REST send to a connection" },
	{ OP_REST_SEND_ALL, 2, "REST send to all" },
	{ OP_REST_GROUP_EXISTS, 4, "REST question for a group" },
};

#define MIX_TOTAL 100

static void
strand_next(struct run *run, struct strand *strand)
{
	strand->waiting = strand->left > 0;
	if (!strand->waiting)
		return;
	strand->left--;
	strand->group = random_below(strand, GROUPS);
	strand->client = random_below(strand, CLIENTS);
	unsigned dice = random_below(strand, MIX_TOTAL);
	unsigned i = 0;
	while (dice >= mix[i].weight)
		dice -= mix[i++].weight;
	strand->doing = mix[i].name;
	do_op(run, strand, mix[i].kind);
}

/* --- hearing ---------------------------------------------------------------- */

static const char *
find(const struct ws_frame *frame, const char *needle)
{
	const char *at = memmem(frame->data, frame->len, needle,
	    strlen(needle));

	return at ? at + strlen(needle) : NULL;
}

static void
on_ack(struct run *run, unsigned client, const struct ws_frame *frame)
{
	const char *id = find(frame, "\"ackId\":");
	uint64_t ack_id = id ? strtoull(id, NULL, 10) : 0;

	if (!find(frame, "\"success\":true"))
		fail("client %u: %.*s", client, (int)frame->len, frame->data);
	for (unsigned s = 0; s < STRANDS; s++) {
		struct strand *strand = &run->strands[s];
		if (strand->waiting && strand->ack_id == ack_id &&
		    strand->client == client) {
			strand_next(run, strand);
			return;
		}
	}
	fail("client %u got an ack that nobody waits for: %llu", client,
	    (unsigned long long)ack_id);
}

static void
on_message(struct run *run, unsigned client, const struct ws_frame *frame)
{
	const char *data = find(frame, "\"data\":\"#");
	unsigned strand = 0;
	unsigned number = 0;

	if (data == NULL || sscanf(data, "%u.%u#", &strand, &number) != 2 ||
	    strand >= STRANDS)
		fail("client %u got a strange message: %.*s", client,
		    (int)frame->len, frame->data);
	world_delivered(&run->world, client, strand, number);
}

static void
on_greeting(struct client *client, const struct ws_frame *frame)
{
	const char *id = find(frame, "\"connectionId\":\"");
	const char *end = id == NULL ? NULL :
	    memchr(id, '"', frame->len - (size_t)(id - frame->data));

	if (end == NULL || (size_t)(end - id) >= sizeof(client->id))
		fail("not a greeting: %.*s", (int)frame->len, frame->data);
	memcpy(client->id, id, (size_t)(end - id));
	client->greeted = true;
}

static void
on_frame(struct run *run, unsigned index, const struct ws_frame *frame)
{
	struct client *client = &run->clients[index];

	if (frame->opcode == WS_PING)
		ws_send(&client->link, WS_PONG, frame->data, frame->len);
	else if (frame->opcode != WS_TEXT)
		fail("client %u got a frame of opcode %d: %.*s", index,
		    frame->opcode, (int)frame->len, frame->data);
	else if (find(frame, "{\"type\":\"message\""))
		on_message(run, index, frame);
	else if (find(frame, "{\"type\":\"ack\""))
		on_ack(run, index, frame);
	else
		on_greeting(client, frame);
}

static void
on_client(struct run *run, unsigned index)
{
	struct link *link = &run->clients[index].link;
	struct ws_frame frame;

	while (ws_next(link, &frame)) {
		on_frame(run, index, &frame);
		link_take(link, frame.size);
	}
}

static void
on_http(struct run *run, struct strand *strand, struct link *link)
{
	int status = http_next(link);

	if (status == 0)
		return;
	if (!strand->waiting || strand->ack_id != 0)
		fail("strand %u got an answer that it does not wait for",
		    strand->index);
	if (status != strand->status)
		fail("strand %u, %s, group %u, client %u: status %d, "
		     "expected %d", strand->index, strand->doing,
		    strand->group, strand->client, status, strand->status);
	strand_next(run, strand);
}

static void
on_event(struct run *run, const struct epoll_event *event)
{
	uint64_t tag = event->data.u64;
	struct strand *strand = NULL;
	struct link *link;

	if (tag < CLIENTS) {
		link = &run->clients[tag].link;
	} else {
		strand = &run->strands[(tag - CLIENTS) / WORKERS_MAX];
		link = &strand->http[(tag - CLIENTS) % WORKERS_MAX];
	}
	if (event->events & EPOLLOUT)
		link_flush(link);
	if ((event->events & ~(uint32_t)EPOLLOUT) == 0)
		return;
	link_read(link);
	if (strand)
		on_http(run, strand, link);
	else
		on_client(run, (unsigned)tag);
}

/* --- the run ---------------------------------------------------------------- */

static bool
all_greeted(const struct run *run)
{
	for (unsigned c = 0; c < CLIENTS; c++) {
		if (!run->clients[c].greeted)
			return false;
	}
	return true;
}

static bool
all_done(const struct run *run)
{
	for (unsigned s = 0; s < STRANDS; s++) {
		if (run->strands[s].waiting)
			return false;
	}
	return run->world.outstanding == 0;
}

static void
print_waiting(const struct run *run)
{
	for (unsigned s = 0; s < STRANDS; s++) {
		const struct strand *strand = &run->strands[s];
		if (strand->waiting)
			fprintf(stderr, "order: strand %u waits: %s, group %u, "
			    "client %u\n", s, strand->doing, strand->group,
			    strand->client);
	}
	world_print_missing(&run->world);
}

static void
run_until(struct run *run, bool (*is_true)(const struct run *run))
{
	struct epoll_event events[64];

	while (!is_true(run)) {
		int n = epoll_wait(run->epoll, events, 64, PATIENCE_MS);
		if (n == 0) {
			print_waiting(run);
			fail("nothing happened for %d ms", PATIENCE_MS);
		}
		if (n < 0 && errno != EINTR)
			fail("epoll_wait: %s", strerror(errno));
		for (int i = 0; i < n; i++)
			on_event(run, &events[i]);
	}
}

static void
open_client(struct run *run, unsigned index)
{
	struct link *link = &run->clients[index].link;
	const char *address = run->addresses[index % run->workers];
	char token[JWT_MAX];
	char claims[256];
	char url[256];

	snprintf(url, sizeof(url), "http://%s" CLIENT_PATH, address);
	snprintf(claims, sizeof(claims), ",\"sub\":\"u%u\",\"role\":"
	    "[\"webpubsub.joinLeaveGroup\",\"webpubsub.sendToGroup\"]",
	    index % USERS);
	jwt_sign(token, run->key, url, claims);
	link_open(link, address, run->epoll, TAG_CLIENT(index));
	link_upgrade(link, CLIENT_PATH, token);
	on_client(run, index);
}

static void
open_strand(struct run *run, unsigned index)
{
	struct strand *strand = &run->strands[index];

	strand->index = index;
	strand->random = run->seed * STRANDS + index;
	strand->left = run->ops / STRANDS;
	for (unsigned w = 0; w < run->workers; w++)
		link_open(&strand->http[w], run->addresses[w], run->epoll,
		    TAG_HTTP(index, w));
}

static void
run_open(struct run *run)
{
	run->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned c = 0; c < CLIENTS; c++)
		open_client(run, c);
	run_until(run, all_greeted);
	for (unsigned s = 0; s < STRANDS; s++)
		open_strand(run, s);
}

/* A last message to all: what came too much would come before it. */
static void
run_fence(struct run *run)
{
	struct strand *strand = &run->strands[0];

	strand->waiting = true;
	strand->doing = "last send to all";
	do_rest_send_all(run, strand);
	run_until(run, all_done);
}

static void
run_close(struct run *run)
{
	for (unsigned c = 0; c < CLIENTS; c++)
		link_close(&run->clients[c].link);
	for (unsigned s = 0; s < STRANDS; s++) {
		for (unsigned w = 0; w < run->workers; w++)
			link_close(&run->strands[s].http[w]);
	}
	world_free(&run->world);
	close(run->epoll);
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool
parse_arguments(struct run *run, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		uint64_t *number = NULL;

		if (strcmp(argv[i], "--ops") == 0)
			number = &run->ops;
		else if (strcmp(argv[i], "--seed") == 0)
			number = &run->seed;
		if (number && ++i < argc)
			*number = strtoull(argv[i], NULL, 10);
		else if (number || run->workers == WORKERS_MAX)
			return false;
		else
			run->addresses[run->workers++] = argv[i];
	}
	run->key = getenv("WPS_KEY");
	return run->key && run->workers > 0;
}

int
main(int argc, char **argv)
{
	static struct run run = { .ops = 20000 };

	run.seed = (uint64_t)time(NULL);
	if (!parse_arguments(&run, argc, argv)) {
		fprintf(stderr, "usage: WPS_KEY=KEY order [--ops N] [--seed N] "
		    "HOST:PORT ...\n");
		return 2;
	}
	fail_seed(run.seed);
	run_open(&run);
	double start = seconds();
	for (unsigned s = 0; s < STRANDS; s++)
		strand_next(&run, &run.strands[s]);
	run_until(&run, all_done);
	run_fence(&run);
	printf("order: %llu operations, %llu deliveries, %u workers, "
	    "seed %llu, %.1f s\n", (unsigned long long)run.ops,
	    (unsigned long long)run.world.delivered, run.workers,
	    (unsigned long long)run.seed, seconds() - start);
	run_close(&run);
	return 0;
}
