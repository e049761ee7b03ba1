/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "net/loop.h"

#ifndef PLUGINDIR
#error "PLUGINDIR is not defined: the build defines it"
#endif

#define MINUTE 60000
#define HOUR (60 * MINUTE)
#define MIB (1 << 20)

static const char *const log_levels[] = {
	"error", "warning", "info", "debug", NULL,
};

/* In the order of enum tls_version. */
static const char *const tls_versions[] = { "1.2", "1.3", NULL };

static const struct wps_option listen_members[] = {
	{ .name = "address", .type = WPS_OPT_STRING, .min = 1, .max = 120,
	  .required = true,
	  .help = "IP:PORT, [IP]:PORT or unix:PATH; port 0 is any free one." },
	{ .name = "worker", .type = WPS_OPT_INT, .fallback = "-1",
	  .min = -1, .max = WORKERS_MAX - 1,
	  .help = "The one worker that serves it; -1: all of them." },
	{ .name = "backlog", .type = WPS_OPT_INT, .fallback = "1024",
	  .min = 1, .max = 65535,
	  .help = "Connections that the kernel keeps until they are accepted." },
	{ .name = "certificate", .type = WPS_OPT_STRING, .min = 1, .max = 2048,
	  .help = "The file of the certificate and its chain, in PEM; with it "
		  "the listener speaks TLS." },
	{ .name = "key", .type = WPS_OPT_SECRET, .min = 1, .max = 64 * 1024,
	  .help = "The certificate's key in PEM, as a rule file:PATH." },
	{ .name = "tls_min", .type = WPS_OPT_ENUM, .fallback = "1.2",
	  .choices = tls_versions, .help = "The oldest version of TLS." },
	WPS_OPTION_END,
};

const struct wps_option core_options[] = {
	{ .name = "plugins", .type = WPS_OPT_STRINGS, .max = 32,
	  .help = "What is loaded, in this order." },
	{ .name = "plugin_dir", .type = WPS_OPT_STRING, .fallback = PLUGINDIR,
	  .min = 1, .max = 2048, .help = "The folder of the plugins." },
	{ .name = "workers", .type = WPS_OPT_INT, .fallback = "0",
	  .min = 0, .max = WORKERS_MAX,
	  .help = "Threads that serve clients; 0: one for each processor." },
	{ .name = "log_level", .type = WPS_OPT_ENUM, .fallback = "info",
	  .choices = log_levels, .help = "What is logged: this and above." },
	{ .name = "listen", .type = WPS_OPT_MAPS, .max = 256,
	  .members = listen_members, .help = "Addresses that are served." },
	{ .name = "public_endpoints", .type = WPS_OPT_STRINGS, .max = 64,
	  .help = "URLs under which clients and applications know the server." },
	{ .name = "base_path", .type = WPS_OPT_STRING, .max = 256,
	  .help = "In front of all paths that are served, as in /push; a slash "
		  "first, none at the end." },
	{ .name = "max_hubs", .type = WPS_OPT_INT, .fallback = "10000",
	  .min = 1, .max = 1000000, .help = "Hubs in use at most." },
	{ .name = "max_mailbox", .type = WPS_OPT_SIZE, .fallback = "64MiB",
	  .min = 64 * 1024, .max = INT64_C(1) << 40,
	  .help = "Commands that wait for a worker; above it those sockets "
		  "that feed it are not read." },
	{ .name = "max_request_line", .type = WPS_OPT_SIZE, .fallback = "16KiB",
	  .min = 256, .max = MIB, .help = "Longest request line of HTTP." },
	{ .name = "max_headers", .type = WPS_OPT_SIZE, .fallback = "32KiB",
	  .min = 256, .max = MIB, .help = "All header lines of a request." },
	{ .name = "max_header_lines", .type = WPS_OPT_INT, .fallback = "100",
	  .min = 1, .max = 10000, .help = "Header lines of a request." },
	{ .name = "max_body", .type = WPS_OPT_SIZE, .fallback = "1MiB",
	  .min = 0, .max = INT64_C(1) << 30,
	  .help = "Longest body of a request." },
	{ .name = "request_timeout", .type = WPS_OPT_DURATION,
	  .fallback = "30s", .min = 100, .max = HOUR,
	  .help = "From the first to the last byte of a request." },
	{ .name = "idle_timeout", .type = WPS_OPT_DURATION, .fallback = "75s",
	  .min = 100, .max = HOUR, .help = "Between two requests." },
	{ .name = "linger_timeout", .type = WPS_OPT_DURATION, .fallback = "5s",
	  .min = 50, .max = MINUTE,
	  .help = "For the rest of a request that was refused." },
	{ .name = "max_linger", .type = WPS_OPT_SIZE, .fallback = "16MiB",
	  .min = 0, .max = INT64_C(1) << 30,
	  .help = "Bytes that are read of a request that was refused." },
	{ .name = "stop_delay", .type = WPS_OPT_DURATION, .fallback = "0s",
	  .min = 0, .max = HOUR,
	  .help = "How long a stopping server goes on before it closes its "
		  "clients, while its health check fails." },
	{ .name = "stop_timeout", .type = WPS_OPT_DURATION, .fallback = "5s",
	  .min = 0, .max = HOUR,
	  .help = "How long a stopping server waits for its clients." },
	WPS_OPTION_END,
};

const struct wps_option core_hub_options[] = {
	{ .name = "anonymous", .type = WPS_OPT_BOOL, .fallback = "false",
	  .help = "Whether clients may come without a token." },
	{ .name = "default_subprotocol", .type = WPS_OPT_STRING, .max = 128,
	  .help = "What serves clients that agreed on no subprotocol." },
	{ .name = "max_message", .type = WPS_OPT_SIZE, .fallback = "1MiB",
	  .min = 1, .max = INT64_C(1) << 30,
	  .help = "Longest message of a client; a longer one closes it (1009)." },
	{ .name = "max_queue_bytes", .type = WPS_OPT_SIZE, .fallback = "16MiB",
	  .min = 1024, .max = INT64_C(1) << 40,
	  .help = "What waits to be sent to a client; more closes it (1008)." },
	{ .name = "max_queue_messages", .type = WPS_OPT_INT,
	  .fallback = "1000", .min = 1, .max = 10000000,
	  .help = "The same in messages." },
	{ .name = "max_unacked_messages", .type = WPS_OPT_INT,
	  .fallback = "1000", .min = 1, .max = 1000000,
	  .help = "Messages that a reliable client has not acknowledged; more "
		  "closes it (1008)." },
	{ .name = "max_unacked_bytes", .type = WPS_OPT_SIZE,
	  .fallback = "16MiB", .min = 1024, .max = INT64_C(1) << 40,
	  .help = "The same in bytes." },
	{ .name = "recovery_window", .type = WPS_OPT_DURATION,
	  .fallback = "30s", .min = 1000, .max = 24 * HOUR,
	  .help = "How long a reliable connection waits for its client." },
	{ .name = "max_waiting_messages", .type = WPS_OPT_INT,
	  .fallback = "16", .min = 1, .max = 100000,
	  .help = "Messages that are read while an event is answered." },
	{ .name = "max_waiting_bytes", .type = WPS_OPT_SIZE,
	  .fallback = "1MiB", .min = 1, .max = INT64_C(1) << 30,
	  .help = "The same in bytes." },
	{ .name = "max_groups_per_connection", .type = WPS_OPT_INT,
	  .fallback = "0", .min = 0, .max = INT32_MAX,
	  .help = "Groups that a connection may be in; 0: any number." },
	{ .name = "max_permission_rules", .type = WPS_OPT_INT,
	  .fallback = "1000", .min = 0, .max = 1000000,
	  .help = "Rules for single groups, per connection and permission." },
	{ .name = "ping_interval", .type = WPS_OPT_DURATION,
	  .fallback = "20s", .min = 1000, .max = 2 * MINUTE,
	  .help = "Between pings; a client without a sign of life for three "
		  "of them is cut." },
	{ .name = "close_timeout", .type = WPS_OPT_DURATION, .fallback = "5s",
	  .min = 50, .max = HOUR,
	  .help = "How long a client may take to answer a close." },
	WPS_OPTION_END,
};
