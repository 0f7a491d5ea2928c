// SPDX-License-Identifier: Apache-2.0
/* Events, and a ring for each cpu to which they go; perf-read.c reads them. */

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
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/callset.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "perf-events.h"
#include "tracepoints.h"

#define RING_LARGEST ((size_t)4 << 20)
#define RING_SMALLEST ((size_t)64 << 10)
/* Of all cpus' rings together, unless asked for more. */
#define RINGS_LARGEST ((size_t)64 << 20)
/* The longest text of a filter that the kernel takes is a page. */
#define FILTER_SIZE 4096

/* By which means, if not all: a message says why. */
static int probe_less(int why_not_all, enum perf_means *ret_means, struct sysfold_error *error)
{
    const struct call_tracepoints *calls;
    int r;

    if (why_not_all != -EACCES) {
        *ret_means = PERF_MEANS_LIVES;
        return 0;
    }
    r = tracepoints_check(true, error);
    if (r < 0)
        return r;
    if (tracepoints_find_calls(&calls, error) < 0) {
        *ret_means = PERF_MEANS_LIVES;
        return 0;
    }
    *ret_means = PERF_MEANS_EACH;
    (void)error_set(error, -EACCES,
                    "only single calls can be recorded (all take CAP_PERFMON, or kernel.perf_event_paranoid at 1)");
    return 0;
}

/* Whoever may not have events of the kernel's side, or whose kernel has no tracepoints, may still have the threads'
 * lives. */
int perf_probe(enum perf_means *ret_means, struct sysfold_error *error)
{
    struct tracepoints ids;
    int r = tracepoints_find(&ids, error);

    if (r == 0) {
        *ret_means = PERF_MEANS_ALL;
        return 0;
    }
    return r == -EACCES || r == -ENOENT ? probe_less(r, ret_means, error) : r;
}

/* ---- The filter that the kernel applies: perf_next() applies the same, so this one saves room and time only. ---- */

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

        if (!perf_wants(wanted, first))
            continue;
        while (last + 1 < CALLSET_NATIVE_MAX && perf_wants(wanted, last + 1))
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

static bool has_call(const struct wanted *wanted, int nr)
{
    return wanted->any && wanted->calls[nr / 64] >> nr % 64 & 1;
}

/* How many events a thread has on each cpu. */
static size_t count_events(const struct perf *perf)
{
    size_t count = 1;

    if (perf->means == PERF_MEANS_ALL)
        return count + perf->entries.any;
    if (perf->means == PERF_MEANS_EACH)
        for (int nr = 0; nr < CALLSET_NATIVE_MAX; nr++)
            count += (has_call(&perf->exits, nr) && perf->each->exits[nr]) +
                     (has_call(&perf->entries, nr) && perf->each->enters[nr]);
    return count;
}

static void name_sources(struct perf *perf)
{
    if (perf->means == PERF_MEANS_ALL) {
        perf->sources[perf->ids.sys_exit] = RAW_EXIT;
        perf->sources[perf->ids.sys_enter] = RAW_ENTRY;
    }
    for (int nr = 0; perf->means == PERF_MEANS_EACH && nr < CALLSET_NATIVE_MAX; nr++) {
        if (has_call(&perf->exits, nr))
            perf->sources[perf->each->exits[nr]] = CALL_EXIT;
        if (has_call(&perf->entries, nr))
            perf->sources[perf->each->enters[nr]] = CALL_ENTRY;
    }
    perf->sources[0] = NOT_OURS;
}

static int find_tracepoints(struct perf *perf, struct sysfold_error *error)
{
    if (perf->means == PERF_MEANS_ALL)
        return tracepoints_find(&perf->ids, error);
    return perf->means == PERF_MEANS_EACH ? tracepoints_find_calls(&perf->each, error) : 0;
}

/* The registers that have so many arguments (0: all). Each makes a record dearer; one there must be, for with it
 * comes the ABI. */
static uint64_t registers_of(unsigned arguments)
{
    static const uint8_t registers[PERF_ARGUMENTS] = {PERF_REG_X86_DI,  PERF_REG_X86_SI, PERF_REG_X86_DX,
                                                      PERF_REG_X86_R10, PERF_REG_X86_R8, PERF_REG_X86_R9};
    uint64_t mask = 0;

    for (unsigned i = 0; i < (arguments && arguments < PERF_ARGUMENTS ? arguments : PERF_ARGUMENTS); i++)
        mask |= UINT64_C(1) << registers[i];
    return mask;
}

static int take_plan(struct perf *perf, const struct perf_plan *plan, struct sysfold_error *error)
{
    int r;

    perf->means = plan->means;
    perf->registers = registers_of(plan->arguments);
    perf->read_format = PERF_FORMAT_LOST;
    if (plan->means == PERF_MEANS_EACH && !plan->calls)
        return error_set(error, -EINVAL, "all calls cannot be recorded one by one");
    r = find_tracepoints(perf, error);
    if (r < 0)
        return r;
    perf->executed = calloc(MOST_THREADS / 64, sizeof(*perf->executed));
    perf->sources = calloc(UINT16_MAX + 1, sizeof(*perf->sources));
    if (!perf->executed || !perf->sources)
        return error_system(error, -ENOMEM, "cannot make ready for perf events");
    if (plan->means == PERF_MEANS_LIVES)
        return 0;
    take_set(&perf->exits, plan->calls);
    if (plan->entries)
        take_set(&perf->entries, plan->entries);
    name_sources(perf);
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

/* The rings are owned by events that outlive the threads recorded: of the thread that creates them, and nothing of
 * it. */
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

/* Of some tries the one that took the shortest, so that nothing came between. */
static int64_t measure_offset(void)
{
    uint64_t shortest = UINT64_MAX;
    int64_t offset = 0;

    for (int i = 0; i < 16; i++) {
        uint64_t before = perf_now(CLOCK_MONOTONIC);
        uint64_t real = perf_now(CLOCK_REALTIME);
        uint64_t took = perf_now(CLOCK_MONOTONIC) - before;

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

static int check_room(const struct perf *perf, struct sysfold_error *error)
{
    size_t count = count_events(perf) * perf->ring_count;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || count + perf->ring_count < limit.rlim_cur)
        return 0;
    return error_set(error, -E2BIG, "%zu perf events on each of %zu cpus are more than may be open (raise ulimit -n)",
                     count_events(perf), perf->ring_count);
}

static int fill_in(struct perf *perf, const struct perf_plan *plan, struct sysfold_error *error)
{
    int r = take_plan(perf, plan, error);

    if (r < 0)
        return r;
    r = find_cpus(perf);
    if (r < 0)
        return error_system(error, r, "cannot make ready for perf events");
    r = check_room(perf, error);
    if (r == 0)
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
    int r;

    if (!perf)
        return error_system(error, -ENOMEM, "cannot make ready for perf events");
    perf->poll = -1;
    r = fill_in(perf, plan, error);
    if (r < 0) {
        perf_destroy(perf);
        return r;
    }
    *ret_perf = perf;
    return 0;
}

static void close_events(struct perf *perf, size_t from)
{
    while (perf->fd_count > from)
        close(perf->fds[--perf->fd_count]);
}

void perf_destroy(struct perf *perf)
{
    if (!perf)
        return;
    if (perf->means == PERF_MEANS_LIVES) /* no tracepoints */
        close_events(perf, 0);
    tracepoints_close(perf->fds, perf->fd_count);
    close_rings(perf);
    if (perf->poll >= 0)
        close(perf->poll);
    free(perf->fds);
    free(perf->rings);
    free(perf->exits.filter);
    free(perf->entries.filter);
    free(perf->executed);
    free(perf->sources);
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
        .sample_regs_user = perf->registers,
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

/* Of a task's event that is inherited the kernel wants one for each cpu. Whatever the filter lets pass before it is
 * set, or because it cannot be, perf_next() drops. */
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

/* One for each call that is wanted, of its own tracepoint. */
static int add_calls(struct perf *perf, pid_t tid, const struct ring *ring)
{
    struct perf_event_attr exits = exit_attr(perf), entries = entry_attr(perf);
    int r = 0;

    exits.exclude_kernel = entries.exclude_kernel = 1;
    exits.task = exits.comm = exits.comm_exec = 0;
    for (int nr = 0; nr < CALLSET_NATIVE_MAX && r == 0; nr++) {
        exits.config = perf->each->exits[nr];
        entries.config = perf->each->enters[nr];
        if (has_call(&perf->exits, nr) && exits.config)
            r = add_event(perf, &exits, tid, ring, NULL);
        if (r == 0 && has_call(&perf->entries, nr) && entries.config)
            r = add_event(perf, &entries, tid, ring, NULL);
    }
    return r;
}

static int add_events(struct perf *perf, pid_t tid, const struct ring *ring)
{
    struct perf_event_attr attr;
    int r;

    if (perf->means < PERF_MEANS_ALL) {
        attr = lives_attr(perf);
        r = add_event(perf, &attr, tid, ring, NULL);
        return r == 0 && perf->means == PERF_MEANS_EACH ? add_calls(perf, tid, ring) : r;
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
    close_events(perf, before);
    if (r == -ESRCH)
        return error_system(error, r, "cannot record thread %d", tid);
    return error_prefix(error, tracepoints_refused(r, error), "cannot record thread %d", tid);
}
