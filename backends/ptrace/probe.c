// SPDX-License-Identifier: Apache-2.0
/* Can this machine, and may this user, trace? And why not. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/ptrace/tracer.h"
#include "common/cleanup.h"
#include "common/error.h"

/* kernel.yama.ptrace_scope; -1 without Yama. */
static int yama_scope(void)
{
    cleanup_close int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
    char digit;

    return fd >= 0 && read(fd, &digit, 1) == 1 ? digit - '0' : -1;
}

int ptrace_refusal(pid_t pid, struct sysfold_error *error)
{
    struct proc_task ids = {0};
    int code, scope = yama_scope();
    size_t used;

    if (!error)
        return -EPERM;
    code = error->code;
    used = strlen(error->message);
    if (code != -EPERM && code != -EACCES)
        return code;
    if (proc_task(pid, &ids) == 0 && ids.tracer)
        (void)snprintf(error->message + used, sizeof(error->message) - used, " (process %d traces it already)",
                       ids.tracer);
    else if (scope > 0 && geteuid() != 0)
        (void)snprintf(
            error->message + used, sizeof(error->message) - used,
            " (kernel.yama.ptrace_scope is %d: launch the command with sysfold, run as root, or set it to 0)", scope);
    else
        (void)snprintf(error->message + used, sizeof(error->message) - used,
                       " (run as the same user as the process, or as root)");
    return code;
}

static void answer(struct sysfold_backend_info *info, enum sysfold_usability usability, const char *reason,
                   const char *remedy)
{
    info->usability = usability;
    (void)snprintf(info->reason, sizeof(info->reason), "%s", reason);
    (void)snprintf(info->remedy, sizeof(info->remedy), "%s", remedy);
}

/* A child that waits to be killed, as every launched command does at first. */
static pid_t make_child(void)
{
    pid_t parent = getpid();
    pid_t child = fork();

    if (child != 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it was killed before that */
        _exit(1);
    while (true)
        pause();
}

/* 0, or why a child of ours cannot be traced. */
static int try_tracing(pid_t child)
{
    struct __ptrace_syscall_info info;
    int status;

    if (ptrace(PTRACE_SEIZE, child, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP)) < 0)
        return -errno;
    if (ptrace(PTRACE_INTERRUPT, child, NULL, NULL) < 0 || waitpid(child, &status, __WALL) != child)
        return -errno;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) < 0)
        return -ENOSYS;
    return 0;
}

static void end_child(pid_t child)
{
    int status;

    kill(child, SIGKILL);
    while (waitpid(child, &status, __WALL) == child && !WIFEXITED(status) && !WIFSIGNALED(status))
        ;
}

static void refuse(struct sysfold_backend_info *info, int r)
{
    char reason[sizeof(info->reason)];
    int scope = yama_scope();

    if (r == -ENOSYS) {
        answer(info, SYSFOLD_UNSUPPORTED, "the kernel has no PTRACE_GET_SYSCALL_INFO", "use Linux 5.3 or later");
    } else if (scope >= 2) {
        (void)snprintf(reason, sizeof(reason), "kernel.yama.ptrace_scope is %d", scope);
        answer(info, SYSFOLD_NO_PERMISSION, reason,
               scope == 2 ? "run as root, or set kernel.yama.ptrace_scope to 1" : "reboot with ptrace_scope below 3");
    } else {
        (void)snprintf(reason, sizeof(reason), "ptrace is forbidden here: %s", strerror(-r));
        answer(info, SYSFOLD_NO_PERMISSION, reason,
               "allow ptrace in the sandbox (docker: --cap-add SYS_PTRACE, or a seccomp profile with it)");
    }
}

void ptrace_probe(struct sysfold_backend_info *info)
{
    sigset_t all, mask;
    pid_t child;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    child = make_child();
    r = child < 0 ? -errno : try_tracing(child);
    if (child > 0)
        end_child(child);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    if (r == 0)
        answer(info, SYSFOLD_USABLE, "this user's own processes can be traced", "");
    else
        refuse(info, r);
}
