/* SPDX-License-Identifier: MIT */
/*
 * A connection of the driver: a socket, what was read and not yet taken, what is
 * yet to be written. It carries WebSocket messages or HTTP requests, in the
 * smallest form that the test needs. What breaks it ends the program.
 */
#ifndef ORDER_LINK_H
#define ORDER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
	char *data; /* owned */
	size_t len, cap;
};

struct link {
	int fd;
	int epoll;
	uint64_t tag; /* comes with its events */
	bool waits_to_write;
	char address[64]; /* HOST:PORT */
	struct buffer in, out;
};

enum ws_opcode {
	WS_TEXT = 1,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

struct ws_frame {
	enum ws_opcode opcode;
	const char *data; /* borrowed until the next call on the link */
	size_t len;
	size_t size; /* with its header: to be given to link_take */
};

/* Connects, waiting for it, and watches the socket. */
void link_open(struct link *link, const char *address, int epoll, uint64_t tag);
void link_close(struct link *link);

/* Upgrades, waiting for it; the answer must be 101. */
void link_upgrade(struct link *link, const char *path, const char *token);

/* Reads what there is, writes what waits. */
void link_read(struct link *link);
void link_flush(struct link *link);
void link_take(struct link *link, size_t len);

void ws_send(struct link *link, enum ws_opcode opcode, const char *data,
    size_t len);
bool ws_next(const struct link *link, struct ws_frame *frame);

void http_send(struct link *link, const char *method, const char *path,
    const char *token, const char *body);

/* The status of the next whole answer, which is taken; 0: not yet. */
int http_next(struct link *link);

/* Prints why, with the seed, and ends the program. */
_Noreturn void fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void fail_seed(uint64_t seed);

#endif
