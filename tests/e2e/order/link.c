/* SPDX-License-Identifier: MIT */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE 65536

static uint64_t seed_of_run;

void
fail_seed(uint64_t seed)
{
	seed_of_run = seed;
}

void
fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "order: seed %llu: ", (unsigned long long)seed_of_run);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/* --- buffers and sockets ---------------------------------------------------- */

static void
buffer_reserve(struct buffer *buffer, size_t more)
{
	if (buffer->len + more <= buffer->cap)
		return;
	buffer->cap = (buffer->len + more) * 2;
	buffer->data = realloc(buffer->data, buffer->cap);
	if (buffer->data == NULL)
		fail("out of memory");
}

static void
buffer_add(struct buffer *buffer, const void *data, size_t len)
{
	buffer_reserve(buffer, len);
	memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
}

static void
buffer_take(struct buffer *buffer, size_t len)
{
	buffer->len -= len;
	memmove(buffer->data, buffer->data + len, buffer->len);
}

static struct sockaddr_in
parse_address(const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	char host[64];
	const char *colon = strrchr(text, ':');

	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		fail("not an address: %s", text);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		fail("not an IPv4 address: %s", host);
	return address;
}

void
link_open(struct link *link, const char *address, int epoll, uint64_t tag)
{
	struct sockaddr_in peer = parse_address(address);
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = tag };
	int on = 1;

	*link = (struct link){ .epoll = epoll, .tag = tag };
	snprintf(link->address, sizeof(link->address), "%s", address);
	link->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (link->fd < 0 ||
	    connect(link->fd, (struct sockaddr *)&peer, sizeof(peer)) < 0)
		fail("connect to %s: %s", address, strerror(errno));
	setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (fcntl(link->fd, F_SETFL, O_NONBLOCK) < 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, link->fd, &event) < 0)
		fail("epoll: %s", strerror(errno));
}

void
link_close(struct link *link)
{
	close(link->fd);
	free(link->in.data);
	free(link->out.data);
}

/* Readiness to write is asked for only while something waits. */
static void
watch(struct link *link, bool to_write)
{
	if (link->waits_to_write == to_write)
		return;
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = link->tag };
	if (to_write)
		event.events |= EPOLLOUT;
	if (epoll_ctl(link->epoll, EPOLL_CTL_MOD, link->fd, &event) < 0)
		fail("epoll: %s", strerror(errno));
	link->waits_to_write = to_write;
}

void
link_read(struct link *link)
{
	for (;;) {
		buffer_reserve(&link->in, READ_SIZE);
		ssize_t n = recv(link->fd, link->in.data + link->in.len,
		    READ_SIZE, 0);
		if (n > 0)
			link->in.len += (size_t)n;
		else if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		else
			fail("%s ended a connection: %s", link->address,
			    n < 0 ? strerror(errno) : "end of data");
		if (n < READ_SIZE)
			return;
	}
}

void
link_flush(struct link *link)
{
	while (link->out.len > 0) {
		ssize_t n = send(link->fd, link->out.data, link->out.len,
		    MSG_NOSIGNAL);
		if (n > 0)
			buffer_take(&link->out, (size_t)n);
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			fail("write to %s: %s", link->address, strerror(errno));
	}
	watch(link, link->out.len > 0);
}

void
link_take(struct link *link, size_t len)
{
	buffer_take(&link->in, len);
}

/* --- WebSocket -------------------------------------------------------------- */

/* The mask is a constant: what it protects against is not on this machine. */
void
ws_send(struct link *link, enum ws_opcode opcode, const char *data, size_t len)
{
	static const unsigned char mask[4] = { 0x5a, 0xc3, 0x17, 0x88 };
	unsigned char head[8] = { (unsigned char)(0x80 | opcode) };
	size_t n = 2;

	if (len < 126) {
		head[1] = (unsigned char)(0x80 | len);
	} else {
		head[1] = 0x80 | 126;
		head[2] = (unsigned char)(len >> 8);
		head[3] = (unsigned char)len;
		n = 4;
	}
	memcpy(head + n, mask, sizeof(mask));
	buffer_add(&link->out, head, n + sizeof(mask));
	size_t start = link->out.len;
	buffer_add(&link->out, data, len);
	for (size_t i = 0; i < len; i++)
		link->out.data[start + i] ^= (char)mask[i & 3];
	link_flush(link);
}

bool
ws_next(const struct link *link, struct ws_frame *frame)
{
	const unsigned char *bytes = (const unsigned char *)link->in.data;

	if (link->in.len < 2)
		return false;
	if ((bytes[0] & 0xf0) != 0x80 || (bytes[1] & 0x80) || bytes[1] == 127)
		fail("a frame of an unexpected form: %02x %02x", bytes[0],
		    bytes[1]);
	frame->opcode = bytes[0] & 15;
	frame->len = bytes[1];
	size_t head = 2;
	if (frame->len == 126) {
		if (link->in.len < 4)
			return false;
		frame->len = (size_t)bytes[2] << 8 | bytes[3];
		head = 4;
	}
	frame->data = link->in.data + head;
	frame->size = head + frame->len;
	return link->in.len >= frame->size;
}

/* --- HTTP ------------------------------------------------------------------- */

void
http_send(struct link *link, const char *method, const char *path,
    const char *token, const char *body)
{
	char head[2048];
	int n = snprintf(head, sizeof(head),
	    "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
	    "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s",
	    method, path, link->address, token, strlen(body), body);

	if (n < 0 || (size_t)n >= sizeof(head))
		fail("a request is too long");
	buffer_add(&link->out, head, (size_t)n);
	link_flush(link);
}

/* Without its head's end: 0. Answers to the driver's calls have no body. */
static size_t
head_size(const struct link *link)
{
	const char *end = link->in.len == 0 ? NULL :
	    memmem(link->in.data, link->in.len, "\r\n\r\n", 4);

	return end ? (size_t)(end - link->in.data) + 4 : 0;
}

int
http_next(struct link *link)
{
	size_t size = head_size(link);

	if (size == 0)
		return 0;
	if (size < 13 || memcmp(link->in.data, "HTTP/1.1 ", 9) != 0)
		fail("not an HTTP answer");
	int status = (int)strtol(link->in.data + 9, NULL, 10);
	if (status >= 400 && status != 404)
		fail("status %d: %.*s", status, (int)link->in.len,
		    link->in.data);
	buffer_take(&link->in, size);
	return status;
}

static void
wait_for_head(struct link *link)
{
	struct epoll_event event;

	while (head_size(link) == 0) {
		if (epoll_wait(link->epoll, &event, 1, 10000) < 1)
			fail("no answer to an upgrade");
		link_read(link);
	}
}

void
link_upgrade(struct link *link, const char *path, const char *token)
{
	char head[2048];
	int n = snprintf(head, sizeof(head),
	    "GET %s?access_token=%s HTTP/1.1\r\nHost: %s\r\n"
	    "Connection: Upgrade\r\nUpgrade: websocket\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	    "Sec-WebSocket-Protocol: json.webpubsub.azure.v1\r\n\r\n",
	    path, token, link->address);

	if (n < 0 || (size_t)n >= sizeof(head))
		fail("an upgrade is too long");
	buffer_add(&link->out, head, (size_t)n);
	link_flush(link);
	wait_for_head(link);
	int status = http_next(link);
	if (status != 101)
		fail("an upgrade was answered %d", status);
}
