/* SPDX-License-Identifier: MIT */
/*
 * Sets of small numbers, a bit each in a word.
 */
#ifndef UTIL_BITS_H
#define UTIL_BITS_H

#include <stdint.h>

/* Takes the lowest number out of a set that is not empty. */
static inline unsigned
bits_take(uint64_t *set)
{
	unsigned lowest = (unsigned)__builtin_ctzll(*set);

	*set &= *set - 1;
	return lowest;
}

#endif
