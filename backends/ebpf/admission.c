// SPDX-License-Identifier: Apache-2.0
/* Four sets of ids, as bits: the kernel's largest id makes each half a MiB, of which only what is used is there. */

#include "backends/ebpf/admission.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "backends/ebpf/body.h"
#include "common/rows.h"

#define ID_MAX 4194304 /* PID_MAX_LIMIT */
#define SET_SIZE (ID_MAX / 8)
#define SETS_SIZE (4 * (size_t)SET_SIZE)
/* A process's end is told right behind its last thread's, by the same run of a program. */
#define BEHIND_NS 1000000000

static bool has(const uint64_t *set, uint32_t id)
{
    return id < ID_MAX && set[id / 64] >> id % 64 & 1;
}

static void put(uint64_t *set, uint32_t id, bool value)
{
    uint64_t bit = UINT64_C(1) << id % 64;

    if (id < ID_MAX)
        set[id / 64] = value ? set[id / 64] | bit : set[id / 64] & ~bit;
}

int admission_init(struct admission *admission)
{
    uint8_t *sets = mmap(NULL, SETS_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (sets == MAP_FAILED)
        return -ENOMEM;
    *admission = (struct admission){.threads = (uint64_t *)(void *)sets};
    admission->recorded = admission->threads + SET_SIZE / sizeof(uint64_t);
    admission->processes = admission->recorded + SET_SIZE / sizeof(uint64_t);
    admission->awaited = admission->processes + SET_SIZE / sizeof(uint64_t);
    return 0;
}

void admission_finish(struct admission *admission)
{
    if (admission->threads)
        munmap(admission->threads, SETS_SIZE);
    admission->threads = NULL;
}

void admission_begin(struct admission *admission, uint64_t from, bool everyone)
{
    /* Gives the memory back, too: it reads as zeroes then. */
    (void)madvise(admission->threads, SETS_SIZE, MADV_DONTNEED);
    admission->from = from;
    admission->until = UINT64_MAX;
    admission->ended = UINT64_MAX;
    admission->awaited_count = 0;
    admission->everyone = everyone;
}

void admission_add(struct admission *admission, uint32_t pid, uint32_t tid)
{
    put(admission->threads, tid, true);
    put(admission->recorded, tid, true);
    put(admission->processes, pid, true);
}

void admission_await(struct admission *admission, uint32_t tid)
{
    admission->awaited_count += tid < ID_MAX && !has(admission->awaited, tid);
    put(admission->awaited, tid, true);
}

bool admission_has_thread(const struct admission *admission, uint32_t tid)
{
    return has(admission->threads, tid);
}

bool admission_has_process(const struct admission *admission, uint32_t pid)
{
    return has(admission->processes, pid);
}

void admission_end(struct admission *admission, uint64_t until)
{
    admission->ended = until;
    admission->until = admission->awaited_count ? UINT64_MAX : until;
}

static uint32_t number_in(const uint8_t *record, unsigned row, unsigned index)
{
    return load_u32(record_body(record) + row_builtin(row)->params[index].place, false);
}

/* Recorded or not, it is known from here on, and so is its process, even if that was not met. */
static bool tells_birth(struct admission *admission, const uint8_t *record, uint32_t tid)
{
    bool is_news = !has(admission->recorded, tid);

    put(admission->recorded, tid, false);
    put(admission->threads, tid, true);
    put(admission->processes, number_in(record, ROW_THREAD_START, P_THREAD_START_pid), true);
    return is_news;
}

/* Takes the id out of the set; was it in there? */
static bool take(uint64_t *set, uint32_t id)
{
    bool was = has(set, id);

    put(set, id, false);
    return was;
}

/* The thread that goes on has its process's id. That which it had before is anybody's. */
static bool tells_exec(struct admission *admission, const uint8_t *record, uint32_t pid)
{
    uint32_t old = number_in(record, ROW_EXEC, P_EXEC_old_tid);
    bool is_known = has(admission->threads, pid) || has(admission->processes, pid) || has(admission->threads, old);

    put(admission->threads, old, false);
    put(admission->recorded, old, false);
    put(admission->threads, pid, is_known);
    put(admission->processes, pid, is_known);
    return is_known;
}

/* It is waited for no longer. */
static void arrive(struct admission *admission, uint32_t tid, uint64_t time)
{
    uint64_t behind = time + BEHIND_NS;

    if (!take(admission->awaited, tid) || --admission->awaited_count || admission->ended == UINT64_MAX)
        return;
    admission->until = behind > admission->ended ? behind : admission->ended;
}

static void review_word(struct admission *admission, uint32_t first, uint64_t now, bool (*is_there)(uint32_t tid))
{
    for (uint64_t left = admission->awaited[first / 64]; left; left &= left - 1) {
        uint32_t tid = first + (uint32_t)__builtin_ctzll(left);

        if (!is_there(tid))
            arrive(admission, tid, now);
    }
}

void admission_review(struct admission *admission, uint64_t now, bool (*is_there)(uint32_t tid))
{
    for (uint32_t first = 0; first < ID_MAX && admission->awaited_count; first += 64)
        review_word(admission, first, now, is_there);
}

/* Somebody's birth, end, or replacement by another thread. */
static bool is_arrival(unsigned number)
{
    return number == ROW_THREAD_START || number == ROW_THREAD_EXIT || number == ROW_EXEC;
}

/* Of a leader that made way for an exec that failed no end was told: its number is free now even so. */
static bool tells_process_exit(struct admission *admission, uint32_t pid)
{
    put(admission->threads, pid, false);
    put(admission->recorded, pid, false);
    return take(admission->processes, pid);
}

static bool is_of_known(struct admission *admission, const uint8_t *record, unsigned number, uint32_t tid)
{
    switch (number) {
    case ROW_THREAD_EXIT:
        put(admission->recorded, tid, false);
        return take(admission->threads, tid);
    case ROW_PROCESS_EXIT:
        return tells_process_exit(admission, tid);
    case ROW_EXEC:
        return tells_exec(admission, record, tid);
    default:
        return has(admission->threads, tid);
    }
}

bool admission_tells(struct admission *admission, const uint8_t *record)
{
    uint32_t tid = load_u32(record + offsetof(struct record_header, tid), false);
    unsigned number = load_u16(record, false) & RECORD_NUMBER_MASK;
    uint64_t time = load_u64(record + offsetof(struct record_header, time), false);

    if (!tid) /* of nobody: a loss */
        return true;
    if (admission->awaited_count && is_arrival(number))
        arrive(admission, tid, time);
    if (time < admission->from)
        return admission->everyone;
    if (number == ROW_THREAD_START)
        return tells_birth(admission, record, tid);
    return is_of_known(admission, record, number, tid) || admission->everyone;
}
