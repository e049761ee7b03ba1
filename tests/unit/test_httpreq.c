/* SPDX-License-Identifier: MIT */
/*
 * The reader of requests. Each row of the tables is fed whole, byte by byte,
 * and split at every offset; the result is the same.
 */
#include "net/httpreq.h"

#include "support/check.h"
#include "support/drive.h"
#include "support/expect.h"
#include "util/attr.h"

#define HOST "Host: a\r\n"

/* --- good requests -------------------------------------------------------- */

struct good {
	const char *name, *input;
	enum http_method method;
	const char *method_text, *target, *path, *query, *host, *body;
	unsigned headers;
	bool keep, chunked, expects, upgrade;
};

static const struct good goods[] = {
	{
		.name = "get",
		.input = "GET /a/b?c=d&e HTTP/1.1\r\n" HOST "\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET",
		.target = "/a/b?c=d&e", .path = "/a/b", .query = "c=d&e",
		.host = "a", .body = "", .headers = 1, .keep = true,
	},
	{
		.name = "head with an empty query",
		.input = "HEAD /? HTTP/1.1\r\n" HOST "\r\n",
		.method = HTTP_METHOD_HEAD, .method_text = "HEAD",
		.target = "/?", .path = "/", .query = "", .host = "a",
		.body = "", .headers = 1, .keep = true,
	},
	{
		.name = "two question marks",
		.input = "GET /x?y?z HTTP/1.1\r\n" HOST "\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET",
		.target = "/x?y?z", .path = "/x", .query = "y?z", .host = "a",
		.body = "", .headers = 1, .keep = true,
	},
	{
		.name = "post with a length",
		.input = "POST /p HTTP/1.1\r\n" HOST
		    "content-LENGTH: 5\r\n\r\nhello",
		.method = HTTP_METHOD_POST, .method_text = "POST",
		.target = "/p", .path = "/p", .host = "a", .body = "hello",
		.headers = 2, .keep = true,
	},
	{
		.name = "post of nothing",
		.input = "POST /p HTTP/1.1\r\n" HOST
		    "Content-Length: 000\r\n\r\n",
		.method = HTTP_METHOD_POST, .method_text = "POST",
		.target = "/p", .path = "/p", .host = "a", .body = "",
		.headers = 2, .keep = true,
	},
	{
		.name = "put in chunks",
		.input = "PUT /p HTTP/1.1\r\n" HOST
		    "Transfer-Encoding: CHUNKED\r\n\r\n"
		    "3\r\nabc\r\n00A;x=\"y\"\r\n0123456789\r\n"
		    "0\r\nTrailer: x\r\n\r\n",
		.method = HTTP_METHOD_PUT, .method_text = "PUT", .target = "/p",
		.path = "/p", .host = "a", .body = "abc0123456789",
		.headers = 2, .keep = true, .chunked = true,
	},
	{
		.name = "no chunk at all",
		.input = "PUT /p HTTP/1.1\r\n" HOST
		    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		.method = HTTP_METHOD_PUT, .method_text = "PUT", .target = "/p",
		.path = "/p", .host = "a", .body = "", .headers = 2,
		.keep = true, .chunked = true,
	},
	{
		.name = "an empty line in front",
		.input = "\r\nDELETE /d HTTP/1.1\r\n" HOST "\r\n",
		.method = HTTP_METHOD_DELETE, .method_text = "DELETE",
		.target = "/d", .path = "/d", .host = "a", .body = "",
		.headers = 1, .keep = true,
	},
	{
		.name = "options for the server",
		.input = "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
		.method = HTTP_METHOD_OPTIONS, .method_text = "OPTIONS",
		.target = "*", .path = "*", .host = "a", .body = "",
		.headers = 1, .keep = true,
	},
	{
		.name = "a method of its own",
		.input = "Fry!ng /d HTTP/1.1\r\n" HOST "\r\n",
		.method = HTTP_METHOD_OTHER, .method_text = "Fry!ng",
		.target = "/d", .path = "/d", .host = "a", .body = "",
		.headers = 1, .keep = true,
	},
	{
		.name = "methods have a case",
		.input = "get /d HTTP/1.1\r\n" HOST "\r\n",
		.method = HTTP_METHOD_OTHER, .method_text = "get",
		.target = "/d", .path = "/d", .host = "a", .body = "",
		.headers = 1, .keep = true,
	},
	{
		.name = "a method that http-parser treats in another way",
		.input = "CONNECT /d HTTP/1.1\r\n" HOST "\r\n",
		.method = HTTP_METHOD_OTHER, .method_text = "CONNECT",
		.target = "/d", .path = "/d", .host = "a", .body = "",
		.headers = 1, .keep = true,
	},
	{
		.name = "absolute form",
		.input = "GET HTTP://h:80/a?b HTTP/1.1\r\n" HOST "\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET",
		.target = "/a?b", .path = "/a", .query = "b", .host = "h:80",
		.body = "", .headers = 1, .keep = true,
	},
	{
		.name = "absolute form of an address without a path",
		.input = "GET https://[::1] HTTP/1.1\r\n" HOST "\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET", .target = "/",
		.path = "/", .host = "[::1]", .body = "", .headers = 1,
		.keep = true,
	},
	{
		.name = "absolute form with nothing but a query",
		.input = "GET http://h?b HTTP/1.1\r\n" HOST "\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET", .target = "?b",
		.path = "/", .query = "b", .host = "h", .body = "",
		.headers = 1, .keep = true,
	},
	{
		.name = "an absolute URL in a query",
		.input = "GET /a?u=http://h/b HTTP/1.1\r\n" HOST "\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET",
		.target = "/a?u=http://h/b", .path = "/a",
		.query = "u=http://h/b", .host = "a", .body = "", .headers = 1,
		.keep = true,
	},
	{
		.name = "bytes above 127 and odd ones",
		.input = "GET /\xc3\xa4|{}%zz HTTP/1.1\r\n" HOST "\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET",
		.target = "/\xc3\xa4|{}%zz", .path = "/\xc3\xa4|{}%zz",
		.host = "a", .body = "", .headers = 1, .keep = true,
	},
	{
		.name = "an empty Host",
		.input = "GET / HTTP/1.1\r\nHost:\r\n\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET", .target = "/",
		.path = "/", .host = "", .body = "", .headers = 1, .keep = true,
	},
	{
		.name = "HTTP/1.0 closes",
		.input = "GET / HTTP/1.0\r\n\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET", .target = "/",
		.path = "/", .body = "",
	},
	{
		.name = "HTTP/1.0 is kept on request",
		.input = "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET", .target = "/",
		.path = "/", .body = "", .headers = 1, .keep = true,
	},
	{
		.name = "close wins",
		.input = "GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\n"
		    "Connection: x , close\r\n\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET", .target = "/",
		.path = "/", .host = "a", .body = "", .headers = 3,
	},
	{
		.name = "upgrade",
		.input = "GET / HTTP/1.1\r\n" HOST "Upgrade: h2c,WebSocket\r\n"
		    "Connection: keep-alive, Upgrade\r\n\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET", .target = "/",
		.path = "/", .host = "a", .body = "", .headers = 3,
		.keep = true, .upgrade = true,
	},
	{
		.name = "upgrade that Connection does not list",
		.input = "GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n"
		    "Connection: upgraded\r\n\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET", .target = "/",
		.path = "/", .host = "a", .body = "", .headers = 3,
		.keep = true,
	},
	{
		.name = "no upgrade from HTTP/1.0",
		.input = "GET / HTTP/1.0\r\nUpgrade: websocket\r\n"
		    "Connection: upgrade\r\n\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET", .target = "/",
		.path = "/", .body = "", .headers = 2,
	},
	{
		.name = "100-continue",
		.input = "POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\n"
		    "Content-Length: 1\r\n\r\nx",
		.method = HTTP_METHOD_POST, .method_text = "POST",
		.target = "/", .path = "/", .host = "a", .body = "x",
		.headers = 3, .keep = true, .expects = true,
	},
	{
		.name = "100-continue before chunks",
		.input = "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
		.method = HTTP_METHOD_POST, .method_text = "POST",
		.target = "/", .path = "/", .host = "a", .body = "x",
		.headers = 3, .keep = true, .expects = true, .chunked = true,
	},
	{
		.name = "100-continue before nothing",
		.input = "GET / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
		    "\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET", .target = "/",
		.path = "/", .host = "a", .body = "", .headers = 2,
		.keep = true,
	},
	{
		.name = "100-continue means nothing in HTTP/1.0",
		.input = "POST / HTTP/1.0\r\nExpect: 100-continue\r\n"
		    "Content-Length: 1\r\n\r\nx",
		.method = HTTP_METHOD_POST, .method_text = "POST",
		.target = "/", .path = "/", .body = "x", .headers = 2,
	},
	{
		.name = "values of all kinds",
		.input = "GET / HTTP/1.1\r\nA:\r\nB: \t \r\n"
		    "C:\t x\ty \xff \r\nD::\r\n" HOST "E: \"a, b\"\r\n\r\n",
		.method = HTTP_METHOD_GET, .method_text = "GET", .target = "/",
		.path = "/", .host = "a", .body = "", .headers = 6,
		.keep = true,
	},
};

static void
expect_good(const struct good *good, const struct http_reader *reader)
{
	const struct http_request *request = http_reader_request(reader);

	expect_int("status", http_reader_status(reader), 0);
	expect_int("method", request->method, good->method);
	expect_span("method text", request->method_text, good->method_text);
	expect_span("target", request->target, good->target);
	expect_span("path", request->path, good->path);
	expect_span("query", request->query, good->query);
	expect_span("host", request->host, good->host);
	expect_span("body", request->body, good->body);
	expect_int("headers", (long)request->header_count, good->headers);
	expect_int("keep-alive", request->keep_alive, good->keep);
	expect_int("chunked", request->chunked, good->chunked);
	expect_int("100-continue", request->expect_continue, good->expects);
	expect_int("upgrade", request->upgrade, good->upgrade);
	expect_int("length", (long long)request->content_length,
	    good->chunked ? 0 : (long long)strlen(good->body));
}

static void
try_good(struct http_reader *reader, const struct good *good, long cut)
{
	struct wps_span input = wps_span_str(good->input);

	expect_in(good->name, cut);
	http_reader_reset(reader);
	struct outcome out = drive(reader, input, cut);
	expect_int("event", out.event, HTTP_DONE);
	expect_int("heads", out.heads, 1);
	expect_int("used", (long long)out.used, (long long)input.len);
	expect_good(good, reader);
}

static void
test_good_requests_are_read_however_they_come(void)
{
	struct http_reader *reader = http_reader_new(&drive_limits);

	for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
		for (long cut = BYTEWISE; cut < (long)strlen(goods[i].input);
		    cut++)
			try_good(reader, &goods[i], cut);
	}
	http_reader_free(&reader);
}

static void
test_what_is_behind_a_request_is_left(void)
{
	struct http_reader *reader = http_reader_new(&drive_limits);
	char all[8192];
	size_t len = 0, at = 0;

	for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
		memcpy(all + len, goods[i].input, strlen(goods[i].input));
		len += strlen(goods[i].input);
	}
	for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
		expect_in(goods[i].name, (long)at);
		struct outcome out = drive(reader,
		    (struct wps_span){ all + at, len - at }, WHOLE);
		expect_int("event", out.event, HTTP_DONE);
		expect_int("used", (long long)out.used,
		    (long long)strlen(goods[i].input));
		expect_good(&goods[i], reader);
		http_reader_reset(reader);
		at += out.used;
	}
	http_reader_free(&reader);
}

static void
test_headers_keep_their_order_and_spelling(void)
{
	static const char input[] = "GET / HTTP/1.1\r\nhOST: a\r\nX-A:\r\n"
	    "x-a:  one  two \t\r\n\r\n";
	struct http_reader *reader = http_reader_new(&drive_limits);

	expect_in("headers", 0);
	drive(reader, WPS_SPAN(input), BYTEWISE);
	const struct http_request *request = http_reader_request(reader);
	CU_ASSERT_EQUAL_FATAL(request->header_count, 3);
	expect_span("name", request->headers[0].name, "hOST");
	expect_span("name", request->headers[2].name, "x-a");
	expect_span("value", request->headers[2].value, "one  two");
	expect_span("first of two", http_header_find(request, "X-A"), "");
	expect_span("without case", http_header_find(request, "Host"), "a");
	expect_span("none", http_header_find(request, "Hos"), NULL);
	http_reader_free(&reader);
}

/* --- bad requests --------------------------------------------------------- */

#define LENGTH(text) "POST / HTTP/1.1\r\n" HOST text "\r\n"
#define CHUNKED(text) LENGTH("Transfer-Encoding: chunked\r\n") text
#define FIELD(text) "GET / HTTP/1.1\r\n" HOST text "\r\n"

struct bad {
	const char *name;
	struct wps_span input;
	int status;
};

static const struct bad bads[] = {
	/* Where the body ends must be beyond doubt. */
	{ "length and encoding", WPS_SPAN(LENGTH(
	    "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")), 400 },
	{ "encoding and length", WPS_SPAN(LENGTH(
	    "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n")), 400 },
	{ "two lengths", WPS_SPAN(LENGTH(
	    "Content-Length: 1\r\nContent-Length: 2\r\n")), 400 },
	{ "the same length twice", WPS_SPAN(LENGTH(
	    "Content-Length: 1\r\ncontent-length: 1\r\n")), 400 },
	{ "a list of lengths", WPS_SPAN(LENGTH("Content-Length: 1, 1\r\n")),
	    400 },
	{ "no length", WPS_SPAN(LENGTH("Content-Length:\r\n")), 400 },
	{ "signed length", WPS_SPAN(LENGTH("Content-Length: +1\r\n")), 400 },
	{ "negative length", WPS_SPAN(LENGTH("Content-Length: -1\r\n")), 400 },
	{ "hex length", WPS_SPAN(LENGTH("Content-Length: 0x1\r\n")), 400 },
	{ "blank in a length", WPS_SPAN(LENGTH("Content-Length: 1 1\r\n")),
	    400 },
	{ "fraction", WPS_SPAN(LENGTH("Content-Length: 1.0\r\n")), 400 },
	{ "a length of 2^64 + 1", WPS_SPAN(LENGTH(
	    "Content-Length: 18446744073709551617\r\n")), 413 },
	{ "a length of very many digits", WPS_SPAN(LENGTH(
	    "Content-Length: 999999999999999999999999999999\r\n")), 413 },
	{ "another encoding", WPS_SPAN(LENGTH("Transfer-Encoding: gzip\r\n")),
	    501 },
	{ "two encodings", WPS_SPAN(LENGTH(
	    "Transfer-Encoding: gzip, chunked\r\n")), 501 },
	{ "chunked twice", WPS_SPAN(LENGTH(
	    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
	    400 },
	{ "chunked, chunked", WPS_SPAN(LENGTH(
	    "Transfer-Encoding: chunked, chunked\r\n")), 501 },
	{ "encoding in a disguise", WPS_SPAN(LENGTH(
	    "Transfer-Encoding: xchunked\r\n")), 501 },
	{ "encoding with a parameter", WPS_SPAN(LENGTH(
	    "Transfer-Encoding: chunked;a=b\r\n")), 501 },
	{ "encoding in quotes", WPS_SPAN(LENGTH(
	    "Transfer-Encoding: \"chunked\"\r\n")), 501 },
	{ "no encoding", WPS_SPAN(LENGTH("Transfer-Encoding:\r\n")), 501 },
	{ "identity", WPS_SPAN(LENGTH("Transfer-Encoding: identity\r\n")),
	    501 },
	{ "encoding behind a vertical tab", WPS_SPAN(LENGTH(
	    "Transfer-Encoding:\vchunked\r\n")), 400 },
	{ "chunks in HTTP/1.0", WPS_SPAN("POST / HTTP/1.0\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400 },
	{ "blank before the colon", WPS_SPAN(LENGTH("Content-Length : 1\r\n")),
	    400 },
	{ "tab before the colon", WPS_SPAN(LENGTH("Content-Length\t: 1\r\n")),
	    400 },
	{ "folded length", WPS_SPAN(LENGTH("Content-Length:\r\n 1\r\n")), 400 },
	/* Lines. */
	{ "bare LF behind the request line", WPS_SPAN("GET / HTTP/1.1\n" HOST
	    "\r\n"), 400 },
	{ "bare LF behind a header", WPS_SPAN(FIELD("A: b\n")), 400 },
	{ "bare LF at the end", WPS_SPAN("GET / HTTP/1.1\r\n" HOST "\n"), 400 },
	{ "bare CR behind the request line", WPS_SPAN("GET / HTTP/1.1\rX"),
	    400 },
	{ "bare CR in a value", WPS_SPAN(FIELD("A: b\rc\r\n")), 400 },
	{ "CR CR LF", WPS_SPAN(FIELD("A: b\r\r\n")), 400 },
	{ "CR and no LF at the end", WPS_SPAN("GET / HTTP/1.1\r\n" HOST "\rX"),
	    400 },
	{ "bare LF in front", WPS_SPAN("\nGET / HTTP/1.1\r\n" HOST "\r\n"),
	    400 },
	{ "bare CR in front", WPS_SPAN("\rGET / HTTP/1.1\r\n" HOST "\r\n"),
	    400 },
	{ "two empty lines in front", WPS_SPAN("\r\n\r\nGET / HTTP/1.1\r\n"
	    HOST "\r\n"), 400 },
	{ "blank in front", WPS_SPAN(" GET / HTTP/1.1\r\n" HOST "\r\n"), 400 },
	/* The request line. */
	{ "no version", WPS_SPAN("GET /\r\n\r\n"), 400 },
	{ "no target", WPS_SPAN("GET  HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "two blanks", WPS_SPAN("GET  / HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "two blanks before the version", WPS_SPAN("GET /  HTTP/1.1\r\n" HOST
	    "\r\n"), 400 },
	{ "blank behind the version", WPS_SPAN("GET / HTTP/1.1 \r\n" HOST
	    "\r\n"), 400 },
	{ "tab", WPS_SPAN("GET\t/ HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "blank in the target", WPS_SPAN("GET /a b HTTP/1.1\r\n" HOST "\r\n"),
	    400 },
	{ "fragment", WPS_SPAN("GET /a#b HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "NUL in the target", WPS_SPAN("GET /a\0b HTTP/1.1\r\n" HOST "\r\n"),
	    400 },
	{ "DEL in the target", WPS_SPAN("GET /a\x7f HTTP/1.1\r\n" HOST "\r\n"),
	    400 },
	{ "a relative target", WPS_SPAN("GET a HTTP/1.1\r\n" HOST "\r\n"),
	    400 },
	{ "authority form", WPS_SPAN("CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n"),
	    400 },
	{ "asterisk for another method", WPS_SPAN("GET * HTTP/1.1\r\n" HOST
	    "\r\n"), 400 },
	{ "another scheme", WPS_SPAN("GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n"),
	    400 },
	{ "no authority", WPS_SPAN("GET http:///a HTTP/1.1\r\n" HOST "\r\n"),
	    400 },
	{ "a user in the authority", WPS_SPAN("GET http://u@a/ HTTP/1.1\r\n"
	    HOST "\r\n"), 400 },
	{ "a method that is no token", WPS_SPAN("GE(T / HTTP/1.1\r\n" HOST
	    "\r\n"), 400 },
	{ "lower case version", WPS_SPAN("GET / http/1.1\r\n" HOST "\r\n"),
	    400 },
	{ "version of two digits", WPS_SPAN("GET / HTTP/1.10\r\n" HOST "\r\n"),
	    400 },
	{ "version 1.2", WPS_SPAN("GET / HTTP/1.2\r\n" HOST "\r\n"), 505 },
	{ "version 0.9", WPS_SPAN("GET / HTTP/0.9\r\n" HOST "\r\n"), 505 },
	{ "version 2.0", WPS_SPAN("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
	/* Header lines. */
	{ "no Host", WPS_SPAN("GET / HTTP/1.1\r\nA: b\r\n\r\n"), 400 },
	{ "no headers", WPS_SPAN("GET / HTTP/1.1\r\n\r\n"), 400 },
	{ "two Hosts", WPS_SPAN(FIELD("Host: a\r\n")), 400 },
	{ "two Hosts in HTTP/1.0", WPS_SPAN("GET / HTTP/1.0\r\n" HOST HOST
	    "\r\n"), 400 },
	{ "a list of Hosts", WPS_SPAN("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
	    400 },
	{ "a path in Host", WPS_SPAN("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
	    400 },
	{ "a user in Host", WPS_SPAN("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
	    400 },
	{ "Host above 127", WPS_SPAN("GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n"
	    "\r\n"), 400 },
	{ "a fold", WPS_SPAN(FIELD("A: b\r\n c\r\n")), 400 },
	{ "a fold by tab", WPS_SPAN(FIELD("A: b\r\n\tc\r\n")), 400 },
	{ "blank before the first header", WPS_SPAN("GET / HTTP/1.1\r\n "
	    HOST "\r\n"), 400 },
	{ "no name", WPS_SPAN(FIELD(": b\r\n")), 400 },
	{ "no colon", WPS_SPAN(FIELD("A\r\n")), 400 },
	{ "a name that is no token", WPS_SPAN(FIELD("A(: b\r\n")), 400 },
	{ "a name above 127", WPS_SPAN(FIELD("A\xc3\xa4: b\r\n")), 400 },
	{ "NUL in a name", WPS_SPAN(FIELD("A\0: b\r\n")), 400 },
	{ "NUL in a value", WPS_SPAN(FIELD("A: b\0c\r\n")), 400 },
	{ "control byte in a value", WPS_SPAN(FIELD("A: b\x01\r\n")), 400 },
	{ "DEL in a value", WPS_SPAN(FIELD("A: b\x7f\r\n")), 400 },
	{ "another expectation", WPS_SPAN(FIELD("Expect: 200-ok\r\n")), 417 },
	{ "an expectation too many", WPS_SPAN(FIELD(
	    "Expect: 100-continue, b\r\n")), 417 },
	{ "no expectation", WPS_SPAN(FIELD("Expect:\r\n")), 417 },
	/* Chunks; test_chunk has more of them. */
	{ "hex prefix", WPS_SPAN(CHUNKED("0x1\r\na\r\n0\r\n\r\n")), 400 },
	{ "signed size", WPS_SPAN(CHUNKED("+1\r\na\r\n0\r\n\r\n")), 400 },
	{ "negative size", WPS_SPAN(CHUNKED("-1\r\na\r\n0\r\n\r\n")), 400 },
	{ "size of 2^64", WPS_SPAN(CHUNKED("10000000000000000\r\na")), 400 },
	{ "size of 2^64 - 1", WPS_SPAN(CHUNKED("ffffffffffffffff\r\na")), 413 },
	{ "bare LF behind a size", WPS_SPAN(CHUNKED("1\na\r\n0\r\n\r\n")),
	    400 },
};

static void
test_bad_requests_are_refused_however_they_come(void)
{
	struct http_reader *reader = http_reader_new(&drive_limits);

	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		const struct bad *bad = &bads[i];
		for (long cut = BYTEWISE; cut < (long)bad->input.len; cut++) {
			expect_in(bad->name, cut);
			http_reader_reset(reader);
			struct outcome out = drive(reader, bad->input, cut);
			expect_int("event", out.event, HTTP_BAD);
			expect_int("status", http_reader_status(reader),
			    bad->status);
			expect_int("has a reason",
			    http_reader_reason(reader)[0] != '\0', true);
		}
	}
	http_reader_free(&reader);
}

static void
test_a_bad_request_stays_bad_until_the_reset(void)
{
	struct http_reader *reader = http_reader_new(&drive_limits);
	size_t used = 9;

	expect_in("bad", 0);
	drive(reader, WPS_SPAN("GET / HTTP/1.2\r\n"), WHOLE);
	expect_int("event", http_reader_feed(reader, "\r\n", 2, &used),
	    HTTP_BAD);
	expect_int("used", (long long)used, 0);
	expect_span("method", http_reader_request(reader)->method_text, NULL);
	http_reader_reset(reader);
	expect_int("status", http_reader_status(reader), 0);
	struct outcome out = drive(reader, wps_span_str(goods[0].input), WHOLE);
	expect_int("event", out.event, HTTP_DONE);
	http_reader_free(&reader);
}

static void
test_a_head_without_a_body_is_done_by_feeding_nothing(void)
{
	struct http_reader *reader = http_reader_new(&drive_limits);
	struct wps_span input = wps_span_str(goods[0].input);
	size_t used;

	expect_in("nothing", 0);
	expect_int("head", http_reader_feed(reader, input.data, input.len,
	    &used), HTTP_HEAD);
	expect_int("done", http_reader_feed(reader, NULL, 0, &used), HTTP_DONE);
	expect_int("used", (long long)used, 0);
	http_reader_free(&reader);
}

/* --- base paths ----------------------------------------------------------- */

static void
test_a_base_path_is_whole_segments(void)
{
	static const struct {
		const char *base, *request;
		bool inside;
		const char *path;
	} cases[] = {
		{ "", "GET /a HTTP/1.1\r\n", true, "/a" },
		{ "/b", "GET /b/a HTTP/1.1\r\n", true, "/a" },
		{ "/b", "GET /b/ HTTP/1.1\r\n", true, "/" },
		{ "/b", "GET /b HTTP/1.1\r\n", true, "/" },
		{ "/b", "GET /b?c HTTP/1.1\r\n", true, "/" },
		{ "/b", "GET /ba HTTP/1.1\r\n", false, "/ba" },
		{ "/b", "GET / HTTP/1.1\r\n", false, "/" },
		{ "/b", "GET /a/b HTTP/1.1\r\n", false, "/a/b" },
		{ "/b/c", "GET /b HTTP/1.1\r\n", false, "/b" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_reader *reader = http_reader_new(&drive_limits);
		expect_in(cases[i].request, (long)i);
		drive(reader, wps_span_str(cases[i].request), WHOLE);
		drive(reader, WPS_SPAN(HOST "\r\n"), WHOLE);
		expect_int("inside", http_reader_strip(reader,
		    wps_span_str(cases[i].base)), cases[i].inside);
		expect_span("path", http_reader_request(reader)->path,
		    cases[i].path);
		http_reader_free(&reader);
	}
}

/* --- lists ---------------------------------------------------------------- */

static void
test_lists_hold_whole_tokens_without_case(void)
{
	static const struct {
		const char *list, *token;
		bool holds;
	} cases[] = {
		{ "close", "close", true },
		{ "CLOSE", "close", true },
		{ "a, close", "close", true },
		{ "close,a", "close", true },
		{ " \tclose\t ,a", "close", true },
		{ ",,close,", "close", true },
		{ "closed", "close", false },
		{ "a close", "close", false },
		{ "clos", "close", false },
		{ "", "close", false },
		{ ",", "close", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		expect_in(cases[i].list, 0);
		expect_int("holds", http_list_has(wps_span_str(cases[i].list),
		    cases[i].token), cases[i].holds);
	}
	expect_int("absent", http_list_has(WPS_SPAN_NONE, "close"), false);
}

static const struct named_test tests[] = {
	TEST(test_good_requests_are_read_however_they_come),
	TEST(test_what_is_behind_a_request_is_left),
	TEST(test_headers_keep_their_order_and_spelling),
	TEST(test_bad_requests_are_refused_however_they_come),
	TEST(test_a_bad_request_stays_bad_until_the_reset),
	TEST(test_a_head_without_a_body_is_done_by_feeding_nothing),
	TEST(test_a_base_path_is_whole_segments),
	TEST(test_lists_hold_whole_tokens_without_case),
};

int
main(void)
{
	return RUN_TESTS("httpreq", tests);
}
