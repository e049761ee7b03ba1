/* SPDX-License-Identifier: MIT */
/*
 * Requests in protobuf: what is accepted keeps the rules of request_rules.h, and
 * its texts lie inside of the message.
 */
#include "fuzz.h"
#include "request_rules.h"

#include "plugins/webpubsub/protobuf_codec.h"

static bool
is_inside(struct wps_span whole, struct wps_span part)
{
	return part.len == 0 || (part.data >= whole.data &&
	    part.data + part.len <= whole.data + whole.len);
}

bool
fuzz_accepts(struct wps_span input)
{
	struct scratch scratch = { .bytes = NULL };
	struct request request;
	int rc = protobuf_codec.parse(&scratch, input, &request);

	PROMISE(rc == WPS_OK || rc == WPS_EPROTO);
	if (rc == WPS_OK) {
		PROMISE(is_inside(input, request.name));
		PROMISE(is_inside(input, request.payload));
		PROMISE(is_inside(input, request.invocation));
		request_rules_check(&request);
	}
	scratch_end(&scratch);
	scratch_fini(&scratch);
	return rc == WPS_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)fuzz_accepts((struct wps_span){ (const char *)data, size });
	return 0;
}
