/* SPDX-License-Identifier: MIT */
/*
 * Records byte by byte: what is taken, what is refused and with which words, and
 * that nothing of a refused one is left.
 */
#include "record/still.h"

#include "hub/conn.h"
#include "lib/pack.h"
#include "support/check.h"
#include "util/attr.h"

#define ID "AAAAAAAAAAAAAAAAAAAAAAAA" /* of worker 0 */
#define RELIABLE "json.reliable.webpubsub.azure.v1"
#define PLAIN "json.webpubsub.azure.v1"
#define BYTES(literal) { literal, sizeof(literal) - 1 }
#define HUB "max_groups_per_connection: 3, max_permission_rules: 2, "           \
	"max_unacked_messages: 2, max_unacked_bytes: 1KiB, recovery_window: 30s"

#define SESSION "\1\0"

/* What a record is made of; absent spans are sections that are left out. */
struct draft {
	const char *hub, *id, *user, *sub, *spelled;
	uint64_t age_ms, announced, window_ms;
	struct wps_span permissions, groups, replay, subprotocol, slots, states;
	unsigned major, minor;
	struct wps_span more; /* behind the sections that are known */
};

static const struct draft small = {
	.hub = "chat", .id = ID, .user = "", .sub = RELIABLE,
	.spelled = RELIABLE, .window_ms = 1000, .major = RECORD_MAJOR,
	.replay = BYTES("\0"), .subprotocol = BYTES(SESSION),
};

#define COOKIE "#HttpOnly_a.example\tFALSE\t/\tFALSE\t0\tname\tvalue"

static const struct draft full = {
	.hub = "chat", .id = ID, .user = "ann", .sub = RELIABLE,
	.spelled = "JSON.reliable.webpubsub.azure.v1", .age_ms = 300,
	.announced = 1, .window_ms = 1000, .major = RECORD_MAJOR,
	.permissions = BYTES("\1\2\5team*" "\1\3\4deck" "\1\4\5team7" "\2\1\0"
	    "\2\4\1x"),
	.groups = BYTES("\1a" "\1b" "\3b\xc3\xb6"),
	.replay = BYTES("\x09" "\3\1\0\1\0\1\2{}" "\5\1\x90\x03\0\3\"\xc3\xb6"),
	.subprotocol = BYTES("\1" "\2\7\xac\2" "\1s\4deck\1\1\xc8\1\xc7\1\5\0"
	    "\1t\4deck\2\0\xc8\1\x90\x03\1\2"),
	.slots = BYTES("\13cloudevents" "\67" "\1\4\5state" "\56" COOKIE),
	.states = BYTES("\x90\x4e" "\1a\3\5\2\1k\1v\1l\0" "\1b\1"),
};

/* --- making them ------------------------------------------------------------------ */

static void
put_number(struct wps_record *to, uint64_t value)
{
	char number[PACK_NUMBER_MAX];

	record_put(to, (struct wps_span){ number, pack_number(number, value) });
}

static void
put_bytes(struct wps_record *to, struct wps_span bytes)
{
	put_number(to, bytes.len);
	record_put(to, bytes);
}

static void
put_section(struct wps_record *to, enum record_tag tag, struct wps_span bytes)
{
	if (bytes.data == NULL)
		return;
	put_number(to, tag);
	put_bytes(to, bytes);
}

static struct wps_span
span_of(const struct wps_record *record)
{
	return (struct wps_span){ record->data, record->len };
}

static void
put_identity(struct wps_record *to, const struct draft *draft)
{
	struct wps_record identity = { .data = NULL };

	put_bytes(&identity, wps_span_str(draft->hub));
	put_bytes(&identity, wps_span_str(draft->id));
	put_bytes(&identity, wps_span_str(draft->user));
	put_bytes(&identity, wps_span_str(draft->sub));
	put_bytes(&identity, wps_span_str(draft->spelled));
	put_number(&identity, draft->age_ms);
	put_number(&identity, draft->announced);
	put_number(&identity, draft->window_ms);
	put_section(to, RECORD_IDENTITY, span_of(&identity));
	record_fini(&identity);
}

static void
make(const struct draft *draft, struct wps_record *out)
{
	struct wps_record sections = { .data = NULL };

	put_identity(&sections, draft);
	put_section(&sections, RECORD_PERMISSIONS, draft->permissions);
	put_section(&sections, RECORD_GROUPS, draft->groups);
	put_section(&sections, RECORD_REPLAY, draft->replay);
	put_section(&sections, RECORD_SUBPROTOCOL, draft->subprotocol);
	put_section(&sections, RECORD_SLOTS, draft->slots);
	put_section(&sections, RECORD_STATES, draft->states);
	record_put(&sections, draft->more);
	record_put(out, WPS_SPAN(RECORD_MAGIC));
	put_number(out, draft->major);
	put_number(out, draft->minor);
	put_bytes(out, span_of(&sections));
	record_fini(&sections);
}

/* --- the server ---------------------------------------------------------------------- */

struct fixture {
	struct server *server;
	struct wps_err err;
	struct wps_conn *conn;
};

static void
set_up(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->server = still_start(HUB);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f->server);
}

static void
tear_down(struct fixture *f)
{
	CU_ASSERT(still_empty(f->server));
	still_stop(&f->server);
}

/* A copy of its own: reading beyond it is found. */
static int
read_bytes(struct fixture *f, struct wps_span bytes)
{
	char *copy = malloc(bytes.len ? bytes.len : 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	int rc = record_read(still_worker(f->server),
	    (struct wps_span){ copy, bytes.len }, &f->conn, &f->err);
	free(copy);
	return rc;
}

static int
read_draft(struct fixture *f, const struct draft *draft)
{
	struct wps_record record = { .data = NULL };

	make(draft, &record);
	int rc = read_bytes(f, span_of(&record));
	record_fini(&record);
	return rc;
}

static void
check_taken(struct fixture *f, const char *what, const struct draft *draft)
{
	check_number(what, read_draft(f, draft), WPS_OK);
	check_text(what, f->err.text, "");
	if (f->err.text[0] == '\0')
		still_end(f->server, f->conn);
	CU_ASSERT(still_empty(f->server));
}

static void
check_refused(struct fixture *f, const char *what, const struct draft *draft,
    const char *why)
{
	int rc = read_draft(f, draft);

	check_number(what, rc, WPS_EPROTO);
	check_text(what, f->err.text, why);
	if (rc == WPS_OK)
		still_end(f->server, f->conn);
	CU_ASSERT(still_empty(f->server));
}

/* What is read of the one is written as the other. */
static void
check_becomes(struct fixture *f, const struct draft *from, const struct draft *to)
{
	struct wps_record expected = { .data = NULL }, got = { .data = NULL };

	check_number("read", read_draft(f, from), WPS_OK);
	check_text("error", f->err.text, "");
	CU_ASSERT_FATAL(f->err.text[0] == '\0');
	check_number("write", record_write(f->conn, &got, &f->err), WPS_OK);
	make(to, &expected);
	check_number("length", (long long)got.len, (long long)expected.len);
	CU_ASSERT(wps_span_eq(span_of(&got), span_of(&expected)));
	still_end(f->server, f->conn);
	record_fini(&expected);
	record_fini(&got);
}

/* --- the whole ------------------------------------------------------------------------ */

static void
test_what_was_read_is_written_as_it_was(void)
{
	struct fixture f;

	set_up(&f);
	check_becomes(&f, &full, &full);
	tear_down(&f);
}

static void
test_record_that_is_cut_is_refused_without_a_trace(void)
{
	struct wps_record record = { .data = NULL };
	struct fixture f;

	set_up(&f);
	make(&full, &record);
	for (size_t len = 0; len < record.len; len++) {
		check_number("cut", read_bytes(&f,
		    (struct wps_span){ record.data, len }), WPS_EPROTO);
		CU_ASSERT(f.err.text[0] != '\0');
		CU_ASSERT(still_empty(f.server));
	}
	record_put(&record, WPS_SPAN("\1"));
	check_number("longer", read_bytes(&f, span_of(&record)), WPS_EPROTO);
	record_fini(&record);
	tear_down(&f);
}

/* What was read is something that can be written, and then stays the same. */
static void
check_stable(struct fixture *f)
{
	struct wps_record first = { .data = NULL }, second = { .data = NULL };

	check_number("write", record_write(f->conn, &first, &f->err), WPS_OK);
	still_end(f->server, f->conn);
	CU_ASSERT(still_empty(f->server));
	check_number("again", read_bytes(f, span_of(&first)), WPS_OK);
	check_text("again", f->err.text, "");
	CU_ASSERT_FATAL(f->err.text[0] == '\0');
	check_number("write", record_write(f->conn, &second, &f->err), WPS_OK);
	CU_ASSERT(first.len == second.len &&
	    memcmp(first.data, second.data, first.len) == 0);
	still_end(f->server, f->conn);
	record_fini(&first);
	record_fini(&second);
}

static void
test_flipped_bits_are_refused_or_make_a_valid_connection(void)
{
	struct wps_record record = { .data = NULL };
	unsigned taken = 0, refused = 0;
	struct fixture f;

	set_up(&f);
	make(&full, &record);
	for (size_t i = 0; i < 8 * record.len; i++) {
		record.data[i / 8] ^= (char)(1 << i % 8);
		if (read_bytes(&f, span_of(&record)) == WPS_OK) {
			check_stable(&f);
			taken++;
		} else {
			CU_ASSERT(f.err.text[0] != '\0');
			refused++;
		}
		CU_ASSERT(still_empty(f.server));
		record.data[i / 8] ^= (char)(1 << i % 8);
	}
	CU_ASSERT(taken > 0 && refused > taken);
	record_fini(&record);
	tear_down(&f);
}

/* --- versions -------------------------------------------------------------------------- */

#define REFUSED(field, value, why)                                             \
	draft = small;                                                         \
	draft.field = value;                                                   \
	check_refused(&f, #field " " #value, &draft, why)
#define TAKEN(field, value)                                                    \
	draft = small;                                                         \
	draft.field = value;                                                   \
	check_taken(&f, #field " " #value, &draft)

static void
test_newer_versions_are_read_as_far_as_they_are_known(void)
{
	struct fixture f;
	struct draft draft;

	set_up(&f);
	TAKEN(minor, 7);
	TAKEN(more, WPS_SPAN("\17\3new"));
	TAKEN(more, WPS_SPAN("\21\0\23\1n"));
	REFUSED(more, WPS_SPAN("\20\3new"), "the record has a section that is "
	    "not known here: it is of a newer version");
	REFUSED(major, RECORD_MAJOR + 1,
	    "the record has version 2, version 1 is known");
	REFUSED(major, 0, "the record has version 0, version 1 is known");
	REFUSED(more, WPS_SPAN("\17\0\17\0"),
	    "the record is cut or its sections have no order");
	REFUSED(more, WPS_SPAN("\3\0"),
	    "the record is cut or its sections have no order");
	tear_down(&f);
}

/* --- sections ----------------------------------------------------------------------------- */

static void
test_identity_is_judged(void)
{
	struct fixture f;
	struct draft draft;
	const char *hub = "the hub is not valid";
	const char *id = "the connection id is not valid here";
	const char *spelled = "the client's name of the subprotocol is not valid";

	set_up(&f);
	REFUSED(hub, "", hub);
	REFUSED(hub, "1chat", hub);
	REFUSED(hub, "Chat", hub);
	REFUSED(id, "", id);
	REFUSED(id, "AAAAAAAAAAAAAAAAAAAAAAA", id);
	REFUSED(id, "AAAAAAAAAAAAAAAAAAAAAAA=", id);
	REFUSED(id, "AAAAAAAAAAAAAAAAAAAAAAAB", id); /* another node */
	REFUSED(id, "AAAAAAAAAAAAAAAAAAAAAAEA", id); /* there is no worker 1 */
	still_worker(f.server)->peer_count = 2;
	REFUSED(id, "AAAAAAAAAAAAAAAAAAAAAAEA",
	    "the connection id names another worker");
	still_worker(f.server)->peer_count = 1;
	REFUSED(user, "\xff", "the user id is not valid");
	REFUSED(sub, "mqtt", "the subprotocol mqtt is not here");
	REFUSED(sub, "a\nb", "the subprotocol is not valid");
	REFUSED(sub, "\xff", "the subprotocol is not valid");
	REFUSED(spelled, "", spelled);
	REFUSED(spelled, PLAIN, spelled);
	REFUSED(announced, 2, "the identity is not valid");
	TAKEN(spelled, "JSON.RELIABLE.webpubsub.azure.v1");
	TAKEN(age_ms, UINT64_MAX);
	tear_down(&f);
}

static void
test_client_without_subprotocol_may_have_a_name_that_fits_a_header(void)
{
	struct fixture f;
	struct draft draft = small;

	set_up(&f);
	draft.sub = "simple";
	draft.spelled = "my own";
	draft.replay = WPS_SPAN_NONE;
	draft.window_ms = 0;
	draft.subprotocol = WPS_SPAN("\1");
	check_taken(&f, "own", &draft);
	draft.spelled = "";
	check_taken(&f, "none", &draft);
	draft.subprotocol = WPS_SPAN("\1\0\4deck");
	check_becomes(&f, &draft, &draft);
	draft.subprotocol = WPS_SPAN("\1\1\4deck");
	check_becomes(&f, &draft, &draft);
	draft.spelled = "a\r\nb";
	check_refused(&f, "two lines", &draft,
	    "the client's name of the subprotocol is not valid");
	draft.spelled = "a,b";
	check_refused(&f, "two items", &draft,
	    "the client's name of the subprotocol is not valid");
	draft.spelled = "a\x7f";
	check_refused(&f, "a control", &draft,
	    "the client's name of the subprotocol is not valid");
	draft.spelled = "";
	draft.subprotocol = WPS_SPAN("\1\1\0");
	check_refused(&f, "no group", &draft,
	    "what simple has written is not valid");
	draft.subprotocol = WPS_SPAN("\1\2\4deck");
	check_refused(&f, "no boolean", &draft,
	    "what simple has written is not valid");
	draft.subprotocol = WPS_SPAN("\2\1\4deck");
	check_refused(&f, "another version", &draft,
	    "what simple has written is not valid");
	tear_down(&f);
}

static void
test_permissions_are_judged_and_limited(void)
{
	struct fixture f;
	struct draft draft;
	const char *bad = "the permissions are not valid";
	const char *rule = "a permission is not valid";
	const char *limit = "there are more permissions than the hub allows";

	set_up(&f);
	TAKEN(permissions, WPS_SPAN("\1\3\1a" "\1\3\1b" "\2\3\1a" "\2\3\1b"));
	REFUSED(permissions, WPS_SPAN("\1\3\1a" "\1\3\1b" "\1\3\1c"), limit);
	REFUSED(permissions, WPS_SPAN("\1\2\1a" "\1\2\1a" "\1\2\1a" "\1\2\1a"
	    "\1\2\1a" "\1\2\1a" "\1\2\1a" "\1\2\1a" "\1\2\1a" "\1\2\1a"
	    "\1\2\1a"), limit);
	REFUSED(permissions, WPS_SPAN("\0\1\0"), bad);
	TAKEN(permissions, WPS_SPAN("\4\1\0"));
	REFUSED(permissions, WPS_SPAN("\5\1\0"), bad);
	REFUSED(permissions, WPS_SPAN("\1\0\0"), bad);
	REFUSED(permissions, WPS_SPAN("\1\5\0"), bad);
	REFUSED(permissions, WPS_SPAN("\1\1\0" "\1\1\0"), bad);
	REFUSED(permissions, WPS_SPAN("\2\1\0" "\1\1\0"), bad);
	REFUSED(permissions, WPS_SPAN("\1\3\1b" "\1\3\1a"), bad);
	REFUSED(permissions, WPS_SPAN("\1\3\1a" "\1\4\1a"), bad);
	REFUSED(permissions, WPS_SPAN("\1\3\1a" "\1\2\1a"), bad);
	REFUSED(permissions, WPS_SPAN("\1\1\1a"), rule);
	REFUSED(permissions, WPS_SPAN("\1\2\1\\"), rule);
	REFUSED(permissions, WPS_SPAN("\1\3\1 "), rule);
	REFUSED(permissions, WPS_SPAN("\1\4\1\xff"), rule);
	tear_down(&f);
}

static void
test_groups_are_judged_and_limited(void)
{
	struct fixture f;
	struct draft draft;
	const char *bad = "the groups are not valid";

	set_up(&f);
	TAKEN(groups, WPS_SPAN("\1a" "\1b" "\1c"));
	REFUSED(groups, WPS_SPAN("\1a" "\1b" "\1c" "\1d"),
	    "there are more groups than the hub allows");
	REFUSED(groups, WPS_SPAN("\1b" "\1a"), bad);
	REFUSED(groups, WPS_SPAN("\1a" "\1a"), bad);
	REFUSED(groups, WPS_SPAN("\0"), bad);
	REFUSED(groups, WPS_SPAN("\1 "), bad);
	REFUSED(groups, WPS_SPAN("\1\xff"), bad);
	REFUSED(groups, WPS_SPAN("\2a"), bad);
	tear_down(&f);
}

static void
test_kept_messages_are_judged_and_limited(void)
{
	struct fixture f;
	struct draft draft;
	const char *bad = "the kept messages are not valid";

	set_up(&f);
	TAKEN(replay, WPS_SPAN("\3" "\1\1\0\0\0" "\3\2\0\0\1\xff"));
	TAKEN(replay, WPS_SPAN("\1" "\1\1\0\2\0\0\7\2\2{}"));
	REFUSED(replay, WPS_SPAN("\3" "\1\1\0\0\0" "\2\1\0\0\0" "\3\1\0\0\0"),
	    "there are more kept messages than the hub allows");
	REFUSED(replay, WPS_SPAN_NONE, "there are no sequence ids");
	REFUSED(replay, WPS_SPAN("\3" "\2\1\0\0\0" "\1\1\0\0\0"), bad);
	REFUSED(replay, WPS_SPAN("\3" "\2\1\0\0\0" "\2\1\0\0\0"), bad);
	REFUSED(replay, WPS_SPAN("\3" "\4\1\0\0\0"), bad);
	REFUSED(replay, WPS_SPAN("\3" "\3\1\0\0\0" "\3\1\0\0\0"), bad);
	REFUSED(replay, WPS_SPAN("\0" "\0\1\0\0\0"), bad);
	REFUSED(replay, WPS_SPAN("\1" "\1\0\0\0\0"), bad);
	REFUSED(replay, WPS_SPAN("\1" "\1\3\0\0\0"), bad);
	REFUSED(replay, WPS_SPAN("\1" "\1\1\0\0\1\xff"), bad);
	REFUSED(replay, WPS_SPAN("\1" "\1\1\0\1\0\3\2{}"), bad);
	REFUSED(replay, WPS_SPAN("\1" "\1\1\0\1\10\2\2{}"), bad);
	REFUSED(replay, WPS_SPAN("\1" "\1\1\0\2\0\0\0\2\2{}"), bad);
	REFUSED(replay, WPS_SPAN("\1" "\1\1\0\2\0\1\1\0\2{}"), bad);
	REFUSED(replay, WPS_SPAN("\1" "\1\1\0\1\0\1\2\xc3\xb6"), bad);
	REFUSED(replay, WPS_SPAN("\1" "\1\1\0\3\0\0\1\0\2\0\2{}"), bad);
	struct subprotocol *sub = (struct subprotocol *)(uintptr_t)
	    points_registered(&f.server->points, WPS_SPAN(RELIABLE));
	sub->ops.insert = NULL;
	TAKEN(replay, WPS_SPAN("\1" "\1\1\0\0\2{}"));
	REFUSED(replay, WPS_SPAN("\1" "\1\1\0\1\0\1\2{}"), bad);
	draft = small;
	draft.sub = draft.spelled = PLAIN;
	check_refused(&f, "not reliable", &draft,
	    "there are sequence ids of what is not reliable");
	tear_down(&f);
}

static void
test_bytes_of_kept_messages_are_limited(void)
{
	char replay[2 * 700 + 64], *at = replay;
	struct fixture f;
	struct draft draft = small;
	static const size_t second[] = { 1024 - 700, 1024 - 700 + 1 };

	set_up(&f);
	for (unsigned i = 0; i < 2; i++) {
		at = replay;
		*at++ = 2;
		for (unsigned k = 0; k < 2; k++) {
			size_t len = k ? second[i] : 700;
			memcpy(at, (const char[]){ (char)(k + 1), 2, 0, 0 }, 4);
			at += 4;
			at += pack_number(at, len);
			memset(at, 'x', len);
			at += len;
		}
		draft.replay = (struct wps_span){ replay, (size_t)(at - replay) };
		if (i == 0)
			check_taken(&f, "just so many", &draft);
		else
			check_refused(&f, "one more", &draft, "there are more "
			    "kept messages than the hub allows");
	}
	tear_down(&f);
}

static void
test_part_of_the_subprotocol_is_judged(void)
{
	struct fixture f;
	struct draft draft;
	const char *bad = "what " RELIABLE " has written is not valid";

	set_up(&f);
	TAKEN(subprotocol, WPS_SPAN("\1\2\7\6"));
	TAKEN(subprotocol, WPS_SPAN("\1\0" "\1s\1g\1\0\1\0\1\0"));
	TAKEN(subprotocol, WPS_SPAN("\1\0" "\1s\1g\2\0\1\xff\xff\xff\xff\xf\1\3"));
	REFUSED(subprotocol, WPS_SPAN_NONE, bad);
	REFUSED(subprotocol, WPS_SPAN("\2\0"), bad);              /* version */
	REFUSED(subprotocol, WPS_SPAN("\1\2\7\7"), bad);          /* twice */
	REFUSED(subprotocol, WPS_SPAN("\1\3\7\6"), bad);          /* too few */
	REFUSED(subprotocol, WPS_SPAN("\1\xb1\xea\1"), bad);      /* 30001 */
	REFUSED(subprotocol, WPS_SPAN("\1\0" "\1s\1g\1\0\1\0\1"), bad);
	REFUSED(subprotocol, WPS_SPAN("\1\0" "\0\1g\1\0\1\0\1\0"), bad);
	REFUSED(subprotocol, WPS_SPAN("\1\0" "\1\xff\1g\1\0\1\0\1\0"), bad);
	REFUSED(subprotocol, WPS_SPAN("\1\0" "\1s\1 \1\0\1\0\1\0"), bad);
	REFUSED(subprotocol, WPS_SPAN("\1\0" "\1s\1g\0\0\1\0\1\0"), bad);
	REFUSED(subprotocol, WPS_SPAN("\1\0" "\1s\1g\3\0\1\0\1\0"), bad);
	REFUSED(subprotocol, WPS_SPAN("\1\0" "\1s\1g\1\2\1\0\1\0"), bad);
	REFUSED(subprotocol, WPS_SPAN("\1\0" "\1s\1g\1\0\0\0\1\0"), bad);
	REFUSED(subprotocol, WPS_SPAN("\1\0" "\1s\1g\1\0\1\2\1\0"), bad);
	REFUSED(subprotocol, WPS_SPAN("\1\0" "\1s\1g\2\0\1\x80\x80\x80\x80\x10\1\3"), bad);
	REFUSED(subprotocol, WPS_SPAN("\1\0" "\1s\1g\1\0\1\0\0\0"), bad);
	REFUSED(subprotocol, WPS_SPAN("\1\0" "\1s\1g\1\0\1\0\1\1"), bad);
	REFUSED(subprotocol, WPS_SPAN("\1\0" "\1s\1g\2\0\1\0\1\4"), bad);
	REFUSED(subprotocol, WPS_SPAN("\1\0" "\1s\1g\1\0\1\0\1\0"
	    "\1s\1h\1\0\1\0\1\0"), bad);
	draft = small;
	draft.sub = draft.spelled = PLAIN;
	draft.replay = WPS_SPAN_NONE;
	draft.subprotocol = WPS_SPAN("\1\0" "\1s\1g\2\0\1\0\1\0");
	check_refused(&f, "only reliable ones remember", &draft,
	    "what " PLAIN " has written is not valid");
	draft.sub = draft.spelled = "echo";
	check_refused(&f, "no state", &draft,
	    "the subprotocol echo cannot read its connections back");
	draft.subprotocol = WPS_SPAN_NONE;
	check_taken(&f, "no state", &draft);
	tear_down(&f);
}

static void
test_streams_are_limited(void)
{
	char bytes[2 + 129 * 11] = "\1", *at;
	struct fixture f;
	struct draft draft = small;

	set_up(&f);
	for (unsigned count = 128; count <= 129; count++) {
		at = bytes + 2;
		for (unsigned i = 0; i < count; i++)
			at += 1 + snprintf(at, 12, "%c%02x%cg%c%c%c%c%c", 2, i,
			    1, 1, 1, 1, 1, 1); /* and no outcome: its NUL */
		draft.subprotocol =
		    (struct wps_span){ bytes, (size_t)(at - bytes) };
		if (count == 128)
			check_taken(&f, "so many", &draft);
		else
			check_refused(&f, "one more", &draft,
			    "what " RELIABLE " has written is not valid");
	}
	tear_down(&f);
}

#define ANY_COOKIE "\6\t\t\t\t\t\t"
#define FIVE_COOKIES ANY_COOKIE ANY_COOKIE ANY_COOKIE ANY_COOKIE ANY_COOKIE
#define TWENTY_COOKIES FIVE_COOKIES FIVE_COOKIES FIVE_COOKIES FIVE_COOKIES

static void
test_part_of_the_upstream_is_judged(void)
{
	struct fixture f;
	struct draft draft;
	const char *bad = "what cloudevents has written is not valid";
	const char *part = "the plugins' part is not valid";

	set_up(&f);
	TAKEN(slots, WPS_SPAN("\13cloudevents" "\3" "\1\0\0"));
	TAKEN(slots, WPS_SPAN("\13cloudevents" "\12" "\1\0\0" "\6\t\t\t\t\t\t"));
	REFUSED(slots, WPS_SPAN("\13cloudevents" "\0"), bad);
	/* Twenty cookies, and one more. */
	TAKEN(slots, WPS_SPAN("\13cloudevents" "\217\1" "\1\0\0" TWENTY_COOKIES));
	REFUSED(slots, WPS_SPAN("\13cloudevents" "\226\1" "\1\0\0" TWENTY_COOKIES ANY_COOKIE), bad);
	REFUSED(slots, WPS_SPAN("\13cloudevents" "\3" "\2\0\0"), bad);
	REFUSED(slots, WPS_SPAN("\13cloudevents" "\5" "\1\0\2\r\n"), bad);
	REFUSED(slots, WPS_SPAN("\13cloudevents" "\4" "\1\0\1\x7f"), bad);
	REFUSED(slots, WPS_SPAN("\13cloudevents" "\4" "\1\0\0\0"), bad);
	REFUSED(slots, WPS_SPAN("\13cloudevents" "\7" "\1\0\0\3ALL"), bad);
	REFUSED(slots, WPS_SPAN("\13cloudevents" "\12" "\1\0\0"
	    "\6\t\t\t\t\n\t"), bad);
	REFUSED(slots, WPS_SPAN("\13cloudevents" "\3" "\1\0\0"
	    "\13cloudevents" "\3" "\1\0\0"),
	    "the plugin cloudevents stands there twice");
	REFUSED(slots, WPS_SPAN("\13cloudevents" "\4" "\1\0\0"), part);
	REFUSED(slots, WPS_SPAN("\4kafk" "\0"), "the plugin kafk is not here");
	REFUSED(slots, WPS_SPAN("\4echo" "\0"), "the plugin echo cannot read "
	    "back what it kept with the connection");
	REFUSED(slots, WPS_SPAN("\1\n" "\0"), part);
	tear_down(&f);
}

static void
test_group_states_are_judged(void)
{
	struct fixture f;
	struct draft draft;
	const char *bad = "the group states are not valid";
	const struct wps_span groups = WPS_SPAN("\1a" "\1b");

#define STATES_TAKEN(bytes)                                                    \
	draft = small;                                                         \
	draft.groups = groups;                                                 \
	draft.states = WPS_SPAN(bytes);                                        \
	check_taken(&f, #bytes, &draft)
#define STATES_REFUSED(bytes)                                                  \
	draft = small;                                                         \
	draft.groups = groups;                                                 \
	draft.states = WPS_SPAN(bytes);                                        \
	check_refused(&f, #bytes, &draft, bad)
	set_up(&f);
	STATES_TAKEN("\5");
	STATES_TAKEN("\5" "\1a\2\5\0");
	STATES_TAKEN("\0" "\1b\1");
	STATES_TAKEN("\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
	STATES_REFUSED("\x80\x80\x80\x80\x80\x80\x80\x80\x80\1");
	STATES_TAKEN("\5" "\1a\3\1\2\0\1v\1k\0");
	STATES_REFUSED("\5" "\1c\1");                   /* no member */
	STATES_REFUSED("\5" "\1b\1" "\1a\1");
	STATES_REFUSED("\5" "\1a\1" "\1a\1");
	STATES_REFUSED("\5" "\1a\0");
	STATES_REFUSED("\5" "\1a\4");
	STATES_REFUSED("\5" "\1a\2\0\0");
	STATES_REFUSED("\5" "\1a\2\6\0");              /* above the last */
	STATES_REFUSED("\5" "\1a\2\5\1\1k");
	STATES_REFUSED("\5" "\1a\2\5\1\1\xff\0");
	STATES_REFUSED("\5" "\1a\2\5\1\0\1\xff");
	STATES_REFUSED("\5" "\1a\2\5\2\1k\0\1k\0");
	STATES_REFUSED("\5" "\1a\2\5\2\1l\0\1k\0");
	STATES_REFUSED("\5" "\1a\2\5\xff\xff\3\1k\0");
	tear_down(&f);
}

/* --- entering ----------------------------------------------------------------------------- */

static void
test_connection_that_is_here_is_no_second_time(void)
{
	struct fixture f;
	struct wps_conn *first;

	set_up(&f);
	check_number("first", read_draft(&f, &small), WPS_OK);
	first = f.conn;
	check_number("second", read_draft(&f, &small), WPS_DUPLICATE);
	check_text("why", f.err.text, "the connection is here");
	still_end(f.server, first);
	check_taken(&f, "when it has gone", &small);
	tear_down(&f);
}

static void
test_stopping_server_takes_no_connection(void)
{
	struct fixture f;

	set_up(&f);
	still_worker(f.server)->draining = true;
	check_number("read", read_draft(&f, &small), WPS_DECLINED);
	check_text("why", f.err.text, "the server is stopping");
	still_worker(f.server)->draining = false;
	check_taken(&f, "before", &small);
	tear_down(&f);
}

static void
test_hubs_are_limited(void)
{
	static const char *const hubs[] = { "one", "two", "three", "four" };
	struct fixture f;
	struct draft draft = small;

	set_up(&f);
	f.server->hubs.max = ARRAY_LEN(hubs);
	for (unsigned i = 0; i < ARRAY_LEN(hubs); i++) {
		draft.hub = hubs[i];
		check_taken(&f, draft.hub, &draft);
	}
	draft.hub = "five";
	check_number("one more", read_draft(&f, &draft), WPS_FULL);
	check_text("why", f.err.text, "there are too many hubs");
	tear_down(&f);
}

static void
test_reliable_connection_has_what_is_left_of_its_window(void)
{
	static const struct {
		uint64_t written, left;
	} cases[] = {
		{ 0, 0 }, { 29999, 29999 }, { 30001, 30000 },
		{ INT64_MAX, 30000 },
	};
	struct fixture f;
	struct draft draft = small;

	set_up(&f);
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		draft.window_ms = cases[i].written;
		check_number("read", read_draft(&f, &draft), WPS_OK);
		check_number("left", (long long)(f.conn->replay->window_end_ms -
		    worker_now_ms(f.conn->worker)), (long long)cases[i].left);
		CU_ASSERT(wheel_running(&f.conn->replay->window));
		check_text("state", conn_state_name(f.conn->state), "detached");
		still_end(f.server, f.conn);
	}
	tear_down(&f);
}

/* Its timer runs a little later. */
static void
test_window_that_is_over_has_nothing_left(void)
{
	struct wps_record record = { .data = NULL };
	struct fixture f;

	set_up(&f);
	check_number("read", read_draft(&f, &small), WPS_OK);
	f.conn->replay->window_end_ms = worker_now_ms(f.conn->worker) - 1;
	check_number("write", record_write(f.conn, &record, &f.err), WPS_OK);
	still_end(f.server, f.conn);
	check_number("read", read_bytes(&f, span_of(&record)), WPS_OK);
	check_number("left", (long long)(f.conn->replay->window_end_ms -
	    worker_now_ms(f.conn->worker)), 0);
	still_end(f.server, f.conn);
	record_fini(&record);
	tear_down(&f);
}

static int
take_what_is_there(void *worker_state, struct wps_conn *conn,
    struct wps_span bytes)
{
	(void)worker_state;
	(void)conn;
	return bytes.data ? WPS_OK : WPS_EPROTO;
}

/* A subprotocol that has put nothing reads that, not an absent span. */
static void
test_nothing_is_read_as_empty(void)
{
	struct fixture f;
	struct draft draft = small;

	set_up(&f);
	struct subprotocol *sub = (struct subprotocol *)(uintptr_t)
	    points_registered(&f.server->points, WPS_SPAN(RELIABLE));
	sub->ops.restore = take_what_is_there;
	draft.subprotocol = WPS_SPAN_NONE;
	check_number("read", read_draft(&f, &draft), WPS_OK);
	still_end(f.server, f.conn);
	tear_down(&f);
}

/* --- writing ------------------------------------------------------------------------------- */

static void
test_connection_whose_state_would_be_lost_is_not_written(void)
{
	struct wps_record record = { .data = NULL };
	struct fixture f;
	const struct wps_self *echo;

	set_up(&f);
	echo = points_plugin(&f.server->points, WPS_SPAN("echo"));
	check_number("read", read_draft(&f, &small), WPS_OK);
	*conn_slot(f.conn, echo) = &f;
	check_number("write", record_write(f.conn, &record, &f.err),
	    WPS_DECLINED);
	check_text("why", f.err.text, "the plugin echo cannot write down what "
	    "it keeps with a connection");
	record_fini(&record);
	still_end(f.server, f.conn);
	check_number("read", read_draft(&f, &full), WPS_OK);
	const struct upstream *upstream = points_upstream(&f.server->points,
	    points_plugin(&f.server->points, WPS_SPAN("cloudevents")));
	((struct upstream *)(uintptr_t)upstream)->ops.save = NULL;
	check_number("write", record_write(f.conn, &record, &f.err),
	    WPS_DECLINED);
	check_text("why", f.err.text, "the plugin cloudevents cannot write down "
	    "what it keeps with a connection");
	record_fini(&record);
	still_end(f.server, f.conn);
	tear_down(&f);
}

/* At the end of its time, when 0 would be left: that means no end. */
static void
test_kept_message_is_written_until_its_time_is_over(void)
{
	struct wps_record record = { .data = NULL };
	struct fixture f;
	struct draft draft = small;

	set_up(&f);
	draft.replay = WPS_SPAN("\1" "\1\1\x90\3\0\2{}");
	check_number("read", read_draft(&f, &draft), WPS_OK);
	for (unsigned i = 0; i < 2; i++) {
		still_pass(f.server, i ? 1 : 399);
		check_number("write", record_write(f.conn, &record, &f.err),
		    WPS_OK);
		CU_ASSERT_EQUAL(i == 0, memmem(record.data, record.len, "{}", 2) !=
		    NULL);
		record_fini(&record);
	}
	still_end(f.server, f.conn);
	tear_down(&f);
}

static void
test_want_of_memory_is_told(void)
{
	struct wps_record record = { .failed = true };
	struct fixture f;

	set_up(&f);
	check_number("read", read_draft(&f, &small), WPS_OK);
	check_number("write", record_write(f.conn, &record, &f.err),
	    WPS_ENOMEM);
	record_fini(&record);
	still_end(f.server, f.conn);
	tear_down(&f);
}

static void
test_subprotocol_without_save_must_have_no_state(void)
{
	struct wps_record record = { .data = NULL };
	struct fixture f;

	set_up(&f);
	check_number("read", read_draft(&f, &small), WPS_OK);
	struct wps_subprotocol *ops =
	    (struct wps_subprotocol *)(uintptr_t)&f.conn->sub->ops;
	ops->save = NULL;
	check_number("write", record_write(f.conn, &record, &f.err),
	    WPS_DECLINED);
	check_text("why", f.err.text, "the subprotocol " RELIABLE
	    " cannot write its connections down");
	record_fini(&record);
	still_end(f.server, f.conn);
	ops->restore = NULL;
	check_refused(&f, "read", &small, "the subprotocol " RELIABLE
	    " cannot read its connections back");
	tear_down(&f);
}

static void
test_newest_ack_ids_stay_of_more_than_are_remembered(void)
{
	struct fixture f;
	struct draft four = small, three = small;

	set_up(&f);
	four.subprotocol = WPS_SPAN("\1\4\6\7\10\11");
	three.subprotocol = WPS_SPAN("\1\3\7\10\11");
	check_becomes(&f, &four, &three);
	tear_down(&f);
}

static void
test_nothing_is_written_before_a_fragment_is_acknowledged(void)
{
	struct wps_record record = { .data = NULL };
	struct fixture f;
	struct draft draft = small;

	set_up(&f);
	draft.permissions = WPS_SPAN("\2\1\0");
	draft.subprotocol = WPS_SPAN("\1\0" "\1s\1g\1\0\1\1\1\0");
	check_number("read", read_draft(&f, &draft), WPS_OK);
	f.conn->sub->ops.recv(conn_sub_state(f.conn), f.conn, WPS_FRAME_TEXT,
	    WPS_SPAN("{\"type\":\"streamData\",\"streamId\":\"s\","
	    "\"streamSequenceId\":1,\"dataType\":\"text\",\"data\":\"x\"}"));
	check_number("before", record_write(f.conn, &record, &f.err),
	    WPS_PENDING);
	record_fini(&record);
	still_pass(f.server, 0);
	check_number("behind", record_write(f.conn, &record, &f.err), WPS_OK);
	record_fini(&record);
	still_end(f.server, f.conn);
	tear_down(&f);
}

static void
test_closed_connection_is_not_written(void)
{
	struct wps_record record = { .data = NULL };
	struct fixture f;

	set_up(&f);
	check_number("read", read_draft(&f, &small), WPS_OK);
	struct wps_conn *conn = conn_ref(f.conn);
	conn_close(conn, 1000, WPS_SPAN(""));
	check_number("write", record_write(conn, &record, &f.err),
	    WPS_DECLINED);
	check_text("why", f.err.text, "the connection is not open");
	still_end(f.server, conn);
	conn_unref(&conn);
	record_fini(&record);
	tear_down(&f);
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_what_was_read_is_written_as_it_was),
		TEST(test_record_that_is_cut_is_refused_without_a_trace),
		TEST(test_flipped_bits_are_refused_or_make_a_valid_connection),
		TEST(test_newer_versions_are_read_as_far_as_they_are_known),
		TEST(test_identity_is_judged),
		TEST(test_client_without_subprotocol_may_have_a_name_that_fits_a_header),
		TEST(test_permissions_are_judged_and_limited),
		TEST(test_groups_are_judged_and_limited),
		TEST(test_kept_messages_are_judged_and_limited),
		TEST(test_bytes_of_kept_messages_are_limited),
		TEST(test_part_of_the_subprotocol_is_judged),
		TEST(test_streams_are_limited),
		TEST(test_part_of_the_upstream_is_judged),
		TEST(test_group_states_are_judged),
		TEST(test_connection_that_is_here_is_no_second_time),
		TEST(test_stopping_server_takes_no_connection),
		TEST(test_hubs_are_limited),
		TEST(test_reliable_connection_has_what_is_left_of_its_window),
		TEST(test_window_that_is_over_has_nothing_left),
		TEST(test_nothing_is_read_as_empty),
		TEST(test_connection_whose_state_would_be_lost_is_not_written),
		TEST(test_kept_message_is_written_until_its_time_is_over),
		TEST(test_want_of_memory_is_told),
		TEST(test_subprotocol_without_save_must_have_no_state),
		TEST(test_newest_ack_ids_stay_of_more_than_are_remembered),
		TEST(test_nothing_is_written_before_a_fragment_is_acknowledged),
		TEST(test_closed_connection_is_not_written),
	};

	return RUN_TESTS("record bytes", tests);
}
