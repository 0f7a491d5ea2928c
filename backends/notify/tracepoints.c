// SPDX-License-Identifier: Apache-2.0
/* Which numbers raw_syscalls:sys_enter and sys_exit have. */

#include "tracepoints.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"

/* Below are the kernel's own kinds of trace entries, ftrace's; function tracing is among them, which is nothing to
 * try. */
#define FIRST_ID 16
/* An event's number is 16 bits, but kernels have some two thousand, one after the other. */
#define LAST_ID 8191
/* So many numbers without a tracepoint: there are no more. */
#define MOST_UNUSED 512
/* Numbers follow the order in which the kernel is linked: kernel/entry/, which has ours, comes after arch/ and
 * kernel/sched/. */
#define LIKELY_FIRST 300
#define LIKELY_LAST 600
/* How many calls in a row have tracepoints, of which a look at every so many is enough. */
#define STRIDE 8

/* Both numbers in one word (0: not known): tracepoints_find() may run in many threads. */
static _Atomic uint64_t known;

static int read_id(const char *directory, const char *name, uint32_t *ret_id)
{
    char path[PATH_MAX], text[16] = "";
    cleanup_close int fd = -1;
    unsigned long id;

    (void)snprintf(path, sizeof(path), "%s/events/raw_syscalls/%s/id", directory, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (read(fd, text, sizeof(text) - 1) <= 0)
        return -EIO;
    id = strtoul(text, NULL, 10);
    if (!id || id > UINT16_MAX)
        return -EIO;
    *ret_id = (uint32_t)id;
    return 0;
}

int tracepoints_read(struct tracepoints *ret_ids)
{
    static const char *const directories[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
    struct tracepoints ids;

    for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
        if (read_id(directories[i], "sys_enter", &ids.sys_enter) < 0 ||
            read_id(directories[i], "sys_exit", &ids.sys_exit) < 0)
            continue;
        *ret_ids = ids;
        return 0;
    }
    return -ENOENT;
}

/*
 * By trying: without a capability one may open the tracepoints of system calls
 * alone, for oneself: some 700 of 2,000. Ours differ from one call's,
 * syscalls:*, by their fields, which a filter shows: there is an `id`, and a
 * `ret` in the exit's. What they count while we make calls proves it.
 *
 * To open a tracepoint costs some microseconds, but to close the last use of
 * one costs one of RCU's grace periods, 10 to 40 ms. So all of it is done by a
 * helper, which is nobody's child and closes what it has opened by ending,
 * when its answer is long known; and as few as possible are opened.
 *
 * The helper comes by clone() without a signal and may run in a process of
 * many threads: it calls nothing but the kernel, and no allocation.
 */

static int open_id(uint32_t id, bool exclude_kernel)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_TRACEPOINT,
        .size = sizeof(attr),
        .config = id,
        .sample_period = 1,
        .sample_type = PERF_SAMPLE_RAW, /* without it anybody may count any tracepoint, and all would be opened */
        .exclude_kernel = exclude_kernel,
        .exclude_hv = 1,
    };
    long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

    return fd < 0 ? -errno : (int)fd;
}

static bool accepts_filter(int fd, const char *filter)
{
    return !ioctl(fd, PERF_EVENT_IOC_SET_FILTER, filter);
}

/* Takes the tracepoint if it looks like one of ours. Nothing that was opened is closed. Returns 0, or why it could
 * not be opened. A filter once accepted stays, so those that fewer tracepoints accept come first; quotactl has an
 * `id` too. */
static int try_id(uint32_t id, struct tracepoints *ids)
{
    int fd = open_id(id, true);

    if (fd < 0)
        return fd;
    if (accepts_filter(fd, "id>0&&__syscall_nr>0"))
        return 0;
    if (accepts_filter(fd, "id>0&&ret>0"))
        ids->sys_exit = id;
    else if (accepts_filter(fd, "id>0"))
        ids->sys_enter = id;
    return 0;
}

#define TEXT_OF(number) #number
#define FILTER(number) "id==" TEXT_OF(number)

/* Does it count three of these five calls, if it is to count getppid? */
static bool counts_calls(uint32_t id)
{
    uint64_t before, after;
    int fd = open_id(id, false);

    if (fd < 0 || !accepts_filter(fd, FILTER(__NR_getppid)) || read(fd, &before, sizeof(before)) != sizeof(before))
        return false;
    for (int i = 0; i < 3; i++)
        (void)syscall(SYS_getppid);
    (void)syscall(SYS_getuid);
    (void)syscall(SYS_getgid);
    return read(fd, &after, sizeof(after)) == sizeof(after) && after - before == 3;
}

static bool both_found(const struct tracepoints *ids)
{
    return ids->sys_enter && ids->sys_exit;
}

/*
 * Ours follow tracepoints that are not for everybody, those of kernel/irq/,
 * kernel/rcu/ and kernel/dma/; so of a row of calls, once its first is not one
 * of ours, a look at every so many does. One of ours has the other beside it.
 * Returns 0, or what else was the matter than a number that is not for us.
 */
static int try_range(uint32_t first, uint32_t last, uint32_t stride, struct tracepoints *ids)
{
    unsigned unused = 0;
    uint32_t id = first;

    while (id <= last && !both_found(ids) && unused < MOST_UNUSED) {
        int r = try_id(id, ids);

        if (r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOSYS)
            return r;
        unused = r == -EINVAL || r == -ENOENT ? unused + 1 : 0;
        if (r == 0 && (ids->sys_enter || ids->sys_exit) && !both_found(ids) && id > first)
            (void)try_id(id - 1, ids);
        id += r == 0 && !ids->sys_enter && !ids->sys_exit ? stride : 1;
    }
    return 0;
}

static int try_all(struct tracepoints *ids)
{
    const struct {
        uint32_t first, last, stride;
    } ranges[] = {{LIKELY_FIRST, LIKELY_LAST, STRIDE},
                  {FIRST_ID, LIKELY_FIRST - 1, STRIDE},
                  {LIKELY_LAST + 1, LAST_ID, STRIDE},
                  {FIRST_ID, LAST_ID, 1}};

    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges) && !both_found(ids); i++) {
        int r = try_range(ranges[i].first, ranges[i].last, ranges[i].stride, ids);

        if (r < 0)
            return r;
    }
    return both_found(ids) ? 0 : -ENOENT;
}

/* Root could open every tracepoint there is: as somebody without a capability the helper finds only ours. */
void tracepoints_use_capabilities(bool use)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    if (syscall(SYS_capget, &header, data) < 0)
        return;
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        data[i].effective = use ? data[i].permitted : 0;
    (void)syscall(SYS_capset, &header, data);
}

static int find_and_prove(void *answer)
{
    struct tracepoints *ids = answer;
    int r;

    tracepoints_use_capabilities(false);
    r = try_all(ids);
    tracepoints_use_capabilities(true);
    if (r < 0)
        return r;
    return counts_calls(ids->sys_enter) && counts_calls(ids->sys_exit) ? 0 : -ENOENT;
}

/* Nobody must wait for the helper: not for its end, nor for the end of a pipe that it has inherited. */
static int keep_only(int fd)
{
    if (dup2(fd, 0) < 0)
        return -errno;
    return syscall(SYS_close_range, 1, ~0U, 0) < 0 ? -errno : 0;
}

static void write_all(int fd, const void *from, size_t size)
{
    const char *at = from;
    ssize_t n;

    for (; size && (n = write(fd, at, size)) > 0; size -= (size_t)n)
        at += n;
}

struct request {
    const struct tracepoints_search *search;
    void *answer;
    int answer_fd;
};

static void help(const void *argument)
{
    const struct request *request = argument;
    const struct tracepoints_search *search = request->search;
    int result = keep_only(request->answer_fd);

    if (!result)
        result = search->find(request->answer);
    write_all(0, &result, sizeof(result));
    if (!result)
        write_all(0, request->answer, search->size);
    close(0);
    /* Closing keeps others from opening tracepoints: let the caller open his first. */
    (void)nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    if (search->let_go)
        search->let_go();
    _exit(0);
}

static pid_t clone_silently(void)
{
    long pid = syscall(SYS_clone, 0, NULL, NULL, NULL, 0);

    return pid < 0 ? -errno : (pid_t)pid;
}

/* A helper's parent ends at once, so that nobody has to wait for it. */
static int start_helper(void (*work)(const void *argument), const void *argument)
{
    sigset_t all, old;
    pid_t pid;

    /* The caller's handlers are not for the helper. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid = clone_silently();
    if (pid == 0) {
        pid = clone_silently();
        if (pid == 0)
            work(argument);
        _exit(pid < 0);
    }
    if (pid > 0)
        while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return pid < 0 ? pid : 0;
}

static int receive(int fd, void *to, size_t size)
{
    char *at = to;

    while (size) {
        ssize_t n = read(fd, at, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

int tracepoints_ask(const struct tracepoints_search *search, void *answer, struct sysfold_error *error)
{
    cleanup_close int mine = -1, helpers = -1;
    int ends[2], result, r;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_system(error, -errno, "cannot ask for the tracepoints' numbers");
    mine = ends[0];
    helpers = ends[1];
    r = start_helper(help, &(struct request){search, answer, helpers});
    if (r < 0)
        return error_system(error, r, "cannot start a helper that finds the tracepoints");
    close(steal_fd(&helpers));
    r = receive(mine, &result, sizeof(result));
    if (r == 0)
        r = result;
    if (r == 0)
        r = receive(mine, answer, search->size);
    if (r == -ENOENT)
        return error_set(error, r, "this kernel has no tracepoints of system calls for everybody");
    return r < 0 ? error_system(error, r, "cannot find the tracepoints' numbers") : 0;
}

int tracepoints_try(struct tracepoints *ret_ids, struct sysfold_error *error)
{
    static const struct tracepoints_search search = {.find = find_and_prove, .size = sizeof(struct tracepoints)};
    struct tracepoints ids = {0};
    int r = tracepoints_ask(&search, &ids, error);

    if (r == 0)
        *ret_ids = ids;
    return r;
}

struct closing {
    const int *fds;
    size_t count;
};

/* Keeps these alone, whose closing takes its time, and ends. */
static void linger(const void *argument)
{
    const struct closing *closing = argument;
    unsigned next = 0;

    for (size_t i = 0; i < closing->count; i++) {
        unsigned fd = (unsigned)closing->fds[i];

        if (fd > next)
            (void)syscall(SYS_close_range, next, fd - 1, 0);
        next = fd + 1;
    }
    (void)syscall(SYS_close_range, next, ~0U, 0);
    /* Who closes last waits: let the caller be first. */
    (void)nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    _exit(0);
}

static int compare_fds(const void *left, const void *right)
{
    const int *one = left, *other = right;

    return (*one > *other) - (*one < *other);
}

void tracepoints_close(int *fds, size_t count)
{
    if (count == 0)
        return;
    qsort(fds, count, sizeof(*fds), compare_fds);
    (void)start_helper(linger, &(struct closing){fds, count});
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

int tracepoints_refused(int code, struct sysfold_error *error)
{
    switch (code) {
    case -EACCES:
        return error_system(error, code,
                            "cannot open a perf event (it takes CAP_PERFMON, or kernel.perf_event_paranoid at 1)");
    case -EPERM:
        return error_system(error, code, "cannot open a perf event (a container's seccomp profile may forbid it)");
    case -ENOSYS:
        return error_set(error, code, "this kernel has no perf events");
    case -EMFILE:
        return error_system(error, code, "cannot open a perf event (raise ulimit -n)");
    default:
        return error_system(error, code, "cannot open a perf event");
    }
}

/*
 * kernel.perf_event_paranoid at 2, the kernel's default, lets everybody open
 * raw_syscalls with exclude_kernel, but what is recorded then is nothing: it
 * fires with the kernel's registers (syscalls:*, one for each call, with the
 * user's). Asked with an event of no tracepoint, which costs nothing to close.
 */
int tracepoints_check(bool user_only, struct sysfold_error *error)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(attr),
        .config = PERF_COUNT_SW_DUMMY,
        .exclude_kernel = user_only,
        .exclude_hv = 1,
    };
    long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

    if (fd < 0)
        return tracepoints_refused(-errno, error);
    close((int)fd);
    return 0;
}

int tracepoints_find(struct tracepoints *ret_ids, struct sysfold_error *error)
{
    uint64_t both = atomic_load(&known);
    struct tracepoints ids;
    int r = tracepoints_check(false, error);

    if (r < 0)
        return r;
    if (both) {
        *ret_ids = (struct tracepoints){(uint32_t)(both >> 32), (uint32_t)both};
        return 0;
    }
    if (tracepoints_read(&ids) < 0) {
        r = tracepoints_try(&ids, error);
        if (r < 0)
            return r;
    }
    atomic_store(&known, (uint64_t)ids.sys_enter << 32 | ids.sys_exit);
    *ret_ids = ids;
    return 0;
}
