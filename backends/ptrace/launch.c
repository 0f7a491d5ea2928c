// SPDX-License-Identifier: Apache-2.0
/* Launching: the child's side until it becomes the command. */

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backends/command.h"
#include "backends/filter.h"
#include "backends/ptrace/session.h"
#include "common/error.h"

static void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
    static const struct timespec while_ = {.tv_nsec = 50000000};

    syscall(SYS_futex, word, FUTEX_WAIT, value, &while_, NULL, 0);
}

static void set_step(struct shared *shared, uint32_t step)
{
    shared->launch_step = step;
    syscall(SYS_futex, &shared->launch_step, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

_Noreturn void command_run(const struct session *session, pid_t tracer)
{
    struct shared *shared = session->shared;
    char *const *envp = session->options->live.envp;
    int r = 0;

    close(session->tracer_socket);
    set_step(shared, LAUNCH_WAITING);
    while (shared->launch_step != LAUNCH_GO) {
        futex_wait(&shared->launch_step, LAUNCH_WAITING);
        if (getppid() != tracer)
            _exit(127);
    }
    command_reset_handlers();
    sigprocmask(SIG_SETMASK, &session->mask, NULL);
    if (session->filter.len)
        r = filter_install(&session->filter, 0);
    if (r < 0) {
        shared->exec_in_filter = true;
    } else {
        execve(session->command_path, session->options->live.argv, envp ? envp : environ);
        r = -errno;
    }
    shared->exec_error = -r;
    _exit(127);
}

void command_wait_ready(struct shared *shared, pid_t command)
{
    while (shared->launch_step == LAUNCH_FORKED) {
        siginfo_t info = {0};

        futex_wait(&shared->launch_step, LAUNCH_FORKED);
        if (waitid(P_PID, (id_t)command, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid)
            return; /* killed already: the event loop will see it */
    }
}

void command_release(struct shared *shared)
{
    set_step(shared, LAUNCH_GO);
}

int command_error(const struct session *session, struct sysfold_error *error)
{
    int code = -session->shared->exec_error;

    if (!code)
        return error_set(error, -ECHILD, "ptrace: '%s' was killed before it started", session->options->live.argv[0]);
    if (session->shared->exec_in_filter)
        return error_system(error, code, "ptrace: cannot load the seccomp filter (no_filter does without)");
    return command_refused("ptrace", session->options->live.argv[0], code, error);
}
