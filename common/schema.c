// SPDX-License-Identifier: Apache-2.0
#include "rows.h"
#include <errno.h>
#include <string.h>
int sysfold_row_param_index(const struct sysfold_row *row, const char *name)
{
    for (int i = 0; i < row->param_count; i++)
        if (!strcmp(row->params[i].name, name)) return i;
    return -ENOENT;
}
bool sysfold_row_is_syscall(const struct sysfold_row *row) { return row->number <= ROW_SYSCALL; }
