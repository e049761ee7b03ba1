/* SPDX-License-Identifier: MIT */
/*
 * Listeners: which addresses they take, who gets the clients, and what they leave
 * behind. All ports are free ones, all paths in a folder of the test.
 */
#include "net/listener.h"

#include "net/http.h"
#include "support/check.h"
#include "util/attr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WORKERS 2
#define CLIENTS 64
#define TURNS 6

static const struct loop_limits loop_limits = { .mailbox_bytes = 1 << 20 };
static const struct http_service service = {
	.limits = { .line = 256, .head = 4096, .headers = 16, .body = 64 },
	.out = { .bytes = 64 * 1024, .items = 16 },
	.request_ms = 1000,
	.idle_ms = 1000,
};

static struct worker *workers[WORKERS];
static struct wps_err err;
static char folder[] = "listener-XXXXXX";
static char path[64]; /* of a socket in the folder */
static int clients[CLIENTS];
static unsigned client_count;

static void
begin(void)
{
	for (unsigned i = 0; i < WORKERS; i++)
		workers[i] = worker_new(i, workers, WORKERS, &loop_limits);
	client_count = 0;
	err.text[0] = '\0';
	unlink(path);
}

static void
turn(void)
{
	for (unsigned i = 0; i < TURNS * WORKERS; i++)
		ev_run(workers[i % WORKERS]->loop, EVRUN_NOWAIT);
}

static void
end(void)
{
	while (client_count > 0)
		close(clients[--client_count]);
	turn();
	for (unsigned i = 0; i < WORKERS; i++) {
		http_abandon_all(workers[i]);
		http_pool_fini(workers[i]);
	}
	turn();
	for (unsigned i = 0; i < WORKERS; i++)
		worker_free(&workers[i]);
}

static struct listener *
open_on(const char *address, int worker)
{
	struct listener_spec spec = {
		.address = wps_span_str(address),
		.worker = worker,
		.backlog = CLIENTS,
	};

	return listener_open(&spec, workers, WORKERS, &service, &err);
}

static struct listener *
serve(const char *address, int worker)
{
	struct listener *listener = open_on(address, worker);

	check_text("error", err.text, "");
	CU_ASSERT_FATAL(listener != NULL);
	for (unsigned i = 0; i < WORKERS; i++)
		listener_start(listener, workers[i]);
	return listener;
}

static void
leave(struct listener **listener)
{
	for (unsigned i = 0; *listener && i < WORKERS; i++)
		listener_stop(*listener, workers[i]);
	listener_free(listener);
	CU_ASSERT_PTR_NULL(*listener);
}

static const char *
unix_address(void)
{
	static char address[sizeof(path) + 8];

	snprintf(address, sizeof(address), "unix:%s", path);
	return address;
}

/* --- clients -------------------------------------------------------------- */

struct target {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
	socklen_t len;
};

static in_port_t
port_of(const char *address)
{
	const char *colon = strrchr(address, ':');

	CU_ASSERT_FATAL(colon != NULL);
	return htons((in_port_t)strtoul(colon + 1, NULL, 10));
}

static struct target
target_of(const char *address)
{
	struct target target;

	memset(&target, 0, sizeof(target));
	if (strncmp(address, "unix:", 5) == 0) {
		target.un.sun_family = AF_UNIX;
		snprintf(target.un.sun_path, sizeof(target.un.sun_path), "%s",
		    address + 5);
		target.len = sizeof(target.un);
	} else if (address[0] == '[') {
		target.in6.sin6_family = AF_INET6;
		target.in6.sin6_addr = in6addr_loopback;
		target.in6.sin6_port = port_of(address);
		target.len = sizeof(target.in6);
	} else {
		target.in.sin_family = AF_INET;
		target.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		target.in.sin_port = port_of(address);
		target.len = sizeof(target.in);
	}
	return target;
}

/* 0, or why not. */
static int
client_connect(const char *address)
{
	struct target target = target_of(address);
	int fd = socket(target.any.sa_family, SOCK_STREAM, 0);

	CU_ASSERT_FATAL(fd >= 0 && client_count < CLIENTS);
	clients[client_count++] = fd;
	return connect(fd, &target.any, target.len) == 0 ? 0 : errno;
}

static unsigned
served_by(unsigned worker)
{
	unsigned count = 0;

	for (const struct list *link = workers[worker]->https.next;
	    link != &workers[worker]->https; link = link->next)
		count++;
	return count;
}

static void
connect_many(const struct listener *listener, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		check_number("connected",
		    client_connect(listener_address(listener)), 0);
	turn();
}

/* A socket of somebody else. */
static int
stranger(struct target *target)
{
	int fd = socket(target->any.sa_family, SOCK_STREAM, 0);

	CU_ASSERT_FATAL(fd >= 0 &&
	    bind(fd, &target->any, target->len) == 0 && listen(fd, 1) == 0);
	getsockname(fd, &target->any, &target->len);
	return fd;
}

/* --- addresses ------------------------------------------------------------ */

static void
test_addresses_that_are_none_are_refused(void)
{
	static const char *const addresses[] = {
		"", ":", ":80", "80", "127.0.0.1", "127.0.0.1:",
		"127.0.0.1:65536", "127.0.0.1:99999999999999999999",
		"127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 1", "127.0.0.1:1 ",
		"127.0.0.1:1x", "127.0.0.1:0x1", "127.0.0.1::1", "256.0.0.1:1",
		"1.2.3:1", "localhost:1", "::1:1", "[::1]", "[::1]1", "[::1:1",
		"::1]:1", "[]:1", "[127.0.0.1]:1", "[::1]:", "[::1]:65536",
		"[[::1]]:1", "unix:", "UNIX:/tmp/x", "tcp:127.0.0.1:1",
	};

	begin();
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		char expected[128];
		snprintf(expected, sizeof(expected), "\"%s\" is not "
		    "IP:PORT, [IP]:PORT or unix:PATH", addresses[i]);
		CU_ASSERT_PTR_NULL(open_on(addresses[i],
		    LISTENER_ALL_WORKERS));
		check_text("error", err.text, expected);
	}
	end();
}

static void
test_a_path_that_is_too_long_is_refused(void)
{
	char address[300];

	begin();
	memset(address, 'p', sizeof(address));
	memcpy(address, "unix:", 5);
	for (size_t len = 5 + 108; len < sizeof(address); len += 93) {
		address[len] = '\0';
		CU_ASSERT_PTR_NULL(open_on(address, LISTENER_ALL_WORKERS));
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "is not IP:PORT"));
		address[len] = 'p';
	}
	end();
}

static void
test_an_address_tells_the_port_that_was_bound(void)
{
	begin();
	struct listener *listener = serve("127.0.0.1:0", LISTENER_ALL_WORKERS);
	check_number("host", strncmp(listener_address(listener), "127.0.0.1:",
	    10), 0);
	check_number("port", port_of(listener_address(listener)) != 0, true);
	leave(&listener);
	listener_free(&listener);
	end();
}

static void
test_an_ip6_address_stands_in_brackets(void)
{
	struct listener *listener;

	begin();
	/* A machine may have none. */
	listener = open_on("[::1]:0", LISTENER_ALL_WORKERS);
	if (listener) {
		check_number("host", strncmp(listener_address(listener),
		    "[::1]:", 6), 0);
		listener_start(listener, workers[0]);
		check_number("connected",
		    client_connect(listener_address(listener)), 0);
	} else {
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cannot listen on"));
	}
	leave(&listener);
	end();
}

/* --- who gets the clients ------------------------------------------------- */

static void
test_all_workers_share_a_free_port(void)
{
	begin();
	struct listener *listener = serve("127.0.0.1:0", LISTENER_ALL_WORKERS);
	connect_many(listener, CLIENTS);
	check_number("all", served_by(0) + served_by(1), CLIENTS);
	check_number("first", served_by(0) > 0, true);
	check_number("second", served_by(1) > 0, true);
	leave(&listener);
	end();
}

static void
test_a_pinned_listener_has_one_worker(void)
{
	begin();
	struct listener *listener = serve("127.0.0.1:0", 1);
	connect_many(listener, 8);
	check_number("first", served_by(0), 0);
	check_number("second", served_by(1), 8);
	leave(&listener);
	end();
}

static void
test_clients_of_a_unix_socket_are_dealt_out(void)
{
	begin();
	struct listener *listener = serve(unix_address(), LISTENER_ALL_WORKERS);
	connect_many(listener, 8);
	check_number("first", served_by(0), 4);
	check_number("second", served_by(1), 4);
	leave(&listener);
	end();
}

static void
test_a_pinned_unix_socket_has_one_worker(void)
{
	begin();
	struct listener *listener = serve(unix_address(), 1);
	connect_many(listener, 4);
	check_number("first", served_by(0), 0);
	check_number("second", served_by(1), 4);
	leave(&listener);
	end();
}

static void
test_a_stopped_listener_takes_nobody(void)
{
	char address[64];

	begin();
	struct listener *listener = serve("127.0.0.1:0", LISTENER_ALL_WORKERS);
	snprintf(address, sizeof(address), "%s", listener_address(listener));
	connect_many(listener, 1);
	for (unsigned i = 0; i < WORKERS; i++) {
		listener_stop(listener, workers[i]);
		listener_stop(listener, workers[i]);
	}
	check_number("refused", client_connect(address), ECONNREFUSED);
	check_number("those before stay", served_by(0) + served_by(1), 1);
	leave(&listener);
	end();
}

/* --- busy addresses ------------------------------------------------------- */

static void
test_a_busy_port_is_told_with_its_address(void)
{
	struct target target = target_of("127.0.0.1:0");
	char address[64], expected[128];
	int fd = stranger(&target);

	begin();
	snprintf(address, sizeof(address), "127.0.0.1:%u",
	    ntohs(target.in.sin_port));
	snprintf(expected, sizeof(expected), "cannot listen on \"%s\": "
	    "Address already in use", address);
	CU_ASSERT_PTR_NULL(open_on(address, LISTENER_ALL_WORKERS));
	check_text("error", err.text, expected);
	close(fd);
	end();
}

/* --- files of Unix sockets ------------------------------------------------ */

static bool
file_exists(void)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void
test_the_file_of_a_unix_socket_goes_with_it(void)
{
	begin();
	struct listener *listener = serve(unix_address(), LISTENER_ALL_WORKERS);
	check_text("address", listener_address(listener), unix_address());
	check_number("there", file_exists(), true);
	leave(&listener);
	check_number("gone", file_exists(), false);
	end();
}

static void
test_a_file_left_by_a_crash_is_replaced(void)
{
	begin();
	struct target target = target_of(unix_address());
	close(stranger(&target));
	check_number("left", file_exists(), true);
	struct listener *listener = serve(unix_address(), LISTENER_ALL_WORKERS);
	connect_many(listener, 1);
	leave(&listener);
	end();
}

static void
test_the_file_of_a_living_server_stays(void)
{
	begin();
	struct target target = target_of(unix_address());
	int fd = stranger(&target);
	CU_ASSERT_PTR_NULL(open_on(unix_address(), LISTENER_ALL_WORKERS));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "Address already in use"));
	check_number("there", file_exists(), true);
	check_number("reached", client_connect(unix_address()), 0);
	close(fd);
	end();
}

/* One that accepts nobody any more, and whose line is full. */
static void
test_a_server_that_hangs_is_not_waited_for(void)
{
	int rc = 0;

	begin();
	struct target target = target_of(unix_address());
	int fd = stranger(&target);
	while (rc == 0 && client_count < CLIENTS) {
		clients[client_count] = socket(AF_UNIX,
		    SOCK_STREAM | SOCK_NONBLOCK, 0);
		rc = connect(clients[client_count++], &target.any, target.len);
	}
	check_number("full", rc, -1);
	alarm(10);
	CU_ASSERT_PTR_NULL(open_on(unix_address(), LISTENER_ALL_WORKERS));
	alarm(0);
	check_number("there", file_exists(), true);
	close(fd);
	end();
}

static void
test_a_file_that_is_no_socket_stays(void)
{
	begin();
	FILE *file = fopen(path, "w");
	CU_ASSERT_FATAL(file != NULL);
	fclose(file);
	CU_ASSERT_PTR_NULL(open_on(unix_address(), LISTENER_ALL_WORKERS));
	check_number("there", file_exists(), true);
	end();
}

/* Workers share a port with each other, not with another server. */
static void
test_a_port_of_another_server_is_busy(void)
{
	char expected[128];

	begin();
	struct listener *listener = serve("127.0.0.1:0", LISTENER_ALL_WORKERS);
	const char *address = listener_address(listener);
	snprintf(expected, sizeof(expected), "cannot listen on \"%s\": "
	    "Address already in use", address);
	CU_ASSERT_PTR_NULL(open_on(address, LISTENER_ALL_WORKERS));
	check_text("error", err.text, expected);
	connect_many(listener, CLIENTS);
	check_number("all", served_by(0) + served_by(1), CLIENTS);
	leave(&listener);
	end();
}

static const struct named_test tests[] = {
	TEST(test_addresses_that_are_none_are_refused),
	TEST(test_a_path_that_is_too_long_is_refused),
	TEST(test_an_address_tells_the_port_that_was_bound),
	TEST(test_an_ip6_address_stands_in_brackets),
	TEST(test_all_workers_share_a_free_port),
	TEST(test_a_pinned_listener_has_one_worker),
	TEST(test_clients_of_a_unix_socket_are_dealt_out),
	TEST(test_a_pinned_unix_socket_has_one_worker),
	TEST(test_a_stopped_listener_takes_nobody),
	TEST(test_a_busy_port_is_told_with_its_address),
	TEST(test_the_file_of_a_unix_socket_goes_with_it),
	TEST(test_a_file_left_by_a_crash_is_replaced),
	TEST(test_the_file_of_a_living_server_stays),
	TEST(test_a_server_that_hangs_is_not_waited_for),
	TEST(test_a_file_that_is_no_socket_stays),
	TEST(test_a_port_of_another_server_is_busy),
};

int
main(void)
{
	if (mkdtemp(folder) == NULL)
		return EXIT_FAILURE;
	snprintf(path, sizeof(path), "%s/socket", folder);
	int rc = RUN_TESTS("listener", tests);
	unlink(path);
	rmdir(folder);
	return rc;
}
