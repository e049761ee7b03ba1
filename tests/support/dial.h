/* SPDX-License-Identifier: MIT */
/*
 * A client's connection to a server that runs in the program of the test.
 */
#ifndef SUPPORT_DIAL_H
#define SUPPORT_DIAL_H

#include "support/check.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>

#define DIAL_DEADLINE_S 20 /* of each read */

/* To an address of the form "127.0.0.1:port". */
static inline int
dial(const char *address)
{
	const struct timeval deadline = { .tv_sec = DIAL_DEADLINE_S };
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)strtoul(strrchr(address, ':') + 1,
		    NULL, 10)),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CU_ASSERT_FATAL(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
	CU_ASSERT_FATAL(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	return fd;
}

#endif
