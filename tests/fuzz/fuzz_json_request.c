/* SPDX-License-Identifier: MIT */
/*
 * Requests in JSON: what is accepted keeps the rules of request_rules.h.
 */
#include "fuzz.h"
#include "request_rules.h"

#include "plugins/webpubsub/json_codec.h"

#include "lib/utf8.h"

bool
fuzz_accepts(struct wps_span input)
{
	struct scratch scratch = { .bytes = NULL };
	struct request request;

	if (!utf8_valid(input))
		return false; /* the server closes before anyone reads it */
	int rc = json_codec.parse(&scratch, input, &request);
	PROMISE(rc == WPS_OK || rc == WPS_EPROTO);
	if (rc == WPS_OK)
		request_rules_check(&request);
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
