/* SPDX-License-Identifier: MIT */
/*
 * A WebSocket under random words, closes and losses of its client, and an owner
 * that holds, pushes, closes and changes transports. Texts are numbered: the owner
 * gets them in order, none twice, none while it holds, none behind the end; the
 * end comes once. Of a client that ends by itself nothing is missing.
 */
#include "net/ws.h"

#include "net/stream.h"
#include "net/wsinput.h"
#include "support/check.h"
#include "support/clock.h"
#include "support/wsframe.h"
#include "util/attr.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 4000
#define STEPS 60
#define TURNS 12
#define TRANSPORTS (STEPS + 1)
#define PAYLOAD_MAX 2000
#define BYTES_MAX 4096

enum end {
	END_NONE,
	END_CLOSED, /* it has said close */
	END_GONE,   /* its direction, or all of the socket, has ended */
};

static struct {
	struct worker *worker;
	struct ws_limits limits;
	struct ws *ws; /* NULL once it has ended */
	uint64_t seed;

	/* The client, on its newest transport. */
	int fd; /* -1: closed */
	int old[TRANSPORTS];
	unsigned old_count;
	char bytes[BYTES_MAX]; /* of what it is saying */
	size_t len, at;
	unsigned saying; /* the number of a text in there, 0: none */
	uint16_t closing;  /* the code of a close in there */
	enum end end;
	uint16_t code;
	unsigned said;
	unsigned first[TRANSPORTS]; /* of each transport that may have a gap before */
	unsigned first_count;

	/* The owner. */
	bool holds, free_of_hold;
	bool ours; /* it ended the connection: texts may be missing, */
	unsigned due; /* but for these */
	unsigned heard, ended, faults;
	struct ws_end last;
} life;

static unsigned
below(unsigned n)
{
	life.seed = life.seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(life.seed >> 33) % n;
}

static void
fault(const char *what)
{
	if (life.faults++ == 0)
		fprintf(stderr, "\n%s: heard=%u said=%u end=%d code=%u "
		    "last=%u ours=%d\n", what, life.heard, life.said, life.end,
		    life.code, life.last.code, life.ours);
}

/* --- the owner ------------------------------------------------------------ */

static bool
begins_a_transport(unsigned number)
{
	for (unsigned i = 0; i < life.first_count; i++)
		if (life.first[i] == number)
			return true;
	return false;
}

/* The owner ends it. */
static void
give_up(void)
{
	life.ours = true;
	life.due = 0;
}

static void
on_message(void *owner, enum wps_frame frame, struct wps_span data)
{
	char text[16] = "";

	(void)owner;
	(void)frame;
	memcpy(text, data.data, data.len < 15 ? data.len : 15);
	unsigned number = (unsigned)strtoul(text, NULL, 10);
	if (number <= life.heard ||
	    (number != life.heard + 1 && !begins_a_transport(number)))
		fault("out of order");
	if (life.holds || life.ended > 0)
		fault("not wanted");
	life.heard = number;
	if (!life.free_of_hold && below(2))
		ws_hold(life.ws, life.holds = true);
	if (below(2))
		life.worker->pushed = WORKER_TURN_PUSHES;
}

static void
on_violated(void *owner, uint16_t code, const char *reason)
{
	(void)owner;
	give_up();
	ws_close(life.ws, code, wps_span_str(reason));
}

static void
on_ended(void *owner, const struct ws_end *end)
{
	(void)owner;
	life.ended++;
	life.last = *end;
	ws_free(&life.ws);
}

static const struct ws_ops ops = {
	.message = on_message,
	.violated = on_violated,
	.ended = on_ended,
};

static void
release(void)
{
	life.holds = false;
	if (life.ws)
		ws_hold(life.ws, false);
}

static void
push(size_t len)
{
	struct body *body = body_new(FRAME_TEXT, len);

	CU_ASSERT_FATAL(body != NULL);
	memset(body_data(body), 'x', len);
	body_seal(body);
	if (ws_push(life.ws, body, 0) != WPS_OK) {
		give_up();
		ws_drop_unsent(life.ws);
		ws_close(life.ws, 1008, WPS_SPAN("slow"));
	}
	body_unref(body);
}

static void
turn(unsigned turns)
{
	for (unsigned i = 0; i < turns; i++)
		ev_run(life.worker->loop, EVRUN_NOWAIT);
}

static void
congest(bool on)
{
	struct list *link;

	life.worker->congested = on;
	while (!on && (link = list_take(&life.worker->resting))) {
		struct rester *rester = container_of(link, struct rester, link);
		rester->wake(rester);
	}
}

/* --- the client ------------------------------------------------------------- */

/* The last byte of a frame makes it said. */
static void
finished(void)
{
	if (life.saying)
		life.said = life.saying;
	if (life.closing && life.end == END_NONE) {
		life.end = END_CLOSED;
		life.code = life.closing;
	}
	life.saying = life.closing = 0;
	life.len = life.at = 0;
}

static void
write_some(size_t most)
{
	size_t len = life.len - life.at < most ? life.len - life.at : most;

	if (len == 0 || life.fd < 0 || life.end == END_GONE)
		return;
	ssize_t n = send(life.fd, life.bytes + life.at, len,
	    MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0)
		life.at += (size_t)n;
	if (life.at == life.len)
		finished();
}

static char *
put_text(char *dst)
{
	char payload[PAYLOAD_MAX];
	size_t len = below(8) ? 10 + below(40) : PAYLOAD_MAX;

	memset(payload, ' ', len);
	int digits = snprintf(payload, sizeof(payload), "%u",
	    life.said + 1);
	payload[digits] = ' ';
	if (below(4) > 0)
		return frame_put(dst, FRAME_FIN | FRAME_TEXT,
		    (struct wps_span){ payload, len });
	dst = frame_put(dst, FRAME_TEXT, (struct wps_span){ payload, 5 });
	dst = frame_put(dst, FRAME_FIN | FRAME_PING, WPS_SPAN("p"));
	return frame_put(dst, FRAME_FIN,
	    (struct wps_span){ payload + 5, len - 5 });
}

/* Begins to say something, unless it says something. */
static void
say(unsigned what)
{
	if (life.len > 0 || life.end != END_NONE)
		return;
	char *end = life.bytes;
	if (what > 2) {
		life.saying = life.said + 1;
		end = put_text(end);
	} else if (what > 0) {
		end = frame_put(end, FRAME_FIN | FRAME_PING, WPS_SPAN("x"));
	} else {
		life.closing = (uint16_t)(3000 + below(1000));
		char code[2] = { (char)(life.closing >> 8), (char)life.closing };
		end = frame_put(end, FRAME_FIN | FRAME_CLOSE,
		    (struct wps_span){ code, 2 });
	}
	life.len = (size_t)(end - life.bytes);
	life.at = 0;
	write_some(below(3) ? life.len : below((unsigned)life.len));
}

static void
read_all(int fd)
{
	char bytes[16 * 1024];

	while (fd >= 0 && recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		continue;
}

static void
go_away(void)
{
	if (life.fd < 0)
		return;
	if (below(2)) {
		shutdown(life.fd, SHUT_WR);
	} else {
		close(life.fd);
		life.fd = -1;
	}
	life.end = life.end == END_NONE ? END_GONE : life.end;
	if (life.end == END_GONE)
		life.code = life.code ? life.code : WS_ABNORMAL;
	life.len = life.at = 0;
	life.saying = life.closing = 0;
}

/* --- transports -------------------------------------------------------------- */

static struct ws *
connect_client(void)
{
	static const struct sender_ops no_ops = { .flushed = NULL };
	struct sender first;
	int fds[2];

	CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds) == 0);
	life.fd = fds[0];
	life.end = END_NONE;
	life.code = 0;
	life.len = life.at = 0;
	life.saying = life.closing = 0;
	struct stream *stream = stream_new(life.worker, fds[1], NULL);
	sender_init(&first, stream, &life.limits.out, &no_ops);
	struct ws *ws = ws_new(stream, &first, &ops, &life.limits, NULL);
	sender_fini(&first);
	return ws;
}

static void
feed_early(void)
{
	char bytes[8 * BYTES_MAX];
	char *end = bytes;

	for (unsigned i = below(7); i > 0; i--) {
		end = put_text(end);
		life.said++;
	}
	ws_feed_early(life.ws, (struct wps_span){ bytes, (size_t)(end - bytes) });
}

/* As conn_recover does it. What the old one has not read or taken apart is lost. */
static void
change_transport(void)
{
	struct ws *old = life.ws;

	if (life.ours || life.end == END_CLOSED)
		return;
	bool settled = below(2);
	if (settled)
		turn(TURNS);
	if (life.ws == NULL)
		return;
	if (!settled || !(ws_listens(old) || old->peer_code))
		life.first[life.first_count++] = life.said + 1;
	if (life.fd >= 0)
		life.old[life.old_count++] = life.fd;
	life.ws = connect_client();
	ws_inherit(life.ws, old);
	ws_disown(&old);
	ws_hold(life.ws, life.holds);
	if (below(2))
		feed_early();
}

/* The owner believes it lost: what was read is still given. */
static void
lose(void)
{
	int unread = 0;

	/* In the midst of what a full turn has left, perhaps. */
	turn(below(2));
	if (life.ws == NULL)
		return;
	ioctl(life.ws->stream->io.fd, FIONREAD, &unread);
	if (!life.ours && unread == 0 && life.first_count == 0)
		life.due = life.said;
	life.ours = true;
	ws_lost(life.ws);
}

/* --- rounds ---------------------------------------------------------------- */

static void
step(void)
{
	switch (below(32)) {
	case 0:
		give_up();
		ws_close(life.ws, 1001, WPS_SPAN("bye"));
		break;
	case 1:
		if (below(4) == 0) {
			give_up();
			ws_cut(life.ws);
		}
		break;
	case 2:
		if (below(2))
			lose();
		break;
	case 3:
		go_away();
		break;
	case 4:
		change_transport();
		break;
	case 5:
	case 6:
		push(below(4) ? below(100) : 100000);
		break;
	case 7:
		ws_ping(life.ws);
		break;
	case 8:
	case 9:
		read_all(life.fd);
		break;
	case 10:
		congest(below(2));
		break;
	case 11:
	case 12:
	case 13:
		release();
		break;
	case 14:
		if (!life.holds)
			ws_hold(life.ws, life.holds = true);
		break;
	case 15:
	case 16:
	case 17:
		turn(1);
		break;
	case 18:
		turn(TURNS);
		break;
	case 19:
		write_some(BYTES_MAX);
		break;
	case 20:
		say(0);
		break;
	default:
		say(1 + below(10));
		break;
	}
}

/* When nothing happens the loop has nothing to do, whatever the state. */
static void
check_rest(void)
{
	turn(4 * TURNS);
	if (life.worker->served > 0)
		fault("the loop does not rest");
}

static void
finish(void)
{
	life.free_of_hold = true;
	congest(false);
	for (unsigned i = 0; i < 100 && life.ws; i++) {
		write_some(BYTES_MAX);
		if (life.len == 0 && life.end == END_NONE && i > 10)
			go_away();
		release();
		turn(TURNS);
		read_all(life.fd);
	}
	if (life.ws && life.ours)
		clock_pass(life.worker, life.limits.close_wait_ms + WHEEL_TICK_MS);
	turn(TURNS);
}

static void
judge(void)
{
	if (life.ended != 1)
		fault("does not end once");
	if (life.heard < life.due)
		fault("texts that were read are missing");
	if (life.ours)
		return;
	if (life.heard != life.said && !begins_a_transport(life.said + 1))
		fault("texts are missing");
	if (life.last.code != life.code || !life.last.by_peer)
		fault("ends otherwise");
}

static void
play(uint64_t seed)
{
	static const struct loop_limits limits = { .mailbox_bytes = 1 << 20 };
	static struct worker *peers[1];

	memset(&life, 0, sizeof(life));
	life.seed = seed;
	life.limits = (struct ws_limits){
		.message = PAYLOAD_MAX,
		.ping_ms = 20000,
		.close_wait_ms = 5000,
		.held_items = 3,
		.held_bytes = 4000,
		.out = { .bytes = 300000, .items = 100 },
	};
	life.worker = peers[0] = worker_new(0, peers, 1, &limits);
	life.ws = connect_client();
	for (unsigned i = 0; i < STEPS && life.ws; i++)
		step();
	check_rest();
	finish();
	judge();
	ws_cut_all(life.worker);
	turn(TURNS);
	ws_free(&life.ws);
	read_all(life.fd);
	if (life.fd >= 0)
		close(life.fd);
	while (life.old_count > 0)
		close(life.old[--life.old_count]);
	wsinput_pool_fini(life.worker);
	worker_free(&life.worker);
}

static void
test_random_lives_end_once_and_miss_nothing(void)
{
	const char *given = getenv("WPS_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : 1;
	unsigned rounds = given ? 1 : ROUNDS;

	for (unsigned i = 0; i < rounds; i++) {
		play(seed + i);
		if (life.faults > 0) {
			fprintf(stderr, "WPS_SEED=%llu\n",
			    (unsigned long long)(seed + i));
			break;
		}
	}
	check_number("faults", life.faults, 0);
}

static const struct named_test tests[] = {
	TEST(test_random_lives_end_once_and_miss_nothing),
};

int
main(void)
{
	return RUN_TESTS("ws random", tests);
}
