/* SPDX-License-Identifier: MIT */
/*
 * Running filters. Types were checked when the filter was parsed; what is left
 * is null, which every operation has a rule for.
 */
#include "filter_code.h"

#include "lib/utf8.h"

#include <stdlib.h>

/* Most texts fit into `room`; longer ones are taken from the heap. */
#define SCRATCH_ROOM 2048

struct scratch_block {
	struct scratch_block *next;
	char data[];
};

struct filter_scratch {
	struct scratch_block *blocks; /* owned */
	size_t made; /* bytes of blocks */
	size_t used;    /* of the room */
	bool exhausted; /* something was not to be had */
	char room[SCRATCH_ROOM];
};

char *
filter_scratch_take(struct filter_scratch *scratch, size_t len)
{
	struct scratch_block *block = NULL;

	if (len <= SCRATCH_ROOM - scratch->used) {
		char *taken = scratch->room + scratch->used;
		scratch->used += len;
		return taken;
	}
	if (len <= FILTER_MADE_MAX - scratch->made)
		block = malloc(sizeof(*block) + len);
	if (block == NULL) {
		scratch->exhausted = true;
		return NULL;
	}
	scratch->made += len;
	block->next = scratch->blocks;
	scratch->blocks = block;
	return block->data;
}

static void
scratch_fini(struct filter_scratch *scratch)
{
	while (scratch->blocks) {
		struct scratch_block *next = scratch->blocks->next;
		free(scratch->blocks);
		scratch->blocks = next;
	}
}

/* --- values ------------------------------------------------------------------ */

static struct filter_value
bool_value(bool yes)
{
	return (struct filter_value){ .type = TYPE_BOOL, .number = yes };
}

static struct filter_value
int_value(size_t number)
{
	return (struct filter_value){ .type = TYPE_INT,
		.number = number > INT32_MAX ? INT32_MAX : (int32_t)number };
}

/* An absent text is null. */
static struct filter_value
text_value(struct wps_span text)
{
	return (struct filter_value){
		.type = text.data ? TYPE_STRING : TYPE_NULL,
		.text = text,
	};
}

static bool
equal(const struct filter_value *a, const struct filter_value *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == TYPE_STRING)
		return wps_span_eq(a->text, b->text);
	return a->type == TYPE_NULL || a->number == b->number;
}

static bool
compare(enum filter_code code, const struct filter_value *a,
    const struct filter_value *b)
{
	bool ordered = a->type == TYPE_INT && b->type == TYPE_INT;

	if (code == CODE_EQ)
		return equal(a, b);
	if (code == CODE_NE)
		return !equal(a, b);
	if (!ordered)
		return false;
	if (code == CODE_GT)
		return a->number > b->number;
	if (code == CODE_GE)
		return a->number >= b->number;
	if (code == CODE_LT)
		return a->number < b->number;
	return a->number <= b->number;
}

static bool
in_groups(const struct filter_value *value, const struct wps_conn_facts *facts)
{
	return value->type == TYPE_STRING &&
	    facts->in_group(facts, value->text);
}

/* --- the machine --------------------------------------------------------------- */

struct machine {
	const struct filter *filter;
	const struct wps_conn_facts *facts;
	struct filter_value *top; /* the last value; below the first: none */
	struct filter_scratch *scratch;
};

static void
push(struct machine *machine, struct filter_value value)
{
	*++machine->top = value;
}

static void
run_call(struct machine *machine, const struct filter_op *op)
{
	struct filter_value *args = machine->top + 1 - op->args;

	*args = op->function->call(machine->scratch, machine->filter->locale,
	    args, op->args);
	machine->top = args;
}

/* Of the two that take a value and say where to go on. */
static size_t
run_branch(struct machine *machine, const struct filter_op *op, size_t next)
{
	bool stays = op->code == CODE_OR;

	if ((machine->top->number != 0) == stays)
		return op->jump;
	machine->top--;
	return next;
}

static size_t
run_in_item(struct machine *machine, const struct filter_op *op, size_t next)
{
	struct filter_value *item = machine->top--;

	if (!equal(machine->top, item))
		return next;
	*machine->top = bool_value(true);
	return op->jump;
}

/* Where the program goes on. */
static size_t
step(struct machine *machine, const struct filter_op *op, size_t next)
{
	const struct wps_conn_facts *facts = machine->facts;
	struct filter_value *top = machine->top;

	switch (op->code) {
	case CODE_STRING:
		push(machine, text_value(op->text));
		break;
	case CODE_INT:
	case CODE_BOOL:
		push(machine, (struct filter_value){
		    .type = op->code == CODE_INT ? TYPE_INT : TYPE_BOOL,
		    .number = op->number,
		});
		break;
	case CODE_NULL:
		push(machine, text_value(WPS_SPAN_NONE));
		break;
	case CODE_USER:
		push(machine, text_value(facts->user));
		break;
	case CODE_CONN:
		push(machine, text_value(facts->id));
		break;
	case CODE_PROTOCOL:
		push(machine, text_value(facts->subprotocol));
		break;
	case CODE_GROUP_COUNT:
		push(machine, int_value(facts->group_count));
		break;
	case CODE_EQ:
	case CODE_NE:
	case CODE_GT:
	case CODE_GE:
	case CODE_LT:
	case CODE_LE:
		machine->top--;
		*machine->top = bool_value(compare(op->code, top - 1, top));
		break;
	case CODE_NOT:
		top->number = !top->number;
		break;
	case CODE_IN_GROUPS:
		*top = bool_value(in_groups(top, facts));
		break;
	case CODE_AND:
	case CODE_OR:
		return run_branch(machine, op, next);
	case CODE_IN_ITEM:
		return run_in_item(machine, op, next);
	case CODE_IN_NONE:
		*top = bool_value(false);
		break;
	case CODE_CALL:
		run_call(machine, op);
		break;
	}
	return next;
}

bool
filter_run(const struct wps_match *match, const struct wps_conn_facts *facts)
{
	const struct filter *filter = (const void *)match;
	struct filter_value stack[FILTER_STACK_MAX + 1];
	struct filter_scratch scratch;
	struct machine machine = {
		.filter = filter,
		.facts = facts,
		.top = stack, /* the first place is never used */
		.scratch = &scratch,
	};

	scratch.blocks = NULL;
	scratch.made = scratch.used = 0;
	scratch.exhausted = false;
	for (size_t at = 0; at < filter->count;)
		at = step(&machine, &filter->ops[at], at + 1);
	scratch_fini(&scratch);
	return machine.top->number != 0 && !scratch.exhausted;
}
