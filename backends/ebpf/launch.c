// SPDX-License-Identifier: Apache-2.0
/*
 * Launching a command without disturbing the caller, who may have children
 * and handlers of its own: the command's parent is a process L that is
 * nobody's child for long, and that only waits.
 *
 *   the caller --fork--> . --fork--> L --vfork--> C --execve--> the command
 *      ^ |                           |            | ^
 *      | +------------- go ----------|------------|-+
 *      +----- report ----------------+------------+
 *
 *   report:  C: pids,  C: why it could not execute, or L: EXECUTED,  L: status
 *
 * The caller waits for no pipe's end: a child that another of its threads forks
 * meanwhile holds the other ends as well, for as long as it lives.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/command.h"
#include "backends/ebpf/internal.h"
#include "common/cleanup.h"
#include "common/error.h"

/* In the place of an errno. */
#define EXECUTED 0

struct pipes {
    int go[2], report[2];
};

struct pids {
    pid_t launcher, command; /* the command: or a negative errno */
};

static void send_pids(const struct pipes *pipes, pid_t launcher, pid_t command)
{
    struct pids pids = {.launcher = launcher, .command = command};

    (void)!write(pipes->report[1], &pids, sizeof(pids));
}

static void send_word(const struct pipes *pipes, int word)
{
    (void)!write(pipes->report[1], &word, sizeof(word));
}

/* C. L cannot say who it is: it sleeps. A caller that is gone, or has thought better of it, shows as the pipe's end. */
static _Noreturn void command_run(const struct launch *launch, const struct pipes *pipes, pid_t launcher)
{
    char go;

    send_pids(pipes, launcher, getpid());
    if (read(pipes->go[0], &go, 1) != 1)
        _exit(127);
    command_reset_handlers();
    sigprocmask(SIG_SETMASK, &launch->mask, NULL);
    execve(launch->path, launch->argv, launch->envp ? launch->envp : environ);
    send_word(pipes, errno);
    _exit(127);
}

static void close_all_but(unsigned fd)
{
    if (fd > 0)
        close_range(0, fd - 1, 0);
    close_range(fd + 1, ~0U, 0);
}

/* L goes on when C has executed, or ended. It then keeps nothing of the caller's open: neither its pipes' ends nor the
 * programs in the kernel. Signals stay blocked: one from the terminal is the command's affair. */
static _Noreturn void launcher_run(const struct launch *launch, const struct pipes *pipes)
{
    pid_t self = getpid(), command;
    int status = 0;

    close(pipes->go[1]); /* or C would never see its end */
    command = (pid_t)syscall(SYS_clone, CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, NULL);
    if (command == 0)
        command_run(launch, pipes, self);
    if (command < 0) {
        send_pids(pipes, self, -errno);
        _exit(1);
    }
    close_all_but((unsigned)pipes->report[1]);
    prctl(PR_SET_NAME, "sysfold-launch");
    send_word(pipes, EXECUTED);
    while (waitpid(command, &status, 0) < 0 && errno == EINTR)
        ;
    send_word(pipes, status);
    _exit(0);
}

static int fork_launcher(const struct launch *launch, const struct pipes *pipes)
{
    int status = 0;
    pid_t between = fork();

    if (between < 0)
        return -errno;
    if (between == 0) {
        pid_t launcher = fork();

        if (launcher == 0)
            launcher_run(launch, pipes);
        _exit(launcher < 0 ? errno : 0);
    }
    while (waitpid(between, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? -WEXITSTATUS(status) : 0;
}

static void close_pair(const int pair[2])
{
    cleanup_close_fd(&pair[0]);
    cleanup_close_fd(&pair[1]);
}

static int make_pipes(struct pipes *pipes)
{
    return pipe2(pipes->go, O_CLOEXEC) == 0 && pipe2(pipes->report, O_CLOEXEC) == 0 ? 0 : -errno;
}

/* From a pipe, in one piece; -EPIPE at its end. */
static int receive(int fd, void *to, size_t size)
{
    ssize_t got;

    do
        got = read(fd, to, size);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : (size_t)got == size ? 0 : -EPIPE;
}

static int start_launcher(struct launch *launch, const struct pipes *pipes)
{
    sigset_t all;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &launch->mask);
    r = fork_launcher(launch, pipes);
    pthread_sigmask(SIG_SETMASK, &launch->mask, NULL);
    return r;
}

static int meet(struct launch *launch, struct pipes *pipes)
{
    struct pids pids;
    int r = make_pipes(pipes);

    if (r == 0)
        r = start_launcher(launch, pipes);
    if (r < 0)
        return r;
    launch->go = steal_fd(&pipes->go[1]);
    launch->report = steal_fd(&pipes->report[0]);
    cleanup_close_fd(&pipes->report[1]);
    pipes->report[1] = -1;
    r = receive(launch->report, &pids, sizeof(pids));
    if (r == 0 && pids.command < 0)
        r = pids.command;
    if (r < 0)
        return r;
    launch->launcher = pids.launcher;
    launch->pid = pids.command;
    return 0;
}

int launch_prepare(struct launch *launch, const struct sysfold_live_options *live, struct sysfold_error *error)
{
    struct pipes pipes = {{-1, -1}, {-1, -1}};
    int r;

    if (!live->argv[0])
        return error_set(error, -EINVAL, "ebpf: there is no command to run");
    launch->argv = live->argv;
    launch->envp = live->envp;
    r = command_find("ebpf", live->argv[0], &launch->path, error);
    if (r < 0)
        return r;
    r = meet(launch, &pipes);
    close_pair(pipes.go);
    close_pair(pipes.report);
    return r < 0 ? error_system(error, r, "ebpf: cannot launch '%s'", live->argv[0]) : 0;
}

static void send_go(const struct launch *launch)
{
    const struct timespec at_once = {0};
    sigset_t pipe_, before;

    /* Nobody reads where C was killed. */
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before);
    if (write(launch->go, "g", 1) < 0)
        sigtimedwait(&pipe_, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Why C could not execute; EXECUTED also where L was killed, and nobody says so. */
static int receive_word(const struct launch *launch)
{
    cleanup_close int launcher = (int)syscall(SYS_pidfd_open, launch->launcher, 0);
    struct pollfd polled[] = {{.fd = launch->report, .events = POLLIN}, {.fd = launcher, .events = POLLIN}};
    int word = EXECUTED;

    while (poll(polled, 2, -1) < 0 && errno == EINTR)
        ;
    if (polled[0].revents)
        (void)receive(launch->report, &word, sizeof(word));
    return word;
}

int launch_release(struct launch *launch, struct sysfold_error *error)
{
    int failure;

    send_go(launch);
    failure = receive_word(launch);
    return failure == EXECUTED ? 0 : command_refused("ebpf", launch->argv[0], -failure, error);
}

bool launch_ended(struct launch *launch, int timeout_ms)
{
    struct pollfd pollfd = {.fd = launch->report, .events = POLLIN};

    if (!launch->ended && poll(&pollfd, 1, timeout_ms) > 0)
        launch->ended = receive(launch->report, &launch->status, sizeof(launch->status)) == 0;
    return launch->ended;
}

void launch_finish(struct launch *launch)
{
    cleanup_close_fd(&launch->go);
    cleanup_close_fd(&launch->report);
    if (launch->launcher > 0) /* if we are the one who adopts orphans */
        waitpid(launch->launcher, NULL, WNOHANG);
    free(launch->path);
    *launch = LAUNCH_NONE;
}
