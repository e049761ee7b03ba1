/* SPDX-License-Identifier: MIT */
/*
 * Connections that are written down in one server and read back in another, with
 * the plugins as they are installed.
 */
#include "record/scene.h"

#include "support/check.h"

#include <unistd.h>

#define RELIABLE "json.reliable.webpubsub.azure.v1"
#define PLAIN "json.webpubsub.azure.v1"

#define ADMITTED                                                               \
	"{\"userId\":\"ann\",\"groups\":[\"first\",\"deck\"],\"roles\":["       \
	"\"webpubsub.joinLeaveGroup\",\"webpubsub.sendToGroup.deck\","         \
	"\"webpubsub.sendToGroups.team*\"]}"
#define WITH_STATE                                                             \
	"Content-Type: application/json\r\nce-connectionState: one\r\n"       \
	"Set-Cookie: a=b\r\n"

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

static void
write_down(struct scene *scene, const char *id, struct wps_record *record)
{
	struct wps_err err = { "" };
	int rc = scene_write(scene, id, record, &err);

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
	check_has("cookie", event, "Cookie: a=b\r\n");
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

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_record_that_is_read_and_written_again_is_the_same),
		TEST(test_client_goes_on_where_it_was),
	};

	return RUN_TESTS("record", tests);
}
