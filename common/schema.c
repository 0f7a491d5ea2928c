// SPDX-License-Identifier: Apache-2.0
/* The public view of rows and parameters. */

#include <sysfold/schema.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "rows.h"

#define WIRE_KINDS (WIRE_U64 + 1)
#define WIRE_COUNTS (UINT8_MAX + 1)
#define WIRE_TEXT_MAX 12 /* "255*u64[]" */

static const char wire_names[WIRE_KINDS][4] = {"i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"};

/* A capture's schema can join any kind to any count, so that all are spelt once. */
static char wire_texts[2][WIRE_KINDS][WIRE_COUNTS][WIRE_TEXT_MAX];
static pthread_once_t wire_texts_once = PTHREAD_ONCE_INIT;

static void spell_wire(char *text, bool variable, unsigned wire, unsigned count)
{
    if (variable && wire == WIRE_U8 && count == 1)
        (void)snprintf(text, WIRE_TEXT_MAX, "bytes");
    else if (count == 1)
        (void)snprintf(text, WIRE_TEXT_MAX, "%s%s", wire_names[wire], variable ? "[]" : "");
    else
        (void)snprintf(text, WIRE_TEXT_MAX, "%hhu*%s%s", (unsigned char)count, wire_names[wire], variable ? "[]" : "");
}

static void spell_wires(void)
{
    for (unsigned wire = 0; wire < WIRE_KINDS; wire++) {
        for (unsigned count = 0; count < WIRE_COUNTS; count++) {
            spell_wire(wire_texts[false][wire][count], false, wire, count);
            spell_wire(wire_texts[true][wire][count], true, wire, count);
        }
    }
}

size_t sysfold_schema_row_count(const struct sysfold_schema *schema)
{
    return schema->row_count;
}

const struct sysfold_row *sysfold_schema_row(const struct sysfold_schema *schema, size_t index)
{
    return index < schema->row_count ? &schema->rows[index] : NULL;
}

const struct sysfold_row *sysfold_schema_row_by_id(const struct sysfold_schema *schema, unsigned id)
{
    return id < ROW_MAX ? schema->by_number[id] : NULL;
}

const struct sysfold_row *sysfold_schema_row_by_name(const struct sysfold_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->row_count; i++) {
        if (!strcmp(schema->rows[i].name, name))
            return &schema->rows[i];
    }
    return NULL;
}

unsigned sysfold_row_id(const struct sysfold_row *row)
{
    return row->number;
}

const char *sysfold_row_name(const struct sysfold_row *row)
{
    return row->name;
}

bool sysfold_row_is_syscall(const struct sysfold_row *row)
{
    return row->number < ROW_SYSCALL_MAX || row->number == ROW_SYSCALL;
}

const char *sysfold_row_class(const struct sysfold_row *row, size_t index)
{
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        if (row->classes >> i & 1 && index-- == 0)
            return class_names[i];
    }
    return NULL;
}

const char *sysfold_row_effect(const struct sysfold_row *row)
{
    return effect_names[row->effect < EFFECT_COUNT ? row->effect : E_NONE];
}

size_t sysfold_row_param_count(const struct sysfold_row *row)
{
    return row->param_count;
}

const struct sysfold_param *sysfold_row_param(const struct sysfold_row *row, size_t index)
{
    return index < row->param_count ? &row->params[index] : NULL;
}

int sysfold_row_param_index(const struct sysfold_row *row, const char *name)
{
    for (int i = 0; i < row->param_count; i++) {
        if (!strcmp(row->params[i].name, name))
            return i;
    }
    return -ENOENT;
}

const char *sysfold_param_name(const struct sysfold_param *param)
{
    return param->name;
}

const char *sysfold_param_type(const struct sysfold_param *param)
{
    return param->type->name;
}

const char *sysfold_param_wire(const struct sysfold_param *param)
{
    const struct type_info *type = param->type;

    (void)pthread_once(&wire_texts_once, spell_wires);
    return wire_texts[type->variable][type->wire % WIRE_KINDS][type->count];
}

const char *sysfold_param_source(const struct sysfold_param *param)
{
    return param->source_text;
}

const char *sysfold_param_moment(const struct sysfold_param *param)
{
    static const char *const names[] = {
        [MOMENT_ENTRY] = "entry",
        [MOMENT_EXIT] = "exit",
        [MOMENT_SUCCESS] = "success",
    };

    return names[param->moment <= MOMENT_SUCCESS ? param->moment : MOMENT_EXIT];
}
