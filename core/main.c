/* SPDX-License-Identifier: MIT */
/*
 * wps: arguments and signals.
 */
#include "conf.h"
#include "server.h"
#include "util/log.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef SYSCONFDIR
#error "SYSCONFDIR is not defined: the build defines it"
#endif

#define EXIT_USAGE 2

static const char usage[] =
    "Usage: wps [-t [--upstreams]] [-c FILE]\n"
    "  -c, --config FILE  the configuration (" SYSCONFDIR "/wps.conf)\n"
    "  -t, --test         check the configuration and say what is wrong\n"
    "      --upstreams    with -t: also try what it names outside of the server\n"
    "  -h, --help         this text\n"
    "  -V, --version      the version\n";

struct arguments {
	const char *config;
	bool test, upstreams;
};

/* Below 0: go on; else the exit code. */
static int
parse(int argc, char **argv, struct arguments *out)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "upstreams", no_argument, NULL, 'u' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:thV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			out->config = optarg;
			break;
		case 't':
			out->test = true;
			break;
		case 'u':
			out->upstreams = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		case 'V':
			puts("wps " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (out->upstreams && !out->test) {
		fprintf(stderr, "wps: --upstreams needs -t\n%s", usage);
		return EXIT_USAGE;
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "wps: unexpected argument \"%s\"\n%s", argv[optind],
	    usage);
	return EXIT_USAGE;
}

static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_warn("core", "cannot raise the limit of descriptors");
}

/* A crash must not write keys and payloads to a disk. */
static void
forbid_core_dumps(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
}

static int
wait_for_signal(const sigset_t *set)
{
	int signal = 0;

	while (sigwait(set, &signal) != 0)
		continue;
	return signal;
}

static bool
is_ignored(int signal)
{
	struct sigaction action;

	return sigaction(signal, NULL, &action) == 0 &&
	    action.sa_handler == SIG_IGN;
}

static int
run(struct server *server)
{
	struct wps_err err = { "" };
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (!is_ignored(SIGHUP)) /* as nohup wants it */
		sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	raise_descriptor_limit();
	if (server_start(server, &err) != WPS_OK) {
		fprintf(stderr, "wps: %s\n", err.text);
		return EXIT_FAILURE;
	}
	(void)wait_for_signal(&set);
	/* A second signal ends it at once. */
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	server_stop(server);
	return EXIT_SUCCESS;
}

static void
say_line(void *data, const char *line)
{
	(void)data;
	puts(line);
}

static int
test(struct server *server, const struct arguments *arguments)
{
	struct wps_err err = { "" };

	if (server_init(server, &err) != WPS_OK) {
		fprintf(stderr, "wps: %s\n", err.text);
		return EXIT_FAILURE;
	}
	if (arguments->upstreams &&
	    server_probe(server, say_line, NULL) != WPS_OK)
		return EXIT_FAILURE;
	printf("%s: ok\n", arguments->config);
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	struct arguments arguments = { .config = SYSCONFDIR "/wps.conf" };
	struct conf_report report = { 0 };
	int code = parse(argc, argv, &arguments);

	if (code >= 0)
		return code;
	/* The configuration holds keys. */
	forbid_core_dumps();
	struct server *server = server_load(arguments.config, &report);
	if (report.text)
		fputs(report.text, stderr);
	conf_report_fini(&report);
	if (server == NULL)
		return EXIT_FAILURE;
	code = arguments.test ? test(server, &arguments) : run(server);
	server_free(&server);
	return code;
}
