// SPDX-License-Identifier: Apache-2.0
/*
 * The canonical form as text. What is exact is formatted as ever; in a copy of
 * the record, what is not gives way to a number that nothing else has, and
 * that number, in the text, to a name.
 */

#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "decoder/decode/event.h"
#include "names.h"

#define LABEL_MAX 320

static const char *const identity_words[IDENTITY_COUNT] = {
    [IDENTITY_EXACT] = "",     [IDENTITY_REMOVED] = "any", [IDENTITY_INHERITED] = "", [IDENTITY_ADDRESS] = "addr", [IDENTITY_WORD] = "addr",
    [IDENTITY_THREAD] = "pid", [IDENTITY_INODE] = "ino",   [IDENTITY_DEVICE] = "dev",   [IDENTITY_PORT] = "port",
    [IDENTITY_OPAQUE] = "id",  [IDENTITY_NAME] = "name",
};

struct view view_of(const struct sysfold_story *story, uint32_t at)
{
    struct view view = {.story = story, .at = at};

    story_record(story, &story->events[at], &view.record);
    return view;
}

const char *view_name(const struct view *view)
{
    const struct sysfold_event event = {.record = view->record};

    return sysfold_event_name(&event);
}

const char *view_thread(const struct view *view, unsigned index, uint64_t pid)
{
    const struct sysfold_story *story = view->story;
    uint32_t source = (uint32_t)(story->threads[story->events[view->at].thread].id >> 32), thread;
    uint64_t id = thread_id(source, (uint32_t)pid);

    if (!pid || pid > INT32_MAX)
        return NULL;
    if (!index && record_makes_thread(&view->record))
        thread = story_resolve_child(story, id, view->at);
    else
        thread = story_resolve(story, id, view->at);
    return thread == NONE ? NULL : story->threads[thread].name;
}

static void label_number(char *label, enum identity identity, uint32_t ordinal)
{
    (void)snprintf(label, LABEL_MAX, "%s#%u", identity_words[identity], ordinal);
}

/* Inodes are used again, or not, as it happens: in a story by itself there is no telling which are the same. */
static void label_inode(char *label, uint64_t number, struct renaming *renaming, unsigned side)
{
    if (renaming->stories[0] == renaming->stories[1])
        (void)snprintf(label, LABEL_MAX, "ino");
    else
        label_number(label, IDENTITY_INODE, renaming_ordinal(renaming, side, IDENTITY_INODE, number));
}

static void label_thread(char *label, const struct view *view, unsigned index, uint64_t number,
                         struct renaming *renaming, unsigned side)
{
    int64_t pid = (int64_t)number;
    uint64_t id = pid < 0 ? (uint64_t)-pid : number;
    const char *name = view_thread(view, index, id);

    if (pid == 0 || pid == -1)
        (void)snprintf(label, LABEL_MAX, "%d", (int)pid);
    else if (name)
        (void)snprintf(label, LABEL_MAX, "%spid %s", pid < 0 ? "-" : "", name);
    else
        (void)snprintf(label, LABEL_MAX, "%spid#%u", pid < 0 ? "-" : "",
                       renaming_ordinal(renaming, side, IDENTITY_THREAD, id));
}

/* What stands for a number that is not exact; "": it stands for itself. */
static void label_of(char *label, const struct view *view, unsigned index, enum identity identity, uint64_t number,
                     struct renaming *renaming, unsigned side)
{
    const char *name;

    *label = '\0';
    switch (identity) {
    case IDENTITY_REMOVED:
        (void)snprintf(label, LABEL_MAX, "any");
        break;
    case IDENTITY_ADDRESS:
        (void)snprintf(label, LABEL_MAX, "%s", number ? "addr" : "NULL");
        break;
    case IDENTITY_WORD:
        name = view_thread(view, index, number);
        if (name)
            (void)snprintf(label, LABEL_MAX, "pid %s", name);
        else if (word_is_address(number))
            (void)snprintf(label, LABEL_MAX, "addr");
        break;
    case IDENTITY_THREAD:
        label_thread(label, view, index, number, renaming, side);
        break;
    case IDENTITY_INODE:
        label_inode(label, number, renaming, side);
        break;
    case IDENTITY_DEVICE:
    case IDENTITY_PORT:
    case IDENTITY_OPAQUE:
        label_number(label, identity, renaming_ordinal(renaming, side, identity, number));
        break;
    default:
        break;
    }
}

/* Strings. */

static bool label_part(char *label, const struct name_part *part, const struct view *view, struct renaming *renaming,
                       unsigned side)
{
    const char *thread;
    uint64_t hash;

    *label = '\0';
    switch (part->kind) {
    case NAME_WORD:
        hash = story_hash(part->bytes, part->size, 0);
        if (story_made_name(view->story, part->bytes, part->size))
            label_number(label, IDENTITY_NAME, renaming_ordinal(renaming, side, IDENTITY_NAME, hash));
        break;
    case NAME_NUMBER:
        thread = view_thread(view, 1, part->number);
        if (thread)
            (void)snprintf(label, LABEL_MAX, "pid %s", thread);
        break;
    case NAME_INODE:
        label_inode(label, part->number, renaming, side);
        break;
    case NAME_PORT:
        label_number(label, IDENTITY_PORT, renaming_ordinal(renaming, side, IDENTITY_PORT, part->number));
        break;
    default:
        break;
    }
    return *label;
}

void put_named(struct text_out *out, const uint8_t *bytes, size_t size, const struct view *view,
               struct renaming *renaming, unsigned side)
{
    struct name_part part;
    size_t at = 0, plain = 0;
    char label[LABEL_MAX];

    while (name_next(bytes, size, &at, &part)) {
        size_t before = (size_t)(part.bytes - bytes);

        if (!label_part(label, &part, view, renaming, side))
            continue;
        put_escaped(out, bytes + plain, before - plain, ESCAPE_QUOTES);
        put_char(out, '<');
        put_text(out, label);
        put_char(out, '>');
        plain = at;
    }
    put_escaped(out, bytes + plain, size - plain, ESCAPE_QUOTES);
}

static void put_quoted(struct text_out *out, const uint8_t *bytes, size_t size, const struct view *view,
                       struct renaming *renaming, unsigned side)
{
    put_char(out, '"');
    put_named(out, bytes, size, view, renaming, side);
    put_char(out, '"');
}

static void put_strings(struct text_out *out, const struct canonical *value, const struct view *view,
                        struct renaming *renaming, unsigned side)
{
    put_char(out, '[');
    for (size_t at = 0, size; at < value->size; at += size + 1) {
        size = strnlen((const char *)value->data + at, value->size - at);
        if (at)
            put_text(out, ", ");
        put_quoted(out, value->data + at, size, view, renaming, side);
    }
    put_char(out, ']');
}

/* Values with spans: formatted from a copy that has numbers of ours in their place. */

#define STAND_IN_64 UINT64_C(0x5aface0000000000)
#define STAND_IN_32 0x5ace0000u
#define STAND_IN_16 64000u

struct stand_in {
    char shown[24], shown_hex[24];
    char label[LABEL_MAX];
};

static void stand_in(struct stand_in *stand_in, uint8_t *bytes, const struct span *span, unsigned number)
{
    uint64_t value = STAND_IN_64 + number;
    uint32_t small = STAND_IN_32 + number;
    uint16_t port = (uint16_t)(STAND_IN_16 + number);

    if (span->size == 2) {
        bytes[span->at] = (uint8_t)(port >> 8);
        bytes[span->at + 1] = (uint8_t)port;
        value = port;
    } else if (span->size == 4) {
        memcpy(bytes + span->at, &small, sizeof(small));
        value = small;
    } else if (span->size == 8) {
        memcpy(bytes + span->at, &value, sizeof(value));
    }
    (void)snprintf(stand_in->shown, sizeof(stand_in->shown), "%llu", (unsigned long long)value);
    (void)snprintf(stand_in->shown_hex, sizeof(stand_in->shown_hex), "0x%llx", (unsigned long long)value);
}

/* Puts text with every stand-in given its label. */
static void put_relabelled(struct text_out *out, const char *text, const struct stand_in *ins, unsigned count)
{
    while (*text) {
        size_t skipped = 0;

        for (unsigned i = 0; i < count && !skipped; i++) {
            size_t size = strlen(ins[i].shown), size_hex = strlen(ins[i].shown_hex);

            if (!strncmp(text, ins[i].shown_hex, size_hex))
                skipped = size_hex;
            else if (!strncmp(text, ins[i].shown, size))
                skipped = size;
            if (skipped)
                put_text(out, ins[i].label);
        }
        if (!skipped)
            put_char(out, *text);
        text += skipped ? skipped : 1;
    }
}

/* A record with nothing but this value, in this type. */
static size_t format_bytes(const struct view *view, unsigned index, const uint8_t *bytes, size_t size, char *text,
                           size_t room)
{
    struct sysfold_param param = view->record.row->params[index];
    struct sysfold_row row = {.name = "", .params = &param, .number = ROW_MARKER, .param_count = 1};
    struct sysfold_event event = {.record = {.row = &row, .body = bytes, .body_size = (uint32_t)size}};
    uint8_t variable[RECORD_SIZE_MAX];
    uint16_t length = (uint16_t)size;

    param.place = 0;
    if (size > RECORD_SIZE_MAX - sizeof(length))
        size = RECORD_SIZE_MAX - sizeof(length);
    if (param.type->variable) {
        memcpy(variable, &length, sizeof(length));
        memcpy(variable + sizeof(length), bytes, size);
        event.record.body = variable;
        event.record.body_size = (uint32_t)(size + sizeof(length));
    } else {
        row.fixed_size = (uint16_t)size;
    }
    return sysfold_event_format_param(&event, 0, text, room);
}

static void put_spanned(struct text_out *out, const struct canonical *value, const struct view *view, unsigned index,
                        struct renaming *renaming, unsigned side)
{
    uint8_t bytes[RECORD_SIZE_MAX];
    static _Thread_local char text[1 << 18];
    static _Thread_local struct stand_in ins[64];
    unsigned count = 0;

    memcpy(bytes, value->data, value->size);
    for (size_t base = 0; value->span_count && base < value->size && count < 64;) {
        for (unsigned i = 0; i < value->span_count && count < 64; i++) {
            struct span span = value->spans[i];
            uint64_t number;

            if (base + span.at + span.size > value->size || span.identity == IDENTITY_NAME)
                continue;
            span.at = (uint16_t)(span.at + base);
            if (span.identity == IDENTITY_REMOVED) {
                memset(bytes + span.at, 0, span.size);
                continue;
            }
            number = span_number(value->data, &span);
            label_of(ins[count].label, view, index, span.identity, number, renaming, side);
            if (*ins[count].label && number)
                stand_in(&ins[count], bytes, &span, count), count++;
        }
        if (!value->stride)
            break;
        base += value->stride;
    }
    format_bytes(view, index, bytes, value->size, text, sizeof(text));
    put_relabelled(out, text, ins, count);
}

/* A path in an address: its own text, since the formatter knows no names. */
static bool put_unix_address(struct text_out *out, const struct canonical *value, const struct view *view,
                             struct renaming *renaming, unsigned side)
{
    const struct span *span = &value->spans[0];
    bool is_abstract;

    if (value->span_count != 1 || span->identity != IDENTITY_NAME || span->at != 2)
        return false;
    put_text(out, "{family=AF_UNIX, path=\"");
    is_abstract = span->size && !value->data[span->at];
    put_text(out, is_abstract ? "@" : "");
    put_named(out, value->data + span->at + is_abstract, span->size - is_abstract, view, renaming, side);
    put_text(out, "\"}");
    return true;
}

static void put_exact(struct text_out *out, const struct view *view, unsigned index)
{
    static _Thread_local char text[1 << 18];
    const struct sysfold_event event = {.record = view->record};

    sysfold_event_format_param(&event, index, text, sizeof(text));
    put_text(out, text);
}

static void put_bytes_value(struct text_out *out, const struct canonical *value, const struct view *view,
                            unsigned index, struct renaming *renaming, unsigned side)
{
    unsigned type = view->record.row->params[index].type->id;

    if (value->identity == IDENTITY_REMOVED)
        put_text(out, "any");
    else if (type == TYPE_STRING_VECTOR || type == TYPE_ENVIRONMENT)
        put_strings(out, value, view, renaming, side);
    else if (value->identity == IDENTITY_NAME)
        put_quoted(out, value->data, value->size, view, renaming, side);
    else if (!put_unix_address(out, value, view, renaming, side))
        put_spanned(out, value, view, index, renaming, side);
    if (value->truncated)
        put_text(out, "...");
}

static bool is_interruption(const struct view *view, unsigned index, int64_t number)
{
    return !index && view->record.flags & SYSFOLD_EVENT_FAILED && sysfold_row_is_syscall(view->record.row) &&
           result_seen(number) == -EINTR;
}

void put_param(struct text_out *out, const struct view *view, unsigned index, struct renaming *renaming, unsigned side)
{
    struct canonical value;
    char label[LABEL_MAX];

    canonical_param(view->story, &view->record, index, &value);
    if (value.status == SYSFOLD_ABSENT) {
        put_char(out, '?');
    } else if (value.status == SYSFOLD_UNREADABLE) {
        put_text(out, "<unreadable>");
    } else if (value.status == SYSFOLD_NULL) {
        put_text(out, "NULL");
    } else if (!value.is_number) {
        put_bytes_value(out, &value, view, index, renaming, side);
    } else if (is_interruption(view, index, (int64_t)value.number)) {
        put_text(out, "-1 EINTR (Interrupted system call)");
    } else {
        label_of(label, view, index, value.identity, value.number, renaming, side);
        if (*label)
            put_text(out, label);
        else
            put_exact(out, view, index);
    }
}

static void put_unknown(struct text_out *out, const struct view *view)
{
    const struct sysfold_event event = {.record = view->record};
    char text[256];

    sysfold_event_format(&event, text, sizeof(text));
    put_text(out, text);
}

/* An unused or unknown value says nothing. */
static bool is_told(const struct view *view, unsigned index)
{
    struct canonical value;

    canonical_param(view->story, &view->record, index, &value);
    return value.status != SYSFOLD_ABSENT;
}

void put_event(struct text_out *out, const struct view *view, struct renaming *renaming, unsigned side)
{
    const struct sysfold_row *row = view->record.row;
    bool is_call = row && sysfold_row_is_syscall(row), any = false;

    if (!row) {
        put_unknown(out, view);
        return;
    }
    put_escaped(out, view_name(view), strlen(view_name(view)), ESCAPE_QUOTES);
    put_char(out, '(');
    for (unsigned i = is_call; i < row->param_count; i++) {
        if (!is_told(view, i))
            continue;
        put_text(out, any ? ", " : "");
        any = true;
        put_escaped(out, row->params[i].name, strlen(row->params[i].name), ESCAPE_QUOTES);
        put_char(out, '=');
        put_param(out, view, i, renaming, side);
    }
    put_char(out, ')');
    if (is_call) {
        put_text(out, " = ");
        put_param(out, view, 0, renaming, side);
    }
}

/* The whole story. */

/* The event as text, until the next. */
static const char *text_of(const struct sysfold_story *story, uint32_t at, struct renaming *renaming)
{
    static _Thread_local char text[1 << 19];
    struct text_out out = {.buffer = text, .size = sizeof(text)};
    struct view view = view_of(story, at);

    put_event(&out, &view, renaming, 0);
    text_out_finish(&out);
    return text;
}

static int add_line(const struct teller *thread, const char *text, FILE *to)
{
    return fprintf(to, "%s %s\n", thread->name, text) < 0 ? -ENOMEM : 0;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In which order a process's signals come is chance: they are told in that of their texts. */
static int add_signals(const struct sysfold_story *story, const struct teller *thread, struct renaming *renaming,
                       FILE *to)
{
    cleanup_free char **texts = calloc((size_t)thread->signal_count + 1, sizeof(*texts));
    int r = texts ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < thread->signal_count && !r; i++) {
        texts[i] = strdup(text_of(story, story->signals[thread->first_signal + i], renaming));
        r = texts[i] ? 0 : -ENOMEM;
    }
    if (!r)
        qsort(texts, thread->signal_count, sizeof(*texts), compare_texts);
    for (uint32_t i = 0; i < thread->signal_count && !r; i++)
        r = add_line(thread, texts[i], to);
    for (uint32_t i = 0; texts && i < thread->signal_count; i++)
        free(texts[i]);
    return r;
}

static int add_thread(const struct sysfold_story *story, uint32_t index, struct renaming *renaming, FILE *to)
{
    const struct teller *thread = &story->threads[index];
    int r = 0;

    for (uint32_t i = 0; i < thread->count && !r; i++)
        r = add_line(thread, text_of(story, story->order[thread->first + i], renaming), to);
    return r ? r : add_signals(story, thread, renaming, to);
}

int sysfold_story_to_text(const struct sysfold_story *story, char **ret_text, struct sysfold_error *error)
{
    struct renaming renaming = {.stories = {story, story}};
    char *text = NULL;
    size_t size;
    FILE *to = story->swapped ? NULL : open_memstream(&text, &size);
    int r = to ? 0 : -ENOMEM;

    if (story->swapped)
        return error_set(error, -EINVAL, "the story is of a machine with another byte order");
    for (uint32_t i = 0; i < story->named && !r; i++)
        r = add_thread(story, story->by_name[i], &renaming, to);
    renaming_finish(&renaming);
    if (to && fclose(to) != 0)
        r = -ENOMEM;
    if (r < 0) {
        free(text);
        return error_system(error, r, "cannot tell the story");
    }
    *ret_text = text;
    return 0;
}
