// SPDX-License-Identifier: Apache-2.0
#include "strace-log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_ROOM_MIN 1024
#define TID_MAX INT32_MAX
#define JOINS_MAX 16

/* Names. */

/* strace's own, for calls that libseccomp calls otherwise. */
static const struct {
    const char *shown, *name;
} other_names[] = {{"old_mmap", "mmap"}, {"old_select", "select"}};

struct named_call {
    const char *name;
    unsigned number;
};

/* By name, of each ABI; made once. */
static struct {
    struct named_call *calls[CALL_ABI_COUNT];
    size_t count[CALL_ABI_COUNT];
    bool complete;
} names;
static pthread_once_t names_once = PTHREAD_ONCE_INIT;

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct named_call *)a)->name, ((const struct named_call *)b)->name);
}

static void make_names(void)
{
    for (unsigned abi = 0; abi < CALL_ABI_COUNT; abi++) {
        struct named_call *calls = calloc(CALL_COUNT, sizeof(*calls));

        if (!calls)
            return;
        names.calls[abi] = calls;
        for (unsigned i = 0; i < CALL_COUNT; i++) {
            if (call_is_known(abi, i))
                calls[names.count[abi]++] = (struct named_call){call_name(abi, i), i};
        }
        qsort(calls, names.count[abi], sizeof(*calls), compare_names);
    }
    names.complete = true;
}

static int compare_to_text(const void *key, const void *entry)
{
    const struct text *name = key;
    const char *other = ((const struct named_call *)entry)->name;
    int order = strncmp(name->at, other, name->size);

    return order ? order : -(other[name->size] != '\0');
}

/* "syscall_0x1f4": strace knows no name either. */
static int number_in_name(struct text name)
{
    int64_t number;

    if (!text_starts(name, "syscall_0x") || !text_number(text_after(name, 8), NULL, &number))
        return -1;
    return number >= 0 && number < INT32_MAX ? (int)number : -1;
}

int call_number(enum call_abi abi, struct text name)
{
    const struct named_call *found;

    for (size_t i = 0; abi == CALL_I386 && i < sizeof(other_names) / sizeof(other_names[0]); i++) {
        if (text_is(name, other_names[i].shown))
            name = text_from(other_names[i].name);
    }
    if (!name.size || memchr(name.at, 0, name.size))
        return -1;
    found = bsearch(&name, names.calls[abi], names.count[abi], sizeof(*found), compare_to_text);
    return found ? (int)found->number : number_in_name(name);
}

/* Threads. */

static struct log_thread *thread_of(struct strace_log *log, uint32_t tid)
{
    struct log_thread *thread = table_get(&log->threads, tid);

    if (thread || table_reserve(&log->threads) < 0)
        return thread;
    thread = calloc(1, sizeof(*thread));
    if (!thread)
        return NULL;
    thread->tid = tid;
    thread->next = log->all;
    log->all = thread;
    table_put(&log->threads, tid, thread);
    return thread;
}

static void set_living(struct strace_log *log, struct log_thread *thread, bool living)
{
    if (thread->living == living)
        return;
    thread->living = living;
    log->living += living ? 1 : (size_t)-1;
    log->living_sum ^= thread->tid;
}

/* Items. */

static bool cut_at(struct text *text, const char *string)
{
    size_t at;

    if (!text_find(*text, string, &at))
        return false;
    text->size = at;
    return true;
}

/* The log ends in it: nobody knows how it would have gone on. */
static void drop_last(struct text *arguments)
{
    struct text rest = *arguments, item = *arguments;

    while (text_next(&rest, ',', &item))
        ;
    arguments->size = arguments->size && item.at ? (size_t)(item.at - arguments->at) : 0;
}

/* name(arguments) = result */
static bool split_call(struct text text, struct item *item)
{
    size_t open = text_scan(text, "("), size;
    struct text inside;

    if (open == text.size)
        return false;
    item->name = (struct text){text.at, open};
    inside = text_after(text, open + 1);
    size = text_scan(inside, ")");
    item->text = (struct text){inside.at, size};
    item->result = NO_TEXT;
    if (size == inside.size) {
        if (!item->unfinished && !cut_at(&item->text, " <ptrace(") && !cut_at(&item->text, " <detached ...>"))
            drop_last(&item->text);
        return true;
    }
    inside = text_trim(text_after(inside, size + 1));
    if (text_starts(inside, "= "))
        item->result = text_after(inside, 2);
    return true;
}

static int add_item(struct strace_log *log, const struct item *item)
{
    if (log->count == log->room) {
        size_t room = log->room ? log->room * 2 : ITEMS_ROOM_MIN;
        struct item *items = reallocarray(log->items, room, sizeof(*items));

        if (!items)
            return -ENOMEM;
        log->items = items;
        log->room = room;
    }
    log->items[log->count++] = *item;
    return 0;
}

/* Adds the call that the thread is in, as one that does not return. */
static int flush_pending(struct strace_log *log, struct log_thread *thread)
{
    struct item item = thread->pending;
    int r = -ENOMEM;

    if (!item.name.at)
        return 0;
    if (split_call(item.text, &item))
        r = add_item(log, &item);
    if (r < 0)
        free(item.joined);
    thread->pending = (struct item){0};
    return r;
}

/* In front of a line. */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits_at(struct text line)
{
    size_t size = 0;

    while (size < line.size && is_digit(line.at[size]))
        size++;
    return size;
}

static bool take_tid(struct text *line, uint32_t *ret_tid)
{
    bool bracketed = text_starts(*line, "[pid ");
    struct text left = bracketed ? text_trim(text_after(*line, 5)) : *line;
    size_t size = digits_at(left);
    int64_t tid;

    if (!size || size > 10 || (*left.at == '0' && size > 1) || !text_number((struct text){left.at, size}, NULL, &tid) ||
        tid > TID_MAX)
        return false;
    left = text_after(left, size);
    if (text_starts(left, "<")) /* -Y: the program's name */
        left = text_after(left, text_scan(left, " ]"));
    if (bracketed && text_starts(left, "]"))
        left = text_after(left, 1);
    else if (bracketed)
        return false;
    if (!text_starts(left, " "))
        return false;
    *line = text_trim(left);
    *ret_tid = (uint32_t)tid;
    return true;
}

/* 12:34:56, 12:34:56.123456, 1700000000.123456, 0.000123 */
static bool take_time(struct text *line)
{
    size_t size = 0, marks = 0;

    if (text_starts(*line, "(+")) {
        size = text_scan(text_after(*line, 1), ")") + 2;
        if (size > line->size)
            return false;
        *line = text_trim(text_after(*line, size));
        return true;
    }
    while (size < line->size && (is_digit(line->at[size]) || line->at[size] == ':' || line->at[size] == '.')) {
        marks += !is_digit(line->at[size]);
        size++;
    }
    if (!marks || !is_digit(*line->at) || size == line->size || line->at[size] != ' ')
        return false;
    *line = text_trim(text_after(*line, size));
    return true;
}

static bool take_prefix(struct text *line, uint32_t *ret_tid)
{
    bool has_tid;

    *line = text_trim(*line);
    has_tid = take_tid(line, ret_tid);
    while (take_time(line))
        ;
    return has_tid;
}

/* Lines about threads. */

/* The number behind a line's beginning; what follows it. */
static bool number_behind(struct text line, const char *start, int64_t *ret_number, struct text *ret_rest)
{
    struct text left;
    size_t size;

    if (!text_starts(line, start))
        return false;
    left = text_after(line, strlen(start));
    size = digits_at(left);
    *ret_rest = text_after(left, size);
    return text_number((struct text){left.at, size}, NULL, ret_number) && *ret_number <= TID_MAX;
}

/* +++ killed by SIGSEGV (core dumped) +++ */
static bool read_killed(struct text line, int64_t *ret_status)
{
    struct text name;
    size_t at;

    if (!text_starts(line, "+++ killed by "))
        return false;
    name = text_after(line, 14);
    name.size = text_scan(name, " ");
    if (!text_number(name, NULL, ret_status))
        return false;
    *ret_status = (*ret_status & 0x7f) | (text_find(line, "(core dumped)", &at) ? 0x80 : 0);
    return true;
}

static int end_thread(struct strace_log *log, uint32_t tid, enum item_kind kind, int64_t value)
{
    struct log_thread *thread = thread_of(log, tid);
    struct item item = {.kind = kind, .tid = tid, .line = log->line, .value = value};
    int r = thread ? flush_pending(log, thread) : -ENOMEM;

    if (r < 0)
        return r;
    set_living(log, thread, false);
    return add_item(log, &item);
}

/* The thread goes on as another, with the call that the other was in. */
static int supersede(struct strace_log *log, uint32_t tid, uint32_t other)
{
    struct log_thread *thread = thread_of(log, tid), *gone = thread_of(log, other);
    struct item item = {.kind = ITEM_SUPERSEDED, .tid = tid, .line = log->line, .value = other};
    int r = thread && gone ? flush_pending(log, thread) : -ENOMEM;

    if (r < 0)
        return r;
    if (thread != gone) {
        thread->pending = gone->pending;
        thread->pending.tid = tid;
        gone->pending = (struct item){0};
        set_living(log, gone, false);
    }
    return add_item(log, &item);
}

static int read_plus_line(struct strace_log *log, uint32_t tid, struct text line)
{
    struct text rest;
    int64_t number;

    if (number_behind(line, "+++ exited with ", &number, &rest))
        return end_thread(log, tid, ITEM_EXITED, number);
    if (read_killed(line, &number))
        return end_thread(log, tid, ITEM_KILLED, number);
    if (number_behind(line, "+++ superseded by execve in pid ", &number, &rest))
        return supersede(log, tid, (uint32_t)number);
    return 0;
}

/* --- SIGUSR1 {si_signo=SIGUSR1, ...} --- */
static int read_dash_line(struct strace_log *log, uint32_t tid, struct text line)
{
    struct item item = {.kind = ITEM_SIGNAL, .tid = tid, .line = log->line};
    struct text text = text_after(line, 4);
    size_t size = text_scan(text, "-");

    if (text_starts(text, "stopped by"))
        return 0;
    item.text = text_trim((struct text){text.at, size});
    return add_item(log, &item);
}

/* [ Process PID=123 runs in 32 bit mode. ] */
static int read_mode_line(struct strace_log *log, struct text line)
{
    struct item item = {.kind = ITEM_MODE, .line = log->line};
    struct text rest;
    int64_t tid;

    if (!number_behind(line, "[ Process PID=", &tid, &rest) || !text_starts(rest, " runs in "))
        return 0;
    item.tid = (uint32_t)tid;
    if (text_starts(rest, " runs in 32"))
        item.value = CALL_I386;
    else if (text_starts(rest, " runs in x32"))
        item.value = CALL_X32;
    else
        item.value = CALL_NATIVE;
    return add_item(log, &item);
}

/* Calls. */

/* Is it cut off at its end, whatever strace says there? */
static bool take_ending(struct text *text, const char *ending)
{
    size_t size = strlen(ending);

    if (text->size < size || memcmp(text->at + text->size - size, ending, size))
        return false;
    text->size -= size;
    return true;
}

/* An execve that goes on as the leader's: "<pid changed to 12 ...>". */
static bool take_ending_number(struct text *text)
{
    return text->size && text->at[text->size - 1] == '>' && cut_at(text, "<pid changed to ");
}

static int note_attached(struct strace_log *log, struct text line)
{
    struct log_thread *thread;
    struct text rest;
    int64_t tid;

    if (!number_behind(line, "strace: Process ", &tid, &rest))
        return 0;
    thread = thread_of(log, (uint32_t)tid);
    if (!thread)
        return -ENOMEM;
    if (text_starts(rest, " attached"))
        set_living(log, thread, true);
    return 0;
}

/* "vfork(strace: Process 12 attached": the line goes on in the next. 1: it is such a line. */
static int take_message(struct strace_log *log, struct text *text)
{
    struct text before = *text;
    size_t at;
    int r;

    if (!take_ending(&before, " attached") || !text_find(before, "strace: Process ", &at) || !at)
        return 0;
    r = note_attached(log, text_after(*text, at));
    text->size = at;
    return r < 0 ? r : 1;
}

static bool is_call(struct text line)
{
    struct text name = {line.at, 0};

    while (name.size < line.size && line.at[name.size] != '(' && name.size < 64)
        name.size++;
    if (name.size == line.size || line.at[name.size] != '(')
        return false;
    return call_number(CALL_NATIVE, name) >= 0 || call_number(CALL_I386, name) >= 0;
}

static int read_call(struct strace_log *log, uint32_t tid, struct text line)
{
    struct log_thread *thread = thread_of(log, tid);
    struct item item = {.kind = ITEM_CALL, .tid = tid, .line = log->line};
    int dangling = take_message(log, &line), r;

    r = thread && dangling >= 0 ? flush_pending(log, thread) : -ENOMEM; /* lost: something went by unseen */
    if (r < 0)
        return r;
    if (dangling || take_ending(&line, "<unfinished ...>") || take_ending_number(&line)) {
        item.name = item.text = line;
        item.unfinished = true;
        thread->pending = item;
        log->dangling = dangling ? tid : 0;
        return 0;
    }
    return split_call(line, &item) ? add_item(log, &item) : 0;
}

/* The rest of a call that has begun on another line. */
static int go_on(struct strace_log *log, uint32_t tid, struct text rest)
{
    struct log_thread *thread = thread_of(log, tid);
    struct item item;
    size_t size;

    if (!thread)
        return -ENOMEM;
    if (!thread->pending.name.at || thread->pending.joins == JOINS_MAX)
        return 0;
    item = thread->pending;
    item.joins++;
    size = item.text.size + rest.size;
    item.joined = malloc(size + 1);
    if (!item.joined)
        return -ENOMEM;
    memcpy(item.joined, item.text.at, item.text.size);
    memcpy(item.joined + item.text.size, rest.at, rest.size);
    free(thread->pending.joined);
    item.line = log->line;
    item.text = (struct text){item.joined, size};
    if (take_ending(&item.text, "<unfinished ...>")) {
        thread->pending = item;
        return 0;
    }
    thread->pending = (struct item){0};
    item.unfinished = false;
    if (split_call(item.text, &item) && !add_item(log, &item))
        return 0;
    free(item.joined);
    return -ENOMEM;
}

/* <... read resumed>"abc", 3) = 3 */
static int read_resumed(struct strace_log *log, uint32_t tid, struct text line)
{
    struct log_thread *thread = thread_of(log, tid);
    struct text name = text_after(line, 5), rest;
    struct item item = {.kind = ITEM_CALL, .tid = tid, .line = log->line, .headless = true};
    size_t at;

    if (!thread)
        return -ENOMEM;
    if (!text_find(name, " resumed>", &at))
        return 0;
    rest = text_after(name, at + 9);
    name.size = at;
    if (thread->pending.name.at)
        return go_on(log, tid, rest);
    item.name = name;
    at = text_scan(rest, ")");
    rest = text_trim(text_after(rest, at < rest.size ? at + 1 : at));
    if (text_starts(rest, "= "))
        item.result = text_after(rest, 2);
    return add_item(log, &item);
}

/* Lines. */

static int read_thread_line(struct strace_log *log, uint32_t tid, struct text line)
{
    struct log_thread *thread = thread_of(log, tid);

    if (!thread)
        return -ENOMEM;
    set_living(log, thread, true);
    if (text_starts(line, "+++ "))
        return read_plus_line(log, tid, line);
    if (text_starts(line, "--- "))
        return read_dash_line(log, tid, line);
    if (text_starts(line, "<... "))
        return read_resumed(log, tid, line);
    return read_call(log, tid, line);
}

static int read_line(struct strace_log *log, struct text line)
{
    uint32_t dangling = log->dangling, tid;
    bool has_tid;

    if (dangling && line.size && strchr(" ),", *line.at) && *line.at) {
        log->dangling = 0;
        return go_on(log, dangling, line);
    }
    has_tid = take_prefix(&line, &tid);
    if (text_starts(line, "[ Process "))
        return read_mode_line(log, line);
    if (text_starts(line, "strace: "))
        return note_attached(log, line);
    if (!text_starts(line, "+++ ") && !text_starts(line, "--- ") && !text_starts(line, "<... ") && !is_call(line))
        return 0;
    if (!has_tid) /* it is the only one's that is left */
        tid = log->living == 1 ? log->living_sum : log->root;
    return read_thread_line(log, tid, line);
}

/* The first thread has no tid in front of its lines as long as it is alone, but some calls tell it. */
static uint32_t find_root(const char *text, size_t size)
{
    static const char *const telling[] = {"set_tid_address(", "gettid()", "getpid()"};
    uint32_t tid;

    while (size) {
        const char *end = memchr(text, '\n', size);
        struct text line = {text, end ? (size_t)(end - text) : size};
        size_t at;
        int64_t result;

        size -= end ? line.size + 1 : line.size;
        text = end ? end + 1 : text;
        if (take_prefix(&line, &tid))
            continue;
        for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); i++) {
            if (!text_starts(line, telling[i]) || !text_find(line, " = ", &at))
                continue;
            line = text_after(line, at + 3);
            line.size = text_scan(line, " ");
            if (text_number(line, NULL, &result) && result > 0 && result <= TID_MAX)
                return (uint32_t)result;
        }
    }
    return 1;
}

static int compare_lines(const void *a, const void *b)
{
    size_t left = ((const struct item *)a)->line, right = ((const struct item *)b)->line;

    return (left > right) - (left < right);
}

/* What was still going on when the log ended. */
static int flush_all(struct strace_log *log)
{
    size_t first = log->count;

    for (struct log_thread *thread = log->all; thread; thread = thread->next) {
        int r = flush_pending(log, thread);

        if (r < 0)
            return r;
    }
    if (log->count > first)
        qsort(log->items + first, log->count - first, sizeof(*log->items), compare_lines);
    return 0;
}

int strace_log_read(struct strace_log *log, const char *text, size_t size)
{
    int r = 0;

    *log = (struct strace_log){0};
    table_init(&log->threads, (uintptr_t)text);
    pthread_once(&names_once, make_names);
    if (!names.complete)
        return -ENOMEM;
    log->root = find_root(text, size);
    while (!r && size) {
        const char *end = memchr(text, '\n', size);
        struct text line = {text, end ? (size_t)(end - text) : size};

        log->line++;
        r = read_line(log, line);
        size -= end ? line.size + 1 : line.size;
        text = end ? end + 1 : text;
    }
    return r < 0 ? r : flush_all(log);
}

void strace_log_finish(struct strace_log *log)
{
    for (size_t i = 0; i < log->count; i++)
        free(log->items[i].joined);
    free(log->items);
    while (log->all) {
        struct log_thread *next = log->all->next;

        free(log->all->pending.joined);
        free(log->all);
        log->all = next;
    }
    table_finish(&log->threads);
}
