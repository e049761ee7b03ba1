/* SPDX-License-Identifier: MIT */
/*
 * Names and addresses: which ones are refused, and when.
 */
#include "plugins/cloudevents_scene.h"

#include "plugins/cloudevents/address.h"
#include "plugins/cloudevents/handlers.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

/* A name that is not resolved before a test says so; libcurl asks for it on a
 * thread of its own. */
static struct {
	sem_t asked, go_on, returned;
	_Atomic bool has_returned;
} silence;

static int
resolve_silent(void)
{
	struct timespec until;

	sem_post(&silence.asked);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10; /* so that a test that fails ends */
	sem_timedwait(&silence.go_on, &until);
	silence.has_returned = true;
	sem_post(&silence.returned);
	return EAI_AGAIN;
}

/* What "surroundings.test" is. */
static const char *_Atomic surroundings;

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
    struct addrinfo **out)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **);
	struct addrinfo any = { .ai_family = AF_UNSPEC };

	if (name && strcmp(name, "silent.test") == 0)
		return resolve_silent();
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (name == NULL || strcmp(name, "surroundings.test") != 0)
		return real(name, service, hints, out);
	/* Also where this machine has no IPv6. */
	any.ai_socktype = hints->ai_socktype;
	return real(surroundings, service, &any, out);
}

static void
test_a_name_that_is_not_resolved_holds_nobody_up(void)
{
	struct wps_reply reply = { .count = 0 };

	sem_init(&silence.asked, 0, 0);
	sem_init(&silence.go_on, 0, 0);
	sem_init(&silence.returned, 0, 0);
	start((struct setup){ .url = "http://silent.test/" });
	deliver(user_event("message", "x"), &reply);
	fakehost_loop_run(&fake->loop, 10);
	sem_wait(&silence.asked);
	fake->upstream.cancel(fake->worker, &reply);
	check_number("waits for the resolver", silence.has_returned, false);
	check_number("answers", reply.count, 0);
	stop();
	sem_post(&silence.go_on);
	sem_wait(&silence.returned);
}

/* No socket is made while they are refused, and none in any case that would send
 * something from this machine. */
static struct {
	bool on;
	unsigned asked;
} no_sockets;

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);

int
__wrap_socket(int family, int type, int protocol)
{
	if (!no_sockets.on)
		return __real_socket(family, type, protocol);
	no_sockets.asked++;
	errno = ENETUNREACH;
	return -1;
}

static void
test_link_local_addresses_are_refused(void)
{
	struct wps_reply reply;

	start((struct setup){ .url = "http://169.254.169.254/latest", .retry = RETRY_ALL });
	uint64_t before = fake->loop.now_ms;
	check_text("answer", ask(user_event("message", "x"), &reply), "failed");
	check_number("took", (long)(fake->loop.now_ms - before), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, "allow_link_local"));
	stop();
}

/* A name tells nothing: what counts is what it is resolved to, for all requests. */
static void
test_names_of_link_local_addresses_are_refused(void)
{
	static const char *const addresses[] = { "169.254.169.254", "fe80::1",
		"::ffff:169.254.169.254", "fd00:ec2::254" };
	static const struct { bool validation, oauth; const char *kind; } rows[] = {
		{ false, false, "address" }, { true, false, "handshake_status" },
		{ false, true, "token" },
	};

	for (size_t i = 0; i < COUNT(addresses) * COUNT(rows); i++) {
		const char *kind = rows[i % COUNT(rows)].kind;
		struct wps_reply reply;
		surroundings = addresses[i / COUNT(rows)];
		start((struct setup){ .url = "http://surroundings.test/",
		    .token_url = "http://surroundings.test/token",
		    .validation = rows[i % COUNT(rows)].validation,
		    .oauth = rows[i % COUNT(rows)].oauth });
		no_sockets.on = true;
		no_sockets.asked = 0;
		check_text(surroundings, ask(user_event("message", "x"), &reply),
		    "failed");
		no_sockets.on = false;
		check_number("sockets", no_sockets.asked, 0);
		check_number(kind, counted("failures", kind), 1);
		stop();
	}
}

static void
test_link_local_addresses_are_an_option(void)
{
	static const bool rows[] = { false, true };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wps_reply reply;
		start((struct setup){ .url = "http://169.254.169.254/latest",
		    .allow_link_local = rows[i] });
		no_sockets.on = true;
		no_sockets.asked = 0;
		check_text("answer", ask(user_event("message", "x"), &reply),
		    "failed");
		no_sockets.on = false;
		check_number("a socket is made", no_sockets.asked > 0, rows[i]);
		stop();
	}
}

static void
test_addresses_of_the_surroundings_are_known(void)
{
	static const struct { const char *address; bool refused; } cases[] = {
		{ "169.254.169.254", true }, { "169.254.0.1", true }, { "169.253.0.1", false },
		{ "127.0.0.1", false }, { "10.0.0.1", false }, { "192.168.1.1", false },
		{ "100.100.100.200", true }, { "100.100.100.201", false },
		{ "168.63.129.16", true }, { "192.0.0.192", true },
		{ "::1", false }, { "2001:db8::1", false }, { "fd00::1", false },
		{ "fe80::1", true }, { "fd00:ec2::254", true }, { "fd20:ce::254", true },
		{ "::ffff:169.254.169.254", true }, { "::ffff:127.0.0.1", false },
		{ "::169.254.169.254", true }, { "64:ff9b::169.254.169.254", true },
		{ "64:ff9b::1.2.3.4", false }, { "64:ff9b:1::169.254.169.254", true },
		{ "64:ff9b:1:2::169.254.169.254", true }, { "64:ff9b:1::1.2.3.4", false },
		{ "::ffff:0:169.254.169.254", true }, { "::ffff:0:1.2.3.4", false },
		{ "64:ff9b:2::169.254.169.254", false }, { "2002:a9fe:a9fe::1", true },
		{ "2002:102:304::1", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sockaddr_in v4 = { .sin_family = AF_INET };
		struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
		bool is_v4 = inet_pton(AF_INET, cases[i].address, &v4.sin_addr) == 1;
		CU_ASSERT(is_v4 || inet_pton(AF_INET6, cases[i].address, &v6.sin6_addr) == 1);
		check_number(cases[i].address, address_is_link_local(is_v4 ?
		    (struct sockaddr *)&v4 : (struct sockaddr *)&v6), cases[i].refused);
	}
}

CU_TestInfo cloudevents_addresses_tests[] = {
	TEST(test_a_name_that_is_not_resolved_holds_nobody_up),
	TEST(test_link_local_addresses_are_refused),
	TEST(test_names_of_link_local_addresses_are_refused),
	TEST(test_link_local_addresses_are_an_option),
	TEST(test_addresses_of_the_surroundings_are_known),
	CU_TEST_INFO_NULL,
};
