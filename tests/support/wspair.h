/* SPDX-License-Identifier: MIT */
/*
 * A WebSocket of a worker on one end of a socket pair, and its client on the
 * other. Both sides write down as text what happens to them. What is written is
 * there at once, so a few turns of the loop, run in the thread of the test,
 * settle everything.
 */
#ifndef SUPPORT_WSPAIR_H
#define SUPPORT_WSPAIR_H

#include "net/ws.h"

#include <stdbool.h>

#define PAIR_TEXT 4096
#define PAIR_BYTES (256 * 1024)

struct pair {
	struct worker *worker;
	struct ws_limits limits;
	struct ws *ws;       /* NULL once it has ended */
	bool hold_each;      /* hold at every message */
	bool tire_each;      /* the turn has no more deliveries left then */
	bool close_failed;   /* close with the code of a violation */
	int fd;              /* the client's end */
	char events[PAIR_TEXT];
	size_t events_len;
	char got[PAIR_BYTES]; /* read by the client, not shown yet */
	size_t got_len;
};

extern struct pair pair;

void pair_open(void);
void pair_close(void);

/* One turn of the loop. */
void pair_turn_once(void);

/* Settles everything that can happen without time. */
void pair_turn(void);

/* The client writes. */
void pair_write(struct wps_span bytes);
void pair_send(unsigned first, const char *payload);
void pair_send_texts(const char *letters); /* one for each */
void pair_send_close(uint16_t code);

/* The server pushes a text. */
int pair_push(const char *text);

/*
 * Takes turns, then checks what came since the last check: "text(a) pong()
 * close(1000 reason) eof" at the client; "text(a) fail(1002) ended(1006 peer)"
 * at the owner.
 */
void pair_check_client(const char *what, const char *expected);
void pair_check_owner(const char *what, const char *expected);

#endif
