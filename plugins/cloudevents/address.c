/* SPDX-License-Identifier: MIT */
#include "address.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

static bool
v4_is_link_local(const uint8_t *bytes)
{
	static const uint8_t metadata[][4] = {
		{ 100, 100, 100, 200 }, /* Alibaba */
		{ 168, 63, 129, 16 },   /* Azure */
		{ 192, 0, 0, 192 },     /* Oracle */
	};

	for (size_t i = 0; i < sizeof(metadata) / sizeof(metadata[0]); i++) {
		if (memcmp(bytes, metadata[i], 4) == 0)
			return true;
	}
	return bytes[0] == 169 && bytes[1] == 254;
}

/* Where an IPv4 address stands in this one; NULL: nowhere. */
static const uint8_t *
wrapped_v4(const uint8_t *bytes)
{
	static const struct {
		uint8_t prefix[12];
		size_t len, at;
	} forms[] = {
		{ { [10] = 0xff, [11] = 0xff }, 12, 12 },   /* mapped */
		{ { 0 }, 12, 12 },                          /* compatible */
		{ { [8] = 0xff, [9] = 0xff }, 12, 12 },     /* translated */
		{ { 0x00, 0x64, 0xff, 0x9b }, 12, 12 },     /* NAT64 */
		{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 6, 12 }, /* local NAT64 */
		{ { 0x20, 0x02 }, 2, 2 },                   /* 6to4 */
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (memcmp(bytes, forms[i].prefix, forms[i].len) == 0)
			return bytes + forms[i].at;
	}
	return NULL;
}

static bool
v6_is_link_local(const struct in6_addr *address)
{
	static const uint8_t metadata[][16] = {
		{ 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 }, /* Amazon */
		{ 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54 }, /* Google */
	};
	const uint8_t *v4 = wrapped_v4(address->s6_addr);

	for (size_t i = 0; i < sizeof(metadata) / sizeof(metadata[0]); i++) {
		if (memcmp(address->s6_addr, metadata[i], 16) == 0)
			return true;
	}
	return IN6_IS_ADDR_LINKLOCAL(address) || (v4 && v4_is_link_local(v4));
}

bool
address_is_link_local(const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	switch (address->sa_family) {
	case AF_INET:
		memcpy(&v4, address, sizeof(v4));
		return v4_is_link_local((const uint8_t *)&v4.sin_addr);
	case AF_INET6:
		memcpy(&v6, address, sizeof(v6));
		return v6_is_link_local(&v6.sin6_addr);
	default:
		return false;
	}
}
