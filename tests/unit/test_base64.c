/* SPDX-License-Identifier: MIT */
#include "lib/base64.h"

#include "unit.h"

/* RFC 4648, section 10, and what differs between the alphabets. */
static const struct {
	struct wps_span bytes, text, url;
} vectors[] = {
	{ WPS_SPAN(""), WPS_SPAN(""), WPS_SPAN("") },
	{ WPS_SPAN("f"), WPS_SPAN("Zg=="), WPS_SPAN("Zg") },
	{ WPS_SPAN("fo"), WPS_SPAN("Zm8="), WPS_SPAN("Zm8") },
	{ WPS_SPAN("foo"), WPS_SPAN("Zm9v"), WPS_SPAN("Zm9v") },
	{ WPS_SPAN("foob"), WPS_SPAN("Zm9vYg=="), WPS_SPAN("Zm9vYg") },
	{ WPS_SPAN("fooba"), WPS_SPAN("Zm9vYmE="), WPS_SPAN("Zm9vYmE") },
	{ WPS_SPAN("foobar"), WPS_SPAN("Zm9vYmFy"), WPS_SPAN("Zm9vYmFy") },
	{ WPS_SPAN("\xfb\xff\xfe"), WPS_SPAN("+//+"), WPS_SPAN("-__-") },
	{ WPS_SPAN("\0\0\0"), WPS_SPAN("AAAA"), WPS_SPAN("AAAA") },
	{ WPS_SPAN("\xff"), WPS_SPAN("/w=="), WPS_SPAN("_w") },
};

static const struct {
	const char *name;
	struct wps_span text;
} refused[] = {
	{ "one character", WPS_SPAN("Z") },
	{ "two without padding", WPS_SPAN("Zg") },
	{ "three without padding", WPS_SPAN("Zm8") },
	{ "half the padding", WPS_SPAN("Zg=") },
	{ "padding too much", WPS_SPAN("Zg===") },
	{ "padding after whole groups", WPS_SPAN("Zm9v====") },
	{ "padding for three", WPS_SPAN("Z===") },
	{ "padding only", WPS_SPAN("====") },
	{ "padding inside", WPS_SPAN("Zg==Zm9v") },
	{ "padding between", WPS_SPAN("Zm=v") },
	{ "unused bits of one byte", WPS_SPAN("Zh==") },
	{ "unused bits of two bytes", WPS_SPAN("Zm9=") },
	{ "line break", WPS_SPAN("Zm9v\nZm9v===") },
	{ "blank", WPS_SPAN("Zm9 ") },
	{ "NUL", WPS_SPAN("Zm9\0") },
	{ "high byte", WPS_SPAN("Zm9\xff") },
	{ "URL alphabet", WPS_SPAN("-__-") },
	{ "bad character in the padded group", WPS_SPAN("Z-==") },
	{ "bad character in an early group", WPS_SPAN("Z.9vZm9vZm9v") },
};

static const struct {
	const char *name;
	struct wps_span text;
} url_refused[] = {
	{ "one character", WPS_SPAN("Z") },
	{ "five characters", WPS_SPAN("Zm9vZ") },
	{ "padding", WPS_SPAN("Zg==") },
	{ "standard alphabet", WPS_SPAN("+//+") },
	{ "unused bits of one byte", WPS_SPAN("Zh") },
	{ "unused bits of two bytes", WPS_SPAN("Zm9") },
	{ "dot", WPS_SPAN("Zm9.") },
};

static void
test_encode_writes_the_vectors(void)
{
	char room[16];

	for (size_t i = 0; i < COUNT(vectors); i++) {
		char *end = base64_encode(room, vectors[i].bytes);
		struct wps_span got = { room, (size_t)(end - room) };

		check_bytes("encode", got, vectors[i].text);
		check_number("size", base64_size(vectors[i].bytes.len), got.len);
		end = base64url_encode(room, vectors[i].bytes);
		got.len = (size_t)(end - room);
		check_bytes("url", got, vectors[i].url);
	}
}

static void
test_decode_reads_the_vectors(void)
{
	char room[16];
	size_t len;

	for (size_t i = 0; i < COUNT(vectors); i++) {
		CU_ASSERT_TRUE(base64_decode(room, vectors[i].text, &len));
		check_bytes("decode", (struct wps_span){ room, len },
		    vectors[i].bytes);
		CU_ASSERT_TRUE(base64_valid(vectors[i].text, &len));
		check_number("valid", len, vectors[i].bytes.len);
		CU_ASSERT_TRUE(base64url_decode(room, vectors[i].url, &len));
		check_bytes("url", (struct wps_span){ room, len },
		    vectors[i].bytes);
	}
}

static void
test_absent_is_empty(void)
{
	char room[1];
	size_t len = 1;

	CU_ASSERT_PTR_EQUAL(base64_encode(room, WPS_SPAN_NONE), room);
	CU_ASSERT_TRUE(base64_decode(room, WPS_SPAN_NONE, &len));
	check_number("length", len, 0);
}

static void
test_decode_refuses_what_is_not_strict(void)
{
	char room[16];
	size_t len;

	for (size_t i = 0; i < COUNT(refused); i++) {
		check_number(refused[i].name,
		    base64_decode(room, refused[i].text, &len), false);
		check_number(refused[i].name,
		    base64_valid(refused[i].text, &len), false);
	}
	for (size_t i = 0; i < COUNT(url_refused); i++)
		check_number(url_refused[i].name,
		    base64url_decode(room, url_refused[i].text, &len), false);
}

static bool
is_in(const char *alphabet, int c)
{
	return c && strchr(alphabet, c);
}

static void
test_each_place_takes_the_alphabet_only(void)
{
	static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789";
	char text[8], room[8];
	size_t len;

	for (unsigned place = 0; place < sizeof(text); place++) {
		for (int c = 0; c < 256; c++) {
			struct wps_span span = { text, sizeof(text) };
			bool both = is_in(common, c);
			bool standard = both || is_in("+/", c) ||
			    (c == '=' && place == 7);

			memset(text, 'A', sizeof(text));
			text[place] = (char)c;
			check_number("standard",
			    base64_decode(room, span, &len), standard);
			check_number("valid", base64_valid(span, &len),
			    standard);
			check_number("url", base64url_decode(room, span, &len),
			    both || is_in("-_", c));
		}
	}
}

static void
check_round_trip(struct wps_span bytes)
{
	char text[512], room[512];
	struct wps_span copy;
	size_t len;

	copy = exact_copy((struct wps_span){ text,
	    (size_t)(base64_encode(text, bytes) - text) });
	check_number("size", copy.len, base64_size(bytes.len));
	CU_ASSERT_TRUE(base64_decode(room, copy, &len));
	check_bytes("standard", (struct wps_span){ room, len }, bytes);
	free_copy(copy);

	copy = exact_copy((struct wps_span){ text,
	    (size_t)(base64url_encode(text, bytes) - text) });
	check_number("URL size", copy.len, (bytes.len * 8 + 5) / 6);
	CU_ASSERT_TRUE(base64url_decode(room, copy, &len));
	check_bytes("URL", (struct wps_span){ room, len }, bytes);
	free_copy(copy);
}

static void
test_each_length_comes_back(void)
{
	char bytes[256];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 167 + 13);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct wps_span copy = exact_copy(
		    (struct wps_span){ bytes, len });

		check_round_trip(copy);
		free_copy(copy);
	}
}

int
main(void)
{
	static const struct named_test tests[] = {
		TEST(test_encode_writes_the_vectors),
		TEST(test_decode_reads_the_vectors),
		TEST(test_absent_is_empty),
		TEST(test_decode_refuses_what_is_not_strict),
		TEST(test_each_place_takes_the_alphabet_only),
		TEST(test_each_length_comes_back),
	};

	return RUN_TESTS("base64", tests);
}
