// SPDX-License-Identifier: Apache-2.0
#include "backends/notify/plan.h"

#include <linux/audit.h>
#include <string.h>

#include "backends/notify/perform.h"
#include "backends/notify/session.h"
#include "common/collect.h"

static bool has(const uint64_t *set, unsigned nr)
{
    return set[nr / 64] >> (nr % 64) & 1;
}

static void add(uint64_t *set, unsigned nr)
{
    set[nr / 64] |= UINT64_C(1) << nr % 64;
}

bool row_is_lifecycle(const struct sysfold_row *row)
{
    switch (row->number) {
    case ROW_CLONE:
    case ROW_CLONE3:
    case ROW_FORK:
    case ROW_VFORK:
    case ROW_EXECVE:
    case ROW_EXECVEAT:
    case ROW_EXIT:
    case ROW_EXIT_GROUP:
        return true;
    default:
        return false;
    }
}

/* Calls that may wait for long, in which a thread may be when it is killed: that they began is worth a record. */
static bool may_wait(unsigned row)
{
    static const uint16_t waiting[] = {
        ROW_ACCEPT,   ROW_ACCEPT4, ROW_CLOSE,    ROW_EPOLL_WAIT, ROW_FCNTL,    ROW_FLOCK,   ROW_FSYNC,    ROW_FUTEX,
        ROW_IOCTL,    ROW_MSGRCV,  ROW_PAUSE,    ROW_POLL,       ROW_PREAD64,  ROW_READ,    ROW_READV,    ROW_RECVFROM,
        ROW_RECVMSG,  ROW_SELECT,  ROW_SENDFILE, ROW_SPLICE,     ROW_WAIT4,    ROW_WAITID,  ROW_IO_URING_ENTER,
        ROW_SEMOP,    ROW_TEE,     ROW_VMSPLICE, ROW_COPY_FILE_RANGE,
    };

    for (size_t i = 0; i < sizeof(waiting) / sizeof(waiting[0]); i++) {
        if (waiting[i] == row)
            return true;
    }
    return false;
}

/* A return from a signal's handler leaves behind the registers, and the number, of what the signal interrupted. */
bool row_is_told_without_stop(const struct sysfold_row *row)
{
    return !row_passes_memory(row) && !performs(row) && !row_is_lifecycle(row) && !changes_likeness(row) &&
           row->number != ROW_RT_SIGRETURN;
}

/* int $0x80 in 64-bit code looks to the tracepoints like the native call of that number: so where that one is told
 * without a stop, the foreign one is stopped at. */
static void add_foreign_namesakes(struct plan *plan)
{
    for (unsigned i = 0; i < CALLSET_NATIVE_MAX / 64; i++)
        plan->notified.i386[i] |= plan->exits[i];
}

static void add_native(const struct capture_options *options, unsigned results, unsigned nr, struct plan *plan)
{
    const struct callset *calls = &options->calls;
    const struct sysfold_row *row = call_row(AUDIT_ARCH_X86_64, nr);
    bool is_chosen = calls->everything || has(calls->native, nr);
    bool is_needed = row->number == nr && (row_is_lifecycle(row) || (results & RESULTS_EMULATE && changes_likeness(row)));
    bool is_free = results & RESULTS_PERF && row_is_told_without_stop(row);

    if (!is_chosen && !is_needed)
        return;
    if (results & RESULTS_PERF) {
        add(plan->exits, nr);
        if (options->live.timed || (is_chosen && is_free && may_wait(row->number)))
            add(plan->entries, nr);
    }
    if (!is_free)
        add(plan->notified.native, nr);
}

void plan_make(const struct capture_options *options, unsigned results, struct plan *ret_plan)
{
    const struct callset *calls = &options->calls;

    memset(ret_plan, 0, sizeof(*ret_plan));
    for (unsigned nr = 0; nr < CALLSET_NATIVE_MAX; nr++)
        add_native(options, results, nr, ret_plan);
    memcpy(ret_plan->notified.i386, calls->i386, sizeof(calls->i386));
    memcpy(ret_plan->notified.x32, calls->x32, sizeof(calls->x32));
    if (calls->everything) {
        memset(ret_plan->notified.i386, 0xff, sizeof(calls->i386));
        memset(ret_plan->notified.x32, 0xff, sizeof(calls->x32));
    }
    ret_plan->tells_all = calls->everything && results & RESULTS_PERF;
    ret_plan->notified.everything = calls->everything && !(results & RESULTS_PERF);
    if (results & RESULTS_PERF)
        add_foreign_namesakes(ret_plan);
}
