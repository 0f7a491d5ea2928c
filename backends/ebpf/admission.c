// SPDX-License-Identifier: Apache-2.0
/* Three sets of ids, as bits: the kernel's largest id makes each half a MiB, of which only what is used is there. */

#include "backends/ebpf/admission.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common/rows.h"

#define ID_MAX 4194304 /* PID_MAX_LIMIT */
#define SET_SIZE (ID_MAX / 8)

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
    uint8_t *sets = mmap(NULL, 3 * SET_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (sets == MAP_FAILED)
        return -ENOMEM;
    *admission = (struct admission){.threads = (uint64_t *)(void *)sets};
    admission->recorded = admission->threads + SET_SIZE / sizeof(uint64_t);
    admission->processes = admission->recorded + SET_SIZE / sizeof(uint64_t);
    return 0;
}

void admission_finish(struct admission *admission)
{
    if (admission->threads)
        munmap(admission->threads, 3 * SET_SIZE);
    admission->threads = NULL;
}

void admission_begin(struct admission *admission, uint64_t from, bool everyone)
{
    /* Gives the memory back, too: it reads as zeroes then. */
    (void)madvise(admission->threads, 3 * SET_SIZE, MADV_DONTNEED);
    admission->from = from;
    admission->until = UINT64_MAX;
    admission->everyone = everyone;
}

void admission_add(struct admission *admission, uint32_t pid, uint32_t tid)
{
    put(admission->threads, tid, true);
    put(admission->recorded, tid, true);
    put(admission->processes, pid, true);
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
    admission->until = until;
}

/* Recorded or not, it is known from here on. The process's bit is of use where the thread leads one. */
static bool tells_birth(struct admission *admission, uint32_t tid)
{
    bool is_news = !has(admission->recorded, tid);

    put(admission->recorded, tid, false);
    put(admission->threads, tid, true);
    put(admission->processes, tid, true);
    return is_news;
}

/* Takes the id out of the set; was it in there? */
static bool take(uint64_t *set, uint32_t id)
{
    bool was = has(set, id);

    put(set, id, false);
    return was;
}

/* The thread that goes on has its process's id, whatever it had before. */
static bool tells_exec(struct admission *admission, uint32_t pid)
{
    bool is_known = has(admission->threads, pid) || has(admission->processes, pid);

    put(admission->threads, pid, is_known);
    return is_known;
}

static bool is_of_known(struct admission *admission, unsigned number, uint32_t tid)
{
    switch (number) {
    case ROW_THREAD_EXIT:
        put(admission->recorded, tid, false);
        return take(admission->threads, tid);
    case ROW_PROCESS_EXIT:
        return take(admission->processes, tid);
    case ROW_EXEC:
        return tells_exec(admission, tid);
    default:
        return has(admission->threads, tid);
    }
}

bool admission_tells(struct admission *admission, const uint8_t *record)
{
    uint32_t tid = load_u32(record + offsetof(struct record_header, tid), false);
    unsigned number = load_u16(record, false) & RECORD_NUMBER_MASK;
    bool is_early = load_u64(record + offsetof(struct record_header, time), false) < admission->from;

    if (!tid) /* of nobody: a loss */
        return true;
    if (is_early)
        return admission->everyone;
    if (number == ROW_THREAD_START)
        return tells_birth(admission, tid);
    return is_of_known(admission, number, tid) || admission->everyone;
}
