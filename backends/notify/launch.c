// SPDX-License-Identifier: Apache-2.0
#include "backends/notify/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backends/command.h"
#include "backends/filter.h"
#include "common/cleanup.h"
#include "common/error.h"

#define LISTENER_LOOK_NS 50000
/* An S that does not take the listener within this is dead. */
#define PATIENCE_S 10

static time_t seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* A system call might wait for ever; the clock is read without one. */
static bool spin_until_taken(const struct shared *shared)
{
    time_t deadline = seconds() + PATIENCE_S;

    while (!shared->listener_taken) {
        if (seconds() > deadline)
            return false;
    }
    return true;
}

/* C. Once it has its filter each call may wait for S, which has no listener yet: until it has, C makes none, and shared
 * memory says it all. Its own descriptor of the listener ends with the exec. */
static _Noreturn void run_command(const struct session *session, pid_t supervisor)
{
    struct shared *shared = session->shared;
    char *const *envp = session->options->live.envp;
    int r;

    close(session->control);
    close(session->lifeline);
    close(session->watch);
    command_set_step(&shared->launch_step, LAUNCH_WAITING);
    while (shared->launch_step != LAUNCH_GO) {
        command_await_step(&shared->launch_step, LAUNCH_WAITING);
        if (getppid() != supervisor)
            _exit(127);
    }
    command_reset_handlers();
    sigprocmask(SIG_SETMASK, &session->mask, NULL);
    r = filter_install(&session->filter, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    if (r < 0) {
        shared->exec_in_filter = true;
    } else {
        shared->listener = r;
        if (!spin_until_taken(shared))
            _exit(127);
        execve(session->command_path, session->options->live.argv, envp ? envp : environ);
        r = -errno;
    }
    shared->exec_error = -r;
    _exit(127);
}

int launcher_fork(struct supervisor *supervisor, struct sysfold_error *error)
{
    pid_t self = getpid();
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_system(error, -errno, "notify: cannot start the command");
    supervisor->command = fork();
    if (supervisor->command == 0) {
        close(ends[0]);
        run_command(supervisor->session, self);
    }
    close(ends[1]);
    supervisor->launched = ends[0];
    return supervisor->command < 0 ? error_system(error, -errno, "notify: cannot start the command") : 0;
}

static bool has_died(pid_t pid)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid;
}

void launcher_await(struct supervisor *supervisor)
{
    struct shared *shared = supervisor->shared;

    while (shared->launch_step == LAUNCH_FORKED && !has_died(supervisor->command))
        command_await_step(&shared->launch_step, LAUNCH_FORKED);
}

static int take_listener(pid_t command, int number)
{
    cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, command, 0);
    int listener = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);

    return listener < 0 ? -errno : listener;
}

int launcher_release(struct supervisor *supervisor, struct sysfold_error *error)
{
    static const struct timespec moment = {.tv_nsec = LISTENER_LOOK_NS};
    struct shared *shared = supervisor->shared;
    int listener;

    command_set_step(&shared->launch_step, LAUNCH_GO);
    while (shared->listener < 0 && !shared->exec_error && !has_died(supervisor->command))
        nanosleep(&moment, NULL);
    if (shared->listener < 0)
        return launcher_failure(supervisor, error);
    listener = take_listener(supervisor->command, shared->listener);
    if (listener < 0)
        return error_system(error, listener, "notify: cannot take the command's notifications");
    supervisor->listener = listener;
    shared->listener_taken = true;
    return 0;
}

int launcher_failure(const struct supervisor *supervisor, struct sysfold_error *error)
{
    const struct shared *shared = supervisor->shared;
    const char *name = supervisor->session->options->live.argv[0];
    int code = -shared->exec_error;

    if (!code)
        return error_set(error, -ECHILD, "notify: '%s' was killed before it started", name);
    if (!shared->exec_in_filter)
        return command_refused("notify", name, code, error);
    if (code == -EBUSY)
        return error_set(error, code, "notify: cannot watch '%s': we are watched by seccomp notification ourselves",
                         name);
    return error_system(error, code, "notify: cannot load the seccomp filter");
}
