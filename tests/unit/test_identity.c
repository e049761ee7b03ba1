/* SPDX-License-Identifier: MIT */
/*
 * Who a caller is where no auth plugin is loaded, and the token of a request.
 */
#include "hub/identity.h"

#include "hub/server.h"
#include "support/check.h"
#include "util/attr.h"

static struct {
	struct wps_auth_reply reply;
	int result;
	bool identified;
} at;

static void
on_answer(struct wps_auth_reply *reply, int result,
    const struct wps_identity *identity)
{
	CU_ASSERT_PTR_EQUAL(reply, &at.reply);
	at.result = result;
	at.identified = identity != NULL;
}

static void
test_only_clients_of_an_open_hub_need_no_token(void)
{
	static const struct {
		const char *what;
		enum wps_caller caller;
		bool anonymous;
		struct wps_span token;
		int result;
	} cases[] = {
		{ "open hub", WPS_CALLER_CLIENT, true, { NULL, 0 }, WPS_OK },
		{ "other hub", WPS_CALLER_CLIENT, false, { NULL, 0 },
		  WPS_DECLINED },
		{ "token", WPS_CALLER_CLIENT, true, { "t", 1 }, WPS_DECLINED },
		{ "empty token", WPS_CALLER_CLIENT, true, { "", 0 },
		  WPS_DECLINED },
		{ "server", WPS_CALLER_SERVER, true, { NULL, 0 },
		  WPS_DECLINED },
	};
	static struct server server;
	struct worker worker = { .server = &server };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		at.reply = (struct wps_auth_reply){ .done = on_answer };
		identity_ask(&worker, &(struct wps_auth_request){
		    .caller = cases[i].caller,
		    .anonymous = cases[i].anonymous,
		    .token = cases[i].token,
		}, &at.reply);
		check_number(cases[i].what, at.result, cases[i].result);
		check_number(cases[i].what, at.identified,
		    cases[i].result == WPS_OK);
	}
}

static void
test_the_token_of_a_request_is_that_of_its_bearer(void)
{
	static const struct {
		const char *value;
		struct wps_span token;
	} cases[] = {
		{ "Bearer abc", { "abc", 3 } },
		{ "bearer abc", { "abc", 3 } },
		{ "Bearer   abc", { "abc", 3 } },
		{ "Bearer a b", { "a b", 3 } },
		{ "Bearer ", { NULL, 0 } },
		{ "Bearer", { NULL, 0 } },
		{ "Bearerabc", { NULL, 0 } },
		{ "Basic abcdef", { NULL, 0 } },
		{ "", { NULL, 0 } },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct wps_header header = {
			WPS_SPAN("authorization"), wps_span_str(cases[i].value),
		};
		struct wps_span token = identity_bearer(&(struct http_request){
		    .headers = &header, .header_count = 1 });
		CU_ASSERT(wps_span_eq(token, cases[i].token));
		check_number(cases[i].value, token.data == NULL,
		    cases[i].token.data == NULL);
	}
	CU_ASSERT_PTR_NULL(identity_bearer(&(struct http_request){ 0 }).data);
}

static const struct named_test tests[] = {
	TEST(test_only_clients_of_an_open_hub_need_no_token),
	TEST(test_the_token_of_a_request_is_that_of_its_bearer),
};

int
main(void)
{
	return RUN_TESTS("identity", tests);
}
