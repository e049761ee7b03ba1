/* SPDX-License-Identifier: MIT */
/*
 * Reports: lines for people, put in the order of the file at the end.
 *
 * Errors are found by passes that each walk the file on their own, so their lines
 * come in another order than the places that they speak of.
 */
#include "conf.h"

#include "util/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A key with a line end must not make two lines, nor steer a terminal. */
static void
make_printable(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
}

void
conf_report_add(struct conf_report *report, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	int needed = vsnprintf(NULL, 0, format, args);
	va_end(args);
	size_t len = needed > 0 ? (size_t)needed : 0;
	report->text = xrealloc(report->text, report->len + len + 2, 1);
	char *line = report->text + report->len;
	vsnprintf(line, len + 1, format, again);
	va_end(again);
	make_printable(line, len);
	line[len] = '\n';
	line[len + 1] = '\0';
	report->len += len + 1;
	report->count++;
}

void
conf_report_fini(struct conf_report *report)
{
	free(report->text);
	*report = (struct conf_report){ 0 };
}

/* --- order --------------------------------------------------------------- */

struct line {
	unsigned long line, column; /* 0: it speaks of the whole file */
	const char *text;           /* also the order in which they came */
	size_t len;
};

/* Reads ":12"; NULL when there is none. */
static const char *
read_place(const char *at, unsigned long *out)
{
	char *end;

	if (at[0] != ':' || at[1] < '0' || at[1] > '9')
		return NULL;
	*out = strtoul(at + 1, &end, 10);
	return end;
}

/* Finds the first ":line:column: "; a path may have colons too. */
static void
find_place(struct line *line)
{
	for (const char *at = line->text; at < line->text + line->len; at++) {
		unsigned long number, column;
		const char *end = read_place(at, &number);
		if (end)
			end = read_place(end, &column);
		if (end == NULL || end[0] != ':' || end[1] != ' ')
			continue;
		line->line = number;
		line->column = column;
		return;
	}
}

static int
compare_lines(const void *first, const void *second)
{
	const struct line *a = first, *b = second;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return a->text < b->text ? -1 : 1;
}

void
conf_report_sort(struct conf_report *report)
{
	if (report->count < 2)
		return;
	struct line *lines = xcalloc(report->count, sizeof(*lines));
	char *sorted = xmalloc(report->len + 1), *end = sorted;
	const char *at = report->text;

	for (unsigned i = 0; i < report->count; i++) {
		lines[i].text = at;
		lines[i].len = strcspn(at, "\n") + 1;
		find_place(&lines[i]);
		at += lines[i].len;
	}
	qsort(lines, report->count, sizeof(*lines), compare_lines);
	for (unsigned i = 0; i < report->count; i++) {
		memcpy(end, lines[i].text, lines[i].len);
		end += lines[i].len;
	}
	*end = '\0';
	free(lines);
	free(report->text);
	report->text = sorted;
}
