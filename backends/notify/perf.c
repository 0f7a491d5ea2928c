// SPDX-License-Identifier: Apache-2.0
/* Records of the tracepoints of all system calls, from a ring for each cpu. */

#include "perf.h"

#include <asm/perf_regs.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/callset.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "tracepoints.h"

#define RING_LARGEST ((size_t)4 << 20)
#define RING_SMALLEST ((size_t)64 << 10)
/* Of all cpus' rings together, unless asked for more. */
#define RINGS_LARGEST ((size_t)64 << 20)
/* The longest text of a filter that the kernel takes is a page. */
#define FILTER_SIZE 4096
#define X32_BIT 0x40000000
/* The kernel gives no higher numbers, whatever kernel.pid_max says. */
#define MOST_THREADS (1U << 22)
#define NO_TIME UINT64_MAX

/*
 * A ring, and how far it has been read. All are counts of bytes since its
 * beginning, of which the ring holds the last:
 *
 *      given        tail                    end        the kernel's data_head
 *   ─────┼───────────┼───────────────────────┼───────────────┼─────
 *        │ told, not │ to be told            │ written since │
 *        │ yet given │                       │ perf_look()   │
 *        │ back      │                       │               │
 */
struct ring {
    int cpu;
    int fd; /* of an event that never happens, which owns the ring */
    struct perf_event_mmap_page *page;
    const uint8_t *data;
    uint64_t given, tail, end;
    uint64_t time; /* of the record at the tail; NO_TIME: there is none before the end */
};

/* A set of calls. */
struct wanted {
    bool any;
    bool everything; /* unknown numbers as well */
    uint64_t calls[CALLSET_NATIVE_MAX / 64];
    char *filter; /* for the kernel, or NULL */
};

struct perf {
    enum perf_means means;
    struct tracepoints ids;
    struct wanted exits, entries;
    uint64_t *executed; /* a bit for each thread: its last record is an exec's */

    struct ring *rings;
    size_t ring_count;
    size_t ring_size; /* of each; a power of two */
    int poll;         /* an epoll of all rings */

    int *fds; /* the threads' events */
    size_t fd_count, fd_room;

    uint64_t read_format; /* of the events */
    uint64_t lost;        /* records, that were told of */

    int64_t to_realtime; /* to be added to CLOCK_MONOTONIC */
    uint64_t moment;     /* perf_look()'s */
    struct ring *next;   /* whose record is the oldest */
    uint64_t next_until; /* it is while its time is not beyond this: the oldest of the others */

    uint8_t record[UINT16_MAX + 1]; /* one that straddles the ring's edge */
};

/* In the order of the kernel's bits. Those of x86-64's arguments, and of i386's, to which they are 0 otherwise. */
enum { REG_BX, REG_CX, REG_DX, REG_SI, REG_DI, REG_BP, REG_R8, REG_R9, REG_R10, REG_COUNT };
#define ARGUMENT_REGS                                                                                                  \
    (1ULL << PERF_REG_X86_BX | 1ULL << PERF_REG_X86_CX | 1ULL << PERF_REG_X86_DX | 1ULL << PERF_REG_X86_SI |           \
     1ULL << PERF_REG_X86_DI | 1ULL << PERF_REG_X86_BP | 1ULL << PERF_REG_X86_R8 | 1ULL << PERF_REG_X86_R9 |           \
     1ULL << PERF_REG_X86_R10)

/*
 * The wire. A sample is
 *
 *    0 header  8 pid, tid  16 time  24 raw_size  28 raw[raw_size]  ABI  registers...
 *
 * and its raw part, unaligned, {u16 type; u8; u8; s32 pid; long id; ...}, where
 * `...` is the result, or six arguments. Every other record ends with {pid, tid, time}.
 */
enum {
    AT_PID = 8,
    AT_TID = 12,
    AT_TIME = 16,
    AT_RAW_SIZE = 24,
    AT_RAW = 28,
    RAW_TYPE = 0,
    RAW_NR = 8,
    RAW_REST = 16, /* the result or the arguments */
    AT_TASK_PARENT = 12,
    AT_TASK_TID = 16,
    AT_TASK_PARENT_TID = 20,
    TASK_SIZE = 48,
    AT_COMM = 16,
    AT_LOST = 16, /* of PERF_RECORD_LOST; LOST_SAMPLES has no id before it */
    AT_LOST_SAMPLES = 8,
    TRAILER = 16,
};

static uint16_t load16(const uint8_t *from)
{
    uint16_t value;

    memcpy(&value, from, sizeof(value));
    return value;
}

static uint32_t load32(const uint8_t *from)
{
    uint32_t value;

    memcpy(&value, from, sizeof(value));
    return value;
}

static uint64_t load64(const uint8_t *from)
{
    uint64_t value;

    memcpy(&value, from, sizeof(value));
    return value;
}

/* Whoever may not have events of the kernel's side, or whose kernel has no tracepoints, may still have the threads' lives. */
int perf_probe(enum perf_means *ret_means, struct sysfold_error *error)
{
    struct tracepoints ids;
    int r = tracepoints_find(&ids, error);

    if (r == 0) {
        *ret_means = PERF_MEANS_ALL;
        return 0;
    }
    if (r != -EACCES && r != -ENOENT)
        return r;
    if (r == -EACCES) {
        r = tracepoints_check(true, error);
        if (r < 0)
            return r;
        (void)error_set(error, -EACCES,
                        "the records of all calls take CAP_PERFMON, or kernel.perf_event_paranoid at 1 or less");
    }
    *ret_means = PERF_MEANS_LIVES;
    return 0;
}

/* ---- The filter that the kernel applies: perf_next() applies the same, so this one saves room and time only. ---- */

static bool is_wanted(const struct wanted *wanted, int64_t nr)
{
    uint64_t number = (uint64_t)nr & ~(uint64_t)X32_BIT;

    if (wanted->everything || nr == -1)
        return true;
    return number < CALLSET_NATIVE_MAX && wanted->calls[number / 64] >> number % 64 & 1;
}

/* One text for all threads; NULL if it is longer than the kernel takes. */
static char *make_filter(const struct wanted *wanted)
{
    char *text = malloc(FILTER_SIZE);
    size_t used;

    if (!text)
        return NULL;
    used = (size_t)snprintf(text, FILTER_SIZE, "id==-1||id>=%d", X32_BIT);
    for (int first = 0; first < CALLSET_NATIVE_MAX; first++) {
        int last = first;

        if (!is_wanted(wanted, first))
            continue;
        while (last + 1 < CALLSET_NATIVE_MAX && is_wanted(wanted, last + 1))
            last++;
        used += (size_t)snprintf(text + used, FILTER_SIZE - used, first == last ? "||id==%d" : "||(id>=%d&&id<=%d)",
                                 first, last);
        if (used >= FILTER_SIZE - 1) {
            free(text);
            return NULL;
        }
        first = last;
    }
    return text;
}

static void take_set(struct wanted *wanted, const uint64_t *calls)
{
    wanted->any = true;
    wanted->everything = !calls;
    if (!calls)
        return;
    memcpy(wanted->calls, calls, sizeof(wanted->calls));
    wanted->filter = make_filter(wanted);
}

static int take_plan(struct perf *perf, const struct perf_plan *plan)
{
    perf->means = plan->means;
    perf->read_format = PERF_FORMAT_LOST;
    perf->executed = calloc(MOST_THREADS / 64, sizeof(*perf->executed));
    if (!perf->executed)
        return -ENOMEM;
    if (plan->means == PERF_MEANS_LIVES)
        return 0;
    take_set(&perf->exits, plan->calls);
    if (plan->entries)
        take_set(&perf->entries, plan->entries);
    return 0;
}

/* ---- The rings. ---- */

static void use_clock(struct perf_event_attr *attr)
{
    attr->use_clockid = 1;
    attr->clockid = CLOCK_MONOTONIC;
}

static int open_event(const struct perf_event_attr *attr, pid_t tid, int cpu)
{
    long fd = syscall(SYS_perf_event_open, attr, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

    return fd < 0 ? -errno : (int)fd;
}

/* The rings are owned by events that outlive the threads recorded: of the thread that creates them, and nothing of it. */
static int open_owner(struct perf *perf, struct ring *ring, size_t ring_size)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(attr),
        .config = PERF_COUNT_SW_DUMMY,
        .disabled = 1,
        .read_format = perf->read_format,
        .watermark = 1,
        .wakeup_watermark = (uint32_t)(ring_size / 4),
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };

    use_clock(&attr);
    ring->fd = open_event(&attr, 0, ring->cpu);
    if (ring->fd == -EINVAL && perf->read_format) {
        perf->read_format = attr.read_format = 0; /* before Linux 6.0 */
        ring->fd = open_event(&attr, 0, ring->cpu);
    }
    return ring->fd < 0 ? ring->fd : 0;
}

static void close_ring(struct ring *ring, size_t ring_size)
{
    if (ring->page)
        munmap(ring->page, (size_t)sysconf(_SC_PAGESIZE) + ring_size);
    if (ring->fd >= 0)
        close(ring->fd);
    *ring = (struct ring){.cpu = ring->cpu, .fd = -1, .time = NO_TIME};
}

static int open_ring(struct perf *perf, struct ring *ring, size_t ring_size)
{
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    int r = open_owner(perf, ring, ring_size);
    void *map;

    if (r < 0)
        return r;
    map = mmap(NULL, page_size + ring_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
    if (map == MAP_FAILED) {
        r = -errno;
        close_ring(ring, ring_size);
        return r;
    }
    ring->page = map;
    ring->data = (const uint8_t *)map + page_size;
    return 0;
}

static void close_rings(struct perf *perf)
{
    for (size_t i = 0; i < perf->ring_count; i++)
        close_ring(&perf->rings[i], perf->ring_size);
}

static int open_rings_of(struct perf *perf, size_t size)
{
    perf->ring_size = size;
    for (size_t i = 0; i < perf->ring_count; i++) {
        int r = open_ring(perf, &perf->rings[i], size);

        if (r < 0) {
            close_rings(perf);
            return r;
        }
    }
    return 0;
}

/* The largest power of two that is at most that. */
static size_t round_down(size_t size)
{
    size_t power = (size_t)sysconf(_SC_PAGESIZE);

    while (power <= size / 2)
        power *= 2;
    return power;
}

static size_t most_for_each(const struct perf *perf)
{
    size_t share = RINGS_LARGEST / perf->ring_count;

    if (share < RING_SMALLEST)
        return RING_SMALLEST;
    return share < RING_LARGEST ? share : RING_LARGEST;
}

/* As large as the limits of locked memory let them be, and all of one size. */
static int open_rings(struct perf *perf, size_t wanted, struct sysfold_error *error)
{
    size_t size = round_down(wanted ? wanted : most_for_each(perf));
    size_t least = size < RING_SMALLEST ? size : RING_SMALLEST;

    for (;; size /= 2) {
        int r = open_rings_of(perf, size);

        if (r == 0)
            return 0;
        if (r != -EPERM && r != -ENOMEM)
            return tracepoints_refused(r, error);
        if (size / 2 < least)
            return error_system(
                error, r, "cannot lock %zu KiB for each of %zu cpus (raise kernel.perf_event_mlock_kb, or ulimit -l)",
                size >> 10, perf->ring_count);
    }
}

/* "0-3,8,10-11", as the kernel tells of the cpus that are online. */
static int read_cpus(struct perf *perf, const char *list)
{
    const char *at = list;

    while (*at >= '0' && *at <= '9') {
        char *end;
        unsigned long first = strtoul(at, &end, 10), last = first;

        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        if (last < first || last > INT_MAX - 1 || last - first > 65536)
            return -EINVAL;
        for (unsigned long cpu = first; cpu <= last; cpu++) {
            struct ring *grown = reallocarray(perf->rings, perf->ring_count + 1, sizeof(*grown));

            if (!grown)
                return -ENOMEM;
            perf->rings = grown;
            grown[perf->ring_count++] = (struct ring){.cpu = (int)cpu, .fd = -1, .time = NO_TIME};
        }
        at = *end == ',' ? end + 1 : end;
    }
    return perf->ring_count ? 0 : -EINVAL;
}

static int find_cpus(struct perf *perf)
{
    cleanup_fclose FILE *file = fopen("/sys/devices/system/cpu/online", "re");
    char list[8192];

    if (!file || !fgets(list, sizeof(list), file))
        (void)snprintf(list, sizeof(list), "0-%ld", sysconf(_SC_NPROCESSORS_ONLN) - 1);
    return read_cpus(perf, list);
}

/* ---- Making one. ---- */

static uint64_t now(clockid_t clock)
{
    struct timespec time;

    (void)clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Of some tries the one that took the shortest, so that nothing came between. */
static int64_t measure_offset(void)
{
    uint64_t shortest = UINT64_MAX;
    int64_t offset = 0;

    for (int i = 0; i < 16; i++) {
        uint64_t before = now(CLOCK_MONOTONIC);
        uint64_t real = now(CLOCK_REALTIME);
        uint64_t took = now(CLOCK_MONOTONIC) - before;

        if (took < shortest) {
            shortest = took;
            offset = (int64_t)(real - before - took / 2);
        }
    }
    return offset;
}

static int make_poll(struct perf *perf)
{
    perf->poll = epoll_create1(EPOLL_CLOEXEC);
    if (perf->poll < 0)
        return -errno;
    for (size_t i = 0; i < perf->ring_count; i++) {
        struct epoll_event event = {.events = EPOLLIN};

        if (epoll_ctl(perf->poll, EPOLL_CTL_ADD, perf->rings[i].fd, &event) < 0)
            return -errno;
    }
    return 0;
}

static int fill_in(struct perf *perf, const struct perf_plan *plan, struct sysfold_error *error)
{
    int r = take_plan(perf, plan);

    if (r == 0)
        r = find_cpus(perf);
    if (r < 0)
        return error_system(error, r, "cannot make ready for perf events");
    r = open_rings(perf, plan->ring_size, error);
    if (r < 0)
        return r;
    r = make_poll(perf);
    if (r < 0)
        return error_system(error, r, "cannot poll the rings of perf events");
    perf->to_realtime = measure_offset();
    return 0;
}

int perf_create(const struct perf_plan *plan, struct perf **ret_perf, struct sysfold_error *error)
{
    struct perf *perf = calloc(1, sizeof(*perf));
    int r = 0;

    if (!perf)
        return error_system(error, -ENOMEM, "cannot make ready for perf events");
    perf->poll = -1;
    if (plan->means == PERF_MEANS_ALL)
        r = tracepoints_find(&perf->ids, error);
    else if (plan->means == PERF_MEANS_EACH)
        r = error_set(error, -EOPNOTSUPP, "cannot record single calls");
    if (r == 0)
        r = fill_in(perf, plan, error);
    if (r < 0) {
        perf_destroy(perf);
        return r;
    }
    *ret_perf = perf;
    return 0;
}

void perf_destroy(struct perf *perf)
{
    if (!perf)
        return;
    for (size_t i = 0; i < perf->fd_count; i++)
        close(perf->fds[i]);
    close_rings(perf);
    if (perf->poll >= 0)
        close(perf->poll);
    free(perf->fds);
    free(perf->rings);
    free(perf->exits.filter);
    free(perf->entries.filter);
    free(perf->executed);
    free(perf);
}

/* A ring tells what it lost when it has room for another record; an event knows at once. */
uint64_t perf_lost(struct perf *perf)
{
    uint64_t lost = 0, values[2]; /* the event's count, and what it lost */

    if (!perf->read_format)
        return 0;
    for (size_t i = 0; i < perf->fd_count; i++)
        if (read(perf->fds[i], values, sizeof(values)) == sizeof(values))
            lost += values[1];
    return lost > perf->lost ? lost - perf->lost : 0;
}

int perf_fd(const struct perf *perf)
{
    return perf->poll;
}

/* ---- Threads. ---- */

static struct perf_event_attr exit_attr(const struct perf *perf)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_TRACEPOINT,
        .size = sizeof(attr),
        .config = perf->ids.sys_exit,
        .sample_period = 1,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW | PERF_SAMPLE_REGS_USER,
        .read_format = perf->read_format,
        .sample_regs_user = ARGUMENT_REGS,
        .inherit = 1,
        .sample_id_all = 1,
        .task = 1,
        .comm = 1,
        .comm_exec = 1,
    };

    use_clock(&attr);
    return attr;
}

/* Its arguments are in the record; one register is the least that comes with the ABI. */
static struct perf_event_attr entry_attr(const struct perf *perf)
{
    struct perf_event_attr attr = exit_attr(perf);

    attr.config = perf->ids.sys_enter;
    attr.sample_regs_user = 1ULL << PERF_REG_X86_AX;
    attr.task = attr.comm = attr.comm_exec = 0;
    return attr;
}

/* Without calls: an event that never happens, for what it tells besides. */
static struct perf_event_attr lives_attr(const struct perf *perf)
{
    struct perf_event_attr attr = exit_attr(perf);

    attr.type = PERF_TYPE_SOFTWARE;
    attr.config = PERF_COUNT_SW_DUMMY;
    attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
    attr.sample_regs_user = 0;
    attr.exclude_kernel = attr.exclude_hv = 1;
    return attr;
}

static int keep(struct perf *perf, int fd)
{
    if (perf->fd_count == perf->fd_room) {
        size_t room = perf->fd_room ? perf->fd_room * 2 : 16;
        int *grown = reallocarray(perf->fds, room, sizeof(*grown));

        if (!grown)
            return -ENOMEM;
        perf->fds = grown;
        perf->fd_room = room;
    }
    perf->fds[perf->fd_count++] = fd;
    return 0;
}

/* Of a task's event that is inherited the kernel wants one for each cpu. Whatever the filter lets pass before it is set,
 * or because it cannot be, perf_next() drops. */
static int add_event(struct perf *perf, const struct perf_event_attr *attr, pid_t tid, const struct ring *ring,
                     const char *filter)
{
    cleanup_close int fd = open_event(attr, tid, ring->cpu);
    int r;

    if (fd < 0)
        return fd;
    if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) < 0)
        return -errno;
    if (filter)
        (void)ioctl(fd, PERF_EVENT_IOC_SET_FILTER, filter);
    r = keep(perf, fd);
    if (r == 0)
        (void)steal_fd(&fd);
    return r;
}

static int add_events(struct perf *perf, pid_t tid, const struct ring *ring)
{
    struct perf_event_attr attr;
    int r;

    if (perf->means == PERF_MEANS_LIVES) {
        attr = lives_attr(perf);
        return add_event(perf, &attr, tid, ring, NULL);
    }
    attr = exit_attr(perf);
    r = add_event(perf, &attr, tid, ring, perf->exits.filter);
    if (r < 0 || !perf->entries.any)
        return r;
    attr = entry_attr(perf);
    return add_event(perf, &attr, tid, ring, perf->entries.filter);
}

int perf_add(struct perf *perf, pid_t tid, struct sysfold_error *error)
{
    size_t before = perf->fd_count;
    int r = 0;

    for (size_t i = 0; i < perf->ring_count && r == 0; i++)
        r = add_events(perf, tid, &perf->rings[i]);
    if (r == 0)
        return 0;
    while (perf->fd_count > before)
        close(perf->fds[--perf->fd_count]);
    if (r == -ESRCH)
        return error_system(error, r, "cannot record thread %d", tid);
    return error_prefix(error, tracepoints_refused(r, error), "cannot record thread %d", tid);
}

/* ---- Reading. ---- */

static uint64_t word_at(const struct perf *perf, const struct ring *ring, uint64_t position)
{
    /* Records are multiples of eight bytes: words do not straddle the edge. */
    return load64(ring->data + (position & (perf->ring_size - 1)));
}

/* The size of the record at the tail; 0 if it cannot be one: then the ring has been written to by somebody else. */
static uint16_t size_at_tail(const struct perf *perf, const struct ring *ring, uint32_t *ret_type)
{
    uint64_t header = word_at(perf, ring, ring->tail);
    uint16_t size = (uint16_t)(header >> 48);
    bool is_sample = (uint32_t)header == PERF_RECORD_SAMPLE;

    *ret_type = (uint32_t)header;
    if (size % 8 || size < (is_sample ? AT_RAW : 8 + TRAILER) || size > ring->end - ring->tail)
        return 0;
    return size;
}

/* Room is given back in portions: the kernel's next record reads what is written here, from another cpu's cache. */
static void give_back(struct ring *ring, uint64_t portion)
{
    if (ring->tail - ring->given < portion)
        return;
    ring->given = ring->tail;
    __atomic_store_n(&ring->page->data_tail, ring->tail, __ATOMIC_RELEASE);
}

static void look_at_tail(const struct perf *perf, struct ring *ring)
{
    uint32_t type;
    uint16_t size;

    ring->time = NO_TIME;
    if (ring->tail == ring->end)
        return;
    size = size_at_tail(perf, ring, &type);
    if (!size)
        ring->tail = ring->end;
    else if (type == PERF_RECORD_SAMPLE)
        ring->time = word_at(perf, ring, ring->tail + AT_TIME);
    else
        ring->time = word_at(perf, ring, ring->tail + size - 8);
}

/* Which ring is the next, and until when: a ring's own records are in order. */
static void choose(struct perf *perf)
{
    perf->next = NULL;
    perf->next_until = NO_TIME;
    for (size_t i = 0; i < perf->ring_count; i++) {
        struct ring *ring = &perf->rings[i];

        if (ring->time > perf->moment)
            continue;
        if (!perf->next || ring->time < perf->next->time) {
            if (perf->next)
                perf->next_until = perf->next->time;
            perf->next = ring;
        } else if (ring->time < perf->next_until) {
            perf->next_until = ring->time;
        }
    }
    if (perf->next_until > perf->moment)
        perf->next_until = perf->moment;
}

/*
 * Why the order holds, though the rings' heads are read one after the other
 * and threads move between cpus meanwhile.
 *
 * Let a thread's record A be made before its record B, and B be told: B's time
 * is not after the moment, which was taken before any head was read. A record
 * is written to its ring, head included, before the thread that makes it goes
 * on: so A was in its ring before B got its time, hence before any head was
 * read, hence it is before the end of its ring. And A's time is the older one,
 * so it is told first. The same holds for a thread's birth, which its creator
 * writes before the new thread may run.
 *
 * A notification is sent after the record of the thread's previous call was
 * written, and received before the moment is taken: so that record is told.
 *
 * It takes a clock that agrees on all cpus: CLOCK_MONOTONIC does, but for some
 * nanoseconds when its rate is corrected, less than it takes a thread to get
 * to another cpu.
 */
void perf_look(struct perf *perf)
{
    perf->moment = now(CLOCK_MONOTONIC);
    for (size_t i = 0; i < perf->ring_count; i++) {
        struct ring *ring = &perf->rings[i];

        ring->end = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
        if (ring->time == NO_TIME)
            look_at_tail(perf, ring);
    }
    choose(perf);
}

/* The record at the tail in one piece. */
static const uint8_t *in_one_piece(struct perf *perf, const struct ring *ring, size_t size)
{
    size_t offset = ring->tail & (perf->ring_size - 1);
    size_t before_edge = perf->ring_size - offset;

    if (size <= before_edge)
        return ring->data + offset;
    memcpy(perf->record, ring->data + offset, before_edge);
    memcpy(perf->record + before_edge, ring->data, size - before_edge);
    return perf->record;
}

/* An exit's, from the registers. */
static void take_arguments(struct perf_call *call, const uint8_t *registers)
{
    static const uint8_t native[6] = {REG_DI, REG_SI, REG_DX, REG_R10, REG_R8, REG_R9};
    static const uint8_t i386[6] = {REG_BX, REG_CX, REG_DX, REG_SI, REG_DI, REG_BP};

    for (int i = 0; i < 6; i++)
        call->args[i] =
            call->is_64 ? load64(registers + (size_t)native[i] * 8) : (uint32_t)load64(registers + (size_t)i386[i] * 8);
}

static bool take_call(const struct perf *perf, const uint8_t *from, size_t size, struct perf_record *record)
{
    struct perf_call *call = &record->call;
    size_t raw_size = load32(from + AT_RAW_SIZE), after = AT_RAW + raw_size, wanted;
    const uint8_t *raw = from + AT_RAW;
    uint32_t id;

    if (raw_size < RAW_REST + 8 || after > size - 8)
        return false;
    id = load16(raw + RAW_TYPE);
    record->kind = id == perf->ids.sys_exit ? PERF_EXIT : PERF_ENTRY;
    call->nr = (int64_t)load64(raw + RAW_NR);
    if (!is_wanted(record->kind == PERF_EXIT ? &perf->exits : &perf->entries, call->nr))
        return false;
    *call = (struct perf_call){.nr = call->nr, .is_64 = load64(from + after) == PERF_SAMPLE_REGS_ABI_64};
    if (record->kind == PERF_ENTRY) {
        if (id != perf->ids.sys_enter || raw_size < RAW_REST + sizeof(call->args))
            return false;
        memcpy(call->args, raw + RAW_REST, sizeof(call->args));
        return true;
    }
    call->result = (int64_t)load64(raw + RAW_REST);
    wanted = (size_t)REG_COUNT * 8;
    if (size - after - 8 >= wanted) /* a kernel thread's would have none */
        take_arguments(call, from + after + 8);
    return true;
}

static void set_executed(const struct perf *perf, pid_t tid, bool executed)
{
    uint32_t number = (uint32_t)tid;

    if (number >= MOST_THREADS)
        return;
    if (executed)
        perf->executed[number / 64] |= 1ULL << number % 64;
    else
        perf->executed[number / 64] &= ~(1ULL << number % 64);
}

static bool has_executed(const struct perf *perf, pid_t tid)
{
    uint32_t number = (uint32_t)tid;

    return number < MOST_THREADS && perf->executed[number / 64] >> number % 64 & 1;
}

static bool take_task(const struct perf *perf, const uint8_t *from, size_t size, bool is_birth,
                      struct perf_record *record)
{
    if (size < TASK_SIZE)
        return false;
    record->kind = is_birth ? PERF_BIRTH : PERF_END;
    record->pid = (pid_t)load32(from + AT_PID);
    record->tid = (pid_t)load32(from + AT_TASK_TID);
    if (is_birth) {
        record->birth.ppid = (pid_t)load32(from + AT_TASK_PARENT);
        record->birth.parent_tid = (pid_t)load32(from + AT_TASK_PARENT_TID);
        return true;
    }
    record->is_exec = has_executed(perf, record->tid);
    set_executed(perf, record->tid, false);
    return true;
}

static bool take_exec(const struct perf *perf, const uint8_t *from, size_t size, struct perf_record *record)
{
    size_t room = size - AT_COMM - TRAILER;

    if (!(load16(from + 4) & PERF_RECORD_MISC_COMM_EXEC))
        return false;
    record->kind = PERF_EXEC;
    set_executed(perf, record->tid, true);
    memset(record->comm, 0, sizeof(record->comm));
    memcpy(record->comm, from + AT_COMM, room < sizeof(record->comm) ? room : sizeof(record->comm) - 1);
    return true;
}

static bool take_lost(struct perf *perf, const uint8_t *from, size_t size, size_t at, struct perf_record *record)
{
    if (size < at + 8 + TRAILER)
        return false;
    record->kind = PERF_LOST;
    record->pid = record->tid = 0;
    record->lost = load64(from + at);
    if (at == AT_LOST)
        perf->lost += record->lost;
    return true;
}

/* False: nothing to tell. */
static bool take(struct perf *perf, const uint8_t *from, size_t size, struct perf_record *record)
{
    uint32_t type = load32(from);

    record->pid = (pid_t)load32(from + AT_PID);
    record->tid = (pid_t)load32(from + AT_TID);
    switch (type) {
    case PERF_RECORD_SAMPLE:
        if (has_executed(perf, record->tid))
            set_executed(perf, record->tid, false);
        return take_call(perf, from, size, record);
    case PERF_RECORD_FORK:
    case PERF_RECORD_EXIT:
        return take_task(perf, from, size, type == PERF_RECORD_FORK, record);
    case PERF_RECORD_COMM:
        return take_exec(perf, from, size, record);
    case PERF_RECORD_LOST:
        return take_lost(perf, from, size, AT_LOST, record);
    case PERF_RECORD_LOST_SAMPLES:
        return take_lost(perf, from, size, AT_LOST_SAMPLES, record);
    default:
        return false;
    }
}

static bool take_next(struct perf *perf, struct perf_record *record)
{
    struct ring *ring = perf->next;
    uint32_t type;
    size_t size = size_at_tail(perf, ring, &type);
    bool told;

    record->time = ring->time + (uint64_t)perf->to_realtime;
    told = size && take(perf, in_one_piece(perf, ring, size), size, record);
    ring->tail = size ? ring->tail + size : ring->end;
    give_back(ring, perf->ring_size / 8);
    look_at_tail(perf, ring);
    if (ring->time > perf->next_until)
        choose(perf);
    return told;
}

bool perf_next(struct perf *perf, struct perf_record *ret_record)
{
    struct perf_record record = {0};

    while (perf->next) {
        if (!take_next(perf, &record))
            continue;
        *ret_record = record;
        return true;
    }
    for (size_t i = 0; i < perf->ring_count; i++)
        give_back(&perf->rings[i], 1);
    return false;
}
