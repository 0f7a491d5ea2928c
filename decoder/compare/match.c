// SPDX-License-Identifier: Apache-2.0
#include "match.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "declared.h"
#include "names.h"

#define KEY_BYTES 16
#define EPHEMERAL_MIN 32768

/* A parameter of both rows, or of one of them. */
struct item {
    int8_t params[2];
    int16_t declared[2];   /* index; -1: nothing is declared of it */
    int16_t unreadable[2]; /* the same of memory that was not read */
    bool is_ignored;
};

struct pairing {
    const struct sysfold_row *rows[2];
    unsigned count;
    struct item items[];
};

/* What is declared, and what is ignored. */

static bool is_for(const char *pattern, const char *name)
{
    return !strcmp(pattern, "*") || !strcmp(pattern, name);
}

static int find_declared(const struct matcher *matcher, unsigned side, const char *row, const char *param)
{
    for (size_t i = 0; i < matcher->declared_counts[side]; i++) {
        const struct sysfold_declared *declared = &matcher->declared[side][i];

        if (declared->kind != SYSFOLD_DECLARED_UNREADABLE && is_for(declared->row, row) &&
            !strcmp(declared->param, param))
            return (int)i;
    }
    return -1;
}

static int find_unreadable(const struct matcher *matcher, unsigned side, const char *row, const char *param)
{
    for (size_t i = 0; i < matcher->declared_counts[side]; i++) {
        const struct sysfold_declared *declared = &matcher->declared[side][i];

        if (declared->kind == SYSFOLD_DECLARED_UNREADABLE && is_for(declared->row, row) &&
            is_for(declared->param, param))
            return (int)i;
    }
    return -1;
}

static bool is_ignored(const struct matcher *matcher, const char *row, const char *param)
{
    for (size_t i = 0; i < matcher->ignored_count; i++) {
        const struct ignored *ignored = &matcher->ignored[i];

        if (is_for(ignored->row, row) && !strcmp(ignored->param, param))
            return true;
    }
    return false;
}

bool matcher_leaves_out_row(struct matcher *matcher, const char *row, bool uses)
{
    bool is_left_out = is_ignored(matcher, row, "*");

    for (unsigned side = 0; side < 2; side++) {
        int index = find_declared(matcher, side, row, "*");

        if (index < 0)
            continue;
        is_left_out = true;
        if (uses)
            matcher->uses[side][index]++;
    }
    return is_left_out;
}

bool matcher_declares(struct matcher *matcher, unsigned side, const char *row, const char *param)
{
    int index = find_declared(matcher, side, row, param);

    if (index < 0)
        return false;
    matcher->uses[side][index]++;
    return true;
}

/* The first process of a gVisor sandbox is there, and nobody has executed it. */
static bool is_never_launched(const struct sysfold_story *story)
{
    return story->backend && !strcmp(story->backend, "gvisor");
}

bool matcher_leaves_out(struct matcher *matcher, unsigned side, uint32_t at)
{
    const struct sysfold_story *story = matcher->stories[side];
    struct record record;
    uint8_t *known;

    if (story->events[at].flags & TOLD_LAUNCH && is_never_launched(matcher->stories[!side]))
        return true;
    story_record(story, &story->events[at], &record);
    known = &matcher->left_out[side][record.number];
    if (*known == 1 || !record.row)
        return false;
    *known = matcher_leaves_out_row(matcher, record.row->name, true) ? 2 : 1;
    return *known == 2;
}

static bool names_param(const struct sysfold_story *story, const char *row, const char *param)
{
    for (unsigned i = 0; i < ROW_MAX; i++) {
        const struct sysfold_row *known = story->rows[i] ? story->rows[i] : row_builtin(i);

        if (known && is_for(row, known->name) && (!strcmp(param, "*") || sysfold_row_param_index(known, param) >= 0))
            return true;
    }
    return false;
}

static int add_ignored(struct matcher *matcher, const char *word, size_t size, struct sysfold_error *error)
{
    const char *dot = memchr(word, '.', size);
    size_t row = dot ? (size_t)(dot - word) : size;
    struct ignored *grown = reallocarray(matcher->ignored, matcher->ignored_count + 1, sizeof(*grown));
    struct ignored *added;

    if (!grown)
        return error_system(error, -ENOMEM, "cannot compare");
    matcher->ignored = grown;
    added = &grown[matcher->ignored_count];
    added->row = strndup(word, row);
    added->param = dot ? strndup(dot + 1, size - row - 1) : strdup("*");
    matcher->ignored_count++;
    if (!added->row || !added->param)
        return error_system(error, -ENOMEM, "cannot compare");
    if (!names_param(matcher->stories[0], added->row, added->param) &&
        !names_param(matcher->stories[1], added->row, added->param))
        return error_set(error, -EINVAL, "nothing is called '%.*s': there is nothing to ignore", (int)size, word);
    return 0;
}

static int read_ignored(struct matcher *matcher, const char *ignore, struct sysfold_error *error)
{
    int r = 0;

    while (ignore && *ignore && !r) {
        size_t size = strcspn(ignore, ",");

        if (size)
            r = add_ignored(matcher, ignore, size, error);
        ignore += size + (ignore[size] == ',');
    }
    return r;
}

int matcher_init(struct matcher *matcher, const struct sysfold_story *reference, const struct sysfold_story *other,
                 const char *ignore, struct sysfold_error *error)
{
    *matcher = (struct matcher){.stories = {reference, other}, .renaming = {.stories = {reference, other}}};
    for (unsigned side = 0; side < 2; side++) {
        const char *backend = matcher->stories[side]->backend;

        matcher->declared[side] = declared_of(backend ? backend : "", &matcher->declared_counts[side]);
        matcher->uses[side] = calloc(matcher->declared_counts[side] + 1, sizeof(**matcher->uses));
        if (!matcher->uses[side])
            return error_system(error, -ENOMEM, "cannot compare");
    }
    return read_ignored(matcher, ignore, error);
}

void matcher_finish(struct matcher *matcher)
{
    for (unsigned i = 0; i < ROW_MAX; i++)
        free(matcher->pairings[i]);
    for (size_t i = 0; i < matcher->ignored_count; i++) {
        free(matcher->ignored[i].row);
        free(matcher->ignored[i].param);
    }
    free(matcher->ignored);
    free(matcher->uses[0]);
    free(matcher->uses[1]);
    renaming_finish(&matcher->renaming);
}

/* Which parameter is which: by name, since the schemas may be of two versions. */

static struct item item_of(const struct matcher *matcher, const char *row, const char *param, int a, int b)
{
    return (struct item){
        .params = {(int8_t)a, (int8_t)b},
        .declared = {(int16_t)find_declared(matcher, 0, row, param), (int16_t)find_declared(matcher, 1, row, param)},
        .unreadable = {(int16_t)find_unreadable(matcher, 0, row, param),
                       (int16_t)find_unreadable(matcher, 1, row, param)},
        .is_ignored = is_ignored(matcher, row, param),
    };
}

/* The story's row of that name, most often under the same number. */
static const struct sysfold_row *row_like(const struct sysfold_story *story, const struct sysfold_row *row)
{
    const struct sysfold_row *likely = story->rows[row->number];

    if (likely && !strcmp(likely->name, row->name))
        return likely;
    for (unsigned i = 0; i < ROW_MAX; i++) {
        if (story->rows[i] && !strcmp(story->rows[i]->name, row->name))
            return story->rows[i];
    }
    return NULL;
}

static struct pairing *pairing_create(const struct matcher *matcher, const struct sysfold_row *a,
                                      const struct sysfold_row *b)
{
    unsigned others = b ? b->param_count : 0;
    struct pairing *pairing = malloc(sizeof(*pairing) + (a->param_count + others) * sizeof(pairing->items[0]));

    if (!pairing)
        return NULL;
    *pairing = (struct pairing){.rows = {a, b}};
    for (unsigned i = 0; i < a->param_count; i++) {
        int index = b ? sysfold_row_param_index(b, a->params[i].name) : -1;

        pairing->items[pairing->count++] = item_of(matcher, a->name, a->params[i].name, (int)i, index < 0 ? -1 : index);
    }
    for (unsigned i = 0; i < others; i++) {
        if (sysfold_row_param_index(a, b->params[i].name) < 0)
            pairing->items[pairing->count++] = item_of(matcher, a->name, b->params[i].name, -1, (int)i);
    }
    return pairing;
}

static const struct pairing *pairing_of(struct matcher *matcher, const struct sysfold_row *row)
{
    struct pairing **pairing = &matcher->pairings[row->number];

    if (!*pairing)
        *pairing = pairing_create(matcher, row, row_like(matcher->stories[1], row));
    return *pairing;
}

/* One identity against another. */

struct meeting {
    struct matcher *matcher;
    struct view views[2];
    unsigned params[2];
    bool learns;
    bool out_of_memory;
};

static bool same_up_to_renaming(struct meeting *meeting, enum identity identity, uint64_t a, uint64_t b)
{
    const uint64_t values[2] = {a, b};
    const uint32_t at[2] = {meeting->views[0].at, meeting->views[1].at};
    struct renaming *renaming = &meeting->matcher->renaming;

    if (!renaming_allows(renaming, identity, values, at))
        return false;
    if (meeting->learns && renaming_learn(renaming, identity, values, at) < 0)
        meeting->out_of_memory = true;
    return true;
}

static bool same_thread(struct meeting *meeting, uint64_t a, uint64_t b)
{
    int64_t x = (int64_t)a, y = (int64_t)b;
    const char *names[2];

    if (x == 0 || y == 0 || x == -1 || y == -1)
        return x == y;
    if ((x < 0) != (y < 0))
        return false;
    a = x < 0 ? (uint64_t)-x : a;
    b = y < 0 ? (uint64_t)-y : b;
    names[0] = view_thread(&meeting->views[0], meeting->params[0], a);
    names[1] = view_thread(&meeting->views[1], meeting->params[1], b);
    if (names[0] && names[1])
        return !strcmp(names[0], names[1]);
    return !names[0] && !names[1] && same_up_to_renaming(meeting, IDENTITY_THREAD, a, b);
}

static bool same_word(const struct meeting *meeting, uint64_t a, uint64_t b)
{
    const char *x, *y;

    if (a == b || (word_is_address(a) && word_is_address(b)))
        return true;
    x = view_thread(&meeting->views[0], meeting->params[0], a);
    y = view_thread(&meeting->views[1], meeting->params[1], b);
    return x && y && !strcmp(x, y);
}

static bool same_number(struct meeting *meeting, enum identity identity, uint64_t a, uint64_t b)
{
    switch (identity) {
    case IDENTITY_REMOVED:
        return true;
    case IDENTITY_ADDRESS:
        return !a == !b;
    case IDENTITY_WORD:
        return same_word(meeting, a, b);
    case IDENTITY_THREAD:
        return same_thread(meeting, a, b);
    case IDENTITY_INODE:
    case IDENTITY_DEVICE:
    case IDENTITY_PORT:
    case IDENTITY_OPAQUE:
        return same_up_to_renaming(meeting, identity, a, b);
    default:
        return a == b;
    }
}

/* Strings: part by part. */

static bool same_bytes(const struct name_part *a, const struct name_part *b)
{
    return a->size == b->size && !memcmp(a->bytes, b->bytes, a->size);
}

static bool same_word_part(struct meeting *meeting, const struct name_part *a, const struct name_part *b)
{
    uint64_t x = story_hash(a->bytes, a->size, 0), y = story_hash(b->bytes, b->size, 0);

    if (same_bytes(a, b)) {
        const uint64_t values[2] = {x, y};
        const uint32_t at[2] = {meeting->views[0].at, meeting->views[1].at};

        return renaming_allows(&meeting->matcher->renaming, IDENTITY_NAME, values, at);
    }
    return name_is_made_up(meeting->views[0].story, a) && name_is_made_up(meeting->views[1].story, b) &&
           names_are_unlike(a, b) && same_up_to_renaming(meeting, IDENTITY_NAME, x, y);
}

static bool same_number_part(struct meeting *meeting, const struct name_part *a, const struct name_part *b)
{
    const char *x, *y;

    if (same_bytes(a, b))
        return true;
    x = view_thread(&meeting->views[0], 1, a->number);
    y = view_thread(&meeting->views[1], 1, b->number);
    return x && y && !strcmp(x, y);
}

static bool same_part(struct meeting *meeting, const struct name_part *a, const struct name_part *b)
{
    bool is_number = a->kind >= NAME_NUMBER;

    if (a->kind != b->kind)
        return is_number && b->kind >= NAME_NUMBER && same_number_part(meeting, a, b);
    switch (a->kind) {
    case NAME_WORD:
        return same_word_part(meeting, a, b);
    case NAME_NUMBER:
        return same_number_part(meeting, a, b);
    case NAME_INODE:
        return same_up_to_renaming(meeting, IDENTITY_INODE, a->number, b->number);
    case NAME_PORT:
        return same_up_to_renaming(meeting, IDENTITY_PORT, a->number, b->number);
    default:
        return same_bytes(a, b);
    }
}

/* A string that was cut ends anywhere, within a name too. */
static bool same_start(struct meeting *meeting, const struct name_part *a, const struct name_part *b, bool cut_a,
                       bool cut_b)
{
    size_t size = a->size < b->size ? a->size : b->size;

    if (same_part(meeting, a, b))
        return true;
    if (!(cut_a && a->size <= b->size) && !(cut_b && b->size <= a->size))
        return false;
    return !memcmp(a->bytes, b->bytes, size);
}

static bool same_names(struct meeting *meeting, const struct canonical *a, const struct canonical *b)
{
    size_t at_a = 0, at_b = 0;

    for (;;) {
        struct name_part x, y;
        bool more_a = name_next(a->data, a->size, &at_a, &x), more_b = name_next(b->data, b->size, &at_b, &y);

        if (!more_a || !more_b)
            return more_a == more_b || (!more_a && a->truncated) || (!more_b && b->truncated);
        if (!same_start(meeting, &x, &y, a->truncated && at_a == a->size, b->truncated && at_b == b->size))
            return false;
    }
}

/* Bytes: exact but for the spans. */

static bool same_span(struct meeting *meeting, const struct canonical *a, const struct canonical *b, unsigned index,
                      size_t base)
{
    struct span x = a->spans[index], y = b->spans[index];

    x.at = (uint16_t)(x.at + base);
    y.at = (uint16_t)(y.at + base);
    if (x.identity == IDENTITY_NAME) {
        const struct canonical p = {.data = a->data + x.at, .size = x.size, .truncated = a->truncated};
        const struct canonical q = {.data = b->data + y.at, .size = y.size, .truncated = b->truncated};

        return same_names(meeting, &p, &q);
    }
    return x.size == y.size && (x.identity == IDENTITY_REMOVED ||
                                same_number(meeting, x.identity, span_number(a->data, &x), span_number(b->data, &y)));
}

static bool same_shape(const struct canonical *a, const struct canonical *b)
{
    if (a->span_count != b->span_count || a->stride != b->stride)
        return false;
    for (unsigned i = 0; i < a->span_count; i++) {
        if (a->spans[i].at != b->spans[i].at || a->spans[i].identity != b->spans[i].identity)
            return false;
    }
    return true;
}

/* The first `size` bytes, where both have as many and no span is a name. */
static bool same_start_of_bytes(struct meeting *meeting, const struct canonical *a, const struct canonical *b,
                                size_t size)
{
    size_t at = 0;

    for (size_t base = 0; a->span_count && base < size; base += a->stride) {
        for (unsigned i = 0; i < a->span_count; i++) {
            size_t from = base + a->spans[i].at, to = from + a->spans[i].size;

            if (to > size)
                break;
            if (memcmp(a->data + at, b->data + at, from - at) != 0 || !same_span(meeting, a, b, i, base))
                return false;
            at = to;
        }
        if (!a->stride)
            break;
    }
    return !memcmp(a->data + at, b->data + at, size - at);
}

static bool has_name_span(const struct canonical *value)
{
    return value->span_count == 1 && value->spans[0].identity == IDENTITY_NAME;
}

static bool same_data(struct meeting *meeting, const struct canonical *a, const struct canonical *b)
{
    size_t size = a->size < b->size ? a->size : b->size;

    if (a->identity == IDENTITY_NAME)
        return same_names(meeting, a, b);
    if (has_name_span(a) && has_name_span(b))
        return !memcmp(a->data, b->data, a->spans[0].at) && same_span(meeting, a, b, 0, 0);
    if ((a->size > size && !b->truncated) || (b->size > size && !a->truncated))
        return false;
    if (!same_shape(a, b)) /* one may have been cut before its span, or there is none */
        return (a->truncated || b->truncated) && !memcmp(a->data, b->data, size);
    return same_start_of_bytes(meeting, a, b, size);
}

static bool same_value(struct meeting *meeting, const struct canonical *a, const struct canonical *b)
{
    if (a->status != b->status)
        return false;
    if (a->status != SYSFOLD_PRESENT)
        return true;
    if (a->is_number != b->is_number || a->identity != b->identity)
        return a->is_number && b->is_number && a->number == b->number;
    if (a->identity == IDENTITY_REMOVED)
        return true;
    return a->is_number ? same_number(meeting, a->identity, a->number, b->number) : same_data(meeting, a, b);
}

/* Events. */

static void take_value(const struct view *view, int param, struct canonical *ret_value)
{
    if (param >= 0)
        canonical_param(view->story, &view->record, (unsigned)param, ret_value);
    else
        *ret_value = (struct canonical){.status = SYSFOLD_ABSENT};
}

/* A call that restart_syscall ended left results in memory that nobody read. */
static bool is_unknown(const struct meeting *meeting, const struct item *item)
{
    bool is_restarted = false;

    for (unsigned side = 0; side < 2; side++) {
        const struct view *view = &meeting->views[side];

        is_restarted |= view->story->events[view->at].flags & TOLD_RESTARTED;
    }
    if (!is_restarted || item->params[0] < 0)
        return false;
    return param_is_filled_in(meeting->views[0].record.row, &meeting->views[0].record.row->params[item->params[0]]);
}

static bool is_unreturned(const struct view *view)
{
    struct canonical result;

    if (!sysfold_row_is_syscall(view->record.row))
        return false;
    canonical_param(view->story, &view->record, 0, &result);
    return result.status == SYSFOLD_ABSENT;
}

static bool is_read_at_exit(const struct view *view, int param)
{
    return param > 0 && !(view->record.row->entry_mask >> param & 1);
}

/* Whoever looks only as a call begins (and may not know its result, as it declares) has by then what others read when
 * it returns: of a call that did not, they have nothing. */
static bool is_known_too_early(const struct meeting *meeting, const struct item *item, unsigned side)
{
    const struct view *early = &meeting->views[side], *late = &meeting->views[!side];

    return find_declared(meeting->matcher, side, early->record.row->name, "res") >= 0 && is_unreturned(early) &&
           is_unreturned(late) && is_read_at_exit(late, item->params[!side]);
}

static bool same_item(struct meeting *meeting, const struct item *item, enum sysfold_status ret_statuses[2])
{
    struct canonical a, b;

    meeting->params[0] = (unsigned)item->params[0];
    meeting->params[1] = (unsigned)item->params[1];
    take_value(&meeting->views[0], item->params[0], &a);
    take_value(&meeting->views[1], item->params[1], &b);
    ret_statuses[0] = a.status;
    ret_statuses[1] = b.status;
    return same_value(meeting, &a, &b) || is_unknown(meeting, item) ||
           (b.status == SYSFOLD_ABSENT && is_known_too_early(meeting, item, 0)) ||
           (a.status == SYSFOLD_ABSENT && is_known_too_early(meeting, item, 1));
}

/* The declaration that holds of that side, -1: none. A call that succeeds has had its memory read by the kernel,
 * too. */
static int declaration_of(const struct meeting *meeting, const struct item *item, unsigned side,
                          enum sysfold_status status)
{
    const struct matcher *matcher = meeting->matcher;
    int index = item->declared[side];

    if (index >= 0 && (matcher->declared[side][index].kind == SYSFOLD_DECLARED_DIFFERENT || status == SYSFOLD_ABSENT))
        return index;
    if (status == SYSFOLD_UNREADABLE && meeting->views[side].record.flags & SYSFOLD_EVENT_FAILED)
        return item->unreadable[side];
    return -1;
}

/* Why it may differ; NULL: it may not. */
static const char *excuse(const struct meeting *meeting, const struct item *item, const enum sysfold_status statuses[2],
                          bool uses)
{
    const struct matcher *matcher = meeting->matcher;

    for (unsigned side = 0; side < 2; side++) {
        int index = declaration_of(meeting, item, side, statuses[side]);

        if (index < 0)
            continue;
        if (uses)
            matcher->uses[side][index]++;
        return matcher->declared[side][index].reason;
    }
    return item->is_ignored ? "ignored" : NULL;
}

static bool same_unknown(const struct record *a, const struct record *b)
{
    return !a->row && !b->row && a->number == b->number && a->body_size == b->body_size &&
           !memcmp(a->body, b->body, a->body_size);
}

static struct meeting meet(struct matcher *matcher, uint32_t a, uint32_t b)
{
    return (struct meeting){.matcher = matcher,
                            .views = {view_of(matcher->stories[0], a), view_of(matcher->stories[1], b)}};
}

/* -ENOMEM; 1: they can be compared parameter by parameter. */
static int open_pairing(struct meeting *meeting, const struct pairing **ret_pairing)
{
    const struct record *a = &meeting->views[0].record, *b = &meeting->views[1].record;

    if (!a->row || !b->row || strcmp(a->row->name, b->row->name) != 0)
        return 0;
    *ret_pairing = pairing_of(meeting->matcher, a->row);
    return *ret_pairing ? 1 : -ENOMEM;
}

bool matcher_same(struct matcher *matcher, uint32_t a, uint32_t b)
{
    struct meeting meeting = meet(matcher, a, b);
    const struct pairing *pairing;

    if (open_pairing(&meeting, &pairing) <= 0)
        return same_unknown(&meeting.views[0].record, &meeting.views[1].record);
    for (unsigned i = 0; i < pairing->count; i++) {
        enum sysfold_status statuses[2];

        if (!same_item(&meeting, &pairing->items[i], statuses) &&
            !excuse(&meeting, &pairing->items[i], statuses, false))
            return false;
    }
    return true;
}

int matcher_join(struct matcher *matcher, uint32_t a, uint32_t b, struct mismatch *differences, size_t *ret_count,
                 enum matched *ret_matched)
{
    struct meeting meeting = meet(matcher, a, b);
    const struct pairing *pairing;
    enum matched matched = MATCHED_SAME;
    size_t count = 0;
    int r = open_pairing(&meeting, &pairing);

    *ret_count = 0;
    *ret_matched = same_unknown(&meeting.views[0].record, &meeting.views[1].record) ? MATCHED_SAME : MATCHED_NOT;
    if (r <= 0)
        return r;
    meeting.learns = true;
    for (unsigned i = 0; i < pairing->count; i++) {
        const struct item *item = &pairing->items[i];
        enum sysfold_status statuses[2];
        const char *reason;

        if (same_item(&meeting, item, statuses))
            continue;
        reason = excuse(&meeting, item, statuses, true);
        differences[count++] = (struct mismatch){{item->params[0], item->params[1]}, reason};
        if (!reason || matched == MATCHED_NOT)
            matched = MATCHED_NOT;
        else
            matched = MATCHED_AS_DECLARED;
    }
    *ret_count = count;
    *ret_matched = matched;
    return meeting.out_of_memory ? -ENOMEM : 0;
}

bool matcher_same_text(struct matcher *matcher, const char *a, uint32_t at_a, const char *b, uint32_t at_b)
{
    struct meeting meeting = meet(matcher, at_a, at_b);
    const struct canonical x = {.data = (const uint8_t *)a, .size = strlen(a)};
    const struct canonical y = {.data = (const uint8_t *)b, .size = strlen(b)};

    meeting.params[0] = meeting.params[1] = 1;
    return same_names(&meeting, &x, &y);
}

/* Keys. */

/* Whatever a renaming could change is left out; so is what lies behind the bytes that a small limit keeps. */
static uint64_t key_of_name(const struct canonical *value, uint64_t key)
{
    struct name_part part;
    size_t at = 0;

    while (name_next(value->data, value->size, &at, &part)) {
        if (part.kind == NAME_PLAIN)
            key = story_hash(part.bytes, part.size, key);
        else
            key = key * 31 + (part.kind == NAME_WORD ? part.size : NAME_KINDS_OF_NUMBERS);
    }
    return key;
}

static uint64_t key_of_value(const struct canonical *value, const char *name)
{
    uint64_t key = story_hash(name, strlen(name), value->status);

    if (value->status != SYSFOLD_PRESENT)
        return key;
    if (value->is_number)
        return value->identity == IDENTITY_EXACT ? story_hash(&value->number, sizeof(value->number), key) : key;
    if (value->identity == IDENTITY_NAME)
        return value->truncated ? key : key_of_name(value, key);
    if (value->identity != IDENTITY_EXACT || value->span_count || (value->truncated && value->size < KEY_BYTES))
        return key;
    return story_hash(value->data, value->size < KEY_BYTES ? value->size : KEY_BYTES, key);
}

uint64_t matcher_kind(const struct matcher *matcher, unsigned side, uint32_t at)
{
    struct view view = view_of(matcher->stories[side], at);
    const struct rules *rules = matcher->stories[side]->rules[view.record.number];
    const char *name = view.record.row ? view.record.row->name : "";
    uint64_t kind = story_hash(name, strlen(name), view.record.row ? 0 : view.record.number);

    if (rules && rules->is_generic)
        kind += (uint64_t)record_number(&view.record, "arch", 0) * 31 + (uint64_t)record_number(&view.record, "nr", 0);
    return kind;
}

uint64_t matcher_key(struct matcher *matcher, unsigned side, uint32_t at)
{
    struct view view = view_of(matcher->stories[side], at);
    uint64_t key = matcher_kind(matcher, side, at);
    const struct sysfold_row *reference = view.record.row;
    const struct pairing *pairing;

    if (reference && side)
        reference = row_like(matcher->stories[0], reference);
    pairing = reference ? pairing_of(matcher, reference) : NULL;
    for (unsigned i = 0; pairing && i < pairing->count; i++) {
        const struct item *item = &pairing->items[i];
        struct canonical value;

        if (item->params[0] < 0 || item->params[1] < 0 || item->is_ignored || item->declared[0] >= 0 ||
            item->declared[1] >= 0)
            continue;
        take_value(&view, item->params[side], &value);
        key += key_of_value(&value, view.record.row->params[item->params[side]].name);
    }
    return key;
}
