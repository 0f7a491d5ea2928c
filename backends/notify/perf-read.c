// SPDX-License-Identifier: Apache-2.0
/* The rings' records, in the order of their time. */

#include "perf.h"

#include <linux/perf_event.h>
#include <string.h>
#include <time.h>

#include "perf-events.h"

/*
 * The wire. A sample is
 *
 *    0 header  8 pid, tid  16 time  24 raw_size  28 raw[raw_size]  ABI  registers...
 *
 * and its raw part, unaligned, {u16 type; u8; u8; s32 pid; long id; ...}, where
 * `...` is the result, or six arguments; of a single call's tracepoint the id is
 * an int, and there are as many arguments as the call has. Every other record ends with {pid, tid, time}.
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

bool perf_wants(const struct wanted *wanted, int64_t nr)
{
    uint64_t number = (uint64_t)nr & ~(uint64_t)X32_BIT;

    if (wanted->everything || nr == -1)
        return true;
    return number < CALLSET_NATIVE_MAX && wanted->calls[number / 64] >> number % 64 & 1;
}

uint64_t perf_now(clockid_t clock)
{
    struct timespec time;

    (void)clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

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
    if (size % 8 || size < (is_sample ? AT_RAW : 8 + TRAILER) || size > ring->end - ring->tail ||
        size > perf->ring_size)
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
    perf->moment = perf_now(CLOCK_MONOTONIC);
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

/* An exit's, from the registers: as many as were asked for, in the order of the kernel's bits (dx si di r8 r9 r10). */
static void take_arguments(struct perf_call *call, const uint8_t *registers, size_t count)
{
    static const uint8_t places[][PERF_ARGUMENTS] = {
        {0}, {1, 0}, {2, 1, 0}, {2, 1, 0, 3}, {2, 1, 0, 4, 3}, {2, 1, 0, 5, 3, 4},
    };

    for (size_t i = 0; i < count && count <= PERF_ARGUMENTS; i++)
        call->args[i] = load64(registers + (size_t)places[count - 1][i] * 8);
}

/* As many as there are: raw_syscalls has all, a single call's tracepoint its own. */
static void take_entry_arguments(struct perf_call *call, const uint8_t *from, size_t size)
{
    memcpy(call->args, from, size < sizeof(call->args) ? size & ~(size_t)7 : sizeof(call->args));
}

static bool take_call(const struct perf *perf, const uint8_t *from, size_t size, struct perf_record *record)
{
    struct perf_call *call = &record->call;
    size_t raw_size = load32(from + AT_RAW_SIZE), after = AT_RAW + raw_size;
    const uint8_t *raw = from + AT_RAW;
    enum source source;

    if (raw_size < RAW_REST || after > size - 8)
        return false;
    source = perf->sources[load16(raw + RAW_TYPE)];
    if (source == NOT_OURS)
        return false;
    record->kind = source == RAW_EXIT || source == CALL_EXIT ? PERF_EXIT : PERF_ENTRY;
    call->nr =
        source == RAW_EXIT || source == RAW_ENTRY ? (int64_t)load64(raw + RAW_NR) : (int32_t)load32(raw + RAW_NR);
    if (!perf_wants(record->kind == PERF_EXIT ? &perf->exits : &perf->entries, call->nr))
        return false;
    *call = (struct perf_call){.nr = call->nr, .is_64 = load64(from + after) == PERF_SAMPLE_REGS_ABI_64};
    if (record->kind == PERF_ENTRY) {
        take_entry_arguments(call, raw + RAW_REST, raw_size - RAW_REST);
        return true;
    }
    if (raw_size < RAW_REST + 8)
        return false;
    call->result = (int64_t)load64(raw + RAW_REST);
    if (call->is_64) /* a kernel thread's would have no registers */
        take_arguments(call, from + after + 8, (size - after - 8) / 8);
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

    if (size < AT_COMM + TRAILER || !(load16(from + 4) & PERF_RECORD_MISC_COMM_EXEC))
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
