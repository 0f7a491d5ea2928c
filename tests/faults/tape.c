// SPDX-License-Identifier: Apache-2.0
#include "tape.h"

#include <errno.h>
#include <stdlib.h>

#include "common/encode.h"

#define MARK_OPTION 0x5359534d
enum { MARK_NONE, MARK_BEGIN, MARK_END, MARK_PAUSE };

static int read_item(struct item *item, const uint8_t *bytes)
{
    size_t size = load_u16(bytes + 2, false);
    int r;

    *item = (struct item){.bytes = malloc(size)};
    if (!item->bytes)
        return -ENOMEM;
    memcpy(item->bytes, bytes, size);
    r = record_read(&item->record, sysfold_schema_builtin(), item->bytes, size, false);
    if (r < 0)
        free(item->bytes);
    return r < 0 ? r : 0;
}

static void put_in(struct tape *tape, size_t at, const struct item *item)
{
    memmove(&tape->items[at + 1], &tape->items[at], (tape->count - at) * sizeof(*item));
    tape->items[at] = *item;
    tape->count++;
}

int tape_insert(struct tape *tape, size_t at, const uint8_t *bytes)
{
    struct item *larger = reallocarray(tape->items, tape->count + 1, sizeof(*larger));
    struct item item;
    int r;

    if (!larger)
        return -ENOMEM;
    tape->items = larger;
    r = read_item(&item, bytes);
    if (r == 0)
        put_in(tape, at, &item);
    return r;
}

int tape_append(struct tape *tape, const uint8_t *records, size_t size)
{
    size_t at = 0;

    while (at + RECORD_HEADER_SIZE <= size) {
        int r = tape_insert(tape, tape->count, records + at);

        if (r < 0)
            return r;
        at += load_u16(records + at + 2, false);
    }
    return 0;
}

void tape_remove(struct tape *tape, size_t at)
{
    free(tape->items[at].bytes);
    tape->count--;
    memmove(&tape->items[at], &tape->items[at + 1], (tape->count - at) * sizeof(*tape->items));
}

void tape_move(struct tape *tape, size_t from, size_t to)
{
    struct item item = tape->items[from];

    tape->count--;
    memmove(&tape->items[from], &tape->items[from + 1], (tape->count - from) * sizeof(item));
    put_in(tape, to, &item);
}

void tape_free(struct tape *tape)
{
    while (tape->count)
        free(tape->items[--tape->count].bytes);
    free(tape->items);
    free(tape->flat);
    *tape = (struct tape){0};
}

int tape_flatten(struct tape *tape)
{
    size_t size = 0;

    for (size_t i = 0; i < tape->count; i++)
        size += tape->items[i].record.size;
    tape->flat = malloc(size ? size : 1);
    if (!tape->flat)
        return -ENOMEM;
    for (size_t i = 0; i < tape->count; i++) {
        memcpy(tape->flat + tape->flat_size, tape->items[i].bytes, tape->items[i].record.size);
        tape->flat_size += tape->items[i].record.size;
    }
    return 0;
}

/* Markers. */

static bool is_snapshot(unsigned row)
{
    return row >= ROW_SNAP_THREAD && row <= ROW_SNAP_MOUNT;
}

static int64_t mark_of(const struct item *item)
{
    int64_t kind;

    if (item_row(item) != ROW_PRCTL || record_integer(&item->record, P_PRCTL_option, 0) != MARK_OPTION)
        return MARK_NONE;
    kind = record_integer(&item->record, P_PRCTL_arg2, MARK_NONE);
    return kind == MARK_PAUSE ? MARK_END : kind;
}

static bool is_exec(const struct item *item)
{
    bool call = item_row(item) == ROW_EXECVE || item_row(item) == ROW_EXECVEAT;

    return item_row(item) == ROW_EXEC || (call && !(item->record.flags & SYSFOLD_EVENT_FAILED));
}

/* Is it the launch of the first thread, before which there is nothing? */
static bool is_launch(const struct tape *tape, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        const struct item *item = &tape->items[i];

        if (item->record.tid == tape->items[at].record.tid && !is_exec(item) && !is_snapshot(item_row(item)))
            return false;
    }
    return true;
}

/* What the thread did from its birth, its last exec or its last end marker to this begin marker is not compared. */
static void cut_back(struct tape *tape, size_t at)
{
    uint32_t tid = tape->items[at].record.tid;

    for (size_t i = at; i-- > 0;) {
        struct item *item = &tape->items[i];

        if (item->record.tid != tid)
            continue;
        if (mark_of(item) == MARK_END || item_row(item) == ROW_THREAD_START || (is_exec(item) && !is_launch(tape, i)))
            return;
        item->compared = false;
    }
}

static void cut_on(struct tape *tape, size_t at)
{
    uint32_t tid = tape->items[at].record.tid;

    for (size_t i = at + 1; i < tape->count; i++) {
        struct item *item = &tape->items[i];

        if (item->record.tid != tid)
            continue;
        if (mark_of(item) == MARK_BEGIN)
            return;
        item->compared = false;
    }
}

static bool makes_thread(unsigned row)
{
    return row == ROW_FORK || row == ROW_VFORK || row == ROW_CLONE || row == ROW_CLONE3;
}

/* A child that was made where its parent's doings are cut is cut as well. */
static void cut_child(struct tape *tape, size_t birth)
{
    uint32_t tid = tape->items[birth].record.tid;
    bool cut = false;

    for (size_t i = 0; i < tape->count; i++) {
        const struct item *item = &tape->items[i];

        if (makes_thread(item_row(item)) && record_integer(&item->record, 0, 0) == tid)
            cut = !item->compared;
    }
    for (size_t i = birth; cut && i < tape->count; i++) {
        if (tape->items[i].record.tid == tid)
            tape->items[i].compared = false;
    }
}

void tape_mark(struct tape *tape)
{
    for (size_t i = 0; i < tape->count; i++)
        tape->items[i].compared = !is_snapshot(item_row(&tape->items[i]));
    for (size_t i = 0; i < tape->count; i++) {
        int64_t mark = mark_of(&tape->items[i]);

        if (mark == MARK_BEGIN)
            cut_back(tape, i);
        else if (mark == MARK_END)
            cut_on(tape, i);
        tape->items[i].compared &= mark == MARK_NONE;
    }
    for (size_t i = 0; i < tape->count; i++) {
        if (item_row(&tape->items[i]) == ROW_THREAD_START)
            cut_child(tape, i);
    }
}

/* Editing: the record is written anew. */

static void put_value(struct encoder *encoder, unsigned index, const struct sysfold_value *value)
{
    const struct sysfold_param *param = &encoder->row->params[index];
    size_t room;

    if (value->raced)
        encoder_raced(encoder, index);
    if (value->status != SYSFOLD_PRESENT) {
        encoder_status(encoder, index, value->status);
    } else if (!param->type->variable && param->type->count == 1) {
        encoder_integer(encoder, index, value->i);
    } else if (!param->type->variable) {
        encoder_fixed(encoder, index, value->data);
    } else {
        memcpy(encoder_variable_begin(encoder, index, RECORD_SIZE_MAX, &room), value->data, value->size);
        encoder_variable_end(encoder, index, value->size, value->truncated);
    }
}

static void change_value(struct sysfold_value *value, const struct edit *edit)
{
    switch (edit->what) {
    case EDIT_BYTES:
        value->data = edit->bytes;
        value->size = edit->size;
        break;
    case EDIT_STATUS:
        value->status = edit->status;
        break;
    case EDIT_INTEGER:
    case EDIT_FAILURE:
        value->i = edit->integer;
        break;
    default:
        break;
    }
}

static void begin_like(struct encoder *encoder, const struct record *record, const struct edit *edit)
{
    bool failed = record->flags & SYSFOLD_EVENT_FAILED;

    encoder_begin(encoder, record->row, edit->what == EDIT_TID ? edit->tid : record->tid, record->time);
    if (edit->what == EDIT_FAILURE || (edit->what == EDIT_INTEGER && edit->param == 0 && failed))
        failed = edit->integer < 0;
    if (failed)
        encoder_failed(encoder);
    if (record->flags & SYSFOLD_EVENT_TIMED)
        encoder_duration(encoder, record->duration);
}

int tape_edit(struct tape *tape, size_t at, const struct edit *edit)
{
    struct item *item = &tape->items[at];
    const struct record *record = &item->record;
    struct encoder *encoder = malloc(sizeof(*encoder));
    struct item changed;
    size_t size;
    int r;

    if (!encoder)
        return -ENOMEM;
    begin_like(encoder, record, edit);
    for (unsigned i = 0; i < record->row->param_count; i++) {
        struct sysfold_value value;

        record_param(record, i, &value);
        if (i == edit->param)
            change_value(&value, edit);
        if (encoder->flags & SYSFOLD_EVENT_FAILED && record->row->success_mask >> i & 1)
            continue; /* a failed call has none */
        put_value(encoder, i, &value);
    }
    r = read_item(&changed, encoder_finish(encoder, &size));
    free(encoder);
    if (r < 0)
        return r;
    changed.compared = item->compared;
    free(item->bytes);
    *item = changed;
    return 0;
}

int tape_lose(struct tape *tape, size_t at, uint64_t count)
{
    static const char cause[] = "injected by a test";
    struct encoder *encoder = malloc(sizeof(*encoder));
    uint64_t time = tape->items[at < tape->count ? at : tape->count - 1].record.time;
    size_t size;
    int r;

    if (!encoder)
        return -ENOMEM;
    encoder_begin(encoder, row_builtin(ROW_LOST), 0, time);
    encoder_integer(encoder, P_LOST_count, (int64_t)count);
    encoder_integer(encoder, P_LOST_from, (int64_t)time);
    encoder_integer(encoder, P_LOST_to, (int64_t)time);
    encoder_string(encoder, P_LOST_cause, cause);
    r = tape_insert(tape, at, encoder_finish(encoder, &size));
    free(encoder);
    return r;
}
