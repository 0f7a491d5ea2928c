// SPDX-License-Identifier: Apache-2.0
/* The rows of events.def in the form in which the programs walk them. */

#include <errno.h>

#include "backends/ebpf/internal.h"
#include "common/rows.h"

#define NO_ROW 0xffff

/* As common/collect.c limits them. */
static enum ebpf_limit limit_of(const struct type_info *type)
{
    switch (type->form) {
    case FORM_DATA:
        return EBPF_LIMIT_DATA;
    case FORM_STRING_VECTOR:
    case FORM_ENVIRONMENT:
        return EBPF_LIMIT_VECTOR;
    case FORM_PATH:
        return EBPF_LIMIT_PATH;
    case FORM_SOCKADDR:
        return EBPF_LIMIT_SOCKADDR;
    default:
        return EBPF_LIMIT_ARRAY;
    }
}

static int value_of(const struct sysfold_param *param)
{
    switch (param->source) {
    case SOURCE_ARG:
        return EBPF_VALUE_ARGS + param->a;
    case SOURCE_RESULT:
        return EBPF_VALUE_RESULT;
    case SOURCE_CALL_NR:
        return EBPF_VALUE_NR;
    case SOURCE_CALL_ARCH:
        return EBPF_VALUE_ARCH;
    default:
        return -1;
    }
}

/* Is it an integer that neither memory nor the call's success has a say in? */
static bool is_scalar(const struct sysfold_row *row, unsigned index)
{
    const struct sysfold_param *param = &row->params[index];

    return value_of(param) >= 0 && !param->type->variable && param->type->count == 1 &&
           !(row->success_mask >> index & 1);
}

static struct ebpf_param lay_param(const struct sysfold_param *param, unsigned index)
{
    return (struct ebpf_param){
        .source = param->source,
        .a = param->a,
        .b = param->b,
        .index = (uint8_t)index,
        .width = (uint8_t)wire_size(param->type->wire),
        .count = param->type->count,
        .variable = param->type->variable,
        .limit = (uint8_t)limit_of(param->type),
        .place = param->place,
    };
}

static uint8_t class_of(const struct sysfold_row *row)
{
    _Static_assert(C_FILE == 1 << EBPF_CLASS_FILE && C_CLOCK == 1 << EBPF_CLASS_CLOCK, "in the order of class bits");
    if (row->classes)
        return (uint8_t)__builtin_ctz(row->classes);
    return row->number > EBPF_CALLS && row->number != ROW_SYSCALL ? EBPF_CLASS_LIFECYCLE : EBPF_CLASS_OTHER;
}

static struct ebpf_row lay_row(const struct sysfold_row *row, unsigned first)
{
    return (struct ebpf_row){
        .success_mask = row->success_mask,
        .number = row->number,
        .fixed_size = row->fixed_size,
        .first = (uint16_t)first,
        .param_count = row->param_count,
        .variable_count = row->variable_count,
        .class = class_of(row),
    };
}

/* Those parameters of a row that are scalars, or those that are not. Returns how many. */
static unsigned lay_params(const struct sysfold_row *row, bool scalars, struct ebpf_param *params)
{
    unsigned count = 0;

    for (unsigned i = 0; i < row->param_count; i++) {
        if (is_scalar(row, i) == scalars)
            params[count++] = lay_param(&row->params[i], i);
    }
    return count;
}

static void lay_scalars(const struct sysfold_row *row, struct ebpf_row *laid)
{
    unsigned count = 0;

    for (unsigned i = 0; i < row->param_count && count < EBPF_SCALARS; i++) {
        const struct sysfold_param *param = &row->params[i];

        if (is_scalar(row, i))
            laid->scalars[count++] = (uint32_t)EBPF_SCALAR(param->place, value_of(param));
    }
    while (count < EBPF_SCALARS)
        laid->scalars[count++] = EBPF_SCALAR_NONE;
}

/* What a buffer is not longer than; whether that is at hand when the call returns. */
static bool lay_length(uint8_t code, uint8_t length[2])
{
    bool within = code >= LENGTH_WITHIN && code < LENGTH_WITHIN + 6;

    length[0] = code == LENGTH_RESULT || within ? EBPF_VALUE_RESULT : code;
    length[1] = within ? code - LENGTH_WITHIN : length[0];
    return within || code <= LENGTH_RESULT;
}

static bool is_buffer(const struct ebpf_param *param, uint8_t length[2])
{
    return param->source == SOURCE_USER_BYTES && param->limit == EBPF_LIMIT_DATA && lay_length(param->b, length);
}

static bool is_address(const struct ebpf_param *param)
{
    return param->source == SOURCE_USER_SOCKADDR || param->source == SOURCE_USER_SOCKADDR_OUT;
}

static enum ebpf_shape shape_of(const struct ebpf_param *others, unsigned count, uint8_t length[2])
{
    if (count == 0)
        return EBPF_SHAPE_SCALARS;
    if (count == 1 && others->source == SOURCE_USER_FIXED)
        return EBPF_SHAPE_STRUCTURE;
    if (count > 2 || !is_buffer(&others[0], length))
        return EBPF_SHAPE_ANY;
    if (count == 1)
        return EBPF_SHAPE_BUFFER;
    return is_address(&others[1]) ? EBPF_SHAPE_MESSAGE : EBPF_SHAPE_ANY;
}

static void lay_shape(const struct sysfold_row *row, const struct ebpf_param *others, unsigned count,
                      struct ebpf_row *laid)
{
    if (row->param_count - count > EBPF_SCALARS)
        return; /* EBPF_SHAPE_ANY */
    laid->shape = (uint8_t)shape_of(others, count, laid->length);
    if (count == 0)
        return;
    laid->index = others[0].index;
    laid->address = others[0].a;
    laid->size = (uint8_t)(others[0].width * others[0].count);
    laid->offset = others[0].b;
    laid->place = others[0].place;
    if (laid->shape != EBPF_SHAPE_MESSAGE)
        return;
    laid->other_index = others[1].index;
    laid->other = others[1].a;
}

int rows_lay(struct ebpf_row rows[EBPF_ROWS], struct ebpf_param params[EBPF_PARAMS])
{
    unsigned used = 0, scalars, others;

    for (unsigned place = 0; place < EBPF_ROWS; place++) {
        const struct sysfold_row *row = row_builtin(place == EBPF_ROW_GENERIC ? ROW_SYSCALL : place);

        rows[place] = (struct ebpf_row){.number = NO_ROW};
        if (!row)
            continue;
        if (used + row->param_count > EBPF_PARAMS || row->fixed_size > EBPF_FIXED_MAX - sizeof(uint64_t))
            return -E2BIG;
        rows[place] = lay_row(row, used);
        scalars = lay_params(row, true, params + used);
        others = lay_params(row, false, params + used + scalars);
        rows[place].scalar_count = (uint8_t)scalars;
        lay_scalars(row, &rows[place]);
        lay_shape(row, params + used + scalars, others, &rows[place]);
        used += row->param_count;
    }
    return 0;
}
