// SPDX-License-Identifier: Apache-2.0
/* A scenario's frame: a directory of its own, the markers, and the calls themselves. */

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/rows.h"
#include "inside.h"

#define EDGE_PAGE UINT64_C(0x10000000000) /* nothing else is anywhere near */
#define PAGE 4096
#define DESCRIPTORS 64

void (*kit_before)(void);
void (*kit_after)(void);
uint8_t *kit_bad = (uint8_t *)(EDGE_PAGE + PAGE);

static char own_path[PATH_MAX];
static char directory[PATH_MAX];
static char truth_variable[PATH_MAX + 16];
static char frame_variable[PATH_MAX + 48]; /* for programs it executes: the first process, and the directory */
static char self_variable[PATH_MAX + 16];
static char foreign_variable[] = "SYSFOLD_FOREIGN=1";
static char *environment[] = {truth_variable, frame_variable, self_variable, NULL, NULL};
static bool foreign; /* $SYSFOLD_FOREIGN: what goes otherwise is told */
static long first_pid;

/* In assembly, so that there is one place behind the call that a signal's handler can tell. */
__asm__(".text\n"
        ".globl kit_raw\n"
        ".type kit_raw, @function\n"
        "kit_raw:\n"
        "\tmov %rdi, %rax\n"
        "\tmov %rsi, %r11\n"
        "\tmov 0(%r11), %rdi\n"
        "\tmov 8(%r11), %rsi\n"
        "\tmov 16(%r11), %rdx\n"
        "\tmov 24(%r11), %r10\n"
        "\tmov 32(%r11), %r8\n"
        "\tmov 40(%r11), %r9\n"
        "\tsyscall\n"
        ".globl kit_raw_done\n"
        "kit_raw_done:\n"
        "\tret\n"
        ".size kit_raw, . - kit_raw\n");

static long quiet(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return kit_raw(nr, (const uint64_t[6]){a, b, c, d});
}

static void say(const char *text)
{
    quiet(SYS_write, 2, (uintptr_t)text, strlen(text), 0);
}

static void say_number(int64_t value)
{
    char text[24] = "";
    struct kit_line line = {.to = text, .room = sizeof(text) - 1};

    kit_put_number(&line, value);
    say(text);
}

bool kit_is_foreign(void)
{
    return foreign;
}

/* On a foreign kernel what happened until now is the truth, and whole. */
static void end_early(void)
{
    if (kit_who()->tid != kit_who()->pid) {
        quiet(SYS_exit, 99, 0, 0, 0);
    } else if (kit_who()->pid == first_pid) {
        kit_end_others();
        kit_log_close();
    }
}

_Noreturn static void fail(const char *call, const char *what)
{
    if (foreign)
        kit_mark(KIT_MARK_PAUSE);
    say("scenario: ");
    say(call);
    say(what);
    say("\n");
    if (foreign)
        end_early();
    for (;;)
        quiet(SYS_exit_group, 99, 0, 0, 0);
}

_Noreturn void kit_fail(const char *what)
{
    fail("", what);
}

/* The patience of who waits on a foreign kernel is at its end, or the scenario is: the thread's call has been told as
 * interrupted. */
_Noreturn void kit_give_up(int64_t nr)
{
    const struct sysfold_row *row = nr < 0 ? NULL : row_builtin((unsigned)nr);

    if (kit_who()->pid == first_pid)
        fail(row ? row->name : "it", " does not come to an end");
    kit_mark(KIT_MARK_PAUSE);
    for (;;)
        quiet(SYS_exit_group, 99, 0, 0, 0);
}

static void leave_directory(void);

_Noreturn void kit_skip(const char *why)
{
    printf("skipped: %s\n", why);
    if (*directory)
        leave_directory();
    exit(77);
}

static void put_otherwise(struct kit_line *to, int expected, const char *file, int line, const struct kit_made *made)
{
    const struct sysfold_row *row = row_builtin((unsigned)made->nr);

    kit_put(to, file);
    kit_put(to, ":");
    kit_put_number(to, line);
    kit_put(to, ": ");
    kit_put(to, row ? row->name : "syscall");
    kit_put(to, ": the result is ");
    kit_put_number(to, made->result);
    kit_put(to, ", not ");
    if (expected == KIT_SUCCEEDS)
        kit_put(to, "a success");
    else
        kit_put_number(to, -expected);
    kit_put(to, "\n");
}

/* In one piece, and no part of the story: other processes tell as well. */
static void tell_otherwise(int expected, const char *file, int line, const struct kit_made *made)
{
    char text[256];
    struct kit_line to = {.to = text, .room = sizeof(text)};

    put_otherwise(&to, expected, file, line, made);
    if (foreign)
        kit_mark(KIT_MARK_PAUSE);
    quiet(SYS_write, 2, (uintptr_t)text, to.size < to.room ? to.size : to.room, 0);
    if (foreign)
        kit_mark(KIT_MARK_BEGIN);
}

/* What a scenario does next is to use it. */
static bool gives_memory(long nr)
{
    return nr == SYS_mmap || nr == SYS_mremap || nr == SYS_shmat;
}

long kit_call(int expected, const char *file, int line, long nr, const uint64_t args[6], const struct kit_said *said)
{
    struct kit_made made = {.nr = nr, .args = args, .returned = true, .said = said};
    struct kit_who *self = kit_who();
    struct kit_made *outer = self->pending; /* in a signal's handler: the call that will be restarted */
    bool failed;

    made.tid = self->tid;
    self->pending = &made;
    made.result = kit_raw(nr, args);
    if (self->pending) /* else a signal's handler, which came between, has told already */
        kit_tell_call(&made);
    self->pending = outer;
    failed = made.result < 0 && made.result >= -4095;
    if (expected == KIT_EITHER || (expected == KIT_SUCCEEDS ? !failed : made.result == -expected))
        return made.result;
    tell_otherwise(expected, file, line, &made);
    if (!foreign || (failed && gives_memory(nr)))
        kit_fail("a call went otherwise than the scenario says");
    return made.result;
}

long kit_call32(long nr, unsigned long a0, unsigned long a1, unsigned long a2, unsigned long a3, unsigned long a4,
                unsigned long a5)
{
    const uint64_t args[6] = {(uint32_t)a0, (uint32_t)a1, (uint32_t)a2, (uint32_t)a3, (uint32_t)a4, (uint32_t)a5};
    struct kit_made made = {.nr = nr, .arch = 0x40000003, .args = args, .returned = true};
    long result;

    /* The sixth argument's register is the frame pointer. */
    __asm__ volatile("push %%rbp\n\tmov %[sixth], %%ebp\n\tint $0x80\n\tpop %%rbp"
                     : "=a"(result)
                     : "a"(nr), "b"(args[0]), "c"(args[1]), "d"(args[2]), "S"(args[3]),
                       "D"(args[4]), [sixth] "r"((uint32_t)args[5])
                     : "r8", "r9", "r10", "r11", "memory", "cc");
    made.result = (int32_t)result;
    made.tid = kit_tid();
    kit_tell_call(&made);
    return made.result;
}

_Noreturn void kit_exit(long nr, int status)
{
    const uint64_t args[6] = {(uint64_t)status};

    kit_tell_call(&(struct kit_made){.tid = kit_tid(), .nr = nr, .args = args});
    for (;;)
        kit_raw(nr, args);
}

_Noreturn void kit_exec(long nr, const uint64_t args[6], const struct kit_said *said)
{
    long result;

    /* Whoever executes goes on with the leader's tid. */
    kit_tell_call(&(struct kit_made){.tid = kit_who()->pid, .nr = nr, .args = args, .returned = true, .said = said});
    result = kit_raw(nr, args);
    say_number(result);
    kit_fail(" is the result of an exec that was to succeed");
}

/* Markers. */

void kit_mark(int kind)
{
    const uint64_t args[6] = {KIT_MARK_OPTION, (uint64_t)kind};
    struct kit_made made = {.nr = SYS_prctl, .args = args, .returned = true, .tid = kit_tid()};

    made.result = kit_raw(SYS_prctl, args);
    kit_tell_call(&made);
}

static const char *kind_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "dir";
    case S_IFIFO:
        return "pipe";
    case S_IFSOCK:
        return "socket";
    case S_IFCHR:
    case S_IFBLK:
        return "device";
    default:
        return "other";
    }
}

struct table {
    int64_t tid;
    const char *kinds[DESCRIPTORS]; /* NULL: not open */
};

static void put_table(struct kit_line *line, const void *data)
{
    const struct table *table = data;
    bool any = false;

    kit_put(line, "{\"tid\":");
    kit_put_number(line, table->tid);
    kit_put(line, ",\"fds\":{");
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        if (!table->kinds[fd])
            continue;
        kit_put(line, any ? ",\"" : "\"");
        kit_put_number(line, fd);
        kit_put(line, "\":\"");
        kit_put(line, table->kinds[fd]);
        kit_put(line, "\"");
        any = true;
    }
    kit_put(line, "}}");
}

static void write_table(void)
{
    struct table table = {.tid = kit_tid()};

    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        struct stat status;

        if (quiet(SYS_fstat, (uint64_t)fd, (uintptr_t)&status, 0, 0) == 0)
            table.kinds[fd] = kind_of(status.st_mode);
    }
    kit_write(put_table, &table);
}

void kit_descriptors(void)
{
    kit_mark(KIT_MARK_END);
    write_table();
    kit_mark(KIT_MARK_BEGIN);
}

static void sleep_ms(unsigned ms)
{
    const struct timespec duration = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    quiet(SYS_nanosleep, (uintptr_t)&duration, 0, 0, 0);
}

void kit_pause_ms(unsigned ms)
{
    kit_mark(KIT_MARK_PAUSE);
    sleep_ms(ms);
    kit_mark(KIT_MARK_BEGIN);
}

/* The beginning of a file of the thread's below /proc, as a string. */
static bool read_proc(long tid, const char *name, char *to, size_t room)
{
    char path[64] = "/proc/";
    struct kit_line line = {.to = path, .size = strlen("/proc/"), .room = sizeof(path) - 1};
    long fd, size;

    kit_put_number(&line, tid);
    kit_put(&line, name);
    fd = quiet(SYS_open, (uintptr_t)path, O_RDONLY, 0, 0);
    if (fd < 0)
        return false;
    size = quiet(SYS_read, (uint64_t)fd, (uintptr_t)to, room - 1, 0);
    quiet(SYS_close, (uint64_t)fd, 0, 0, 0);
    to[size > 0 ? size : 0] = 0;
    return size > 0;
}

/* As in /proc: S and D sleep, Z has ended. 0: nobody can tell. */
static char state_of(long tid)
{
    char stat[96];
    const char *end;

    if (!read_proc(tid, "/stat", stat, sizeof(stat)))
        return 0;
    end = strrchr(stat, ')'); /* behind a name that may hold anything */
    return end && end[1] == ' ' ? end[2] : 0;
}

/* 1: it sleeps in that call; 0: not yet; negative: nobody can tell.
 * In the call alone may also be one whom a tracer holds before it, or behind it. */
static int is_asleep(long tid, long nr)
{
    char found[32], wanted[32] = "";
    struct kit_line line = {.to = wanted, .room = sizeof(wanted) - 1};
    char state;

    if (!read_proc(tid, "/syscall", found, sizeof(found)))
        return -1;
    kit_put_number(&line, nr);
    kit_put(&line, " ");
    if (strncmp(found, wanted, strlen(wanted)) != 0)
        return 0;
    state = state_of(tid);
    return state ? state == 'S' || state == 'D' : -1;
}

void kit_wait_asleep(long tid, long nr)
{
    int asleep = 0;

    kit_mark(KIT_MARK_PAUSE);
    for (int i = 0; i < 2000 && !asleep; i++) {
        asleep = is_asleep(tid, nr);
        sleep_ms(asleep < 0 ? 50 : 1);
    }
    kit_mark(KIT_MARK_BEGIN);
    if (!asleep)
        kit_fail("a thread did not fall asleep in its call");
}

void kit_wait_ended(long tid)
{
    char state = 'R';

    kit_mark(KIT_MARK_PAUSE);
    for (int i = 0; i < 2000 && state && state != 'Z'; i++) {
        state = state_of(tid);
        sleep_ms(state ? 1 : 50);
    }
    kit_mark(KIT_MARK_BEGIN);
    if (state && state != 'Z')
        kit_fail("a thread did not end");
}

/* Memory. */

size_t kit_readable(uint64_t address, size_t size)
{
    if (address < PAGE || (address >= EDGE_PAGE + PAGE && address < EDGE_PAGE + 2 * PAGE))
        return 0;
    if (address >= EDGE_PAGE && address < EDGE_PAGE + PAGE && size > EDGE_PAGE + PAGE - address)
        return EDGE_PAGE + PAGE - address;
    if (address >> 47)
        return 0;
    return size;
}

void *kit_at_edge(size_t n)
{
    return (void *)(uintptr_t)(EDGE_PAGE + PAGE - n);
}

void *kit_low_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

    if (memory == MAP_FAILED)
        kit_skip("there is no memory below 2 GiB");
    return memory;
}

/* The frame. */

const char *kit_self(void)
{
    return own_path;
}

char *const *kit_environment(void)
{
    return environment;
}

/* In a program that a scenario has executed, what the first one left in the environment. */
static long read_frame(const char *frame)
{
    char *end;
    long first = strtol(frame, &end, 10);

    (void)snprintf(directory, sizeof(directory), "%s", *end ? end + 1 : end);
    return first;
}

static void write_frame(long first)
{
    (void)snprintf(frame_variable, sizeof(frame_variable), "SYSFOLD_SCENARIO=%ld %s", first, directory);
}

static void find_self(const char *argv0)
{
    const char *truth = getenv("SYSFOLD_TRUTH");
    const char *known = getenv("SYSFOLD_SELF");                /* to the one who executed us, where there is no /proc */
    const char *executed = (const char *)getauxval(AT_EXECFN); /* argv[0] may be anything */

    if (known)
        (void)snprintf(own_path, sizeof(own_path), "%s", known);
    else if (readlink("/proc/self/exe", own_path, sizeof(own_path) - 1) <= 0 &&
             !realpath(executed ? executed : argv0, own_path))
        kit_fail("it does not know its own path");
    (void)snprintf(self_variable, sizeof(self_variable), "SYSFOLD_SELF=%s", own_path);
    if (truth && *truth && *truth != '/') /* it will run in another directory */
        kit_fail("$SYSFOLD_TRUTH is not an absolute path");
    (void)snprintf(truth_variable, sizeof(truth_variable), "SYSFOLD_TRUTH=%s", truth ? truth : "");
}

static void enter_directory(void)
{
    const char *base = getenv("TMPDIR");

    (void)snprintf(directory, sizeof(directory), "%s/sysfold-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(directory) || chdir(directory) < 0) {
        perror(directory);
        exit(99);
    }
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void leave_directory(void)
{
    for (int fd = 3; fd < DESCRIPTORS; fd++) /* it may have left none, and a limit that allows no more */
        close(fd);
    if (chdir("/") == 0)
        (void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

int kit_main(int argc, char **argv, void (*scenario)(const char *argument))
{
    const char *frame = getenv("SYSFOLD_SCENARIO");
    const char *own = argc ? argv[0] : ""; /* nothing: somebody has executed it so */
    const char *name = strrchr(own, '/');
    long first = frame ? read_frame(frame) : getpid();

    first_pid = first;
    foreign = getenv("SYSFOLD_FOREIGN");
    environment[3] = foreign ? foreign_variable : NULL;
    find_self(own);
    *kit_who() = (struct kit_who){.tid = getpid(), .pid = getpid(), .ppid = getppid()};
    if (mmap((void *)(uintptr_t)EDGE_PAGE, PAGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
        kit_fail("there is no room for the edge of memory");
    kit_stacks_make();
    umask(022);
    if (foreign)
        kit_be_patient(first == getpid());
    if (!frame) {
        enter_directory();
        if (kit_before)
            kit_before();
    }
    write_frame(first);
    kit_log_open(!frame, name ? name + 1 : own);
    kit_mark(KIT_MARK_BEGIN);
    scenario(argc > 1 ? argv[1] : "");
    if (first != kit_who()->pid)
        EXIT_GROUP(0);
    kit_mark(KIT_MARK_END);
    write_table();
    kit_log_close();
    if (kit_after)
        kit_after();
    leave_directory();
    return 0;
}
