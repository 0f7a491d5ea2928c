// SPDX-License-Identifier: Apache-2.0
/* Which numbers syscalls:sys_enter_* and sys_exit_* have, by trying them out. */

#include "tracepoints.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/error.h"

/*
 * Whoever has no capability may open the tracepoints of system calls alone, and
 * records them in a ring. Then seccomp refuses all calls, and each is tried
 * once: it is not made, but its exit's tracepoint fires, and the record says
 * which number which call has. (Names, as tracefs has them, would not do: they
 * are those of the kernel's functions, sys_exit_newfstat.)
 *
 * An entry's tracepoint does not fire for a refused call, but lies beside the
 * exit's: behind it, or before it, as the compiler chose for all of them. One
 * call that is made, getppid, shows which; so only each second tracepoint of a
 * row is opened. The numbers in entries' records are checked as all others are.
 */

#define FIRST_ID 16
#define LAST_ID 4095
#define RING_SIZE ((size_t)64 << 10)
#define MOST_EVENTS 1024
/* Native calls end below the first gap, and go on behind it. In it is uretprobe, which seccomp does not refuse, and
 * which kills whoever makes it. */
#define GAP_FIRST 335
#define GAP_LAST 423
#define LAST_CALL 479
/* Between two closings, of some 40 ms each, during which nobody can open a tracepoint. */
#define PAUSE_NS 20000000
/* A search that took longer is not to be repeated by the user's next process. */
#define LONG_NS 100000000

/* The layout of a record: header, raw_size, raw[]; see perf.c. */
enum { AT_TYPE = 12, AT_NR = 20, SIZE_LEAST = 24 };

/* The helper's, which is a process of its own. */
static struct {
    int ring_fd;
    struct perf_event_mmap_page *page;
    const uint8_t *data;
    int events[MOST_EVENTS];
    uint32_t ids[MOST_EVENTS];
    unsigned count;
} search;

static const struct call_tracepoints *_Atomic known;

static int open_event(const struct perf_event_attr *attr)
{
    long fd = syscall(SYS_perf_event_open, attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

    return fd < 0 ? -errno : (int)fd;
}

static int open_ring(void)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(attr),
        .config = PERF_COUNT_SW_DUMMY,
        .sample_type = PERF_SAMPLE_RAW,
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    void *map;

    search.ring_fd = open_event(&attr);
    if (search.ring_fd < 0)
        return search.ring_fd;
    map = mmap(NULL, page_size + RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, search.ring_fd, 0);
    if (map == MAP_FAILED)
        return -errno;
    search.page = map;
    search.data = (const uint8_t *)map + page_size;
    return 0;
}

/* Switched off: the search itself is not recorded. */
static int open_id(uint32_t id)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_TRACEPOINT,
        .size = sizeof(attr),
        .config = id,
        .sample_period = 1,
        .sample_type = PERF_SAMPLE_RAW,
        .disabled = 1,
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };
    int fd;

    if (search.count == MOST_EVENTS)
        return -ENOBUFS;
    fd = open_event(&attr);
    if (fd < 0)
        return fd;
    if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, search.ring_fd) < 0)
        return -ENOBUFS;
    search.ids[search.count] = id;
    search.events[search.count++] = fd;
    return 0;
}

static bool is_fatal(int r)
{
    return r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOSYS || r == -ENOBUFS;
}

/* The first, third, ... of each row. */
static int open_candidates(void)
{
    for (uint32_t id = FIRST_ID; id <= LAST_ID; id++) {
        int r = open_id(id);

        if (is_fatal(r))
            return r;
        if (r == 0)
            id++;
    }
    return search.count ? 0 : -ENOENT;
}

/* The second, fourth, ... */
static int open_neighbours(void)
{
    unsigned count = search.count;

    for (unsigned i = 0; i < count; i++) {
        int r = open_id(search.ids[i] + 1);

        if (is_fatal(r))
            return r;
    }
    return 0;
}

/* What the helper still needs is let pass: with the arguments that it is tried with it does nothing. */
static int refuse_calls(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 10, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 8, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 7, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_nanosleep, 6, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_nanosleep, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        /* exit_group is let pass but for the one that is tried. */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UINT32_MAX, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        return -errno;
    return 0;
}

static uint64_t head(void)
{
    return __atomic_load_n(&search.page->data_head, __ATOMIC_ACQUIRE);
}

static uint32_t word_at(uint64_t position)
{
    uint32_t word;

    memcpy(&word, search.data + (position & (RING_SIZE - 1)), sizeof(word));
    return word;
}

/* Switches all on, and forgets what was recorded before. */
static void begin(void)
{
    (void)prctl(PR_TASK_PERF_EVENTS_ENABLE);
    __atomic_store_n(&search.page->data_tail, head(), __ATOMIC_RELEASE);
}

/* The next record's tracepoint and call; false: there is none. */
static bool next_call(uint32_t *ret_id, uint32_t *ret_nr)
{
    uint64_t at = search.page->data_tail;

    while (at < head()) {
        uint32_t size = word_at(at + 4) >> 16, type = word_at(at);

        if (size < 8 || size % 8)
            return false;
        *ret_id = word_at(at + AT_TYPE) & UINT16_MAX;
        *ret_nr = word_at(at + AT_NR);
        at += size;
        __atomic_store_n(&search.page->data_tail, at, __ATOMIC_RELEASE);
        if (type == PERF_RECORD_SAMPLE && size >= SIZE_LEAST && *ret_nr < CALLSET_NATIVE_MAX)
            return true;
    }
    return false;
}

static void make_calls(void)
{
    for (long nr = 0; nr <= LAST_CALL; nr++)
        if (nr < GAP_FIRST || nr > GAP_LAST)
            (void)syscall(nr, -1L, -1L, -1L, -1L, -1L, -1L);
}

/* A tracepoint that tells two calls is not a single call's. */
static void take_exit(struct call_tracepoints *ids, uint32_t id, uint32_t nr)
{
    bool is_other = false;

    for (int i = 0; i < CALLSET_NATIVE_MAX; i++)
        if (ids->exits[i] == id && (uint32_t)i != nr) {
            ids->exits[i] = 0;
            is_other = true;
        }
    if (!is_other)
        ids->exits[nr] = (uint16_t)id;
}

static bool find_exits(struct call_tracepoints *ids)
{
    uint32_t id, nr;

    begin();
    make_calls();
    while (next_call(&id, &nr))
        take_exit(ids, id, nr);
    return ids->exits[SYS_getppid];
}

static bool is_entry_of_getppid(uint32_t id)
{
    uint32_t told_id, nr;
    bool is_it = false;

    if (open_id(id) < 0)
        return false;
    begin();
    (void)syscall(SYS_getppid);
    while (next_call(&told_id, &nr))
        is_it |= told_id == id && nr == SYS_getppid;
    return is_it;
}

static void find_entries(struct call_tracepoints *ids)
{
    int offset = 0;

    if (is_entry_of_getppid(ids->exits[SYS_getppid] + 1U))
        offset = 1;
    else if (is_entry_of_getppid(ids->exits[SYS_getppid] - 1U))
        offset = -1;
    else
        return;
    for (int i = 0; i < CALLSET_NATIVE_MAX; i++)
        if (ids->exits[i])
            ids->enters[i] = (uint16_t)(ids->exits[i] + offset);
}

static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int find_calls(void *answer)
{
    struct call_tracepoints *ids = answer;
    int r;

    tracepoints_use_capabilities(false);
    raise_limit();
    r = open_ring();
    if (r == 0)
        r = open_candidates();
    if (r == 0)
        r = refuse_calls();
    if (r < 0)
        return r;
    if (!find_exits(ids)) {
        r = open_neighbours();
        if (r < 0 || !find_exits(ids))
            return r < 0 ? r : -ENOENT;
    }
    find_entries(ids);
    return 0;
}

static void close_slowly(void)
{
    while (search.count) {
        close(search.events[--search.count]);
        (void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
}

int tracepoints_try_calls(struct call_tracepoints *ret_ids, struct sysfold_error *error)
{
    static const struct tracepoints_search how = {find_calls, close_slowly, sizeof(struct call_tracepoints)};
    struct call_tracepoints ids = {0};
    int r = tracepoints_ask(&how, &ids, error);

    if (r == 0)
        *ret_ids = ids;
    return r;
}

static int64_t now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int load_or_try(struct call_tracepoints *ids, struct sysfold_error *error)
{
    int64_t before = now();
    int r;

    if (tracepoints_load(ids) == 0)
        return 0;
    r = tracepoints_try_calls(ids, error);
    if (r == 0 && now() - before > LONG_NS)
        (void)tracepoints_store(ids);
    return r;
}

int tracepoints_find_calls(const struct call_tracepoints **ret_ids, struct sysfold_error *error)
{
    const struct call_tracepoints *found = atomic_load(&known);
    struct call_tracepoints *ids;
    int r;

    if (!found) {
        ids = calloc(1, sizeof(*ids));
        if (!ids)
            return error_system(error, -ENOMEM, "cannot find the tracepoints' numbers");
        r = load_or_try(ids, error);
        if (r < 0) {
            free(ids);
            return r;
        }
        /* Another thread may have been faster. */
        if (atomic_compare_exchange_strong(&known, &found, ids))
            found = ids;
        else
            free(ids);
    }
    *ret_ids = found;
    return 0;
}
