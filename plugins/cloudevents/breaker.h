/* SPDX-License-Identifier: MIT */
/*
 * A circuit breaker: an origin that has not answered so many times in a row is
 * left alone for a while, so that nobody waits for it in vain.
 *
 * A request without an answer counts only when nobody else has got one since it
 * was sent: an origin that is slow in one place serves the others.
 *
 * After a pause one event may try it again. Its answer closes the breaker,
 * whatever the status says: whoever answers is not down. Without one the pause
 * doubles. Each worker has breakers of its own: it believes what it has seen.
 */
#ifndef CLOUDEVENTS_BREAKER_H
#define CLOUDEVENTS_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_PAUSE_MS 1000
#define BREAKER_PAUSE_MAX_MS 30000

struct breaker {
	unsigned failures; /* in a row */
	bool open;
	bool probing;      /* somebody tries it */
	uint64_t answered_ms; /* when the last answer came */
	uint64_t pause_ms;
	uint64_t until_ms; /* open: nobody tries before */
};

/*
 * May an event go out now? 0: yes; else so many milliseconds may pass before it
 * makes sense to ask again. *probe_out says that the caller is the one that
 * tries: it reports, or gives the probe back.
 */
uint64_t breaker_ask(struct breaker *breaker, uint64_t now_ms, bool *probe_out);

/* What came of a request; true when this opens or closes the breaker. */
struct breaker_result {
	bool answered;
	uint64_t sent_ms, now_ms;
	unsigned limit; /* of failures in a row */
};
bool breaker_report(struct breaker *breaker,
    const struct breaker_result *result);

/* The one that tries has ended without a result. */
void breaker_give_back(struct breaker *breaker);

#endif
