/* SPDX-License-Identifier: MIT */
/*
 * Requests in JSON: what is accepted keeps every rule of names, payloads and
 * metadata, and its message is written in exactly the measured room, as JSON.
 */
#include "fuzz.h"

#include "plugins/webpubsub/any.h"
#include "plugins/webpubsub/json_codec.h"
#include "plugins/webpubsub/metadata.h"

#include "lib/jscan.h"
#include "lib/names.h"
#include "lib/utf8.h"

static void
check_metadata(const struct request *request)
{
	size_t total = 0;

	for (size_t i = 0; i < request->metadata_count; i++) {
		const struct wps_pair *pair = &request->metadata[i];
		PROMISE(pair->key.len >= 1 && pair->key.len <= METADATA_KEY_MAX);
		PROMISE(pair->value.len <= METADATA_VALUE_MAX);
		total += pair->key.len + pair->value.len;
		for (size_t k = 0; k < i; k++)
			PROMISE(!wps_span_eq(pair->key, request->metadata[k].key));
	}
	PROMISE(total <= METADATA_TOTAL_MAX);
}

static void
check_payload(const struct request *request)
{
	struct jscan_value value;

	switch (request->type) {
	case WPS_DATA_JSON:
		PROMISE(jscan_text(request->payload, &value) == WPS_OK);
		PROMISE(value.kind != JSCAN_NULL);
		PROMISE(wps_span_eq(value.raw, request->payload));
		return;
	case WPS_DATA_TEXT:
		PROMISE(utf8_valid(request->payload));
		return;
	case WPS_DATA_BINARY:
		return;
	case WPS_DATA_PROTOBUF:
		PROMISE(any_valid(request->payload));
		return;
	}
	PROMISE(false);
}

static void
check_written(const struct request *request, enum wps_from from)
{
	struct wps_msg_view view = {
		.type = request->type, .from = from, .group = request->name,
		.payload = request->payload, .metadata = request->metadata,
		.metadata_count = request->metadata_count,
	};
	struct reply reply = { .kind = REPLY_MESSAGE, .msg = &view };
	struct out measured = { .at = NULL };

	json_codec.write(&measured, &reply);
	char *room = malloc(measured.size);
	PROMISE(room);
	struct out written = { .at = room };
	json_codec.write(&written, &reply);
	PROMISE(written.at == room + measured.size);
	PROMISE(jscan_valid((struct wps_span){ room, measured.size }));
	PROMISE(utf8_valid((struct wps_span){ room, measured.size }));
	free(room);
}

static void
check_content(const struct request *request)
{
	PROMISE(request->ttl_s <= 300);
	check_payload(request);
	check_metadata(request);
	check_written(request, WPS_FROM_GROUP);
	check_written(request, WPS_FROM_SERVER);
}

static void
check_invocation(const struct request *request)
{
	PROMISE(!request->has_ack);
	PROMISE(request->invocation.len > 0 &&
	    request->invocation.len <= INVOCATION_ID_MAX);
}

static void
check_request(const struct request *request)
{
	switch (request->kind) {
	case REQUEST_JOIN:
	case REQUEST_LEAVE:
		PROMISE(name_group_valid(request->name));
		return;
	case REQUEST_SEND:
		PROMISE(name_group_valid(request->name));
		check_content(request);
		return;
	case REQUEST_EVENT:
		PROMISE(name_event_valid(request->name));
		check_content(request);
		return;
	case REQUEST_INVOKE:
		check_invocation(request);
		if (request->bad_target)
			return;
		PROMISE(name_event_valid(request->name));
		check_content(request);
		return;
	case REQUEST_CANCEL:
		check_invocation(request);
		return;
	case REQUEST_PING:
	case REQUEST_SEQUENCE_ACK:
	case REQUEST_INVOKE_RESPONSE:
		PROMISE(!request->has_ack);
		return;
	}
	PROMISE(false);
}

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
		check_request(&request);
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
