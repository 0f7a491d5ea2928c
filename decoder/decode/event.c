// SPDX-License-Identifier: Apache-2.0
/* The typed view of an event: include/sysfold/event.h over a record. */

#include "decoder/decode/event.h"

#include <errno.h>
#include <string.h>

#include "common/callset.h"

uint64_t sysfold_event_number(const struct sysfold_event *event)
{
    return event->number;
}

uint64_t sysfold_event_time(const struct sysfold_event *event)
{
    return event->record.time;
}

int sysfold_event_duration(const struct sysfold_event *event, uint64_t *ret_ns)
{
    if (!(event->record.flags & SYSFOLD_EVENT_TIMED))
        return -ENODATA;
    *ret_ns = event->record.duration;
    return 0;
}

uint32_t sysfold_event_tid(const struct sysfold_event *event)
{
    return event->record.tid;
}

uint32_t sysfold_event_source(const struct sysfold_event *event)
{
    return event->source;
}

const char *sysfold_event_source_name(const struct sysfold_event *event)
{
    return event->source_name;
}

unsigned sysfold_event_flags(const struct sysfold_event *event)
{
    return event->record.flags;
}

const struct sysfold_row *sysfold_event_row(const struct sysfold_event *event)
{
    return event->record.row;
}

const char *sysfold_event_name(const struct sysfold_event *event)
{
    const struct sysfold_row *row = event->record.row;
    const char *name = NULL;

    if (!row)
        return "unknown";
    if (row->number == ROW_SYSCALL) {
        uint32_t arch = (uint32_t)record_integer(&event->record, P_SYSCALL_arch, 0);
        uint32_t nr = (uint32_t)record_integer(&event->record, P_SYSCALL_nr, -1);

        name = syscall_full_name(arch, nr);
    }
    return name ? name : row->name;
}

const uint8_t *sysfold_event_record(const struct sysfold_event *event, size_t *ret_size)
{
    *ret_size = event->record.size;
    return event->record.bytes;
}

int sysfold_event_param(const struct sysfold_event *event, size_t index, struct sysfold_value *ret_value)
{
    if (index >= ROW_PARAM_MAX)
        return -ENOENT;
    return record_param(&event->record, (unsigned)index, ret_value);
}

int sysfold_event_param_by_name(const struct sysfold_event *event, const char *name, struct sysfold_value *ret_value)
{
    int index;

    if (!event->record.row)
        return -ENOENT;
    index = sysfold_row_param_index(event->record.row, name);
    if (index < 0)
        return index;
    return record_param(&event->record, (unsigned)index, ret_value);
}

int sysfold_event_result(const struct sysfold_event *event, int64_t *ret_result)
{
    const struct sysfold_row *row = event->record.row;
    struct sysfold_value value;

    if (!row || !sysfold_row_is_syscall(row))
        return -ENOENT;
    if (record_param(&event->record, 0, &value) < 0)
        return -ENOENT;
    if (value.status != SYSFOLD_PRESENT)
        return -ENODATA;
    if (value.kind == SYSFOLD_KIND_BYTES)
        return -ENOENT;
    *ret_result = value.i;
    return 0;
}
