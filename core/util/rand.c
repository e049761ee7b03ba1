/* SPDX-License-Identifier: MIT */
#include "util/rand.h"

#include "util/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void
rand_bytes(void *dst, size_t len)
{
	char *p = dst;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			log_err("core", "getrandom");
			abort();
		}
		p += n;
		len -= (size_t)n;
	}
}
