// SPDX-License-Identifier: Apache-2.0
/* Looking a command up as execvp() does, and saying why it does not run. */

#include "command.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"

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

static int take_path(const char *name, char **ret_path)
{
    int r = check_runnable(name);
    char *path = r < 0 ? NULL : strdup(name);

    if (r < 0 || !path)
        return r < 0 ? r : -ENOMEM;
    *ret_path = path;
    return 0;
}

int command_refused(const char *backend, const char *name, int code, struct sysfold_error *error)
{
    if (code == -ENOENT && !strchr(name, '/'))
        return error_set(error, code, "%s: cannot run '%s': command not found", backend, name);
    if (code == -ENOEXEC)
        return error_set(error, code, "%s: cannot run '%s': exec format error (a script needs a #! line)", backend,
                         name);
    return error_system(error, code, "%s: cannot run '%s'", backend, name);
}

int command_find(const char *backend, const char *name, char **ret_path, struct sysfold_error *error)
{
    int r;

    if (!*name)
        return error_set(error, -ENOENT, "%s: the command's name is empty", backend);
    r = strchr(name, '/') ? take_path(name, ret_path) : search_path(name, ret_path);
    return r < 0 ? command_refused(backend, name, r, error) : 0;
}

/* What execve() does anyway, but before the mask falls. */
void command_reset_handlers(void)
{
    for (int signal_ = 1; signal_ < NSIG; signal_++) {
        struct sigaction action;

        if (sigaction(signal_, NULL, &action) < 0 || action.sa_handler == SIG_IGN || action.sa_handler == SIG_DFL)
            continue;
        action = (struct sigaction){.sa_handler = SIG_DFL};
        sigaction(signal_, &action, NULL);
    }
}

void command_set_step(_Atomic uint32_t *step, uint32_t value)
{
    *step = value;
    syscall(SYS_futex, step, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void command_await_step(_Atomic uint32_t *step, uint32_t value)
{
    static const struct timespec moment = {.tv_nsec = 50000000};

    syscall(SYS_futex, step, FUTEX_WAIT, value, &moment, NULL, 0);
}

int command_await_report(const char *backend, const char *who, int socket, struct sysfold_error *error)
{
    struct sysfold_error report = {0};
    ssize_t got;

    do
        got = recv(socket, &report, sizeof(report), 0);
    while (got < 0 && errno == EINTR);
    if (got != sizeof(report))
        return error_set(error, -ECHILD, "%s: the %s ended before it began", backend, who);
    report.message[sizeof(report.message) - 1] = '\0';
    return report.code ? error_set(error, report.code, "%s", report.message) : 0;
}

int command_let_go(const char *backend, const char *who, int socket, struct sysfold_error *error)
{
    const char go = COMMAND_GO;

    (void)send(socket, &go, sizeof(go), MSG_NOSIGNAL); /* whoever is not there any more reports nothing */
    return command_await_report(backend, who, socket, error);
}
