// SPDX-License-Identifier: Apache-2.0
/* Launching: the child's side until it becomes the command. */

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/command.h"
#include "backends/filter.h"
#include "backends/ptrace/session.h"
#include "common/error.h"

_Noreturn void command_run(const struct session *session, pid_t tracer)
{
    struct shared *shared = session->shared;
    char *const *envp = session->options->live.envp;
    int r = 0;

    close(session->tracer_socket);
    command_set_step(&shared->launch_step, LAUNCH_WAITING);
    while (shared->launch_step != LAUNCH_GO) {
        command_await_step(&shared->launch_step, LAUNCH_WAITING);
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

        command_await_step(&shared->launch_step, LAUNCH_FORKED);
        if (waitid(P_PID, (id_t)command, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid)
            return; /* killed already: the event loop will see it */
    }
}

void command_release(struct shared *shared)
{
    command_set_step(&shared->launch_step, LAUNCH_GO);
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
