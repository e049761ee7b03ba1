/* SPDX-License-Identifier: MIT */
/*
 * Connections that are written down in one server and read back in another, with
 * the plugins as they are installed.
 */
#include "record/scene.h"

#include "support/check.h"
#include "util/attr.h"

#include <sched.h>
#include <unistd.h>

#define PATIENCE 1000000 /* turns until something must have arrived */

#define RELIABLE "json.reliable.webpubsub.azure.v1"
#define PLAIN "json.webpubsub.azure.v1"

#define ADMITTED                                                               \
	"{\"userId\":\"ann\",\"groups\":[\"first\",\"deck\"],\"roles\":["       \
	"\"webpubsub.joinLeaveGroup\",\"webpubsub.sendToGroup.deck\","         \
	"\"webpubsub.sendToGroups.team*\",\"webpubsub.setGroupState\","        \
	"\"webpubsub.getGroupState\"]}"
#define OTHER                                                                  \
	"{\"groups\":[\"deck\"],\"roles\":[\"webpubsub.setGroupState\","      \
	"\"webpubsub.getGroupState\"]}"
#define WITH_STATE                                                             \
	"Content-Type: application/json\r\nce-connectionState: one\r\n"       \
	"Set-Cookie: a=b\r\nSet-Cookie: c=d\r\n"

static void
check_has(const char *what, const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		check_text(what, text, part);
}

static void
check_hears(const struct client *client, const char *part)
{
	check_has("heard", client_hears(client), part);
}

static void
ask(const struct client *client, const char *request, const char *part)
{
	client_say(client, request);
	check_hears(client, part);
}

/* Once what is on its way has arrived. */
static void
write_down(struct scene *scene, const char *id, struct wps_record *record)
{
	struct wps_err err = { "" };
	int rc;

	for (unsigned i = 0; (rc = scene_write(scene, id, record, &err)) ==
	    WPS_PENDING && i < PATIENCE; i++) {
		record_fini(record);
		sched_yield();
	}

	check_text("error", err.text, "");
	check_number("write", rc, WPS_OK);
	CU_ASSERT_FATAL(rc == WPS_OK);
}

static struct wps_span
span_of(const struct wps_record *record)
{
	return (struct wps_span){ record->data, record->len };
}

static void
read_back(struct scene *scene, const struct wps_record *record)
{
	struct wps_err err = { "" };
	int rc = scene_read(scene, span_of(record), &err);

	check_text("error", err.text, "");
	check_number("read", rc, WPS_OK);
	CU_ASSERT_FATAL(rc == WPS_OK);
}

/* The server that wrote the record has gone, another one reads it. */
static void
move(struct scene *scene, struct client *client, struct wps_record *record)
{
	write_down(scene, client->id, record);
	close(client->fd);
	scene_stop(scene);
	scene_start_again(scene, "");
	client->fd = -1;
	read_back(scene, record);
}

static void
check_same(const struct wps_record *a, const struct wps_record *b)
{
	check_number("length", (long long)b->len, (long long)a->len);
	CU_ASSERT(a->len == b->len && memcmp(a->data, b->data, a->len) == 0);
}

/* A client that has everything a record can hold; `kept` are its messages. */
static void
open_full(struct scene *scene, struct client *client, char kept[2][256])
{
	client_open(scene, client, RELIABLE, WITH_STATE, ADMITTED);
	ask(client, "{\"type\":\"joinGroup\",\"group\":\"third\",\"ackId\":1}",
	    "\"success\":true");
	client_say(client, "{\"type\":\"sendToGroup\",\"group\":\"deck\","
	    "\"ackId\":2,\"dataType\":\"text\",\"data\":\"h\u00e9llo\"}");
	snprintf(kept[0], 256, "%s", client_hears(client));
	check_has("first", kept[0], "\"sequenceId\":1,");
	check_hears(client, "\"ackId\":2");
	client_say(client, "{\"type\":\"event\",\"event\":\"e\",\"ackId\":3,"
	    "\"dataType\":\"text\",\"data\":\"x\"}");
	check_has("event", app_answer(scene,
	    "Content-Type: text/plain\r\nce-connectionState: two\r\n", "back"),
	    "ce-connectionState: one\r\n");
	snprintf(kept[1], 256, "%s", client_hears(client));
	check_has("second", kept[1], "\"sequenceId\":2,");
	check_hears(client, "\"ackId\":3");
	ask(client, "{\"type\":\"sendToGroup\",\"group\":\"deck\",\"noEcho\":true,"
	    "\"stream\":{\"streamId\":\"open\",\"idleTimeoutMs\":7000}}",
	    "\"expectedSequenceId\":1");
	ask(client, "{\"type\":\"streamData\",\"streamId\":\"open\","
	    "\"streamSequenceId\":1,\"dataType\":\"text\",\"data\":\"s\"}",
	    "\"expectedSequenceId\":2");
	ask(client, "{\"type\":\"sendToGroup\",\"group\":\"deck\",\"noEcho\":true,"
	    "\"stream\":{\"streamId\":\"over\"}}", "\"expectedSequenceId\":1");
	ask(client, "{\"type\":\"streamEnd\",\"streamId\":\"over\"}",
	    "{\"type\":\"streamClosed\",\"streamId\":\"over\"}");
	scene_submit(scene, (struct wps_command){ .op = WPS_OP_REVOKE,
	    .whom = WPS_TO_USER, .name = WPS_SPAN("ann"),
	    .group = WPS_SPAN("fourth"), .perm = WPS_PERM_JOIN_LEAVE });
}

static void
test_record_that_is_read_and_written_again_is_the_same(void)
{
	struct wps_record first = { 0 }, second = { 0 };
	struct scene scene;
	struct client client;
	char kept[2][256];

	scene_start(&scene, "");
	open_full(&scene, &client, kept);
	move(&scene, &client, &first);
	write_down(&scene, client.id, &second);
	check_same(&first, &second);
	scene_stop(&scene);
	close(scene.app);
	record_fini(&first);
	record_fini(&second);
}

static void
test_client_goes_on_where_it_was(void)
{
	struct wps_record record = { 0 };
	struct scene scene;
	struct client client;
	char kept[2][256];

	scene_start(&scene, "");
	open_full(&scene, &client, kept);
	move(&scene, &client, &record);
	check_number("in its group", scene_count(&scene, WPS_TO_GROUP, "third"), 1);
	check_number("as its user", scene_count(&scene, WPS_TO_USER, "ann"), 1);
	CU_ASSERT(client_recover(&scene, &client, RELIABLE));
	check_text("first", client_hears(&client), kept[0]);
	check_text("second", client_hears(&client), kept[1]);
	ask(&client, "{\"type\":\"joinGroup\",\"group\":\"third\",\"ackId\":1}",
	    "\"Duplicate\"");
	ask(&client, "{\"type\":\"joinGroup\",\"group\":\"fourth\",\"ackId\":9}",
	    "\"Forbidden\"");
	ask(&client, "{\"type\":\"sendToGroup\",\"group\":\"team7\",\"ackId\":9,"
	    "\"dataType\":\"text\",\"data\":\"x\"}", "\"success\":true");
	ask(&client, "{\"type\":\"streamData\",\"streamId\":\"open\","
	    "\"streamSequenceId\":1,\"dataType\":\"text\",\"data\":\"s\"}",
	    "\"expectedSequenceId\":2");
	ask(&client, "{\"type\":\"streamData\",\"streamId\":\"open\","
	    "\"streamSequenceId\":2,\"dataType\":\"text\",\"data\":\"t\"}",
	    "\"expectedSequenceId\":3");
	ask(&client, "{\"type\":\"streamEnd\",\"streamId\":\"over\"}",
	    "{\"type\":\"streamClosed\",\"streamId\":\"over\"}");
	client_say(&client, "{\"type\":\"event\",\"event\":\"e\",\"ackId\":10,"
	    "\"dataType\":\"text\",\"data\":\"x\"}");
	const char *event = app_answer(&scene, "Content-Type: text/plain\r\n",
	    "new");
	check_has("state", event, "ce-connectionState: two\r\n");
	check_has("cookie", event, "a=b");
	check_has("another", event, "c=d");
	check_has("count", event, "ce-id: 2\r\n");
	check_hears(&client, "\"sequenceId\":3,");
	check_hears(&client, "\"ackId\":10");
	client_leave(&client);
	event = app_answer(&scene, "", "");
	check_has("the end", event, "ce-eventName: disconnected\r\n");
	check_has("count", event, "ce-id: 3\r\n");
	scene_stop(&scene);
	close(scene.app);
	record_fini(&record);
}

/* --- what is on its way ------------------------------------------------------------ */

static int
try_to_write(struct scene *scene, const struct client *client)
{
	struct wps_record record = { 0 };
	struct wps_err err = { "" };
	int rc = scene_write(scene, client->id, &record, &err);

	record_fini(&record);
	return rc;
}

static void
check_writable(struct scene *scene, const struct client *client)
{
	struct wps_record record = { 0 };

	write_down(scene, client->id, &record);
	record_fini(&record);
}

static void
test_nothing_is_written_while_an_answer_is_awaited(void)
{
	static const char *const requests[] = {
		"{\"type\":\"event\",\"event\":\"e\",\"ackId\":1,"
		"\"dataType\":\"text\",\"data\":\"x\"}",
		"{\"type\":\"invoke\",\"invocationId\":\"i\",\"target\":\"event\","
		"\"event\":\"e\",\"dataType\":\"text\",\"data\":\"x\"}",
	};
	struct scene scene;
	struct client client;

	scene_start(&scene, "");
	client_open(&scene, &client, RELIABLE, WITH_STATE, ADMITTED);
	check_writable(&scene, &client);
	for (unsigned i = 0; i < 2; i++) {
		client_say(&client, requests[i]);
		app_hears(&scene);
		check_number(requests[i], try_to_write(&scene, &client),
		    WPS_PENDING);
		app_says(&scene, "", "");
		check_hears(&client, "\"success\":true");
		check_writable(&scene, &client);
	}
	close(client.fd);
	scene_stop(&scene);
	close(scene.app);
}

static void
test_nothing_is_written_before_the_application_has_heard_all(void)
{
	struct scene scene;
	struct client client;

	scene_start(&scene, "");
	client_open(&scene, &client, RELIABLE, WITH_STATE, ADMITTED);
	ask(&client, "{\"type\":\"joinGroup\",\"group\":\"told\",\"ackId\":1}",
	    "\"success\":true");
	check_has("presence", app_hears(&scene), "ce-eventName: joined\r\n");
	check_number("on its way", try_to_write(&scene, &client), WPS_PENDING);
	app_says(&scene, "", "");
	check_writable(&scene, &client);
	close(client.fd);
	scene_stop(&scene);
	close(scene.app);
}

static void
test_application_hears_nothing_of_the_way(void)
{
	struct wps_record record = { 0 };
	struct scene scene;
	struct client client;

	scene_start(&scene, "");
	client_open(&scene, &client, RELIABLE, WITH_STATE, ADMITTED);
	ask(&client, "{\"type\":\"joinGroup\",\"group\":\"told\",\"ackId\":1}",
	    "\"success\":true");
	app_answer(&scene, "", "");
	move(&scene, &client, &record);
	CU_ASSERT(client_recover(&scene, &client, RELIABLE));
	ask(&client, "{\"type\":\"leaveGroup\",\"group\":\"told\",\"ackId\":2}",
	    "\"success\":true");
	check_has("the next thing", app_answer(&scene, "", ""),
	    "ce-eventName: left\r\n");
	client_leave(&client);
	check_has("the end", app_answer(&scene, "", ""),
	    "ce-eventName: disconnected\r\n");
	scene_stop(&scene);
	close(scene.app);
	record_fini(&record);
}

/* --- times --------------------------------------------------------------------------- */

static void
test_window_goes_on_and_ends_as_ever(void)
{
	struct wps_record record = { 0 };
	struct scene scene;
	struct client client;

	scene_start(&scene, "");
	client_open(&scene, &client, RELIABLE, WITH_STATE, ADMITTED);
	move(&scene, &client, &record);
	scene_pass(&scene, 29900);
	check_number("before", scene_count(&scene, WPS_TO_USER, "ann"), 1);
	scene_pass(&scene, 200);
	check_number("behind", scene_count(&scene, WPS_TO_USER, "ann"), 0);
	const char *event = app_answer(&scene, "", "");
	check_has("the end", event, "ce-eventName: disconnected\r\n");
	check_has("why", event, "recovery timed out");
	scene_stop(&scene);
	close(scene.app);
	record_fini(&record);
}

static void
test_client_that_came_back_has_no_window(void)
{
	struct wps_record record = { 0 };
	struct scene scene;
	struct client client;

	scene_start(&scene, "");
	client_open(&scene, &client, RELIABLE, WITH_STATE, ADMITTED);
	move(&scene, &client, &record);
	scene_pass(&scene, 29900);
	CU_ASSERT(client_recover(&scene, &client, RELIABLE));
	scene_pass(&scene, 200);
	ask(&client, "{\"type\":\"ping\"}", "pong");
	close(client.fd);
	scene_stop(&scene);
	close(scene.app);
	record_fini(&record);
}

static void
test_kept_message_expires_when_it_would_have(void)
{
	struct wps_record record = { 0 };
	struct scene scene;
	struct client client;

	scene_start(&scene, "");
	client_open(&scene, &client, RELIABLE, WITH_STATE, ADMITTED);
	client_say(&client, "{\"type\":\"sendToGroup\",\"group\":\"deck\","
	    "\"ttlSeconds\":10,\"dataType\":\"text\",\"data\":\"short\"}");
	check_hears(&client, "short");
	client_say(&client, "{\"type\":\"sendToGroup\",\"group\":\"deck\","
	    "\"ttlSeconds\":20,\"dataType\":\"text\",\"data\":\"long\"}");
	check_hears(&client, "long");
	scene_pass(&scene, 5000);
	move(&scene, &client, &record);
	scene_pass(&scene, 4000);
	CU_ASSERT(client_recover(&scene, &client, RELIABLE));
	check_hears(&client, "short");
	check_hears(&client, "long");
	scene_pass(&scene, 1000);
	CU_ASSERT(client_recover(&scene, &client, RELIABLE));
	check_hears(&client, "long");
	close(client.fd);
	scene_stop(&scene);
	close(scene.app);
	record_fini(&record);
}

/* What would not be sent again makes room in a full buffer. */
static void
test_messages_whose_time_is_over_fill_no_buffer(void)
{
	struct scene scene;
	struct client client;

	scene_start(&scene, "    max_unacked_messages: 3\n");
	client_open(&scene, &client, RELIABLE, WITH_STATE, ADMITTED);
	for (unsigned i = 0; i < 3; i++) {
		client_say(&client, "{\"type\":\"sendToGroup\",\"group\":\"deck\","
		    "\"ttlSeconds\":1,\"dataType\":\"text\",\"data\":\"short\"}");
		check_hears(&client, "short");
	}
	scene_pass(&scene, 2000);
	client_say(&client, "{\"type\":\"sendToGroup\",\"group\":\"deck\","
	    "\"dataType\":\"text\",\"data\":\"long\"}");
	check_hears(&client, "{\"sequenceId\":4,");
	CU_ASSERT(client_recover(&scene, &client, RELIABLE));
	check_hears(&client, "{\"sequenceId\":4,");
	client_leave(&client);
	app_answer(&scene, "", "");
	scene_stop(&scene);
	close(scene.app);
}

static void
test_stream_has_its_idle_time(void)
{
	struct wps_record record = { 0 };
	struct scene scene;
	struct client client;

	scene_start(&scene, "");
	client_open(&scene, &client, RELIABLE, WITH_STATE, ADMITTED);
	ask(&client, "{\"type\":\"sendToGroup\",\"group\":\"deck\",\"noEcho\":true,"
	    "\"stream\":{\"streamId\":\"s\",\"idleTimeoutMs\":7000}}",
	    "\"expectedSequenceId\":1");
	scene_pass(&scene, 3000);
	move(&scene, &client, &record);
	CU_ASSERT(client_recover(&scene, &client, RELIABLE));
	scene_pass(&scene, 3800);
	ask(&client, "{\"type\":\"streamData\",\"streamId\":\"s\","
	    "\"streamSequenceId\":1,\"dataType\":\"text\",\"data\":\"x\"}",
	    "\"expectedSequenceId\":2");
	scene_pass(&scene, 6800);
	ask(&client, "{\"type\":\"ping\"}", "pong");
	scene_pass(&scene, 300);
	check_hears(&client, "IdleTimeout");
	close(client.fd);
	scene_stop(&scene);
	close(scene.app);
	record_fini(&record);
}

/* --- other clients --------------------------------------------------------------------- */

static void
test_client_that_is_not_reliable_goes_on_with_a_new_transport(void)
{
	struct wps_record record = { 0 };
	struct scene scene;
	struct client client;

	scene_start(&scene, "");
	client_open(&scene, &client, PLAIN, WITH_STATE, ADMITTED);
	ask(&client, "{\"type\":\"joinGroup\",\"group\":\"third\",\"ackId\":1}",
	    "\"success\":true");
	move(&scene, &client, &record);
	client_attach(&scene, &client);
	ask(&client, "{\"type\":\"joinGroup\",\"group\":\"third\",\"ackId\":1}",
	    "\"Duplicate\"");
	ask(&client, "{\"type\":\"sendToGroup\",\"group\":\"deck\","
	    "\"dataType\":\"text\",\"data\":\"hello\"}", "hello");
	client_leave(&client);
	check_has("the end", app_answer(&scene, "", ""),
	    "ce-eventName: disconnected\r\n");
	scene_stop(&scene);
	close(scene.app);
	record_fini(&record);
}

static void
test_simple_client_sends_to_its_group(void)
{
	struct wps_record record = { 0 }, again = { 0 };
	struct scene scene;
	struct client client;

	scene_start(&scene, "");
	client_open(&scene, &client, "", WITH_STATE, ADMITTED);
	move(&scene, &client, &record);
	write_down(&scene, client.id, &again);
	check_same(&record, &again);
	client_attach(&scene, &client);
	client_say(&client, "to the deck");
	check_text("echo", client_hears(&client), "to the deck");
	client_leave(&client);
	app_answer(&scene, "", "");
	scene_stop(&scene);
	close(scene.app);
	record_fini(&record);
	record_fini(&again);
}

/* Mail that notes whether the hub is there: it is made with its first connection. */
struct look {
	struct mail mail;
	struct hub_table *hubs;
	struct wps_span record;
	int rc;
	bool hub;
};

static void
look_around(struct worker *worker, struct mail *mail)
{
	struct look *look = container_of(mail, struct look, mail);

	(void)worker;
	look->hub = hub_find(look->hubs, WPS_SPAN("chat")) != NULL;
}

static void
read_behind_mail(struct worker *worker, void *data)
{
	struct look *look = data;
	struct wps_conn *conn;
	struct wps_err err;

	worker_post(worker, &look->mail);
	look->rc = record_read(worker, look->record, &conn, &err);
	worker_drain(worker);
}

/* What others have sent before it comes is not for it. */
static void
test_mail_comes_before_a_connection_that_is_read(void)
{
	struct wps_record record = { 0 };
	struct scene scene;
	struct client client;

	scene_start(&scene, "");
	client_open(&scene, &client, RELIABLE, WITH_STATE, ADMITTED);
	write_down(&scene, client.id, &record);
	close(client.fd);
	scene_stop(&scene);
	scene_start_again(&scene, "");
	struct look look = { .mail.run = look_around,
		.hubs = &scene.server->hubs, .record = span_of(&record) };
	scene_run(&scene, read_behind_mail, &look);
	check_number("read", look.rc, WPS_OK);
	check_number("a hub before", look.hub, false);
	scene_stop(&scene);
	close(scene.app);
	record_fini(&record);
}

static void
test_group_states_stay_and_are_watched(void)
{
	struct wps_record record = { 0 }, again = { 0 };
	struct scene scene;
	struct client client, other;

	scene_start(&scene, "");
	client_open(&scene, &client, RELIABLE, WITH_STATE, ADMITTED);
	/* A record has them by name, not as they were set. */
	ask(&client, "{\"type\":\"setGroupState\",\"group\":\"first\",\"ackId\":3,"
	    "\"state\":{\"a\":\"1\"}}", "\"success\":true");
	ask(&client, "{\"type\":\"setGroupState\",\"group\":\"deck\",\"ackId\":1,"
	    "\"state\":{\"b\":\"2\",\"a\":\"1\"}}", "\"success\":true");
	ask(&client, "{\"type\":\"subscribeGroupState\",\"group\":\"deck\","
	    "\"ackId\":2}", "\"success\":true");
	check_hears(&client, "\"a\":\"1\"");
	move(&scene, &client, &record);
	write_down(&scene, client.id, &again);
	check_same(&record, &again);
	CU_ASSERT(client_recover(&scene, &client, RELIABLE));
	check_hears(&client, "\"sequenceId\":1,");
	client_open(&scene, &other, PLAIN, "", OTHER);
	ask(&other, "{\"type\":\"subscribeGroupState\",\"group\":\"deck\","
	    "\"ackId\":1}", "\"success\":true");
	check_hears(&other, "\"userId\":\"ann\",\"state\":{\"a\":\"1\"");
	ask(&other, "{\"type\":\"setGroupState\",\"group\":\"deck\",\"ackId\":2,"
	    "\"state\":{\"c\":\"3\"}}", "\"success\":true");
	check_hears(&client, "\"c\":\"3\"");
	/* It may still say and hear more of them. */
	ask(&client, "{\"type\":\"setGroupState\",\"group\":\"first\",\"ackId\":8,"
	    "\"state\":{\"d\":\"4\"}}", "\"success\":true");
	ask(&client, "{\"type\":\"subscribeGroupState\",\"group\":\"first\","
	    "\"ackId\":9}", "\"success\":true");
	close(client.fd);
	close(other.fd);
	scene_stop(&scene);
	close(scene.app);
	record_fini(&record);
	record_fini(&again);
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_record_that_is_read_and_written_again_is_the_same),
		TEST(test_client_goes_on_where_it_was),
		TEST(test_nothing_is_written_while_an_answer_is_awaited),
		TEST(test_nothing_is_written_before_the_application_has_heard_all),
		TEST(test_application_hears_nothing_of_the_way),
		TEST(test_window_goes_on_and_ends_as_ever),
		TEST(test_client_that_came_back_has_no_window),
		TEST(test_kept_message_expires_when_it_would_have),
		TEST(test_messages_whose_time_is_over_fill_no_buffer),
		TEST(test_stream_has_its_idle_time),
		TEST(test_client_that_is_not_reliable_goes_on_with_a_new_transport),
		TEST(test_simple_client_sends_to_its_group),
		TEST(test_group_states_stay_and_are_watched),
		TEST(test_mail_comes_before_a_connection_that_is_read),
	};

	return RUN_TESTS("record", tests);
}
