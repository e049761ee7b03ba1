/* SPDX-License-Identifier: MIT */
/*
 * The ack ids of a connection's processed requests: the newest ones, first in
 * first out (client-protocols.md, section 8.2).
 *
 * A NULL memory is empty and costs nothing; it grows with what it holds.
 */
#ifndef WEBPUBSUB_ACKMEM_H
#define WEBPUBSUB_ACKMEM_H

#include <stdbool.h>
#include <stdint.h>

#define ACKMEM_MAX 30000 /* the largest capacity that ackmem_add takes */

struct ackmem;

/* Accepts NULL: nothing was remembered. */
bool ackmem_has(const struct ackmem *memory, uint64_t id);

/*
 * Remembers an id that is not there yet, forgetting the oldest of `capacity`
 * ids. Without memory to grow it forgets earlier: a repeated request is then
 * processed again, which is what happens to any old id.
 */
void ackmem_add(struct ackmem **memory, uint64_t id, uint32_t capacity);

/* How many there are, and the i-th from the oldest; NULL has none. */
uint32_t ackmem_count(const struct ackmem *memory);
uint64_t ackmem_at(const struct ackmem *memory, uint32_t i);

void ackmem_free(struct ackmem **memory);

#endif
