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

static struct ebpf_param lay_param(const struct sysfold_param *param)
{
    return (struct ebpf_param){
        .source = param->source,
        .a = param->a,
        .b = param->b,
        .moment = param->moment,
        .width = (uint8_t)wire_size(param->type->wire),
        .count = param->type->count,
        .variable = param->type->variable,
        .limit = (uint8_t)limit_of(param->type),
        .place = param->place,
    };
}

static struct ebpf_row lay_row(const struct sysfold_row *row, unsigned first)
{
    return (struct ebpf_row){
        .success_mask = row->success_mask,
        .entry_mask = row->entry_mask,
        .number = row->number,
        .fixed_size = row->fixed_size,
        .first = (uint16_t)first,
        .param_count = row->param_count,
        .variable_count = row->variable_count,
    };
}

int rows_lay(struct ebpf_row rows[EBPF_ROWS], struct ebpf_param params[EBPF_PARAMS])
{
    unsigned used = 0;

    for (unsigned place = 0; place < EBPF_ROWS; place++) {
        const struct sysfold_row *row = row_builtin(place == EBPF_ROW_GENERIC ? ROW_SYSCALL : place);

        rows[place] = (struct ebpf_row){.number = NO_ROW};
        if (!row)
            continue;
        if (used + row->param_count > EBPF_PARAMS)
            return -E2BIG;
        rows[place] = lay_row(row, used);
        for (unsigned i = 0; i < row->param_count; i++)
            params[used++] = lay_param(&row->params[i]);
    }
    return 0;
}
