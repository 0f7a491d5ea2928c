// SPDX-License-Identifier: Apache-2.0
/* The map of processes to record: who has ended is not left in it. */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <criterion/criterion.h>

#include "backends/ebpf/internal.h"

static uint64_t generation;
static struct programs programs = {.targets = -1, .generation = &generation};
static struct sysfold_error error;

static void init(void)
{
    programs.targets = bpf_map_create(BPF_MAP_TYPE_HASH, "targets", sizeof(uint32_t), sizeof(uint8_t), 16, NULL);
    cr_assert_geq(programs.targets, 0);
}

static void finish(void)
{
    close(programs.targets);
}

TestSuite(ebpf_targets, .init = init, .fini = finish, .timeout = 60);

static pid_t make_zombie(void)
{
    pid_t child = fork();
    siginfo_t info;

    if (child == 0)
        _exit(0);
    cr_assert_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    return child;
}

Test(ebpf_targets, a_process_that_lives_is_one)
{
    pid_t parent = getppid();

    cr_expect_eq(targets_add_pids(&programs, &parent, 1, &error), 0, "%s", error.message);
    cr_expect(targets_have(&programs, parent));
    cr_expect_not(targets_gone(&programs, true));
}

Test(ebpf_targets, a_process_that_has_ended_is_none)
{
    pid_t zombie = make_zombie();
    uint64_t before;

    cr_assert_eq(targets_add(&programs, zombie, &error), 0);
    before = generation;
    cr_expect_eq(targets_add_pids(&programs, &zombie, 1, &error), -ESRCH);
    cr_expect_not(targets_have(&programs, zombie));
    cr_expect_eq(generation, before + 2, "it was put in, and taken out");
    waitpid(zombie, NULL, 0);
}

static atomic_int other_tid;
static atomic_bool is_over;

static void *be_another(void *unused)
{
    atomic_store(&other_tid, (int)syscall(SYS_gettid));
    while (!atomic_load(&is_over))
        usleep(1000);
    return unused;
}

Test(ebpf_targets, the_ended_are_swept_out)
{
    pid_t zombie = make_zombie();
    pthread_t thread;
    uint64_t before;

    cr_assert_eq(pthread_create(&thread, NULL, be_another, NULL), 0);
    while (!atomic_load(&other_tid))
        usleep(1000);
    cr_assert_eq(targets_add(&programs, zombie, &error), 0);
    cr_assert_eq(targets_add(&programs, atomic_load(&other_tid), &error), 0, "a process's once, a thread's now");
    cr_expect_not(targets_gone(&programs, false));
    before = generation;
    cr_expect(targets_gone(&programs, true));
    cr_expect_eq(generation, before + 2);
    atomic_store(&is_over, true);
    pthread_join(thread, NULL);
    waitpid(zombie, NULL, 0);
}
