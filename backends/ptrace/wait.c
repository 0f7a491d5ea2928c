// SPDX-License-Identifier: Apache-2.0
/*
 * Waiting for stops. For each wait the kernel walks its list of all our
 * threads and takes the first that has something to say: those behind would
 * starve, so now and then what is ready is gathered before any of it is handled. But to
 * gather n stops of n threads takes n * n / 2 steps of some 0.1 us, which for
 * a thousand threads is more than all the rest. Where threads are many,
 * - those that were let go last are asked first, one by one, which needs no walk;
 * - then a few of the list's first are gathered; who is served sooner also ends sooner;
 * - and for every so many stops, as many other threads are asked, in turn, so that nobody waits for ever.
 */

#include <errno.h>
#include <sys/wait.h>

#include "backends/ptrace/tracer.h"

/* More threads than these are many: a walk past them costs as much as a stop. */
#define MANY 64
#define GATHERED_MAX 32
/* So many stops may be found by asking before the list is looked at again. */
#define ASKED_MAX 32
/* After so many stops comes the turn of so many slots of the table. */
#define TURN 32
/* So many of few threads' stops may be taken as they come before all that is ready is gathered. */
#define FEW_TURN 8

static void add_waited(struct tracer *tracer, pid_t tid, int status)
{
    /* Another thread has taken over this id: what the former owner's stops said is void. */
    if (WIFSTOPPED(status) && status >> 16 == PTRACE_EVENT_EXEC) {
        for (size_t i = 0; i < tracer->waited_count; i++) {
            if (tracer->waited[i].tid == tid)
                tracer->waited[i].tid = 0;
        }
    }
    tracer->waited[tracer->waited_count++] = (struct waited){tid, status};
}

static void gather(struct tracer *tracer, size_t most)
{
    pid_t tid;
    int status;

    while (tracer->waited_count < most && (tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0)
        add_waited(tracer, tid, status);
}

void tracer_gather(struct tracer *tracer)
{
    gather(tracer, WAITED_MAX);
}

static void gather_of_few(struct tracer *tracer)
{
    tracer->since_turn = 0;
    tracer_gather(tracer);
}

static bool ask(struct tracer *tracer, pid_t tid)
{
    int status;

    if (tracer->waited_count == WAITED_MAX || waitpid(tid, &status, __WALL | WNOHANG) != tid)
        return false;
    add_waited(tracer, tid, status);
    return true;
}

static void ask_in_turn(struct task *task, void *tracer)
{
    ask(tracer, task->tid);
}

static void gather_of_many(struct tracer *tracer)
{
    tracer->asked = 0;
    gather(tracer, GATHERED_MAX);
    tracer->since_turn += tracer->waited_count;
    if (tracer->since_turn < TURN || tracer->waited_count > WAITED_MAX / 2)
        return;
    tracer->since_turn = 0;
    task_some(&tracer->tasks, &tracer->turn, TURN, ask_in_turn, tracer);
}

void tracer_note_resumed(struct tracer *tracer, pid_t tid)
{
    if (tracer->tasks.task_count > MANY)
        tracer->resumed[tracer->resumed_next++ % RESUMED_MAX] = tid;
}

static void ask_resumed(struct tracer *tracer)
{
    for (size_t i = 0; i < RESUMED_MAX; i++) {
        pid_t tid = tracer->resumed[i];

        if (tid && ask(tracer, tid)) {
            tracer->resumed[i] = 0;
            tracer->asked++;
            tracer->since_turn++;
        }
    }
}

int tracer_wait(struct tracer *tracer, bool leaving)
{
    bool many = tracer->tasks.task_count > MANY;
    pid_t tid;
    int status;

    if (many && tracer->asked < ASKED_MAX)
        ask_resumed(tracer);
    if (tracer->waited_count)
        return 0;
    tid = waitpid(-1, &status, leaving ? __WALL | WNOHANG : __WALL);
    if (tid < 0)
        return -errno;
    if (tid > 0)
        add_waited(tracer, tid, status);
    if (tid > 0 && many)
        gather_of_many(tracer);
    else if (tid > 0 && tracer->tasks.task_count > 1 && ++tracer->since_turn >= FEW_TURN)
        gather_of_few(tracer);
    return 0;
}
