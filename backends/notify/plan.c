// SPDX-License-Identifier: Apache-2.0
#include "backends/notify/plan.h"

#include <linux/audit.h>
#include <string.h>
#include <unistd.h>

#include "backends/notify/perform.h"
#include "backends/notify/session.h"
#include "common/collect.h"

#define I386_SIGRETURN 119
#define I386_RT_SIGRETURN 173
#define X32_RT_SIGRETURN 513

static bool has(const uint64_t *set, unsigned nr)
{
    return set[nr / 64] >> (nr % 64) & 1;
}

static void add(uint64_t *set, unsigned nr)
{
    set[nr / 64] |= UINT64_C(1) << nr % 64;
}

static bool is_exec(unsigned row)
{
    return row == ROW_EXECVE || row == ROW_EXECVEAT;
}

static bool is_exit(unsigned row)
{
    return row == ROW_EXIT || row == ROW_EXIT_GROUP;
}

/* Their flags are in the arguments; clone3's are in memory. */
static bool is_fork(unsigned row)
{
    return row == ROW_CLONE || row == ROW_FORK || row == ROW_VFORK;
}

/* C libraries fork by clone. */
static bool is_rare(unsigned row)
{
    return row == ROW_FORK || row == ROW_VFORK;
}

/*
 * Calls that are stopped at, chosen or not, to know who lives, and who is
 * who. As few as possible: a signal that comes before we have received a
 * notification has the call return EINTR, and some never do that otherwise. So
 * where perf tells of births, ends and execs, these are but clone3, which
 * libraries call with signals blocked, and what each program's C library calls
 * once, before it has any handler: then it can be looked at what an exec has made.
 */
static bool is_watched(const struct plan *plan, const struct sysfold_row *row)
{
    unsigned number = row->number;

    if (number == ROW_CLONE3 || (plan->has_lives && number == ROW_SET_TID_ADDRESS))
        return true;
    if (!plan->has_lives && (is_exec(number) || is_exit(number) || is_fork(number)))
        return true;
    if (is_exec(number) && plan->has_lives && geteuid() != 0)
        return false; /* below no_new_privs an exec makes nobody another, and the likeness stays what it was */
    return plan->results & RESULTS_EMULATE && changes_likeness(row);
}

bool row_is_wait(const struct sysfold_row *row)
{
    return row->number == ROW_WAIT4 || row->number == ROW_WAITID;
}

/* Calls that may wait for long, in which a thread may be when it is killed: that they began is worth a record. */
static bool may_wait(unsigned row)
{
    static const uint16_t waiting[] = {
        ROW_ACCEPT, ROW_ACCEPT4,        ROW_CLOSE,   ROW_EPOLL_WAIT, ROW_FCNTL,    ROW_FLOCK,           ROW_FSYNC,
        ROW_FUTEX,  ROW_IOCTL,          ROW_MSGRCV,  ROW_PAUSE,      ROW_POLL,     ROW_PREAD64,         ROW_READ,
        ROW_READV,  ROW_RECVFROM,       ROW_RECVMSG, ROW_SELECT,     ROW_SENDFILE, ROW_SPLICE,          ROW_WAIT4,
        ROW_WAITID, ROW_IO_URING_ENTER, ROW_SEMOP,   ROW_TEE,        ROW_VMSPLICE, ROW_COPY_FILE_RANGE,
    };

    for (size_t i = 0; i < sizeof(waiting) / sizeof(waiting[0]); i++) {
        if (waiting[i] == row)
            return true;
    }
    return false;
}

/* Each process pays for each of them at its birth and at its end. */
#define EACH_MAX 16

/*
 * A signal that comes before a notification has been received takes the thread
 * out of its call: with a handler without SA_RESTART that is EINTR. Whoever
 * returns from a handler is not prepared for that, and runs on into nothing.
 */
static bool may_be_stopped_at(unsigned row)
{
    return row != ROW_RT_SIGRETURN;
}

static bool says_it_all(const struct sysfold_row *row)
{
    return !row_passes_memory(row) && !performs(row);
}

/* Some calls have no tracepoint of their own: which, is the kernel's configuration. A return from a handler leaves
 * without its number. */
static bool tells_exit(const struct plan *plan, unsigned nr)
{
    return plan->means == PERF_MEANS_ALL || (may_be_stopped_at(nr) && plan->each && plan->each->exits[nr]);
}

static bool needs_no_stop(const struct plan *plan, unsigned nr, const struct sysfold_row *row)
{
    if (!(plan->results & RESULTS_PERF) || is_watched(plan, row) || !says_it_all(row))
        return false;
    if (plan->means == PERF_MEANS_ALL || !may_be_stopped_at(row->number))
        return true;
    return tells_exit(plan, nr) && !may_wait(row->number);
}

bool plan_is_unstopped(const struct plan *plan, unsigned nr)
{
    return nr < CALLSET_NATIVE_MAX && has(plan->unstopped, nr);
}

/* That a call began is worth a record: where it may not end, and where what it begins is told before it ends. */
static bool wants_entry(const struct plan *plan, unsigned row, bool is_chosen, bool is_timed)
{
    if (is_fork(row) || is_exit(row))
        return plan->has_lives && plan->means >= (is_rare(row) && !is_chosen ? PERF_MEANS_ALL : PERF_MEANS_EACH);
    if (!(plan->results & RESULTS_PERF) || !is_chosen)
        return false;
    /* A return from a handler leaves behind the number, if any, of what the signal interrupted: its exit says
     * nothing. */
    return is_timed || !may_be_stopped_at(row) || (plan->means == PERF_MEANS_ALL && may_wait(row));
}

/* How many of its arguments the row tells. */
static unsigned arguments_of(const struct sysfold_row *row)
{
    unsigned count = 0;

    for (unsigned i = 0; i < row->param_count; i++) {
        const struct sysfold_param *param = &row->params[i];

        if (param->source == SOURCE_ARG && param->a >= count)
            count = param->a + 1U;
    }
    return count;
}

static void add_native(const struct capture_options *options, unsigned nr, struct plan *plan)
{
    const struct callset *calls = &options->calls;
    const struct sysfold_row *row = call_row(AUDIT_ARCH_X86_64, nr);
    bool is_chosen = calls->everything || has(calls->native, nr);
    bool has_exit = plan->results & RESULTS_PERF && is_chosen && tells_exit(plan, nr);
    bool is_unstopped = needs_no_stop(plan, nr, row);

    if (is_unstopped)
        add(plan->unstopped, nr);
    if (has_exit && !is_exit(row->number))
        add(plan->exits, nr);
    if (has_exit && is_unstopped && arguments_of(row) > plan->arguments)
        plan->arguments = arguments_of(row);
    if (has_exit && nr == ROW_EXECVEAT)
        add(plan->exits, ROW_EXECVE); /* as which its success is told */
    if (wants_entry(plan, row->number, is_chosen, options->live.timed))
        add(plan->entries, nr);
    if (may_be_stopped_at(nr) &&
        ((row->number == nr && is_watched(plan, row)) || (is_chosen && !(has_exit && is_unstopped))))
        add(plan->notified.native, nr);
    else if (!(plan->has_lives && row_is_wait(row)))
        add(plan->spared, nr);
}

/* In the other ABIs as well; where everything is notified, filter_make() sees to it. */
static void spare_returns(struct plan *plan)
{
    for (unsigned nr = 0; nr < CALLSET_NATIVE_MAX; nr++) {
        uint64_t bit = UINT64_C(1) << nr % 64;

        if (nr == I386_SIGRETURN || nr == I386_RT_SIGRETURN)
            plan->notified.i386[nr / 64] &= ~bit;
        if (nr == ROW_RT_SIGRETURN || nr == X32_RT_SIGRETURN)
            plan->notified.x32[nr / 64] &= ~bit;
    }
}

static unsigned count(const uint64_t *set)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < CALLSET_NATIVE_MAX / 64; i++)
        sum += (unsigned)__builtin_popcountll(set[i]);
    return sum;
}

/* raw_syscalls tells foreign calls by their own numbers. int $0x80 in 64-bit code looks to it like the native call of
 * that number: so where that one is told without a stop, the foreign one is stopped at. */
static void add_foreign(const struct callset *calls, struct plan *plan)
{
    for (unsigned i = 0; i < CALLSET_NATIVE_MAX / 64; i++) {
        plan->notified.i386[i] |= plan->exits[i] | plan->entries[i];
        plan->exits[i] |= calls->i386[i];
    }
}

static bool make(const struct capture_options *options, unsigned results, struct plan *plan)
{
    const struct callset *calls = &options->calls;

    *plan = (struct plan){
        .has_lives = plan->has_lives, .means = plan->means, .each = plan->each, .results = results, .arguments = 1};
    for (unsigned nr = 0; nr < CALLSET_NATIVE_MAX; nr++)
        add_native(options, nr, plan);
    memcpy(plan->notified.i386, calls->i386, sizeof(calls->i386));
    memcpy(plan->notified.x32, calls->x32, sizeof(calls->x32));
    if (calls->everything || results & RESULTS_EMULATE) { /* which foreign call changes a likeness is not looked at */
        memset(plan->notified.i386, 0xff, sizeof(calls->i386));
        memset(plan->notified.x32, 0xff, sizeof(calls->x32));
    }
    plan->notified.everything = calls->everything;
    spare_returns(plan);
    if (!(results & RESULTS_PERF) || plan->means != PERF_MEANS_ALL)
        return count(plan->exits) <= EACH_MAX;
    plan->tells_all = calls->everything;
    add_foreign(calls, plan);
    spare_returns(plan);
    return true;
}

void plan_make(const struct capture_options *options, unsigned results, unsigned required, struct plan *plan)
{
    if (!plan->has_lives || plan->means == PERF_MEANS_LIVES)
        results &= ~(unsigned)RESULTS_PERF;
    if (!make(options, results, plan) && !(required & RESULTS_PERF))
        (void)make(options, results & ~(unsigned)RESULTS_PERF, plan);
}

bool plan_tells_exit(const struct plan *plan, const struct call *call)
{
    bool is_native = call->arch == AUDIT_ARCH_X86_64;

    if (plan->tells_all)
        return true;
    return plan->results & RESULTS_PERF && (is_native || plan->means == PERF_MEANS_ALL) &&
           call->nr < CALLSET_NATIVE_MAX && has(plan->exits, call->nr);
}
