// SPDX-License-Identifier: Apache-2.0
/* One event after another into a story. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "canonical.h"
#include "decoder/decode/event.h"
#include "names.h"
#include "story.h"

#define O_CREAT_FLAG 0100
#define O_EXCL_FLAG 0200

/* The story's own copy of a row: the stream's schema may be gone before the story is. */

static const struct type_info *keep_type(struct sysfold_story *story, const struct type_info *type)
{
    struct type_info copy = *type;

    if (type->id != TYPE_NONE)
        return &type_infos[type->id];
    copy.name = story_keep_text(story, type->name);
    return copy.name ? story_keep(story, &copy, sizeof(copy)) : NULL;
}

static const struct sysfold_row *keep_row(struct sysfold_story *story, const struct sysfold_row *row)
{
    struct sysfold_row copy = *row;
    struct sysfold_param *params = story_keep(story, row->params, row->param_count * sizeof(*params));

    copy.name = story_keep_text(story, row->name);
    copy.params = params;
    if (!copy.name || !params)
        return NULL;
    for (unsigned i = 0; i < row->param_count; i++) {
        params[i].name = story_keep_text(story, row->params[i].name);
        params[i].type = keep_type(story, row->params[i].type);
        params[i].source_text = "";
        if (!params[i].name || !params[i].type)
            return NULL;
    }
    return story_keep(story, &copy, sizeof(copy));
}

static int know_row(struct sysfold_story *story, const struct record *record)
{
    unsigned number = record->number;

    if (story->rows[number] || !record->row)
        return 0;
    story->rows[number] = row_builtin(number) == record->row ? record->row : keep_row(story, record->row);
    if (!story->rows[number])
        return -ENOMEM;
    story->rules[number] = rules_of(story, story->rows[number]);
    return story->rules[number] ? 0 : -ENOMEM;
}

/* What the story as a whole learns from an event, whether or not the markers leave it. */

static bool frees_inodes(const struct record *record)
{
    static const char *const rows[] = {"unlink",    "unlinkat", "rmdir",   "rename", "renameat",
                                       "renameat2", "close",    "umount2", "munmap"};

    if (record->flags & SYSFOLD_EVENT_FAILED)
        return false;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (record_is(record, rows[i]))
            return true;
    }
    return record_is(record, "process_exit") || record_is(record, "exec");
}

static int note_freed(struct sysfold_story *story, const struct record *record)
{
    if (!frees_inodes(record))
        return 0;
    if (story_grow(&story->freed, story->freed_count, &story->freed_room, sizeof(*story->freed)) < 0)
        return -ENOMEM;
    story->freed[story->freed_count++] = story->count;
    return 0;
}

/* As mkdtemp() and mkstemp() do it. */
static bool makes_name(const struct record *record)
{
    int64_t flags = record_number(record, "flags", 0), mode = record_number(record, "mode", 0);

    if (record->flags & SYSFOLD_EVENT_FAILED)
        return false;
    if (record_is(record, "mkdir") || record_is(record, "mkdirat"))
        return mode == 0700;
    if (record_is(record, "open") || record_is(record, "openat"))
        return mode == 0600 && (flags & (O_CREAT_FLAG | O_EXCL_FLAG)) == (O_CREAT_FLAG | O_EXCL_FLAG);
    return record_is(record, "mq_open") && flags & O_CREAT_FLAG;
}

static int note_made_name(struct sysfold_story *story, const struct record *record)
{
    struct sysfold_value value;
    const uint8_t *slash;
    struct name_part part, made = {.kind = NAME_PLAIN};
    size_t at = 0;
    const char *param = record_is(record, "mq_open") ? "name" : "path";
    int index = makes_name(record) ? sysfold_row_param_index(record->row, param) : -1;

    if (index < 0 || record_param(record, (unsigned)index, &value) < 0 || value.status != SYSFOLD_PRESENT ||
        value.kind != SYSFOLD_KIND_BYTES)
        return 0;
    slash = memrchr(value.data, '/', value.size);
    if (slash)
        at = (size_t)(slash - value.data) + 1;
    while (name_next(value.data, value.size, &at, &part)) {
        if (part.kind == NAME_WORD)
            made = part;
    }
    if (made.kind != NAME_WORD)
        return 0;
    if (story_grow(&story->made_names, story->made_count, &story->made_room, sizeof(*story->made_names)) < 0)
        return -ENOMEM;
    story->made_names[story->made_count++] = story_hash(made.bytes, made.size, 0);
    return 0;
}

static int note_marker(struct sysfold_story *story, const struct sysfold_event *event, uint32_t thread)
{
    struct sysfold_value value;

    if (marker_of(&event->record) == MARKER_END && record_number(&event->record, "arg2", 0) == MARKER_END)
        return story_list_fds(story, event, thread, story->count);
    if (!record_is(&event->record, "marker") || record_param(&event->record, P_MARKER_text, &value) < 0 ||
        value.status != SYSFOLD_PRESENT || value.kind != SYSFOLD_KIND_BYTES)
        return 0;
    return story_take_fds(story, value.data, value.size, thread);
}

static void note_end(struct sysfold_story *story, struct told *told, const struct record *record)
{
    if (record_is(record, "thread_exit"))
        story->threads[told->thread].exits = story->count;
    else if (record_is(record, "process_exit"))
        story->threads[told->thread].ended = story->count;
    else
        return;
    told->flags |= TOLD_END;
}

static bool is_told(const struct record *record)
{
    return !record_is(record, "marker");
}

/* Did it make descriptors without saying which? What was received is in the message's control data. */
static bool hides_fds(const struct record *record)
{
    const char *param = record_is(record, "recvmsg") ? "control" : "fds";
    struct sysfold_value value;
    int index;

    if (record->flags & SYSFOLD_EVENT_FAILED || (!record_is(record, "pipe") && !record_is(record, "pipe2") &&
                                                 !record_is(record, "socketpair") && !record_is(record, "recvmsg")))
        return false;
    index = sysfold_row_param_index(record->row, param);
    return index < 0 || record_param(record, (unsigned)index, &value) < 0 || value.status == SYSFOLD_ABSENT;
}

static int add_told(struct sysfold_story *story, const struct sysfold_event *event, uint32_t thread)
{
    struct told told = {.thread = thread};

    if (story->count == STORY_EVENTS_MAX)
        return -EOVERFLOW;
    if (story_grow(&story->events, story->count, &story->room, sizeof(*story->events)) < 0)
        return -ENOMEM;
    told.record = story_keep(story, event->record.bytes, event->record.size);
    if (!told.record || know_row(story, &event->record) < 0)
        return -ENOMEM;
    if (note_freed(story, &event->record) < 0 || note_made_name(story, &event->record) < 0)
        return -ENOMEM;
    note_end(story, &told, &event->record);
    story->has_foreign_calls |= record_is(&event->record, "syscall") && !(event->record.flags & SYSFOLD_EVENT_FAILED);
    story->has_untold_fds |= hides_fds(&event->record);
    story_note_signals(story, &told, &event->record);
    story->events[story->count++] = told;
    return 0;
}

int story_add(struct sysfold_story *story, const struct sysfold_event *event)
{
    const struct record *record = &event->record;
    uint64_t id = thread_id(event->source, record->tid);
    uint32_t thread;
    int r;

    story->swapped |= record->swapped;
    if (record->number == ROW_LOST) {
        story->lost += (uint64_t)record_integer(record, P_LOST_count, 0);
        return 0;
    }
    if (record_is(record, "snap_fd"))
        return story_inherit_fd(story, record);
    if (record_is(record, "snap_thread"))
        return record->tid ? story_snapshot(story, id, record, story->count) : 0; /* 0: the end of a snapshot */
    if (record_is(record, "snap_container") || record_is(record, "snap_mount"))
        return 0;
    r = record_is(record, "thread_start") ? story_birth(story, id, record, story->count) : 0;
    if (!r)
        r = story_thread(story, id, story->count, &thread);
    if (!r)
        r = note_marker(story, event, thread);
    if (r < 0 || !is_told(record))
        return r;
    return add_told(story, event, thread);
}
