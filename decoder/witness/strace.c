// SPDX-License-Identifier: Apache-2.0
/* strace's output as a stream: who is whose child, what each call was, how each thread ended. */

#include <errno.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <sysfold/compare.h>

#include "common/callnames.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "records.h"
#include "strace-log.h"
#include "strace-values.h"

#define IMAGES_ROOM_MIN 64

/* A thread to come, known by the call that made it. */
struct birth {
    struct birth *next; /* of the same tid, later */
    size_t item;
    uint32_t parent_tid;
    uint64_t flags;
    bool done;
};

struct life {
    struct life *next_made;
    struct birth *births, *last_birth; /* as this tid */
    struct birth *next_birth;          /* the first that may be still to come */
    uint32_t tid, pid, ppid;
    uint32_t old_tid; /* the thread that executes as this one; 0: it itself */
    uint32_t parent_tid;
    uint32_t found_ppid; /* of one without a birth: what it was told; 0: nothing */
    uint64_t flags;
    size_t image;
    bool forced; /* strace says what ABI its calls are of: */
    enum call_abi forced_abi;
    bool living, has_ppid;
};

/* What one program's calls tell of its ABI. */
enum image_abi { IMAGE_UNKNOWN, IMAGE_NATIVE, IMAGE_I386 };

struct strace {
    struct strace_log log;
    struct witness *witness;
    struct table lives; /* by tid */
    struct life *made;
    struct birth **births; /* by item: those it has */
    uint8_t *images;       /* by the image's number: enum image_abi */
    size_t image_count, image_room;
    bool looking; /* the first time through: nothing is emitted */
};

/* Results. */

/* "-1 ENOENT (No such file)", "? ERESTARTSYS (...)", "0x7f12", "3</path> <0.000010>": false where there is none. */
static bool read_result(struct text text, int64_t *ret_result)
{
    struct text word = {text.at, text_scan(text, " ")};
    int64_t number;

    if (!text.at)
        return false;
    text = text_trim(text_after(text, word.size));
    if (text_is(word, "-1") && (text_starts(text, "E") || text_starts(text, "(errno "))) {
        text = text_starts(text, "E") ? text : text_after(text, 7);
        word = (struct text){text.at, text_scan(text, " )")};
        if (!text_number(word, NULL, &number))
            return false;
        *ret_result = -number;
        return true;
    }
    if (text_is(word, "?")) {
        text.size = text_scan(text, " ");
        if (!text_starts(text, "ERESTART") || !text_number(text, NULL, &number))
            return false;
        *ret_result = -number;
        return true;
    }
    return text_number(word, NULL, ret_result);
}

/* The parenthesis behind a result. */
static struct text note_of(struct text result)
{
    size_t at = text_scan(result, " ");
    struct text note = text_trim(text_after(result, at));
    struct text tail;

    if (!text_starts(note, "("))
        return NO_TEXT;
    tail = text_after(note, 1);
    at = text_scan(tail, ")");
    return at < tail.size ? (struct text){note.at, at + 2} : NO_TEXT;
}

/* -T: how long it took, "<0.000123>", in ns; 0 where it is not said. */
static uint64_t duration_of(struct text result)
{
    uint64_t ns = 0, unit = 1000000000;
    size_t at = result.size;

    while (at && result.at[at - 1] != '<')
        at--;
    if (!at || result.size - at > 24 || result.at[result.size - 1] != '>')
        return 0;
    for (bool fraction = false; at + 1 < result.size; at++) {
        if (result.at[at] == '.' && !fraction) {
            fraction = true;
            continue;
        }
        if (result.at[at] < '0' || result.at[at] > '9')
            return 0;
        unit /= fraction ? 10 : 1;
        ns = fraction ? ns + unit * (uint64_t)(result.at[at] - '0')
                      : ns * 10 + UINT64_C(1000000000) * (uint64_t)(result.at[at] - '0');
    }
    return ns;
}

/* Births. */

static bool is_fork(struct text name)
{
    return text_is(name, "clone") || text_is(name, "clone3") || text_is(name, "fork") || text_is(name, "vfork");
}

static bool is_exec(struct text name)
{
    return text_is(name, "execve") || text_is(name, "execveat");
}

/* The flags as the kernel has them: with the signal at the child's end in the low byte. */
static uint64_t fork_flags(const struct item *item)
{
    struct text arguments = item->text, value;
    int64_t flags = SIGCHLD, end_signal = 0;

    if (text_is(item->name, "vfork"))
        return CLONE_VM | CLONE_VFORK | SIGCHLD;
    if (text_is(item->name, "clone3")) {
        arguments.size = text_scan(arguments, " ,");
        if (!text_inside(arguments, '{', &arguments))
            return SIGCHLD;
    }
    if (text_field(arguments, "flags", &value) && !text_number(value, NULL, &flags))
        flags = SIGCHLD;
    if (text_field(arguments, "exit_signal", &value) && text_number(value, NULL, &end_signal))
        flags |= end_signal;
    return (uint64_t)flags;
}

static struct life *life_of(struct strace *strace, uint32_t tid)
{
    struct life *life = table_get(&strace->lives, tid);

    if (life || table_reserve(&strace->lives) < 0)
        return life;
    life = calloc(1, sizeof(*life));
    if (!life)
        return NULL;
    life->tid = tid;
    life->next_made = strace->made;
    strace->made = life;
    table_put(&strace->lives, tid, life);
    return life;
}

static int add_birth(struct strace *strace, size_t at, uint32_t child)
{
    const struct item *item = &strace->log.items[at];
    struct life *life = life_of(strace, child);
    struct birth *birth = life ? calloc(1, sizeof(*birth)) : NULL;

    if (!birth)
        return -ENOMEM;
    *birth = (struct birth){.item = at, .parent_tid = item->tid, .flags = fork_flags(item)};
    if (life->last_birth)
        life->last_birth->next = birth;
    else
        life->births = birth;
    life->last_birth = birth;
    strace->births[at] = birth;
    return 0;
}

/* Children are often at work before the call that made them returns: births are all found first. */
static int find_births(struct strace *strace)
{
    strace->births = calloc(strace->log.count ? strace->log.count : 1, sizeof(struct birth *));
    if (!strace->births)
        return -ENOMEM;
    for (size_t i = 0; i < strace->log.count; i++) {
        const struct item *item = &strace->log.items[i];
        int64_t child;
        int r;

        if (item->kind != ITEM_CALL || !is_fork(item->name) || !read_result(item->result, &child) || child <= 0 ||
            child > INT32_MAX)
            continue;
        r = add_birth(strace, i, (uint32_t)child);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Images: what a thread executes. Only a name that the other ABI lacks tells one from the other. */

static int new_image(struct strace *strace, struct life *life)
{
    if (strace->image_count == strace->image_room) {
        size_t room = strace->image_room ? strace->image_room * 2 : IMAGES_ROOM_MIN;
        uint8_t *images = realloc(strace->images, room);

        if (!images)
            return -ENOMEM;
        strace->images = images;
        strace->image_room = room;
    }
    if (strace->looking)
        strace->images[strace->image_count] = IMAGE_UNKNOWN;
    life->image = strace->image_count++;
    return 0;
}

static void learn(struct strace *strace, struct life *life, const struct item *item)
{
    bool native = call_number(CALL_NATIVE, item->name) >= 0;
    bool foreign = call_number(CALL_I386, item->name) >= 0;
    int64_t result;

    if (native != foreign && strace->images[life->image] == IMAGE_UNKNOWN)
        strace->images[life->image] = foreign ? IMAGE_I386 : IMAGE_NATIVE;
    if (!life->has_ppid && text_is(item->name, "getppid") && read_result(item->result, &result) && result > 0) {
        life->found_ppid = (uint32_t)result;
        life->ppid = life->found_ppid;
        life->has_ppid = true;
    }
}

/* Lives. */

static int keep(struct strace *strace)
{
    return strace->looking ? 0 : witness_keep(strace->witness);
}

static int tell_start(struct strace *strace, const struct life *life, size_t line)
{
    struct encoder *encoder = witness_begin(strace->witness, ROW_THREAD_START, life->tid, line);

    encoder_integer(encoder, P_THREAD_START_pid, life->pid);
    if (life->has_ppid)
        encoder_integer(encoder, P_THREAD_START_ppid, life->ppid);
    encoder_integer(encoder, P_THREAD_START_parent_tid, life->parent_tid);
    encoder_integer(encoder, P_THREAD_START_flags, (int64_t)life->flags);
    encoder_integer(encoder, P_THREAD_START_start_time, (int64_t)encoder->time); /* as far as there are times here */
    return keep(strace);
}

static int start_life(struct strace *strace, struct life *life, struct birth *birth, size_t line);

/* The thread at work in that line. */
static int come_alive(struct strace *strace, uint32_t tid, size_t line, struct life **ret_life)
{
    struct life *life = life_of(strace, tid);
    struct birth *birth;

    if (!life)
        return -ENOMEM;
    *ret_life = life;
    if (life->living)
        return 0;
    while (life->next_birth && life->next_birth->done)
        life->next_birth = life->next_birth->next;
    birth = life->next_birth;
    if (birth)
        return start_life(strace, life, birth, line);
    life->living = true;
    life->pid = tid;
    life->ppid = life->found_ppid;
    life->has_ppid = life->found_ppid;
    life->forced = false;
    life->old_tid = 0;
    return new_image(strace, life);
}

static int start_life(struct strace *strace, struct life *life, struct birth *birth, size_t line)
{
    const struct life *parent = table_get(&strace->lives, birth->parent_tid);

    birth->done = true;
    life->living = true;
    life->old_tid = 0;
    life->parent_tid = birth->parent_tid;
    life->flags = birth->flags;
    life->pid = life->tid;
    life->ppid = birth->parent_tid;
    life->has_ppid = true;
    life->forced = false;
    if (!parent || parent == life || !parent->living) /* nothing is known of the parent yet */
        return new_image(strace, life) < 0 ? -ENOMEM : tell_start(strace, life, line);
    life->ppid = parent->pid;
    if (birth->flags & CLONE_THREAD)
        life->pid = parent->pid;
    if (birth->flags & (CLONE_THREAD | CLONE_PARENT)) {
        life->ppid = parent->ppid;
        life->has_ppid = parent->has_ppid;
    }
    life->forced = parent->forced;
    life->forced_abi = parent->forced_abi;
    life->image = parent->image;
    return tell_start(strace, life, line);
}

static int tell_end(struct strace *strace, struct life *life, const struct item *item)
{
    int64_t status = item->kind == ITEM_EXITED ? (item->value & 0xff) << 8 : item->value;
    struct encoder *encoder = witness_begin(strace->witness, ROW_THREAD_EXIT, life->tid, item->line);
    int r;

    encoder_integer(encoder, P_THREAD_EXIT_pid, life->pid);
    encoder_integer(encoder, P_THREAD_EXIT_status, status);
    r = keep(strace);
    life->living = false;
    if (r < 0 || life->tid != life->pid) /* the leader's end is told last */
        return r;
    encoder = witness_begin(strace->witness, ROW_PROCESS_EXIT, life->pid, item->line);
    encoder_integer(encoder, P_PROCESS_EXIT_pid, life->pid);
    encoder_integer(encoder, P_PROCESS_EXIT_status, status);
    return keep(strace);
}

static int tell_exec(struct strace *strace, struct life *life, const struct item *item)
{
    struct encoder *encoder = witness_begin(strace->witness, ROW_EXEC, life->tid, item->line);
    struct life *gone = life->old_tid ? table_get(&strace->lives, life->old_tid) : NULL;
    int r;

    encoder_integer(encoder, P_EXEC_pid, life->pid);
    encoder_integer(encoder, P_EXEC_old_tid, life->old_tid ? life->old_tid : life->tid);
    r = keep(strace);
    if (gone)
        gone->living = false;
    life->old_tid = 0;
    return r < 0 ? r : new_image(strace, life);
}

/* Signals. */

static bool signal_field(struct text inside, const char *key, int64_t *ret_value)
{
    struct text value;

    return text_field(inside, key, &value) && text_number(value, NULL, ret_value);
}

/* SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=1, si_uid=0} */
static int tell_signal(struct strace *strace, const struct life *life, const struct item *item)
{
    struct encoder *encoder = witness_begin(strace->witness, ROW_SIGNAL_DELIVERED, life->tid, item->line);
    size_t size = text_scan(item->text, " ");
    struct text inside, code;
    int64_t value;

    if (!text_number((struct text){item->text.at, size}, NULL, &value))
        return 0;
    encoder_integer(encoder, P_SIGNAL_DELIVERED_signo, value);
    if (text_inside(text_trim(text_after(item->text, size)), '{', &inside)) {
        if (signal_field(inside, "si_code", &value))
            encoder_integer(encoder, P_SIGNAL_DELIVERED_code, value);
        if (signal_field(inside, "si_pid", &value))
            encoder_integer(encoder, P_SIGNAL_DELIVERED_sender, value);
        if (signal_field(inside, "si_uid", &value))
            encoder_integer(encoder, P_SIGNAL_DELIVERED_uid, value);
        /* Of a signal without a fault, strace shows what lies where the address would. */
        if (!text_field(inside, "si_code", &code) || text_is(code, "SI_KERNEL") || text_is(code, "SI_USER"))
            return keep(strace);
        if (signal_field(inside, "si_addr", &value) || signal_field(inside, "si_call_addr", &value))
            encoder_integer(encoder, P_SIGNAL_DELIVERED_addr, value);
    }
    return keep(strace);
}

/* Calls. */

static enum call_abi abi_of(const struct strace *strace, const struct life *life, struct text name)
{
    bool is_i386 = strace->images[life->image] == IMAGE_I386;
    enum call_abi first = is_i386 ? CALL_I386 : CALL_NATIVE, second = is_i386 ? CALL_NATIVE : CALL_I386;

    if (life->forced && call_number(life->forced_abi, name) >= 0)
        return life->forced_abi;
    return call_number(first, name) >= 0 ? first : second;
}

static int tell_call(struct strace *strace, enum call_abi abi, const struct item *item)
{
    int nr = call_number(abi, item->name);
    struct shown shown = {.arch = abi == CALL_I386 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64,
                          .nr = (uint32_t)nr | (abi == CALL_X32 ? CALL_X32_BIT : 0)};
    struct encoder *encoder;
    uint64_t duration = item->result.at ? duration_of(item->result) : 0;

    if (nr < 0)
        return 0;
    if (abi == CALL_NATIVE && nr < ROW_SYSCALL_MAX)
        shown.row = row_builtin((unsigned)nr);
    if (!shown.row)
        shown.row = row_builtin(ROW_SYSCALL);
    shown.returned = read_result(item->result, &shown.result);
    if (item->result.at)
        shown.note = note_of(item->result);
    if (!item->headless)
        shown_set_args(&shown, item->name, item->text);
    encoder = witness_begin(strace->witness, shown.row->number, item->tid, item->line);
    shown_put(&shown, encoder);
    if (duration)
        encoder_duration(encoder, duration);
    return keep(strace);
}

static int replay_call(struct strace *strace, struct life *life, size_t at)
{
    const struct item *item = &strace->log.items[at];
    struct birth *birth = strace->births[at];
    enum call_abi abi = abi_of(strace, life, item->name); /* as it was when the call was made */
    int64_t result;
    int r = 0;

    if (strace->looking)
        learn(strace, life, item);
    if (birth && !birth->done) {
        struct life *child =
            table_get(&strace->lives, item->result.at && read_result(item->result, &result) ? (uint32_t)result : 0);

        if (child && !child->living)
            r = start_life(strace, child, birth, item->line);
    }
    if (!r && is_exec(item->name) && read_result(item->result, &result) && !result)
        r = tell_exec(strace, life, item);
    return r < 0 || strace->looking ? r : tell_call(strace, abi, item);
}

static int replay_item(struct strace *strace, size_t at)
{
    const struct item *item = &strace->log.items[at];
    struct life *life;
    int r = come_alive(strace, item->tid, item->line, &life);

    if (r < 0)
        return r;
    switch (item->kind) {
    case ITEM_CALL:
        return replay_call(strace, life, at);
    case ITEM_SIGNAL:
        return tell_signal(strace, life, item);
    case ITEM_EXITED:
    case ITEM_KILLED:
        return tell_end(strace, life, item);
    case ITEM_SUPERSEDED:
        life->old_tid = (uint32_t)item->value;
        return 0;
    default:
        life->forced = true;
        life->forced_abi = (enum call_abi)item->value;
        return 0;
    }
}

/* Twice: what a program's first calls are told as may be known only by a later one. */
static int replay(struct strace *strace, bool looking)
{
    strace->looking = looking;
    strace->image_count = 0;
    for (struct life *life = strace->made; life; life = life->next_made) {
        life->living = false;
        life->next_birth = life->births;
    }
    for (size_t i = 0; i < strace->log.count; i++) {
        if (strace->births[i])
            strace->births[i]->done = false;
    }
    for (size_t i = 0; i < strace->log.count; i++) {
        int r = replay_item(strace, i);

        if (r < 0)
            return r;
    }
    return 0;
}

static void free_lives(struct strace *strace)
{
    for (size_t i = 0; strace->births && i < strace->log.count; i++)
        free(strace->births[i]);
    free(strace->births);
    free(strace->images);
    while (strace->made) {
        struct life *next = strace->made->next_made;

        free(strace->made);
        strace->made = next;
    }
    table_finish(&strace->lives);
}

static int read_text(struct strace *strace, const char *text, size_t size)
{
    int r = strace_log_read(&strace->log, text, size);

    if (!r && !strace->log.count)
        return -EBADMSG;
    if (!r)
        r = find_births(strace);
    if (!r)
        r = replay(strace, true);
    return r < 0 ? r : replay(strace, false);
}

int sysfold_strace_open(const char *path, struct sysfold_stream **ret_stream, struct sysfold_error *error)
{
    struct strace strace = {0};
    cleanup_free char *text = NULL;
    size_t size;
    int r = witness_read(path, &text, &size, error);

    if (r < 0)
        return r;
    table_init(&strace.lives, (uintptr_t)text);
    strace.witness = witness_create();
    r = strace.witness ? read_text(&strace, text, size) : -ENOMEM;
    free_lives(&strace);
    strace_log_finish(&strace.log);
    if (!r)
        return witness_stream(strace.witness, "strace", ret_stream, error);
    witness_destroy(strace.witness);
    if (r == -EBADMSG)
        return error_set(error, r, "%s is no output of strace: none of its lines is a call", path);
    return error_system(error, r, "cannot read %s", path);
}
