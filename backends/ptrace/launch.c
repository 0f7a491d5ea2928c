// SPDX-License-Identifier: Apache-2.0
/* Launching: finding the command, and the child's side until it becomes the command. */

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backends/ptrace/session.h"
#include "common/cleanup.h"
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

static int check_runnable(const char *path)
{
    struct stat stat_;

    if (stat(path, &stat_) < 0)
        return -errno;
    if (!S_ISREG(stat_.st_mode) || access(path, X_OK) < 0)
        return -EACCES;
    return 0;
}

/* Looks in each directory of PATH, as execvp() does. */
static int search_path(const char *name, char **ret_path)
{
    const char *path = getenv("PATH");
    int failure = -ENOENT;

    for (const char *end, *at = path ? path : "/usr/bin:/bin"; at; at = *end ? end + 1 : NULL) {
        cleanup_free char *candidate = NULL;
        int r;

        end = strchrnul(at, ':');
        if (asprintf(&candidate, "%.*s%s%s", (int)(end - at), at, end == at ? "" : "/", name) < 0) {
            candidate = NULL;
            return -ENOMEM;
        }
        r = check_runnable(candidate);
        if (r == 0) {
            *ret_path = steal_pointer(&candidate);
            return 0;
        }
        if (r == -EACCES)
            failure = r;
    }
    return failure;
}

static int describe(const char *name, int code, struct sysfold_error *error)
{
    switch (code) {
    case -ENOENT:
        if (strchr(name, '/'))
            break;
        return error_set(error, code, "ptrace: cannot run '%s': command not found", name);
    case -ENOEXEC:
        return error_set(error, code, "ptrace: cannot run '%s': exec format error (a script needs a #! line)", name);
    default:
        break;
    }
    return error_system(error, code, "ptrace: cannot run '%s'", name);
}

int command_find(const char *name, char **ret_path, struct sysfold_error *error)
{
    int r;

    if (!*name)
        return error_set(error, -ENOENT, "ptrace: the command's name is empty");
    if (!strchr(name, '/')) {
        r = search_path(name, ret_path);
        return r < 0 ? describe(name, r, error) : 0;
    }
    r = check_runnable(name);
    if (r < 0)
        return describe(name, r, error);
    *ret_path = strdup(name);
    return *ret_path ? 0 : error_system(error, -ENOMEM, "ptrace: cannot run '%s'", name);
}

/* What execve() does anyway, but before the mask falls: the caller's handlers have no business in C. */
static void reset_handlers(void)
{
    for (int signal_ = 1; signal_ < NSIG; signal_++) {
        struct sigaction action;

        if (sigaction(signal_, NULL, &action) < 0 || action.sa_handler == SIG_IGN || action.sa_handler == SIG_DFL)
            continue;
        action = (struct sigaction){.sa_handler = SIG_DFL};
        sigaction(signal_, &action, NULL);
    }
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
    reset_handlers();
    sigprocmask(SIG_SETMASK, &session->mask, NULL);
    if (session->filter.len)
        r = filter_load(&session->filter);
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
    return describe(session->options->live.argv[0], code, error);
}
