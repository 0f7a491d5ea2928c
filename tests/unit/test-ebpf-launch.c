// SPDX-License-Identifier: Apache-2.0
/* Launching a command while another thread of the caller's forks. None of it takes programs in the kernel. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/ebpf/internal.h"
#include "backends/proc.h"

TestSuite(ebpf_launch, .timeout = 100);

#define LIFE 90        /* seconds: longer than any launch that does not wait for it */
#define PATIENCE 60000 /* ms */

static pid_t self, bystander;
static struct launch launch;

/* Called by fork(), when a launch has its pipes open: what another thread forks at that moment holds them all. Forked
 * without its handlers, of which this is one. */
static void fork_bystander(void)
{
    if (getpid() != self || bystander)
        return;
    bystander = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (bystander != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sleep(LIFE);
    _exit(0);
}

static void prepare(char *const *argv)
{
    const struct sysfold_live_options options = {.size = sizeof(options), .argv = argv};
    struct sysfold_error error = {0};

    self = getpid();
    launch = LAUNCH_NONE;
    cr_assert_eq(pthread_atfork(fork_bystander, NULL, NULL), 0);
    cr_assert_eq(launch_prepare(&launch, &options, &error), 0, "%s", error.message);
    cr_assert_gt(bystander, 0);
}

static void expect_release(int result)
{
    struct sysfold_error error = {0};

    cr_expect_eq(launch_release(&launch, &error), result, "%s", error.message);
    cr_expect_eq(waitpid(bystander, NULL, WNOHANG), 0, "it was waited for");
}

static void end_bystander(void)
{
    kill(bystander, SIGKILL);
    waitpid(bystander, NULL, 0);
}

static void finish(void)
{
    launch_finish(&launch);
    end_bystander();
}

static unsigned count_fds(pid_t pid)
{
    unsigned count = 0;
    char path[64];
    DIR *dir;

    (void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    dir = opendir(path);
    cr_assert_not_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

Test(ebpf_launch, a_child_forked_meanwhile_is_not_waited_for)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)"read -r line; exit 3", NULL};
    int input[2];

    cr_assert_eq(pipe2(input, O_CLOEXEC), 0);
    cr_assert_eq(dup2(input[0], STDIN_FILENO), STDIN_FILENO);
    prepare(argv);
    expect_release(0);
    cr_expect_eq(count_fds(launch.launcher), 1, "but for its report");
    cr_expect_not(launch_ended(&launch, 0));
    cr_expect_eq(write(input[1], "\n", 1), 1);
    cr_expect(launch_ended(&launch, PATIENCE));
    cr_expect(WIFEXITED(launch.status) && WEXITSTATUS(launch.status) == 3);
    finish();
}

Test(ebpf_launch, a_command_that_cannot_be_executed)
{
    char path[] = "/tmp/sysfold-launch-XXXXXX";
    char *const argv[] = {path, NULL};
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "rubbish", 7), 7);
    cr_assert_eq(fchmod(fd, 0700), 0);
    close(fd);
    prepare(argv);
    expect_release(-ENOEXEC);
    finish();
    unlink(path);
}

Test(ebpf_launch, a_command_that_was_killed_before)
{
    char *const argv[] = {(char *)"true", NULL};

    prepare(argv);
    kill(launch.pid, SIGKILL);
    expect_release(0);
    cr_expect(launch_ended(&launch, PATIENCE));
    cr_expect(WIFSIGNALED(launch.status) && WTERMSIG(launch.status) == SIGKILL);
    finish();
}

Test(ebpf_launch, a_launcher_that_was_killed_before)
{
    char *const argv[] = {(char *)"sleep", (char *)"0.1", NULL};

    prepare(argv);
    kill(launch.launcher, SIGKILL);
    expect_release(0);
    cr_expect_not(launch_ended(&launch, 0));
    while (!proc_has_ended(launch.pid))
        usleep(1000);
    finish();
}

Test(ebpf_launch, a_caller_that_goes_away_lets_nothing_run)
{
    char *const argv[] = {(char *)"sleep", (char *)"1000", NULL};
    pid_t command, launcher;

    prepare(argv);
    command = launch.pid;
    launcher = launch.launcher;
    end_bystander();
    launch_finish(&launch);
    while (!proc_has_ended(command) || !proc_has_ended(launcher))
        usleep(1000);
}
