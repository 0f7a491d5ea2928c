// SPDX-License-Identifier: Apache-2.0
/* Which processes descend from which. */

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/proc.h"

#define DEPTH 4

/* A chain of processes, each the child of the one before: [0] is the test's own child. */
struct chain {
    pid_t pids[DEPTH];
};

static void wait_for_death(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        pause();
}

/* Each tells its pid, and makes the next before it waits. */
static void be_chain(int out)
{
    for (unsigned depth = 0; depth < DEPTH; depth++) {
        pid_t self = getpid();

        if (write(out, &self, sizeof(self)) != sizeof(self) || depth + 1 == DEPTH || fork() != 0)
            break;
    }
    wait_for_death();
}

static struct chain make_chain(void)
{
    struct chain chain;
    int ends[2];
    pid_t first;

    cr_assert_eq(pipe(ends), 0);
    first = fork();
    if (first == 0)
        be_chain(ends[1]);
    for (unsigned i = 0; i < DEPTH; i++)
        cr_assert_eq(read(ends[0], &chain.pids[i], sizeof(pid_t)), sizeof(pid_t));
    cr_assert_eq(chain.pids[0], first);
    close(ends[0]);
    close(ends[1]);
    return chain;
}

static void end_chain(const struct chain *chain)
{
    for (unsigned i = DEPTH; i-- > 0;)
        kill(chain->pids[i], SIGKILL);
    waitpid(chain->pids[0], NULL, 0);
}

static pid_t *pids;
static size_t count;

static void list(const pid_t *given, size_t given_count)
{
    free(pids);
    pids = NULL;
    cr_assert_eq(proc_descendants(given, given_count, getpid(), &pids, &count), 0);
}

static unsigned times_listed(pid_t pid)
{
    unsigned times = 0;

    for (size_t i = 0; i < count; i++)
        times += pids[i] == pid;
    return times;
}

static void forget(void)
{
    free(pids);
}

TestSuite(descendants, .fini = forget);

Test(descendants, all_generations_the_given_first)
{
    struct chain chain = make_chain();

    list(&chain.pids[0], 1);
    cr_assert_eq(count, DEPTH);
    cr_assert_eq(pids[0], chain.pids[0]);
    for (unsigned i = 0; i < DEPTH; i++)
        cr_assert_eq(times_listed(chain.pids[i]), 1);
    list(&chain.pids[2], 1);
    cr_assert_eq(count, DEPTH - 2);
    end_chain(&chain);
}

Test(descendants, who_is_given_too_is_there_once)
{
    struct chain chain = make_chain();
    pid_t given[] = {chain.pids[1], chain.pids[0]};

    list(given, 2);
    cr_assert_eq(count, DEPTH);
    cr_assert_eq(pids[0], chain.pids[1]);
    for (unsigned i = 0; i < DEPTH; i++)
        cr_assert_eq(times_listed(chain.pids[i]), 1);
    end_chain(&chain);
}

Test(descendants, the_caller_is_left_out_unless_it_is_given)
{
    struct chain chain = make_chain();
    pid_t parent = getppid(), self = getpid();

    list(&parent, 1);
    cr_assert_eq(times_listed(parent), 1);
    cr_assert_eq(times_listed(self), 0);
    cr_assert_eq(times_listed(chain.pids[0]), 0);
    cr_assert_eq(times_listed(chain.pids[1]), 0);
    list(&self, 1);
    cr_assert_eq(times_listed(self), 1);
    cr_assert_eq(times_listed(chain.pids[DEPTH - 1]), 1);
    end_chain(&chain);
}

Test(descendants, who_has_ended_has_none_and_is_none)
{
    struct chain chain = make_chain();
    pid_t self = getpid();
    siginfo_t info;

    cr_assert_not(proc_has_ended(chain.pids[0]));
    end_chain(&chain);
    cr_assert(proc_has_ended(chain.pids[0]));
    list(&chain.pids[0], 1);
    cr_assert_eq(count, 1, "a given process stays, whatever became of it");
    chain.pids[0] = fork();
    if (chain.pids[0] == 0)
        _exit(0);
    cr_assert_eq(waitid(P_PID, (id_t)chain.pids[0], &info, WEXITED | WNOWAIT), 0);
    cr_assert(proc_has_ended(chain.pids[0]), "a zombie");
    list(&self, 1);
    cr_assert_eq(times_listed(chain.pids[0]), 0);
    waitpid(chain.pids[0], NULL, 0);
}

static void *outlive_the_leader(void *unused)
{
    wait_for_death();
    return unused;
}

static char state_of(pid_t pid)
{
    char path[64], state = '?';
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "re");
    cr_assert(file && fscanf(file, "%*d %*s %c", &state) == 1);
    (void)fclose(file);
    return state;
}

Test(descendants, who_lost_but_its_first_thread_is_there)
{
    pid_t self = getpid(), child = fork();

    if (child == 0) {
        pthread_t thread;

        pthread_create(&thread, NULL, outlive_the_leader, NULL);
        pthread_exit(NULL);
    }
    while (state_of(child) != 'Z')
        usleep(1000);
    cr_assert_not(proc_has_ended(child));
    list(&self, 1);
    cr_assert_eq(times_listed(child), 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

Test(descendants, of_nobody_there_are_none)
{
    list(NULL, 0);
    cr_assert_eq(count, 0);
    cr_assert_null(pids);
}
