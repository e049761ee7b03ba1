/* SPDX-License-Identifier: MIT */
#include "breaker.h"

uint64_t
breaker_ask(struct breaker *breaker, uint64_t now_ms, bool *probe_out)
{
	*probe_out = false;
	if (!breaker->open)
		return 0;
	if (now_ms < breaker->until_ms)
		return breaker->until_ms - now_ms;
	if (breaker->probing)
		return BREAKER_PAUSE_MS;
	*probe_out = breaker->probing = true;
	return 0;
}

static void
open_for(struct breaker *breaker, uint64_t pause_ms, uint64_t now_ms)
{
	breaker->open = true;
	breaker->pause_ms = pause_ms < BREAKER_PAUSE_MAX_MS ?
	    pause_ms : BREAKER_PAUSE_MAX_MS;
	breaker->until_ms = now_ms + breaker->pause_ms;
}

bool
breaker_report(struct breaker *breaker, const struct breaker_result *result)
{
	bool was_open = breaker->open;
	bool probed = breaker->probing;

	if (result->answered) {
		*breaker = (struct breaker){ .answered_ms = result->now_ms };
		return was_open;
	}
	if (breaker->answered_ms > result->sent_ms)
		return false;
	breaker->failures++;
	if (!was_open && breaker->failures >= result->limit) {
		open_for(breaker, BREAKER_PAUSE_MS, result->now_ms);
		return true;
	}
	/* What was on its way when it opened is no news. */
	if (was_open && probed && result->now_ms >= breaker->until_ms) {
		breaker->probing = false;
		open_for(breaker, 2 * breaker->pause_ms, result->now_ms);
	}
	return false;
}

void
breaker_give_back(struct breaker *breaker)
{
	breaker->probing = false;
}
