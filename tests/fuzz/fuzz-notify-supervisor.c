// SPDX-License-Identifier: Apache-2.0
/*
 * Any notifications and records of the tracepoints, in any order, for the
 * supervisor of the notify backend: as of threads that do not exist, and of
 * ourselves. What they were let do nobody hears.
 *
 *   0         1           2
 *   +---------+-----------+- - - - - - - - - - - - - - - - - - - - - -
 *   | choices | the calls | steps: {kind, thread, process, number, result, argument}...
 *   +---------+-----------+- - - - - - - - - - - - - - - - - - - - - -
 */

#include <linux/audit.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "backends/notify/plan.h"
#include "backends/notify/supervisor.h"
#include "decoder/decode/event.h"
#include "fuzz.h"

#define STEP_SIZE 8
#define THREADS 8
#define NOBODYS 0x7f000000 /* no pid is as high */
#define OURSELVES 7

enum kind { NOTIFICATION, ENTRY, EXIT, BIRTH, END, EXEC, GONE, LOST, KIND_COUNT };

static struct supervisor supervisor;
static struct shared shared;
static struct session session;
static struct plan plan;
static struct callset chosen;

static void make(uint8_t choices, uint8_t calls)
{
    struct sysfold_error error;

    if (!supervisor.queue && queue_create(1, &supervisor.queue, &error) < 0)
        abort();
    memset(plan.exits, calls & 1 ? 0xff : calls, sizeof(plan.exits));
    memset(plan.entries, calls & 2 ? 0xff : 0, sizeof(plan.entries));
    memset(&plan.notified, calls & 4 ? 0xff : 0, sizeof(plan.notified));
    plan.tells_all = choices & 1;
    plan.results = choices & 2 ? RESULTS_PERF : 0;
    plan.has_lives = choices & 4;
    plan.means = choices >> 6 & 3 ? PERF_MEANS_ALL : PERF_MEANS_LIVES;
    chosen = (struct callset){.everything = choices & 8};
    memset(chosen.native, calls, sizeof(chosen.native));
    supervisor.session = &session;
    supervisor.shared = &shared;
    shared.has_status = true; /* there is nobody to wait for */
    supervisor.calls = &chosen;
    supervisor.plan = &plan;
    supervisor.perf = choices & 4 ? (struct perf *)&supervisor : NULL; /* it is not looked into */
    supervisor.limits = (struct collect_limits){.snaplen = 80, .string_vector_max = 256};
    supervisor.listener = supervisor.launched = -1;
    supervisor.follow = choices & 16;
    supervisor.timed = choices & 32;
    supervisor.command = NOBODYS;
    followed_init(&supervisor.followed);
    supervisor.events = epoll_create1(EPOLL_CLOEXEC);
}

/* What has been told can be read. */
static void drain(void)
{
    const uint8_t *records;
    size_t size;

    while (queue_get(supervisor.queue, 0, &records, &size) == 1) {
        while (size) {
            struct sysfold_event event = {.number = 1, .source_name = "host"};
            int length = record_read(&event.record, sysfold_schema_builtin(), records, size, false);

            check(length > 0, "what is told can be read");
            look_at(&event);
            records += length;
            size -= (size_t)length;
        }
    }
}

static void check_thread(const struct thread *thread)
{
    check(thread->process && followed_process(&supervisor.followed, thread->process->pid) == thread->process,
          "a thread's process is known");
    check(*thread->siblings.le_prev == thread, "a thread's neighbour knows it");
}

static void check_all(void)
{
    const struct table *threads = &supervisor.followed.threads, *processes = &supervisor.followed.processes;
    size_t counted = 0;

    for (size_t i = 0; i < threads->room; i++) {
        if (threads->entries[i].value)
            check_thread(threads->entries[i].value);
    }
    for (size_t i = 0; i < processes->room; i++) {
        const struct process *process = processes->entries[i].value;
        unsigned alive = 0;

        check(!process || !LIST_EMPTY(&process->threads), "a process has a thread");
        for (const struct thread *thread = process ? LIST_FIRST(&process->threads) : NULL; thread;
             thread = LIST_NEXT(thread, siblings), counted++) {
            check(followed_thread(&supervisor.followed, thread->tid) == thread, "a process's thread is known");
            alive += !thread->has_ended;
        }
        check(!process || process->alive == alive, "it is known how many are alive");
    }
    check(counted == threads->used, "each thread is of one process");
}

static pid_t id_of(uint8_t byte)
{
    return byte % THREADS == OURSELVES ? getpid() : NOBODYS + byte % THREADS;
}

static void notify(const uint8_t *step, struct thread *thread)
{
    static const uint32_t abis[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64};
    static char text[] = "/a/path";
    struct seccomp_notif notif = {
        .id = 1, .data.nr = step[3] | (step[7] & 3) << 8, .data.arch = abis[step[7] >> 2 & 3]};

    for (int i = 0; i < 6; i++)
        notif.data.args[i] = i == step[6] % 8 ? (uint64_t)(uintptr_t)text : (uint64_t)step[5] << (step[6] >> 3);
    lives_look_for_exec(&supervisor, thread);
    call_notified(&supervisor, thread, &notif);
}

static void record_of(const uint8_t *step, uint64_t time, struct perf_record *ret_record)
{
    *ret_record = (struct perf_record){.time = time, .tid = id_of(step[1]), .pid = id_of(step[2])};
    if (step[0] % KIND_COUNT == ENTRY || step[0] % KIND_COUNT == EXIT) {
        ret_record->call = (struct perf_call){.nr = (int8_t)step[3], .result = (int8_t)step[4], .is_64 = step[7] & 1};
        ret_record->call.args[step[6] % 6] = step[5];
    } else if (step[0] % KIND_COUNT == BIRTH) {
        ret_record->birth.ppid = id_of(step[4]);
        ret_record->birth.parent_tid = id_of(step[5]);
    } else if (step[0] % KIND_COUNT == END) {
        ret_record->is_exec = step[3] & 1;
    }
}

static void take(const uint8_t *step, uint64_t time)
{
    enum kind kind = step[0] % KIND_COUNT;
    struct thread *thread = kind <= EXIT ? lives_thread(&supervisor, id_of(step[1])) : NULL;
    struct perf_record record;

    record_of(step, time, &record);
    if (kind == NOTIFICATION && thread)
        notify(step, thread);
    else if (kind == ENTRY && thread)
        call_entered(&supervisor, thread, &record);
    else if (kind == EXIT && thread)
        call_exited(&supervisor, thread, &record);
    else if (kind == BIRTH)
        lives_birth(&supervisor, &record);
    else if (kind == END)
        lives_end(&supervisor, &record);
    else if (kind == EXEC)
        lives_exec(&supervisor, &record);
    else if (kind == GONE)
        lives_process_gone(&supervisor, id_of(step[2]));
    else if (kind == LOST)
        lives_sweep(&supervisor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    make(data[0], data[1]);
    data += 2;
    size -= 2;
    for (uint64_t time = 1; size >= STEP_SIZE; time++, data += STEP_SIZE, size -= STEP_SIZE) {
        take(data, time);
        check_all();
        drain();
    }
    followed_finish(&supervisor.followed);
    close(supervisor.events);
    return 0;
}
