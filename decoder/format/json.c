// SPDX-License-Identifier: Apache-2.0
/* Events as lines of JSON (docs/json.md), written straight into the caller's buffer: nothing is allocated. */

#include <sysfold/state.h>

#include "show.h"

static void put_literal(struct show *show, const char *key, const char *literal)
{
    show_key(show, key);
    put_text(show->out, literal);
}

static void put_number(struct show *show, const char *key, uint64_t value)
{
    show_key(show, key);
    show_unsigned(show, value);
}

static void put_string(struct show *show, const char *key, const char *string)
{
    if (!string)
        return;
    show_key(show, key);
    show_string(show, key, string, strlen(string));
}

static void put_result(struct show *show)
{
    const struct record *record = &show->event->record;
    int64_t failure;

    if (!record->row || !sysfold_row_is_syscall(record->row) || record_param(record, 0, &show->value) < 0)
        return;
    show->param = &record->row->params[0];
    failure = failure_of(show);
    show_key(show, "evt.res");
    if (failure)
        show_signed(show, -failure);
    else if (show->value.status != SYSFOLD_PRESENT || show->value.kind == SYSFOLD_KIND_BYTES)
        put_text(show->out, "null");
    else if (show->param->type->form == FORM_HEX)
        show_hexadecimal(show);
    else
        show_decimal(show);
    if (failure)
        put_string(show, "evt.errno", errno_name(failure));
}

static void put_source(struct show *show)
{
    const struct sysfold_event *event = show->event;

    if (event->source_name)
        put_string(show, "evt.source", event->source_name);
    put_number(show, "evt.source_num", event->source);
}

/* To the state 0 is a process that it does not know. */
static void put_known_id(struct show *show, const char *key, uint32_t id)
{
    if (id)
        put_number(show, key, id);
}

#define SHORT_ID 12 /* digits, as engines and Falco show */

static bool is_digits(const char *id)
{
    return strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64;
}

static void put_container(struct show *show, const struct sysfold_process *process)
{
    const char *id = sysfold_process_container(process), *pod = sysfold_process_pod(process);
    const char *engine = sysfold_process_container_engine(process);

    if (!id)
        return;
    show_key(show, "container.id");
    show_string(show, "container.id", id, is_digits(id) ? SHORT_ID : strlen(id));
    put_string(show, "container.full_id", id);
    put_string(show, "container.type", engine);
    put_string(show, engine && !strcmp(engine, "podman") ? "podman.pod.id" : "k8s.pod.uid", pod);
}

static void put_process(struct show *show)
{
    const struct sysfold_process *process = show->event->thread ? sysfold_event_process(show->event) : NULL;

    put_number(show, "thread.tid", show->event->record.tid);
    if (!process)
        return;
    put_known_id(show, "proc.pid", sysfold_process_pid(process));
    put_known_id(show, "proc.ppid", sysfold_process_ppid(process));
    put_string(show, "proc.name", sysfold_process_name(process));
    put_container(show, process);
}

static void put_fd(struct show *show)
{
    const struct sysfold_fd *fd = show->event->fd;

    if (!fd)
        return;
    show_key(show, "fd.num");
    show_signed(show, sysfold_fd_number(fd));
    put_string(show, "fd.name", sysfold_fd_name(fd));
}

/* Returns a bit for each parameter that could not be read. */
static uint32_t put_args(struct show *show)
{
    const struct record *record = &show->event->record;
    unsigned first = record->row && sysfold_row_is_syscall(record->row);
    uint32_t unreadable = 0;

    show_key(show, "evt.args");
    show_open(show, '{');
    for (unsigned i = first; record->row && i < record->row->param_count; i++) {
        if (record_param(record, i, &show->value) < 0)
            continue;
        show->param = &record->row->params[i];
        if (show->value.status == SYSFOLD_UNREADABLE)
            unreadable |= UINT32_C(1) << i;
        if (!is_shown(show) || show->value.status == SYSFOLD_UNREADABLE)
            continue;
        show_param_key(show);
        if (show->value.status == SYSFOLD_NULL)
            put_text(show->out, "null");
        else
            show_form(show);
    }
    show_close(show, '}');
    return unreadable;
}

static void put_param_names(struct show *show, const char *key, uint32_t params)
{
    const struct sysfold_row *row = show->event->record.row;

    if (!row || !params)
        return;
    show_key(show, key);
    show_open(show, '[');
    for (unsigned i = 0; i < row->param_count; i++) {
        if (!(params >> i & 1))
            continue;
        show_item(show);
        put_json_string(show->out, row->params[i].name, strlen(row->params[i].name));
    }
    show_close(show, ']');
}

static void put_lost(struct show *show)
{
    const struct sysfold_row *row = show->event->record.row;
    int index = row && row->effect == E_LOSES ? sysfold_row_param_index(row, "count") : -1;

    if (index >= 0)
        put_number(show, "evt.lost", (uint64_t)record_integer(&show->event->record, (unsigned)index, 0));
}

static void put_unknown(struct show *show)
{
    const struct record *record = &show->event->record;

    if (record->row)
        return;
    put_number(show, "evt.row", record->number);
    show_raw_bytes(show, "evt", record->body, record->body_size);
}

size_t sysfold_event_format_json(const struct sysfold_event *event, char *buffer, size_t size)
{
    struct text_out out = {.buffer = buffer, .size = size};
    struct show show = {.out = &out, .event = event, .json = true, .swapped = event->record.swapped};
    const struct record *record = &event->record;
    uint32_t unreadable;

    show_open(&show, '{');
    put_number(&show, "evt.num", event->number);
    put_number(&show, "evt.time", record->time);
    put_string(&show, "evt.type", sysfold_event_name(event));
    put_result(&show);
    put_literal(&show, "evt.failed", record->flags & SYSFOLD_EVENT_FAILED ? "true" : "false");
    put_source(&show);
    if (record->flags & SYSFOLD_EVENT_TIMED)
        put_number(&show, "evt.duration", record->duration);
    put_lost(&show);
    put_unknown(&show);
    put_process(&show);
    put_fd(&show);
    unreadable = put_args(&show);
    put_param_names(&show, "evt.unreadable", unreadable);
    put_param_names(&show, "evt.truncated", record->cut);
    put_param_names(&show, "evt.raced", record->raced);
    show_close(&show, '}');
    return text_out_finish(&out);
}
