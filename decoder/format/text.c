// SPDX-License-Identifier: Apache-2.0
/* Events as text: openat(dirfd=AT_FDCWD, flags=O_RDONLY, path="/etc/passwd") = 3 */

#include "show.h"

#define UNKNOWN_BYTES_MAX 32

static struct show show_begin(struct text_out *out, const struct sysfold_event *event, unsigned index)
{
    struct show show = {
        .out = out,
        .event = event,
        .swapped = event->record.swapped,
    };

    if (record_param(&event->record, index, &show.value) == 0)
        show.param = &event->record.row->params[index];
    return show;
}

static void put_failure(struct text_out *out, int64_t number)
{
    const char *name = errno_name(number);
    const char *text = strerrordesc_np((int)number);

    if (number >= 512 && name) {
        put_text(out, "? ");
        put_text(out, name);
        put_text(out, " (to be restarted)");
        return;
    }
    put_text(out, "-1 ");
    if (name) {
        put_text(out, name);
    } else {
        put_text(out, "errno ");
        put_signed(out, number);
    }
    if (text) {
        put_text(out, " (");
        put_text(out, text);
        put_char(out, ')');
    }
}

static void put_result(struct show *show)
{
    int64_t failure = failure_of(show);

    if (show->value.status != SYSFOLD_PRESENT)
        put_char(show->out, '?');
    else if (failure)
        put_failure(show->out, failure);
    else if (show->param->type->form == FORM_FD)
        show_decimal(show);
    else
        show_form(show);
}

static void put_value(struct show *show)
{
    switch (show->value.status) {
    case SYSFOLD_ABSENT:
        return;
    case SYSFOLD_UNREADABLE:
        put_text(show->out, "<unreadable>");
        break;
    case SYSFOLD_NULL:
        put_text(show->out, "NULL");
        break;
    default:
        show_form(show);
        if (show->value.truncated)
            put_text(show->out, "...");
    }
    if (show->value.raced)
        put_text(show->out, "(raced)");
}

static bool is_result(const struct sysfold_event *event, size_t index)
{
    return !index && sysfold_row_is_syscall(event->record.row);
}

static void put_name(struct text_out *out, const char *name)
{
    put_escaped(out, name, strlen(name), ESCAPE_QUOTES);
}

static void put_params(struct text_out *out, const struct sysfold_event *event)
{
    bool any = false;

    for (unsigned i = is_result(event, 0); i < event->record.row->param_count; i++) {
        struct show show = show_begin(out, event, i);

        if (!is_shown(&show))
            continue;
        show.comma = any;
        any = true;
        show_param_key(&show);
        show.comma = false;
        put_value(&show);
    }
}

/* unknown(type=1099, bytes=0x0102...): a row that no schema we have names. */
static void put_unknown(struct text_out *out, const struct record *record)
{
    size_t size = record->body_size < UNKNOWN_BYTES_MAX ? record->body_size : UNKNOWN_BYTES_MAX;

    put_text(out, "unknown(type=");
    put_unsigned(out, record->number);
    if (size) {
        put_text(out, ", bytes=0x");
        put_hex_bytes(out, record->body, size);
        if (size < record->body_size)
            put_text(out, "...");
    }
    put_char(out, ')');
}

size_t sysfold_event_format_param(const struct sysfold_event *event, size_t index, char *buffer, size_t size)
{
    struct text_out out = {.buffer = buffer, .size = size};
    struct show show = show_begin(&out, event, index < ROW_PARAM_MAX ? (unsigned)index : ROW_PARAM_MAX);

    if (show.param && is_result(event, index))
        put_result(&show);
    else if (show.param)
        put_value(&show);
    return text_out_finish(&out);
}

size_t sysfold_event_format(const struct sysfold_event *event, char *buffer, size_t size)
{
    struct text_out out = {.buffer = buffer, .size = size};

    if (!event->record.row) {
        put_unknown(&out, &event->record);
        return text_out_finish(&out);
    }
    put_name(&out, sysfold_event_name(event));
    put_char(&out, '(');
    put_params(&out, event);
    put_char(&out, ')');
    if (is_result(event, 0)) {
        struct show show = show_begin(&out, event, 0);

        put_text(&out, " = ");
        if (show.param)
            put_result(&show);
        else
            put_char(&out, '?');
    }
    return text_out_finish(&out);
}
